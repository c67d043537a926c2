// The frame of every explorer: title, sliders, buttons, a sentence that describes what is shown, and clean-up.
import { button, heading, make, makeRoot, nameButton, setText } from '../lib/elements.js'
import { svgChartStyle } from '../lib/svg_chart.css'
import { mountView } from '../lib/view.js'
import { explorersStyle } from './explorers.css'

const POSITIONS = 240;                // of a logarithmic slider
const STEP_INTERVAL = 90;             // milliseconds between steps while playing
const REDUCED_MOTION_INTERVAL = 500;  // the same if the user prefers reduced motion

/**
 * Puts an explorer into the page and redraws it when its size or the theme changes.
 * @param {HTMLElement} element
 * @param {string} title
 * @param {(signal: AbortSignal) => {parts: Node[], draw: (theme: import('../lib/theme.js').Theme) => void}} build
 * @returns {() => void} clean-up
 */
export function openFrame(element, title, build) {
  return mountView(element, [svgChartStyle, explorersStyle], signal => {
    const { parts, draw } = build(signal);
    let [theme, frame] = [null, 0];
    signal.addEventListener('abort', () => cancelAnimationFrame(frame));
    return {
      root: makeRoot('fl-run fl-explorer-frame', title, heading(title), ...parts),
      sized: () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(theme); }); },
      themed: found => { theme = found; draw(theme); },
    };
  });
}

/** A sentence that describes what is shown; screen readers announce its changes. */
export function createSummary() {
  const element = make('p', 'fl-summary', { role: 'status' });
  return { element, show: text => setText(element, text) };
}

/** A legend entry: a line, a dot or a square in its color. @param {string} color  its name in theme.js */
export function legendKey(classes, color, textContent) {
  const element = make('span', `fl-key ${classes}`, { textContent });
  element.style.setProperty('--fl-own', `var(--fl-${color})`);
  return element;
}

/** The value at a position, 0-POSITIONS, of a logarithmic slider, rounded to two digits. */
export const logValue = (place, low, high) => Number((low * (high / low) ** (place / POSITIONS)).toPrecision(2));

/**
 * A slider with its name and its value.
 * @param {object} options
 * @param {string} options.name
 * @param {number} options.low
 * @param {number} options.high
 * @param {number} [options.step]
 * @param {boolean} [options.isLog]  logarithmic scale
 * @param {(value: number) => string} [options.text]
 * @param {string} [options.says]  visible text; default: the name
 * @param {AbortSignal} options.signal
 * @param {(value: number) => void} options.changed
 */
export function createSlider({ name, low, high, step = 1, isLog, text = String, says = name, signal, changed }) {
  const range = isLog ? { min: 0, max: POSITIONS, step: 1 } : { min: low, max: high, step };
  const input = make('input', 'fl-range', { type: 'range', ...range, 'aria-label': name });
  const value = make('b');
  const element = make('label', 'fl-control', {}, make('span', '', {}, says, ' ', value), input);
  const place = shown => Math.round(POSITIONS * Math.log(shown / low) / Math.log(high / low));
  const read = () => changed(isLog ? logValue(input.valueAsNumber, low, high) : input.valueAsNumber);
  input.addEventListener('input', read, { signal });
  return {
    element,
    show(shown) {
      input.value = isLog ? place(shown) : shown;
      input.setAttribute('aria-valuetext', text(shown));
      setText(value, text(shown));
    },
  };
}

/**
 * Buttons for play, single step, and reset.
 * @param {AbortSignal} signal
 * @param {() => boolean} step  takes one step; returns false if none is left
 * @param {() => void} reset
 */
export function createPlayer(signal, step, reset) {
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  let timer = 0;
  const playing = button('▶ Play', 'Play', signal, () => (timer ? pause() : play()));
  const single = button('Step', 'One step', signal, () => { pause(); step(); });
  const back = button('Reset', 'Back to the start', signal, () => { pause(); reset(); });
  const element = make('div', 'fl-player', {}, playing, single, back);
  function show() {
    setText(playing, timer ? '❚❚ Pause' : '▶ Play');
    nameButton(playing, timer ? 'Pause' : 'Play');
  }
  function play() {
    const goesOn = element.isConnected && !document.hidden && step();
    timer = goesOn ? setTimeout(play, reducedMotion.matches ? REDUCED_MOTION_INTERVAL : STEP_INTERVAL) : 0;
    show();
  }
  function pause() {
    clearTimeout(timer);
    timer = 0;
    show();
  }
  signal.addEventListener('abort', pause);
  return { element, pause };
}
