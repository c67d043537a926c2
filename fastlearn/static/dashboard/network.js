// The layers in their parameter groups: frozen or training, the learning rate, and whether BatchNorm updates.
import { heading, make, setText } from '../lib/elements.js'
import { lastUpTo } from '../lib/numbers.js'
import { countText, groupedText, powerText } from '../lib/text.js'
import { groupColor } from '../lib/theme.js'

/** "9 BatchNorm layers: fixed" @param {boolean | undefined} learns  undefined: not started */
export function normText({ norms, norm_name: kind = 'BatchNorm' }, learns) {
  if (!norms) return '';
  const layers = `${norms} ${kind} layer${norms === 1 ? '' : 's'}`;
  return learns === undefined ? layers : `${layers}: ${learns ? 'updating' : 'fixed'}`;
}

/**
 * "frozen", "training · lr 1.2e-3"; after the run "trained · last lr 1.2e-8".
 * @param {import('./run_state.js').Phase | null} phase
 */
export function trainingText({ curves, runState, done }, phase, group, step) {
  if (!phase) return 'not started';
  if (!phase.trainable[group]) return 'frozen';
  const rate = curves.rates[group][lastUpTo(curves.last, step)];
  const isOver = runState.status !== 'running' && step >= done;
  const [words, which] = isOver ? ['trained', 'last lr'] : ['training', 'lr'];
  return rate > 0 ? `${words} · ${which} ${powerText(rate)}` : words;
}

function createGroup({ name, parameters, layers: contents }) {
  const layers = contents.map(([layer, count]) => {
    const block = make('span', 'fl-layer', { textContent: layer, title: `${layer}: ${groupedText(count)} parameters` });
    block.style.flexGrow = Math.max(1, count);
    return block;
  });
  const title = make('span', 'fl-group-name', { textContent: name });
  const size = make('span', 'fl-note', { textContent: `${countText(parameters)} parameters` });
  const [state, norms] = [make('span', 'fl-state'), make('span', 'fl-norms')];
  const element = make('li', 'fl-group', {},
    make('div', 'fl-layers', {}, ...layers), make('div', 'fl-group-text', {}, title, size, state, norms));
  element.style.flexGrow = Math.max(1, parameters);
  return { element, layers, state, norms };
}

/** Widens every layer to fit its name if there is room; otherwise keeps the proportions and hides clipped names. */
function fitNames(list, groups) {
  list.classList.remove('fl-tight');
  list.classList.toggle('fl-tight', list.scrollWidth > list.clientWidth);
  const layers = groups.flatMap(group => group.layers);
  const isCut = layers.map(layer => layer.scrollWidth > layer.clientWidth);
  layers.forEach((layer, i) => layer.classList.toggle('fl-cut', isCut[i]));
}

export function createNetwork() {
  const list = make('ul', 'fl-network');
  const title = heading('What is training', 'the layers of each part');
  let about = null;   // what is shown
  let groups = [];
  let width = 0;
  return {
    element: make('section', 'fl-section', {}, title, list),
    draw({ run, theme, phase, step }) {
      const isFitted = about === run.about && width === list.clientWidth;
      if (about !== run.about) {
        about = run.about;
        groups = about.groups.map(createGroup);
        list.replaceChildren(...groups.map(group => group.element));
        list.style.setProperty('--fl-least', groups.length > 4 ? '110px' : '212px');  // room for the text below
      }
      groups.forEach(({ element, state, norms }, i) => {
        element.classList.toggle('fl-frozen', Boolean(phase) && !phase.trainable[i]);
        element.classList.toggle('fl-idle', !phase);
        element.style.setProperty('--fl-own', groupColor(theme, i, groups.length));
        setText(state, trainingText(run, phase, i, step));
        setText(norms, normText(about.groups[i], phase?.norms?.[i]));
      });
      width = list.clientWidth;
      if (!isFitted) fitNames(list, groups);
    },
  };
}
