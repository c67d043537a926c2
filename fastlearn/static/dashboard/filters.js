// The filters of the first layer: now, at the start, or the amplified difference.
import { changeOf, filterMovement, recordAt, weightsOf } from '../lib/decode.js'
import { button, choice, heading, make, setItems, setPressed } from '../lib/elements.js'
import { changePixels, gainOf, normalizedPixels } from '../lib/pixels.js'
import { groupedText, powerText, sentenceText } from '../lib/text.js'
import { createFilterDetail } from './filter_detail.js'
import { createFilterGrid } from './filter_grid.js'

const VIEWS = { now: 'now', start: 'start', difference: 'difference' };

/**
 * Describes the shown filters, in clauses.
 * @param {object} filters as in `about`
 * @param {number} gain  0: no change
 * @param {import('./run_state.js').Phase | null} phase
 * @param {{filters: 'now'|'start'|'difference', sorted: boolean}} view
 * @returns {string[]}
 */
export function filterClauses(filters, gain, phase, view) {
  const { of, shape, kind } = filters;
  const isFrozen = phase && !phase.trainable[0];
  const noChange = isFrozen ? 'No change yet: the first layer is frozen in this phase.' : 'No change yet.';
  const change = [
    `Change since the start, amplified ×${groupedText(gain)};`, `largest change ${powerText(1 / gain)}.`,
    'Gray: unchanged.',
  ];
  const ownContrast = 'Each filter has its own contrast.';
  const clauses = {
    now: [ownContrast], start: ['Before training.', ownContrast], difference: gain ? change : [noChange],
  };
  return [
    ...(of > shape[0] ? [`${shape[0]} of ${of} filters.`] : []),
    ...(kind === 'mean' ? ['Mean over the channels.'] : []),
    ...clauses[view.filters],
    ...(view.sorted ? ['Sorted by weight change.'] : []),
  ];
}

/** The order of the filters; if `isSorted`, those with the largest change first. @returns {number[]} */
export function filterOrder(filterHistory, shape, isSorted) {
  const order = Array.from({ length: shape[0] }, (_, filter) => filter);
  if (!isSorted) return order;
  const size = shape[1] * shape[2] * shape[3];
  // Sorted by the newest record, not the shown one, so that the order does not change during the replay.
  const newest = filterHistory.records.at(-1) ?? null;
  const moved = order.map(filter => filterMovement(filterHistory, newest, filter, size));
  return order.sort((a, b) => moved[b] - moved[a] || a - b);
}

export function createFilters(tools) {
  const { signal, setView, redraw } = tools;
  let open = null;        // the enlarged filter
  let count = 1;
  let isSorted = false;
  const views = choice('View of the filters', VIEWS, signal, value => setView({ filters: value }));
  const sort = button('sort', 'Sort by weight change, largest first', signal, () => setView({ sorted: !isSorted }));
  const controls = make('div', 'fl-controls', {}, sort, views.element);
  const grid = createFilterGrid(signal, filter => { open = filter; redraw(); detail.focus(); });
  const detail = createFilterDetail({
    ...tools,
    move(by) { open = (open + by + count) % count; redraw(); },
    close() { const filter = open; open = null; redraw(); grid.focusOn(filter); },
  });
  const text = make('p', 'fl-meaning fl-filter-text');
  const title = heading('First-layer filters', '', controls);
  const element = make('section', 'fl-section fl-filters', {}, title, grid.element, detail.element, text);

  return {
    element,
    draw(scene) {
      const { run: { about, filterHistory }, view, phase, step } = scene;
      const isReady = Boolean(about.filters && filterHistory);
      const isOpen = isReady && open !== null;
      grid.element.hidden = controls.hidden = !isReady || isOpen;
      detail.element.hidden = !isOpen;
      if (!isReady) { setItems(text, [sentenceText(about.no_filters || 'waiting for the filters')]); return; }

      const { shape } = about.filters;
      [count, isSorted] = [shape[0], view.sorted];
      views.show(view.filters);
      setPressed(sort, isSorted);
      const record = recordAt(filterHistory, step);
      const change = changeOf(filterHistory, record);
      const gain = gainOf(change);
      const shown = isOpen ? { filters: 'difference', sorted: false } : view;
      setItems(text, filterClauses(about.filters, gain, phase, shown), '');
      if (isOpen) { detail.draw(scene, open, record, change, gain); return; }

      const weights = view.filters === 'now' ? weightsOf(filterHistory, record) : filterHistory.start;
      const pixels = filter => (view.filters === 'difference'
        ? changePixels(change, shape, filter, gain) : normalizedPixels(weights, shape, filter));
      const moved = filter => powerText(filterMovement(filterHistory, record, filter, shape[1] * shape[2] * shape[3]));
      const describe = filter => `Filter ${filter}, weight change ${moved(filter)}`;
      grid.draw(shape, filterOrder(filterHistory, shape, isSorted), pixels, describe);
    },
  };
}
