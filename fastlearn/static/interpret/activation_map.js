// Where a map answers: one picture large, the others small beside it, the answers as a color laid over them.
import { make, setPressed, setText } from '../lib/elements.js'
import { heatmapPixels, heatmapValues } from '../lib/heatmap.js'
import { percentText } from '../lib/text.js'

const [SMALL, LARGE] = [64, 240];  // pixels of the page

/** The arrow keys choose the next or previous of some buttons; the Tab key reaches only the chosen one. */
export function moveBetween(element, signal) {
  element.addEventListener('keydown', event => {
    const all = [...element.children];
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const at = all.indexOf(event.target.closest('button'));
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = all[(at + step + all.length) % all.length];
    next.click();
    next.focus();
  }, { signal });
}

/** Shows which of some buttons is chosen. */
export function showChosen(element, chosen) {
  [...element.children].forEach((one, i) => {
    setPressed(one, i === chosen);
    one.tabIndex = i === chosen ? 0 : -1;
  });
}

/** A picture, nearly grey, and over it where the map answers. */
function drawHeat(canvas, image, [height, width], values, side) {
  if (!image.naturalWidth) return;  // not decoded yet
  const scale = side * (window.devicePixelRatio || 1) / Math.max(image.naturalWidth, image.naturalHeight);
  Object.assign(canvas, { width: image.naturalWidth * scale, height: image.naturalHeight * scale });
  const context = canvas.getContext('2d');
  context.filter = 'saturate(.35)';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  context.filter = 'none';
  const heat = new OffscreenCanvas(width, height);
  heat.getContext('2d').putImageData(new ImageData(heatmapPixels(values), width, height), 0, 0);
  context.drawImage(heat, 0, 0, canvas.width, canvas.height);
}

/**
 * @param {{src: string, label: string}[]} pictures
 * @param {AbortSignal} signal
 * @param {(picture: number) => void} chose
 * @param {() => void} decoded  a picture has arrived
 */
export function createActivationMap(pictures, signal, chose, decoded) {
  const large = make('canvas', 'fl-activation-large', { role: 'img' });
  const answer = make('figcaption');
  const name = 'Pictures. The arrow keys move between them.';
  const thumbs = make('div', 'fl-thumbs', { role: 'group', 'aria-label': name });
  const images = pictures.map(({ src, label }, i) => {
    const one = make('button', 'fl-thumb', { type: 'button', title: label, 'aria-label': label }, make('canvas'));
    one.addEventListener('click', () => chose(i), { signal });
    thumbs.append(one);
    const image = make('img', '', { src });
    image.decode().then(decoded, () => {});
    return image;
  });
  moveBetween(thumbs, signal);
  const figure = make('figure', 'fl-activation-figure', {}, large, answer);
  return {
    element: make('div', 'fl-activation-map', {}, figure, thumbs),
    /** @param {import('./layer_explorer.js').ExploredLayer} layer @param {number} map @param {number} picture */
    draw(layer, map, picture) {
      if (!images.length) return;
      const size = layer.heat_shape.slice(2);
      const show = (canvas, i, side) => drawHeat(canvas, images[i], size, heatmapValues(layer, i, map), side);
      images.forEach((_, i) => show(thumbs.children[i].firstChild, i, SMALL));
      show(large, picture, LARGE);
      showChosen(thumbs, picture);
      const { number, peaks } = layer.maps[map];
      setText(answer, `${pictures[picture].label}: at most ${percentText(peaks[picture])} of the map's strongest answer`);
      large.setAttribute('aria-label', `Where map ${number} answers. ${answer.textContent}`);
    },
  };
}
