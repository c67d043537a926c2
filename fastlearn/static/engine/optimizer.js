// Adam with decoupled weight decay, and one cycle. In Python: fastlearn/optimizer.py and fastlearn/schedule.py.

/** Adam over one row of weights; each parameter gets its averages when it is first trained. */
export class Adam {
  /** @param {import('./state.js').State} state */
  constructor(state, { decay = 0.01, squares = 0.99, eps = 1e-5 } = {}) {
    Object.assign(this, { state, decay, squares, eps, steps: 0 });
    this.average = new Float32Array(state.weights.length);  // of the gradients
    this.square = new Float32Array(state.weights.length);   // and of their squares
  }

  /** Updates the trained parameters once. @param {number[]} rates  of each group @param {number} momentum */
  step(rates, momentum, learns) {
    const { state: { weights, grads, parameters }, average, square, squares, eps } = this;
    this.steps += 1;
    const deep = Math.sqrt(1 - squares ** this.steps);
    for (const parameter of parameters) {
      if (!learns(parameter)) continue;
      const rate = rates[parameter.group];
      const [kept, length] = [parameter.decays ? 1 - rate * this.decay : 1, rate / (1 - momentum ** this.steps)];
      for (let i = parameter.from; i < parameter.to; i++) {
        const grad = grads[i];
        average[i] += (1 - momentum) * (grad - average[i]);
        square[i] = squares * square[i] + (1 - squares) * grad * grad;
        weights[i] = weights[i] * kept - length * average[i] / (Math.sqrt(square[i]) / deep + eps);
      }
    }
  }
}

const cosine = (start, end, share) => start + (1 + Math.cos(Math.PI * (1 - share))) * (end - start) / 2;

function riseAndFall(start, peak, end, share, turn) {
  if (share < turn) return cosine(start, peak, share / turn);
  return turn < 1 ? cosine(peak, end, (share - turn) / (1 - turn)) : peak;
}

/**
 * Learning rates that rise and fall once; the momentum does the opposite.
 * @returns {(share: number) => [number[], number]}
 */
export function oneCycle(peaks, { turn = 0.25, div = 25, divFinal = 1e5, momenta = [0.95, 0.85, 0.95] } = {}) {
  return share => [peaks.map(peak => riseAndFall(peak / div, peak, peak / divFinal, share, turn)),
                   riseAndFall(...momenta, share, turn)];
}

/** The phases of `fine_tune`: the head alone, then everything, later layers faster. @see fastlearn/trainer.py */
export function fineTunePhases(epochs, rate = 2e-3, { freezeEpochs = 1, spread = 100, trainBn = false } = {}) {
  const half = rate / 2;
  const peaks = [half / spread, half / Math.sqrt(spread), half];
  const head = { epochs: freezeEpochs, trains: [false, false, true], norms: [trainBn, trainBn, true],
                 schedule: oneCycle([rate / 10, rate / 10, rate], { turn: 0.99 }) };
  const all = { epochs, trains: [true, true, true], norms: [true, true, true],
                schedule: oneCycle(peaks, { turn: 0.3, div: 5 }) };
  return [head, all].filter(phase => phase.epochs > 0);
}

/** One phase in which everything learns at one rate: from scratch. */
export function fromScratchPhases(epochs, rate) {
  return [{ epochs, trains: [true, true, true], norms: [true, true, true], schedule: oneCycle([rate, rate, rate]) }];
}
