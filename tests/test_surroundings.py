"""The command in odd surroundings, and models that no reader takes.

Kinds "signals and surroundings" and "not-numbers after the guard". Members tried: SIGTERM, SIGHUP, SIGHUP after
nohup, twice SIGTERM; stdout closed, stderr closed, both; RANK and WORLD_SIZE by chance (of predict and train); NaN,
infinity, negative and all-zero variances in an export, a checkpoint, weights; odd normalizations; y_range of 1e308;
save and export of a model of NaN.
"""
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from fastlearn.cli import main
from fastlearn.core.tensor_files import read_tensors, write_tensors
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.head import create_head
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.models import resnet10
from fastlearn.weight_files import load_weights
from PIL import Image
from safetensors.torch import save_file
from torch import nn

HANGS = 1200                              # seconds, after which nothing more will come, however busy the machine is
POSIX = pytest.mark.skipif(os.name == 'nt', reason='there are no such signals')


@pytest.fixture(scope='module')
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('pictures')
    for name, color in ('green', (0, 200, 0)), ('red', (200, 0, 0)):
        (folder/name).mkdir()
        for i in range(8):
            Image.new('RGB', (32, 32), tuple(min(255, c + 3*i) for c in color)).save(folder/name/f'{i}.png')
    return folder


@pytest.fixture(scope='module')
def model(pictures, tmp_path_factory) -> Path:
    dls = ImageDataLoaders.from_folder(pictures, valid_pct=.25, seed=1, bs=4, item_tfms=Resize(32), device='cpu')
    learn = vision_learner(dls, resnet10, quiet=True)
    learn.save(tmp_path_factory.getbasetemp()/'state')
    return learn.export(tmp_path_factory.mktemp('model')/'model')


def command(*arguments, **options):
    return subprocess.Popen([sys.executable, '-m', 'fastlearn.cli', *map(str, arguments)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@POSIX
@pytest.mark.parametrize('names, status', [
    (['SIGTERM'], 143), pytest.param(['SIGHUP'], 129, marks=pytest.mark.long),
    pytest.param(['SIGTERM', 'SIGTERM'], 143, marks=pytest.mark.long)])
def test_a_signal_ends_the_run_and_keeps_the_model(pictures, tmp_path, names, status):
    heard = partial(signal.signal, getattr(signal, names[0]), signal.SIG_DFL)
    process = command('train', pictures, '--size', 32, '--epochs', 5000, '--out', tmp_path/'m', preexec_fn=heard)
    for line in process.stdout:
        if line.split()[:1] == ['1']: [process.send_signal(getattr(signal, name)) for name in names]
        if line.startswith('It stopped early'): assert f'(ended by {names[0]}) and is usable' in line
    assert process.wait(HANGS) == status and load_learner(tmp_path/'m.safetensors').predict(pictures/'red'/'0.png')


@POSIX
@pytest.mark.parametrize('closed', [pytest.param([1], marks=pytest.mark.long),
                                    pytest.param([2], marks=pytest.mark.long), [0, 1, 2]], ids=str)
def test_closed_output_is_no_error(pictures, model, tmp_path, closed):
    def close():
        for handle in closed: os.close(handle)
    both = [['train', pictures, '--size', '32', '--out', tmp_path/'m'],
            ['predict', tmp_path/'m.safetensors', pictures/'red'/'0.png']]
    code = ('import sys; from fastlearn.cli import main\n'
            f'sys.exit(any(main(words) for words in {[list(map(str, words)) for words in both]!r}))')
    assert subprocess.call([sys.executable, '-c', code], preexec_fn=close,
                           stdout=None if 1 in closed else subprocess.DEVNULL,
                           stderr=None if 2 in closed else subprocess.DEVNULL) == 0
    assert load_learner(tmp_path/'m.safetensors').predict(pictures/'red'/'0.png')


CHANCE = [{'RANK': '0', 'WORLD_SIZE': '2'}, {'RANK': 'x', 'WORLD_SIZE': 'y'}, {
    'RANK': '1', 'WORLD_SIZE': '4', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '1', 'LOCAL_RANK': '7'}]


FORKED = """
import json, os, sys
import fastlearn.learner                  # once for all; nothing has asked how many processes there are
from fastlearn.cli import main
model, picture, chances = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for variables in chances:
    sys.stdout.flush()
    if not (child := os.fork()):
        os.environ.update(variables)
        status = main(['predict', model, picture])
        sys.stdout.flush()
        os._exit(status)
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]): sys.exit(f'{variables}: {status}')
"""


@POSIX
def test_variables_by_chance_do_not_matter_to_predict(model, pictures):
    "Each in a process of its own, since a process decides once whether it works with others"
    words = [str(model), str(pictures/'red'/'0.png'), json.dumps(CHANCE)]
    done = subprocess.run([sys.executable, '-c', FORKED, *words], capture_output=True, text=True, timeout=HANGS)
    assert done.returncode == 0 and done.stdout.count('%') == len(CHANCE) and 'Traceback' not in done.stderr, done


def test_variables_that_are_there_from_the_start_do_not_matter_either(model, pictures):
    process = command('predict', model, pictures/'red'/'0.png', env=os.environ | CHANCE[-1])
    said, complaints = process.communicate(timeout=HANGS)
    assert process.returncode == 0 and '%' in said and 'Traceback' not in complaints, complaints


# --- models that no reader takes ---

def put(value: float, place: int = 0):
    "Writes one number into a tensor, whatever its order in memory"
    def change(tensor): tensor[(place,)*tensor.ndim] = value
    return change


NUMBERS = {'nan': put(float('nan')), 'inf': put(float('inf'), -1), '-inf': lambda x: x.fill_(-float('inf'))}
SPOILED = {f'{what} {part}': (part, how) for part in ('weight', 'running_mean', 'running_var')
           for what, how in NUMBERS.items()} | {
    'negative variance': ('running_var', lambda x: x.neg_().sub_(1)),
    'no variance': ('running_var', lambda x: x.zero_()),
    'one negative variance': ('running_var', put(-1e-9, 3))}


def of(state: dict, part: str) -> torch.Tensor:
    return next(x for name, x in state.items() if name.endswith(part) and x.numel() > 4)


@pytest.mark.parametrize('case', SPOILED)
def test_numbers_that_compute_nothing_are_refused_everywhere(model, pictures, tmp_path, case):
    (part, change), says = SPOILED[case], 'with NaN or infinity|variances but are not above 0'
    about, state = read_tensors(model, 'fastlearn-model-1')
    about.pop('fingerprint')
    change(of(state, part))
    bad = write_tensors(tmp_path/'bad.safetensors', 'fastlearn-model-1', about, state)
    with pytest.raises(ValueError, match=says): load_learner(bad)
    learn = load_learner(model)
    before = {name: x.clone() for name, x in learn.model.state_dict().items()}
    save_file({name: x.contiguous() for name, x in state.items()}, tmp_path/'weights.safetensors')
    with pytest.raises(ValueError, match=says): load_weights(learn.model, tmp_path/'weights.safetensors')
    assert all(x.equal(before[name]) for name, x in learn.model.state_dict().items())
    change(of(learn.model.state_dict(), part))
    for write in learn.export, learn.save:
        with pytest.raises(ValueError, match=says): write(tmp_path/'out')
    assert not (tmp_path/'out.safetensors').exists()
    batch = next(iter(learn.dls.test_dl([pictures/'red'/'0.png'])))
    answer = learn.model.eval()(batch[0] if isinstance(batch, (tuple, list)) else batch)
    if not answer.isfinite().all():
        with pytest.raises(ValueError, match=says): learn.predict(pictures/'red'/'0.png')


def test_the_command_says_no_nan(model, pictures, tmp_path, capsys):
    about, state = read_tensors(model, 'fastlearn-model-1')
    about.pop('fingerprint')
    of(state, 'weight').fill_(float('nan'))
    bad = write_tensors(tmp_path/'bad.safetensors', 'fastlearn-model-1', about, state)
    assert main(['predict', str(bad), str(pictures/'red'/'0.png'), '--json', str(tmp_path/'out.json')]) == 1
    said = capsys.readouterr()
    assert 'nan%' not in said.out and 'with NaN or infinity' in said.err
    assert not (tmp_path/'out.json').exists()


@pytest.mark.parametrize('stats', [
    {'mean': [1e38, 0, 0]}, {'std': [1e-320, 1, 1]}, {'std': [-1, 1, 1]},
    {'std': [0, 1, 1]}, {'std': [1e30, 1, 1]},
    {'mean': [0, 0]}, {'std': [1, 1, 1, 1]}], ids=str)
def test_normalizations_that_leave_nothing_of_a_picture(model, tmp_path, stats):
    about, state = read_tensors(model, 'fastlearn-model-1')
    about.pop('fingerprint')
    next(part for part in about['pictures'].values() if isinstance(part, dict) and 'std' in part).update(stats)
    with pytest.raises(ValueError, match='three means, three deviations above 0'):
        load_learner(write_tensors(tmp_path/'bad.safetensors', 'fastlearn-model-1', about, state))


@pytest.mark.parametrize('y_range', [(0, 1e308), (-float('inf'), 1), (0, float('nan')), (1, 0), (-1e38, 1e38)])
def test_ranges_without_a_number_inside(y_range):
    with pytest.raises(ValueError, match='y_range is'): create_head(4, 1, y_range=y_range)


def test_a_network_that_answers_nan_is_named():
    class Odd(nn.Linear):
        def forward(self, x): return super().forward(x)*float('nan')
    data = [(torch.ones(2, 3), torch.tensor([0, 1]))]
    learn = Learner(DataLoaders(data, data, vocab=['a', 'b'], device='cpu'), Odd(3, 2), quiet=True)
    with pytest.raises(ValueError, match='its weights are finite, so check the image'): learn.get_preds()
