// Compares up to six runs: what differs, the results, and, on shared axes with one slider, the training itself.
import { createChartWithCursor } from '../lib/chart_with_cursor.js'
import { heading, make, makeRoot, setText } from '../lib/elements.js'
import { groupedText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { stepAxis } from './axes.js'
import { createErrors, createFacts } from './compare_tables.js'
import { dashboardStyle } from './dashboard.css'
import { createFilters } from './filters.js'
import { createScaleChoice, lossAxis, lossItems, lossSeries } from './loss.js'
import { createWeightChange } from './weight_change.js'
import { createReplay } from './replay.js'
import { DEFAULT_VIEW, readRun } from './run_data.js'
import { phaseIndex } from './run_state.js'
import { runKey } from './run_key.js'
import { createTable } from './table.js'

// In addition to the color, for readers who cannot tell the colors apart.
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3], [12, 4], [4, 2, 1, 2]];

/** @returns {string[]} a color for each run */
const runColors = theme => [theme.body[1], theme.valid, theme.head, theme.body[2], theme.body[3], theme.soft];

/** The smoothed and the validation loss of a run. The raw losses of all runs would hide both, so they are left out. */
function comparedSeries(run, name, i, theme) {
  const color = runColors(theme)[i];
  const [, smoothed, valid] = lossSeries(run, theme, { smoothed: color, valid: color });
  return [
    { ...smoothed, dash: DASHES[i], label: value => [`${name} ${value.toFixed(3)}`, name] },
    { ...valid, dash: DASHES[i], isHollow: i > 0 },
  ];
}

/** ["pretrained: loss 0.1770", "smoothed 0.2292", ...] */
function comparedItems(run, name, step, isBrief) {
  const [loss = 'ended', ...rest] = lossItems(run, step);
  return isBrief ? [`${name}: ${rest[0] ?? loss}`] : [`${name}: ${loss}`, ...rest];
}

const longestOf = runs => runs.reduce((longest, run) => (run.done > longest.done ? run : longest));

function createComparedLoss(names, tools) {
  const scale = createScaleChoice(tools);
  const shapes = make('span', '', { textContent: 'lines: smoothed; diamonds: validation' });
  const keys = names.map((name, i) => runKey(name, i));
  const title = heading('Loss', '', make('span', 'fl-legend', {}, ...keys, shapes), scale.element);
  const chart = createChartWithCursor({ name: `Loss of ${names.join(', ')}`, classes: 'fl-loss', ...tools });
  return {
    element: make('section', 'fl-section fl-loss-section', {}, title, chart.element),
    draw({ runs, theme, total, step, cursor, view }) {
      scale.show(view.scale);
      const at = Math.max(1, cursor ?? step);
      const drawing = {
        total, step, cursor, spans: [], left: lossAxis(runs, view.scale === 'log'), bottom: stepAxis(total),
        series: runs.flatMap((run, i) => comparedSeries(run, names[i], i, theme)),
      };
      const items = runs.flatMap((run, i) => comparedItems(run, names[i], at, runs.length > 2));
      chart.draw(theme, drawing, longestOf(runs).curves.last, [`step ${groupedText(at)}`, ...items]);
    },
  };
}

/** The table, weight change, and filters of one run. */
function createColumn(name, i, tools) {
  const parts = [createFilters(tools), createWeightChange(tools), createTable()];
  const properties = { role: 'group', 'aria-label': name };
  const title = runKey(name, i, 'h3', 'fl-headline');
  return {
    element: make('div', 'fl-column', properties, title, ...parts.map(part => part.element)),
    draw(scene) { for (const part of parts) part.draw(scene); },
  };
}

function buildCompare({ names, runs: states, facts, errors }, signal) {
  const runs = states.map(state => readRun({}, name => state[name]));
  const longest = longestOf(runs);
  const total = Math.max(1, longest.done);
  let view = { ...DEFAULT_VIEW, ...states[0].view };
  let [step, cursor, theme, frame] = [longest.done, null, null, 0];

  const change = () => { frame ||= requestAnimationFrame(draw); };
  const setCursor = at => { if (at !== cursor) { cursor = at; change(); } };
  const goToStep = at => { step = at; change(); };
  const choose = at => { replay.pause(); goToStep(at); };
  const setView = choice => { view = { ...view, ...choice }; change(); };
  const tools = { signal, setCursor, goToStep: choose, setView, redraw: draw };
  const position = make('span', 'fl-position');
  const words = ['No runs', 'One run', 'Two runs', 'Three runs', 'Four runs', 'Five runs', 'Six runs'][runs.length];
  const header = make('header', 'fl-header', {}, make('strong', 'fl-headline', { textContent: words }), position);
  const replay = createReplay({ signal, goToStep, follow: () => choose(total) });
  const loss = createComparedLoss(names, tools);
  const columns = names.map((name, i) => createColumn(name, i, tools));
  const body = make('div', 'fl-columns', {}, ...columns.map(column => column.element));
  const tables = [facts && createFacts(names, facts), errors && createErrors(names, errors)].filter(Boolean);
  const title = `Comparison of ${names.join(', ')}`;
  const root = makeRoot('fl-run fl-compared', title, header, replay.element, loss.element, ...tables, body);

  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    const scene = { theme, total, step, cursor, view, runs, together: runs, isFollowing: step >= total };
    setText(position, `step ${groupedText(step)} of ${groupedText(total)}`);
    replay.draw({ ...scene, run: longest });
    loss.draw(scene);
    runs.forEach((run, i) => {
      const phase = run.runState.phases[phaseIndex(run.runState, Math.min(step, run.done))] ?? null;
      columns[i].draw({ ...scene, run, phase });
    });
  }
  signal.addEventListener('abort', () => cancelAnimationFrame(frame));
  return { root, sized: change, themed: found => {
    theme = found;
    runColors(theme).forEach((color, i) => root.style.setProperty(`--fl-run-${i}`, color));
    change();
  } };
}

/**
 * Draws up to six runs into `element`.
 * @param {HTMLElement} element
 * @param {{names: string[], runs: object[], facts?: object, errors?: object}} compared  runs: states as in a
 *   standalone page; facts and errors: see compare_tables.js
 * @returns {() => void} clean-up
 */
export function mountCompare(element, compared) {
  return mountView(element, [dashboardStyle], signal => buildCompare(compared, signal));
}
