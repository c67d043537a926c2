// SVG shapes in the units of a chart's axes: lines, arrows, points.
import { clamp } from './numbers.js'

/**
 * @typedef {[number, number]} Point  in the units of the axes
 * @typedef {object} Shape
 * @property {'line'|'arrow'|'dots'|'squares'|'rule'|'ellipse'} kind
 * @property {Point[]} [points]  of a line, an arrow (from, to), dots, squares
 * @property {number} [x]  of a vertical rule
 * @property {Point} [radii]  of an ellipse around the first point
 * @property {string} [color]  its name in theme.js
 * @property {string} [classes]
 */

const FAR = 1e4;         // pixels; far outside any chart

/** @param {string} tag @param {object} attributes @returns {SVGElement} */
export function svgElement(tag, attributes = {}, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** The path data of a line through `pixels`, interrupted at NaN. @param {Point[]} pixels */
export function pathData(pixels) {
  let isDown = false;
  return pixels.map(([x, y]) => {
    const command = isDown ? 'L' : 'M';
    isDown = Number.isFinite(x + y) || Math.abs(y) === Infinity;
    return isDown ? `${command}${x.toFixed(1)},${clamp(y, -FAR, FAR).toFixed(1)}` : '';
  }).join('');
}

/** The tip of an arrow: three points. */
function arrowTip([x0, y0], [x1, y1], size = 10) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const corner = turn => [x1 - size * Math.cos(angle + turn), y1 - size * Math.sin(angle + turn)];
  return [[x1, y1], corner(0.45), corner(-0.45)].map(place => place.map(value => value.toFixed(1)).join()).join(' ');
}

/** @type {Record<string, (shape: Shape, pixels: Point[], scales: object) => SVGElement[]>} */
const RENDERERS = {
  line: (_, pixels) => [svgElement('path', { class: 'fl-line', d: pathData(pixels) })],
  arrow: (_, pixels) => {
    const long = Math.hypot(pixels[1][0] - pixels[0][0], pixels[1][1] - pixels[0][1]);
    const tip = long > 4 ? [svgElement('polygon', { class: 'fl-tip', points: arrowTip(...pixels) })] : [];
    return [svgElement('path', { class: 'fl-line', d: pathData(pixels) }), ...tip];
  },
  dots: (_, pixels) => pixels.map(([cx, cy]) => svgElement('circle', { class: 'fl-mark', cx, cy, r: 4.5 })),
  squares: (_, pixels) => pixels.map(([x, y]) => {
    return svgElement('rect', { class: 'fl-mark', x: x - 4.2, y: y - 4.2, width: 8.4, height: 8.4 });
  }),
  rule: ({ x }, _, { across, height }) => {
    return [svgElement('path', { class: 'fl-line', d: pathData([[across(x), 0], [across(x), height]]) })];
  },
  ellipse: ({ radii }, [[cx, cy]], { across, down }) => {
    const [rx, ry] = [across(radii[0]) - across(0), down(0) - down(radii[1])];
    return [svgElement('ellipse', { class: 'fl-mark', cx, cy, rx, ry })];
  },
};

/** @param {Shape} shape @param {object} scales  of the chart, to pixels */
export function drawShape(shape, scales) {
  // NaN interrupts a line; other shapes skip it.
  const isVisible = ([x, y]) => shape.kind === 'line' || Number.isFinite(x + y);
  const pixels = (shape.points ?? []).map(([x, y]) => [scales.across(x), scales.down(y)]).filter(isVisible);
  const group = svgElement('g', { class: shape.classes ?? '', style: `color: var(--fl-${shape.color ?? 'ink'})` });
  group.append(...RENDERERS[shape.kind](shape, pixels, scales));
  return group;
}
