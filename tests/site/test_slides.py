"""Slides for a class: which cells, in which order, without the answer of a question; the page in a browser.

Members tried: a first cell with `slide-more`, a notebook without tags, a question (its code holds the answer), a link
to a notebook, an image, text that looks like HTML, tags after `nb.py write`.
"""
import itertools
import json
import sys
from pathlib import Path

import pytest
from browsing import watched_page

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT/'tools'))
pytest.importorskip('nbconvert', reason='slides need the extra [dev]')
import nb  # noqa: E402
import slides  # noqa: E402

PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='


def notebook(path: Path, *cells: tuple) -> Path:
    "(kind, tag or '', source, outputs...) of each cell"
    made = [{'cell_type': kind, 'id': f'cell{i}', 'metadata': {'tags': [tag]} if tag else {}, 'source': [source]}
            | ({'execution_count': None, 'outputs': list(outputs)} if kind == 'code' else {})
            for i, (kind, tag, source, *outputs) in enumerate(cells)]
    path.write_text(json.dumps({'cells': made, 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5}))
    return path


@pytest.fixture
def example(tmp_path) -> Path:
    image = {'output_type': 'display_data', 'metadata': {}, 'data': {'image/png': PIXEL, 'text/plain': '<Figure>'}}
    text = {'output_type': 'stream', 'name': 'stdout', 'text': ['1 < 2 <b>']}
    return notebook(tmp_path/'example.ipynb', ('markdown', '', 'not shown'),
                    ('markdown', 'slide', '# A title\n\nSee [another](../data/01_images.ipynb).'),
                    ('code', 'slide', "ask('Which?', {'this': 'It is not.', 'that': 'It is.'}, right='that')"),
                    ('code', 'slide', 'draw()', image), ('code', 'slide-more', 'print(1)', text))


def test_the_slides_are_the_tagged_cells(example, tmp_path):
    ids = [[cell['id'] for cell in one] for one in slides.tagged(example)]
    assert ids == [['cell1'], ['cell2'], ['cell3', 'cell4']]
    assert slides.tagged(notebook(tmp_path/'a.ipynb', ('markdown', '', 'x'))) == []
    with pytest.raises(SystemExit, match='cell0 has the tag slide-more before any slide'):
        slides.tagged(notebook(tmp_path/'b.ipynb', ('markdown', 'slide-more', 'x')))


def test_every_notebook_of_the_plan_has_slides():
    "Those that the page for teachers names in its hours"
    plan = (ROOT/'docs'/'teachers.md').read_text(encoding='utf-8')
    for name in ('lessons/01_your_first_model', 'lessons/02_what_is_learning', 'training/01_models',
                 'training/06_training', 'training/10_head', 'training/12_trainer', 'lessons/10_model_detective'):
        assert f'/{name}.ipynb' in plan and len(slides.tagged(ROOT/'nbs'/f'{name}.ipynb')) >= 4


TALK = '26e112f4', '90e89302'             # questions to talk about, which no experiment of their section answers


def test_a_question_on_a_slide_has_a_result_on_a_slide():
    "A code cell of the same section; a section that ends with the question has none"
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        shown = [cell['id'] for one in slides.tagged(path) for cell in one]
        for i, cell in enumerate(cells):
            if cell['id'] not in shown or cell['id'] in TALK or not slides.asked(cell): continue
            section = list(itertools.takewhile(lambda one: not ''.join(one['source']).startswith('## '), cells[i + 1:]))
            results = [one['id'] for one in section if one['cell_type'] == 'code']
            assert not results or {*results} & {*shown}, f'{path.stem}: {cell["id"]} asks, none of {results} has a tag'


def test_tags_stay_when_a_notebook_is_edited_as_text(example, tmp_path):
    (tmp_path/'text.txt').write_text(nb.to_text(example).replace('A title', 'Another title'))
    nb.write(tmp_path/'text.txt', example)
    assert [len(one) for one in slides.tagged(example)] == [1, 1, 2]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_page_needs_nothing_and_keys_move_it(chromium, example, tmp_path, scheme):
    (tmp_path/'deck.html').write_text(slides.deck('example', slides.tagged(example)), encoding='utf-8')
    assert "right='that'" not in (tmp_path/'deck.html').read_text()
    with watched_page(chromium, offline=True, color_scheme=scheme, viewport={'width': 900, 'height': 600}) as page:
        page.goto((tmp_path/'deck.html').as_uri())
        count, heading = page.locator('#count'), page.get_by_role('heading', name='A title')
        assert count.inner_text() == '1 / 3' and heading.is_visible()
        page.keyboard.press('ArrowRight')
        assert count.inner_text() == '2 / 3' and not heading.is_visible()
        assert page.get_by_role('button', name='that').is_visible()
        page.keyboard.press('End')
        assert page.locator('img').evaluate('image => image.naturalWidth') == 1
        assert page.get_by_text('1 < 2 <b>').is_visible()
        page.keyboard.press('ArrowRight')
        assert count.inner_text() == '3 / 3'
        page.get_by_role('button', name='back').click()
        assert count.inner_text() == '2 / 3'
        page.reload()
        assert count.inner_text() == '2 / 3'
        page.keyboard.press('Home')
        assert count.inner_text() == '1 / 3'
