// The parts of the convolution bench: square views with a marker, and a grid of numbers.
import { make } from '../lib/elements.js'

/** Blue: negative, orange: positive. @returns {Uint8ClampedArray} of RGBA */
export function signedPixels(values, isKnown) {
  const most = Math.max(1e-9, ...values.map(Math.abs));
  const pixels = new Uint8ClampedArray(4 * values.length);
  values.forEach((value, i) => {
    const strength = Math.abs(value) / most;
    const color = value < 0 ? [0, 114, 178] : [213, 94, 0];
    for (let k = 0; k < 3; k++) pixels[4 * i + k] = 255 - strength * (255 - color[k]);
    pixels[4 * i + 3] = isKnown(i) ? 255 : 0;
  });
  return pixels;
}

/** A square view with a marker over a canvas. */
export function createView(name, isMovable) {
  const [canvas, marker] = [make('canvas', 'fl-bench-canvas'), make('i', 'fl-bench-marker')];
  const properties = isMovable ? { tabIndex: 0, role: 'group' } : { role: 'img' };
  const element = make('div', 'fl-bench-view', { ...properties, 'aria-label': name }, canvas, marker);
  return { canvas, marker, element };
}

export function placeMarker({ marker }, row, column, width, of) {
  const [top, left, side] = [row, column, width].map(value => `${100 * value / of}%`);
  Object.assign(marker.style, { top, left, width: side, height: side });
}

/** The grid of products or of painted weights. */
export function createGrid(width, signal, pressed) {
  const cells = Array.from({ length: width * width }, (_, i) => {
    const one = make('button', 'fl-bench-cell', { type: 'button' });
    one.addEventListener('click', () => pressed(i), { signal });
    return one;
  });
  const element = make('div', 'fl-bench-grid', { role: 'group' }, ...cells);
  element.style.gridTemplateColumns = `repeat(${width}, 1fr)`;
  return { element, cells };
}
