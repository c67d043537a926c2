// Files of weights in the safetensors format, as fastlearn/core/tensor_files.py writes and reads them.
import { sha256 } from './sha256.js'

const FORMAT = 'fastlearn-model-1';
const NAMES = { F32: 'torch.float32', F16: 'torch.float16', I64: 'torch.int64' };  // their names in the fingerprint
const LONGEST_HEADER = 2 ** 22;  // bytes

/** float16 as float32. @param {number} half  its 16 bits */
function fromHalf(half) {
  const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

const READERS = {
  F32: bytes => new Float32Array(bytes.slice().buffer),
  F16: bytes => Float32Array.from(new Uint16Array(bytes.slice().buffer), fromHalf),
  I64: bytes => Float64Array.from(new BigInt64Array(bytes.slice().buffer), Number),
};
const BYTES = { F32: 4, F16: 2, I64: 8 };

const isCount = value => Number.isInteger(value) && value >= 0;

/** Throws an Error unless the entry of a header is valid in a file with `size` bytes of numbers. */
function checkEntry(name, entry, size) {
  const { dtype, shape, data_offsets: places } = entry ?? {};
  if (!Object.hasOwn(READERS, dtype ?? '')) {
    throw new Error(`${name} holds numbers of type ${dtype}; expected F16, F32 or I64`);
  }
  const areCounts = [shape, places].every(list => Array.isArray(list) && list.every(isCount));
  if (!areCounts) throw damaged(`${name} has no valid shape or offsets`);
  const [from, to] = places;
  if (!(from <= to && to <= size)) throw damaged(`${name} ends outside the file`);
  const count = shape.reduce((a, b) => a * b, 1);
  if (to - from !== count * BYTES[dtype]) throw damaged(`${name} has more or fewer numbers than its shape`);
}

const damaged = why => new Error(`this is not a complete safetensors file (${why}); copy or download it again`);

/**
 * @param {Uint8Array} bytes
 * @returns {{tensors: Record<string, {shape: number[], data: Float32Array, dtype: string, bytes: Uint8Array}>,
 *   metadata: Record<string, string>}}
 */
export function readTensors(bytes) {
  if (bytes.length < 8) throw damaged(`${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const most = Math.min(LONGEST_HEADER, bytes.length - 8);
  if (length > most) throw damaged(`its header would have ${length} bytes`);
  let header = null;
  try { header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))); } catch { /* reported below */ }
  if (!header || typeof header !== 'object') throw damaged('its header cannot be read');
  const { __metadata__: metadata, ...entries } = header;
  const numbers = bytes.subarray(8 + length);
  for (const [name, entry] of Object.entries(entries)) checkEntry(name, entry, numbers.length);
  const used = Object.values(entries).reduce((sum, { data_offsets: [from, to] }) => sum + to - from, 0);
  if (used > numbers.length) throw damaged('its numbers overlap');  // they would be copied many times
  const tensors = Object.fromEntries(Object.entries(entries).map(([name, { dtype, shape, data_offsets: place }]) => {
    const own = numbers.subarray(...place);
    return [name, { shape, data: READERS[dtype](own), dtype, bytes: own }];
  }));
  return { tensors, metadata: metadata ?? {} };
}

/** JSON as Python's `json.dumps` writes it by default: spaces, and every letter beyond ASCII as an escape. */
export function pythonJson(value) {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value && typeof value === 'object') {
    const items = Object.entries(value).map(([key, item]) => `${pythonJson(key)}: ${pythonJson(item)}`);
    return `{${items.join(', ')}}`;
  }
  const escape = letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape);
}

const encode = text => new TextEncoder().encode(text);
const byName = (a, b) => (a.name < b.name ? -1 : 1);

/** A hash that changes whenever the text, a name, a shape, or a number changes. */
function fingerprint(text, entries) {
  const marks = [...entries].sort(byName).flatMap(({ name, dtype, shape, bytes }) => {
    return [encode(pythonJson([name, NAMES[dtype], shape])), bytes];
  });
  return `sha256:${sha256([encode(FORMAT + text), ...marks])}`;
}

/** The file that `load_learner` opens. @param {object} about  see fastlearn/inference/export.py */
export function writeModel(about, tensors) {
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => {
    const isCount = data instanceof Float64Array;  // BatchNorm's counters
    const numbers = isCount ? BigInt64Array.from(data, BigInt) : data;
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    return { name, shape, dtype: isCount ? 'I64' : 'F32', bytes };
  });
  const text = JSON.stringify(about);
  const metadata = { format: FORMAT, about: text, fingerprint: fingerprint(text, entries) };
  entries.sort((a, b) => b.dtype.localeCompare(a.dtype) || byName(a, b));  // the longer numbers first: aligned
  let end = 0;
  const places = entries.map(({ name, dtype, shape, bytes }) => {
    return [name, { dtype, shape, data_offsets: [end, end += bytes.length] }];
  });
  const header = encode(JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...places])));
  const length = Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(8 + length + end).fill(32, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(header, 8);
  entries.forEach(({ bytes }, i) => file.set(bytes, 8 + length + places[i][1].data_offsets[0]));
  return file;
}

/** Reads the description in a file from `learn.export`. Throws an Error for another kind of file, or a changed one. */
export function readModel(bytes) {
  const { tensors, metadata } = readTensors(bytes);
  if (metadata.format !== FORMAT) {
    const found = metadata.format ? `the format ${metadata.format}` : 'no format';
    throw new Error(`this file has ${found}; expected ${FORMAT}, `
                    + 'the format that learn.export() writes');
  }
  const entries = Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
  if (fingerprint(metadata.about, entries) !== metadata.fingerprint) {
    throw new Error('this file was changed after it was written; copy or download it again');
  }
  return { about: JSON.parse(metadata.about), tensors };
}
