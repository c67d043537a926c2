// Creates elements of the page. Text is only ever inserted as text, never as HTML.
import { baseStyle } from './base.css'

/**
 * @param {string} tag
 * @param {string} classes
 * @param {object} [properties] of the element; names with a hyphen become attributes
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function make(tag, classes = '', properties = {}, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role') element.setAttribute(name, value); else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** The outermost element of a view. */
export function makeRoot(classes, name, ...children) {
  return make('div', classes, { role: 'group', 'aria-label': name }, ...children);
}

/**
 * Puts `root` into a shadow root, which keeps the styles of JupyterLab and of the docs away from its elements.
 * The attribute on the host keeps JupyterLab from handling keys, such as the arrow keys, as its own shortcuts.
 * @param {HTMLElement} root
 * @param {...string} styles  style sheets, after the base style
 * @returns {HTMLElement} the host, to be put into the page
 */
export function createShadowHost(root, ...styles) {
  const host = make('div', '', { 'data-lm-suppress-shortcuts': 'true' });
  const sheets = [baseStyle, ...styles].map(textContent => make('style', '', { textContent }));
  host.attachShadow({ mode: 'open' }).append(...sheets, root);
  return host;
}

/**
 * Calls `sized` when the size of `root` changes, and `connect(signal)` whenever `root` enters the page; the signal
 * aborts when `root` leaves it. JupyterLab discards a view when its cell runs again, and a listener on the page would
 * keep the view in memory.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal ends it
 * @param {() => void} sized
 * @param {(signal: AbortSignal) => void} connect
 */
export function whileConnected(root, signal, sized, connect) {
  let connection = new AbortController();
  const sizes = new ResizeObserver(() => {
    if (!root.isConnected) connection.abort();
    else if (connection.signal.aborted) { connection = new AbortController(); connect(connection.signal); }
    sized();
  });
  sizes.observe(root);
  signal.addEventListener('abort', () => { sizes.disconnect(); connection.abort(); });
  connect(connection.signal);
}

/** Sets the text only if it differs, so that a selection and screen readers are not disturbed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** "step 12 · epoch 0 · loss 0.6735": a line breaks only between items. @param {string[]} items */
export function setItems(element, items, separator = ' ·') {
  const texts = items.map((item, i) => (i < items.length - 1 ? item + separator : item));
  if (element.textContent === texts.join(' ')) return;
  const spans = texts.flatMap(text => [make('span', 'fl-item', { textContent: text }), ' ']);
  element.replaceChildren(...spans.slice(0, -1));
}

/** @param {string} title @param {string} explanation one short sentence @param {...Node} controls */
export function heading(title, explanation = '', ...controls) {
  const note = explanation ? [make('span', 'fl-note', { textContent: explanation })] : [];
  return make('div', 'fl-heading', {}, make('h3', '', { textContent: title }), ...note, ...controls);
}

/** @returns {HTMLButtonElement} */
export function button(text, name, signal, pressed) {
  const element = make('button', 'fl-button', { type: 'button', textContent: text });
  nameButton(element, name);
  element.addEventListener('click', pressed, { signal });
  return element;
}

/** Sets the accessible name and the tooltip of a button. Both contain its visible words, for users who speak them. */
export function nameButton(element, name) {
  const words = element.textContent.replace(/^[^\p{L}]+|[^\p{L}?]+$/gu, '');
  const isIn = name.toLowerCase().includes(words.toLowerCase());
  const full = isIn ? name : `${words}: ${name[0].toLowerCase()}${name.slice(1)}`;
  element.setAttribute('aria-label', full);
  element.title = full;
}

/** Shows whether a toggle button is on. */
export function setPressed(element, isPressed) {
  element.setAttribute('aria-pressed', String(isPressed));
}

/**
 * A group of buttons of which one is pressed.
 * @param {string} name for screen readers
 * @param {Record<string, string>} choices value -> text
 * @param {(value: string) => void} chosen
 * @returns {{element: HTMLElement, show: (value: string) => void}}
 */
export function choice(name, choices, signal, chosen) {
  const element = make('div', 'fl-choice', { role: 'group', 'aria-label': name });
  const buttons = Object.entries(choices).map(([value, text]) => {
    const one = make('button', '', { type: 'button', textContent: text });
    one.addEventListener('click', () => chosen(value), { signal });
    element.append(one);
    return [value, one];
  });
  return { element, show: value => buttons.forEach(([own, one]) => setPressed(one, own === value)) };
}
