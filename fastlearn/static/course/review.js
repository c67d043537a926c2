// Questions from earlier steps, asked again after a while, at most three at a time.
import { heading, make, makeRoot } from '../lib/elements.js'
import { mountView } from '../lib/view.js'
import { dueQuestions, readAnswers } from './answers.js'
import { questionStyle } from './question.css'
import { questionElement } from './question.js'

const MOST = 3;          // questions at a time

/** The text above the questions. */
export function reviewText(due, answers) {
  if (due.length === 1) return 'One question from an earlier step:';
  if (due.length) return `${due.length} questions from earlier steps:`;
  return Object.keys(answers).length
    ? 'No questions are due. Those that you got wrong come back soon, the others in a few days.'
    : 'The lessons ask questions. Some of those that you answer will come back here, so that you remember them.';
}

/**
 * @param {HTMLElement} element
 * @param {{questions: import('./question.js').Question[]}} state  all questions of the course
 * @returns {() => void} clean-up
 */
export function mountReview(element, state) {
  const answers = readAnswers();
  const due = dueQuestions(state.questions, answers, Date.now(), MOST);
  const text = make('p', 'fl-note', { textContent: reviewText(due, answers) });
  return mountView(element, [questionStyle], signal => ({
    root: makeRoot('fl-run fl-question', 'Review', heading('Do you still know it?'), text,
                   ...due.map(one => questionElement(one, signal))),
  }));
}
