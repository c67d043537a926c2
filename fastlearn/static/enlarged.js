// One filter, large: at the start, now, the change, and how it moved.
import { logAxis, phaseStretches, stepAxis } from './axes.js'
import { filterMovement, weightsOf } from './decode.js'
import { button, make, setText } from './elements.js'
import { lastUpTo } from './numbers.js'
import { changePixels, normalisedPixels, showPixels } from './pixels.js'
import { createPlot } from './plot.js'
import { groupedText, powerText } from './text.js'
import { groupColour } from './theme.js'

/**
 * @param {object} options  of a plot, and
 * @param {(by: number) => void} options.turn  to the next or the previous filter
 * @param {() => void} options.close
 */
export function createEnlarged({ turn, close, ...tools }) {
  const { signal } = tools;
  const name = make('h4');
  const closing = button('close', 'Close, back to all filters', signal, close);
  const back = button('‹', 'Previous filter', signal, () => turn(-1));
  const forth = button('›', 'Next filter', signal, () => turn(1));
  const bar = make('div', 'fl-heading', {}, back, name, forth, closing);
  const labels = ['start', 'now', 'difference'];
  const canvases = labels.map(label => make('canvas', '', { role: 'img', 'aria-label': label }));
  const captions = labels.map(label => make('figcaption', '', { textContent: label }));
  const figures = canvases.map((canvas, i) => make('figure', '', {}, canvas, captions[i]));
  const meaning = make('p', 'fl-meaning', { textContent: 'Movement of this filter, ‖w − w₀‖ / ‖w₀‖' });
  const plot = createPlot({ name: 'Movement of this filter', classes: 'fl-own-movement', ...tools });
  const element = make('div', 'fl-enlarged', { role: 'group', 'aria-label': 'One filter, enlarged' },
    bar, make('div', 'fl-trio', {}, ...figures), meaning, plot.element);
  element.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  }, { signal });

  return {
    element,
    focus() { closing.focus(); },
    draw({ run, theme, total, step, cursor }, filter, record, change, gain) {
      const { film, about } = run;
      const { shape } = about.filters;
      setText(name, `Filter ${filter} of ${shape[0]}`);
      const pictures = [
        normalisedPixels(film.start, shape, filter), normalisedPixels(weightsOf(film, record), shape, filter),
        changePixels(change, shape, filter, gain),
      ];
      canvases.forEach((canvas, i) => showPixels(canvas, pictures[i], shape[3]));

      const size = shape[1] * shape[2] * shape[3];
      const steps = film.records.map(one => one.step);
      const moved = film.records.map(one => filterMovement(film, one, filter, size) || NaN);
      const colour = groupColour(theme, 0, about.groups.length);
      const drawing = {
        total, step, cursor, spans: phaseStretches(run), left: logAxis([moved], 5), bottom: stepAxis(total),
        series: [{ kind: 'line', x: steps, y: moved, colour }],
      };
      const i = lastUpTo(steps, cursor ?? step);
      const items = i < 0 ? [] : [`step ${groupedText(steps[i])}`, `movement ${powerText(moved[i] || 0, 2)}`];
      plot.draw(theme, drawing, steps, items);
    },
  };
}
