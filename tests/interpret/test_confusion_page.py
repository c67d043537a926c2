"The page of the confusion matrix: what is stored, and that its cells show their pictures without a kernel"
import dataclasses
import json
import re

import pytest
import torch
from browsing import watched_page
from fastlearn.all import ImageDataLoaders, Resize, resnet10, vision_learner
from fastlearn.core.interactive import bundle
from fastlearn.data.dataset import get_image_files
from fastlearn.interpret.classification import _cells, _PAGE_IMAGES, ClassificationInterpretation, ConfusionPage

STRANGE = '<img src=x onerror="throw 1">'


@pytest.fixture(scope='module')
def interp(few_pets):
    "An untrained model on four classes, one with a name that would do harm as HTML"
    files = get_image_files(few_pets)
    kinds = [('cat', STRANGE) if file.name[0].isupper() else ('dog', 'wolf') for file in files]
    labels = [pair[i % 2] for i, pair in enumerate(kinds)]
    dls = ImageDataLoaders.from_lists(few_pets, files, labels, valid_pct=.5, seed=1, item_tfms=Resize(32), bs=16)
    return ClassificationInterpretation.from_learner(vision_learner(dls, resnet10))


@pytest.fixture(scope='module')
def confusion(interp): return interp.browse(most=3)


@pytest.fixture
def page(chromium, confusion, tmp_path):
    with watched_page(chromium, offline=True, viewport={'width': 1000, 'height': 900}) as page:
        page.goto(confusion.to_html(tmp_path/'confusion.html').as_uri())
        page.locator('.fl-confusion').wait_for()
        yield page


def test_what_is_stored(interp, confusion):
    said = json.loads(json.dumps(confusion.state, allow_nan=False))
    assert torch.equal(torch.tensor(said['counts']), interp.confusion_matrix())
    cells = {(cell['actual'], cell['predicted']): cell['pictures'] for cell in said['cells']}
    matrix = interp.confusion_matrix()
    assert cells.keys() == {tuple(place) for place in matrix.nonzero().tolist()}
    for (i, j), pictures in cells.items():
        assert len(pictures) == min(3, matrix[i, j])
        losses = interp.losses[(interp.targets == i) & (interp.predictions == j)].sort(descending=True).values
        assert [one['loss'] for one in pictures] == pytest.approx(losses[:3].tolist())
        assert all(one['src'].startswith('data:image/jpeg') and one['name'].endswith('.webp') for one in pictures)
    assert [tuple(pair) for pair in said['confused']] == [(said['classes'].index(str(a)), said['classes'].index(str(b)))
                                                          for a, b, _ in interp.most_confused()[:6]]


def test_a_page_holds_so_many_pictures_at_most(interp, monkeypatch):
    monkeypatch.setattr('fastlearn.interpret.classification._PAGE_IMAGES', 20)
    assert _PAGE_IMAGES == 400 and sum(len(cell['pictures']) for cell in _cells(interp, 12)) <= 20


def test_every_viewer_gets_something(confusion):
    bundle = confusion._repr_mimebundle_()
    assert set(bundle) == {'text/html', 'image/png', 'text/plain'} and ' predicted as ' in bundle['text/plain']
    assert confusion.png().startswith(b'\x89PNG') and len(confusion.html()) < 300_000
    assert isinstance(confusion, ConfusionPage)


def cell(page, interp, i, j):
    names, count = interp.label_spec.vocab, interp.confusion_matrix()[i, j].item()
    how = 'correctly' if i == j else f'as {names[j]}'
    said = f'{names[i]}, predicted {how}: {count or "no"} image{"s"*(count != 1)}'
    return page.locator('.fl-matrix').get_by_role('button', name=said, exact=True)


def test_a_cell_shows_its_pictures(page, interp):
    matrix, names = interp.confusion_matrix(), interp.label_spec.vocab
    i, j = divmod(matrix.argmax().item(), 4)
    cell(page, interp, i, j).click()
    assert page.locator('.fl-cell-images figure').count() == 3
    assert page.get_by_text(f'Showing 3 of {matrix[i, j]}.').is_visible()
    first = page.locator('.fl-cell-images figcaption').first.inner_text()
    assert re.match(rf'\d+% {re.escape(names[j])}\nloss \d+\.\d\d\n.+\.webp', first)
    image = page.locator('.fl-cell-images img').first
    assert image.evaluate('image => image.decode().then(() => image.naturalWidth)') > 20
    assert cell(page, interp, i, j).get_attribute('aria-pressed') == 'true'
    assert page.locator('.fl-matrix [aria-pressed=true]').count() == 1


def test_it_begins_with_the_most_frequent_mistake(page, interp):
    actual, said, n = interp.most_confused()[0]
    heading = page.get_by_role('heading', level=4).inner_text()
    assert heading == f'{actual}, predicted as {said}: {n} image{"s"*(n != 1)}'
    last = page.get_by_role('group', name='Most confused').get_by_role('button').last
    last.click()
    # the name of the button begins with its words, as a voice that asks for it says them
    assert last.get_attribute('aria-label').endswith(f": {page.get_by_role('heading', level=4).inner_text()}")


def test_arrow_keys_move_between_cells(page, interp):
    cell(page, interp, 0, 0).click()
    for key in ('ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowDown'): page.keyboard.press(key)
    focused = page.evaluate('document.activeElement.shadowRoot.activeElement.title')
    assert focused == cell(page, interp, 2, 1).get_attribute('title')
    assert focused == page.get_by_role('heading', level=4).inner_text()
    assert page.locator('.fl-matrix button[tabindex="0"]').count() == 1


def test_counts_and_rates(page, interp):
    i, j = divmod(interp.confusion_matrix().argmax().item(), 4)
    assert cell(page, interp, i, j).inner_text() == str(interp.confusion_matrix()[i, j].item())
    page.get_by_role('button', name='rates', exact=True).click()
    share = interp.confusion_matrix(normalize=True)[i, j].item()
    assert cell(page, interp, i, j).inner_text() in (f'{round(100*share)}%', '>99%')


def test_names_go_in_as_text(page):
    assert page.get_by_role('rowheader', name=STRANGE).count() == 1
    assert not page.locator('img[src=x]').count()


def test_a_model_without_mistakes(chromium, interp, tmp_path):
    right = dataclasses.replace(interp, predictions=interp.targets)
    assert right.browse(2).text() == 'no errors'
    with watched_page(chromium, offline=True) as page:
        page.goto(right.browse(2).to_html(tmp_path/'right.html').as_uri())
        assert 'predicted correctly' in page.get_by_role('heading', level=4).inner_text()
        page.locator('.fl-matrix button').nth(1).click()
        assert page.get_by_text('No images in this cell.').is_visible()
        assert not page.get_by_text('Most confused').count()


@pytest.mark.parametrize(('width', 'scheme'), [(400, 'dark'), (1600, 'light')])
def test_narrow_and_wide_light_and_dark(chromium, confusion, tmp_path, width, scheme):
    with watched_page(chromium, viewport={'width': width, 'height': 900}, color_scheme=scheme) as page:
        page.goto(confusion.to_html(tmp_path/'confusion.html').as_uri())
        page.locator('.fl-confusion').wait_for()
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
        ground = page.locator('.fl-confusion').evaluate('root => getComputedStyle(root).backgroundColor')
        assert ground == ('rgb(20, 24, 29)' if scheme == 'dark' else 'rgb(255, 255, 255)')


def test_pure_functions_and_clean_up(chromium, confusion):
    with watched_page(chromium) as page:
        page.add_script_tag(content=bundle('interpret/confusion.js', exports=False))
        assert page.evaluate("cellBeside([0, 1], 'ArrowDown', 2)") == [1, 1]
        assert page.evaluate("cellBeside([0, 1], 'ArrowRight', 2)") is None
        assert page.evaluate("cellBeside([0, 1], 'Enter', 2)") is None
        assert page.evaluate('rowShare([[3, 1], [0, 0]], 0, 1)') == .25
        assert page.evaluate('rowShare([[3, 1], [0, 0]], 1, 1)') == 0
        assert page.evaluate('[0, 1, 2].map(imagesText)') == ['no images', '1 image', '2 images']
        assert page.evaluate('''state => {
            const place = document.createElement('div');
            const end = mountConfusion(place, state);
            const before = place.childElementCount;
            end();
            return [before, place.childElementCount];
        }''', confusion.state) == [1, 0]
