"Experiments on any loaders: how many pictures, how far the body moves, what the first layer's filters do"
import copy
from collections import Counter
from functools import partial

import pytest
import torch
from fastlearn.course.experiments import (
    _relative_change, learning_curve, LearningCurve, renormalize_filters, renormalizing_train_step, subsample,
    try_unfreezing, unmoved_filters,
)
from fastlearn.dashboard.filters import strengths
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.losses import CrossEntropy
from fastlearn.models import resnet10
from fastlearn.optimizer import sgd
from fastlearn.training import train, train_step
from torch import nn
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import TensorDataset


@pytest.fixture(scope='module')
def dls(small_learner): return small_learner.dls


# --- how many pictures ---

@pytest.mark.parametrize('n', [1, 3, 8])
def test_so_many_of_each_class(dls, n):
    some = subsample(dls, n)
    assert set(Counter(some.train.dataset.labels).values()) == {n} and some.valid is dls.valid
    assert set(some.train.items) <= set(dls.train.items) and some.vocab == dls.vocab


def test_a_larger_choice_holds_the_smaller_one(dls):
    assert set(subsample(dls, 2, seed=5).train.items) < set(subsample(dls, 4, seed=5).train.items)
    same, again, other = (subsample(dls, 4, seed=seed).train.items for seed in (5, 5, 6))
    assert same == again != other


def test_an_epoch_of_few_pictures_can_be_long(dls):
    some = subsample(dls, 2, steps=7)
    assert len(some.train) >= 7
    assert set(Counter(some.train.items).values()) == {len(some.train.items)//(2*len(dls.vocab))}


def test_too_many_asked_for(dls):
    with pytest.raises(ValueError, match='per_class is 1000; expected 1 to [0-9]+, the training images of the smallest '
                                         'class'):
        subsample(dls, 1000)
    with pytest.raises(ValueError, match='per_class is 0; expected 1 to'): subsample(dls, 0)


def test_loaders_of_your_own(dls):
    images, targets = dls.one_batch()
    own = TorchDataLoader(TensorDataset(images, targets), 4)
    with pytest.raises(ValueError, match='expected images with one label each .* found DataLoader'):
        subsample(DataLoaders(own, own, vocab=dls.vocab), 2)


def test_the_curve(dls, capsys, close_figures):
    curve = learning_curve(dls, resnet10, (2, 4), steps=1)
    assert list(curve.errors) == ['pretrained', 'from scratch'] and all(len(e) == 2 for e in curve.errors.values())
    assert all(0 <= error <= 1 for errors in curve.errors.values() for error in errors)
    assert not capsys.readouterr().out, 'no tables of the runs'
    assert repr(curve).splitlines()[0].split() == ['images', 'per', 'class', '2', '4']
    axis = curve.plot().axes[0]
    assert [list(line.get_xdata()) for line in axis.lines] == [[2, 4]]*2
    assert list(learning_curve(dls, resnet10, (2,), steps=1, scratch=False).errors) == ['pretrained']


def test_a_perfect_score_can_be_drawn(close_figures):
    assert LearningCurve((5, 20), {'pretrained': (.1, 0.)}).plot().axes[0].lines[0].get_ydata()[1] > 0


# --- how far the body moves ---

def test_what_it_says(dls, capsys):
    one = try_unfreezing(dls, 'resnet10', epochs=1)
    assert one.gain == one.frozen.loss/one.free.loss and len(one.moved) == 3 and min(one.moved) > 0
    assert not capsys.readouterr().out, 'no tables of the runs'
    lines = repr(one).splitlines()
    assert [line.split(' loss')[0].strip() for line in lines[:3]] == ['head trained', 'then the head only',
                                                                     'then everything']
    assert lines[3].startswith(f'unfreezing divided the loss by {one.gain:.2f}; the parts moved by ')


def test_rates_of_nothing_move_nothing(dls):
    one = try_unfreezing(dls, 'resnet10', epochs=1, lr=[0., 0., 1e-3], opt_func=sgd, head_lr=.01)
    assert one.moved[:2] == (0, 0) and one.moved[2] > 0


def test_the_change_against_its_formula():
    layer = nn.Linear(3, 2)
    before = [p.detach().clone() for p in layer.parameters()]
    with torch.no_grad(): layer.bias += 3
    expected = (2*9)**.5/sum((p**2).sum() for p in before).sqrt().item()
    assert _relative_change(layer, before) == pytest.approx(expected, rel=1e-6)


# --- filters that are too strong, and filters that did not move ---

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def test_only_what_is_too_strong_is_scaled():
    model = network()
    with torch.no_grad():
        model[0].weight[1] *= 30; model[3].weight[2] *= 30; model[6].weight *= 30
    before = copy.deepcopy(model)
    assert renormalize_filters(model, .5) == 2
    for layer, number in (0, 1), (3, 2):
        old, new = before[layer].weight, model[layer].weight
        assert strengths(new[number:number + 1]).item() == pytest.approx(.5, rel=1e-5)
        assert torch.allclose(new[number]/old[number], (new[number]/old[number]).mean().expand_as(new[number]))
        rest = [i for i in range(4) if i != number]
        assert torch.equal(new[rest], old[rest])
    for layer in 1, 6:
        assert all(map(torch.equal, model[layer].state_dict().values(), before[layer].state_dict().values()))
    assert renormalize_filters(model, .5001) == 0


def test_frozen_filters_and_zeros_are_left_alone():
    model = network()
    model[0].requires_grad_(False)
    with torch.no_grad(): model[3].weight[0] = 0
    frozen = model[0].weight.clone()
    renormalize_filters(model, 1e-3)
    assert torch.equal(model[0].weight, frozen)
    assert torch.isfinite(model[3].weight).all() and (model[3].weight[0] == 0).all()
    assert model[3].weight.requires_grad and model[3].weight.grad is None
    for limit in 0, -1., float('nan'):
        with pytest.raises(ValueError, match=f'limit is {limit}; expected a root mean square above 0'):
            renormalize_filters(model, limit)


def test_it_is_a_step_of_train():
    batches = [(torch.randn(8, 3, 8, 8), torch.randint(2, (8,))) for _ in range(4)]
    found = {}
    for name, step in ('plain', train_step), ('held', partial(renormalizing_train_step, limit=.05)):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=.5)
        found[name] = [s.loss for s in train(model, batches, CrossEntropy(), optimizer, train_step=step)]
        if name == 'held': assert max(strengths(m.weight).max() for m in (model[0], model[3])) <= .05*(1 + 1e-5)
        else: assert strengths(model[0].weight).max() > .05
    assert found['plain'][0] == found['held'][0] and found['plain'][1:] != found['held'][1:]


def test_unmoved_filters():
    start = torch.randn(5, 3, 7, 7)
    now = start*torch.tensor([1., 1.4, 1.6, .3, -1.])[:, None, None, None]
    assert unmoved_filters(start, now) == [0, 1] and unmoved_filters(start, now, .65) == [0, 1, 2]
    with pytest.raises(ValueError, match=r'shape \(5, 3, 7, 7\) at the start and \(4, 3, 7, 7\) now'):
        unmoved_filters(start, now[:4])
