"The record of a training run: smoothing, phases, the table, files."
import csv
import dataclasses
import math
import os

import numpy as np
import pytest
import torch

from fastlearn.history import History, smoothed
from fastlearn.history_records import clock, Evaluation, Phase, Series, Step


def filled(phases=(((False, False, True), 1), ((True, True, True), 2)), per_epoch=5):
    history = History()
    for trainable, epochs in phases:
        history.begin_phase(trainable, epochs, epochs*per_epoch)
        for i in range(epochs*per_epoch):
            ends_epoch = (i+1) % per_epoch == 0
            step = Step(i+1, epochs*per_epoch, i//per_epoch, ends_epoch, 1/(i+1)+.1, 64, (1e-5, 1e-4, 1e-3), .9)
            history.add_step(step)
            if step.ends_epoch: history.add_epoch(step, Evaluation(.5/(i+1), {'error_rate': .1}, 100), 65.4)
    return history


def test_smoothing_is_the_debiased_average_by_definition():
    losses, beta = [3., 1., 4., 1., 5.], .7
    for n, value in enumerate(smoothed(losses, beta), 1):
        weights = [beta**(n-1-i) for i in range(n)]
        assert value == pytest.approx(sum(w*x for w, x in zip(weights, losses))/sum(weights))
    assert smoothed(losses, 0) == losses and smoothed([]) == []


def test_phases_are_named_and_epochs_numbered_on():
    history = filled()
    assert [phase.name for phase in history.phases] == ['head', 'all']
    assert [(row.epoch, row.phase, row.step) for row in history.epochs] == [(0, 0, 5), (1, 1, 10), (2, 1, 15)]
    history.begin_phase((False, True, True), 1, 5)
    assert history.phases[-1].name == 'part' and history.phases[-1].description == 'training 2 of 3 groups'
    assert history.phases[-1].first_epoch == 3 and history.phases[-1].first_step == 15


def test_train_loss_begins_afresh_with_each_phase():
    history = filled()
    assert history.epochs[0].train_loss == pytest.approx(smoothed(history.losses[:5], 0)[-1])
    assert history.epochs[2].train_loss == pytest.approx(smoothed(history.losses[5:], 0)[-1])


@pytest.mark.parametrize('steps', [1, 2, 6, 18, 40, 90, 400, 3000])
def test_the_smoothed_line_of_a_phase_runs_through_the_dots_however_short_it_is(steps):
    "A loss falls to 2 %: the line ends where the loss was in the last sixth, and in a long phase it is fastai's"
    phase = Phase('all', (True,), 0, 0, 1, steps)
    losses = [math.exp(-4*i/steps) for i in range(1, steps + 1)]
    assert losses[-1] - 1e-9 <= smoothed(losses, phase.beta)[-1] <= losses[5*steps//6] + 1e-9
    assert (phase.beta == .98) == (steps >= 500)


def test_the_plot_draws_the_numbers_of_the_table_and_fastais_on_request():
    history = filled()
    end = {beta: history.plot(beta=beta).axes[0].lines[2].get_ydata()[-1] for beta in (None, .98)}
    assert end[None] == history.epochs[-1].train_loss and end[.98] == smoothed(history.losses[5:])[-1]


def test_table_has_the_columns_and_formats_of_the_book():
    head, first, *_ = [line.split() for line in filled().table().splitlines()]
    assert head == ['epoch', 'train_loss', 'valid_loss', 'error_rate', 'time']
    assert first[2:] == ['0.100000', '0.100000', '01:05'] and first[0] == '0' and len(first[1].split('.')[1]) == 6
    history = filled()
    assert list(history.cells(history.epochs[0])) == head == history.columns()
    assert list(history.cells(history.epochs[0]).values()) == first


@pytest.mark.parametrize('seconds, text', [(0, '00:00'), (65.4, '01:05'), (3599.6, '1:00:00'), (7325, '2:02:05')])
def test_clock(seconds, text): assert clock(seconds) == text


def test_save_and_load_give_back_everything(tmp_path):
    history = filled()
    history.add_event('stopped at step 3 of 10: on request')
    history.momenta[2] = None
    assert History.load(history.save(tmp_path/'deep'/'run.safetensors')) == history
    assert [p.name for p in (tmp_path/'deep').iterdir()] == ['run.safetensors']
    assert History.load(History().save(tmp_path/'empty')) == History()


def test_loading_something_else_says_what_it_is(tmp_path):
    (tmp_path/'x').write_bytes(b'not a history')
    with pytest.raises(ValueError, match='is damaged, incomplete, or not a safetensors file'):
        History.load(tmp_path/'x')
    with pytest.raises(FileNotFoundError, match='the file .*missing.* does not exist'): History.load(tmp_path/'missing')
    from safetensors.torch import save_file
    save_file({'a': torch.ones(1)}, tmp_path/'weights.safetensors', metadata={'format': 'pt'})
    with pytest.raises(ValueError, match="is of format 'pt'; expected 'fastlearn-history-1'"):
        History.load(tmp_path/'weights.safetensors')


def test_a_failed_save_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = filled().save(tmp_path/'run')
    before = path.read_bytes()
    def fail(*args, **kwargs): raise OSError('disk full')
    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'): History().save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_csv(tmp_path):
    history = filled()
    epochs = list(csv.DictReader(open(history.to_csv(tmp_path/'e.csv'))))
    assert [row['phase'] for row in epochs] == ['head', 'all', 'all'] and float(epochs[0]['error_rate']) == .1
    steps = list(csv.DictReader(open(history.to_csv(tmp_path/'s.csv', what='steps'))))
    assert len(steps) == 15 and [float(step['loss']) for step in steps] == history.losses
    assert steps[4]['phase'] == 'head' and steps[5]['phase'] == 'all'
    with pytest.raises(ValueError, match="what is 'rows'; expected 'epochs' or 'steps'"):
        history.to_csv(tmp_path/'x', what='rows')


def test_plot_draws_every_step_and_the_empty_history_says_so():
    figure = filled().plot()
    assert len(figure.axes[0].lines[0].get_xdata()) == 15 and len(figure.axes[1].lines) == 3
    with pytest.raises(ValueError, match='the history is empty'): History().plot()


def test_the_lines_of_the_plot_are_the_numbers_of_the_history():
    history = filled()
    top, below = history.plot(beta=.7).axes
    raw, head, everything, validation = top.lines
    assert list(raw.get_xdata()) == list(range(1, 16)) and list(raw.get_ydata()) == history.losses
    assert head.get_label() == 'smoothed'
    for line, first, end in (head, 0, 5), (everything, 5, 15):  # smoothed anew in each phase
        assert list(line.get_xdata()) == list(range(first + 1, end + 1))
        assert list(line.get_ydata()) == smoothed(history.losses[first:end], .7)
    assert list(validation.get_xdata()) == [5, 10, 15]
    assert list(validation.get_ydata()) == [row.valid_loss for row in history.epochs]
    assert [text.get_text() for text in top.texts] == ['training the head', 'training the whole network']
    [shade] = top.patches                 # where only some groups learn
    assert (shade.get_x(), shade.get_width()) == (0, 5)
    assert [text.get_text() for text in top.get_legend().texts] == ['each batch', 'smoothed', 'validation']
    for line, rate, frozen in zip(below.lines, (1e-5, 1e-4, 1e-3), (5, 5, 0)):  # nothing while it is frozen
        shown = line.get_ydata()
        assert np.isnan(shown[:frozen]).all() and list(shown[frozen:]) == [rate]*(15 - frozen)
    assert list(below.lines[0].get_xdata()) == list(range(1, 16))
    assert [text.get_text() for text in below.get_legend().texts] == ['early layers', 'late layers', 'head']
    assert (top.get_ylabel(), below.get_xlabel(), below.get_ylabel()) == ('loss', 'step', 'learning rate')
    assert (top.get_yscale(), below.get_yscale()) == ('linear', 'log')
    assert history.plot(log=True).axes[0].get_yscale() == 'log'
    top.set_xlim(3, 4)
    assert below.get_xlim() == (3, 4)     # who zooms in on one zooms in on both


def series(*steps):
    made = Series({'what': 'test'}, {'start': torch.zeros(2)})
    for step in steps: made.add(step, value=torch.full((2,), float(step)))
    return made


def test_of_two_samples_at_a_step_the_second_stays():
    made = series(1, 2, 3, 4)
    made.add(4, value=torch.tensor([7., 7.]))
    assert made.steps == [1, 2, 3, 4] and [int(sample['value'][0]) for sample in made.samples] == [1, 2, 3, 7]


@pytest.mark.parametrize('most, left', [(9, range(1, 9)), (8, range(1, 9)), (7, [1, 3, 5, 7, 8]), (4, [1, 5, 8]),
                                        (2, [1, 8]), (0, [1, 8])])
def test_every_second_sample_leaves_but_the_first_and_the_newest(most, left):
    made = series(*range(1, 9))
    made.thin(most)
    assert made == series(*left)


def test_series_are_equal_if_all_they_hold_is():
    assert Series() == Series({}, {}, [], []) and Series().fixed is not Series().fixed
    assert series(1, 2) == series(1, 2) and series(1) != series(1, 2) and series(1) != 'series'
    for change in ({'about': {}}, {'fixed': {}}, {'fixed': {'start': torch.ones(2)}}, {'steps': [1, 3]},
                   {'samples': [{'value': torch.ones(2)}]*2}):
        assert dataclasses.replace(series(1, 2), **change) != series(1, 2)


@pytest.mark.parametrize(('groups', 'names'), [(1, ['all layers']), (2, ['body', 'head']),
                                               (4, ['part 1', 'part 2', 'part 3', 'head'])])
def test_the_lines_of_the_rates_have_names(groups, names):
    history = History()
    history.begin_phase([True]*groups, epochs=1, steps=2)
    for number in 1, 2: history.add_step(Step(number, 2, 0, number == 2, 1., 4, (.1,)*groups, .9))
    assert [text.get_text() for text in history.plot().axes[1].get_legend().texts] == names
