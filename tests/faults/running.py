"What happens while a training runs"
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.images import Resize
from fastlearn.learner import Learner
from fastlearn.observers import Observer
from fastlearn.step_safety import NotFinite
from torch import nn

from faults.folders import CATS, photos
from faults.rows import Fault, gives, refuses, wrote
from faults.writing import FULL, failing


class At(Observer):
    "Does something after one step"
    def __init__(self, step, action): self.step, self.action = step, action
    def after_step(self, history, step):
        if len(history.losses) == self.step: self.action()


def training(action: Callable[[Learner], object], *, memory: float = 0, before=lambda learn: None) -> Callable:
    "A tiny training of three epochs of two steps; after the second step something happens. Returns why it ended"
    def broken():
        photos(*CATS)
        return lambda: ImageDataLoaders.from_folder('.', valid_pct=.5, seed=0, bs=2, item_tfms=Resize(8), device='cpu',
                                                    memory=memory, workers=1)
    def used(make):
        learn = Learner(make(), nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), precision=torch.float32)
        before(learn)
        learn.observers.insert(0, At(2, lambda: action(learn)))
        try: learn.fit(3)
        finally:
            assert not learn.model.training and all(p.isfinite().all() for p in learn.model.parameters())
            assert len(learn.history.losses) >= 2 and learn.session is None
        return learn.stopped, len(learn.history.losses)
    return broken, used


def every(learn: Learner) -> list[Path]: return [*learn.dls.train.items, *learn.dls.valid.items]
def remove(learn): [path.unlink() for path in every(learn)]
def spoil(learn): [path.write_bytes(b'<html>') for path in every(learn)]
def grow(learn): [path.write_bytes(path.read_bytes() + b'rubbish') for path in every(learn)]


def poison(learn) -> None:
    learn.dls.train.normalize = lambda images: images*float('nan')


def fail(learn): raise RuntimeError('the chart broke')


def disk_full(learn) -> None:
    "From here on, until the training is over"
    full = failing('fsync', FULL)
    full.__enter__()
    learn.observers.append(SimpleNamespace(begin=None, after_step=lambda *args: None, after_epoch=lambda *args: None,
                                            end=lambda history: full.__exit__(None, None, None)))
    learn.session.observers.append(learn.observers[-1])


WHOLE, USABLE = gives((None, 6)), r'cannot read image .*: '
TRAINING = [Fault(name, *training(action, **options), expected) for name, action, options, expected in (
    ('files removed', remove, {}, refuses(UnreadableImage, USABLE + 'the file does not exist')),
    ('files replaced by others', spoil, {}, refuses(UnreadableImage, USABLE + 'its 6 bytes are not in a supported')),
    ('files that grow', grow, {}, WHOLE),
    ('files removed that are kept in memory', remove, {'memory': 1e9, 'before': lambda learn: [
        list(loader) for loader in (learn.dls.train, learn.dls.valid, learn.dls.train)]}, WHOLE),
    ('a loss that is no number', poison, {}, refuses(NotFinite, 'the loss is nan; expected finite numbers')),
    ('a observer that fails', fail, {}, gives((None, 6), warns='At failed in after_step and was removed from the '
                                                          'observers; .*The error was RuntimeError: the chart')),
    ('Stop', Learner.stop, {}, gives(('on request', 2))),
    ('Ctrl-C', lambda learn: signal.raise_signal(signal.SIGINT), {}, gives(('interrupted', 2))),
    ('full disk for checkpoints', disk_full, {'before': lambda learn: learn.save_checkpoints('run', steps=1)}, gives(
        (None, 6), warns='no checkpoint was written after step 3: .*the disk that holds .* is full.*Training cont')),
    ('full disk for snapshots', disk_full, {'before': lambda learn: learn.keep_snapshots(None, folder='run')}, gives(
        (None, 6), warns='Snapshots failed in .*; training continues. The error was .*the disk that holds .* is full')),
    ('a file where checkpoints should go', lambda learn: None, {'before': lambda learn: (
        wrote('run', 'x'), learn.save_checkpoints('run'))}, gives((None, 6), warns='Checkpoints failed in begin')),
)]
