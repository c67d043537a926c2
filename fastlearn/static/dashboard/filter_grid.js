// A grid of small filter images. Each is a button; the arrow keys move between them.
import { make } from '../lib/elements.js'
import { showPixels } from '../lib/pixels.js'

/** The number of columns for `count` filters: slightly wider than tall, with a full last row where possible. */
export function columnsFor(count) {
  const root = Math.ceil(Math.sqrt(count));
  for (let columns = root; columns <= root * 1.5; columns++) if (count % columns === 0) return columns;
  return root;
}

/**
 * The side of a filter and the gap, in pixels, so that the grid is as wide as `room`. Each weight gets a whole number
 * of pixels if there is room for two or more, because otherwise some weights would look larger than others.
 */
export function gridSizes(room, columns, weights) {
  const most = Math.min(64, (room - 3 * (columns - 1)) / columns);
  const side = most > 2 * weights ? Math.floor(most / weights) * weights : Math.max(8, Math.floor(most));
  const gap = (room - columns * side) / Math.max(1, columns - 1);
  return { side, gap: Math.max(2, Math.min(10, gap)) };
}

/** @param {AbortSignal} signal @param {(filter: number) => void} opened */
export function createFilterGrid(signal, opened) {
  const name = 'Filters. Use the arrow keys to move between them, and Enter to enlarge one.';
  const element = make('div', 'fl-grid', { role: 'group', 'aria-label': name });
  let cells = [];
  let order = [];    // the filter in each cell
  let columns = 1;
  let focused = 0;   // the only cell in the tab order

  function focus(place) {
    cells[focused].tabIndex = -1;
    focused = place;
    cells[focused].tabIndex = 0;
    cells[focused].focus();
  }
  element.addEventListener('click', event => {
    const place = cells.indexOf(event.target.closest('button'));
    if (place < 0) return;
    focus(place);
    opened(order[place]);
  }, { signal });
  element.addEventListener('keydown', event => {
    const place = {
      ArrowLeft: focused - 1, ArrowRight: focused + 1, ArrowUp: focused - columns, ArrowDown: focused + columns,
      Home: 0, End: cells.length - 1,
    }[event.key];
    if (place === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (place >= 0 && place < cells.length) focus(place);
  }, { signal });

  return {
    element,
    focusOn(filter) { focus(Math.max(0, order.indexOf(filter))); },
    /**
     * @param {number[]} shape (filters, channels, height, width)
     * @param {number[]} newOrder
     * @param {(filter: number) => Uint8ClampedArray} pixels
     * @param {(filter: number) => string} describe
     */
    draw(shape, newOrder, pixels, describe) {
      order = newOrder;
      columns = columnsFor(order.length);
      if (cells.length !== order.length) {
        cells = order.map(() => make('button', 'fl-filter', { type: 'button', tabIndex: -1 }, make('canvas')));
        element.replaceChildren(...cells);
        focused = 0;
        cells[0].tabIndex = 0;
      }
      const { side, gap } = gridSizes(element.parentElement.clientWidth, columns, shape[3]);
      Object.assign(element.style, { gridTemplateColumns: `repeat(${columns}, ${side}px)`, gap: `${gap}px` });
      cells.forEach((cell, place) => {
        const description = describe(order[place]);
        showPixels(cell.firstChild, pixels(order[place]), shape[3]);
        cell.setAttribute('aria-label', description);
        cell.title = description;
      });
    },
  };
}
