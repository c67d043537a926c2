// Two runs side by side on common axes, with one slider.
import { DEFAULT_VIEW, readRun } from './board.js'
import { lossAxis, lossItems, lossSeries } from './curves.js'
import { make, heading, choice } from './elements.js'
import { createFilters } from './filters.js'
import { createMovement, stepAxis } from './movement.js'
import { createPlot } from './plot.js'
import { createReplay } from './replay.js'
import { phaseIndex } from './story.js'
import { createTable } from './table.js'
import { followTheme } from './theme.js'

const DASHES = [[], [6, 4]];  // with the colour: told apart without it too

/** @returns {string[]} colour of the first and of the second run */
const runColours = theme => [theme.body[1], theme.valid];

/** What of a run stays: its smoothed and its validation loss. The raw losses of two runs would hide both. */
function comparedSeries(run, theme, i, name) {
  const colour = runColours(theme)[i];
  const [, smoothed, valid] = lossSeries(run, theme, { smoothed: colour, valid: colour });
  return [
    { ...smoothed, dash: DASHES[i], label: value => [`${name} ${value.toFixed(3)}`, value.toFixed(3)] },
    { ...valid, dash: DASHES[i], isHollow: i > 0, label: value => [`valid ${value.toFixed(3)}`, value.toFixed(3)] },
  ];
}

function createComparedLoss(names, { signal, read, go, setView }) {
  const scale = choice('Scale of the loss', { linear: 'linear', log: 'log' }, signal, value => setView({ scale: value }));
  const keys = names.map((name, i) => make('span', `fl-key fl-run-${i}`, { textContent: name }));
  const legend = make('span', 'fl-legend', {}, ...keys, make('span', 'fl-key', { textContent: 'lines: smoothed; diamonds: validation' }));
  const plot = createPlot({ name: 'Loss of both runs', classes: 'fl-loss', signal, read, go });
  return {
    element: make('section', 'fl-section fl-loss-section', {}, heading('Loss', '', legend, scale.element), plot.element),
    draw({ runs, theme, total, step, cursor, view }) {
      scale.show(view.scale);
      const at = Math.max(1, cursor ?? step);
      const items = runs.map((run, i) => `${names[i]}: ${lossItems(run, at).join(', ')}`);
      const longest = runs.reduce((a, b) => (b.done > a.done ? b : a));
      plot.draw(theme, {
        total, step, cursor, spans: [], series: runs.flatMap((run, i) => comparedSeries(run, theme, i, names[i])),
        left: lossAxis(runs, view.scale === 'log'), bottom: stepAxis(total),
      }, longest.curves.last, items);
    },
  };
}

/**
 * Draws two runs into `element`.
 * @param {HTMLElement} element
 * @param {{names: [string, string], runs: [object, object]}} compared  runs: states as in a static page
 * @returns {() => void} clean-up
 */
export function mountCompare(element, { names, runs: states }) {
  const ending = new AbortController();
  const { signal } = ending;
  const runs = states.map(state => readRun({}, name => state[name]));
  const longest = runs.reduce((a, b) => (b.done > a.done ? b : a));
  const total = Math.max(1, longest.done);
  let view = { ...DEFAULT_VIEW, ...states[0].view };
  let [step, cursor, theme, frame] = [longest.done, null, null, 0];

  const change = () => { frame ||= requestAnimationFrame(draw); };
  const read = at => { if (at !== cursor) { cursor = at; change(); } };
  const go = at => { step = at; change(); };
  const setView = chosen => { view = { ...view, ...chosen }; change(); };
  const tools = { signal, read, setView, redraw: () => { change(); draw(); }, go: at => { replay.pause(); go(at); } };
  const replay = createReplay({ signal, go, follow() {} });
  const loss = createComparedLoss(names, tools);
  const columns = runs.map(() => ({ movement: createMovement(tools), filters: createFilters(tools), table: createTable() }));
  const root = make('div', 'fl-run fl-compared', { role: 'group', 'aria-label': `Comparison of ${names.join(' and ')}` },
    replay.element, loss.element,
    make('div', 'fl-columns', {}, ...columns.map((column, i) => make('div', 'fl-column', { role: 'group', 'aria-label': names[i] },
      make('strong', `fl-words fl-key fl-run-${i}`, { textContent: names[i] }),
      column.table.element, column.movement.element, column.filters.element))));
  element.append(root);

  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    const scene = { theme, total, step, cursor, view, runs, together: runs, isFollowing: step >= longest.done };
    replay.draw({ ...scene, run: longest });
    loss.draw(scene);
    runs.forEach((run, i) => {
      const phase = run.story.phases[phaseIndex(run.story, Math.min(step, run.done))] ?? null;
      for (const part of Object.values(columns[i])) part.draw({ ...scene, run, phase });
    });
  }
  const sizes = new ResizeObserver(change);
  sizes.observe(root);
  followTheme(root, signal, found => {
    theme = found;
    runColours(theme).forEach((colour, i) => root.style.setProperty(`--fl-run-${i}`, colour));
    change();
  });
  return () => {
    ending.abort();
    sizes.disconnect();
    cancelAnimationFrame(frame);
    root.remove();
  };
}
