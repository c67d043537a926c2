// Decodes the bytes that Python sends into tables of numbers. Pure functions; the Python code defines the layouts.

/**
 * @typedef {DataView | ArrayBuffer | Uint8Array | string | null | undefined} Blob  a string is base64 (standalone page)
 * @typedef {object} Curves
 * @property {Float32Array} first  step of each point (1-based)
 * @property {Float32Array} last  equal to `first` unless a point covers several steps
 * @property {Float32Array} lowest  loss of these steps
 * @property {Float32Array} highest
 * @property {Float32Array} smoothed  loss at the last of them
 * @property {Float32Array[]} rates  learning rate of each group
 * @property {Float32Array} momentum  NaN: none
 * @typedef {object} WeightChange
 * @property {Float32Array} step
 * @property {Float32Array[]} moved  ||w - w0|| / ||w0|| of each group
 * @property {Float32Array[]} summed  cumulative learning rate of each group
 * @typedef {{step: number, scale: number, change: Int8Array}} FilterRecord  weights = start + scale * change
 * @typedef {{start: Float32Array, records: FilterRecord[]}} FilterHistory
 */

/** @param {Blob} blob @returns {Uint8Array} */
export function toBytes(blob) {
  if (!blob) return new Uint8Array(0);
  if (typeof blob === 'string') return Uint8Array.from(atob(blob), letter => letter.charCodeAt(0));
  if (blob instanceof ArrayBuffer) return new Uint8Array(blob);
  return new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength);
}

/** A table stored column by column. @param {Blob} blob @returns {Float32Array[]} its columns */
export function readColumns(blob, count) {
  const bytes = toBytes(blob).slice();  // the copy is aligned to 4 bytes, as Float32Array requires
  const rows = Math.floor(bytes.length / (4 * count));
  return Array.from({ length: count }, (_, column) => new Float32Array(bytes.buffer, 4 * rows * column, rows));
}

/** @param {Blob} blob @param {number} groups @returns {Curves} */
export function readCurves(blob, groups) {
  const [first, last, lowest, highest, smoothed, ...rest] = readColumns(blob, 5 + groups + 1);
  return { first, last, lowest, highest, smoothed, rates: rest.slice(0, groups), momentum: rest[groups] };
}

/** @param {Blob} blob @param {number} groups @returns {WeightChange} */
export function readWeightChange(blob, groups) {
  const [step, ...rest] = readColumns(blob, 1 + 2 * groups);
  return { step, moved: rest.slice(0, groups), summed: rest.slice(groups) };
}

/** @param {Uint8Array} bytes whole records of `size` weights each @returns {FilterRecord[]} */
function readRecords(bytes, size) {
  const length = 8 + Math.ceil(size / 4) * 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / length) }, (_, i) => ({
    step: view.getFloat32(i * length, true),
    scale: view.getFloat32(i * length + 4, true),
    change: new Int8Array(bytes.buffer, bytes.byteOffset + i * length + 8, size),
  }));
}

/** @param {Blob} blob @param {number} size  number of all weights @returns {FilterHistory | null} null: not sent yet */
export function readFilterHistory(blob, size) {
  const bytes = toBytes(blob).slice();
  if (!size || bytes.length < 4 * size) return null;
  return { start: new Float32Array(bytes.buffer, 0, size), records: readRecords(bytes.subarray(4 * size), size) };
}

/**
 * The history with one more record, unless that is older than the last one.
 * @param {FilterHistory | null} filterHistory
 * @param {Blob} blob
 */
export function addFilterRecord(filterHistory, blob) {
  const [added] = filterHistory ? readRecords(toBytes(blob).slice(), filterHistory.start.length) : [];
  if (!added || added.step < (filterHistory.records.at(-1)?.step ?? 0)) return filterHistory;
  const earlier = filterHistory.records.filter(record => record.step < added.step);
  return { start: filterHistory.start, records: [...earlier, added] };
}

/** The newest record at `step`. @returns {FilterRecord | null} null: unchanged since the start */
export function recordAt(filterHistory, step) {
  return filterHistory.records.findLast(record => record.step <= step) ?? null;
}

/** w - w0 of every weight. @param {FilterRecord | null} record @returns {Float32Array} */
export function changeOf(filterHistory, record) {
  if (!record) return new Float32Array(filterHistory.start.length);
  return Float32Array.from(record.change, change => change * record.scale);
}

/** @param {FilterRecord | null} record @returns {Float32Array} all weights at that record */
export function weightsOf(filterHistory, record) {
  const { start } = filterHistory;
  return record ? start.map((weight, i) => weight + record.scale * record.change[i]) : start;
}

/** ||w - w0|| / ||w0|| of one filter. @param {FilterRecord | null} record @param {number} size weights per filter */
export function filterMovement(filterHistory, record, filter, size) {
  if (!record) return 0;
  let [change, start] = [0, 0];
  for (let i = filter * size; i < (filter + 1) * size; i++) {
    change += (record.change[i] * record.scale) ** 2;
    start += filterHistory.start[i] ** 2;
  }
  return start > 0 ? Math.sqrt(change / start) : 0;
}
