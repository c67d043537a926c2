// The name of a run with its line, as in the chart.
import { make } from '../lib/elements.js'

const LINES = ['solid', 'dashed', 'dotted', 'dashed', 'dashed', 'dotted'];  // the nearest that CSS has

/** @param {string} name @param {number} i  number of the run; its color is the variable --fl-run-i */
export function runKey(name, i, tag = 'span', classes = '') {
  const key = make(tag, `fl-key fl-run-key ${classes}`, { textContent: name });
  key.style.setProperty('--fl-own', `var(--fl-run-${i})`);
  key.style.setProperty('--fl-line', LINES[i]);
  return key;
}
