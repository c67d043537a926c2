// The dashboard of one run: its state, its parts, and which parts to redraw after a change.
import { make, makeRoot } from '../lib/elements.js'
import { mountView } from '../lib/view.js'
import { dashboardStyle } from './dashboard.css'
import { createFilters } from './filters.js'
import { createHeader } from './header.js'
import { createLoss } from './loss.js'
import { createWeightChange } from './weight_change.js'
import { createNetwork } from './network.js'
import { createPredictions } from './predictions.js'
import { createRates } from './rates.js'
import { createReplay } from './replay.js'
import { DEFAULT_VIEW, TRAITS, newestAlone, readRun } from './run_data.js'
import { phaseIndex, totalSteps } from './run_state.js'
import { createTable } from './table.js'

/**
 * @typedef {object} Model  anywidget's model, or its stand-in in a standalone page
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, listener: () => void) => void} on
 * @property {(event: string, listener: () => void) => void} off
 */

const BUDGET = 16;  // milliseconds of drawing in one animation frame, so that the page stays responsive
const PARTS = ['header', 'replay', 'network', 'loss', 'rates', 'weightChange', 'filters', 'predictions', 'table'];

/** The parts to redraw after a change of a trait or an action of the user. */
const AFFECTED_PARTS = {
  about: PARTS, run_state: PARTS, step: PARTS, size: PARTS, theme: PARTS,
  curves: ['header', 'replay', 'network', 'loss', 'rates', 'weightChange', 'filters'],
  weight_change: ['weightChange'], filter_history: ['filters'], frame: ['filters'], pulse: ['header'], stop: ['header'],
  view: PARTS, cursor: ['loss', 'rates', 'weightChange', 'filters'],
};

function buildDashboard(model, signal) {
  const get = name => model.get(name);
  const whole = readRun({}, get);
  let run = whole;  // or the newest run alone
  const playback = { step: 0, isFollowing: true, cursor: null, isStopping: false };
  const stale = new Set();
  let theme = null;
  let frame = 0;

  /** Marks the parts that `what` affects; they are drawn from the next animation frame on. */
  function change(what) {
    for (const name of AFFECTED_PARTS[what]) stale.add(name);
    frame ||= requestAnimationFrame(() => draw(BUDGET));
  }
  /** Draws the marked parts; what doesn't fit into `budget` milliseconds waits for the next animation frame. */
  function draw(budget = Infinity) {
    cancelAnimationFrame(frame);
    frame = 0;
    const began = performance.now();
    const phase = run.runState.phases[phaseIndex(run.runState, playback.step, playback.isFollowing)] ?? null;
    const view = currentView();
    const scene = { ...playback, run, whole, theme, phase, view, total: totalSteps(run.runState, run.done) };
    for (const name of PARTS.filter(one => stale.has(one))) {
      stale.delete(name);
      parts[name].draw(scene);
      if (stale.size && performance.now() - began > budget) {
        frame = requestAnimationFrame(() => draw(budget));
        return;
      }
    }
  }

  const currentView = () => ({ ...DEFAULT_VIEW, ...model.get('view') });
  /** Shows the newest run or all of them, as chosen, at the same moment as before. */
  function chooseRuns() {
    const before = whole.done - run.done;
    run = currentView().runs === 'all' ? whole : newestAlone(whole);
    const step = playback.step + before - (whole.done - run.done);
    playback.step = playback.isFollowing ? run.done : Math.max(0, Math.min(step, run.done));
  }
  chooseRuns();
  function goToStep(step) {
    Object.assign(playback, { step, isFollowing: step >= run.done });
    change('step');
  }
  function setCursor(step) {
    if (step === playback.cursor) return;
    playback.cursor = step;
    change('cursor');
  }
  function setView(choice) {
    model.set('view', { ...currentView(), ...choice });
    model.save_changes();
    onTraitChange('view');
  }
  function askToStop() {
    playback.isStopping = true;
    model.set('stop', (model.get('stop') ?? 0) + 1);
    model.save_changes();
    change('stop');
  }
  const choose = step => { parts.replay.pause(); goToStep(step); };
  const redraw = () => { change('view'); draw(); };
  const tools = { signal, setCursor, goToStep: choose, setView, redraw };
  const parts = {
    header: createHeader({ signal, askToStop, setView }),
    replay: createReplay({ signal, goToStep, follow: () => choose(run.done) }),
    network: createNetwork(), loss: createLoss(tools), rates: createRates(tools),
    weightChange: createWeightChange(tools),
    filters: createFilters(tools), predictions: createPredictions(), table: createTable(),
  };
  const { header, replay, network, loss, rates, weightChange, filters, predictions, table } = parts;
  const curves = make('div', 'fl-curves', {}, loss.element, rates.element, weightChange.element);
  const body = make('div', 'fl-body', {}, curves, filters.element, predictions.element, table.element);
  const name = `Training run ${run.about.title}`.trim();
  replay.element.append(header.stop);  // beside the slider, where hiding it moves little else
  const root = makeRoot('fl-run', name, header.element, replay.element, network.element, body);

  function onTraitChange(trait) {
    if (TRAITS.includes(trait)) readRun(whole, get, [trait]);
    chooseRuns();
    if (run.runState.status !== 'running') playback.isStopping = false;
    change(trait);
  }
  /** The kernel was restarted, so the outcome of this run will never arrive. */
  function markLost() {
    if (whole.runState.status === 'running') whole.runState = { ...whole.runState, status: 'lost' };
    onTraitChange('view');
    change('run_state');
  }
  const listeners = [...TRAITS, 'view'].map(trait => [`change:${trait}`, () => onTraitChange(trait)]);
  listeners.push(['comm_live_update', markLost]);
  for (const [event, call] of listeners) model.on(event, call);
  signal.addEventListener('abort', () => {
    cancelAnimationFrame(frame);
    for (const [event, call] of listeners) model.off(event, call);
  });
  return { root, sized: () => change('size'), themed: found => { theme = found; change('theme'); } };
}

/** Draws a run into `el`. @param {{model: Model, el: HTMLElement}} place @returns {() => void} clean-up */
export function render({ model, el }) {
  return mountView(el, [dashboardStyle], signal => buildDashboard(model, signal));
}
