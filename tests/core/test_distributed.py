"Several processes train one model: real ones, which talk over gloo, on the CPU"
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import fastlearn.cli as cli
from fastlearn.core import launch as distributed
from fastlearn.core.launch import _check_count, _start, launch, LaunchFailed, run_processes

HANGS = 1200                              # seconds, after which nothing more will come, however busy the machine is
COMMON = '''
import json, os, sys, warnings
from pathlib import Path
import torch
from torch import nn
import fastlearn.inference.checkpoints
import fastlearn.dashboard.dashboard
from fastlearn.classification_metrics import F1Score, RocAuc
from fastlearn.core.distributed import rank
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.metrics import error_rate
from fastlearn.models import resnet10
from fastlearn.observers import Observer
from fastlearn.step_safety import NotFinite

def loaders(bs=11, seed=1, **options):
    "68 pictures to learn from and 28 to check with: no number of processes divides both"
    files = get_image_files(os.environ['PETS'])
    return ImageDataLoaders.from_name_func('.', files, valid_pct=.3, seed=seed, bs=bs, item_tfms=Resize(24),
                                           label_func=lambda name: name[0].isupper(), **options)

def small(**options):
    "A learner of a small network without BatchNorm and dropout, where processes differ in nothing but who computes"
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(8*7*7, 2))
    dls = options.pop('dls', None) or loaders()
    return Learner(dls, net, metrics=[error_rate, RocAuc(), F1Score()], precision=torch.float32, **options)

def report(folder, /, **values):
    "What this process has to say to the test"
    Path(folder, f'{rank()}.json').write_text(json.dumps(values))

class At(Observer):
    "Does something after a step, in one process"
    def __init__(self, process, step, what): self.process, self.step, self.what = process, step, what
    def after_step(self, history, step):
        if (rank(), step.number) == (self.process, self.step): self.what()
'''


@pytest.fixture(autouse=True)
def one_thread(monkeypatch): monkeypatch.setenv('OMP_NUM_THREADS', '1')


@pytest.fixture
def program(tmp_path, few_pets, monkeypatch):
    "Makes a program that can use COMMON"
    monkeypatch.setenv('PETS', str(few_pets))
    (tmp_path/'common.py').write_text(COMMON)

    def make(text: str) -> Path:
        path = tmp_path/'program.py'
        path.write_text('from common import *\n' + text)
        return path
    return make


def run(path: Path, *arguments, processes: int) -> tuple[list[int], list[dict], str]:
    "Exit statuses, reports, and what was printed"
    lines = []
    for old in path.parent.glob('?.json'): old.unlink()
    codes = run_processes(path, *map(str, arguments), processes=processes, say=lines.append)
    reports = [json.loads(file.read_text()) for file in sorted(path.parent.glob('?.json'))]
    return codes, reports, '\n'.join(lines)


# --- several programs in the same processes, whose start takes longer than what they do ---

PROGRAMS = {}                             # name -> its text
GROUPS = {  # processes, and the programs that they run one after the other, with arguments
    'first': (2, [('tell',), ('listen',), ('mixed',), ('stopped', 'run', '1', '4', 'whole'),
                  ('half', 'half run', '0', '4')]),
    'second': (2, [('resumed', '../first/run'), ('transfer',), ('spoiled',)]),  # the last one ends with an error
    'three': (3, [('train', '1'), ('stumble',)]),                               # so does this
    'one': (1, [('train', '3'), ('half resumed', '../first/half run')])}
ALL = '''
import json, runpy, sys
from common import *
from fastlearn.core.distributed import all_gather
for name, *arguments in json.loads(sys.argv[1]):
    if int(os.environ['WORLD_SIZE']) > 1: all_gather([name])  # none begins while another is busy with the one before
    if not rank(): print(f'--- {name}', flush=True)
    sys.argv = [f'{name}/program.py', *arguments]
    runpy.run_path(sys.argv[0], run_name='__main__')
'''


@pytest.fixture(scope='module')
def group(few_pets, tmp_path_factory):
    "Starts the processes of a group when the first test asks for it: exit statuses, and reports and words by program"
    folder, done = tmp_path_factory.mktemp('groups'), {}

    def make(name: str) -> SimpleNamespace:
        if name in done: return done[name]
        if name in ('second', 'one'): make('first')  # they go on with what it has left
        processes, programs = GROUPS[name]
        (place := folder/name).mkdir()
        for program, *_ in programs:
            (place/program).mkdir()
            (place/program/'program.py').write_text(f'from common import *\n{PROGRAMS[program]}')
        (place/'common.py').write_text(COMMON)
        (place/'all.py').write_text(f'import os\nos.chdir({str(place)!r})\n{ALL}')
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('PETS', str(few_pets))
            patch.setenv('OMP_NUM_THREADS', '1')
            lines = []
            codes = run_processes(place/'all.py', json.dumps(programs), processes=processes, say=lines.append)
        text = '\n'.join(lines)
        said = dict(part.partition('\n')[::2] for part in re.split('^--- ', text, flags=re.M)[1:])
        reports = {program: [json.loads(file.read_text()) for file in sorted((place/program).glob('?.json'))]
                   for program, *_ in programs}
        assert said.keys() == reports.keys(), text
        done[name] = SimpleNamespace(codes=codes, said=said, reports=reports, folder=place)
        return done[name]
    return make


# --- the same as one process ---

PROGRAMS['train'] = TRAIN = '''
learn = small(accumulate=int(sys.argv[1]))
learn.fit_one_cycle(2, 1e-2)
row, history = learn.history.epochs[-1], learn.history
weights = torch.cat([p.flatten() for p in learn.model.parameters()])
report(Path(__file__).parent, losses=history.losses, images=history.images, loss=row.valid_loss, metrics=row.metrics,
       count=learn.evaluation.images, again=learn.validate().metrics, shown=[x.tolist() for x in learn.evaluation.kept],
       weights=weights.tolist(), coins=learn._phase_seed(), watched=len(history.series))
'''


def check_same(several: list[dict], one: dict, processes: int) -> None:
    # float32 sums of a few hundred numbers in another order: relative errors of about 1e-7 in each step,
    # and Adam divides by small gradients; after 6 steps of 1e-2 they stay far below 1e-4
    assert len(several) == processes
    for report in several:
        assert report['losses'] == pytest.approx(one['losses'], rel=1e-5) and report['images'] == one['images']
        assert report['loss'] == pytest.approx(one['loss'], rel=1e-5) and report['count'] == one['count'] == 28
        assert report['metrics'] == report['again']
        for name in 'roc_auc_score', 'f1_score': assert report['metrics'][name] == one['metrics'][name]  # of counts
        assert report['metrics']['error_rate'] == pytest.approx(one['metrics']['error_rate'], abs=1e-7)  # of means
        assert report['weights'] == pytest.approx(one['weights'], abs=1e-4)
        assert torch.tensor(report['shown']).allclose(torch.tensor(one['shown']), atol=1e-4)
        assert report['weights'] == several[0]['weights']  # bit by bit: all have the same model
    assert len({report['coins'] for report in several}) == processes  # dropout differs
    assert [bool(report['watched']) for report in several] == [True] + [False]*(processes - 1)


def test_losses_and_metrics_are_those_of_one_process(group):
    several, one = group('three'), group('one')
    assert one.codes == [0] and several.said['train'].count('error_rate') == 1, several.said
    check_same(several.reports['train'], one.reports['train'][0], 3)


@pytest.mark.long
def test_losses_and_metrics_of_two_processes_are_those_of_one(program):
    path = program(TRAIN)
    codes, several, said = run(path, 1, processes=2)
    assert codes == [0]*2 and said.count('error_rate') == 1, said
    check_same(several, run(path, 2, processes=1)[1][0], 2)


PROGRAMS['mixed'] = '''
from fastlearn.core.device import seeded
from fastlearn.mixup import mix_batch, MixUp
from fastlearn.data.shards import shard
learn = small(cbs=MixUp(), seed=3, opt_func=torch.optim.SGD)
seed, (images, targets) = learn._phase_seed() + 7919, next(iter(shard(loaders().train, to_learn=True)))
with seeded(seed*1_000_003): mixed, pairs = mix_batch(images, targets, .4)
class First(Observer):
    def after_step(self, history, step):
        if step.number == 1: self.weights = torch.cat([p.detach().flatten() for p in learn.model.parameters()])
learn.observers.append(first := First())
learn.fit(1, .5, wd=0.)
report(Path(__file__).parent, mixed=mixed.tolist(), pairs=pairs.tolist(),
       weights=first.weights.tolist(), loss=learn.history.losses[0])
'''


def test_mixed_images_in_two_processes(group):
    """Each process mixes its own images, and both have the same weights: those of a step on all mixtures together.

    The mixtures of a process are drawn once more, from the seed that its step had.
    """
    first, second = group('first').reports['mixed']
    assert first['weights'] == second['weights'] and first['pairs'] != second['pairs']
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5, stride=3), torch.nn.ReLU(), torch.nn.Flatten(),
                              torch.nn.Linear(8*7*7, 2))
    images, pairs = (torch.tensor(first[name] + second[name]) for name in ('mixed', 'pairs'))
    logits = net(images)
    def against(i): return torch.nn.functional.cross_entropy(logits, pairs[:, i].long(), reduction='none')
    loss = (pairs[:, 2]*against(0) + (1 - pairs[:, 2])*against(1)).mean()
    loss.backward()
    by_hand = torch.cat([(p - .5*p.grad).flatten() for p in net.parameters()]).detach()
    assert loss.item() == pytest.approx(first['loss'], rel=1e-5)
    assert torch.tensor(first['weights']).allclose(by_hand, atol=1e-5)


PROGRAMS['transfer'] = '''
torch.manual_seed(rank())                                    # no process draws what another does
learn = vision_learner(loaders(seed=None), resnet10, metrics=error_rate, dropout=.3)
start = [learn.dls.valid.items[0].name, learn.model[1][-1].weight.sum().item()]
learn.fine_tune(1, freeze_epochs=1)
folder = Path(__file__).parent
if not rank(): learn.export(folder/'only_first')             # what many programs do; no process may wait for another
file = learn.export(folder/'all')
learn.dashboard().to_html(folder/'run.html')
*_, answer = load_learner(file).predict(learn.dls.valid.items[0])
state = [x.double().sum().item() for x in learn.model.state_dict().values()]
warnings.warn('everybody says so')
report(folder, start=start, answer=answer.tolist(), state=state)
'''


def test_transfer_learning_with_batchnorm_writing_and_no_seed(group):
    reports, said = group('second').reports['transfer'], group('second').said['transfer']
    assert reports[0] == reports[1]       # split, head, weights and BatchNorm's averages
    assert said.count('UserWarning: everybody says so') == 1


# --- ends ---

PROGRAMS['stopped'] = PROGRAMS['half'] = STOPPED = '''
folder, by, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
learn = small(observers=[])
learn.save_checkpoints(folder)
learn.observers.insert(0, At(by, step, learn.stop))
learn.fit(3, 1e-2)
whole = small()
if len(sys.argv) > 4: whole.fit(3, 1e-2)
report(Path(__file__).parent, losses=learn.history.losses, stopped=learn.stopped, events=learn.history.events,
       whole=whole.history.losses)
'''
PROGRAMS['resumed'] = PROGRAMS['half resumed'] = RESUMED = '''
learn = small()
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    learn.resume(sys.argv[1])
phase, rows = learn.history.phases[-1], [row.complete for row in learn.history.epochs]
report(Path(__file__).parent, losses=learn.history.losses, steps=phase.steps, phases=len(learn.history.phases),
       rows=rows, said=[str(one.message) for one in said])
'''


def test_a_stop_from_the_second_process_ends_both_and_the_run_goes_on(group):
    stopped, resumed = group('first'), group('second')
    reports = stopped.reports['stopped']                         # heard of after 5
    assert stopped.codes == [0, 0] and reports[0] == reports[1], stopped.said
    assert reports[0]['stopped'] == 'on request' and len(reports[0]['losses']) == 5
    assert reports[0]['events'] == [[5, 'stopped at step 5 of 9: on request']]

    assert [file.name for file in (stopped.folder/'run').iterdir()] == ['step-00000005.safetensors']
    whole, reports = reports[0]['whole'], resumed.reports['resumed']
    assert reports[0]['losses'] == reports[1]['losses'] == whole and not reports[0]['said']


def check_resumed(before: list[float], reports: list[dict], begun: int, resumed: int, left: int) -> None:
    assert len(reports) == resumed
    for report in reports:
        assert report['losses'][:len(before)] == before and len(report['losses']) == report['steps']
        assert report['steps'] == len(before) + left and report['phases'] == 1 and report['rows'] == [True]*3
        assert f'started by {begun} processes and continues with {resumed}: a step has {resumed/begun:.3g} times' \
            in report['said'][0]


def test_another_number_of_processes_goes_on(group):
    "An epoch has 3 steps of two processes and 6 of one; after 5 of two processes, 10 of 18 are done"
    check_resumed(group('first').reports['half'][0]['losses'], group('one').reports['half resumed'], 2, 1, 8)


@pytest.mark.long
def test_more_processes_go_on(program, tmp_path):
    "An epoch has 2 steps of three processes; after 8 of one, 2 of 6 are done"
    _, reports, _ = run(program(STOPPED), tmp_path/'run', 0, 8, processes=1)
    codes, resumed, said = run(program(RESUMED), tmp_path/'run', processes=3)
    assert codes == [0]*3, said
    check_resumed(reports[0]['losses'], resumed, 1, 3, 4)


PROGRAMS['spoiled'] = '''
from fastlearn.core.distributed import all_gather
def spoil(logits, targets):
    loss = torch.nn.functional.cross_entropy(logits, targets)
    return loss*float('inf') if rank() == 1 and logits.requires_grad else loss
learn = small(loss_func=spoil)
before = learn.model[0].weight.clone()
try: learn.fit(1, 1e-2)
except NotFinite as error:
    report(Path(__file__).parent, error=str(error), same=learn.model[0].weight.equal(before))
    all_gather(['reported'])                                     # or the first to end would end the other
    raise
'''


def test_a_number_that_is_none_in_one_process_ends_all_with_the_same_words(group):
    second = group('second')
    codes, reports, said = second.codes, second.reports['spoiled'], second.said['spoiled']
    assert 1 in codes and 0 not in codes  # the first may end the other
    assert reports[0] == reports[1] and reports[0]['same']
    assert 'loss' in reports[0]['error']
    assert said.count('Traceback') == said.count('fastlearn.step_safety.NotFinite: ') == 1, said


PROGRAMS['stumble'] = '''
def stumble(images, generator):
    if rank() == 1 and generator: raise ValueError('image 17 is torn')
    return images
small(dls=loaders(batch_tfms=stumble)).fit(1, 1e-2)
'''


def test_an_error_in_one_process_ends_all_with_one_message(group):
    codes, said = group('three').codes, group('three').said['stumble']
    # the others notice it, or are told to end before, or on a busy machine are not given the time for that
    assert codes[1] == 1 and set(codes) <= {1, -signal.SIGTERM, -signal.SIGKILL}
    assert said.count('Traceback') == said.count('ValueError: image 17 is torn') == 1, said


def test_when_one_is_killed_the_other_ends_by_itself(program, tmp_path):
    path = program('''
learn = small(observers=[At(1, 2, lambda: os.kill(os.getpid(), 9))])
learn.fit(1000, 1e-2)
''')
    source, sink = os.pipe()
    (private := tmp_path/'private').mkdir(0o700)
    started = _start(path, [], 2, str(private/'meeting'), sink)
    os.close(sink)
    try:
        assert started[1].wait(HANGS) == -signal.SIGKILL
        assert started[0].wait(HANGS) == 1
    finally:
        for process in started: process.kill()
    with open(source) as lines: said = lines.read()
    assert said.count('fastlearn: another process ended without a message') == 1 and 'Traceback' not in said, said


def test_processes_end_when_whoever_started_them_has(program, tmp_path):
    program('''
learn = small(observers=[At(0, 1, lambda: print(os.getpid(), flush=True))])
learn.fit(100_000, 1e-2)
''')
    starter = 'import sys; from fastlearn.core.launch import run_processes; run_processes(sys.argv[1], processes=1)'
    command = [sys.executable, '-c', starter, tmp_path/'program.py']
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child = next(int(line) for line in process.stdout if line.strip().isdecimal())
    process.kill()
    process.wait()
    for _ in range(10*HANGS):
        try: os.kill(child, 0)
        except ProcessLookupError: break
        time.sleep(.1)
    else: pytest.fail(f'process {child} is still there')
    process.stdout.close()


# --- starting ---

def test_launch_says_what_went_wrong(tmp_path, capfd):
    with pytest.raises(FileNotFoundError, match='the program .* does not exist'): launch(tmp_path/'none.py')
    (tmp_path/'wrong.py').write_text("import sys; sys.exit('no such luck')")
    with pytest.raises(LaunchFailed, match='1 of 1 processes ended with an error; its message is above'):
        launch(tmp_path/'wrong.py', processes=1)
    assert 'no such luck' in capfd.readouterr().err


def test_processes_run_no_code_of_the_current_folder(tmp_path, monkeypatch):
    "Modules of Python, of torch and of this package lie there; the program's own folder is another one"
    (tmp_path/'program').mkdir()
    (tmp_path/'program'/'ran.py').write_text(f'import random, json, torch; open({str(tmp_path/"ran")!r}, "w")')
    (tmp_path/'traps').mkdir()
    for name in ('fastlearn', 'torch', 'runpy', 'atexit', 'signal', 'random', 'json', 'numpy', 'sitecustomize'):
        (tmp_path/'traps'/f'{name}.py').write_text(f'open({str(tmp_path/"pwned")!r}, "a").write("{name} ")\n')
    monkeypatch.chdir(tmp_path/'traps')
    launch(tmp_path/'program'/'ran.py', processes=1)
    assert (tmp_path/'ran').exists() and not (tmp_path/'pwned').exists()


def test_numbers_of_processes_that_make_no_sense(monkeypatch):
    for wrong in 0, -1, 1.5, True:
        with pytest.raises(ValueError, match=re.escape(f'processes is {wrong!r}; expected a whole number')):
            _check_count(wrong)
    monkeypatch.delenv('FASTLEARN_DEVICE', raising=False)
    monkeypatch.setattr(distributed.torch.cuda, 'device_count', lambda: 2)
    _check_count(2)
    with pytest.raises(ValueError, match='3 processes for 2 GPUs; expected at most one process per GPU. FASTLEARN'):
        _check_count(3)


SIX_LINES = '''
from fastlearn.all import *
path = untar_data(URLs.MINI_PETS)
def is_cat(name): return name[0].isupper()
dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=0.2, seed=42,
                                      label_func=is_cat, item_tfms=Resize(64))
learn = vision_learner(dls, resnet10, metrics=error_rate)
learn.fine_tune(1)
'''


def test_the_six_lines_run_under_torchrun_as_they_are(mini_pets, tmp_path):
    (tmp_path/'six.py').write_text(SIX_LINES)
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    done = subprocess.run([*command, tmp_path/'six.py'], capture_output=True, text=True)
    header, *rows = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0 and header == ['epoch', 'train_loss', 'valid_loss', 'error_rate', 'time'], done.stderr
    assert len(rows) == 2 and float(rows[1][3]) < .1
    assert 'Warning' not in done.stderr and 'destroy_process_group' not in done.stderr


@pytest.fixture(scope='module')
def folder(few_pets, tmp_path_factory) -> Path:
    "The pictures in a folder for each class"
    place = tmp_path_factory.mktemp('by_class')
    for file in (few_pets/'images').iterdir():
        target = place/('cat' if file.name[0].isupper() else 'dog')/file.name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(file)
    return place


def test_the_command_trains_in_two_processes(folder, tmp_path, capfd):
    assert cli.main(['train', str(folder), '--nproc', '2', '--size', '32', '--out', str(tmp_path/'model')]) == 0
    said = capfd.readouterr()
    assert said.out.count('error_rate') == said.out.count('The model is in') == 1, said.err
    assert said.err.count('Loading PyTorch') == 1
    assert list(tmp_path.iterdir()) == [tmp_path/'model.safetensors']


def test_the_command_says_what_is_wrong_once(tmp_path, capfd):
    assert cli.main(['train', str(tmp_path/'none'), '--nproc', '2']) == 1
    said = capfd.readouterr().err
    assert said.count('does not exist') == said.count('fastlearn: ') == 1


def test_ctrl_c_reaches_both_and_the_model_is_kept(folder, tmp_path):
    command = [sys.executable, '-m', 'fastlearn.cli', 'train', folder, '--nproc', '2', '--size', '32']
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are deaf to it
    process = subprocess.Popen([*command, '--epochs', '5000', '--out', tmp_path/'model'], stdout=subprocess.PIPE,
                               text=True, preexec_fn=heard)
    limit, lines = threading.Timer(HANGS, process.terminate), []
    limit.start()
    for line in process.stdout:
        lines.append(line)
        if line.split()[:1] == ['2']: process.send_signal(signal.SIGINT)
    limit.cancel()
    assert process.wait(HANGS) == 130 and (tmp_path/'model.safetensors').exists(), ''.join(lines)
    assert 'Training stopped early (interrupted); you can use the model as it is.\n' in lines


# --- whom they listen to ---

PROGRAMS['listen'] = '''
import stat
def listening(process):
    mine = {os.readlink(fd)[8:-1] for fd in Path(f'/proc/{process}/fd').iterdir()
            if os.path.islink(fd) and os.readlink(fd).startswith('socket:')}
    lines = [line.split() for name in ('tcp', 'tcp6') for line in Path('/proc/net', name).read_text().splitlines()[1:]]
    return [line[1].split(':')[0] for line in lines if line[3] == '0A' and line[9] in mine]
class Look(Observer):
    def after_step(self, history, step):
        folder = Path(os.environ['FASTLEARN_MEET']).parent
        report(Path(__file__).parent, own=listening(os.getpid()), starter=listening(os.getppid()),
               rights=stat.S_IMODE(folder.stat().st_mode), folder=str(folder), known=sorted(os.environ))
if Path('/proc/net/tcp').exists(): small(observers=[Look()]).fit(1, 1e-2)
'''


def test_they_open_no_port_that_others_reach_and_meet_in_a_private_folder(group):
    "The kernel's own list of sockets that listen, of both processes and of the one that started them"
    if not Path('/proc/net/tcp').exists(): pytest.skip('this system does not list its sockets')
    reports = group('first').reports['listen']
    assert len(reports) == 2, group('first').said
    loopback = '0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000'
    for found in reports:
        assert found['own'] and set(found['own']) <= set(loopback), found
        assert found['starter'] == [] and found['rights'] == 0o700 and not Path(found['folder']).exists()
        assert not {'MASTER_ADDR', 'MASTER_PORT'} & set(found['known'])


PROGRAMS['tell'] = '''
from fastlearn.core.distributed import all_gather
values = [None, True, 1.5, float('inf'), 'ä\\udcff', [1, [2]], {'a': {'b': []}}, [], '', 'x'*(1 + 5000*rank())]
tensors = [torch.arange(6).view(2, 3) + rank(), torch.tensor([float('nan'), -0., 1e-45]), torch.zeros(0, 4),
           torch.tensor(True), torch.randn(5, generator=torch.Generator().manual_seed(rank())).bfloat16()]
got, parts = all_gather(values), all_gather(tensors)
same = [a.dtype == b.dtype and a.shape == b.shape and a.view(-1).view(torch.uint8).equal(b.view(-1).view(torch.uint8))
        for a, b in zip(parts[rank()], tensors)]
try: all_gather(Path('x')); refused = ''
except TypeError as error: refused = str(error)
report(Path(__file__).parent, own=got[rank()] == values, other=[len(one[-1]) for one in got], same=same,
       refused=refused, first=[one[0].tolist() for one in parts])
'''


def test_what_they_tell_each_other_comes_as_it_was(group):
    reports = group('first').reports['tell']
    assert len(reports) == 2, group('first').said
    for found in reports:
        assert found['own'] and found['other'] == [1, 5001] and all(found['same']) and len(found['same']) == 5
        assert found['first'] == [[[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]]]
        assert 'cannot exchange a PosixPath' in found['refused']


def test_nothing_in_the_package_unpickles():
    "Only weights of others are read with PyTorch's reader, which runs no code; `copy` and `deepcopy` write nothing"
    words = re.compile(r'all_gather_object|broadcast_object_list|scatter_object|gather_object|send_object|recv_object'
                       r'|pickle\.loads?\b|Unpickler\(|torch\.load\(|marshal|shelve|joblib|cloudpickle|TCPStore')
    folder = Path(distributed.__file__).resolve().parents[1]
    found = [(path.relative_to(folder).as_posix(), line.strip()) for path in folder.rglob('*.py')
             for line in path.read_text(encoding='utf-8').splitlines() if words.search(line)]
    assert [path for path, line in found if 'weights_only=True' not in line] == [], found
    assert {path for path, _ in found} == {'weight_files.py'}


@pytest.mark.parametrize('variables, says', [
    ({'RANK': '0', 'WORLD_SIZE': '2'}, 'not where the processes meet .MASTER_ADDR and MASTER_PORT'),
    ({'RANK': 'x', 'WORLD_SIZE': '2'}, 'RANK=x and WORLD_SIZE=2; expected a RANK'),
    ({'RANK': '2', 'WORLD_SIZE': '2'}, 'expected a RANK'), ({'RANK': '-1', 'WORLD_SIZE': '2'}, 'expected a RANK'),
    ({'RANK': '0', 'WORLD_SIZE': 'many'}, 'expected a RANK'), ({'RANK': '0', 'WORLD_SIZE': '0'}, 'expected a RANK'),
    ({'RANK': '0', 'WORLD_SIZE': '1e3'}, 'expected a RANK'), ({'RANK': '', 'WORLD_SIZE': '2'}, 'expected a RANK'),
    ({'RANK': '0', 'WORLD_SIZE': '2', 'MASTER_ADDR': 'x'}, '.MASTER_PORT.'),
    ({'WORLD_SIZE': '4'}, None), ({'RANK': '3'}, None), ({'RANK': '0', 'WORLD_SIZE': '1'}, None), ({}, None)], ids=str)
def test_variables_that_are_there_by_chance(monkeypatch, variables, says):
    from fastlearn.core.distributed import _numbers
    for name in 'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'FASTLEARN_MEET': monkeypatch.delenv(name, False)
    for name, value in variables.items(): monkeypatch.setenv(name, value)
    if says is None: assert _numbers() == (0, 1)
    else:
        with pytest.raises(ValueError, match=says): _numbers()


@pytest.mark.skipif(os.name == 'nt', reason='folders have other rights there')
@pytest.mark.parametrize('rights', [0o755, 0o750, 0o701, 0o777, 0o1777])
def test_a_meeting_place_that_others_can_enter_is_refused(tmp_path, rights):
    from fastlearn.core.distributed import _meet_in_file
    (tmp_path/'open').mkdir()
    (tmp_path/'open').chmod(rights)
    with pytest.raises(PermissionError, match='open to other users'): _meet_in_file(tmp_path/'open'/'meeting', 2)


@pytest.mark.long
@pytest.mark.skipif(os.name == 'nt', reason='there are no such signals')
@pytest.mark.parametrize('name, to, status', [
    ('SIGTERM', 'starter', 143), ('SIGHUP', 'starter', 129), ('SIGTERM', 'second', 143)])
def test_other_signals_reach_both_too_and_the_model_is_kept(folder, tmp_path, name, to, status):
    command = [sys.executable, '-m', 'fastlearn.cli', 'train', folder, '--nproc', '2', '--size', '32']
    heard = partial(signal.signal, getattr(signal, name), signal.SIG_DFL)
    process = subprocess.Popen([*command, '--epochs', '5000', '--out', tmp_path/'model'], stdout=subprocess.PIPE,
                               text=True, preexec_fn=heard)
    limit, lines = threading.Timer(HANGS, process.kill), []
    limit.start()
    for line in process.stdout:
        lines.append(line)
        if line.split()[:1] != ['1']: continue
        children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        os.kill(int(children[1]) if to == 'second' else process.pid, getattr(signal, name))
    limit.cancel()
    assert process.wait(HANGS) == status and (tmp_path/'model.safetensors').exists(), ''.join(lines)
    assert f'Training stopped early (ended by {name}); you can use the model as it is.\n' in lines
