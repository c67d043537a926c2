// Filters as pictures. The first three are pure.

/**
 * Grey levels or colors of one filter, its own smallest weight black and its largest white, all channels together.
 * @param {Float32Array} weights (filters, channels, height, width)
 * @param {number[]} shape
 * @returns {Uint8ClampedArray} (height, width, 4)
 */
export function normalizedPixels(weights, shape, filter) {
  const size = shape[1] * shape[2] * shape[3];
  let [low, high] = [Infinity, -Infinity];
  for (let i = filter * size; i < (filter + 1) * size; i++) {
    if (weights[i] < low) low = weights[i];
    if (weights[i] > high) high = weights[i];
  }
  const factor = high > low ? 255 / (high - low) : 0;
  return toPixels(weights, shape, filter, weight => (factor ? (weight - low) * factor : 128));
}

/** The change of one filter: grey where unchanged; `gain` times the change, from -1 (black) to 1 (white). */
export function changePixels(change, shape, filter, gain) {
  return toPixels(change, shape, filter, weight => 127.5 * (1 + weight * gain));
}

/** What all changes can be multiplied by until the largest reaches 1. @returns {number} 0: nothing changed */
export function gainOf(change) {
  let largest = 0;
  for (const weight of change) if (Math.abs(weight) > largest) largest = Math.abs(weight);
  return largest > 0 ? 1 / largest : 0;
}

/** Three channels become red, green and blue; of any other number, the mean becomes grey. */
function toPixels(weights, [, channels, height, width], filter, level) {
  const area = height * width;
  const pixels = new Uint8ClampedArray(4 * area);
  for (let i = 0; i < area; i++) {
    const at = channel => level(weights[(filter * channels + channel) * area + i]);
    if (channels === 3) {
      for (let channel = 0; channel < 3; channel++) pixels[4 * i + channel] = Math.round(at(channel));
    } else {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) sum += at(channel);
      pixels.fill(Math.round(sum / channels), 4 * i, 4 * i + 3);
    }
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/** Puts the pixels on a canvas, one to one; CSS enlarges it, with crisp edges. */
export function showPixels(canvas, pixels, width) {
  const height = pixels.length / 4 / width;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext('2d').putImageData(new ImageData(pixels, width, height), 0, 0);
}
