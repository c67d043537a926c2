// Random numbers from a seed: the same on every machine.

/** @param {number} seed @returns {() => number} numbers from 0 to below 1 (sfc32) */
export function randomFrom(seed) {
  let [a, b, c, d] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9, 1];
  const next = () => {
    const sum = (a + b + d) | 0;
    [a, b, d] = [b ^ (b >>> 9), (c + (c << 3)) | 0, (d + 1) | 0];
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/** The numbers below `count` in random order. @returns {number[]} */
export function shuffled(count, random) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** A number from the normal distribution (Box & Muller 1958). */
export const normal = random => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * Holds out a share of each class for validation: at least one image of a class that has two.
 * @param {number[]} labels @param {number} share @returns {{train: number[], valid: number[]}} indices
 */
export function split(labels, share, random) {
  const valid = new Set();
  const order = shuffled(labels.length, random);
  for (const label of new Set(labels)) {
    const own = order.filter(i => labels[i] === label);
    const count = own.length < 2 ? 0 : Math.min(own.length - 1, Math.max(1, Math.round(share * own.length)));
    for (const i of own.slice(0, count)) valid.add(i);
  }
  return { train: order.filter(i => !valid.has(i)), valid: [...valid].sort((a, b) => a - b) };
}
