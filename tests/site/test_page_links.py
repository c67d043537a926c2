"""What stands at the edge of every page, and the cell that installs fastlearn where a notebook is opened.

Members of the kind "an address made from settings.ini" that were tried: none set, a repository with and without a slash
at the end, a host that Colab cannot open, a release on the index, a folder of the project beside the notebook. The
install cell runs here as IPython runs it, with a pip and a Colab that note what they are asked; that Colab itself
accepts it was not seen.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT/'docs'), str(ROOT/'tools')]
pytest.importorskip('sphinx', reason='the docs site needs the extra [dev]')

from colab import CELL, install_source, with_install_cell, write_all  # noqa: E402
from processing.finish import with_whole_links  # noqa: E402
from processing.links import cite_page, notebook_links, on_github, page_links  # noqa: E402

HOST = 'https://github' + '.com'
NONE = {'lib_name': 'fastlearn', 'version': '1.2.0', 'branch': 'main', 'git_url': '', 'index': 'no'}
SET = NONE | {'git_url': f'{HOST}/owner/fastlearn'}
LESSON = 'lessons/01_your_first_model'
NOTEBOOKS = {LESSON: f'nbs/{LESSON}.ipynb', 'gallery': 'docs/gallery.ipynb'}


def texts(page: str, cfg: dict) -> list[str]:
    return [link.text for link in notebook_links(page, cfg, NOTEBOOKS) + page_links(page, cfg, NOTEBOOKS)]


def test_without_an_address_nothing_names_one():
    assert texts(LESSON, NONE) == ['Download notebook', 'Cite'] and texts('api', NONE) == ['Cite']
    links = notebook_links(LESSON, NONE, NOTEBOOKS) + page_links(LESSON, NONE, NOTEBOOKS)
    assert not [link.url for link in links if '://' in link.url]


def test_with_an_address_every_page_has_its_links():
    assert texts(LESSON, SET) == ['Open in Colab', 'Download notebook', 'Edit this page', 'Report a problem', 'Cite']
    assert texts('gallery', SET) == ['Edit this page', 'Report a problem', 'Cite']
    assert texts('api', SET) == ['Report a problem', 'Cite']
    urls = {link.text: link.url for link in notebook_links(LESSON, SET, NOTEBOOKS) + page_links(LESSON, SET, NOTEBOOKS)}
    assert urls['Open in Colab'].endswith(f'.com/github/owner/fastlearn/blob/colab/{LESSON}.ipynb')
    assert urls['Edit this page'] == f'{HOST}/owner/fastlearn/edit/main/nbs/{LESSON}.ipynb'
    assert urls['Report a problem'].startswith(f'{HOST}/owner/fastlearn/issues/new?template=docs.yml&title=lessons/01')
    assert (ROOT/'.github'/'ISSUE_TEMPLATE'/'docs.yml').exists()


@pytest.mark.parametrize('page, source', [('how-to/export', 'docs/how-to/export.md'), ('changelog', 'CHANGELOG.md'),
                                          ('terms', 'fastlearn/course/glossary.toml'), ('teach', 'docs/teach.md')])
def test_edit_leads_to_a_file_that_is_there(page, source):
    assert page_links(page, SET, NOTEBOOKS)[0].url.endswith(f'/edit/main/{source}') and (ROOT/source).exists()


def test_colab_opens_one_host_only():
    assert on_github(SET | {'git_url': f'{HOST}/owner/fastlearn.git/'}) == 'owner/fastlearn'
    other = SET | {'git_url': 'https://example.org/owner/fastlearn'}
    assert not on_github(other) and 'Open in Colab' not in texts(LESSON, other)


# --- the cell that installs ---

def test_what_is_installed():
    assert install_source(NONE) == '' and install_source(NONE | {'index': 'yes'}) == 'fastlearn==1.2.0'
    assert install_source(SET) == f'fastlearn @ git+{HOST}/owner/fastlearn@main'


def run_cell(folder: Path, source: str, there: bool, colab: bool) -> dict:
    "What the cell asks pip for and whether it turns Colab's widgets on, in a process of its own"
    from IPython.core.inputtransformer2 import TransformerManager
    code = TransformerManager().transform_cell(CELL.format(source=source))
    head = f'''
import importlib.util, json, os, sys, types
os.chdir({str(folder)!r})
said = {{'pip': [], 'widgets': False, 'error': ''}}
known = importlib.util.find_spec
importlib.util.find_spec = lambda name: ({there!r} or None) if name == 'fastlearn' else known(name)
class Shell:
    def run_line_magic(self, name, line): said['pip'].append((name, line.replace('$source', source)))
get_ipython = Shell
if {colab!r}:
    output = types.ModuleType('google.colab.output')
    output.enable_custom_widget_manager = lambda: said.update(widgets=True)
    sys.modules['google.colab'] = types.ModuleType('google.colab'); sys.modules['google.colab'].output = output
    sys.modules['google'] = types.ModuleType('google')
try:
'''
    body = ''.join(f'    {line}\n' for line in code.splitlines())
    tail = "except AssertionError as error: said['error'] = str(error)\nprint(json.dumps(said))"
    done = subprocess.run([sys.executable, '-c', head + body + tail], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_cell_installs_what_is_missing_and_nothing_else(tmp_path):
    release = 'fastlearn @ git+https://example.org/x@main'
    assert run_cell(tmp_path, release, there=True, colab=False) == {'pip': [], 'widgets': False, 'error': ''}
    assert run_cell(tmp_path, release, there=False, colab=True) == {
        'pip': [['pip', f'install -q "{release}"']], 'widgets': True, 'error': ''}
    assert 'as ./fastlearn' in run_cell(tmp_path, '', there=False, colab=True)['error']
    (tmp_path/'fastlearn').mkdir()
    (tmp_path/'fastlearn'/'settings.ini').touch()
    assert run_cell(tmp_path, '', there=False, colab=False)['pip'] == [['pip', 'install -q "./fastlearn"']]


def test_every_notebook_is_written_with_the_cell_and_without_hidden_ones(tmp_path):
    written = write_all(tmp_path, NONE)
    assert {path.relative_to(tmp_path) for path in written} == {path.relative_to(ROOT/'nbs')
                                                                for path in (ROOT/'nbs').rglob('*.ipynb')}
    import nbformat
    for path in written[::12]:
        notebook = nbformat.read(path, 4)
        nbformat.validate(notebook)
        sources = [cell.source for cell in notebook.cells]
        assert sources[0].startswith('# ') and sources[1].startswith('# This cell installs fastlearn')
        assert not [source for source in sources if source.startswith('#| hide')]
    before = with_install_cell({'cells': [{'cell_type': 'markdown', 'source': ['# T']}]}, SET)
    assert f'{HOST}/owner/fastlearn@main' in ''.join(before['cells'][1]['source'])


# --- other pages ---

def test_a_page_that_is_not_found_leads_home_from_any_depth():
    page = ('<a href="index.html"></a><a href="#main"></a><script src="_static/x.js"></script>'
            '<a href="https://example.org/"></a>')
    page += '<html data-content_root="./"><form action="search.html">'
    assert with_whole_links(page, '/fast/') == (
        '<a href="/fast/index.html"></a><a href="#main"></a><script src="/fast/_static/x.js"></script>'
        '<a href="https://example.org/"></a><html data-content_root="/fast/"><form action="/fast/search.html">')
    assert with_whole_links('<a href="a.html">', '') == '<a href="/a.html">'


def test_how_to_cite(tmp_path):
    text = cite_page(ROOT/'CITATION.cff')
    version = re.search(r'^version: (\S+)', (ROOT/'CITATION.cff').read_text(encoding='utf-8'), re.M)[1]
    assert f'version = {{{version}}}' in text and '@software{fastlearn,' in text and 'url' not in text
    (tmp_path/'c').write_text("title: T\nabstract: A.\nmessage: M.\nauthors: [{name: X}, {name: Y}]\nversion: 2.0\n"
                              "license: MIT\ndate-released: 2027-01-02\nurl: https://example.org\n", encoding='utf-8')
    text = cite_page(tmp_path/'c')
    assert 'author  = {{X} and {Y}}' in text and 'year    = {2027}' in text and 'example.org' in text
