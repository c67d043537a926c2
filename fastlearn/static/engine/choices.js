// What the user can choose before training.
import { make } from '../lib/elements.js'
import { DEFAULTS } from './live_run.js'

const RATES = { '2e-4': 'a tenth', '2e-3': 'usual', '2e-2': 'ten times', '0.5': 'far too large' };
const EPOCHS = { 1: '1', 3: '3', 5: '5', 10: '10', 20: '20' };
const STARTS = {
  frozen: 'pretrained, the head first (fine_tune)', all: 'pretrained, everything at once', scratch: 'from scratch',
};

function select(id, words, choices, chosen) {
  const options = Object.entries(choices).map(([value, text]) => make('option', '', { value, textContent: text }));
  const element = make('select', '', { id }, ...options);
  element.value = chosen;
  return [make('label', 'fl-field', { htmlFor: id }, make('span', '', { textContent: words }), element), element];
}

/** The batch size for a number of training images: at least four steps in an epoch. */
export const batchFor = count => [64, 32, 16, 8].find(batch => count >= 4 * batch) ?? Math.max(2, Math.min(8, count));

export function createChoices() {
  const [epochField, epochs] = select('epochs', 'Epochs for all layers', EPOCHS, '3');
  const [rateField, rate] = select('rate', 'Learning rate', RATES, '2e-3');
  const [startField, start] = select('start', 'Start from', STARTS, 'frozen');
  return {
    element: make('div', 'fl-fields', {}, startField, epochField, rateField),
    /** @returns {object} see DEFAULTS */
    values(count) {
      const isScratch = start.value === 'scratch';
      return { ...DEFAULTS, epochs: Number(epochs.value), rate: Number(rate.value), batch: batchFor(count), isScratch,
               isFrozenFirst: start.value === 'frozen' };
    },
    words() {
      const number = `${epochs.value} epoch${epochs.value === '1' ? '' : 's'}`;
      return `${start.selectedOptions[0].textContent}, ${number}, rate ${rate.value}`;
    },
  };
}
