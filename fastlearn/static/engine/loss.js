// Cross-entropy: the negative logarithm of the probability of the right class. In Python: fastlearn/losses.py.

/** Probabilities of one image. @returns {number[]} */
export function softmax(logits) {
  const highest = Math.max(...logits);
  const shares = logits.map(logit => Math.exp(logit - highest));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map(share => share / sum);
}

/** The logits of one image. @param {import('./maps.js').Maps} maps */
export const logitsOf = (maps, image) => {
  return Array.from({ length: maps.channels }, (_, c) => maps.values.data[c * maps.channel + image]);
};

/** Mean loss over the batch; with `isTraining`, its gradient too. */
export function softmaxLoss(maps, targets, isTraining) {
  let loss = 0;
  targets.forEach((target, i) => {
    const logits = logitsOf(maps, i);
    const highest = Math.max(...logits);
    loss += Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - (logits[target] - highest);
    if (!isTraining) return;
    softmax(logits).forEach((share, c) => {
      maps.grads.data[c * maps.channel + i] = (share - (c === target)) / targets.length;
    });
  });
  return loss / targets.length;
}
