// The worker that trains a network: it leads a run or helps with one. The page sends messages and gets the dashboard's
// traits; nothing here depends on the page.
import { fromBase64 } from './base64.js'
import { decodeImage, unpackImages } from './decode_image.js'
import { findProblems, smallImage } from './findings.js'
import { DistantLane, HelpingLane, Lane, Team } from './lane.js'
import { describeModel, modelAbout } from './model_about.js'
import { fineTunePhases, fromScratchPhases } from './optimizer.js'
import { softmax } from './loss.js'
import { randomFrom } from './random.js'
import { Recorder } from './record.js'
import { State } from './state.js'
import { readModel, readTensors, writeModel } from './tensor_file.js'
import { evaluate, Run } from './training.js'

/** The initial weights: random; or a pretrained body (base64) and a random head. */
function startState({ classes, weights = null, seed }) {
  const state = new State(classes).randomize(randomFrom(seed));
  return weights ? state.fill(readTensors(fromBase64(weights)).tensors, '0.') : state;
}

const [ENOUGH, HEAD_STEPS] = [9, 25];

/** Epochs of the head alone: one, or, with few images, as many as it needs for 25 steps. @see head_epochs in Python */
const headEpochs = steps => (steps >= ENOUGH ? 1 : Math.ceil(HEAD_STEPS / Math.max(1, steps)));

const phasesOf = ({ isScratch, isFrozenFirst, epochs, rate, trainBn }, steps) => {
  if (isScratch) return fromScratchPhases(epochs, rate);
  return fineTunePhases(epochs, rate, { freezeEpochs: isFrozenFirst ? headEpochs(steps) : 0, trainBn });
};

/** One worker's answers to the page. `send(message, transferred)` goes to the page. */
export function serve(send) {
  let [helper, run, team, state] = [null, null, null, null];
  let markDrawn = () => {};
  const handlers = {
    /** The first message of the leading worker contains the images, so that the page need not copy them again. */
    help({ port }) {
      let setup = null;
      port.onmessage = ({ data }) => {
        if (!setup) { setup = data; return; }
        try {
          helper ??= new HelpingLane(setup);
          port.postMessage(helper.answer(data));
        } catch (error) { port.postMessage({ error: String(error.message ?? error) }); }
      };
    },
    /** Opens a model that `learn.export` wrote, without training it. */
    open({ id, model }) {
      const { about, tensors } = readModel(model);
      const opened = describeModel(about);
      const outputs = tensors['1.8.weight']?.shape[0];
      if (outputs !== opened.vocab.length) {  // before memory for all classes is allocated
        throw new Error(`this model names ${opened.vocab.length} classes, but has ${outputs ?? 'no'} outputs`);
      }
      state = new State(outputs).fill(tensors);
      team = new Team(new Lane(state, { size: opened.size, pixels: new Uint8Array(0), labels: [] }, 8));
      send({ kind: 'opened', id, ...opened });
    },
    async train({ id, setup, images, indices, options, facts, ports, isWatched = false }) {
      state = startState(setup);
      const most = Math.ceil(Math.min(options.batch, indices.train.length) / (1 + ports.length));
      for (const port of ports) port.postMessage({ classes: setup.classes, images, most });
      team = new Team(new Lane(state, images, most), ports.map(port => new DistantLane(port)));
      const sendTraits = traits => send({ kind: 'traits', traits });
      const drawn = isWatched ? new Promise(resolve => { markDrawn = resolve; }) : null;
      const recorder = new Recorder(state, sendTraits, { ...facts, labels: images.labels }, drawn);
      const steps = Math.max(1, Math.floor(indices.train.length / options.batch));
      const updateBn = options.isFrozenFirst && !options.isScratch;
      const phases = phasesOf(options, steps);
      const plan = { phases, batch: options.batch, dropout: 0.5, seed: setup.seed, updateBn };
      run = new Run(team, indices, plan, recorder);
      await run.fit();
      if (run.status !== 'done' && indices.valid.length) run.evaluation = await evaluate(team, indices.valid);
      recorder.sendAll(run);
      team = new Team(new Lane(state, images, 8));  // enough to predict; releases the memory of the large network
      send({ kind: 'ended', id, status: run.status, answers: run.evaluation?.answers ?? [], events: run.events,
             shares: run.evaluation?.shares ?? [] });
    },
    stop() { run?.stop(); },
    /** The page has drawn the first state. Until then the run waits, because drawing needs a core, too. */
    drawn() { markDrawn(); },
    /** A file as the pixels that the network sees, and as a small image for comparisons. */
    async decode({ id, file, size }) {
      try {
        const image = await decodeImage(file, size);
        send({ kind: 'decoded', id, ...image, small: smallImage(image) }, [image.pixels.buffer]);
      } catch (error) { send({ kind: 'decoded', id, error: String(error.message ?? error) }); }
    },
    async unpack({ id, src, cells }) {
      const found = await unpackImages(new Blob([fromBase64(src)]), cells);
      send({ kind: 'unpacked', id, ...found }, [found.pixels.buffer]);
    },
    shrink({ id, image }) { send({ kind: 'shrunk', id, small: smallImage(image) }); },
    check({ id, classes, unreadable }) { send({ kind: 'checked', id, ...findProblems(classes, unreadable) }); },
    /** The prediction for one image. */
    predict({ id, pixels, width, height }) {
      const { own } = team;
      const { images } = own;
      own.images = { size: images.size, pixels, labels: [0], places: [[0, width, height]] };
      const [logits] = own.logits([0]);
      own.images = images;
      send({ kind: 'predicted', id, shares: softmax(logits) });
    },
    save({ id, vocab }) {
      const { size } = team.own.images;
      const about = modelAbout({ vocab, size, batch: run?.plan.batch ?? 64, dropout: 0.5, run });
      const bytes = writeModel(about, state.tensors());
      send({ kind: 'saved', id, bytes }, [bytes.buffer]);
    },
  };
  return async message => {
    try { await handlers[message.kind](message); } catch (error) {
      send({ kind: 'error', id: message.id, error: String(error.message ?? error) });
    }
  };
}

/** In a worker: messages of the page to `serve`, and its messages to the page. */
export function startWorker() {
  const answer = serve((message, transferred = []) => self.postMessage(message, transferred));
  self.onmessage = ({ data }) => answer(data);
}
