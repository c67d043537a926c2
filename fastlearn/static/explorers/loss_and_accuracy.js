// Loss and error rate of the same examples as functions of one weight: the loss is smooth, the error rate has steps.
import { button, heading, make } from '../lib/elements.js'
import { clamp } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { powerText } from '../lib/text.js'
import { createSlider, createSummary, legendKey, openFrame } from './frame.js'

/**
 * @typedef {object} Examples
 * @property {[number, number][]} features  of each example
 * @property {number[]} targets  0 or 1
 * @property {number} second  weight of the second feature, fixed
 * @property {number} bias  fixed
 * @property {number} start  initial value of the first weight
 * @property {number} limit  of the first weight, in both directions
 */

/** The logit of class 1 for each example. @param {Examples} examples */
export function logitsOf({ features, second, bias }, weight) {
  return features.map(([a, b]) => weight * a + second * b + bias);
}

/** Cross-entropy: the mean negative log probability of the true class. */
export function lossOf(examples, weight) {
  const { targets } = examples;
  const losses = logitsOf(examples, weight).map((logit, i) => {
    return Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - targets[i] * logit;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** Slope of the loss: mean of (probability - target) times the first feature. */
export function slopeOf(examples, weight) {
  const { features, targets } = examples;
  const slopes = logitsOf(examples, weight).map((logit, i) => {
    return (1 / (1 + Math.exp(-logit)) - targets[i]) * features[i][0];
  });
  return slopes.reduce((sum, slope) => sum + slope, 0) / slopes.length;
}

/** Whether each example is misclassified. @returns {boolean[]} */
export function wrongOf(examples, weight) {
  return logitsOf(examples, weight).map((logit, i) => (logit > 0) !== Boolean(examples.targets[i]));
}

const countOf = (examples, weight) => wrongOf(examples, weight).filter(Boolean).length;
export const errorRateOf = (examples, weight) => countOf(examples, weight) / examples.targets.length;

/** The weights at which the prediction for an example changes, ascending. @param {Examples} examples */
export function thresholdsOf({ features, second, bias, limit }) {
  const points = features.map(([a, b]) => -(second * b + bias) / a);
  return points.filter(place => Math.abs(place) < limit).sort((a, b) => a - b);
}

/** The error rate as a curve: constant between two thresholds. @returns {[number, number][]} */
export function errorRateSteps(examples) {
  const edges = [-examples.limit, ...thresholdsOf(examples), examples.limit];
  return edges.slice(1).flatMap((right, i) => {
    const height = errorRateOf(examples, (edges[i] + right) / 2);
    return [[edges[i], height], [right, height]];
  });
}

const signed = (value, digits = 3) => {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) ? `${value < 0 ? '−' : '+'}${text}` : '0';
};

/** Two points on the decision boundary. @returns {[number, number][]} */
function decisionBoundary({ second, bias }, weight, reach) {
  if (second) return [-reach, reach].map(a => [a, -(weight * a + bias) / second]);
  return [-reach, reach].map(b => [-bias / weight, b]);
}

/** @param {HTMLElement} element @param {Examples & {title: string}} state @returns {() => void} clean-up */
export function mountLossAndAccuracy(element, state) {
  const { features, targets, limit } = state;
  return openFrame(element, state.title, signal => {
    let [weight, lr, trail, event] = [state.start, 2, [], ''];
    const go = (to, visited = [], what = '') => {
      [weight, trail, event] = [clamp(to, -limit, limit), visited, what];
      draw();
    };
    const push = across => go(weight + 0.1 * across);
    const stepLoss = () => {
      const moved = -lr * slopeOf(state, weight);
      go(weight + moved, [...trail, weight], `The step down the loss curve moved the weight by ${signed(moved)}. `);
    };
    const stepError = () => go(weight, trail,
      `The slope of the error rate is 0, and ${powerText(lr)} · 0 = 0: the weight stays where it is. `);
    const slider = createSlider({
      name: 'weight', low: -limit, high: limit, step: 0.05, text: value => signed(value, 2), signal,
      changed: value => go(value),
    });
    const rate = createSlider({
      name: 'learning rate', low: 0.1, high: 50, isLog: true, text: value => powerText(value, 0), signal,
      changed: value => { lr = value; draw(); },
    });
    const down = button('Step downhill on the loss', 'Step downhill on the loss', signal, stepLoss);
    const nowhere = button('… on the error rate', 'Step downhill on the error rate', signal, stepError);
    const movable = { signal, moved: ([to]) => go(to), pushed: push };
    const loss = createSvgChart({
      name: 'Loss for every weight', height: 220, handleName: 'weight, on the loss curve', ...movable,
    });
    const error = createSvgChart({
      name: 'Error rate for every weight', height: 190, handleName: 'weight, on the error rate curve', ...movable,
    });
    const plane = createSvgChart({ name: 'The examples and the decision boundary', height: 330, signal });
    const summary = createSummary();
    const legend = make('span', 'fl-legend', {}, legendKey('fl-of-dot', 'focus', 'class 0'),
      legendKey('fl-of-square', 'valid', 'class 1'), 'ringed: wrong');
    const left = make('section', '', {}, heading(`${targets.length} examples`, '', legend), plane.element);
    const right = make('section', '', {}, loss.element, error.element);
    const controls = make('div', 'fl-controls-row', {}, slider.element, rate.element, down, nowhere);

    function draw() {
      const [value, slope, wrong] = [lossOf(state, weight), slopeOf(state, weight), wrongOf(state, weight)];
      slider.show(weight);
      rate.show(lr);
      const count = wrong.filter(Boolean).length;
      const at = signed(weight, 2);
      summary.show(`${event}Weight ${at}. Loss ${value.toFixed(3)}, slope ${signed(slope)}: `
        + `a step moves it by ${signed(-lr * slope)}. Error rate ${count} of ${targets.length}, `
        + 'slope 0: a step does not move it.');
      const x = { low: -limit, high: limit, name: 'weight', ticks: 6 };
      const weights = Array.from({ length: 241 }, (_, i) => limit * (i / 120 - 1));
      const heights = weights.map(one => [one, lossOf(state, one)]);
      const top = Math.max(...heights.map(([, height]) => height));
      const visited = trail.map(place => [place, lossOf(state, place)]);
      loss.draw({
        x: { ...x, name: '' }, y: { low: 0, high: top * 1.05, name: 'loss', ticks: 4 },
        shapes: [
          { kind: 'line', points: heights, color: 'focus' },
          { kind: 'dots', points: visited, color: 'focus', classes: 'fl-faint' },
          { kind: 'arrow', points: [[weight, value], [weight - lr * slope, value - lr * slope ** 2]], color: 'ink' },
        ],
        handle: { point: [weight, value], text: `${at}: loss ${value.toFixed(3)}, slope ${signed(slope)}` },
      });
      error.draw({
        x, y: { low: 0, high: 1, name: 'error rate', ticks: 3 },
        shapes: [{ kind: 'line', points: errorRateSteps(state), color: 'valid' }],
        handle: { point: [weight, count / targets.length], text: `${at}: ${count} wrong, slope 0` },
      });
      drawPlane(wrong);
    }
    function drawPlane(wrong) {
      const reach = 1.1 * Math.max(...features.flat().map(Math.abs));
      const side = { low: -reach, high: reach };
      const of = (kind, color, isMember) => ({ kind, color, points: features.filter((_, i) => isMember(i)) });
      plane.draw({
        x: { ...side, name: 'first feature' }, y: { ...side, name: 'second feature' },
        shapes: [
          { kind: 'line', points: decisionBoundary(state, weight, 2 * reach), color: 'ink', classes: 'fl-dashed' },
          of('dots', 'focus', i => !targets[i]), of('squares', 'valid', i => targets[i]),
          { ...of('dots', 'ink', i => wrong[i]), classes: 'fl-ringed' },
        ],
      });
    }
    return { parts: [controls, make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
