// A lane computes the gradients of its share of every batch: one in this worker, others in workers beside it.
import { Network } from './network.js'
import { randomFrom } from './random.js'
import { logitsOf } from './loss.js'
import { State } from './state.js'

const [MEAN, DEVIATION] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];  // of ImageNet's colors

/**
 * @typedef {object} Images
 * @property {number} size  of the squares that the network sees
 * @property {Uint8Array} pixels  of all images: red, green and blue of each
 * @property {number[]} labels
 * @property {[number, number, number][]} [places]  where each begins, its width and height; without: squares
 */

/** The range of the trained parameters in the row of all weights. @returns {[number, number]} from, to */
export function learningRange(state, { trains, norms }) {
  const learns = state.parameters.filter(({ group, decays }) => trains[group] || (!decays && norms[group]));
  return learns.length ? [learns[0].from, learns.at(-1).to] : [0, 0];
}

export class Lane {
  /** @param {State} state @param {Images} images @param {number} most  images at a time */
  constructor(state, images, most) {
    Object.assign(this, { state, images, most, network: new Network(state, most, images.size) });
    this.shades = MEAN.map((mean, c) => Float32Array.from({ length: 256 }, (_, i) => (i / 255 - mean) / DEVIATION[c]));
  }

  /**
   * Puts images where the network reads them, cut to squares and normalized.
   * @param {?() => number} random  where to cut; null: in the middle
   */
  fill(indices, random = null) {
    const { network: { input }, images: { size, pixels, places } } = this;
    indices.forEach((index, n) => {
      const [first, width, height] = places?.[index] ?? [index * 3 * size * size, size, size];
      const [left, top] = [width, height].map(side => {
        return random ? Math.floor(random() * (side - size + 1)) : Math.floor((side - size) / 2);
      });
      for (let c = 0; c < 3; c++) {
        for (let y = 0, to = input.start(c, n); y < size; y++, to += input.row) {
          const at = first + (c * height + top + y) * width + left;
          for (let x = 0; x < size; x++) input.values.data[to + x] = this.shades[c][pixels[at + x]];
        }
      }
    });
    return indices.length;
  }

  /** @returns {number} mean loss; the gradients are in the state */
  gradients(indices, { seed, ...mode }) {
    const targets = indices.map(i => this.images.labels[i]);
    const random = randomFrom(seed ?? 0);
    return this.network.gradients(() => this.fill(indices, random), targets, { ...mode, random });
  }

  /** Logits in evaluation mode. @returns {number[][]} */
  logits(indices) {
    const found = [];
    for (let i = 0; i < indices.length; i += this.most) {
      const some = indices.slice(i, i + this.most);
      this.network.forward(this.fill(some));
      found.push(...some.map((_, n) => logitsOf(this.network.logits, n)));
    }
    return found;
  }
}

/** Answers the requests of the leading worker. */
export class HelpingLane {
  constructor({ classes, images, most }) { this.lane = new Lane(new State(classes), images, most); }

  answer({ kind, indices, mode, range: [from, to] = [0, 0], weights, statistics }) {
    const { lane, lane: { state } } = this;
    if (weights) state.weights.set(weights, from);
    if (statistics) state.statistics.set(statistics);
    if (kind === 'logits') return { logits: lane.logits(indices) };
    const loss = lane.gradients(indices, mode);
    return { loss, grads: state.grads.slice(from, to), statistics: state.statistics.slice() };
  }
}

/** A lane in another worker, as the leading worker sees it. */
export class DistantLane {
  /** @param {MessagePort} port */
  constructor(port) {
    this.port = port;
    this.waiting = [];
    port.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.shift();
      if (data.error) reject(new Error(data.error)); else resolve(data);
    };
  }

  ask(request, transferred = []) {
    this.port.postMessage(request, transferred);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }
}

/** All lanes together: gradients add up, the statistics of BatchNorm are averaged. */
export class Team {
  /** @param {Lane} own @param {DistantLane[]} others */
  constructor(own, others = []) { Object.assign(this, { own, others, state: own.state }); }

  /** Even shares, one per lane. */
  shares(indices) {
    const lanes = Math.min(1 + this.others.length, indices.length);
    const at = Array.from({ length: lanes + 1 }, (_, i) => Math.round((i * indices.length) / lanes));
    return at.slice(1).map((end, i) => indices.slice(at[i], end));
  }

  /** Sends the newest weights along, because the other lanes do not update theirs. */
  send(kind, shares, mode, range) {
    const { weights, statistics } = this.state;
    return shares.slice(1).map((indices, i) => {
      const copies = [weights.slice(...range), statistics.slice()];
      const request = { kind, indices, mode: mode && { ...mode, seed: mode.seed + i + 1 }, range };
      const message = { ...request, weights: copies[0], statistics: copies[1] };
      return this.others[i].ask(message, copies.map(copy => copy.buffer));
    });
  }

  async gradients(indices, mode) {
    const { state } = this;
    const range = learningRange(state, mode);
    const [own, ...shares] = this.shares(indices);
    const waiting = this.send('gradients', [own, ...shares], mode, range);
    let loss = this.own.gradients(own, mode) * own.length / indices.length;
    if (!waiting.length) return loss;
    const answers = await Promise.all(waiting);
    const [grads, { statistics }] = [state.grads.subarray(...range), state];
    const scales = [own, ...shares].map(share => share.length / indices.length);
    for (let i = 0; i < grads.length; i++) grads[i] *= scales[0];
    for (let i = 0; i < statistics.length; i++) statistics[i] /= scales.length;
    answers.forEach((answer, lane) => {
      loss += answer.loss * scales[lane + 1];
      for (let i = 0; i < grads.length; i++) grads[i] += answer.grads[i] * scales[lane + 1];
      for (let i = 0; i < statistics.length; i++) statistics[i] += answer.statistics[i] / scales.length;
    });
    return loss;
  }

  async logits(indices) {
    const [own, ...shares] = this.shares(indices);
    const waiting = this.send('logits', [own, ...shares], null, [0, this.state.weights.length]);
    const first = own ? this.own.logits(own) : [];
    return [first, ...(await Promise.all(waiting)).map(answer => answer.logits)].flat();
  }
}
