// Where a map answers, as a color that is laid over a picture. Pure functions.
import { toBytes } from './decode.js'

/** The bytes of one map on one picture. @returns {Uint8Array} (height * width) */
export function heatmapValues(layer, picture, map) {
  const [, maps, height, width] = layer.heat_shape;
  layer.bytes ??= toBytes(layer.heat);  // once for each layer
  const first = (picture * maps + map) * height * width;
  return layer.bytes.subarray(first, first + height * width);
}

/** Vermilion, the more opaque the stronger the answer. @param {Uint8Array} values @returns {Uint8ClampedArray} */
export function heatmapPixels(values) {
  const pixels = new Uint8ClampedArray(4 * values.length);
  values.forEach((value, i) => pixels.set([230, 80, 0, value * 0.8], 4 * i));
  return pixels;
}
