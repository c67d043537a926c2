"""Head first or all at once? Five recipes, three kinds of images, five seeds, each measured at home, in the dark and
with exchanged scenes.

    python benchmarks/recipe_duel.py                     # ten minutes on one quiet core
    python benchmarks/recipe_duel.py --rows runs.jsonl   # the same; goes on where that file was cut off
    python benchmarks/recipe_duel.py --tasks near --first 2 --seeds 4   # a part of it, to be packed by a later call

Every recipe gets the default rate of the library: 2e-3 of `fine_tune`, 5e-3 of `learning_curve` from scratch. How much
hangs on that, further runs of one recipe at a quarter of its rate say. Rows are appended to a file as they are found.
"""
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from common import arguments, HERE, load, machine, QUICK

PACKED = HERE.parent/'fastlearn'/'course'/'recipe_duel.json'  # shown in the course
VERSIONS = 'home', 'dark', 'exchanged'
GENTLE = 'all at once, one rate', 'near', 5e-4  # at a quarter of its rate


def plan(tasks: list[str], seeds: range) -> Iterator[dict]:
    "The arguments of every run, seed by seed, so that what is cut off is even"
    from fastlearn.course.recipe_duel import RATES
    for seed in seeds:
        for data in tasks:
            for recipe, lr in RATES.items(): yield {'recipe': recipe, 'data': data, 'seed': seed, 'lr': lr}
        if GENTLE[1] in tasks: yield dict(zip(('recipe', 'data', 'lr'), GENTLE)) | {'seed': seed}


def key(run: dict) -> str: return ' | '.join(f'{run[name]}' for name in ('recipe', 'data', 'seed', 'lr'))


def pack(rows: list[dict], path: Path) -> None:
    "Write all runs to one file: shares of wrong answers, after every second epoch"
    runs = [{name: row[name] for name in ('recipe', 'data', 'seed', 'lr', *VERSIONS)} for row in rows]
    lines = ',\n'.join(json.dumps(run) for run in runs)
    path.write_text(f'{json.dumps({"machine": machine()})[:-1]},\n"runs": [\n{lines}\n]}}\n', encoding='utf-8')


def main() -> int:
    args = arguments(__doc__, tasks=('near middle far',)*2, first=(0, 0), seeds=(5, 1),
                     rows=(str(QUICK/'recipe_duel.jsonl'),)*2, packed=(str(PACKED),)*2)
    path = Path(args.rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    import torch
    from fastlearn.course.recipe_duel import run_recipe
    torch.set_num_threads(1)
    found = map(json.loads, path.read_text(encoding='utf-8').splitlines()) if path.exists() else ()
    rows, wanted = {key(row): row for row in found}, []
    for run in plan(args.tasks.split(), range(args.first, args.seeds)):
        if key(run) not in rows:
            started = time.perf_counter()
            row = {**run, **run_recipe(**run), 'seconds': time.perf_counter() - started, 'load': load()}
            rows[key(run)] = row
            with open(path, 'a', encoding='utf-8') as file: file.write(json.dumps(row) + '\n')
            print(f'{key(run):52}', *(f'{version} {row[version][-1]:6.1%}' for version in VERSIONS), flush=True)
        wanted.append(rows[key(run)])
    if len(args.tasks.split()) == 3 and not args.first: pack(wanted, Path(args.packed))
    return 0


if __name__ == '__main__': sys.exit(main())
