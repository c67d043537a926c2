// The dashboard of one run: its state, its parts, and which of them a change concerns.
import { make, makeRoot, shelter, whileInPage } from './elements.js'
import { createFilters } from './filters.js'
import { createHeader } from './header.js'
import { createLoss } from './loss.js'
import { createMovement } from './movement.js'
import { createNetwork } from './network.js'
import { createPictures } from './pictures.js'
import { createRates } from './rates.js'
import { createReplay } from './replay.js'
import { DEFAULT_VIEW, TRAITS, readRun } from './run.js'
import { phaseIndex, totalSteps } from './story.js'
import { createTable } from './table.js'
import { followTheme } from './theme.js'

/**
 * @typedef {object} Model  of anywidget, or of a static page
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, heard: () => void) => void} on
 * @property {(event: string, heard: () => void) => void} off
 */

const PARTS = ['header', 'replay', 'network', 'loss', 'rates', 'movement', 'filters', 'pictures', 'table'];

/** The parts that a trait, or the person, changes. */
const CONCERNS = {
  about: PARTS, story: PARTS, step: PARTS, size: PARTS, theme: PARTS,
  curves: ['header', 'replay', 'network', 'loss', 'rates', 'movement', 'filters'],
  movement: ['movement'], film: ['filters'], frame: ['filters'], pulse: ['header'], stop: ['header'],
  view: ['loss', 'movement', 'filters'], cursor: ['loss', 'rates', 'movement', 'filters'],
};

/** Draws a run into `el`. @param {{model: Model, el: HTMLElement}} place @returns {() => void} clean-up */
export function render({ model, el }) {
  const ending = new AbortController();
  const { signal } = ending;
  const get = name => model.get(name);
  const run = readRun({}, get);
  const moment = { step: run.done, isFollowing: true, cursor: null, isStopping: false };
  const stale = new Set();
  let theme = null;
  let frame = 0;

  /** Marks the parts that `what` concerns; all marked are drawn together before the next picture of the screen. */
  function change(what) {
    for (const name of CONCERNS[what]) stale.add(name);
    frame ||= requestAnimationFrame(draw);
  }
  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    const phase = run.story.phases[phaseIndex(run.story, moment.step, moment.isFollowing)] ?? null;
    const view = { ...DEFAULT_VIEW, ...model.get('view') };
    const scene = { ...moment, run, theme, phase, view, total: totalSteps(run.story, run.done) };
    const names = PARTS.filter(name => stale.has(name));
    stale.clear();
    for (const name of names) parts[name].draw(scene);
  }

  function go(step) {
    Object.assign(moment, { step, isFollowing: step >= run.done });
    change('step');
  }
  function read(step) {
    if (step === moment.cursor) return;
    moment.cursor = step;
    change('cursor');
  }
  function setView(choice) {
    model.set('view', { ...DEFAULT_VIEW, ...model.get('view'), ...choice });
    model.save_changes();
    change('view');
  }
  function askToStop() {
    moment.isStopping = true;
    model.set('stop', (model.get('stop') ?? 0) + 1);
    model.save_changes();
    change('stop');
  }
  const choose = step => { parts.replay.pause(); go(step); };
  const redraw = () => { change('view'); draw(); };
  const tools = { signal, read, go: choose, setView, redraw };
  const parts = {
    header: createHeader({ signal, askToStop }),
    replay: createReplay({ signal, go, follow: () => choose(run.done) }),
    network: createNetwork(), loss: createLoss(tools), rates: createRates(tools), movement: createMovement(tools),
    filters: createFilters(tools), pictures: createPictures(), table: createTable(),
  };
  const { header, replay, network, loss, rates, movement, filters, pictures, table } = parts;
  const curves = make('div', 'fl-curves', {}, loss.element, rates.element, movement.element);
  const body = make('div', 'fl-body', {}, curves, filters.element, pictures.element, table.element);
  const name = `Training run ${run.about.title}`.trim();
  replay.element.append(header.stop);  // beside the slider, where it moves little when it comes and goes
  const root = makeRoot('fl-run', name, header.element, replay.element, network.element, body);
  const host = shelter(root);
  el.append(host);

  function hear(trait) {
    if (TRAITS.includes(trait)) readRun(run, get, [trait]);
    if (run.story.status !== 'running') moment.isStopping = false;
    moment.step = moment.isFollowing ? run.done : Math.min(moment.step, run.done);
    change(trait);
  }
  /** The kernel was restarted: nobody will tell how this run ended. */
  function lose() {
    if (run.story.status === 'running') run.story = { ...run.story, status: 'lost' };
    hear('view');
    change('story');
  }
  const heard = [...TRAITS, 'view'].map(trait => [`change:${trait}`, () => hear(trait)]);
  heard.push(['comm_live_update', lose]);
  for (const [event, call] of heard) model.on(event, call);
  whileInPage(root, signal, () => change('size'), shown => {
    followTheme(root, shown, found => { theme = found; change('theme'); });
  });

  return () => {
    ending.abort();
    cancelAnimationFrame(frame);
    for (const [event, call] of heard) model.off(event, call);
    host.remove();
  };
}
