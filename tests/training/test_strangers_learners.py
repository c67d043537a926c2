"""What comes after the data: inputs on learners that gave a wrong number in silence, or an error in other words.

The kinds, and the members tried. A function of yours compares each output with the targets of others: squared,
absolute, log-cosh, as a loss and as a metric; outputs (n, 1) beside targets (n,) and (n, k), outputs (n,) beside
(n, 1); functions that reshape by themselves. A function changes what others read: targets, logits, in a loss, in a
metric, in training; a model its images. NaN passes comparisons: every metric of classes, the interpretation, drawn
results, occlusion. A part is left out of training: weights of a loss. Class numbers without their vocabulary: loaders
of PyTorch in another order, with other, more and fewer classes. Outputs that the activation does not fit: softmax in
the model, squared errors of yes and no, logarithms of counts. Numbers: NumPy's, text, True, NaN, None, below the least.
A prefix before every name: DataParallel, torch.compile, one in the other; weights that are tied on one side only.
Oracles: PyTorch over the whole set at once, scikit-learn, the same call with Python's own numbers.
"""
import warnings
from functools import partial

import numpy as np
import pytest
import sklearn.metrics as skl
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fastlearn.classification_metrics import (
    accuracy_multi, BalancedAccuracy, CohenKappa, F1Score, MatthewsCorrCoef, Precision, Recall, RocAuc, top_k_accuracy,
)
from fastlearn.core.tensor_files import UnreadableFile
from fastlearn.dashboard.compare import compare
from fastlearn.dashboard.filters import first_layer
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.early_stopping import EarlyStop
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.interpret.occlusion import predict_and_keep
from fastlearn.learner import Learner, load_learner
from fastlearn.loss_calls import batch_loss
from fastlearn.losses import CrossEntropy
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import accuracy, error_rate
from fastlearn.optimizer import sgd
from fastlearn.weight_files import fill_weights, mismatch

torch.manual_seed(0)
X, Y, VOCAB = torch.randn(22, 6), torch.arange(22) % 3, ['a', 'b', 'c']
NUMBERS = torch.randn(22)


def net(outputs=3, seed=1):
    torch.manual_seed(seed)
    return nn.Linear(6, outputs)


def loaders(y=Y, vocab=VOCAB, x=X, bs=4):
    return DataLoaders(*(DataLoader(TensorDataset(x, y), bs) for _ in range(2)), vocab=vocab, device='cpu')


def learner(dls=None, model=None, loss=None, **options):
    model = net() if model is None else model
    return Learner(dls or loaders(), model, loss, **{'quiet': True, 'precision': torch.float32, **options})


def logits_of(model, x=X):
    with torch.no_grad(): return model.eval()(x)


def weights_of(model): return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


# --- functions of yours that compare outputs with targets of other images ---

def squared(outputs, targets): return (outputs - targets).square().mean()
def absolute(outputs, targets): return (outputs - targets).abs().mean()
def log_cosh(outputs, targets): return (outputs - targets).cosh().log().mean()

SHAPES = [((1,), ()), ((), (1,)), ((1,), (3,))]       # of one output, of one target

@pytest.mark.parametrize('function', [squared, absolute, log_cosh, partial(squared)])
@pytest.mark.parametrize(('output', 'target'), SHAPES)
def test_a_loss_that_mixes_images_is_refused_before_it_trains(function, output, target):
    model = net(1) if output else nn.Sequential(net(1), nn.Flatten(0))
    learn, before = learner(loaders(torch.randn(22, *target), None), model, function), weights_of(model)
    with pytest.raises(ValueError, match='compares each output with several targets'): learn.fit(1, .1)
    assert weights_of(model).equal(before)
    with pytest.raises(ValueError, match='compares each output with several targets'): learn.validate()


@pytest.mark.parametrize('function', [squared, absolute, log_cosh])
def test_a_metric_that_mixes_images_is_refused(function):
    with pytest.raises(ValueError, match=f'the metric {function.__name__} compares each output'):
        learner(loaders(NUMBERS, None), net(1), metrics=function).validate()


@pytest.mark.parametrize('reshaped', [
    lambda o, t: squared(o.flatten(), t), lambda o, t: squared(o.squeeze(1), t), lambda o, t: squared(o, t[:, None]),
    lambda o, t: squared(o.view(-1), t.view(-1)), lambda o, t: squared(o, t.reshape(o.shape)),
    lambda o, t: squared(*torch.broadcast_tensors(o[:, 0], t))])
def test_a_function_that_reshapes_gives_the_value_of_the_whole_set(reshaped):
    model = net(1)
    learn = learner(loaders(NUMBERS, None), model, reshaped, metrics={'mine': reshaped})
    found, right = learn.validate(), F.mse_loss(logits_of(model)[:, 0], NUMBERS).item()
    assert found.loss == pytest.approx(right, rel=1e-5)
    assert all(value == pytest.approx(right, rel=1e-5) for value in found.metrics.values())


@pytest.mark.parametrize('function', [
    lambda o, t: o.mean(), lambda o, t: (o.mean() - t.mean()).abs(), lambda o, t: t.std(), lambda o, t: o[:, 0].max()])
def test_a_metric_of_outputs_or_targets_alone_is_no_mixture(function):
    learner(loaders(NUMBERS, None), net(1), metrics={'mine': function}).validate()


def test_a_target_and_its_weight_are_no_two_targets():
    "A row of targets may hold more than what the output is compared with"
    rows, model = torch.stack([NUMBERS, torch.rand(22)], 1), net(1)
    def weighted(outputs, targets): return ((outputs[:, 0] - targets[:, 0])**2*targets[:, 1]).mean()
    found = learner(loaders(rows, None), model, weighted).validate().loss
    assert found == pytest.approx(weighted(logits_of(model), rows).item(), rel=1e-5)


# --- functions that change what others read ---

def clears_targets(logits, targets):
    loss = F.cross_entropy(logits, targets)
    targets.zero_()
    return loss

def clears_logits(logits, targets): return logits.zero_().sum().item()

@pytest.mark.parametrize(('loss', 'metrics', 'what'), [
    (clears_targets, [accuracy], 'targets'), (lambda o, t: F.cross_entropy(o.mul_(-1), t), [accuracy], 'logits'),
    (None, [clears_logits, accuracy], 'logits'),
    (None, [F1Score(average='macro'), lambda o, t: t.zero_().sum()], 'targets')])
def test_a_function_must_not_change_what_others_read(loss, metrics, what):
    learn = learner(None, None, loss, metrics=metrics)
    with pytest.raises(ValueError, match=f'changed the {what} in place'): learn.validate()
    if loss is None: return
    before = weights_of(learn.model)
    with pytest.raises(ValueError, match=f'changed the {what} in place'): learn.fit(1, .1)
    assert weights_of(learn.model).equal(before)


def test_a_function_may_work_on_a_copy():
    model = net()
    found = learner(None, model, lambda o, t: clears_targets(o, t.clone()), metrics=accuracy).validate()
    assert found.metrics['accuracy'] == pytest.approx(skl.accuracy_score(Y, logits_of(model).argmax(1)))


def test_images_are_returned_as_the_loader_gave_them():
    class Centered(nn.Linear):
        def forward(self, x): return super().forward(x.sub_(10))
    images, *_ = learner(None, Centered(6, 3)).get_preds(with_input=True)
    assert images.equal(X)


# --- NaN passes comparisons ---

@pytest.mark.parametrize('metric', [
    accuracy, error_rate, partial(top_k_accuracy, k=2), F1Score(average='macro'), F1Score(average='weighted'),
    Precision(average='macro'), Recall(average='micro'), BalancedAccuracy(), CohenKappa(), MatthewsCorrCoef(),
    RocAuc()])
def test_a_model_of_nan_has_no_metrics(metric):
    model = net()
    with torch.no_grad(): model.weight[0] = torch.nan
    (value,) = learner(None, model, metrics=metric).validate().metrics.values()
    assert np.isnan(value)


def test_yes_and_no_of_nan_are_neither():
    assert accuracy_multi(torch.full((2, 3), torch.nan), torch.zeros(2, 3)).isnan()
    assert accuracy(torch.full((2, 3), -torch.inf).index_fill(1, torch.tensor(1), 0), torch.tensor([1, 1])) == 1


def test_what_shows_predictions_refuses_nan():
    model = net()
    with torch.no_grad(): model.weight.fill_(torch.nan)
    learn = learner(None, model)
    for ask in (lambda: ClassificationInterpretation.from_learner(learn), learn.get_preds):
        with pytest.raises(ValueError, match='returned NaN or infinity.*weight'): ask()
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match='returned NaN or infinity'):
        predict_and_keep(network, torch.full((1, 3, 8, 8), torch.nan))


# --- weights of a loss ---

class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.))
    def forward(self, logits, targets): return F.cross_entropy(logits*self.scale, targets)


def test_weights_of_a_loss_that_are_not_trained_are_named():
    loss = Temperature()
    with pytest.warns(UserWarning, match='Temperature has weights of its own that are not trained: scale'):
        learner(None, None, loss).fit(1, .1)
    assert loss.scale == 2
    model = net()
    model.loss = part = Temperature()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        learner(None, None, Temperature().requires_grad_(False)).fit(1, .1)
        learner(None, model, part).fit(1, .1)
    assert part.scale != 2


# --- class numbers of other loaders ---

def test_loaders_with_their_classes_in_another_order_are_renumbered():
    model, names = net(), ['c', 'a', 'b']
    learn = learner(None, model, metrics=accuracy)
    learn.dls = loaders(Y, names)
    answers = [VOCAB[i] for i in logits_of(model).argmax(1)]
    right = skl.accuracy_score([names[i] for i in Y], answers)
    assert learn.validate().metrics['accuracy'] == pytest.approx(right)
    assert [VOCAB[i] for i in learn.get_preds()[1]] == [names[i] for i in Y]
    learn.fit(1, .1)
    other = learner(None, net(), metrics=accuracy)
    other.dls = loaders(torch.tensor([VOCAB.index(names[i]) for i in Y]))
    other.fit(1, .1)
    assert weights_of(learn.model).equal(weights_of(other.model))


@pytest.mark.parametrize('names', [['x', 'y', 'z'], ['a', 'b', 'd'], ['A', 'b', 'c']])
def test_loaders_of_other_classes_are_refused(names):
    learn = learner()
    learn.dls = loaders(Y, names)
    with pytest.raises(ValueError, match='which the model does not know'): learn.validate()


def test_loaders_of_fewer_classes_keep_their_meaning():
    model = net()
    learn = learner(None, model, metrics=accuracy)
    learn.dls = loaders(Y % 2, ['c', 'b'])
    right = skl.accuracy_score(2 - Y % 2, logits_of(model).argmax(1))
    assert learn.validate().metrics['accuracy'] == pytest.approx(right)


# --- outputs that the activation does not fit ---

@pytest.mark.parametrize('loss', [
    None, nn.CrossEntropyLoss(), F.cross_entropy, partial(F.cross_entropy), CrossEntropy(),
    nn.CrossEntropyLoss(label_smoothing=.1)])
def test_a_softmax_before_cross_entropy_is_refused(loss):
    model = nn.Sequential(net(), nn.Softmax(1))
    learn, before = learner(None, model, loss), weights_of(model)
    for ask in (lambda: learn.fit(1, .1), learn.validate, learn.get_preds):
        with pytest.raises(ValueError, match='the model returns probabilities'): ask()
    assert weights_of(model).equal(before)


def test_what_looks_like_probabilities_and_is_none_passes():
    "Positive logits, one-hot rows of exact logits, log-probabilities, fewer than three images"
    for logits in (torch.rand(9, 3) + .5, torch.eye(3), torch.randn(9, 3).log_softmax(1), torch.tensor([[.5, .5]])):
        batch_loss(F.cross_entropy, logits, torch.arange(len(logits)) % logits.shape[1])
    model = nn.Sequential(net(), nn.LogSoftmax(1))
    assert torch.allclose(learner(None, model, nn.NLLLoss()).get_preds()[0], logits_of(model).exp())


@pytest.mark.parametrize(('loss', 'targets', 'vocab'), [
    (nn.MSELoss(), F.one_hot(Y).float(), VOCAB), (F.l1_loss, F.one_hot(Y).float(), VOCAB),
    (nn.PoissonNLLLoss(), NUMBERS.abs()[:, None].repeat(1, 3), None)])
def test_a_loss_without_a_known_activation_trains_but_is_not_read(loss, targets, vocab):
    model = net()
    learn = learner(loaders(targets, vocab), model, loss)
    assert learn.validate().loss == pytest.approx(loss(logits_of(model), targets).item(), rel=1e-5)
    with pytest.raises(ValueError, match='activation .* and decode'): learn.get_preds()


def test_poisson_without_logarithms_is_read_as_it_is():
    model = net(1)
    found = learner(loaders(NUMBERS.abs(), None), model, nn.PoissonNLLLoss(log_input=False)).get_preds()[0]
    assert torch.allclose(found, logits_of(model))


# --- numbers ---

def test_whole_numbers_of_numpy_are_whole_numbers(tmp_path):
    runs = []
    for number, real in ((int, float), (np.int64, np.float32), (np.int32, np.float64)):
        learn = learner(accumulate=number(2), seed=number(3), clip=real(.5), wd=real(.25),
                        early_stop=EarlyStop(patience=number(2)), opt_func=sgd)
        learn.save_checkpoints(tmp_path/number.__name__, steps=number(2), keep=number(1))
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            learn.fit(number(2), real(.5), wd=real(.25))
        assert any((tmp_path/number.__name__).iterdir())
        runs.append(weights_of(learn.model))
    assert runs[0].equal(runs[1])
    assert runs[0].equal(runs[2])


@pytest.mark.parametrize(('option', 'value'), [
    ('accumulate', True), ('accumulate', '2'), ('clip', '1'), ('clip', float('nan')), ('clip', True), ('wd', 'x'),
    ('wd', None), ('early_stop', 'valid_loss'), ('save_best', True), ('opt_func', 'adam'), ('moms', .9),
    ('opt_func', torch.optim.SGD([torch.zeros(1)], .1))])
def test_an_option_of_another_kind_is_named(option, value):
    learn = learner(**{option: value})
    with pytest.raises((TypeError, ValueError), match=f'{option}( is|=)'): learn.fit_one_cycle(1)


@pytest.mark.parametrize(('option', 'value'), [('seed', 1.5), ('seed', 'x'), ('observers', None), ('observers', 5),
                                               ('precision', torch.float16), ('precision', torch.float64)])
def test_an_option_that_is_prepared_is_named_at_once(option, value):
    with pytest.raises((TypeError, ValueError), match=f'{option} is'): learner(**{option: value})


def test_seeds_of_any_size_work(): learner(loaders(), seed=2**60).fit(1)


@pytest.mark.parametrize(('call', 'words'), [
    (lambda learn: learn.fine_tune(1, slice(1e-4, 1e-3)), 'base_lr is'),
    (lambda learn: learn.fine_tune(1, '1'), 'base_lr is'),
    (lambda learn: learn.fine_tune(1, lr_mult=0), 'lr_mult is 0'), (lambda learn: learn.freeze_to('head'), 'n is'),
    (lambda learn: learn.lr_find(start_lr='1e-7'), 'start_lr is'),
    (lambda learn: learn.lr_find(suggest_funcs='valley'), 'suggest_funcs has'),
    (lambda learn: learn.tta(n=0), 'n is 0'), (lambda learn: learn.tta(beta=float('nan')), 'beta is nan'),
    (lambda learn: learn.fit(np.float64(1)), 'epochs is'),
    (lambda learn: ClassificationInterpretation.from_learner(learn).top_losses(-1), 'k is -1')])
def test_a_wrong_number_is_answered_with_its_name(call, words):
    with pytest.raises((TypeError, ValueError), match=words): call(learner())


@pytest.mark.parametrize('parts', [lambda: (loaders().train, loaders().valid), lambda: loaders().train, net])
def test_what_is_no_data_loaders_is_named(parts):
    with pytest.raises(TypeError, match='dls must be DataLoaders, but got'): Learner(parts(), net())


# --- where PyTorch's words do not help ---

@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
def test_training_without_gradients_says_so(mode):
    learn = learner()
    for train in (lambda: learn.fit(1), learn.lr_find):
        with mode(), pytest.raises(RuntimeError, match='PyTorch computes no gradients here'): train()


def test_a_batch_of_one_image_and_batchnorm():
    model = nn.Sequential(net(4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    with pytest.raises(ValueError, match='batch of 1 image .*drop_last'): learner(loaders(Y[:5], x=X[:5]), model).fit(1)


def test_layers_that_do_not_fit_each_other():
    with pytest.raises(ValueError, match='Linear layer .* in_features'):
        learner(None, nn.Sequential(nn.Linear(6, 4), nn.Linear(5, 3))).fit(1)


def test_class_numbers_with_a_fraction():
    with pytest.raises(ValueError, match='targets of type torch.float64, expected whole numbers'):
        batch_loss(nn.CrossEntropyLoss(), torch.rand(4, 3), torch.zeros(4).double())


def test_a_model_without_weights():
    with pytest.raises(ValueError, match='the model has no parameters'): learner(None, nn.Flatten())


@pytest.mark.parametrize('name', ['valid_loss', 'train_loss', 'epoch', 'loss', 'time'])
def test_a_metric_has_no_name_of_another_column(name):
    with pytest.raises(ValueError, match=f'named {name}, which is already a column'): as_metrics({name: accuracy})


@pytest.mark.parametrize(('function', 'call'), [
    (skl.r2_score, r'r2_score\(t, p\)'), (skl.log_loss, r'log_loss\(t, p\)'),
    (skl.roc_auc_score, r'roc_auc_score\(t, p\)'),
    (skl.f1_score, r'f1_score\(t, p.argmax\(1\)\)'), (skl.mean_absolute_error, r'mean_absolute_error\(t, p\)')])
def test_the_call_for_scikit_learn_is_the_right_one(function, call):
    with pytest.raises(TypeError, match=call): as_metrics(function)


def test_runs_in_a_list_are_compared():
    first, second = learner(), learner(lr=.1)
    for one in first, second: one.fit(1)
    assert compare([first, second]).state['names'] == compare(first, second).state['names']
    with pytest.raises(TypeError, match='found DataLoaders'): compare(first, first.dls)


# --- a prefix before every name; tied weights ---

WRAPPERS = {'plain': lambda model: model, 'parallel': nn.DataParallel,
            'compiled': partial(torch.compile, backend='eager'),
            'both': lambda model: torch.compile(nn.DataParallel(model), backend='eager')}

@pytest.mark.parametrize('ours', WRAPPERS)
@pytest.mark.parametrize('theirs', WRAPPERS)
def test_wrapped_models_read_each_others_files(ours, theirs, tmp_path):
    learn, other = (learner(None, WRAPPERS[one](net(seed=i))) for i, one in enumerate((ours, theirs)))
    learn.fit(1, .1)
    learn.save(tmp_path/'saved')
    assert weights_of(other.load(tmp_path/'saved').model).equal(weights_of(learn.model))
    learn.export(tmp_path/'exported')
    exported = load_learner(tmp_path/'exported.safetensors', WRAPPERS[theirs](net(seed=5)))
    assert weights_of(exported.model).equal(weights_of(learn.model))
    learn.fit(1, .1), other.fit(1, .1)
    assert weights_of(other.model).equal(weights_of(learn.model))


class Tied(nn.Module):
    def __init__(self, tied):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        if tied: self.second.weight = self.first.weight
    def forward(self, x): return self.second(self.first(x))


def test_weights_that_are_tied_on_one_side(tmp_path):
    tied, free = Tied(True), Tied(False)
    fill_weights(free, tied.state_dict(), 'tied')
    assert torch.equal(free(X), tied(X))
    assert mismatch(Tied(True), free.state_dict()) == ''
    with torch.no_grad(): free.second.weight.add_(1)
    with pytest.raises(ValueError, match='the same tensor in this model, but differ in the file'):
        fill_weights(Tied(True), free.state_dict(), 'free')
    learn = learner(None, nn.Sequential(Tied(True), nn.Linear(6, 3)))
    learn.fit(1)
    learn.save(tmp_path/'tied')
    with pytest.raises(UnreadableFile, match='groups of 2 . 3 parameters, but this learner has 3 . 3'):
        learner(None, nn.Sequential(Tied(False), nn.Linear(6, 3))).load(tmp_path/'tied')


def test_state_that_is_no_tensor_is_named(tmp_path):
    class Extra(nn.Linear):
        def get_extra_state(self): return {'temperature': 2}
        def set_extra_state(self, state): pass
    for write in 'save', 'export':
        with pytest.raises(ValueError, match='_extra_state of this model is not a tensor'):
            getattr(learner(None, Extra(6, 3)), write)(tmp_path/'file')


def test_the_first_layer_is_the_one_that_reads_colors():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Conv2d(5, 4, 3), nn.Conv2d(3, 5, 3)
    assert first_layer(Listed())[0] == 'first'
    assert first_layer(nn.Sequential(nn.Conv2d(1, 3, 3), nn.Conv2d(3, 5, 3)))[0] == '0'


# --- class weights ---

@pytest.mark.parametrize('loss', [
    lambda weight: nn.CrossEntropyLoss(torch.tensor(weight)),
    lambda weight: partial(F.cross_entropy, weight=torch.tensor(weight))])
@pytest.mark.parametrize(('weight', 'words'), [
    ([1., 2.], r'weights of shape \(2,\) and a target 2'), ([1., -1., 1.], 'expected finite numbers, 0 or more'),
    ([1., float('nan'), 1.], 'expected finite numbers'), ([0., 0., 0.], 'every class weight is 0')])
def test_class_weights_that_do_not_fit_are_named(loss, weight, words):
    learn = learner(None, None, loss(weight))
    for ask in (lambda: learn.fit(1), learn.validate):
        with pytest.raises(ValueError, match=words): ask()


def test_class_weights_of_another_library_are_doubles():
    weight = torch.tensor([1., 2., .5], dtype=torch.float64)
    with pytest.raises(TypeError, match=r'are torch.float64.*weight.float\(\)'):
        learner(None, None, nn.CrossEntropyLoss(weight)).fit(1)
    model = net()
    found = learner(None, model, nn.CrossEntropyLoss(weight.float())).validate().loss
    assert found == pytest.approx(F.cross_entropy(logits_of(model), Y, weight.float()).item(), rel=1e-5)
    assert learner(None, model, CrossEntropy(weight)).validate().loss == pytest.approx(found)


def test_measuring_works_without_gradients_of_any_kind():
    model = net()
    learn, right = learner(None, model, metrics=accuracy), skl.accuracy_score(Y, logits_of(model).argmax(1))
    for mode in torch.no_grad, torch.inference_mode:
        with mode(): assert learn.validate().metrics['accuracy'] == pytest.approx(right)
        with mode(): assert torch.allclose(learn.get_preds()[0], logits_of(model).softmax(1))
