// One filter, large: at the start, now, the change, and how it moved.
import { filterMovement, weightsOf } from './decode.js'
import { make, button, setText } from './elements.js'
import { movementAxis, stepAxis } from './movement.js'
import { groupedText, lastUpTo, powerText } from './numbers.js'
import { changePixels, normalisedPixels, showPixels } from './pixels.js'
import { createPlot } from './plot.js'
import { spansOf } from './curves.js'
import { groupColour } from './theme.js'

/**
 * @param {object} options
 * @param {(by: number) => void} options.turn  to the next or the previous filter
 * @param {() => void} options.close
 */
export function createEnlarged({ signal, read, go, turn, close }) {
  const name = make('h4');
  const pictures = ['start', 'now', 'difference'].map(label => {
    const canvas = make('canvas', '', { role: 'img', 'aria-label': `The filter: ${label}` });
    return { canvas, figure: make('figure', '', {}, canvas, make('figcaption', '', { textContent: label })) };
  });
  const plot = createPlot({ name: 'Movement of this filter', classes: 'fl-own-movement', signal, read, go });
  const closing = button('close', 'Close, back to all filters', signal, close);
  const bar = make('div', 'fl-heading', {}, button('‹', 'Previous filter', signal, () => turn(-1)), name,
    button('›', 'Next filter', signal, () => turn(1)), closing);
  const element = make('div', 'fl-enlarged', { role: 'group', 'aria-label': 'One filter, enlarged' },
    bar, make('div', 'fl-trio', {}, ...pictures.map(picture => picture.figure)), make('p', 'fl-meaning', { textContent: 'Movement ‖w − w₀‖ / ‖w₀‖' }), plot.element);
  element.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  }, { signal });

  return {
    element,
    focus: () => closing.focus(),
    draw(scene, filter, record, change, gain) {
      const { run, theme, total, step, cursor } = scene;
      const { shape } = run.about.filters;
      setText(name, `Filter ${filter} of ${shape[0]}`);
      const pixels = [
        normalisedPixels(run.film.start, shape, filter), normalisedPixels(weightsOf(run.film, record), shape, filter),
        changePixels(change, shape, filter, gain),
      ];
      pictures.forEach(({ canvas }, i) => showPixels(canvas, pixels[i], shape[3]));
      const steps = run.film.records.map(one => one.step);
      const size = shape[1] * shape[2] * shape[3];
      const moved = run.film.records.map(one => filterMovement(run.film, one, filter, size) || NaN);
      const i = lastUpTo(steps, cursor ?? step);
      plot.draw(theme, {
        total, step, cursor, spans: spansOf(scene), left: movementAxis([moved]), bottom: stepAxis(total),
        series: [{ kind: 'line', x: steps, y: moved, colour: groupColour(theme, 0, run.about.groups.length) }],
      }, steps, i >= 0 ? [`step ${groupedText(steps[i])}`, `moved ${powerText(moved[i] || 0, 2)}`] : []);
    },
  };
}
