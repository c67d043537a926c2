// Cleans the data: shows images of one class and set, largest losses first, to relabel or remove.
import { button, choice, make, makeRoot, setText } from '../lib/elements.js'
import { percentText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { cleanerStyle } from './cleaner.css'

/**
 * @typedef {object} Suspect
 * @property {string} key  "train:17"
 * @property {string} src
 * @property {string} name
 * @property {number} said  index of the predicted class
 * @property {number} probability  of the predicted class, 0-1
 * @property {number} loss
 *
 * @typedef {Record<string, 'remove' | number>} Marks  action for each key; a number is the new class
 */

/** "2 to relabel, 1 to remove" @param {Marks} marks */
export function marksText(marks) {
  const all = Object.values(marks);
  if (!all.length) return 'nothing marked';
  const removed = all.filter(mark => mark === 'remove').length;
  return `${all.length - removed} to relabel, ${removed} to remove`;
}

/** A copy of the marks with `key` set to `value`; "keep" removes the mark. @param {Marks} marks @returns {Marks} */
export function marksWith(marks, key, value) {
  const { [key]: _, ...others } = marks;
  return value === 'keep' ? others : { ...others, [key]: value === 'remove' ? value : Number(value) };
}

function createSelect(name, options, signal, chosen) {
  const element = make('select', '', { 'aria-label': name });
  element.append(...options.map(([value, text]) => make('option', '', { value, textContent: text })));
  element.addEventListener('change', () => chosen(element.value), { signal });
  return element;
}

function createSuspect(image, classes, label, signal, chose) {
  const { key, src, name, said, probability, loss } = image;
  const others = classes.map((text, i) => [String(i), `→ ${text}`]).filter((_, i) => i !== label);
  const options = [['keep', `keep ${classes[label]}`], ['remove', 'remove'], ...others];
  const select = createSelect(`Action for ${name}`, options, signal, value => chose(key, value));
  const caption = make('figcaption', '', {}, `${percentText(probability)} ${classes[said]}`,
    make('span', 'fl-note', { textContent: `loss ${loss.toFixed(2)}` }),
    make('span', 'fl-note', { textContent: name }));
  const thumbnail = make('img', '', { src, alt: `${name}, ${classes[label]}` });
  const element = make('figure', 'fl-suspect', {}, thumbnail, caption, select);
  return {
    element,
    draw(mark) {
      select.value = mark === undefined ? 'keep' : String(mark);
      element.classList.toggle('fl-removed', mark === 'remove');
      element.classList.toggle('fl-relabeled', typeof mark === 'number');
    },
  };
}

function buildCleaner(model, signal) {
  const { classes, counts, most } = model.get('about');
  const parts = { train: 'training set', valid: 'validation set' };
  let suspects = [];
  let drawn = null;  // the images that are drawn

  const show = what => {
    model.set('shown', { ...model.get('shown'), most, ...what });
    model.save_changes();
    draw();
  };
  const mark = (key, value) => {
    model.set('marks', marksWith(model.get('marks'), key, value));
    model.save_changes();
    draw();
  };
  const part = choice('Set', parts, signal, value => show({ part: value }));
  const named = classes.map((name, i) => [String(i), name]);
  const label = createSelect('Class', named, signal, value => show({ label: Number(value) }));
  const marked = make('span', 'fl-cleaner-marked', { role: 'status' });
  const note = make('p', 'fl-meaning');
  const grid = make('div', 'fl-suspects');
  const more = button('more', 'Show more images', signal, () => show({ most: model.get('shown').most + most }));
  const head = make('div', 'fl-cleaner-head', {}, part.element, label, marked);
  const root = makeRoot('fl-run fl-cleaner', 'Clean the data', head, note, grid, more);

  function draw() {
    const [shown, images, marks] = ['shown', 'pictures', 'marks'].map(name => model.get(name));
    const count = counts[shown.part][shown.label];
    part.show(shown.part);
    label.value = String(shown.label);
    [...label.options].forEach((option, i) => setText(option, `${classes[i]} (${counts[shown.part][i]})`));
    setText(marked, marksText(marks));
    setText(note, `${Math.min(images.length, count)} of ${count} images labeled ${classes[shown.label]}, `
      + 'largest losses first. Marking an image does not move its file.');
    if (drawn !== images) {
      drawn = images;
      suspects = images.map(image => [image.key, createSuspect(image, classes, shown.label, signal, mark)]);
      grid.replaceChildren(...suspects.map(([, { element }]) => element));
    }
    for (const [key, suspect] of suspects) suspect.draw(marks[key]);
    more.hidden = images.length >= count;
  }
  for (const event of ['change:pictures', 'change:marks']) {
    model.on(event, draw);
    signal.addEventListener('abort', () => model.off(event, draw));
  }
  return { root, themed: draw };
}

/** @param {{model: import('@anywidget/types').AnyModel, el: HTMLElement}} place @returns {() => void} clean-up */
export function renderCleaner({ model, el }) {
  return mountView(el, [cleanerStyle], signal => buildCleaner(model, signal));
}

export default { render: renderCleaner };
