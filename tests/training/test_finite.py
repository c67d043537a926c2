"""After every step all numbers are finite, or the step is undone; comparisons that NaN passes.

Kind "not-numbers after the guard". Members tried: rates of 1e38 and 3e38 (AdamW, SGD, with momentum, clipped, in the
last step, through `fit`, `fine_tune` and `train_step`); gradients whose square overflows Adam's memory; NaN and
infinity in `exp_avg`, `exp_avg_sq`, a momentum buffer, a running mean, a running variance, a weight, put there before
a run, between two steps, through `copy_`, `fill_`, by index and with a state that was loaded; other optimizers
(RMSprop, Adagrad, Adadelta, NAdam, Adamax); weights in float16; an activation whose variance overflows while the loss
is finite; weight decay that multiplies; momentum of nearly 1; a loss function that raises in the middle of a step.
The right value comes from the state before the step, bit by bit, or from PyTorch's own step.

Kind "comparisons that NaN passes". Looked at, found by a search for `<`, `>`, `max(`, `min(`, `sorted(` over the
package: early_stopping (value < best - min_delta; SaveBest's values[-1] >= best; patience, min_delta),
checkpoints.is_best (value <= values[-1]), training (length > clip; max of the rates in the message), optimizer (wd >=
0, rates, slices), schedule (div > 0, pct_start, moms, progress, overflowing quotients), lr_finder (average > 4*min,
losses[j] > losses[i]: only finite losses come there, as a step with another one is refused), session (epochs,
accumulate, clip, wd), history (counts of a stranger's phases), weight files (values, variances).
"""
import copy

import pytest
import torch
from torch import nn

from fastlearn.early_stopping import EarlyStop, SaveBest
from fastlearn.history import History
from fastlearn.history_records import Evaluation, Step
from fastlearn.losses import CrossEntropy
from fastlearn.observers import Stop
from fastlearn.optimizer import adam, parameter_groups, sgd
from fastlearn.schedule import Flat
from fastlearn.step_safety import NotFinite
from fastlearn.training import train, train_step

NAN, INF = float('nan'), float('inf')


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).train()


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(1)
    return torch.randn(8, 5, generator=rng), torch.randint(3, (8,), generator=rng)


def everything(model, optimizer):
    "All numbers of both, copied"
    return copy.deepcopy([model.state_dict(), optimizer.state_dict()['state']])


def same(a, b) -> bool:
    "Bit by bit, NaN equal to NaN"
    if isinstance(a, torch.Tensor): return a.shape == b.shape and bool(((a == b) | (a != a) & (b != b)).all())
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list): return len(a) == len(b) and all(map(same, a, b))
    return a == b


def refused(model, optimizer, batch, says, **options) -> None:
    before = everything(model, optimizer)
    with pytest.raises(NotFinite, match=says): train_step(model, [batch], CrossEntropy(), optimizer, **options)
    assert same(before, everything(model, optimizer)) and all(p.grad is None for p in model.parameters())


MAKERS = {'AdamW': adam, 'SGD': lambda groups: sgd(groups, mom=0.), 'momentum': sgd,
          'RMSprop': lambda groups: torch.optim.RMSprop(groups), 'Adagrad': lambda groups: torch.optim.Adagrad(groups),
          'Adamax': lambda groups: torch.optim.Adamax(groups), 'NAdam': lambda groups: torch.optim.NAdam(groups),
          'Adadelta': lambda groups: torch.optim.Adadelta(groups), 'Adam': lambda groups: torch.optim.Adam(groups)}


@pytest.mark.parametrize('kind', MAKERS)
@pytest.mark.parametrize('steps_before', [0, 2])
@pytest.mark.parametrize('rate', [1e38, 3.4e38, 1e300, INF, NAN])
def test_a_step_out_of_the_range_of_numbers_is_undone(batch, kind, steps_before, rate):
    model = net()
    optimizer = MAKERS[kind](parameter_groups([model]))
    for _ in range(steps_before): train_step(model, [batch], CrossEntropy(), optimizer)
    for group in optimizer.param_groups: group['lr'] = rate
    before = everything(model, optimizer)
    try: train_step(model, [batch], CrossEntropy(), optimizer)
    except NotFinite as error:
        assert same(before, everything(model, optimizer)) and 'as they were before this step' in str(error)
    else: assert all(x.isfinite().all() for x in model.state_dict().values())  # 1e38 times a small step has its place
    for group in optimizer.param_groups: group['lr'] = 1e-3
    if same(before, everything(model, optimizer)): train_step(model, [batch], CrossEntropy(), optimizer)  # and goes on
    else: assert rate in (1e38, 3.4e38)


@pytest.mark.parametrize('kind', MAKERS)
def test_an_ordinary_step_is_pytorchs_bit_by_bit(batch, kind):
    "Also the steps that are taken on trial"
    ours, theirs = net(), net()
    optimizer, oracle = (MAKERS[kind](parameter_groups([model])) for model in (ours, theirs))
    for _ in range(4):
        train_step(ours, [batch], CrossEntropy(), optimizer)
        CrossEntropy()(theirs(batch[0]), batch[1]).backward()
        oracle.step(); oracle.zero_grad()
    assert same(everything(ours, optimizer), everything(theirs, oracle))


POISONS = {'fill_': lambda x, bad: x.fill_(bad), 'by index': lambda x, bad: x.view(-1).__setitem__(0, bad),
           'copy_': lambda x, bad: x.copy_(torch.full_like(x, bad)), 'mul_': lambda x, bad: x.mul_(bad)}


@pytest.mark.parametrize('how', POISONS)
@pytest.mark.parametrize('bad', [NAN, INF])
@pytest.mark.parametrize('kind, name', [('AdamW', 'exp_avg'), ('AdamW', 'exp_avg_sq'), ('momentum', 'momentum_buffer'),
                                        ('RMSprop', 'square_avg')])
def test_a_poisoned_memory_is_found_before_it_spreads(batch, kind, name, bad, how):
    model = net()
    optimizer = MAKERS[kind](parameter_groups([model]))
    for _ in range(3): train_step(model, [batch], CrossEntropy(), optimizer)
    weight = model[3].weight
    POISONS[how](optimizer.state[weight][name], bad)
    refused(model, optimizer, batch, "optimizer's state already contained such numbers .* reset it with reset_opt=True")


def test_a_memory_that_was_loaded_is_looked_at(batch):
    model, optimizer = (model := net()), adam(parameter_groups([model]))
    for _ in range(3): train_step(model, [batch], CrossEntropy(), optimizer)
    state = optimizer.state_dict()
    state['state'][0]['exp_avg'] = torch.full_like(state['state'][0]['exp_avg'], NAN)
    optimizer.load_state_dict(state)
    refused(model, optimizer, batch, 'reset_opt=True')


@pytest.mark.parametrize('name', ['running_mean', 'running_var'])
@pytest.mark.parametrize('bad', [NAN, INF])
def test_a_poisoned_average_is_found(batch, name, bad):
    model = net()
    getattr(model[1], name)[2] = bad
    refused(model, adam(parameter_groups([model])), batch,
            'a running average of BatchNorm is .*start with a new learner')


def test_an_average_that_overflows_while_the_loss_is_finite(batch):
    model = net()
    with torch.no_grad(): model[0].weight[0].fill_(1e30)  # its variance is infinite, and (x - mean)/inf is 0
    assert CrossEntropy()(copy.deepcopy(model)(batch[0]), batch[1]).isfinite()
    refused(model, sgd(parameter_groups([model])), batch, 'is inf|is nan')


@pytest.mark.parametrize('bad', [NAN, INF])
def test_a_poisoned_weight_is_named_as_such(batch, bad):
    model = net()
    with torch.no_grad(): model[3].bias[0] = bad
    refused(model, adam(parameter_groups([model])), batch, 'weights or averages of the model already contained such')


def test_a_gradient_whose_square_overflows(batch):
    model = net()
    for p in model.parameters(): p.register_hook(lambda grad: torch.full_like(grad, 5e18))  # their norm is finite
    model[3].bias.register_hook(lambda grad: torch.full_like(grad, 1e19))
    optimizer = adam(parameter_groups([model]), sqr_mom=.1)  # 1e38 + 1e38 + ...
    for _ in range(9):
        before = everything(model, optimizer)
        try: train_step(model, [batch], CrossEntropy(), optimizer)
        except NotFinite: assert same(before, everything(model, optimizer))
        assert all(x.isfinite().all() for kept in optimizer.state.values() for x in kept.values())
        model[3].bias.register_hook(lambda grad: grad*1.3)
    assert model[3].bias.isfinite().all()


def test_weights_in_float16_are_watched_too():
    weight = nn.Parameter(torch.full((2,), 6e4, dtype=torch.float16))
    from fastlearn.step_safety import take_step
    optimizer = torch.optim.SGD([weight], lr=1.)
    weight.grad = torch.full((2,), -6e4, dtype=torch.float16)
    assert not take_step(optimizer, 8e4) and weight.tolist() == [60_000.]*2


@pytest.mark.parametrize('options', [dict(wd=1e30), dict(wd=10., lr=1e3)])
def test_weight_decay_that_multiplies(batch, options):
    model = net()
    optimizer = sgd(parameter_groups([model], wd=options['wd']), lr=options.get('lr', 1.))
    for _ in range(50):
        before = everything(model, optimizer)
        try: train_step(model, [batch], lambda out, y: out.sum()*0, optimizer)
        except NotFinite: assert same(before, everything(model, optimizer)); return
        assert all(x.isfinite().all() for x in model.state_dict().values())
    raise AssertionError('never refused')


def test_what_breaks_off_in_the_middle_leaves_nothing_behind(batch):
    model = net()
    optimizer = adam(parameter_groups([model]))
    before, calls = everything(model, optimizer), []
    def loss(out, y):
        calls.append(1)
        if len(calls) == 2: raise KeyboardInterrupt
        return nn.functional.cross_entropy(out, y)
    with pytest.raises(KeyboardInterrupt): train_step(model, [batch, batch], loss, optimizer)
    assert same(before, everything(model, optimizer)) and all(p.grad is None for p in model.parameters())


def test_after_every_rate_the_weights_are_finite(batch):
    "A fine net of rates, steps until it is refused or 20 were done"
    for exponent in range(-3, 40):
        for make in (adam, sgd):
            model = net()
            optimizer = make(parameter_groups([model]))
            try:
                for _ in train(model, [batch], CrossEntropy(), optimizer, epochs=20, schedule=Flat(10.**exponent)):
                    assert all(x.isfinite().all() for x in model.state_dict().values())
            except NotFinite: pass
            assert all(x.isfinite().all() for x in model.state_dict().values())
            assert all(x.isfinite().all() for kept in optimizer.state.values() for x in kept.values())


@pytest.mark.parametrize('clip', [0, -1., NAN, '1'])
def test_a_clip_that_is_no_length(batch, clip):
    model = net()
    with pytest.raises((ValueError, TypeError)):
        train_step(model, [batch], CrossEntropy(), sgd(parameter_groups([model])), clip=clip)


# --- the best epoch ---

def epochs_of(values, phase_of=lambda i: 0):
    "A history with these values of the metric and the loss, one epoch after the other"
    history, phase = History(), -1
    for i, value in enumerate(values):
        while phase < phase_of(i): history.begin_phase((True,), len(values), len(values)); phase += 1
        step = Step(i+1, len(values), i, True, 1., 64, (1e-3,), .9)
        history.add_step(step); history.add_epoch(step, Evaluation(value, {'told': value}, 10), 1.)
        yield history


CASES = [[.9, NAN, .6, .7], [NAN, .9, .6, .7], [.9, .6, .7, NAN], [NAN, NAN, .6, .7], [.6, NAN, NAN, .7],
         [NAN, .6, NAN], [.5, .5, .4], [.4, .5, .5, NAN], [NAN], [NAN, NAN, NAN],
         [INF, .5], [-INF, NAN, .5], [-.2, NAN, -.1, -.3],
         [.5, INF, NAN], [0., -0., NAN]]


@pytest.mark.parametrize('values', CASES, ids=str)
@pytest.mark.parametrize('monitor, lower', [('told', False), ('told', True), ('valid_loss', True)])
def test_the_best_epoch_is_the_first_of_the_best_numbers(values, monitor, lower):
    "The oracle sorts the numbers that are none out first"
    model, keep = nn.Linear(1, 1), SaveBest(monitor)
    for i, history in enumerate(epochs_of(values)):
        nn.init.constant_(model.weight, i)
        keep.update(history, model, {'told': lower})
    keep.restore(history, model)
    worst = INF if lower else -INF
    numbers = [(value, i) for i, value in enumerate(values) if value == value and value != worst]
    best = (min if lower else max)(value for value, _ in numbers) if numbers else None
    expected = next(i for value, i in numbers if value == best) if numbers else len(values) - 1
    assert model.weight.item() == expected
    said = history.events[-1][1]
    if numbers: assert said.endswith(f'epoch {expected}, the best by {monitor} ({values[expected]:.6f})')
    else: assert said == ('the model has the weights of the last epoch: '
                          f'{monitor} was NaN or infinite in every epoch')


@pytest.mark.parametrize('values, stops', [([NAN]*2, True), ([.5, NAN, NAN], True), ([NAN, .5, NAN], False),
                                           ([.5, NAN, .4], False), ([.5, NAN, .5], True)])
def test_nan_is_no_gain_for_early_stopping(values, stops):
    stop = Stop()
    for history in epochs_of(values): pass
    EarlyStop(patience=2).check(history, stop, {})
    assert bool(stop.reason) == stops


@pytest.mark.parametrize('options', [{'patience': 0}, {'patience': 1.5}, {'patience': True}, {'patience': NAN},
                                     {'min_delta': NAN}, {'min_delta': -1.}, {'min_delta': INF}], ids=str)
def test_patience_that_is_none(options):
    with pytest.raises(ValueError, match='expected a'): EarlyStop(**options)


def test_checkpoints_take_no_nan_for_the_best(tmp_path):
    from types import SimpleNamespace
    from fastlearn.inference.checkpoints import Checkpoints
    learn = SimpleNamespace(metrics=[SimpleNamespace(name='told', lower_is_better=False)])
    for values in CASES:
        keeper, found = Checkpoints(learn, tmp_path, None, 1, 'told', 1), []
        for i, history in enumerate(epochs_of(values, lambda i: i//2)):
            if keeper.is_best(history, 'told'): found.append(i)
        numbers = [(-value, i) for i, value in enumerate(values) if value == value and value != -INF]
        assert found[-1:] == ([min(numbers)[1]] if numbers else []), values
