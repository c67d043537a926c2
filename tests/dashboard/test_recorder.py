"What the recorder writes into the history, and that it only looks"
import math

import pytest
import torch
from fastlearn.all import (
    DataLoaders, get_image_files, History, ImageDataLoaders, Learner, Resize, resnet10, vision_learner,
)
from fastlearn.dashboard.recorder import _is_due, choose_images, group_names, predictions, Recorder
from fastlearn.history_records import Step
from torch import nn


def test_watching_changes_nothing(few_learner):
    watched, alone = few_learner(), few_learner()
    alone.quiet = True
    for learn in (watched, alone): learn.fine_tune(1, freeze_epochs=1)
    assert watched.history.losses == alone.history.losses and not alone.history.series
    for a, b in zip(watched.model.state_dict().values(), alone.model.state_dict().values()): assert a.equal(b)
    assert not any(module._forward_hooks for module in watched.model.modules())


def test_what_is_kept(few_learner):
    learn = few_learner()
    learn.fine_tune(2, freeze_epochs=1)
    tracks, history = learn.history.series, learn.history
    assert set(tracks) == {'network', 'weight_change', 'filters', 'predictions'}
    network = tracks['network'].about
    assert [group['name'] for group in network['groups']] == ['early layers', 'late layers', 'head']
    assert [g['parameters'] for g in network['groups']] == [sum(p.numel() for p in g.parameters())
                                                            for g in learn.groups]
    assert all(sum(n for _, n in g['layers']) == g['parameters'] for g in network['groups'])
    assert network['norms'] == [[False, False, True], [True]*3] and network['title'] == 'resnet10'
    assert tracks['filters'].steps[0] > history.phases[1].first_step  # frozen before
    assert tracks['predictions'].steps == [0] + [row.step for row in history.epochs]


def test_batchnorm_that_learns_in_a_frozen_body_is_told(few_learner):
    learn = few_learner(train_bn=True)
    learn.fine_tune(1, freeze_epochs=1)
    assert learn.history.series['network'].about['norms'] == [[True]*3, [True]*3]


def test_opinions_are_what_the_model_predicts(few_learner):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    step, last = predictions(learn.history.series['predictions'])[-1]
    probabilities, _ = learn.get_preds(progress=False)
    for i, (label, p) in zip(learn.shown, last):
        assert label == str(learn.dls.vocab[probabilities[i].argmax()])
        assert p == pytest.approx(probabilities[i].max().item(), abs=1e-4)


def test_the_first_dashboard_says_cat_and_not_true(few_pets):
    def is_cat(name): return name[0].isupper()
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), label_func=is_cat, seed=1, bs=16,
                                          item_tfms=Resize(32))
    learn = vision_learner(dls, resnet10)
    learn.fit(1)
    words = {'cat', 'not cat'}
    assert set(learn.history.series['predictions'].about['truth']) == words
    assert {label for label, _ in predictions(learn.history.series['predictions'])[-1][1]} <= words
    for i, truth in zip(learn.shown, learn.history.series['predictions'].about['truth']):
        assert (truth == 'cat') == is_cat(dls.valid.items[i].name)


def test_pictures_are_of_all_classes_and_always_the_same(few_pets):
    def loaders(label):
        return ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), label_func=label, seed=1, bs=16,
                                               valid_pct=.4, item_tfms=Resize(32))
    dls = loaders(lambda name: name[0].isupper())
    chosen = choose_images(dls)
    assert len(chosen) == len(set(chosen)) == 6 and chosen == choose_images(dls)
    assert dls.valid.dataset.targets[list(chosen)].tolist().count(1) == 3
    breeds = loaders(lambda name: name.rsplit('_', 1)[0])
    assert len(set(breeds.valid.dataset.targets[list(choose_images(breeds))].tolist())) >= 5


def test_numbers_instead_of_classes(few_pets):
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=1, bs=16, item_tfms=Resize(32),
                                          label_func=lambda name: float(len(name)))
    learn = Learner(dls, nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.Flatten(), nn.Linear(256, 1)))
    learn.fit(1, 1e-4)
    (text, probability), *_ = predictions(learn.history.series['predictions'])[-1][1]
    assert float(text) is not None and probability is None
    assert learn.history.series['network'].about['groups'][0]['name'] == 'all layers'


def test_a_foreign_loader_and_a_model_without_filters_are_watched_too():
    x, y = torch.randn(64, 5), torch.randint(0, 2, (64,))
    batches = list(zip(x.split(16), y.split(16)))
    learn = Learner(DataLoaders(batches, batches, vocab=['a', 'b']), nn.Linear(5, 2))
    learn.fit(1)
    assert set(learn.history.series) == {'network', 'weight_change'}
    assert 'no Conv2d' in learn.history.series['network'].about['no_filters']


def test_the_start_is_the_start_of_the_first_training(few_learner):
    learn = few_learner()
    start = learn.model[0].conv1.weight.detach().clone()
    learn.fine_tune(1, freeze_epochs=1)
    first = learn.history.series['weight_change'].samples[-1]['moved']
    learn.fit_one_cycle(1, slice(1e-4, 1e-3))
    assert learn.history.series['filters'].fixed['start'].equal(start)
    assert (learn.history.series['weight_change'].samples[-1]['moved'] > first).all()
    assert len(learn.history.series['network'].about['norms']) == len(learn.history.phases) == 3


def test_a_stopped_training_gets_a_last_look(few_learner):
    learn = few_learner(bs=8)
    class StopAtFive:
        def begin(self, history): pass
        def after_step(self, history, step): len(history.losses) == 5 and learn.stop()
        def after_epoch(self, history): pass
        def end(self, history): pass
    learn.default_observers = lambda: [Recorder(learn), StopAtFive()]
    learn.fine_tune(1, freeze_epochs=1)
    assert len(learn.history.losses) == 5 == learn.history.series['weight_change'].steps[-1]


@pytest.mark.parametrize('total', [1, 2, 17, 18, 100, 12_345])
def test_looks_are_few_and_include_first_and_last(total):
    due = [n for n in range(1, total+1) if _is_due(Step(n, total, 0, False, 0., 1, (), None))]
    assert due[0] == 1 and due[-1] == total and len(due) <= 26
    assert total < 6 or len(due) >= min(total//6, 12)
    assert max((b - a for a, b in zip(due, due[1:])), default=1) <= max(6, math.ceil(total/24))


def test_tracks_survive_the_file(few_learner, tmp_path):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    again = History.load(learn.history.save(tmp_path/'run.safetensors'))
    assert again == learn.history and again.series['filters'].samples[0]['change'].dtype == torch.int8


def test_names_of_groups():
    body, head = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), nn.Linear(2, 2)
    model = nn.Sequential(body, head)
    assert group_names(model, [body[0], body[1], head]) == ['early layers', 'late layers', 'head']
    assert group_names(model, [body, head]) == ['body', 'head'] and group_names(model, [model]) == ['all layers']
    assert group_names(nn.Sequential(body, head, head), [body[0], body[1]]) == ['group 1', 'group 2']
