"""A fault at every call of a writer, found by watching it: the old file or the new one, never half.

`sys.setprofile` tells of each call of a C function, such as write, fsync, rename, chmod, json.dumps or a copy of a
tensor, and an error that it raises comes out of that call. So the calls are not listed here: whatever a writer will
do in another version is broken as well. Written are: export, save, a checkpoint over the oldest, the best checkpoint,
the history, and a dataset from an archive, which was fetched or put there by hand. Each call is met by a full disk,
by no memory and by Ctrl-C; of calls that repeat at one place the first, the second and the last.
"""
import contextlib
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import fastlearn.data.download as download
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.data.datasets import Source, untar_data
from fastlearn.history_records import Step
from fastlearn.inference.checkpoints import Checkpoints
from fastlearn.learner import Learner
from fastlearn.session import Session
from fastlearn.observers import Stop
from torch import nn

from faults.unpacking import tar, zipped

LIBRARIES = 'pathlib.py', 'tarfile.py', 'zipfile.py', 'shutil.py', 'tempfile.py'  # of Python
ERRORS = {'full disk': lambda: OSError(errno.ENOSPC, 'No space left on device'), 'no memory': MemoryError,
          'Ctrl-C': KeyboardInterrupt}


@pytest.fixture(scope='module')
def learn() -> Learner:
    torch.manual_seed(0)
    data = [(torch.randn(8, 6), torch.randint(2, (8,))) for _ in range(2)]
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    learn = Learner(DataLoaders(data, data, vocab=['a', 'b'], device='cpu'), net, quiet=True, seed=1)
    learn.fit(2)
    return learn


def checkpoints(learn: Learner, keep: int) -> Checkpoints:
    "As in the middle of a run"
    writer = Checkpoints(learn, Path('run'), 1, 1, None, keep)
    writer.step = Step(4, 8, 1, True, .5, 8, (1e-3,), .9)
    return writer


@contextlib.contextmanager
def in_session(learn: Learner):
    learn.session = Session(Stop(), None, 8, None, phase=1)
    try: yield
    finally: learn.session = None


def write_checkpoint(learn: Learner, name: str | None = None) -> None:
    Path('run').mkdir(exist_ok=True)
    with in_session(learn): checkpoints(learn, 1).write(learn.history, name)


WRITERS: dict[str, Callable[[Learner], object]] = {
    'export': lambda learn: learn.export('model'), 'save': lambda learn: learn.save('saved'),
    'history': lambda learn: learn.history.save('history.safetensors'), 'checkpoint': write_checkpoint,
    'best': lambda learn: write_checkpoint(learn, 'best.safetensors')}


def contents() -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in Path().rglob('*') if path.is_file()}


def place(frame, function) -> tuple:
    return frame.f_code.co_filename, frame.f_lineno, getattr(function, '__qualname__', str(function))


class Watch:
    "Notes the calls of C functions that happen below fastlearn's own frames, or raises at one of them"
    def __init__(self, at: tuple | None = None, error: Callable[[], BaseException] = MemoryError):
        self.at, self.error, self.seen, self.counts, self.raised = at, error, [], {}, False

    def __call__(self, frame, event, function) -> None:
        if event != 'c_call' or self.raised or function is sys.setprofile: return
        code = frame.f_code.co_filename
        if not ('fastlearn' in code or code.endswith(LIBRARIES)) or code.endswith('session.py'): return
        where = place(frame, function)
        self.counts[where] = number = self.counts.get(where, 0) + 1
        if self.at == (where, number):
            self.raised = True
            sys.setprofile(None)
            raise self.error()

    def __enter__(self): sys.setprofile(self); return self
    def __exit__(self, *_): sys.setprofile(None)


def calls_of(write: Callable[[], object]) -> list[tuple]:
    "Each place with the numbers of the calls there that are to fail"
    with Watch() as watch: write()
    return [(where, number) for where, count in watch.counts.items() for number in sorted({1, 2, count})
            if number <= count]


@pytest.mark.parametrize('name', WRITERS)
def test_after_every_fault_there_is_the_old_or_the_new_file(learn, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    losses, write = list(learn.history.losses), lambda: WRITERS[name](learn)
    write()
    old = contents()
    learn.history.losses[-1] = losses[-1] + 1  # the second version differs
    with torch.no_grad(): learn.model[0].bias.add_(1)
    points = calls_of(write)
    new, met = contents(), 0
    assert len(new) == len(old) == 1 and new != old and len(points) > 40, len(points)
    events = list(learn.history.events)
    all_of_them = 'FASTLEARN_EVERY_FAULT' in os.environ  # a few minutes; else one error for each call, in turn
    pairs = [(point, error) for i, point in enumerate(points) for k, error in enumerate(ERRORS)
             if all_of_them or k == i % len(ERRORS)]
    for point, error in pairs:
        for path, content in old.items(): Path(path).write_bytes(content)
        with Watch(point, ERRORS[error]) as watch, contextlib.suppress(
                OSError, MemoryError, KeyboardInterrupt, ValueError, RuntimeError), _quiet(): write()
        met += watch.raised
        found = contents()
        left = {path for path in found if path.endswith('.part')}
        assert not left or 'unlink' in point[0][2] or 'pathlib' in point[0][0] or 'exists' in str(point), (point, left)
        for path in left: Path(path).unlink(); del found[path]
        assert found in (old, new), f'{error} at {point}: neither the old nor the new file'
        assert not learn.turn.holders and learn.turn.owner is None, point
        learn.history.events[:] = events
    learn.history.losses[:] = losses
    assert met > .9*len(pairs)           # the calls come again


PACKED = {'zip': zipped, 'tar.gz': tar}


def set_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('by_hand', [True, False], ids=['by hand', 'fetched'])
@pytest.mark.parametrize('ending', [pytest.param('zip'), pytest.param('tar.gz')])
def test_after_every_fault_there_is_the_old_or_the_new_set(tmp_path, monkeypatch, ending, by_hand):
    "And the next call makes the new one, with nothing left of the unfinished one"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, 'WAITS', (0.,)*3)
    os.mkdir('home')
    archive = Path('home/set').with_suffix(f'.{ending}') if by_hand else Path(f'set.{ending}')
    address = f'https://example.org/set.{ending}' if by_hand else archive.absolute().as_uri()
    source = Source('set', 'two images', address)
    def make(): return untar_data(source, 'home', force=True, progress=False)
    def version(number: bytes):
        PACKED[ending](('images/a/1.jpg', number), ('images/b/2.jpg', number*300)).rename(archive)
        return make()
    home = version(b'1')
    old = set_in(home)
    version(b'2')
    new = set_in(home)
    points = calls_of(make)
    assert new != old and len(new) == 3 and len(points) > 60, len(points)
    every = 13 if 'FASTLEARN_EVERY_FAULT' not in os.environ else 1  # one in 13, each with one error; or all of them
    pairs = [(point, error) for i, point in enumerate(points) for k, error in enumerate(ERRORS)
             if every == 1 or i % every == 7*by_hand and k == i // every % len(ERRORS)]
    for point, error in pairs:
        for path, content in old.items(): (home/path).write_bytes(content)
        with Watch(point, ERRORS[error]), contextlib.suppress(OSError, MemoryError, KeyboardInterrupt, ValueError,
                                                              RuntimeError), _quiet(): make()
        assert set_in(home) in (old, new), f'{error} at {point}: neither the old nor the new set'
        make()
        assert set_in(home) == new, f'{error} at {point}: the next call did not make the set'
        assert os.listdir('home/.unfinished/set') == ['lock'], f'{error} at {point}'


@contextlib.contextmanager
def _quiet():
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield
