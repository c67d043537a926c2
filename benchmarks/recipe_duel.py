"""Head first or all at once? Five recipes, three kinds of images, five seeds, each measured at home, in the dark and
with exchanged scenes; and `fit` against `fine_tune`, with pretrained and with random weights.

    python benchmarks/recipe_duel.py                 # about 40 minutes on one quiet core
    python benchmarks/recipe_duel.py --rows runs.jsonl   # the same; goes on where that file was cut off
    python benchmarks/recipe_duel.py --tasks near        # a third of it, to be packed by a later call

Every recipe gets the rate that did best at home of two, on pets of a seed that is not used again. Rows are
appended to a file as they are found. When all are there, they are packed into the file that the course reads.
"""
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from common import arguments, HERE, load, machine, QUICK

PACKED = HERE.parent/'fastlearn'/'course'/'recipe_duel.json'
RATES = {'all at once, one rate': (5e-4, 2e-3)}  # of the head, at the peak; the others:
OTHER_RATES = 2e-3, 8e-3
TUNING = 100                              # the seed that chooses the rate


def read(path: Path) -> dict[str, dict]:
    "The rows found so far, by their keys"
    if not path.exists(): return {}
    return {row['key']: row for row in map(json.loads, path.read_text(encoding='utf-8').splitlines())}


def plan(rows: dict[str, dict], seeds: range, tasks: list[str]) -> Iterator[dict]:
    "What is to be run, the rates first; reads the rows that were found on the way"
    from fastlearn.course.recipe_duel import EPOCHS, EVERY, RECIPES
    names = [(data, recipe) for data in tasks for recipe in RECIPES]
    for data, recipe in names:
        for lr in RATES.get(recipe, OTHER_RATES):
            yield {'recipe': recipe, 'data': data, 'seed': TUNING, 'lr': lr, 'every': EPOCHS}
    best = {}
    for data, recipe in names:
        rates = RATES.get(recipe, OTHER_RATES)
        tried = {lr: rows[key(recipe, data, TUNING, lr)]['home'][-1] for lr in rates}
        best[data, recipe] = min(tried, key=tried.get)
    for seed in seeds:
        for data, recipe in names:
            yield {'recipe': recipe, 'data': data, 'seed': seed, 'lr': best[data, recipe], 'every': EVERY}


def key(recipe: str, data: str, seed: int, lr: float) -> str:
    return f'{recipe} | {data} | {seed} | {lr:g}'


def pack(rows: list[dict], args) -> None:
    "Write what the course shows: errors in percent after every epoch, the loss every fourth step"
    runs = [{name: row[name] for name in ('recipe', 'data', 'seed', 'lr')} | {
        version: [round(100*error, 1) for error in row[version]] for version in ('home', 'dark', 'exchanged')} | {
        'loss': [round(loss, 3) for loss in row['loss'][::4]]} for row in rows if row['seed'] != TUNING]
    tried = [{name: row[name] for name in ('recipe', 'data', 'lr')} | {'home': round(100*row['home'][-1], 1)}
             for row in rows if row['seed'] == TUNING]
    lines = ',\n'.join(json.dumps(run) for run in runs)
    head = json.dumps({'machine': machine(), 'tried': tried})[:-1]
    args.packed.write_text(f'{head},\n"runs": [\n{lines}\n]}}\n', encoding='utf-8')


def main() -> int:
    args = arguments(__doc__, tasks=('near middle far',)*2, first=(0, 0), seeds=(5, 1),
                     rows=(str(QUICK/'recipe_duel.jsonl'),)*2, packed=(str(PACKED),)*2)
    args.packed, path = Path(args.packed), Path(args.rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    import torch
    from fastlearn.course.recipe_duel import run_recipe
    torch.set_num_threads(1)
    rows, wanted = read(path), []
    for one in plan(rows, range(args.first, args.seeds), args.tasks.split()):
        name = key(*(one[part] for part in ('recipe', 'data', 'seed', 'lr')))
        if name not in rows:
            started = time.perf_counter()
            found = run_recipe(**one)
            rows[name] = {'key': name, **one, **found, 'seconds': time.perf_counter() - started, 'load': load()}
            with open(path, 'a', encoding='utf-8') as file: file.write(json.dumps(rows[name]) + '\n')
            print(f'{name:60}', {version: f'{found[version][-1]:.1%}' for version in ('home', 'dark', 'exchanged')},
                  flush=True)
        wanted.append(rows[name])
    if len(args.tasks.split()) == 3 and not args.first: pack(wanted, args)
    return 0


if __name__ == '__main__': sys.exit(main())
