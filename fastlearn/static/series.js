// What is drawn between the axes: lines, points, ranges, marks.
import { lastUpTo } from './numbers.js'

/**
 * @typedef {object} Series
 * @property {'line'|'dots'|'ranges'|'marks'} kind  ranges: from `y` to `top`; marks: large points on a line
 * @property {ArrayLike<number>} x
 * @property {ArrayLike<number>} y  NaN: a gap
 * @property {ArrayLike<number>} [top]
 * @property {string} colour
 * @property {number[]} [dash]
 * @property {number[]} [restarts]  indexes at which a line begins anew
 * @property {boolean} [isHollow]  marks
 * @property {boolean} [onRight]  it belongs to the right axis
 * @property {(value: number) => string[]} [label]  texts beside its newest point, the longest first
 */

/** Draws what lies in from < x <= to. */
export function paintSeries({ brush, area, x, scales }, { series }, alpha, from, to) {
  for (const one of series) {
    const y = one.onRight ? scales.right : scales.left;
    // Between two marks nothing was measured: their line ends at the last one reached.
    const mark = end => (Number.isFinite(end) ? one.x[lastUpTo(one.x, end)] ?? 0 : end);
    const ends = one.kind === 'marks' ? [mark(from), mark(to)] : [from, to];
    const [left, right] = [Math.max(area.left - 4, x(ends[0])), Math.min(area.right + 6, x(ends[1]))];
    Object.assign(brush, { strokeStyle: one.colour, fillStyle: one.colour, globalAlpha: alpha });
    brush.save();
    brush.beginPath();
    brush.rect(left, area.top - 1, Math.max(0, right - left), area.bottom - area.top + 2);
    brush.clip();
    if (one.kind === 'ranges') paintRanges(brush, one, x, y);
    if (one.kind === 'line' || one.kind === 'marks') paintLine(brush, one, x, y);
    brush.restore();
    if (one.kind === 'dots') paintDots(brush, one, x, y, area, from, to);
    if (one.kind === 'marks') paintMarks(brush, one, x, y, from, to);
  }
  brush.globalAlpha = 1;
}

function paintLine(brush, one, x, y) {
  const isBreak = i => !Number.isFinite(y(one.y[i])) || one.restarts?.includes(i);
  brush.lineWidth = one.kind === 'marks' ? 1.5 : 2;
  brush.setLineDash(one.dash ?? []);
  brush.beginPath();
  const alone = [];  // points without a neighbour: no line would show them
  let isDown = false;
  for (let i = 0; i < one.x.length; i++) {
    const [across, down] = [x(one.x[i]), y(one.y[i])];
    if (isBreak(i)) isDown = false;
    if (!Number.isFinite(down)) continue;
    if (!isDown && (i + 1 === one.x.length || isBreak(i + 1))) alone.push([across, down]);
    if (isDown) brush.lineTo(across, down); else brush.moveTo(across, down);
    isDown = true;
  }
  brush.stroke();
  brush.setLineDash([]);
  for (const [across, down] of alone) brush.fillRect(across - 2, down - 2, 4, 4);
}

function paintDots(brush, one, x, y, area, from, to) {
  brush.globalAlpha *= 0.6;
  for (let i = 0; i < one.x.length; i++) {
    if (one.x[i] <= from || one.x[i] > to || !Number.isFinite(y(one.y[i]))) continue;
    brush.beginPath();
    if (y(one.y[i]) < area.top) triangle(brush, x(one.x[i]), area.top);
    else brush.arc(x(one.x[i]), Math.min(y(one.y[i]), area.bottom), 2.2, 0, 7);
    brush.fill();
  }
}

/** Upwards: a value beyond the axis. */
function triangle(brush, x, top) {
  brush.moveTo(x, top);
  brush.lineTo(x - 4, top + 6);
  brush.lineTo(x + 4, top + 6);
}

/** One area from the lowest to the highest: a thousand bars would cover each other. */
function paintRanges(brush, one, x, y) {
  brush.globalAlpha *= 0.4;
  brush.beginPath();
  for (let i = 0; i < one.x.length; i++) brush.lineTo(x(one.x[i]), y(one.top[i]));
  for (let i = one.x.length - 1; i >= 0; i--) brush.lineTo(x(one.x[i]), y(one.y[i]) + 1);
  brush.fill();
}

function paintMarks(brush, one, x, y, from, to) {
  for (let i = 0; i < one.x.length; i++) {
    if (one.x[i] <= from || one.x[i] > to) continue;
    brush.beginPath();
    const [across, down] = [x(one.x[i]), y(one.y[i])];
    brush.moveTo(across, down - 5.5);
    for (const [dx, dy] of [[5.5, 0], [0, 5.5], [-5.5, 0]]) brush.lineTo(across + dx, down + dy);
    brush.closePath();
    if (one.isHollow) { brush.lineWidth = 2; brush.stroke(); } else brush.fill();
  }
}
