// The learning rate of each group, and momentum, on the same x axis as the loss.
import { createChartWithCursor } from '../lib/chart_with_cursor.js'
import { heading, make } from '../lib/elements.js'
import { lastUpTo } from '../lib/numbers.js'
import { powerText } from '../lib/text.js'
import { groupColor } from '../lib/theme.js'
import { logAxis, phaseAxisSpans } from './axes.js'
import { phaseIndex } from './run_state.js'

const MOMENTUM_AXIS = { low: 0.78, high: 1.02, ticks: [0.8, 0.9, 1], text: value => value.toFixed(1) };

/** Learning rate of each group at each point; NaN while frozen, even if the optimizer has one. @returns {number[][]} */
export function rateLines({ curves, runState }) {
  const phases = Array.from(curves.last, step => runState.phases[phaseIndex(runState, step)]);
  return curves.rates.map((rates, group) => Array.from(rates, (rate, i) => (phases[i]?.trainable[group] ? rate : NaN)));
}

/** ["early layers frozen", "head 1.06e-3", "momentum 0.8971"] */
export function rateItems({ curves, about }, lines, step) {
  const i = lastUpTo(curves.last, step);
  if (i < 0) return [];
  const text = rate => (Number.isFinite(rate) ? powerText(rate, 2) : 'frozen');
  const momentum = curves.momentum[i];
  return [
    ...about.groups.map(({ name }, group) => `${name} ${text(lines[group][i])}`),
    ...(Number.isFinite(momentum) ? [`momentum ${momentum.toFixed(4)}`] : []),
  ];
}

function rateSeries({ curves, about }, theme, lines) {
  const rates = lines.map((y, group) => ({
    kind: 'line', x: curves.last, y, color: groupColor(theme, group, lines.length),
    label: () => [about.groups[group].name, about.groups[group].name.replace(/ layers$/, '')],
  }));
  const momentum = {
    kind: 'line', x: curves.last, y: curves.momentum, color: theme.soft, dash: [1, 3], onRight: true,
    label: () => ['momentum', 'mom.'],
  };
  return curves.momentum.some(Number.isFinite) ? [...rates, momentum] : rates;
}

export function createRates(tools) {
  const name = 'Learning rate of each group, and momentum';
  const chart = createChartWithCursor({ name, classes: 'fl-rates', ...tools });
  const title = heading('Learning rate', 'of each group; dotted: momentum (right axis)');
  return {
    element: make('section', 'fl-section fl-rates-section', {}, title, chart.element),
    draw({ run, theme, total, step, cursor }) {
      const lines = rateLines(run);
      const series = rateSeries(run, theme, lines);
      const hasMomentum = series.length > lines.length;
      // Tall enough for the labels, which are stacked.
      chart.element.style.setProperty('--fl-height', `${Math.max(96, 15 * series.length + 14)}px`);
      const drawing = {
        total, step, cursor, series, spans: phaseAxisSpans(run),
        left: logAxis(lines, 3), right: hasMomentum ? MOMENTUM_AXIS : undefined,
      };
      chart.draw(theme, drawing, run.curves.last, rateItems(run, lines, cursor ?? step));
    },
  };
}
