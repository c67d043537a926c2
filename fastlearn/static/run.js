// Everything known of one run, read from a widget's traits or a page's state.
import { addFrame, readCurves, readFilm, readMovement } from './decode.js'
import { completeStory } from './story.js'

/**
 * @typedef {(name: string) => any} Get  value of a trait
 * @typedef {object} Run
 * @property {object} about
 * @property {import('./story.js').Story} story
 * @property {{left: number|null, rate: number|null}} pulse
 * @property {import('./decode.js').Curves} curves
 * @property {import('./decode.js').Movement} movement
 * @property {import('./decode.js').Film | null} film
 * @property {number} done  steps
 */

const EMPTY_ABOUT = {
  title: '', batch: 0, groups: [], filters: null, no_filters: '', pictures: [], metrics: [], live: false,
};

export const DEFAULT_VIEW = { filters: 'now', scale: 'linear', movement: 'plain', sorted: false };

/** What to do with a trait. @type {Record<string, (run: Run, get: Get) => void>} */
const READERS = {
  about(run, get) {
    run.about = { ...EMPTY_ABOUT, ...get('about') };
    for (const name of ['curves', 'movement', 'film']) READERS[name](run, get);  // their layout depends on it
  },
  story(run, get) { run.story = completeStory(get('story')); },
  pulse(run, get) { run.pulse = get('pulse') ?? {}; },
  curves(run, get) { run.curves = readCurves(get('curves'), run.about.groups.length); },
  movement(run, get) { run.movement = readMovement(get('movement'), run.about.groups.length); },
  film(run, get) {
    const size = run.about.filters?.shape.reduce((product, length) => product * length, 1) ?? 0;
    run.film = readFilm(get('film'), size);
    READERS.frame(run, get);
  },
  frame(run, get) { run.film = addFrame(run.film, get('frame')); },
};

export const TRAITS = Object.keys(READERS);

/** Reads the traits `names` into the run. @param {Run} run @param {Get} get @returns {Run} */
export function readRun(run, get, names = ['about', 'story', 'pulse']) {
  for (const name of names) READERS[name](run, get);
  run.done = Math.max(run.curves.last.at(-1) ?? 0, run.story.epochs.at(-1)?.step ?? 0);
  return run;
}
