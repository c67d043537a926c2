"""100,000 images in folders: how soon are the loaders ready, and does memory stay flat over the epochs?

    python benchmarks/many_images.py

200 small JPEG files are drawn and linked under as many names as needed, in ten folders of a temporary place, which is
deleted at the end. `ImageDataLoaders.from_folder` is timed. Then a network of one layer is trained for a few epochs, so
that loading takes most of the time, and the memory of the process is recorded after each epoch.
"""
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from common import arguments, judge, load, save
from side import peak_memory

BAR_SECONDS = 5.                           # for 100,000 images, until the loaders are ready
BAR_GROWTH = .05                           # GiB from the end of the first epoch to the end of the last
CLASSES, DRAWN = 10, 200


def make_folders(folder: Path, images: int) -> None:
    "`images` names of a few small photos, in a folder for each class"
    import numpy as np
    from PIL import Image
    (folder/'drawn').mkdir()
    rng = np.random.default_rng(0)
    for i in range(DRAWN):
        coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((50, 40)).save(folder/'drawn'/f'{i}.jpg')
    for name in range(CLASSES): (folder/'images'/f'class{name}').mkdir(parents=True)
    for i in range(images):
        source, target = folder/'drawn'/f'{i % DRAWN}.jpg', folder/'images'/f'class{i % CLASSES}'/f'{i:06d}.jpg'
        try: os.link(source, target)
        except OSError: shutil.copyfile(source, target)  # where the file system has no links, or not so many


def memory_now() -> float | None:
    "GiB of main memory that this process holds"
    if not (found := Path('/proc/self/statm')).exists(): return peak_memory()
    return int(found.read_text().split()[1])*os.sysconf('SC_PAGE_SIZE')/2**30


def train(dls, epochs: int) -> list[dict]:
    "Seconds and GiB of each epoch"
    from fastlearn.learner import Learner
    from fastlearn.observers import Observer
    from torch import nn

    class Memory(Observer):
        def after_epoch(self, history): found.append({'gib': memory_now(), 'seconds': history.epochs[-1].seconds})
    found = []
    model = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, dls.c))
    learn = Learner(dls, model, observers=[Memory()])
    learn.quiet = True
    learn.fit(epochs)
    return found


def main() -> int:
    args = arguments(__doc__, images=(100_000, 10_000), epochs=(3, 3), size=(32, 32))
    import torch
    from fastlearn.data.dataloaders import ImageDataLoaders
    from fastlearn.data.images import Resize
    with tempfile.TemporaryDirectory() as folder:
        make_folders(Path(folder), args.images)
        before, began = memory_now(), time.perf_counter()
        dls = ImageDataLoaders.from_folder(Path(folder)/'images', valid_pct=.2, seed=0, item_tfms=Resize(args.size))
        record = {'images': args.images, 'size': args.size, 'ready_seconds': time.perf_counter() - began,
                  'gib_before': before, 'gib_ready': memory_now(), 'load': load(), 'threads': torch.get_num_threads()}
        print(f"ready in {record['ready_seconds']:.2f} s, memory {before:.2f} to {record['gib_ready']:.2f} GiB",
              flush=True)
        record['epochs'] = train(dls, args.epochs)
    for number, epoch in enumerate(record['epochs'], 1):
        print(f"epoch {number}: {epoch['seconds']:.1f} s, {epoch['gib']:.3f} GiB")
    growth = record['epochs'][-1]['gib'] - record['epochs'][0]['gib']
    targets = [judge(f'{args.images:,} images in folders: ready', record['ready_seconds'], BAR_SECONDS, 's'),
               judge(f'{args.images:,} images: memory from the first to the last epoch', growth, BAR_GROWTH, 'GiB')]
    print(save('many_images', args, record | {'targets': targets}))
    return 0


if __name__ == '__main__': sys.exit(main())
