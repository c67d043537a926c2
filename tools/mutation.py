"""Mutation testing: python tools/mutation.py [--sample 300] [--seed 0] [--modules a]

A mutant is a module with one small change: `<` became `<=`, an argument None, a call left out. mutmut makes them; a
random sample, the same for a seed, is tried one by one. A mutant is killed if a test fails that runs the changed line.
What survives is listed with its reason in tests/mutants.toml; the exit status is 1 if one is not, or if less than 95 %
of those that are not equivalent are killed.

Everything happens in a copy of the package, in _build/mutation. What was found is kept there: a run that was cut off
goes on, one after new tests tries the survivors again, and --fresh begins anew. The first run installs mutmut there.
"""
import argparse, hashlib, json, os, shutil, signal, subprocess, sys, time, tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT/'_build'/'mutation'
TREE, TOOLS, RESULTS, RECORD = HOME/'tree', HOME/'tools', HOME/'results.jsonl', HOME/'covering.json'
LISTED = ROOT/'tests'/'mutants.toml'

# chapters, each followed by the library modules that hold the rest of its subject
MODULES = ('training step_safety observers trainer session learner optimizer schedule head body losses loss_checks '
           'metrics classification_metrics metric_names history history_records history_file early_stopping '
           'data/dataset data/image_files data/splits data/item_transform data/dataloader data/prefetch data/shards '
           'data/loader_config data/augment data/geometry data/labels data/label_checks data/tables').split()
# tests in the same process: no browser, no other programs; those of other modules only run these on the way
TESTS = ('training/effects training/training training/learner training/optimizer training/schedule training/head '
         'training/body training/losses training/metrics training/history training/early_stopping training/levers '
         'data/augment data/random_epochs data/dataloaders data/shards data/images faults/properties').split()
PRELOAD = ('fastlearn.all torch._dynamo matplotlib.pyplot pytest hypothesis pandas sklearn.metrics fastcore.all '
           'tqdm.auto').split()           # what tests import, once instead of for each mutant
NEEDED = ['mutmut==3.8.1', 'libcst==1.9.0', 'coverage==7.17.5', 'pyyaml']
# arguments that change how a figure looks, or to which line a warning points: for eyes, not for tests
COSMETIC = 'color alpha lw ms fontsize figsize layout loc ncols height_ratios textcoords xycoords stacklevel'.split()
LONGEST = 10      # CPU seconds; tests that take longer are left out
ENOUGH = 90       # seconds of tests for one mutant, the nearest and fastest first
EXPECTED = .95    # share of the mutants to be killed


def provide() -> None:
    "The tools, in a folder of their own: neither the package nor its tests need them"
    if not (TOOLS/'mutmut').is_dir():
        subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', TOOLS, *NEEDED],
                       check=True)
    sys.path.append(str(TOOLS))


# --- mutants

@dataclass(frozen=True)
class Mutant:
    "One changed module; what names it are texts, which stay when lines are added above"
    module: str
    function: str                     # 'Class.method', or '' at the top of the module
    line: str                         # the changed lines
    becomes: str
    number: int                       # 0, or which one where a function has the same line several times
    first: int = field(compare=False)  # lines of the changed expression or statement
    last: int = field(compare=False)
    body: tuple[int, int] = field(compare=False)  # lines of the function; of the module, if it is in none
    source: str = field(compare=False, repr=False)

    @cached_property
    def key(self) -> str: return json.dumps([self.module, self.function, self.line, self.becomes, self.number])


def changed_lines(old: list[str], new: list[str]) -> tuple[str, str]:
    "What differs, in words that do not name a line number"
    old, new = ([line.strip() for line in lines] for lines in (old, new))
    while old and new and old[0] == new[0]: old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]: old, new = old[:-1], new[:-1]
    return '\n'.join(old), '\n'.join(new)


def mutants_of(module: str, source: str) -> list[Mutant]:
    "All mutants of one module, without those of annotations, decorators, imports, docstrings and texts of errors"
    import libcst as cst
    from libcst import matchers as m
    from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
    from mutmut.mutation.mutators import mutation_operators

    def leave_out(node):              # mutmut has no operator for these two
        if m.matches(node, m.Expr(m.Call())): yield cst.Expr(cst.Name('None'))
    def negated(test):
        return cst.UnaryOperation(cst.Not(), test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))
    operators = [*mutation_operators, (cst.Expr, leave_out)]
    skipped = (m.Annotation() | m.Decorator() | m.Import() | m.ImportFrom() | m.Expr(m.SimpleString())
               | m.Expr(m.ConcatenatedString()) | m.Assign([m.AssignTarget(m.Name('__all__'))]))
    in_message = m.Raise() | m.Call(m.Attribute(m.Name('warnings'), m.Name('warn')))
    cosmetic = m.Arg(keyword=m.Name(value=m.MatchIfTrue(COSMETIC.__contains__)))
    harmless = m.Call(m.Name('len') | m.Name('isinstance'))  # with None for an argument they can only fail

    wrapper = MetadataWrapper(cst.parse_module(source))
    positions, spans = wrapper.resolve(PositionProvider), wrapper.resolve(WhitespaceInclusivePositionProvider)
    rows, starts = source.splitlines(), [0]
    for row in source.splitlines(keepends=True): starts.append(starts[-1] + len(row))
    found, names, lines, messages = {}, [], [], []
    def is_cosmetic(node, changed):
        if not isinstance(node, cst.Call) or not isinstance(changed, cst.Call): return False
        return any(m.matches(arg, cosmetic) for arg in node.args if not any(arg is other for other in changed.args))
    class Finder(cst.CSTVisitor):
        def on_visit(self, node):
            if m.matches(node, skipped | cosmetic): return False
            if isinstance(node, cst.FunctionDef | cst.ClassDef):
                names.append(node.name.value)
                lines.append((positions[node].start.line, positions[node].end.line))
            if m.matches(node, in_message): messages.append(node)
            if isinstance(node, cst.If): self.add(node.test, negated(node.test))
            if messages and isinstance(node, cst.BaseString): return not isinstance(node, cst.SimpleString)
            for kind, operator in operators:
                if isinstance(node, kind) and not m.matches(node, harmless):
                    for changed in operator(node):
                        if not is_cosmetic(node, changed): self.add(node, changed)
            return True

        def on_leave(self, node):
            if messages and messages[-1] is node: messages.pop()
            if isinstance(node, cst.FunctionDef | cst.ClassDef) and not m.matches(node, skipped):
                names.pop(); lines.pop()

        def add(self, node, changed):
            start, end = (starts[place.line - 1] + place.column for place in (spans[node].start, spans[node].end))
            new = source[:start] + wrapper.module.code_for_node(changed) + source[end:]
            first, last, place = positions[node].start.line, positions[node].end.line, '.'.join(names)
            new_rows = new.splitlines()
            old_text, new_text = changed_lines(rows[first-1:last], new_rows[first-1:len(new_rows) - len(rows) + last])
            if new in found or not old_text: return
            number = sum((one.function, one.line, one.becomes) == (place, old_text, new_text) for one in found.values())
            found[new] = Mutant(module, place, old_text, new_text, number, first, last,
                                lines[-1] if lines else (1, len(rows)), new)
    wrapper.module.visit(Finder())
    return list(found.values())


def sample(mutants: list[Mutant], n: int, seed: int) -> list[Mutant]:
    "The first `n` in an order of the seed and the mutants alone, so that a larger sample holds a smaller one"
    return sorted(mutants, key=lambda mutant: hashlib.sha256(f'{seed} {mutant.key}'.encode()).digest())[:n]


# --- tests, in processes forked from this one, which has imported all but the package

def forked(task, timeout: float) -> tuple[str, object]:
    "'done' and what `task` returns, from a process of its own; or 'timeout', or 'crashed'"
    answer = HOME/'answer.json'
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with open(HOME/'output.txt', 'w') as out: os.dup2(out.fileno(), 1); os.dup2(out.fileno(), 2)
        try: answer.write_text(json.dumps(task()), encoding='utf-8')
        except BaseException as error: print(repr(error), flush=True)
        os._exit(0)
    end, done = time.monotonic() + timeout, 0
    try:
        while not done and time.monotonic() < end:
            time.sleep(.02)
            done, _ = os.waitpid(pid, os.WNOHANG)
    finally:
        try: os.killpg(pid, signal.SIGKILL)  # it, if it is still there, and what it left behind
        except ProcessLookupError: pass
    if not done:
        os.waitpid(pid, 0)
        return 'timeout', None
    return ('done', json.loads(answer.read_text(encoding='utf-8'))) if answer.exists() else ('crashed', None)


def preload() -> None:
    "Import what the tests will need, then forget the package, so that each process imports it as it finds it"
    sys.path.insert(0, str(TREE))
    for name in PRELOAD:
        try: __import__(name)
        except ImportError: pass
    for name in [name for name in sys.modules if name.split('.')[0] == 'fastlearn']: del sys.modules[name]


def run_pytest(arguments: list[str], *plugins) -> int:
    import pytest
    sys.path.insert(0, str(TREE/'tests'))
    return int(pytest.main(['-q', '-p', 'no:randomly', '-p', 'no:cacheprovider', *arguments], plugins=list(plugins)))


class Recorder:
    "A plugin that notes which lines each test runs, with those of its fixtures, and how long it takes"
    def __init__(self, coverage):
        self.coverage, self.stack, self.seconds, self.fixtures, self.failed = coverage, [], {}, {}, []

    def enter(self, name): self.stack.append(name); self.coverage.switch_context(name)
    def leave(self): self.stack.pop(); self.coverage.switch_context(self.stack[-1] if self.stack else '')

    import pytest
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.enter(item.nodeid)
        self.fixtures[item.nodeid], start = list(item.fixturenames), time.process_time()
        try: return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - start
            self.leave()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        if fixturedef.scope == 'function': return (yield)
        self.enter(f'{fixturedef.argname} of {fixturedef.baseid}')  # it works for other tests too
        try: return (yield)
        finally: self.leave()

    def pytest_runtest_logreport(self, report):
        if report.failed: self.failed.append(report.nodeid)


def record(file: str) -> dict:
    "Run the tests of one file: {'lines': {module: {line: tests}}, 'seconds': {test: seconds}, 'failed': tests}"
    from coverage import Coverage
    coverage = Coverage(data_file=str(HOME/'coverage'), source=[str(TREE/'fastlearn')], config_file=False)
    recorder = Recorder(coverage)
    coverage.start()
    run_pytest([file], recorder)
    coverage.stop()
    users = defaultdict(set)
    for test, names in recorder.fixtures.items():
        for name in names:
            users[f'{name} of '] |= {test}
    usable = {test for test, seconds in recorder.seconds.items() if seconds <= LONGEST} - set(recorder.failed)
    def tests(contexts):
        for context in contexts:
            if context in usable: yield context
            elif ' of ' in context:
                name, _, base = context.partition(' of ')
                yield from (test for test in users[f'{name} of '] & usable if test.startswith(base))
    data, lines = coverage.get_data(), {}
    for module in MODULES:
        by_line = data.contexts_by_lineno(str(TREE/'fastlearn'/f'{module}.py'))
        lines[module] = {line: sorted(set(tests(contexts))) for line, contexts in by_line.items()}
    return {'lines': lines, 'seconds': recorder.seconds, 'failed': recorder.failed}


def covering() -> dict:
    "What `record` found in all files, anew for those that have changed, or for all if the package has"
    def state(files): return hashlib.sha256(b''.join(file.read_bytes() for file in sorted(files))).hexdigest()
    shared = [*(TREE/'fastlearn').rglob('*.py'), *(TREE/'tests'/'support').rglob('*.py'), TREE/'tests'/'conftest.py']
    before, known = json.loads(RECORD.read_text(encoding='utf-8')) if RECORD.exists() else {}, {}
    for folder, name in (test.split('/') for test in TESTS):
        file = f'tests/{folder}/test_{name}.py'
        now, known[file] = state([TREE/file]) + state(shared), before.get(file, {})
        if known[file].get('state') == now: continue
        print(f'running {file}, to see which lines each of its tests runs', flush=True)
        how, known[file] = forked(partial(record, file), 3600)
        if how != 'done': raise SystemExit(f'{file} did not run through ({how}); see {HOME/"output.txt"}')
        known[file]['state'] = now
        for test in known[file]['failed']: print('left out, as it fails without any change:', test)
        RECORD.write_text(json.dumps(before | known), encoding='utf-8')
    lines, seconds = {module: defaultdict(list) for module in MODULES}, {}
    for found in known.values():
        usable = found['seconds'].keys() - found['failed']
        seconds |= {test: found['seconds'][test] for test in usable if found['seconds'][test] <= LONGEST}
        for module, by_line in found['lines'].items():
            for line, tests in by_line.items(): lines[module][line] += tests
    return {'lines': lines, 'seconds': seconds}


def tests_for(mutant: Mutant, known: dict) -> list[str]:
    "The tests that run the changed lines; if these run at import alone, those of the module, by its name or its lines"
    lines, seconds, spent, chosen = known['lines'][mutant.module], known['seconds'], 0, []
    module = mutant.module.split('/')[-1]
    def near(test):
        name = Path(test.split('::')[0]).stem.removeprefix('test_')
        return name in (*module.split('_'), module, f'{module}s', 'effects', 'random_epochs')
    def of(first, last): return {test for line in range(first, last + 1) for test in lines.get(str(line), ())}
    tests = of(mutant.first, mutant.last)
    if not tests and str(mutant.first) in lines: tests = of(1, 10**5) | set(filter(near, seconds))
    for test in sorted(tests, key=lambda test: (not near(test), seconds[test])):
        spent += seconds[test]
        if spent > ENOUGH: break
        chosen.append(test)
    files = {test.split('::')[0]: None for test in chosen}
    return sorted(chosen, key=lambda test: list(files).index(test.split('::')[0]))  # fixtures of a file are made once


def attempt(mutant: Mutant, known: dict) -> dict:
    "What becomes of one mutant: killed, timeout, survived, uncovered, or broken if it cannot even be imported"
    tests = tests_for(mutant, known)
    if not tests: return {'result': 'uncovered', 'tests': 0}
    class First:
        failed = None
        def pytest_runtest_logreport(self, report):
            if report.failed: self.failed = self.failed or report.nodeid
        def pytest_collectreport(self, report):
            if report.failed: self.failed = self.failed or report.nodeid
    def task():
        try: import fastlearn.all  # noqa: F401
        except BaseException as error: return ['broken', repr(error)[:200]]
        first = First()
        status = run_pytest(['-x', *tests], first)
        return ['killed' if first.failed else 'survived' if status == 0 else f'status {status}', first.failed]
    path = TREE/'fastlearn'/f'{mutant.module}.py'
    before = path.read_text(encoding='utf-8')
    path.write_text(mutant.source, encoding='utf-8')
    try: how, answer = forked(task, 60 + 10*sum(known['seconds'][test] for test in tests))
    finally: path.write_text(before, encoding='utf-8')
    result, by = answer if how == 'done' else (how, None)
    return {'result': 'killed' if result == 'crashed' else result, 'by': by, 'tests': len(tests)}


# --- what was found

def listed() -> dict[str, dict]:
    "The mutants of tests/mutants.toml, by key"
    if not LISTED.exists(): return {}
    entries = tomllib.loads(LISTED.read_text(encoding='utf-8')).get('mutant', [])
    for entry in entries:
        if entry.get('kind') not in ('equivalent', 'accepted') or not entry.get('reason'):
            raise SystemExit(f"{LISTED.name}: expected kind = 'equivalent' or 'accepted', and a reason: {entry}")
    names = 'module', 'function', 'line', 'becomes', 'number'
    return {json.dumps([({'number': 0} | entry)[name] for name in names]): entry for entry in entries}


def as_toml(mutant: Mutant) -> str:
    "An entry for tests/mutants.toml, but for its reason"
    def text(value): return json.dumps(value, ensure_ascii=False)
    number = f'number = {mutant.number}\n' if mutant.number else ''
    return (f'[[mutant]]\nmodule = {text(mutant.module)}\nfunction = {text(mutant.function)}\n'
            f'line = {text(mutant.line)}\nbecomes = {text(mutant.becomes)}\n{number}'
            "kind = 'equivalent'\nreason = ''\n")


def report(mutants: list[Mutant], results: dict[str, dict], known: dict[str, dict]) -> int:
    "Print the counts and what survived; 1 if it is too much, or not listed"
    counts, open_ones = defaultdict(Counter), []
    for mutant in mutants:
        if mutant.key not in results: continue
        result = results[mutant.key]['result']
        dead, entry = result in ('killed', 'timeout'), known.get(mutant.key)
        if not dead and result != 'broken' and entry is not None: result = entry['kind']
        elif not dead and result != 'broken': open_ones.append((mutant, result))
        counts[mutant.module][result] += 1
    kinds = ['killed', 'timeout', 'accepted', 'equivalent', 'broken']
    rows = [['module', *kinds, 'open']]
    for module, count in sorted(counts.items()):
        numbers = [count[kind] for kind in kinds]
        rows.append([module, *map(str, numbers), str(count.total() - sum(numbers))])
    for row in rows: print(row[0].ljust(16), *(cell.rjust(11) for cell in row[1:]))
    total = sum(counts.values(), Counter())
    dead, all_of_them = total['killed'] + total['timeout'], sum(total.values()) - total['equivalent'] - total['broken']
    share = dead/all_of_them if all_of_them else 1.
    text = ''.join(f'# {result}, line {mutant.first}\n{as_toml(mutant)}\n' for mutant, result in open_ones)
    (HOME/'survivors.toml').write_text(text, encoding='utf-8')
    print(f'{dead} of {all_of_them} mutants are killed, {share:.1%}; {total["equivalent"]} more change nothing, '
          f'{total["broken"]} cannot be imported')
    if open_ones: print(f'{len(open_ones)} survived and are not in tests/{LISTED.name}: see {HOME/"survivors.toml"}')
    return int(bool(open_ones) or share < EXPECTED)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sample', type=int, default=300)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--modules', nargs='*', default=MODULES)
    parser.add_argument('--fresh', action='store_true', help='forget what earlier runs found')
    chosen = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no test is left running
    provide()
    if chosen.fresh: RESULTS.unlink(missing_ok=True)
    shutil.rmtree(TREE, ignore_errors=True)
    shutil.copytree(ROOT, TREE, ignore=shutil.ignore_patterns('_build', '__pycache__', '.*', 'build', 'dist', 'nbs'))
    every = [mutant for module in MODULES
             for mutant in mutants_of(module, (TREE/'fastlearn'/f'{module}.py').read_text(encoding='utf-8'))]
    keys, entries = {mutant.key for mutant in every}, listed()
    for key in entries.keys() - keys: print(f'tests/{LISTED.name} lists what is no longer a mutant: {key}')
    mutants = sample([mutant for mutant in every if mutant.module in chosen.modules], chosen.sample, chosen.seed)
    os.environ |= {'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONPATH': str(TREE), 'OMP_NUM_THREADS': '1', 'MPLBACKEND': 'Agg',
                   'FASTLEARN_DASHBOARD': 'off', 'FASTLEARN_BROWSER': 'none',
                   'FASTLEARN_HOME': os.environ.get('FASTLEARN_HOME', str(ROOT/'_build'/'home'))}
    sys.dont_write_bytecode = True        # a mutant of the same size and second would be taken for the one before
    os.chdir(TREE)
    preload()
    known = covering()
    print(f'{len(mutants)} of {len(every)} mutants', flush=True)
    lines = RESULTS.read_text(encoding='utf-8').splitlines() if RESULTS.exists() else []
    results = {line['key']: line for line in map(json.loads, lines)}
    for number, mutant in enumerate(mutants, 1):
        if results.get(mutant.key, {}).get('result') in ('killed', 'timeout', 'broken'): continue
        if mutant.key in entries: results[mutant.key] = {'result': 'survived'}; continue
        start = time.perf_counter()
        results[mutant.key] = attempt(mutant, known) | {'key': mutant.key}
        with RESULTS.open('a', encoding='utf-8') as file: file.write(json.dumps(results[mutant.key]) + '\n')
        print(f'{number:4} {results[mutant.key]["result"]:9} {time.perf_counter() - start:5.1f} s  {mutant.module} '
              f'{mutant.first}: {mutant.becomes[:90]!r}', flush=True)
    return report(mutants, results, entries)


if __name__ == '__main__': sys.exit(main())
