"""What the library says after a run on photos with a high error.

Members of the kind "a good default for the demo data disappoints on others": photos in folders, a command in the shell,
accuracy instead of error_rate, no metric of that kind, a network and images that are large already, drawn images,
a stopped run, quiet learners, an observer of the caller's own.
"""
import shlex
from types import SimpleNamespace

import numpy as np
import pytest
from fastlearn import cli
from fastlearn.advice import Advice, error_of, what_helps
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.history import History
from fastlearn.history_records import EpochRecord
from fastlearn.learner import vision_learner
from fastlearn.metrics import error_rate
from PIL import Image


@pytest.fixture(scope='module')
def noise(tmp_path_factory):
    "A folder of images from which nothing can be learned"
    folder, rng = tmp_path_factory.mktemp('noise'), np.random.default_rng(0)
    for i in range(24):
        place = folder/('beach', 'town')[i % 2]/f'{i}.png'
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(place)
    return folder


def learner(folder, size=32, **options):
    dls = ImageDataLoaders.from_folder(folder, valid_pct=.5, seed=1, bs=4, item_tfms=Resize(size), device='cpu')
    return vision_learner(dls, 'resnet10', **{'metrics': error_rate} | options)


def with_error(learn, error, name='error_rate'):
    learn.history.epochs = [EpochRecord(0, -1, 1, .5, .5, {name: error}, 1., True)]
    return learn


def said(learn, capsys, **options) -> str:
    capsys.readouterr()
    Advice(learn, **options).end(learn.history)
    return capsys.readouterr().out


def test_after_a_run_with_a_high_error_the_levers_are_named(noise, capsys):
    learn = learner(noise)
    learn.fit(1, 1e-5)
    out = capsys.readouterr().out
    wrong = round(learn.history.epochs[-1].metrics['error_rate']*12)
    assert f'{wrong} of 12 validation images were misclassified' in out
    assert 'item_tfms=Resize(224), vision_learner(dls, resnet34' in out and 'MB once' in out
    assert 'more photos, of ' in out and 'dls.check()' in out


@pytest.mark.parametrize('metrics', [[], None])
def test_without_a_measure_nothing_is_said(noise, capsys, metrics):
    learn = learner(noise, metrics=metrics)
    learn.fit(1, 1e-5)
    assert 'usually helps' not in capsys.readouterr().out


def test_quiet_learners_are_quiet(noise, capsys):
    learner(noise, quiet=True).fit(1, 1e-5)
    assert not capsys.readouterr().out


@pytest.mark.parametrize('error, speaks', [(.1, False), (.11, True), (0., False)])
def test_where_it_speaks(noise, capsys, error, speaks):
    learn = learner(noise)
    assert bool(said(with_error(learn, error), capsys)) == speaks
    assert bool(said(with_error(learn, 1 - error, 'accuracy'), capsys)) == speaks
    learn.stopped = 'on request'
    assert not said(with_error(learn, .5), capsys)


def test_drawn_images_go_wrong_on_purpose(few_learner, capsys):
    assert not said(with_error(few_learner(), .5), capsys)


def test_only_what_applies_is_named(noise):
    learn = with_error(learner(noise, size=224), .3)
    first = next(what_helps(learn))
    assert 'Resize' not in first and 'resnet34' in first
    learn.arch = None                     # a network of one's own: we do not know a larger one
    assert not [line for line in what_helps(learn) if 'resnet34' in line or 'Resize' in line]
    falling = [EpochRecord(i, -1, i, .5, 1 - i/10, {'error_rate': .3}, 1., True) for i in range(5)]
    learn.history.epochs = falling[:3]
    assert any('learn.fine_tune(5)' in line for line in what_helps(learn))
    learn.history.epochs = falling
    assert not any('more epochs' in line for line in what_helps(learn))


def test_weights_that_are_here_cost_no_download(noise, tmp_path, monkeypatch):
    import torchvision
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path))
    learn = with_error(learner(noise), .3)
    assert 'downloads 83 MB once' in next(what_helps(learn))
    url = torchvision.models.ResNet34_Weights.DEFAULT.url
    (tmp_path/'weights').mkdir()
    (tmp_path/'weights'/url.rpartition('/')[2]).touch()
    assert 'on this machine' in next(what_helps(learn))


def test_the_error_of_a_history():
    assert error_of(History()) is None


def test_the_command_says_it_as_a_command(noise, tmp_path, capsys):
    (noise/'town'/'copy.png').write_bytes((noise/'beach'/'0.png').read_bytes())
    status = cli.main(['train', str(noise), '--size=32', '--epochs', '1', '--valid', '0.5',
                       '--out', str(tmp_path/'m.safetensors')])
    out = capsys.readouterr().out
    (noise/'town'/'copy.png').unlink()
    assert status == 0 and 'usually helps' in out and 'vision_learner' not in out and 'dls.check' not in out
    line = next(line for line in out.splitlines() if '--arch resnet34' in line)
    words = shlex.split(line.partition(': ')[2].partition(' (')[0])
    assert words == ['fastlearn', 'train', str(noise), '--valid', '0.5', '--out', str(tmp_path/'m.safetensors'),
                     '--size', '224', '--arch', 'resnet34']
    assert cli.parser().parse_args(words[1:]).size == 224
    assert 'cleaner data: ' in out        # the copy under another label, which the check finds


def test_the_line_that_stays():
    given = ['train', 'my photos', '--size', '64', '--arch=resnet18', '--replay', 'r.html', '--epochs', '2']
    assert cli.command_line(SimpleNamespace(arguments=given)) == "fastlearn train 'my photos' --replay r.html"
