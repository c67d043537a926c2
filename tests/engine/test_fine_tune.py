"""A whole `fine_tune` in the engine beside the one of the library: the same images, weights, batches; no dropout.

Members of the kind: loss curve, rates and momentum of both phases; weights at the end; what the dashboard shows of it
(movement, first-layer filters, predictions, phases, table); a file of the engine opened by `load_learner` and a file of
`export` opened by the engine; a loss that is not a number; Stop; several lanes; the same seed twice.
"""
import pytest
import torch
from fastlearn.all import (
    error_rate, get_image_files, ImageDataLoaders, load_learner, PILImage, Resize, resnet10, vision_learner,
)
from fastlearn.dashboard.recorder import Recorder
from fastlearn.dashboard.replay import about, run_state, weight_change_bytes
from test_network import LANE

RUN = LANE + """
const traits = {};
const send = one => Object.assign(traits, one);
const facts = { title: 'resnet10', vocab: ['False', 'True'], batch: 8, labels: images.labels,
                shown: asked.shown.map(index => ({ index, src: '' })) };
const recorder = new Recorder(state, send, facts);
const run = new Run(new Team(lane), { train: asked.train, valid: asked.valid },
                    { phases: fineTunePhases(1), batch: 8, dropout: 0, seed: 0, batches: asked.batches }, recorder);
"""


@pytest.fixture
def learner(few_pets, tmp_path):
    "24 images for training, 8 to validate on, squares of 32 pixels: `Resize` has no place to choose at random"
    (folder := tmp_path/'squares').mkdir()
    for file in get_image_files(few_pets)[::3]: PILImage.create(file).resize((32, 32)).save(folder/file.name)
    dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), valid_pct=.25, seed=1, bs=8,
                                          item_tfms=Resize(32), label_func=lambda name: name[0].isupper(), device='cpu')
    learn = vision_learner(dls, resnet10, metrics=error_rate, precision=torch.float32, quiet=True)
    for layer in learn.model[1]:
        if isinstance(layer, torch.nn.Dropout): layer.p = 0.
    return learn


def give(engine, learn) -> dict:
    "Weights and images for the engine: the training images first; the batches as the library will draw them"
    train, valid = learn.dls.train, learn.dls.valid
    crops = [[loader.dataset.transform.crop(loader.dataset.pixels(i)) for i in range(loader.n_images)]
             for loader in (train, valid)]
    pixels = torch.stack([torch.from_numpy(crop.copy()).permute(2, 0, 1) for crop in crops[0] + crops[1]])
    labels = torch.cat([train.dataset.targets, valid.dataset.targets])
    engine.give(weights=dict(learn.model.state_dict()), images={'pixels': pixels.float(), 'labels': labels.long()})
    count, size = train.n_images, train.batch_size
    epochs = [train.order(epoch) for epoch in range(2)]
    return {'classes': 2, 'size': 32, 'batch': 8, 'train': list(range(count)),
            'valid': list(range(count, len(labels))), 'shown': [count, count + 1],
            'batches': [[order[i:i + size] for i in range(0, count, size)] for order in epochs]}


def test_fine_tune_is_that_of_the_library(engine, learner):
    asked = give(engine, learner)
    recorder = Recorder(learner)
    learner.observers.append(recorder)
    learner.fine_tune(1, freeze_epochs=1)
    found = engine.run(RUN + """
        run.plan.updateBn = true;
        await run.fit();
        recorder.sendAll(run);
        save('state', state.tensors());
        answer = { losses: run.losses, rates: run.rates, momenta: run.momenta, about: traits.about,
                   state: traits.run_state, change: [...new Float32Array(traits.weight_change.buffer)] };
        writeFileSync(new URL('filters', folder), traits.filter_history);
    """, asked)
    history = learner.history
    assert found['losses'] == pytest.approx(history.losses, abs=1e-2)
    assert [rate for step in found['rates'] for rate in step] == pytest.approx(
        [rate for step in history.lrs for rate in step], rel=1e-9)
    assert found['momenta'] == pytest.approx(history.momenta)
    end = engine.tensors('state')
    for name, expected in learner.model.state_dict().items():
        if expected.is_floating_point(): assert torch.allclose(end[name], expected, atol=2e-3, rtol=1e-2), name
    there, state = about(history), run_state(history)
    assert {**there, 'images': [], 'live': True} == {**found['about'], 'images': []}
    assert [phase | {'trainable': None} for phase in found['state']['phases']] == \
        [phase | {'trainable': None} for phase in state['phases']]
    assert [phase['trainable'] for phase in found['state']['phases']] == [[False, False, True], [True]*3]
    for mine, theirs in zip(found['state']['epochs'], state['epochs'], strict=True):
        assert mine['valid_loss'] == pytest.approx(theirs['valid_loss'], abs=1e-2)
        assert mine['train_loss'] == pytest.approx(theirs['train_loss'], abs=1e-2)
        assert mine['error_rate'] == pytest.approx(theirs['metrics']['error_rate'])
    expected = torch.frombuffer(bytearray(weight_change_bytes(history)), dtype=torch.float32)
    assert found['change'] == pytest.approx(expected.tolist(), rel=1e-2)
    filters = history.series['filters']
    content = (engine.folder/'filters').read_bytes()
    start = torch.frombuffer(bytearray(content[:filters.fixed['start'].numel()*4]), dtype=torch.float32)
    assert torch.equal(start, filters.fixed['start'].flatten())
    record = content[start.numel()*4:][-(8 + start.numel()):]
    scale = torch.frombuffer(bytearray(record[4:8]), dtype=torch.float32)
    change = torch.frombuffer(bytearray(record[8:]), dtype=torch.int8)*scale
    theirs = (filters.samples[-1]['change']*filters.samples[-1]['scale']).flatten()
    assert (change - theirs).norm()/theirs.norm() < .02


def test_a_frozen_body_does_not_move(engine, learner):
    asked = give(engine, learner)
    engine.run(RUN + "run.plan.phases.pop(); await run.fit(); save('state', state.tensors());", asked)
    start, end = learner.model.state_dict(), engine.tensors('state')
    assert all(torch.equal(end[name], start[name]) for name in start if name.startswith('0.'))
    assert not torch.equal(end['1.8.weight'], start['1.8.weight'])


def test_nan_ends_the_run_with_the_last_good_weights(engine, learner):
    asked = give(engine, learner)
    found = engine.run(RUN + """
        recorder.afterStep = run => {
          if (run.losses.length === 2) { save('good', state.tensors()); lane.shades[0].fill(NaN); }
        };
        await run.fit();
        save('state', state.tensors());
        answer = { status: run.status, events: run.events, steps: run.losses.length };
    """, asked)
    assert found['status'] == 'failed' and found['steps'] == 2 and 'smaller learning rate' in found['events'][0][1]
    good, end = engine.tensors('good'), engine.tensors('state')
    assert all(torch.equal(good[name], end[name]) for name in good)
    assert all(value.isfinite().all() for value in end.values())


def test_stop_ends_after_the_step(engine, learner):
    asked = give(engine, learner)
    found = engine.run(RUN + """
        recorder.afterStep = run => { if (run.losses.length === 4) run.stop(); };
        await run.fit();
        answer = { status: run.status, events: run.events, steps: run.losses.length, rows: run.epochs };
    """, asked)
    assert (found['status'], found['steps']) == ('stopped', 4)
    assert found['events'][0][1].startswith('stopped at step 4 of 6')
    assert [row['complete'] for row in found['rows']] == [True, False] and found['rows'][1]['valid_loss'] is None


def test_training_begins_when_the_page_has_drawn_the_first_state(engine):
    found = engine.run("""
        const pixels = new Uint8Array(4 * 3 * 32 * 32).map((_, i) => i * 7 % 256);
        const images = { size: 32, pixels, labels: [0, 1, 0, 1],
                         places: [0, 1, 2, 3].map(i => [3 * 32 * 32 * i, 32, 32]) };
        const sent = [];
        const ask = serve(message => sent.push(message));
        const kinds = () => sent.map(({ kind, traits }) => (traits ? Object.keys(traits)[0] : kind));
        const training = ask({
          kind: 'train', id: 1, images, indices: { train: [0, 1, 2, 3], valid: [] }, ports: [], isWatched: true,
          facts: { title: '', vocab: ['a', 'b'], shown: [] }, setup: { classes: 2, seed: 1 },
          options: { epochs: 1, rate: 2e-3, batch: 4, isScratch: true, isFrozenFirst: false, trainBn: false } });
        for (let turn = 0; turn < 200; turn++) await new Promise(resolve => { setTimeout(resolve); });
        const before = kinds();
        await ask({ kind: 'drawn' });
        await training;
        answer = [before, kinds()];
    """)
    assert found[0] == ['about'], 'nothing but the first state before the page has drawn it'
    assert 'pulse' in found[1] and found[1][-1] == 'ended'


def test_lanes_add_up(engine, learner):
    "In the frozen phase the body's BatchNorm stands still, so two lanes give the gradients of one in the last layer"
    asked = give(engine, learner)
    found = engine.run(LANE + """
        const helper = new HelpingLane({ classes: asked.classes, images, most: 4 });
        const port = { postMessage: message => setTimeout(() => port.onmessage({ data: helper.answer(message) })) };
        const team = new Team(lane, [new DistantLane(port)]);
        const mode = { trains: [true, true, true], norms: [false, false, false], dropout: 0, seed: 1 };
        const indices = [0, 1, 2, 3, 4, 5, 6, 7];
        const alone = lane.gradients(indices, mode);
        const expected = state.grads.slice();
        const both = await team.gradients(indices, mode);
        const worst = expected.reduce((most, grad, i) => Math.max(most, Math.abs(grad - state.grads[i])), 0);
        const single = lane.logits(indices).flat(), shared = (await team.logits(indices)).flat();
        const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        answer = { losses: [alone, both], worst, largest, single, shared };
    """, asked)
    assert found['losses'][0] == pytest.approx(found['losses'][1], rel=1e-5)
    assert found['worst'] < 1e-5*found['largest'] and found['single'] == pytest.approx(found['shared'])


def test_the_same_seed_gives_the_same_run(engine, learner):
    asked = give(engine, learner) | {'batches': None}
    script = RUN.replace('dropout: 0', 'dropout: 0.5') + "await run.fit(); answer = run.losses;"
    first = engine.run(script, asked)
    assert first == engine.run(script, asked) and first != engine.run(script.replace('seed: 0', 'seed: 1'), asked)


ABOUT = """modelAbout({ vocab: asked.vocab, size: asked.size, batch: 8, dropout: 0.5, run: null })"""


@pytest.mark.parametrize('vocab', [['cat', 'dog'], ['a "b" ü', '<script>alert(1)</script>']])
def test_load_learner_opens_the_file_of_the_engine(engine, learner, few_pets, vocab):
    asked = give(engine, learner) | {'vocab': vocab}
    found = engine.run(LANE + f"""
        writeFileSync(new URL('model.safetensors', folder), writeModel({ABOUT}, state.tensors()));
        answer = lane.logits([0, 1, 2, 3]).map(softmax);
    """, asked)
    learn = load_learner(engine.folder/'model.safetensors')
    assert list(learn.dls.vocab) == vocab
    for i, expected in enumerate(found):
        name, _, probabilities = learn.predict(learner.dls.train.items[i])
        assert probabilities.tolist() == pytest.approx(expected, abs=1e-4) and name in vocab


def test_the_engine_opens_a_file_of_export(engine, learner):
    asked = give(engine, learner)
    learner.fine_tune(1)
    learner.export(engine.folder/'model.safetensors')
    found = engine.run(LANE + """
        const { about, tensors } = readModel(readBytes('model.safetensors'));
        state.fill(tensors);
        answer = { shares: lane.logits([0, 1, 2]).map(softmax), opened: describeModel(about) };
    """, asked)
    assert found['opened'] == {'vocab': ['False', 'True'], 'size': 32}
    for i, expected in enumerate(found['shares']):
        assert learner.predict(learner.dls.train.items[i])[2].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(('size', 'said'), [(5, 'complete safetensors'), (9000, 'complete safetensors')])
def test_a_damaged_file_is_refused(engine, learner, size, said):
    learner.export(path := engine.folder/'model.safetensors')
    path.write_bytes(path.read_bytes()[:size])
    found = engine.run("try { readModel(readBytes('model.safetensors')); } catch (error) { answer = error.message; }")
    assert said in found


def test_weights_alone_are_another_format(engine, learner):
    asked = give(engine, learner)
    found = engine.run("try { readModel(readBytes('weights')); } catch (error) { answer = error.message; }", asked)
    assert 'fastlearn-model-1' in found


def test_a_strangers_file_costs_no_more_than_its_bytes_and_is_refused_in_words(engine):
    """Each header breaks one rule of the format, or one of what the page can run.

    Tried: numbers that overlap (a copy for each name), places outside, before, between bytes and without
    numbers; shapes that are negative, text or missing; types and names from JavaScript's own objects; sizes and classes
    that would need gigabytes; NaN, variances below 0; a description that was changed.
    """
    found = engine.run(r"""
        const file = (text, data = 0) => {
          const header = new TextEncoder().encode(typeof text === 'string' ? text : JSON.stringify(text));
          const bytes = new Uint8Array(8 + header.length + data);
          new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
          bytes.set(header, 8);
          return bytes;
        };
        const said = act => { try { return act() ?? 'taken'; } catch (error) {
          return error.constructor === Error ? error.message : `${error.constructor.name}!`; } };
        const entry = (dtype, shape, data_offsets) => ({ a: { dtype, shape, data_offsets } });
        const headers = [{ ...entry('F32', [2], [0, 8]), b: entry('F32', [2], [0, 8]).a }, { a: null }, { a: 1 }, [1],
          [],
          entry('F32', [1], null), entry('F32', null, [0, 4]), entry('F32', [-1, -1], [0, 4]),
          entry('F32', ['1'], [0, 4]), entry('F32', [2], [-4, 4]), entry('F32', [1], [0.5, 4.5]),
          entry('F32', [1], [0, 3]), entry('F32', [1], [8, 4]), entry('F32', [0], [null, null]),
          entry('F32', [2 ** 40, 2 ** 40], [0, 8]), entry('constructor', [4], [0, 4]),
          entry('__proto__', [4], [0, 4]), entry('toString', [15], [0, 4]), entry(undefined, [1], [0, 4]),
          '{"__proto__": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', { __metadata__: null }];
        const state = () => new State(2);
        const about = size => ({ ...modelAbout({ vocab: ['a', 'b'], size, batch: 8, dropout: 0, run: null }) });
        const sent = [];
        const open = async model => { await serve(message => sent.push(message))({ kind: 'open', id: 1, model }); };
        const spoiled = (name, value) => {
          const tensors = state().tensors();
          tensors[name].data.fill(value);
          return tensors;
        };
        await open(writeModel(about(32), state().tensors()));
        await open(writeModel(about(1e9), state().tensors()));
        await open(writeModel(about(0), state().tensors()));
        const many = about(32);
        many.task.vocab = Array(5e5).fill('a');
        await open(writeModel(many, state().tensors()));
        for (const vocab of [null, 'ab', [], [{}, {}], [null, 'b']]) {
          await open(writeModel({ ...about(32), task: { kind: 'single', vocab } }, state().tensors()));
        }
        await open(writeModel(null, state().tensors()));
        await open(writeModel(about(32), spoiled('1.8.weight', NaN)));
        await open(writeModel(about(32), spoiled('0.bn1.running_var', -1)));
        const changed = writeModel(about(32), state().tensors());
        changed[changed.length - 1] ^= 1;
        await open(changed);
        answer = [headers.map(header => said(() => String(Object.getPrototypeOf(readTensors(file(header, 8)).tensors)
          === Object.prototype))), sent.map(({ kind, error }) => error ?? kind)];
    """)
    headers, opened = found
    taken = [said for said in headers if 'complete' not in said and 'numbers of type' not in said]
    assert taken == ['true']*3            # an empty list, a name that is no prototype here, no description
    assert opened[0] == 'opened'
    expected = ['pixels a side', 'pixels a side', '500000 classes, but has 2 outputs', *['not name its classes']*5,
                'is a network without a name', 'NaN or infinity', 'should be variances', 'changed after it was written']
    assert all(part in said for part, said in zip(expected, opened[1:], strict=True)), opened
