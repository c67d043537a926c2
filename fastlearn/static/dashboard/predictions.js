// A few validation images, the same throughout the run, each with its newest prediction.
import { heading, make, setText } from '../lib/elements.js'
import { percentText } from '../lib/text.js'
import { predictionsAt } from './run_state.js'

function createPrediction({ src, truth }) {
  const [sign, label, share, bar, verdict] = ['sign', 'label', 'share', 'share-bar', 'verdict']
    .map(name => make('span', `fl-${name}`));
  const row = make('span', 'fl-share-row', {}, make('span', 'fl-share-track', {}, bar), share);
  const caption = make('figcaption', '', {}, make('span', 'fl-predicted', {}, sign, label), row, verdict);
  const image = make('img', '', { src, alt: `Validation image: ${truth}`, draggable: false });
  return { element: make('figure', 'fl-prediction', {}, image, caption), row, sign, label, share, bar, verdict, truth };
}

/** A sign and a word say whether the prediction is right, because color alone is not enough. */
function showPrediction(item, [label, share]) {
  const isNumber = share === null || share === undefined;
  const isRight = label === item.truth;
  setText(item.sign, isNumber ? '' : isRight ? '✓' : '✗');
  setText(item.label, isNumber ? `predicted ${label}` : label);
  setText(item.share, isNumber ? '' : percentText(share));
  setText(item.verdict, isNumber ? `true: ${item.truth}` : isRight ? 'right' : `wrong (${item.truth})`);
  item.bar.style.width = `${100 * (share ?? 0)}%`;
  item.row.hidden = isNumber;
  item.element.classList.toggle('fl-wrong', !isNumber && !isRight);
  item.element.title = `predicted ${label}${isNumber ? '' : `, ${percentText(share)}`}; true: ${item.truth}`;
}

export function createPredictions() {
  const list = make('div', 'fl-predictions');
  const title = heading('Validation images', 'predictions after each epoch');
  const element = make('section', 'fl-section fl-predictions-section', {}, title, list);
  let known = null;
  let items = [];
  return {
    element,
    draw({ run, step }) {
      if (known !== run.about) {
        known = run.about;
        items = run.about.images.map(createPrediction);
        list.replaceChildren(...items.map(item => item.element));
        element.hidden = !items.length;
      }
      const predictions = predictionsAt(run.runState, step);
      items.forEach((item, i) => {
        item.element.classList.toggle('fl-waiting', !predictions?.[i]);
        if (predictions?.[i]) showPrediction(item, predictions[i]);
      });
    },
  };
}
