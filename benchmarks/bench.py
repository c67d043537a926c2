"""All benchmarks, one after the other, then the page of the docs: python benchmarks/bench.py, or `make bench`.

    python benchmarks/bench.py --quick                  # make bench-quick: few runs, page and results in _build
    python benchmarks/bench.py --only fine_tune import_time
    python benchmarks/bench.py --page                   # measures nothing, writes docs/benchmarks.md from the results

What is not there (photos, weights, an environment of a peer) is skipped by name. Times mean something only on a quiet
machine: at the start it says what else is running. Other options are handed on to the scripts.
"""
import subprocess
import sys
import time
from pathlib import Path

from common import HERE, QUICK, RESULTS, load, options

MINUTES = {  # on 2 quiet cores: all, quick
    'import_time': (1.3, .4), 'loop_overhead': (1., .3), 'many_images': (.8, .1), 'cost_model': (2.5, .6),
    'levers': (5.5, 1.), 'data_loading': (2., .2), 'predict_cost': (1.8, .2), 'dashboard_cost': (2.3, .7),
    'deconvnet': (1.5, .2), 'fine_tune': (19., 1.1)}
DOCS = HERE.parent/'docs'


def write_page(results: Path, out: Path) -> dict[str, tuple[Path, dict]]:
    "The page in the folder `out`; the results that it shows"
    sys.path.append(str(DOCS))
    from processing.benchmarks import read_results, write
    print(*write(results, out), sep='\n')
    return read_results(results)


def main() -> int:
    parser = options(__doc__)
    parser.add_argument('--only', nargs='+', choices=MINUTES, metavar='NAME', help=f'of {", ".join(MINUTES)}')
    parser.add_argument('--page', action='store_true', help='write the page alone')
    args = parser.parse_args()
    results, out = (args.results or QUICK,)*2 if args.quick else (args.results or RESULTS, args.results or DOCS)
    failed, names = [], [] if args.page else args.only or list(MINUTES)
    minutes = {name: MINUTES[name][args.quick] for name in names}
    handed_on = [part for part in sys.argv[1:] if part not in ('--only', *MINUTES)]
    if names: print(f'{len(names)} benchmarks, about {sum(minutes.values()):.0f} minutes on 2 quiet cores. '
                    f'Load now: {load()}', flush=True)
    began = time.perf_counter()
    for at, name in enumerate(names):
        left = sum(minutes[one] for one in names[at:])
        print(f'\n[{at + 1} of {len(names)}] {name}: about {minutes[name]:.1f} minutes, {left:.0f} left', flush=True)
        if subprocess.run([sys.executable, HERE/f'{name}.py', *handed_on]).returncode: failed.append(name)
    if names: print(f'\n{(time.perf_counter() - began)/60:.1f} minutes')
    if not results.exists(): print('nothing was measured'); return bool(failed)
    targets = [one for _, record in write_page(results, out).values() for one in record.get('targets', ())]
    missed = [one['what'] for one in targets if not one['met']]
    print(f'{len(missed)} of {len(targets)} targets missed', *missed, sep='\n  ')
    if failed: print('Ended with an error:', ', '.join(failed))
    return bool(failed)


if __name__ == '__main__': sys.exit(main())
