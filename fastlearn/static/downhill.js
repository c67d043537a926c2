// Rolling downhill: gradient descent with momentum on a long valley, step by step.
import { createChart } from './chart.js'
import { heading, make } from './elements.js'
import { logLimits } from './numbers.js'
import { createPlayer, createSlider, createWords, openStage, within } from './stage.js'
import { powerText } from './text.js'

/**
 * @typedef {[number, number]} Weights
 * @typedef {object} Valley
 * @property {number} steepness  across, in units of that along the valley
 * @property {Weights} start
 * @property {number} lr
 * @property {number} momentum  0 to below 1
 */

const [LEFT, RIGHT, SIDE] = [-10, 5, 3];  // limits of the map
const LONGEST = 200;                       // steps
const LOST = 1e6;                          // a loss beyond is not followed further
const ARRIVED = 1e-3;                      // share of the first loss
const MAP_TICKS = [0.5, 3, 10, 25, 50, 90, 140, 200];  // losses of the contour lines

/** Half the squared first weight, and `steepness` times that of the second. */
export const heightOf = (steepness, [x, y]) => 0.5 * (x ** 2 + steepness * y ** 2);

/**
 * Where SGD goes, as PyTorch does it: velocity = momentum · velocity + slope; weights -= lr · velocity.
 * @param {Valley} valley @param {number} steps  at most
 * @returns {Weights[]} the start and every step, until the loss is beyond following
 */
export function descend({ steepness, start, lr, momentum }, steps) {
  const path = [start];
  let velocity = [0, 0];
  while (path.length <= steps) {
    const [x, y] = path.at(-1);
    if (heightOf(steepness, [x, y]) > LOST) break;
    velocity = [momentum * velocity[0] + x, momentum * velocity[1] + steepness * y];
    path.push([x - lr * velocity[0], y - lr * velocity[1]]);
  }
  return path;
}

/** The rate from which on steps across the valley grow: 2 (1 + momentum) / curvature. */
export const largestRate = ({ steepness, momentum }) => 2 * (1 + momentum) / Math.max(1, steepness);

/** How many steps it takes until the loss is a thousandth of the first; Infinity: more than are followed. */
export function arrivalOf(valley) {
  const heights = descend(valley, LONGEST).map(weights => heightOf(valley.steepness, weights));
  const step = heights.findIndex(height => height <= ARRIVED * heights[0]);
  return step < 0 ? Infinity : step;
}

/**
 * What a path is doing.
 * @param {Valley} valley @param {Weights[]} path  as far as it was followed
 * @returns {'start'|'diverging'|'arrived'|'jumping'|'creeping'|'rolling'}
 */
export function paceOf(valley, path) {
  if (path.length < 2) return 'start';
  if (valley.lr >= largestRate(valley) && valley.start[1]) return 'diverging';
  const arrival = arrivalOf(valley);
  if (path.length > arrival) return 'arrived';
  const recent = path.slice(-6);
  const turns = recent.slice(1).filter(([, y], i) => y * recent[i][1] < 0).length;
  if (turns >= 3 && Math.abs(recent.at(-1)[1]) > 0.05) return 'jumping';
  return arrival > 80 ? 'creeping' : 'rolling';
}

const PACES = {
  start: 'Nothing has moved yet.',
  diverging: 'Diverging: the rate is too large, and across the valley the steps grow instead of shrinking.',
  arrived: 'Arrived: the loss has fallen to a thousandth of the first',
  jumping: 'Jumping: each step crosses the valley to the other side, and little is left for the way along it.',
  rolling: 'On the way along the valley.',
  creeping: 'Creeping: along the valley the steps are so short that the bottom is far away for a long time.',
};

/** What is seen, in sentences. @param {Valley} valley @param {Weights[]} path @param {number} loss  the newest */
export function downhillText(valley, path, loss) {
  const steps = path.length - 1;
  const limit = `With momentum ${valley.momentum} this valley bears rates below ${largestRate(valley).toFixed(4)}.`;
  const pace = paceOf(valley, path);
  const when = pace === 'arrived' ? ` in ${arrivalOf(valley)} steps.` : '';
  const shown = loss > LOST ? 'beyond a million' : powerText(loss, 2);
  return `${PACES[pace]}${when} Loss ${shown} after ${steps} step${steps === 1 ? '' : 's'}. ${limit}`;
}

const mapSides = {
  x: { low: LEFT, high: RIGHT, name: 'first weight' }, y: { low: -SIDE, high: SIDE, name: 'second weight' },
};

/** Loss of every step, on a logarithmic axis. */
function lossDrawing(losses) {
  const { low, high } = logLimits(losses.filter(loss => loss > 0));
  const x = { low: 0, high: Math.max(40, Math.ceil((losses.length - 1) / 40) * 40), name: 'step' };
  return {
    x, y: { low, high, isLog: true, name: 'loss', ticks: 4 },
    shapes: [{ kind: 'line', places: losses.map((loss, step) => [step, loss]), colour: 'focus' },
             { kind: 'dots', places: losses.map((loss, step) => [step, loss]), colour: 'focus', classes: 'fl-small' }],
  };
}

/** @param {HTMLElement} element @param {Valley & {title: string}} state @returns {() => void} clean-up */
export function mountDownhill(element, state) {
  return openStage(element, state.title, signal => {
    const valley = { ...state };
    let steps = 0;
    const set = change => { Object.assign(valley, change); draw(); };
    const place = ([x, y]) => {
      player.pause();
      steps = 0;
      set({ start: [within(x, LEFT, RIGHT), within(y, -SIDE, SIDE)] });
    };
    const step = () => {
      if (steps >= LONGEST || descend(valley, steps).length <= steps) return false;
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
    const map = createChart({
      name: 'The valley from above, and the path', height: 300, handle: 'Start of the path', signal, moved: place,
      pushed: (across, up) => place([valley.start[0] + 0.25 * across, valley.start[1] + 0.1 * up]),
    });
    const losses = createChart({ name: 'Loss of every step', height: 300, signal });
    const words = createWords();
    const controls = make('div', 'fl-controls-row', {}, rate.element, momentum.element, player.element);
    const left = make('section', '', {}, heading('The valley from above', 'the ring: the start; drag it'), map.element);
    const right = make('section', '', {}, heading('Loss of every step'), losses.element);

    function draw() {
      const path = descend(valley, steps);
      const heights = path.map(weights => heightOf(valley.steepness, weights));
      rate.show(valley.lr);
      momentum.show(valley.momentum);
      words.show(downhillText(valley, path, heights.at(-1)));
      const levels = MAP_TICKS.toReversed().map(height => ({
        kind: 'ellipse', places: [[0, 0]], colour: 'soft', classes: 'fl-level',
        radii: [Math.sqrt(2 * height), Math.sqrt(2 * height / valley.steepness)],
      }));
      map.draw({
        ...mapSides,
        shapes: [
          ...levels, { kind: 'squares', places: [[0, 0]], colour: 'valid' },
          { kind: 'line', places: path, colour: 'focus', classes: 'fl-thin' },
          { kind: 'dots', places: path.slice(1), colour: 'focus', classes: 'fl-small' },
          { kind: 'dots', places: path.slice(-1), colour: 'focus' },
        ],
        grip: { place: valley.start, text: valley.start.map(value => value.toFixed(2)).join(', ') },
      });
      losses.draw(lossDrawing(heights));
    }
    return { parts: [controls, make('div', 'fl-pair', {}, left, right), words.element], draw };
  });
}
