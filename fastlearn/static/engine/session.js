// The workers of a page: one leads, the others help with every batch.
import { part } from './parts.js'

const MOST_LANES = 4;
export const NO_WORKERS = 'Training does not work on a page that is opened as a file in this browser. '
  + "In the page's folder, run python -m http.server, and open http://127.0.0.1:8000.";

async function startWorker() {
  const url = URL.createObjectURL(new Blob([`(${await part('worker')})()`], { type: 'text/javascript' }));
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  try { return new Worker(url); } catch { throw new Error(NO_WORKERS); }
}

/** Waits until the page has drawn several frames; a hidden page draws none, so not longer than 0.2 s. */
function untilDrawn(frames = 5) {
  return new Promise(resolve => {
    const next = left => (left ? requestAnimationFrame(() => next(left - 1)) : resolve());
    next(frames);
    setTimeout(resolve, 200);
  });
}

export class Session {
  /** @param {number} lanes  workers that share a batch */
  constructor(lanes = Math.min(MOST_LANES, navigator.hardwareConcurrency || 1)) {
    Object.assign(this, { lanes, helpers: [], waiting: new Map(), count: 0, leader: null });
  }

  async start() {
    if (this.leader) return;
    this.leader = await startWorker();
    this.leader.onmessage = ({ data }) => this.hear(data);
    this.leader.onerror = event => this.fail(event.message ? `The engine failed: ${event.message}` : NO_WORKERS);
  }

  hear(message) {
    if (message.kind === 'traits') { this.show(message.traits); return; }
    const { resolve, reject } = this.waiting.get(message.id) ?? {};
    this.waiting.delete(message.id);
    if (message.error) reject?.(new Error(message.error)); else resolve?.(message);
  }

  /** Passes traits on; the worker waits until the first ones are drawn. */
  async show(traits) {
    this.onTraits?.(traits);
    if (this.isDrawn) return;
    this.isDrawn = true;
    await untilDrawn();
    this.leader?.postMessage({ kind: 'drawn' });
  }

  fail(said) {
    for (const { reject } of this.waiting.values()) reject(new Error(said));
    this.waiting.clear();
  }

  /** Sends a message and waits for its answer. */
  async ask(message, transferred = []) {
    await this.start();
    const id = ++this.count;
    const answered = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.leader.postMessage({ ...message, id }, transferred);
    return answered;
  }

  /**
   * Trains, and passes the dashboard's traits to `onTraits` during the run.
   * @param {{setup, images, indices, options, facts}} wanted  see `train` in worker.js
   * @param {ArrayBuffer[]} [given]  buffers of `wanted` that the page no longer needs: moved, not copied
   */
  async train(wanted, onTraits, given = []) {
    const { indices, options } = wanted;
    Object.assign(this, { onTraits, isDrawn: false });
    const batch = Math.min(options.batch, indices.train.length);
    const lanes = Math.max(1, Math.min(this.lanes, Math.floor(batch / 8)));
    const ports = [];
    for (let i = 1; i < lanes; i++) {
      const { port1, port2 } = new MessageChannel();
      const helper = await startWorker();
      helper.postMessage({ kind: 'help', port: port1 }, [port1]);
      this.helpers.push(helper);
      ports.push(port2);
    }
    try {
      return await this.ask({ kind: 'train', ...wanted, ports, isWatched: true }, [...ports, ...given]);
    } finally { this.freeHelpers(); }
  }

  stop() { this.leader?.postMessage({ kind: 'stop' }); }

  freeHelpers() {
    for (const helper of this.helpers) helper.terminate();
    this.helpers = [];
  }

  /** Ends all workers and releases their memory. */
  close() {
    this.freeHelpers();
    this.leader?.terminate();
    this.leader = null;
    this.fail('the run was stopped');
  }
}
