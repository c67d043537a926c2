// The schedule of `fine_tune`, as in the Python code. Pure functions.

/**
 * @typedef {object} Arguments  of fine_tune
 * @property {number} epochs  for the whole network
 * @property {number} base_lr
 * @property {number} freeze_epochs  for the head alone, before that
 * @property {number} lr_mult
 * @property {number} pct_start
 * @property {number} div
 * @property {number} steps_per_epoch
 *
 * @typedef {object} Cycle  OneCycle
 * @property {number[]} peaks  of each group
 * @property {number} pct  progress at the peak
 * @property {number} div
 *
 * @typedef {object} Phase
 * @property {string} words
 * @property {boolean[]} trainable  of each group
 * @property {number} first  completed steps before it
 * @property {number} steps
 * @property {Cycle} cycle
 */

const DIV_FINAL = 1e5;
const MOMENTA = [0.95, 0.85, 0.95];  // at the start, the peak, and the end
const HEAD_PCT = 0.99;               // the head's cycle rises until nearly the end
const HEAD_DIV = 25;

/** Cosine annealing from start to end. @param {number} p  progress, 0-1 */
export const cosine = (start, end, p) => start + (1 + Math.cos(Math.PI * (1 - p))) * (end - start) / 2;

/** Cosine annealing from start to peak, then from peak to end. */
export function riseAndFall(start, peak, end, p, pct) {
  if (p < pct) return cosine(start, peak, p / pct);
  return pct < 1 ? cosine(peak, end, (p - pct) / (1 - pct)) : peak;
}

/** Learning rates and momentum at progress `p`. @param {Cycle} cycle @returns {{rates: number[], momentum: number}} */
export function cycleAt({ peaks, pct, div }, p) {
  const rates = peaks.map(peak => riseAndFall(peak / div, peak, peak / DIV_FINAL, p, pct));
  return { rates, momentum: riseAndFall(...MOMENTA, p, pct) };
}

/** Peak learning rates from the first group's to the last group's, equally spaced on a logarithmic scale. */
export function spreadPeaks(lowest, highest, groups) {
  return Array.from({ length: groups }, (_, i) => lowest * (highest / lowest) ** (groups > 1 ? i / (groups - 1) : 1));
}

/** The phases of fine_tune. @param {Arguments} given @param {number} groups @returns {Phase[]} */
export function phasesOf(given, groups) {
  const { epochs, base_lr: rate, freeze_epochs: frozen, lr_mult: factor, pct_start: pct, div } = given;
  const isHead = Array.from({ length: groups }, (_, i) => i === groups - 1);
  const head = { peaks: isHead.map(is => (is ? rate : rate / 10)), pct: HEAD_PCT, div: HEAD_DIV };
  const all = { peaks: spreadPeaks(rate / 2 / factor, rate / 2, groups), pct, div };
  const steps = [frozen, epochs].map(count => count * given.steps_per_epoch);
  return [
    { words: 'the head alone', trainable: isHead, first: 0, steps: steps[0], cycle: head },
    { words: 'everything', trainable: isHead.map(() => true), first: steps[0], steps: steps[1], cycle: all },
  ].filter(phase => phase.steps > 0);
}

/** Learning rates and momentum of every step, and whether it starts a phase. @param {Phase[]} phases */
export function stepsOf(phases) {
  return phases.flatMap(({ trainable, steps, cycle }) => {
    return Array.from({ length: steps }, (_, i) => ({ ...cycleAt(cycle, i / steps), trainable, begins: i === 0 }));
  });
}
