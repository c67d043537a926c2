// Resizes images as Pillow does (bilinear, with a filter as wide as the pixels that are combined), so that
// the network gets the same pixels in the browser as from `Resize` in Python. Pure functions.

/** Which old pixels make each new one, and how much each counts. @returns {{from: number, shares: number[]}[]} */
export function contributions(old, length) {
  const scale = old / length;
  const reach = Math.max(1, scale);
  return Array.from({ length }, (_, i) => {
    const center = (i + 0.5) * scale;
    const from = Math.max(0, Math.floor(center - reach + 0.5));
    const to = Math.min(old, Math.floor(center + reach + 0.5));
    const weights = Array.from({ length: to - from }, (_, k) => {
      return Math.max(0, 1 - Math.abs((from + k - center + 0.5) / reach));
    });
    const sum = weights.reduce((a, b) => a + b, 0);
    return { from, shares: weights.map(weight => weight / sum) };
  });
}

/** @param {Uint8ClampedArray} pixels  (height, width, 4) @returns {Uint8Array} (3, newHeight, newWidth) */
export function resizeTo(pixels, width, height, newWidth, newHeight) {
  const rows = new Uint8ClampedArray(3 * height * newWidth);  // resized horizontally, and rounded as Pillow does
  contributions(width, newWidth).forEach(({ from, shares }, x) => {
    for (let y = 0; y < height; y++) {
      let [red, green, blue] = [0, 0, 0];
      let at = 4 * (y * width + from);
      for (let k = 0; k < shares.length; k++, at += 4) {
        red += shares[k] * pixels[at];
        green += shares[k] * pixels[at + 1];
        blue += shares[k] * pixels[at + 2];
      }
      rows[y * newWidth + x] = red;
      rows[(height + y) * newWidth + x] = green;
      rows[(2 * height + y) * newWidth + x] = blue;
    }
  });
  const out = new Uint8ClampedArray(3 * newHeight * newWidth);
  contributions(height, newHeight).forEach(({ from, shares }, y) => {
    for (let c = 0; c < 3; c++) {
      for (let x = 0; x < newWidth; x++) {
        let sum = 0;
        for (let k = 0; k < shares.length; k++) sum += shares[k] * rows[(c * height + from + k) * newWidth + x];
        out[(c * newHeight + y) * newWidth + x] = sum;
      }
    }
  });
  return new Uint8Array(out.buffer);
}

/** Width and height at which the shorter side is `size`; of a long strip only the middle is kept. */
export function preparedSize(width, height, size) {
  const fit = Math.max(size / width, size / height);
  return [width, height].map(side => Math.min(4 * size, Math.max(size, Math.round(fit * side))));
}
