// What is trainable: the network as a strip of its layers, frozen or training, with learning rates and BatchNorm's truth.
import { make, heading, setText } from './elements.js'
import { countText, lastUpTo, powerText } from './numbers.js'
import { groupColour } from './theme.js'

/** "9 BatchNorm layers: averages still" @param {boolean | undefined} learns  undefined: not begun */
export function normText(group, learns) {
  if (!group.norms) return '';
  const layers = `${group.norms} ${group.norm_name ?? 'BatchNorm'} layer${group.norms === 1 ? '' : 's'}`;
  return learns === undefined ? layers : `${layers}: ${learns ? 'learning' : 'averages still'}`;
}

/** "frozen" or "learning rate 1.2e-3" */
export function trainingText(run, phase, group, step) {
  if (!phase) return 'not begun';
  if (!phase.trainable[group]) return 'frozen';
  const i = lastUpTo(run.curves.last, step);
  const rate = i < 0 ? 0 : run.curves.rates[group][i];
  return rate > 0 ? `training · lr ${powerText(rate)}` : 'training';
}

function createGroup(group) {
  const layers = group.layers.map(([name, parameters]) => {
    const layer = make('span', 'fl-layer', { textContent: name, title: `${name}: ${parameters.toLocaleString('en')} parameters` });
    layer.style.flexGrow = Math.max(1, parameters);
    return layer;
  });
  const [state, norms] = [make('span', 'fl-state'), make('span', 'fl-norms')];
  const name = make('span', 'fl-group-name', { textContent: group.name });
  const count = make('span', 'fl-note', { textContent: `${countText(group.parameters)} parameters` });
  const element = make('li', 'fl-group', {}, make('div', 'fl-layers', {}, ...layers), make('div', 'fl-group-text', {}, name, count, state, norms));
  element.style.flexGrow = Math.max(1, group.parameters);
  return { element, state, norms, layers };
}

/** Every layer is wide enough for its name, if there is room; else only as wide as its share, and half a name is none. */
function fitNames(list, groups) {
  const layers = groups.flatMap(group => group.layers);
  list.classList.remove('fl-tight');
  list.classList.toggle('fl-tight', list.scrollWidth > list.clientWidth);
  const isCut = layers.map(layer => layer.scrollWidth > layer.clientWidth);
  layers.forEach((layer, i) => layer.classList.toggle('fl-cut', isCut[i]));
}

export function createNetwork() {
  const list = make('ul', 'fl-network');
  const element = make('section', 'fl-section', {}, heading('What is training', 'width by number of parameters'), list);
  let known = null;
  let groups = [];
  let width = 0;
  return {
    element,
    draw({ run, theme, phase, step }) {
      const isNew = known !== run.about || width !== list.clientWidth;
      width = list.clientWidth;
      if (known !== run.about) {
        known = run.about;
        groups = run.about.groups.map(createGroup);
        list.replaceChildren(...groups.map(group => group.element));
        list.style.setProperty('--fl-least', groups.length > 4 ? '110px' : '222px');  // room for the texts below
      }
      groups.forEach((group, i) => {
        const isFrozen = Boolean(phase) && !phase.trainable[i];
        group.element.classList.toggle('fl-frozen', isFrozen);
        group.element.classList.toggle('fl-idle', !phase);
        group.element.style.setProperty('--fl-own', groupColour(theme, i, groups.length));
        setText(group.state, trainingText(run, phase, i, step));
        setText(group.norms, normText(run.about.groups[i], phase?.norms?.[i]));
      });
      if (isNew) fitNames(list, groups);
    },
  };
}
