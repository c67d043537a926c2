// The slider over all steps, which is also the progress bar, and the play button.
import { button, make, nameButton, setText } from '../lib/elements.js'
import { phaseSpans } from './run_state.js'

const SECONDS = 8;                    // for a whole run, whatever its length
const REDUCED_MOTION_SECONDS = 0.5;  // between jumps if the user prefers reduced motion

/** The phases as segments of the slider, and the planned steps that have not started. @returns {{from, to}[]} */
function segmentsOf({ runState, done }, total) {
  const spans = phaseSpans(runState, done).map(({ from, to }) => ({ from, to }));
  const end = spans.at(-1)?.to ?? 0;
  return end < total ? [...spans, { from: end, to: total }] : spans;
}

/** One bar per phase: the completed steps, and on top of them the replayed steps. */
function drawTrack(track, segments, done, step) {
  const share = (at, { from, to }) => `${100 * Math.min(1, Math.max(0, (at - from) / (to - from || 1)))}%`;
  while (track.children.length < segments.length) track.append(make('div', 'fl-segment', {}, make('i'), make('b')));
  while (track.children.length > segments.length) track.lastChild.remove();
  segments.forEach((segment, i) => {
    const bar = track.children[i];
    bar.style.flexGrow = segment.to - segment.from;
    bar.firstChild.style.width = share(done, segment);
    bar.lastChild.style.width = share(step, segment);
  });
}

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(step: number) => void} options.goToStep
 * @param {() => void} options.follow  returns to the newest step
 */
export function createReplay({ signal, goToStep, follow }) {
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  const track = make('div', 'fl-track', { 'aria-hidden': 'true' });
  const slider = make('input', 'fl-slider', { type: 'range', min: 0, step: 1, 'aria-label': 'Step of the run' });
  const playing = button('▶', 'Play the run', signal, () => (frame ? pause() : play()));
  const newest = button('live', 'Back to the newest step', signal, follow);
  playing.classList.add('fl-play');
  newest.classList.add('fl-live');
  const element = make('div', 'fl-replay', {}, playing, make('div', 'fl-slide', {}, track, slider), newest);
  let frame = 0;  // id of the requested animation frame; 0: not playing
  let [done, step] = [0, 0];

  function play() {
    const from = step >= done ? 0 : step;
    const began = performance.now();
    let jumped = 0;
    const tick = now => {
      const next = Math.min(done, Math.floor(from + done * Math.max(0, now - began) / (1000 * SECONDS)));
      const isDue = !reducedMotion.matches || now - jumped > 1000 * REDUCED_MOTION_SECONDS || next === done;
      if (isDue) { jumped = now; goToStep(next); }
      frame = next < done ? requestAnimationFrame(tick) : 0;
      showPlaying();
    };
    frame = requestAnimationFrame(tick);
    showPlaying();
  }
  function pause() {
    cancelAnimationFrame(frame);
    frame = 0;
    showPlaying();
  }
  const hidden = () => { if (document.hidden) pause(); };
  function showPlaying() {
    document[frame ? 'addEventListener' : 'removeEventListener']('visibilitychange', hidden);
    setText(playing, frame ? '❚❚' : '▶');
    nameButton(playing, frame ? 'Pause' : 'Play the run');
  }

  slider.addEventListener('input', () => { pause(); goToStep(Math.min(done, slider.valueAsNumber)); }, { signal });
  signal.addEventListener('abort', pause);

  return {
    element,
    pause,
    draw({ run, total, step: newStep, isFollowing }) {
      [done, step] = [run.done, newStep];
      Object.assign(slider, { max: total, value: step });
      slider.setAttribute('aria-valuetext', `step ${step} of ${total}`);
      slider.disabled = playing.disabled = done === 0;
      newest.hidden = isFollowing || run.runState.status !== 'running';
      drawTrack(track, segmentsOf(run, total), done, step);
    },
  };
}
