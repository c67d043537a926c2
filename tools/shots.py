"""Screenshots of what a person sees, in _build/shots: python tools/shots.py [words that a name must have]

The dashboard of a real run: live in JupyterLab, and its exported pages at three widths, light and dark. Pages of the
docs site, as `make docs` built it: python tools/shots.py site. And the pictures in README.md: docs/dashboard.png from
the first run of the gallery, and docs/teach.png of the page that trains: python tools/shots.py picture. What people
stumbled over, each at three widths in light and dark, by names that stay: python tools/shots.py findings; the same
command in an older checkout shows it before.
"""
import json, os, re, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT/'tests'/'support'), str(ROOT/'docs')]
from browsing import ARGS, Notebook, running_lab, wait_for, watched_page  # noqa: E402

from browser import provide_browser  # noqa: E402

SHOTS = ROOT/'_build'/'shots'
WIDTHS = 400, 1120, 1600
RUN = '''
import time
from fastlearn.all import *
from fastlearn.dashboard.compare import compare
from fastlearn.observers import Observer

path = untar_data(URLs.MINI_PETS)
def is_cat(name): return name[0].isupper()
dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=.2, seed=42, label_func=is_cat,
                                      item_tfms=Resize(64))

class Wait(Observer):
    "In the middle of the run, until the pictures are taken"
    def after_step(self, history, step):
        limit = time.monotonic() + 600
        while len(history.losses) == 40 and not Path('taken').exists() and time.monotonic() < limit: time.sleep(.05)

learn = vision_learner(dls, resnet10, metrics=error_rate)
learn.default_observers = [*learn.default_observers, lambda learn: Wait()]
'''
PAGES = '''
learn.dashboard().to_html('run.html')
scratch = vision_learner(dls, resnet10, metrics=error_rate, weights=None)
scratch.unfreeze()
scratch.fit_one_cycle(4, 2e-3, dashboard=False)
compare(learn, scratch, names=('pretrained', 'from scratch')).to_html('compare.html')
'''


def press(page, *names: str) -> None:
    for name in names:
        for button in page.get_by_role('button', name=name, exact=True).all(): button.click()


def read(page, *keys: str) -> None:
    for key in keys: page.get_by_role('application', name='Loss').press(key)


# what is done to the page of the run before the picture is taken
STATES = {
    'finished': lambda page: None,
    'middle': lambda page: page.get_by_role('slider', name='Step of the run').fill('40'),
    'difference': lambda page: press(page, 'difference'),
    'enlarged': lambda page: page.get_by_role('button', name='Filter 9,').click(),
    'read': lambda page: (press(page, 'log', 'per summed learning rate'), read(page, 'Home', 'PageUp', 'PageUp')),
    'compare': lambda page: press(page, 'difference'),
}


def take(target, name: str, **options) -> None:
    "One picture, once all that changed is drawn"
    page = getattr(target, 'page', target)
    page.wait_for_function('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))')
    target.screenshot(path=SHOTS/f'{name}.png', **options)
    print((SHOTS/f'{name}.png').relative_to(ROOT), flush=True)


def take_live(page, notebook: Notebook) -> None:
    "In JupyterLab, in the middle and at the end, in both themes"
    def both(name):
        for theme in 'Dark', 'Light':
            change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
            page.evaluate(change, f'JupyterLab {theme}')
            page.locator(f'body[data-jp-theme-light="{str(theme == "Light").lower()}"]').wait_for(state='attached')
            take(page, f'lab-{name}-{theme.lower()}')
    notebook.run(0)
    notebook.run(1, wait=False)
    wait_for(page, lambda: 'step 40 of' in notebook.dashboards.inner_text())
    both('live')
    notebook.path.with_name('taken').touch()
    notebook.wait_idle()
    notebook.dashboards.get_by_text('Finished').wait_for()
    both('finished')


def take_pages(chromium, folder: Path, wanted) -> None:
    "Of the exported pages, as files without a network"
    for width in WIDTHS:
        for scheme in 'light', 'dark':
            options = {'viewport': {'width': width, 'height': 900}, 'color_scheme': scheme, 'offline': True}
            for state, prepare in STATES.items():
                name = f'{state}-{width}-{scheme}'
                if not wanted(name): continue
                with watched_page(chromium, **options) as page:
                    page.goto((folder/('compare.html' if state == 'compare' else 'run.html')).as_uri())
                    prepare(page)
                    take(page, name, full_page=True)


SITE = {'home': 'index', 'lesson': 'lessons/01_your_first_model', 'api': 'training/13_learner', 'names': 'api',
        'gallery': 'gallery', 'library': 'library', 'glossary': 'terms', 'benchmarks': 'benchmarks'}


def take_site(chromium, wanted) -> None:
    "The pages of the docs, wide and as on a phone, scrolled through once so that what is fetched late is there"
    for width in 400, 1280:
        for scheme in 'light', 'dark':
            options = {'viewport': {'width': width, 'height': 900}, 'color_scheme': scheme}
            for title, name in SITE.items():
                shot, file = f'site-{title}-{width}-{scheme}', ROOT/'_build'/'site'/f'{name}.html'
                if not wanted(shot) or not file.exists(): continue
                with watched_page(chromium, **options, offline=True) as page:
                    page.goto(file.as_uri())
                    scroll_through(page)
                    take(page, shot, full_page=True)


def scroll_through(page) -> None:
    page.evaluate("""async () => {
        for (let at = 0; at < document.documentElement.scrollHeight; at += 700) {
            window.scrollTo(0, at);
            await new Promise(done => setTimeout(done, 60));
        }
        window.scrollTo(0, 0);
    }""")


# --- findings ---

SIZES = (1366, 768), (600, 900), (390, 844)
VIEWS = [(*size, scheme) for size in SIZES for scheme in ('light', 'dark')]
MADE = 'figures', 'dashboard', 'second-run', 'two-classes', 'compare'  # pages of short runs, see `write_found`
FOUND_ON_SITE = {  # what people stumbled over: the page that shows it, and what is scrolled to
    'search-own-pictures': ('search.html?q=own+pictures', ''), 'search-term': ('search.html?q=batch+normalization', ''),
    'search-error': ('search.html?q=cuda+out+of+memory', ''), 'home': ('index.html', ''), 'teach': ('teach.html', ''),
    'teach-page': ('teach.html', '.fl-run'), 'lesson': ('lessons/01_your_first_model.html', ''),
    'long-lines': ('lessons/01_your_first_model.html', 'div.highlight'), 'not-found': ('404.html', ''),
    'lesson-run': ('lessons/01_your_first_model.html', '[data-mounted]'), 'cite': ('cite.html', ''),
    'page-links': ('lessons/01_your_first_model.html', '.page-links'), 'chapter': ('training/13_learner.html', ''),
    'glossary': ('terms.html', ''), 'own-photos': ('how-to/own-pictures.html', ''), 'course': ('START.html', ''),
    'detective': ('lessons/10_model_detective.html', '[data-mounted]'), 'compared': ('gallery.html', '.fl-compared'),
    'recipes': ('course/14_recipe_duel.html', '.fl-run'), 'dial': ('course/15_dissimilarity.html', '.fl-run')}


def shot_of(name: str, width: int, height: int, scheme: str) -> str: return f'findings-{name}-{width}-{scheme}'


def write_found(folder: Path) -> None:
    "Pages of two short runs: the dashboard, the comparison, the errors of two classes, and figures as in a notebook"
    import base64, io
    from fastlearn.all import (
        ClassificationInterpretation, compare, Dashboard, error_rate, get_image_files, ImageDataLoaders, Resize,
        resnet10, show_occlusion, untar_data, URLs, vision_learner)
    from matplotlib import pyplot as plt
    path = untar_data(URLs.MINI_PETS, progress=False)
    def is_cat(name): return name[0].isupper()
    dls = ImageDataLoaders.from_name_func(path, get_image_files(path)[::4], valid_pct=.2, seed=42, label_func=is_cat,
                                          item_tfms=Resize(64), device='cpu')
    learners = [vision_learner(dls, resnet10, metrics=error_rate, weights=weights) for weights in ('default', None)]
    for learn in learners: learn.fine_tune(2)
    learn = learners[0]
    interp, figures = ClassificationInterpretation.from_learner(learn), []
    for draw in (interp.plot_confusion_matrix, lambda: interp.plot_top_losses(4), lambda: dls.show_batch(max_n=4),
                 lambda: show_occlusion(learn, [0])):
        draw()
        plt.gcf().savefig(file := io.BytesIO(), bbox_inches='tight')
        figures.append(f'<p><img style="max-width:100%" src="data:image/png;base64,'
                       f'{base64.b64encode(file.getvalue()).decode()}"></p>')
        plt.close('all')
    style = '<meta name="color-scheme" content="light dark"><style>body{background:light-dark(#fff,#111)}</style>'
    (folder/'figures.html').write_text(style + ''.join(figures), encoding='utf-8')
    learn.dashboard().to_html(folder/'dashboard.html')
    learn.fit_one_cycle(1)
    Dashboard(learn.history, view={}).to_html(folder/'second-run.html')
    interp.browse().to_html(folder/'two-classes.html')
    compare(*learners, names=('pretrained', 'from scratch')).to_html(folder/'compare.html')


def take_found(chromium, wanted) -> None:
    "What is inside of the window, as a person meets it"
    site, folder = ROOT/'_build'/'site', Path(tempfile.mkdtemp())
    places = {name: (f'{site.as_uri()}/{page}', part) for name, (page, part) in FOUND_ON_SITE.items()
              if (site/page.partition('?')[0]).exists()}
    if any(wanted(shot_of(name, *how)) for name in MADE for how in VIEWS): write_found(folder)
    places |= {name: ((folder/f'{name}.html').as_uri(), '') for name in MADE if (folder/f'{name}.html').exists()}
    for name, (address, part) in places.items():
        for width, height, scheme in VIEWS:
            if not wanted(shot := shot_of(name, width, height, scheme)): continue
            options = {'viewport': {'width': width, 'height': height}, 'color_scheme': scheme}
            with watched_page(chromium, **options) as page:
                page.goto(address)
                page.wait_for_timeout(300)
                if part and page.locator(part).count():
                    page.locator(part).first.evaluate('part => { part.scrollIntoView(); scrollBy(0, -80); }')
                page.wait_for_timeout(300)
                page.problems.clear()  # 404.html is for a server: as a file its links lead nowhere
                take(page, shot)


def take_picture(chromium) -> None:
    "docs/dashboard.png: the gallery's first run, in the middle of it"
    from fastlearn.core.interactive import page_html
    from processing.pictures import small_png
    cells = json.loads((ROOT/'_build'/'notebooks'/'docs'/'gallery.ipynb').read_text(encoding='utf-8'))['cells']
    run = next(text for cell in cells for output in cell.get('outputs', [])
               if 'data-fastlearn' in (text := ''.join(output.get('data', {}).get('text/html', ''))))
    path = ROOT/'docs'/'dashboard.png'
    with watched_page(chromium, viewport={'width': 1120, 'height': 900}, color_scheme='light', offline=True) as page:
        page.set_content(re.sub('<body>', '<body style="margin: 0">', page_html('A run', run)))
        STATES['middle'](page)
        page.evaluate('document.querySelector("[data-mounted] > *").shadowRoot.activeElement.blur()')
        page.locator('.fl-run').screenshot(path=path)
    small_png(path)
    print(path.relative_to(ROOT), f'{path.stat().st_size/1000:.0f} kB')


def take_teach(chromium) -> None:
    "docs/teach.png: the page that trains, with the drawn cats and dogs, after a run"
    from processing.pictures import small_png
    path = ROOT/'docs'/'teach.png'
    with watched_page(chromium, viewport={'width': 1366, 'height': 1500}, color_scheme='light', offline=True) as page:
        page.goto((ROOT/'_build'/'site'/'teach.html').as_uri())
        page.get_by_role('button', name='Try it with drawn cats and dogs').click()
        page.get_by_text('60 images').nth(1).wait_for()
        page.get_by_role('button', name='Train', exact=True).click()
        page.get_by_text('held-out images were misclassified').wait_for()
        page.mouse.move(0, 0)
        page.evaluate('scrollTo(0, 0)')
        top, end = page.locator('.fl-teach').first.bounding_box(), page.locator('.fl-loss .fl-values').bounding_box()
        page.screenshot(path=path, clip=top | {'height': end['y'] + end['height'] + 6 - top['y']})
    small_png(path)
    print(path.relative_to(ROOT), f'{path.stat().st_size/1000:.0f} kB')


def take_runs(chromium, wanted) -> None:
    folder = Path(tempfile.mkdtemp())
    with running_lab(folder/'lab') as lab:
        lab.write('watch.ipynb', RUN, 'learn.fine_tune(3)', PAGES)
        with watched_page(chromium, viewport={'width': 1280, 'height': 2000}) as page:
            notebook = Notebook(page, lab, 'watch.ipynb')
            take_live(page, notebook)
            notebook.run(2)
        take_pages(chromium, lab.root, wanted)
    folder.rmdir()


def main(words: list[str]) -> None:
    from playwright.sync_api import sync_playwright
    path = provide_browser()
    if not path: raise SystemExit(1)
    os.environ.setdefault('FASTLEARN_HOME', str(ROOT/'_build'/'home'))
    SHOTS.mkdir(parents=True, exist_ok=True)
    def wanted(name): return all(word in name for word in words)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGS)
        if 'findings' in words: take_found(chromium, wanted)
        if not {'site', 'picture', 'findings'} & set(words): take_runs(chromium, wanted)
        if not {'picture', 'findings'} & set(words): take_site(chromium, wanted)
        if wanted('picture'): take_picture(chromium), take_teach(chromium)
        chromium.close()


if __name__ == '__main__': main(sys.argv[1:])
