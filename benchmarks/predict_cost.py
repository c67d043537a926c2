"""What `get_preds` on files costs over what cannot be avoided: decoding the pictures and the forward pass.

    python benchmarks/predict_cost.py [--data PHOTOS] [--repeats 5] [--files 1400] [--size 64]

The plain side is a loop as anyone would write it: open, shrink and cut each picture with the same transform, stack,
normalise, forward, softmax; no threads, no bar. Both take turns. Seconds are those of the clock and, since ours decodes
in threads beside the forward pass, also those that all processors worked: work that was merely moved shows there.
"""
import argparse, statistics, sys, time
from pathlib import Path

import numpy as np
import torch
from common import SHARED, load, machine, present, save, split
from fastlearn.all import DataLoaders, ImageDataLoaders, Resize, resnet10, resnet34, vision_learner
from fastlearn.device import autocast, evaluating
from fastlearn.images import open_image

ALLOWED = 1.2                              # times the plain loop


def by_hand(learn, files: list[Path], bs: int) -> torch.Tensor:
    "Probabilities, with nothing that is not needed for them"
    resize, normalize, found = learn.dls.valid.dataset.transform.resize, learn.dls.valid.normalize, []
    with evaluating(learn.model):
        for start in range(0, len(files), bs):
            cut = [resize.crop(resize.prepare(open_image(file, resize.needs))) for file in files[start:start + bs]]
            images = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).to(learn.device).float().div_(255)
            images = normalize(images).contiguous(memory_format=torch.channels_last)
            with autocast(learn.device, learn.precision): logits = learn.model(images)
            found.append(logits.float().softmax(1).cpu())
    return torch.cat(found)


def ours(learn, files: list[Path], bs: int) -> torch.Tensor:
    return learn.get_preds(learn.dls.test_dl(files, bs=bs))[0]


def timed(function, *args) -> tuple[dict, torch.Tensor]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = function(*args)
    return {'seconds': time.perf_counter() - wall, 'cpu_seconds': time.process_time() - cpu, 'load': load()}, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, default=SHARED/'cats_dogs', help='a folder with one folder per class')
    parser.add_argument('--arch', choices=['resnet10', 'resnet34'], default='resnet10')
    parser.add_argument('--files', type=int, default=1400)
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    if not present('predict_cost', args.data): return 0
    torch.set_num_threads(args.threads)
    files = [Path(file) for file in split(args.data, seed=0)['train']]
    dls: DataLoaders = ImageDataLoaders.from_path_func(args.data, files[:200], lambda file: file.parent.name, seed=0,
                                                       item_tfms=Resize(args.size))
    learn = vision_learner(dls, {'resnet10': resnet10, 'resnet34': resnet34}[args.arch],
                           weights='default' if args.arch == 'resnet10' else None)
    files = (files*(-(-args.files//len(files))))[:args.files]
    rows = {'plain': [], 'get_preds': []}
    for turn in range(args.repeats + 1):
        pair = [('plain', by_hand), ('get_preds', ours)]
        answers = {}
        for name, function in pair[::1 if turn % 2 else -1]:
            row, answers[name] = timed(function, learn, files, 64)
            if turn: rows[name].append(row)       # the first turn reads the files from disk
        worst = (answers['plain'] - answers['get_preds']).abs().max().item()
        if worst > 1e-6: raise SystemExit(f'the two answer differently, by {worst:.2g}')
    ratios = {key: statistics.median(b[key]/a[key] for a, b in zip(rows['plain'], rows['get_preds']))
              for key in ('seconds', 'cpu_seconds')}
    for name, found in rows.items():
        print(f"{name:10} {statistics.median(r['seconds'] for r in found):6.2f} s, "
              f"{statistics.median(r['cpu_seconds'] for r in found):6.2f} s of processors, {len(files)} files")
    for key, ratio in ratios.items():
        print(f"{key}: median of {args.repeats} ratios {ratio:.3f} "
              f"({'at most' if ratio <= ALLOWED else 'MORE THAN'} {ALLOWED})")
    print(save('predict_cost', {'machine': machine(), 'arch': args.arch, 'files': len(files), 'size': args.size,
                                'threads': args.threads, 'ratios': ratios, 'rows': rows}))
    return max(ratios.values()) > ALLOWED


if __name__ == '__main__': sys.exit(main())
