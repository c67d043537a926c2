// The data of one run, read from the widget's traits or from the state of a standalone page.
import { addFilterRecord, readCurves, readFilterHistory, readWeightChange } from '../lib/decode.js'
import { completeRunState } from './run_state.js'

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

export const DEFAULT_VIEW = { filters: 'now', scale: 'linear', weightChange: 'plain', sorted: false };

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
