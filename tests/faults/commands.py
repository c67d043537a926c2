"What the command line is given, and what it says"
import contextlib
import io
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import fastlearn.cli as cli
import pytest
from fastlearn.interpret.cleaner import _save_changes, Change, read_changes

from faults.files import learner, workshop
from faults.folders import photos
from faults.pictures import special
from faults.rows import Fault, gives, linked, needs, wrote


def command(status: int, said: str, *arguments: str, home: str | None = None) -> Callable[[object], bool]:
    "Whether `fastlearn` with these arguments ends with this status, having said something like it on standard error"
    def used(thing):
        words = [argument.format(model=workshop()/'model.safetensors') for argument in arguments]
        errors = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
            if home: patch.setenv('FASTLEARN_HOME', home)
            with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding='utf-8')):
                found = cli.main(words)
        assert re.search(said, errors.getvalue(), re.S), errors.getvalue()
        return found == status
    return used


def one_photo(*more: Path) -> None: learner(), photos('good.png')
def with_pipe() -> None: one_photo(), special(getattr(os, 'mkfifo', None), 'pipes with names')


def through_a_pipe(path: Path) -> tuple[int, bool]:
    "How many changes the reader at the other end reads, and whether the pipe is still one"
    needs(hasattr(os, 'O_NONBLOCK'), 'pipes with names')
    other_end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        _save_changes([Change(f'{n}.png', 'a', 'remove') for n in range(9)], path)
        wrote('read.csv', os.read(other_end, 10**5))
    finally: os.close(other_end)
    return len(read_changes('read.csv')), stat.S_ISFIFO(path.stat().st_mode)


COMMANDS = [Fault(f'fastlearn {what}', broken, used, gives(True)) for what, broken, used in (
    ('predict: a name longer than can be', one_photo, command(
        1, 'there is no file or folder a+', 'predict', '{model}', 'a'*300, 'good.png')),
    ('predict: a pipe', with_pipe, command(
        1, r'cannot read image .*a\.jpg: it is a pipe or a device', 'predict', '{model}', 'a.jpg', 'good.png')),
    ('predict: links in a circle', lambda: (one_photo(), linked('a.png', 'a.png')), command(
        1, r'there is no file or folder a\.png', 'predict', '{model}', 'a.png', 'good.png')),
    ('predict: an empty folder', lambda: (one_photo(), os.mkdir('empty')), command(
        1, 'no images in empty: the folder holds nothing', 'predict', '{model}', 'empty', 'good.png')),
    ('predict: a folder for a model', one_photo, command(
        1, r'\. is not a file; expected one', 'predict', '.', 'good.png')),
    ('predict: a picture for a model', one_photo, command(
        1, r'good\.png is damaged, incomplete, or not a safetensors file', 'predict', 'good.png', 'good.png')),
    ('predict: answers to a folder', one_photo, command(
        1, r'\. is a folder; expected the name of a file', 'predict', '{model}', 'good.png', '--csv', '.')),
    ('predict: answers to no folder', one_photo, command(
        1, 'there is no folder .*no to write a.csv to; make it first', 'predict', '{model}', 'good.png',
        '--csv', 'no/a.csv')),
    ('predict: answers to a name longer than can be', one_photo, command(
        1, 'the name is too long for this disk, so a+ was not written', 'predict', '{model}', 'good.png',
        '--json', 'a'*300)),
    ('train: no folder', one_photo, command(
        1, 'the folder nowhere does not exist; .* exists and holds', 'train', 'nowhere')),
    ('train: pictures without a class', one_photo, command(
        1, r'images lie in \. itself \(1\), such as good\.png; expected every image in a folder', 'train', '.')),
    ('train: nothing left that can be read', lambda: (wrote('a/1.jpg', ''), wrote('b/2.jpg', '')), command(
        1, 'cannot read image .*left out.*the list of files is empty', 'train', '.')),
    ('train: a model called as a pickle', lambda: photos('a/1.png', 'b/2.png'), command(
        1, r'm\.pkl is a name for another kind of file; expected one that ends in \.safetensors', 'train', '.',
        '--out', 'm.pkl')),
    ('cache: a file where it should be', lambda: wrote('home', 'x'), command(
        1, "holds no dataset 'pets'; it is empty", 'cache', 'clear', 'pets', home='home')),
)] + [Fault('a list written to a pipe', lambda: special(getattr(os, 'mkfifo', None), 'pipes with names'),
            through_a_pipe, gives((9, True)))]
