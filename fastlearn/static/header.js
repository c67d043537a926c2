// The first line: what is going on, where, how long still, and the Stop button.
import { button, make, nameButton, setText } from './elements.js'
import { epochAt, headline } from './story.js'
import { durationText, groupedText } from './text.js'

/** "epoch 0 · step 12 of 36" */
export function whereText(run, step) {
  if (!run.story.phases.length) return '';
  const planned = Math.max(run.story.planned, run.done);
  const epoch = epochAt(run.story, Math.max(1, step));
  return `epoch ${epoch} · step ${groupedText(step)} of ${groupedText(planned)}`;
}

/** While it runs: what is left and how fast. Afterwards: what it took. */
export function paceText({ story, pulse }) {
  if (story.status === 'running') {
    const left = Number.isFinite(pulse?.left) ? `${durationText(pulse.left)} left` : '';
    const rate = Number.isFinite(pulse?.rate) ? `${groupedText(pulse.rate)} images/s` : '';
    return [left, rate].filter(Boolean).join(' · ');
  }
  const count = story.epochs.length;
  const seconds = story.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return count ? `${count} epoch${count === 1 ? '' : 's'} in ${durationText(seconds)}` : '';
}

/** @param {object} options @param {() => void} options.askToStop */
export function createHeader({ signal, askToStop }) {
  const words = make('strong', 'fl-words', { role: 'status' });
  const [where, pace, model] = [make('span', 'fl-where'), make('span', 'fl-pace'), make('span', 'fl-model')];
  const stop = button('■ Stop', 'Stop the training after this step', signal, askToStop);
  stop.classList.add('fl-stop');
  const element = make('header', 'fl-header', {}, words, where, make('span', 'fl-right', {}, model, pace));
  return {
    element,
    stop,
    draw({ run, step, isFollowing, isStopping }) {
      const { about, story } = run;
      const isRunning = story.status === 'running';
      setText(words, headline(story, step, step >= run.done && (isFollowing || !isRunning)));
      setText(where, whereText(run, step));
      setText(pace, paceText(run));
      setText(model, [about.title, about.batch ? `batch size ${about.batch}` : ''].filter(Boolean).join(' · '));
      stop.hidden = !(about.live && isRunning);
      stop.disabled = isStopping;
      setText(stop, isStopping ? 'Stopping after this step…' : '■ Stop');
      nameButton(stop, isStopping ? 'Stopping after this step' : 'Stop the training after this step');
    },
  };
}
