// The same few validation pictures throughout, each with the newest prediction.
import { heading, make, setText } from './elements.js'
import { predictionsAt } from './story.js'
import { percentText } from './text.js'

function createPicture({ src, truth }) {
  const [sign, label, share, bar, verdict] = ['sign', 'label', 'share', 'share-bar', 'verdict']
    .map(name => make('span', `fl-${name}`));
  const row = make('span', 'fl-share-row', {}, make('span', 'fl-share-track', {}, bar), share);
  const caption = make('figcaption', '', {}, make('span', 'fl-prediction', {}, sign, label), row, verdict);
  const image = make('img', '', { src, alt: `Validation picture: ${truth}`, draggable: false });
  return { element: make('figure', 'fl-picture', {}, image, caption), row, sign, label, share, bar, verdict, truth };
}

/** Right or wrong is said by a sign and a word, not by colour alone. */
function showPrediction(picture, [label, share]) {
  const isNumber = share === null || share === undefined;
  const isRight = label === picture.truth;
  setText(picture.sign, isNumber ? '' : isRight ? '✓' : '✗');
  setText(picture.label, isNumber ? `predicted ${label}` : label);
  setText(picture.share, isNumber ? '' : percentText(share));
  setText(picture.verdict, isNumber ? `true: ${picture.truth}` : isRight ? 'right' : `wrong (${picture.truth})`);
  picture.bar.style.width = `${100 * (share ?? 0)}%`;
  picture.row.hidden = isNumber;
  picture.element.classList.toggle('fl-wrong', !isNumber && !isRight);
  picture.element.title = `predicted ${label}${isNumber ? '' : `, ${percentText(share)}`}; true: ${picture.truth}`;
}

export function createPictures() {
  const list = make('div', 'fl-pictures');
  const title = heading('Validation pictures', 'predictions after each epoch');
  const element = make('section', 'fl-section fl-pictures-section', {}, title, list);
  let known = null;
  let pictures = [];
  return {
    element,
    draw({ run, step }) {
      if (known !== run.about) {
        known = run.about;
        pictures = run.about.pictures.map(createPicture);
        list.replaceChildren(...pictures.map(picture => picture.element));
        element.hidden = !pictures.length;
      }
      const predictions = predictionsAt(run.story, step);
      pictures.forEach((picture, i) => {
        picture.element.classList.toggle('fl-waiting', !predictions?.[i]);
        if (predictions?.[i]) showPrediction(picture, predictions[i]);
      });
    },
  };
}
