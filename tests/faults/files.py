"Models, checkpoints, histories, snapshots and weights, damaged at random and on purpose"
import json
import os
import pickle
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest
import torch
from fastlearn.core.tensor_files import _fingerprint, read_tensors, UnreadableFile, write_tensors
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.data.mini_pets.draw import draw_mini_pets
from fastlearn.history import History
from fastlearn.interpret.evolution import load_snapshots, Snapshot
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.models import resnet10
from fastlearn.weight_files import load_weights
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from faults.folders import photos
from faults.pictures import PNG, special
from faults.rows import Fault, gives, refuses, wrote


@cache
def workshop() -> Path: return Path(tempfile.mkdtemp(prefix='faults-'))


@cache
def pets() -> Path: return draw_mini_pets(workshop()/'pets', n=48, progress=False)


def new_learner(**options) -> Learner:
    dls = ImageDataLoaders.from_name_func(pets(), get_image_files(pets()), valid_pct=.25, seed=1, bs=16, device='cpu',
                                          label_func=lambda name: name[0].isupper(), item_tfms=Resize(32))
    return vision_learner(dls, resnet10, **options)


@cache
def learner() -> Learner:
    "One that was trained for two steps, and has written a file of each kind; it is not changed later"
    learn, place = new_learner(), workshop()
    learn.save_checkpoints(place/'run', steps=1, keep=9)
    learn.keep_snapshots(folder=place/'snapshots')
    learn.fit(1)
    learn.export(place/'model')
    learn.save(place/'checkpoint')
    learn.history.save(place/'history.safetensors')
    shutil.copy(place/'run'/'step-00000001.safetensors', place/'run.safetensors')
    shutil.copy(sorted((place/'snapshots').iterdir())[0], place/'snapshot.safetensors')
    save_file({name: tensor.contiguous() for name, tensor in learn.model.state_dict().items()},
              place/'weights.safetensors')
    return learn


@cache
def fresh() -> Learner: return new_learner()


def content_of(kind: str) -> bytes:
    learner(), fresh()
    return (workshop()/f'{kind}.safetensors').read_bytes()


READERS = {'model': load_learner, 'checkpoint': lambda path: fresh().load(path),
           'run': lambda path: fresh().resume(path), 'history': History.load,
           'snapshot': lambda path: Snapshot(0, path).load_into(fresh().model),
           'weights': lambda path: load_weights(fresh().model, path)}


def damaged(kind: str, damage: Callable[[bytes], bytes]) -> Path:
    return wrote('a.safetensors', damage(content_of(kind)))


def header(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    "A damage: another header in front of the same numbers"
    def damage(content):
        end = 8 + int.from_bytes(content[:8], 'little')
        header = json.loads(content[8:end])
        text = change(header) or json.dumps(header)
        return len(text.encode()).to_bytes(8, 'little') + text.encode() + content[end:]
    return damage


def entry(**values) -> Callable[[bytes], bytes]:
    "A damage: the first tensor is described otherwise"
    def change(header): header[next(name for name in header if name != '__metadata__')].update(values)
    return header(change)


def overlapping(header: dict) -> None:
    first, second = [name for name in header if name != '__metadata__'][:2]
    header[second]['data_offsets'] = header[first]['data_offsets']


def with_length(length: int) -> Callable[[bytes], bytes]:
    return lambda content: length.to_bytes(8, 'little') + content[8:]


DEEP = '['*10**5 + ']'*10**5
BROKEN = 'is damaged or incomplete|is damaged, incomplete, or not a safetensors file|as a weight file'
DAMAGES = {
    'empty': (lambda content: b'', BROKEN),
    'another kind of file': (lambda content: PNG*999, BROKEN),
    'a web page': (lambda content: b'<!DOCTYPE html>'*9, BROKEN),
    'zeros': (lambda content: bytes(len(content)), BROKEN), 'longer': (lambda content: content + b'x', BROKEN),
    'a header of 2^60 bytes': (with_length(2**60), BROKEN),
    'a header of 2^64 - 1 bytes': (with_length(2**64 - 1), BROKEN),
    'a header of 0 bytes': (with_length(0), BROKEN),
    'a shape of 10^18': (entry(shape=[10**18]), BROKEN), 'a shape that overflows': (entry(shape=[2**32]*2), BROKEN),
    'a negative shape': (entry(shape=[-1]), BROKEN), 'half a number in a shape': (entry(shape=[1.5]), BROKEN),
    'no number in a shape': (entry(shape=[float('nan')]), BROKEN), 'text for a shape': (entry(shape='x'), BROKEN),
    'numbers beyond the end': (entry(data_offsets=[0, 10**15]), BROKEN),
    'numbers before the start': (entry(data_offsets=[-8, 0]), BROKEN), 'numbers that end first': (
        entry(data_offsets=[8, 0]), BROKEN),
    'numbers that overlap': (header(overlapping), BROKEN), 'an unknown type': (entry(dtype='F17'), BROKEN),
    'a type of another size': (entry(dtype='F8_E5M2'), BROKEN), 'a number for a type': (entry(dtype=7), BROKEN),
    'brackets a hundred thousand deep': (header(lambda about: json.dumps(about)[:-1] + f',"x":{DEEP}}}'), BROKEN),
    'only brackets': (header(lambda about: DEEP), BROKEN),
}


def each(reader: Callable, damages: Callable[[bytes], list[bytes]]) -> Callable[[bytes], int]:
    "How many of these damages the reader refuses, in its own words; all of them, or the first that it takes is named"
    def used(content):
        attempts = damages(content)
        for number, content in enumerate(attempts):
            with pytest.raises(ValueError, match=f'{BROKEN}|was changed after|is of format|does not'):
                reader(wrote('a.safetensors', content))
                pytest.fail(f'number {number} of {len(attempts)} was read')
        return len(attempts)
    return used


def cut(content: bytes) -> list[bytes]:
    "The file, ending after each of 24 lengths"
    start = 8 + int.from_bytes(content[:8], 'little')
    lengths = [1, 7, 8, 9, start//2, start - 1, start, start + 1, len(content) - 1]
    return [content[:length] for length in lengths + [len(content)*n//16 for n in range(1, 16)]]


def flipped(content: bytes) -> list[bytes]:
    "The file with one bit the other way, at 24 places of header and numbers"
    return [content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1:]
            for place in (len(content)*n//24 for n in range(24))]


class Canary:
    "Makes a file when it is unpickled"
    def __reduce__(self): return Path.touch, (Path('canary'),)


def pickled(name: str, old: bool = False) -> Path:
    if old: return wrote(name, pickle.dumps({'weight': Canary()}))
    torch.save({'weight': Canary()}, name)
    return Path(name)


def unhatched(reader: Callable) -> Callable[[object], None]:
    "Reads, and nothing in the file may have been carried out"
    def used(path):
        try: return reader(path)
        finally: assert not Path('canary').exists()
    return used


def signed(kind: str, change: Callable[[dict, dict], object]) -> Callable[[], Path]:
    "The file with another description or other numbers, and a fingerprint that fits them"
    def broken():
        source = wrote('source.safetensors', content_of(kind))
        with safe_open(source, 'pt') as file: kind_of_file = file.metadata()['format']
        about, tensors = read_tensors(source, kind_of_file)
        del about['fingerprint']
        return write_tensors('a.safetensors', kind_of_file, change(about, tensors) or about, tensors)
    return broken


def described(kind: str, text: Callable[[str], str]) -> Callable[[], Path]:
    "The file with this text for a description, and a fingerprint that fits it"
    def broken():
        source, tensors = wrote('source.safetensors', content_of(kind)), load_file(workshop()/f'{kind}.safetensors')
        def change(header):
            about = header['__metadata__']
            about['about'] = text(about['about'])
            about['fingerprint'] = _fingerprint(about['format'] + about['about'], tensors)
        return wrote('a.safetensors', header(change)(source.read_bytes()))
    return broken


def put(*keys, value) -> Callable[[dict, dict], None]:
    def change(about, tensors):
        for key in keys[:-1]: about = about[key]
        about[keys[-1]] = value
    return change


def among(name: str, change: Callable[[torch.Tensor], torch.Tensor | None]) -> Callable[[dict, dict], None]:
    "Change, or with None take out, the numbers of that name"
    def changed(about, tensors):
        old = tensors.pop(name)
        if (new := change(old)) is not None: tensors[name] = new
    return changed


NO_SENSE = 'damaged|is invalid|does not fit|was not written during training|has the classes .none named'
TEXTS = {'brackets a hundred thousand deep': lambda text: DEEP, 'objects as deep': lambda text: '{"a":'*10**5,
         'no number': lambda text: 'NaN', 'nothing': lambda text: 'null', 'a number': lambda text: '7',
         'text': lambda text: '"x"', 'an empty object': lambda text: '{}', 'an empty list': lambda text: '[]',
         'no JSON': lambda text: '{', 'a number of 5,000 digits': lambda text: f'{{"a":{"9"*5000}}}',
         'half a character': lambda text: '{"a":"\\ud800"}',
         'all of it twice, the second time empty': lambda text: re.sub(r'}$', ',' + ','.join(
             f'"{key}":null' for key in json.loads(text)) + '}', text)}
NO_NUMBER = 'is invalid .*Out of range float'
MODEL = [
    ('an unknown architecture', put('network', 'arch', value='os.system'), "unknown architecture 'os.system'"),
    ('another architecture', put('network', 'arch', value='resnet34'), 'does not hold the weights of the resnet34'),
    ('a far larger network', put('network', 'arch', value='vit_h_14'), 'does not hold the weights of the vit_h_14'),
    ('a head of 10^12 numbers', put('network', 'head', 'hidden', value=10**12), 'does not hold the weights'),
    ('pictures of 10^9 pixels a side', put('pictures', 'item_tfms', 0, 'size', value=10**9), 'expected at most 16384'),
    ('an unknown transform', put('pictures', 'item_tfms', 0, 'name', value='Popen'), "'Popen' is not one of Resize"),
    ('spreads of 0', put('pictures', 'normalize', 'std', value=[0, 0, 0]), 'deviations above 0'),
    ('means that are no numbers', put('pictures', 'normalize', 'mean', value=[float('nan')]*3), NO_NUMBER),
    ('dropout that is no number', put('network', 'head', 'dropout', value=float('nan')), NO_NUMBER),
    ('a class too few', put('task', 'vocab', value=[True]), 'outputs is 2 for 1 classes'),
    ('a class that is a list', put('task', 'vocab', value=[[], {}]), 'neither text nor a number'),
    ('numbers missing', among('0.conv1.weight', lambda old: None), '1 missing: 0.conv1.weight'),
    ('numbers too many', lambda about, tensors: tensors.update(more=torch.zeros(2)), '1 unexpected: more'),
    ('numbers of another shape', among('0.conv1.weight', lambda old: old[:1]), '1 with another shape: 0.conv1.weight'),
]
RUN = [
    ('random numbers of another kind', among('random/cpu', torch.Tensor.double), 'is invalid'),
    ('random numbers missing', among('random/cpu', lambda old: None), 'is invalid'),
    ('another call', put('run', 'call', value=['export', {}]), 'does not say which call started its training run'),
    ('another learner', put('run', 'settings', 'lr', value=7), 'was started with lr 7'),
]
HISTORY = [
    ('fewer losses than steps', among('losses', lambda old: old[:1]), 'damaged: these are not the parts of a history'),
    ('steps without a rate', among('lrs', lambda old: None), 'damaged: these are not the parts of a history'),
    ('a row of no phase', put('epochs', 0, 'phase', value=99), 'not the parts of a history'),
    ('text for a loss', put('epochs', 0, 'train_loss', value='x'), 'not the parts of a history'),
    ('samples that are no list', put('series', value={'network': [{}, 7]}), 'not the parts of a history'),
]

FILES = [
    *(Fault(f'{kind}: {what}', partial(damaged, kind, damage), reader, refuses(ValueError, says))
      for kind, reader in READERS.items() for what, (damage, says) in DAMAGES.items()),
    *(Fault(f'{kind}: cut after any length', partial(content_of, kind), each(reader, cut), gives(24))
      for kind, reader in READERS.items()),
    *(Fault(f'{kind}: a bit flipped anywhere', partial(content_of, kind), each(reader, flipped), gives(24))
      for kind, reader in READERS.items() if kind != 'weights'),  # files of others have no fingerprint
    *(Fault(f'{kind}: no such file', lambda: Path('a.safetensors'), reader, refuses(
        FileNotFoundError, 'does not exist|file not found|no weight file at a.safetensors'))
      for kind, reader in READERS.items()),
    *(Fault(f'{kind}: a folder', lambda: wrote('a.safetensors/x', '').parent, reader, refuses(
        (ValueError, FileNotFoundError), 'is not a file|there is no checkpoint in|no weight file'))
      for kind, reader in READERS.items()),
    *(Fault(f'{kind}: a pipe', lambda: special(getattr(os, 'mkfifo', None), 'pipes with names').rename('a.safetensors'),
            reader, refuses((ValueError, FileNotFoundError), 'is not a file|no weight file'))
      for kind, reader in READERS.items()),
    *(Fault(f'{kind}: a pickle{" of old" if old else ""} called {name}', partial(pickled, name, old), unhatched(reader),
            refuses((ValueError, FileNotFoundError), 'a pickle or an archive. Reading it could run code|'
                    'could run code, so it was not loaded|as a weight file|does not exist|another kind'))
      for kind, reader in READERS.items() for name in ('a.safetensors', 'a.pth') for old in (False, True)),
    *(Fault(f'{kind}: a later version', signed(kind, lambda about, tensors: None), lambda path, reader=reader: reader(
        wrote('b.safetensors', re.sub(rb'(fastlearn-\w+)-1', rb'\1-2', path.read_bytes(), count=1))), refuses(
        UnreadableFile, 'was written by another version of fastlearn; use a newer one'))
      for kind, reader in READERS.items() if kind != 'weights'),
    *(Fault(f'{kind}: of another kind', partial(damaged, 'history' if kind != 'history' else 'model', bytes), reader,
            refuses(UnreadableFile, r'is of format .*; expected .*\(\) reads it')) for kind, reader in READERS.items()
      if kind != 'weights'),
    *(Fault(f'{kind}: the description is {what}', described(kind, text), READERS[kind],
            refuses(UnreadableFile, NO_SENSE))
      for kind in ('model', 'checkpoint', 'run', 'history') for what, text in TEXTS.items()),
    *(Fault(f'{kind}: {what}', signed(kind, change), READERS[kind], refuses(ValueError, says))
      for kind, rows in (('model', MODEL), ('run', RUN), ('history', HISTORY)) for what, change, says in rows),
    Fault('snapshots: one of two broken', lambda: (wrote('epoch_0000.safetensors', content_of('snapshot')), wrote(
        'epoch_0001.safetensors', b''))[0].parent, lambda path: len(load_snapshots(path)), gives(
        1, warns='skipped a snapshot that cannot be read: .*epoch_0001')),
    Fault('snapshots: none', photos, load_snapshots, refuses(FileNotFoundError, 'no readable snapshots in')),
]
