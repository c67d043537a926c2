"""What should BatchNorm do while the body is frozen, and what should `fine_tune` do with few photos?

    python benchmarks/batchnorm.py                       # eight sets, five seeds; an hour on two busy cores
    python benchmarks/batchnorm.py --tasks few --seeds 2
    python benchmarks/batchnorm.py --tasks sets --sides fastai --rows rows.jsonl   # fill in what is missing

The embedded resnet10 at 64 px, batches of 32, the same splits and weights on all sides. Rows are appended to a file as
they are found, and a second call goes on where the first was cut off.
"""
import json
import random
import statistics
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import peers
from common import arguments, judge, present, QUICK, run, save, upper_bound
from sides.sets import make, SETS

SIZES = {'things': 300, 'photos': 300, 'species': 240, 'breeds': 600, 'shapes': 300, 'stripes': 400, 'digits': 480,
         'sounds': 200}                   # training pictures
N_VALID = 400                             # at most
ARMS = {                                  # what is asked of ours; 'default' is what it does unless it is asked
    'frozen': {'fine_tune': {'update_bn': False, 'freeze_epochs': 1}},
    'learning': {'learner': {'train_bn': True}, 'fine_tune': {'update_bn': False, 'freeze_epochs': 1}},
    'anew': {'fine_tune': {'freeze_epochs': 1}},
    'default': {}}
FEW = {'species': 60, 'sounds': 120, 'photos': 140, 'things': 150, 'stripes': 200}
STEPS = 10, 20, 30, 60                    # of the head, about
N_TEST = 300                              # at most, in the task with few photos, where a choice uses the validation set
BAR = .5                                  # points by which our mean error may exceed fastai's


def source(name: str, data: Path, drawings: Path) -> Path:
    "Where the pictures of a set come from"
    return {'things': data.parent/'tiny_imagenet_191', 'photos': data}.get(name, drawings)


def split(folder: Path, seed: int, n: int, n_valid: int, n_test: int = 0) -> dict[str, list[str]]:
    "`n` files to learn from, others to validate and to test, shuffled by `seed` alone"
    files = sorted(map(str, folder.resolve().glob('*/*')))
    random.Random(seed).shuffle(files)
    rest = files[n:]
    return {'train': files[:n], 'valid': rest[-n_valid:], 'test': rest[:n_test]}


def set_runs(folders: dict[str, Path], seeds: int, arms: dict) -> list[dict]:
    "`fine_tune(3)`: a run for each seed, set and arm, in this order, so that what is cut off is even"
    common = {'epochs': 3, 'size': 64, 'arch': 'resnet10', 'weights': 'default'}
    return [common | split(folder, seed, SIZES[name], N_VALID) | {
        'id': f'{name} {seed} {arm}', 'set': name, 'seed': seed, 'arm': arm, 'options': options}
        for seed in range(1, seeds + 1) for name, folder in folders.items() for arm, options in arms.items()
        if arm != 'default' or SIZES[name]//32 < 9]  # with more steps an epoch it is 'anew'


def few_arms(n: int) -> dict[str, dict]:
    "Rules for few pictures: what each asks of `fine_tune`, and 'epochs' where it is not 1"
    of_head = {steps: max(1, round(steps/max(1, n//32))) for steps in STEPS}  # epochs
    return {'one epoch': {'fine_tune': {'freeze_epochs': 1}},
            'better phase': {'learner': {'save_best': 'error_rate'}, 'fine_tune': {'freeze_epochs': 1}},
            'lower rate': {'fine_tune': {'freeze_epochs': 1, 'base_lr': 5e-4}},
            'more of all': {'epochs': of_head[30], 'fine_tune': {'freeze_epochs': 1}},
            **{f'{steps} steps': {'fine_tune': {'freeze_epochs': epochs}} for steps, epochs in of_head.items()}}


def few_runs(folders: dict[str, Path], seeds: int, weights: Path, arms: tuple[str, ...] = ()) -> list[dict]:
    "`fine_tune(1)` on 60 to 200 pictures, and a SqueezeNet on 224; of these `arms`, or all"
    runs, sets = [], {name: (n, 64, 'resnet10', 'default') for name, n in FEW.items()}
    sets['photos, SqueezeNet'] = 224, 128, 'squeezenet1_0', str(weights.resolve())
    for seed in range(1, seeds + 1):
        for name, (n, size, arch, file) in sets.items():
            common = split(folders[name.split(',')[0]], seed, n, n//4, N_TEST) | {
                'set': f'{name} ({n})', 'seed': seed, 'size': size, 'arch': arch, 'weights': file}
            offered = few_arms(n) if size == 64 else {
                arm: few_arms(n)[arm] for arm in ('one epoch', 'better phase', '20 steps', '30 steps')}
            for arm, options in {arm: {} for arm in arms}.items() if arms else offered.items():
                runs.append(common | {'id': f'{name} {n} {seed} {arm}', 'arm': arm, 'options': options,
                                      'epochs': options.get('epochs', 1)})
    return runs


# --- what was found ---

def error(row: dict) -> float:
    "Percent wrong in the end: of the pictures that no choice has seen, where there are such"
    return 100*row.get('test', row['errors'][-1])


def compared(rows: Sequence[dict], arm: str, other: str) -> dict:
    "The mean difference of the errors of two arms in points, seed by seed, and its one-sided 95% bounds"
    by = {(row['seed'], row['arm']): error(row) for row in rows}
    pairs = [by[seed, arm] - by[seed, other] for seed, which in by if which == arm and (seed, other) in by]
    if len(pairs) < 2: return {'mean': pairs[0] if pairs else None, 'lower': None, 'upper': None, 'pairs': len(pairs)}
    return {'mean': statistics.mean(pairs), 'lower': -upper_bound([-d for d in pairs]), 'upper': upper_bound(pairs),
            'pairs': len(pairs)}


def totals(rows: Sequence[dict], reference: str, arms: Sequence[str]) -> list[dict]:
    "For each set the mean errors over the seeds that all arms of ours have, and what `arms` are off `reference`"
    found = []
    for name in dict.fromkeys(row['set'] for row in rows):
        some = [row for row in rows if row['set'] == name]
        seeds, errors = {}, {}
        for row in some: seeds.setdefault(row['arm'], set()).add(row['seed'])
        common = set.intersection(*(each for arm, each in seeds.items() if arm != 'fastai'))  # else splits differ
        for row in some:
            if row['seed'] in common: errors.setdefault(row['arm'], []).append(error(row))
        means = {arm: {'mean': statistics.mean(each), 'seeds': len(each)} for arm, each in errors.items()}
        found.append({'set': name, 'n_train': some[0]['n_train'], 'errors': means,
                      'against': {arm: compared(some, arm, reference) for arm in arms if arm in errors}})
    return found


def shown(found: Sequence[dict], arms: Sequence[str]) -> None:
    "Print the totals"
    print(f"{'set':26}", *(f'{arm:>14}' for arm in arms))
    for one in found:
        print(f"{one['set']:26}", *(f"{one['errors'][arm]['mean']:14.1f}" if arm in one['errors'] else ' '*14
                                    for arm in arms), flush=True)


def measured(runs: dict[str, list[dict]], args: Namespace, path: Path) -> list[dict]:
    "The rows of all `runs`, by side, those that were missing measured now"
    for side, mine in runs.items():
        python = sys.executable if side == 'ours' else peers.find(side, args)
        if side not in args.sides.split() or not python: continue
        run(python, f'batchnorm.{side}', {'rows': str(path), 'threads': args.threads, 'runs': mine})
    wanted = [one['id'] for mine in runs.values() for one in mine]
    rows = {row['id']: row for row in map(json.loads, path.read_text().splitlines())} if path.exists() else {}
    return [rows[name] for name in wanted if name in rows]


def main() -> int:
    args = arguments(__doc__, tasks=('sets few',)*2, seeds=(5, 1), sides=('ours fastai',)*2, threads=(1, 1),
                     rows=(str(QUICK/'batchnorm'),)*2)
    if not present('batchnorm', args.data, args.data.parent/'tiny_imagenet_191', args.weights): return 0
    from fastlearn.data.datasets import untar_data, URLs
    drawings, place = untar_data(URLs.MINI_PETS), Path(args.rows).resolve()
    place.mkdir(parents=True, exist_ok=True)
    folders = {name: make(name, source(name, args.data, drawings), place/'sets') for name in SETS}
    record = {'batch_size': 32, 'targets': []}
    if 'sets' in args.tasks.split():
        runs = {'ours': set_runs(folders, args.seeds, ARMS), 'fastai': set_runs(folders, args.seeds, {'fastai': {}})}
        rows = measured(runs, args, place/'sets.jsonl')
        record['sets'] = {'rows': rows, 'totals': totals(rows, 'fastai', list(ARMS))}
        shown(record['sets']['totals'], [*ARMS, 'fastai'])
        for one in record['sets']['totals']:
            against = one['against'].get('default') or one['against'].get('anew', {'pairs': 0})
            if against['pairs'] > 2: record['targets'].append(judge(
                f"fine_tune(3), resnet10, {one['set']}: mean error above fastai's", against['mean'], BAR, 'points'))
    if 'few' in args.tasks.split():
        runs = {'ours': few_runs(folders, args.seeds, args.weights),
                'fastai': few_runs(folders, args.seeds, args.weights, ('fastai',))}
        rows = measured(runs, args, place/'few.jsonl')
        record['few'] = {'rows': rows, 'totals': totals(rows, 'one epoch', [*few_arms(32), 'fastai'])}
        shown(record['few']['totals'], [*few_arms(32), 'fastai'])
    print(save('batchnorm', args, record))
    return 0


if __name__ == '__main__': sys.exit(main())
