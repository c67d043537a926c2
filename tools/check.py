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
    # last: its closing line says how many tests passed. A file stays in one process, which makes its fixtures once
    'tests': ['-m', 'pytest', '-n', str(min(4, os.cpu_count() or 1)), '--dist', 'loadfile', '--no-loadscope-reorder'],
    'changed': ['tools/changed.py'],  # this and the next only when named
    'long': ['-m', 'pytest', '-m', 'long or counted'],
}
ONLY_NAMED = 'changed', 'long'
QUICK = 'lint', 'types', 'step', 'changed'
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


def summarize(environment: dict[str, str]) -> None:
    "The counts of the long step, in words"
    print(f'properties: up to {int(environment["FASTLEARN_EXAMPLES"]):,} examples each')
    for kind in 'fuzz', 'kills':
        file = ROOT/'_build'/kind/'summary.txt'
        print(f'{kind}: {file.read_text(encoding="utf-8").strip() if file.exists() else "no result"}')


class Beside:
    "The types, looked at while other steps run: the checker uses one core and takes a minute"
    def __init__(self, environment: dict[str, str]):
        self.process = subprocess.Popen([sys.executable, *STEPS['types']], cwd=ROOT, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, encoding='utf-8', env=environment)

    def result(self) -> bool:
        "Print what it said; whether it passed"
        said, _ = self.process.communicate()
        print(f'\n$ python {" ".join(STEPS["types"])}\n{said}', flush=True)
        return not self.process.returncode


def step(name: str, environment: dict[str, str]) -> bool:
    "Run one step; whether it passed"
    print(f'\n$ python {" ".join(STEPS[name])}', flush=True)
    start = time.perf_counter()
    passed = not subprocess.run([sys.executable, *STEPS[name]], cwd=ROOT, env=settings(name) | environment).returncode
    if name == 'long': summarize(settings(name) | environment)
    if name != 'tests': print(f'[{name}: {time.perf_counter() - start:.0f} s]', flush=True)
    return passed


def main(names: list[str]) -> int:
    known = [*STEPS, 'quick']
    if unknown := set(names) - set(known): raise SystemExit(f'no step {sorted(unknown)}; there are {known}')
    environment = {'FASTLEARN_DASHBOARD': 'off', 'FASTLEARN_HOME': str(ROOT/'_build'/'home')} | os.environ
    start, quick = time.perf_counter(), 'quick' in names
    names = list(QUICK) if quick else names or [name for name in STEPS if name not in ONLY_NAMED]
    if quick: environment = {'OMP_NUM_THREADS': '1'} | environment
    beside = Beside(environment) if 'types' in names and len(names) > 1 else None
    alone = [name for name in names if not (beside and name == 'types')]
    # its result comes before the tests, whose closing line is to be the last one
    passed = {name: step(name, environment) for name in alone if name != 'tests'}
    types = beside is None or beside.result()
    if 'tests' in alone: passed['tests'] = step('tests', environment)
    failed = [*(name for name in alone if not passed[name]), *([] if types else ['types'])]
    if quick: print(f'[{time.perf_counter() - start:.0f} s]')
    if failed: print('Not passed:', ', '.join(failed))
    return bool(failed)


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
