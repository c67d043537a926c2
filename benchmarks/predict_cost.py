"""Prediction: what does it cost in addition to decoding and the forward pass, and what does it cost with fastai?

    python benchmarks/predict_cost.py

The plain loop opens, resizes, and crops each image with our transform and precision, stacks, normalizes, and runs the
forward pass, without threads and progress bar. Ours, the loop, and fastai alternate, each in its own process, with the
same network and random weights. Both wall-clock and CPU seconds are reported, because ours decodes in threads during
the forward pass, and work that is only moved to a thread still takes CPU time.
"""
import sys

import peers
from common import arguments, in_turn, judge, load, present, run, save, split, spread

ALLOWED = 1.2                              # times the plain loop
SIDES = 'ours', 'by_hand', 'fastai'
KEYS = 'seconds', 'cpu_seconds'


def summary(rows: list[dict], sides: list[str]) -> dict:
    "For each side its spreads; of the others also what ours is to them, run by run"
    found = {side: {key: spread([row[side][key] for row in rows]) for key in KEYS} for side in sides}
    for side in sides[1:]:
        found[side] |= {f'ours_{key}': spread([row['ours'][key]/row[side][key] for row in rows]) for key in KEYS}
    return found


def main() -> int:
    args = arguments(__doc__, repeats=(5, 1), files=(1400, 300), arch=('squeezenet1_0',)*2, size=(128, 128))
    if not present('predict_cost', args.data): return 0
    fastai = peers.find('fastai', args)
    sides = {side: fastai if side == 'fastai' else sys.executable for side in SIDES if side != 'fastai' or fastai}
    photos = split(args.data, seed=0, valid_pct=0)['train']
    job = {'known': photos[:200], 'files': (photos*(-(-args.files//len(photos))))[:args.files], 'arch': args.arch,
           'size': args.size, 'batch_size': 64, 'device': args.device}
    rows = []
    for repeat in range(args.repeats):
        rows.append(row := {'repeat': repeat})
        for side in in_turn(list(sides), repeat):
            row[side] = run(sides[side], f'predict.{side}', job) | {'load': load()}
            print(f"{repeat:3d}  {side:8} {row[side]['seconds']:6.2f} s, {row[side]['cpu_seconds']:6.2f} s of CPU "
                  f"time, load {row[side]['load']}", flush=True)
        pairs = zip(row['ours'].pop('answers'), row['by_hand'].pop('answers'))
        if (worst := max(abs(a - b) for a, b in pairs)) > 1e-6: raise SystemExit(f'the two differ by {worst:.2g}')
    found = summary(rows, list(sides))
    targets = [judge(f'predict: {words}, of the plain loop', found['by_hand'][f'ours_{key}']['median'], ALLOWED)
               for key, words in zip(KEYS, ('time', 'processor time'))]
    print(save('predict_cost', args, {'arch': args.arch, 'files': args.files, 'size': args.size, 'targets': targets,
                                      'summary': found, 'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
