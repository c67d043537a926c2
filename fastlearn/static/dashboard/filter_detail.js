// One filter, enlarged: at the start, now, the difference, and its weight change over time.
import { createChartWithCursor } from '../lib/chart_with_cursor.js'
import { filterMovement, weightsOf } from '../lib/decode.js'
import { button, make, setText } from '../lib/elements.js'
import { lastUpTo } from '../lib/numbers.js'
import { changePixels, normalizedPixels, showPixels } from '../lib/pixels.js'
import { groupedText, powerText } from '../lib/text.js'
import { groupColor } from '../lib/theme.js'
import { logAxis, phaseAxisSpans, stepAxis } from './axes.js'

/**
 * @param {object} options  those of a chart, and
 * @param {(by: number) => void} options.move  goes to the next or the previous filter
 * @param {() => void} options.close
 */
export function createFilterDetail({ move, close, ...tools }) {
  const { signal } = tools;
  const name = make('h4');
  const closing = button('close', 'Close, back to all filters', signal, close);
  const back = button('‹', 'Previous filter', signal, () => move(-1));
  const forth = button('›', 'Next filter', signal, () => move(1));
  const bar = make('div', 'fl-heading', {}, back, name, forth, closing);
  const labels = ['start', 'now', 'difference'];
  const canvases = labels.map(label => make('canvas', '', { role: 'img', 'aria-label': label }));
  const captions = labels.map(label => make('figcaption', '', { textContent: label }));
  const figures = canvases.map((canvas, i) => make('figure', '', {}, canvas, captions[i]));
  const meaning = make('p', 'fl-meaning', { textContent: 'Weight change of this filter, ‖w − w₀‖ / ‖w₀‖' });
  const chartName = 'Weight change of this filter';
  const chart = createChartWithCursor({ name: chartName, classes: 'fl-own-weight-change', ...tools });
  const element = make('div', 'fl-filter-detail', { role: 'group', 'aria-label': 'One filter, enlarged' },
    bar, make('div', 'fl-trio', {}, ...figures), meaning, chart.element);
  element.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  }, { signal });

  return {
    element,
    focus() { closing.focus(); },
    draw({ run, theme, total, step, cursor }, filter, record, change, gain) {
      const { filterHistory, about } = run;
      const { shape } = about.filters;
      setText(name, `Filter ${filter} of ${shape[0]}`);
      const images = [
        normalizedPixels(filterHistory.start, shape, filter),
        normalizedPixels(weightsOf(filterHistory, record), shape, filter),
        changePixels(change, shape, filter, gain),
      ];
      canvases.forEach((canvas, i) => showPixels(canvas, images[i], shape[3]));

      const size = shape[1] * shape[2] * shape[3];
      const steps = filterHistory.records.map(one => one.step);
      const moved = filterHistory.records.map(one => filterMovement(filterHistory, one, filter, size) || NaN);
      const color = groupColor(theme, 0, about.groups.length);
      const drawing = {
        total, step, cursor, spans: phaseAxisSpans(run), left: logAxis([moved], 5), bottom: stepAxis(total),
        series: [{ kind: 'line', x: steps, y: moved, color }],
      };
      const i = lastUpTo(steps, cursor ?? step);
      const items = i < 0 ? [] : [`step ${groupedText(steps[i])}`, `weight change ${powerText(moved[i] || 0, 2)}`];
      chart.draw(theme, drawing, steps, items);
    },
  };
}
