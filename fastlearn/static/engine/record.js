// What the dashboard draws during a run, as a kernel sends it: dashboard/recorder.py, weight_change.py, replay.py.
import { evaluate } from './training.js'

const [SAMPLES, APART, WATCHED] = [24, 6, 8192];  // per phase; steps between two; weights looked at per tensor
const REFRESH = 200;  // milliseconds between two messages
const TABLE_COLUMNS = ['epoch', 'train_loss', 'valid_loss', 'error_rate', 'time'];
const WORDS = { head: 'training the head', all: 'training the whole network' };

/** The layers of a group as the dashboard names them, with their numbers of parameters. */
function layersOf(parameters) {
  const counts = new Map();
  for (const { name, data, shape } of parameters) {
    const child = name.split('.')[1];
    const layer = /^\d/.test(child) ? [child, shape.length > 1 ? 'Linear' : 'BatchNorm1d'] : [child, child];
    const [, sum = 0] = counts.get(child) ?? [];
    counts.set(child, [layer[1], sum + data.length]);
  }
  return [...counts.values()];
}

/** How far groups of weights have moved: ‖w - w₀‖ / ‖w₀‖, estimated from the first rows of each tensor. */
export class Movement {
  constructor(state) {
    this.state = state;
    this.samples = state.parameters.map(({ data, shape, group }) => {
      const row = data.length / shape[0];
      const length = row * Math.max(1, Math.floor(WATCHED * shape[0] / data.length));
      const start = data.slice(0, length);
      return { data, start, group, share: data.length / start.length };
    });
    this.lengths = this.sums(sample => sample.start.reduce((sum, value) => sum + value * value, 0));
  }

  sums(measure) {
    const sums = Array(this.state.groups).fill(0);
    for (const sample of this.samples) sums[sample.group] += sample.share * measure(sample);
    return sums;
  }

  now() {
    const moved = this.sums(({ data, start }) => start.reduce((sum, value, i) => sum + (data[i] - value) ** 2, 0));
    return moved.map((sum, group) => Math.sqrt(sum / Math.max(1e-24, this.lengths[group])));
  }
}

const clock = seconds => {
  const whole = Math.round(seconds);
  return [Math.floor(whole / 60), whole % 60].map(part => String(part).padStart(2, '0')).join(':');
};
const numberText = value => (value === null ? '–' : value.toFixed(6));
/** Rows of numbers as bytes, column after column. */
function columnBytes(rows, count) {
  const table = new Float32Array(rows.length * count);
  rows.forEach((row, i) => row.forEach((value, column) => { table[column * rows.length + i] = value; }));
  return new Uint8Array(table.buffer);
}

export class Recorder {
  /**
   * @param {(traits: object) => void} send
   * @param {{title: string, vocab: string[], batch: number, shown: {index: number, src: string}[]}} facts
   */
  constructor(state, send, facts, drawn = null) {
    const [filters, movement] = [state.get('0.conv1.weight'), new Movement(state)];
    Object.assign(this, { state, send, facts, drawn, filters, movement, start: filters.data.slice() });
    [this.changes, this.films, this.predictions, this.budget] = [[], [], [], Array(state.groups).fill(0)];
    [this.summed, this.sent, this.began] = [0, 0, performance.now()];
  }

  about() {
    const { state, facts } = this;
    const names = ['early layers', 'late layers', 'head'];
    const groups = names.map((name, group) => {
      const parameters = state.parameters.filter(parameter => parameter.group === group);
      const count = parameters.reduce((sum, { data }) => sum + data.length, 0);
      const norms = state.norms.filter(norm => norm.group === group).length;
      return { name, parameters: count, layers: layersOf(parameters), norms };
    });
    const { vocab, shown, labels } = facts;
    return {
      title: facts.title, batch: facts.batch, groups, no_filters: '', live: true, metrics: ['error_rate'],
      filters: { layer: 'conv1', shape: this.filters.shape, of: this.filters.shape[0], kind: 'color' },
      images: shown.map(({ index, src }) => ({ src, truth: vocab[labels[index]] })),
    };
  }

  runState(run) {
    const phases = run.phases.map(({ trains, norms, epochs, steps, first_step, first_epoch }) => {
      const name = trains.every(Boolean) ? 'all' : 'head';
      return { name, words: WORDS[name], first_step, steps, epochs, first_epoch, trainable: trains, norms, run: 0 };
    });
    const cells = run.epochs.map(({ epoch, train_loss, valid_loss, error_rate, seconds }) => {
      return [String(epoch), ...[train_loss, valid_loss, error_rate].map(numberText), clock(seconds)];
    });
    const planned = run.status === 'running' ? run.planned : run.losses.length;
    const { status, epochs, events } = run;
    return { status, planned, phases, epochs, columns: TABLE_COLUMNS, events, cells, predictions: this.predictions };
  }

  curves(run) {
    const rows = run.losses.map((loss, i) => {
      return [i + 1, i + 1, loss, loss, run.smoothed[i], ...run.rates[i], run.momenta[i]];
    });
    return columnBytes(rows, 6 + this.state.groups);
  }

  /** All filter records: the weights at the start, then the changes as whole numbers from -127 to 127. */
  filterHistory() {
    const parts = [new Uint8Array(this.start.buffer), ...this.films];
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => { bytes.set(part, at); return at + part.length; }, 0);
    return bytes;
  }

  weightChange() { return columnBytes(this.changes, 1 + 2 * this.state.groups); }

  sample(run) {
    const step = run.losses.length;
    const { trains } = run.phases.at(-1);
    for (; this.summed < step; this.summed++) {
      run.rates[this.summed].forEach((rate, group) => { if (trains[group]) this.budget[group] += rate; });
    }
    this.changes.push([step, ...this.movement.now(), ...this.budget]);
    if (!trains[0]) return;
    const change = this.filters.data.map((value, i) => value - this.start[i]);
    const scale = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    if (!scale && !this.films.length) return;
    const film = new Uint8Array(8 + Math.ceil(change.length / 4) * 4);
    const view = new DataView(film.buffer);
    view.setFloat32(0, step, true);
    view.setFloat32(4, scale, true);
    change.forEach((value, i) => view.setInt8(8 + i, scale ? Math.round(value / scale) : 0));
    this.films.push(film);
  }

  async begin(run) {
    if (!this.predictions.length) await this.predict(run, 0);
    this.phaseBegan = performance.now();
    this.send({ ...(run.phases.length > 1 ? {} : { about: this.about() }), run_state: this.runState(run),
                curves: this.curves(run), filter_history: this.filterHistory() });
    await this.drawn;  // the first state, by the page
  }

  afterStep(run, isEdge, done, total) {
    const isDue = isEdge || done % Math.max(APART, Math.ceil(total / SAMPLES)) === 0;
    if (isDue) this.sample(run);
    const now = performance.now();
    if (now - this.sent < REFRESH && run.losses.length > 1) return;
    this.sent = now;
    const seconds = (now - this.phaseBegan) / 1000;
    const pulse = { left: seconds / done * (run.planned - run.losses.length), rate: done * run.plan.batch / seconds };
    this.send({ pulse, curves: this.curves(run), weight_change: this.weightChange(),
                ...(this.films.length ? { frame: this.films.at(-1) } : {}) });
  }

  async afterEpoch(run) {
    if (run.status === 'running') await this.predict(run, run.losses.length, run.evaluation);
    this.sendAll(run);
  }

  sendAll(run) {
    this.send({ run_state: this.runState(run), curves: this.curves(run), weight_change: this.weightChange(),
                filter_history: this.filterHistory() });
  }

  /** The predictions for the images that the dashboard shows. */
  async predict(run, step, evaluation = null) {
    const { shown, vocab } = this.facts;
    if (!shown.length) return;
    const indices = shown.map(({ index }) => index);
    const { valid } = run.indices;
    const shares = evaluation ? indices.map(index => evaluation.shares[valid.indexOf(index)])
      : (await evaluate(run.team, indices)).shares;
    const top = shares.map(row => {
      const highest = Math.max(...row);
      return [vocab[row.indexOf(highest)], highest];
    });
    this.predictions.push({ step, top });
  }
}
