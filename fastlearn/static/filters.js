// The filters of the first layer in a grid: now, at the start, or the change since then, amplified.
import { changeOf, filterMovement, recordAt, weightsOf } from './decode.js'
import { make, heading, choice, setPressed, setText, button } from './elements.js'
import { createEnlarged } from './enlarged.js'
import { groupedText, powerText, sentenceText } from './numbers.js'
import { changePixels, gainOf, normalisedPixels, showPixels } from './pixels.js'

/** What the grid shows, in a sentence. */
export function filterText(filters, gain, phase, kind, isSorted = false) {
  const { of, shape, kind: colours } = filters;
  const order = isSorted ? ' Sorted by movement.' : '';
  const some = of > shape[0] ? `${shape[0]} of ${of} filters. ` : '';
  const mean = colours === 'mean' ? 'Mean over the channels. ' : '';
  if (kind === 'start') return `${some}${mean}Before training. Each filter has its own contrast.${order}`;
  if (kind === 'now') return `${some}${mean}Each filter has its own contrast.${order}`;
  if (gain) {
    return `${some}${mean}Change since the start, amplified ×${groupedText(gain)}; largest change ${powerText(1 / gain)}. Grey: unchanged.${order}`;
  }
  const isFrozen = phase && !phase.trainable[0];
  return `${some}${mean}${isFrozen ? 'No change yet: the first layer is frozen in this phase.' : 'No change yet.'}`;
}

/** Columns for n filters: about as wide as high, and without a ragged last row where that is possible. */
export function columnsFor(count) {
  const root = Math.ceil(Math.sqrt(count));
  for (let columns = root; columns <= root * 1.5; columns++) if (count % columns === 0) return columns;
  return root;
}

/**
 * Pixels for the side of a filter and for the gaps, so that the grid is as wide as `room`; whole pixels for each weight
 * where there is room for two or more, as otherwise some weights would look larger than others.
 */
export function gridSizes(room, columns, weights) {
  const side = Math.min(64, (room - 3 * (columns - 1)) / columns);
  const whole = side > 2 * weights ? Math.floor(side / weights) * weights : Math.max(8, Math.floor(side));
  return { side: whole, gap: Math.max(2, Math.min(10, (room - columns * whole) / Math.max(1, columns - 1))) };
}

/** Filters of the run, those that moved most first if `sorted`. @returns {number[]} */
export function filterOrder(film, shape, sorted) {
  const order = Array.from({ length: shape[0] }, (_, filter) => filter);
  if (!sorted) return order;
  const newest = film.records.at(-1) ?? null;
  const moved = order.map(filter => filterMovement(film, newest, filter, shape[1] * shape[2] * shape[3]));
  return order.sort((a, b) => moved[b] - moved[a] || a - b);
}

/** The grid alone: one small canvas in a button for each filter. `opened(filter)` when one is chosen. */
export function createGrid(signal, opened) {
  const element = make('div', 'fl-grid', { role: 'group', 'aria-label': 'Filters. The arrow keys move between them, Enter enlarges.' });
  let [cells, order, columns, focused] = [[], [], 1, 0];
  const focus = place => {
    cells[focused].tabIndex = -1;
    focused = Math.max(0, Math.min(cells.length - 1, place));
    cells[focused].tabIndex = 0;
    cells[focused].focus();
  };
  element.addEventListener('click', event => {
    const place = cells.indexOf(event.target.closest('button'));
    if (place >= 0) { focus(place); opened(order[place]); }
  }, { signal });
  element.addEventListener('keydown', event => {
    const move = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -focused, End: cells.length,
    }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (focused + move >= 0 && (focused + move < cells.length || event.key === 'End')) focus(focused + move);
  }, { signal });
  const cell = () => make('button', 'fl-filter', { type: 'button', tabIndex: -1 }, make('canvas'));

  return {
    element,
    focusOn(filter) { focus(order.indexOf(filter)); },
    /** @param {(filter: number) => Uint8ClampedArray} pixels @param {(filter: number) => string} name */
    draw(shape, newOrder, pixels, name) {
      order = newOrder;
      columns = columnsFor(shape[0]);
      if (cells.length !== order.length) {
        cells = order.map(cell);
        element.replaceChildren(...cells);
        focused = 0;
        cells[0].tabIndex = 0;
      }
      const { side, gap } = gridSizes(element.parentElement.clientWidth, columns, shape[3]);
      Object.assign(element.style, { gridTemplateColumns: `repeat(${columns}, ${side}px)`, gap: `${gap}px` });
      cells.forEach((one, place) => {
        showPixels(one.firstChild, pixels(order[place]), shape[3]);
        one.setAttribute('aria-label', name(order[place]));
        one.title = name(order[place]);
      });
    },
  };
}

export function createFilters({ signal, read, go, setView, redraw }) {
  const kinds = choice('View of the filters', { now: 'now', start: 'start', difference: 'difference' }, signal,
    value => setView({ filters: value }));
  let isSorted = false;
  const sort = button('sort', 'Sort by movement, largest first', signal, () => setView({ sorted: !isSorted }));
  let open = null;  // the filter enlarged
  const grid = createGrid(signal, filter => { open = filter; redraw(); enlarged.focus(); });
  const enlarged = createEnlarged({
    signal, read, go,
    turn: by => { open = (open + by + count) % count; redraw(); },
    close: () => { const filter = open; open = null; redraw(); grid.focusOn(filter); },
  });
  let count = 1;
  const text = make('p', 'fl-meaning fl-filter-text');
  const title = heading('First-layer filters', '', make('div', 'fl-controls', {}, sort, kinds.element));
  const element = make('section', 'fl-section fl-filters', {}, title, grid.element, enlarged.element, text);

  return {
    element,
    draw(scene) {
      const { run, view, phase, step } = scene;
      const { filters, no_filters: reason } = run.about;
      const isReady = Boolean(filters && run.film);
      grid.element.hidden = !isReady || open !== null;
      enlarged.element.hidden = !isReady || open === null;
      kinds.element.hidden = !isReady || open !== null;
      sort.hidden = !isReady || open !== null;
      if (!isReady) { setText(text, sentenceText(reason || 'waiting for the filters')); return; }
      isSorted = view.sorted;
      count = filters.shape[0];
      kinds.show(view.filters);
      setPressed(sort, isSorted);
      const record = recordAt(run.film, step);
      const change = changeOf(run.film, record);
      const gain = gainOf(change);
      setText(text, filterText(filters, gain, phase, open === null ? view.filters : 'difference', isSorted && open === null));
      if (open !== null) { enlarged.draw(scene, open, record, change, gain); return; }
      const weights = view.filters === 'now' ? weightsOf(run.film, record) : run.film.start;
      const size = filters.shape[1] * filters.shape[2] * filters.shape[3];
      grid.draw(filters.shape, filterOrder(run.film, filters.shape, isSorted),
        filter => (view.filters === 'difference' ? changePixels(change, filters.shape, filter, gain) : normalisedPixels(weights, filters.shape, filter)),
        filter => `Filter ${filter}, moved ${powerText(filterMovement(run.film, record, filter, size))} of its length`);
    },
  };
}
