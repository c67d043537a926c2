"""What `from fastlearn.all import *` costs over the libraries that it needs in any case, and what fastai's costs.

    python benchmarks/import_time.py

Each import runs in a Python of its own, in turn, so that all see the same load.
"""
import os
import subprocess
import sys
from pathlib import Path

import peers
from common import HERE, arguments, in_turn, judge, load, save, spread

TORCHVISION = (f'import sys; sys.path.insert(0, {str(HERE)!r}); from side import import_torchvision; '
               'import_torchvision()')    # fastai needs it in any case, and a mismatched build needs help
CODE = {'ours': 'from fastlearn.all import *', 'libraries': 'import torch, matplotlib.pyplot',
        'fastai': f'{TORCHVISION}; from fastai.vision.all import *'}
ALLOWED = 1.1                              # times what the libraries alone need


def seconds(python: Path | str, code: str) -> float:
    "Wall time of `code` in a new Python, without that Python's own start"
    timed = f'import time\nstart = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)'
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'}
    return float(subprocess.run([python, '-c', timed], check=True, capture_output=True, text=True, env=env).stdout)


def main() -> int:
    args = arguments(__doc__, repeats=(10, 2))
    fastai = peers.find('fastai', args)
    pythons = {'ours': sys.executable, 'libraries': sys.executable} | ({'fastai': fastai} if fastai else {})
    for side, python in pythons.items(): seconds(python, CODE[side])  # reads the files from disk and compiles them
    rows = []
    for repeat in range(args.repeats):
        rows.append({side: seconds(pythons[side], CODE[side]) for side in in_turn(list(pythons), repeat)})
        print('  '.join(f'{side} {rows[-1][side]:.2f} s' for side in pythons), flush=True)
        rows[-1]['load'] = load()
    found = {side: {'seconds': spread([row[side] for row in rows])} for side in pythons}
    for side in list(pythons)[1:]: found[side]['ours_seconds'] = spread([row['ours']/row[side] for row in rows])
    targets = [judge('import: time, of torch and matplotlib alone',
                     found['libraries']['ours_seconds']['median'], ALLOWED)]
    print(save('import_time', args, {'summary': found, 'targets': targets, 'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
