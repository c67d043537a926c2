// The header: what is happening, at which step, the time left, and the Stop button.
import { button, choice, make, nameButton, setText } from '../lib/elements.js'
import { durationText, groupedText } from '../lib/text.js'
import { epochAt, headline, newestRun } from './run_state.js'

const RUNS = { this: 'this run', all: 'all runs' };

/** "epoch 0 · step 12 of 36" */
export function positionText(run, step) {
  if (!run.runState.phases.length) return '';
  const planned = Math.max(run.runState.planned, run.done);
  const epoch = epochAt(run.runState, Math.max(1, step));
  return `epoch ${epoch} · step ${groupedText(step)} of ${groupedText(planned)}`;
}

/** During the run: the time left and the speed. Afterward: the total time. */
export function speedText({ runState, pulse }) {
  if (runState.status === 'running') {
    const left = Number.isFinite(pulse?.left) ? `${durationText(pulse.left)} left` : '';
    const rate = Number.isFinite(pulse?.rate) ? `${groupedText(pulse.rate)} images/s` : '';
    return [left, rate].filter(Boolean).join(' · ');
  }
  const count = runState.epochs.length;
  const seconds = runState.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return count ? `${count} epoch${count === 1 ? '' : 's'} in ${durationText(seconds)}` : '';
}

/** @param {object} options @param {() => void} options.askToStop @param {(choice: object) => void} options.setView */
export function createHeader({ signal, askToStop, setView }) {
  const title = make('strong', 'fl-headline', { role: 'status' });
  const [position, speed, model] = [make('span', 'fl-position'), make('span', 'fl-speed'), make('span', 'fl-model')];
  const stop = button('■ Stop', 'Stop training after this step', signal, askToStop);
  stop.classList.add('fl-stop');
  const runs = choice('Runs to show', RUNS, signal, chosen => setView({ runs: chosen }));
  const right = make('span', 'fl-right', {}, model, speed);
  const element = make('header', 'fl-header', {}, title, position, runs.element, right);
  return {
    element,
    stop,
    draw({ run, whole, view, step, isFollowing, isStopping }) {
      const { about, runState } = run;
      const isRunning = runState.status === 'running';
      setText(title, headline(runState, step, step >= run.done && (isFollowing || !isRunning)));
      setText(position, positionText(run, step));
      setText(speed, speedText(run));
      setText(model, [about.title, about.batch ? `batch size ${about.batch}` : ''].filter(Boolean).join(' · '));
      runs.show(view.runs);
      runs.element.hidden = newestRun(whole.runState) === 0;
      stop.hidden = !(about.live && isRunning);
      stop.disabled = isStopping;
      setText(stop, isStopping ? 'Stopping after this step…' : '■ Stop');
      nameButton(stop, isStopping ? 'Stopping after this step' : 'Stop training after this step');
    },
  };
}
