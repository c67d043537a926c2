"""Is fastlearn as accurate as fastai? The same photos, splits, weights and batch size, `fine_tune(1)`, seed by seed.

    python benchmarks/accuracy_vs_fastai.py               # makes fastai's environment first, if there is none
    python benchmarks/accuracy_vs_fastai.py --seeds 3 --peer-python ~/fastai-venv/bin/python

Every run is a process of its own that gets lists of files. Seconds count from the files on disk to the last
validation; imports are reported apart. The two libraries take turns, and so does who goes first.
"""
import argparse
import statistics
import sys
from pathlib import Path

import fastai_environment
from common import HERE, SHARED, load, machine, present, run, save, split, upper_bound

BAR_MEAN, BAR_UPPER = .5, 1.  # percentage points by which our error may exceed fastai's: on average, and its 95 % bound
HEAD = 'seed  error ours  error fastai  difference  seconds ours  seconds fastai  ratio  load'


def compare(seed: int, job: dict, peer: Path) -> dict:
    "Both libraries on one split: {'seed', 'ours', 'fastai', 'load'}"
    sides = {'ours': (sys.executable, HERE/'run_ours.py'), 'fastai': (peer, HERE/'run_fastai.py')}
    order = list(sides) if seed % 2 == 0 else list(sides)[::-1]
    row = {'seed': seed, 'load': load(), 'first': order[0]}
    for side in order: row[side] = run(*sides[side], job)
    for side in order:
        wrong = row[side]['error']*row[side]['n_valid']
        assert abs(wrong - round(wrong)) < .01, f"{side}'s error is no number of images out of {row[side]['n_valid']}"
        assert row[side]['n_valid'] == len(job['valid']) and row[side]['n_train'] == len(job['train'])
    return row


def line(row: dict) -> str:
    "`row` under HEAD; errors and their difference in percent"
    errors, seconds = ([row[side][what] for side in ('ours', 'fastai')] for what in ('error', 'seconds'))
    return (f"{row['seed']:4d}  {100*errors[0]:10.2f}  {100*errors[1]:12.2f}  {100*(errors[0] - errors[1]):+10.2f}  "
            f"{seconds[0]:12.1f}  {seconds[1]:14.1f}  {seconds[0]/seconds[1]:5.2f}  {row['load']}")


def summary(rows: list[dict]) -> dict:
    "Mean errors, the mean paired difference and its bound in points, and the median ratio of times"
    differences = [100*(row['ours']['error'] - row['fastai']['error']) for row in rows]
    def of_both(function, what):
        return {side: function([row[side][what] for row in rows]) for side in ('ours', 'fastai')}
    return {'seeds': len(rows), 'mean_difference': statistics.mean(differences), 'upper_95': upper_bound(differences),
            'mean_error': {side: 100*mean for side, mean in of_both(statistics.mean, 'error').items()},
            'median_seconds': of_both(statistics.median, 'seconds'),
            'median_import_seconds': of_both(statistics.median, 'import_seconds'),
            'median_time_ratio': statistics.median(row['ours']['seconds']/row['fastai']['seconds'] for row in rows)}


def report(total: dict) -> str:
    "`total` in words"
    def both(what, unit): return f"ours {total[what]['ours']:.2f} {unit}, fastai {total[what]['fastai']:.2f} {unit}"
    def against(value, bar): return f'{value:+.2f} points (bar {bar}), {"met" if value <= bar else "MISSED"}'
    return '\n'.join([
        f"mean error: {both('mean_error', '%')}",
        f"mean paired difference, ours minus fastai: {against(total['mean_difference'], BAR_MEAN)}",
        f"its upper 95 % bound: {against(total['upper_95'], BAR_UPPER)}",
        f"median time: {both('median_seconds', 's')}; median ratio {total['median_time_ratio']:.2f}",
        f"imports, not counted above: {both('median_import_seconds', 's')}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, default=SHARED/'cats_dogs', help='a folder with one folder per class')
    parser.add_argument('--weights', type=Path, default=SHARED/'weights'/'squeezenet1_0.pth', help='of --arch')
    parser.add_argument('--arch', default='squeezenet1_0', help="one of torchvision's classification architectures")
    parser.add_argument('--seeds', type=int, default=10)
    parser.add_argument('--peer-python', type=Path, help="fastai's interpreter (default: made in benchmarks/.venv)")
    args = parser.parse_args()
    if not present('accuracy_vs_fastai', args.data, args.weights): return 0
    peer = args.peer_python or fastai_environment.make()
    record = {'machine': machine(), 'data': args.data.name, 'arch': args.arch, 'rows': []}
    print(HEAD, flush=True)
    for seed in range(args.seeds):
        job = {**split(args.data, seed), 'arch': args.arch, 'weights': str(args.weights.resolve()), 'size': 128,
               'batch_size': 64, 'seed': seed, 'epochs': 1}
        record['rows'].append(compare(seed, job, peer))
        print(line(record['rows'][-1]), flush=True)
        record['summary'] = summary(record['rows'])
        path = save('accuracy_vs_fastai', record)
    print(report(record['summary']), f'rows in {path}', sep='\n')
    return 0


if __name__ == '__main__': sys.exit(main())
