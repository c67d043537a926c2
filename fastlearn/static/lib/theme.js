// The colors of canvases and CSS, light or dark like the surrounding page, and a callback when that changes.

/**
 * Okabe and Ito's colorblind-safe colors (2008), lightened or darkened until a line has a contrast of 3:1 with the
 * background. Color stands for a part of the network or for validation; everything else is ink.
 */
const PALETTES = {
  light: {
    panel: '#ffffff', ink: '#1b2026', soft: '#57606a', edge: '#d3d9e0', grid: '#eaeef2', shade: '#f3f5f8',
    frozen: '#d5dae1', hatch: '#bcc4cd', raw: '#6e7781', valid: '#d55e00', focus: '#0072b2',
    body: ['#3a97d3', '#00609c', '#b3528f', '#b87a00', '#7c7400', '#57606a'], head: '#009068',
  },
  dark: {
    panel: '#14181d', ink: '#e8ecf0', soft: '#a3adb8', edge: '#343c46', grid: '#232a32', shade: '#1b2128',
    frozen: '#363e48', hatch: '#505a66', raw: '#98a3ae', valid: '#ff9450', focus: '#6cc0f2',
    body: ['#8fd3f8', '#3f9bdc', '#df98be', '#e9ac2c', '#d8cc45', '#a3adb8'], head: '#2cc295',
  },
};

/** @typedef {typeof PALETTES.light & {isDark: boolean}} Theme */

/** @returns {boolean | null} null: unknown */
function darkByPage() {
  const [root, body] = [document.documentElement, document.body];
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === 'false';  // JupyterLab
  if (body.classList.contains('vscode-dark') || body.classList.contains('vscode-high-contrast')) return true;
  if (body.classList.contains('vscode-light')) return false;
  if (root.dataset.theme === 'dark' || root.dataset.theme === 'light') return root.dataset.theme === 'dark';  // docs
  return null;
}

/** Color of a parameter group; the last group is the head. @param {Theme} theme */
export function groupColor(theme, group, groups) {
  if (groups > 1 && group === groups - 1) return theme.head;
  return groups === 1 ? theme.body[1] : theme.body[group % theme.body.length];
}

/**
 * Sets the colors on `root` and calls `changed(theme)`, now and whenever the page switches between light and dark.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal ends it
 * @param {(theme: Theme) => void} changed
 */
export function followTheme(root, signal, changed) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let known = null;
  const update = () => {
    const isDark = darkByPage() ?? system.matches;
    if (isDark === known) return;
    known = isDark;
    const theme = { ...PALETTES[isDark ? 'dark' : 'light'], isDark };
    for (const [name, color] of Object.entries(theme)) {
      if (typeof color === 'string') root.style.setProperty(`--fl-${name}`, color);
    }
    root.style.colorScheme = isDark ? 'dark' : 'light';
    changed(theme);
  };
  const observer = new MutationObserver(update);
  const attributeFilter = ['class', 'data-theme', 'data-jp-theme-light'];
  observer.observe(document.documentElement, { attributeFilter });
  observer.observe(document.body, { attributeFilter });
  system.addEventListener('change', update, { signal });
  signal.addEventListener('abort', () => observer.disconnect());
  update();
}
