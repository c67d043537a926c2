// How often the reader's answers were right, against how sure the reader was; with a model's curve, if there is one.
import { button, heading, make, makeRoot } from '../lib/elements.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { svgChartStyle } from '../lib/svg_chart.css'
import { percentText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { calibrationRows, forgetAnswers, readAnswers, wilsonInterval } from './answers.js'
import { questionStyle } from './question.css'

const ENOUGH = 20;       // answers needed before the curve is judged

/** Describes what is shown. @param {ReturnType<typeof calibrationRows>} rows */
export function calibrationText(rows) {
  const n = rows.reduce((sum, row) => sum + row.n, 0);
  if (!n) return 'You have not answered any questions here yet.';
  const said = rows.map(row => `${percentText(row.sure)} sure: ${row.right} of ${row.n} right`).join('; ');
  const mean = rows.reduce((sum, row) => sum + row.sure * row.n, 0) / n;
  const right = rows.reduce((sum, row) => sum + row.right, 0);
  const [low, high] = wilsonInterval(right, n);
  const verdict = n < ENOUGH ? `After ${ENOUGH} answers, this chart will tell you more.`
    : high < mean ? 'You are overconfident: right less often than you said.'
    : low > mean ? 'You are underconfident: right more often than you said.'
    : `You are calibrated, as far as ${n} answers can show.`;
  return `${n} ${n === 1 ? 'answer' : 'answers'}. ${said}. ${verdict}`;
}

function ownShapes(rows) {
  const bars = rows.map(({ sure, right, n }) => ({
    kind: 'line', points: wilsonInterval(right, n).map(share => [sure, share]), color: 'focus', classes: 'fl-thin',
  }));
  const points = rows.map(({ sure, right, n }) => [sure, right / n]);
  return [...bars, { kind: 'line', points, color: 'focus' }, { kind: 'dots', points, color: 'focus' }];
}

function buildCalibration(state, signal) {
  const chart = createSvgChart({ name: 'How often you were right, by how sure you were', height: 260, signal });
  const text = make('p', 'fl-meaning', { role: 'status' });
  const forget = button('forget my answers', 'Delete your answers from this browser', signal, () => {
    forgetAnswers();
    draw();
  });
  const title = state.model.length ? 'Your calibration (line) and the model\'s (squares)' : 'Your calibration';
  const root = makeRoot('fl-run fl-question', title, heading(title, '', forget), chart.element, text);
  function draw() {
    const rows = calibrationRows(readAnswers());
    text.textContent = calibrationText(rows);
    forget.disabled = !rows.length;
    chart.draw({
      x: { low: 0.3, high: 1, name: 'how sure you were', ticks: 7 },
      y: { low: 0, high: 1, name: 'how often you were right', ticks: 5 },
      shapes: [{ kind: 'line', points: [[0.3, 0.3], [1, 1]], color: 'soft', classes: 'fl-thin fl-dashed' },
               { kind: 'squares', points: state.model, color: 'valid' }, ...ownShapes(rows)],
    });
  }
  return { root, sized: draw, themed: draw };
}

/**
 * @param {HTMLElement} element
 * @param {{model: [number, number][]}} state  of the model: mean confidence and accuracy for each bin; may be empty
 * @returns {() => void} clean-up
 */
export function mountCalibration(element, state) {
  return mountView(element, [svgChartStyle, questionStyle], signal => buildCalibration(state, signal));
}
