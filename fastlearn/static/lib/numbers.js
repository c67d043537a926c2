// Numbers for the screen: scales, ticks, limits, search. Pure functions.

/**
 * @typedef {(value: number) => number} Scale
 * @typedef {{low: number, high: number}} Limits
 */

/** The value, limited to low..high. */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** @returns {Scale} linear, from low..high to from..to */
export function linearScale(low, high, from, to) {
  const factor = (to - from) / (high - low || 1);
  return value => from + (value - low) * factor;
}

/** @returns {Scale} logarithmic; NaN for values that are not positive */
export function logScale(low, high, from, to) {
  const scale = linearScale(Math.log10(low), Math.log10(high), from, to);
  return value => (value > 0 ? scale(Math.log10(value)) : NaN);
}

/** Round numbers (1, 2 or 5 times a power of ten) between low and high, about `count` of them. */
export function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));  // 0.30000000000000004 -> 0.3
  }
  return ticks;
}

/** Powers of ten between low and high, at most `count`; also 2 and 5 times them if few powers fit. */
export function logTicks(low, high, count) {
  const inside = ticks => ticks.filter(tick => tick >= low * 0.999 && tick <= high * 1.001);
  const powers = [];
  const last = Math.ceil(Math.log10(high));
  for (let power = Math.floor(Math.log10(low)); power <= last; power++) powers.push(Number(`1e${power}`));
  const whole = inside(powers);
  const fine = inside(powers.flatMap(power => [1, 2, 5].map(factor => Number((factor * power).toPrecision(3)))));
  if (whole.length < 3 && fine.length >= 2 && fine.length <= count) return fine;
  if (whole.length < 2) return linearTicks(low, high, count);
  const every = Math.ceil(whole.length / Math.max(1, count));
  return whole.filter((_, i) => (whole.length - 1 - i) % every === 0);
}

/** Index of the first element >= value in an ascending list; its length if there is none. */
export function firstFrom(ascending, value) {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

/** Index of the last element <= value in an ascending list; -1 if there is none. */
export function lastUpTo(ascending, value) {
  const index = firstFrom(ascending, value);
  return ascending[index] === value ? index : index - 1;
}

/** Median of each value and its two neighbors on either side, which removes single outliers. */
export function runningMedian(values) {
  return Float64Array.from(values, (_, i) => {
    const around = Array.from(values.slice(Math.max(0, i - 2), i + 3)).sort((a, b) => a - b);
    return around[around.length >> 1];
  });
}

/** Smallest and largest finite number in any of the lists. @returns {Limits} */
export function extremes(...lists) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const value of list) {
      if (value < low) low = value;
      if (value > high && value < Infinity) high = value;
    }
  }
  return { low, high };
}

/**
 * Limits of a logarithmic axis: at least 1.5 powers of ten, so that a flat line looks flat, and at most 6, because a
 * learning rate annealed to almost 0 would flatten everything else.
 * @param {...ArrayLike<number>} lists  NaN: a gap
 * @returns {Limits}
 */
export function logLimits(...lists) {
  const { low, high } = extremes(...lists);
  if (low > high) return { low: 1e-5, high: 1e-1 };
  const missing = Math.max(1, 10 ** 0.75 / Math.sqrt(high / low));
  return { low: Math.max(low, high * 1e-6) / (1.5 * missing), high: high * 1.5 * missing };
}

/**
 * Limits of a loss axis, robust to outliers. The chart marks outliers beyond the limits at its border.
 * @param {ArrayLike<number>} lowest of each point
 * @param {ArrayLike<number>} highest of each point
 * @param {number[]} validation losses
 * @param {boolean} logarithmic
 * @returns {Limits}
 */
export function lossLimits(lowest, highest, validation, logarithmic) {
  const all = extremes(lowest, highest, validation);
  if (all.low > all.high) return logarithmic ? { low: 0.1, high: 1 } : { low: 0, high: 1 };
  const typical = extremes(runningMedian(lowest), runningMedian(highest), validation);
  if (logarithmic) {
    const positive = extremes(Array.from(lowest).concat(validation).filter(value => value > 0));
    const low = Math.max(Math.min(positive.low, all.high), typical.low / 4, all.high * 1e-9) || 0.1;
    return { low: low / 1.15, high: Math.max(all.high, low) * 1.15 };
  }
  // Up to twice the typical maximum, the curve still fills half of the height; beyond that it would look flat.
  const base = Math.min(0, all.low);
  const [reach, usual] = [all.high - base, typical.high - base];
  const high = base + (reach <= 2 * usual ? reach : usual * 1.25);
  // Starts at 0 unless that leaves most of the height empty.
  const low = all.low < 0 ? all.low : all.low > 0.7 * high && all.low < high ? all.low - (high - all.low) * 0.15 : 0;
  return { low, high: high + (high - low) * 0.04 || 1 };
}

/**
 * Spreads labels so that neighbors are `gap` apart, or less if there are too many, and all lie in low..high.
 * @param {number[]} wanted positions, in any order
 * @returns {number[]} positions in the same order
 */
export function spreadLabels(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = wanted.map(position => Math.min(high, Math.max(low, position)));
  const apart = Math.min(gap, (high - low) / Math.max(1, wanted.length - 1));
  for (let i = 1; i < order.length; i++) {
    placed[order[i]] = Math.max(placed[order[i]], placed[order[i - 1]] + apart);
  }
  let limit = high;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i], limit);
    limit = placed[i] - apart;
  }
  return placed;
}
