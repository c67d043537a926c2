// The slider over all steps, which is also the progress bar, and the play button.
import { make, button, setText } from './elements.js'
import { phaseSpans } from './story.js'

const SECONDS = 8;        // for a whole run, however long
const CALM_SECONDS = 0.5; // between jumps where the person asked for reduced motion

/**
 * @param {object} options
 * @param {(step: number) => void} options.go
 * @param {() => void} options.follow  back to the newest step
 */
export function createReplay({ signal, go, follow }) {
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const track = make('div', 'fl-track', { 'aria-hidden': 'true' });
  const slider = make('input', 'fl-slider', { type: 'range', min: 0, step: 1, 'aria-label': 'Step of the run' });
  const play = button('▶', 'Play the run', signal, () => (frame ? pause() : start()));
  const live = button('live', 'Back to the newest step', signal, follow);
  play.classList.add('fl-play');
  live.classList.add('fl-live');
  const element = make('div', 'fl-replay', {}, play, make('div', 'fl-slide', {}, track, slider), live);
  let frame = 0;       // the animation frame asked for; 0: not playing
  let [done, step] = [0, 0];

  function start() {
    const from = step >= done ? 0 : step;
    const began = performance.now();
    let shown = 0;
    const tick = now => {
      const next = Math.min(done, Math.floor(from + done * Math.max(0, now - began) / (1000 * SECONDS)));
      if (!calm.matches || now - shown > 1000 * CALM_SECONDS || next >= done) { shown = now; go(next); }
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
  function showPlaying() {
    setText(play, frame ? '❚❚' : '▶');
    play.setAttribute('aria-label', frame ? 'Pause' : 'Play the run');
    play.title = frame ? 'Pause' : 'Play the run';
  }

  slider.addEventListener('input', () => { pause(); go(Math.min(done, slider.valueAsNumber)); }, { signal });
  document.addEventListener('visibilitychange', () => { if (document.hidden) pause(); }, { signal });
  signal.addEventListener('abort', pause);

  return {
    element,
    pause,
    draw({ run, total, step: newStep, isFollowing }) {
      [done, step] = [run.done, newStep];
      slider.max = total;
      slider.value = step;
      slider.setAttribute('aria-valuetext', `step ${step} of ${total}`);
      slider.disabled = play.disabled = done === 0;
      live.hidden = isFollowing || run.story.status !== 'running';
      const spans = phaseSpans(run.story, done).map(({ from, to }) => ({ from, to }));
      const end = spans.at(-1)?.to ?? 0;
      if (end < total) spans.push({ from: end, to: total });
      const share = (at, { from, to }) => `${100 * Math.min(1, Math.max(0, (at - from) / (to - from || 1)))}%`;
      while (track.children.length < spans.length) track.append(make('div', 'fl-stretch', {}, make('i'), make('b')));
      while (track.children.length > spans.length) track.lastChild.remove();
      spans.forEach((span, i) => {
        const stretch = track.children[i];
        stretch.style.flexGrow = span.to - span.from;
        stretch.firstChild.style.width = share(done, span);
        stretch.lastChild.style.width = share(step, span);
      });
    },
  };
}
