// Live outputs: their script and state are fetched when the reader scrolls close. Plain scripts, so that pages work as
// files too, which cannot load modules. Without scripts the still form is shown.
const fastlearnLive = {
  base: new URL('.', document.currentScript.src).href,
  scripts: {}, states: {}, asked: {},

  /** @param {string} name of a file, from the folder of this one @returns {Promise<void>} */
  fetch(name) {
    return this.asked[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement('script');
      Object.assign(script, { src: this.base + name, onload: resolve, onerror: reject });
      document.head.append(script);
    });
  },

  /** @param {HTMLElement} place */
  async mount(place) {
    const { script, mount, key, state, stateKey } = place.dataset;
    await Promise.all([this.fetch(script), state && this.fetch(state)]);
    const said = state ? this.states[stateKey] : JSON.parse(place.querySelector('script').textContent);
    const inner = place.querySelector('[data-fastlearn]');
    inner.dataset.mounted = '';
    inner.replaceChildren();
    this.scripts[key][mount](inner, said);
  },

  start() {
    const places = document.querySelectorAll('.live[data-script]');
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        this.mount(target);
      }
    }, { rootMargin: '600px' });
    for (const place of places) seen.observe(place);
  },
};
window.fastlearnLive = fastlearnLive;

/** Folded code is unfolded for printing. */
addEventListener('beforeprint', () => {
  for (const folded of document.querySelectorAll('main details:not([open])')) folded.open = true;
});
document.addEventListener('DOMContentLoaded', () => fastlearnLive.start());
