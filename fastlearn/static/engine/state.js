// The state of a network by name: weights and gradients in one array each, BatchNorm's statistics in another.
import { normal } from './random.js'

const HIDDEN = 512;
const BODY = [['conv1', 64, 3, 7], ['layer1', 64, 64, 1], ['layer2', 64, 128, 2], ['layer3', 128, 256, 2]];

/** Shapes of all weights, in the order of PyTorch's `state_dict`. @returns {[string, number[], number][]} with group */
function shapes(classes) {
  const norm = (name, width, group) => [[`${name}.weight`, [width], group], [`${name}.bias`, [width], group]];
  const [[, first, colors, side], ...blocks] = BODY;
  const body = blocks.flatMap(([name, inputs, outputs, stride], i) => {
    const [path, group] = [`0.${name}`, i < 2 ? 0 : 1];
    const around = [[`${path}.shortcut.0.weight`, [outputs, inputs, 1, 1], group],
                    ...norm(`${path}.shortcut.1`, outputs, group)];
    return [[`${path}.conv1.weight`, [outputs, inputs, 3, 3], group], ...norm(`${path}.bn1`, outputs, group),
            [`${path}.conv2.weight`, [outputs, outputs, 3, 3], group], ...norm(`${path}.bn2`, outputs, group),
            ...(stride > 1 ? around : [])];
  });
  return [['0.conv1.weight', [first, colors, side, side], 0], ...norm('0.bn1', first, 0), ...body,
          ...norm('1.2', 512, 2), ['1.4.weight', [HIDDEN, 512], 2], ...norm('1.6', HIDDEN, 2),
          ['1.8.weight', [classes, HIDDEN], 2]];
}

const isNorm = shape => shape.length === 1;
const product = shape => shape.reduce((a, b) => a * b, 1);

export class State {
  /** @param {number} classes  outputs */
  constructor(classes) {
    const list = shapes(classes);
    const total = list.reduce((sum, [, shape]) => sum + product(shape), 0);
    [this.weights, this.grads] = [new Float32Array(total), new Float32Array(total)];
    const norms = list.filter(([name, shape]) => isNorm(shape) && name.endsWith('weight'));
    this.statistics = new Float32Array(norms.reduce((sum, [, [width]]) => sum + 2 * width, 0));
    this.batches = new Float64Array(norms.length);
    let at = 0;
    const slice = length => [at, at += length];
    this.parameters = list.map(([name, shape, group]) => {
      const [from, to] = slice(product(shape));
      const views = { data: this.weights.subarray(from, to), grad: this.grads.subarray(from, to) };
      return { name, shape, group, from, to, ...views, decays: !isNorm(shape) };
    });
    at = 0;
    this.norms = norms.map(([name, [width], group], i) => {
      const mean = this.statistics.subarray(...slice(width));
      const variance = this.statistics.subarray(...slice(width)).fill(1);
      return { name: name.replace('.weight', ''), group, mean, variance, batches: this.batches.subarray(i, i + 1) };
    });
    Object.assign(this, { classes, groups: 3 });
    this.byName = new Map(this.parameters.map(parameter => [parameter.name, parameter]));
  }

  get(name) { return this.byName.get(name); }

  norm(name) {
    const own = this.norms.find(norm => norm.name === name);
    return { weight: this.get(`${name}.weight`), bias: this.get(`${name}.bias`), ...own };
  }

  /** Sets random weights as PyTorch and fastai do, for the whole network or only the head. */
  randomize(random, firstGroup = 0) {
    for (const { name, shape, data, group } of this.parameters) {
      if (group < firstGroup) continue;
      const fan = shape.length === 4 ? shape[0] * shape[2] * shape[3] : shape[1];  // fan_out of convolutions
      if (isNorm(shape)) data.fill(name.endsWith('weight') ? 1 : group === 2 ? 1e-3 : 0);
      else for (let i = 0; i < data.length; i++) data[i] = normal(random) * Math.sqrt(2 / fan);
    }
    for (const { mean, variance, group } of this.norms) if (group >= firstGroup) { mean.fill(0); variance.fill(1); }
    return this;
  }

  /** All tensors by name, as in PyTorch. @returns {Record<string, {shape: number[], data: Float32Array}>} */
  tensors() {
    const found = Object.fromEntries(this.parameters.map(({ name, shape, data }) => [name, { shape, data }]));
    for (const { name, mean, variance, batches } of this.norms) {
      found[`${name}.running_mean`] = { shape: [mean.length], data: mean };
      found[`${name}.running_var`] = { shape: [variance.length], data: variance };
      found[`${name}.num_batches_tracked`] = { shape: [], data: batches };
    }
    return found;
  }

  /**
   * Copies tensors in. Throws an Error that names a tensor that is missing or has a different shape.
   * @param {string} prefix  of the names here: '0.' for a file that holds the body alone
   */
  fill(given, prefix = '') {
    for (const [name, { shape, data }] of Object.entries(this.tensors())) {
      if (!name.startsWith(prefix)) continue;
      const tensor = given[name.slice(prefix.length)];
      if (!tensor && name.endsWith('num_batches_tracked')) continue;
      if (!tensor) {
        const missing = name.slice(prefix.length);
        throw new Error(`the file has no tensor ${missing}; it belongs to a network other than resnet10`);
      }
      if (String(tensor.shape) !== String(shape)) {
        throw new Error(`${name} has the shape ${tensor.shape.join(' x ')}; expected ${shape.join(' x ')}`);
      }
      if (!tensor.data.every(Number.isFinite)) {
        throw new Error(`${name} holds NaN or infinity; copy or export it again`);
      }
      if (name.endsWith('running_var') && !(tensor.data.every(value => value >= 0) && tensor.data.some(Boolean))) {
        throw new Error(`${name} should be variances, but holds numbers that are not above 0`);
      }
      data.set(tensor.data);
    }
    return this;
  }
}
