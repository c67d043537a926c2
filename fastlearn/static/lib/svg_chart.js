// An SVG chart with two axes and, optionally, a handle that can be dragged or moved by the arrow keys.
import { make } from './elements.js'
import { clamp, linearScale, linearTicks, logScale, logTicks } from './numbers.js'
import { drawShape, svgElement } from './svg_shapes.js'

/**
 * @typedef {object} Axis  one of the two axes
 * @property {number} low
 * @property {number} high
 * @property {string} name
 * @property {boolean} [isLog]
 * @property {number} [ticks]  approximate number
 */

const MARGIN = { left: 44, right: 12, top: 22, bottom: 34 };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
                 PageUp: [10, 0], PageDown: [-10, 0], Home: [-Infinity, 0], End: [Infinity, 0] };

/** 0.25 -> "0.25", -3 -> "−3", 0.0001 -> "1e-4" */
export function tickText(value) {
  const isSmall = value && Math.abs(value) < 0.001;
  return (isSmall ? Number(value.toPrecision(3)).toExponential() : String(value)).replace(/^-/, '−');
}

/** The axes: lines, numbers, names. */
function axisElements({ x, y }, { across, down, width, height }) {
  const scales = { x: across, y: down };
  const ticks = side => (side.isLog ? logTicks : linearTicks)(side.low, side.high, side.ticks ?? 5);
  const rows = ticks(y).flatMap(tick => [
    svgElement('path', { class: 'fl-gridline', d: `M0,${scales.y(tick)}H${width}` }),
    svgElement('text', { x: -7, y: scales.y(tick) + 4, 'text-anchor': 'end' }, tickText(tick)),
  ]);
  const columns = ticks(x).flatMap(tick => [
    svgElement('path', { class: 'fl-tick', d: `M${scales.x(tick)},${height}v4` }),
    svgElement('text', { x: scales.x(tick), y: height + 16, 'text-anchor': 'middle' }, tickText(tick)),
  ]);
  return [...rows, svgElement('path', { class: 'fl-tick', d: `M0,${height}H${width}` }), ...columns,
          svgElement('text', { x: 6 - MARGIN.left, y: -9 }, y.name),
          svgElement('text', { x: width, y: height + 30, 'text-anchor': 'end' }, x.name)];
}

/**
 * @param {object} options
 * @param {string} options.name  for screen readers
 * @param {number} [options.height]  pixels
 * @param {string} [options.handleName]  accessible name of the handle; empty: no handle
 * @param {(point: [number, number]) => void} [options.moved]  called when the handle is dragged
 * @param {(across: number, up: number) => void} [options.pushed]  called with a number of steps; infinite: to the end
 * @param {AbortSignal} options.signal
 */
export function createSvgChart({ name, height = 220, handleName = '', moved, pushed, signal }) {
  const [frame, shapes] = [svgElement('g'), svgElement('svg')];
  const handle = svgElement('g', { class: 'fl-handle', tabindex: 0, role: 'slider', 'aria-label': handleName });
  const circles = [{ class: 'fl-handle-area', r: 20 }, { class: 'fl-handle-knob', r: 7.5 }];
  handle.append(...circles.map(attributes => svgElement('circle', attributes)));
  const inside = svgElement('g', { transform: `translate(${MARGIN.left},${MARGIN.top})` });
  inside.append(frame, shapes, ...(handleName ? [handle] : []));
  const svg = svgElement('svg', { role: 'group', 'aria-label': name, height, class: handleName ? 'fl-movable' : '' });
  svg.append(inside);
  let scales = null;
  const follow = event => {
    const box = svg.getBoundingClientRect();
    const point = [event.clientX - box.left - MARGIN.left, event.clientY - box.top - MARGIN.top];
    moved([scales.across.back(point[0]), scales.down.back(point[1])]);
  };
  const listen = (target, kind, heard) => target.addEventListener(kind, heard, { signal });
  if (handleName) {
    listen(svg, 'pointerdown', event => {
      if (event.button) return;
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      handle.focus();
      follow(event);
    });
    listen(svg, 'pointermove', event => { if (svg.hasPointerCapture(event.pointerId)) follow(event); });
    listen(handle, 'keydown', event => {
      const push = ARROWS[event.key];
      if (!push || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      pushed(...push.map(steps => steps * (event.shiftKey ? 10 : 1)));
    });
  }
  return {
    element: make('div', 'fl-svg-chart', {}, svg),
    /** @param {{x: Axis, y: Axis, shapes: import('./svg_shapes.js').Shape[],
     *         handle?: {point: [number, number], text: string}}} drawing */
    draw(drawing) {
      const width = svg.clientWidth - MARGIN.left - MARGIN.right;
      if (!(width > 0)) return;
      scales = scalesFor(drawing, width, height - MARGIN.top - MARGIN.bottom);
      frame.replaceChildren(...axisElements(drawing, scales));
      for (const side of ['width', 'height']) shapes.setAttribute(side, scales[side]);
      shapes.replaceChildren(...drawing.shapes.map(shape => drawShape(shape, scales)));
      if (drawing.handle) moveHandle(handle, drawing, scales);
    },
  };
}

/** Scales from the units of both axes to pixels, and back. */
function scalesFor({ x, y }, width, height) {
  const both = (side, from, to) => {
    const scale = (side.isLog ? logScale : linearScale)(side.low, side.high, from, to);
    const ends = side.isLog ? [Math.log(side.low), Math.log(side.high)] : [side.low, side.high];
    const back = linearScale(from, to, ...ends);
    return Object.assign(value => scale(value), { back: side.isLog ? pixel => Math.exp(back(pixel)) : back });
  };
  return { across: both(x, 0, width), down: both(y, height, 0), width, height };
}

function moveHandle(handle, { x, handle: { point, text } }, { across, down, width, height }) {
  const [left, top] = [clamp(across(point[0]), 0, width), clamp(down(point[1]), 0, height)];
  handle.setAttribute('transform', `translate(${left.toFixed(1)},${top.toFixed(1)})`);
  const values = { 'aria-valuemin': x.low, 'aria-valuemax': x.high, 'aria-valuenow': point[0], 'aria-valuetext': text };
  for (const [name, value] of Object.entries(values)) handle.setAttribute(name, value);
}
