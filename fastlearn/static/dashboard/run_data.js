// The data of one run, read from the widget's traits or from the state of a standalone page.
import { addFilterRecord, readCurves, readFilterHistory, readMovement } from '../lib/decode.js'
import { completeRunState } from './run_state.js'

/**
 * @typedef {(name: string) => any} Get  value of a trait
 * @typedef {object} Run
 * @property {object} about
 * @property {import('./run_state.js').RunState} runState
 * @property {{left: number|null, rate: number|null}} pulse
 * @property {import('../lib/decode.js').Curves} curves
 * @property {import('../lib/decode.js').Movement} movement
 * @property {import('../lib/decode.js').FilterHistory | null} filterHistory
 * @property {number} done  steps
 */

const EMPTY_ABOUT = {
  title: '', batch: 0, groups: [], filters: null, no_filters: '', pictures: [], metrics: [], live: false,
};

export const DEFAULT_VIEW = { filters: 'now', scale: 'linear', movement: 'plain', sorted: false };

/** How to read each trait. @type {Record<string, (run: Run, get: Get) => void>} */
const READERS = {
  about(run, get) {
    run.about = { ...EMPTY_ABOUT, ...get('about') };
    for (const name of ['curves', 'movement', 'film']) READERS[name](run, get);  // their layout depends on `about`
  },
  story(run, get) { run.runState = completeRunState(get('story')); },
  pulse(run, get) { run.pulse = get('pulse') ?? {}; },
  curves(run, get) { run.curves = readCurves(get('curves'), run.about.groups.length); },
  movement(run, get) { run.movement = readMovement(get('movement'), run.about.groups.length); },
  film(run, get) {
    const size = run.about.filters?.shape.reduce((product, length) => product * length, 1) ?? 0;
    run.filterHistory = readFilterHistory(get('film'), size);
    READERS.frame(run, get);
  },
  frame(run, get) { run.filterHistory = addFilterRecord(run.filterHistory, get('frame')); },
};

export const TRAITS = Object.keys(READERS);

/** Reads the traits in `names` into the run. @param {Run} run @param {Get} get @returns {Run} */
export function readRun(run, get, names = ['about', 'story', 'pulse']) {
  for (const name of names) READERS[name](run, get);
  run.done = Math.max(run.curves.last.at(-1) ?? 0, run.runState.epochs.at(-1)?.step ?? 0);
  return run;
}
