// Convolution, ReLU, and max pooling in plain loops. Pure functions.

/**
 * @typedef {object} Picture
 * @property {number} size  pixels, of both sides
 * @property {Float32Array} values  normalized, (3, size, size)
 *
 * @typedef {object} Filters
 * @property {Float32Array} weights  (filters, 3, width, width)
 * @property {number} width
 */

/** The products of one filter and the window around a pixel, summed over the colors. @returns {Float32Array} */
export function windowProducts({ size, values }, { weights, width }, filter, row, column) {
  const [half, area] = [(width - 1) / 2, width * width];
  const products = new Float32Array(area);
  for (let i = 0; i < area; i++) {
    const [y, x] = [row - half + Math.floor(i / width), column - half + i % width];
    if (y < 0 || x < 0 || y >= size || x >= size) continue;         // pixels outside the image are 0
    for (let color = 0; color < 3; color++) {
      products[i] += values[(color * size + y) * size + x] * weights[(filter * 3 + color) * area + i];
    }
  }
  return products;
}

const sum = numbers => numbers.reduce((total, one) => total + one, 0);

/** The feature map of one filter. @returns {{side: number, values: Float32Array}} */
export function featureMap(picture, filters, filter, stride) {
  const side = Math.ceil(picture.size / stride);
  const values = Float32Array.from({ length: side * side }, (_, i) => (
    sum(windowProducts(picture, filters, filter, stride * Math.floor(i / side), stride * (i % side)))));
  return { side, values };
}

export const relu = ({ side, values }) => ({ side, values: values.map(value => Math.max(0, value)) });

/** The largest value of each 3x3 window, at every second position. */
export function maxPool({ side, values }) {
  const half = Math.ceil(side / 2);
  const pooled = Float32Array.from({ length: half * half }, (_, i) => {
    let largest = -Infinity;
    for (let dy = -1; dy < 2; dy++) {
      for (let dx = -1; dx < 2; dx++) {
        const [y, x] = [2 * Math.floor(i / half) + dy, 2 * (i % half) + dx];
        if (y >= 0 && x >= 0 && y < side && x < side) largest = Math.max(largest, values[y * side + x]);
      }
    }
    return largest;
  });
  return { side: half, values: pooled };
}

/** The filters with the largest sums at a window, the largest first. @returns {{filter: number, value: number}[]} */
export function strongestFilters(picture, filters, row, column, most) {
  const count = filters.weights.length / (3 * filters.width ** 2);
  return Array.from({ length: count }, (_, filter) => (
    { filter, value: sum(windowProducts(picture, filters, filter, row, column)) }))
    .sort((a, b) => b.value - a.value).slice(0, most);
}

/** A filter of your own: the same weights for all colors. @param {number[]} painted  -1, 0, or 1 for each pixel */
export function paintedFilters(painted) {
  const third = painted.map(value => value / 3);
  return { width: Math.sqrt(painted.length), weights: Float32Array.from([...third, ...third, ...third]) };
}
