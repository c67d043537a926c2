// The dashboard of one run: its state, its parts, and which of them a change concerns.
import { addFrame, readCurves, readFilm, readMovement } from './decode.js'
import { createFilters } from './filters.js'
import { createHeader } from './header.js'
import { createLoss, createRates } from './curves.js'
import { createMovement } from './movement.js'
import { createNetwork } from './network.js'
import { createPictures } from './pictures.js'
import { createReplay } from './replay.js'
import { createTable } from './table.js'
import { make } from './elements.js'
import { completeStory, phaseIndex, totalSteps } from './story.js'
import { followTheme } from './theme.js'

/**
 * @typedef {object} Model  of anywidget, or of a static page
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, heard: () => void) => void} on
 * @property {(event: string, heard: () => void) => void} off
 *
 * @typedef {object} Run  everything known of one run
 * @property {object} about
 * @property {import('./story.js').Story} story
 * @property {{left: number|null, rate: number|null}} pulse
 * @property {import('./decode.js').Curves} curves
 * @property {import('./decode.js').Movement} movement
 * @property {import('./decode.js').Film | null} film
 * @property {number} done  steps
 */

const EMPTY_ABOUT = { title: '', batch: 0, groups: [], filters: null, no_filters: '', pictures: [], metrics: [], live: false };

/** What has to be read anew when a trait changes. @type {Record<string, (run: Run, get: (name: string) => any) => void>} */
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

/** Reads `names` into the run. @param {Run} run @param {(name: string) => any} get */
export function readRun(run, get, names = ['about', 'story', 'pulse']) {
  for (const name of names) READERS[name](run, get);
  run.done = Math.max(run.curves.last.at(-1) ?? 0, run.story?.epochs.at(-1)?.step ?? 0);
  return run;
}

const EVERYTHING = ['header', 'replay', 'network', 'loss', 'rates', 'movement', 'filters', 'pictures', 'table'];

/** The parts that a trait concerns. */
const CONCERNS = {
  about: EVERYTHING, story: EVERYTHING, curves: ['header', 'replay', 'network', 'loss', 'rates', 'movement', 'filters'],
  movement: ['movement'], film: ['filters'], frame: ['filters'], pulse: ['header'], stop: ['header'],
  view: ['loss', 'movement', 'filters'], cursor: ['loss', 'rates', 'movement', 'filters'], step: EVERYTHING,
};

export const DEFAULT_VIEW = { filters: 'now', scale: 'linear', movement: 'plain', sorted: false };

/** Draws a run into `el`. @param {{model: Model, el: HTMLElement}} place @returns {() => void} clean-up */
export function render({ model, el }) {
  const ending = new AbortController();
  const { signal } = ending;
  const run = readRun({}, name => model.get(name));
  const moment = { step: run.done, isFollowing: true, cursor: null, isStopping: false };
  let theme = null;
  let frame = 0;
  const stale = new Set();

  /** Marks the parts of `what` and draws them all together before the next frame. */
  function change(what) {
    for (const name of CONCERNS[what]) stale.add(name);
    frame ||= requestAnimationFrame(draw);
  }
  function draw() {
    frame = 0;
    const { step, isFollowing } = moment;
    const phase = run.story.phases[phaseIndex(run.story, step, isFollowing)] ?? null;
    const scene = { ...moment, run, theme, phase, total: totalSteps(run.story, run.done), view: { ...DEFAULT_VIEW, ...model.get('view') } };
    const names = EVERYTHING.filter(name => stale.has(name));
    stale.clear();
    for (const name of names) parts[name].draw(scene);
  }

  const read = step => { if (step !== moment.cursor) { moment.cursor = step; change('cursor'); } };
  const go = step => { Object.assign(moment, { step, isFollowing: step >= run.done }); change('step'); };
  const follow = () => { parts.replay.pause(); go(run.done); };
  const setView = choice => {
    model.set('view', { ...DEFAULT_VIEW, ...model.get('view'), ...choice });
    model.save_changes();
    change('view');
  };
  const askToStop = () => {
    moment.isStopping = true;
    model.set('stop', (model.get('stop') ?? 0) + 1);
    model.save_changes();
    change('stop');
  };
  const choose = step => { parts.replay.pause(); go(step); };
  const tools = { signal, read, go: choose, setView, redraw: () => { change('view'); draw(); } };
  const parts = {
    header: createHeader({ signal, askToStop }), replay: createReplay({ signal, go, follow }), network: createNetwork(),
    loss: createLoss(tools), rates: createRates(tools), movement: createMovement(tools), filters: createFilters(tools),
    pictures: createPictures(), table: createTable(),
  };
  const element = name => parts[name].element;
  const root = make('div', 'fl-run', { role: 'group', 'aria-label': `Training run ${run.about.title}` },
    element('header'), element('replay'), element('network'),
    make('div', 'fl-body', {},
      make('div', 'fl-curves', {}, element('loss'), element('rates'), element('movement')),
      element('filters'), element('pictures'), element('table')));
  el.append(root);

  const heard = ['about', 'story', 'pulse', 'curves', 'movement', 'film', 'frame', 'view'].map(name => {
    const update = () => {
      if (name in READERS) readRun(run, key => model.get(key), [name]);
      if (run.story.status !== 'running') moment.isStopping = false;
      moment.step = moment.isFollowing ? run.done : Math.min(moment.step, run.done);
      change(name);
    };
    model.on(`change:${name}`, update);
    return () => model.off(`change:${name}`, update);
  });
  const sizes = new ResizeObserver(() => change('step'));
  sizes.observe(root);
  followTheme(root, signal, found => { theme = found; change('step'); });

  return () => {
    ending.abort();
    sizes.disconnect();
    cancelAnimationFrame(frame);
    for (const end of heard) end();
    root.remove();
  };
}
