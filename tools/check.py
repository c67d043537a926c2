"""Everything that `make test` checks, on any system: python tools/check.py [lint] [step] [notebooks] [docs] [tests]"""
import os, subprocess, sys, time
from pathlib import Path

from browser import provide_browser

ROOT = Path(__file__).resolve().parent.parent
STEPS = {  # in this order; each is one command
    'lint': ['-m', 'ruff', 'check', '--output-format', 'concise', '.'],
    'step': ['tools/in_step.py'],
    'notebooks': ['tools/run_notebooks.py'],
    'docs': ['tools/docs.py', '--executed'],
    'tests': ['-m', 'pytest'],  # last: its closing line says how many tests passed
}


def browser() -> dict[str, str]:
    "What the tests of the dashboard use; without one they are skipped, and say so"
    return {'FASTLEARN_BROWSER': str(provide_browser() or 'none')}


def main(names: list[str]) -> int:
    if unknown := set(names) - STEPS.keys(): raise SystemExit(f'no step {sorted(unknown)}; there are {list(STEPS)}')
    environment = {'FASTLEARN_DASHBOARD': 'off', 'FASTLEARN_HOME': str(ROOT/'_build'/'home')} | os.environ
    failed = []
    for name in names or STEPS:
        print(f'\n$ python {" ".join(STEPS[name])}', flush=True)
        start = time.perf_counter()
        # the tests are small: one thread is as fast as several, and does not stall where other programs are running
        extra = {'OMP_NUM_THREADS': '1'} | browser() if name == 'tests' else {}
        done = subprocess.run([sys.executable, *STEPS[name]], cwd=ROOT, env=extra | environment)
        if done.returncode: failed.append(name)
        if name != 'tests': print(f'[{name}: {time.perf_counter() - start:.0f} s]', flush=True)
    if failed: print('Not passed:', ', '.join(failed))
    return bool(failed)


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
