// The table of epochs, and other events.
import { make, setText } from '../lib/elements.js'

/** "stopped after step 64: on request": steps are counted as in the header, over all runs, and not within a phase. */
export function eventText([at, text]) {
  return text.replace(/^stopped at step \d+ of \d+/, `stopped after step ${at}`);
}

export function createTable() {
  const head = make('tr');
  const body = make('tbody');
  const table = make('table', 'fl-table', {}, make('thead', '', {}, head), body);
  const scroller = make('div', 'fl-scroller', { tabIndex: 0, role: 'region', 'aria-label': 'Table of epochs' }, table);
  const events = make('p', 'fl-events');
  const element = make('section', 'fl-section fl-table-section', {}, scroller, events);
  return {
    element,
    draw({ run: { runState }, step }) {
      setText(events, runState.events.filter(([at]) => at <= step).map(eventText).join(' · '));
      const epochs = runState.phases.reduce((sum, phase) => sum + phase.epochs, 0);
      element.classList.toggle('fl-broad', runState.columns.length > 5);
      element.classList.toggle('fl-long', epochs > 6);
      head.replaceChildren(...runState.columns.map(name => make('th', '', { scope: 'col', textContent: name })));
      body.replaceChildren(...runState.cells.map((cells, i) => {
        const epoch = runState.epochs[i];
        const row = make('tr', '', {}, ...cells.map(text => make('td', '', { textContent: text })));
        if (epoch && !epoch.complete) row.firstChild.append(make('span', 'fl-note', { textContent: ' partial' }));
        // Rows after the shown step are hidden but keep their space, so that nothing below jumps.
        row.classList.toggle('fl-unreached', Boolean(epoch) && epoch.step > step);
        return row;
      }));
    },
  };
}
