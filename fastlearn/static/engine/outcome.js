// What the user does with a trained model: test it, compare runs, save it, or open one that Python exported.
import { button, heading, make, setText } from '../lib/elements.js'
import { acceptDrops, leftOutText, looksLikeImage } from './files.js'
import { download, frozenState, pictureOf, replayPage } from './live_run.js'
import { part } from './parts.js'
import { answerCard, confusion, confusionTable, createRunTable, doneText, errorSentence } from './results.js'

const MOST_ANSWERS = 24;  // cards; older ones are removed

/**
 * @param {object} tools
 * @param {import('./session.js').Session} tools.session
 * @param {(file: File, size: number) => Promise<object>} tools.decode
 * @param {() => boolean} tools.isBusy  while it trains
 */
export function createOutcome({ signal, session, decode, isBusy }) {
  let [vocab, size, last] = [[], 0, null];
  const runs = [];
  const said = make('p', '', { role: 'status' });
  const matrix = make('div');
  const table = createRunTable();
  const compared = make('div');
  const answers = make('div', 'fl-answers');
  const status = make('p', 'fl-note', { role: 'status' });
  const opened = make('span', 'fl-note', { role: 'status' });
  const outcome = { onShown: () => {}, show, elements: [], opening: [] };
  const [tryInput, modelInput] = [['image/*', true], ['.safetensors', false]].map(([accept, multiple]) => {
    return make('input', '', { type: 'file', accept, multiple, hidden: true, tabIndex: -1 });
  });
  const choose = button('Choose images', 'Choose images to predict', signal, () => tryInput.click());
  const model = button('Download the model', 'Download the model: load_learner opens it in Python', signal, saveModel);
  const replay = button('Download the run', 'Download the run as a page that plays without Python', signal, saveRun);
  const compare = button('Compare the last two runs', 'Compare the last two runs', signal, compareRuns);
  const open = button('Open a model from Python', 'Open a model from Python, written by learn.export', signal,
    () => modelInput.click());
  const asking = make('section', 'fl-section fl-drop', {},
    make('div', 'fl-actions', {}, choose, tryInput, make('span', 'fl-note', { textContent: 'or drop them here' })),
    status, answers);
  acceptDrops(asking, signal, files => ask(files.map(({ file }) => file)));
  outcome.opening = [open, modelInput, opened];
  outcome.elements = [heading('3 · What it has learned'), said, matrix, heading('Predict new images'), asking,
    heading('Save it'), make('div', 'fl-actions', {}, model, replay), heading('Runs', 'on the same held-out images'),
    table.element, make('div', 'fl-actions', {}, compare), compared];

  /** Shows the outcome of a run. @returns {string} it in a sentence */
  function show({ vocab: names, images, indices, run, words }) {
    const truths = indices.valid.map(i => images.labels[i]);
    [vocab, size, last] = [names, images.size, run];
    const wrong = truths.filter((truth, i) => truth !== run.answers[i]).length;
    errorSentence(said, wrong, truths.length);
    matrix.replaceChildren(confusionTable(vocab, confusion(truths, run.answers, vocab.length)));
    table.add(words, run.model.get('run_state').epochs, run.status);
    runs.push({ name: `run ${runs.length + 1}`, state: frozenState(run.model) });
    if (runs.length > 2) runs[runs.length - 3].state = null;  // two are compared; the memory of older ones is released
    compare.hidden = runs.length < 2;
    replay.hidden = false;
    answers.replaceChildren();
    outcome.onShown();
    return doneText(wrong, truths.length);
  }
  async function ask(files) {
    const wanted = files.filter(looksLikeImage);
    for (const file of wanted) {
      if (isBusy()) { setText(status, 'The network is training; predict images when it is done.'); return; }
      try {
        const image = await decode(file, size);
        const { pixels, width, height } = image;
        const { shares } = await session.ask({ kind: 'predict', pixels, width, height });
        answers.prepend(answerCard(pictureOf(image), file.name, vocab, shares));
        while (answers.children.length > MOST_ANSWERS) answers.lastChild.remove();
        setText(status, `${file.name}: ${vocab[shares.indexOf(Math.max(...shares))]}`);
      } catch (error) { setText(status, error.message); }
    }
    const leftOut = leftOutText(files);
    if (leftOut) setText(status, [wanted.length ? status.textContent : '', leftOut].filter(Boolean).join('; '));
  }
  async function saveModel() {
    try {
      const { bytes } = await session.ask({ kind: 'save', vocab });
      download('model.safetensors', bytes, 'application/octet-stream');
      setText(status, "In Python: load_learner('model.safetensors')");
    } catch (error) { setText(status, error.message); }
  }
  async function saveRun() { download('run.html', await replayPage(last.model, vocab.join(', ')), 'text/html'); }
  async function compareRuns() {
    const { mountCompare } = (await part('compare'))();
    const two = runs.slice(-2);
    compared.replaceChildren();
    mountCompare(compared, { names: two.map(({ name }) => name), runs: two.map(({ state }) => state) });
  }
  async function openModel(file) {
    if (isBusy()) { setText(opened, 'The network is training; open the model when it is done.'); return; }
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const found = await session.ask({ kind: 'open', model: bytes });
      [vocab, size, last] = [found.vocab, found.size, null];
      setText(opened, `${file.name}: its classes are ${vocab.join(', ')}`);
      setText(said, 'This model was trained elsewhere. Predict images with it below.');
      matrix.replaceChildren();
      answers.replaceChildren();
      [replay.hidden, compare.hidden] = [true, true];
      outcome.onShown();
    } catch (error) { setText(opened, `${file.name}: ${error.message}`); }
  }
  const hear = (input, heard) => input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    heard(files);
  }, { signal });
  hear(tryInput, ask);
  hear(modelInput, ([file]) => file && openModel(file));
  return outcome;
}
