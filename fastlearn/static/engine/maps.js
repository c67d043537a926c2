// Feature maps in the kernel's memory: one channel after another, each with one image after another, with a border of
// zeros around each, so that no loop has to check whether a filter reaches past the edge.

export const upTo = (multiple, number) => Math.ceil(number / multiple) * multiple;

/** The activations of one layer for a whole batch, and the gradients of the loss with respect to them. */
export class Maps {
  /** @param {import('./kernel.js').KernelMemory} memory @param {boolean} learns  whether gradients are needed here */
  constructor(memory, channels, images, height, width, border, learns = true) {
    Object.assign(this, { channels, images, height, width, border });
    this.row = width + 2 * border;
    this.image = (height + 2 * border) * this.row;
    this.channel = upTo(8, images * this.image);        // numbers from one channel to the next
    const length = upTo(4, channels) * this.channel;    // the kernel writes four channels at once
    this.values = memory.reserve(length);
    this.grads = learns ? memory.reserve(length) : null;
  }

  /** Where the first pixel of an image lies, the border left out. */
  start(channel, image) { return channel * this.channel + image * this.image + this.border * (this.row + 1); }
}

/** Sets dOut to 0 where the activation is 0: the backward pass of ReLU. */
export function reluBackward(maps) {
  const [values, grads] = [maps.values.data, maps.grads.data];
  for (let i = 0; i < values.length; i++) if (values[i] <= 0) grads[i] = 0;
}

/** The largest of 3 x 3, at every second position. `from` is the output of ReLU, so its border of zeros never wins. */
export class MaxPool {
  constructor(memory, from, border, learns) {
    const [height, width] = [from.height, from.width].map(side => Math.floor((side - 1) / 2) + 1);
    this.from = from;
    this.to = new Maps(memory, from.channels, from.images, height, width, border, learns);
    this.places = new Int32Array(from.channels * from.images * height * width);  // of the winners
  }

  forward(count) {
    const { from, to, places } = this;
    const [values, out] = [from.values.data, to.values.data];
    for (let c = 0, i = 0; c < from.channels; c++) {
      for (let n = 0; n < count; n++) {
        for (let y = 0; y < to.height; y++) {
          let place = from.start(c, n) + (2 * y - 1) * from.row - 1;
          let at = to.start(c, n) + y * to.row;
          for (let x = 0; x < to.width; x++, place += 2) {
            let best = place;
            for (let down = place, end = place + 3 * from.row; down < end; down += from.row) {
              if (values[down] > values[best]) best = down;
              if (values[down + 1] > values[best]) best = down + 1;
              if (values[down + 2] > values[best]) best = down + 2;
            }
            places[i++] = best;
            out[at++] = values[best];
          }
        }
      }
    }
  }

  backward(count) {
    const { from, to, places } = this;
    const [grads, back] = [to.grads.data, from.grads.data];
    back.fill(0);
    for (let c = 0, i = 0; c < to.channels; c++) {
      for (let n = 0; n < count; n++) {
        for (let y = 0; y < to.height; y++) {
          for (let at = to.start(c, n) + y * to.row, x = 0; x < to.width; x++) back[places[i++]] += grads[at++];
        }
      }
    }
  }
}

/** fastai's pooling: the maximum of every map, then its average. */
export class ConcatPool {
  constructor(memory, from) {
    this.from = from;
    this.to = new Maps(memory, 2 * from.channels, from.images, 1, 1, 0);
    this.places = new Int32Array(from.channels * from.images);
  }

  forward(count) {
    const { from, to } = this;
    const [values, out] = [from.values.data, to.values.data];
    for (let c = 0; c < from.channels; c++) {
      for (let n = 0; n < count; n++) {
        let [best, sum] = [from.start(c, n), 0];
        for (let y = 0, at = best; y < from.height; y++, at += from.row) {
          for (let x = 0; x < from.width; x++) {
            sum += values[at + x];
            if (values[at + x] > values[best]) best = at + x;
          }
        }
        this.places[c * from.images + n] = best;
        out[to.start(c, n)] = values[best];
        out[to.start(from.channels + c, n)] = sum / (from.height * from.width);
      }
    }
  }

  backward(count) {
    const { from, to } = this;
    const [grads, back] = [to.grads.data, from.grads.data];
    const area = from.height * from.width;
    back.fill(0);
    for (let c = 0; c < from.channels; c++) {
      for (let n = 0; n < count; n++) {
        const share = grads[to.start(from.channels + c, n)] / area;
        for (let y = 0, at = from.start(c, n); y < from.height; y++, at += from.row) {
          for (let x = 0; x < from.width; x++) back[at + x] = share;
        }
        back[this.places[c * from.images + n]] += grads[to.start(c, n)];
      }
    }
  }
}

/** Sets random features to zero during training, and scales up the others so that the expected sum stays the same. */
export class Dropout {
  constructor(from) { [this.from, this.kept] = [from, new Float32Array(from.values.length)]; }

  /** @param {() => number} random  0-1; null: nothing is dropped */
  forward(share, random) {
    this.isOn = Boolean(random && share);
    if (!this.isOn) return;
    const values = this.from.values.data;
    for (let i = 0; i < values.length; i++) values[i] *= this.kept[i] = random() < share ? 0 : 1 / (1 - share);
  }

  backward() {
    if (!this.isOn) return;
    const grads = this.from.grads.data;
    for (let i = 0; i < grads.length; i++) grads[i] *= this.kept[i];
  }
}
