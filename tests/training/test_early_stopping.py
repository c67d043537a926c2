"Early stopping and the best weights"

import pytest

from fastlearn.early_stopping import EarlyStop, SaveBest
from fastlearn.history import History
from fastlearn.history_records import Evaluation, Step
from fastlearn.observers import Stop


def test_early_stop_counts_from_the_best_and_within_the_phase():
    def judged(values, **options):
        history, stop = History(), Stop()
        history.begin_phase((True,), 9, 9)
        for i, value in enumerate(values):
            step = Step(i+1, 9, i, True, 1., 64, (1e-3,), .9)
            history.add_step(step); history.add_epoch(step, Evaluation(value, {'accuracy': 1-value}, 10), 1.)
        EarlyStop(**options).check(history, stop, {'accuracy': False})
        return stop.reason
    assert judged([3, 2, 1, 1.5]) is None and judged([], patience=1) is None and judged([3], patience=1) is None
    assert judged([3, 2, 1, 1.5, 1.2]) == 'valid_loss has not improved for 2 epochs'
    assert judged([3, 2, 1, 1.5, 1.2, .9]) is None
    assert judged([.5, .4, .45, .42], monitor='accuracy') == 'accuracy has not improved for 2 epochs'
    assert judged([3, 2.99, 2.98], min_delta=.1) is not None
    with pytest.raises(ValueError, match="cannot monitor 'acuracy'; .*valid_loss, accuracy. Did you mean 'accuracy'"):
        judged([1.], monitor='acuracy')


def test_keep_best_restores_the_best_weights_and_says_so():
    import torch
    model, keep, history = torch.nn.Linear(2, 1), SaveBest('accuracy'), History()
    history.begin_phase((True,), 3, 3)
    for i, accuracy in enumerate([.6, .9, .7]):
        torch.nn.init.constant_(model.weight, i)
        step = Step(i+1, 3, i, True, 1., 64, (1e-3,), .9)
        history.add_step(step); history.add_epoch(step, Evaluation(.5, {'accuracy': accuracy}, 10), 1.)
        keep.update(history, model, {'accuracy': False})
    keep.restore(history, model)
    assert model.weight.tolist() == [[1., 1.]]
    assert history.events[-1][1] == 'the model has the weights of epoch 1, the best by accuracy (0.900000)'
