"""What `from fastlearn.all import *` costs over the libraries that it needs in any case.

    python benchmarks/import_time.py

Each import runs in a Python of its own, the two in turn, so that both see the same load. torchvision is imported as
fastlearn does it (see fastlearn.device.import_torchvision), since beside a CPU build of torch a plain import can fail.
"""
import argparse, statistics, subprocess, sys

BASE = '''
import torch
try: import torchvision
except RuntimeError:
    boxes = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
    for name in 'nms', 'qnms':
        try: torch.library.define('torchvision::' + name, boxes)
        except RuntimeError: pass
    import sys
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']: del sys.modules[name]
    import torchvision
import matplotlib
'''
OURS = 'from fastlearn.all import *'
ALLOWED = 15  # percent


def seconds(code: str) -> float:
    "Wall time of `code` in a new Python, without that Python's own start"
    timed = f'import time\nstart = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)'
    return float(subprocess.run([sys.executable, '-c', timed], check=True, capture_output=True, text=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=15)
    args = parser.parse_args()
    for code in BASE, OURS: seconds(code)  # the first run reads the files from disk and compiles them
    pairs = [(seconds(BASE), seconds(OURS)) for _ in range(args.repeats)]
    base, ours = (statistics.median(column) for column in zip(*pairs))
    over = 100*(statistics.median(b/a for a, b in pairs) - 1)
    print(f'torch, torchvision, matplotlib {base:.2f} s; fastlearn.all {ours:.2f} s (medians of {args.repeats})')
    print(f"median of the ratios: {over:+.1f} % ({'at most' if over <= ALLOWED else 'MORE THAN'} {ALLOWED} %)")
    return over > ALLOWED


if __name__ == '__main__': sys.exit(main())
