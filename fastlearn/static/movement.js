// How far the weights of each group have moved from where they started.
import { make, heading, choice } from './elements.js'
import { groupedText, logLimits, lastUpTo, linearTicks, logTicks, powerText } from './numbers.js'
import { phaseIndex } from './story.js'
import { spansOf } from './curves.js'
import { createPlot } from './plot.js'
import { groupColour } from './theme.js'

const MEANINGS = {
  plain: '‖w − w₀‖ / ‖w₀‖: distance from the starting weights, relative to their size.',
  per_lr: 'Distance divided by the summed learning rate: what the data ask for, apart from the schedule.',
};

/** Movement of each group, divided by its summed learning rate if `perRate`; NaN before it moved and while frozen. */
export function movementLines({ movement, story }, perRate) {
  const phases = Array.from(movement.step, step => story.phases[phaseIndex(story, step)]);
  return movement.moved.map((moved, group) => Array.from(moved, (distance, i) => {
    if (!perRate) return distance > 0 ? distance : NaN;
    const isFrozen = phases[i] && !phases[i].trainable[group];
    const summed = movement.summed[group][i];
    return !isFrozen && summed > 0 && distance > 0 ? distance / summed : NaN;
  }));
}

/** Logarithmic axis for the lines. @param {number[][]} lines @returns {import('./paint.js').Axis} */
export function movementAxis(lines) {
  const { low, high } = logLimits(...lines);
  const ticks = lines.some(line => line.some(Number.isFinite)) ? logTicks(low, high, 5) : [];
  return { low, high, isLog: true, ticks, text: value => (low < 0.01 ? powerText(value, 0) : String(value)) };
}

/** The numbers of the steps, below a chart. */
export function stepAxis(total) {
  const ticks = linearTicks(0, total, 8).filter(Number.isInteger);
  return { ticks, labels: ticks.map(at => ({ at, texts: [groupedText(at)] })), name: 'step' };
}

/** @returns {import('./series.js').Series[]} */
export function movementSeries(run, theme, lines) {
  return lines.map((y, group) => ({
    kind: 'line', x: run.movement.step, y, colour: groupColour(theme, group, lines.length), label: () => [run.about.groups[group].name],
  }));
}

/** ["early layers 0", "late layers 1.20e-3", "head 3.10e-2"] */
export function movementItems(run, lines, step) {
  const i = lastUpTo(run.movement.step, step);
  const text = group => (lines[group][i] > 0 ? powerText(lines[group][i], 2) : run.movement.moved[group][i] > 0 ? '–' : '0');
  return i < 0 ? [] : run.about.groups.map(({ name }, group) => `${name} ${text(group)}`);
}

export function createMovement({ signal, read, go, setView }) {
  const kind = choice('How movement is measured', { plain: 'distance', per_lr: 'per summed learning rate' }, signal,
    value => setView({ movement: value }));
  const plot = createPlot({ name: 'Movement of each group', classes: 'fl-moved', signal, read, go });
  const meaning = make('p', 'fl-meaning');
  return {
    element: make('section', 'fl-section fl-movement-section', {}, heading('How far each part has moved', '', kind.element), meaning, plot.element),
    draw(scene) {
      const { run, theme, total, step, cursor, view, together = [run] } = scene;  // together: runs with one axis
      const perRate = view.movement === 'per_lr';
      const lines = movementLines(run, perRate);
      kind.show(view.movement);
      meaning.textContent = MEANINGS[view.movement];
      plot.draw(theme, {
        total, step, cursor, spans: spansOf(scene), series: movementSeries(run, theme, lines), left: movementAxis(together.flatMap(other => movementLines(other, perRate))),
        bottom: stepAxis(total),
      }, run.movement.step, movementItems(run, lines, cursor ?? step));
    },
  };
}
