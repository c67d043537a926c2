// Filters as images. The first three functions are pure.

/**
 * The pixels of one filter, scaled over all channels so that its smallest weight is black and its largest white.
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

/** The difference of one filter times `gain`, from -1 (black) to 1 (white); gray: unchanged. */
export function changePixels(change, shape, filter, gain) {
  return toPixels(change, shape, filter, weight => 127.5 * (1 + weight * gain));
}

/** The factor that scales the largest change to 1. @returns {number} 0: no change */
export function gainOf(change) {
  let largest = 0;
  for (const weight of change) if (Math.abs(weight) > largest) largest = Math.abs(weight);
  return largest > 0 ? 1 / largest : 0;
}

/** Three channels are shown as RGB; for any other number, the mean is shown in gray. */
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

/** Draws the pixels one to one; CSS enlarges the canvas without smoothing. */
export function showPixels(canvas, pixels, width) {
  const height = pixels.length / 4 / width;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext('2d').putImageData(new ImageData(pixels, width, height), 0, 0);
}
