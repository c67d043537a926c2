"""The page that trains, opened as a file in Chromium: nothing may leave the machine.

Members of the kind: own images of two classes with a file that is none and a name with markup; training, confusion
matrix, a new image, the file in Python, a file of Python in the page; Stop; a reload in the middle; one class; one
image of each class; images of 12 megapixels; the camera; a loss that is not a number; the six lines on images that
come along, with nothing fetched before Run; the page in the dark and on a phone; the six lines and the whole of
"Teach it your pictures" in Firefox.
"""
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from browsing import ARGS, axe_findings, drawn, find_browser, leaves, Notebook, PHONE, small_targets, watched_page
from fastlearn.all import get_image_files, ImageDataLoaders, load_learner, Resize, resnet10, vision_learner
from fastlearn.course.in_browser import engine_scripts, images_script, TeachPage
from PIL import Image

MARKUP = '<script>alert(1)</script>'
RUN_SCRIPT = Path(__file__).resolve().parents[2]/'docs'/'static'/'run.js'


def is_cat(name: str) -> bool: return name[0].isupper()


@pytest.fixture(scope='module')
def pets(few_pets) -> ImageDataLoaders:
    return ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets)[::2], valid_pct=.25, seed=1, bs=16,
                                           item_tfms=Resize(32), device='cpu',
                                           label_func=lambda name: 'cat' if is_cat(name) else 'dog')


@pytest.fixture(scope='module')
def teach(tmp_path_factory) -> str:
    return TeachPage().to_html(tmp_path_factory.mktemp('teach')/'teach.html').as_uri()


@pytest.fixture(scope='module')
def photos(few_pets, tmp_path_factory) -> dict[str, list[Path]]:
    "12 images of each class; one file among them is none"
    files = get_image_files(few_pets)
    found = {name: [file for file in files if is_cat(file.name) == (name == 'cat')][:12] for name in ('cat', 'dog')}
    broken = tmp_path_factory.mktemp('photos')/'notes.png'
    broken.write_text('no image')
    return found | {'dog': [*found['dog'], broken]}


@pytest.fixture
def page(chromium, teach):
    with watched_page(chromium, viewport={'width': 1100, 'height': 1400}) as page:
        page.goto(teach)
        yield page


def choose(page, button: str, files) -> None:
    with page.expect_file_chooser() as asked: page.get_by_role('button', name=button).click()
    asked.value.set_files(files)


def give(page, photos: dict, names: dict) -> None:
    for number, (kind, name) in enumerate(names.items(), 1):
        page.get_by_label(f'Name of class {number}').fill(name)
        choose(page, f'Choose images of {name}', photos[kind])
        page.get_by_text('12 images', exact=True).nth(number - 1).wait_for()


def train(page, epochs: str = '1', **chosen) -> None:
    page.get_by_label('Epochs for all layers').select_option(epochs)
    for label, value in chosen.items(): page.get_by_label(label.replace('_', ' ')).select_option(value)
    page.get_by_role('button', name='Train', exact=True).click()


def test_own_images_from_the_file_to_python(page, photos, few_pets, tmp_path):
    give(page, photos, {'cat': 'cat', 'dog': MARKUP})
    page.get_by_text('notes.png cannot be read as an image').wait_for()
    train(page)
    page.get_by_text(re.compile('of 6 held-out images were misclassified')).wait_for()
    assert page.get_by_role('status').filter(has_text='Finished').count() == 1
    table = page.locator('.fl-confusion')
    assert MARKUP in table.inner_text() and not page.locator('script:text("alert")').count()
    assert sum(int(text) for text in table.locator('td').all_inner_texts() if text) == 6
    assert page.locator('.fl-table tbody tr').count() == 14  # 13 epochs of the head have 25 steps, and one of all
    new = get_image_files(few_pets)[-1]
    choose(page, 'Choose images to predict', [new])
    card = page.locator('.fl-answer')
    card.wait_for()
    with page.expect_download() as saved: page.get_by_role('button', name='Download the model').click()
    saved.value.save_as(path := tmp_path/'model.safetensors')
    learn = load_learner(path)
    assert list(learn.dls.vocab) == ['cat', MARKUP] and learn.about['history']['steps'] == 28
    label, _, probabilities = learn.predict(new)
    shown = dict(re.findall(r'(\S+) >?(\d+)%', card.inner_text()))
    assert card.locator('.fl-best').inner_text().startswith(str(label))
    assert abs(float(shown['cat'])/100 - probabilities[0]) < .03
    with page.expect_download() as saved: page.get_by_role('button', name='Download the run').click()
    saved.value.save_as(replay := tmp_path/'run.html')
    page.once('dialog', lambda dialog: dialog.accept())  # leaving loses the images
    page.goto(replay.as_uri())
    page.get_by_text('Finished').wait_for()
    page.locator('.fl-table tbody tr').nth(13).wait_for()  # parts that take longer are drawn in a later frame
    assert page.locator('.fl-table tbody tr').count() == 14 and MARKUP in page.content().replace('\\u003c', '<')


def test_in_a_notebook_without_its_kernel(chromium, lab, photos):
    "The last line of a cell shows the page in JupyterLab; it trains after the kernel has ended"
    lab.write('teach.ipynb', 'from fastlearn.course.in_browser import TeachPage\nTeachPage()')
    with watched_page(chromium, viewport={'width': 1366, 'height': 900}) as page:
        notebook = Notebook(page, lab, 'teach.ipynb')
        notebook.run(0)
        page.get_by_role('button', name='Train', exact=True).wait_for()
        lab.end_kernels('teach.ipynb')
        give(page, photos, {'cat': 'cat', 'dog': 'dog'})
        train(page)
        page.get_by_text(re.compile('of 6 held-out images were misclassified')).wait_for()
        assert sum(int(text) for text in page.locator('.fl-confusion td').all_inner_texts() if text) == 6


def test_a_model_of_python_opens(page, pets, tmp_path):
    learn = vision_learner(pets, resnet10, quiet=True)
    learn.fine_tune(1)
    choose(page, 'Open a model from Python', learn.export(tmp_path/'pets.safetensors'))
    page.get_by_text('pets.safetensors: its classes are cat, dog').wait_for()
    file = pets.valid.items[0]
    choose(page, 'Choose images to predict', [file])
    page.locator('.fl-answer').wait_for()
    expected = learn.predict(file)
    found = dict(re.findall(r'(cat|dog) >?(\d+)%', page.locator('.fl-answer').inner_text()))
    assert abs(float(found['cat'])/100 - expected.probabilities[0]) < .03
    (tmp_path/'other.safetensors').write_bytes(b'PK' + bytes(200))
    choose(page, 'Open a model from Python', tmp_path/'other.safetensors')
    page.get_by_text('not a complete safetensors file').wait_for()


def test_a_page_without_images_says_what_training_needs(chromium, teach):
    "A button that cannot be pressed has its reason beside it, before anything was chosen"
    with watched_page(chromium) as page:
        page.goto(teach)
        assert page.get_by_role('button', name='Train', exact=True).is_disabled()
        reason, train = page.get_by_text('images of at least two classes'), page.locator('.fl-teach .fl-main').first
        assert 0 <= train.bounding_box()['y'] - reason.bounding_box()['y'] < 60


def test_a_file_that_is_no_image_is_named_and_the_result_is_one_click_away(page, photos, tmp_path):
    (tmp_path/'list.txt').write_text('no image')
    (tmp_path/'.DS_Store').write_text('of the system')
    choose(page, 'Choose images of class 1', [photos['cat'][0], tmp_path/'list.txt', tmp_path/'.DS_Store'])
    page.get_by_text('1 file is not an image: list.txt').wait_for()
    give(page, photos | {'cat': photos['cat'][1:]}, {'cat': 'cat', 'dog': 'dog'})
    see = page.get_by_role('button', name='See the result')
    assert not see.is_visible()
    train(page)
    page.get_by_text(re.compile(r'Done: \d of 6 held-out images are misclassified')).wait_for()
    title = page.get_by_role('heading', name='What it has learned')
    assert title.bounding_box()['y'] > page.viewport_size['height']
    see.click()
    page.wait_for_function('title => title.getBoundingClientRect().bottom < innerHeight', arg=title.element_handle())
    choose(page, 'Choose images to predict', [photos['dog'][0], tmp_path/'list.txt'])
    page.get_by_text(re.compile('; 1 file is not an image: list.txt')).wait_for()
    assert page.locator('.fl-answer').count() == 1


def test_one_class_cannot_be_learned(page, photos):
    give(page, photos, {'cat': 'cat'})
    page.get_by_text('nothing to classify').wait_for()
    assert page.get_by_role('button', name='Train', exact=True).is_disabled()


def test_stop_and_two_runs_compared(page, photos):
    give(page, photos, {'cat': 'cat', 'dog': 'dog'})
    train(page, '20')
    page.get_by_text('training the whole network').first.wait_for()
    page.get_by_role('button', name='Stop training').click()
    page.get_by_text(re.compile('held-out images were misclassified')).wait_for()
    page.get_by_text(re.compile(r'stopped after step \d+')).first.wait_for()
    train(page, '1', Start_from='scratch')
    page.locator('.fl-runs tbody tr').nth(1).wait_for()
    assert 'from scratch' in page.locator('.fl-runs tbody tr').nth(1).inner_text()
    page.get_by_role('button', name='Compare the last two runs').click()
    page.locator('.fl-compared').wait_for()


def test_a_reload_in_the_middle_asks_first(page, photos):
    "Images and network live in the page alone; who stays loses nothing"
    give(page, photos, {'cat': 'cat', 'dog': 'dog'})
    train(page)
    page.get_by_text('training the head').first.wait_for()
    asked = []
    page.once('dialog', lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate('void setTimeout(() => location.reload())')
    page.get_by_text(re.compile('of 6 held-out images were misclassified')).wait_for()
    assert asked == ['beforeunload']
    assert page.get_by_text('12 images', exact=True).count() == 2


def test_one_image_of_each_class(page, photos):
    for number, kind in enumerate(('cat', 'dog'), 1):
        page.get_by_label(f'Name of class {number}').fill(kind)
        choose(page, f'Choose images of {kind}', photos[kind][:1])
    page.get_by_text('cat has 1 image. Each class needs two').wait_for()
    page.get_by_text('dog has 1 image. Each class needs two').wait_for()
    assert page.get_by_role('button', name='Train', exact=True).is_disabled()


def test_images_of_twelve_megapixels(page, tmp_path):
    "Each is made small where it is read: the page keeps 64 pixels of a side, whatever the camera wrote"
    rng = np.random.default_rng(0)
    for kind, color in (('red', (200, 40, 40)), ('blue', (40, 40, 200))):
        for i in range(3):
            small = np.clip(np.array(color) + rng.normal(0, 25, (30, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(small).resize((4000, 3000)).save(tmp_path/f'{kind}{i}.jpg', quality=80)
    for number, kind in enumerate(('red', 'blue'), 1):
        page.get_by_label(f'Name of class {number}').fill(kind)
        choose(page, f'Choose images of {kind}', sorted(tmp_path.glob(f'{kind}*.jpg')))
        page.get_by_text('3 images', exact=True).nth(number - 1).wait_for()
    shown = page.locator('.fl-thumbs img').first
    assert shown.evaluate('image => [image.naturalWidth, image.naturalHeight]') == [85, 64]
    train(page)
    page.get_by_text(re.compile('of 2 held-out images were misclassified')).wait_for()


def test_the_camera(chromium, teach):
    "A camera that shows a test picture; it ends when it is closed"
    camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
    browser = chromium.browser_type.launch(executable_path=find_browser(), args=[*ARGS, *camera])
    try:
        with watched_page(browser) as page:
            page.goto(teach)
            page.get_by_role('button', name='Camera').first.click()
            page.get_by_role('button', name='Take a photo').first.click()
            page.get_by_text('1 image', exact=True).wait_for()
            page.get_by_role('button', name='Take a photo').first.click()
            page.get_by_text('2 images', exact=True).wait_for()
            page.get_by_role('button', name='Close camera').click()
            assert page.locator('video').first.evaluate('video => video.srcObject === null')
    finally: browser.close()


SHADOWS = "[...document.querySelectorAll('*')].filter(one => one.shadowRoot).map(one => one.shadowRoot)"


def test_firefox_runs_the_six_lines(firefox, pets, tmp_path):
    for name, script in (engine_scripts() | {'pets': images_script(pets)}).items():
        (tmp_path/f'{name}.js').write_text(script, encoding='utf-8')
    (tmp_path/'index.html').write_text('<!doctype html><meta charset="utf-8"><div id="here"></div>'
                                       '<script src="page.js"></script>', encoding='utf-8')
    firefox.open((tmp_path/'index.html').as_uri())
    firefox.evaluate("void window.fastlearnParts.mountSixLines(document.querySelector('#here'), { isPressed: true })")
    firefox.wait(f"{SHADOWS}.some(root => root.textContent.includes('Done. Drag the slider'))")
    firefox.wait(f"{SHADOWS}.some(root => root.querySelectorAll('.fl-table tbody tr').length === 26)")  # a frame later
    assert not firefox.problems


def test_firefox_learns_own_images(firefox, teach, photos):
    firefox.open(teach)
    for number, kind in enumerate(('cat', 'dog')):
        row = f"{SHADOWS}.flatMap(root => [...root.querySelectorAll('.fl-class')])[{number}]"
        firefox.evaluate(f"(() => {{ const name = {row}.querySelector('.fl-name'); name.value = '{kind}';"
                         "name.dispatchEvent(new Event('input')); })()")
        firefox.give_files(f"{row}.querySelector('input[type=file]')", photos[kind][:12])
        firefox.wait(f"{row}.textContent.includes('12 images')")
    firefox.evaluate(f"{SHADOWS}.flatMap(root => [...root.querySelectorAll('button')])"
                     ".find(one => one.textContent === '▶ Train').click()")
    firefox.wait(f"{SHADOWS}.some(root => root.textContent.includes('held-out images were misclassified'))")
    assert not firefox.problems


def test_a_rate_that_is_far_too_large(page, photos):
    "Either it learns badly, or it ends with a sentence; the weights stay numbers"
    give(page, photos, {'cat': 'cat', 'dog': 'dog'})
    train(page, Learning_rate='0.5')
    page.get_by_text(re.compile('held-out images were misclassified')).wait_for()
    assert 'NaN' not in page.locator('.fl-table').inner_text()


def test_the_six_lines_fetch_nothing_before_run(chromium, pets, tmp_path):
    for name, script in (engine_scripts() | {'pets': images_script(pets)}).items():
        (tmp_path/f'{name}.js').write_text(script, encoding='utf-8')
    shutil.copy(RUN_SCRIPT, tmp_path)
    place = ('<div class="run-here" data-engine="page.js"><button>Run</button><span></span></div>'
             '<script src="run.js"></script>')
    (tmp_path/'index.html').write_text(f'<!doctype html><meta charset="utf-8"><body>{place}</body>', encoding='utf-8')
    with watched_page(chromium) as page:
        asked = []
        page.on('request', lambda request: asked.append(request.url.rpartition('/')[2]))
        page.goto((tmp_path/'index.html').as_uri())
        page.wait_for_load_state('networkidle')
        assert asked == ['index.html', 'run.js']
        page.get_by_role('button', name='Run').click()
        page.get_by_text('Done. Drag the slider').wait_for()
        assert page.locator('.fl-table tbody tr').count() == 26
        scripts = [name for name in asked if name.endswith('.js')]
        assert set(scripts) == {'run.js', 'page.js', 'worker.js', 'dashboard.js', 'weights.js', 'pets.js'}
        assert sum((tmp_path/name).stat().st_size for name in scripts if name != 'pets.js') < 4e6
        assert page.locator('.fl-run img').count() == 6


LOOKS = pytest.mark.parametrize(('width', 'scheme'), [(400, 'dark'), (400, 'light'), (1600, 'dark'), (1280, 'light')])


@pytest.fixture(scope='module')
def finished(chromium, teach, photos):
    "The page after one training; for looking at it in several widths and colors"
    with watched_page(chromium, viewport={'width': 400, 'height': 900}, color_scheme='dark', bypass_csp=True) as page:
        page.goto(teach)
        page.before = axe_findings(page)
        give(page, photos, {'cat': 'cat', 'dog': 'dog'})
        train(page)
        page.get_by_text(re.compile('held-out images were misclassified')).wait_for()
        yield page


def look(page, width: int, scheme: str) -> None:
    page.set_viewport_size({'width': width, 'height': 900})
    page.emulate_media(color_scheme=scheme)
    drawn(page)


@LOOKS
def test_fits_and_speaks(finished, width, scheme):
    "No part is wider than the page; every control has a name"
    look(finished, width, scheme)
    assert finished.evaluate('innerWidth') == width >= finished.evaluate('document.documentElement.scrollWidth')
    named = finished.evaluate("""() => [...document.querySelectorAll('*')].flatMap(host => host.shadowRoot
        ? [...host.shadowRoot.querySelectorAll('button, input:not([hidden]), select')] : [])
        .filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length)).length""")
    assert named == 0


@LOOKS
def test_axe_finds_nothing_serious(finished, width, scheme):
    look(finished, width, scheme)
    assert not axe_findings(finished)


def test_axe_finds_nothing_serious_before_a_training(chromium, teach, finished):
    assert not finished.before                        # dark
    with watched_page(chromium, color_scheme='light', bypass_csp=True) as page:
        page.goto(teach)
        assert not axe_findings(page)


def focused(page) -> str:
    "The name of the control that has the focus"
    return page.evaluate("""() => {
        const one = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
        return one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent || '';
    }""").strip()


def tab_to(page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press('Tab')
        if focused(page).startswith(name): return
    raise AssertionError(f'no Tab leads to {name}')


def test_everything_with_the_keyboard(page, photos):
    "From the first name to the answer for a new image; the focus never gets lost"
    page.on('filechooser', lambda asked: None)  # from now on, or the first dialog may open before it is caught
    for number, (kind, files) in enumerate(photos.items(), 1):
        tab_to(page, f'Name of class {number}')
        page.keyboard.type(kind)
        tab_to(page, f'Choose images of {kind}')
        with page.expect_file_chooser() as asked: page.keyboard.press('Enter')
        asked.value.set_files(files)
        page.get_by_text('12 images', exact=True).nth(number - 1).wait_for()
    tab_to(page, 'Epochs for all layers')
    page.keyboard.press('Home')
    tab_to(page, 'Train')
    page.keyboard.press('Enter')
    page.get_by_text(re.compile('held-out images were misclassified')).wait_for()
    tab_to(page, 'Step of the run')
    page.keyboard.press('Home')
    page.get_by_text(re.compile('step 0 of')).wait_for()
    tab_to(page, 'Choose images to predict')
    with page.expect_file_chooser() as asked: page.keyboard.press('Space')
    asked.value.set_files(photos['cat'][0])
    page.locator('.fl-answer').wait_for()


def test_a_finger_hits_every_control(chromium, teach):
    with watched_page(chromium, **PHONE) as page:
        page.goto(teach)
        assert not small_targets(page)
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def test_the_page_asks_no_server():
    scripts = json.dumps(engine_scripts())
    assert not [url for url in re.findall(r'https?://[\w.:/-]+', scripts) if leaves(url) and 'w3.org' not in url]
