// Training phase by phase, and its history. In Python: fastlearn/training.py, trainer.py and session.py.
import { Adam } from './optimizer.js'
import { randomFrom, shuffled } from './random.js'
import { softmax } from './loss.js'

/** Lets the worker receive messages, such as Stop. */
const breathe = () => new Promise(resolve => { setTimeout(resolve); });

/** Debiased moving average of a phase, over a tenth of the planned steps, at least 1 and at most 50. */
function smoother(steps) {
  const beta = 1 - 1 / Math.min(50, Math.max(1, steps / 10));
  let [average, weight] = [0, 0];
  return loss => {
    [average, weight] = [beta * average + (1 - beta) * loss, beta * weight + 1 - beta];
    return average / weight;
  };
}

/** Loss, error rate, and predictions on the held-out images. */
export async function evaluate(team, indices) {
  const { labels } = team.own.images;
  const shares = (await team.logits(indices)).map(softmax);
  const losses = shares.map((row, i) => -Math.log(Math.max(row[labels[indices[i]]], 1e-38)));
  const answers = shares.map(row => row.indexOf(Math.max(...row)));
  const wrong = answers.filter((answer, i) => answer !== labels[indices[i]]).length;
  return { loss: losses.reduce((a, b) => a + b, 0) / losses.length, error: wrong / answers.length, shares, answers };
}

/** @returns {number[][]} the batches of one epoch; an incomplete last one is left out if there is another */
export function batchesOf(indices, size, seed) {
  const order = shuffled(indices.length, randomFrom(seed)).map(i => indices[i]);
  const count = Math.max(1, Math.floor(order.length / size));
  return Array.from({ length: count }, (_, i) => order.slice(i * size, (i + 1) * size));
}

export class Run {
  /**
   * @param {import('./lane.js').Team} team
   * @param {{train: number[], valid: number[]}} indices
   * @param {{phases: object[], batch: number, dropout: number, seed: number, batches?: number[][][]}} plan
   *   batches: of every epoch, instead of shuffled ones
   * @param {object} observer  begin(run), afterStep(run, isLast), afterEpoch(run), each may be async
   */
  constructor(team, indices, plan, observer = {}) {
    Object.assign(this, { team, indices, plan, observer, status: 'running', isStopping: false });
    Object.assign(this, { losses: [], smoothed: [], rates: [], momenta: [], phases: [], epochs: [], events: [] });
    this.perEpoch = plan.batches?.[0].length ?? Math.max(1, Math.floor(indices.train.length / plan.batch));
    this.planned = plan.phases.reduce((sum, phase) => sum + phase.epochs * this.perEpoch, 0);
  }

  stop() { this.isStopping = true; }

  async fit() {
    if (this.plan.updateBn) await this.updateBn();
    for (const phase of this.plan.phases) {
      await this.fitPhase(phase);
      if (this.status !== 'running') return this;
    }
    this.status = 'done';
    return this;
  }

  /** Measures the body's BatchNorm averages on training images; no weight changes. @see update_bn in Python */
  async updateBn(most = 512) {
    const { team: { own, state }, plan, indices } = this;
    const body = state.norms.filter(({ group }) => group < 2);
    const means = body.map(({ mean, variance }) => [mean, variance].map(found => new Float64Array(found.length)));
    const batches = plan.batches?.[0] ?? batchesOf(indices.train, Math.min(own.most, plan.batch), plan.seed);
    const used = batches.slice(0, Math.ceil(most / batches[0].length));
    const random = randomFrom(plan.seed);
    for (const batch of used) {
      for (const { mean, variance } of body) { mean.fill(0); variance.fill(0); }  // the batch adds a tenth of its own
      own.network.forward(own.fill(batch, random), { norms: [true, true, false] });
      body.forEach(({ mean, variance }, layer) => [mean, variance].forEach((found, which) => {
        found.forEach((value, i) => { means[layer][which][i] += 10 * value / used.length; });
      }));
      await breathe();
    }
    body.forEach(({ mean, variance, batches: count }, layer) => {
      mean.set(means[layer][0]);
      variance.set(means[layer][1]);
      count[0] = used.length;
    });
  }

  async fitPhase(phase) {
    const { perEpoch, plan, indices } = this;
    const total = phase.epochs * perEpoch;
    const firstEpoch = this.epochs.length;
    this.phases.push({ ...phase, first_step: this.losses.length, steps: total, first_epoch: firstEpoch });
    const adam = new Adam(this.team.state);
    const smooth = smoother(total);
    let began = performance.now();
    await this.observer.begin?.(this);
    for (let epoch = 0, done = 0; epoch < phase.epochs; epoch++) {
      const seed = plan.seed * 1000003 + firstEpoch + epoch;
      for (const batch of plan.batches?.[firstEpoch + epoch] ?? batchesOf(indices.train, plan.batch, seed)) {
        const isKept = await this.step(adam, phase, batch, done / total, seed * 4099 + done);
        done += isKept;
        if (isKept) this.smoothed.push(smooth(this.losses.at(-1)));
        if (isKept) await this.observer.afterStep?.(this, done === total || done === 1, done, total);
        await breathe();
        if (this.isStopping && this.status === 'running') this.end('stopped', 'on request');
        if (this.status !== 'running') break;
      }
      await this.endEpoch(began);
      began = performance.now();
      if (this.status !== 'running') return;
    }
  }

  /** Makes one step; weights stay unchanged if the loss or a gradient is NaN or infinite. @returns {boolean} moved */
  async step(adam, phase, batch, share, seed) {
    const { team, team: { state }, plan } = this;
    const before = [state.statistics.slice(), state.batches.slice()];
    const [rates, momentum] = phase.schedule(share);
    const { trains, norms } = phase;
    const mode = { trains, norms, dropout: plan.dropout, seed };
    const learns = ({ group, decays }) => trains[group] || (!decays && norms[group]);
    const loss = await team.gradients(batch, mode);
    let length = 0;
    for (const { from, to } of state.parameters.filter(learns)) {
      for (let i = from; i < to; i++) length += state.grads[i] * state.grads[i];
    }
    if (!Number.isFinite(loss + length)) {
      [state.statistics, state.batches].forEach((kept, i) => kept.set(before[i]));
      this.end('failed', `the loss is ${loss} and the gradient norm ${Math.sqrt(length)}, so the step was skipped. `
               + 'The weights are those from before the step; a smaller learning rate usually helps');
      return false;
    }
    adam.step(rates, momentum, learns);
    this.losses.push(loss);
    this.rates.push(rates);
    this.momenta.push(momentum);
    return true;
  }

  end(status, why) {
    this.status = status;
    this.events.push([this.losses.length, status === 'failed' ? `ended by NotFinite: ${why}`
      : `stopped at step ${this.losses.length} of ${this.planned}: ${why}`]);
  }

  async endEpoch(began) {
    const isComplete = this.status === 'running';
    const { valid } = this.indices;
    if (isComplete && valid.length) this.evaluation = await evaluate(this.team, valid);
    this.epochs.push({
      epoch: this.epochs.length, phase: this.phases.length - 1, step: this.losses.length,
      train_loss: this.smoothed.at(-1) ?? null, valid_loss: isComplete ? this.evaluation?.loss ?? null : null,
      error_rate: isComplete ? this.evaluation?.error ?? null : null,
      seconds: (performance.now() - began) / 1000, complete: isComplete,
    });
    await this.observer.afterEpoch?.(this);
  }
}
