"Filters that are too strong, and filters that did not move"
import copy
from functools import partial

import pytest
import torch
from torch import nn

from fastlearn.course.first_layer_choices import renormalise_filters, unmoved_filters, update_and_renormalise
from fastlearn.dashboard.filters import strengths
from fastlearn.losses import CrossEntropy
from fastlearn.training import train, train_step


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def test_only_what_is_too_strong_is_scaled():
    model = network()
    with torch.no_grad():
        model[0].weight[1] *= 30; model[3].weight[2] *= 30; model[6].weight *= 30
    before = copy.deepcopy(model)
    assert renormalise_filters(model, .5) == 2
    for layer, number in (0, 1), (3, 2):
        old, new = before[layer].weight, model[layer].weight
        assert strengths(new[number:number + 1]).item() == pytest.approx(.5, rel=1e-5)
        assert torch.allclose(new[number]/old[number], (new[number]/old[number]).mean().expand_as(new[number]))
        rest = [i for i in range(4) if i != number]
        assert torch.equal(new[rest], old[rest])
    for layer in 1, 6:
        assert all(map(torch.equal, model[layer].state_dict().values(), before[layer].state_dict().values()))
    assert renormalise_filters(model, .5001) == 0


def test_frozen_filters_and_zeros_are_left_alone():
    model = network()
    model[0].requires_grad_(False)
    with torch.no_grad(): model[3].weight[0] = 0
    frozen = model[0].weight.clone()
    renormalise_filters(model, 1e-3)
    assert torch.equal(model[0].weight, frozen)
    assert torch.isfinite(model[3].weight).all() and (model[3].weight[0] == 0).all()
    assert model[3].weight.requires_grad and model[3].weight.grad is None
    for limit in 0, -1., float('nan'):
        with pytest.raises(ValueError, match=f'limit is {limit}; expected a root mean square above 0'):
            renormalise_filters(model, limit)


def test_it_is_a_step_of_train():
    batches = [(torch.randn(8, 3, 8, 8), torch.randint(2, (8,))) for _ in range(4)]
    found = {}
    for name, step in ('plain', train_step), ('held', partial(update_and_renormalise, limit=.05)):
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
