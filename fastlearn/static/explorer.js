// Looking into the layers: choose a layer, a map in it, and a picture; see what the map answers to, and where.
import { choice, heading, make, makeRoot, setItems, setPressed, setText, shelter, whileInPage } from './elements.js'
import { decodeHeat, heatPixels } from './heat.js'
import { percentText } from './text.js'
import { followTheme } from './theme.js'

/**
 * @typedef {object} ExploredMap
 * @property {number} number
 * @property {number} fired  share of the pictures to which it answers at all
 * @property {string} patches  address of a picture: the strongest patches, three in a row
 * @property {string} projections  what in them it was
 * @property {string[]} files  where they come from
 * @property {number[]} peaks  its strongest answer in each of the pictures, as a share of its strongest of all
 *
 * @typedef {object} ExploredLayer
 * @property {string} name
 * @property {string} sees  "19 x 19 pixels"
 * @property {number} of  how many maps it has
 * @property {ExploredMap[]} maps
 * @property {number[]} heat_shape  (pictures, maps, height, width)
 * @property {string} heat  bytes as base64, 255: as strong as the map's strongest answer
 *
 * @typedef {{title: string, method: string, layers: ExploredLayer[], pictures: {src: string, label: string}[]}} Explored
 */

/** One element that the Tab key reaches; the arrows go to the others. */
function moveBetween(element, buttons, signal) {
  element.addEventListener('keydown', event => {
    const all = buttons();
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const at = all.indexOf(event.target.closest('button'));
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    all[(at + step + all.length) % all.length].click();
    buttons()[(at + step + all.length) % all.length].focus();
  }, { signal });
}

/** @param {HTMLElement} element @param {Explored} state @returns {() => void} clean-up */
export function mountExplorer(element, state) {
  const ending = new AbortController();
  const { signal } = ending;
  const chosen = { layer: 0, map: 0, picture: 0 };
  const names = Object.fromEntries(state.layers.map((layer, i) => [i, layer.name]));
  const layers = choice('Layer', names, signal, i => { Object.assign(chosen, { layer: Number(i), map: 0 }); draw(); });
  const sees = make('p', 'fl-meaning');
  const maps = make('div', 'fl-maps', { role: 'group', 'aria-label': 'Maps. The arrow keys move between them.' });
  const title = make('h4');
  const fired = make('p', 'fl-meaning');
  const figure = caption => {
    const image = make('img', 'fl-sheet');
    return { image, element: make('figure', '', {}, image, make('figcaption', '', { textContent: caption })) };
  };
  const [patches, projections] = [figure('strongest patches'), figure('what in them it was')];
  const large = make('canvas', 'fl-where-large', { role: 'img' });
  const answer = make('figcaption');
  const pictures = make('div', 'fl-thumbs', { role: 'group', 'aria-label': 'Pictures. The arrow keys move between them.' });
  const looked = state.pictures.map(({ src, label }, i) => {
    const canvas = make('canvas');
    const one = make('button', 'fl-thumb', { type: 'button', title: label, 'aria-label': label }, canvas);
    one.addEventListener('click', () => { chosen.picture = i; draw(); }, { signal });
    const image = make('img', '', { src });
    image.decode().then(draw, () => {});
    pictures.append(one);
    return { one, canvas, image };
  });
  moveBetween(maps, () => [...maps.children], signal);
  moveBetween(pictures, () => [...pictures.children], signal);

  function drawMaps(layer) {
    maps.replaceChildren(...layer.maps.map((map, i) => {
      const one = make('button', 'fl-map', { type: 'button', 'aria-label': `Map ${map.number}`, title: `Map ${map.number}` },
        make('img', '', { src: map.patches, alt: '' }));
      one.addEventListener('click', () => { chosen.map = i; draw(); });
      return one;
    }));
  }
  /** A picture, and over it where the map answers. */
  function drawHeat(canvas, image, layer, picture, side) {
    if (!image.naturalWidth) return;
    const scale = side / Math.max(image.naturalWidth, image.naturalHeight);
    Object.assign(canvas, { width: image.naturalWidth * scale, height: image.naturalHeight * scale });
    const context = canvas.getContext('2d');
    context.filter = 'saturate(.35)';
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    context.filter = 'none';
    const [, , height, width] = layer.heat_shape;
    const small = new OffscreenCanvas(width, height);
    const values = decodeHeat(layer, picture, chosen.map);
    small.getContext('2d').putImageData(new ImageData(heatPixels(values), width, height), 0, 0);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }
  let known = -1;
  function draw() {
    const layer = state.layers[chosen.layer];
    const map = layer.maps[chosen.map];
    layers.show(String(chosen.layer));
    if (known !== chosen.layer) drawMaps(layer);
    known = chosen.layer;
    [...maps.children].forEach((one, i) => {
      setPressed(one, i === chosen.map);
      one.tabIndex = i === chosen.map ? 0 : -1;
    });
    setItems(sees, [`A place sees ${layer.sees}.`, `${layer.maps.length} of ${layer.of} maps.`], '');
    setText(title, `Map ${map.number} of ${layer.name}`);
    setText(fired, `Answers to ${percentText(map.fired)} of the pictures.`);
    Object.assign(patches.image, { src: map.patches, alt: `Patches from ${map.files.join(', ')}` });
    Object.assign(projections.image, { src: map.projections, alt: `Projections of map ${map.number}` });
    const ratio = window.devicePixelRatio || 1;
    looked.forEach(({ one, canvas, image }, i) => {
      drawHeat(canvas, image, layer, i, 64 * ratio);
      setPressed(one, i === chosen.picture);
      one.tabIndex = i === chosen.picture ? 0 : -1;
    });
    if (!looked.length) return;
    drawHeat(large, looked[chosen.picture].image, layer, chosen.picture, 240 * ratio);
    const peak = percentText(map.peaks[chosen.picture]);
    setText(answer, `${state.pictures[chosen.picture].label}: at most ${peak} of the map's strongest answer`);
    large.setAttribute('aria-label', `Where map ${map.number} answers in ${answer.textContent}`);
  }

  const left = make('section', 'fl-section', {}, heading('Maps', state.method), maps);
  const sheets = make('div', 'fl-sheets', {}, projections.element, patches.element);
  const where = make('figure', 'fl-where-figure', {}, large, answer);
  const firing = make('div', 'fl-firing', {}, where, pictures);
  const right = make('section', 'fl-section', {}, title, fired, sheets, heading('Where it answers'), firing);
  const head = make('div', 'fl-heading fl-explorer-head', {}, make('h3', '', { textContent: state.title }), layers.element);
  const root = makeRoot('fl-run fl-explorer', state.title, head, sees, make('div', 'fl-explorer-body', {}, left, right));
  const host = shelter(root);
  element.append(host);
  whileInPage(root, signal, () => {}, shown => followTheme(root, shown, () => {}));
  draw();
  return () => { ending.abort(); host.remove(); };
}
