"""Data loading: images per second of the first and the second epoch, without a network.

    python benchmarks/data_loading.py

Ours, fastai's `DataLoaders` and torch's `DataLoader` with torchvision's transforms alternate, each in its own
process, on the same photos at 128 pixels. The files are in the system's cache, so decoding, resizing, and passing on
the images is what counts. fastai and torch decode again in the second epoch; fastlearn uses the images it kept.
"""
import sys

import peers
from common import arguments, in_turn, load, present, run, save, split, spread

HEAD = f"{'run':>3}  {'side':7} {'first epoch':>12} {'second':>9}  images per second, load"


def rates(row: dict) -> list[float]:
    "Images per second of each epoch"
    return [epoch['images']/epoch['seconds'] for epoch in row['epochs']]


def summary(rows: list[dict], sides: list[str]) -> dict:
    "For each side: images per second of both epochs, and of the first one ours to it, run by run"
    found = {}
    for side in sides:
        first, second = zip(*(rates(row[side]) for row in rows))
        found[side] = {'first': spread(first), 'second': spread(second),
                       'peak_gib': spread([row[side]['peak_gib'] or 0 for row in rows])}
        if side != 'ours': found[side] |= {f'ours_{name}': spread([rates(row['ours'])[at]/rates(row[side])[at]
                                                                   for row in rows])
                                           for at, name in enumerate(('first', 'second'))}
    return found


def main() -> int:
    args = arguments(__doc__, repeats=(5, 1), photos=(0, 400), size=(128, 128))
    if not present('data_loading', args.data): return 0
    fastai = peers.find('fastai', args)
    sides = {'ours': sys.executable} | ({'fastai': fastai} if fastai else {}) | {'torch': sys.executable}
    files = split(args.data, seed=0, valid_pct=0, limit=args.photos)['train']
    job = {'files': files, 'size': args.size, 'batch_size': 64, 'device': args.device}
    rows = []
    print(HEAD)
    for repeat in range(args.repeats):
        rows.append({'repeat': repeat})
        for side in in_turn(list(sides), repeat):
            rows[-1][side] = run(sides[side], f'loading.{side}', job) | {'load': load()}
            first, second = rates(rows[-1][side])
            print(f"{repeat:3d}  {side:7} {first:12.0f} {second:9.0f}  {rows[-1][side]['load']}", flush=True)
    print(save('data_loading', args, {'photos': len(files), 'size': args.size, 'targets': [],
                                      'summary': summary(rows, list(sides)), 'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
