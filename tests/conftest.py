"For all tests: no network, pictures drawn without a window, data sets in a folder of the tests"
import os
from pathlib import Path

import no_network
import pytest

os.environ.setdefault('MPLBACKEND', 'Agg')
no_network.block()


@pytest.fixture(scope='session', autouse=True)
def data_folder(tmp_path_factory) -> Path:
    "Where `untar_data` keeps the sets: FASTLEARN_HOME where it is set (and drawn once for many runs), else temporary"
    if 'FASTLEARN_HOME' in os.environ:
        yield Path(os.environ['FASTLEARN_HOME'])
        return
    folder = tmp_path_factory.mktemp('fastlearn_home')
    os.environ['FASTLEARN_HOME'] = str(folder)
    yield folder
    del os.environ['FASTLEARN_HOME']


@pytest.fixture(scope='session')
def mini_pets(data_folder) -> Path:
    "All of MINI_PETS, drawn at most once in a session; for reading only"
    from fastlearn.datasets import URLs, untar_data
    return untar_data(URLs.MINI_PETS, progress=False)


@pytest.fixture(scope='session')
def few_pets(tmp_path_factory) -> Path:
    "A small MINI_PETS of 96 pictures, for what needs pictures but not many; for reading only"
    from fastlearn.drawing import draw_mini_pets
    return draw_mini_pets(tmp_path_factory.mktemp('few_pets')/'mini_pets', n=96, progress=False)


@pytest.fixture(scope='session')
def shared_data() -> Path:
    "Real photos and weights beside the checkout; tests that need them are skipped where they are absent"
    folder = Path(__file__).resolve().parent.parent.parent/'shared'/'data'
    if not folder.is_dir(): pytest.skip('../shared/data is absent')
    return folder
