// The description of a model in its file, as fastlearn/inference/export.py writes and reads it.

const EPOCH_FIELDS = ['epoch', 'phase', 'train_loss', 'valid_loss', 'error_rate', 'seconds', 'complete'];
const LARGEST = 512;  // pixels of a side; the network keeps hundreds of numbers for each pixel
const NORMALIZE = { name: 'Normalize', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** @param {{vocab: string[], size: number, batch: number, dropout: number, run: ?import('./training.js').Run}} facts */
export function modelAbout({ vocab, size, batch, dropout, run }) {
  const head = { features: 256, outputs: vocab.length, hidden: 512, dropout, pool: true, y_range: null };
  const epochs = (run?.epochs ?? []).map(row => EPOCH_FIELDS.map(name => row[name]));
  return {
    network: { arch: 'resnet10', cut: 'avgpool', image_size: null, head },
    task: { kind: 'single', vocab, outputs: vocab.length },
    pictures: { item_tfms: [{ name: 'Resize', size, method: 'crop', pad_mode: 'reflection' }], batch_tfms: [],
                normalize: NORMALIZE, batch_size: batch },
    loss: { name: 'CrossEntropy', weight: null, label_smoothing: 0 }, precision: 'float32',
    history: { steps: run?.losses.length ?? 0, images: (run?.losses.length ?? 0) * batch, columns: EPOCH_FIELDS, epochs,
               events: run?.events ?? [] },
    versions: { fastlearn: 'in the browser' },
  };
}

/**
 * What the page needs to know to use a model that `learn.export` wrote.
 * @returns {{vocab: string[], size: number}} Throws an Error for a model that this engine cannot run.
 */
export function describeModel(about) {
  const { network, task, pictures } = about ?? {};
  const can = "the page runs resnet10 models with fastai's head, one class per image, and images resized by Resize";
  const cannot = why => new Error(`this model ${why}; ${can}`);
  if (network?.arch !== 'resnet10') throw cannot(`is a ${network?.arch ?? network?.own ?? 'network without a name'}`);
  const { hidden, pool, y_range: range } = network.head ?? {};
  if (hidden !== 512 || !pool || range) throw cannot('has a different head');
  if (task?.kind !== 'single') throw cannot('does not predict one class per image');
  const names = Array.isArray(task.vocab) ? task.vocab : [];
  if (!names.length || names.some(name => !['string', 'number', 'boolean'].includes(typeof name))) {
    throw cannot('does not name its classes');
  }
  const [resize, ...others] = Array.isArray(pictures?.item_tfms) ? pictures.item_tfms : [];
  const sides = [resize?.size].flat();
  const isSquare = sides.length <= 2 && sides.every(side => Number.isInteger(side) && side === sides[0]);
  if (isSquare && !(sides[0] >= 1 && sides[0] <= LARGEST)) throw cannot(`needs images of ${sides[0]} pixels a side`);
  if (!isSquare || others.length || resize.name !== 'Resize' || resize.method !== 'crop') {
    throw cannot('prepares images in a different way');
  }
  if (['mean', 'std'].some(name => String(pictures.normalize?.[name]) !== String(NORMALIZE[name]))) {
    throw cannot('normalizes colors in a different way');
  }
  const text = value => (value === true ? 'True' : value === false ? 'False' : String(value));  // as Python writes it
  return { vocab: names.map(text), size: sides[0] };
}
