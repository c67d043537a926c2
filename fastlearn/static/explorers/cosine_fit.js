// Fits a sum of cosines to random points by gradient descent. Pure functions.

/** @typedef {[number, number]} Point  input 0-1, target */

/** A generator of random numbers in [0, 1), the same in every browser (mulberry32). @returns {() => number} */
export function randomNumbers(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The true curve, without noise. */
export const trueCurve = x => 0.9 * Math.sin(1.8 * Math.PI * x) + 0.3 * x;

/**
 * Noisy points of the true curve with inputs in 0-1: a training set and a validation set of the same size.
 * @returns {{train: Point[], valid: Point[]}}
 */
export function drawPoints({ seed, points, noise }) {
  const random = randomNumbers(seed);
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);  // approximately
  const draw = () => Array.from({ length: points }, (_, i) => {
    const x = (i + random()) / points;
    return [x, trueCurve(x) + noise * normal()];
  });
  return { train: draw(), valid: draw() };
}

/** Cosine number i at x: i half periods; higher frequencies have smaller amplitudes. */
const cosineAt = (i, x) => Math.cos(Math.PI * i * x) / Math.max(1, i);

/** The fitted curve at x: the sum of weight times cosine. @param {ArrayLike<number>} weights */
export const fittedCurveAt = (weights, x) => weights.reduce((sum, weight, i) => sum + weight * cosineAt(i, x), 0);

/**
 * The cosines at all points in one array, which is fast enough to train twenty models on every click.
 * @param {Point[]} points
 */
function basisTable(points, terms) {
  const table = Float64Array.from({ length: points.length * terms }, (_, at) => {
    return cosineAt(at % terms, points[Math.floor(at / terms)][0]);
  });
  const targets = Float64Array.from(points, ([, target]) => target);
  return { table, terms, targets, residuals: new Float64Array(points.length) };
}

/** Writes the residual of each point into `residuals`. @returns {number} the mean squared error */
function computeResiduals({ table, terms, targets, residuals }, weights) {
  let sum = 0;
  for (let n = 0; n < targets.length; n++) {
    let residual = -targets[n];
    for (let i = 0; i < terms; i++) residual += weights[i] * table[n * terms + i];
    residuals[n] = residual;
    sum += residual * residual;
  }
  return sum / targets.length;
}

/** One step of gradient descent on all points, which is one epoch; `computeResiduals` comes first. */
function gradientStep({ table, terms, residuals }, weights, rate) {
  for (let i = 0; i < terms; i++) {
    let slope = 0;
    for (let n = 0; n < residuals.length; n++) slope += residuals[n] * table[n * terms + i];
    weights[i] -= rate * 2 / residuals.length * slope;
  }
}

/** The weights after `epochs`, from an initialization with zeros. @param {Point[]} points @returns {Float64Array} */
export function weightsAfter(epochs, points, terms, rate) {
  const [table, weights] = [basisTable(points, terms), new Float64Array(terms)];
  for (let epoch = 0; epoch < epochs; epoch++) {
    computeResiduals(table, weights);
    gradientStep(table, weights, rate);
  }
  return weights;
}

/** The losses before the first epoch and after each epoch. @returns {{train: Float64Array, valid: Float64Array}} */
export function lossCurves(points, terms, { rate, longest }) {
  const [train, valid] = [basisTable(points.train, terms), basisTable(points.valid, terms)];
  const losses = { train: new Float64Array(longest + 1), valid: new Float64Array(longest + 1) };
  const weights = new Float64Array(terms);
  for (let epoch = 0; epoch <= longest; epoch++) {
    losses.train[epoch] = computeResiduals(train, weights);
    losses.valid[epoch] = computeResiduals(valid, weights);
    gradientStep(train, weights, rate);
  }
  return losses;
}
