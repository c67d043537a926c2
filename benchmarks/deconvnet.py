"""How long does it take to look inside? The nine strongest patches and projections of 16 maps, over all photos.

    python benchmarks/deconvnet.py                                   # ours alone, if captum is nowhere
    python benchmarks/deconvnet.py --peer-python ~/captum-venv/bin/python --repeats 3

The job: one middle layer of a SqueezeNet, 16 maps, nine photos each, from the files on disk to patches and projections.
Against it the same with captum, which projects one picture at a time. Each run is a process of its own; the two take
turns. captum belongs into an environment of its own, with the same torch: `pip install --no-deps captum`.
"""
import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from common import HERE, SHARED, load, machine, present, run, save, split

BAR_SECONDS, BAR_GIB = 25., 1.5           # on two quiet cores
HEAD = 'method     seconds ours  captum  processor seconds ours  captum  GiB ours  captum  largest difference  load'


def has_captum(python: Path) -> bool:
    "Whether captum can be imported there"
    return not subprocess.run([python, '-c', 'import captum'], capture_output=True).returncode


def difference(a: dict, b: dict) -> float:
    "Largest relative difference of answers and projections; 1 if the photos differ"
    if a['images'] != b['images']: return 1.
    pairs = [(x, y) for key in ('answers', 'sizes') for one, two in zip(a[key], b[key]) for x, y in zip(one, two)]
    return max(abs(x - y)/max(abs(x), 1e-12) for x, y in pairs)


def line(row: dict) -> str:
    "`row` under HEAD"
    ours, peer = row['ours'], row.get('captum')
    numbers = [f"{ours[key]:{width}.{digits}f}  {f'{peer[key]:6.{digits}f}' if peer else '     –'}"
               for key, width, digits in (('seconds', 12, 1), ('cpu_seconds', 22, 1), ('peak_gib', 8, 2))]
    differs = f"{row['difference']:18.1e}" if peer else f"{'–':>18}"
    return f"{row['method']:9}  {'  '.join(numbers)}  {differs}  {row['load']:4}"


def main(args: argparse.Namespace):
    if not present('deconvnet', args.data, args.weights): return
    peer = args.peer_python
    if not peer.exists() or not has_captum(peer):
        print(f'captum cannot be imported by {peer}: the comparison is left out', file=sys.stderr)
        peer = None
    parts = split(args.data, seed=0)
    job = {'files': sorted(parts['train'] + parts['valid']), 'arch': 'squeezenet1_0', 'weights': str(args.weights),
           'size': 128, 'batch_size': 64, 'layer': args.layer, 'maps': list(range(0, 256, 16)), 'threads': args.threads}
    rows = []
    print(HEAD)
    for repeat in range(args.repeats):
        for method in 'deconvnet', 'guided':
            row = {'method': method, 'repeat': repeat, 'load': load()}
            sides = [('ours', sys.executable)] + ([('captum', peer)] if peer else [])
            for side, python in sides[::1 if repeat % 2 == 0 else -1]:
                row[side] = run(python, HERE/'run_looking.py', {**job, 'side': side, 'method': method})
            if peer: row['difference'] = difference(row['ours'], row['captum'])
            rows.append(row)
            print(line(row), flush=True)
    for row in rows:
        for side in ('ours', 'captum'):
            for key in ('answers', 'images', 'sizes'): row.get(side, {}).pop(key, None)  # compared; too long to keep
    slowest, largest = max(r['ours']['seconds'] for r in rows), max(r['ours']['peak_gib'] for r in rows)
    summary = {'seconds_mean': statistics.mean(r['ours']['seconds'] for r in rows), 'seconds_most': slowest,
               'gib_most': largest, 'within_bar': slowest <= BAR_SECONDS and largest <= BAR_GIB}
    ratios = [r['captum']['cpu_seconds']/r['ours']['cpu_seconds'] for r in rows if peer]
    if peer: summary['captum_to_ours'] = statistics.mean(ratios)  # processor seconds
    print(summary)
    about = {key: job[key] for key in job if key not in ('files', 'weights')} | {'photos': len(job['files'])}
    print(save('deconvnet', {'machine': machine(), 'job': about, 'bar': {'seconds': BAR_SECONDS, 'gib': BAR_GIB},
                             'summary': summary, 'rows': rows}))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, default=SHARED/'cats_dogs', help='a folder with one folder per class')
    parser.add_argument('--weights', type=Path, default=SHARED/'weights'/'squeezenet1_0.pth')
    parser.add_argument('--layer', default='7', help='of the body; 7 is features.7 of the whole network')
    parser.add_argument('--peer-python', type=Path, default=Path(sys.executable),
                        help='an interpreter whose environment has captum')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--threads', type=int, default=None, help="of torch; its own choice if not given")
    main(parser.parse_args())
