"How the error falls as pictures are added: what is drawn by lot, what stays the same"
from collections import Counter

import pytest
from fastlearn.course.learning_curve import fewer, learning_curve, LearningCurve
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.models import resnet10
from torch.utils.data import DataLoader, TensorDataset


@pytest.fixture(scope='module')
def dls(small_learner): return small_learner.dls


@pytest.mark.parametrize('n', [1, 3, 8])
def test_so_many_of_each_class(dls, n):
    some = fewer(dls, n)
    assert set(Counter(some.train.dataset.labels).values()) == {n} and some.valid is dls.valid
    assert set(some.train.items) <= set(dls.train.items) and some.vocab == dls.vocab


def test_a_larger_choice_holds_the_smaller_one(dls):
    assert set(fewer(dls, 2, seed=5).train.items) < set(fewer(dls, 4, seed=5).train.items)
    assert fewer(dls, 4, seed=5).train.items == fewer(dls, 4, seed=5).train.items != fewer(dls, 4, seed=6).train.items


def test_an_epoch_of_few_pictures_can_be_long(dls):
    some = fewer(dls, 2, steps=7)
    assert len(some.train) >= 7
    assert set(Counter(some.train.items).values()) == {len(some.train.items)//(2*len(dls.vocab))}


def test_too_many_asked_for(dls):
    with pytest.raises(ValueError, match='1000 training pictures of each class were asked for; the smallest class has'):
        fewer(dls, 1000)
    with pytest.raises(ValueError, match='0 training pictures'): fewer(dls, 0)


def test_loaders_of_your_own(dls):
    images, targets = dls.one_batch()
    own = DataLoader(TensorDataset(images, targets), 4)
    with pytest.raises(ValueError, match='where each has one label and fastlearn reads the files, not for DataLoader'):
        fewer(DataLoaders(own, own, vocab=dls.vocab), 2)


def test_the_curve(dls, capsys, close_figures):
    curve = learning_curve(dls, resnet10, (2, 4), steps=1)
    assert list(curve.errors) == ['pretrained', 'from scratch'] and all(len(e) == 2 for e in curve.errors.values())
    assert all(0 <= error <= 1 for errors in curve.errors.values() for error in errors)
    assert not capsys.readouterr().out, 'no tables of the trainings'
    assert repr(curve).splitlines()[0].split() == ['pictures', 'per', 'class', '2', '4']
    axis = curve.plot().axes[0]
    assert [list(line.get_xdata()) for line in axis.lines] == [[2, 4]]*2
    assert list(learning_curve(dls, resnet10, (2,), steps=1, scratch=False).errors) == ['pretrained']


def test_a_perfect_score_can_be_drawn(close_figures):
    assert LearningCurve((5, 20), {'pretrained': (.1, 0.)}).plot().axes[0].lines[0].get_ydata()[1] > 0
