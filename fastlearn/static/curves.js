// Loss of every step, and below it on the same steps the learning rates and the momentum.
import { make, heading, choice } from './elements.js'
import { firstFrom, lastUpTo, linearTicks, logTicks, logLimits, lossLimits, groupedText, powerText } from './numbers.js'
import { epochAt, epochSpans, phaseIndex, phaseSpans, validatedEpochs } from './story.js'
import { createPlot } from './plot.js'
import { groupColour } from './theme.js'

/** Stretches of the phases for a chart. @param {boolean} hasWords whether they carry their words */
export function spansOf(scene, hasWords = false) {
  const { story, done } = scene.run;
  const spans = phaseSpans(story, done);
  return spans.map(({ phase, from, to }, i) => {
    const trained = phases => phases?.trainable.filter(Boolean).length;
    const isUnfrozen = i > 0 && trained(phase) > trained(spans[i - 1].phase);
    const isShaded = !phase.trainable.every(Boolean);
    const short = { head: 'head', all: 'all', part: 'part' }[phase.name];
    const words = [isUnfrozen ? `unfrozen: ${phase.words}` : phase.words, phase.words, short];
    return { from, to, isShaded, words: hasWords ? words : [] };
  });
}

/** Series of one run's losses. */
export function lossSeries(run, theme, colours = { smoothed: theme.ink, valid: theme.valid }) {
  const { curves, story } = run;
  const isMerged = curves.last.some((last, i) => last !== curves.first[i]);
  const epochs = validatedEpochs(story);
  return [
    { kind: isMerged ? 'ranges' : 'dots', x: curves.last, y: curves.lowest, top: curves.highest, colour: theme.raw },
    {
      kind: 'line', x: curves.last, y: curves.smoothed, colour: colours.smoothed, label: value => [`smoothed ${value.toFixed(3)}`, value.toFixed(3)],
      restarts: story.phases.map(phase => firstFrom(curves.last, phase.first_step + 1)),  // it averages over one phase only
    },
    {
      kind: 'marks', x: epochs.map(epoch => epoch.step), y: epochs.map(epoch => epoch.valid_loss), colour: colours.valid,
      label: value => [`valid ${value.toFixed(3)}`, value.toFixed(3)],
    },
  ];
}

/** Vertical axis of a loss chart. */
export function lossAxis(runs, isLog) {
  const joined = name => Float32Array.from(runs.flatMap(run => Array.from(run.curves[name])));
  const valid = runs.flatMap(run => validatedEpochs(run.story).map(epoch => epoch.valid_loss));
  const limits = lossLimits(joined('lowest'), joined('highest'), valid, isLog);
  if (runs.every(run => !run.curves.last.length)) return { ...limits, ticks: [], text: String };  // calm
  const ticks = isLog ? logTicks(limits.low, limits.high, 6) : linearTicks(limits.low, limits.high, 5);
  const digits = ticks.length > 1 ? Math.max(0, -Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9)) : 1;
  const text = value => (isLog ? String(value) : value.toFixed(Math.min(4, digits)));
  return { ...limits, isLog, ticks, text };
}

/** ["step 12", "epoch 0", "loss 0.6735", "smoothed 0.7012", "valid 0.1160"] */
export function lossItems({ curves, story }, step) {
  const i = firstFrom(curves.last, step);
  if (i >= curves.last.length) return ['Waiting for the first step.'];
  const isOne = curves.first[i] === curves.last[i];
  const number = value => value.toFixed(4);
  const loss = isOne ? number(curves.lowest[i]) : `${number(curves.lowest[i])}–${number(curves.highest[i])}`;
  const epoch = epochAt(story, curves.last[i]);
  const validated = validatedEpochs(story).find(one => one.step >= curves.first[i] && one.step <= curves.last[i]);
  return [
    isOne ? `step ${groupedText(curves.last[i])}` : `steps ${groupedText(curves.first[i])}–${groupedText(curves.last[i])}`,
    epoch === null ? '' : `epoch ${epoch}`, `loss ${loss}`, `smoothed ${number(curves.smoothed[i])}`,
    validated ? `valid ${number(validated.valid_loss)}` : '',
  ].filter(Boolean);
}

export function createLoss({ signal, read, go, setView }) {
  const scale = choice('Scale of the loss', { linear: 'linear', log: 'log' }, signal, value => setView({ scale: value }));
  const legend = make('span', 'fl-legend', {}, ...[['dot', 'each batch'], ['stroke', 'smoothed'], ['diamond', 'validation']]
    .map(([shape, text]) => make('span', `fl-key fl-${shape}`, { textContent: text })));
  const plot = createPlot({ name: 'Loss of every step', classes: 'fl-loss', signal, read, go });
  const title = heading('Loss', '', legend, scale.element);
  return {
    element: make('section', 'fl-section fl-loss-section', {}, title, plot.element),
    draw(scene) {
      const { run, theme, total, step, cursor, view } = scene;
      const spans = epochSpans(run.story, run.done);
      const labels = spans.map(({ epoch, from, to }) => ({ at: (from + to) / 2, texts: [`epoch ${epoch}`, String(epoch)] }));
      scale.show(view.scale);
      plot.draw(theme, {
        total, step, cursor, spans: spansOf(scene, true), series: lossSeries(run, theme),
        left: lossAxis([run], view.scale === 'log'), bottom: { ticks: [0, ...spans.map(span => span.to)], labels },
      }, run.curves.last, lossItems(run, cursor ?? Math.max(1, step)));
    },
  };
}

export function createRates({ signal, read, go }) {
  const plot = createPlot({ name: 'Learning rate of each group, and momentum', classes: 'fl-rates', signal, read, go });
  const title = heading('Learning rate', 'of each group (log scale), and momentum (dotted, right axis)');
  return {
    element: make('section', 'fl-section fl-rates-section', {}, title, plot.element),
    draw(scene) {
      const { run, theme, total, step, cursor } = scene;
      const { curves, story, about } = run;
      const trains = Array.from(curves.last, last => story.phases[phaseIndex(story, last)]?.trainable ?? []);
      const rates = curves.rates.map((rate, group) => Array.from(rate, (value, i) => (value > 0 && trains[i][group] ? value : NaN)));
      const { low, high } = logLimits(...rates);
      const hasMomentum = curves.momentum.some(Number.isFinite);
      const series = rates.map((y, group) => ({
        kind: 'line', x: curves.last, y, colour: groupColour(theme, group, rates.length), label: () => [about.groups[group].name],
      }));
      // As high as its labels need that are written one below the other.
      plot.element.style.setProperty('--fl-height', `${Math.max(96, 15 * (rates.length + 1) + 14)}px`);
      if (hasMomentum) {
        series.push({
          kind: 'line', x: curves.last, y: curves.momentum, colour: theme.soft, dash: [1, 3], onRight: true, label: () => ['momentum', 'mom.'],
        });
      }
      const i = lastUpTo(curves.last, cursor ?? step);
      const texts = about.groups.map(({ name }, group) => `${name} ${i >= 0 && rates[group][i] > 0 ? powerText(rates[group][i], 2) : 'frozen'}`);
      if (hasMomentum && i >= 0) texts.push(`momentum ${curves.momentum[i].toFixed(4)}`);
      const right = hasMomentum ? { low: 0.78, high: 1.02, ticks: [0.8, 0.9, 1], text: value => value.toFixed(1) } : undefined;
      plot.draw(theme, {
        total, step, cursor, series, right, spans: spansOf(scene),
        left: { low, high, isLog: true, ticks: curves.last.length ? logTicks(low, high, 3) : [], text: value => powerText(value, 0) },
      }, curves.last, i >= 0 ? texts : []);
    },
  };
}
