// The data of one run, read from the widget's traits or from the state of a standalone page.
import { addFilterRecord, readCurves, readFilterHistory, readWeightChange } from '../lib/decode.js'
import { firstFrom, lastUpTo } from '../lib/numbers.js'
import { completeRunState, newestRun } from './run_state.js'

/**
 * @typedef {(name: string) => any} Get  value of a trait
 * @typedef {object} Run
 * @property {object} about
 * @property {import('./run_state.js').RunState} runState
 * @property {{left: number|null, rate: number|null}} pulse
 * @property {import('../lib/decode.js').Curves} curves
 * @property {import('../lib/decode.js').WeightChange} weightChange
 * @property {import('../lib/decode.js').FilterHistory | null} filterHistory
 * @property {number} done  steps
 */

const EMPTY_ABOUT = {
  title: '', batch: 0, groups: [], filters: null, no_filters: '', images: [], metrics: [], live: false,
};

export const DEFAULT_VIEW = { filters: 'now', scale: 'linear', weightChange: 'plain', sorted: false, runs: 'this' };

/** How to read each trait. @type {Record<string, (run: Run, get: Get) => void>} */
const READERS = {
  about(run, get) {
    run.about = { ...EMPTY_ABOUT, ...get('about') };
    const depending = ['curves', 'weight_change', 'filter_history'];  // their layout depends on `about`
    for (const name of depending) READERS[name](run, get);
  },
  run_state(run, get) { run.runState = completeRunState(get('run_state')); },
  pulse(run, get) { run.pulse = get('pulse') ?? {}; },
  curves(run, get) { run.curves = readCurves(get('curves'), run.about.groups.length); },
  weight_change(run, get) { run.weightChange = readWeightChange(get('weight_change'), run.about.groups.length); },
  filter_history(run, get) {
    const size = run.about.filters?.shape.reduce((product, length) => product * length, 1) ?? 0;
    run.filterHistory = readFilterHistory(get('filter_history'), size);
    READERS.frame(run, get);
  },
  frame(run, get) { run.filterHistory = addFilterRecord(run.filterHistory, get('frame')); },
};

export const TRAITS = Object.keys(READERS);

/** Reads the traits in `names` into the run. @param {Run} run @param {Get} get @returns {Run} */
export function readRun(run, get, names = ['about', 'run_state', 'pulse']) {
  for (const name of names) READERS[name](run, get);
  run.done = Math.max(run.curves.last.at(-1) ?? 0, run.runState.epochs.at(-1)?.step ?? 0);
  return run;
}

/** What was recorded after step `from`, counted from there; the newest record before it becomes that of step 0. */
function since(records, from) {
  const begin = Math.max(0, records.findLastIndex(record => record.step <= from));
  return records.slice(begin).map(record => ({ ...record, step: Math.max(0, record.step - from) }));
}

/** The newest run alone: its steps count from 1, its epochs keep their numbers. @param {Run} run @returns {Run} */
export function newestAlone(run) {
  const { curves, weightChange, filterHistory, runState } = run;
  const begin = newestRun(runState);
  const from = runState.phases[begin]?.first_step ?? 0;
  if (!from) return run;
  const shift = steps => steps.map(step => Math.max(0, step - from));
  const tail = (columns, at) => columns.map(column => column.subarray(at));
  const point = firstFrom(curves.last, from + 1);
  const sample = Math.max(0, lastUpTo(weightChange.step, from));
  const [first, last, lowest, highest, smoothed, momentum] = tail(
    ['first', 'last', 'lowest', 'highest', 'smoothed', 'momentum'].map(name => curves[name]), point);
  const isIts = runState.epochs.map(epoch => epoch.phase >= begin);
  const done = run.done - from;
  const hasFailedAtOnce = !done && runState.status === 'failed';  // otherwise an event at step 0 is of the run before
  return {
    ...run, done,
    curves: {
      first: shift(first).map(step => Math.max(1, step)), last: shift(last), lowest, highest, smoothed, momentum,
      rates: tail(curves.rates, point),
    },
    weightChange: {
      step: shift(weightChange.step.subarray(sample)),
      moved: tail(weightChange.moved, sample), summed: tail(weightChange.summed, sample),
    },
    filterHistory: filterHistory && { ...filterHistory, records: since(filterHistory.records, from) },
    runState: {
      ...runState, planned: runState.planned - from, predictions: since(runState.predictions, from),
      phases: runState.phases.slice(begin).map(phase => ({ ...phase, first_step: phase.first_step - from })),
      epochs: runState.epochs.filter((_, i) => isIts[i]).map(epoch => ({ ...epoch, step: epoch.step - from })),
      cells: runState.cells.filter((_, i) => isIts[i]),
      events: runState.events.slice(hasFailedAtOnce ? -1 : 0).filter(([at]) => hasFailedAtOnce || at > from)
        .map(([at, text]) => [at - from, text]),
    },
  };
}
