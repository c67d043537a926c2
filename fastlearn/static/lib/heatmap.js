// Activation maps as a color overlay. Pure functions.
import { toBytes } from './decode.js'

/** The activation map of one channel for one image. @returns {Uint8Array} (height * width) */
export function heatmapValues(layer, image, map) {
  const [, maps, height, width] = layer.heat_shape;
  layer.bytes ??= toBytes(layer.heat);  // decoded once per layer
  const first = (image * maps + map) * height * width;
  return layer.bytes.subarray(first, first + height * width);
}

/** Vermilion, more opaque where the activation is stronger. @param {Uint8Array} values @returns {Uint8ClampedArray} */
export function heatmapPixels(values) {
  const pixels = new Uint8ClampedArray(4 * values.length);
  values.forEach((value, i) => pixels.set([230, 80, 0, value * 0.8], 4 * i));
  return pixels;
}
