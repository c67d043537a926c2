"""How do time and memory grow with images, pixels, parameters and epochs? One training run at each of four sizes.

    python benchmarks/cost_model.py

A residual network of six layers trains from random weights, from the files on disk to the last validation; each run is
a process of its own. One quantity changes, the others stay at the middle. A straight line is fitted to each series.
Its intercept is the cost of a training run before the first image: loaders, the network, memory for plans.
"""
import statistics
import sys

from common import arguments, judge, line_through, load, present, run, save, split

MIDDLE = {'images': 700, 'size': 96, 'width': 64, 'epochs': 3}
SERIES = {'images': (350, 700, 1050, 1399), 'size': (64, 96, 128, 160), 'width': (32, 64, 96, 128),
          'epochs': (1, 3, 5, 7)}
QUICK_MIDDLE = {'images': 400, 'size': 64, 'width': 32, 'epochs': 3}
QUICK = {'images': (200, 400, 800), 'size': (64, 96, 128), 'width': (32, 64, 96), 'epochs': (1, 3, 6)}
COUNTED = {'images': 'images', 'size': 'pixels', 'width': 'parameters', 'epochs': 'epochs'}
BAR_R2 = .98                               # of the line through the seconds; a quick run is too short to judge


def measure(args, at: dict) -> dict:
    "A row: what was varied, seconds and GiB; the median of as many runs as asked for"
    job = split(args.data, seed=0, limit=at['images']) | {'batch_size': 64, 'device': args.device} | at
    runs = [run(sys.executable, 'growth.ours', job) for _ in range(args.repeats)]
    row = at | {'images': runs[0]['n'], 'pixels': at['size']**2, 'parameters': runs[0]['parameters'], 'load': load(),
                'threads': runs[0]['threads']}
    return row | {key: statistics.median(one[key] or 0 for one in runs) for key in ('seconds', 'peak_gib')}


def lines(rows: list[dict], by: str) -> dict:
    "The line through the seconds and the one through the memory of one series"
    xs = [row[by] for row in rows]
    return {key: line_through(xs, [row[key] for row in rows]) for key in ('seconds', 'peak_gib')}


def main() -> int:
    args = arguments(__doc__, repeats=(1, 1))
    if not present('cost_model', args.data): return 0
    middle, series = (QUICK_MIDDLE, QUICK) if args.quick else (MIDDLE, SERIES)
    found, targets, known = {}, [], {}
    measure(args, {name: values[0] for name, values in series.items()})  # files are read, modules compiled: not counted
    for name, values in series.items():
        rows, by = [], COUNTED[name]
        for value in values:
            at = middle | {name: value}
            key = tuple(at.values())
            known[key] = row = known.get(key) or measure(args, at)  # the middle belongs to every series
            rows.append(row)
            print(f"{by} {row[by]:9,}: {row['seconds']:6.2f} s, {row['peak_gib']:.2f} GiB, load {row['load']}",
                  flush=True)
        found[by] = {'rows': rows, 'lines': lines(rows, by)}
        r2 = found[by]['lines']['seconds']['r2']
        if not args.quick: targets.append(judge(f'time over {by}: r2 of the line', r2, BAR_R2, at_least=True))
    print(save('cost_model', args, {'middle': middle, 'series': found, 'targets': targets}))
    return 0


if __name__ == '__main__': sys.exit(main())
