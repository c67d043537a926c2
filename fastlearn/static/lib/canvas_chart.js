// A chart on a canvas: shaded spans, axes, lines and points, labels next to the lines.
import { drawLabels, roomOnRight } from './chart_labels.js'
import { lastUpTo, linearScale, logScale } from './numbers.js'
import { drawSeries } from './series.js'

/**
 * @typedef {object} Axis
 * @property {number} low
 * @property {number} high
 * @property {boolean} [isLog]
 * @property {number[]} ticks
 * @property {(value: number) => string} text  of a tick
 * @typedef {object} Drawing
 * @property {number} total  steps on the x axis
 * @property {number} step  shown step; the part after it is faint
 * @property {number | null} cursor  step under the cursor
 * @property {Axis} left
 * @property {Axis} [right]
 * @property {{from: number, to: number, isShaded: boolean, words: string[]}[]} spans  words: the first that fits
 * @property {{ticks: number[], labels: {at: number, texts: string[]}[], name?: string}} [bottom]
 * @property {import('./series.js').Series[]} series
 */

const FAINT = 0.18;  // opacity of the part that the replay has not reached
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LANE = 20;     // pixels above the curves, for the phase names

/** Clears the canvas and matches its resolution to the screen. */
export function prepareCanvas(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const density = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const context = canvas.getContext('2d');
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  Object.assign(context, { font: FONT, textBaseline: 'middle', lineJoin: 'round', lineCap: 'butt' });
  return { context, width, height };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./theme.js').Theme} theme
 * @param {Drawing} drawing
 * @returns {{low: number, high: number}} limits of the x axis in pixels
 */
export function drawCanvasChart(canvas, theme, drawing) {
  const { context, width, height } = prepareCanvas(canvas);
  const hasWords = drawing.spans.some(span => span.words.length);
  const area = {
    left: 42, right: width - roomOnRight(width, drawing.right),
    top: hasWords ? LANE : 7, bottom: height - (drawing.bottom ? 20 : 6),
  };
  const x = linearScale(0, drawing.total, area.left, area.right);
  const vertical = axis => (axis.isLog ? logScale : linearScale)(axis.low, axis.high, area.bottom, area.top);
  const scales = { left: vertical(drawing.left), right: drawing.right && vertical(drawing.right) };
  const tools = { context, theme, area, x, scales, width };

  drawSpans(tools, drawing.spans, hasWords);
  drawAxes(tools, drawing);
  drawSeries(tools, drawing, FAINT, drawing.step, Infinity);
  drawSeries(tools, drawing, 1, -Infinity, drawing.step);
  if (drawing.step < drawing.total) verticalLine(tools, x(drawing.step), theme.ink, 0.35);
  drawLabels(tools, drawing);
  if (drawing.cursor !== null) drawCursor(tools, drawing);
  return { low: area.left, high: area.right };
}

function verticalLine({ context, area }, at, color, alpha, dash = []) {
  Object.assign(context, { strokeStyle: color, globalAlpha: alpha, lineWidth: 1 });
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(Math.round(at) + 0.5, area.top);
  context.lineTo(Math.round(at) + 0.5, area.bottom);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The phases: shaded where layers are frozen, names above, a dashed line between two phases. */
function drawSpans(tools, spans, hasWords) {
  const { context, theme, area, x } = tools;
  const top = hasWords ? 0 : area.top;
  spans.forEach((span, i) => {
    const [from, to] = [x(span.from), x(span.to)];
    if (span.isShaded) {
      context.fillStyle = theme.shade;
      context.fillRect(from, top, to - from, area.bottom - top);
    }
    if (i > 0) verticalLine(tools, from, theme.soft, 1, [3, 3]);
    const words = span.words.find(text => context.measureText(text).width < to - from - 10);
    if (!words) return;
    Object.assign(context, { fillStyle: theme.soft, textAlign: 'left' });
    context.fillText(words, from + 6, LANE / 2 + 1);
  });
}

function drawAxes(tools, { left, right, bottom }) {
  const { context, theme, area, x, scales } = tools;
  context.lineWidth = 1;
  for (const tick of left.ticks) {
    const y = scales.left(tick);
    context.fillStyle = theme.grid;
    context.fillRect(area.left, Math.round(y), area.right - area.left, 1);
    Object.assign(context, { fillStyle: theme.soft, textAlign: 'right' });
    context.fillText(left.text(tick), area.left - 7, y + 0.5);
  }
  for (const tick of right?.ticks ?? []) {
    Object.assign(context, { fillStyle: theme.soft, textAlign: 'left' });
    context.fillText(right.text(tick), area.right + 5, scales.right(tick) + 0.5);
  }
  if (!bottom) return;
  Object.assign(context, { fillStyle: theme.soft, textAlign: 'center' });
  for (const tick of bottom.ticks) context.fillRect(Math.round(x(tick)), area.bottom, 1, 5);
  context.fillRect(area.left, area.bottom, area.right - area.left, 1);
  // The long labels if all fit; otherwise the short ones, and only as many as fit.
  const share = bottom.labels.length > 1 ? Math.abs(x(bottom.labels[1].at) - x(bottom.labels[0].at)) : Infinity;
  const isLong = bottom.labels.every(({ texts }) => context.measureText(texts[0]).width + 8 < share);
  let free = -Infinity;
  for (const { at, texts } of bottom.labels) {
    const text = texts[isLong ? 0 : texts.length - 1];
    const half = context.measureText(text).width / 2;
    if (x(at) - half < free) continue;
    context.fillText(text, x(at), area.bottom + 12);
    free = x(at) + half + 10;
  }
  context.textAlign = 'left';
  context.fillText(bottom.name ?? '', Math.max(area.right + 10, free), area.bottom + 12);
}

function drawCursor(tools, { series, cursor }) {
  const { context, theme, area, x, scales } = tools;
  verticalLine(tools, x(cursor), theme.ink, 0.9);
  for (const one of series) {
    const index = lastUpTo(one.x, cursor);
    if (index < 0 || one.kind === 'ranges' || (one.kind !== 'line' && one.x[index] !== cursor)) continue;
    const y = (one.onRight ? scales.right : scales.left)(one.y[index]);
    if (!(y >= area.top && y <= area.bottom)) continue;
    Object.assign(context, { fillStyle: one.color, strokeStyle: theme.panel, lineWidth: 1.5 });
    context.beginPath();
    context.arc(x(one.x[index]), y, 4, 0, 7);
    context.fill();
    context.stroke();
  }
}
