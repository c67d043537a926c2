"The loop: one update, its errors, accumulation, stopping, observers. PyTorch written out by hand is the oracle."
import copy
import math
import signal
from functools import partial

import pytest
import torch
from torch import nn

from fastlearn.history import History
from fastlearn.losses import CrossEntropy
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import error_rate
from fastlearn.observers import interrupts_as_stop, Observer, Stop
from fastlearn.optimizer import adam, parameter_groups
from fastlearn.schedule import OneCycle
from fastlearn.step_safety import _norm, Averages, explaining_memory, not_finite, NotFinite, OutOfMemory
from fastlearn.training import evaluate, fit, train, train_step


def small_net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(.5), nn.Linear(16, 3))


@pytest.fixture
def batches():
    rng = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 5, generator=rng), torch.randint(3, (8,), generator=rng)) for _ in range(4)]


def state(model): return {k: v.clone() for k, v in model.state_dict().items()}
def same(a, b): return all(torch.equal(a[k], b[k]) for k in a)


def test_the_loop_equals_pytorch_by_hand(batches):
    ours, theirs = small_net().eval(), small_net().eval()
    steps = list(train(ours, batches, CrossEntropy(), torch.optim.SGD(ours.parameters(), lr=.1), epochs=2))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=.1)
    losses = []
    for _ in range(2):
        for x, y in batches:
            loss = nn.functional.cross_entropy(theirs(x), y)
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            losses.append(loss.item())
    assert same(state(ours), state(theirs))
    assert [step.loss for step in steps] == pytest.approx(losses, abs=1e-6)
    assert [(s.number, s.total, s.epoch, s.ends_epoch) for s in steps] == [
        (i+1, 8, i//4, i % 4 == 3) for i in range(8)]


@pytest.mark.parametrize('parts', [2, 3, 4])
def test_accumulated_batches_equal_one_large_batch(batches, parts):
    x, y = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
    whole, pieces = small_net().eval(), small_net().eval()
    cuts = list(zip(x.split(math.ceil(32/parts)), y.split(math.ceil(32/parts))))  # the last one is smaller
    a = train_step(whole, [(x, y)], CrossEntropy(), torch.optim.SGD(whole.parameters(), lr=.1))
    b = train_step(pieces, cuts, CrossEntropy(), torch.optim.SGD(pieces.parameters(), lr=.1))
    assert a == pytest.approx(b, abs=1e-6)
    for p, q in zip(whole.parameters(), pieces.parameters()): torch.testing.assert_close(p, q, atol=1e-6, rtol=0)


def test_accumulate_counts_updates_and_takes_the_rest(batches):
    model = small_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    steps = list(train(model, batches, CrossEntropy(), optimizer, accumulate=3, epochs=2))
    assert [(s.images, s.ends_epoch) for s in steps] == [(24, False), (8, True)]*2


def test_clip_bounds_the_length_of_the_gradient(batches):
    free, clipped = small_net().eval(), small_net().eval()
    before = state(free)
    for model, clip in (free, None), (clipped, .01):
        train_step(model, batches[:1], CrossEntropy(), torch.optim.SGD(model.parameters(), lr=1.), clip=clip)
    def moved(model): return math.sqrt(sum(((v-before[k])**2).sum().item() for k, v in model.state_dict().items()))
    assert moved(clipped) == pytest.approx(.01, rel=1e-4) and moved(free) > .02


def test_infinite_input_is_named_and_changes_nothing(batches):
    model = small_net()
    optimizer = adam(parameter_groups([model]))
    train_step(model, batches[:1], CrossEntropy(), optimizer)
    before, (x, y) = state(model), batches[0]
    with pytest.raises(NotFinite, match='expected finite numbers. The weights are as they were.*inputs of this batch'):
        train_step(model, [(x*float('inf'), y)], CrossEntropy(), optimizer)
    assert same(before, state(model)) and all(p.grad is None for p in model.parameters())
    train_step(model, batches[:1], CrossEntropy(), optimizer)  # and training can go on


def test_batchnorm_forgets_a_batch_that_was_refused(batches):
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    train_step(model, batches[:1], CrossEntropy(), optimizer)
    before, (x, y) = state(model), batches[0]
    with pytest.raises(NotFinite): train_step(model, [batches[1], (x*float('inf'), y)], CrossEntropy(), optimizer)
    assert same(before, state(model))


def test_infinite_gradient_of_a_finite_loss_is_caught(batches):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x): return x.clone()
        @staticmethod
        def backward(ctx, grad): return grad*float('inf')
    model = small_net()
    before = state(model)
    with pytest.raises(NotFinite, match='its gradient is .*Lower the learning rate'):
        train_step(model, batches[:1], lambda logits, y: nn.functional.cross_entropy(Spike.apply(logits), y),
               torch.optim.SGD(model.parameters(), lr=.1))
    assert same(before, state(model))


def test_too_large_a_rate_ends_with_finite_weights(batches):
    model = nn.Linear(5, 1)
    def square(out, y): return (out[:, 0] - y).pow(2).mean()
    with pytest.raises(NotFinite, match='Lower the learning rate'):
        list(train(model, batches, square, torch.optim.SGD(model.parameters(), lr=1e6), epochs=50))
    assert all(p.isfinite().all() for p in model.parameters())


def test_out_of_memory_says_what_to_lower(batches):
    class Hungry(nn.Linear):
        def forward(self, x): raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')
    model = Hungry(5, 3)
    with pytest.raises(OutOfMemory, match=r'a batch of 8 images \(8 x 5\).*bs=4.*accumulate=2.*2\.00 GiB'):
        list(train(model, batches, CrossEntropy(), torch.optim.SGD(model.parameters(), lr=.1)))


def test_a_cpu_without_memory_says_so_with_a_plain_error(batches):
    with pytest.raises(OutOfMemory, match='bs=4'), explaining_memory(batches[:1]):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")


@pytest.mark.parametrize('elsewhere, advice', [(True, 'inputs of this batch'), (False, 'Lower the learning rate')])
def test_a_bad_input_of_another_process_is_named_in_all(batches, monkeypatch, elsewhere, advice):
    model = small_net()
    monkeypatch.setattr('fastlearn.step_safety.is_parallel', lambda given: given is model)
    monkeypatch.setattr('fastlearn.step_safety.any_rank', lambda here: here or elsewhere)
    error = not_finite(model, float('nan'), 1., 1., batches[:1], torch.optim.SGD(model.parameters(), lr=.1),
                       Averages(model))
    assert advice in str(error)


def test_another_runtime_error_stays_itself(batches):
    class Broken(nn.Linear):
        def forward(self, images): raise RuntimeError('of its own')
    model = Broken(7, 3)
    with pytest.raises(RuntimeError, match='^of its own$'):
        list(train(model, batches, CrossEntropy(), torch.optim.SGD(model.parameters(), lr=.1)))


def test_a_layer_that_does_not_fit_is_named(batches):
    model = nn.Linear(7, 3)
    with pytest.raises(ValueError, match='a Linear layer of the model does not fit .* change its in_features'):
        list(train(model, batches, CrossEntropy(), torch.optim.SGD(model.parameters(), lr=.1)))


def test_dropout_depends_on_the_seed_and_the_step_alone(batches):
    def losses(seed, disturb):
        model, out = small_net().train(), []
        for step in train(model, batches, CrossEntropy(), torch.optim.SGD(model.parameters(), lr=.1), seed=seed):
            if disturb: torch.rand(3)
            out.append(step.loss)
        return out
    assert losses(3, False) == losses(3, True) != losses(4, False)


def test_no_mode_leaks_out_of_the_loop(batches):
    model = small_net()
    for step in train(model, batches, CrossEntropy(), torch.optim.SGD(model.parameters(), lr=.1)):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled('cpu')


def test_evaluation_is_the_mean_over_images_not_batches():
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(25, 5, generator=rng), torch.randint(3, (25,), generator=rng)
    model = small_net().train()
    result = evaluate(model, list(zip(x.split(10), y.split(10))), CrossEntropy(), as_metrics(error_rate))
    assert model.training and all(m.training for m in model)
    with torch.no_grad(): logits = model.eval()(x)
    assert result.loss == pytest.approx(nn.functional.cross_entropy(logits, y).item(), abs=1e-6)
    assert result.metrics == {'error_rate': pytest.approx((logits.argmax(1) != y).float().mean().item())}
    assert result.images == 25


def test_evaluating_nothing_says_so():
    with pytest.raises(ValueError, match='no images to evaluate; hold some out'):
        evaluate(small_net(), [], CrossEntropy())


def run(batches, history, *, valid='the same', epochs=2, metrics=(), **options):
    model = small_net()
    history.begin_phase((True,), epochs, len(batches)*epochs)
    optimizer = adam(parameter_groups([model]))
    steps = train(model, batches, CrossEntropy(), optimizer, epochs=epochs, schedule=OneCycle(1e-3))
    measure = partial(evaluate, model, loss_func=CrossEntropy(), metrics=metrics)
    return fit(steps, batches if valid == 'the same' else valid, measure, history, **options)


def test_fit_records_steps_and_epochs(batches):
    history = History()
    assert run(batches, history, metrics=as_metrics(error_rate)) is True
    assert len(history.losses) == 8 and [row.epoch for row in history.epochs] == [0, 1]
    assert all(row.complete and 'error_rate' in row.metrics for row in history.epochs)


def test_a_stop_is_granted_after_the_step_with_a_row(batches):
    class Impatient(Observer):
        def after_step(self, history, step):
            if step.number == 6: stop.request('enough')
    history, stop = History(), Stop()
    assert run(batches, history, stop=stop, observers=[Impatient()]) is False
    assert len(history.losses) == 6
    assert [(row.complete, row.valid_loss is None) for row in history.epochs] == [(True, False), (False, True)]
    assert history.events == [(6, 'stopped at step 6 of 8: enough')]


def test_a_stop_during_validation_ends_it_between_two_batches(batches):
    stop, seen = Stop(), []
    def watching():
        for batch in batches: seen.append(1); stop.request(); yield batch
    class Once(list):
        def __iter__(self): return watching()
    history = History()
    done = run(batches, history, valid=Once(batches), epochs=3, stop=stop)
    assert done is False and len(seen) == 1 and len(history.losses) == 4 and history.epochs[-1].valid_loss is None


def test_ctrl_c_requests_a_stop_and_the_second_breaks_in():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_as_stop(Stop()) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.reason == 'interrupted'
        with pytest.raises(KeyboardInterrupt): signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_spectator_that_fails_is_sent_away_and_training_goes_on(batches):
    class Broken(Observer):
        def after_step(self, history, step): raise ZeroDivisionError('chart')
    class Counting(Observer):
        seen = 0
        def after_step(self, history, step): self.seen += 1
    history, counting = History(), Counting()
    with pytest.warns(UserWarning, match='Broken failed in after_step and was removed from .*chart') as said:
        assert run(batches, history, observers=[Broken(), counting])
    assert len([w for w in said if 'Broken' in str(w.message)]) == 1 and counting.seen == 8


def test_without_validation_there_is_no_validation_loss(batches):
    history = History()
    assert run(batches, history, valid=None, epochs=1)
    assert history.epochs[0].valid_loss is None and history.epochs[0].complete


@pytest.mark.parametrize('accumulate', [1, 2])
def test_a_step_measures_large_and_small_gradients_alike(monkeypatch, accumulate):
    "The norm measured during backward is that of the whole gradient, also when it adds up over two batches"
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    batches = [(torch.randn(6, 8), torch.randint(2, (6,))) for _ in range(accumulate)]
    def clipped(large):
        monkeypatch.setattr('fastlearn.step_safety._LARGE', large)
        model = copy.deepcopy(network)
        train_step(model, batches, nn.functional.cross_entropy, torch.optim.SGD(model.parameters(), lr=1.), clip=.01)
        moved = [(a - b).flatten() for a, b in zip(model.parameters(), network.parameters())]
        assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
        return torch.cat(moved)
    some, none, all_of_them = clipped(100), clipped(1e9), clipped(0)
    assert abs(some.norm() - .01) < 1e-6
    for other in some, all_of_them: assert torch.allclose(other, none, atol=1e-8)


@pytest.mark.parametrize('memory', ['rows', 'channels last', 'every other', 'empty'])
def test_the_length_of_a_gradient_is_torchs(memory):
    x = torch.randn(6, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    x = {'rows': x, 'channels last': x.to(memory_format=torch.channels_last), 'every other': x[::2, ::2],
         'empty': x[:0]}[memory]
    torch.testing.assert_close(_norm(x), torch.linalg.vector_norm(x))
    if not len(x): return
    for bad in float('nan'), float('inf'):
        x[-1, -1, -1, -1] = bad
        assert not _norm(x).isfinite()
