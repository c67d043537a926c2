// Sends chosen or dropped images to the kernel, one after the other, each in chunks.
import { make, makeRoot, setText } from '../lib/elements.js'
import { mountView } from '../lib/view.js'
import { predictWidgetStyle } from './predict_widget.css'

// Bytes. A server closes the connection at messages above 10 MiB; between two chunks, sending can be aborted.
const CHUNK = 2 ** 20;

/** The byte offsets of the chunks of a file; an empty file is one chunk. */
export function chunkStarts(size) {
  return Array.from({ length: Math.max(1, Math.ceil(size / CHUNK)) }, (_, i) => i * CHUNK);
}

/**
 * Sends one file and waits for the kernel's prediction.
 * @param {import('@anywidget/types').AnyModel} model
 * @param {File} file
 * @param {number} number  identifies the answer
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

function build(model, signal) {
  const input = make('input', '', { type: 'file', id: 'files', multiple: true, accept: 'image/*' });
  const label = make('label', '', { htmlFor: 'files', textContent: 'Drop images here, or choose files:' });
  const status = make('p', '', { role: 'status' });
  const root = makeRoot('fl-run fl-upload', 'Images to predict', label, input, status);

  const waiting = [];
  let number = Math.floor(Math.random() * 2 ** 40);  // random, because a page that is open twice shares one kernel
  let busy = false;
  async function sendAll(files) {
    waiting.push(...files);
    if (busy) return;
    busy = true;
    while (waiting.length && !signal.aborted) {
      const file = waiting.shift();
      setText(status, `${file.name}: waiting for the prediction${waiting.length ? `, ${waiting.length} more` : ''}`);
      try { await sendFile(model, file, ++number, signal); }
      catch (error) { setText(status, `${file.name} could not be read (${error.message}); choose it again`); }
    }
    busy = false;
  }
  const showStatus = () => setText(status, model.get('said'));
  model.on('change:said', showStatus);
  signal.addEventListener('abort', () => model.off('change:said', showStatus));
  input.addEventListener('change', () => {
    const chosen = [...input.files];
    input.value = '';
    sendAll(chosen);
  }, { signal });
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) root.addEventListener(kind, event => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    root.classList.toggle('fl-over', kind.startsWith('drage') || kind === 'dragover');
    if (kind === 'drop') sendAll([...event.dataTransfer.files]);
  }, { signal });
  showStatus();
  return { root };
}

export default { render: ({ model, el }) => mountView(el, [predictWidgetStyle], signal => build(model, signal)) };
