"""MixUp and label smoothing: losses, pixels and weights against what another way of computing them gives.

Members tried: one class, several labels, quantities and points; cross-entropy with class weights and smoothing, as a
function, a module, a partial, of the reader's own; int32 and bool targets; `cbs` as object, class, list, None, of the
learner and of each fit method; callbacks that are not here; a batch of one image, whole numbers as images; frozen body
with cached features; accumulation, clipping, two processes; seeds, checkpoints and resuming; lr_find, validation.
"""
from functools import partial

import fastlearn.all
import pytest
import torch
import torch.nn.functional as F
from fastlearn.cached_features import CachedFeatures
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.dashboard.compare import run_parameters
from fastlearn.learner import Learner, vision_learner
from fastlearn.losses import BinaryCrossEntropy, CrossEntropy, LabelSmoothingCrossEntropy, MeanSquaredError
from fastlearn.mixup import are_classes, as_mixup, mix_batch, MixedLoss, MixUp
from fastlearn.observers import Observer
from fastlearn.training import train_step
from torch import nn
from torch.distributions import Beta

WEIGHT = torch.tensor([1., 2., 5.])


def soft(pairs, classes=3):
    "The targets of mixtures as probabilities"
    own, other = (F.one_hot(pairs[:, i].long(), classes) for i in (0, 1))
    return own*pairs[:, 2:] + other*(1 - pairs[:, 2:])


def drawn(n, alpha):
    "Shares and order as fastai draws them"
    share = Beta(torch.tensor(alpha), torch.tensor(alpha)).sample((n,))
    return torch.stack([share, 1 - share], 1).max(1)[0], torch.randperm(n)


@pytest.mark.parametrize('alpha', [.4, 1., 5.])
def test_pixels_are_averaged_with_an_image_of_the_batch(alpha):
    images, targets = torch.randn(64, 3, 4, 4), torch.randint(3, (64,))
    torch.manual_seed(1); mixed, pairs = mix_batch(images, targets, alpha)
    torch.manual_seed(1); share, order = drawn(64, alpha)
    assert mixed.allclose(share[:, None, None, None]*images + (1 - share)[:, None, None, None]*images[order], atol=1e-6)
    assert pairs[:, 0].equal(targets.float()) and pairs[:, 1].equal(targets[order].float())
    assert pairs[:, 2].equal(share) and share.min() >= .5 and share.unique().numel() > 32


LOSSES = {'ours': (CrossEntropy(), {}), 'weighted': (CrossEntropy(WEIGHT), {'weight': WEIGHT}),
          'smoothed': (LabelSmoothingCrossEntropy(), {'label_smoothing': .1}),
          'both': (CrossEntropy(WEIGHT, .2), {'weight': WEIGHT, 'label_smoothing': .2}),
          'function': (F.cross_entropy, {}), 'module': (nn.CrossEntropyLoss(WEIGHT), {'weight': WEIGHT}),
          'partial': (partial(F.cross_entropy, label_smoothing=.1), {'label_smoothing': .1}),
          'own': (lambda logits, targets: -logits.log_softmax(1)[range(len(targets)), targets].mean(), {})}


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize('kind', [torch.int64, torch.int32, torch.uint8])
def test_the_loss_is_that_of_averaged_targets(name, kind):
    loss, options = LOSSES[name]
    logits = torch.randn(16, 3, requires_grad=True)
    _, pairs = mix_batch(torch.randn(16, 2), torch.randint(3, (16,)).to(kind), .4)
    ours, theirs = MixedLoss(loss)(logits, pairs), F.cross_entropy(logits, soft(pairs), **options)
    assert torch.isclose(ours, theirs, atol=1e-6)
    (a,), (b,) = (torch.autograd.grad(value, logits) for value in (ours, theirs))
    assert a.allclose(b, atol=1e-6)


def test_several_labels_and_quantities_are_averaged_like_the_pixels():
    images = torch.randn(8, 2)
    for targets in (torch.rand(8, 3) > .5).float(), torch.randn(8), torch.randn(8, 4), torch.randint(2, (8, 3)):
        assert not are_classes(targets)
        torch.manual_seed(3); _, found = mix_batch(images, targets, .4)
        torch.manual_seed(3); share, order = drawn(8, .4)
        share = share.reshape(-1, *[1]*(targets.ndim - 1))
        assert found.allclose(share*targets + (1 - share)*targets[order], atol=1e-6)


def test_one_yes_or_no_per_image_from_one_output():
    logits = torch.randn(8, 1)
    _, pairs = mix_batch(torch.randn(8, 2), torch.rand(8) > .5, .4)
    target = pairs[:, 0]*pairs[:, 2] + pairs[:, 1]*(1 - pairs[:, 2])
    by_hand = F.binary_cross_entropy_with_logits(logits[:, 0], target)
    assert torch.isclose(MixedLoss(BinaryCrossEntropy())(logits, pairs), by_hand, atol=1e-6)


def test_one_image_stays_and_whole_numbers_are_refused():
    image, target = torch.randn(1, 3, 4, 4), torch.tensor([2])
    mixed, pairs = mix_batch(image, target, .4)
    assert mixed.allclose(image) and torch.isclose(MixedLoss(CrossEntropy())(torch.eye(3)[:1], pairs),
                                                   F.cross_entropy(torch.eye(3)[:1], target))
    with pytest.raises(TypeError, match='torch.uint8; convert them with .float()'):
        mix_batch(torch.zeros(2, 3, dtype=torch.uint8), torch.zeros(2), .4)


def test_label_smoothing_is_pytorch_s():
    logits, targets = torch.randn(8, 5), torch.randint(5, (8,))
    for made, eps in (LabelSmoothingCrossEntropy(), .1), (fastlearn.all.LabelSmoothingCrossEntropyFlat(eps=.3), .3):
        assert made(logits, targets).equal(F.cross_entropy(logits, targets, label_smoothing=eps))
        assert made.decode(made.activation(logits)).equal(logits.argmax(1))
    assert LabelSmoothingCrossEntropy(.2, [1., 2, 3, 4, 5])(logits, targets).isfinite()


# --- in a training step ---

def data(n=4, targets=None):
    rng = torch.Generator().manual_seed(0)
    return [(torch.randn(8, 4, generator=rng), torch.randint(2, (8,), generator=rng) if targets is None else targets)
            for _ in range(n)]


def make(batches=None, loss=None, outputs=2, **options):
    torch.manual_seed(0)
    batches = batches or data()
    dls = DataLoaders(batches, data(2) if outputs == 2 else batches, vocab=['no', 'yes'] if outputs == 2 else None,
                      device='cpu')
    return Learner(dls, nn.Linear(4, outputs), loss, quiet=True, seed=0, opt_func=partial(torch.optim.SGD, lr=.1),
                   precision=torch.float32, **options)


def weights(learn): return torch.cat([p.detach().flatten() for p in learn.model.parameters()])


@pytest.mark.parametrize('accumulate', [1, 2])
def test_the_step_is_one_on_the_mixed_batch(accumulate):
    "Against a step that is written out, with the same random numbers; two batches of 8 and 4 images count as 12"
    batches = [(x[:n], y[:n]) for n, (x, y) in zip((8, 4), data(2))][:accumulate]
    model = nn.Linear(4, 2)
    start = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=.5)
    torch.manual_seed(5); loss = MixUp().train_step(model, batches, CrossEntropy(), optimizer)
    after = [p.detach().clone() for p in model.parameters()]
    torch.manual_seed(5); mixed = [mix_batch(*batch, .4) for batch in batches]
    x, y = torch.cat([x for x, _ in mixed]), soft(torch.cat([pairs for _, pairs in mixed]), 2)
    parameters = [p.requires_grad_() for p in start]
    by_hand = F.cross_entropy(F.linear(x, *parameters), y)
    by_hand.backward()
    assert loss == pytest.approx(by_hand.item(), abs=1e-6)
    for new, old in zip(after, parameters): assert new.allclose(old - .5*old.grad, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_run_without_it_differs():
    runs = []
    for cbs in MixUp(), MixUp(), MixUp(2.), None:
        learn = make(cbs=cbs)
        learn.fit(2, .1)
        runs.append(weights(learn))
    assert runs[0].equal(runs[1]) and not runs[0].allclose(runs[2]) and not runs[0].allclose(runs[3])


CALLS = {'fit': lambda learn, **o: learn.fit(2, .1, **o),
         'fit_one_cycle': lambda learn, **o: learn.fit_one_cycle(2, .1, **o),
         'fine_tune': lambda learn, **o: learn.fine_tune(1, .1, freeze_epochs=1, **o)}


@pytest.mark.parametrize('call', CALLS)
def test_a_callback_of_the_learner_or_of_the_call(call):
    "Both give the same weights; a call's own holds for that call"
    mine, theirs, plain = make(cbs=[MixUp(.7)]), make(), make()
    CALLS[call](mine)
    CALLS[call](theirs, cbs=MixUp(.7))
    CALLS[call](plain)
    assert weights(mine).equal(weights(theirs)) and not weights(mine).allclose(weights(plain))
    assert [text for _, text in theirs.history.events] == ['training on mixed images: MixUp(alpha=0.7)']
    before = len(theirs.history.events)
    CALLS[call](theirs)
    assert len(theirs.history.events) == before and theirs.cbs is None


def test_validation_is_not_mixed():
    learn = make(cbs=MixUp())
    learn.fit(1, .1)
    x, y = (torch.cat(parts) for parts in zip(*learn.dls.valid))
    by_hand = F.cross_entropy(learn.model(x), y).item()
    assert learn.history.epochs[-1].valid_loss == pytest.approx(by_hand, abs=1e-6) == learn.validate().loss


def test_several_labels_and_numbers_train():
    labels, numbers = (torch.rand(8, 3) > .5).float(), torch.randn(8, 3)
    for loss, targets in (BinaryCrossEntropy(), labels), (MeanSquaredError(), numbers):
        learn, plain = (make(data(4, targets), loss, 3, cbs=cbs) for cbs in (MixUp(), None))
        for one in learn, plain: one.fit(2, .1)
        assert not weights(learn).allclose(weights(plain)) and weights(learn).isfinite().all()


def test_the_rate_finder_mixes_too():
    found = [make(cbs=cbs).lr_find(num_it=12).losses for cbs in (MixUp(), MixUp(), None)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(('cbs', 'said'), [
    (print, 'fastlearn has no other callbacks'), ('MixUp', "got cbs='MixUp'"), ([MixUp(), MixUp()], 'MixUp 2 times')])
def test_other_callbacks_are_refused_before_anything_is_trained(cbs, said):
    with pytest.raises((TypeError, ValueError), match=said): make(cbs=cbs)
    learn = make()
    for call in CALLS.values():
        before = weights(learn)
        with pytest.raises((TypeError, ValueError), match=said): call(learn, cbs=cbs)
        assert weights(learn).equal(before) and not learn.history.losses


def test_a_signpost_says_its_own_way():
    space = {}
    exec('from fastlearn.all import *', space)
    with pytest.raises(NameError, match="save_best='valid_loss' of vision"): as_mixup(space['SaveModelCallback'])
    with pytest.raises(NameError, match='cbs=MixUp'): space['CutMix']()
    assert as_mixup(None) is as_mixup([]) is as_mixup(()) is None and as_mixup(space['L']([MixUp])) == MixUp(.4)


@pytest.mark.parametrize('alpha', [0, -1, float('inf'), float('nan')])
def test_an_alpha_that_is_none(alpha):
    with pytest.raises(ValueError, match='expected a finite number above 0'): MixUp(alpha)


# --- with a body, files and checkpoints ---

def pets(few_pets, **options):
    files = fastlearn.all.get_image_files(few_pets)
    dls = ImageDataLoaders.from_name_func(few_pets, files, lambda name: name[0].isupper(), valid_pct=.3,
                                          seed=1, bs=16, item_tfms=Resize(32, 'squish'), device='cpu')
    return vision_learner(dls, 'resnet10', seed=0, quiet=True, precision=torch.float32, **options)


def test_a_frozen_body_sees_the_mixed_pixels_in_every_epoch(few_pets):
    "Without MixUp the features are kept from the second epoch; with it, the body computes those of each mixture"
    counts = {}
    for cbs in None, MixUp():
        learn = pets(few_pets, cbs=cbs)
        seen = []
        hook = learn.model[0].register_forward_hook(lambda module, images, _, seen=seen: seen.append(len(images[0])))
        assert isinstance(learn._parts_to_train(3, cbs)[1], CachedFeatures) == (cbs is None)
        learn.fit(3, 1e-3)
        hook.remove()
        counts[cbs] = sum(seen)
    train, valid = (len(loader.items) for loader in (learn.dls.train, learn.dls.valid))
    full = train//16*16
    assert counts[MixUp()] == 3*(full + valid) and counts[None] < 2*(train + valid)


def test_a_resumed_run_ends_with_the_same_weights(few_pets, tmp_path):
    def once(stop_at=None, path=None):
        learn = pets(few_pets)
        if path: learn.save_checkpoints(path)
        class Halt(Observer):
            def after_step(self, history, step):
                if len(history.losses) == stop_at: learn.stop()
        learn.observers.append(Halt())
        learn.fine_tune(1, freeze_epochs=1, cbs=MixUp(.6))
        return learn
    whole = once()
    once(5, tmp_path/'runs')
    again = pets(few_pets)
    again.resume(tmp_path/'runs')
    assert weights(again).equal(weights(whole)) and again.history.losses == whole.history.losses
    assert 'MixUp(alpha=0.6)' in again.history.events[0][1]


def test_runs_that_are_compared_say_it():
    for cbs, said in (MixUp(), 'MixUp(alpha=0.4)'), (None, 'no'):
        learn = make(cbs=cbs)
        learn.fit(1, .1)
        assert run_parameters(learn)['mixed images'] == said


def test_the_plain_step_is_left_alone():
    assert make()._step_function(None).func is train_step
