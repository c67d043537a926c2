"How the project is put together: who imports whom, what a star import gives, what a wheel holds"
import ast
import graphlib
import importlib
import json
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from no_network import NetworkBlocked, leaves_this_machine

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT/'nbs'
sys.path[:0] = [str(ROOT/'tools'), str(ROOT/'docs')]
from changed import nearest_tests  # noqa: E402
from check_types import programs  # noqa: E402
from exported_lines import exported_lines  # noqa: E402
from fastlearn.course.path import PATH# noqa: E402
from house import (  # noqa: E402
    against_the_rules, all_imports, folders, imported, imports as house_imports, MAY_IMPORT, module_files, notebooks,
    part_of, picture, rooms, with_picture,
)
from in_step import modules_out_of_step, not_clean  # noqa: E402
from nb import to_text, write  # noqa: E402
from processing.api import read_package  # noqa: E402
from readme import render  # noqa: E402

NOTEBOOKS = notebooks()
FILES = module_files()
TREES = {module: ast.parse(path.read_text(encoding='utf-8')) for module, path in FILES.items()}
API = read_package(ROOT/'fastlearn')
PUBLIC_LIMIT = 400  # public names outside fastlearn.all: what a user calls and the docs describe
CHAPTER_LIMIT = 120  # exported lines of a chapter on the course's path; the rest is for library notebooks


def name(path: Path) -> str: return path.relative_to(NBS).as_posix()


def code_cells(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']


def module_of(path: Path) -> str | None:
    "What `#| default_exp` says"
    found = [match[1] for cell in code_cells(path) if (match := re.search(r'^#\|\s*default_exp\s+(\S+)', cell, re.M))]
    return found[0] if found else None


def imports(source: str) -> list[ast.ImportFrom | ast.Import]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]


def stars(source: str) -> list[str]:
    "The modules of its star imports"
    return [node.module for node in imports(source) if any(alias.name == '*' for alias in node.names)]


def plain(cell: str) -> str:
    "A cell without notebook magics, so that Python can parse it"
    return re.sub(r'^\s*[%!].*$', 'pass', cell, flags=re.M)


def python(code: str, *args: str) -> str:
    "What a fresh process prints"
    done = subprocess.run([sys.executable, '-c', code, *args], capture_output=True, text=True, encoding='utf-8')
    assert not done.returncode, done.stderr
    return done.stdout.strip()


BOTH_KINDS = pytest.mark.parametrize('path', NOTEBOOKS, ids=name)
EVERY_MODULE = pytest.mark.parametrize('module', FILES)


# --- who imports whom ---

@pytest.mark.parametrize('part', MAY_IMPORT)
def test_imports_go_one_way(part):
    "core <- data <- the files at the top <- dashboard <- interpret, inference <- learner <- course"
    assert not against_the_rules([one for one in all_imports() if part_of(one.module) == part])


@pytest.mark.parametrize(('module', 'line', 'wrong'), [
    ('data.images', 'from ..core.device import to_device', False),
    ('data.images', 'from ..models import resnet10', True),
    ('data.images', 'def f(): from ..models import resnet10', True), ('models', 'import fastlearn.learner', True),
    ('data.images', 'if TYPE_CHECKING: from ..models import Architecture', False),
    ('inference.predict', 'from ..interpret.layers import activations', True),
    ('data.datasets', 'def f(): from .mini_pets.draw import draw_mini_pets', True),
    ('data.datasets', 'from .mini_pets.draw import draw_mini_pets', True),
    ('cli', 'from . import learner', False)])
def test_an_import_of_the_wrong_way_is_found(module, line, wrong):
    "In a module that would hold this line"
    known = {'core.device', 'models', 'learner', 'interpret.layers', 'data.mini_pets.draw'}
    found = list(house_imports(module, ast.parse(line), known))
    assert bool(found) == ('TYPE_CHECKING' not in line) and bool(against_the_rules(found)) == wrong


@EVERY_MODULE
def test_no_star_imports_in_the_package(module): assert not stars(FILES[module].read_text(encoding='utf-8'))


# --- nothing is done at import ---

ALLOWED = {  # called or used as a decorator at import, and why nothing of another module changes by it
    'TorchvisionNetwork': 'stands for a network until torchvision is loaded',
    'recorded': 'wraps fit, fit_one_cycle and fine_tune, and keeps no list of them',
    'named': 'wraps a function or a constructor whose wrong arguments are reported in its name',
    'named_methods': 'does so for the methods of the class below it',
    'exercise': 'makes a record of the grader below it, and keeps no list either',
}
MUTATORS = {'append', 'extend', 'insert', 'update', 'add', 'setdefault', 'pop', 'remove', 'clear', 'register'}


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    "The statements that run when a module is imported, those inside classes and branches included"
    for node in body:
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)): continue
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test): continue
        for field in 'body', 'orelse', 'finalbody': yield from at_import(getattr(node, field, []))
        for handler in getattr(node, 'handlers', []): yield from at_import(handler.body)


def root_of(node: ast.expr) -> str:
    "`a` of a.b[0].c()"
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)): node = getattr(node, 'value', None) or node.func
    return getattr(node, 'id', '')


def changes_another(tree: ast.Module) -> Iterator[str]:
    "Statements that, at import, change something that was imported"
    statements = list(at_import(tree.body))
    foreign = {alias.asname or alias.name.split('.')[0] for node in statements
               if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    ours = {alias.asname or alias.name for node in statements if isinstance(node, ast.ImportFrom)
            and (node.level or (node.module or '').startswith('fastlearn')) for alias in node.names}
    for node in statements:
        match node:
            case ast.Assign(targets=targets) | ast.Delete(targets=targets): pass
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target): targets = [target]
            case _: targets = []
        for target in targets:
            if isinstance(target, (ast.Attribute, ast.Subscript)) and root_of(target) in foreign:
                yield f'line {node.lineno} sets {ast.unparse(target)}'
        if isinstance(node, ast.AugAssign) and root_of(node.target) in ours:
            yield f'line {node.lineno} adds to {ast.unparse(node.target)}'
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value.func
            changing = isinstance(call, ast.Attribute) and call.attr in MUTATORS and root_of(call) in foreign
            ours_called = root_of(call) in ours - ALLOWED.keys()
            if changing or ours_called or getattr(call, 'id', '') in ('setattr', 'delattr'):
                yield f'line {node.lineno} calls {ast.unparse(call)}'
        for decorator in getattr(node, 'decorator_list', []):
            if root_of(decorator) in ours - ALLOWED.keys():
                yield f'line {node.lineno} is decorated with {ast.unparse(decorator)}'


@EVERY_MODULE
def test_no_module_changes_another_one(module): assert not list(changes_another(TREES[module]))


@pytest.mark.parametrize('line', [
    'Learner.predict = print', 'table["x"] = 1', 'table.append(1)', 'table += [1]', 'setattr(Learner, "x", 1)',
    'define("x")', '@shows("x")\ndef f(): pass', 'for x in (1, 2): table.append(x)', 'class A: table.append(1)'])
def test_what_changes_another_module_is_found(line):
    source = f'from .other import define, Learner, shows, table\n{line}\n'
    assert list(changes_another(ast.parse(source)))
    assert not list(changes_another(ast.parse('from .other import Learner, table\ndef f(): table.append(Learner)\n')))


IN_ANY_ORDER = """
import importlib, random, sys
modules, seeds = sys.argv[1].split(), map(int, sys.argv[2].split())
import torch, matplotlib.pyplot  # these change themselves at their leisure

def contents(value):
    "What is inside, by identity, one level deep"
    if isinstance(value, dict): return [(key, id(inside)) for key, inside in value.items()]
    if isinstance(value, (list, tuple, set, frozenset)): return [id(inside) for inside in value]
    return None

def seen():
    "Every name of every loaded module and class of the package"
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition('.')[0] != 'fastlearn': continue
        for key, value in list(vars(module).items()):
            if getattr(value, '__name__', '') == f'{name}.{key}': continue  # a folder gets its modules
            found[name, key] = id(value), contents(value)
            if isinstance(value, type) and value.__module__ == name:
                for inside, thing in vars(value).items():
                    if not inside.startswith('_abc'): found[name, key, inside] = id(thing), contents(thing)
    return found

for seed in seeds:
    for name in [name for name in sys.modules if name.partition('.')[0] == 'fastlearn']: del sys.modules[name]
    order = random.Random(seed).sample(modules, len(modules))
    before = {}
    for module in order:
        importlib.import_module(f'fastlearn.{module}')
        after, loaded = seen(), {key[0] for key in before}
        for key in before.keys() | {key for key in after if key[0] in loaded}:
            if before.get(key) != after.get(key): print(f'importing {module} changes {".".join(key)}')
        before = after
"""


@pytest.mark.parametrize('seeds', ['0', pytest.param('1 2 3', marks=pytest.mark.long)])
def test_modules_can_be_imported_in_any_order_and_leave_the_others_alone(seeds):
    assert python(IN_ANY_ORDER, ' '.join(FILES), seeds) == ''


def import_circle(trees: dict[str, ast.Module]) -> list[str]:
    "Modules that wait for each other at import: a circle of them, or []"
    graph = {module: {name for node in at_import(tree.body) if isinstance(node, (ast.Import, ast.ImportFrom))
                      for name in imported(node, module, set(trees))} for module, tree in trees.items()}
    try: graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error: return error.args[1]
    return []


def test_no_modules_wait_for_each_other():
    "Without a circle every module can be the first that is imported; `make test-long` imports each of them first"
    assert not import_circle(TREES)
    a, b = ast.parse('from .b import f'), ast.parse('class B:\n    from .a import g')
    assert set(import_circle({'a': a, 'b': b, 'c': b})) == {'a', 'b'}
    assert not import_circle({'a': a, 'b': ast.parse('def f(): from .a import g')})


EACH_ALONE = """
import importlib, sys
for module in sys.argv[1].split():
    for name in [name for name in sys.modules if name.partition('.')[0] == 'fastlearn']: del sys.modules[name]
    try: importlib.import_module(f'fastlearn.{module}')
    except Exception as e: print(f'{module}: {type(e).__name__}: {e}')
"""


@pytest.mark.long
def test_every_module_can_be_imported_alone(): assert python(EACH_ALONE, ' '.join(FILES)) == ''


def test_a_module_imports_only_what_it_uses():
    "What only the other cells of its notebook need is imported beside them"
    def words(tree): return re.findall(r'\w+', ast.unparse(tree))
    for module, tree in TREES.items():
        names, said = [], Counter(words(tree))
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)): continue
            names += [(alias.asname or alias.name).partition('.')[0] for alias in node.names]
            said.subtract(words(node))
        unused = [name for name in names if said[name] < 1]
        assert not unused or module == 'all' or FILES[module].stem == '__init__', f'{module} imports {unused}'


def test_nothing_is_patched():
    "fastcore's patch hides a method from readers and editors; a class says itself what it can do"
    sources = {module: path.read_text(encoding='utf-8') for module, path in FILES.items()}
    sources |= {name(path): '\n'.join(plain(cell) for cell in code_cells(path)) for path in NOTEBOOKS}
    patching = [where for where, source in sources.items() for node in imports(source)
                if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('fastcore')
                and any(alias.name.startswith('patch') for alias in node.names)]
    assert not patching


FRESH = """
import importlib, json, sys
import fastlearn, fastlearn.cli, fastlearn.all
heavy, names = sys.argv[1].split(), [name.split('.') for name in sys.argv[2].split()]
found = {'heavy': [name for name in heavy if name in sys.modules]}
for name in [name for name in sys.modules if name.partition('.')[0] == 'fastlearn']: del sys.modules[name]
from fastlearn.learner import Learner
known = {base.__name__ for base in Learner.__mro__}
found['missing'] = [name for *_, owner, name in names if owner in known and not hasattr(Learner, name)]
found['missing'] += ['.'.join(name) for name in names
                     if not hasattr(getattr(importlib.import_module('.'.join(name[:-2])), name[-2]), name[-1])]
print(json.dumps(found))
"""
HEAVY = '''IPython jupyter jupyter_core ipykernel ipywidgets anywidget pandas sklearn skimage nbdev torchvision
           fastlearn.data.mini_pets'''
METHODS = [entry for module in API.values() for entry in module.all_entries() if '.' in entry.name]


@pytest.fixture(scope='module')
def fresh() -> dict:
    "What a process knows that has imported the package, and then the learner alone"
    return json.loads(python(FRESH, HEAVY, ' '.join(one.full_name for one in METHODS)))


def test_imports_need_no_jupyter_and_nothing_heavy(fresh):
    "Nor the code that draws MINI_PETS"
    assert fresh['heavy'] == []


# --- public names ---

def test_a_public_name_has_one_meaning():
    homes = {}
    for module in API.values():
        for one in module.public: homes.setdefault(one, []).append(module.name)
    assert {one: where for one, where in homes.items() if len(where) > 1} == {}


def test_public_names_can_be_counted():
    assert sum(len(module.public) for module in API.values()) <= PUBLIC_LIMIT


@pytest.mark.parametrize('module', API)
def test_every_public_name_is_documented(module):
    "By a docstring, a constant by the comment behind it; so is what a class takes in from elsewhere"
    silent = [entry.name for entry in API[module].entries
              if not entry.doc and not any(one.comment for one in entry.parameters)]
    assert not silent


def test_every_documented_method_is_there(fresh):
    "On Learner as soon as that is imported, on another class with its own module"
    assert len([one for one in METHODS if one.name.split('.')[0] in ('Learner', 'Trainer')]) >= 25
    assert fresh['missing'] == []


# --- notebooks ---

@BOTH_KINDS
def test_star_imports_only_where_the_book_has_one(path):
    allowed = {'fastlearn.all'} if path.parent.name == 'lessons' or path.stem == 'index' else set()
    assert {module for cell in code_cells(path) for module in stars(plain(cell))} <= allowed


@BOTH_KINDS
def test_a_notebook_has_a_module_or_is_a_story(path):
    "Lessons tell stories without a module; so does a chapter that is an experiment, with code of fastlearn.course"
    module, folder = module_of(path), name(path).rpartition('/')[0]
    if module: assert folder not in ('', 'lessons'), f'{name(path)}: `#| default_exp {module}`'
    else:
        experiment = any('from fastlearn.course.' in cell for cell in code_cells(path))
        assert folder in ('', 'lessons') or experiment, f'{name(path)} has no `#| default_exp`'
        assert not exported_lines(path), f'{name(path)} exports to no module'
    if folder: assert re.fullmatch(r'\d\d[a-z]?_[a-z0-9_]+', path.stem), f'{name(path)}: a number, then words'


@BOTH_KINDS
def test_notebooks_mirror_the_package(path):
    "nbs/data/01_images exports data.images; what only the course needs may be explained anywhere"
    if not (module := module_of(path)): return
    folder = name(path).rpartition('/')[0]
    assert module.rpartition('.')[0].replace('.', '/') in ('' if folder == 'training' else folder, 'course')


@pytest.mark.parametrize('chapter', [notebook for step in PATH for notebook in step.notebooks])
def test_a_chapter_exports_the_code_that_is_the_idea(chapter):
    assert exported_lines(NBS/f'{chapter}.ipynb') <= CHAPTER_LIMIT


@BOTH_KINDS
def test_cells_are_short(path):
    for number, cell in enumerate(code_cells(path)):
        lines = [line for line in cell.splitlines() if line.strip() and not line.startswith('#|')]
        if re.search(r'^#\|\s*exports?i?\b', cell, re.M):
            assert len(lines) <= 30, f'{name(path)}, code cell {number}: {len(lines)} exported lines'
        assert not [line for line in lines if len(line) > 120], f'{name(path)}, code cell {number}'


def seen_code(path: Path) -> Iterator[str]:
    "The code that a reader sees: cells that are neither hidden nor folded, or the blocks of a page"
    if path.suffix == '.ipynb': yield from (one for one in code_cells(path) if not one.startswith(('#| hide', 'ask(')))
    else: yield from re.findall(r'^```.*?\n(.*?)^```', path.read_text(encoding='utf-8'), re.M | re.S)


READ = [*(NBS/'lessons').glob('*.ipynb'), *NBS.glob('*.ipynb'), ROOT/'docs'/'gallery.ipynb', ROOT/'README.md',
        *(ROOT/'docs').glob('*.md'), *(ROOT/'docs'/'how-to').glob('*.md')]


@pytest.mark.parametrize('path', READ, ids=[path.relative_to(ROOT).as_posix() for path in READ])
def test_code_fits_into_the_column_of_a_page(path):
    "88 columns; what a notebook exports may be wider, since it is folded"
    assert not [line for code in seen_code(path) for line in code.splitlines()
                if len(line) > 88 and not code.startswith('#| export')]


# --- the star import and the wheel ---

def test_star_import_is_a_curated_list():
    import fastlearn.all
    names = fastlearn.all.__all__
    assert len(names) == len(set(names)), 'a name twice'
    assert not [n for n in names if not hasattr(fastlearn.all, n)], 'a name that is not there'
    assert not [n for n in names if n.startswith('_')]
    promised = '''untar_data URLs get_image_files ImageDataLoaders Resize vision_learner resnet10 resnet34 error_rate
                  aug_transforms accuracy PILImage Path torch plt'''.split()
    assert set(promised) <= set(names)


def test_every_module_names_what_it_exports():
    "`from fastlearn.all import *` takes only names that their own module calls public"
    import fastlearn.all
    for node in imports((ROOT/'fastlearn'/'all.py').read_text(encoding='utf-8')):
        if not isinstance(node, ast.ImportFrom) or not (node.module or '').startswith('fastlearn.'): continue
        public = getattr(importlib.import_module(node.module), '__all__', None)
        for alias in node.names:
            if public is None: importlib.import_module(f'{node.module}.{alias.name}'); continue  # a module of a folder
            given = (alias.asname or alias.name) in fastlearn.all.__all__
            assert not given or alias.name in public, f'{node.module} does not export {alias.name}'


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    "A wheel built from a copy of the project, with what is installed"
    folder = tmp_path_factory.mktemp('wheel')
    copy = folder/'project'
    ignore = shutil.ignore_patterns('.*', '_build', 'build', 'dist', '*.egg-info', '__pycache__', 'fastlearn-course')
    shutil.copytree(ROOT, copy, ignore=ignore)
    command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', folder, copy]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob('*.whl'))


def test_the_wheel_holds_what_the_repository_shows(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = [path.relative_to(ROOT) for path in (ROOT/'fastlearn').rglob('*') if path.is_file()]
    wanted = {path.as_posix() for path in files
              if not any(part.startswith(('.', '__pycache__')) for part in path.parts)}
    assert wanted and wanted <= inside
    shipped = {n.removeprefix('fastlearn/notebooks/') for n in inside if n.startswith('fastlearn/notebooks/')}
    assert shipped == {name(p) for p in NOTEBOOKS} - {'index.ipynb'} and 'START.ipynb' in shipped
    assert {'fastlearn/py.typed', 'fastlearn/weights/LICENSE.md'} <= inside
    assert not [n for n in inside if not n.startswith(('fastlearn/', 'fastlearn-'))], 'something beside the package'
    assert [n for n in inside if n.endswith('licenses/LICENSE')]


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size <= 8*2**20


def test_the_wheel_says_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(n for n in archive.namelist() if n.endswith('METADATA'))).decode()
    needs = {re.split(r'[<>=!; ]', line.removeprefix('Requires-Dist: '))[0] for line in metadata.splitlines()
             if line.startswith('Requires-Dist') and 'extra ==' not in line}
    assert needs == {'torch', 'torchvision', 'matplotlib', 'ipywidgets', 'anywidget', 'pillow', 'safetensors', 'tqdm',
                     'fastcore'}
    assert 'License-Expression: Apache-2.0' in metadata and 'Requires-Python: >=3.11' in metadata


def test_readme_is_what_the_index_notebook_says():
    assert (ROOT/'README.md').read_text(encoding='utf-8') == render()


def test_a_changed_module_is_noticed(tmp_path):
    "The check of `make test` itself: a line added to a generated module is reported with its file"
    for part in 'nbs/core', 'fastlearn/core':
        shutil.copytree(ROOT/part, tmp_path/part, ignore=shutil.ignore_patterns('.*', '__pycache__'))
    shutil.copyfile(ROOT/'fastlearn'/'__init__.py', tmp_path/'fastlearn'/'__init__.py')
    shutil.copyfile(ROOT/'settings.ini', tmp_path/'settings.ini')
    device = tmp_path/'fastlearn'/'core'/'device.py'
    device.write_text(device.read_text(encoding='utf-8') + '\nadded = True\n', encoding='utf-8')
    (tmp_path/'fastlearn'/'orphan.py').write_text('# AUTOGENERATED! DO NOT EDIT!\n', encoding='utf-8')
    found = [problem.splitlines()[0] for problem in modules_out_of_step(tmp_path)]
    assert 'fastlearn/core/device.py is out of step: make export' in found
    assert 'fastlearn/orphan.py comes from no notebook' in found


@pytest.mark.parametrize(('change', 'said'), [
    (lambda nb: nb['cells'][1].update(execution_count=3), 'cell 1 has a stored output or count'),
    (lambda nb: nb['cells'][0].update(id=nb['cells'][1]['id']), 'a cell without an id, or an id twice'),
    (lambda nb: nb['cells'][0]['metadata'].update(editable=True), "cell 0 has metadata ['editable']"),
    (lambda nb: nb['metadata'].update(widgets={}), "notebook metadata ['widgets']")])
def test_what_a_run_leaves_in_a_notebook_is_noticed(tmp_path, change, said):
    notebook = json.loads((NBS/'core/01_device.ipynb').read_text(encoding='utf-8'))
    path = tmp_path/'notebook.ipynb'
    change(notebook)
    path.write_text(json.dumps(notebook), encoding='utf-8')
    assert said in list(not_clean(path))


def test_text_and_back_is_the_same_notebook(tmp_path):
    copy, text = tmp_path/'01_device.ipynb', tmp_path/'text.txt'
    shutil.copyfile(NBS/'core/01_device.ipynb', copy)
    text.write_text(to_text(copy), encoding='utf-8')
    write(text, copy)
    assert copy.read_bytes() == (NBS/'core/01_device.ipynb').read_bytes()


def test_a_changed_cell_keeps_its_id(tmp_path):
    path, text = tmp_path/'n.ipynb', tmp_path/'n.txt'
    text.write_text('# %% [markdown]\nA question\n\n# %%\nvalue = 1 + 1\nvalue\n', encoding='utf-8')
    write(text, path)
    before = [cell['id'] for cell in json.loads(path.read_text())['cells']]
    text.write_text('# %% [markdown]\nA question\n\n# %%\nnew = 0\n\n# %%\nvalue = 1 + 2\nvalue\n', encoding='utf-8')
    write(text, path)
    after = [cell['id'] for cell in json.loads(path.read_text())['cells']]
    assert [after[0], after[2]] == before and len(set(after)) == 3


def test_tests_have_no_network():
    assert leaves_this_machine(('example.org', 443)) and leaves_this_machine(('93.184.216.34', 80))
    assert not leaves_this_machine(('127.0.0.1', 80)) and not leaves_this_machine(('::1', 80, 0, 0))
    with pytest.raises(NetworkBlocked, match='run without network'): socket.create_connection(('example.org', 80))


# --- the map ---

def test_the_map_shows_every_module():
    "And none that is not there; a folder says in one line what it is"
    text = (ROOT/'README.md').read_text(encoding='utf-8')
    linked = re.findall(r'\[(\w+)\]\(nbs/([\w/]+)\.ipynb\)', text.partition('## The map')[2])
    assert sorted(linked) == sorted((room.name, room.notebook) for room in rooms() if room.notebook)
    assert all(folders().values()) and all(f'| {said} |' in text for said in folders().values())


def test_the_picture_of_the_house_is_drawn_from_the_code():
    text = (ROOT/'CONTRIBUTING.md').read_text(encoding='utf-8')
    assert text == with_picture(text)
    assert {room.name for room in rooms()} <= set(re.findall(r'\w+', picture()))
    assert len(text.encode()) <= 10_000, 'CONTRIBUTING.md is for reading in one go'


# --- the checks themselves ---

def test_the_quick_check_finds_the_tests_of_what_changed():
    "A module's own tests first, whether the notebook or the module changed, then those that import it"
    for changed in 'nbs/training/04_optimizer.ipynb', 'fastlearn/optimizer.py':
        found = nearest_tests([changed])
        assert found[0].startswith('tests/training/test_optimizer') and 'tests/training/test_schedule.py' in found
    assert nearest_tests(['tests/data/test_images.py']) == ['tests/data/test_images.py']
    assert not nearest_tests(['LICENSE'])


def test_the_programs_that_are_type_checked_are_what_the_docs_say():
    found = programs()
    for title, code in found.items(): compile(code, title, 'exec')
    assert {'six_lines', 'readme', 'how_to_export', 'lesson_01_your_first_model'} <= found.keys()
    for title in 'six_lines', 'lesson_01_your_first_model':
        for used in ('vision_learner(', 'learn.fine_tune(', 'learn.predict(', 'learn.export(', 'learn.dashboard('):
            assert used in found[title]
