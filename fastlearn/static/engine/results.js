// After training: the confusion matrix, and predictions for new images.
import { make, setText } from '../lib/elements.js'
import { percentText } from '../lib/text.js'

/** counts[truth][answer] */
export function confusion(truths, answers, classes) {
  const counts = Array.from({ length: classes }, () => Array(classes).fill(0));
  truths.forEach((truth, i) => { counts[truth][answers[i]] += 1; });
  return counts;
}

/** The confusion matrix as a table. */
export function confusionTable(vocab, counts) {
  const heads = vocab.map(name => make('th', '', { scope: 'col', textContent: name }));
  const most = Math.max(1, ...counts.flat());
  const rows = counts.map((row, truth) => {
    const cells = row.map((count, answer) => {
      const cell = make('td', truth === answer ? 'fl-right' : count ? 'fl-wrong' : '', { textContent: String(count) });
      cell.style.setProperty('--fl-share', `${Math.round(60 * count / most)}%`);
      return cell;
    });
    return make('tr', '', {}, make('th', '', { scope: 'row', textContent: vocab[truth] }), ...cells);
  });
  const table = make('table', 'fl-confusion', {}, make('thead', '', {}, make('tr', '', {}, make('td'), ...heads)),
    make('tbody', '', {}, ...rows));
  const words = 'Rows: true classes of the held-out images. Columns: predicted classes.';
  return make('div', 'fl-scroller', { tabIndex: 0, role: 'region', 'aria-label': 'Confusion matrix' },
    make('p', 'fl-note', { textContent: words }), table);
}

/** One image, and the probability of each class. */
export function answerCard(src, name, vocab, shares) {
  const best = shares.indexOf(Math.max(...shares));
  const order = vocab.map((_, i) => i).sort((a, b) => shares[b] - shares[a]).slice(0, 4);
  const bars = order.map(i => {
    const bar = make('span', 'fl-bar', { 'aria-hidden': 'true' });
    bar.style.width = `${Math.round(100 * shares[i])}%`;
    const text = make('span', '', { textContent: `${vocab[i]} ${percentText(shares[i])}` });
    return make('li', i === best ? 'fl-best' : '', {}, bar, text);
  });
  return make('figure', 'fl-answer', {}, make('img', '', { src, alt: name }), make('ul', '', {}, ...bars));
}

/** The runs so far, as a table: what was chosen, and how it ended. */
export function createRunTable() {
  const body = make('tbody');
  const names = ['run', 'chosen', 'error rate', 'loss', 'seconds'];
  const heads = names.map(textContent => make('th', '', { scope: 'col', textContent }));
  const table = make('table', 'fl-runs', {}, make('thead', '', {}, make('tr', '', {}, ...heads)), body);
  const element = make('div', 'fl-scroller', { tabIndex: 0, role: 'region', 'aria-label': 'Runs' }, table);
  element.hidden = true;
  return {
    element,
    add(words, epochs, status) {
      const last = epochs.at(-1);
      const seconds = epochs.reduce((sum, row) => sum + row.seconds, 0);
      const number = value => (Number.isFinite(value) ? value.toFixed(3) : '–');
      const ended = status === 'done' ? '' : ` (${status})`;
      const texts = [String(body.children.length + 1), words, last ? number(last.error_rate) : '–',
                     last ? number(last.valid_loss) : '–', `${seconds.toFixed(1)}${ended}`];
      body.append(make('tr', '', {}, ...texts.map(textContent => make('td', '', { textContent }))));
      element.hidden = false;
    },
  };
}

/** The words beside the Train button after a run, with advice if much is wrong. */
export function doneText(wrong, count) {
  const advice = wrong > count / 10 ? ' More images of each class usually help; in Python, so do larger images.' : '';
  return `Done: ${wrong} of ${count} held-out images are misclassified.${advice}`;
}

/** A sentence about the error on the held-out images. */
export function errorSentence(element, wrong, count) {
  const share = percentText(wrong / Math.max(1, count));
  setText(element, `${wrong} of ${count} held-out images were misclassified: an error rate of ${share}.`
    + (count < 30 ? ' With so few images, this number is imprecise.' : ''));
}
