// A convolution by hand: a window that you move over an image, its products, their sum, and the map that fills.
import { toBytes } from '../lib/decode.js'
import { button, choice, heading, make, setPressed, setText } from '../lib/elements.js'
import { clamp } from '../lib/numbers.js'
import { normalizedPixels, showPixels } from '../lib/pixels.js'
import { twoDigits } from '../lib/text.js'
import { createGrid, createView, placeMarker, signedPixels } from './bench_views.js'
import { featureMap, maxPool, paintedFilters, relu, strongestFilters, windowProducts } from './convolve.js'
import { createSlider, createSummary, openFrame } from './frame.js'

/**
 * @typedef {object} Bench
 * @property {string} title
 * @property {number} size  of the image
 * @property {string} image  bytes of RGB, base64
 * @property {number[]} mean  of each color, by which the network normalizes
 * @property {number[]} std
 * @property {number} width  of a filter
 * @property {Record<string, {bytes: string, scale: number}>} filters  name -> weights/scale as signed bytes
 */

const OWN = 'yours';
const EDGES = [-1, -1, -1, 0, 1, 1, 1];   // the weights before you paint: a vertical edge
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param {Bench} state @returns {import('./convolve.js').Picture} */
function readPicture({ size, image, mean, std }) {
  const bytes = toBytes(image);
  const values = new Float32Array(3 * size * size);
  for (let i = 0; i < values.length; i++) {
    const [color, at] = [Math.floor(i / (size * size)), i % (size * size)];
    values[i] = (bytes[3 * at + color] / 255 - mean[color]) / std[color];
  }
  return { size, values, rgb: bytes };
}

/** @param {HTMLElement} element @param {Bench} state @returns {() => void} clean-up */
export function mountConvolution(element, state) {
  return openFrame(element, state.title, signal => {
    const picture = readPicture(state);
    const painted = Array.from({ length: state.width ** 2 }, (_, i) => EDGES[i % state.width] ?? 0);
    const stored = Object.fromEntries(Object.entries(state.filters).map(([name, { bytes, scale }]) => [name, {
      width: state.width, weights: Float32Array.from(new Int8Array(toBytes(bytes).buffer), value => value * scale),
    }]));
    const names = [...Object.keys(stored), OWN];
    let [source, filter, stride, row, column, isRectified, isPooled] = [names[0], 0, 2, 24, 24, false, false];
    let [map, seen, key] = [null, new Set(), ''];
    const filters = () => (source === OWN ? paintedFilters(painted) : stored[source]);
    const set = change => { change(); draw(); };
    const move = (y, x) => set(() => {
      const most = Math.ceil(state.size / stride) * stride - stride;
      [row, column] = [y, x].map(value => clamp(Math.round(value / stride) * stride, 0, most));
    });

    const image = createView('Image: move the window with the arrow keys or the pointer', true);
    const pixels = Uint8ClampedArray.from({ length: 4 * state.size ** 2 }, (_, i) => (
      i % 4 === 3 ? 255 : picture.rgb[3 * Math.floor(i / 4) + i % 4]));
    showPixels(image.canvas, pixels, state.size);
    const output = createView('Feature map', false);
    const grid = createGrid(state.width, signal, i => {
      if (source === OWN) set(() => { painted[i] = painted[i] === 1 ? -1 : painted[i] + 1; });
    });
    const pointed = event => {
      const box = image.canvas.getBoundingClientRect();
      move(...[(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width]
        .map(share => Math.floor(share * state.size)));
    };
    const listen = (kind, heard) => image.element.addEventListener(kind, heard, { signal });
    listen('pointerdown', event => { image.element.setPointerCapture(event.pointerId); pointed(event); });
    listen('pointermove', event => { if (image.element.hasPointerCapture(event.pointerId)) pointed(event); });
    listen('keydown', event => {
      const by = ARROWS[event.key];
      if (!by) return;
      event.preventDefault();
      move(row + by[0] * stride, column + by[1] * stride);
    });
    const sources = choice('Filters', Object.fromEntries(names.map(name => [name, name])), signal,
      chosen => set(() => { source = chosen; }));
    const count = Object.values(stored)[0].weights.length / (3 * state.width ** 2);
    const slider = createSlider({
      name: 'filter', low: 1, high: count, signal, changed: value => set(() => { filter = value - 1; }),
    });
    const strides = choice('Stride', { 1: 'stride 1', 2: 'stride 2' }, signal, value => set(() => {
      stride = Number(value);
      [row, column] = [row, column].map(at => Math.floor(at / stride) * stride);
    }));
    const rectify = button('ReLU', 'Set negative numbers to 0', signal, () => set(() => {
      isRectified = !isRectified;
    }));
    const pool = button('max pool', 'Keep the largest of each 3x3 window', signal, () => set(() => {
      isPooled = !isPooled;
    }));
    const fill = button('fill the map', 'Move the window everywhere', signal, () => set(() => {
      for (let i = 0; i < map.values.length; i++) seen.add(i);
    }));
    const active = button('which filters are active here?', 'The five largest sums at this window', signal, () => {
      const found = strongestFilters(picture, filters(), row, column, 5);
      const said = found.map(one => `filter ${one.filter + 1}: ${twoDigits(one.value)}`).join(', ');
      setText(answer, `Largest sums here: ${said}.`);
      set(() => { filter = found[0].filter; });
    });
    const answer = make('p', 'fl-meaning', { role: 'status' });
    const weights = make('canvas', 'fl-bench-filter', { role: 'img', 'aria-label': 'The weights of the filter' });
    const summary = createSummary();

    function draw() {
      const now = filters();
      if (source === OWN) filter = 0;
      const newKey = [source, filter, stride, painted].join();
      if (newKey !== key) { map = featureMap(picture, now, filter, stride); seen = new Set(); key = newKey; }
      const at = row / stride * map.side + column / stride;
      seen.add(at);
      const products = windowProducts(picture, now, filter, row, column);
      sources.show(source);
      strides.show(String(stride));
      slider.show(filter + 1);
      slider.element.hidden = active.hidden = source === OWN;
      setPressed(rectify, isRectified);
      setPressed(pool, isPooled);
      drawWindow(now);
      drawGrid(products);
      const shown = isRectified ? relu(map) : map;
      const last = isPooled ? maxPool(shown) : shown;
      const scale = isPooled ? 2 : 1;
      const known = i => seen.has(i) || (isPooled && seen.size === map.values.length);
      showPixels(output.canvas, signedPixels(last.values, known), last.side);
      placeMarker(output, Math.floor(row / stride / scale), Math.floor(column / stride / scale), 1, last.side);
      summary.show(`Window at row ${row}, column ${column}: the ${3 * products.length} products add up to `
        + `${twoDigits(map.values[at])}${isRectified ? `, after ReLU ${twoDigits(shown.values[at])}` : ''}. `
        + `The map has ${last.side} x ${last.side} positions.`);
    }
    function drawWindow(now) {
      placeMarker(image, row - (state.width - 1) / 2, column - (state.width - 1) / 2, state.width, state.size);
      showPixels(weights, normalizedPixels(now.weights, [0, 3, state.width, state.width], filter), state.width);
    }
    function drawGrid(products) {
      const numbers = source === OWN ? painted : products;
      const colors = signedPixels(Float32Array.from(numbers), () => true);
      grid.element.setAttribute('aria-label', source === OWN ? 'Your filter' : 'Products');
      grid.cells.forEach((cell, i) => {
        setText(cell, source === OWN ? String(painted[i]).replace('-', '−') : twoDigits(products[i]));
        cell.disabled = source !== OWN;
        cell.style.background = `rgb(${colors.slice(4 * i, 4 * i + 3).join()})`;
        cell.style.color = colors[4 * i] < 90 ? '#ffffff' : '';
      });
    }
    const controls = make('div', 'fl-controls-row', {}, sources.element, slider.element, weights, strides.element,
                          rectify, pool, fill, active);
    const part = (title, note, view) => make('section', '', {}, heading(title, note), view);
    const parts = make('div', 'fl-bench', {}, part('Image', 'drag the window', image.element),
                       part('Pixels times weights', 'R + G + B', grid.element),
                       part('Feature map', 'one number for each position', output.element));
    return { parts: [controls, parts, summary.element, answer], draw };
  });
}
