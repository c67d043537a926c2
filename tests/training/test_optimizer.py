"Steps against torch.optim, groups and rates against fastai's, and what is said about rates that do not fit"
import math

import pytest
import torch
from torch import nn

from fastlearn.optimizer import adam, parameter_groups, rates_per_group, set_rates, sgd


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 5) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        images = torch.randn(4, 3, 8, 8, generator=random).to(next(model.parameters()).dtype)
        model(images).square().mean().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize('ours, theirs', [
    (lambda p: adam(p, 1e-2), lambda p: torch.optim.AdamW(p, 1e-2, (.9, .99), 1e-5, .01, foreach=False)),
    (lambda p: sgd(p, 1e-2, wd=.1), lambda p: torch.optim.SGD(p, 1e-2, .9, weight_decay=.1, foreach=False)),
    (lambda p: sgd(p, 1e-2, mom=0), lambda p: torch.optim.SGD(p, 1e-2, foreach=False)),
])
def test_steps_are_torchs(ours, theirs):
    # float64: the bias before the norm layer has a gradient of rounding errors alone, which Adam would make large
    one, two = network().double(), network().double()
    torch.testing.assert_close(train(one, ours(one.parameters())), train(two, theirs(two.parameters())),
                               rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('kind', [adam, sgd])
def test_the_memory_order_makes_no_difference(kind):
    "A model that turns to channels_last between two fits keeps its averages in the old order"
    one, two = network().double(), network().double()   # float64: convolutions round differently in the two orders
    first, second = kind(one.parameters(), 1e-2), kind(two.parameters(), 1e-2)
    train(one, first), train(two, second)
    two.to(memory_format=torch.channels_last)
    torch.testing.assert_close(train(one, first), train(two, second), rtol=1e-6, atol=1e-9)


def test_without_a_fused_kernel_there_is_a_plain_one():
    "PyTorch would refuse at the first step"
    fused, plain = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.complex64))
    assert [adam([weight]).defaults['fused'] for weight in (fused, plain)] == [True, None]
    assert sgd([dict(params=iter([fused, plain]))]).defaults['fused'] is None


def test_an_optimizer_may_be_given_a_generator():
    model = network()
    assert len(adam(model.parameters()).param_groups[0]['params']) == len(list(model.parameters()))


def test_groups_spare_biases_and_norms():
    model = network()
    found = parameter_groups([model[:3], model[3:]], wd=.1)
    shapes = [(g['group'], g['weight_decay'], [tuple(p.shape) for p in g['params']]) for g in found]
    assert shapes == [(0, .1, [(8, 3, 3, 3)]), (0, 0, [(8,), (8,), (8,)]), (1, .1, [(2, 288)]), (1, 0, [(2,)])]
    decayed = parameter_groups([model], wd=.1, wd_bn_bias=True)
    assert [len(g['params']) for g in decayed] == [6] and decayed[0]['weight_decay'] == .1


@pytest.mark.parametrize('norm', [nn.BatchNorm1d(4), nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.RMSNorm(4),
                                  nn.InstanceNorm2d(4, affine=True)])
def test_every_norm_is_spared(norm):
    assert {g['weight_decay'] for g in parameter_groups([norm])} == {0}


def test_groups_hold_every_parameter_once():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, shared, nn.ReLU(), nn.MultiheadAttention(4, 2))
    found = [p for g in parameter_groups([model]) for p in g['params']]
    assert len(found) == len(set(map(id, found))) == len(list(model.parameters()))


def test_a_group_without_parameters_keeps_its_place():
    found = parameter_groups([nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)])
    assert {g['group'] for g in found} == {0, 2}
    with pytest.raises(ValueError, match='got 1 groups without any parameter'): parameter_groups([nn.ReLU()])


def test_weight_decay_below_zero():
    with pytest.raises(ValueError, match='got weight decay -0.1, expected 0'): parameter_groups([network()], wd=-.1)


@pytest.mark.parametrize('lr, groups, expected', [
    (1e-3, 3, [1e-3, 1e-3, 1e-3]),
    (slice(1e-3), 3, [1e-4, 1e-4, 1e-3]),
    (slice(1e-3), 1, [1e-3]),
    (slice(1e-5, 1e-3), 3, [1e-5, 1e-4, 1e-3]),    # fine_tune's peaks, as fastai 2.8.12 has them
    (slice(1e-5, 1e-3), 1, [1e-3]),
    (slice(1e-4, 1e-4), 2, [1e-4, 1e-4]),
    ([1e-4, 1e-2], 2, [1e-4, 1e-2]),
    ((0, 1e-2), 2, [0, 1e-2]),
])
def test_rates(lr, groups, expected):
    assert rates_per_group(lr, groups) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('lr, text', [
    ([1e-4, 1e-3], 'got 2 learning rates for 3 groups; expected one per group'),
    (-1e-3, 'got learning rates .* expected finite numbers, 0 or above'),
    (math.nan, 'expected finite numbers'),
    (math.inf, 'expected finite numbers'),
    (slice(-1.), 'expected finite numbers, 0 or above'),
    (slice(0, 1e-3), 'expected two rates above 0 in a slice'),
    (slice(1e-5, None), r'expected slice\(highest\) or slice\(lowest, highest\)'),
    (slice(1e-5, 1e-3, 2), r'expected slice\(highest\) or slice\(lowest, highest\)'),
])
def test_rates_that_make_no_sense(lr, text):
    with pytest.raises(ValueError, match=text): rates_per_group(lr, 3)


@pytest.mark.parametrize('kind, momentum', [(adam, lambda g: g['betas'][0]), (sgd, lambda g: g['momentum'])])
def test_set_rates(kind, momentum):
    model = network()
    optimizer = kind(parameter_groups([model[:3], model[3:]]))
    set_rates(optimizer, [1e-4, 1e-3], momentum=.85)
    assert [(g['lr'], momentum(g)) for g in optimizer.param_groups] == [(1e-4, .85)]*2 + [(1e-3, .85)]*2
    set_rates(optimizer, [0., 1.])
    assert [(g['lr'], momentum(g)) for g in optimizer.param_groups] == [(0., .85)]*2 + [(1., .85)]*2


def test_set_rates_on_another_optimizer():
    model = network()
    alone = torch.optim.Adagrad(model.parameters())     # no momentum to set
    set_rates(alone, [.5], momentum=.9)
    assert alone.param_groups[0]['lr'] == .5
    two = torch.optim.SGD([dict(params=[p]) for p in list(model.parameters())[:2]], lr=1.)
    with pytest.raises(ValueError, match='got 2 rates for the groups .* `parameter_groups`'): set_rates(two, [.1, .2])
    with pytest.raises(ValueError, match=r'got 1 rates for the groups \[0, 0, 1, 1\]'):
        set_rates(adam(parameter_groups([model[:3], model[3:]])), [1e-3])


def test_frozen_weights_do_not_decay():
    model = network()
    optimizer = adam(parameter_groups([model[:3], model[3:]], wd=.5), lr=.1)
    model[:3].requires_grad_(False)
    before = [p.clone() for p in model[:3].parameters()]
    train(model, optimizer)
    assert all(p.equal(b) for p, b in zip(model[:3].parameters(), before))
