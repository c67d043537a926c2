// The loss chart: loss of every step, smoothed loss, validation loss.
import { createChartWithCursor } from '../lib/chart_with_cursor.js'
import { choice, heading, make } from '../lib/elements.js'
import { firstFrom, linearTicks, logTicks, lossLimits } from '../lib/numbers.js'
import { groupedText, lossTick } from '../lib/text.js'
import { epochAxis, phaseAxisSpans } from './axes.js'
import { epochAt, validatedEpochs } from './run_state.js'

/**
 * The series of one run's losses.
 * @param {import('./run_data.js').Run} run
 * @returns {import('../lib/series.js').Series[]} of every step, smoothed, validation
 */
export function lossSeries({ curves, runState }, theme, colors = { smoothed: theme.ink, valid: theme.valid }) {
  const { first, last, lowest, highest, smoothed } = curves;
  const isMerged = last.some((step, i) => step !== first[i]);
  const epochs = validatedEpochs(runState);
  return [
    { kind: isMerged ? 'ranges' : 'dots', x: last, y: lowest, top: highest, color: theme.raw },
    {
      kind: 'line', x: last, y: smoothed, color: colors.smoothed,
      restarts: runState.phases.map(phase => firstFrom(last, phase.first_step + 1)),  // each phase has its own average
      label: value => [`smoothed ${value.toFixed(3)}`, value.toFixed(3)],
    },
    {
      kind: 'marks', x: epochs.map(epoch => epoch.step), y: epochs.map(epoch => epoch.valid_loss),
      color: colors.valid,
      label: value => [`valid ${value.toFixed(3)}`, value.toFixed(3)],
    },
  ];
}

/** The y axis for the losses of all `runs`. @returns {import('../lib/canvas_chart.js').Axis} */
export function lossAxis(runs, isLog) {
  const ofAll = name => Float32Array.from(runs.flatMap(run => Array.from(run.curves[name])));
  const validation = runs.flatMap(run => validatedEpochs(run.runState).map(epoch => epoch.valid_loss));
  const lowest = ofAll('lowest');
  const limits = lossLimits(lowest, ofAll('highest'), validation, isLog);
  if (!lowest.length) return { ...limits, ticks: [], text: String };
  const ticks = isLog ? logTicks(limits.low, limits.high, 6) : linearTicks(limits.low, limits.high, 5);
  const digits = ticks.length > 1 ? Math.max(0, -Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9)) : 1;
  return { ...limits, isLog, ticks, text: value => (isLog ? String(value) : lossTick(value, Math.min(4, digits))) };
}

/** ["step 12", "epoch 0"], or ["steps 101–200", "epoch 0"] where a point covers several steps */
export function stepItems({ curves, runState }, step) {
  const i = firstFrom(curves.last, step);
  if (i >= curves.last.length) return [];
  const [first, last] = [groupedText(curves.first[i]), groupedText(curves.last[i])];
  const epoch = epochAt(runState, curves.last[i]);
  return [first === last ? `step ${last}` : `steps ${first}–${last}`, ...(epoch === null ? [] : [`epoch ${epoch}`])];
}

/** ["loss 0.6735", "smoothed 0.7012", "valid 0.1160"]; the validation loss only where an epoch ends */
export function lossItems({ curves, runState }, step) {
  const i = firstFrom(curves.last, step);
  if (i >= curves.last.length) return [];
  const [first, last] = [curves.first[i], curves.last[i]];
  const [lowest, highest] = [curves.lowest[i].toFixed(4), curves.highest[i].toFixed(4)];
  const validated = validatedEpochs(runState).find(epoch => epoch.step >= first && epoch.step <= last);
  return [
    `loss ${first === last ? lowest : `${lowest}–${highest}`}`, `smoothed ${curves.smoothed[i].toFixed(4)}`,
    ...(validated ? [`valid ${validated.valid_loss.toFixed(4)}`] : []),
  ];
}

/** The buttons that choose the scale of a loss chart. */
export function createScaleChoice({ signal, setView }) {
  const scales = { linear: 'linear', log: 'log' };
  return choice('Scale of the loss', scales, signal, scale => setView({ scale }));
}

export function createLoss(tools) {
  const scale = createScaleChoice(tools);
  const shapes = { dot: 'each batch', stroke: 'smoothed', diamond: 'validation' };
  const keys = Object.entries(shapes).map(([shape, text]) => make('span', `fl-key fl-${shape}`, { textContent: text }));
  const title = heading('Loss', '', make('span', 'fl-legend', {}, ...keys), scale.element);
  const chart = createChartWithCursor({ name: 'Loss of every step', classes: 'fl-loss', ...tools });
  return {
    element: make('section', 'fl-section fl-loss-section', {}, title, chart.element),
    draw({ run, theme, total, step, cursor, view }) {
      scale.show(view.scale);
      const at = cursor ?? Math.max(1, step);
      const items = [...stepItems(run, at), ...lossItems(run, at)];
      const drawing = {
        total, step, cursor, spans: phaseAxisSpans(run, true), series: lossSeries(run, theme),
        left: lossAxis([run], view.scale === 'log'), bottom: epochAxis(run),
      };
      chart.draw(theme, drawing, run.curves.last, items.length ? items : ['Waiting for the first step.']);
    },
  };
}
