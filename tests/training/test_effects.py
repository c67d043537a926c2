"""What training does to the weights, on networks small enough for milliseconds.

Each test was seen to fail for the change that its docstring names. None reads what the code records about itself."""
import math
import warnings
from inspect import signature
from itertools import combinations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fastlearn.dashboard.recorder import Recorder
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.early_stopping import EarlyStop
from fastlearn.head import is_frozen
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.losses import CrossEntropy
from fastlearn.observers import Observer
from fastlearn.optimizer import parameter_groups
from fastlearn.schedule import OneCycle
from fastlearn.session import ResumePoint, TrainerOptions
from fastlearn.training import evaluate, train, train_step


@pytest.fixture
def batches():
    rng = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 5, generator=rng), torch.randint(3, (8,), generator=rng)) for _ in range(4)]


@pytest.fixture
def linear():
    "Makes the same layer again and again"
    def make():
        layer = nn.Linear(5, 3)
        with torch.no_grad():
            for p in layer.parameters(): p.copy_(torch.linspace(-1, 1, p.numel()).view_as(p))
        return layer
    return make


@pytest.fixture
def learner(batches, linear):
    "Makes a learner of the layer, whose batches come in their order"
    def make(**options):
        return Learner(DataLoaders(batches, batches, vocab=['a', 'b', 'c']), linear(), seed=0, **options)
    return make


def weights(model): return torch.cat([p.detach().flatten() for p in model.parameters()])
def differ(tensors): return all(not a.equal(b) for a, b in combinations(tensors, 2))


# --- the rates

def one_cycle(step, steps, start, peak, end, share):
    "Smith's cycle in closed form: half a cosine wave up to the peak, half a cosine wave down"
    p = step/steps
    return (start + (peak - start)*math.sin(math.pi*p/share/2)**2 if p < share else
            end + (peak - end)*math.cos(math.pi*(p - share)/(1 - share)/2)**2)


@pytest.mark.parametrize('kind', [torch.optim.SGD, torch.optim.AdamW])
def test_each_step_goes_as_far_as_the_one_cycle_schedule_says(batches, linear, kind):
    "Fails if the rates or the momentum never reach the optimizer, or come one step early or late"
    ours, theirs, first = linear(), linear(), {'momentum': .5} if kind is torch.optim.SGD else {}
    options = {'lr': 9., 'weight_decay': .1, **first}  # a rate that no step may use
    found = [weights(ours) for _ in train(ours, batches, F.cross_entropy, kind(ours.parameters(), **options), epochs=2,
                                          schedule=OneCycle(.4, pct_start=.3, div=10., div_final=100.))]
    optimizer, expected = kind(theirs.parameters(), **options), []
    for step in range(8):
        momentum, [group] = one_cycle(step, 8, .95, .85, .95, .3), optimizer.param_groups
        group['lr'] = one_cycle(step, 8, .04, .4, .004, .3)
        group.update({'momentum': momentum} if first else {'betas': (momentum, group['betas'][1])})
        optimizer.zero_grad()
        x, y = batches[step % 4]
        F.cross_entropy(theirs(x), y).backward()
        optimizer.step()
        expected.append(weights(theirs))
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), atol=1e-5, rtol=0)  # rounding of 8 steps


def test_each_group_of_layers_gets_its_own_rate(batches):
    "Fails if the rates of the groups are mixed up: a rate of 0 holds a group where it is"
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    before = [weights(layer) for layer in model]
    for _ in train(model, batches, F.cross_entropy, torch.optim.SGD(parameter_groups(list(model)), lr=9.),
                   schedule=OneCycle((0., .1))): pass
    assert weights(model[0]).equal(before[0]) and not weights(model[1]).equal(before[1])


# --- what is drawn at random

@pytest.fixture
def watched_dropout():
    "A model, and what its last layer received at each pass in training mode: 0s and 2s, as its inputs are ones"
    seen, model = [], nn.Sequential(nn.Dropout(.5), nn.Linear(64, 2))
    model[1].register_forward_pre_hook(lambda layer, given: seen.append(given[0].clone()) if layer.training else None)
    return model, seen


ones = [(torch.ones(2, 64), torch.tensor([0, 1]))]*3


@pytest.mark.parametrize('seed', [0, 5, None])
def test_each_step_has_a_dropout_mask_of_its_own(watched_dropout, seed):
    "Fails if the number of the step is left out of the seed"
    model, masks = watched_dropout
    list(train(model.train(), ones, F.cross_entropy, torch.optim.SGD(model.parameters(), lr=.1), epochs=2, seed=seed))
    assert len(masks) == 6 and differ(masks) and differ([row for mask in masks for row in mask])


def test_each_phase_has_dropout_masks_of_its_own(watched_dropout):
    "Fails if the number of the phase is left out of the seed, so that every `fit` repeats the masks of the first"
    model, masks = watched_dropout
    learn = Learner(DataLoaders(ones, ones, vocab=['a', 'b']), model, seed=0)
    for _ in range(2): learn.fit(1)
    assert len(masks) == 6 and differ(masks)


# --- when it ends, and with which weights

def test_the_first_reason_to_stop_counts(learner):
    "Fails if a later request replaces the reason of an earlier one"
    class Undecided(Observer):
        def after_step(self, history, step):
            for reason in 'first', 'second': learn.session.stop.request(reason)
    learn = learner(observers=[Undecided()])
    learn.fit(1)
    assert learn.stopped == 'first'


def test_of_two_equally_good_epochs_the_first_is_kept(learner):
    "Fails if a tie replaces the weights: then those of the third epoch stay"
    def always_half(logits, targets): return .5
    one, three = learner(metrics=always_half), learner(metrics=always_half, save_best='always_half')
    one.fit(1)
    three.fit(3)
    assert weights(three.model).equal(weights(one.model))


@pytest.mark.parametrize('patience', [1, 2])
def test_an_epoch_that_is_only_as_good_uses_up_the_patience(learner, patience):
    "Fails if a tie counts as a gain (`<=` for `<`): a learning rate of 0 leaves the loss where it is"
    learn, epochs = learner(early_stop=EarlyStop(patience=patience)), []
    learn.observers.append(type('Counting', (Observer,), {'after_epoch': lambda _, history: epochs.append(1)})())
    learn.fit(6, lr=0.)
    assert len(epochs) == 1 + patience


# --- what the options of a learner do

@pytest.mark.parametrize('method, option', [('fit', {'wd': .5}), ('fit', {'lr': .1}), ('fit_one_cycle', {'wd': .5}),
                                            ('fit_one_cycle', {'lr': .1}), ('fit_one_cycle', {'moms': (.5, .4, .3)})])
def test_an_option_of_the_learner_is_the_default_of_its_methods(learner, method, option):
    "Fails if an argument or an option does not reach the steps"
    def trained(of_learner, of_call):
        learn = learner(**of_learner)
        getattr(learn, method)(1, **of_call)
        return weights(learn.model)
    argument = {{'lr': 'lr' if method == 'fit' else 'lr_max'}.get(name, name): value for name, value in option.items()}
    assert trained(option, {}).equal(trained({}, argument)) and not trained(option, {}).equal(trained({}, {}))


def test_one_recorder_watches_all_training(learner):
    learn = learner()
    with warnings.catch_warnings():
        warnings.simplefilter('error')    # an observer that fails is only warned of
        learn.fit(1)
        first = learn.series_recorder
        learn.fit(1)
    assert isinstance(first, Recorder) and learn.series_recorder is first


def test_training_ends_in_evaluation_mode(watched_dropout):
    model, masks = watched_dropout
    learn = Learner(DataLoaders(ones, ones, vocab=['a', 'b']), model, seed=0)
    learn.fit(1)
    assert len(masks) == 3 and not any(layer.training for layer in model.modules())
    assert model(ones[0][0]).equal(model(ones[0][0]))


def test_a_run_that_was_cut_off_does_the_steps_that_are_missing(learner):
    learn, steps = learner(), []
    def after_step(self, history, step): steps.append(step.number)
    learn.observers.append(type('Counting', (Observer,), {'after_step': after_step})())
    learn.history.begin_phase((True,), 1, 4)
    learn.resume_point = ResumePoint(phase=1, step=3, done=3, restore=lambda session: None)
    learn.fit(1)
    assert steps == [4] and len(learn.history.phases) == 1


def test_what_a_learner_works_out_is_no_argument():
    arguments, options = (signature(made).parameters for made in (Learner, TrainerOptions))
    assert list(arguments) == list(options) and {'session', 'history', 'device', 'about'}.isdisjoint(arguments)


def test_a_step_counts_the_images_of_all_processes_where_these_share_the_work(batches, linear, monkeypatch):
    monkeypatch.setattr('fastlearn.training.world_size', lambda: 3)
    def images():
        model = linear()
        return [step.images for step in train(model, batches, None, torch.optim.SGD(model.parameters()),
                                                 train_step=lambda *args: 0.)]
    assert images() == [8]*4              # this model is not shared
    monkeypatch.setattr('fastlearn.training.is_parallel', lambda model: True)
    assert images() == [24]*4


def test_a_learner_clips_every_step(learner):
    "Its `clip` does not reach `train_step`; with plain SGD at a rate of 1, a step is as long as its gradient"
    def moved(clip):
        learn = learner(opt_func=lambda groups: torch.optim.SGD(groups, lr=1.), wd=0., clip=clip)
        before = weights(learn.model)
        learn.fit(1, 1.)
        return (weights(learn.model) - before).norm().item()
    assert moved(None) > .5 and .01 < moved(.01) < 4*.01 + 1e-6  # four steps


OPTIONS = {'opt_func': torch.optim.SGD, 'lr': .2, 'wd': .3, 'moms': (.5, .4, .3), 'train_bn': True, 'accumulate': 2,
           'clip': 3., 'early_stop': EarlyStop(), 'save_best': 'valid_loss', 'precision': torch.bfloat16, 'seed': 4,
           'cache_features': False, 'keep_memory': False, 'quiet': True, 'observers': [Observer()]}


def test_what_vision_learner_is_told_reaches_the_head_and_the_learner(batches):
    defaults = {name: option.default for name, option in signature(vision_learner).parameters.items()}
    assert all(defaults[name] != value for name, value in OPTIONS.items())
    dls, loss, plain = DataLoaders(batches, batches, vocab=['a', 'b', 'c']), CrossEntropy([1., 2., 3.]), nn.Linear(9, 3)
    learn = vision_learner(dls, 'resnet10', loss, metrics=['accuracy'], pretrained=False, dropout=.2, y_range=(1, 2),
                           splitter=lambda model: [model[0], model[1]], **OPTIONS)
    body, head = learn.groups
    assert (body, head) == tuple(learn.model) and isinstance(learn, Learner) and learn.dls is dls
    assert learn.loss_func is loss and [metric.name for metric in learn.metrics] == ['accuracy']
    assert {name: getattr(learn, name) for name in OPTIONS} == OPTIONS
    assert (head[-2].out_features, head[3].p, head[7].p, head[-1].low, head[-1].high) == (3, .1, .2, 1, 2)
    assert (learn.arch, learn.weights) == ('resnet10', None) and all(p.requires_grad for p in learn.model.parameters())
    other = vision_learner(dls, 'resnet10', n_out=7)
    assert other.model[1][-1].out_features == 7 and other.model[1][7].p == .5 and len(other.groups) == 3
    assert [is_frozen(group) for group in other.groups] == [True, True, False]
    assert vision_learner(dls, 'resnet10', custom_head=plain).model[1] is plain


def test_vision_learner_has_the_learners_defaults():
    ours, learners = (signature(made).parameters for made in (vision_learner, Learner))
    assert all(ours[name].default == learners[name].default for name in OPTIONS if name != 'observers')


def test_the_head_of_vision_learner_is_drawn_from_the_seed(batches):
    def head(seed=None, of_data=0):
        dls = DataLoaders(batches, batches, vocab=['a', 'b'])
        dls.seed = of_data
        return weights(vision_learner(dls, 'resnet10', seed=seed).model[1])
    assert head(1).equal(head(1)) and not head(1).equal(head(2))
    assert head(1).equal(head(of_data=1)) and head(1).equal(head(1, of_data=2))


def test_what_load_learner_is_told_reaches_the_file_reader(monkeypatch):
    def told(*args, **options): return args, options
    monkeypatch.setattr('fastlearn.learner.load_exported', told)
    given = {name: object() for name in ('head', 'item_tfms', 'batch_tfms', 'loss_func', 'dls', 'metrics', 'device')}
    assert load_learner('file', 'arch', **given) == ((Learner, 'file', 'arch'), given)


def test_the_summary_shows_each_layer_with_its_shape_and_its_parameters(linear):
    images = [(torch.rand(2, 5), torch.tensor([0, 1]))]
    model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), linear_head := nn.Linear(20, 3, bias=False))
    linear_head.requires_grad_(False)
    rows = Learner(DataLoaders(images, images, vocab=['a', 'b', 'c']), model).summary().splitlines()
    assert rows[0] == 'input: 5' and rows[-1] == '180 parameters, 120 of them trainable now'
    assert [row.split() for row in rows[1:-1] if '-' not in row] == [
        ['name', 'layer', 'output', 'parameters', 'trains'], ['0', 'Linear', '20', '120', 'yes'],
        ['1', 'ReLU', '20'], ['2', 'Linear', '3', '60', 'frozen']]


# --- mixed precision

@pytest.mark.parametrize('way', ['training', 'evaluation'])
def test_the_loss_is_computed_in_float32(batches, linear, way):
    "Fails if the logits of mixed precision reach the loss in bfloat16 (`logits.float()` left out)"
    model, (x, y), given = linear(), batches[0], []
    def loss_func(logits, targets): given.append(logits.detach()); return F.cross_entropy(logits, targets)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16): logits = model(x)
    assert logits.dtype == torch.bfloat16
    if way == 'evaluation': loss = evaluate(model, batches[:1], loss_func, precision=torch.bfloat16).loss
    else: loss = train_step(model, batches[:1], loss_func, torch.optim.SGD(model.parameters(), lr=.1),
                        precision=torch.bfloat16)
    assert given[0].dtype == torch.float32
    assert loss == pytest.approx(F.cross_entropy(logits.float(), y).item(), abs=1e-6)  # bfloat16 rounds by 1e-3
