"What a model got wrong: counted as scikit-learn counts, for one label, several, and quantities"
import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
import torch
import torch.nn.functional as F
from fastlearn.all import ImageDataLoaders, Resize, resnet10, vision_learner
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.labels import LabelSpec
from fastlearn.interpret.classification import ClassificationInterpretation, ClassificationReport, show_results


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def learn(tuned_learner): return tuned_learner


@pytest.fixture(scope='module')
def interp(learn): return ClassificationInterpretation.from_learner(learn)


@pytest.fixture(scope='module')
def several(few_pets):
    dls = ImageDataLoaders.from_csv(few_pets, folder='images', label_col=['species', 'scene'], bs=16, seed=1,
                                    item_tfms=Resize(32))
    return vision_learner(dls, resnet10)


@pytest.fixture(scope='module')
def numbers(few_pets):
    files = get_image_files(few_pets)
    quantities = [(i/10, 1 - i/20) for i in range(len(files))]
    dls = ImageDataLoaders.from_lists(few_pets, files, quantities, item_tfms=Resize(32), bs=16, seed=1)
    return vision_learner(dls, resnet10)


def made_up(classes: int = 4, n: int = 200, several: bool = False, **changes) -> ClassificationInterpretation:
    "Answers of no model, with all kinds of mistakes"
    torch.manual_seed(3)
    logits = torch.randn(n, classes)*2
    if several: probabilities, targets = logits.sigmoid(), (torch.rand(n, classes) < .4).float()
    else: probabilities, targets = logits.softmax(1), torch.randint(classes - 1, (n,))  # the last class never occurs
    predictions = probabilities > .5 if several else probabilities.argmax(1)
    spec = LabelSpec('multi' if several else 'single', tuple('abcdefgh'[:classes]))
    return ClassificationInterpretation(**dict(loader=[], label_spec=spec, probabilities=probabilities,
                                              predictions=predictions,
                                               targets=targets, losses=torch.rand(n)) | changes)


# --- from a learner ---

def test_losses_are_those_of_validation(learn, interp):
    assert len(interp) == 24 and interp.losses.mean().item() == pytest.approx(learn.validate().loss, abs=1e-4)
    wrong = (interp.predictions != interp.targets).double().mean().item()
    assert wrong == pytest.approx(learn.validate().metrics['error_rate'], abs=1e-6)
    assert torch.equal(interp.targets, learn.dls.valid.dataset.targets)
    own = -interp.probabilities[range(24), interp.targets].log()
    assert torch.allclose(interp.losses, own, atol=1e-4) and '24 images, mean loss' in repr(interp)


def test_the_training_set_comes_in_order_and_whole(learn):
    found = ClassificationInterpretation.from_learner(learn, learn.dls.train)
    assert len(found) == 72 and torch.equal(found.targets, learn.dls.train.dataset.targets)
    again = ClassificationInterpretation.from_learner(learn, learn.dls.train)
    assert torch.equal(found.losses, again.losses) and found.loader.items == learn.dls.train.items


def test_a_plain_loss_is_read_by_the_kind_of_label(learn, interp):
    plain = copy.copy(learn)
    plain.loss_func = F.cross_entropy
    found = ClassificationInterpretation.from_learner(plain)
    assert torch.equal(found.probabilities, interp.probabilities) and torch.equal(found.predictions, interp.predictions)
    plain.show_results(max_n=2)
    plain.loss_func = lambda probabilities, targets: F.binary_cross_entropy(probabilities.softmax(1)[:, 1], targets*1.)
    plain.loss_func.__name__ = 'binary_cross_entropy'
    with pytest.raises(ValueError, match='takes probabilities'): ClassificationInterpretation.from_learner(plain)


def test_other_pictures_with_labels(learn):
    files = learn.dls.valid.items[:5]
    found = ClassificationInterpretation.from_learner(learn, learn.dls.test_dl(files, labels=[True]*5))
    assert found.targets.tolist() == [1]*5
    with pytest.raises(ValueError, match=r'have no labels, so .* with_labels=True'):
        ClassificationInterpretation.from_learner(learn, learn.dls.test_dl(files))
    with pytest.raises(ValueError, match='the loader returned no batches'):
        ClassificationInterpretation.from_learner(learn, [])


def test_own_loaders(few_learner):
    images, targets = torch.rand(20, 3, 32, 32), torch.arange(20) % 2
    data = torch.utils.data.TensorDataset(images, targets)
    loaders = [torch.utils.data.DataLoader(data, batch_size=5, shuffle=shuffle) for shuffle in (True, False)]
    dls = DataLoaders(*loaders, vocab=['cat', 'dog'], device='cpu')
    learn = vision_learner(dls, resnet10)
    found = ClassificationInterpretation.from_learner(learn)
    assert torch.equal(found.targets, targets)
    expected = (images[[3, 1]] - images[[3, 1]].min())/(images[[3, 1]].max() - images[[3, 1]].min())
    assert torch.allclose(found.images([3, 1]), expected)
    assert found.browse(2).state['cells'][0]['pictures'][0]['name'].startswith('image ')
    shuffled = ClassificationInterpretation.from_learner(learn, dls.train)
    assert torch.equal(shuffled.targets, targets)  # PyTorch's loader is read in the order of its dataset
    with pytest.raises(TypeError, match='show_results needs a fastlearn DataLoader'): learn.show_results()


# --- against scikit-learn ---

def test_confusion_matrix():
    interp = made_up()
    expected = sklearn.metrics.confusion_matrix(interp.targets, interp.predictions, labels=range(4))
    assert np.array_equal(interp.confusion_matrix(), expected)
    rates = sklearn.metrics.confusion_matrix(interp.targets, interp.predictions, labels=range(4), normalize='true')
    assert np.allclose(interp.confusion_matrix(normalize=True), rates)
    several = made_up(several=True)
    expected = sklearn.metrics.multilabel_confusion_matrix(several.targets, several.predictions)
    assert np.array_equal(several.confusion_matrix(), expected)


@pytest.mark.parametrize('several', [False, True])
def test_report(several):
    interp = made_up(several=several)
    expected = sklearn.metrics.classification_report(interp.targets, interp.predictions, labels=range(4),
                                                     zero_division=0,
                                                     target_names=list('abcd'), output_dict=True)
    report = interp.classification_report()
    for name, theirs in zip('abcd', 'abcd'): same(report[name], expected[theirs])
    for name, theirs in (('mean', 'macro avg'), ('weighted mean', 'weighted avg')): same(report[name], expected[theirs])


def same(row, expected):
    found = [row.precision, row.recall, row.f1, row.support]
    assert found == pytest.approx([expected[key] for key in ('precision', 'recall', 'f1-score', 'support')])


def test_report_as_text_and_table(capsys):
    report = made_up().classification_report()
    lines = repr(report).splitlines()
    assert lines[0].split() == ['class', 'precision', 'recall', 'f1', 'support'] and len(lines) == 7
    assert lines[4].split() == ['d', '0.00', '0.00', '0.00', '0'] and len(set(map(len, lines))) == 1
    said = ClassificationReport(tuple(row.__class__('<b>', 1, 1, 1, 1) for row in report.rows))._repr_html_()
    assert '<b>' not in said and said.count('<tr>') == 7
    made_up().print_classification_report()
    assert capsys.readouterr().out.strip() == repr(report)


def test_calibration():
    interp = made_up(n=500)
    right, claims = (interp.predictions == interp.targets).numpy(), interp.probabilities.max(1).values.double().numpy()
    for bins in (5, 10, 15):
        true, claimed = sklearn.calibration.calibration_curve(right, claims, n_bins=bins)
        found = interp.calibration(bins)
        known = found.counts > 0
        assert np.allclose(found.accuracy[known], true) and np.allclose(found.confidence[known], claimed)
        assert found.counts.sum() == 500
        weights = np.histogram(claims, np.linspace(0, 1, bins + 1))[0]
        assert found.error == pytest.approx(np.average(abs(true - claimed), weights=weights[weights > 0]))


def test_perfect_answers_are_calibrated():
    perfect = made_up(probabilities=torch.eye(4)[torch.arange(200) % 4], predictions=torch.arange(200) % 4,
                      targets=torch.arange(200) % 4)
    assert perfect.calibration().error == 0 and perfect.most_confused() == []
    assert made_up(several=True).calibration().counts.sum() == 800


# --- order and pictures ---

def test_most_confused_is_sorted_and_speaks_of_labels():
    interp = made_up()
    matrix = interp.confusion_matrix()
    found = interp.most_confused(min_val=5)
    assert [n for *_, n in found] == sorted((n for *_, n in found), reverse=True) and min(n for *_, n in found) >= 5
    assert all(matrix['abcd'.index(a), 'abcd'.index(b)] == n and a != b for a, b, n in found)
    assert len(interp.most_confused()) == ((matrix > 0).sum() - (matrix.diag() > 0).sum()).item()


def test_top_losses():
    interp = made_up()
    values, indices = interp.top_losses(7)
    assert torch.equal(values, interp.losses.topk(7).values) and torch.equal(interp.losses[indices], values)
    assert interp.top_losses(1, largest=False)[0] == interp.losses.min() and len(interp.top_losses()[0]) == 200


def test_pictures_are_those_of_the_set(learn, interp):
    valid = learn.dls.valid.dataset
    for i, picture in zip((5, 0, 23), interp.images([5, 0, 23])):
        expected = torch.tensor(valid.transform.crop(valid.pixels(i))).permute(2, 0, 1)/255
        assert torch.allclose(picture, expected, atol=1e-5)


def titles(figure) -> list[str]: return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_top_losses_are_titled(interp):
    interp.plot_top_losses(4, nrows=1)
    values, indices = interp.top_losses(4)
    said, actual, probability = interp.label_texts(indices[0].item())
    assert titles(plt.gcf())[0] == f'{said} / {actual}\n{values[0]:.2f} / {probability:.2f}'
    assert len(titles(plt.gcf())) == 4
    assert plt.gcf().get_suptitle() == 'Prediction / actual\nloss / probability'


def test_matrix_and_calibration_are_drawn(interp):
    figure = interp.plot_confusion_matrix(title='Who is who')
    cells = {text.get_text() for text in figure.axes[0].texts}
    assert cells == {str(n) for n in interp.confusion_matrix().flatten().tolist() if n}
    assert figure.get_suptitle() == 'Who is who' and figure.axes[0].get_ylabel() == 'Actual'
    shares = {text.get_text() for text in interp.plot_confusion_matrix(normalize=True, norm_dec=3).axes[0].texts}
    assert shares == {f'{value:.3f}' for value in interp.confusion_matrix(True).flatten().tolist() if value}
    assert not interp.plot_confusion_matrix(plot_txt=False).axes[0].texts
    assert f'{interp.calibration().error:.1%}' in interp.plot_calibration().axes[0].get_title()


def test_results_say_what_is_wrong(learn, interp):
    learn.show_results(max_n=24)
    said = titles(plt.gcf())
    wrong = (interp.predictions != interp.targets).sum()
    assert len(said) == 24 and sum(title.startswith('✗') for title in said) == wrong
    assert all('actual' in title for title in said if title.startswith('✗'))
    show_results(learn, max_n=3)
    assert len(titles(plt.gcf())) == 3


# --- several labels, and quantities ---

def test_several_labels(several):
    interp = ClassificationInterpretation.from_learner(several)
    assert interp.confusion_matrix().shape == (several.dls.c, 2, 2)
    assert len([axis for axis in interp.plot_confusion_matrix().axes if axis.get_title()]) == several.dls.c
    assert [row.name for row in interp.classification_report().rows[:-2]] == list(several.dls.vocab)
    interp.plot_top_losses(2)
    assert plt.gcf().get_suptitle() == 'Prediction / actual\nloss'
    several.show_results(max_n=2)
    with pytest.raises(ValueError, match=r'most_confused needs one class per image, .* classification_report\(\)'):
        interp.most_confused()
    with pytest.raises(ValueError, match='browse needs one class per image'): interp.browse()


def test_quantities(numbers):
    interp = ClassificationInterpretation.from_learner(numbers)
    assert interp.losses.mean().item() == pytest.approx(numbers.validate().loss, rel=1e-4)
    figure = interp.plot_predicted()
    for i, axis in enumerate(figure.axes):
        assert np.allclose(axis.lines[-1].get_data(), torch.stack([interp.targets[:, i], interp.predictions[:, i]]))
    interp.plot_top_losses(2)
    numbers.show_results(max_n=2)
    assert 'actual' in titles(plt.gcf())[0]
    for ask in (interp.confusion_matrix, interp.most_confused, interp.classification_report, interp.calibration,
                interp.browse):
        with pytest.raises(ValueError, match='but the labels are quantities'): ask()


def test_classes_have_no_scatter(interp):
    with pytest.raises(ValueError, match=r'but the labels are classes; use plot_confusion_matrix\(\)'):
        interp.plot_predicted()
