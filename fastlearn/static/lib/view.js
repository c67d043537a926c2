// Puts a view into the page, in the colors of the page, and takes it out again.
import { createShadowHost, whileConnected } from './elements.js'
import { followTheme } from './theme.js'

/**
 * @typedef {object} View
 * @property {HTMLElement} root
 * @property {() => void} [sized]  called when its size changes
 * @property {(theme: import('./theme.js').Theme) => void} [themed]  called now, and when the page becomes light or dark
 *
 * @param {HTMLElement} element
 * @param {string[]} styles  style sheets, after the base style
 * @param {(signal: AbortSignal) => View} build  makes the view; the signal ends its listeners
 * @returns {() => void} clean-up
 */
export function mountView(element, styles, build) {
  const ending = new AbortController();
  const { root, sized = () => {}, themed = () => {} } = build(ending.signal);
  const host = createShadowHost(root, ...styles);
  element.append(host);
  whileConnected(root, ending.signal, sized, shown => followTheme(root, shown, themed));
  return () => { ending.abort(); host.remove(); };
}
