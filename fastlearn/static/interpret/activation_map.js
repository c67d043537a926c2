// The activation map of a channel as a color overlay: one image large, the others as thumbnails beside it.
import { make, setPressed, setText } from '../lib/elements.js'
import { heatmapPixels, heatmapValues } from '../lib/heatmap.js'
import { percentText } from '../lib/text.js'

const [SMALL, LARGE] = [64, 240];  // CSS pixels

/** The arrow keys choose the next or the previous button of `element`. */
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

/** Marks the chosen button, and makes it the only one in the tab order. */
export function showChosen(element, chosen) {
  [...element.children].forEach((one, i) => {
    setPressed(one, i === chosen);
    one.tabIndex = i === chosen ? 0 : -1;
  });
}

/** Draws an image with little saturation, and the activation map over it. */
function drawHeatmap(canvas, image, [height, width], values, side) {
  if (!image.naturalWidth) return;  // not decoded yet
  const scale = side * (window.devicePixelRatio || 1) / Math.max(image.naturalWidth, image.naturalHeight);
  Object.assign(canvas, { width: image.naturalWidth * scale, height: image.naturalHeight * scale });
  const context = canvas.getContext('2d');
  context.filter = 'saturate(.35)';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  context.filter = 'none';
  const heatmap = new OffscreenCanvas(width, height);
  heatmap.getContext('2d').putImageData(new ImageData(heatmapPixels(values), width, height), 0, 0);
  context.drawImage(heatmap, 0, 0, canvas.width, canvas.height);
}

/**
 * @param {{src: string, label: string}[]} images
 * @param {AbortSignal} signal
 * @param {(image: number) => void} chose
 * @param {() => void} decoded  called after an image is decoded
 */
export function createActivationMap(images, signal, chose, decoded) {
  const large = make('canvas', 'fl-activation-large', { role: 'img' });
  const caption = make('figcaption');
  const name = 'Images. Use the arrow keys to move between them.';
  const thumbs = make('div', 'fl-thumbs', { role: 'group', 'aria-label': name });
  const elements = images.map(({ src, label }, i) => {
    const one = make('button', 'fl-thumb', { type: 'button', title: label, 'aria-label': label }, make('canvas'));
    one.addEventListener('click', () => chose(i), { signal });
    thumbs.append(one);
    const image = make('img', '', { src });
    image.decode().then(decoded, () => {});
    return image;
  });
  moveBetween(thumbs, signal);
  const figure = make('figure', 'fl-activation-figure', {}, large, caption);
  return {
    element: make('div', 'fl-activation-map', {}, figure, thumbs),
    /** @param {import('./layer_explorer.js').ExploredLayer} layer @param {number} map @param {number} chosen */
    draw(layer, map, chosen) {
      if (!images.length) return;
      const size = layer.heat_shape.slice(2);
      const show = (canvas, i, side) => drawHeatmap(canvas, elements[i], size, heatmapValues(layer, i, map), side);
      elements.forEach((_, i) => show(thumbs.children[i].firstChild, i, SMALL));
      show(large, chosen, LARGE);
      showChosen(thumbs, chosen);
      const { number, peaks } = layer.maps[map];
      const share = percentText(peaks[chosen]);
      setText(caption, `${images[chosen].label}: up to ${share} of the map's strongest activation`);
      large.setAttribute('aria-label', `Where map ${number} is active. ${caption.textContent}`);
    },
  };
}
