// A training run in the page: the real dashboard, filled by workers instead of a kernel.
import { part, toBase64 } from './parts.js'

export const DEFAULTS = { epochs: 1, rate: 2e-3, batch: 64, isScratch: false, isFrozenFirst: true, trainBn: false };
const EMPTY = {
  about: {}, run_state: {}, pulse: {}, view: {}, curves: '', weight_change: '', filter_history: '', frame: '', stop: 0,
};

/** An image as a data URL for an `img` element. */
export function pictureOf({ width, height, pixels }, at = 0) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const shown = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) shown.data[4 * i + c] = pixels[at + c * width * height + i];
    shown.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(shown, 0, 0);
  return canvas.toDataURL('image/png');
}

/** Held-out images to follow: of all classes in turn. */
export function chooseShown(valid, labels, classes, count = 6) {
  const byClass = Array.from({ length: classes }, (_, c) => valid.filter(i => labels[i] === c));
  const turns = Array.from({ length: count }, (_, turn) => byClass.flatMap(own => own.slice(turn, turn + 1))).flat();
  return turns.slice(0, count);
}

/**
 * Draws the dashboard into `place` and trains.
 * @param {import('./session.js').Session} session
 * @param {{images: import('./lane.js').Images, indices: {train: number[], valid: number[]}, vocab: string[]}} data
 * @param {ArrayBuffer[]} [data.given]  those of its buffers that the page no longer needs
 * @param {object} options  see DEFAULTS
 * @returns {Promise<object>} the answer of the worker, and the traits at the end
 */
export async function trainInPage(place, session, data, options, seed) {
  const { images, indices, vocab, given } = data;
  const { render, staticModel } = (await part('dashboard'))();
  const weights = options.isScratch ? null : await part('weights');
  const model = staticModel({ ...EMPTY });
  model.on('change:stop', () => session.stop());
  place.replaceChildren();
  const leave = render({ model, el: place });
  const shown = chooseShown(indices.valid, images.labels, vocab.length).map(index => {
    const [at, width, height] = images.places[index];
    return { index, src: pictureOf({ width, height, pixels: images.pixels }, at) };
  });
  const title = options.isScratch ? 'resnet10, from scratch' : 'resnet10';
  const facts = { title, vocab, batch: options.batch, shown };
  const setup = { classes: vocab.length, weights, seed };
  const show = traits => { for (const [name, value] of Object.entries(traits)) model.set(name, value); };
  try {
    const ended = await session.train({ setup, images, indices, options, facts }, show, given);
    return { ...ended, leave, model };
  } catch (error) {
    model.set('run_state', { ...model.get('run_state'), status: 'failed' });
    throw error;
  }
}

const BLOCKS = ['curves', 'weight_change', 'filter_history', 'frame'];

/** The state of a run for a page without an engine: blocks of numbers as text. */
export function frozenState(model) {
  const state = Object.fromEntries(Object.keys(EMPTY).map(name => [name, model.get(name)]));
  for (const name of BLOCKS) if (typeof state[name] !== 'string') state[name] = toBase64(state[name]);
  return { ...state, about: { ...state.about, live: false }, pulse: {}, frame: '' };
}

/** The run as one page that plays without Python and without a network. @returns {Promise<string>} HTML */
export async function replayPage(model, title) {
  const safe = text => text.replaceAll('<', '\\u003c');  // no tag can be closed from inside the data
  const escaped = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const script = `const { mount } = (${await part('dashboard')})();\n`
    + `mount(document.body, ${safe(JSON.stringify(frozenState(model)))});`;
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escaped}</title><meta name="viewport" `
    + 'content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"></head>\n'
    + `<body>\n<script>\n${script}\n</script>\n</body></html>\n`;
}

/** Offers bytes or text as a file. */
export function download(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
