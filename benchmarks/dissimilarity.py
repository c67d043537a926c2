"""The more the data differ, the more must change? One set of pets, seven alterations, and what a body needs for each.

    python benchmarks/dissimilarity.py                    # about 15 minutes on one quiet core
    python benchmarks/dissimilarity.py --rows runs.jsonl  # the same; goes on where that file was cut off

Rows are appended to a file as they are found. When all are there, they are packed into one file of the results.
"""
import json
import sys
import time
from pathlib import Path

from common import arguments, HERE, load, machine, QUICK

PACKED = HERE.parent/'fastlearn'/'course'/'dissimilarity.json'  # shown in the course


def rounded(value: object, digits: int = 4) -> object:
    "The same with fewer digits"
    if isinstance(value, float): return round(value, digits)
    if isinstance(value, list): return [rounded(one, digits) for one in value]
    return {name: rounded(one, digits) for name, one in value.items()} if isinstance(value, dict) else value


def main() -> int:
    args = arguments(__doc__, first=(0, 0), seeds=(5, 1),
                     rows=(str(QUICK/'dissimilarity.jsonl'),)*2, packed=(str(PACKED),)*2)
    path = Path(args.rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    import torch
    from fastlearn.course.altered_pets import ALTERATIONS
    from fastlearn.course.dissimilarity import measure_position
    torch.set_num_threads(1)
    rows = list(map(json.loads, path.read_text(encoding='utf-8').splitlines())) if path.exists() else []
    done = {(row['alteration'], row['seed']) for row in rows}
    for seed in range(args.first, args.seeds):
        for alteration in ALTERATIONS:
            if (alteration, seed) in done: continue
            started = time.perf_counter()
            row = {'alteration': alteration, 'seed': seed, **measure_position(alteration, seed)}
            rows.append(row | {'seconds': time.perf_counter() - started, 'load': load()})
            with open(path, 'a', encoding='utf-8') as file: file.write(json.dumps(rows[-1]) + '\n')
            print(json.dumps(rounded(row, 3)), flush=True)
    if args.first: return 0               # a part of it, to be packed by a later call
    lines = ',\n'.join(json.dumps(rounded({name: row[name] for name in row if name not in ('seconds', 'load')}))
                       for row in rows if row['seed'] < args.seeds)
    Path(args.packed).write_text(f'{json.dumps({"machine": machine()})[:-1]},\n"runs": [\n{lines}\n]}}\n',
                                 encoding='utf-8')
    return 0


if __name__ == '__main__': sys.exit(main())
