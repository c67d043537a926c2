// The Run button below the six lines: they run in the page, on drawn images that are part of it.
import { button, make, makeRoot, setText } from '../lib/elements.js'
import { mountView } from '../lib/view.js'
import { part } from './parts.js'
import { DEFAULTS, trainInPage } from './live_run.js'
import { Session } from './session.js'
import { teachStyle } from './teach.css'

/** The drawn images: unpacked in a worker. */
export async function drawnImages(session) {
  const { src, cells, labels, train, vocab, size } = await part('pets');
  const { pixels, places } = await session.ask({ kind: 'unpack', src, cells });
  const all = labels.map((_, i) => i);
  const indices = { train: all.slice(0, train), valid: all.slice(train) };
  return { images: { size, pixels, labels, places }, indices, vocab };
}

/** Draws the button into `element`; `isPressed` runs at once. @returns {() => void} clean-up */
export function mountSixLines(element, { isPressed = false } = {}) {
  const status = make('span', 'fl-note', { role: 'status' });
  const place = make('div', 'fl-live-run');
  let [run, session] = [null, null];
  const close = mountView(element, [teachStyle], signal => {
    run = button('▶ Run on this page', 'Run the six lines on this page', signal, start);
    const actions = make('div', 'fl-actions', {}, run, status);
    return { root: makeRoot('fl-run fl-six-lines', 'The six lines on this page', actions) };
  });
  element.append(place);
  run.classList.add('fl-main');

  async function start() {
    run.disabled = true;
    session?.close();
    session = new Session();
    try {
      setText(status, 'Fetching weights and images …');
      const data = await drawnImages(session);
      setText(status, `Training on ${data.indices.train.length} drawn images in your browser.`);
      data.given = [data.images.pixels.buffer];
      const { status: how } = await trainInPage(place, session, data, DEFAULTS, 42);
      setText(status, how === 'done' ? 'Done. Drag the slider back, or press ▶.' : `The run ${how}.`);
    } catch (error) { setText(status, error.message); }
    session.close();
    run.disabled = false;
    setText(run, '▶ Run again');
  }
  setText(status, 'Trains in your browser; nothing leaves your machine.');
  if (isPressed) start();
  return () => { close(); session?.close(); element.replaceChildren(); };
}
