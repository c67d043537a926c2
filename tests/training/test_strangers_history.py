"""A history of a stranger: what the dashboard could not draw is refused when it is read, with `UnreadableFile`.

Kinds "checked at load for one reader only" and "limits that are declared and not enforced". Members tried are the
rows below: shapes and types of events, phases, epochs and of each series, counts of 10^9 and 10^400, addresses in
place of pictures, empty vocabularies, NaN filters, steps that run backwards. What is whole is drawn: the last test,
and every test of the dashboard.
"""
import copy
import sys

import pytest
import torch
from fastlearn.core.tensor_files import UnreadableFile, write_tensors
from fastlearn.dashboard.replay import replay_html
from fastlearn.history import History
from fastlearn.history_records import EpochRecord, Phase, Series

PIXEL = 'data:image/png;base64,iVBORw0KGgo='


def whole() -> History:
    "Two phases of two steps, and all series"
    history = History([.9, .8, .7, .6], [(1e-3, 1e-2)]*4, [.9, None, .9, .9], [8]*4,
                      [Phase('head', (False, True), 0, 0, 1, 2), Phase('all', (True, True), 2, 1, 1, 2)],
                      [EpochRecord(0, 0, 2, .85, .8, {'accuracy': .5}, 1., True),
                       EpochRecord(1, 1, 4, .65, None, {}, 1.5, False)], [(4, 'stopped at step 2 of 2: on request')])
    parts = [{'name': name, 'parameters': 9, 'layers': [['conv', 9]], 'norms': 1} for name in ('body', 'head')]
    history.series['network'] = Series({'title': 'net', 'batch': 8, 'groups': parts, 'norms': [[True, False]]*2,
                                        'no_filters': ''})
    history.series['filters'] = Series({'layer': '0.conv', 'of': 4, 'every': 1, 'kind': 'color'},
                                       {'start': torch.randn(4, 3, 3, 3)}, [2],
                                       [{'change': torch.ones(4, 3, 3, 3).char(), 'scale': torch.tensor(.1)}])
    history.series['predictions'] = Series({'kind': 'single', 'vocab': ['a', 'b'], 'truth': ['a'], 'sources': [PIXEL]},
                                           {}, [0, 4], [{'outputs': torch.tensor([[.2, .8]])}]*2)
    history.series['weight_change'] = Series({}, {}, [2, 4], [{'moved': torch.ones(2), 'budget': torch.ones(2)}]*2)
    return history


def about(name, **values): return lambda parts, arrays: parts['series'][name][0].update(values)
def phase(**values): return lambda parts, arrays: parts['phases'][1].update(values)
def row(**values): return lambda parts, arrays: parts['epochs'][0].update(values)
def events(*found): return lambda parts, arrays: parts.update(events=list(found))
def array(name, value): return lambda parts, arrays: arrays.update({name: value})
def lacks(name, key): return lambda parts, arrays: parts['series'][name][0].pop(key)


NAN = float('nan')
ODD = {f'{name} {i}': change for name, changes in {
    'events': [events(*one) for one in ([('x', 'y')], [(1,)], [(30, None)], [(1, 'a', 'b')], [()], [(-1, 'a')],
                                         [(1.5, 'a')], [(True, 'a')], ['ab'], [7])],
    'phases': [phase(**one) for one in (
        {'epochs': 10**9}, {'epochs': 3}, {'steps': 10**400, 'epochs': 10**400}, {'epochs': -1}, {'epochs': 1.},
        {'steps': NAN}, {'first_step': 5}, {'first_step': -1}, {'trainable': []}, {'trainable': [1, 0]},
        {'trainable': [True]*3}, {'name': None}, {'name': ['all']}, {'first_epoch': '1'}, {'more': 1})],
    'epochs': [row(**one) for one in (
        {'epoch': 'x'}, {'phase': 2}, {'phase': -1}, {'step': 99}, {'train_loss': None}, {'valid_loss': 'low'},
        {'metrics': {'a': 'b'}}, {'metrics': {'a': None}}, {'metrics': 7}, {'seconds': -1}, {'seconds': NAN},
        {'seconds': float('inf')}, {'complete': 'yes'}, {'epoch': True})],
    'network': [about('network', **one) for one in (
        {'title': None}, {'batch': 'x'}, {'groups': None}, {'groups': [1]}, {'groups': [{}]}, {'norms': []},
        {'norms': [[1], [2]]}, {'norms': [[True]]*3}, {'no_filters': 0})] + [
        lacks('network', key) for key in ('title', 'batch', 'groups', 'norms', 'no_filters')],
    'filters': [about('filters', **one) for one in (
        {'layer': 1}, {'of': 0}, {'every': 0}, {'every': -1}, {'kind': 'x'})] + [
        array('filters/fixed/start', value) for value in (
            torch.ones(4), torch.ones(0, 3, 3, 3), torch.full((4, 3, 3, 3), NAN), torch.ones(4, 3, 3, 3).double())] + [
        array('filters/samples/change', torch.ones(1, 2, 3, 3, 3, dtype=torch.int8)),
        array('filters/samples/change', torch.ones(1, 4, 3, 3, 3)), array('filters/samples/scale', torch.tensor([NAN])),
        lacks('filters', 'layer'), lacks('filters', 'every')],
    'predictions': [about('predictions', **one) for one in (
        {'vocab': []}, {'vocab': [1, 2]}, {'vocab': ['a']}, {'vocab': 'ab'}, {'kind': 'x'}, {'truth': []},
        {'truth': [None]},
        {'sources': ['http://127.0.0.1/beacon.png']}, {'sources': ['javascript:alert(1)']}, {'sources': ['//x/y.png']},
        {'sources': ['data:text/html,x']}, {'sources': [None]}, {'sources': [PIXEL]*2})] + [
        array('predictions/samples/outputs', value) for value in (
            torch.ones(2, 1, 3), torch.ones(2, 2, 2), torch.ones(2, 1, 0), torch.ones(2, 2))],
    'weight_change': [array('weight_change/samples/moved', torch.ones(2, 3)), array('weight_change/samples/budget',
                                                                                    torch.ones(2))],
    'series': [lambda parts, arrays: parts['series'].update(predictions=[[], [0, 4]]),
               lambda parts, arrays: parts['series']['predictions'].__setitem__(1, [4, 0]),
               lambda parts, arrays: parts['series']['predictions'].__setitem__(1, [0]*2),
               lambda parts, arrays: parts['series']['predictions'].__setitem__(1, [0., 4.]),
               lambda parts, arrays: parts['series']['predictions'].__setitem__(1, [0, 1, 4])],
    'steps': [array('losses', torch.ones(4, 1)), array('losses', torch.ones(3)), array('lrs', torch.ones(4)),
              array('lrs', torch.ones(4, 3)), array('images', torch.ones(2)), array('momenta', torch.ones(4, 2))],
}.items() for i, change in enumerate(changes)}


@pytest.mark.parametrize('name', ODD)
def test_what_cannot_be_drawn_is_refused_when_it_is_read(tmp_path, name):
    arrays, parts = whole().pack()
    parts = copy.deepcopy(parts)
    ODD[name](parts, arrays)
    path = write_tensors(tmp_path/'history.safetensors', 'fastlearn-history-1', parts, arrays)
    with pytest.raises(UnreadableFile, match='is damaged: these are not the parts of a history'): History.load(path)


def test_a_whole_one_is_read_and_drawn(tmp_path):
    found = History.load(whole().save(tmp_path/'history.safetensors'))
    assert found.losses == [.9, .8, .7, .6] and 'data-fastlearn' in replay_html(found)


def test_a_million_planned_epochs_that_ended_early_are_no_burden(tmp_path):
    history = whole()
    history.phases[1] = Phase('all', (True, True), 2, 1, 10**6, 2*10**6)
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(None) if len(calls) < 10**6 else None)
    try: page = replay_html(History.load(history.save(tmp_path/'history.safetensors')))
    finally: sys.setprofile(None)
    assert len(calls) < 10**6 and len(page) < 10**7
