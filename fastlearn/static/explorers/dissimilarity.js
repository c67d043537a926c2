// The dissimilarity dial: the same pets in seven styles, and what a pretrained network needs to learn each.
import { choice, heading, make, setText } from '../lib/elements.js'
import { clamp } from '../lib/numbers.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { sentenceText } from '../lib/text.js'
import { createSlider, createSummary, legendKey, openFrame } from './frame.js'

/**
 * @typedef {object} Position  one way of altering the images; numbers are means over the seeds
 * @property {string} name
 * @property {string[]} images  data URIs
 * @property {number} distance  of BatchNorm's averages, in standard deviations
 * @property {number} frozen  percent right with frozen features
 * @property {number} free  percent right after unfreezing
 * @property {number} gain  loss with frozen features, divided by the loss after unfreezing
 * @property {number} early  percent by which the early half of the body moves under SGD
 * @property {number} late
 * @property {number[]} pretrained  percent right of a linear classifier on each layer
 * @property {number[]} random  the same with random weights
 * @property {string} best  the layer with the best classifier
 */

/** What the chart shows against the distance: its lines with colors, and the lowest value of the axis. */
const MEASURES = {
  right: { says: 'accuracy', lines: { frozen: 'focus', free: 'valid' }, name: 'accuracy (%)', low: 40, high: 100 },
  gain: { says: 'gain from unfreezing', lines: { gain: 'valid' }, name: 'loss (frozen) / loss (unfrozen)', low: 0 },
  moved: { says: 'weight change', lines: { early: 'focus', late: 'valid' }, name: 'weight change (%)', low: 0 },
};
const WORDS = {
  frozen: 'frozen features', free: 'after unfreezing', gain: 'gain', early: 'early layers', late: 'late layers',
};

/** Describes a position. @param {Position} one */
export function dialText(one, place, count) {
  return `${sentenceText(one.name)}, position ${place + 1} of ${count}: BatchNorm distance ${one.distance.toFixed(2)}. `
    + `Accuracy: ${one.frozen.toFixed(0)}% with frozen features, ${one.free.toFixed(0)}% after unfreezing; the loss is `
    + `divided by ${one.gain.toFixed(2)}. With SGD, the early layers move by ${one.early.toFixed(2)}%, the late ones `
    + `by ${one.late.toFixed(2)}%. The best layer for a linear classifier is ${one.best}.`;
}

/** The position whose distance is nearest. @param {Position[]} positions */
export function nearestPosition(positions, distance) {
  const gaps = positions.map(one => Math.abs(one.distance - distance));
  return gaps.indexOf(Math.min(...gaps));
}

/** The chart of one measure against the distance. */
function drawMeasure(chart, { positions, place, measure, handleText }) {
  const { lines, name, low, high } = MEASURES[measure];
  const values = Object.keys(lines).flatMap(line => positions.map(one => one[line]));
  const far = positions.at(-1).distance;
  const shapes = Object.entries(lines).map(([line, color]) => {
    return { kind: 'dots', points: positions.map(one => [one.distance, one[line]]), color };
  });
  const [first] = Object.keys(lines);
  chart.draw({
    x: { low: 0, high: 1.06 * far, name: 'BatchNorm distance', ticks: 5 },
    y: { low, high: high ?? 1.1 * Math.max(...values), name, ticks: 4 },
    shapes: [{ kind: 'rule', x: positions[place].distance, color: 'soft', classes: 'fl-thin fl-dashed' }, ...shapes],
    handle: { point: [positions[place].distance, positions[place][first]], text: handleText },
  });
}

/** The chart of the linear classifiers on each layer. */
function drawProbes(chart, one, layers) {
  const numbered = values => values.map((value, i) => [i + 1, value]);
  const name = layers.map((layer, i) => `${i + 1} ${layer}`).join(', ');
  chart.draw({
    x: { low: 0.7, high: layers.length + 0.3, name, ticks: 4 },
    y: { low: 40, high: 100, name: 'accuracy (%)', ticks: 4 },
    shapes: Object.entries({ pretrained: 'focus', random: 'soft' }).flatMap(([kind, color]) => [
      { kind: 'line', points: numbered(one[kind]), color, classes: kind === 'random' ? 'fl-dashed' : '' },
      { kind: 'dots', points: numbered(one[kind]), color },
    ]),
  });
}

/**
 * @param {HTMLElement} element
 * @param {{title: string, layers: string[], positions: Position[]}} state  positions by increasing distance
 * @returns {() => void} clean-up
 */
export function mountDissimilarity(element, state) {
  return openFrame(element, state.title, signal => {
    const { positions, layers } = state;
    let [place, measure] = [0, 'right'];
    const go = to => { place = clamp(to, 0, positions.length - 1); draw(); };
    const dial = createSlider({
      name: 'position', says: 'dial', low: 1, high: positions.length, signal, changed: value => go(value - 1),
      text: value => `${value} of ${positions.length}: ${positions[value - 1].name}`,
    });
    dial.element.classList.add('fl-dial');
    const images = positions[0].images.map(() => make('img', 'fl-dial-image', { alt: '' }));
    const measures = choice('What the chart shows', Object.fromEntries(
      Object.entries(MEASURES).map(([name, { says }]) => [name, says])), signal, to => { measure = to; draw(); });
    const chart = createSvgChart({
      name: 'The chosen measure, plotted against BatchNorm distance', height: 250, handleName: 'Distance', signal,
      moved: ([distance]) => go(nearestPosition(positions, distance)),
      pushed: (across, up) => go(place + (across || up)),
    });
    const legend = make('span', 'fl-legend');
    const probes = createSvgChart({ name: 'Accuracy of linear classifiers on each layer', height: 250, signal });
    const probeKeys = [legendKey('fl-of', 'focus', 'pretrained'), legendKey('fl-of fl-of-dashed', 'soft', 'random')];
    const title = make('h4');
    const summary = createSummary();
    const top = make('div', 'fl-dial-top', {}, dial.element,
      make('div', 'fl-dial-images', { role: 'img' }, ...images));
    const left = make('section', '', {}, heading('Measures by distance', '', measures.element), legend, chart.element);
    const right = make('section', '', {}, make('div', 'fl-heading', {}, title),
      make('span', 'fl-legend', {}, ...probeKeys), probes.element);

    function draw() {
      const one = positions[place];
      dial.show(place + 1);
      images.forEach((image, i) => { image.src = one.images[i]; });
      top.lastChild.setAttribute('aria-label', `Four pets: ${one.name}`);
      measures.show(measure);
      const { lines } = MEASURES[measure];
      const keys = Object.entries(lines).map(([line, color]) => legendKey('fl-of-dot', color, WORDS[line]));
      legend.replaceChildren(...keys);
      const text = dialText(one, place, positions.length);
      drawMeasure(chart, { positions, place, measure, handleText: text });
      setText(title, `What each layer knows: ${one.name}`);
      drawProbes(probes, one, layers);
      summary.show(text);
    }
    return { parts: [top, make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
