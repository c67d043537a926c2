// The reader's own answers, kept in the browser's storage, only on this machine.

/**
 * @typedef {object} Answered  one answer to a question
 * @property {number} sure  confidence that the reader chose, 0.5 to 0.9
 * @property {boolean} right
 * @property {number} time  milliseconds since 1970
 *
 * @typedef {Record<string, Answered[]>} Answers  text of a question -> its answers, oldest first
 */

export const CONFIDENCES = [0.5, 0.7, 0.9];
const KEY = 'fastlearn answers';
const DAY = 864e5;                        // milliseconds
const WAITS = [0, 1, 3, 7, 21];           // days until a question comes up again, by right answers in a row

/** Reads all answers; none if the browser forbids storage or if it contains something else. @returns {Answers} */
export function readAnswers() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY)) ?? {};
    return Object.fromEntries(Object.entries(found).filter(([, given]) => Array.isArray(given) && given.length));
  } catch { return {}; }
}

/** Adds an answer, if the browser allows storage. */
export function storeAnswer(question, sure, right) {
  const answers = readAnswers();
  (answers[question] ??= []).push({ sure, right, time: Date.now() });
  try { localStorage.setItem(KEY, JSON.stringify(answers)); } catch { /* the question works without it */ }
}

export function forgetAnswers() { try { localStorage.removeItem(KEY); } catch { /* nothing was stored */ } }

/** Wilson's 95% interval for a proportion. @returns {[number, number]} */
export function wilsonInterval(right, n) {
  const [z, share] = [1.96, right / n];
  const middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return [middle - half, middle + half];
}

/** How often answers of each confidence were right. @param {Answers} answers */
export function calibrationRows(answers) {
  const all = Object.values(answers).flat();
  return CONFIDENCES.map(sure => {
    const given = all.filter(answer => answer.sure === sure);
    const right = given.filter(answer => answer.right).length;
    return { sure, n: given.length, right };
  }).filter(row => row.n);
}

/**
 * The questions to ask again: those answered before that are now due, the most overdue first.
 * @template {{question: string}} Q
 * @param {Q[]} questions @param {Answers} answers @param {number} now @param {number} most
 * @returns {Q[]}
 */
export function dueQuestions(questions, answers, now, most) {
  const overdue = ({ question }) => {
    const given = answers[question];
    if (!given) return -Infinity;                                   // not asked yet: it belongs to a later step
    const wrong = given.map(answer => answer.right).lastIndexOf(false);
    const wait = WAITS[Math.min(given.length - 1 - wrong, WAITS.length - 1)] * DAY;
    return now - given.at(-1).time - wait;
  };
  return questions.filter(one => overdue(one) > 0).sort((a, b) => overdue(b) - overdue(a)).slice(0, most);
}
