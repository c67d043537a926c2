// The state of a run at a step: phase, epoch, predictions, headline. Pure functions; a run that has not started gets
// defaults.
import { sentenceText } from '../lib/text.js'

/**
 * @typedef {object} Phase
 * @property {'head'|'all'|'part'} name
 * @property {string} words  "training the head"
 * @property {number} first_step  completed steps before it
 * @property {number} steps  planned
 * @property {number} first_epoch
 * @property {number} epochs  planned
 * @property {boolean[]} trainable  of each group
 * @property {boolean[]} norms  of each group: whether its BatchNorm layers update their statistics
 * @property {number} run  number of the call to `fit` or `fine_tune` that it belongs to
 * @typedef {object} Epoch
 * @property {number} epoch
 * @property {number} step  completed steps at its end
 * @property {number|null} valid_loss
 * @property {number} seconds
 * @property {boolean} complete  false: stopped before its end
 * @typedef {object} RunState
 * @property {'running'|'done'|'stopped'|'failed'|'lost'} status
 * @property {number} planned  steps
 * @property {Phase[]} phases
 * @property {Epoch[]} epochs
 * @property {string[][]} cells
 * @property {string[]} columns
 * @property {[number, string][]} events
 * @property {{step: number, top: [string, number|null][]}[]} predictions
 */

/** @param {Partial<RunState> | null | undefined} runState @returns {RunState} with all keys */
export function completeRunState(runState) {
  return {
    status: 'running', planned: 0, phases: [], epochs: [], cells: [], columns: [], events: [], predictions: [],
    ...runState,
  };
}

/** Number of steps on the x axis: the planned ones during the run, the completed ones afterward. */
export function totalSteps(runState, done) {
  return Math.max(1, done, runState.status === 'running' ? runState.planned : 0);
}

/** Index of the first phase of the newest run, that is, of the newest call to `fit` or `fine_tune`. */
export function newestRun({ phases }) {
  return Math.max(0, phases.findIndex(phase => phase.run === phases.at(-1).run));
}

/** Index of the phase of `step`. A phase without steps counts only if `isNewest`. */
export function phaseIndex(runState, step, isNewest = false) {
  if (isNewest) return runState.phases.length - 1;
  return Math.max(0, runState.phases.findLastIndex(phase => phase.first_step < step));
}

/** @returns {{phase: Phase, from: number, to: number}[]} the spans of the phases on the x axis */
export function phaseSpans(runState, done) {
  return runState.phases.map((phase, i) => {
    const planned = phase.first_step + phase.steps;
    const end = runState.status === 'running' ? planned : Math.min(planned, done);
    const to = runState.phases[i + 1]?.first_step ?? end;  // a stopped phase ends where the next one starts
    return { phase, from: phase.first_step, to: Math.max(to, phase.first_step) };
  });
}

/** @returns {{epoch: number, from: number, to: number}[]} the epochs of all known phases, including future ones */
export function epochSpans(runState, done) {
  return phaseSpans(runState, done).flatMap(({ phase, from, to }) => {
    const length = phase.steps / Math.max(1, phase.epochs);
    const reached = Math.min(phase.epochs, Math.ceil((to - from) / length) || 0);  // a million may be planned
    return Array.from({ length: reached }, (_, i) => ({
      epoch: phase.first_epoch + i, from: from + i * length, to: Math.min(to, from + (i + 1) * length),
    })).filter(span => span.to > span.from);
  });
}

/** Number of the epoch that `step` belongs to. @returns {number | null} */
export function epochAt(runState, step) {
  const phase = runState.phases[phaseIndex(runState, step)];
  if (!phase) return null;
  const length = phase.steps / Math.max(1, phase.epochs);
  const within = Math.ceil((step - phase.first_step) / length) - 1;
  return phase.first_epoch + Math.min(phase.epochs - 1, Math.max(0, within));
}

/** The newest predictions at `step`, one per image. @returns {[string, number|null][] | null} */
export function predictionsAt(runState, step) {
  return runState.predictions.findLast(predictions => predictions.step <= step)?.top ?? null;
}

/** Epochs with a validation loss. @returns {Epoch[]} */
export function validatedEpochs(runState) {
  return runState.epochs.filter(epoch => Number.isFinite(epoch.valid_loss));
}

const ENDINGS = {
  done: 'finished', stopped: 'stopped', failed: 'failed', lost: 'not finished: the kernel was restarted',
};

/** What is happening, in words. @returns {string} "Training the head" */
export function headline(runState, step, isNewest) {
  const words = isNewest && ENDINGS[runState.status]
    || (runState.phases[phaseIndex(runState, step, isNewest)]?.words ?? 'waiting for the first step');
  return sentenceText(words);
}
