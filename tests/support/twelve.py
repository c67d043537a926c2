"""Twelve small pictures and loaders of them: nine to train on, for tests that look at single labels and pixels."""
from collections.abc import Callable
from pathlib import Path

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.images import Resize
from PIL import Image

N, AB, NAMES = 12, ['a', 'b']*6, [f'{i:02}.png' for i in range(12)]
OPTIONS = {'valid_idx': [0, 3], 'bs': 4, 'item_tfms': Resize(8), 'device': 'cpu', 'seed': 0, 'workers': 0}


def draw(folder: Path, color: Callable[[int], tuple]) -> Path:
    "Save picture i in one color"
    for i, name in enumerate(NAMES): Image.new('RGB', (8, 8), color(i)).save(folder/name)
    return folder


def make(pictures, labels=AB, names=NAMES, **options):
    return ImageDataLoaders.from_lists(pictures, names, labels, **{**OPTIONS, **options})
