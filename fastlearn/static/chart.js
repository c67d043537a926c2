// A small chart in SVG, of two axes with any limits, with points that can be dragged and moved by the arrow keys.
import { make } from './elements.js'
import { linearScale, linearTicks, logScale, logTicks } from './numbers.js'
import { powerText } from './text.js'
import { within } from './stage.js'

/**
 * @typedef {object} Side  one of the two axes
 * @property {number} low
 * @property {number} high
 * @property {string} name
 * @property {boolean} [isLog]
 * @property {number} [ticks]  about how many
 * @typedef {[number, number]} Place  in the units of the axes
 * @typedef {object} Shape
 * @property {'line'|'arrow'|'dots'|'squares'|'rule'|'ellipse'|'words'} kind
 * @property {Place[]} [places]  of a line, an arrow (from, to), dots, squares, words
 * @property {number} [x]  of a vertical rule
 * @property {Place} [radii]  of an ellipse around the first place
 * @property {string} [text]
 * @property {string} [colour]  by its name in theme.js
 * @property {string} [classes]
 */

const MARGIN = { left: 44, right: 12, top: 22, bottom: 34 };
const FAR = 1e4;         // pixels; what lies beyond is outside anyway
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
                 PageUp: [10, 0], PageDown: [-10, 0], Home: [-Infinity, 0], End: [Infinity, 0] };

/** @param {string} tag @param {object} attributes @returns {SVGElement} */
function draft(tag, attributes = {}, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** 0.25 -> "0.25", -3 -> "−3", 0.0001 -> "1e-4" */
export function tickText(value, isLog) {
  const text = isLog && value < 0.01 ? powerText(value, 0) : String(value);
  return text.replace(/^-/, '−');
}

/** The path of a line through some pixels; it breaks where there is no number. @param {Place[]} pixels */
export function pathText(pixels) {
  let isDown = false;
  return pixels.map(([x, y]) => {
    const command = isDown ? 'L' : 'M';
    isDown = Number.isFinite(x + y) || Math.abs(y) === Infinity;
    return isDown ? `${command}${x.toFixed(1)},${within(y, -FAR, FAR).toFixed(1)}` : '';
  }).join('');
}

/** Tip of an arrow as three points. */
function tipText([x0, y0], [x1, y1], size = 10) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const corner = turn => [x1 - size * Math.cos(angle + turn), y1 - size * Math.sin(angle + turn)];
  return [[x1, y1], corner(0.45), corner(-0.45)].map(place => place.map(value => value.toFixed(1)).join()).join(' ');
}

/** @type {Record<string, (shape: Shape, pixels: Place[], scales: object) => SVGElement[]>} */
const DRAWN = {
  line: (_, pixels) => [draft('path', { class: 'fl-line', d: pathText(pixels) })],
  arrow: (_, pixels) => {
    const long = Math.hypot(pixels[1][0] - pixels[0][0], pixels[1][1] - pixels[0][1]);
    const tip = long > 4 ? [draft('polygon', { class: 'fl-tip', points: tipText(...pixels) })] : [];
    return [draft('path', { class: 'fl-line', d: pathText(pixels) }), ...tip];
  },
  dots: (_, pixels) => pixels.map(([cx, cy]) => draft('circle', { class: 'fl-mark', cx, cy, r: 4.5 })),
  squares: (_, pixels) => pixels.map(([x, y]) => {
    return draft('rect', { class: 'fl-mark', x: x - 4.2, y: y - 4.2, width: 8.4, height: 8.4 });
  }),
  rule: ({ x }, _, { across, height }) => {
    return [draft('path', { class: 'fl-line', d: pathText([[across(x), 0], [across(x), height]]) })];
  },
  ellipse: ({ radii }, [[cx, cy]], { across, down }) => {
    const [rx, ry] = [across(radii[0]) - across(0), down(0) - down(radii[1])];
    return [draft('ellipse', { class: 'fl-mark', cx, cy, rx, ry })];
  },
  words: ({ text }, [[x, y]]) => [draft('text', { class: 'fl-words-in', x, y }, text)],
};

/** Axes: lines, numbers, names. */
function frameOf({ x, y }, { across, down, width, height }) {
  const scales = { x: across, y: down };
  const ticks = side => (side.isLog ? logTicks : linearTicks)(side.low, side.high, side.ticks ?? 5);
  const rows = ticks(y).flatMap(tick => [
    draft('path', { class: 'fl-rule', d: `M0,${scales.y(tick)}H${width}` }),
    draft('text', { x: -7, y: scales.y(tick) + 4, 'text-anchor': 'end' }, tickText(tick, y.isLog)),
  ]);
  const columns = ticks(x).flatMap(tick => [
    draft('path', { class: 'fl-tick', d: `M${scales.x(tick)},${height}v4` }),
    draft('text', { x: scales.x(tick), y: height + 16, 'text-anchor': 'middle' }, tickText(tick, x.isLog)),
  ]);
  return [...rows, draft('path', { class: 'fl-tick', d: `M0,${height}H${width}` }), ...columns,
          draft('text', { x: 6 - MARGIN.left, y: -9 }, y.name),
          draft('text', { x: width, y: height + 30, 'text-anchor': 'end' }, x.name)];
}

/**
 * @param {object} options
 * @param {string} options.name  for screen readers
 * @param {number} [options.height]  pixels
 * @param {string} [options.handle]  name of the point that can be moved; without: none
 * @param {(place: Place) => void} [options.moved]  it was dragged there
 * @param {(across: number, up: number) => void} [options.pushed]  by so many steps; infinite: to the end
 * @param {AbortSignal} options.signal
 */
export function createChart({ name, height = 220, handle = '', moved, pushed, signal }) {
  const [frame, shapes] = [draft('g'), draft('svg')];
  const grip = draft('g', { class: 'fl-grip', tabindex: 0, role: 'slider', 'aria-label': handle });
  grip.append(draft('circle', { class: 'fl-reach', r: 20 }), draft('circle', { class: 'fl-knob', r: 7.5 }));
  const inside = draft('g', { transform: `translate(${MARGIN.left},${MARGIN.top})` });
  inside.append(frame, shapes, ...(handle ? [grip] : []));
  const svg = draft('svg', { role: 'group', 'aria-label': name, height, class: handle ? 'fl-movable' : '' });
  svg.append(inside);
  let scales = null;
  const follow = event => {
    const box = svg.getBoundingClientRect();
    const place = [event.clientX - box.left - MARGIN.left, event.clientY - box.top - MARGIN.top];
    moved([scales.across.back(place[0]), scales.down.back(place[1])]);
  };
  const listen = (target, kind, heard) => target.addEventListener(kind, heard, { signal });
  if (handle) {
    listen(svg, 'pointerdown', event => {
      if (event.button) return;
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      grip.focus();
      follow(event);
    });
    listen(svg, 'pointermove', event => { if (svg.hasPointerCapture(event.pointerId)) follow(event); });
    listen(grip, 'keydown', event => {
      const push = ARROWS[event.key];
      if (!push || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      pushed(...push.map(steps => steps * (event.shiftKey ? 10 : 1)));
    });
  }
  return {
    element: make('div', 'fl-chart', {}, svg),
    /** @param {{x: Side, y: Side, shapes: Shape[], grip?: {place: Place, text: string}}} drawing */
    draw(drawing) {
      const width = svg.clientWidth - MARGIN.left - MARGIN.right;
      if (!(width > 0)) return;
      scales = scalesOf(drawing, width, height - MARGIN.top - MARGIN.bottom);
      frame.replaceChildren(...frameOf(drawing, scales));
      for (const side of ['width', 'height']) shapes.setAttribute(side, scales[side]);
      shapes.replaceChildren(...drawing.shapes.map(shape => drawShape(shape, scales)));
      if (drawing.grip) showGrip(grip, drawing, scales);
    },
  };
}

/** From the units of both axes to pixels, and back. */
function scalesOf({ x, y }, width, height) {
  const both = (side, from, to) => {
    const scale = (side.isLog ? logScale : linearScale)(side.low, side.high, from, to);
    const ends = side.isLog ? [Math.log(side.low), Math.log(side.high)] : [side.low, side.high];
    const back = linearScale(from, to, ...ends);
    return Object.assign(value => scale(value), { back: side.isLog ? pixel => Math.exp(back(pixel)) : back });
  };
  return { across: both(x, 0, width), down: both(y, height, 0), width, height };
}

function drawShape(shape, scales) {
  const pixels = (shape.places ?? []).map(([x, y]) => [scales.across(x), scales.down(y)]);
  const group = draft('g', { class: shape.classes ?? '', style: `color: var(--fl-${shape.colour ?? 'ink'})` });
  group.append(...DRAWN[shape.kind](shape, pixels, scales));
  return group;
}

function showGrip(grip, { x, grip: { place, text } }, { across, down, width, height }) {
  const [left, top] = [within(across(place[0]), 0, width), within(down(place[1]), 0, height)];
  grip.setAttribute('transform', `translate(${left.toFixed(1)},${top.toFixed(1)})`);
  const values = { 'aria-valuemin': x.low, 'aria-valuemax': x.high, 'aria-valuenow': place[0], 'aria-valuetext': text };
  for (const [name, value] of Object.entries(values)) grip.setAttribute(name, value);
}
