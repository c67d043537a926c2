// Overfitting: a sum of cosines is fitted to a few noisy points and validated on other points of the same curve.
import { button, choice, heading, make } from '../lib/elements.js'
import { clamp } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { drawPoints, fittedCurveAt, lossCurves, trueCurve, weightsAfter } from './cosine_fit.js'
import { createSlider, createSummary, legendKey, openFrame } from './frame.js'

/**
 * @typedef {object} Settings
 * @property {number} waves  number of cosines, the capacity of the model
 * @property {number} epochs
 * @property {number} seed
 * @property {number} points  in the training set, and as many in the validation set
 * @property {number} noise  standard deviation
 * @property {number} rate  learning rate
 * @property {number} most  maximum number of waves
 * @property {number} longest  maximum number of epochs
 */

const NEAR = 1.1;  // up to this factor above the lowest validation loss counts as near it

/** Index of the smallest value. @param {ArrayLike<number>} values */
export const argmin = values => values.reduce((best, value, i) => (value < values[best] ? i : best), 0);

/**
 * Trains a model of every capacity and records its losses after every epoch.
 * @param {Settings} settings
 * @returns {{train: Point[], valid: Point[], runs: {train: Float64Array, valid: Float64Array}[]}}
 */
export function trainAll(settings) {
  const points = drawPoints(settings);
  const runs = Array.from({ length: settings.most }, (_, i) => lossCurves(points, i + 1, settings));
  return { ...points, runs };
}

/** @returns {'undertrained'|'overfitting'|'underfitting'|'good'} */
export function fitStatus(runs, waves, epochs) {
  const { valid } = runs[waves - 1];
  const best = argmin(valid);
  if (valid[epochs] > NEAR * valid[best]) return epochs < best ? 'undertrained' : 'overfitting';
  const lowest = Math.min(...runs.map(run => run.valid[argmin(run.valid)]));
  return valid[best] > 1.3 * lowest ? 'underfitting' : 'good';
}

/** Describes what is shown. */
export function overfittingText(runs, { waves, epochs }) {
  const { train, valid } = runs[waves - 1];
  const best = argmin(valid);
  const verdict = {
    undertrained: 'Underfitting: the validation loss is still falling.',
    overfitting: `Overfitting: since epoch ${best} the training loss has fallen from ${train[best].toFixed(3)}, while `
      + `the validation loss has risen from ${valid[best].toFixed(3)}.`,
    underfitting: 'Too few waves: the validation loss is near the lowest that this capacity can reach, but more '
      + 'waves would do better.',
    good: 'About right: the validation loss is near its lowest value.',
  }[fitStatus(runs, waves, epochs)];
  const count = (number, name) => `${number} ${name}${number === 1 ? '' : 's'}`;
  return `${verdict} ${count(waves, 'wave')}, ${count(epochs, 'epoch')}: training loss ${train[epochs].toFixed(3)}, `
    + `validation loss ${valid[epochs].toFixed(3)}. Best epoch for this capacity: ${best}.`;
}

/** Epochs at equal distances on a logarithmic axis. */
function epochsShown(longest) {
  const all = Array.from({ length: 160 }, (_, i) => Math.round(longest ** (i / 159)));
  return [...new Set(all)];
}

function lossShapes(at, train, valid, best) {
  return [
    { kind: 'line', points: at.map(one => [one, train(one)]), color: 'focus' },
    { kind: 'line', points: at.map(one => [one, valid(one)]), color: 'valid', classes: 'fl-dashed' },
    { kind: 'rule', x: best, color: 'soft', classes: 'fl-thin fl-dashed' },
    { kind: 'squares', points: [[best, valid(best)]], color: 'valid' },
  ];
}

/** @param {HTMLElement} element @param {Settings & {title: string}} state @returns {() => void} clean-up */
export function mountOverfitting(element, state) {
  return openFrame(element, state.title, signal => {
    let settings = { ...state };
    let data = trainAll(settings);
    const set = change => {
      settings = { ...settings, ...change };
      if ('seed' in change || 'points' in change) data = trainAll(settings);
      draw();
    };
    const setWaves = waves => set({ waves: clamp(Math.round(waves), 1, state.most) });
    const setEpochs = epochs => set({ epochs: clamp(Math.round(epochs), 1, state.longest) });
    const pushEpochs = across => setEpochs(across > 0 ? Math.max(settings.epochs + 1, settings.epochs * 1.1 ** across)
      : Math.min(settings.epochs - 1, settings.epochs * 1.1 ** across));
    const waves = createSlider({
      name: 'waves', says: 'capacity: waves', low: 1, high: state.most, signal, changed: setWaves,
    });
    const epochs = createSlider({
      name: 'epochs', low: 1, high: state.longest, isLog: true, signal, changed: setEpochs,
    });
    const sizes = Object.fromEntries([1, 3].map(times => [times * state.points, String(times * state.points)]));
    const points = choice('Training points', sizes, signal, value => set({ points: Number(value) }));
    const again = button('New noise', 'Draw new points', signal, () => set({ seed: settings.seed + 1 }));
    const plane = createSvgChart({ name: 'The points and the fitted curve', height: 372, signal });
    const byEpoch = createSvgChart({
      name: 'Losses against epochs', height: 200, handleName: 'Number of epochs', signal,
      moved: ([to]) => setEpochs(to), pushed: pushEpochs,
    });
    const byWaves = createSvgChart({
      name: 'Losses against capacity', height: 200, handleName: 'Number of waves', signal,
      moved: ([to]) => setWaves(to), pushed: across => setWaves(settings.waves + across),
    });
    const summary = createSummary();
    const labeled = make('div', 'fl-labeled', {}, make('span', 'fl-note', { textContent: 'training points' }),
      points.element, again);
    const controls = make('div', 'fl-controls-row', {}, waves.element, epochs.element, labeled);
    const dots = make('span', 'fl-legend', {}, legendKey('fl-of-dot', 'focus', 'training'),
      legendKey('fl-of-square', 'valid', 'validation'), legendKey('fl-of fl-of-dashed', 'soft', 'the true curve'));
    const lines = make('span', 'fl-legend', {}, legendKey('fl-of', 'focus', 'training'),
      legendKey('fl-of fl-of-dashed', 'valid', 'validation'), legendKey('fl-of-square', 'valid', 'best'));
    const left = make('section', '', {}, heading('The points', '', dots), plane.element);
    const right = make('section', '', {}, heading('Losses', '', lines), byEpoch.element, byWaves.element);

    function draw() {
      const { train, valid } = data.runs[settings.waves - 1];
      waves.show(settings.waves);
      epochs.show(settings.epochs);
      points.show(String(settings.points));
      summary.show(overfittingText(data.runs, settings));
      drawPlane();
      const top = 1.05 * Math.min(0.8, Math.max(...data.runs.map(run => Math.max(run.valid[1], run.valid.at(-1)))));
      const y = { low: 0, high: top, name: 'loss', ticks: 4 };
      byEpoch.draw({
        x: { low: 1, high: state.longest, isLog: true, name: 'epochs' }, y,
        shapes: lossShapes(epochsShown(state.longest), at => train[at], at => valid[at], Math.max(1, argmin(valid))),
        handle: { point: [settings.epochs, valid[settings.epochs]], text: String(settings.epochs) },
      });
      const of = kind => at => data.runs[at - 1][kind][settings.epochs];
      const capacities = data.runs.map((_, i) => i + 1);
      byWaves.draw({
        x: { low: 1, high: state.most, name: `waves, after ${settings.epochs} epochs`, ticks: 8 }, y,
        shapes: lossShapes(capacities, of('train'), of('valid'), argmin(capacities.map(of('valid'))) + 1),
        handle: { point: [settings.waves, valid[settings.epochs]], text: String(settings.waves) },
      });
    }
    function drawPlane() {
      const weights = weightsAfter(settings.epochs, data.train, settings.waves, settings.rate);
      const across = Array.from({ length: 201 }, (_, i) => i / 200);
      plane.draw({
        x: { low: 0, high: 1, name: 'input' }, y: { low: -2, high: 2, name: 'target' },
        shapes: [
          { kind: 'line', points: across.map(x => [x, trueCurve(x)]), color: 'soft', classes: 'fl-thin fl-dashed' },
          { kind: 'line', points: across.map(x => [x, fittedCurveAt(weights, x)]), color: 'ink', classes: 'fl-strong' },
          { kind: 'squares', points: data.valid, color: 'valid', classes: 'fl-faint' },
          { kind: 'dots', points: data.train, color: 'focus' },
        ],
      });
    }
    return { parts: [controls, make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
