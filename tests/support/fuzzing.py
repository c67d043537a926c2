"""Damaged pictures and files, and what fastlearn makes of them; `test_fuzz.py` runs this in a process of its own.

    python tests/fuzzing.py 4711        # one case again, with its traceback; FASTLEARN_FUZZ_SEED as it was

A case is known by the seed and its number. It is fine if it is read, with a result of the right shape, or refused with
one of our own errors.
"""
import io
import itertools
import json
import os
import random
import struct
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from fastlearn.all import DataLoaders, History, Learner, load_weights, Normalize, RandomResizedCrop, Resize
from fastlearn.core.tensor_files import _fingerprint, _make_header, read_tensors, write_tensors
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.image_files import verify_images
from fastlearn.data.images import imagenet_stats, open_image, PILImage
from fastlearn.data.labels import LabelSpec
from fastlearn.history_records import Step
from fastlearn.inference.saving import FORMAT as CHECKPOINT
from fastlearn.interpret.evolution import _save_snapshot, load_snapshots, Snapshot
from fastlearn.learner import load_learner, vision_learner
from fastlearn.observers import Observer
from PIL import Image
from torch import nn

SEED = int(os.environ.get('FASTLEARN_FUZZ_SEED', 1))
SECONDS, MEGABYTES = 60, 512              # of CPU time (the slowest needs 2), and of memory on top; more fails
PACKAGE = Path(sys.modules['fastlearn'].__file__).parent


# --- what is damaged ---

def drawn(mode: str = 'RGB', size: tuple[int, int] = (48, 40), seed: int = 0) -> Image.Image:
    "Waves and noise, so that every format has something to compress"
    y, x = np.mgrid[:size[1], :size[0]]
    waves = np.stack([np.sin(x/5 + seed), np.cos(y/7), np.sin((x + y)/9)], 2)*90 + 128
    noise = np.random.default_rng(seed).integers(-20, 20, waves.shape)
    picture = Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))
    if mode == 'I;16': return Image.fromarray(np.asarray(picture.convert('L')).astype(np.uint16)*257)
    if mode in ('RGBA', 'LA'): picture.putalpha(picture.convert('L'))
    return picture.convert(mode)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, 'a picture on its side'
    return exif


KINDS = {  # name: mode and options of Pillow; the ending is its own
    'baseline.jpg': ('RGB', {}), 'progressive.jpg': ('RGB', {'progressive': True}), 'gray.jpg': ('L', {}),
    'cmyk.jpg': ('CMYK', {}), 'exif.jpg': ('RGB', {'exif': turned()}), 'fine.jpg': ('RGB', {'subsampling': 0}),
    'rgb.png': ('RGB', {}), 'rgba.png': ('RGBA', {}), 'palette.png': ('P', {'transparency': 3}), 'gray.png': ('L', {}),
    'alpha.png': ('LA', {}), 'one.png': ('1', {}), 'deep.png': ('I;16', {}), 'animated.png': ('RGB', {'many': True}),
    'still.gif': ('P', {}), 'animated.gif': ('P', {'many': True, 'loop': 0}), 'lossy.webp': ('RGB', {}),
    'lossless.webp': ('RGBA', {'lossless': True}), 'animated.webp': ('RGB', {'many': True}), 'rgb.bmp': ('RGB', {}),
    'palette.bmp': ('P', {}), 'one.bmp': ('1', {}), 'raw.tif': ('RGB', {}), 'cmyk.tif': ('CMYK', {}),
    'lzw.tif': ('RGB', {'compression': 'tiff_lzw'}), 'jpeg.tif': ('RGB', {'compression': 'jpeg'}),
    'zip.tif': ('P', {'compression': 'tiff_adobe_deflate'}), 'deep.tif': ('I;16', {}), 'float.tif': ('F', {}),
    'pages.tif': ('L', {'many': True}), 'fax.tif': ('1', {'compression': 'group4'}), 'rgb.ppm': ('RGB', {}),
    'deep.pgm': ('I;16', {}), 'rle.tga': ('RGB', {'compression': 'tga_rle'}), 'rgba.ico': ('RGBA', {}),
    'rgb.jp2': ('RGB', {}), 'rgb.avif': ('RGB', {'speed': 10})}


def make_pictures() -> dict[str, bytes]:
    "Small pictures in every format that this Pillow writes, by name"
    Image.init()
    found, formats = {}, {extension: name for extension, name in Image.EXTENSION.items() if name in Image.SAVE}
    for name, (mode, options) in KINDS.items():
        if (suffix := Path(name).suffix) not in formats: continue
        several = [drawn(mode, seed=1), drawn(mode, seed=2)] if options.get('many') else []
        options = {key: value for key, value in options.items() if key != 'many'}
        if several: options |= {'save_all': True, 'append_images': several}
        drawn(mode).save(file := io.BytesIO(), formats[suffix], **options)
        found[name] = file.getvalue()
    return found


def tiny() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 2))


def tiny_learner() -> Learner:
    task, vocab = LabelSpec('single', ('cat', 'dog')), ['cat', 'dog']*4
    data = ImageDataset([np.full((32, 32, 3), 30*i, np.uint8) for i in range(8)], vocab, task, item_tfms=Resize(24))
    loader = partial(DataLoader, data, 4, normalize=Normalize(*imagenet_stats), device='cpu', workers=1, seed=0)
    torch.manual_seed(0)
    return Learner(DataLoaders(loader(training=True), loader(), label_spec=task), tiny(), metrics='accuracy')


def cut_off(folder: Path, train: Callable[[Learner], None]) -> Path:
    "The checkpoint after the third step of a run"
    learn = tiny_learner()
    learn.save_checkpoints(folder, steps=1, keep=9)
    train(learn)
    about, tensors = read_tensors(file := folder/'step-00000003.safetensors', CHECKPOINT)
    for row in about['history']['epochs']: row['seconds'] = 1.
    del about['fingerprint']
    return write_tensors(file, CHECKPOINT, about, tensors)


def make_files(folder: Path) -> dict[str, bytes]:
    "What fastlearn writes, by name"
    learn = tiny_learner()
    learn.fit(2)
    learn.history.epochs = [replace(row, seconds=1.) for row in learn.history.epochs]  # the same bytes in every run
    state, small = learn.model.state_dict(), vision_learner(learn.dls, 'resnet10')
    files = {'model': learn.export(folder/'model'), 'named': small.export(folder/'named'),
             'checkpoint': learn.save(folder/'checkpoint'), 'history': learn.history.save(folder/'h.safetensors'),
             'snapshot': _save_snapshot(state, folder, 1), 'weights': _save_snapshot(state, folder, 2)}
    torch.save(state, folder/'weights.pth')
    files['run'] = cut_off(folder/'run', lambda one: one.fine_tune(2, 1e-3, 1, lr_mult=50., pct_start=.4, div=4.))
    files['cycle'] = cut_off(folder/'cycle', lambda one: one.fit_one_cycle(3, slice(1e-4, 1e-3), wd=.1, moms=(.9,)*3))
    return {name: file.read_bytes() for name, file in files.items()} | {'pth': (folder/'weights.pth').read_bytes()}


# --- how it is damaged ---

def place(rng: random.Random, content: bytes) -> int:
    "Mostly near the beginning, where the header is"
    return rng.randrange(max(1, min(len(content), rng.choice([64, 512, len(content)]))))


def flip(rng, content, other):
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        if changed: changed[place(rng, content)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng, content, other): return content[:rng.randrange(len(content) + 1)]


def insert(rng, content, other):
    at, length = place(rng, content), rng.choice([1, 4, 100, 5000])
    return content[:at] + rng.choice([rng.randbytes(length), content[at:at + length], bytes(length)]) + content[at:]


def delete(rng, content, other):
    at = place(rng, content)
    return content[:at] + content[at + rng.choice([1, 4, 100]):]


def splice(rng, content, other):
    share = rng.random()
    return content[:int(share*len(content))] + other[int(share*len(other)):]


EXTREMES = [0, 1, 2**7, 2**8 - 1, 2**15 - 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 10_000]


def extreme(rng, content, other):
    "A field of the header at the end of its range, or somewhat larger than it was"
    at, length, order = place(rng, content), rng.choice([1, 2, 4, 8]), rng.choice(['little', 'big'])
    old = int.from_bytes(content[at:at + length], order)
    new = rng.choice([*EXTREMES, old*100, old + 1, max(0, old - 1)]) % 2**(8*length)
    return content[:at] + new.to_bytes(length, order) + content[at + length:]


MUTATIONS = [flip, truncate, insert, delete, splice, extreme, extreme]


def mend_png(content: bytes) -> bytes:
    "The sums that PNG has after each of its parts made right, or a reader would look no further"
    mended, at = bytearray(content), 8
    while at + 12 <= len(mended):
        end = at + 8 + int.from_bytes(mended[at:at + 4], 'big')
        if end + 4 > len(mended): break
        mended[end:end + 4] = struct.pack('>I', zlib.crc32(mended[at + 4:end]))
        at = end + 4
    return bytes(mended)


ODD = [None, True, -1, 0, 1, 2**31, 2**70, 1e308, -.5, float('nan'), float('inf'), '', 'x'*10_000, '../../x', '\ud800',
       [], {}, [[]], [1, 2], {'own': 'x'}, {'name': 'Resize', 'size': 9}, [0]*1000]


def twist(rng: random.Random, value: object) -> object:
    "One place in a description changed"
    if rng.random() < .15 or not isinstance(value, (dict, list)) or not value:
        if isinstance(value, (int, float)) and rng.random() < .5: return value*rng.choice([-1, 2, 1000, 1e9])
        return rng.choice(ODD)
    key = rng.choice([*value]) if isinstance(value, dict) else rng.randrange(len(value))
    copy = value.copy()
    if rng.random() < .1: del copy[key]
    else: copy[key] = twist(rng, value[key])
    return copy


def twist_tensors(rng: random.Random, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    "One array gone, of another name, shape or type, or with numbers that are none"
    name = rng.choice([*tensors])
    tensor = tensors[name]
    changed = rng.choice([lambda: tensor[:-1] if tensor.ndim else tensor[None], lambda: tensor.flatten(),
                          lambda: tensor.to(torch.float64), lambda: tensor.to(torch.int8), lambda: tensor[..., None],
                          lambda: torch.zeros(0), lambda: tensor.float()*float('nan'), lambda: tensor.bool()])
    others = {key: value for key, value in tensors.items() if key != name}
    return others | rng.choice([dict, lambda: {name: changed()}, lambda: {f'{name}/x': tensor}])()


def rewrite(rng: random.Random, content: bytes) -> bytes:
    "Another description or other numbers under a fingerprint that fits"
    file = io.BytesIO(content)
    header = json.loads(file.read(int.from_bytes(file.read(8), 'little')))
    kind, about = header['__metadata__']['format'], json.loads(header['__metadata__']['about'])
    tensors = CORPUS_TENSORS[content]
    if rng.random() < .75: about = twist(rng, about)
    else: tensors = twist_tensors(rng, tensors)
    text = json.dumps(about)
    metadata = {'format': kind, 'about': text, 'fingerprint': _fingerprint(kind + text, tensors)}
    return _make_header(tensors, metadata) + b''.join(bytes(t.numpy().tobytes()) for t in tensors.values())


CORPUS_TENSORS = {}                       # of the files that `rewrite` changes: read once


# --- one case ---

class StopAfter(Observer):
    "Ends a training run that a damaged description made long"
    def __init__(self, learn: Learner, steps: int): self.learn, self.left = learn, steps

    def after_step(self, history: History, step: Step) -> None:
        self.left -= 1
        if not self.left: self.learn.stop()


class Bench:
    "All that the cases need, made once in a process"

    def __init__(self, folder: Path):
        (folder/'whole').mkdir(parents=True, exist_ok=True)
        self.folder, self.pictures, self.files = folder, make_pictures(), make_files(folder/'whole')
        self.learn, self.predictor, self.model = tiny_learner(), tiny_learner(), tiny()
        self.seconds = self.megabytes = 0  # the most that one way of reading a case has taken
        self.resizes = [Resize(24), Resize((30, 20), 'squish'), Resize(28, 'pad'), RandomResizedCrop(24)]
        for name, content in self.files.items():
            if name != 'pth': self.remember(folder/'whole'/'again.safetensors', content)

    def remember(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        kind = json.loads(content[8:8 + int.from_bytes(content[:8], 'little')])['__metadata__']['format']
        CORPUS_TENSORS[content] = read_tensors(path, kind)[1]

    def make(self, number: int) -> tuple[str, bytes]:
        "Name and content of a case"
        rng = random.Random(f'{SEED} {number}')
        corpus = self.pictures if rng.random() < .6 else self.files
        name = rng.choice([*corpus])
        if name == 'named' and rng.random() < .7: name = 'model'  # it is large, and both are read alike
        content, other = corpus[name], corpus[rng.choice([*corpus])]
        if corpus is self.files and name != 'pth' and rng.random() < .5: return name, rewrite(rng, content)
        for _ in range(rng.choice([1, 1, 2, 4])): content = rng.choice(MUTATIONS)(rng, content, other)
        return name, mend_png(content) if name.endswith('.png') and rng.random() < .7 else content

    def path(self, number: int, name: str) -> Path:
        return self.folder/f'{number:06d}-{name}{"" if "." in name else ".pth" if name == "pth" else ".safetensors"}'

    def use(self, name: str, path: Path, number: int) -> list[bool]:
        "Whether each way of reading the case led to a result; everything but our own errors goes through"
        if name in self.pictures: return self.use_picture(path, random.Random(number))
        return [self.attempt(partial(getattr(self, f'use_{name}'), path))]

    def attempt(self, action: Callable) -> bool:
        "Whether it went well; False for an error of our own: of a type or with the words of fastlearn"
        forget_peak()
        before, start = memory('VmRSS'), time.process_time()
        try: action()
        except Exception as error:
            *_, (last, _) = traceback.walk_tb(error.__traceback__)
            ours = type(error).__module__.startswith('fastlearn.') or (
                isinstance(error, ValueError) and PACKAGE in Path(last.f_code.co_filename).parents)
            if ours and str(error).strip(): return False
            raise
        finally:
            self.seconds = max(self.seconds, time.process_time() - start)
            self.megabytes = max(self.megabytes, memory('VmHWM') - before)
        return True

    def use_picture(self, path: Path, rng: random.Random) -> list[bool]:
        def check(image):
            assert isinstance(image, Image.Image) and image.mode == 'RGB' and min(image.size) > 0
        resize = rng.choice(self.resizes)
        size = resize.size if isinstance(resize.size, tuple) else (resize.size,)*2
        content, bad = path.read_bytes(), []
        done = [self.attempt(lambda: check(open_image(path))), self.attempt(lambda: check(open_image(path, (32, 32)))),
                self.attempt(lambda: check(PILImage.create(content)))]
        self.attempt(lambda: bad.extend(verify_images([path], workers=1, progress=False)))
        assert bad == ([] if done[1] else [path])
        def from_dataset():
            data = ImageDataset([path], item_tfms=resize)
            pixels = data.transform.crop(data[0][0], rng)
            assert pixels.shape == (*size, 3) and pixels.dtype == np.uint8
        def predict():
            label, index, probabilities = self.predictor.predict(path)
            assert label == ('cat', 'dog')[index] and probabilities.shape == (2,)
            assert abs(probabilities.sum() - 1) < 1e-3
        return [*done, self.attempt(from_dataset), self.attempt(predict)]

    def use_model(self, path: Path) -> None:
        learn = load_learner(path, arch=tiny)
        assert isinstance(learn, Learner) and learn.model[-1].out_features == 2

    def use_named(self, path: Path) -> None:
        learn = load_learner(path)
        assert isinstance(learn, Learner) and learn.model[1][-1].out_features == 2

    def use_checkpoint(self, path: Path) -> None:
        learn = self.learn.load(self.folder/'whole'/'checkpoint.safetensors')
        before, others = [t.clone() for t in learn.model.state_dict().values()], (learn.optimizer, learn.history)
        try: learn.load(path)
        except Exception:
            assert all(map(torch.equal, before, learn.model.state_dict().values()))
            assert others == (learn.optimizer, learn.history)
            raise
        self.look_at(learn.history)

    def use_run(self, path: Path) -> None:
        learn = tiny_learner()
        learn.observers.append(StopAfter(learn, 3))
        learn.resume(path)
        self.look_at(learn.history)

    use_cycle = use_run

    def use_history(self, path: Path) -> None: self.look_at(History.load(path))

    def look_at(self, history: History) -> None:
        assert len(history.losses) == len(history.lrs) == len(history.momenta) == len(history.images)
        assert isinstance(history.table(), str) and history.step_rows() and history.epoch_rows()

    def use_snapshot(self, path: Path) -> None:
        folder = path.parent/path.stem
        folder.mkdir(exist_ok=True)
        found = Path(path).replace(folder/'epoch_0001.safetensors')
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                try: one, = load_snapshots(folder)
                except FileNotFoundError: one = Snapshot(1, found)  # left out, with a warning that says why
            one.load_into(self.model)
        finally:
            found.replace(path)
            folder.rmdir()

    def use_weights(self, path: Path) -> None: load_weights(self.model, path)

    use_pth = use_weights


# --- many cases ---

def memory(key: str) -> float:
    "Megabytes that this process has (VmRSS) or had at most (VmHWM); 0 where the system does not say"
    try: lines = Path('/proc/self/status').read_text().splitlines()
    except OSError: return 0
    return next((int(line.split()[1])/1024 for line in lines if line.startswith(key)), 0)


def forget_peak() -> None:
    try: Path('/proc/self/clear_refs').write_text('5')
    except OSError: pass


def bound_memory(megabytes: float) -> None:
    "An allocation beyond this fails, so that the machine stays usable"
    try: import resource
    except ImportError: return            # Windows
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if Path('/proc/self/status').exists(): resource.setrlimit(resource.RLIMIT_AS, (int(megabytes*2**20), hard))


def run_case(bench: Bench, number: int) -> dict:
    "What came of it: in 'failure' why it was not fine, else None"
    name, content = bench.make(number)
    path = bench.path(number, name)
    path.write_bytes(content)
    bench.seconds = bench.megabytes = 0
    failure, read = None, []
    try: read = bench.use(name, path, number)
    except BaseException: failure = traceback.format_exc()
    if failure is None and bench.seconds > SECONDS: failure = f'it took {bench.seconds:.1f} s'
    if failure is None and bench.megabytes > MEGABYTES: failure = f'it took {bench.megabytes:.0f} MB'
    if failure is None: path.unlink()
    return {'number': number, 'name': name, 'read': any(read), 'seconds': bench.seconds, 'file': str(path),
            'megabytes': bench.megabytes, 'failure': failure, 'picture': name in bench.pictures}


def main(first: int, last: int | None, folder: Path) -> None:
    "Run the cases from `first` to before `last`, a line of JSON for each"
    torch.set_num_threads(1)
    warnings.simplefilter('ignore')
    report = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)                         # what is printed on the way, by libtiff too, is no result
    bench = Bench(folder)
    bound_memory(memory('VmSize') + 6*MEGABYTES)
    for number in itertools.count(first) if last is None else range(first, last):
        print(json.dumps(run_case(bench, number)), file=report, flush=True)


if __name__ == '__main__':
    if len(sys.argv) == 2:
        target = Path(__file__).resolve().parents[2]/'_build'/'fuzz'
        found = run_case(Bench(target), int(sys.argv[1]))
        print(found['failure'] or f'fine: {found}')
    else: main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
