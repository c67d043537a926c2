"""Limits are enforced where the bytes are: a small file takes little memory and little time, whatever it claims.

Members tried: tar with negative sizes (in the header, in a note, sparse), names and notes of many megabytes (GNU long
name and long link, pax, global pax), chains of them, files with gaps, a header that is damaged in the middle, no end
mark;
.pth with deflated, overlapping and long records, stride 0, sparse; .safetensors with a long header; classifiers of 10^7
rows; exports with huge pictures, batches, heads (regnet), and thousands of transforms
"""
import io
import json
import os
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import fastlearn.data.decoding as decoding
import numpy as np
import pytest
import torch
from fastlearn.architectures import find_weights
from fastlearn.core.tensor_files import read_tensors, UnreadableFile, write_tensors
from fastlearn.data.download import unpack
from fastlearn.dashboard.replay import replay_html
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.images import open_image, Resize
from fastlearn.history import History
from fastlearn.learner import load_learner
from fastlearn.models import create_model, find_architecture, resnet10
from fastlearn.weight_files import fetch_weights, read_weights
from PIL import Image
from safetensors.torch import save_file

BUDGET = 32 * 2**20                       # bytes that Python may take for a file of a few kilobytes


@pytest.fixture(autouse=True)
def in_budget():
    "No test of a small file may take much memory or time"
    start, already = time.process_time(), tracemalloc.is_tracing()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    if not already: tracemalloc.stop()
    assert peak < BUDGET and time.process_time() - start < 60


# --- tar ---

def header(name: str = 'images/a', size: int = 0, kind: bytes = tarfile.REGTYPE,
    raw_size: bytes | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = max(size, 0), kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    if raw_size is not None: block[124:136] = raw_size
    block[148:156] = b' '*8
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes: return content + bytes(-len(content) % 512)


def packed(tmp_path: Path, *parts: bytes, end: bytes = bytes(1024), mode: str = 'gz') -> Path:
    path = tmp_path/'a.tar'
    if mode == 'gz':
        import gzip
        with gzip.open(path, 'wb') as file:
            for part in (*parts, end): file.write(part)
    else: path.write_bytes(b''.join(parts) + end)
    return path


NEGATIVE = (-512).to_bytes(12, 'big', signed=True)
GOOD = header('images/first', 3) + padded(b'abc')


def pax(**values) -> bytes:
    text = b''
    for key, value in values.items():
        record = f' {key.replace("_", ".")}={value}\n'.encode()
        length = len(record) + 1
        while len(str(length)) + len(record) != length: length += 1
        text += str(length).encode() + record
    return header('x', len(text), tarfile.XHDTYPE) + padded(text)


@pytest.mark.parametrize('mode', ['gz', 'plain'])
@pytest.mark.parametrize('parts, words', [
    ([GOOD, header(raw_size=NEGATIVE), GOOD], 'size below zero'),
    ([header(raw_size=b'\xff'*12)], 'size below zero'),
    ([GOOD, pax(size=-1024), header('images/b', 3), padded(b'abc')], 'size below zero'),
    ([GOOD, pax(size=-10**18), header('images/b')], 'size below zero'),
    ([header('x', raw_size=NEGATIVE, kind=tarfile.GNUTYPE_LONGNAME), GOOD], 'size below zero'),
    ([header('x', raw_size=NEGATIVE, kind=tarfile.XHDTYPE), GOOD], 'size below zero'),
    *(([GOOD, header('x', 60*2**20, kind)], 'the name or a note of an entry takes 60.0 MiB') for kind in (
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)),
    ([header('x', 2**20, tarfile.GNUTYPE_LONGNAME)], 'takes 1.0 MiB'),
    ([GOOD, header(kind=tarfile.GNUTYPE_SPARSE)], 'a sparse file'),
    ([GOOD, pax(GNU_sparse_major=1, GNU_sparse_minor=0, GNU_sparse_name='images/b', GNU_sparse_realsize=10**12),
      header('images/b', 512), padded(b'1\n0\n1\n')], 'a sparse file'),
    ([GOOD, GOOD[:100] + b'x' + GOOD[101:], GOOD], 'damaged or incomplete after 1 headers'),
    ([GOOD, b'PK' + bytes(510), GOOD], 'damaged or incomplete after 1 headers')])
def test_an_archive_that_takes_memory_or_time_or_ends_early_is_refused(parts, words, mode, tmp_path):
    filling = [bytes(2**20)]*60 if '60' in words and mode == 'gz' else []
    path = packed(tmp_path, *parts, *filling, mode=mode)
    with pytest.raises(ValueError, match=f'a.tar was not unpacked: .*{words}'): unpack(path, tmp_path/'out', False)


@pytest.mark.parametrize('mode', ['gz', 'plain'])
def test_an_archive_without_its_end_is_refused(mode, tmp_path):
    with pytest.raises(ValueError, match='damaged or incomplete after 2 headers'):
        unpack(packed(tmp_path, GOOD, GOOD, end=b'', mode=mode), tmp_path/'out', False)


def test_chains_of_names_end(tmp_path):
    chain = [header('x', 100, tarfile.GNUTYPE_LONGNAME) + padded(b'a'*100)]*5000
    with pytest.raises(ValueError): unpack(packed(tmp_path, *chain, GOOD), tmp_path/'out', False)


@pytest.mark.parametrize('form', [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_good_archives_come_out_whole(form, tmp_path):
    with tarfile.open(tmp_path/'a.tar', 'w:gz', format=form) as archive:
        for name in ('images/a.jpg', 'images/ü.jpg',
        f'images/{"deep/"*(15 if form == tarfile.USTAR_FORMAT else 30)}c.jpg'):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b'abc'))
    folder = unpack(tmp_path/'a.tar', tmp_path/'out', False)
    assert [file.read_bytes() for file in folder.rglob('*.jpg')] == [b'abc']*3


# --- weights ---

def rezipped(source: Path, target: Path, change=lambda name, content: content, pack: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, 'w', pack) as after:
        for name in before.namelist(): after.writestr(name, change(name, before.read(name)))
    return target


@pytest.fixture(scope='module')
def good_pth(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('pth')/'good.pth'
    torch.save({'a': torch.zeros(1000), 'b': torch.zeros(3)}, path)
    return path


def test_packed_records_are_refused(good_pth, tmp_path):
    assert set(read_weights(good_pth)) == {'a', 'b'}
    for pack in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        with pytest.raises(ValueError, match='is compressed and would take far more memory than its .* bytes'):
            read_weights(rezipped(good_pth, tmp_path/'packed.pth', pack=pack))


def test_records_that_share_their_bytes_are_refused(good_pth, tmp_path):
    "Each entry of the directory says that it is the largest one, of the same bytes"
    content = bytearray(good_pth.read_bytes())
    at = content.rfind(b'PK\x05\x06')
    start, size, count = (int.from_bytes(content[at + i:at + i + n], 'little') for i, n in ((16, 4), (12, 4), (10, 2)))
    directory = bytes(content[start:start + size])*50
    end = content[at:at + 8] + (50*count).to_bytes(2, 'little')*2 + len(directory).to_bytes(4, 'little') + \
        start.to_bytes(4, 'little') + b'\0\0'
    (tmp_path/'shared.pth').write_bytes(bytes(content[:start]) + directory + bytes(end))
    with pytest.raises(ValueError, match='is compressed|cannot read'): read_weights(tmp_path/'shared.pth')


def repeated(times: int) -> bytes:
    "A dictionary whose key is a tuple of two of the same tuple, and so on: to hash it takes 2^times steps"
    code = b'\x80\x02)q\x00' + b''.join(b'h%ch%c\x86q%c' % (n, n, n + 1) for n in range(times))
    return code + b'}h%cK\x01s.' % times


@pytest.mark.parametrize('old', [False, True])
def test_tuples_that_repeat_themselves_are_refused(old, tmp_path):
    "Members tried: the archives of today, the four pickles of older files; shared settings of an optimizer are fine"
    path = tmp_path/'a.pth'
    if old: path.write_bytes(b''.join(pickle.dumps(one, 2) for one in (
        0x1950a86a20f9469cfc6c, 1001, {'little_endian': True})) + repeated(60))
    else:
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('a/data.pkl', repeated(60))
            archive.writestr('a/version', '3')
    with pytest.raises(ValueError, match='a tuple that repeats the same tuple so many times'): read_weights(path)
    betas, weights = (.9, .99), {f'layer{n}.weight': torch.zeros(2, 3) for n in range(300)}
    torch.save({'model': weights, 'optimizer': {'param_groups': [{'betas': betas, 'lr': n} for n in range(300)]}}, path,
               _use_new_zipfile_serialization=not old)
    assert read_weights(path).keys() == weights.keys()


@pytest.mark.parametrize('tensor', [torch.zeros(1).expand(10**9), torch.zeros(1, 2).expand(10**8, 2),
                                    torch.zeros(4).as_strided((1000, 1000), (0, 0))])
def test_tensors_that_claim_more_than_there_is_are_refused(tensor, tmp_path):
    torch.save({'fc.weight': tensor}, tmp_path/'a.pth')
    assert (tmp_path/'a.pth').stat().st_size < 10_000
    with pytest.raises(ValueError, match=r'fc.weight in a.pth has the shape \(.*\) but stores fewer'):
        read_weights(tmp_path/'a.pth')


@pytest.mark.parametrize('shape', [(10**7,), (10**7, 1), ()])
def test_a_classifier_of_another_kind_builds_no_giant(shape, tmp_path):
    state = dict(resnet10(weights=None).state_dict())
    state |= {'fc.weight': torch.zeros(shape, dtype=torch.uint8), 'fc.bias': torch.zeros(shape[:1], dtype=torch.uint8)}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path/'a.safetensors')
    with pytest.raises(ValueError, match='with another shape: fc.bias'): create_model('resnet10',
    tmp_path/'a.safetensors')


def test_a_header_of_a_gigabyte_is_not_read(tmp_path):
    with (tmp_path/'a.safetensors').open('wb') as file:
        file.write((2**30).to_bytes(8, 'little') + b'{')
        file.truncate(2**30 + 8)          # a file with a gap: it takes no room
    with pytest.raises(ValueError, match='its header would be longer than'): read_weights(tmp_path/'a.safetensors')


def test_weights_in_the_cache_are_checked(tmp_path, monkeypatch):
    "Members tried: another file of the name, changed after the first look, a longer checksum; a name without one"
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path))
    offered = find_architecture('resnet18').weights
    (tmp_path/'weights').mkdir()
    file = tmp_path/'weights'/offered.url.rpartition('/')[2]
    for content in (pickle.dumps({}), b'', b'own numbers'):
        file.write_bytes(content)
        os.utime(file, ns=(0, len(content)))
        with pytest.raises(ValueError, match='is not the file that its name claims.*Delete it'):
            fetch_weights('resnet18', offered)
    content = b'the true ones'
    import hashlib
    from types import SimpleNamespace
    name = f'x-{hashlib.sha256(content).hexdigest()[:8]}.pth'
    (tmp_path/'weights'/name).write_bytes(content)
    assert fetch_weights('x', SimpleNamespace(url=f'https://example.org/{name}')) == tmp_path/'weights'/name
    (tmp_path/'weights'/name).write_bytes(b'changed later')
    with pytest.raises(ValueError, match='is not the file'): fetch_weights('x', SimpleNamespace(url=f'x/{name}'))
    assert find_weights(find_architecture('resnet10'), file) == file, 'a path is taken as it is'


# --- histories ---

def history(tmp_path: Path, rows: int = 1, metrics: int = 0, groups: int = 1, **changes) -> Path:
    phase = {'name': 'all', 'trainable': [True]*groups, 'first_step': 0, 'first_epoch': 0, 'epochs': 1, 'steps': 1}
    row = {'epoch': 0, 'phase': 0, 'step': 1, 'train_loss': .5, 'valid_loss': .5, 'metrics': {}, 'seconds': 0,
           'complete': True}
    first = row | {'metrics': {f'm{n}': 0 for n in range(metrics)}}
    numbers = torch.zeros(1, dtype=torch.float64)
    return write_tensors(tmp_path/'h.safetensors', 'fastlearn-history-1', {
        'phases': [phase], 'epochs': [first, *[row]*(rows - 1)], 'events': [], 'series': {}} | changes, {
        'losses': numbers, 'lrs': numbers[:, None].repeat(1, groups) + .1, 'momenta': numbers,
        'images': torch.ones(1, dtype=torch.int64)})


def test_a_table_larger_than_its_file_is_refused(tmp_path):
    "Members tried: many rows and one with all the metrics; many learning rates, with 1,000 points each in a page"
    for size in dict(rows=2000, metrics=20_000), dict(groups=100_000):
        with pytest.raises(UnreadableFile, match='more than can be shown'): History.load(history(tmp_path, **size))


def test_a_long_run_is_read_in_linear_time(tmp_path, monkeypatch):
    "Each of its rows looked at all the others, for the names of the columns"
    looked, columns = [], History.columns
    monkeypatch.setattr(History, 'columns', lambda self: looked.append(1) or columns(self))
    found = History.load(history(tmp_path, rows=300))
    replay_html(found), found._repr_html_(), repr(found)
    assert len(looked) < 20
    assert len(found.table_rows()) == 301 and list(found.cells(found.epochs[0]).values()) == found.table_rows()[1]


def test_odd_histories_are_drawn(tmp_path):
    "Losses that are all 0, and a phase that was stopped before its first step"
    found = History.load(history(tmp_path))
    found.phases.append(found.phases[0])
    found.epochs.clear()
    assert replay_html(found)


# --- images ---

def tiled_tiff(path: Path, side: int) -> Path:
    "A picture of 8 x 8 pixels in one tile of `side` x `side`, packed zeros"
    content = zlib.compress(bytes(side*side), 1)
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 0, 325: len(content)}
    tags[324] = 8 + 2 + 12*len(tags) + 4
    path.write_bytes(b'II*\0' + struct.pack('<IH', 8, len(tags)) + b''.join(
        struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags.items()) + bytes(4) + content)
    return path


def test_a_decoder_that_takes_more_than_its_pixels_is_not_started(tmp_path, monkeypatch):
    """A small image can lie in a tile of a gigabyte; a progressive JPEG keeps all its numbers, and JPEG 2000 several.

    Members tried: progressive JPEG (6 bytes for each pixel, also if it is decoded at an eighth of its size), JPEG 2000
    (28), tiles of TIFF; below their limits, as they were: ICO, WebP with frames, AVIF, PNG with packed notes, GIF, BMP.
    """
    assert np.asarray(open_image(tiled_tiff(tmp_path/'good.tif', 16))).shape == (8, 8, 3)
    Image.new('RGB', (300, 200)).save(tmp_path/'a.jpg', progressive=True)
    Image.new('RGB', (300, 200)).save(tmp_path/'a.jp2')
    for name in 'a.jpg', 'a.jp2': assert open_image(tmp_path/name).size == (300, 200)
    with pytest.raises(UnreadableImage, match='it has a TIFF tile with 25,000,000 pixels, and at most 16,777,216 can'):
        open_image(tiled_tiff(tmp_path/'a.tif', 5000))
    for kind in 'JPEG 2000', 'progressive JPEG': monkeypatch.setitem(decoding._MOST_INSIDE, kind, 59_999)
    for name in 'a.jpg', 'a.jp2':
        with pytest.raises(UnreadableImage, match='with 60,000 pixels, and at most 59,999 can be decoded'):
            open_image(tmp_path/name, (8, 8))


# --- exports ---

@pytest.fixture(scope='module')
def parts(few_learner, tmp_path_factory):
    path = few_learner().export(tmp_path_factory.mktemp('export')/'a')
    about, state = read_tensors(path, 'fastlearn-model-1')
    about.pop('fingerprint')
    return about, state


def changed(parts, tmp_path: Path, change) -> Path:
    about = json.loads(json.dumps(parts[0]))
    change(about)
    return write_tensors(tmp_path/'b.safetensors', 'fastlearn-model-1', about, parts[1])


def put(*keys, value):
    def change(about):
        for key in keys[:-1]: about = about[key]
        about[keys[-1]] = value
    return change


RESIZE = Resize(32).to_config()


@pytest.mark.parametrize('change', [
    put('pictures', 'item_tfms', value=[RESIZE | {'size': 16384}]), put('pictures', 'item_tfms', value=[RESIZE]*33),
    put('pictures', 'item_tfms', value=[RESIZE | {'size': [16384, 1025]}]),
    put('pictures', 'batch_tfms', value=[RESIZE]*33), put('pictures', 'batch_tfms', value=[RESIZE | {'size': 10**9}]),
    put('pictures', 'batch_tfms', value=[{'name': 'Normalize', 'mean': [0, 0, 0], 'std': [1, 1, 1]}]),
    put('pictures', 'item_tfms', value=[{'name': 'CrossEntropy'}]), put('pictures', 'normalize', value=RESIZE),
    put('pictures', 'item_tfms', value=[{'name': 'Augment'}]), put('loss', value={'name': 'Resize', 'size': 3}),
    put('task', 'kind', value='multi'), put('task', value={'kind': 'number', 'vocab': [], 'outputs': 3}),
    put('task', value={'kind': 'single', 'vocab': ['a', 'b', 'c'], 'outputs': 3}), put('pictures', 'batch_size',
    value=0),
    put('pictures', 'batch_size', value=-1), put('network', 'head', 'outputs', value=10**9),
    put('network', 'head', 'features', value=10**12), put('network', 'arch', value='regnet_y_400mf'),
    put('network', 'image_size', value=10**6)])
def test_a_description_that_takes_memory_or_does_not_work_is_refused(change, parts, tmp_path):
    with pytest.raises(UnreadableFile): load_learner(changed(parts, tmp_path, change))


def test_batches_of_a_stranger_fit_into_memory(parts, tmp_path):
    learn = load_learner(changed(parts, tmp_path, put('pictures', 'batch_size', value=10**9)))
    assert learn.dls.valid.batch_size == 2**24//32**2
    def large(about):
        about['pictures'] |= {'item_tfms': [RESIZE | {'size': 1024}], 'batch_size': 64}
    assert load_learner(changed(parts, tmp_path, large)).dls.valid.batch_size == 16


@pytest.mark.parametrize('arch', ['resnet18', 'regnet_y_400mf', 'vit_b_16'])
def test_checking_a_head_takes_no_memory(arch, tmp_path):
    "Of 10^8 outputs: it would take 200 GB"
    from fastlearn.inference.export import _check_weights
    about = {'arch': arch, 'cut': None, 'image_size': None, 'head': {
        'features': 512, 'outputs': 10**8, 'hidden': None, 'dropout': .5, 'pool': True, 'y_range': None}}
    count = find_architecture(arch).weights.meta['num_params']
    with pytest.raises(UnreadableFile, match='does not hold the weights'):
        _check_weights(Path('a'), about, {'x': torch.empty(1).expand(count)})
