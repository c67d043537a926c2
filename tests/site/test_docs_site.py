"""The built docs site: links and anchors, names, weights, and in Chromium, with nothing but this machine to ask,
replays, explorers, search, light and dark, a phone, the keyboard, paper, and axe-core's findings."""
import functools
import json
import re
import sys
import threading
from functools import cache
from html.parser import HTMLParser
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import axe_findings, wait_for, watched_page

ROOT = Path(__file__).resolve().parents[2]
SITE, DOCS = ROOT/'_build'/'site', ROOT/'docs'
sys.path += [str(DOCS), str(ROOT/'tools')]
pytest.importorskip('sphinx', reason='the docs site needs the extra [dev]')

from docs import Handler  # noqa: E402
from processing.api import read_package  # noqa: E402
from processing.build import made_of  # noqa: E402

if not (SITE/'made-of.txt').exists(): pytest.skip('docs: no site was built; make docs does it', allow_module_level=True)
if (SITE/'made-of.txt').read_text() != made_of(ROOT):
    pytest.skip('docs: the site is older than the package; make docs builds it', allow_module_level=True)

LESSON_LIMIT = 3_000_000  # bytes, everything that a page fetches until its end was seen
LESSON = 'lessons/01_your_first_model'
MODULES = read_package(ROOT/'fastlearn')
FINE_TUNE = next(entry for module in MODULES.values() for entry in module.entries if entry.short == 'fine_tune')
ENTRIES = MODULES[FINE_TUNE.module].notebook  # the page on which it is explained


class Reading(HTMLParser):
    "What a page links to, fetches, and can be linked to"
    def __init__(self):
        super().__init__()
        self.links, self.fetched, self.ids, self.pictures = [], [], set(), []

    def handle_starttag(self, tag: str, attributes) -> None:
        said = dict(attributes)
        if said.get('id'): self.ids.add(said['id'])
        if tag == 'a' and said.get('href'): self.links.append(said['href'])
        if tag == 'link' and said.get('rel') in ('stylesheet', 'icon', 'preload'): self.fetched.append(said['href'])
        if tag in ('script', 'img', 'iframe', 'source', 'video') and said.get('src'): self.fetched.append(said['src'])
        self.fetched += [f'/_static/{said[key]}' for key in ('data-script', 'data-state') if said.get(key)]
        if tag == 'img': self.pictures.append(said)


@cache
def read(path: Path) -> Reading:
    reading = Reading()
    reading.feed(path.read_text(encoding='utf-8'))
    return reading


def pages() -> list[Path]: return [path for path in sorted(SITE.rglob('*.html')) if '_static' not in path.parts]


def target(page: Path, address: str) -> Path:
    "The file that an address on a page means"
    path = unquote(urlsplit(address).path)
    found = (SITE/path.lstrip('/') if path.startswith('/') else page.parent/path) if path else page
    return (found/'index.html' if found.is_dir() else found).resolve()


def is_ours(address: str) -> bool: return not urlsplit(address).scheme and not address.startswith('//')


# --- files ---

def test_no_broken_link_or_anchor():
    broken = []
    for page in pages():
        for address in filter(is_ours, read(page).links):
            path, anchor = target(page, address), unquote(urlsplit(address).fragment)
            if not path.exists(): broken.append(f'{page.relative_to(SITE)}: {address}, no file')
            elif anchor and path.suffix == '.html' and anchor not in read(path).ids:
                broken.append(f'{page.relative_to(SITE)}: {address}, no such anchor')
    assert not broken, '\n'.join(broken[:40])


def test_everything_fetched_is_there_and_ours():
    missing = [f'{page.relative_to(SITE)}: {address}' for page in pages() for address in read(page).fetched
               if not address.startswith('data:') and not (is_ours(address) and target(page, address).exists())]
    assert not missing, '\n'.join(missing[:40])


def test_no_page_asks_for_mathjax_require_or_the_widget_manager():
    asked = re.compile(r'mathjax|require(\.min)?\.js|embed-amd|html-manager|cdn\.', re.I)
    assert not [(page.name, address) for page in pages() for address in read(page).fetched if asked.search(address)]


def test_plain_text_beside_every_page():
    said = (SITE/'llms.txt').read_text(encoding='utf-8')
    for address in re.findall(r'\]\(([^)]+)\)', said): assert (SITE/address).stat().st_size > 100, address
    assert f'({ENTRIES}.html.md)' in said and '## Course' in said
    text = (SITE/f'{ENTRIES}.html.md').read_text(encoding='utf-8')
    assert f'`{FINE_TUNE.name}(' in text and '#| hide' not in text and '{py:' not in text


def test_every_public_name_has_an_entry():
    for module in MODULES.values():
        ids, index = read(SITE/f'{module.notebook}.html').ids, read(SITE/'api.html').links
        for entry in module.entries:
            assert entry.full_name in ids, f'{entry.full_name} has no entry on {module.notebook}.html'
            assert f'{module.notebook}.html#{entry.full_name}' in index


def test_addresses_that_nbdev_gives_to_names_lead_somewhere():
    for page, name in [('training/metrics.html', 'error_rate'), ('training/trainer.html', 'fine_tune')]:
        text = (SITE/page).read_text(encoding='utf-8')
        leads = json.loads(re.search(r'const anchors = (\{.*?\})', text)[1])
        to = re.search(r"location\.replace\('([^']+)'", text)[1]
        assert leads[name] in read((SITE/page).parent/to).ids


def weight(page: Path) -> int:
    "Bytes of all that a page fetches, without compression, until its end was seen"
    files = {target(page, address) for address in read(page).fetched if not address.startswith('data:')}
    return sum(path.stat().st_size for path in {page, *files})


@pytest.mark.parametrize('page', sorted(SITE.glob('lessons/*.html')), ids=lambda page: page.stem)
def test_a_lesson_is_light(page): assert weight(page) <= LESSON_LIMIT


def test_every_picture_has_words():
    nameless = [(page.name, picture.get('src', '')[:80]) for page in pages() for picture in read(page).pictures
                if 'alt' not in picture]
    assert not nameless


def test_shared_picture():
    from PIL import Image
    assert Image.open(SITE/'_static'/'shared.png').size == (1200, 630)
    settings = (Path(__file__).parents[2]/'settings.ini').read_text(encoding='utf-8')
    has_address = bool(re.search(r'^doc_host *= *\S', settings, re.M))  # a card elsewhere needs a whole address
    assert ('_static/shared.png"' in (SITE/'index.html').read_text(encoding='utf-8')) == has_address


# --- in a browser ---

class Quiet(Handler):
    def log_message(self, *_): pass


@pytest.fixture(scope='module')
def address():
    "Of the site, served by this machine"
    server = ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(chromium, address):
    "A function that opens a page of the site in a window of its own"
    windows = []
    def open_page(name: str, **options):
        windows.append(watched_page(chromium, **{'viewport': {'width': 1280, 'height': 900}} | options))
        page = windows[-1].__enter__()
        page.goto(f'{address}/{name}')
        return page
    yield open_page
    for window in windows: window.__exit__(None, None, None)


@pytest.mark.parametrize('name', ['index.html', f'{LESSON}.html', 'gallery.html'])
def test_a_replay_plays(opened, name):
    page = opened(name)
    page.locator('.live').first.scroll_into_view_if_needed()
    slider = page.get_by_role('slider', name='Step of the run').first
    slider.fill('3')
    before = page.locator('.fl-run').first.inner_text()
    page.get_by_role('button', name='Play').first.click()
    wait_for(page, lambda: int(slider.input_value()) > 5)
    assert page.locator('.fl-run').first.inner_text() != before


def test_an_explorer_can_be_dragged(opened):
    page = opened('training/04_optimizer.html')
    explorer = page.locator('.live[data-mount="mountGradientDescent"]')
    explorer.scroll_into_view_if_needed()
    slider, drawing = explorer.get_by_role('slider').first, explorer.locator('svg').last
    before, value = drawing.inner_html(), slider.input_value()
    box = slider.bounding_box()
    page.mouse.move(box['x'] + box['width']/2, box['y'] + box['height']/2)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] - 4, box['y'] + box['height']/2, steps=4)
    page.mouse.up()
    assert slider.input_value() != value
    explorer.locator('button', has_text='Step').click()
    wait_for(page, lambda: drawing.inner_html() != before)


def test_what_is_far_away_is_fetched_late(opened):
    page = opened('gallery.html')
    page.locator('.fl-run').first.wait_for()
    mounted, places = (page.locator(which).count() for which in ('.live [data-mounted]', '.live'))
    assert 1 <= mounted < places
    page.locator('.live').last.scroll_into_view_if_needed()
    page.locator('.live').last.locator('[data-mounted]').wait_for()


@pytest.mark.parametrize(('words', 'expected'), [
    ('fine_tune', f'{ENTRIES}.html#{FINE_TUNE.full_name}'),
    ('head', 'terms.html#')])
def test_search(opened, words, expected):
    page = opened('index.html')
    page.keyboard.press('Control+k')
    page.locator('#pst-search-dialog input').fill(words)
    page.keyboard.press('Enter')
    page.get_by_role('status').filter(has_text=f'for “{words}”').wait_for()
    links = page.locator('#search-results a').evaluate_all('links => links.map(link => link.getAttribute("href"))')
    assert any(expected in href for href in links[:5])


def test_search_in_files_and_while_typing(chromium):
    "A page opened from the disk may fetch nothing: the watched page fails on a message in the console"
    with watched_page(chromium) as page:
        page.goto((SITE/'search.html').as_uri() + '?q=own+pictures')
        hits = page.locator('.hit')
        hits.first.wait_for()
        assert hits.first.locator('a').first.get_attribute('href') == 'how-to/own-pictures.html'
        assert 'Your own images' in hits.first.inner_text() and not page.locator('.definition').count()
        page.get_by_role('searchbox').last.fill('overfitting')
        page.locator('.definition', has_text='overfitting').wait_for()
        hits.first.locator('a').first.click()
        page.wait_for_url('**/training/06_training.html*')


def test_an_address_that_leads_nowhere(chromium, address):
    with watched_page(chromium) as page:
        page.goto(f'{address}/training/old/02_hinge_loss.html')
        page.problems.clear()             # the browser notes that the address was not found
        page.get_by_role('link', name='Search for “hinge loss”').click()
        page.locator('.hit').first.wait_for()
        page.goto(f'{address}/training/old/x.html')
        page.get_by_role('link', name='Glossary').last.click()
        page.wait_for_url(f'{address}/terms.html')
        page.problems.clear()


def test_every_page_says_its_version_and_offers_its_notebook(opened):
    page = opened(f'{LESSON}.html')
    assert page.locator('.version').inner_text().startswith('Version ')
    names = page.get_by_role('navigation', name='This page').get_by_role('link').all_inner_texts()
    assert {'Download notebook', 'Cite'} <= set(names)
    with page.expect_download() as got: page.get_by_role('link', name='Download notebook').first.click()
    cells = json.loads(Path(got.value.path()).read_text(encoding='utf-8'))['cells']
    assert 'installs fastlearn' in ''.join(cells[1]['source'])


def test_no_script_no_harm(opened):
    page = opened(f'{LESSON}.html', java_script_enabled=False)
    assert page.locator('.live img').first.get_attribute('src').startswith('../_static/figures/')
    assert page.get_by_role('heading', level=1).inner_text().strip('#')


def test_addresses_without_a_number_lead_on(opened, address):
    "Those that nbdev gives to names"
    page = opened(f'{re.sub(r"/[0-9]+[a-z]?_", "/", ENTRIES)}.html#{FINE_TUNE.name.lower()}')
    page.wait_for_url(f'{address}/{ENTRIES}.html#{FINE_TUNE.full_name}')


def test_names_can_be_narrowed_down(opened):
    page = opened('api.html')
    page.get_by_label('Only names with').fill('fine_tune')
    left = page.locator('ul.names a:visible').all_inner_texts()
    assert FINE_TUNE.name in left and all('fine_tune' in name for name in left)


def test_the_keyboard_comes_past_the_navigation(opened):
    page = opened(f'{LESSON}.html')
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent').strip() == 'Skip to main content'
    page.keyboard.press('Enter')
    page.keyboard.press('Tab')
    assert page.evaluate('document.querySelector("#main-content").contains(document.activeElement)')


def test_on_paper_all_code_is_there(opened):
    page = opened(f'{ENTRIES}.html')
    page.emulate_media(media='print')
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert not page.locator('main details:not([open])').count()
    assert not page.locator('.bd-sidebar-primary').is_visible()


def test_every_page_on_a_phone(chromium, address):
    wide = []
    with watched_page(chromium, viewport={'width': 400, 'height': 800}) as page:
        for path in pages():
            if '<meta http-equiv="refresh"' in path.read_text(encoding='utf-8')[:20_000]: continue
            page.goto(f'{address}/{path.relative_to(SITE).as_posix()}', wait_until='load')
            width = page.evaluate('document.documentElement.scrollWidth')
            if width > 400: wide.append(f'{path.relative_to(SITE)}: {width} pixels')
            if page.problems: page.problems.append(f'on {path.relative_to(SITE)}'); break
    assert not wide, '\n'.join(wide)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('name', ['index', LESSON, ENTRIES, 'api', 'gallery', 'search', '404'])
def test_axe_finds_nothing_serious(opened, name, scheme):
    page = opened(f'{name}.html' + '?q=head'*(name == 'search'), color_scheme=scheme)
    for place in page.locator('.live').all():
        place.scroll_into_view_if_needed()
        place.locator('[data-mounted]').wait_for()
    serious = axe_findings(page)
    assert not serious, '\n'.join(map(str, serious))
