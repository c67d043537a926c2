"The benchmarks' own arithmetic; the runs themselves take minutes and are started by hand."
import math
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent/'benchmarks'


@pytest.fixture(autouse=True)
def in_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


def test_split_depends_on_the_seed_alone(tmp_path):
    from common import split
    for name in ('cat', 'dog'):
        (tmp_path/name).mkdir()
        for i in range(10): Image.new('RGB', (4, 4)).save(tmp_path/name/f'{i}.png')
    one = split(tmp_path, seed=3)
    assert one == split(tmp_path, seed=3) != split(tmp_path, seed=4)
    assert len(one['valid']) == 4 and len(set(one['train']) | set(one['valid'])) == 20


def test_bound_is_students():
    stats = pytest.importorskip('scipy.stats')
    from common import upper_bound
    for n in (2, 5, 10, 20):
        values = [math.sin(i) for i in range(n)]
        expected = stats.ttest_1samp(values, 0, alternative='less').confidence_interval(.95).high
        assert upper_bound(values) == pytest.approx(expected, rel=1e-3)  # the table has three decimals
    assert math.isnan(upper_bound([.5]))


def test_fastai_without_spacy_and_extras():
    from fastai_environment import needed
    assert needed(['spacy<4', 'torch<3,>=1.10', 'plum-dispatch<2.10', 'nbdev; extra == "dev"', 'pillow>=9']) == [
        'plum-dispatch<2.10', 'pillow>=9']


def test_two_ways_to_look_are_compared_number_by_number():
    from deconvnet import difference
    one = {'images': [[3, 1]], 'answers': [[2., 1.]], 'sizes': [[10., 5.]]}
    assert difference(one, one) == 0
    assert difference(one, {**one, 'sizes': [[10., 5.5]]}) == pytest.approx(.1)
    assert difference(one, {**one, 'images': [[3, 2]]}) == 1


def test_absent_photos_are_a_named_skip(tmp_path):
    command = [sys.executable, FOLDER/'accuracy_vs_fastai.py', '--data', tmp_path/'none']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and 'SKIPPED accuracy_vs_fastai' in done.stderr and str(tmp_path/'none') in done.stderr
