// The page "Teach it your pictures": classes, a check, training with the dashboard, and what it has learned.
import { button, createShadowHost, heading, make, makeRoot, setText, whileConnected } from '../lib/elements.js'
import { followTheme } from '../lib/theme.js'
import { createChoices } from './choices.js'
import { createClassList } from './class_list.js'
import { createOutcome } from './outcome.js'
import { randomFrom, split } from './random.js'
import { Session } from './session.js'
import { drawnImages } from './six_lines.js'
import { trainInPage } from './live_run.js'
import { teachStyle } from './teach.css'

const [SIZE, HELD_OUT, SEED] = [64, 0.25, 42];
const TO_TRAIN = 'To train, choose images of at least two classes, or try the drawn cats and dogs.';

/** All images in one block of bytes. @param {{name: string, images: object[]}[]} classes */
export function packImages(classes, size) {
  const all = classes.flatMap(({ images }, label) => images.map(image => ({ ...image, label })));
  const pixels = new Uint8Array(all.reduce((sum, image) => sum + image.pixels.length, 0));
  let at = 0;
  const places = all.map(image => {
    pixels.set(image.pixels, at);
    at += image.pixels.length;
    return [at - image.pixels.length, image.width, image.height];
  });
  return { size, pixels, places, labels: all.map(({ label }) => label) };
}

/** The drawn images as classes. */
function asClasses({ images: { pixels, places, labels }, vocab }, each = 60) {
  return vocab.map((name, label) => {
    const own = labels.map((_, i) => i).filter(i => labels[i] === label).slice(0, each);
    return { name, images: own.map(i => {
      const [at, width, height] = places[i];
      return { name: `${name} ${i}`, width, height, pixels: pixels.slice(at, at + 3 * width * height) };
    }) };
  });
}

/** Draws the page into `element`. @returns {() => void} clean-up */
export function mountTeach(element) {
  const ending = new AbortController();
  const { signal } = ending;
  const session = new Session();
  let [isTraining, checks, leave] = [false, 0, null];
  const list = createClassList({ signal, decode, changed });
  const choices = createChoices();
  const findings = make('ul', 'fl-findings');
  const train = button('▶ Train', 'Train', signal, start);
  const drawn = button('Try it with drawn cats and dogs', 'Try it with drawn cats and dogs', signal, fillDrawn);
  const status = make('p', 'fl-note', { role: 'status' });
  const live = make('div', 'fl-live-run');
  const outcome = createOutcome({ signal, session, decode, isBusy: () => isTraining });
  const secret = make('p', 'fl-note', {
    textContent: 'Everything happens on this page: no image, no name, and no model leaves your machine.',
  });
  const see = button('See the result ↓', 'See the result, below the dashboard', signal, () => {
    outcome.elements[0].scrollIntoView();
  });
  see.hidden = true;
  const root = makeRoot('fl-run fl-teach', 'Teach it your pictures', secret,
    heading('1 · Your images', `each belongs to one class; the network sees it at ${SIZE} x ${SIZE} pixels`),
    list.element,
    make('div', 'fl-actions', {}, drawn, ...outcome.opening),
    heading('2 · Train', 'a quarter of the images are held out for validation'), choices.element,
    make('div', '', { role: 'status' }, findings),
    make('div', 'fl-actions', {}, train, see), status);
  const host = createShadowHost(root, teachStyle);
  const after = makeRoot('fl-run fl-teach', 'What it has learned', ...outcome.elements);
  const afterHost = createShadowHost(after, teachStyle);
  train.classList.add('fl-main');
  after.hidden = true;
  outcome.onShown = () => { after.hidden = false; };
  element.append(host, live, afterHost);

  async function decode(file, size = SIZE) { return session.ask({ kind: 'decode', file, size }); }
  async function changed() {
    const number = ++checks;
    await Promise.resolve();  // the list calls this during its construction
    const classes = list.classes();
    const filled = classes.map(({ name, images }) => {
      return { name, images: images.map(({ name: file, small }) => ({ name: file, small })) };
    });
    const isEmpty = !classes.some(({ images }) => images.length) && !list.unreadable.length;
    const found = isEmpty ? { problems: [], warnings: [] }  // no worker is started before there is an image
      : await session.ask({ kind: 'check', classes: filled, unreadable: list.unreadable });
    if (number === checks) show(found);
    train.disabled ||= isEmpty;
    if (isEmpty) findings.replaceChildren(make('li', 'fl-note', { textContent: TO_TRAIN }));
  }
  function show({ problems, warnings }) {
    const item = kind => textContent => make('li', kind, { textContent });
    findings.replaceChildren(...problems.map(item('fl-problem')), ...warnings.map(item('fl-warning')));
    train.disabled = isTraining || problems.length > 0;
  }
  async function fillDrawn() {
    setText(status, 'Fetching drawn images …');
    try {
      const classes = asClasses(await drawnImages(session));
      for (const { images } of classes) for (const image of images) {
        image.small = (await session.ask({ kind: 'shrink', image })).small;
      }
      list.fill(classes);
      setText(status, '');
    } catch (error) { setText(status, error.message); }
  }
  async function start() {
    const classes = list.classes().filter(({ images }) => images.length);
    const images = packImages(classes, SIZE);
    const indices = split(images.labels, HELD_OUT, randomFrom(SEED));
    const vocab = classes.map(({ name }) => name);
    const options = choices.values(indices.train.length);
    const words = choices.words();
    isTraining = train.disabled = see.hidden = true;
    setText(status, `Training on ${indices.train.length} images; ${indices.valid.length} are held out.`);
    try {
      leave?.();
      const run = await trainInPage(live, session, { images, indices, vocab }, options, SEED);
      leave = run.leave;
      const failed = 'The loss became NaN; choose a smaller learning rate.';
      const done = outcome.show({ vocab, images, indices, run, words });
      setText(status, run.status === 'failed' ? failed : done);
      see.hidden = false;
    } catch (error) { setText(status, error.message); }
    isTraining = false;
    changed();
  }
  const askBeforeLeaving = event => { if (isTraining || list.hasOwn()) event.preventDefault(); };
  window.addEventListener('beforeunload', askBeforeLeaving, { signal });
  whileConnected(root, signal, () => {}, shown => followTheme(root, shown, () => {}));
  whileConnected(after, signal, () => {}, shown => followTheme(after, shown, () => {}));
  return () => { ending.abort(); leave?.(); session.close(); element.replaceChildren(); };
}
