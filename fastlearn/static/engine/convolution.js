// A convolution as a matrix product, forward and backward. A linear layer is a 1 x 1 convolution on one-pixel images.
import { Maps, upTo } from './maps.js'

const DEPTH = 256;  // pixels per part of the weight gradient, so that their columns stay in the cache

/** Memory that several layers use one after the other. */
export class Scratch {
  constructor(memory) { [this.memory, this.wanted, this.blocks] = [memory, {}, {}]; }
  need(name, length) { this.wanted[name] = Math.max(this.wanted[name] ?? 0, length); }
  reserve() {
    for (const [name, length] of Object.entries(this.wanted)) this.blocks[name] = this.memory.reserve(length);
  }
}

export class Convolution {
  /**
   * @param {import('./kernel.js').KernelMemory} memory
   * @param {Scratch} scratch
   * @param {Maps} from
   * @param {{data: Float32Array, grad: Float32Array, shape: number[]}} weight  (outputs, inputs, side, side)
   * @param {{stride?: number, padding?: number, reaches?: boolean}} options  reaches: the gradient goes on to `from`
   */
  constructor(memory, scratch, from, weight, { stride = 1, padding = 0, reaches = true } = {}) {
    const [outputs, inputs, side = 1] = weight.shape;
    const [height, width] = [from.height, from.width].map(old => Math.floor((old + 2 * padding - side) / stride) + 1);
    Object.assign(this, { memory, scratch, from, weight, outputs, reaches, fan: inputs * side * side });
    this.to = new Maps(memory, outputs, from.images, height, width, 0);
    this.pixels = from.images * height * width;
    this.area = height * width;
    const [rows, deep] = [upTo(4, outputs), upTo(8, this.fan)];
    this.rows = memory.reserve(deep, Int32Array);       // offset in `from` of each weight of a filter
    this.columns = memory.reserve(upTo(8, this.pixels), Int32Array);  // and of each position of the filter
    this.shifts = { side, stride, shift: from.border - padding };
    this.channels = memory.reserve(outputs, Int32Array);  // the same two tables for the output
    this.neighbors = memory.reserve(8, Int32Array);
    this.packed = memory.reserve(rows * this.fan);      // the weights, four filters side by side
    this.gradient = memory.reserve(rows * deep);
    scratch.need('columns', 8 * Math.max(deep, DEPTH, outputs));
    scratch.need('tile', 8 * upTo(4, this.fan));
    scratch.need('across', rows * Math.max(DEPTH, this.fan));
    scratch.need('turned', upTo(4, this.fan) * rows);
  }

  /** Fills the tables of offsets, once the memory is allocated. */
  prepare() {
    const { from, to, rows: { data: rows }, columns: { data: columns }, shifts: { side, stride, shift } } = this;
    for (let k = 0; k < this.fan; k++) {
      const [c, y, x] = [Math.floor(k / side ** 2), Math.floor(k / side) % side, k % side];
      rows[k] = 4 * (c * from.channel + (y + shift) * from.row + x + shift);
    }
    for (let c = 0; c < this.outputs; c++) this.channels.data[c] = 4 * c * to.channel;
    for (let j = 0; j < 8; j++) this.neighbors.data[j] = 4 * j;
    for (let i = 0; i < this.pixels; i++) {
      const [n, y, x] = [Math.floor(i / this.area), Math.floor(i / to.width) % to.height, i % to.width];
      columns[i] = 4 * (n * from.image + y * stride * from.row + x * stride);
    }
  }

  /** `weights` (rows, depth) as blocks of four rows, number after number. */
  static pack(weights, rows, depth, packed) {
    for (let row = 0; row < rows; row++) {
      let to = (row - row % 4) * depth + row % 4;
      for (let k = row * depth, end = k + depth; k < end; k++, to += 4) packed[to] = weights[k];
    }
  }

  forward(count) {
    const { memory, from, to, fan, rows, columns, packed, scratch: { blocks } } = this;
    Convolution.pack(this.weight.data, this.outputs, fan, packed.data);
    to.values.data.fill(0);
    const blocksOfFour = upTo(4, this.outputs) / 4;
    for (let i = 0; i < count * this.area; i += 8) {
      memory.gather(blocks.columns.at, from.values.at, rows.at, fan, columns.at + 4 * i);
      memory.multiply(packed.at, blocks.columns.at, to.values.at + 4 * i, blocksOfFour, fan, 4 * to.channel);
    }
  }

  /** Computes the gradient of the weights from that of the output, and adds to the gradient of the input. */
  backward(count, learns) {
    if (learns) this.weightGradient(count);
    if (this.reaches) this.inputGradient(count);
  }

  weightGradient(count) {
    const { memory, from, to, fan, rows, columns, gradient, scratch: { blocks } } = this;
    const [outputs, deep, pixels] = [this.outputs, upTo(8, fan), count * this.area];
    const [grads, across] = [to.grads.data, blocks.across.data];
    gradient.data.fill(0);
    for (let first = 0; first < pixels; first += DEPTH) {
      const depth = Math.min(DEPTH, pixels - first);
      for (let c = 0; c < outputs; c++) {
        let at = (c - c % 4) * depth + c % 4;
        for (let i = c * to.channel + first, end = i + depth; i < end; i++, at += 4) across[at] = grads[i];
      }
      for (let k = 0; k < deep; k += 8) {
        memory.gather(blocks.columns.at, from.values.at, columns.at + 4 * first, depth, rows.at + 4 * k);
        const place = gradient.at + 4 * k;
        memory.multiply(blocks.across.at, blocks.columns.at, place, upTo(4, outputs) / 4, depth, 4 * deep);
      }
    }
    for (let c = 0; c < outputs; c++) {
      this.weight.grad.set(gradient.data.subarray(c * deep, c * deep + fan), c * fan);
    }
  }

  inputGradient(count) {
    const { memory, from, to, fan, outputs, rows, columns, weight, scratch: { blocks } } = this;
    const [turned, tile] = [blocks.turned.data, blocks.tile.data];
    for (let k = 0; k < fan; k++) {
      let at = (k - k % 4) * outputs + k % 4;
      for (let c = 0; c < outputs; c++, at += 4) turned[at] = weight.data[c * fan + k];
    }
    for (let i = 0; i < count * this.area; i += 8) {
      memory.gather(blocks.columns.at, to.grads.at + 4 * i, this.channels.at, outputs, this.neighbors.at);
      tile.fill(0, 0, 8 * upTo(4, fan));
      memory.multiply(blocks.turned.at, blocks.columns.at, blocks.tile.at, upTo(4, fan) / 4, outputs, 32);
      memory.scatter(blocks.tile.at, from.grads.at, rows.at, fan, columns.at + 4 * i);
    }
  }
}
