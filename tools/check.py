"""Everything that `make test` checks: python tools/check.py [lint] [types] [step] [notebooks] [docs] [tests]

`make check` is python tools/check.py quick: lint, types and step, and the tests of what changed, in under two minutes.
`make test-long` is python tools/check.py long: properties, damaged files and kills in large numbers.
"""
import os, subprocess, sys, time
from pathlib import Path

from browser import provide_browser

ROOT = Path(__file__).resolve().parent.parent
STEPS = {  # in this order; each is one command
    'lint': ['-m', 'ruff', 'check', '--output-format', 'concise', '.'],
    'types': ['tools/check_types.py'],
    'step': ['tools/in_step.py'],
    'notebooks': ['tools/run_notebooks.py'],
    'docs': ['tools/docs.py', '--executed'],
    'tests': ['-m', 'pytest'],  # last: its closing line says how many tests passed
    'changed': ['tools/changed.py'],  # this and the next only when named
    'long': ['-m', 'pytest', '-m', 'long or counted'],
}
ONLY_NAMED = 'changed', 'long'
QUICK = 'lint', 'step', 'changed'  # and types beside them
COUNTS = {'FASTLEARN_EXAMPLES': '1000', 'FASTLEARN_FUZZ': '20000', 'FASTLEARN_KILLS': '100'}  # of the long step


def browser() -> dict[str, str]:
    "What the tests of the dashboard use; without one they are skipped, and say so"
    return {'FASTLEARN_BROWSER': str(provide_browser() or 'none')}


def settings(name: str) -> dict[str, str]:
    "What a step finds in its environment, unless it is there already"
    # the tests are small: one thread is as fast as several, and does not stall where other programs are running
    one = {'OMP_NUM_THREADS': '1'}
    if name == 'long': return one | COUNTS
    return one | browser() if name == 'tests' else {}


def summarise(environment: dict[str, str]) -> None:
    "The counts of the long step, in words"
    print(f'properties: up to {int(environment["FASTLEARN_EXAMPLES"]):,} examples each')
    for kind in 'fuzz', 'kills':
        file = ROOT/'_build'/kind/'summary.txt'
        print(f'{kind}: {file.read_text(encoding="utf-8").strip() if file.exists() else "no result"}')


def quick(environment: dict[str, str]) -> list[str]:
    "The steps of `make check` that did not pass; the types are looked at on another core meanwhile"
    start = time.perf_counter()
    types = subprocess.Popen([sys.executable, *STEPS['types']], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                             encoding='utf-8', env=environment)
    failed = []
    for name in QUICK:
        print(f'\n$ python {" ".join(STEPS[name])}', flush=True)
        if subprocess.run([sys.executable, *STEPS[name]], cwd=ROOT, env=environment).returncode: failed.append(name)
    print(f'\n$ python {" ".join(STEPS["types"])}\n{types.communicate()[0]}', flush=True)
    if types.returncode: failed.append('types')
    print(f'[{time.perf_counter() - start:.0f} s]')
    return failed


def main(names: list[str]) -> int:
    known = [*STEPS, 'quick']
    if unknown := set(names) - set(known): raise SystemExit(f'no step {sorted(unknown)}; there are {known}')
    environment = {'FASTLEARN_DASHBOARD': 'off', 'FASTLEARN_HOME': str(ROOT/'_build'/'home')} | os.environ
    failed = []
    for name in names or [name for name in STEPS if name not in ONLY_NAMED]:
        if name == 'quick': failed += quick({'OMP_NUM_THREADS': '1'} | environment); continue
        print(f'\n$ python {" ".join(STEPS[name])}', flush=True)
        start = time.perf_counter()
        done = subprocess.run([sys.executable, *STEPS[name]], cwd=ROOT, env=settings(name) | environment)
        if done.returncode: failed.append(name)
        if name == 'long': summarise(settings(name) | environment)
        if name != 'tests': print(f'[{name}: {time.perf_counter() - start:.0f} s]', flush=True)
    if failed: print('Not passed:', ', '.join(failed))
    return bool(failed)


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
