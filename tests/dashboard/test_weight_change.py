"How far the weights moved: against the definition"
import pytest
import torch
from fastlearn.dashboard.weight_change import _subset, Budget, plot_weight_change, weight_change_of, WeightChange
from fastlearn.history import History
from torch import nn


def network(): return nn.Sequential(nn.Conv2d(3, 40, 5), nn.BatchNorm2d(40), nn.Conv2d(40, 60, 3), nn.Linear(900, 50))


def relative(groups, starts):
    now = [torch.cat([p.detach().flatten() for p in group.parameters()]) for group in groups]
    return torch.stack([(a - b).norm()/b.norm() for a, b in zip(now, starts)])


@pytest.mark.parametrize(('most', 'off'), [(10**9, 1e-5), (8192, .05)])
def test_weight_change_is_the_length_of_the_change(most, off):
    torch.manual_seed(0)
    groups = list(network())
    starts = [torch.cat([p.detach().flatten() for p in group.parameters()]) for group in groups]
    change = WeightChange(groups, most)
    for group in groups:
        for p in group.parameters(): p.data += torch.randn_like(p)*1e-2
    assert torch.allclose(change.sample([True]*4), relative(groups, starts), rtol=off)


def test_frozen_groups_keep_their_last_number():
    groups = list(network())
    change = WeightChange(groups)
    for group in groups:
        for p in group.parameters(): p.data *= 1.5
    assert change.sample([False, False, False, True]).tolist() == pytest.approx([0, 0, 0, .5], abs=1e-5)
    assert change.sample([True]*4).tolist() == pytest.approx([.5]*4, abs=1e-5)


def test_weights_that_were_moved_in_memory_are_still_found():
    groups = [nn.Linear(4, 4)]
    change = WeightChange(groups)
    groups[0].weight.data = groups[0].weight.data*2
    groups[0].bias.data = groups[0].bias.data*2
    assert change.sample([True]).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize('shape', [(), (1,), (7,), (64, 3, 7, 7), (512, 9999)])
def test_a_sample_shares_memory_and_is_whole_rows(shape):
    weights = torch.rand(shape)
    part = _subset(weights)
    assert part.data_ptr() == weights.data_ptr() and part.shape[1:] == weights.shape[1:] and part.numel() > 0
    assert part.numel() <= max(8192, weights[0].numel() if weights.dim() else 1)


def test_the_budget_counts_only_groups_that_trained(few_learner):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    head_steps = learn.history.phases[1].first_step
    expected = [sum(lr[i] for at, lr in enumerate(learn.history.lrs) if i == 2 or at >= head_steps) for i in range(3)]
    assert Budget().sample(learn.history).tolist() == pytest.approx(expected)
    steps, moved, budget = weight_change_of(learn.history)
    assert budget[-1].tolist() == pytest.approx(expected) and steps[-1] == len(learn.history.losses)
    assert moved[:, 0][torch.tensor(steps) <= head_steps].eq(0).all() and (moved[-1] > 0).all()


def test_a_history_without_samples_says_so():
    with pytest.raises(ValueError, match='this history has no samples of how far the weights moved'):
        plot_weight_change(History())
