"The JavaScript of the package: which folder may import which, no file without a use, none too long to read"
import posixpath
import re
from functools import cache
from pathlib import Path

import pytest
from fastlearn.core.interactive import bundle, IMPORTS, static

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT/'fastlearn'/'static'
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob('*') if path.is_file())
SCRIPTS = [name for name in FILES if name.endswith('.js')]
FOLDERS = {'lib', 'dashboard', 'explorers', 'interpret', 'inference', 'course', 'engine'}
SOURCES = {'engine/kernel.wat'}           # of bytes in a script, see tests/engine/test_kernel.py
EXCEPTIONS = set()                        # (importing file, imported file) across folders, other than from lib
LONGEST = 180                             # lines


def imports_of(name: str) -> list[str]:
    "The files that a file imports, as paths in `static`"
    here = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(here, path)) for _, path in IMPORTS.findall(static(name))]


@cache
def entries() -> set[str]:
    "The files that the package loads: their names stand in quotes in its Python code"
    code = '\n'.join(path.read_text(encoding='utf-8') for path in (ROOT/'fastlearn').rglob('*.py'))
    return {name for name in SCRIPTS if f"'{name}'" in code}


def folder(name: str) -> str: return name.split('/')[0]


def test_files_lie_in_folders():
    assert {folder(name) for name in FILES} == FOLDERS and all(name.count('/') == 1 for name in FILES)


@pytest.mark.parametrize('name', SCRIPTS)
def test_bundle_understands_every_import(name):
    "Each is one line that `IMPORTS` matches, and names a file that is there"
    assert len(re.findall(r'^import\b', static(name), re.M)) == len(imports_of(name))
    assert set(imports_of(name)) <= set(FILES)


@pytest.mark.parametrize('name', SCRIPTS)
def test_a_folder_imports_only_itself_and_lib(name):
    allowed = {'lib', folder(name)}
    assert [found for found in imports_of(name) if folder(found) not in allowed
            and (name, found) not in EXCEPTIONS] == []


@pytest.mark.parametrize('name', SCRIPTS)
def test_a_type_in_a_comment_is_where_the_comment_says(name):
    for path, kind in re.findall(r"import\('(\.[^']*)'\)\.(\w+)", static(name)):
        found = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        assert folder(found) in {'lib', folder(name)}
        defined = re.search(rf'(@typedef .*|^export class )\b{kind}\b', static(found), re.M)
        assert defined, f'{name}: {found} defines no type {kind}'


def test_every_file_is_reachable():
    assert entries(), 'no file of static is named in the package'
    reached, waiting = set(), list(entries())
    while waiting:
        name = waiting.pop()
        if name in reached: continue
        reached.add(name)
        if name.endswith('.js'): waiting += imports_of(name)
    assert sorted(set(FILES) - reached - SOURCES) == []


@pytest.mark.parametrize('name', sorted(entries()))
def test_the_names_of_a_bundle_are_unique(name):
    "Its files share one scope"
    names = re.findall(r'^(?:async )?(?:function\*?|const|let|class) (\w+)', bundle(name), re.M)
    assert len(names) == len(set(names)), sorted({one for one in names if names.count(one) > 1})


def test_scripts_can_be_read_in_one_sitting():
    lengths = {name: static(name).count('\n') for name in SCRIPTS}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
    assert [name for name in SCRIPTS if any(len(line) > 120 for line in static(name).splitlines())] == []


@pytest.mark.parametrize('name', [name for name in FILES if name.endswith('.css')])
def test_a_style_sheet_loads_nothing(name): assert 'url(' not in static(name) and '@import' not in static(name)
