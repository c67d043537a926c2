// A curve made of waves, fitted to points by gradient descent; points drawn by a generator of our own. Pure functions.

/** @typedef {[number, number]} Point  input 0-1, target */

/** Numbers from 0 to below 1, the same for the same seed everywhere (mulberry32). @returns {() => number} */
export function randomNumbers(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The curve behind the noise. */
export const trueCurve = x => 0.9 * Math.sin(1.8 * Math.PI * x) + 0.3 * x;

/**
 * Points of the curve with noise, spread over 0-1: some to train with, as many to validate with.
 * @returns {{train: Point[], valid: Point[]}}
 */
export function drawPoints({ seed, points, noise }) {
  const random = randomNumbers(seed);
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);  // nearly
  const draw = () => Array.from({ length: points }, (_, i) => {
    const x = (i + random()) / points;
    return [x, trueCurve(x) + noise * normal()];
  });
  return { train: draw(), valid: draw() };
}

/** Wave number i at x: i half periods, and the finer, the lower. */
const waveAt = (i, x) => Math.cos(Math.PI * i * x) / Math.max(1, i);

/** The curve at x: each wave times its weight. @param {ArrayLike<number>} weights */
export const wavesAt = (weights, x) => weights.reduce((sum, weight, i) => sum + weight * waveAt(i, x), 0);

const rowsOf = (points, waves) => {
  return points.map(([x]) => Float64Array.from({ length: waves }, (_, i) => waveAt(i, x)));
};

/** How far the curve is above each point. */
function residualsOf(rows, points, weights) {
  return points.map(([, target], n) => {
    let residual = -target;
    for (let i = 0; i < weights.length; i++) residual += weights[i] * rows[n][i];
    return residual;
  });
}

const meanSquare = residuals => residuals.reduce((sum, residual) => sum + residual * residual, 0) / residuals.length;

/**
 * Gradient descent from weights of 0 on the mean squared error, all points in each step: an epoch is one step.
 * @param {Point[]} points @param {number} waves @param {number} rate
 * @returns {{weights: Float64Array, step: () => void}} a step changes the weights
 */
export function descentOf(points, waves, rate) {
  const [rows, weights] = [rowsOf(points, waves), new Float64Array(waves)];
  const step = () => {
    const residuals = residualsOf(rows, points, weights);
    for (let i = 0; i < waves; i++) {
      let slope = 0;
      for (let n = 0; n < rows.length; n++) slope += 2 * residuals[n] * rows[n][i] / rows.length;
      weights[i] -= rate * slope;
    }
  };
  return { weights, step };
}

/** The weights after some epochs. */
export function weightsAfter(epochs, points, waves, rate) {
  const { weights, step } = descentOf(points, waves, rate);
  for (let epoch = 0; epoch < epochs; epoch++) step();
  return weights;
}

/** Losses before the first epoch and after each. @returns {{train: Float64Array, valid: Float64Array}} */
export function measure(points, waves, { rate, longest }) {
  const kinds = ['train', 'valid'];
  const [losses, rows] = [{}, {}];
  for (const kind of kinds) {
    losses[kind] = new Float64Array(longest + 1);
    rows[kind] = rowsOf(points[kind], waves);
  }
  const { weights, step } = descentOf(points.train, waves, rate);
  for (let epoch = 0; epoch <= longest; epoch++) {
    for (const kind of kinds) losses[kind][epoch] = meanSquare(residualsOf(rows[kind], points[kind], weights));
    step();
  }
  return losses;
}
