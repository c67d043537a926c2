// Gradient descent with momentum in a long valley, step by step.
import { heading, make } from '../lib/elements.js'
import { clamp, logLimits } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { powerText } from '../lib/text.js'
import { createPlayer, createSlider, createSummary, openFrame } from './frame.js'

/**
 * @typedef {[number, number]} Weights
 * @typedef {object} LossSurface
 * @property {number} steepness  curvature across the valley, relative to that along it
 * @property {Weights} start
 * @property {number} lr
 * @property {number} momentum  0 to below 1
 */

const [LEFT, RIGHT, SIDE] = [-10, 5, 3];  // limits of the map
const LONGEST = 200;       // steps
const DIVERGED = 1e6;      // loss at which the path ends
const CONVERGED = 1e-3;    // as a fraction of the first loss
const MAP_TICKS = [0.5, 3, 10, 25, 50, 90, 140, 200];  // losses of the contour lines

/** The loss: half of (first weight squared + steepness times second weight squared). */
export const lossAt = (steepness, [x, y]) => 0.5 * (x ** 2 + steepness * y ** 2);

/**
 * The path of SGD as in PyTorch: velocity = momentum · velocity + gradient; weights -= lr · velocity.
 * @param {LossSurface} surface @param {number} steps  at most
 * @returns {Weights[]} the start and every step, until the path diverges
 */
export function descend({ steepness, start, lr, momentum }, steps) {
  const path = [start];
  let velocity = [0, 0];
  while (path.length <= steps) {
    const [x, y] = path.at(-1);
    if (lossAt(steepness, [x, y]) > DIVERGED) break;
    velocity = [momentum * velocity[0] + x, momentum * velocity[1] + steepness * y];
    path.push([x - lr * velocity[0], y - lr * velocity[1]]);
  }
  return path;
}

/** The learning rate above which the steps across the valley grow: 2 (1 + momentum) / curvature. */
export const largestStableRate = ({ steepness, momentum }) => 2 * (1 + momentum) / Math.max(1, steepness);

/** Number of steps until the loss is a thousandth of the first; Infinity: more than LONGEST. */
export function stepsToConverge(surface) {
  const heights = descend(surface, LONGEST).map(weights => lossAt(surface.steepness, weights));
  const step = heights.findIndex(height => height <= CONVERGED * heights[0]);
  return step < 0 ? Infinity : step;
}

/**
 * Whether the path converges, and how.
 * @param {LossSurface} surface @param {Weights[]} path  up to now
 * @returns {'start'|'diverging'|'converged'|'oscillating'|'slow'|'converging'}
 */
export function statusOf(surface, path) {
  if (path.length < 2) return 'start';
  if (surface.lr >= largestStableRate(surface) && surface.start[1]) return 'diverging';
  const convergedAfter = stepsToConverge(surface);
  if (path.length > convergedAfter) return 'converged';
  const recent = path.slice(-6);
  const turns = recent.slice(1).filter(([, y], i) => y * recent[i][1] < 0).length;
  if (turns >= 3 && Math.abs(recent.at(-1)[1]) > 0.05) return 'oscillating';
  return convergedAfter > 80 ? 'slow' : 'converging';
}

const STATUS_TEXTS = {
  start: 'No step has been taken yet.',
  diverging: 'Diverging: the rate is too large, and across the valley the steps grow instead of shrinking.',
  converged: 'Converged: the loss has fallen to a thousandth of its starting value',
  oscillating: 'Oscillating: each step crosses the valley to the other side, so there is little progress along it.',
  converging: 'Converging: the steps lead along the valley.',
  slow: 'Slow: the steps along the valley are so short that many of them are needed to reach the bottom.',
};

/** Describes what is shown. @param {LossSurface} surface @param {Weights[]} path @param {number} loss  the newest */
export function gradientDescentText(surface, path, loss) {
  const steps = path.length - 1;
  const largest = largestStableRate(surface).toFixed(4);
  const limit = `With momentum ${surface.momentum}, the steps converge for learning rates below ${largest}.`;
  const status = statusOf(surface, path);
  const when = status === 'converged' ? ` in ${stepsToConverge(surface)} steps.` : '';
  const shown = loss > DIVERGED ? 'beyond a million' : powerText(loss, 2);
  return `${STATUS_TEXTS[status]}${when} Loss ${shown} after ${steps} step${steps === 1 ? '' : 's'}. ${limit}`;
}

const mapSides = {
  x: { low: LEFT, high: RIGHT, name: 'first weight' }, y: { low: -SIDE, high: SIDE, name: 'second weight' },
};

/** The loss of every step on a logarithmic axis. */
function lossDrawing(losses) {
  const { low, high } = logLimits(losses.filter(loss => loss > 0));
  const x = { low: 0, high: Math.max(40, Math.ceil((losses.length - 1) / 40) * 40), name: 'step' };
  return {
    x, y: { low, high, isLog: true, name: 'loss', ticks: 4 },
    shapes: [{ kind: 'line', points: losses.map((loss, step) => [step, loss]), color: 'focus' },
             { kind: 'dots', points: losses.map((loss, step) => [step, loss]), color: 'focus', classes: 'fl-small' }],
  };
}

/** @param {HTMLElement} element @param {LossSurface & {title: string}} state @returns {() => void} clean-up */
export function mountGradientDescent(element, state) {
  return openFrame(element, state.title, signal => {
    const surface = { ...state };
    let steps = 0;
    const set = change => { Object.assign(surface, change); draw(); };
    const place = ([x, y]) => {
      player.pause();
      steps = 0;
      set({ start: [clamp(x, LEFT, RIGHT), clamp(y, -SIDE, SIDE)] });
    };
    const step = () => {
      if (steps >= LONGEST || descend(surface, steps).length <= steps) return false;
      steps++;
      draw();
      return true;
    };
    const player = createPlayer(signal, step, () => { steps = 0; set({ start: state.start }); });
    const rate = createSlider({
      name: 'learning rate', low: 0.001, high: 0.2, isLog: true, text: String, signal, changed: lr => set({ lr }),
    });
    const momentum = createSlider({
      name: 'momentum', low: 0, high: 0.98, step: 0.02, text: value => value.toFixed(2), signal,
      changed: value => set({ momentum: value }),
    });
    const map = createSvgChart({
      name: 'The valley from above, and the path', height: 300, handleName: 'Start of the path', signal, moved: place,
      pushed: (across, up) => place([surface.start[0] + 0.25 * across, surface.start[1] + 0.1 * up]),
    });
    const losses = createSvgChart({ name: 'Loss of every step', height: 300, signal });
    const summary = createSummary();
    const controls = make('div', 'fl-controls-row', {}, rate.element, momentum.element, player.element);
    const left = make('section', '', {},
      heading('The valley from above', 'drag the ring to change the start'), map.element);
    const right = make('section', '', {}, heading('Loss of every step'), losses.element);

    function draw() {
      const path = descend(surface, steps);
      const heights = path.map(weights => lossAt(surface.steepness, weights));
      rate.show(surface.lr);
      momentum.show(surface.momentum);
      summary.show(gradientDescentText(surface, path, heights.at(-1)));
      const levels = MAP_TICKS.toReversed().map(height => ({
        kind: 'ellipse', points: [[0, 0]], color: 'soft', classes: 'fl-level',
        radii: [Math.sqrt(2 * height), Math.sqrt(2 * height / surface.steepness)],
      }));
      map.draw({
        ...mapSides,
        shapes: [
          ...levels, { kind: 'squares', points: [[0, 0]], color: 'valid' },
          { kind: 'line', points: path, color: 'focus', classes: 'fl-thin' },
          { kind: 'dots', points: path.slice(1), color: 'focus', classes: 'fl-small' },
          { kind: 'dots', points: path.slice(-1), color: 'focus' },
        ],
        handle: { point: surface.start, text: surface.start.map(value => value.toFixed(2)).join(', ') },
      });
      losses.draw(lossDrawing(heights));
    }
    return { parts: [controls, make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
