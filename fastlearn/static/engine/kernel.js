// The WebAssembly kernel (kernel.wat) and the memory that it works on.

/** kernel.wat, assembled: node tools/kernel.mjs */
const KERNEL =
  'AGFzbQEAAAABEgJgBX9/f39/AGAGf39/f39/AAISAQZlbmdpbmUGbWVtb3J5AgABAwQDAAABBx8DBmdhdGhlcgAAB3NjYXR0ZXIAAQhtdWx0aXBs' +
  'eQACCvUGA6sCAQp/IAEgBCgCAGohByABIAQoAgRqIQggASAEKAIIaiEJIAEgBCgCDGohCiABIAQoAhBqIQsgASAEKAIUaiEMIAEgBCgCGGohDSAB' +
  'IAQoAhxqIQ4gAiADQQJ0aiEGIA4gB2tBHEYEQANAIAcgAigCAGohBSAAIAX9AAQA/QsEACAAIAX9AAQQ/QsEECAAQSBqIQAgAkEEaiECIAIgBkkN' +
  'AAsFA0AgAigCACEFIAAgByAFaioCADgCACAAIAggBWoqAgA4AgQgACAJIAVqKgIAOAIIIAAgCiAFaioCADgCDCAAIAsgBWoqAgA4AhAgACAMIAVq' +
  'KgIAOAIUIAAgDSAFaioCADgCGCAAIA4gBWoqAgA4AhwgAEEgaiEAIAJBBGohAiACIAZJDQALCwvNAQEEfyACIANBAnRqIQYgBCgCHCAEKAIAa0Ec' +
  'RgRAIAEgBCgCAGohAQNAIAEgAigCAGohBSAFIAX9AAQAIAD9AAQA/eQB/QsEACAFIAX9AAQQIAD9AAQQ/eQB/QsEECAAQSBqIQAgAkEEaiECIAIg' +
  'BkkNAAsFA0AgASACKAIAaiEFQQAhBwNAIAUgBCAHaigCAGohCCAIIAgqAgAgACAHaioCAJI4AgAgB0EEaiEHIAdBIEkNAAsgAEEgaiEAIAJBBGoh' +
  'AiACIAZJDQALCwv2AgIFfwt7IAEgBEEFdGohCgNAIAIgBWohBiAGIAVqIQcgByAFaiEIIAL9AAQAIQ4gAv0ABBAhDyAG/QAEACEQIAb9AAQQIREg' +
  'B/0ABAAhEiAH/QAEECETIAj9AAQAIRQgCP0ABBAhFSABIQkDQCAJ/QAEACELIAn9AAQQIQwgAP0JAgAhDSAOIA0gC/3mAf3kASEOIA8gDSAM/eYB' +
  '/eQBIQ8gAP0JAgQhDSAQIA0gC/3mAf3kASEQIBEgDSAM/eYB/eQBIREgAP0JAgghDSASIA0gC/3mAf3kASESIBMgDSAM/eYB/eQBIRMgAP0JAgwh' +
  'DSAUIA0gC/3mAf3kASEUIBUgDSAM/eYB/eQBIRUgAEEQaiEAIAlBIGohCSAJIApJDQALIAIgDv0LBAAgAiAP/QsEECAGIBD9CwQAIAYgEf0LBBAg' +
  'ByAS/QsEACAHIBP9CwQQIAggFP0LBAAgCCAV/QsEECAIIAVqIQIgA0EBayEDIAMNAAsL';

const PAGE = 65536;  // bytes, WebAssembly's unit

/** @typedef {{at: number, length: number, data: Float32Array | Int32Array}} Block  `at`: address in bytes */

/** Memory for one network: reserve every block first, then `commit` allocates them all at once. */
export class KernelMemory {
  constructor() { [this.blocks, this.end] = [[], 1024]; }

  /** @param {number} length  numbers of 4 bytes @param {Function} kind  their array @returns {Block} */
  reserve(length, kind = Float32Array) {
    const block = { at: this.end, length, kind, data: null };
    this.end += Math.ceil((4 * length) / 16) * 16;  // every block begins where four numbers can be loaded at once
    this.blocks.push(block);
    return block;
  }

  commit() {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(this.end / PAGE) + 1 });
    const bytes = Uint8Array.from(atob(KERNEL), letter => letter.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { engine: { memory } });
    for (const block of this.blocks) block.data = new block.kind(memory.buffer, block.at, block.length);
    Object.assign(this, exports);  // gather, scatter, multiply
  }
}
