"What it brings to let the body learn too: two ways to go on from the same point"
import pytest
import torch
from fastlearn.course.unfreezing import relative_change, try_unfreezing
from fastlearn.optimizer import sgd
from torch import nn


@pytest.fixture(scope='module')
def dls(small_learner): return small_learner.dls


def test_what_it_says(dls, capsys):
    one = try_unfreezing(dls, 'resnet10', epochs=1)
    assert one.gain == one.frozen.loss/one.free.loss and len(one.moved) == 3 and min(one.moved) > 0
    assert not capsys.readouterr().out, 'no tables of the trainings'
    lines = repr(one).splitlines()
    assert [line.split(' loss')[0].strip() for line in lines[:3]] == ['head trained', 'on with the head alone',
                                                                     'on with everything']
    assert lines[3].startswith(f'unfreezing divided the loss by {one.gain:.2f}; the parts moved by ')


def test_rates_of_nothing_move_nothing(dls):
    one = try_unfreezing(dls, 'resnet10', epochs=1, lr=[0., 0., 1e-3], opt_func=sgd, head_lr=.01)
    assert one.moved[:2] == (0, 0) and one.moved[2] > 0


def test_the_change_against_its_formula():
    layer = nn.Linear(3, 2)
    before = [p.detach().clone() for p in layer.parameters()]
    with torch.no_grad(): layer.bias += 3
    expected = (2*9)**.5/sum((p**2).sum() for p in before).sqrt().item()
    assert relative_change(layer, before) == pytest.approx(expected, rel=1e-6)
