// The recipe duel: five ways to train on three kinds of images, their errors on three versions of the validation set.
import { choice, heading, make, setPressed, setText } from '../lib/elements.js'
import { createSvgChart } from '../lib/svg_chart.js'
import { sentenceText } from '../lib/text.js'
import { createSummary, legendKey, openFrame } from './frame.js'

/**
 * @typedef {object} Run  one training run
 * @property {string} recipe
 * @property {string} data
 * @property {number} seed
 * @property {number[]} home  percent wrong after some epochs
 * @property {number[]} dark
 * @property {number[]} exchanged
 */

/** Color and dash of each version of the validation set. */
const VERSIONS = { home: ['focus', ''], dark: ['ink', 'dashed'], exchanged: ['valid', 'dotted'] };
const WORDS = { home: 'as in training', dark: 'in the dark', exchanged: 'with exchanged scenes' };

const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = value => `${value.toFixed(1)}%`;

/** The errors at the end, one per seed. @param {Run[]} runs @returns {number[]} */
export const finalErrors = (runs, recipe, data, version) => runs
  .filter(run => run.recipe === recipe && run.data === data).map(run => run[version].at(-1));

/** The recipe with the lowest mean error. @param {Run[]} runs */
export function bestRecipe(runs, recipes, data, version) {
  const means = recipes.map(recipe => mean(finalErrors(runs, recipe, data, version)));  // NaN without runs
  return recipes[means.indexOf(Math.min(...means.filter(Number.isFinite)))];
}

/** Describes what is shown. */
export function duelText({ runs, recipes, styles }, { data, recipe }) {
  const said = Object.keys(VERSIONS).map(version => (
    `${percent(mean(finalErrors(runs, recipe, data, version)))} ${WORDS[version]}`));
  const best = Object.keys(VERSIONS).map(version => (
    `${WORDS[version]} “${bestRecipe(runs, recipes, data, version)}”`));
  const seeds = finalErrors(runs, recipe, data, 'home').length;
  return `${sentenceText(data)} images (${styles[data]}), ${recipe}. Error rates: ${said.join(', ')}; mean of ${seeds} `
    + `run${seeds > 1 ? 's' : ''}. Fewest errors: ${best.join('; ')}.`;
}

/** A row per recipe: its name, and a bar and dots for each version. */
function createRows(recipes, signal, chosen) {
  const rows = recipes.map(recipe => {
    const bars = Object.entries(VERSIONS).map(([version, [color]]) => {
      const parts = { bar: make('i', 'fl-duel-bar'), value: make('b'), dots: make('span', 'fl-duel-dots') };
      parts.element = make('span', 'fl-duel-line', {}, make('span', 'fl-duel-track', {}, parts.bar, parts.dots),
        parts.value);
      parts.element.style.setProperty('--fl-own', `var(--fl-${color})`);
      return { version, ...parts };
    });
    const element = make('button', 'fl-duel-row', { type: 'button' },
      make('span', 'fl-duel-name', { textContent: recipe }), ...bars.map(one => one.element));
    element.addEventListener('click', () => chosen(recipe), { signal });
    return { recipe, element, bars };
  });
  return {
    element: make('div', 'fl-duel-rows', { role: 'group', 'aria-label': 'Recipes' }, ...rows.map(row => row.element)),
    draw(runs, data, now, most) {
      for (const { recipe, element, bars } of rows) {
        setPressed(element, recipe === now);
        element.hidden = !finalErrors(runs, recipe, data, 'home').length;
        if (element.hidden) continue;
        const said = bars.map(({ version, bar, value, dots }) => {
          const errors = finalErrors(runs, recipe, data, version);
          bar.style.width = `${100 * mean(errors) / most}%`;
          dots.replaceChildren(...errors.map(error => {
            const dot = make('i');
            dot.style.left = `${100 * error / most}%`;
            return dot;
          }));
          setText(value, percent(mean(errors)));
          return `${percent(mean(errors))} ${WORDS[version]}`;
        });
        element.setAttribute('aria-label', `${recipe}: error rates ${said.join(', ')}`);
      }
    },
  };
}

/** The same pet in each version. */
function createExamples(examples) {
  const shown = Object.keys(VERSIONS).map(version => {
    const image = make('img', 'fl-duel-image', { alt: `A training image ${WORDS[version]}` });
    const caption = make('figcaption', '', { textContent: WORDS[version] });
    return { version, image, element: make('figure', '', {}, image, caption) };
  });
  return {
    element: make('div', 'fl-duel-examples', {}, ...shown.map(one => one.element)),
    draw: data => { for (const { version, image } of shown) image.src = examples[data][version]; },
  };
}

/**
 * @param {HTMLElement} element
 * @param {{title: string, recipes: string[], styles: Record<string, string>, runs: Run[], epochs: number[],
 *          examples: Record<string, Record<string, string>>}} state  data -> version -> data URI of an
 *          image; `styles`: data -> what the images look like
 * @returns {() => void} clean-up
 */
export function mountRecipeDuel(element, state) {
  return openFrame(element, state.title, signal => {
    const { runs, recipes, examples, epochs } = state;
    const kinds = Object.keys(state.styles);
    const now = { data: kinds[0], recipe: recipes[0] };
    const set = change => {
      Object.assign(now, change);
      const known = runs.filter(run => run.data === now.data).map(run => run.recipe);
      if (!known.includes(now.recipe)) [now.recipe] = known;
      draw();
    };
    const kindNames = Object.fromEntries(kinds.map(kind => [kind, kind]));
    const data = choice('Images', kindNames, signal, to => set({ data: to }));
    const rows = createRows(recipes, signal, recipe => set({ recipe }));
    const pictures = createExamples(examples);
    const keys = Object.entries(VERSIONS).map(([version, [color, dash]]) => (
      legendKey(`fl-of fl-of-${dash}`, color, WORDS[version])));
    const chart = createSvgChart({ name: 'Error rates during training', height: 240, signal });
    const title = make('h4');
    const summary = createSummary();
    const left = make('section', '', {}, heading('Error rate at the end', 'bar: mean; each dot: one run', data.element),
      rows.element);
    const right = make('section', '', {}, pictures.element, title, make('span', 'fl-legend', {}, ...keys),
      chart.element);

    function draw() {
      data.show(now.data);
      const all = runs.filter(run => run.data === now.data);
      const most = Math.max(...all.flatMap(run => Object.keys(VERSIONS).map(version => run[version].at(-1))), 10);
      rows.draw(runs, now.data, now.recipe, most);
      pictures.draw(now.data);
      setText(title, `${now.recipe}: during training`);
      const mine = all.filter(run => run.recipe === now.recipe);
      const lines = Object.entries(VERSIONS).flatMap(([version, [color, dash]]) => {
        const points = epochs.map((epoch, i) => [epoch, mean(mine.map(run => run[version][i]))]);
        const classes = dash && `fl-${dash}`;
        return [{ kind: 'line', points, color, classes }, { kind: 'dots', points, color }];
      });
      const top = Math.max(...all.flatMap(run => Object.keys(VERSIONS).flatMap(version => run[version])), 10);
      chart.draw({
        x: { low: 0, high: epochs.at(-1) + 0.3, name: 'epoch', ticks: 6 },
        y: { low: 0, high: 1.05 * top, name: 'error rate (%)', ticks: 4 }, shapes: lines,
      });
      summary.show(duelText(state, now));
    }
    return { parts: [make('div', 'fl-pair', {}, left, right), summary.element], draw };
  });
}
