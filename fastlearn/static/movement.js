// How far the weights of each group have moved from where they started.
import { make, heading, choice } from './elements.js'
import { extremes, lastUpTo, linearTicks, logTicks, powerText } from './numbers.js'
import { phaseIndex } from './story.js'
import { spansOf } from './curves.js'
import { createPlot } from './plot.js'
import { groupColour } from './theme.js'

const MEANINGS = {
  plain: 'Distance from the start, in parts of the start’s length: 0.01 is one per cent.',
  per_lr: 'The same divided by the learning rates so far: what the data ask for, without what the schedule dictates.',
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

/** @param {number[][]} lines @returns a logarithmic axis that shows at most six powers of ten */
export function movementAxis(lines) {
  const reach = extremes(...lines);
  const isEmpty = reach.low > reach.high;
  const high = isEmpty ? 1e-1 : reach.high * 1.6;
  const low = isEmpty ? 1e-5 : Math.max(reach.low, reach.high * 1e-6) / 1.6;
  return { low, high, isLog: true, ticks: logTicks(low, high, 5), text: value => powerText(value, 0) };
}

/** @returns {import('./paint.js').Series[]} */
export function movementSeries(run, theme, lines) {
  return lines.map((y, group) => ({
    kind: 'line', x: run.movement.step, y, colour: groupColour(theme, group, lines.length), label: () => run.about.groups[group].name,
  }));
}

/** "early layers 0 · late layers 1.20e-3 · head 3.10e-2" */
export function movementText(run, lines, step) {
  const i = lastUpTo(run.movement.step, step);
  const text = group => (lines[group][i] > 0 ? powerText(lines[group][i], 2) : '–');
  return i < 0 ? '' : run.about.groups.map(({ name }, group) => `${name} ${text(group)}`).join(' · ');
}

export function createMovement({ signal, read, go, setView }) {
  const kind = choice('How movement is measured', { plain: '‖w − w₀‖ / ‖w₀‖', per_lr: 'per summed learning rate' }, signal,
    value => setView({ movement: value }));
  const plot = createPlot({ name: 'Movement of each group', classes: 'fl-moved', signal, read, go });
  const meaning = make('p', 'fl-meaning');
  return {
    element: make('section', 'fl-section', {}, heading('How far each part has moved', '', kind.element), meaning, plot.element),
    draw(scene) {
      const { run, theme, total, step, cursor, view } = scene;
      const lines = movementLines(run, view.movement === 'per_lr');
      const ticks = linearTicks(0, total, 8).filter(Number.isInteger);
      const labels = ticks.map(at => ({ at, texts: [at === ticks.at(-1) ? `step ${at}` : String(at)] }));
      kind.show(view.movement);
      meaning.textContent = MEANINGS[view.movement];
      plot.draw(theme, {
        total, step, cursor, spans: spansOf(scene), series: movementSeries(run, theme, lines), left: movementAxis(lines),
        bottom: { ticks, labels },
      }, run.movement.step, movementText(run, lines, cursor ?? step));
    },
  };
}
