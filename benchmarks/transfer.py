"""Pretrained weights: resnet10 with the embedded weights and from scratch, the same number of epochs, 3 seeds.

    python benchmarks/transfer.py --tasks photos     # real ones at 64 and 96 pixels, fine_tune(3) against 4 epochs
    python benchmarks/transfer.py --tasks mini_pets  # drawn ones at 64 pixels, fine_tune(1) against 2 epochs; breeds

From scratch, everything trains from the first step on, with one cycle and one rate for all layers, which has to
be larger than for fine-tuning. So that the comparison is fair, several rates are tried and the best one counts.
"""
import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from common import arguments, judge, load, present, save

from fastlearn.all import (
    DataLoaders, error_rate, get_image_files, ImageDataLoaders, Resize, resnet10, untar_data, URLs, vision_learner,
)

SCRATCH_RATES = '1e-3 3e-3 1e-2'  # peaks of the cycle; resnet10 without weights
BAR_RATIO = .6                    # photos: error with weights, at most this share of the error without
BAR_ERROR, BAR_SECONDS, BAR_SCRATCH = 4., 30., 12.  # MINI_PETS: percent, seconds on 2 quiet cores, percent


def is_cat(name: str) -> bool:
    "Cat breeds have a capital, as in the Oxford set"
    return name[0].isupper()


def breed(name: str) -> str:
    "'Tabby' of 'Tabby_12.png'"
    return name.rsplit('_', 1)[0]



def measure(make_loaders: Callable, epochs: int, scratch_rate: float | None = None) -> dict:
    "Error in percent and seconds of `fine_tune(epochs)`, or of as many epochs from scratch at `scratch_rate`"
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # its table
        dls = make_loaders()
        if scratch_rate is None:
            learn = vision_learner(dls, resnet10, metrics=error_rate)
            learn.fine_tune(epochs)
        else:
            learn = vision_learner(dls, resnet10, weights=None, metrics=error_rate)
            learn.fit_one_cycle(epochs + 1, [scratch_rate]*len(learn.groups))  # fine_tune's frozen epoch counts too
    error = learn.history.epochs[-1].metrics['error_rate']
    return {'error': 100*error, 'seconds': time.perf_counter() - started, 'load': load()}


def compare(name: str, make_loaders: Callable, epochs: int, seeds: int, rates: Sequence[float]) -> dict:
    "A printed row for each seed, with and without weights, and their means; `make_loaders` gets the seed"
    rows = []
    for seed in range(seeds):
        row = {'data': name, 'seed': seed, 'pretrained': measure(partial(make_loaders, seed), epochs),
               'scratch': {rate: measure(partial(make_loaders, seed), epochs, rate) for rate in rates}}
        rows.append(row)
        runs = [row['pretrained'], *row['scratch'].values()]
        print(f'{name:18} {seed:4d}', *(f"{run['error']:8.2f} ({run['seconds']:5.1f} s)" for run in runs), flush=True)
    scratch = {rate: statistics.mean(row['scratch'][rate]['error'] for row in rows) for rate in rates}
    best = min(scratch, key=scratch.get)
    total = {'data': name, 'rows': rows, 'pretrained': statistics.mean(row['pretrained']['error'] for row in rows),
             'seconds': statistics.median(row['pretrained']['seconds'] for row in rows),
             'scratch': scratch[best], 'scratch_rate': best}
    print(f"{name}: mean error {total['pretrained']:.2f}% with weights, {scratch[best]:.2f}% from scratch ({best:g})")
    return total


def load_photos(folder: Path, size: int, seed: int) -> DataLoaders:
    "Real cats and dogs, the folder is the label"
    return ImageDataLoaders.from_folder(folder, valid_pct=.2, seed=seed, item_tfms=Resize(size))


def load_drawn(label_func: Callable, seed: int) -> DataLoaders:
    "The pictures that the package draws, at 64 pixels; the name tells the label"
    path = untar_data(URLs.MINI_PETS)
    return ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=.2, seed=seed, label_func=label_func,
                                           item_tfms=Resize(64))


def photos(folder: Path, seeds: int, rates: Sequence[float]) -> tuple[list[dict], list[dict]]:
    "Real cats and dogs at 64 and 96 pixels: what was found, and the targets"
    totals, targets = [], []
    for size in 64, 96:
        make_loaders = partial(load_photos, folder, size)
        totals.append(total := compare(f'photos {size} px', make_loaders, 3, seeds, rates))
        ratio = total['pretrained']/total['scratch']
        targets.append(judge(f'weights, photos at {size} px: error, of that from scratch', ratio, BAR_RATIO))
    return totals, targets


def mini_pets(seeds: int, rates: Sequence[float]) -> tuple[list[dict], list[dict]]:
    "The drawn cats and dogs at 64 pixels, and their breeds: what was found, and the targets"
    untar_data(URLs.MINI_PETS)  # drawn before the clock runs
    species = compare('drawn, cat or dog', partial(load_drawn, is_cat), 1, seeds, rates)
    targets = [judge('weights, drawn pets: error', species['pretrained'], BAR_ERROR, '%'),
               judge('weights, drawn pets: time', species['seconds'], BAR_SECONDS, 's'),
               judge('weights, drawn pets: error from scratch', species['scratch'], BAR_SCRATCH, '%', at_least=True)]
    return [species, compare('drawn, breed', partial(load_drawn, breed), 1, seeds, rates)], targets


def main() -> int:
    args = arguments(__doc__, tasks=('photos mini_pets',)*2, seeds=(3, 1), rates=(SCRATCH_RATES, '3e-3'))
    rates = [float(rate) for rate in args.rates.split()]
    columns = 'with weights', *(f'scratch {rate:g}' for rate in rates)
    print(f"{'data':18} {'seed':4}", *(f'{name:>18}' for name in columns))
    for task in args.tasks.split():
        if task == 'photos' and not present('transfer photos', args.data): continue
        if task == 'photos': totals, targets = photos(args.data, args.seeds, rates)
        else: totals, targets = mini_pets(args.seeds, rates)
        print(save(f'transfer_{task}', args, {'totals': totals, 'targets': targets}))
    return 0


if __name__ == '__main__': sys.exit(main())
