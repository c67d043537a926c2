"""How long does `fine_tune(1)` take, how much memory, and is it as accurate? Ours, fastai and plain PyTorch in turn.

    python benchmarks/fine_tune.py                               # makes fastai's environment first, if there is none
    python benchmarks/fine_tune.py --cases squeezenet1_0 --fastai-python ~/fastai-venv/bin/python

Every run has its own process and gets lists of files. Seconds count from the files on disk to the last validation. The
sides alternate, and so does the side that goes first. Only the SqueezeNet has pretrained weights; the resnets start
from random weights, made once for all sides, so their errors are not compared.
"""
import statistics
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import peers
from common import arguments, in_turn, judge, load, present, run, save, split, spread, upper_bound

BAR_TIME = .25                             # of fastai's
BAR_MEMORY = 1.                            # of fastai's
BAR_MEAN = .5                              # percentage points by which our mean error may exceed fastai's


@dataclass(frozen=True)
class Case:
    "One network on one size of pictures"
    arch: str
    size: int
    photos: int                            # 0: all
    runs: int
    plain_runs: int                        # of those, with the plain loop too
    real: bool = False                     # weights that were trained, so that errors can be compared


CASES = [Case('squeezenet1_0', 128, 0, 10, 5, real=True), Case('resnet18', 128, 0, 5, 5),
         Case('resnet34', 224, 280, 2, 2)]
QUICK = [Case('squeezenet1_0', 128, 280, 2, 1, real=True), Case('resnet18', 128, 140, 1, 1)]
HEAD = f"{'run':>3}  {'side':7} {'seconds':>8} {'CPU seconds':>17} {'import':>7} {'GiB':>5} {'error':>8}  load"


def line(number: int, side: str, row: dict) -> str:
    "`row` under HEAD"
    return (f"{number:3d}  {side:7} {row['seconds']:8.1f} {row['cpu_seconds']:17.1f} {row['import_seconds']:7.1f} "
            f"{row['peak_gib'] or 0:5.2f} {100*row['error']:6.2f}%  {row['load']}")


def measure(case: Case, sides: dict[str, Path], job: dict, data: Path) -> list[dict]:
    "A row for each run: {'seed', side: what it returned}"
    rows = []
    for seed in range(case.runs):
        files = split(data, seed, limit=case.photos)
        now = [side for side in sides if side != 'plain' or seed < case.plain_runs]
        rows.append({'seed': seed, 'first': in_turn(now, seed)[0]})
        for side in in_turn(now, seed):
            row = run(sides[side], f'fine_tune.{side}', job | files | {'seed': seed}) | {'load': load()}
            wrong = row['error']*row['n_valid']
            assert abs(wrong - round(wrong)) < .01, f"{side}'s error is not a count of images out of {row['n_valid']}"
            assert row['n_valid'] == len(files['valid']) and row['n_train'] == len(files['train'])
            rows[-1][side] = row
            print(line(seed, side, row), flush=True)
    return rows


def summary(rows: list[dict], real: bool) -> dict:
    "For each side its spreads, and what ours is to it; with real weights the errors too"
    found = {}
    for side in ('ours', 'fastai', 'plain'):
        runs = [row for row in rows if side in row]
        if not runs: continue
        found[side] = {key: spread([row[side][key] for row in runs])
                       for key in ('seconds', 'cpu_seconds', 'import_seconds', 'peak_gib')}
        if side != 'ours': found[side] |= {
            f'ours_{key}': spread([row['ours'][key]/row[side][key] for row in runs]) for key in ('seconds', 'peak_gib')}
        if real: found[side]['error'] = 100*statistics.mean(row[side]['error'] for row in runs)
    pairs = [100*(row['ours']['error'] - row['fastai']['error']) for row in rows if 'fastai' in row]
    if real and pairs: found |= {'mean_difference': statistics.mean(pairs), 'upper_95': upper_bound(pairs)}
    return found


def judged(case: Case, found: dict) -> list[dict]:
    "The targets of the comparison with fastai"
    if 'fastai' not in found: return []
    name = f'{case.arch} at {case.size} px'
    targets = []
    if case.real: targets += [
        judge(f"fine_tune(1), {name}: time, of fastai's", found['fastai']['ours_seconds']['median'], BAR_TIME),
        judge(f"fine_tune(1), {name}: mean error above fastai's", found['mean_difference'], BAR_MEAN, 'points')]
    return targets + [judge(f"fine_tune(1), {name}: peak memory, of fastai's",
                            found['fastai']['ours_peak_gib']['median'], BAR_MEMORY)]


def main() -> int:
    args = arguments(__doc__, cases=('squeezenet1_0 resnet18 resnet34',)*2, runs=(10, 2), plain=(1, 1), float32=(0, 0))
    if not present('fine_tune', args.data, args.weights): return 0
    fastai = peers.find('fastai', args)
    sides = {'ours': sys.executable} | ({'fastai': fastai} if fastai else {}) | {'plain': sys.executable}
    record = {'data': args.data.name, 'float32': bool(args.float32), 'batch_size': 64, 'epochs': 1, 'cases': [],
              'targets': []}
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for case in QUICK if args.quick else CASES:
            if case.arch not in args.cases.split(): continue
            case = replace(case, runs=min(case.runs, args.runs), plain_runs=case.plain_runs*args.plain)
            weights = args.weights.resolve() if case.real else Path(folder)/f'{case.arch}.pth'
            job = {'arch': case.arch, 'weights': str(weights), 'size': case.size, 'batch_size': 64, 'epochs': 1,
                   'device': args.device, 'float32': bool(args.float32)}
            if not case.real: run(sys.executable, 'fine_tune.random_weights', job)
            print(f'{case.arch} at {case.size} px', flush=True)
            rows = measure(case, sides, job, args.data)
            found = summary(rows, case.real)
            record['targets'] += judged(case, found)
            photos = sum(rows[0]['ours'][part] for part in ('n_train', 'n_valid'))
            about = {'arch': case.arch, 'size': case.size, 'photos': photos, 'real': case.real}
            record['cases'].append(about | {'summary': found, 'rows': rows})
    print(save('fine_tune', args, record))
    return 0


if __name__ == '__main__': sys.exit(main())
