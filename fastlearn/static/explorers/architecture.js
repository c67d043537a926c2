// One architecture, many models: a tiny network, the function it computes, and its activations.
import { button, choice, heading, make, setPressed, setText } from '../lib/elements.js'
import { clamp } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { twoDigits } from '../lib/text.js'
import { createSlider, createSummary, openFrame } from './frame.js'

/**
 * @typedef {object} Parameters  of a network with one input, some units, and one output
 * @property {number[]} weights  of each unit
 * @property {number[]} biases
 * @property {number[]} outgoing  weights of the units in the output
 * @property {number} bias  of the output
 * @typedef {{name: string, parameters: Parameters}} Model
 */

const LIMIT = 3;  // of the input, the output and every parameter
const NONLINEARITIES = { ReLU: value => Math.max(0, value), tanh: Math.tanh };

/**
 * The activations and the output of the network for an input.
 * @param {Parameters} parameters @param {'ReLU'|'tanh'} nonlinearity @param {number} x
 * @returns {{activations: number[], output: number}}
 */
export function runNetwork({ weights, biases, outgoing, bias }, nonlinearity, x) {
  const activations = weights.map((weight, i) => NONLINEARITIES[nonlinearity](weight * x + biases[i]));
  const output = activations.reduce((sum, activation, i) => sum + activation * outgoing[i], bias);
  return { activations, output };
}

/** All parameters in one list. @param {Parameters} parameters @returns {number[]} */
export const flatParameters = ({ weights, biases, outgoing, bias }) => [...weights, ...biases, ...outgoing, bias];

/** Points on the curve of the function. @returns {[number, number][]} */
function curveOf(parameters, nonlinearity) {
  return Array.from({ length: 241 }, (_, i) => {
    const x = LIMIT * (i / 120 - 1);
    return [x, runNetwork(parameters, nonlinearity, x).output];
  });
}

/** Describes the model and its activations at x. */
export function modelText(count, { name, changed }, nonlinearity, x, { activations, output }) {
  const whose = changed ? `your own parameters (${changed} of ${count} differ from ${name})`
    : `the parameters of ${name}`;
  return `The ${nonlinearity} architecture with ${whose}. At x = ${twoDigits(x)} its units compute the activations `
    + `${activations.map(twoDigits).join(', ')}, and the output is ${twoDigits(output)}.`;
}

/** The activation of a unit as a number and a bar. */
function createActivation(name, classes = '') {
  const [number, bar] = [make('b'), make('i')];
  return {
    element: make('div', `fl-activation ${classes}`, {}, `${name} `, number, bar),
    show(value) {
      setText(number, twoDigits(value));
      bar.style.width = `${100 * Math.min(1, Math.abs(value) / LIMIT)}%`;
    },
  };
}

/** The network as a table: one row per unit, from its input to its output. */
function createUnits(units, signal, change) {
  const slider = (name, read, write) => {
    const properties = { low: -LIMIT, high: LIMIT, step: 0.05, text: twoDigits, says: '' };
    const one = createSlider({ ...properties, name, signal, changed: value => change(all => write(all, value)) });
    return { ...one, read };
  };
  const part = (name, kind, i) => slider(`${name} of unit ${i + 1}`, all => all[kind][i], (all, value) => {
    all[kind][i] = value;
  });
  const rows = Array.from({ length: units }, (_, i) => [
    part('weight', 'weights', i), part('bias', 'biases', i), createActivation(`a${i + 1}`),
    part('output weight', 'outgoing', i),
  ]);
  const bias = slider('output bias', all => all.bias, (all, value) => { all.bias = value; });
  const output = createActivation('output', 'fl-output');
  const head = (title, note) => make('div', 'fl-head', {}, make('b', '', { textContent: title }), note);
  const heads = [head('weight', 'times x'), head('bias', 'added'), head('activation', 'computed'),
                 head('output weight', 'times activation')];
  const cells = rows.flat().map(cell => cell.element);
  const table = make('div', 'fl-units', {}, ...heads, ...cells, make('span'), bias.element, output.element);
  const note = make('p', 'fl-meaning');
  return {
    elements: [table, note],
    draw(parameters, nonlinearity, ran) {
      setText(note, `activation = ${nonlinearity}(weight · x + bias); `
        + 'output = sum of (output weight · activation) + output bias');
      for (const cell of [...rows.flat(), bias]) if (cell.read) cell.show(cell.read(parameters));
      rows.forEach((row, i) => row[2].show(ran.activations[i]));
      output.show(ran.output);
    },
  };
}

/** @param {HTMLElement} element @param {{title: string, models: Model[]}} state @returns {() => void} clean-up */
export function mountArchitecture(element, state) {
  return openFrame(element, state.title, signal => {
    let [model, nonlinearity, x] = [state.models[0], 'ReLU', 0.5];
    let parameters = structuredClone(model.parameters);
    const count = flatParameters(parameters).length;
    const move = to => { x = clamp(to, -LIMIT, LIMIT); draw(); };
    const fill = chosen => { model = chosen; parameters = structuredClone(model.parameters); draw(); };
    const shortcuts = state.models.map(one => {
      return button(one.name, `Fill in the parameters of ${one.name}`, signal, () => fill(one));
    });
    const nonlinearities = choice('Architecture', { ReLU: 'ReLU', tanh: 'tanh' }, signal, chosen => {
      nonlinearity = chosen;
      draw();
    });
    const chart = createSvgChart({
      name: 'The function that the model computes', height: 330, signal, handleName: 'Input x',
      moved: ([to]) => move(to), pushed: across => move(x + 0.1 * across),
    });
    const units = createUnits(parameters.weights.length, signal, set => { set(parameters); draw(); });
    const summary = createSummary();
    const named = (name, ...controls) => make('div', 'fl-labeled', { role: 'group', 'aria-label': name },
      make('span', 'fl-note', { textContent: name }), ...controls);
    const choices = make('div', 'fl-controls-row', {}, named('Stored parameters', ...shortcuts),
      named('Architecture', nonlinearities.element));
    const left = make('section', '', {}, heading('The function', 'faint: the stored models'), chart.element);
    const right = make('section', '', {}, heading(`${count} parameters`, 'you set them; the activations follow from x'),
      ...units.elements);

    function draw() {
      const ran = runNetwork(parameters, nonlinearity, x);
      const stored = flatParameters(model.parameters);
      const changed = flatParameters(parameters).filter((value, i) => value !== stored[i]).length;
      nonlinearities.show(nonlinearity);
      shortcuts.forEach((one, i) => setPressed(one, state.models[i] === model && !changed));
      units.draw(parameters, nonlinearity, ran);
      summary.show(modelText(count, { name: model.name, changed }, nonlinearity, x, ran));
      const faint = state.models.map(one => ({
        kind: 'line', points: curveOf(one.parameters, nonlinearity), color: 'soft', classes: 'fl-thin fl-faint',
      }));
      const shown = { kind: 'line', points: curveOf(parameters, nonlinearity), color: 'focus', classes: 'fl-strong' };
      const drop = {
        kind: 'line', points: [[x, -LIMIT], [x, ran.output]], color: 'valid', classes: 'fl-thin fl-dashed',
      };
      const side = { low: -LIMIT, high: LIMIT, ticks: 6 };
      chart.draw({
        x: { ...side, name: 'input x' }, y: { ...side, name: 'output' }, shapes: [...faint, shown, drop],
        handle: { point: [x, ran.output], text: `x ${twoDigits(x)}, output ${twoDigits(ran.output)}` },
      });
    }
    return { parts: [choices, make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
