"What a browser gets of a run: few points that lose nothing, small blocks, one safe piece of HTML"
import base64
import io
import json
import random
import re
import struct

import numpy as np
import pytest
import torch
from fastlearn.core.interactive import bundle, live_html
from fastlearn.dashboard.replay import (
    about, Curves, filter_history_bytes, how_it_ended, replay_html, run_state, state, still, weight_change_bytes,
)
from fastlearn.history import History, smoothed
from fastlearn.history_records import EpochRecord
from PIL import Image


def made_up(steps=1000, groups=3, epochs=4, seed=0) -> History:
    "A history without tracks, in two phases"
    rng, history = random.Random(seed), History()
    for trainable, share in ((False,)*(groups-1) + (True,), .25), ((True,)*groups, 1.):
        first = len(history.losses)
        history.begin_phase(trainable, epochs, round(steps*share) - first)
        for i in range(first, round(steps*share)):
            history.losses.append(rng.expovariate(2))
            history.lrs.append(tuple(1e-4*(group+1) for group in range(groups)))
            history.momenta.append(.9)
            history.images.append(64)
        history.epochs.append(EpochRecord(len(history.epochs), len(history.phases)-1, len(history.losses), .5, .4,
                                          {'error_rate': .1}, 2., True))
    return history


@pytest.mark.parametrize('steps', [1, 2, 36, 999, 1000, 1001, 2001, 4321, 100_000])
def test_points_lose_no_step_and_no_spike(steps):
    history = made_up(steps) if steps > 4 else made_up(4)
    steps = len(history.losses)
    history.losses[steps//3] = 99.
    curves = Curves(3).follow(history)
    first, last, low, high, smooth, *_ = curves.table[:curves.points].T
    assert curves.points <= 1000 and first[0] == 1 and last[-1] == steps
    assert (first[1:] == last[:-1] + 1).all()  # each step in exactly one point
    for a, b, lowest, highest in zip(first, last, low, high):
        inside = history.losses[int(a)-1:int(b)]
        assert lowest == pytest.approx(min(inside), rel=1e-6) and highest == pytest.approx(max(inside), rel=1e-6)
    for phase, end in zip(history.phases, [history.phases[1].first_step, steps]):
        line = smoothed(history.losses[phase.first_step:end], phase.beta)
        at = [i for i in range(curves.points) if phase.first_step < last[i] <= end]
        assert smooth[at] == pytest.approx([line[int(last[i]) - 1 - phase.first_step] for i in at], rel=1e-5)


def test_following_step_by_step_is_the_same_as_all_at_once():
    whole, growing, curves = made_up(2500), History(), Curves(3)
    for i in range(len(whole.losses)):
        growing.phases = [phase for phase in whole.phases if phase.first_step <= i]
        for name in 'losses', 'lrs', 'momenta', 'images': setattr(growing, name, getattr(whole, name)[:i+1])
        if i % 7 == 0: curves.follow(growing)
    assert bytes(curves.follow(growing)) == bytes(Curves(3).follow(whole))


def test_few_steps_are_exact():
    history = made_up(40)
    table = np.frombuffer(bytes(Curves(3).follow(history)), np.float32).reshape(9, 40)
    assert table[2] == pytest.approx(history.losses, rel=1e-6) and (table[2] == table[3]).all()
    assert table[5:8].T == pytest.approx(np.array(history.lrs), rel=1e-6) and table[8] == pytest.approx([.9]*40)


def test_no_momentum_is_not_a_number():
    history = made_up(8)
    history.momenta = [None]*8
    assert np.isnan(np.frombuffer(bytes(Curves(3).follow(history)), np.float32)[-8:]).all()


def test_blocks_hold_what_the_tracks_hold(few_learner):
    learn = few_learner()
    learn.fine_tune(2, freeze_epochs=1)
    film, moved = learn.history.series['filters'], learn.history.series['weight_change']
    block, size = filter_history_bytes(film), film.fixed['start'].numel()
    assert np.frombuffer(block[:4*size], np.float32) == pytest.approx(film.fixed['start'].flatten().numpy())
    length = 8 + -(-size//4)*4
    for i, (step, look) in enumerate(zip(film.steps, film.samples)):
        at, scale = struct.unpack_from('<ff', block, 4*size + i*length)
        change = np.frombuffer(block, np.int8, size, 4*size + i*length + 8)
        assert at == step and scale == pytest.approx(look['scale'].item())
        assert (change == look['change'].flatten().numpy()).all()
    table = np.frombuffer(weight_change_bytes(learn.history), np.float32).reshape(7, len(moved.steps))
    assert table[0].tolist() == moved.steps
    assert (table[1:4].T == torch.stack([look['moved'] for look in moved.samples]).numpy()).all()


def test_a_default_run_adds_less_than_a_megabyte(few_learner):
    learn = few_learner()
    learn.fine_tune(10, freeze_epochs=1)  # more looks than the film keeps
    html, picture = replay_html(learn.history), still(learn.history)
    assert len(html) + len(picture)*4/3 < 1e6
    assert len(json.dumps(state(learn.history))) < 1e6


def test_a_hundred_thousand_steps_stay_small():
    history = made_up(100_000)
    assert len(json.dumps(state(history))) < 2e5 and len(replay_html(history)) < 5e6


def test_the_state_is_json_and_complete(few_learner):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    said = json.loads(json.dumps(state(learn.history), allow_nan=False))
    assert said['run_state']['cells'] == [list(learn.history.cells(row).values()) for row in learn.history.epochs]
    assert [p['trainable'] for p in said['run_state']['phases']] == [[False, False, True], [True]*3]
    assert said['about']['filters'] == {'layer': 'conv1', 'shape': [64, 3, 7, 7], 'of': 64, 'kind': 'color'}
    assert len(said['about']['images']) == len(said['run_state']['predictions'][0]['top']) == 6
    assert said['run_state']['status'] == 'done' and base64.b64decode(said['curves'])


def test_a_history_that_nobody_watched_can_be_shown():
    history = made_up(40)
    said = state(history)
    assert said['about']['filters'] is None and 'not recorded' in said['about']['no_filters']
    assert len(said['about']['groups']) == 3 and said['filter_history'] == said['weight_change'] == ''
    assert Image.open(io.BytesIO(still(history))).size == (760, 260)


def test_nothing_yet_is_said():
    with pytest.raises(ValueError, match='the history is empty, so there is no run to show; train at least one step'):
        state(History())


@pytest.mark.parametrize(('events', 'ended'), [
    ([], 'done'), ([(36, 'stopped at step 18 of 18: on request')], 'stopped'),
    ([(36, 'ended by NotFinite: the loss is nan')], 'failed'),
    ([(10, 'stopped at step 10 of 18: interrupted')], 'done'),  # and then it went on
    ([(36, 'weights of epoch 1 put back')], 'done')])
def test_how_a_run_ended(events, ended):
    history = made_up(36)
    history.events = events
    assert how_it_ended(history) == ended


@pytest.mark.parametrize('label', ['</script><script>alert(1)</script>', '<!--', '<img src=x onerror=alert(1)>',
                                   '"&\u2028'])
def test_labels_cannot_leave_their_place(label):
    page = live_html({'about': {'title': label}}, 'instead')
    data = re.search(r'^const state = (.*);$', page, re.M)[1]
    assert '<' not in data and json.loads(data) == {'about': {'title': label}}


def test_the_script_is_whole_and_needs_nothing():
    dashboard = [f'dashboard/{name}.js' for name in ('widget', 'standalone', 'compare')]
    for entry in *dashboard, 'interpret/layer_explorer.js':
        code = bundle(entry)
        assert not re.search(r'^import ', code, re.M) and 'https://' not in code and 'innerHTML' not in code
    assert bundle('dashboard/widget.js').count('export default') == 1
    assert not re.search(r'^export ', bundle('dashboard/standalone.js', exports=False), re.M)


def test_the_same_run_gives_the_same_page():
    assert replay_html(made_up(50)) == replay_html(made_up(50)) != replay_html(made_up(50, seed=1))


def test_a_running_story_plans_ahead():
    history = made_up(36)
    assert run_state(history, status='running')['planned'] == 36 and run_state(history, 90, 'running')['planned'] == 90
    assert run_state(history)['planned'] == 36 and about(history)['live'] is False
