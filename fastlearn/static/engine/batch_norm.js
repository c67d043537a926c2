// BatchNorm in both modes, with what usually follows: the sum with a shortcut, and ReLU.
import { Maps } from './maps.js'

const [EPS, MOMENTUM] = [1e-5, 0.1];  // PyTorch's

export class BatchNorm {
  /**
   * @param {Maps} from
   * @param {object} own  weight, bias ({data, grad}) and mean, variance (Float32Array, the running ones), batches
   * @param {{border?: number, relu?: boolean, to?: Maps, learns?: boolean}} options  to: the maps that hold a shortcut
   */
  constructor(memory, from, own, { border = 0, relu = false, to = null, learns = true } = {}) {
    const { channels, images, height, width } = from;
    Object.assign(this, { from, own, relu, adds: Boolean(to) });
    this.to = to ?? new Maps(memory, channels, images, height, width, border, learns);
    this.center = new Float64Array(channels);
    this.scale = new Float64Array(channels);  // 1/deviation
  }

  /** @param {boolean} trains  with the statistics of this batch, else with the running ones @param {?Maps} added */
  forward(count, trains, added = this.adds ? this.to : null) {
    const { from, to, own, center, scale, relu } = this;
    const more = added?.values.data;
    const floor = relu ? 0 : -Infinity;
    this.trains = trains;
    if (trains) this.measure(count);
    for (let c = 0; c < from.channels; c++) {
      if (!trains) [center[c], scale[c]] = [own.mean[c], 1 / Math.sqrt(own.variance[c] + EPS)];
      const gain = own.weight.data[c] * scale[c];
      const shift = own.bias.data[c] - gain * center[c];
      for (let image = 0; image < count; image++) {
        let [a, b] = [from.start(c, image), to.start(c, image)];
        for (let y = 0; y < from.height; y++, a += from.row, b += to.row) {
          if (more) addRow(more, b, to.values.data, b, from.values.data, a, from.width, gain, shift, floor);
          else scaleRow(from.values.data, a, to.values.data, b, from.width, gain, shift, floor);
        }
      }
    }
  }

  /** Mean and variance of each channel over the batch; updates the running ones by a tenth of the difference. */
  measure(count) {
    const { from, own, center, scale } = this;
    const values = from.values.data;
    const n = count * from.height * from.width;
    for (let c = 0; c < from.channels; c++) {
      const first = from.start(c, 0);  // output of a convolution: no border, one run of numbers
      let sum = 0;
      for (let i = first; i < first + n; i++) sum += values[i];
      const mean = sum / n;
      let squares = 0;
      for (let i = first; i < first + n; i++) squares += (values[i] - mean) * (values[i] - mean);
      [center[c], scale[c]] = [mean, 1 / Math.sqrt(squares / n + EPS)];
      own.mean[c] += MOMENTUM * (mean - own.mean[c]);
      own.variance[c] += MOMENTUM * (squares / Math.max(1, n - 1) - own.variance[c]);
    }
    own.batches[0] += 1;
  }

  /** Computes the gradient of `from` from that of `to`, to which ReLU has already been applied. */
  backward(count, learns) {
    const { from, to, own, center, scale } = this;
    const [values, back, grads] = [from.values.data, from.grads.data, to.grads.data];
    const [width, n] = [from.width, count * from.height * from.width];
    for (let c = 0; c < from.channels; c++) {
      const [middle, narrow] = [center[c], scale[c]];
      let [sum, product] = [0, 0];
      for (let image = 0; image < count && (this.trains || learns); image++) {
        let [a, b] = [from.start(c, image), to.start(c, image)];
        for (let y = 0; y < from.height; y++, b += to.row - width) {
          for (const end = a + width; a < end; a++, b++) {
            sum += grads[b];
            product += grads[b] * (values[a] - middle);
          }
        }
      }
      if (learns) [own.weight.grad[c], own.bias.grad[c]] = [product * narrow, sum];
      const gain = own.weight.data[c] * narrow;
      const level = this.trains ? sum / n : 0;
      const tilt = this.trains ? product * narrow * narrow / n : 0;
      for (let image = 0; image < count; image++) {
        let [a, b] = [from.start(c, image), to.start(c, image)];
        for (let y = 0; y < from.height; y++, b += to.row - width) {
          for (const end = a + width; a < end; a++, b++) {
            back[a] = gain * (grads[b] - level - tilt * (values[a] - middle));
          }
        }
      }
    }
  }
}

function scaleRow(from, a, to, b, width, gain, shift, floor) {
  for (const end = a + width; a < end; a++, b++) {
    const value = from[a] * gain + shift;
    to[b] = value < floor ? floor : value;  // not Math.max, which would hide NaN
  }
}

function addRow(more, at, to, b, from, a, width, gain, shift, floor) {
  for (const end = a + width; a < end; a++, b++, at++) {
    const value = from[a] * gain + shift + more[at];
    to[b] = value < floor ? floor : value;
  }
}
