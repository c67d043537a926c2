// The dashboard in a page without a kernel. The page holds the state; only the user's choices change it.
import { render } from './dashboard.js'

/** A stand-in for the widget's model. @param {object} state  as in the widget; bytes as base64 */
export function staticModel(state) {
  const values = { ...state };
  const heard = new Map();
  return {
    get: name => values[name],
    set(name, value) {
      values[name] = value;
      for (const call of heard.get(`change:${name}`) ?? []) call();
    },
    save_changes() {},
    on(event, call) { heard.set(event, [...(heard.get(event) ?? []), call]); },
    off(event, call) { heard.set(event, (heard.get(event) ?? []).filter(other => other !== call)); },
  };
}

/** Draws the run of `state` into `element`. @returns {() => void} clean-up */
export function mount(element, state) {
  return render({ model: staticModel(state), el: element });
}
