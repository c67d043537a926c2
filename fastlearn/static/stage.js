// What every explorer stands on: a title, sliders, buttons, a sentence that says what is seen, and its clean-up.
import { explorersStyle } from './explorers.css'
import { button, heading, make, makeRoot, nameButton, setText, shelter, whileInPage } from './elements.js'
import { followTheme } from './theme.js'

const POSITIONS = 240;       // of a logarithmic slider
const PACE = 90;             // milliseconds from one step to the next while it plays
const CALM_PACE = 500;       // the same where the person asked for reduced motion

/**
 * Puts an explorer into the page and keeps it drawn.
 * @param {HTMLElement} element
 * @param {string} title
 * @param {(signal: AbortSignal) => {parts: Node[], draw: (theme: import('./theme.js').Theme) => void}} build
 * @returns {() => void} clean-up
 */
export function openStage(element, title, build) {
  const ending = new AbortController();
  const { signal } = ending;
  const { parts, draw } = build(signal);
  const root = makeRoot('fl-run fl-stage', title, heading(title), ...parts);
  const host = shelter(root);
  host.shadowRoot.append(make('style', '', { textContent: explorersStyle }));
  element.append(host);
  let [theme, frame] = [null, 0];
  const later = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(theme); }); };
  whileInPage(root, signal, later, shown => followTheme(root, shown, found => { theme = found; draw(theme); }));
  return () => {
    ending.abort();
    cancelAnimationFrame(frame);
    host.remove();
  };
}

/** A sentence about what is seen now; screen readers say it when it changes. */
export function createWords() {
  const element = make('p', 'fl-said', { role: 'status' });
  return { element, show: text => setText(element, text) };
}

/** One line of a legend: a line, a dot or a square in its colour. @param {string} colour  by its name in theme.js */
export function legendKey(classes, colour, textContent) {
  const element = make('span', `fl-key ${classes}`, { textContent });
  element.style.setProperty('--fl-own', `var(--fl-${colour})`);
  return element;
}

/** A value between two limits. */
export const within = (value, low, high) => Math.min(high, Math.max(low, value));

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
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
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
    timer = goesOn ? setTimeout(play, calm.matches ? CALM_PACE : PACE) : 0;
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
