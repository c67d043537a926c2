// Draws the series of a canvas chart: lines, points, ranges, marks.
import { lastUpTo } from './numbers.js'

/**
 * @typedef {object} Series
 * @property {'line'|'dots'|'ranges'|'marks'} kind  ranges: from `y` to `top`; marks: large points on a line
 * @property {ArrayLike<number>} x
 * @property {ArrayLike<number>} y  NaN: a gap
 * @property {ArrayLike<number>} [top]
 * @property {string} color
 * @property {number[]} [dash]
 * @property {number[]} [restarts]  indexes at which the line is interrupted
 * @property {boolean} [isHollow]  of marks
 * @property {boolean} [onRight]  uses the right axis
 * @property {(value: number) => string[]} [label]  texts next to its newest point, the longest first
 */

/** Draws the part with from < x <= to. */
export function drawSeries({ context, area, x, scales }, { series }, alpha, from, to) {
  for (const one of series) {
    const y = one.onRight ? scales.right : scales.left;
    // Nothing was measured between two marks, so their line ends at the last mark.
    const mark = end => (Number.isFinite(end) ? one.x[lastUpTo(one.x, end)] ?? 0 : end);
    const ends = one.kind === 'marks' ? [mark(from), mark(to)] : [from, to];
    const [left, right] = [Math.max(area.left - 4, x(ends[0])), Math.min(area.right + 6, x(ends[1]))];
    Object.assign(context, { strokeStyle: one.color, fillStyle: one.color, globalAlpha: alpha });
    context.save();
    context.beginPath();
    context.rect(left, area.top - 1, Math.max(0, right - left), area.bottom - area.top + 2);
    context.clip();
    if (one.kind === 'ranges') drawRanges(context, one, x, y);
    if (one.kind === 'line' || one.kind === 'marks') drawLine(context, one, x, y);
    context.restore();
    if (one.kind === 'dots') drawDots(context, one, x, y, area, from, to);
    if (one.kind === 'marks') drawMarks(context, one, x, y, from, to);
  }
  context.globalAlpha = 1;
}

function drawLine(context, one, x, y) {
  const isBreak = i => !Number.isFinite(y(one.y[i])) || one.restarts?.includes(i);
  context.lineWidth = one.kind === 'marks' ? 1.5 : 2;
  context.setLineDash(one.dash ?? []);
  context.beginPath();
  const alone = [];  // points without neighbors, which no line would show
  let isDown = false;
  for (let i = 0; i < one.x.length; i++) {
    const [across, down] = [x(one.x[i]), y(one.y[i])];
    if (isBreak(i)) isDown = false;
    if (!Number.isFinite(down)) continue;
    if (!isDown && (i + 1 === one.x.length || isBreak(i + 1))) alone.push([across, down]);
    if (isDown) context.lineTo(across, down); else context.moveTo(across, down);
    isDown = true;
  }
  context.stroke();
  context.setLineDash([]);
  for (const [across, down] of alone) context.fillRect(across - 2, down - 2, 4, 4);
}

function drawDots(context, one, x, y, area, from, to) {
  context.globalAlpha *= 0.6;
  for (let i = 0; i < one.x.length; i++) {
    if (one.x[i] <= from || one.x[i] > to || !Number.isFinite(y(one.y[i]))) continue;
    context.beginPath();
    if (y(one.y[i]) < area.top) triangle(context, x(one.x[i]), area.top);
    else context.arc(x(one.x[i]), Math.min(y(one.y[i]), area.bottom), 2.2, 0, 7);
    context.fill();
  }
}

/** An upward triangle for a value beyond the axis. */
function triangle(context, x, top) {
  context.moveTo(x, top);
  context.lineTo(x - 4, top + 6);
  context.lineTo(x + 4, top + 6);
}

/** One area from lowest to highest, because a thousand bars would overlap. */
function drawRanges(context, one, x, y) {
  context.globalAlpha *= 0.4;
  context.beginPath();
  for (let i = 0; i < one.x.length; i++) context.lineTo(x(one.x[i]), y(one.top[i]));
  for (let i = one.x.length - 1; i >= 0; i--) context.lineTo(x(one.x[i]), y(one.y[i]) + 1);
  context.fill();
}

function drawMarks(context, one, x, y, from, to) {
  for (let i = 0; i < one.x.length; i++) {
    if (one.x[i] <= from || one.x[i] > to) continue;
    context.beginPath();
    const [across, down] = [x(one.x[i]), y(one.y[i])];
    context.moveTo(across, down - 5.5);
    for (const [dx, dy] of [[5.5, 0], [0, 5.5], [-5.5, 0]]) context.lineTo(across + dx, down + dy);
    context.closePath();
    if (one.isHollow) { context.lineWidth = 2; context.stroke(); } else context.fill();
  }
}
