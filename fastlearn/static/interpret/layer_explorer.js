// The layer explorer: choose a layer, a channel, and an image; see what activates the channel, and where.
import { choice, heading, make, makeRoot, setItems, setText } from '../lib/elements.js'
import { heatmapValues } from '../lib/heatmap.js'
import { percentText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { createActivationMap, moveBetween, showChosen } from './activation_map.js'
import { layerExplorerStyle } from './layer_explorer.css'

/**
 * @typedef {object} ExploredMap
 * @property {number} number
 * @property {number} fired  share of the images that activate it at all
 * @property {string} patches  URL of an image: the patches with the strongest activations, three per row
 * @property {string} projections  URL of an image: the projections of these patches
 * @property {string[]} files  of the patches
 * @property {number[]} peaks  its strongest activation in each image, as a share of its strongest overall
 *
 * @typedef {object} ExploredLayer
 * @property {string} name
 * @property {string} sees  "19 x 19 pixels"
 * @property {number} of  number of channels
 * @property {ExploredMap[]} maps
 * @property {number[]} heat_shape  (images, channels, height, width)
 * @property {string} heat  bytes as base64; 255 is the channel's strongest activation
 *
 * @typedef {object} ExploredModel
 * @property {string} title
 * @property {string} method  of the projections, in words
 * @property {ExploredLayer[]} layers
 * @property {{src: string, label: string}[]} pictures
 */

/** The channels of a layer, each shown by its strongest patches. */
function createMaps(signal, chose) {
  const name = 'Maps. Use the arrow keys to move between them.';
  const element = make('div', 'fl-maps', { role: 'group', 'aria-label': name });
  moveBetween(element, signal);
  let shown = null;
  return {
    element,
    draw(layer, chosen) {
      if (shown !== layer) {
        element.replaceChildren(...layer.maps.map(({ number, patches }, i) => {
          const properties = { type: 'button', title: `Map ${number}`, 'aria-label': `Map ${number}` };
          const one = make('button', 'fl-map', properties, make('img', '', { src: patches, alt: '' }));
          one.addEventListener('click', () => chose(i), { signal });
          return one;
        }));
      }
      shown = layer;
      showChosen(element, chosen);
    },
  };
}

/** One channel: its strongest patches and their projections. */
function createMapDetail() {
  const [title, fired] = [make('h4'), make('p', 'fl-meaning')];
  const [projections, patches] = [make('img', 'fl-sheet'), make('img', 'fl-sheet')];
  const figure = (image, textContent) => make('figure', '', {}, image, make('figcaption', '', { textContent }));
  const figures = [figure(projections, 'their projections'), figure(patches, 'strongest patches')];
  return {
    elements: [title, fired, make('div', 'fl-sheets', {}, ...figures)],
    draw(layer, map) {
      setText(title, `Map ${map.number} of ${layer.name}`);
      setText(fired, `Active in ${percentText(map.fired)} of the images.`);
      Object.assign(patches, { src: map.patches, alt: `Patches from ${map.files.join(', ')}` });
      Object.assign(projections, { src: map.projections, alt: `Projections of map ${map.number}` });
    },
  };
}

/** The map with the largest mean activation in an image, so that it shows something. @param {ExploredLayer} layer */
function liveliest(layer, image) {
  const sums = layer.maps.map((_, map) => heatmapValues(layer, image, map).reduce((sum, value) => sum + value, 0));
  return Math.max(0, sums.indexOf(Math.max(...sums)));
}

function buildLayerExplorer(state, signal) {
  // Starts at a middle layer, which shows more than edges and less than whole animals.
  const chosen = { image: 0 };
  const openLayer = i => Object.assign(chosen, { layer: i, map: liveliest(state.layers[i], chosen.image) });
  openLayer(Math.floor(state.layers.length / 2));
  const choose = what => { Object.assign(chosen, what); draw(); };
  const names = Object.fromEntries(state.layers.map((layer, i) => [i, layer.name]));
  const layers = choice('Layer', names, signal, i => choose(openLayer(Number(i))));
  const sees = make('p', 'fl-meaning');
  const maps = createMaps(signal, map => choose({ map }));
  const map = createMapDetail();
  const activationMap = createActivationMap(state.pictures, signal, image => choose({ image }), () => draw());

  const title = make('h3', '', { textContent: state.title });
  const head = make('div', 'fl-heading fl-layer-explorer-head', {}, title, layers.element);
  const left = make('section', 'fl-section', {}, heading('Maps', state.method), maps.element);
  const where = heading('Where it is active');
  const right = make('section', 'fl-section', {}, ...map.elements, where, activationMap.element);
  const body = make('div', 'fl-layer-explorer-body', {}, left, right);
  const root = makeRoot('fl-run fl-layer-explorer', state.title, head, sees, body);

  function draw() {
    const layer = state.layers[chosen.layer];
    layers.show(String(chosen.layer));
    setItems(sees, [`Each position sees ${layer.sees}.`, `${layer.maps.length} of ${layer.of} maps.`], '');
    maps.draw(layer, chosen.map);
    map.draw(layer, layer.maps[chosen.map]);
    activationMap.draw(layer, chosen.map, chosen.image);
  }
  return { root, themed: draw };
}

/** @param {HTMLElement} element @param {ExploredModel} state @returns {() => void} clean-up */
export function mountLayerExplorer(element, state) {
  return mountView(element, [layerExplorerStyle], signal => buildLayerExplorer(state, signal));
}
