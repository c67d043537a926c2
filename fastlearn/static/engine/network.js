// resnet10 with fastai's head: the weights by name, forward, loss, backward. In Python: fastlearn/models.py
// and fastlearn/head.py.
import { BatchNorm } from './batch_norm.js'
import { Convolution, Scratch } from './convolution.js'
import { KernelMemory } from './kernel.js'
import { ConcatPool, Dropout, Maps, MaxPool, reluBackward } from './maps.js'
import { softmaxLoss } from './loss.js'

/** A residual block: two 3 x 3 convolutions and a shortcut around them. */
class Block {
  constructor(make, name, from, stride) {
    const outputs = make.state.get(`${name}.conv1.weight`).shape[0];
    this.from = from;
    this.conv1 = make.conv(`${name}.conv1`, from, { stride, padding: 1 });
    this.norm1 = make.norm(`${name}.bn1`, this.conv1.to, { border: 1, relu: true });
    this.conv2 = make.conv(`${name}.conv2`, this.norm1.to, { padding: 1 });
    const isSame = stride === 1 && from.channels === outputs;
    this.around = isSame ? null : make.conv(`${name}.shortcut.0`, from, { stride });
    this.norm = isSame ? null : make.norm(`${name}.shortcut.1`, this.around.to, { border: 1 });
    this.norm2 = make.norm(`${name}.bn2`, this.conv2.to, { border: 1, relu: true, to: this.norm?.to });
    this.to = this.norm2.to;
  }

  forward(count, trainsNorms) {
    this.conv1.forward(count);
    this.norm1.forward(count, trainsNorms);
    this.conv2.forward(count);
    this.around?.forward(count);
    this.norm?.forward(count, trainsNorms);
    this.norm2.forward(count, trainsNorms, this.norm ? this.to : this.from);
  }

  backward(count, learns, normsLearn) {
    reluBackward(this.to);
    this.norm2.backward(count, normsLearn);
    const [back, inner] = [this.from.grads.data, this.norm1.to];
    back.fill(0);
    if (this.norm) {
      this.norm.backward(count, normsLearn);
      this.around.backward(count, learns);
    } else for (let i = 0, grads = this.to.grads.data; i < grads.length; i++) back[i] = grads[i];
    inner.grads.data.fill(0);
    this.conv2.backward(count, learns);
    reluBackward(inner);
    this.norm1.backward(count, normsLearn);
    this.conv1.backward(count, learns);
  }
}

/** The network, for batches of up to `images` squares of `size` pixels. */
export class Network {
  /** @param {import('./state.js').State} state  its weights */
  constructor(state, images, size) {
    const [memory, layers] = [new KernelMemory(), []];
    const scratch = new Scratch(memory);
    const keep = layer => { layers.push(layer); return layer; };
    const make = {
      state,
      conv: (name, from, options) => keep(new Convolution(memory, scratch, from, state.get(`${name}.weight`), options)),
      norm: (name, from, options) => new BatchNorm(memory, from, state.norm(name), options),
    };
    Object.assign(this, { memory, state, images, size });
    this.input = new Maps(memory, 3, images, size, size, 3, false);
    this.conv1 = make.conv('0.conv1', this.input, { stride: 2, padding: 3, reaches: false });
    this.norm1 = make.norm('0.bn1', this.conv1.to, { border: 1, relu: true });
    this.pool = new MaxPool(memory, this.norm1.to, 1);
    this.blocks = [[1, 1], [2, 2], [3, 2]].reduce((blocks, [number, stride]) => {
      return [...blocks, new Block(make, `0.layer${number}`, blocks.at(-1)?.to ?? this.pool.to, stride)];
    }, []);
    this.ends = new ConcatPool(memory, this.blocks.at(-1).to);
    this.norm2 = make.norm('1.2', this.ends.to);
    this.drop1 = new Dropout(this.norm2.to);
    this.linear1 = make.conv('1.4', this.norm2.to);
    this.norm3 = make.norm('1.6', this.relu = this.linear1.to);
    this.drop2 = new Dropout(this.norm3.to);
    this.linear2 = make.conv('1.8', this.norm3.to);
    this.logits = this.linear2.to;
    scratch.reserve();
    memory.commit();
    for (const layer of layers) layer.prepare();
  }

  /**
   * @param {number} count  images in `input`
   * @param {{trains?: boolean[], norms?: boolean[], dropout?: number, random?: () => number}} mode  of each group:
   *   whether its weights learn, whether its BatchNorm layers are in training mode; without it: evaluation
   */
  forward(count, { norms = [], dropout = 0, random = null } = {}) {
    this.count = count;
    this.conv1.forward(count);
    this.norm1.forward(count, norms[0]);
    this.pool.forward(count);
    this.blocks.forEach((block, i) => block.forward(count, norms[i < 2 ? 0 : 1]));
    this.ends.forward(count);
    this.norm2.forward(count, norms[2]);
    this.drop1.forward(dropout / 2, random);
    this.linear1.forward(count);
    const hidden = this.relu.values.data;
    for (let i = 0; i < hidden.length; i++) if (hidden[i] < 0) hidden[i] = 0;
    this.norm3.forward(count, norms[2]);
    this.drop2.forward(dropout, random);
    this.linear2.forward(count);
    return this.logits;
  }

  /** Gradients of all trained weights, from that of the logits. @param {boolean[]} trains, norms: see above */
  backward({ trains, norms }) {
    const { count, blocks } = this;
    const learning = trains.map((learns, i) => learns || norms[i]);
    for (const maps of [this.norm3.to, this.norm2.to]) maps.grads.data.fill(0);
    this.linear2.backward(count, trains[2]);
    this.drop2.backward();
    this.norm3.backward(count, learning[2]);
    reluBackward(this.relu);
    this.linear1.backward(count, trains[2]);
    this.drop1.backward();
    this.norm2.backward(count, learning[2]);
    if (!learning[0] && !learning[1]) return;
    this.ends.backward(count);
    blocks[2].backward(count, trains[1], learning[1]);
    if (!learning[0]) return;
    blocks[1].backward(count, trains[0], learning[0]);
    blocks[0].backward(count, trains[0], learning[0]);
    this.pool.backward(count);
    reluBackward(this.norm1.to);
    this.norm1.backward(count, learning[0]);
    this.conv1.backward(count, trains[0]);
  }

  /** Computes loss and gradients of a batch; changes only the statistics of BatchNorm. @returns {number} mean loss */
  gradients(fill, targets, mode) {
    const count = fill(this.input);
    this.forward(count, mode);
    const loss = softmaxLoss(this.logits, targets, true);
    this.backward(mode);
    return loss;
  }
}
