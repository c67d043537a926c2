"""Optimizations: the same fine-tuning with all of them on, and with one switched off at a time.

    python benchmarks/levers.py

Three epochs of the head, one of the whole network, from the files to the last validation, pictures squeezed to a square
(so that a frozen body's features can be kept). Every run is a process of its own; in each round all levers take turns,
and each is divided by the run with everything on of the same round. torch.compile, which is off by itself, is switched
on in one round only: it takes minutes.
"""
import sys

from common import arguments, in_turn, load, present, run, save, split, spread
from sides.levers import COMPILED

ALL_ON = 'nothing'
OFF = (ALL_ON, 'bfloat16', 'freed memory kept', 'pictures kept in memory', 'features of the frozen body kept',
       'decoding near the size needed', 'threads that decode', 'taking turns with the network', 'colors side by side',
       'one kernel for the optimizer')


def summary(rounds: list[dict]) -> dict:
    "For each lever the seconds and errors without it, and its time as a multiple of that with everything on"
    found = {}
    for off in dict.fromkeys(off for row in rounds for off in row):
        rows = [row for row in rounds if off in row]
        found[off] = {'seconds': spread([row[off]['seconds'] for row in rows]),
                      'error': 100*sum(row[off]['error'] for row in rows)/len(rows),
                      'ratio': spread([row[off]['seconds']/row[ALL_ON]['seconds'] for row in rows])}
    return found


def main() -> int:
    args = arguments(__doc__, rounds=(3, 1), photos=(700, 200))
    if not present('levers', args.data, args.weights): return 0
    rounds = []
    for seed in range(args.rounds):
        rounds.append({})
        with_compile = [COMPILED] if seed == 0 and not args.quick else []
        for off in [*in_turn(OFF, seed), *with_compile]:
            job = {'arch': 'squeezenet1_0', 'weights': str(args.weights.resolve()), 'size': 128, 'batch_size': 64,
                   'seed': seed, 'epochs': 1, 'frozen': 3, 'device': args.device, 'off': off,
                   **split(args.data, seed, limit=args.photos)}
            rounds[-1][off] = row = run(sys.executable, 'levers.ours', job) | {'load': load()}
            print(f"{seed:3d}  {row['seconds']:6.1f} s  error {100*row['error']:5.2f}%  without: {off}", flush=True)
    print(save('levers', args, {'photos': args.photos, 'summary': summary(rounds), 'rows': rounds}))
    return 0


if __name__ == '__main__': sys.exit(main())
