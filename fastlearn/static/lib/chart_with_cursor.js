// A canvas chart with a cursor that mouse and keyboard move, and a line of text with the values at the cursor.
import { drawCanvasChart } from './canvas_chart.js'
import { make, setItems } from './elements.js'
import { firstFrom } from './numbers.js'

const PAGE = 0.1;  // as a fraction of all points: how far PageUp and PageDown move the cursor

/**
 * @param {object} options
 * @param {string} options.name  for screen readers
 * @param {string} options.classes
 * @param {AbortSignal} options.signal
 * @param {(step: number | null) => void} options.setCursor  called when the cursor moves; null: it left the chart
 * @param {(step: number) => void} [options.goToStep]  called when the user chooses a step
 */
export function createChartWithCursor({ name, classes, signal, setCursor, goToStep }) {
  const canvas = make('canvas', 'fl-canvas', {
    tabIndex: 0, role: 'application', 'aria-roledescription': 'chart',
    'aria-label': `${name}. The arrow keys read the values, Escape leaves.`,
  });
  const values = make('p', 'fl-values', { 'aria-live': 'off' });
  const element = make('div', `fl-canvas-chart ${classes}`, {}, make('div', 'fl-chart-area', {}, canvas), values);
  let shown = null;    // the drawing on the screen
  let pixels = null;   // limits of its x axis in pixels
  let stops = [];      // the steps that the cursor can stop at
  let cursor = null;   // step under the cursor; set before drawing, so that fast key presses add up

  const stopAt = event => {
    if (!shown || !stops.length) return null;
    const share = (event.clientX - canvas.getBoundingClientRect().left - pixels.low) / (pixels.high - pixels.low);
    return stops[Math.min(stops.length - 1, firstFrom(stops, Math.round(share * shown.total)))];
  };
  const point = step => { cursor = step; setCursor(step); };
  const listen = (kind, heard) => canvas.addEventListener(kind, heard, { signal });
  listen('pointermove', event => point(stopAt(event)));
  listen('pointerleave', () => point(null));
  listen('click', event => { const stop = stopAt(event); if (stop !== null) goToStep?.(stop); });
  // Screen readers announce only the focused chart, because all charts show the same step.
  listen('focus', () => values.setAttribute('aria-live', 'polite'));
  listen('blur', () => { values.setAttribute('aria-live', 'off'); point(null); });
  listen('keydown', event => {
    if (event.altKey || event.ctrlKey || event.metaKey || !shown) return;
    if (event.key === 'Escape') { canvas.blur(); return; }
    if (!stops.length) return;
    const last = stops.length - 1;
    const at = firstFrom(stops, cursor ?? shown.step);
    const page = Math.max(1, Math.round(PAGE * last));
    const next = cursor === null && event.key.startsWith('Arrow') ? at : {
      ArrowLeft: at - 1, ArrowRight: at + 1, PageDown: at - page, PageUp: at + page, Home: 0, End: last,
    }[event.key];
    if (event.key === 'Enter' && cursor !== null) goToStep?.(cursor);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();  // JupyterLab moves between cells with these keys
    point(stops[Math.max(0, Math.min(last, next))]);
  });

  return {
    element,
    /**
     * @param {import('./theme.js').Theme} theme
     * @param {import('./canvas_chart.js').Drawing} drawing
     * @param {ArrayLike<number>} readable  steps, ascending
     * @param {string[]} items  values at the cursor
     */
    draw(theme, drawing, readable, items) {
      [shown, stops, cursor] = [drawing, readable, drawing.cursor];
      pixels = drawCanvasChart(canvas, theme, drawing);
      setItems(values, items);
    },
  };
}
