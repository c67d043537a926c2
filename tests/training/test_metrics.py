"Metrics against scikit-learn's, over batches and processes, and what is said about those that do not fit"
import functools
import math
import warnings

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from fastlearn.classification_metrics import (
    accuracy_multi, area_under_roc, BalancedAccuracy, CohenKappa, F1Score, F1ScoreMulti, MatthewsCorrCoef, Precision,
    PrecisionMulti, Recall, RecallMulti, RocAuc, top_k_accuracy,
)
from fastlearn.metric_names import as_metric, as_metrics
from fastlearn.metrics import accuracy, error_rate, mae, Mean, Metric, mse, r2_score, rmse

SIZES = [7, 64, 1, 28]          # unequal batches


def pictures(classes: int = 5, several: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    "100 pictures; the last class never occurs where there are more than two"
    random = torch.Generator().manual_seed(classes)
    targets = torch.randint(max(2, classes - 1), (100,), generator=random)
    if several: targets = (torch.rand(100, classes, generator=random) > .6).float()
    truth = targets if several else torch.nn.functional.one_hot(targets, classes)
    return truth*2 + torch.randn(100, classes, generator=random)*2 - 1, targets


def over_batches(metric: Metric, logits: torch.Tensor, targets: torch.Tensor) -> float:
    metric, = as_metrics(metric)
    for batch in zip(logits.split(SIZES), targets.split(SIZES)): metric.update(*batch)
    return metric.value()


@pytest.fixture(scope='module')
def oracle():
    return pytest.importorskip('sklearn.metrics')


@pytest.mark.filterwarnings('ignore:y_pred contains classes not in y_true')
@pytest.mark.parametrize('classes', [2, 5])
@pytest.mark.parametrize('metric, name', [
    (accuracy, 'accuracy_score'), (BalancedAccuracy(), 'balanced_accuracy_score'), (CohenKappa(), 'cohen_kappa_score'),
    (MatthewsCorrCoef(), 'matthews_corrcoef')])
def test_single_labels(oracle, metric, name, classes):
    logits, targets = pictures(classes)
    expected = getattr(oracle, name)(targets, logits.argmax(dim=1))
    assert over_batches(metric, logits, targets) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('kind, name', [(Precision, 'precision_score'), (Recall, 'recall_score'),
                                        (F1Score, 'f1_score')])
@pytest.mark.parametrize('average, classes', [('binary', 2), ('macro', 2), ('macro', 5), ('micro', 5), ('weighted', 5)])
def test_per_class(oracle, kind, name, average, classes):
    logits, targets = pictures(classes)
    expected = getattr(oracle, name)(targets, logits.argmax(dim=1), average=average, zero_division=0)
    assert over_batches(kind(average), logits, targets) == pytest.approx(expected, rel=1e-12)


def test_the_other_of_two_classes_can_be_the_positive_one(oracle):
    logits, targets = pictures(2)
    expected = oracle.f1_score(targets, logits.argmax(dim=1), pos_label=0)
    assert over_batches(F1Score(pos_label=0), logits, targets) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('kind, name', [(PrecisionMulti, 'precision_score'), (RecallMulti, 'recall_score'),
                                        (F1ScoreMulti, 'f1_score')])
@pytest.mark.parametrize('average', ['macro', 'micro', 'weighted'])
def test_several_labels(oracle, kind, name, average):
    logits, targets = pictures(4, several=True)
    expected = getattr(oracle, name)(targets, logits.sigmoid() > .3, average=average)
    assert over_batches(kind(average, thresh=.3), logits, targets) == pytest.approx(expected, rel=1e-12)


def test_top_k(oracle):
    logits, targets = pictures(5)
    metric = functools.partial(top_k_accuracy, k=2)
    expected = oracle.top_k_accuracy_score(targets, logits, k=2, labels=range(5))
    assert over_batches(metric, logits, targets) == pytest.approx(expected, rel=1e-6)
    assert as_metrics(metric)[0].name == 'top_k_accuracy'


def test_accuracy_of_several_labels(oracle):
    logits, targets = pictures(4, several=True)
    for thresh in (.5, .2):
        expected = 1 - oracle.hamming_loss(targets, logits.sigmoid() > thresh)
        metric = functools.partial(accuracy_multi, thresh=thresh)
        assert over_batches(metric, logits, targets) == pytest.approx(expected, rel=1e-6)
        metric = functools.partial(accuracy_multi, thresh=thresh, sigmoid=False)
        assert over_batches(metric, logits.sigmoid(), targets) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('outputs', [1, 3])
@pytest.mark.parametrize('metric, name', [(mae, 'mean_absolute_error'), (mse, 'mean_squared_error'),
                                          (r2_score, 'r2_score')])
def test_numbers(oracle, metric, name, outputs):
    predicted, actual = torch.randn(2, 100, outputs, generator=torch.Generator().manual_seed(0)).cumsum(0) + 50
    expected = getattr(oracle, name)(actual, predicted)
    assert over_batches(metric, predicted, actual) == pytest.approx(expected, rel=1e-5)
    if outputs == 1: assert over_batches(metric, predicted, actual[:, 0]) == pytest.approx(expected, rel=1e-5)


def test_the_root_is_taken_once(oracle):
    predicted, actual = torch.randn(2, 100, 1, generator=torch.Generator().manual_seed(0))
    expected = oracle.root_mean_squared_error(actual, predicted)
    assert over_batches(rmse, predicted, actual) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('classes', [2, 4])
def test_area_under_the_roc_curve(oracle, classes):
    logits, targets = pictures(classes)
    targets = torch.cat([targets[:-1], torch.tensor([classes - 1])])     # every class occurs
    scores = logits.double().softmax(dim=1)
    expected = oracle.roc_auc_score(targets, scores[:, 1] if classes == 2 else scores, multi_class='ovr')
    assert over_batches(RocAuc(), logits, targets) == pytest.approx(expected, rel=1e-9)


def test_area_under_the_roc_curve_of_several_labels(oracle):
    logits, targets = pictures(4, several=True)
    logits = logits.round()                                              # many ties
    assert over_batches(RocAuc(), logits, targets) == pytest.approx(oracle.roc_auc_score(targets, logits), rel=1e-9)


def test_area_under_the_roc_curve_without_a_class():
    logits, targets = pictures(5)                                        # class 4 does not occur
    scores = logits.double().log_softmax(dim=1)
    expected = torch.stack([area_under_roc(scores[:, i], targets == i) for i in range(4)]).mean().item()
    assert over_batches(RocAuc(), logits, targets) == pytest.approx(expected)
    assert math.isnan(over_batches(RocAuc(), logits[:, :2], torch.zeros(100, dtype=torch.int64)))


def test_the_mean_of_the_batches_is_not_the_mean():
    logits, targets = pictures(5)
    means = [accuracy(*batch) for batch in zip(logits.split(SIZES), targets.split(SIZES))]
    assert abs(torch.stack(means).mean() - accuracy(logits, targets)) > .01
    assert over_batches(accuracy, logits, targets) == pytest.approx(accuracy(logits, targets).item())


def of_a_set(function, outputs, targets, size=16):
    "The value in the table, from batches of `size`, and the warnings"
    metric = as_metric(function)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        for some in torch.arange(len(targets)).split(size): metric.update(outputs[some], targets[some])
    return metric.value(), ' '.join(str(one.message) for one in said)


def macro_f1(found, targets):
    return sum(2*(found[targets == c] == c).sum()/((found == c).sum() + (targets == c).sum()) for c in range(3))/3


LABELED = torch.randn(64, 3, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3
NUMBERS = torch.randn(64, 1, generator=torch.Generator().manual_seed(2)), torch.linspace(0, 1, 64)[:, None]


@pytest.mark.parametrize(('function', 'data', 'is_mean'), [
    (lambda p, t: (p.argmax(1) == t).float().mean(), LABELED, True), (accuracy, LABELED, True), (mae, NUMBERS, True),
    (lambda p, t: torch.nn.functional.cross_entropy(p, t), LABELED, True), (lambda p, t: 1., LABELED, True),
    (lambda p, t: (p.half().argmax(1) == t).half().mean(), LABELED, True),
    (lambda p, t: macro_f1(p.argmax(1), t), LABELED, False),
    (lambda p, t: (p - t).square().mean().sqrt(), NUMBERS, False),
    (lambda p, t: torch.corrcoef(torch.cat([p, t], 1).T)[0, 1], NUMBERS, False),
    (lambda p, t: (p - t).abs().max(), NUMBERS, False), (lambda p, t: (p.argmax(1) == t).sum(), LABELED, False),
    (lambda p, t: (p - t).abs().median(), NUMBERS, False)])
def test_functions_that_are_no_means_are_told(function, data, is_mean):
    "The number in the table is the function's value for the whole set, or the warning says that it is not"
    found, said = of_a_set(function, *data)
    assert (found == pytest.approx(float(function(*data)), rel=1e-3)) is is_mean
    assert ('is not a mean over images' in said) is not is_mean


@pytest.mark.parametrize('function', [lambda p, t: (p == t).float().mean() if len(p) == 16 else p[99], accuracy])
def test_one_image_or_a_fixed_size_is_not_told(function):
    outputs, targets = (torch.zeros(16, 2), torch.zeros(16, 2)) if function is not accuracy else (
        torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))
    assert not of_a_set(function, outputs, targets)[1]


@pytest.mark.parametrize('metric', [error_rate, F1Score(), RocAuc(), rmse])
def test_reset_forgets(metric):
    metric, = as_metrics(metric)
    logits, targets = torch.tensor([[2., 1.], [0., 1.]]), torch.tensor([0, 1])
    if metric.name == 'rmse': targets = torch.zeros(2, 2)
    metric.update(logits, targets)
    first = metric.value()
    metric.update(-2*logits, targets)
    assert metric.value() != first
    metric.reset()
    with pytest.raises(ValueError, match=f'got no batch, so {metric.name} has no value; call update'): metric.value()
    metric.update(logits, targets)
    assert metric.value() == first


def test_updates_hold_no_graph():
    logits = torch.randn(4, 2, requires_grad=True)
    for metric in as_metrics([F1Score, RocAuc, lambda x, y: x.mean()]):
        metric.update(logits, torch.tensor([0, 1, 0, 1]))
        assert isinstance(metric.value(), float)


def test_half_precision():
    logits, targets = pictures(2)
    halves = logits.bfloat16()
    for metric in (accuracy, F1Score(), RocAuc()):
        assert over_batches(metric, halves, targets) == pytest.approx(over_batches(metric, halves.float(), targets))


def own_metric(logits, targets): return logits.mean()


def test_what_may_be_given():
    assert as_metrics(None) == [] and [m.name for m in as_metrics('accuracy')] == ['accuracy']
    given = [error_rate, 'F1Score', Recall, BalancedAccuracy(), own_metric, rmse, 'r2_score']
    metrics = as_metrics(given)
    assert all(isinstance(metric, Metric) for metric in metrics)
    assert [(m.name, m.lower_is_better) for m in metrics] == [
        ('error_rate', True), ('f1_score', False), ('recall_score', False), ('balanced_accuracy_score', False),
        ('own_metric', False), ('rmse', True), ('r2_score', False)]
    assert all(m.lower_is_better for m in as_metrics([mae, mse, functools.partial(error_rate)]))
    named = Mean(own_metric, name='mine', lower_is_better=True)
    assert (as_metrics(named)[0].name, as_metrics(named)[0].lower_is_better) == ('mine', True)


class SquaredError:
    "Brier's score of the true class, as another library would count it: from probabilities, over all batches"
    def reset(self): self.seen = []
    def update(self, probabilities, targets): self.seen.append((1 - probabilities[range(len(targets)), targets])**2)
    def compute(self): return torch.cat(self.seen).mean()


def test_a_metric_of_another_library_gets_every_batch():
    "Once with probabilities and targets, as torchmetrics expects them for one class per image"
    rng = torch.Generator().manual_seed(0)
    batches = [(torch.randn(n, 3, generator=rng), torch.randint(3, (n,), generator=rng)) for n in (4, 1)]
    metric, = as_metrics(SquaredError())
    for logits, targets in batches: metric.update(logits, targets)
    shares = [logits.exp()/logits.exp().sum(1, keepdim=True) for logits, _ in batches]
    expected = [(1 - row[target].item())**2 for share, (_, targets) in zip(shares, batches)
                for row, target in zip(share, targets)]
    assert metric.value() == pytest.approx(sum(expected)/5, rel=1e-5) and metric.name == 'SquaredError'


def test_every_learner_gets_new_ones():
    shared = F1Score()
    shared.update(*pictures(2))
    first, = as_metrics(shared)
    second, = as_metrics(first)
    second.update(*pictures(2))
    with pytest.raises(ValueError, match='got no batch'): first.value()
    assert first is not shared and first is not second


@pytest.mark.parametrize('given, error, text', [
    ('acuracy', ValueError, "got unknown metric 'acuracy', expected one such as accuracy"),
    ('f1score', ValueError, 'expected one such as F1Score'),
    ('zzz', ValueError, 'expected one such as accuracy, error_rate.*or pass a function'),
    (3, TypeError, 'got 3 as a metric, expected a name, a function'),
    ([accuracy, 'accuracy'], ValueError, 'got two metrics named accuracy, expected different names'),
])
def test_what_may_not_be_given(given, error, text):
    with pytest.raises(error, match=text): as_metrics(given)


@pytest.mark.parametrize('call, text', [
    (lambda: F1Score()(*pictures(5)), r"average='binary' with 5 classes, expected two.*F1Score\(average='macro'\)"),
    (lambda: Recall()(*pictures(2, several=True)), "average='binary' with 2 labels"),
    (lambda: F1Score('mean'), r"got average='mean', expected one of \('binary', 'macro', 'micro', 'weighted'\)"),
    (lambda: F1Score(pos_label=2), 'got pos_label=2, expected 0 or 1'),
    (lambda: top_k_accuracy(*pictures(2)), r'got k=5 for 2 classes, expected 1 to 2'),
    (lambda: accuracy(*pictures(4, several=True)), 'For several labels per image, use .* accuracy_multi'),
    (lambda: BalancedAccuracy()(*pictures(4, several=True)),
     'got several labels per image for balanced_accuracy_score, expected one class .* F1ScoreMulti'),
    (lambda: mae(torch.zeros(4, 2), torch.zeros(4)), r'\(4, 2\) with targets of shape \(4,\); expected the same shape'),
])
def test_what_does_not_fit(call, text):
    with pytest.raises(ValueError, match=text): call()


def one_process(rank: int, address: str, answers: mp.SimpleQueue) -> None:
    "Two processes share the pictures unequally; one metric sees all of them in the first, and one sees nothing"
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    logits, targets = pictures(2)
    mine = [slice(0, 70), slice(70, 100)][rank]
    *metrics, one_sided, empty = as_metrics([accuracy, F1Score, MatthewsCorrCoef, RocAuc, Recall, BalancedAccuracy])
    for metric in metrics: metric.update(logits[mine], targets[mine])
    if rank == 0: one_sided.update(logits, targets)
    values = [metric.value() for metric in (*metrics, one_sided)]
    try: empty.value()
    except ValueError as error: values.append(str(error))
    answers.put(values)
    dist.destroy_process_group()


def test_several_processes(tmp_path):
    answers = mp.get_context('spawn').SimpleQueue()
    mp.spawn(one_process, (f'file://{tmp_path/"meet"}', answers), nprocs=2)
    expected = [over_batches(metric, *pictures(2)) for metric in (accuracy, F1Score, MatthewsCorrCoef, RocAuc, Recall)]
    for _ in range(2):
        *values, text = answers.get()
        assert values == pytest.approx(expected, rel=1e-6)
        assert text.startswith('got no batch, so balanced_accuracy_score has no value')


@pytest.mark.parametrize('name', ['Precision', 'Recall', 'F1Score', 'PrecisionMulti', 'RecallMulti', 'F1ScoreMulti',
                                  'BalancedAccuracy', 'CohenKappa', 'MatthewsCorrCoef', 'RocAuc', 'r2_score'])
def test_a_column_is_named_like_scikit_learns_function(name):
    metric = as_metrics(name)[0]
    assert hasattr(pytest.importorskip('sklearn.metrics'), metric.name) and not metric.lower_is_better


@pytest.mark.parametrize('name', ['error_rate', 'mae', 'mse', 'rmse', 'accuracy', 'accuracy_multi', 'top_k_accuracy'])
def test_errors_are_better_when_lower(name):
    metric = as_metrics(name)[0]
    assert metric.name == name and metric.lower_is_better == ('accuracy' not in name)
