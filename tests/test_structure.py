"How the project is put together: who imports whom, what a star import gives, what a wheel holds"
import ast
import json
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from no_network import NetworkBlocked, leaves_this_machine

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT/'nbs'
sys.path.insert(0, str(ROOT/'tools'))
from in_step import modules_out_of_step, not_clean, notebooks  # noqa: E402
from nb import to_text, write  # noqa: E402
from readme import render  # noqa: E402

NOTEBOOKS = notebooks()


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


ORDER = {module_of(path): name(path) for path in NOTEBOOKS if module_of(path)}
BOTH_KINDS = pytest.mark.parametrize('path', NOTEBOOKS, ids=name)


@pytest.mark.parametrize('module', sorted(ORDER))
def test_a_module_imports_only_modules_above_it(module):
    "The map is read from top to bottom, and nothing refers downwards"
    for node in imports((ROOT/'fastlearn'/f'{module}.py').read_text(encoding='utf-8')):
        modules = [node.module or ''] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        relative = isinstance(node, ast.ImportFrom) and node.level > 0
        for imported in modules:
            if not relative and not imported.startswith('fastlearn.'): continue
            imported = imported.removeprefix('fastlearn.')
            assert imported in ORDER, f'{module} imports {imported}, which no notebook exports'
            assert ORDER[imported] < ORDER[module], f'{module} imports {imported}, which comes after it'


@pytest.mark.parametrize('path', sorted((ROOT/'fastlearn').glob('*.py')), ids=lambda p: p.name)
def test_no_star_imports_in_the_package(path):
    assert not stars(path.read_text(encoding='utf-8'))


@BOTH_KINDS
def test_star_imports_only_where_the_book_has_one(path):
    allowed = {'fastlearn.all'} if path.parent.name == 'lessons' or path.stem == 'index' else set()
    assert {module for cell in code_cells(path) for module in stars(plain(cell))} <= allowed


@BOTH_KINDS
def test_a_notebook_has_a_module_or_is_a_lesson(path):
    module = module_of(path)
    is_chapter = path.parent == NBS and path.stem not in ('index', 'START')
    assert bool(module) == is_chapter, f'{name(path)}: `#| default_exp {module}`'


@BOTH_KINDS
def test_cells_are_short(path):
    for number, cell in enumerate(code_cells(path)):
        lines = [line for line in cell.splitlines() if line.strip() and not line.startswith('#|')]
        if re.search(r'^#\|\s*exports?i?\b', cell, re.M):
            assert len(lines) <= 30, f'{name(path)}, code cell {number}: {len(lines)} exported lines'
        assert not [line for line in lines if len(line) > 120], f'{name(path)}, code cell {number}'


def test_imports_need_no_jupyter_and_nothing_heavy():
    heavy = ('IPython', 'jupyter', 'jupyter_core', 'ipykernel', 'ipywidgets', 'anywidget', 'pandas', 'sklearn',
             'skimage', 'nbdev')
    code = f'import sys, fastlearn, fastlearn.cli, fastlearn.all; print([m for m in {heavy} if m in sys.modules])'
    said = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == '[]'


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
    for node in imports((ROOT/'fastlearn'/'all.py').read_text(encoding='utf-8')):
        if not isinstance(node, ast.ImportFrom) or not (node.module or '').startswith('fastlearn.'): continue
        public = __import__(node.module, fromlist=['__all__']).__all__
        for alias in node.names: assert alias.name in public, f'{node.module} does not export {alias.name}'


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
    found = [p for p in (ROOT/'fastlearn').rglob('*') if p.is_file() and '__pycache__' not in p.parts]
    wanted = {p.relative_to(ROOT).as_posix() for p in found if not p.name.startswith('.')}
    assert wanted <= inside
    shipped = {n.removeprefix('fastlearn/notebooks/') for n in inside if n.startswith('fastlearn/notebooks/')}
    assert shipped == {name(p) for p in NOTEBOOKS} - {'index.ipynb'} and 'START.ipynb' in shipped
    assert {'fastlearn/py.typed', 'fastlearn/weights/LICENCE.md'} <= inside
    assert not [n for n in inside if not n.startswith(('fastlearn/', 'fastlearn-'))], 'something beside the package'
    assert [n for n in inside if n.endswith('licenses/LICENSE')]


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size <= 6*2**20


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
    for part in 'nbs', 'fastlearn':
        shutil.copytree(ROOT/part, tmp_path/part, ignore=shutil.ignore_patterns('.*', '__pycache__', 'weights'))
    shutil.copyfile(ROOT/'settings.ini', tmp_path/'settings.ini')
    with open(tmp_path/'fastlearn'/'device.py', 'a', encoding='utf-8') as module: module.write('\nadded = True\n')
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
    copy, text = tmp_path/'core/01_device.ipynb', tmp_path/'text.txt'
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


@pytest.mark.parametrize('page', ['README.md', 'CONTRIBUTING.md'])
def test_the_map_shows_every_notebook(page):
    "And none that is not there"
    rows = re.findall(r'^\| `(\d\w+)` \|', (ROOT/page).read_text(encoding='utf-8'), re.M)
    assert rows == [path.stem for path in NOTEBOOKS if module_of(path)]
