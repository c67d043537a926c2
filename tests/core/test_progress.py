"""Every call that may take more than two seconds shows that it goes on.

Members of the kind that were tried: get_preds, tta, validate, update_bn (which fine_tune calls before its first step),
lr_find, ClassificationInterpretation.from_learner, dls.check, top_activations, view_layer, explore, view_evolution,
occlude, show_occlusion, invariance, correspondence, probe_layers, compare, learning_curve, try_unfreezing. Training has
the dashboard or the table; reading, drawing, downloading and unpacking files have bars of their own."""
import threading

import pytest
from tqdm import tqdm

from fastlearn.core import notebook
from fastlearn.core.notebook import progress_bar
from fastlearn.course.experiments import learning_curve, try_unfreezing
from fastlearn.dashboard.compare import errors_by_class
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.interpret.correspondence import correspondence, read_parts
from fastlearn.interpret.deconvnet import project
from fastlearn.interpret.evolution import view_evolution
from fastlearn.interpret.explorer import explore
from fastlearn.interpret.invariance import invariance
from fastlearn.interpret.linear_probes import probe_layers
from fastlearn.interpret.occlusion import occlude, show_occlusion
from fastlearn.interpret.show_layer import view_layer
from fastlearn.interpret.top_activations import top_activations

PARTS = ('right_eye', 'left_eye', 'nose')
CALLS = {  # by what the bar says
    'predicting': [lambda learn, files: learn.get_preds(),
                   lambda learn, files: ClassificationInterpretation.from_learner(learn)],
    'versions': [lambda learn, files: learn.tta(n=1)],
    'validating': [lambda learn, files: learn.validate()],
    'measuring BatchNorm averages': [lambda learn, files: (learn.freeze(), learn.update_bn()),
                                     lambda learn, files: learn.fine_tune(1, dashboard=False)],
    'trying rates': [lambda learn, files: learn.lr_find(num_it=10)],
    'checking': [lambda learn, files: learn.dls.check()],
    'images through layer2': [lambda learn, files: top_activations(learn, 'layer2'),
                              lambda learn, files: view_layer(learn, 'layer2', 1, k=1)],
    'projecting': [lambda learn, files: project(learn, 'layer2', next(iter(learn.dls.valid))[0][:1], [0], [(0, 0)])],
    'layers': [lambda learn, files: explore(learn, ['layer2'], 1, images=[0])],
    'epochs': [lambda learn, files: view_evolution(learn, 'layer2', 1, kept(learn))],
    'covering': [lambda learn, files: occlude(learn, 0, stride=16),
                 lambda learn, files: correspondence(learn, [0, 1], read_parts(files/'labels.csv'), PARTS, draws=1)],
    'images': [lambda learn, files: show_occlusion(learn, [0], stride=16, method=None)],
    'shift': [lambda learn, files: invariance(learn, [0], 'shift', amounts=[0, 1])],
    'features': [lambda learn, files: probe_layers(learn, ['layer1'])],
    'counting errors': [lambda learn, files: errors_by_class([learn, learn])],
    'training': [lambda learn, files: learning_curve(learn.dls, 'resnet10', (2,), steps=1, scratch=False),
                 lambda learn, files: try_unfreezing(learn.dls, 'resnet10', epochs=1)]}


def kept(learn):
    "Snapshots before and after an epoch"
    snapshots = learn.keep_snapshots()
    learn.fit(1, dashboard=False)
    return snapshots


@pytest.mark.usefixtures('close_figures')
@pytest.mark.parametrize(('said', 'call'), [(said, call) for said, calls in CALLS.items() for call in calls])
def test_it_shows_that_it_goes_on(few_learner, few_pets, monkeypatch, capsys, said, call):
    class AtOnce(notebook._Bar):
        def __init__(self, *args, delay, **options):
            assert delay <= 2
            super().__init__(*args, delay=0, **options)
    monkeypatch.setattr(notebook, '_Bar', AtOnce)
    call(few_learner(bs=8), few_pets)
    assert f'{said}:' in capsys.readouterr().err


def test_an_inner_bar_counts_on_the_outer_line(capsys):
    for _ in progress_bar(range(2), desc='layers', delay=0):
        with progress_bar(total=3, desc='batches', delay=0) as inner:
            inner.update(2)
            inner.refresh()
    shown = capsys.readouterr().err
    assert 'layers:   0%' in shown and 'batches 2/3' in shown
    assert '\n' not in shown and '\x1b[A' not in shown  # a notebook can't move up to a second line
    assert shown.endswith('\r') and not shown.split('\r')[-2].strip()  # it is gone in the end


def test_a_call_that_was_asked_to_be_quiet_is(few_learner, capsys):
    explore(few_learner(bs=8), ['layer2'], 1, images=[0], progress=False)
    assert not capsys.readouterr().err


def test_a_bar_waits_for_no_lock_of_tqdm():
    "That one is shared with forked processes, so one that was killed can hold it for good"
    bar = threading.Thread(target=lambda: list(progress_bar(range(3), delay=0)), daemon=True)
    with tqdm.get_lock():
        bar.start()
        bar.join(120)                   # seconds, against what hangs
        assert not bar.is_alive()
