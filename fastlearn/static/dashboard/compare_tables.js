// The tables of a comparison: how the runs differ, their results, and the errors of each class.
import { heading, make } from '../lib/elements.js'
import { percentText } from '../lib/text.js'
import { runKey } from './run_key.js'

const cells = (tag, texts, scope) => texts.map(text => make(tag, '', { textContent: text, ...scope && { scope } }));

function scroller(name, table) {
  return make('div', 'fl-scroller', { tabIndex: 0, role: 'region', 'aria-label': name }, table);
}

/**
 * A row for each run: its results, then the parameters that differ. Those that are the same can be unfolded below.
 * @param {string[]} names
 * @param {{results: string[], parameters: string[], rows: string[][], same: string[][]}} facts
 */
export function createFacts(names, { results, parameters, rows, same }) {
  const head = make('tr', '', {}, make('th', '', { scope: 'col', textContent: 'run' }),
    ...cells('th', [...results, ...parameters], 'col'));
  const body = rows.map((row, i) => make('tr', '', {}, make('th', '', { scope: 'row' }, runKey(names[i], i)),
    ...cells('td', row)));
  const table = make('table', 'fl-table fl-facts', {}, make('thead', '', {}, head), make('tbody', '', {}, ...body));
  const list = make('p', 'fl-meaning', { textContent: same.map(([name, value]) => `${name}: ${value}`).join(' · ') });
  const count = `The same in all runs: ${same.length}`;
  const folded = same.length ? [make('details', 'fl-same', {}, make('summary', '', { textContent: count }), list)] : [];
  const note = parameters.length ? 'results, and the parameters that differ'
    : 'results; the recorded parameters are the same';
  return make('section', 'fl-section', {}, heading('What differs', note), scroller('Results and parameters', table),
    ...folded);
}

/** The classes in the order of their largest difference between two runs. @param {(number | null)[][]} rates */
export function byDifference(rates) {
  const spread = rates.map(row => {
    const known = row.filter(rate => rate !== null);
    return known.length ? Math.max(...known) - Math.min(...known) : 0;
  });
  return rates.map((_, i) => i).sort((a, b) => spread[b] - spread[a]);
}

/**
 * The error rate of each class in each run, as a number on a bar.
 * @param {string[]} names
 * @param {{classes: string[], images: number[], rates: (number | null)[][]}} errors  rates: a row for each class
 */
export function createErrors(names, { classes, images, rates }) {
  const most = Math.max(0.01, ...rates.flat().map(rate => rate ?? 0));
  const keys = names.map((name, i) => make('th', '', { scope: 'col' }, runKey(name, i)));
  const head = make('tr', '', {}, make('th', '', { scope: 'col', textContent: 'class' }), ...keys);
  const rows = byDifference(rates).map(row => {
    const name = make('th', '', { scope: 'row', textContent: classes[row] },
      make('span', 'fl-note', { textContent: ` ${images[row]}` }));
    return make('tr', '', {}, name, ...rates[row].map((rate, i) => {
      const bar = make('span', 'fl-rate', { textContent: rate === null ? '–' : percentText(rate) });
      bar.style.setProperty('--fl-own', `var(--fl-run-${i})`);
      bar.style.setProperty('--fl-share', `${100 * (rate ?? 0) / most}%`);
      return make('td', '', {}, bar);
    }));
  });
  const table = make('table', 'fl-table fl-errors', {}, make('thead', '', {}, head), make('tbody', '', {}, ...rows));
  const note = 'error rate of each class on the validation set; largest differences first';
  const title = 'Error rates by class';
  return make('section', 'fl-section', {}, heading(title, note), scroller(title, table));
}
