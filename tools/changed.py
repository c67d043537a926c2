"""The tests and notebooks of what changed, for as long as there is time: python tools/changed.py [--seconds N] [--list]

What changed is what differs from the branch `main`, or, on main itself, from the last commit; files that git does not
know yet count as well. A module's own tests come first (tests/data/test_images*.py of data.images), then those that
import it, then the changed notebooks. What there was no time for is named. Browser tests are left to `make test`.
"""
import argparse, ast, json, os, subprocess, sys, time
from pathlib import Path

from house import imported, module_files, rooms, ROOT

SECONDS = 75
UNKNOWN = 25  # seconds that a notebook may take which has never run
SLOW = 'test_fuzz.py', 'test_kills.py'
RULES = ('tests/test_structure.py',)  # of the project as a whole
ALSO = {'tools/': RULES, 'docs/': ('tests/site/test_docs.py',), 'benchmarks/': ('tests/test_benchmarks.py',),
        'README.md': RULES, 'CONTRIBUTING.md': RULES, 'settings.ini': RULES, 'pyproject.toml': RULES,
        'nbs/lessons/': ('tests/course/test_path.py',), 'nbs/': RULES}


def git(*words: str) -> list[str]:
    done = subprocess.run(['git', *words], cwd=ROOT, capture_output=True, text=True, encoding='utf-8')
    return done.stdout.split('\n')[:-1] if not done.returncode else []


def changed_files() -> list[str]:
    "Paths from the root of the project"
    here = git('rev-parse', 'HEAD')
    for branch in 'origin/main', 'main':
        if (base := git('merge-base', 'HEAD', branch)) and base != here: break
    else: base = ['HEAD'] if git('status', '--porcelain') else ['HEAD~1']
    found = [*git('diff', '--name-only', base[0]), *git('ls-files', '--others', '--exclude-standard')]
    return [path for path in dict.fromkeys(found) if (ROOT/path).exists()]


def changed_modules(files: list[str]) -> list[str]:
    "Of changed modules and of changed notebooks"
    by_notebook = {f'nbs/{room.notebook}.ipynb': room.module for room in rooms() if room.notebook}
    by_file = {path.relative_to(ROOT).as_posix(): module for module, path in module_files().items()}
    return list(dict.fromkeys(module for path in files if (module := by_notebook.get(path) or by_file.get(path))))


def imported_by_test(path: Path, known: set[str]) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding='utf-8')))
    return {module for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))
            for module in imported(node, 'tests.x', known)}


def nearest_tests(files: list[str]) -> list[str]:
    "Test files, the nearest first"
    known, modules = set(module_files()), changed_modules(files)
    every = [path for path in sorted((ROOT/'tests').rglob('test_*.py')) if path.name not in SLOW]
    names = {path: path.relative_to(ROOT).as_posix() for path in every}
    own = {module.rpartition('.')[2] for module in modules}
    nearest = [names[path] for path in every if path.stem.removeprefix('test_') in own]
    nearest += [name for name in names.values() if name in files and name not in nearest]
    near = [names[path] for path in every if imported_by_test(path, known) & set(modules)]
    rules = [test for path in files for start, tests in ALSO.items() if path.startswith(start) for test in tests]
    return list(dict.fromkeys([*nearest, *rules, *near]))


# --- as a plugin of pytest: what comes after the time is skipped ---

def pytest_addoption(parser) -> None:
    parser.addoption('--seconds', type=float, help='after the first test, in which further ones may begin')


def pytest_runtest_setup(item) -> None:
    import pytest
    config = item.config
    if not hasattr(config, 'first_test'): config.first_test = time.monotonic()
    if time.monotonic() > config.first_test + config.getoption('--seconds'):
        pytest.skip('no time left; make test runs it')


# --- the command ---

def run_tests(tests: list[str], seconds: float) -> bool:
    options = ['-q', '-p', 'no:randomly', '-p', 'changed', f'--seconds={seconds}']
    command = [sys.executable, '-m', 'pytest', *options, *tests]
    settings = {'FASTLEARN_BROWSER': 'none', 'PYTHONPATH': os.pathsep.join([str(ROOT/'tools'), str(ROOT)])}
    return not subprocess.run(command, cwd=ROOT, env=os.environ | settings).returncode


def run_changed_notebooks(files: list[str], until: float) -> bool:
    "Those that fit into the time that is left"
    record = ROOT/'_build'/'notebooks'/'record.json'
    known = json.loads(record.read_text()) if record.exists() else {}
    chosen, left = [], []
    for path in (path for path in files if path.startswith('nbs/') and path.endswith('.ipynb')):
        seconds = known.get(path.removeprefix('nbs/'), {}).get('wall', UNKNOWN)
        taken = sum(seconds for _, seconds in chosen)
        if time.time() + taken + seconds < until: chosen.append((path, seconds))
        else: left.append(path)
    if left: print(f'no time left for {len(left)} notebooks: {", ".join(left[:6])}{" ..." if len(left) > 6 else ""}')
    paths = [path for path, _ in chosen]
    return not paths or not subprocess.run([sys.executable, 'tools/run_notebooks.py', *paths], cwd=ROOT).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=SECONDS)
    parser.add_argument('--list', action='store_true', help='only say what would run')
    args = parser.parse_args()
    until, files = time.time() + args.seconds, changed_files()
    tests = nearest_tests(files)
    print(f'{len(files)} changed files, {len(tests)} test files: {" ".join(tests)}', flush=True)
    if args.list: return 0
    passed = not tests or run_tests(tests, .7*args.seconds)
    return not (run_changed_notebooks(files, until) and passed)


if __name__ == '__main__': sys.exit(main())
