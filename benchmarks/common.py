"Shared code of the benchmarks: options, description of the machine, splits as file lists, targets, results on disk"
import argparse
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent/'shared'/'data'  # real photos and weights, beside the checkout where there are any
RESULTS = HERE/'results'
QUICK = HERE.parent/'_build'/'benchmarks'    # where quick runs go: too few of them to be kept
T95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
       1.740, 1.734, 1.729)  # Student's t, 95% of it below, for 1 to 19 degrees of freedom


# --- what is asked ---

def options(doc: str, **more: tuple) -> argparse.ArgumentParser:
    "The options that all benchmarks take; `more`: name=(usual value, value of a quick run)"
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help=f'few runs on little data; results go to {QUICK}')
    parser.add_argument('--data', type=Path, default=SHARED/'cats_dogs', help='photos, in one folder per class')
    parser.add_argument('--weights', type=Path, default=SHARED/'weights'/'squeezenet1_0.pth', help='of squeezenet1_0')
    parser.add_argument('--fastai-python', type=Path, help="fastai's interpreter (default: made in benchmarks/.venv)")
    parser.add_argument('--captum-python', type=Path, help="captum's interpreter (default: made in benchmarks/.venv)")
    parser.add_argument('--no-peers', action='store_true', help='leave fastai and captum out')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or mps')
    parser.add_argument('--results', type=Path, help='folder for the results')
    for name, (usual, quick) in more.items():
        parser.add_argument(f'--{name.replace("_", "-")}', type=type(usual), help=f'usually {usual}, quick {quick}')
    parser.set_defaults(more=more)
    return parser


def arguments(doc: str, **more: tuple) -> argparse.Namespace:
    "The options of this call; FASTLEARN_DEVICE and FASTLEARN_DASHBOARD are set for everything that is imported later"
    args = options(doc, **more).parse_args()
    for name, (usual, quick) in args.more.items():
        if getattr(args, name) is None: setattr(args, name, quick if args.quick else usual)
    args.results = args.results or (QUICK if args.quick else RESULTS)
    os.environ |= {'FASTLEARN_DEVICE': args.device, 'FASTLEARN_DASHBOARD': 'off'}
    return args


def present(name: str, *paths: Path) -> bool:
    "Whether all `paths` are there; if not, say which benchmark is skipped and why"
    missing = [str(path) for path in paths if not path.exists()]
    if missing: print(f'SKIPPED {name}: found no {", no ".join(missing)}; '
                      'give the place of the data with the options that --help lists', file=sys.stderr)
    return not missing


# --- what is measured on ---

def split(folder: Path, seed: int, valid_pct: float = .2, limit: int | None = None) -> dict[str, list[str]]:
    "The images of `folder/class/`, shuffled by `seed` alone, `limit` of them: absolute names for 'train' and 'valid'"
    kinds = {'.jpg', '.jpeg', '.png'}
    files = sorted(str(path) for path in folder.resolve().glob('*/*') if path.suffix.lower() in kinds)
    random.Random(seed).shuffle(files)
    files = files[:limit or None]
    n_valid = int(valid_pct*len(files))
    return {'train': files[n_valid:], 'valid': files[:n_valid]}


def run(python: Path | str, side: str, job: dict) -> dict:
    "A function of benchmarks/sides, 'fine_tune.ours' say, on `job` in a process of its own: what it returns"
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder)/'job.json', Path(folder)/'result.json'
        asked.write_text(json.dumps(job))
        done = subprocess.run([python, HERE/'side.py', side, asked, answer], capture_output=True, text=True,
                              env={**os.environ, 'FASTLEARN_DASHBOARD': 'off'})
        if done.returncode: raise RuntimeError(f'{side} ended with {done.returncode}:\n{done.stderr[-3000:]}')
        return json.loads(answer.read_text())


def in_turn(sides: Sequence[str], turn: int) -> list[str]:
    "`sides` in an order that lets each of them go first as often as the others"
    start = turn % len(sides)
    return [*sides[start:], *sides[:start]]


def machine() -> dict:
    "Processor, cores, memory, system, versions and date, as far as this system tells"
    processor = platform.processor() or platform.machine()
    flags, memory = '', None
    if (cpu := Path('/proc/cpuinfo')).exists():
        lines = dict(line.split(':', 1) for line in cpu.read_text().splitlines() if ':' in line)
        lines = {key.strip(): value.strip() for key, value in lines.items()}
        processor, flags = lines.get('model name', processor), lines.get('flags', '')
        memory = round(os.sysconf('SC_PAGE_SIZE')*os.sysconf('SC_PHYS_PAGES')/2**30, 1)
    return {'processor': processor, 'cores': os.cpu_count(), 'memory_gib': memory, 'system': platform.platform(),
            'bf16': [f for f in ('avx512_bf16', 'amx_bf16') if f in flags.split()], 'python': platform.python_version(),
            'date': datetime.now(timezone.utc).isoformat(timespec='seconds')}


def load() -> float | None:
    "Processes that want a processor now, averaged over a minute: above the number of cores, times mean little"
    return round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else None


# --- what it says ---

def spread(values: Sequence[float]) -> dict[str, float]:
    "Median, smallest, largest and number of `values`"
    return {'median': statistics.median(values), 'least': min(values), 'most': max(values), 'runs': len(values)}


def upper_bound(differences: list[float]) -> float:
    "One-sided 95% bound on the mean of paired `differences` (Student's t); nan outside of 2 to 20"
    n = len(differences)
    if not 2 <= n <= len(T95) + 1: return math.nan
    return statistics.mean(differences) + T95[n - 2]*statistics.stdev(differences)/math.sqrt(n)


def line_through(xs: Sequence[float], ys: Sequence[float]) -> dict[str, float]:
    "Least squares: y = start + slope*x; 'r2', and 'worst', the largest distance from the line as a share of y"
    slope, start = statistics.linear_regression(xs, ys)
    off = [y - (start + slope*x) for x, y in zip(xs, ys)]
    total = sum((y - statistics.mean(ys))**2 for y in ys)
    r2 = 1 - sum(d*d for d in off)/total if total else 1.
    return {'start': start, 'slope': slope, 'r2': r2, 'worst': max(abs(d)/abs(y) for d, y in zip(off, ys))}


def judge(what: str, found: float, bar: float, unit: str = '', *, at_least: bool = False) -> dict:
    "A target with what was found, printed; 'met' says whether it was reached"
    met = found >= bar if at_least else found <= bar
    print(f'{what}: {found:.4g} {unit}'.rstrip() + f" ({'at least' if at_least else 'at most'} {bar:g}), "
          f"{'met' if met else 'MISSED'}", flush=True)
    return {'what': what, 'found': found, 'bar': bar, 'unit': unit, 'at_least': at_least, 'met': met}


def save(name: str, args: argparse.Namespace, record: dict) -> Path:
    "Write `record` to the results, one file for each benchmark and day; a day's file replaces the older ones"
    args.results.mkdir(exist_ok=True, parents=True)
    record = {'machine': machine(), 'device': args.device} | record
    path = args.results/f'{name}-{record["machine"]["date"][:10]}.json'
    for old in args.results.glob(f'{name}-????-??-??.json'): old.unlink()
    path.write_text(json.dumps(record, indent=1) + '\n')
    return path
