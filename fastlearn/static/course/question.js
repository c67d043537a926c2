// A multiple-choice question to answer before running the next cell, with a reply to each choice.
import { createShadowHost, make, makeRoot, setPressed, whileConnected } from '../lib/elements.js'
import { followTheme } from '../lib/theme.js'
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

/** @param {HTMLElement} element @param {Question} state @returns {() => void} clean-up */
export function mountQuestion(element, state) {
  const ending = new AbortController();
  const { signal } = ending;
  const reply = make('p', 'fl-reply', { role: 'status' });
  const buttons = state.answers.map(answer => {
    const one = make('button', 'fl-answer', { type: 'button', 'aria-pressed': 'false' }, ...codeNodes(answer.text));
    one.addEventListener('click', () => choose(answer, one), { signal });
    return one;
  });
  function choose(answer, chosen) {
    for (const one of buttons) setPressed(one, one === chosen);
    chosen.classList.add(answer.right ? 'fl-chose-right' : 'fl-chose-wrong');
    const verdict = make('strong', '', { textContent: answer.right ? 'Right. ' : 'Not quite. ' });
    reply.replaceChildren(verdict, ...codeNodes(answer.reply));
  }
  const question = make('p', 'fl-question-text', {}, ...codeNodes(state.question));
  const answers = make('div', 'fl-answers', { role: 'group', 'aria-label': 'Answers' }, ...buttons);
  const root = makeRoot('fl-run fl-question', state.question, question, answers, reply);
  const host = createShadowHost(root, questionStyle);
  element.append(host);
  whileConnected(root, signal, () => {}, shown => followTheme(root, shown, () => {}));
  return () => { ending.abort(); host.remove(); };
}
