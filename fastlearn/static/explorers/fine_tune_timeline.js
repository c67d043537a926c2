// The timeline of fine-tuning: which layers train when, at which learning rate, for the arguments set by the sliders.
import { choice, heading, make } from '../lib/elements.js'
import { clamp, logLimits } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { powerText } from '../lib/text.js'
import { groupColor } from '../lib/theme.js'
import { createSlider, createSummary, legendKey, openFrame } from './frame.js'
import { phasesOf, stepsOf } from './one_cycle.js'

/** Limits and text format of each argument. */
const SLIDERS = {
  epochs: { low: 1, high: 10 },
  base_lr: { low: 1e-5, high: 1e-1, isLog: true, text: value => powerText(value) },
  freeze_epochs: { low: 0, high: 5 },
  lr_mult: { low: 1, high: 1000, isLog: true },
  pct_start: { low: 0, high: 1, step: 0.01, text: value => value.toFixed(2) },
  div: { low: 1, high: 100, isLog: true },
  steps_per_epoch: { low: 2, high: 200 },
};

const DASHES = ['fl-dotted', 'fl-dashed', ''];  // of the groups' lines, in addition to the color

/** Describes what happens at a step. */
export function stepText(steps, at, names, perEpoch) {
  const { rates, momentum, trainable } = steps[at];
  const who = trainable[0] ? 'everything trains' : `only the ${names.at(-1)} trains`;
  const list = names.map((name, i) => `${name} ${trainable[i] ? powerText(rates[i], 2) : 'frozen'}`);
  return `Step ${at + 1} of ${steps.length}, epoch ${Math.floor(at / perEpoch)}: ${who}. Learning rates: `
    + `${list.join(', ')}. Momentum ${momentum.toFixed(3)}.`;
}

/** A row per group and a bar per phase: frozen or trained. */
function createPhaseBars(names) {
  const element = make('ul', 'fl-phase-bars');
  return {
    element,
    draw(phases) {
      const longest = Math.max(...phases.map(({ steps }) => steps));  // its bar has room for the name
      element.replaceChildren(...names.map((name, i) => {
        const states = phases.map(({ trainable }) => (trainable[i] ? 'trains' : 'frozen'));
        const bars = phases.map(({ steps }, at) => {
          const textContent = steps === longest ? `${name}: ${states[at]}` : states[at];
          const title = `${name}: ${states[at]}, ${steps} steps`;
          const bar = make('span', states[at] === 'frozen' ? 'fl-frozen-bar' : '', { textContent, title });
          bar.style.flexGrow = steps;
          bar.style.setProperty('--fl-own', `var(--fl-group-${i})`);
          return bar;
        });
        return make('li', '', { 'aria-label': `${name}: ${states.join(', then ')}` }, ...bars);
      }));
    },
  };
}

/** A value of every step, as a line with a gap between phases. @returns {[number, number][]} */
export function lineOf(steps, value) {
  return steps.flatMap((one, i) => [...(one.begins ? [[i + 0.5, NaN]] : []), [i + 1, value(one)]]);
}

/** Learning rates of each group over the steps; NaN while it is frozen. @returns {[number, number][][]} */
export function rateLinesOf(steps, groups) {
  return Array.from({ length: groups }, (_, group) => {
    return lineOf(steps, ({ rates, trainable }) => (trainable[group] ? rates[group] : NaN));
  });
}

/** @param {'log'|'linear'} scale @returns {import('../lib/svg_chart.js').Axis} */
function rateSide(lines, scale) {
  const rates = lines.flat().map(([, rate]) => rate).filter(Number.isFinite);
  if (scale === 'log') return { ...logLimits(rates), isLog: true, name: 'learning rate', ticks: 5 };
  return { low: 0, high: 1.05 * Math.max(...rates), name: 'learning rate', ticks: 4 };
}

/**
 * @param {HTMLElement} element
 * @param {{title: string, groups: string[], given: import('./one_cycle.js').Arguments}} state
 * @returns {() => void} clean-up
 */
export function mountFineTuneTimeline(element, state) {
  const names = state.groups;
  return openFrame(element, state.title, signal => {
    const given = { ...state.given };
    let [step, scale] = [0, 'log'];
    const sliders = Object.entries(SLIDERS).map(([name, range]) => ({
      name, ...createSlider({ name, ...range, signal, changed: value => { given[name] = value; draw(); } }),
    }));
    const total = () => given.steps_per_epoch * (given.epochs + given.freeze_epochs);
    const go = to => { step = clamp(Math.round(to), 0, total() - 1); draw(); };
    const scales = choice('Scale of the learning rate', { log: 'log', linear: 'linear' }, signal, to => {
      scale = to;
      draw();
    });
    const movable = { signal, moved: ([to]) => go(to - 1), pushed: across => go(step + across) };
    const rates = createSvgChart({ name: 'Learning rate of each group', height: 250, handleName: 'Step', ...movable });
    const momentum = createSvgChart({ name: 'Momentum', height: 120, signal });
    const strip = createPhaseBars(names);
    const summary = createSummary();
    const keys = names.map((name, i) => legendKey(`fl-of fl-of-${DASHES[i % 3].slice(3)}`, `group-${i}`, name));
    const controls = make('div', 'fl-many-controls', {}, ...sliders.map(slider => slider.element));
    const legend = make('span', 'fl-legend', {}, ...keys);
    const body = make('section', '', {}, strip.element, heading('Learning rate', '', legend, scales.element),
      rates.element, momentum.element);

    function draw(theme) {
      names.forEach((_, i) => {
        if (theme) body.style.setProperty(`--fl-group-${i}`, groupColor(theme, i, names.length));
      });
      const phases = phasesOf(given, names.length);
      const steps = stepsOf(phases);
      step = clamp(step, 0, steps.length - 1);
      for (const { name, show } of sliders) show(given[name]);
      scales.show(scale);
      strip.draw(phases);
      const text = stepText(steps, step, names, given.steps_per_epoch);
      summary.show(text);
      const lines = rateLinesOf(steps, names.length);
      const x = { low: 0, high: steps.length, name: 'step', ticks: 6 };
      const seam = phases.slice(1).map(({ first }) => {
        return { kind: 'rule', x: first + 0.5, color: 'soft', classes: 'fl-thin fl-dashed' };
      });
      const cursor = { kind: 'rule', x: step + 1, color: 'ink', classes: 'fl-thin' };
      rates.draw({
        x: { ...x, name: '' }, y: rateSide(lines, scale),
        shapes: [...seam, cursor, ...lines.map((points, i) => {
          return { kind: 'line', points, color: `group-${i}`, classes: DASHES[i % 3] };
        })],
        handle: { point: [step + 1, steps[step].rates.at(-1)], text },
      });
      momentum.draw({
        x, y: { low: 0.84, high: 0.96, name: 'momentum', ticks: 3 },
        shapes: [...seam, cursor, { kind: 'line', points: lineOf(steps, one => one.momentum), color: 'ink' }],
      });
    }
    return { parts: [controls, body, summary.element], draw };
  });
}
