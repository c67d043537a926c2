"""BatchNorm's averages are measured on the new images, and from then on a frozen body does not change by a bit.

Members of the kind that are tried here, beside a body of convolutions: BatchNorm of one dimension, layers
without remembered averages, layers that remember and are not BatchNorm (InstanceNorm), a group in between, nothing
frozen, a single group, no norm layer at all; loaders of PyTorch; a picture that is not finite; a forward pass that
fails; Stop; a run that goes on where it was cut off; rounds of the loader that must not be used up.
The oracle is PyTorch's own `torch.optim.swa_utils.update_bn`, and for one layer the closed form.
"""
import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn as oracle

from fastlearn.data.dataloaders import DataLoaders
from fastlearn.observers import Observer
from fastlearn.trainer import Trainer


def data(n=6, shape=(3, 8, 8), seed=0, shift=4.):
    dice = torch.Generator().manual_seed(seed)
    draw = lambda: (shift + 3*torch.randn(8, *shape, generator=dice), torch.randint(2, (8,), generator=dice))
    return [draw() for _ in range(n)]


def body(norm=nn.BatchNorm2d, conv=nn.Conv2d):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(conv(3, 4, 3), norm(4), nn.ReLU(), conv(4, 5, 3), norm(5), nn.ReLU())


def trainer(part, batches, **how):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        end = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
        end(part(batches[0][0][:2]))
    part.load_state_dict({**part.state_dict()})
    dls = DataLoaders(batches, batches[:2], vocab=['no', 'yes'], device='cpu')
    return Trainer(dls, nn.Sequential(part, end), splitter=list, quiet=True, seed=0,
                   precision=torch.float32, **how)


def state(module): return {name: tensor.clone() for name, tensor in module.state_dict().items()}

def changed(module, before):
    return {name for name, tensor in module.state_dict().items() if not tensor.equal(before[name])}


@pytest.mark.parametrize('norm, conv, shape', [(nn.BatchNorm2d, nn.Conv2d, (3, 8, 8)),
                                               (nn.BatchNorm1d, nn.Conv1d, (3, 9))])
def test_the_averages_are_those_of_pytorch(norm, conv, shape):
    batches, part = data(shape=shape), body(norm, conv)
    learn = trainer(part, batches)
    expected = copy.deepcopy(part).train()
    oracle(batches, expected)
    learn.freeze()
    before = state(learn.model)
    learn.update_bn()
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(part.state_dict()[name], tensor, msg=name, rtol=1e-4, atol=1e-5)
    assert {name.split('.')[-1] for name in changed(learn.model, before)} == {
        'running_mean', 'running_var', 'num_batches_tracked'}
    assert [layer.momentum for layer in part if isinstance(layer, norm)] == [.1, .1]
    assert not any(module.training for module in learn.model.modules())


def test_one_layer_in_closed_form():
    batches = data(shape=(3,))
    norm = nn.BatchNorm1d(3)
    learn = trainer(norm, batches)
    learn.freeze(); learn.update_bn()
    every = torch.stack([images for images, _ in batches])             # (6, 8, 3)
    torch.testing.assert_close(norm.running_mean, every.mean((0, 1)))
    torch.testing.assert_close(norm.running_var, every.var(1).mean(0))


def test_a_few_pictures_are_enough():
    batches, part = data(n=6), body()
    learn, expected = trainer(part, batches), copy.deepcopy(part).train()
    oracle(batches[:3], expected)
    learn.freeze(); learn.update_bn(pictures=20)                       # 8 + 8 + 8 are the first to reach 20
    torch.testing.assert_close(part[4].running_mean, expected[4].running_mean)
    assert part[1].num_batches_tracked == 3


class Looks(Observer):
    "Keeps the body's state at the beginning of each phase and after each step"
    def __init__(self, learn): self.learn, self.seen = learn, []
    def begin(self, history): self.note()
    def after_step(self, history, step): self.note()
    def note(self): self.seen.append((len(self.learn.history.phases), state(self.learn.model[0])))


def test_a_frozen_body_is_frozen_from_the_measuring_on():
    learn = trainer(body(), data())
    before = state(learn.model[0])
    learn.observers.append(looks := Looks(learn))
    learn.fine_tune(1, freeze_epochs=2)
    first, *steps = [seen for phase, seen in looks.seen if phase == 1]
    assert len(steps) == 12 and all(step[name].equal(first[name]) for step in steps for name in first)
    assert {name for name in first if not first[name].equal(before[name])} == {
        f'{i}.{name}' for i in (1, 4) for name in ('running_mean', 'running_var', 'num_batches_tracked')}
    assert any(not seen[name].equal(first[name]) for phase, seen in looks.seen if phase == 2 for name in first)


def test_switched_off_nothing_of_the_body_changes_while_the_head_learns():
    learn = trainer(body(), data())
    before = state(learn.model[0])
    learn.fine_tune(0, freeze_epochs=2, update_bn=False)
    assert not changed(learn.model[0], before)


@pytest.mark.parametrize('part', [
    body(nn.InstanceNorm2d), body(lambda n: nn.InstanceNorm2d(n, track_running_stats=True)),
    body(lambda n: nn.GroupNorm(1, n)), body(lambda n: nn.BatchNorm2d(n, track_running_stats=False)),
    body(lambda n: nn.Identity())], ids=['instance', 'instance that remembers', 'group', 'forgets', 'none'])
def test_other_layers_stay(part):
    learn = trainer(part, data())
    before = state(learn.model)
    learn.freeze(); learn.update_bn()
    assert not changed(learn.model, before)


def test_only_frozen_groups_are_measured():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        end = nn.Sequential(nn.Conv2d(5, 3, 1), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 2))
    model = nn.Sequential(body(), end)
    learn = Trainer(DataLoaders(data(), data(2), vocab=['no', 'yes'], device='cpu'), model, splitter=list, quiet=True)
    before = state(model)
    learn.unfreeze(); learn.update_bn()
    assert not changed(model, before)
    learn.freeze(); learn.update_bn()
    assert changed(model, before) and all(name.startswith('0.') for name in changed(model, before))


@pytest.mark.parametrize('bad', [float('inf'), float('nan')])
def test_a_picture_that_is_not_finite_leaves_the_old_averages(bad):
    batches = data()
    learn = trainer(body(), batches)
    before = state(learn.model)
    batches[2][0][3, 1, 2, 2] = bad
    learn.freeze(); learn.update_bn()
    assert not changed(learn.model, before)


@pytest.mark.parametrize('after', [0, 2])
def test_a_pass_that_fails_leaves_everything_as_it_was(after):
    learn = trainer(body(), data())
    before, calls = state(learn.model), []
    def fail(module, inputs):
        calls.append(1)
        if len(calls) > after: raise RuntimeError('no')
    hook = learn.model.register_forward_pre_hook(fail)
    learn.freeze()
    with pytest.raises(RuntimeError, match='no'): learn.update_bn()
    hook.remove()
    assert not changed(learn.model, before) and not learn.model.training
    assert {module.momentum for module in learn.model.modules() if isinstance(module, nn.BatchNorm2d)} == {.1}


def test_without_a_batch_the_averages_stay():
    learn = trainer(body(), data())
    before = state(learn.model)
    learn.dls.train.clear()
    learn.freeze(); learn.update_bn()
    assert not changed(learn.model, before)
