"What trains in the reader's browser: its scripts as files of their own, fetched when Run is pressed"
from pathlib import Path

from processing.notebooks import write_changed

WITH_RUN = 'index', 'lessons/01_your_first_model'  # pages whose six lines have a Run button
EVERY = 4                                 # of the drawn images, one travels with the page: 300 to train on, 75 held out


def run_place(page: str) -> str:
    "HTML below the six lines: a button and nothing else, until it is pressed"
    if page not in WITH_RUN: return ''
    static = '../'*page.count('/') + '_static/'
    return (f'<div class="run-here" data-engine="{static}engine/page.js">'
            '<button type="button">▶ Run on this page</button>'
            '<span>Trains in your browser: downloads 4 MB of weights and drawn images, sends nothing.</span></div>'
            f'<script defer src="{static}run.js"></script>')


def write_engine(folder: Path) -> None:
    "The parts of the page, and the drawn images of the six lines"
    from fastlearn.course.in_browser import engine_scripts, images_script
    for name, script in engine_scripts().items(): write_changed(folder/f'{name}.js', script)
    write_changed(folder/'pets.js', images_script(drawn_images()))


def drawn_images():
    "The data loaders of the six lines, on every fourth image"
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, untar_data, URLs
    path = untar_data(URLs.MINI_PETS, progress=False)
    return ImageDataLoaders.from_name_func(
        path, get_image_files(path)[::EVERY], valid_pct=.2, seed=42, item_tfms=Resize(64), device='cpu',
        label_func=lambda name: 'cat' if name[0].isupper() else 'dog')
