"""Learners of strangers, third round: what is theirs takes part in training, and does what it says.

The kinds, and the members tried. Modes: the root of a network that a splitter divides (`self.training`, a Dropout
of its own, a `train` of its own), frozen and not. Shortcuts: a Sequential with its own forward, a hook, an own
`forward` attribute. Optimizers: weights joined into one group, weights of another network, a part of the weights,
decay that the groups override, LBFGS and others with a closure, None; a splitter that is set between two runs.
Rates: None, sets, dictionaries, functions, complex numbers, bytes. Metrics: objects that hold the model or the
learner, functions that need a whole batch, one batch, errors as functions and as losses, objects that return
tensors, arrays, None. Losses: sigmoid or softmax in the model, NLLLoss without logarithms, subclasses with
weights, maps of pixels that are ignored, values below 0, one half of activation and decode. State: buffers that
are not saved, state that is no tensor, outputs without gradients, lazy layers, a weight that is used under two
names, autograd in forward. Oracles: PyTorch by hand, scikit-learn, the whole set at once.
"""
import warnings
from functools import partial

import pytest
import sklearn.metrics as skl
import torch
import torch.nn.functional as F
from fastlearn.dashboard.compare import compare
from fastlearn.dashboard.replay import replay_html
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.history import History
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.learner import Learner
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import Mean
from fastlearn.optimizer import adam, sgd
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, Y, VOCAB = torch.randn(22, 6), torch.arange(22) % 3, ['a', 'b', 'c']
LABELS = (torch.rand(22, 3) > .5).float()


def net(outputs=3):
    torch.manual_seed(1)
    return nn.Linear(6, outputs)


def mlp(): return nn.Sequential(net(8), nn.ReLU(), nn.Linear(8, 3))


def loaders(y=Y, vocab=VOCAB, x=X, bs=4):
    return DataLoaders(*(DataLoader(TensorDataset(x, y), bs) for _ in range(2)), vocab=vocab, device='cpu')


def learner(model=None, loss=None, dls=None, **options):
    return Learner(dls or loaders(), net() if model is None else model, loss,
                   **{'quiet': True, 'precision': torch.float32, **options})


# --- modes ---

class Rooted(nn.Module):
    "A network whose root asks for its mode, has a Dropout of its own, and keeps its BatchNorm in evaluation mode"
    def __init__(self):
        super().__init__()
        self.body, self.drop = nn.Sequential(net(5), nn.BatchNorm1d(5)), nn.Dropout(.5)
        self.head, self.modes = nn.Linear(5, 3), []
    def train(self, mode=True):
        super().train(mode)
        self.body[1].eval()
        return self
    def forward(self, x):
        self.modes.append((self.training, self.drop.training, self.head.training, self.body[1].training))
        return self.head(F.dropout(self.drop(self.body(x)), .5, self.training))


@pytest.mark.parametrize('splitter', [None, lambda m: [m.body, m.head], lambda m: [[m.body], [m.head]]])
@pytest.mark.parametrize('frozen', [False, True])
def test_the_root_of_a_divided_network_trains(splitter, frozen):
    model = Rooted()
    learn = learner(model, splitter=splitter)
    if frozen: learn.freeze()
    for run in partial(learn.fit, 1), learn.lr_find:
        model.modes.clear()
        run()
        assert model.modes[0] == (True, True, True, False)
        assert not model.training and model.body[1].num_batches_tracked == 0
    learn.fit(1)
    assert model.modes[-1] == (False,)*4  # validation


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    path = tmp_path_factory.mktemp('two')
    for name, color in (('green', (0, 200, 0)), ('red', (200, 0, 0))):
        (path/name).mkdir()
        for i in range(8):
            Image.new('RGB', (16, 16), tuple(c + 6*i for c in color)).save(path/name/f'{i}.png')
    return path


class Forward(nn.Sequential):
    def forward(self, x): return super().forward(x)*3


def hooked(*parts):
    model = nn.Sequential(*parts)
    model.register_forward_hook(lambda module, x, y: y*3)
    return model


def assigned(*parts):
    model = nn.Sequential(*parts)
    model.forward = lambda x: parts[1](parts[0](x))*3
    return model


@pytest.mark.parametrize('make', [Forward, hooked, assigned])
def test_cached_features_do_not_pass_by_a_forward_of_ones_own(make, images):
    def losses(cache):
        torch.manual_seed(0)
        dls = ImageDataLoaders.from_folder(images, valid_pct=.25, seed=1, bs=4, item_tfms=Resize(16), device='cpu')
        model = make(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(4, 2))
        learn = learner(model, dls=dls, splitter=lambda m: [m[0], m[1]], cache_features=cache)
        learn.freeze()
        learn.fit(3, .1)
        assert learn.history.epochs[-1].valid_loss == pytest.approx(learn.validate().loss, rel=1e-5)
        return learn.history.losses
    assert losses(True) == pytest.approx(losses(False), rel=1e-5)


# --- optimizers and rates ---

def joined(kind, **options): return lambda groups: kind([p for g in groups for p in g['params']], **options)


def test_weights_in_one_group_cannot_have_several_rates():
    learn = learner(mlp(), opt_func=joined(torch.optim.SGD), splitter=lambda m: [m[0], m[2]])
    with pytest.raises(ValueError, match='got 2 rates for the groups'): learn.fit(1, [1e-4, 1e-2])
    learn.fit(1, .1)
    assert learn.optimizer.param_groups[0]['lr'] == .1


@pytest.mark.parametrize(('opt_func', 'words'), [
    (lambda groups: torch.optim.SGD(net().parameters(), .1), 'weights that are not in this model'),
    (lambda groups: None, 'opt_func returned None; expected an optimizer'),
    (joined(torch.optim.LBFGS), 'LBFGS computes the loss several times'),
    (torch.optim.LBFGS, 'computes the loss several times'),
    (partial(torch.optim.AdamW, weight_decay=.3), r'pass wd=0\.3'), (partial(adam, wd=.3), r'pass wd=0\.3'),
    (lambda groups: torch.optim.SGD(groups, weight_decay=.3), r'pass wd=0\.3')])
def test_an_optimizer_that_would_not_do_what_it_says_is_refused(opt_func, words):
    learn = learner(opt_func=opt_func)
    before = learn.model.weight.clone()
    for run in partial(learn.fit, 1), learn.lr_find:
        with pytest.raises((TypeError, ValueError), match=words): run()
    assert torch.equal(before, learn.model.weight)


def test_weights_that_the_optimizer_lacks_are_counted():
    with pytest.warns(UserWarning, match='2 weights of the model are not in the SGD'):
        learner(mlp(), opt_func=lambda groups: torch.optim.SGD(groups[:2], .1), splitter=lambda m: [m[0], m[2]]).fit(1)


def test_a_decay_that_counts_is_no_error():
    for options in {'wd': .3}, {'wd': 0}:
        learn = learner(opt_func=partial(torch.optim.AdamW, weight_decay=.3) if options['wd'] else torch.optim.AdamW,
                        **options)
        learn.fit(1)
        assert learn.optimizer.param_groups[0]['weight_decay'] == options['wd']
    learn = learner(opt_func=joined(torch.optim.AdamW, weight_decay=.3))
    learn.fit(1)
    assert learn.optimizer.param_groups[0]['weight_decay'] == .3


@pytest.mark.parametrize('rate', [[None], {1e-3}, {'a': 1}, 1j, lambda progress: 1, [[1e-3]], b'1'])
def test_what_is_no_rate_is_named(rate):
    for call in learner().fit, learner().fit_one_cycle:
        with pytest.raises(ValueError, match='for the learning rate; expected a number'): call(1, rate)


@pytest.mark.parametrize(('before', 'after'), [(1, 2), (2, 1)])
def test_a_splitter_that_is_set_between_two_runs(before, after, tmp_path):
    "The new rates count, and the history, all of whose rows have as many rates, is drawn, compared and saved"
    splitters, rates = {1: None, 2: lambda m: [m[0], m[2]]}, {1: [.1], 2: [.01, .1]}
    learn = learner(mlp(), splitter=splitters[before], opt_func=sgd)
    learn.fit(1, rates[before])
    learn.splitter = splitters[after]
    learn.fit(1, rates[after])
    assert {g['group']: g['lr'] for g in learn.optimizer.param_groups} == dict(enumerate(rates[after]))
    expected = {1: (.1, .1), 2: (.01, .1)}
    assert learn.history.lrs == [expected[before]]*6 + [expected[after]]*6
    learn.history.plot()
    assert replay_html(learn.history) and compare(learn, learn).text()
    learn.history.save(tmp_path/'history')
    assert History.load(tmp_path/'history').lrs == learn.history.lrs


# --- metrics ---

class Length:
    "A metric of the weights"
    name, lower_is_better = 'length', False
    def __init__(self, owner): self.owner = owner
    def reset(self): pass
    def update(self, logits, targets): pass
    def value(self): return getattr(self.owner, 'model', self.owner).weight.detach().norm()


def test_a_metric_looks_at_the_model_that_is_trained():
    model = net()
    learn = learner(model, metrics=Length(model), opt_func=sgd)
    length = Mean(partial(lambda o, t, of: of.weight.norm().detach(), of=model), 'length')
    for metric in None, Length(learn.model), Length(learn), length:
        if metric: learn.metrics = metric
        learn.fit(2, .5)
        assert learn.history.epochs[-1].metrics['length'] == pytest.approx(model.weight.norm().item())


def test_learners_share_no_counts():
    first, second = (as_metrics(Length(net()))[0] for _ in range(2))
    assert first.owner is not second.owner


def my_error(logits, targets): return (logits.argmax(1) != targets).float().mean()
def a_distance(logits, targets): return F.cross_entropy(logits, targets)
def mine(logits, targets): return (logits.argmax(1) == targets).float().mean()


@pytest.mark.parametrize(('metric', 'name', 'best'), [
    (my_error, 'my_error', min), (F.cross_entropy, 'cross_entropy', min), (a_distance, 'a_distance', min),
    (nn.CrossEntropyLoss(), 'CrossEntropyLoss', min), (mine, 'mine', max),
    (Mean(my_error, lower_is_better=False), 'my_error', max)])
def test_the_best_error_is_the_lowest(metric, name, best):
    learn = learner(metrics=metric, save_best=name, opt_func=sgd)
    learn.fit(5, .5)
    values = [row.metrics[name] for row in learn.history.epochs]
    assert learn.validate().metrics[name] == pytest.approx(best(values)) and len(set(values)) > 1


HALVES = torch.arange(22) % 2


def area(logits, targets): return skl.roc_auc_score(targets, logits.softmax(1)[:, 1])


def test_functions_of_whole_batches_are_told_and_a_single_batch_is_right():
    "scikit-learn's function raises on a part with one class, so halves of a batch would not do"
    with pytest.warns(UserWarning, match='area is not a mean over images'):
        learner(net(2), dls=loaders(HALVES, ['x', 'y']), metrics=area).validate()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        learn = learner(net(2), dls=loaders(HALVES, ['x', 'y'], bs=22), metrics=area)
        for _ in range(2): assert learn.validate().metrics['area'] == pytest.approx(area(net(2)(X).detach(), HALVES))


@pytest.mark.parametrize(('value', 'found'), [
    (torch.tensor([.25]), .25), (torch.ones(3), '3 numbers'), (None, 'NoneType'), ({'a': 1.}, 'dict')])
def test_objects_return_one_number_too(value, found):
    class Own(Length):
        def value(self): return value
    learn = learner(metrics=Own(None))
    if isinstance(found, float): assert learn.validate().metrics == {'length': found}
    else:
        with pytest.raises(TypeError, match=f'the metric length returned {found}'): learn.validate()


# --- losses ---

@pytest.mark.parametrize(('last', 'loss', 'labels'), [
    (nn.Sigmoid, None, LABELS), (nn.Sigmoid, nn.BCEWithLogitsLoss(), LABELS), (nn.Sigmoid, None, Y),
    (partial(nn.Softmax, 1), None, Y)])
def test_probabilities_are_no_logits(last, loss, labels):
    with pytest.raises(ValueError, match='the model returns probabilities'):
        learner(nn.Sequential(net(), last()), loss, loaders(labels)).fit(1)


class Range(nn.Module):
    def forward(self, x): return x.sigmoid()*8 - 4


def test_a_range_of_logits_is_allowed():
    for model in nn.Sequential(net(), Range()), nn.Sequential(net(), nn.LogSoftmax(1)): learner(model).fit(1)


@pytest.mark.parametrize('loss', [nn.NLLLoss(), F.nll_loss])
def test_nll_takes_logarithms(loss):
    for model in net(), nn.Sequential(net(), nn.Softmax(1)):
        with pytest.raises(ValueError, match='takes logarithms of probabilities'): learner(model, loss).fit(1)
    model = nn.Sequential(net(), nn.LogSoftmax(1))
    assert learner(model, loss).validate().loss == pytest.approx(F.cross_entropy(net()(X), Y).item())


class Subclass(nn.CrossEntropyLoss): pass


MAPS = torch.randn(10, 1, 4, 4)
PIXELS = torch.randint(3, (10, 4, 4))
PIXELS[:5, :, :3] = -100
WEIGHT = torch.tensor([1., 5., .2])


@pytest.mark.parametrize('loss', [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(WEIGHT), Subclass(WEIGHT),
                                  partial(F.cross_entropy, weight=WEIGHT)])
def test_weights_and_ignored_pixels_mean_the_same_in_batches_of_any_size(loss):
    def maps():
        torch.manual_seed(1)
        return nn.Conv2d(1, 3, 1)
    for model, x, y in (net, X, Y), (maps, MAPS, PIXELS):
        whole = loss(model()(x), y)
        for bs in 3, 22:
            found = learner(model(), loss, loaders(y, None, x, bs)).validate().loss
            assert found == pytest.approx(whole.item())
        oracle = model()
        loss(oracle(x), y).backward()
        learn = learner(model(), loss, loaders(y, None, x, 3), accumulate=9, wd=0, opt_func=torch.optim.SGD)
        learn.fit(1, .1)
        assert learn.model.weight.allclose(oracle.weight - .1*oracle.weight.grad, atol=1e-6)


def test_the_search_for_a_rate_takes_losses_below_0():
    def minus(logits, targets): return -logits.softmax(1)[torch.arange(len(targets)), targets].mean()
    assert len(learner(loss=minus).lr_find().losses) > 50


def test_half_a_way_to_read_outputs_is_refused():
    class Half:
        def __call__(self, logits, targets): return F.cross_entropy(-logits, targets)
        def activation(self, logits): return (-logits).softmax(1)
        def decodes(self, probabilities): return probabilities.argmax(1)
    learn = learner(loss=Half())
    learn.fit(1)
    with pytest.raises(ValueError, match='has activation, but both are needed to read outputs'): learn.get_preds()
    Half.decode = Half.decodes
    assert learn.get_preds()[0].allclose((-learn.model(X)).softmax(1))


@pytest.mark.parametrize(('name', 'way'), [
    ('one_batch', r'learn.dls.one_batch\(\)'), ('xb', r'learn.dls.one_batch\(\)'), ('loss', 'learn.history.losses'),
    ('to_bf16', 'to_fp16'), ('training', 'learn.model'), ('purge', 'del learn')])
def test_what_fastai_keeps_in_the_learner_is_found_elsewhere(name, way):
    with pytest.raises(AttributeError, match=way): getattr(learner(), name)


def test_fastai_s_names_of_an_interpretation():
    found = ClassificationInterpretation.from_learner(learner())
    for name, way in {'preds': 'probabilities', 'decoded': 'predictions', 'targs': 'targets'}.items():
        with pytest.raises(AttributeError, match=f'it is called {way} here'): getattr(found, name)


# --- state and gradients ---

class Centered(nn.Module):
    def __init__(self, persistent):
        super().__init__()
        self.linear = net()
        self.register_buffer('mean', torch.zeros(6), persistent=persistent)
    def forward(self, x):
        if self.training: self.mean.lerp_(x.mean(0), .1)
        return self.linear(x - self.mean)
    def get_extra_state(self): return {'note': 1}
    def set_extra_state(self, state): pass


@pytest.mark.parametrize('persistent', [True, False])
def test_buffers_that_files_leave_out_are_restored_too(persistent):
    model = Centered(persistent)
    learn = learner(model, save_best='valid_loss', opt_func=sgd)
    learn.lr_find()
    assert not model.mean.any()
    learn.fit(6, 3.)
    losses = [row.valid_loss for row in learn.history.epochs]
    assert learn.validate().loss == pytest.approx(min(losses)) and min(losses) != losses[-1]


class Changed(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.linear, self.change = net(), change
    def forward(self, x): return self.change(self.linear, x)


def without(linear, x):
    with torch.no_grad(): return linear(x)


@pytest.mark.parametrize('change', [lambda linear, x: linear(x).detach(), without])
def test_an_output_without_gradients_is_named(change):
    with pytest.raises(ValueError, match='the output of the model has no gradient'): learner(Changed(change)).fit(1)


def slopes(linear, x):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(linear(x).square().sum(), x, create_graph=True)[0][:, :3]


def test_a_forward_may_compute_gradients_of_its_own():
    learn = learner(Changed(slopes))
    learn.fit(1)
    assert learn.history.epochs[0].valid_loss == pytest.approx(F.cross_entropy(learn.model(X), Y).item(), rel=1e-5)


def test_lazy_layers_see_a_batch_first():
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.LazyLinear(3))
    with pytest.raises(ValueError, match=r'model\(dls.one_batch\(\)\[0\]\)'): learner(model)
    model(loaders().one_batch()[0])
    learner(model).fit(1)


def test_a_weight_under_two_names_is_one_weight():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = net()
            self.bias = self.linear.weight
        def forward(self, x): return self.linear(x) + 0*self.bias.sum()
    learn, oracle = learner(Twice(), opt_func=sgd, wd=0), Twice()
    learn.fit(1, .1)
    optimizer = torch.optim.SGD(oracle.parameters(), .1, .9)
    for x, y in zip(X.split(4), Y.split(4)):
        optimizer.zero_grad()
        F.cross_entropy(oracle(x), y).backward()
        optimizer.step()
    assert learn.model.bias.allclose(oracle.bias, atol=1e-6)
