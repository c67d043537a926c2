"""Interpretation: how long do the nine strongest patches and projections of 16 maps take, over all photos?

    python benchmarks/deconvnet.py                               # makes captum's environment first, if there is none
    python benchmarks/deconvnet.py --captum-python ~/captum-venv/bin/python --repeats 3

The job: one middle layer of a SqueezeNet, 16 maps, nine photos each, from the files on disk to patches and projections.
It is compared with captum, which projects one image at a time. Each run has its own process, and the two alternate.
captum has its own environment, with the same torch.
"""
import sys

import peers
from common import arguments, in_turn, judge, load, present, run, save, split, spread

BAR_SECONDS, BAR_GIB = 25., 1.5           # on two quiet cores
HEAD = 'method     seconds ours  captum  CPU seconds ours  captum  GiB ours  captum  largest difference  load'


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


def summary(rows: list[dict]) -> dict:
    "For each method and side its spreads, the ratio of processor seconds, and the largest difference of the numbers"
    found = {}
    for method in dict.fromkeys(row['method'] for row in rows):
        runs = [row for row in rows if row['method'] == method]
        found[method] = {side: {key: spread([row[side][key] for row in runs])
                                for key in ('seconds', 'cpu_seconds', 'peak_gib')}
                         for side in ('ours', 'captum') if side in runs[0]}
        if 'captum' in runs[0]: found[method] |= {
            'ours_to_captum': spread([row['ours']['cpu_seconds']/row['captum']['cpu_seconds'] for row in runs]),
            'difference': max(row['difference'] for row in runs)}
    return found


def main() -> int:
    args = arguments(__doc__, repeats=(5, 1), photos=(0, 300), layer=('7', '7'),
                     methods=('deconvnet', 'deconvnet'))  # 'deconvnet guided' for both
    if not present('deconvnet', args.data, args.weights): return 0
    captum = peers.find('captum', args)
    sides = {'ours': sys.executable} | ({'captum': captum} if captum else {})
    job = {'files': sorted(split(args.data, seed=0, valid_pct=0, limit=args.photos)['train']), 'arch': 'squeezenet1_0',
           'weights': str(args.weights.resolve()), 'size': 128, 'batch_size': 64, 'layer': args.layer,
           'maps': list(range(0, 256, 16))}
    rows = []
    print(HEAD)
    for repeat in range(args.repeats):
        for method in args.methods.split():
            rows.append(row := {'method': method, 'repeat': repeat, 'load': load()})
            for side in in_turn(list(sides), repeat):
                row[side] = run(sides[side], f'looking.{side}', job | {'method': method})
            if captum: row['difference'] = difference(row['ours'], row['captum'])
            for side in sides:
                for key in ('answers', 'images', 'sizes'): row[side].pop(key)  # compared; too long to keep
            print(line(row), flush=True)
    found = summary(rows)
    slowest, largest = (max(row['ours'][key] for row in rows) for key in ('seconds', 'peak_gib'))
    targets = [judge('looking inside: seconds of the slowest run', slowest, BAR_SECONDS, 's'),
               judge('looking inside: peak memory', largest or 0, BAR_GIB, 'GiB')]
    about = {key: job[key] for key in job if key not in ('files', 'weights')} | {'photos': len(job['files'])}
    print(save('deconvnet', args, {'job': about, 'summary': found, 'targets': targets, 'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
