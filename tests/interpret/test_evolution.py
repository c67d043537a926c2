"Snapshots of a run, in memory and on disk, and the maps that changed between them"
import copy
import os

import pytest
import torch
from matplotlib import pyplot as plt
from test_layers import is_cat, snapshot, unchanged
from torch import nn

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.evolution import (
    _copy_weights, _new_images, _save_snapshot, load_snapshots, show_evolution, Snapshot, Snapshots, view_evolution,
)
from fastlearn.interpret.top_activations import top_activations
from fastlearn.learner import vision_learner
from fastlearn.models import resnet10
from fastlearn.observers import Observer


def loaders(few_pets):
    return ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, label_func=is_cat,
                                           item_tfms=Resize(32), bs=38, device='cpu')


@pytest.fixture(scope='module')
def dls(few_pets): return loaders(few_pets)


@pytest.fixture(scope='module')
def run(dls):
    "A learner that trained four epochs, its snapshots, and all its weights after each epoch"
    learn, states = vision_learner(dls, resnet10), []
    class Notes(Observer):
        def after_epoch(self, history): states.append({k: v.clone() for k, v in learn.model.state_dict().items()})
    learn.observers = [*learn.observers, Notes()]
    kept = learn.keep_snapshots((0, 1, 3))
    learn.fine_tune(3, 5e-2, freeze_epochs=1)
    return learn, kept, states


def same(a, b): return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_chosen_epochs_and_the_end_are_kept(run, dls):
    learn, kept, states = run
    assert [one.epoch for one in kept] == [0, 1, 3, 4] and repr(kept) == 'weights after epoch 0, 1, 3, 4'
    by_epoch = {one.epoch: one.weights for one in kept}
    assert all(same(by_epoch[epoch], states[epoch - 1]) for epoch in (1, 3, 4))
    assert same(by_epoch[4], learn.model.state_dict())
    frozen = [name for name in by_epoch[0] if name.startswith('0.')]
    assert frozen and all(by_epoch[0][name] is by_epoch[1][name] for name in frozen)  # no second copy of the body
    assert not vision_learner(dls, resnet10).observers


def test_training_is_the_same_with_and_without(few_pets):
    losses = []
    for keep in False, True:
        learn = vision_learner(loaders(few_pets), resnet10)
        if keep: learn.keep_snapshots(None)
        learn.fine_tune(1, freeze_epochs=1)
        losses.append(learn.history.losses)
    assert losses[0] == losses[1]


def test_files(run, tmp_path, dls):
    learn = vision_learner(dls, resnet10)
    kept = learn.keep_snapshots(None, tmp_path/'run')
    learn.fit_one_cycle(2, 1e-2)
    assert sorted(os.listdir(tmp_path/'run')) == [f'epoch_{i:04d}.safetensors' for i in range(3)]
    read = load_snapshots(tmp_path/'run')
    assert [one.epoch for one in read] == [0, 1, 2] == [one.epoch for one in kept]
    assert same(read[2].load_into(resnet_like(learn)).state_dict(), learn.model.state_dict())
    (tmp_path/'run'/'epoch_0001.safetensors').write_bytes(b'half of one')
    with pytest.warns(UserWarning, match='skipped a snapshot that cannot be read: .*epoch_0001.safetensors is damaged'):
        assert [one.epoch for one in load_snapshots(tmp_path/'run')] == [0, 2]
    with pytest.raises(ValueError, match='epoch_0001.safetensors is damaged'):
        read[1].load_into(resnet_like(learn))
    with pytest.raises(FileNotFoundError, match='no readable snapshots in .*keep_snapshots'): load_snapshots(tmp_path)


def resnet_like(learn):
    "A model of the same build with nothing in it"
    model = copy.deepcopy(learn.model)
    for p in model.parameters(): p.data.zero_()
    return model


def test_a_file_is_whole_or_not_there(run, tmp_path, monkeypatch):
    weights = _copy_weights(run[0].model)
    def fails(*_): raise KeyboardInterrupt
    monkeypatch.setattr(os, 'replace', fails)
    with pytest.raises(KeyboardInterrupt): _save_snapshot(weights, tmp_path, 1)
    assert not os.listdir(tmp_path)


def test_the_film_is_that_of_each_snapshot(run):
    learn, kept, _ = run
    views = view_evolution(learn, 'layer3', [0, 5, 9], kept)
    assert list(views) == [0, 1, 3, 4]
    new = _new_images(views)
    assert new.shape == (3, 4) and not new[:, 0].any()
    assert not new[:, 1].any()  # the body was frozen in the first epoch
    for one in kept:
        learn_then = vision_learner(learn.dls, resnet10)
        one.load_into(learn_then.model)
        top = top_activations(learn_then, 'layer3', 1, maps=[0, 5, 9])
        assert torch.equal(views[one.epoch].images, top.images)
        torch.testing.assert_close(views[one.epoch].values, top.values)
    expected = [[a != b for a, b in zip(row, row[1:])]
                for row in zip(*[view.images[:, 0].tolist() for view in views.values()])]
    assert new[:, 1:].tolist() == expected


def test_the_figure(run):
    learn, kept, _ = run
    learn.model.train()
    before = snapshot(learn)
    show_evolution(learn, 'layer2', 3, kept)
    axes = plt.gcf().axes
    assert len(axes) == 12 and [axis.get_title() for axis in axes[:4]] == ['start', 'epoch 1', 'epoch 3', 'epoch 4']
    views = view_evolution(learn, 'layer2', 3, kept)
    assert axes[0].get_ylabel() == f'map {views[0].maps[0]}'
    framed = [axis.spines['left'].get_edgecolor()[:3] != (0, 0, 0) for axis in axes]
    assert [framed[row*4:row*4 + 4] for row in range(3)] == _new_images(views).tolist()
    plt.close('all')
    assert unchanged(before, learn)


def test_bad_input(run):
    learn = run[0]
    with pytest.raises(ValueError, match='there are no snapshots to show; call learn.keep_snapshots'):
        show_evolution(learn, 'layer2', 3, Snapshots(learn.model))
    other = Snapshot(2, _copy_weights(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match='the weights of epoch 2 do not fit this model: Missing key'):
        show_evolution(learn, 'layer2', 3, [other])
    with pytest.raises(ValueError, match="no layer 'layer9'"): show_evolution(learn, 'layer9', 3, run[1])
