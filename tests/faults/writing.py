"Full disks and Ctrl-C while something is written"
import contextlib
import errno
import io
import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import fastlearn.cli as cli
import fastlearn.inference.onnx as runtimes
import pytest
import torch
from fastlearn.core.files import NotWritten
from fastlearn.data.datasets import Source, untar_data
from fastlearn.data.mini_pets.draw import draw_mini_pets
from fastlearn.interpret.cleaner import _save_changes, Change
from fastlearn.learner import Learner
from torch import nn

from faults.files import learner, new_learner, workshop
from faults.rows import Fault, refuses
from faults.unpacking import PHOTOS, zipped


class Filling:
    "A file on a disk that has room for so many bytes more; or that fails when it is flushed"
    def __init__(self, file, error, room): self.file, self.error, self.room = file, error, room
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def __getattr__(self, name): return getattr(self.file, name)

    def write(self, data):
        if self.room is not None:
            self.room -= len(data)
            if self.room < 0: raise self.error
        return self.file.write(data)

    def flush(self):
        if self.room is None: raise self.error
        self.file.flush()


@contextlib.contextmanager
def failing(point: str, error: BaseException):
    "A process that writes the first byte, or the byte 300, or flushes, syncs or renames, meets `error`"
    def fail(*args, **options): raise error
    def opened(file, mode='r', *args, **options):
        found = real(file, mode, *args, **options)
        rooms = {'first byte': 0, 'byte 300': 300, 'flush': None}
        return Filling(found, error, rooms[point]) if set(mode) & set('wax+') else found
    real = open
    with pytest.MonkeyPatch.context() as patch:
        if point in ('fsync', 'replace', 'rename'): patch.setattr(os, point, fail)
        else: patch.setattr('builtins.open', opened), patch.setattr('io.open', opened)
        yield


def contents() -> dict[str, bytes]:
    "All files below the current folder, without what arrived of a download and will be used by the next one"
    return {path.as_posix(): path.read_bytes() for path in Path().rglob('*')
            if path.is_file() and path.parts[0] != '.unfinished'}


def cut_off(point: str, error: BaseException) -> Callable[[Callable], None]:
    "A first version is written, and the second one fails; then it fails where there was none. Nothing is lost or half"
    def used(write):
        for place in 'replaced', 'new':
            os.mkdir(place)
            with contextlib.chdir(place):
                if place == 'replaced': write()
                before = contents()
                assert before or place == 'new'
                with failing(point, error), pytest.raises(type(error)) as caught: write()
                assert contents() == before
        raise caught.value
    return used


@cache
def small() -> Learner:
    "A network that graphs are made of in no time"
    return Learner(new_learner().dls, nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                                    nn.Linear(4, 2)), precision=torch.float32)


def graph(method: str, name: str) -> Callable[[], Path]:
    "Writes a graph that is computed once for all rows"
    trace, to_onnx = cache(lambda: runtimes._trace(runtimes._answers_of(small()), (32, 32))), cache(torch.onnx.export)
    def write():
        program = trace()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runtimes, '_trace', lambda model, size: program)
            patch.setattr(torch.onnx, 'export', lambda program, **options: to_onnx(
                program, dynamo=True, verbose=False, input_names=('images',), output_names=('probabilities',)))
            patch.setattr(runtimes, '_check_answers', lambda *args: 0.)
            return getattr(small(), method)(name)
    def broken():
        if method == 'to_onnx': [pytest.importorskip(one) for one in ('onnx', 'onnxscript', 'onnxruntime')]
        with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            write()
        return write
    return broken


def drawn() -> None: draw_mini_pets(Path('drawn')/str(time.monotonic_ns()), n=1, progress=False)


@cache
def packed() -> Path:
    with contextlib.chdir(workshop()): return zipped(*PHOTOS).absolute()


@cache
def course() -> Path:
    "A course of one notebook"
    with contextlib.chdir(workshop()):
        os.mkdir('edition')
        Path('edition/START.ipynb').write_text('{"cells": []}' + ' '*400, encoding='utf-8')
        return Path('edition').absolute()


def fetched() -> None:
    untar_data(Source('set', 'two pictures', packed().as_uri()), '.', force=True, progress=False)


WRITERS = {  # what writes, and at which points
    'export': lambda: learner().export('model'), 'save': lambda: learner().save('saved'),
    'History.save': lambda: learner().history.save('history.safetensors'),
    'History.to_csv': lambda: learner().history.to_csv('epochs.csv'),
    'History.to_csv of the steps': lambda: learner().history.to_csv('steps.csv', 'steps'),
    'the replay as a page': lambda: learner().dashboard().to_html('replay.html'),
    'the list of the cleaner': lambda: _save_changes(
        [Change(f'{n}.png', 'a', 'remove') for n in range(99)], 'list.csv'),
    'the app': lambda: learner().write_app('app'),
    'fastlearn predict --csv': lambda: cli.write_rows([{'file': f'{n}.png', 'label': 'a'} for n in range(99)],
                                                      'answers.csv', cli.as_csv),
    'fastlearn predict --json': lambda: cli.write_rows([{'file': f'{n}.png', 'label': 'a'} for n in range(99)],
                                                       'answers.json', cli.as_json),
    'fastlearn lab': lambda: cli.copy_course(Path('course'), course()),
}
POINTS = 'first byte', 'byte 300', 'flush', 'fsync', 'replace'
FULL = OSError(errno.ENOSPC, 'No space left on device')
ENDS = {'full disk': (FULL, refuses(NotWritten, 'the disk that holds .* is full, so .* was not written. Make room')),
        'Ctrl-C': (KeyboardInterrupt(), refuses(KeyboardInterrupt, ''))}


def writer_rows(name: str, broken: Callable[[], Callable], points: tuple[str, ...], end: str) -> list[Fault]:
    error, expected = ENDS[end]
    return [Fault(f'{name}: {end} at its {point}', broken, cut_off(point, error), expected) for point in points]


def after_training(write: Callable) -> Callable[[], Callable]: return lambda: (learner(), write)[1]
def points_of(name: str) -> tuple[str, ...]:
    "Short files have no byte 300"
    return ('first byte', *POINTS[2:]) if 'csv' in name or 'lab' in name else POINTS



WRITING = [row for end in ENDS for row in (
    *(row for name, write in WRITERS.items() for row in writer_rows(name, after_training(write), points_of(name), end)),
    *writer_rows('ONNX', graph('to_onnx', 'model.onnx'), POINTS, end),
    *writer_rows('torch.export', graph('to_torch_export', 'model.pt2'), ('fsync', 'replace'), end),
    *writer_rows('a drawn set', lambda: drawn, ('first byte', 'byte 300', 'rename'), end),
    *writer_rows('a set from an archive', lambda: (packed(), fetched)[1], ('first byte', 'byte 300', 'rename'), end))]
