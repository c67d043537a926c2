"For all tests: no network, pictures drawn without a window, datasets in a folder of the tests"
import os
import shutil
import signal
from pathlib import Path

import no_network
import pytest

pytest_plugins = ['browsing', 'engine', 'firefox']  # browsers, pages, JupyterLab, and node, for tests that ask for them
os.environ.setdefault('MPLBACKEND', 'Agg')
no_network.block()
if hasattr(signal, 'SIGHUP'): signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` ignores it, and tests send it

FOLDER = Path(__file__).parent
LONGEST = ('dashboard/test_dashboard_lab.py', 'core/test_distributed.py', 'engine/test_page.py',
           'course/test_detective.py', 'dashboard/test_dashboard_page.py', 'course/test_explorers_page.py',
           'site/test_docs_site.py', 'inference/test_checkpoints.py', 'faults/test_faults.py', 'course/test_in_lab.py',
           'inference/test_app.py', 'inference/test_predict_widget.py', 'training/test_body.py', 'test_structure.py',
           'test_surroundings.py', 'inference/test_export.py')


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    "With several processes, the files that take longest go first, so that no process is left alone with one at the end"
    if not hasattr(config, 'workerinput'): return
    place = {(FOLDER/name).as_posix(): number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.as_posix(), len(place)))


@pytest.fixture(scope='session', autouse=True)
def data_folder(tmp_path_factory) -> Path:
    "Where `untar_data` keeps the sets: FASTLEARN_HOME where it is set else temporary"
    if 'FASTLEARN_HOME' in os.environ:
        yield Path(os.environ['FASTLEARN_HOME'])
        return
    folder = tmp_path_factory.mktemp('fastlearn_home')
    os.environ['FASTLEARN_HOME'] = str(folder)
    yield folder
    del os.environ['FASTLEARN_HOME']


@pytest.fixture(scope='session')
def mini_pets(data_folder) -> Path:
    "All of MINI_PETS; for reading only"
    from fastlearn.data.datasets import untar_data, URLs
    return untar_data(URLs.MINI_PETS, progress=False)


@pytest.fixture(scope='session')
def few_pets(mini_pets, tmp_path_factory) -> Path:
    "A small MINI_PETS of 96 pictures, for what needs pictures but not many; for reading only"
    folder = tmp_path_factory.mktemp('few_pets')/'mini_pets'
    (folder/'images').mkdir(parents=True)
    with open(mini_pets/'labels.csv', encoding='utf-8') as whole: rows = [next(whole) for _ in range(97)]
    (folder/'labels.csv').write_text(''.join(rows), encoding='utf-8')
    for row in rows[1:]: shutil.copy(mini_pets/'images'/row.split(',')[0], folder/'images')
    return folder


@pytest.fixture(scope='session')
def shared_data() -> Path:
    "Real photos and weights beside the checkout; tests that need them are skipped where they are absent"
    folder = Path(__file__).resolve().parent.parent.parent/'shared'/'data'
    if not folder.is_dir(): pytest.skip('../shared/data is absent')
    return folder


@pytest.fixture(scope='session')
def few_learner(few_pets):
    "Makes learners of resnet10 on the 96 pictures, 32 pixels, each with data loaders of its own"
    from fastlearn.all import error_rate, get_image_files, ImageDataLoaders, Resize, resnet10, vision_learner

    def make(bs: int = 16, **options):
        dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), valid_pct=.25, seed=1, bs=bs,
                                              label_func=lambda name: name[0].isupper(), item_tfms=Resize(32))
        return vision_learner(dls, resnet10, metrics=error_rate, **options)
    return make


@pytest.fixture(scope='module')
def small_learner(few_pets):
    "A learner of resnet10 on the 96 pictures, 32 pixels, untrained"
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, resnet10, vision_learner
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, bs=16, device='cpu',
                                          label_func=lambda name: name[0].isupper(), item_tfms=Resize(32))
    return vision_learner(dls, resnet10)


@pytest.fixture(scope='module')
def tuned_learner(few_learner):
    "A learner after one epoch of fine-tuning"
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    return learn


@pytest.fixture
def close_figures():
    "Figures that a test has drawn are closed after it"
    yield
    from matplotlib import pyplot as plt
    plt.close('all')
