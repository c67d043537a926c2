// The labels of the lines of a canvas chart: a dot in the line's color, and its name and value.
import { lastUpTo, spreadLabels } from './numbers.js'

const NARROW = 300;  // pixels; in a narrower chart the labels are inside, to the left of their points

/** The pixels to the right of the curves, for tick numbers and labels. */
export function roomOnRight(width, hasAxis) {
  if (width < NARROW) return hasAxis ? 28 : 8;
  return width < 400 ? 92 : 124;
}

/** The label of each series at `step`: a dot in its color, the text in ink. */
export function drawLabels({ context, theme, area, x, scales, width }, drawing) {
  const labels = drawing.series.filter(one => one.label).flatMap(one => {
    const value = one.y[lastUpTo(one.x, drawing.step)];
    const y = (one.onRight ? scales.right : scales.left)(value);
    return Number.isFinite(y) ? [{ one, y, texts: one.label(value) }] : [];
  });
  const heights = spreadLabels(labels.map(label => label.y), 15, area.top + 6, area.bottom - 5);
  // The numbers of the right axis are where the labels of a finished run start.
  const margin = area.right + (drawing.right ? 30 : 8);
  const hasRoom = x(drawing.step) + 90 < area.right;
  const beside = hasRoom ? x(drawing.step) + 8 : Math.max(margin, x(drawing.step) + 8);
  context.textAlign = 'left';
  labels.forEach(({ one, texts }, i) => {
    const isInside = width < NARROW && !hasRoom;
    const text = fittingText(context, texts, isInside ? area.right - area.left - 30 : width - beside - 11);
    const left = isInside ? x(drawing.step) - context.measureText(text).width - 20 : beside;
    Object.assign(context, { strokeStyle: theme.panel, lineWidth: 4 });  // curves and axes end around the letters
    context.strokeText(text, left + 10, heights[i]);
    context.fillStyle = one.color;
    context.beginPath();
    context.arc(left + 3, heights[i], 3, 0, 7);
    context.fill();
    context.fillStyle = theme.ink;
    context.fillText(text, left + 10, heights[i]);
  });
}

/** The first text that fits; otherwise the last one, shortened. */
function fittingText(context, texts, width) {
  const fits = text => context.measureText(text).width <= width;
  const shortest = texts.at(-1);
  let end = shortest.length;
  while (end > 1 && !fits(`${shortest.slice(0, end)}…`)) end--;
  return texts.find(fits) ?? `${shortest.slice(0, end).trimEnd()}…`;
}
