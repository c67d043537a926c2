// Questions of earlier steps, asked again after a while: three at most at a time.
import { createShadowHost, heading, make, makeRoot, whileConnected } from '../lib/elements.js'
import { followTheme } from '../lib/theme.js'
import { dueQuestions, readAnswers } from './answers.js'
import { questionStyle } from './question.css'
import { questionElement } from './question.js'

const MOST = 3;          // questions at a time

/** The text above the questions. */
export function reviewText(due, answers) {
  if (due.length) return due.length === 1 ? 'One question from before:' : `${due.length} questions from before:`;
  return Object.keys(answers).length
    ? 'No question is due. Those you got wrong come back soon, the others in a few days.'
    : 'The lessons ask questions. Some of those you answer will come back here, so that you remember them.';
}

/**
 * @param {HTMLElement} element
 * @param {{questions: import('./question.js').Question[]}} state  all of the course
 * @returns {() => void} clean-up
 */
export function mountReview(element, state) {
  const ending = new AbortController();
  const answers = readAnswers();
  const due = dueQuestions(state.questions, answers, Date.now(), MOST);
  const text = make('p', 'fl-note', { textContent: reviewText(due, answers) });
  const root = makeRoot('fl-run fl-question', 'Review', heading('Do you still know it?'), text,
                        ...due.map(one => questionElement(one, ending.signal)));
  const host = createShadowHost(root, questionStyle);
  element.append(host);
  whileConnected(root, ending.signal, () => {}, shown => followTheme(root, shown, () => {}));
  return () => { ending.abort(); host.remove(); };
}
