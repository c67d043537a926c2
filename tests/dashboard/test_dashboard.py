"Where the dashboard appears, what it leaves behind, and that it is never in the way"
import base64
import gc
import os
import sys
import warnings

import pytest
from fastlearn.dashboard.compare import compare
from fastlearn.dashboard.dashboard import _LiveDashboard, _wants_dashboard, Dashboard, progress_or_dashboard
from fastlearn.dashboard.recorder import Recorder
from fastlearn.history import History
from fastlearn.progress import ConsoleProgress


@pytest.fixture
def kernel(monkeypatch):
    "As if the code ran in a notebook; what is displayed is kept"
    shown = []
    class Handle:
        def update(self, content, raw=False): shown.append(content)
    def display(thing, **options):
        shown.append(thing)
        return Handle()
    monkeypatch.setattr('fastlearn.dashboard.dashboard.in_notebook', lambda: True)
    monkeypatch.setattr('IPython.display.display', display)
    monkeypatch.setenv('FASTLEARN_DASHBOARD', 'auto')
    return shown


@pytest.mark.parametrize(('mode', 'asked', 'expected'), [
    ('auto', None, True), ('auto', False, False), ('on', None, True), ('on', False, False), ('off', None, False),
    ('off', True, True), ('auto', True, True)])
def test_who_decides(kernel, monkeypatch, mode, asked, expected):
    monkeypatch.setenv('FASTLEARN_DASHBOARD', mode)
    assert _wants_dashboard(asked) == expected


def test_a_setting_that_means_nothing_is_named(monkeypatch):
    monkeypatch.setenv('FASTLEARN_DASHBOARD', 'yes')
    with pytest.raises(ValueError, match="FASTLEARN_DASHBOARD is 'yes'; expected 'auto'"): _wants_dashboard()


def test_never_in_a_script(monkeypatch, few_learner, capsys):
    monkeypatch.setenv('FASTLEARN_DASHBOARD', 'on')
    monkeypatch.setattr('IPython.get_ipython', lambda: None)  # another test may have left a shell behind
    learn = few_learner()
    learn.fine_tune(1, dashboard=True, freeze_epochs=1)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3 and out[0].split() == ['epoch', 'train_loss', 'valid_loss', 'error_rate', 'time']


def test_the_widget_becomes_the_replay(kernel, few_learner):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    widget, bundle = kernel
    assert widget.run_state['status'] == 'done' and len(widget.run_state['epochs']) == 2 and widget.about['live']
    assert set(bundle) == {'text/html', 'image/png', 'text/plain'} and 'mount(place, state)' in bundle['text/html']
    assert base64.b64decode(bundle['image/png'])[1:4] == b'PNG' and bundle['text/plain'] == learn.history.table()


def test_the_choice_survives(kernel, few_learner):
    learn = few_learner()
    class Choose(_LiveDashboard):
        def after_epoch(self, history):
            super().after_epoch(history)
            self.live.widget.view = {'filters': 'difference'}
    learn.default_observers = lambda: [Recorder(learn), Choose(learn)]
    learn.fine_tune(1, freeze_epochs=1)
    assert '"view": {"filters": "difference"}' in kernel[-1]['text/html']


def test_the_button_stops_both_phases(kernel, few_learner):
    learn = few_learner(bs=8)
    class Press(_LiveDashboard):
        def after_step(self, history, step):
            super().after_step(history, step)
            if step.number == 4: self.live.widget.stop += 1
    learn.default_observers = lambda: [Recorder(learn), Press(learn)]
    learn.fine_tune(3, freeze_epochs=1)
    assert len(learn.history.losses) == 4 and len(learn.history.phases) == 1 and learn.stopped == 'on request'
    assert kernel[0].run_state['status'] == 'stopped' and not learn.model.training
    learn.predict(learn.dls.valid.items[0])
    learn.default_observers = lambda: [Recorder(learn), progress_or_dashboard(learn)]
    learn.fit(1, 1e-4)
    assert len(learn.history.losses) > 4 and kernel[-2].run_state['status'] == 'done'


def test_one_widget_per_learner_and_none_when_it_is_gone(kernel, few_learner):
    from ipywidgets.widgets.widget import _instances
    before = len(_instances)
    learn = few_learner()
    for _ in range(3): learn.fit(1, 1e-4)
    per_widget = 2  # the widget and its (unused) layout
    assert len(_instances) - before <= per_widget
    kernel.clear()
    del learn
    gc.collect()
    assert len(_instances) <= before


@pytest.mark.parametrize('event', ['begin', 'after_step', 'after_epoch', 'end'])
def test_a_failure_of_the_drawing_is_told_once_and_the_training_goes_on(kernel, few_learner, event):
    learn = few_learner()
    class Broken(_LiveDashboard): pass
    def fail(self, *args): raise OSError('the screen is full')
    setattr(Broken, event, fail)
    learn.default_observers = lambda: [Recorder(learn), Broken(learn)]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        learn.fine_tune(1, freeze_epochs=1)
    told = [str(w.message) for w in told if 'was removed from the observers' in str(w.message)]
    assert len(told) == 1 and 'training continues' in told[0] and 'the screen is full' in told[0]
    assert len(learn.history.epochs) == 2


def test_an_error_in_the_training_leaves_the_replay(kernel, few_learner):
    learn = few_learner()
    def fail(logits, targets):
        if len(learn.history.losses) == 3: raise RuntimeError('broken loss')
        return logits.square().mean()
    learn.loss_func = fail
    with pytest.raises(RuntimeError, match='broken loss'): learn.fine_tune(1, freeze_epochs=1)
    assert kernel[0].run_state['status'] == 'failed'
    assert kernel[0].run_state['events'] == [[3, 'ended by RuntimeError: broken loss']]
    assert 'text/html' in kernel[-1]


def test_a_later_page_continues_the_curves(kernel, few_learner):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    learn.fit(1, 1e-4)
    assert [phase['name'] for phase in kernel[2].run_state['phases']] == ['head', 'all', 'all']
    assert kernel[2].run_state['epochs'][-1]['epoch'] == 2


def test_to_html_is_one_file_that_needs_no_network(few_learner, tmp_path):
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    path = learn.dashboard().to_html(tmp_path/'new'/'run.html')
    text = path.read_text(encoding='utf-8')
    assert text.startswith('<!doctype html>') and 'http://' not in text and 'https://' not in text
    assert os.listdir(path.parent) == ['run.html']
    saved = learn.history.save(tmp_path/'run.safetensors')
    assert Dashboard.from_history(saved).html() == learn.dashboard().html()


def test_an_older_file_stays_whole_when_writing_fails(few_learner, tmp_path, monkeypatch):
    learn = few_learner()
    learn.fit(1, 1e-4)
    path = learn.dashboard().to_html(tmp_path/'run.html')
    before = path.read_text(encoding='utf-8')
    def full(*args): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='is full, so run.html was not written and is unchanged'):
        learn.dashboard().to_html(path)
    assert path.read_text(encoding='utf-8') == before and os.listdir(tmp_path) == ['run.html']


def test_before_the_first_step(few_learner):
    with pytest.raises(ValueError, match='there is nothing to show'): few_learner().dashboard()
    with pytest.raises(ValueError, match="the run 'run 1' has no training steps"): compare(few_learner(), few_learner())


def test_compare_takes_learners_and_histories(few_learner):
    a, b = few_learner(), few_learner(weights=None)
    for learn in (a, b): learn.fit(1, 1e-4)
    page = compare(a, b.history, names=('pretrained', '<b>scratch</b>'))
    assert 'mountCompare(place, state)' in page.html() and '<b>scratch' not in page.html()
    assert set(page.bundle()) == {'text/html', 'image/png', 'text/plain'}
    with pytest.raises(ValueError, match='2 runs and 1 names; expected 2 to 6 runs'): compare(a, b, names=('one',))


def test_no_history_at_the_path(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        Dashboard.from_history(tmp_path/'no.safetensors')


def test_without_a_front_end_table_and_bar(few_learner, monkeypatch):
    learn = few_learner()
    made = []
    def progress(names):
        made.append(names)
        return ConsoleProgress(names)
    monkeypatch.setattr('fastlearn.dashboard.dashboard.default_progress', progress)
    learn.fit(1, 1e-4)
    assert made == [['error_rate']] and isinstance(learn.history, History)


def test_the_widget_library_is_loaded_when_it_is_needed(kernel, few_learner):
    assert 'fastlearn.dashboard.widget' not in vars(sys.modules['fastlearn.dashboard.dashboard'])
    few_learner().fit(1, 1e-4)
    assert 'anywidget' in sys.modules
