// The confusion matrix: rows are true classes, columns predicted ones; a click on a cell shows its images.
import { button, choice, heading, make, makeRoot, setItems, setPressed, setText } from '../lib/elements.js'
import { percentText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { confusionStyle } from './confusion.css'

/**
 * @typedef {object} ConfusedImage
 * @property {string} src
 * @property {string} name
 * @property {number} probability  of the predicted class, 0-1
 * @property {number} loss
 *
 * @typedef {object} Confusion
 * @property {string} title
 * @property {string[]} classes
 * @property {number[][]} counts  rows: true classes; columns: predicted classes
 * @property {{actual: number, predicted: number, pictures: ConfusedImage[]}[]} cells  the non-empty ones
 * @property {number[][]} confused  [actual, predicted] of the most frequent errors
 */

/** "7 images" */
export const imagesText = count => `${count || 'no'} image${count === 1 ? '' : 's'}`;

/** "cat, predicted as dog: 7 images" */
export function cellName({ classes, counts }, actual, predicted) {
  const said = actual === predicted ? 'predicted correctly' : `predicted as ${classes[predicted]}`;
  return `${classes[actual]}, ${said}: ${imagesText(counts[actual][predicted])}`;
}

/** The text of a cell. @param {'counts' | 'rates'} unit */
export function cellText({ counts }, actual, predicted, unit) {
  const count = counts[actual][predicted];
  if (!count) return '';
  return unit === 'counts' ? String(count) : percentText(rowShare(counts, actual, predicted));
}

/** The share of the images of a class that got a prediction, 0-1. */
export function rowShare(counts, actual, predicted) {
  const all = counts[actual].reduce((sum, count) => sum + count, 0);
  return all ? counts[actual][predicted] / all : 0;
}

/** The cell that an arrow key leads to, or null. */
export function cellBeside([row, column], key, size) {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] ?? [0, 0];
  const [nextRow, nextColumn] = [row + down, column + right];
  const isInside = [nextRow, nextColumn].every(place => place >= 0 && place < size);
  return (down || right) && isInside ? [nextRow, nextColumn] : null;
}

function createMatrix(state, signal, chose) {
  const { classes, counts } = state;
  const cells = classes.map((_, actual) => classes.map((_, predicted) => {
    const name = cellName(state, actual, predicted);
    const cell = make('button', 'fl-cell', { type: 'button', title: name, 'aria-label': name });
    const share = rowShare(counts, actual, predicted);
    const isRight = actual === predicted;
    cell.style.setProperty('--fl-kind', `var(--fl-${isRight ? 'focus' : 'valid'})`);
    cell.style.setProperty('--fl-share', `${share && (isRight ? 8 : 18) + 34 * share}%`);
    cell.addEventListener('click', () => chose(actual, predicted), { signal });
    return cell;
  }));
  const head = (scope, text) => make('th', '', { scope, title: text }, make('span', '', { textContent: text }));
  const places = row => row.map(cell => make('td', '', {}, cell));
  const rows = cells.map((row, i) => make('tr', '', {}, head('row', classes[i]), ...places(row)));
  const names = make('tr', '', {}, make('td'), ...classes.map(name => head('col', name)));
  const table = make('table', `fl-matrix ${classes.length > 4 ? 'fl-many' : 'fl-few'}`, {},
    make('thead', '', {}, names), make('tbody', '', {}, ...rows));
  table.addEventListener('keydown', event => {
    const row = cells.findIndex(some => some.includes(event.target));
    if (row < 0) return;
    const next = cellBeside([row, cells[row].indexOf(event.target)], event.key, classes.length);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    cells[next[0]][next[1]].click();
    cells[next[0]][next[1]].focus();
  }, { signal });
  const explained = 'Rows: true classes. Columns: predicted classes. Use the arrow keys to move between cells.';
  const note = make('p', 'fl-meaning fl-matrix-note', { textContent: explained });
  return {
    element: make('div', '', {}, make('div', 'fl-scroller', {}, table), note),
    draw(actual, predicted, unit) {
      cells.forEach((row, i) => row.forEach((cell, j) => {
        const isChosen = i === actual && j === predicted;
        setText(cell, cellText(state, i, j, unit));
        setPressed(cell, isChosen);
        cell.tabIndex = isChosen ? 0 : -1;
      }));
    },
  };
}

function createCellImages({ classes, counts, cells }) {
  const [title, note] = [make('h4'), make('p', 'fl-meaning')];
  const list = make('div', 'fl-cell-images');
  return {
    element: make('div', '', { 'aria-live': 'polite' }, title, note, list),
    draw(actual, predicted) {
      const images = cells.find(cell => cell.actual === actual && cell.predicted === predicted)?.pictures ?? [];
      const count = counts[actual][predicted];
      setText(title, cellName({ classes, counts }, actual, predicted));
      const shown = images.length < count ? [`Showing ${images.length} of ${count}.`] : [];
      setItems(note, count ? [...shown, 'Largest losses first.'] : ['No images in this cell.'], '');
      list.replaceChildren(...images.map(({ src, name, probability, loss }) => make('figure', '', {},
        make('img', '', { src, alt: `${name}, ${classes[actual]}` }),
        make('figcaption', '', {}, `${percentText(probability)} ${classes[predicted]}`,
          make('span', 'fl-note', { textContent: `loss ${loss.toFixed(2)}` }),
          make('span', 'fl-note', { textContent: name })))));
    },
  };
}

function buildConfusion(state, signal) {
  const [actual, predicted] = state.confused[0] ?? [0, 0];
  const chosen = { actual, predicted, unit: 'counts' };
  const choose = what => { Object.assign(chosen, what); draw(); };
  const units = choice('Numbers', { counts: 'counts', rates: 'rates' }, signal, unit => choose({ unit }));
  const matrix = createMatrix(state, signal, (row, column) => choose({ actual: row, predicted: column }));
  const cellImages = createCellImages(state);
  const shortcuts = state.confused.map(([row, column]) => {
    const text = `${state.classes[row]} → ${state.classes[column]} · ${state.counts[row][column]}`;
    const one = button(text, cellName(state, row, column), signal, () => choose({ actual: row, predicted: column }));
    return { one, row, column };
  });
  const group = { role: 'group', 'aria-label': 'Most confused' };
  const often = make('div', 'fl-confused', group, ...shortcuts.map(({ one }) => one));
  const mostConfused = shortcuts.length ? [heading('Most confused'), often] : [];
  const isSmall = state.classes.length <= 4;  // then there is room below the matrix
  const body = make('div', 'fl-confusion-body', {},
    make('section', 'fl-section', {}, matrix.element, ...(isSmall ? mostConfused : [])),
    make('section', 'fl-section', {}, ...(isSmall ? [] : mostConfused), cellImages.element));
  const root = makeRoot('fl-run fl-confusion', state.title, heading(state.title, '', units.element), body);

  function draw() {
    units.show(chosen.unit);
    matrix.draw(chosen.actual, chosen.predicted, chosen.unit);
    cellImages.draw(chosen.actual, chosen.predicted);
    for (const { one, row, column } of shortcuts) {
      setPressed(one, row === chosen.actual && column === chosen.predicted);
    }
  }
  return { root, themed: draw };
}

/** @param {HTMLElement} element @param {Confusion} state @returns {() => void} clean-up */
export function mountConfusion(element, state) {
  return mountView(element, [confusionStyle], signal => buildConfusion(state, signal));
}
