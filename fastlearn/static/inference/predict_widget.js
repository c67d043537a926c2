// Pictures on their way to the kernel: chosen, or dropped here; one after the other, each in pieces.
import { createShadowHost, make, makeRoot, setText, whileConnected } from '../lib/elements.js'
import { followTheme } from '../lib/theme.js'
import { predictWidgetStyle } from './predict_widget.css'

const CHUNK = 2 ** 20;  // bytes; a server closes the connection at messages above 10 MiB, and one can stop in between

/** The numbers of bytes at which the pieces of a file begin; an empty file is one piece. */
export function chunkStarts(size) {
  return Array.from({ length: Math.max(1, Math.ceil(size / CHUNK)) }, (_, i) => i * CHUNK);
}

/**
 * Sends one file, and waits until the kernel has answered.
 * @param {import('@anywidget/types').AnyModel} model
 * @param {File} file
 * @param {number} number that the answer will have
 * @param {AbortSignal} signal
 */
async function sendFile(model, file, number, signal) {
  const about = { number, name: file.name, size: file.size };
  const answered = new Promise(done => {
    const hear = message => { if (message.answered === number) { model.off('msg:custom', hear); done(); } };
    model.on('msg:custom', hear);
    signal.addEventListener('abort', () => { model.off('msg:custom', hear); done(); });
  });
  const starts = file.size > model.get('limit') ? [] : chunkStarts(file.size);
  if (!starts.length) model.send({ ...about, piece: 0, last: true, refused: true });
  for (const [piece, start] of starts.entries()) {
    const content = await file.slice(start, start + CHUNK).arrayBuffer();
    model.send({ ...about, piece, last: piece === starts.length - 1 }, undefined, [content]);
  }
  await answered;
}

function render({ model, el }) {
  const ending = new AbortController();
  const { signal } = ending;
  const input = make('input', '', { type: 'file', id: 'files', multiple: true, accept: 'image/*' });
  const label = make('label', '', { htmlFor: 'files', textContent: 'Drop pictures here, or choose them:' });
  const status = make('p', '', { role: 'status' });
  const root = makeRoot('fl-run fl-upload', 'Pictures to predict', label, input, status);
  const host = createShadowHost(root, predictWidgetStyle);
  el.append(host);

  const waiting = [];
  let number = Math.floor(Math.random() * 2 ** 40);  // a page that is opened twice shares the kernel's side
  let busy = false;
  async function take(files) {
    waiting.push(...files);
    if (busy) return;
    busy = true;
    while (waiting.length && !signal.aborted) {
      const file = waiting.shift();
      setText(status, `${file.name}: waiting for the answer${waiting.length ? `, ${waiting.length} more to go` : ''}`);
      try { await sendFile(model, file, ++number, signal); }
      catch (error) { setText(status, `${file.name} could not be read: ${error.message}`); }
    }
    busy = false;
  }
  const tell = () => setText(status, model.get('said'));
  model.on('change:said', tell);
  signal.addEventListener('abort', () => model.off('change:said', tell));
  input.addEventListener('change', () => { const chosen = [...input.files]; input.value = ''; take(chosen); }, { signal });
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) root.addEventListener(kind, event => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    root.classList.toggle('fl-over', kind.startsWith('drage') || kind === 'dragover');
    if (kind === 'drop') take([...event.dataTransfer.files]);
  }, { signal });
  whileConnected(root, signal, () => {}, shown => followTheme(root, shown, () => {}));
  tell();
  return () => { ending.abort(); host.remove(); };
}

export default { render };
