// A multiple-choice question: choose an answer, say how sure you are, read the reply.
import { make, makeRoot, setPressed } from '../lib/elements.js'
import { percentText } from '../lib/text.js'
import { mountView } from '../lib/view.js'
import { CONFIDENCES, storeAnswer } from './answers.js'
import { questionStyle } from './question.css'

/**
 * @typedef {object} Answer
 * @property {string} text
 * @property {string} reply  what this choice overlooks, or why it is right
 * @property {boolean} right
 *
 * @typedef {object} Question
 * @property {string} question
 * @property {Answer[]} answers
 */

/** Text between backticks becomes a `code` element: "the `head` learns". @returns {(Node|string)[]} */
export function codeNodes(text) {
  return text.split('`').map((part, i) => (i % 2 ? make('code', '', { textContent: part }) : part));
}

/**
 * The question, its answers, and the reply, which appears after the reader chooses a confidence.
 * @param {Question} state @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function questionElement(state, signal) {
  const reply = make('p', 'fl-reply', { role: 'status' });
  let chosen = null;
  const choices = state.answers.map(answer => {
    const one = make('button', 'fl-answer', { type: 'button', 'aria-pressed': 'false' }, ...codeNodes(answer.text));
    one.addEventListener('click', () => choose(answer, one), { signal });
    return one;
  });
  const levels = CONFIDENCES.map(sure => {
    const one = make('button', 'fl-answer', { type: 'button', textContent: percentText(sure) });
    one.addEventListener('click', () => settle(sure), { signal });
    return one;
  });
  const confidence = make('div', 'fl-confidence', { role: 'group', 'aria-label': 'How sure are you?', hidden: true },
                          make('span', 'fl-note', { textContent: 'How sure are you?' }), ...levels);
  let isSettled = false;
  function choose(answer, one) {
    for (const other of choices) setPressed(other, other === one);
    chosen = [answer, one];
    if (isSettled) show(); else confidence.hidden = false;
  }
  function settle(sure) {
    isSettled = confidence.hidden = true;
    storeAnswer(state.question, sure, chosen[0].right);
    show();
  }
  function show() {
    const [answer, one] = chosen;
    one.classList.add(answer.right ? 'fl-chose-right' : 'fl-chose-wrong');
    const verdict = make('strong', '', { textContent: answer.right ? 'Right. ' : 'Not quite. ' });
    reply.replaceChildren(verdict, ...codeNodes(answer.reply));
  }
  const question = make('p', 'fl-question-text', {}, ...codeNodes(state.question));
  const answers = make('div', 'fl-answers', { role: 'group', 'aria-label': 'Answers' }, ...choices);
  return make('div', 'fl-one-question', {}, question, answers, confidence, reply);
}

/** @param {HTMLElement} element @param {Question} state @returns {() => void} clean-up */
export function mountQuestion(element, state) {
  return mountView(element, [questionStyle], signal => ({
    root: makeRoot('fl-run fl-question', state.question, questionElement(state, signal)),
  }));
}
