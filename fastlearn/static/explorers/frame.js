// What every explorer stands on: a title, sliders, buttons, a sentence that says what is seen, and its clean-up.
import { button, createShadowHost, heading, make, makeRoot, nameButton, setText, whileConnected } from '../lib/elements.js'
import { svgChartStyle } from '../lib/svg_chart.css'
import { followTheme } from '../lib/theme.js'
import { explorersStyle } from './explorers.css'

const POSITIONS = 240;       // of a logarithmic slider
const STEP_INTERVAL = 90;             // milliseconds from one step to the next while it plays
const REDUCED_MOTION_INTERVAL = 500;       // the same where the person asked for reduced motion

/**
 * Puts an explorer into the page and keeps it drawn.
 * @param {HTMLElement} element
 * @param {string} title
 * @param {(signal: AbortSignal) => {parts: Node[], draw: (theme: import('../lib/theme.js').Theme) => void}} build
 * @returns {() => void} clean-up
 */
export function openFrame(element, title, build) {
  const ending = new AbortController();
  const { signal } = ending;
  const { parts, draw } = build(signal);
  const root = makeRoot('fl-run fl-explorer-frame', title, heading(title), ...parts);
  const host = createShadowHost(root, svgChartStyle, explorersStyle);
  element.append(host);
  let [theme, frame] = [null, 0];
  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(theme); }); };
  whileConnected(root, signal, later, shown => followTheme(root, shown, found => { theme = found; draw(theme); }));
  return () => {
    ending.abort();
    cancelAnimationFrame(frame);
    host.remove();
  };
}

/** A sentence about what is seen now; screen readers say it when it changes. */
export function createSummary() {
  const element = make('p', 'fl-summary', { role: 'status' });
  return { element, show: text => setText(element, text) };
}

/** One line of a legend: a line, a dot or a square in its color. @param {string} color  by its name in theme.js */
export function legendKey(classes, color, textContent) {
  const element = make('span', `fl-key ${classes}`, { textContent });
  element.style.setProperty('--fl-own', `var(--fl-${color})`);
  return element;
}

/** Place of a slider, 0-POSITIONS, to its value, of two digits: in equal factors. */
export const logValue = (place, low, high) => Number((low * (high / low) ** (place / POSITIONS)).toPrecision(2));

/**
 * A slider with its name and its value.
 * @param {object} options
 * @param {string} options.name
 * @param {number} options.low
 * @param {number} options.high
 * @param {number} [options.step]
 * @param {boolean} [options.isLog]  equal factors instead of equal steps
 * @param {(value: number) => string} [options.text]
 * @param {string} [options.says]  what is written beside it; without: its name
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
 * Buttons that play, make one step, and go back to the start.
 * @param {AbortSignal} signal
 * @param {() => boolean} step  makes one; false: there is none left
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
