// The weight-change chart: the distance of each group's weights from their start.
import { createChartWithCursor } from '../lib/chart_with_cursor.js'
import { choice, heading, make, setText } from '../lib/elements.js'
import { lastUpTo } from '../lib/numbers.js'
import { powerText } from '../lib/text.js'
import { groupColor } from '../lib/theme.js'
import { logAxis, phaseAxisSpans, stepAxis } from './axes.js'
import { phaseIndex } from './run_state.js'

const KINDS = { plain: 'distance', per_lr: 'per summed learning rate' };
const MEANINGS = {
  plain: '‖w − w₀‖ / ‖w₀‖: distance from the starting weights, relative to their size.',
  per_lr: 'Distance divided by the summed learning rate: what is left without the effect of the schedule.',
};

/**
 * The weight change of each group at each point; NaN before the first change.
 * @param {boolean} perRate  divided by the group's summed learning rate; also NaN while frozen
 * @returns {number[][]}
 */
export function weightChangeLines({ weightChange, runState }, perRate) {
  const phases = Array.from(weightChange.step, step => runState.phases[phaseIndex(runState, step)]);
  const value = (distance, group, i) => {
    if (!(distance > 0)) return NaN;
    if (!perRate) return distance;
    const summed = weightChange.summed[group][i];
    return summed > 0 && phases[i]?.trainable[group] ? distance / summed : NaN;
  };
  return weightChange.moved.map((moved, group) => Array.from(moved, (distance, i) => value(distance, group, i)));
}

/** ["early layers 0", "late layers 1.20e-3", "head 3.10e-2"]; a dash where the summed learning rate is 0 */
export function weightChangeItems({ weightChange, about }, lines, step) {
  const i = lastUpTo(weightChange.step, step);
  if (i < 0) return [];
  const nothing = group => (weightChange.moved[group][i] > 0 ? '–' : '0');
  const text = group => (lines[group][i] > 0 ? powerText(lines[group][i], 2) : nothing(group));
  return about.groups.map(({ name }, group) => `${name} ${text(group)}`);
}

function weightChangeSeries({ weightChange, about }, theme, lines) {
  return lines.map((y, group) => ({
    kind: 'line', x: weightChange.step, y, color: groupColor(theme, group, lines.length),
    label: () => [about.groups[group].name, about.groups[group].name.replace(/ layers$/, '')],
  }));
}

export function createWeightChange(tools) {
  const kind = choice('Measure of weight change', KINDS, tools.signal, value => tools.setView({ weightChange: value }));
  const title = heading('How far each part has moved', '', kind.element);
  const meaning = make('p', 'fl-meaning');
  const chart = createChartWithCursor({ name: 'Weight change of each group', classes: 'fl-moved', ...tools });
  return {
    element: make('section', 'fl-section fl-weight-change-section', {}, title, meaning, chart.element),
    /** Compared runs are drawn `together`, on a shared axis. */
    draw({ run, theme, total, step, cursor, view, together = [run] }) {
      kind.show(view.weightChange);
      setText(meaning, MEANINGS[view.weightChange]);
      const perRate = view.weightChange === 'per_lr';
      const lines = weightChangeLines(run, perRate);
      const drawing = {
        total, step, cursor, spans: phaseAxisSpans(run), series: weightChangeSeries(run, theme, lines),
        left: logAxis(together.flatMap(other => weightChangeLines(other, perRate)), 5), bottom: stepAxis(total),
      };
      chart.draw(theme, drawing, run.weightChange.step, weightChangeItems(run, lines, cursor ?? step));
    },
  };
}
