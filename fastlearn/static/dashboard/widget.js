// The module that anywidget loads: the dashboard of a training run in the kernel.
import { render } from './dashboard.js'

/** Scrolls once if a run begins below a visible cell and doesn't fit in the window, so that its start can be seen. */
function bringIntoView(el) {
  const seen = new IntersectionObserver(([{ isIntersecting, intersectionRect }]) => {
    seen.disconnect();
    const { top, bottom } = el.getBoundingClientRect();
    if (isIntersecting && top > intersectionRect.top && bottom > intersectionRect.bottom + 1) el.scrollIntoView();
  });
  const drawn = new ResizeObserver(() => {
    if (el.offsetHeight < 100) return;
    drawn.disconnect();
    seen.observe(el.closest('.jp-CodeCell') ?? el);
  });
  drawn.observe(el);
  return () => [drawn, seen].forEach(observer => observer.disconnect());
}

function renderLive({ model, el }) {
  const ends = [render({ model, el })];
  if (model.get('run_state')?.status === 'running') ends.push(bringIntoView(el));
  return () => ends.forEach(end => end());
}

export default { render: renderLive };
