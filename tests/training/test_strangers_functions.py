"""What your own networks, losses, loaders and metrics give is checked where it enters.

The kind: a value of another type or shape goes on until a library below stumbles over it, or is spread or averaged
into a wrong number without a word. Members tried, networks: a tuple, a list, a dictionary, a namedtuple, an object
with `logits`, None, class numbers, a number for the batch, rows for other images, doubles. Losses: a float, NumPy's
number, a row, a sum, a number without a gradient, a column beside a row for every loss of PyTorch that compares
element by element, other types of whole numbers, ignored targets, class weights in five ways of writing them. Loaders:
a dictionary, a triple, a list of targets, bytes, doubles, targets of another length. Metrics: objects of torchmetrics
(one, a collection, several labels, quantities), objects with half of the protocol, classes that need arguments,
functions of scikit-learn, functions that give a row, text, None, NumPy's number. Oracles: PyTorch's loss over the
whole set at once, torchmetrics over the whole set at once, scikit-learn.
"""
import re
import warnings
from collections import namedtuple
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.metrics as skl
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fastlearn.classification_metrics import F1Score, F1ScoreMulti, Precision, PrecisionMulti, Recall, RecallMulti
from fastlearn.core.device import import_torchvision
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.learner import Learner
from fastlearn.loss_calls import batch_loss, image_losses
from fastlearn.losses import CrossEntropy
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import accuracy

torch.manual_seed(0)
X, Y = torch.randn(20, 6), torch.tensor([0]*14 + [1]*4 + [2]*2)
VOCAB = ['a', 'b', 'c']


def net(outputs=3):
    torch.manual_seed(1)
    return nn.Linear(6, outputs)


def loaders(y=Y, bs=4, val_bs=None, vocab=VOCAB, x=X):
    return DataLoaders(*(DataLoader(TensorDataset(x, y), n) for n in (bs, val_bs or bs)), vocab=vocab, device='cpu')


def learner(dls=None, model=None, loss=None, **options):
    return Learner(dls or loaders(), model or net(), loss, quiet=True, precision=torch.float32, **options)


# --- networks ---

Pair = namedtuple('Pair', 'logits aux')
OUTPUTS = {
    'tuple': lambda out: (out, out), 'list': lambda out: [out], 'dictionary': lambda out: {'logits': out},
    'namedtuple': lambda out: Pair(out, out), 'object': lambda out: SimpleNamespace(logits=out),
    'none': lambda out: None,
    'class numbers': lambda out: out.argmax(1), 'one number': lambda out: out.sum(),
    'rows of others': lambda out: out[:2],
    'complex': lambda out: out + 1j}


@pytest.mark.parametrize('change', OUTPUTS.values(), ids=list(OUTPUTS))
def test_a_network_gives_rows_of_logits(change):
    class Odd(nn.Linear):
        def forward(self, x): return change(super().forward(x))
    learn = learner(model=Odd(6, 3))
    for use in (partial(learn.fit, 1), learn.validate, learn.get_preds,
                partial(ClassificationInterpretation.from_learner, learn)):
        with pytest.raises((TypeError, ValueError), match='the model returned .*expected'): use()


def test_doubles_and_floats_are_not_mixed_silently():
    with pytest.raises(TypeError, match='images of type torch.float64, but the weights of the model are torch.float32'):
        learner(loaders(x=X.double())).validate()
    both = learner(loaders(x=X.double()), net().double())
    assert both.validate().loss == pytest.approx(learner().validate().loss, rel=1e-6)


# --- losses ---

LOSSES = {
    'float': lambda logits, y: F.cross_entropy(logits, y).item(), 'none': lambda logits, y: None,
    'numpy': lambda logits, y: np.float32(1), 'row': partial(F.cross_entropy, reduction='none'),
    'nn row': nn.CrossEntropyLoss(reduction='none'), 'sum': partial(F.cross_entropy, reduction='sum'),
    'nn sum': nn.CrossEntropyLoss(reduction='sum'),
    'mistakes': lambda logits, y: (logits.argmax(1) != y).float().mean(),
    'detached': lambda logits, y: F.cross_entropy(logits.detach(), y)}


@pytest.mark.parametrize('loss', LOSSES.values(), ids=list(LOSSES))
def test_a_loss_gives_one_number_with_a_gradient(loss):
    learn = learner(loss=loss)
    before = learn.model.weight.detach().clone()
    with pytest.raises((TypeError, ValueError), match='expected|without a gradient'): learn.fit(1, .1)
    assert learn.model.weight.equal(before)


def name_of(loss) -> str: return re.sub(' at 0x[0-9a-f]+', '', str(loss))  # the same in each process


BY_OUTPUT = [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(), nn.BCEWithLogitsLoss(), F.mse_loss,
             F.l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits, partial(F.smooth_l1_loss, beta=.5)]


@pytest.mark.parametrize('loss', BY_OUTPUT, ids=name_of)
def test_a_row_of_targets_beside_a_column_of_outputs(loss):
    "PyTorch would spread them into a table, with a warning at most"
    outputs, targets = torch.randn(5, 1), torch.rand(5)
    assert batch_loss(loss, outputs, targets).isclose(loss(outputs[:, 0], targets))
    assert batch_loss(loss, outputs, (targets > .5).long()).isclose(loss(outputs[:, 0], (targets > .5).float()))
    with pytest.raises(ValueError, match='expected the same shape'): batch_loss(loss, torch.randn(5, 2), targets)


@pytest.mark.parametrize('kind', [torch.uint8, torch.int16, torch.int32, torch.bool])
@pytest.mark.parametrize('loss', [nn.CrossEntropyLoss(), F.cross_entropy, nn.CrossEntropyLoss(label_smoothing=.1)],
                         ids=name_of)
def test_whole_numbers_of_any_type_are_classes(loss, kind):
    logits, targets = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    assert batch_loss(loss, logits, targets.to(kind)).isclose(loss(logits, targets))


def test_class_numbers_that_do_not_exist_are_named_for_plain_losses_too():
    for targets in torch.tensor([0, 3]), torch.tensor([-1, 0]), torch.tensor([[0], [1]]), torch.eye(2, 3).long():
        with pytest.raises(ValueError, match='expected'): batch_loss(nn.CrossEntropyLoss(), torch.randn(2, 3), targets)
    shares = torch.tensor([[.5, .5, 0], [0, 0, 1]])       # probabilities are PyTorch's other kind of target
    assert batch_loss(F.cross_entropy, torch.zeros(2, 3), shares).isclose(torch.tensor(3.).log())


W = torch.tensor([.5, 2., 7.])
WEIGHTED = {'ours': (CrossEntropy(W), CrossEntropy(W)), 'module': (nn.CrossEntropyLoss(W),)*2,
            'function': (partial(F.cross_entropy, weight=W),)*2,
            'smoothed': (nn.CrossEntropyLoss(W, label_smoothing=.2),)*2,
            'nll': (nn.NLLLoss(W),)*2, 'ignored': (nn.CrossEntropyLoss(W, ignore_index=1),)*2,
            'ignored alone': (nn.CrossEntropyLoss(ignore_index=0),)*2, 'plain': (CrossEntropy(),)*2,
            'partial of partial': (partial(partial(F.cross_entropy, weight=torch.ones(3)), weight=W),
                                   nn.CrossEntropyLoss(W))}


@pytest.mark.parametrize(('loss', 'oracle'), WEIGHTED.values(), ids=list(WEIGHTED))
def test_weighted_losses_mean_the_same_in_batches_of_any_size(loss, oracle):
    "valid_loss, the update of `accumulate`, and losses of single images, against PyTorch's loss of all images at once"
    def made(): return nn.Sequential(net(), nn.LogSoftmax(1)) if isinstance(loss, nn.NLLLoss) else net()
    model = made()
    whole = oracle(model(X), Y).item()
    for size in 20, 7, 3, 1: assert learner(loaders(val_bs=size), model, loss).validate().loss == pytest.approx(whole)
    losses, shares = image_losses(loss, model(X), Y)
    assert (losses/shares.mean()).mean().item() == pytest.approx(whole)
    found = ClassificationInterpretation.from_learner(learner(loaders(bs=3), model, loss)).losses
    assert found.mean().item() == pytest.approx(whole)

    def after_one_step(bs, accumulate):
        learn = learner(loaders(bs=bs), made(), loss, accumulate=accumulate, wd=0.,
                        opt_func=lambda groups: torch.optim.SGD(groups, lr=.1))
        learn.fit(1, .1)
        return next(learn.model.parameters()).detach()
    oracle((by_hand := made())(X), Y).backward()
    weight = next(by_hand.parameters())
    expected = weight.detach() - .1*weight.grad
    for bs, accumulate in (20, 1), (7, 3), (4, 5): assert after_one_step(bs, accumulate).allclose(expected, atol=1e-6)


# --- loaders ---

BATCHES = {
    'dictionary': {'image': X[:4], 'label': Y[:4]}, 'triple': (X[:4], Y[:4], Y[:4]), 'images alone': X[:4],
    'list of targets': (X[:4], [0, 1, 2, 0]), 'no targets': (X[:4], None), 'text': (X[:4], ('a', 'b', 'c', 'a')),
    'bytes': ((X[:4]*9).byte(), Y[:4]), 'yes and no': (X[:4] > 0, Y[:4]), 'other length': (X[:4], Y[:3]),
    'one target': (X[:4], Y[0]), 'images in a list': (list(X[:4]), Y[:4])}


@pytest.mark.parametrize('batch', BATCHES.values(), ids=list(BATCHES))
def test_a_loader_yields_pairs(batch):
    with pytest.raises((TypeError, ValueError), match='expected|must yield|no labels'):
        DataLoaders([batch], [batch], vocab=VOCAB, device='cpu')
    fine = (X[:4], Y[:4])
    learn = learner(DataLoaders([fine], [fine], vocab=VOCAB, device='cpu'))
    with pytest.raises((TypeError, ValueError), match='expected|must yield|no labels'): learn.validate([batch])
    learn.dls.train = [fine, batch]        # the first batch hides the second
    with pytest.raises((TypeError, ValueError), match='expected|must yield|no labels'): learn.fit(1)


# --- metrics ---

class Halves:
    "Counts like a metric, without what its name says"
    def __init__(self, *lacking): self.__dict__ |= dict.fromkeys({'reset', 'update', 'compute'} - {*lacking}, print)


@pytest.mark.parametrize(('odd', 'words'), [
    (Halves('reset'), 'has no reset'), (Halves('update'), 'has no update'),
    (Halves('compute'), 'has no compute or value'),
    (skl.f1_score, 'metrics=F1Score\\(\\)'), (partial(skl.f1_score, average='macro'), 'metrics=F1Score\\(\\)'),
    (skl.roc_auc_score, 'RocAuc'), (skl.log_loss, 'get_preds'), (3, 'expected a name'), ('acuracy', 'accuracy')])
def test_what_is_no_metric_is_refused(odd, words):
    with pytest.raises((TypeError, ValueError), match=words): learner(metrics=odd)


@pytest.mark.parametrize('answer', [torch.tensor([.1, .2]), np.array([.1, .2]), 'good', None, [.1, .2], 1j],
                         ids=lambda answer: type(answer).__name__)
def test_a_metric_gives_one_number(answer):
    with pytest.raises(TypeError, match='the metric score returned .*expected one number'):
        def score(logits, targets): return answer
        learner(metrics=score).validate()


@pytest.mark.parametrize('answer', [torch.tensor([.25]), np.float64(.25), np.array(.25), .25, torch.tensor([[.25]])])
def test_one_number_of_any_type_is_taken(answer):
    assert learner(metrics=lambda logits, targets: answer).validate()[1] == .25


def test_own_objects_that_count():
    class Wrong:
        higher_is_better = False
        def reset(self): self.n = 0
        def update(self, logits, targets): self.n += int((logits.argmax(1) != targets).sum())
        def compute(self): return self.n
    learn = learner(metrics=[Wrong(), accuracy])
    metric = learn.metrics[0]
    assert (metric.name, metric.lower_is_better) == ('Wrong', True)
    wrong, right = learn.validate()[1:]
    assert wrong == 20 - 20*right == learn.validate()[1]      # afresh each time


def test_metrics_of_torchmetrics_count_over_the_set():
    import_torchvision()                   # torchmetrics imports it, and some builds need help
    tm = pytest.importorskip('torchmetrics')
    options = {'num_classes': 3, 'average': 'macro'}
    ours = [tm.F1Score('multiclass', **options), tm.AUROC('multiclass', **options),
            tm.Accuracy('multiclass', num_classes=3)]
    learn = learner(loaders(val_bs=3), metrics=tm.MetricCollection(ours))
    found, p, q = learn.validate().metrics, net()(X).softmax(1).detach(), net()(X).argmax(1)
    assert found == pytest.approx({
        'MulticlassF1Score': skl.f1_score(Y, q, average='macro', zero_division=0),
        'MulticlassAUROC': skl.roc_auc_score(Y, p, multi_class='ovr'), 'MulticlassAccuracy': skl.accuracy_score(Y, q)})
    several = (torch.rand(20, 3) < .4).float()
    learn = learner(loaders(several, val_bs=6), metrics=tm.F1Score('multilabel', num_labels=3, average='macro'))
    said = net()(X).sigmoid().detach() > .5
    assert learn.validate()[1] == pytest.approx(skl.f1_score(several, said, average='macro', zero_division=0))
    numbers = torch.randn(20)
    learn = learner(loaders(numbers, val_bs=6, vocab=None), net(1), metrics=[tm.MeanSquaredError(), tm.R2Score()])
    answers = net(1)(X)[:, 0].detach()
    expected = skl.mean_squared_error(numbers, answers), skl.r2_score(numbers, answers)
    assert learn.validate()[1:] == pytest.approx(expected)
    assert learn.metrics[0].lower_is_better and not learn.metrics[1].lower_is_better
    with pytest.raises(TypeError, match='9 numbers'):
        learner(metrics=tm.ConfusionMatrix('multiclass', num_classes=3)).validate()
    with pytest.raises(TypeError, match='pass an instance'): as_metrics(tm.classification.MulticlassAccuracy)


@pytest.mark.parametrize(('ours', 'theirs'), [(F1ScoreMulti, skl.f1_score), (PrecisionMulti, skl.precision_score),
                                              (RecallMulti, skl.recall_score), (F1Score, skl.f1_score),
                                              (Precision, skl.precision_score), (Recall, skl.recall_score)])
@pytest.mark.parametrize('average', ['macro', 'micro', 'weighted'])
def test_scores_of_labels_that_do_not_occur(ours, theirs, average):
    "As scikit-learn counts them: labels as 0, classes not at all"
    torch.manual_seed(3)
    logits, several = torch.randn(40, 5), (torch.rand(40, 5) < .3).float()
    logits[:, 3:], several[:, 3] = -9, 0
    score = partial(theirs, average=average, zero_division=0)
    assert ours(average=average)(logits, several) == pytest.approx(score(several, logits > 0))
    single = torch.randint(0, 3, (40,))
    assert ours(average=average)(logits, single) == pytest.approx(score(single, logits.argmax(1)))


def test_nothing_of_this_warns():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        learner(loaders(torch.randn(20), vocab=None), net(1), nn.MSELoss()).validate()
