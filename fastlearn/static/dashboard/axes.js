// Axes that several charts of the dashboard share.
import { linearTicks, logLimits, logTicks } from '../lib/numbers.js'
import { groupedText, powerText } from '../lib/text.js'
import { epochSpans, phaseSpans } from './run_state.js'

/** The x axis with step numbers. */
export function stepAxis(total) {
  const ticks = linearTicks(0, total, 8).filter(Number.isInteger);
  return { ticks, labels: ticks.map(at => ({ at, texts: [groupedText(at)] })), name: 'step' };
}

/** The x axis with epochs: a tick at the end of each epoch, its number in the middle. */
export function epochAxis({ runState, done }) {
  const spans = epochSpans(runState, done);
  const labels = spans.map(({ epoch, from, to }) => {
    return { at: (from + to) / 2, texts: [`epoch ${epoch}`, String(epoch)] };
  });
  return { ticks: [0, ...spans.map(span => span.to)], labels };
}

/**
 * A logarithmic axis for lines; it has no ticks while there is no data.
 * @param {ArrayLike<number>[]} lines
 * @param {number} count  maximum number of ticks
 * @returns {import('../lib/canvas_chart.js').Axis}
 */
export function logAxis(lines, count) {
  const { low, high } = logLimits(...lines);
  const isEmpty = !lines.some(line => line.some(Number.isFinite));
  const text = value => (low < 0.01 ? powerText(value, 0) : String(value));
  return { low, high, isLog: true, ticks: isEmpty ? [] : logTicks(low, high, count), text };
}

/** The phases as spans of the x axis, shaded where layers are frozen. @param {boolean} hasWords  with labels */
export function phaseAxisSpans({ runState, done }, hasWords = false) {
  const spans = phaseSpans(runState, done);
  const trained = phase => phase.trainable.filter(Boolean).length;
  return spans.map(({ phase, from, to }, i) => {
    const isUnfrozen = i > 0 && trained(phase) > trained(spans[i - 1].phase);
    const words = [isUnfrozen ? `unfrozen: ${phase.words}` : phase.words, phase.words, phase.name];
    return { from, to, isShaded: !phase.trainable.every(Boolean), words: hasWords ? words : [] };
  });
}
