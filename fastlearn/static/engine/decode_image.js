// Decodes a file into the pixels that the network sees. Runs in the worker, so that the page stays responsive.
import { preparedSize, resizeTo } from './resize.js'

const WIDEST = 4;       // of a strip, only the middle is kept, this many times as long as it is wide
const MOST = 2 ** 26;   // pixels; more would not fit into the memory of a phone

/** The message for a file that is not an image. */
const problemOf = ({ name, size }) => {
  return size ? `${name} cannot be read as an image` : `${name} is empty (0 bytes)`;
};

/**
 * @param {Blob & {name?: string}} file @param {number} size  of the shorter side after resizing
 * @returns {Promise<{width: number, height: number, pixels: Uint8Array}>} pixels: (3, height, width)
 */
export async function decodeImage(file, size) {
  let bitmap = null;
  try { bitmap = await createImageBitmap(file); } catch { throw new Error(problemOf(file)); }
  try {
    const [width, height] = [bitmap.width, bitmap.height].map(side => {
      return Math.min(side, WIDEST * Math.min(bitmap.width, bitmap.height));
    });
    if (width * height > MOST) {
      throw new Error(`${file.name} has ${bitmap.width} x ${bitmap.height} pixels, which is too many; make it smaller`);
    }
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.fillStyle = 'white';  // the background of transparent pixels
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, -Math.floor((bitmap.width - width) / 2), -Math.floor((bitmap.height - height) / 2));
    const [newWidth, newHeight] = preparedSize(width, height, size);
    const { data } = context.getImageData(0, 0, width, height);
    return { width: newWidth, height: newHeight, pixels: resizeTo(data, width, height, newWidth, newHeight) };
  } finally { bitmap.close(); }
}

/**
 * Cuts many images out of one.
 * @param {[number, number, number, number][]} cells  left, top, width and height of each
 * @returns {Promise<{pixels: Uint8Array, places: [number, number, number][]}>} see Images
 */
export async function unpackImages(file, cells) {
  const bitmap = await createImageBitmap(file);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = new Uint8Array(cells.reduce((sum, [, , width, height]) => sum + 3 * width * height, 0));
  let at = 0;
  const places = cells.map(([left, top, width, height]) => {
    const { data } = context.getImageData(left, top, width, height);
    const area = width * height;
    for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) pixels[at + c * area + i] = data[4 * i + c];
    at += 3 * area;
    return [at - 3 * area, width, height];
  });
  return { pixels, places };
}
