"""The six models of the capstone: is each fault told from the five others, whatever the seed?

    python benchmarks/detective.py [--seeds N]      # writes benchmarks/results/detective.json; goes on where it stopped

For each seed the six models are made anew, and every number is measured on every model. About 40 seconds of CPU a seed.
"""
import argparse, json, os, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT/'benchmarks'/'results'/'detective.json'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, default=6)
    seeds = range(parser.parse_args().seeds)
    sys.path.insert(0, str(ROOT))
    from fastlearn.course.detective import FAULTS, make_cases
    found = json.loads(RESULTS.read_text(encoding='utf-8')) if RESULTS.is_file() else {}
    for seed in map(str, seeds):
        if seed in found: continue
        evidence = make_cases(int(seed)).evidence()
        found[seed] = {model: {fault: round(value, 4) for fault, value in numbers.items()}
                       for model, numbers in evidence.numbers.items()}
        unfinished = RESULTS.with_suffix('.tmp')
        unfinished.write_text(json.dumps(found, indent=1) + '\n', encoding='utf-8')
        os.replace(unfinished, RESULTS)
        print(f'seed {seed}', {fault: round(evidence.margin(fault), 3) for fault in FAULTS}, flush=True)


if __name__ == '__main__': main()
