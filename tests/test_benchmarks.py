"The benchmarks' own arithmetic, tables and skips; the runs themselves take minutes and are started by hand."
import argparse
import itertools
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FOLDER, DOCS = ROOT/'benchmarks', ROOT/'docs'
TAKEN = re.compile(r'^\s*from (fastlearn[\w.]*) import (\([^)]*\)|.*)$', re.M)


@pytest.fixture(autouse=True)
def in_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def photos(tmp_path) -> Path:
    "Two classes of twelve small pictures"
    for name in ('cat', 'dog'):
        (tmp_path/'photos'/name).mkdir(parents=True)
        for i in range(12): Image.new('RGB', (40, 30), (20*i, 90, 60)).save(tmp_path/'photos'/name/f'{i}.png')
    return tmp_path/'photos'


def run(script: str, *options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, FOLDER/script, *options], capture_output=True, text=True)


def test_every_name_that_a_script_takes_from_the_package_is_there():
    "Benchmarks and the pretraining run by hand, so a renamed thing would show months later"
    folders = [ROOT/name for name in ('benchmarks', 'pretraining', 'tools', 'docs')]
    found = {}  # a line that imports one name -> a script; programs in strings count as well
    paths = [path for folder in folders for path in folder.rglob('*.py') if '.venv' not in path.parts]
    for path in paths:                     # without the environments of other libraries
        for module, names in TAKEN.findall(path.read_text(encoding='utf-8')):
            for name in filter(str.strip, names.strip('()').split(',')):
                found[f'from {module} import {name.strip()}'] = path.relative_to(ROOT).as_posix()
    assert len(found) > 50
    missing = {}
    for line, path in found.items():
        try: exec(line, {})
        except ImportError: missing[path] = line
    assert not missing


# --- arithmetic ---


def test_split_depends_on_the_seed_alone(photos):
    from common import split
    one = split(photos, seed=3)
    assert one == split(photos, seed=3) != split(photos, seed=4)
    assert len(one['valid']) == 4 and len(set(one['train']) | set(one['valid'])) == 24
    assert sum(map(len, split(photos, seed=3, limit=10).values())) == 10


def test_bound_is_students():
    stats = pytest.importorskip('scipy.stats')
    from common import upper_bound
    for n in (2, 5, 10, 20):
        values = [math.sin(i) for i in range(n)]
        expected = stats.ttest_1samp(values, 0, alternative='less').confidence_interval(.95).high
        assert upper_bound(values) == pytest.approx(expected, rel=1e-3)  # the table has three decimals
    assert math.isnan(upper_bound([.5]))


def test_fastai_without_spacy_and_extras():
    from peers import needed
    assert needed(['spacy<4', 'torch<3,>=1.10', 'plum-dispatch<2.10', 'nbdev; extra == "dev"', 'pillow>=9']) == [
        'plum-dispatch<2.10', 'pillow>=9']


def test_two_ways_to_look_are_compared_number_by_number():
    from deconvnet import difference
    one = {'images': [[3, 1]], 'answers': [[2., 1.]], 'sizes': [[10., 5.]]}
    assert difference(one, one) == 0
    assert difference(one, {**one, 'sizes': [[10., 5.5]]}) == pytest.approx(.1)
    assert difference(one, {**one, 'images': [[3, 2]]}) == 1


def test_every_side_goes_first_as_often():
    from common import in_turn
    orders = [in_turn(['ours', 'fastai', 'plain'], turn) for turn in range(6)]
    assert [order[0] for order in orders] == ['ours', 'fastai', 'plain']*2
    assert all(sorted(order) == ['fastai', 'ours', 'plain'] for order in orders)


def test_a_line_is_least_squares():
    numpy = pytest.importorskip('numpy')
    from common import line_through
    xs, ys = [1, 2, 3, 5], [2.1, 3.9, 6.2, 9.8]
    found, (slope, start) = line_through(xs, ys), numpy.polyfit(xs, ys, 1)
    assert (found['slope'], found['start']) == pytest.approx((slope, start))
    assert found['r2'] == pytest.approx(numpy.corrcoef(xs, ys)[0, 1]**2)
    assert line_through([1, 2, 3], [5, 7, 9]) == {'start': 3, 'slope': 2, 'r2': 1, 'worst': 0}


def test_a_target_is_met_or_missed(capsys):
    from common import judge
    assert judge('time', .2, .25)['met'] and not judge('time', .3, .25)['met']
    assert judge('r2', .99, .98, at_least=True)['met']
    assert 'time: 0.3 (at most 0.25), MISSED' in capsys.readouterr().out


def test_medians_ratios_and_errors_of_a_comparison():
    from fine_tune import summary
    def side(seconds, error): return {'seconds': seconds, 'cpu_seconds': seconds, 'import_seconds': 2., 'peak_gib': 1.,
                                      'error': error}
    rows = [{'ours': side(1, .1), 'fastai': side(4, .1)}, {'ours': side(2, .1), 'fastai': side(4, .2)},
            {'ours': side(2, .1), 'fastai': side(10, .1), 'plain': side(8, .1)}]
    found = summary(rows, real=True)
    assert found['fastai']['ours_seconds'] == {'median': .25, 'least': .2, 'most': .5, 'runs': 3}
    assert found['plain']['ours_seconds']['median'] == .25 and found['plain']['seconds']['runs'] == 1
    assert found['mean_difference'] == pytest.approx(-10/3)
    assert 'mean_difference' not in summary(rows, real=False)


def test_the_bare_loop_learns_as_ours_does():
    "What is compared is the same work: after as many steps from the same weights, both have the same weights"
    torch = pytest.importorskip('torch')
    from loop_overhead import bare_loop

    from fastlearn.losses import CrossEntropy
    from fastlearn.training import train
    torch.manual_seed(0)
    batches = [(torch.randn(4, 3), torch.randint(2, (4,))) for _ in range(5)]
    ours = torch.nn.Linear(3, 2)
    bare = torch.nn.Linear(3, 2)
    bare.load_state_dict(ours.state_dict())
    for _ in train(ours, batches, CrossEntropy(), torch.optim.SGD(ours.parameters(), .1)): pass
    optimizer = torch.optim.SGD(bare.parameters(), .1)
    for _ in bare_loop(bare, batches, CrossEntropy(), optimizer, 'cpu', torch.float32): pass
    assert torch.equal(ours.weight, bare.weight)


# --- runs on next to nothing ---

def test_absent_photos_are_a_named_skip(tmp_path):
    done = run('fine_tune.py', '--data', tmp_path/'none')
    assert done.returncode == 0 and 'SKIPPED fine_tune' in done.stderr and str(tmp_path/'none') in done.stderr


def test_an_absent_peer_is_a_named_skip(capsys):
    from peers import find
    assert find('fastai', argparse.Namespace(no_peers=False, fastai_python=Path('/nowhere/python'))) is None
    assert 'SKIPPED fastai: /nowhere/python has no fastai' in capsys.readouterr().err


def test_two_sides_in_processes_of_their_own(photos):
    from common import run, split
    job = split(photos, seed=0, valid_pct=0)
    job = {'files': job['train'], 'size': 16, 'batch_size': 8, 'device': 'cpu'}
    for side in 'ours', 'torch':
        found = run(sys.executable, f'loading.{side}', job)
        assert [epoch['images'] for epoch in found['epochs']] == [24, 24] and found['shape'] == [3, 16, 16]
        assert found['threads'] >= 1 and (found['peak_gib'] or 1) > .05


def test_many_images_in_small(tmp_path):
    done = run('many_images.py', '--images', '100', '--epochs', '2', '--size', '8', '--results', tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(next(tmp_path.glob('many_images-*.json')).read_text())
    assert len(record['epochs']) == 2 and [one['met'] for one in record['targets']] == [True, True]


# --- runs that the course shows ---

def test_the_course_shows_every_run_of_the_duel():
    from fastlearn.course.recipe_duel import recorded_runs
    from recipe_duel import plan
    wanted = list(plan(['near', 'middle', 'far'], range(5)))
    runs = recorded_runs()
    assert [{name: run[name] for name in wanted[0]} for run in runs] == wanted and len(wanted) == 80
    for run in runs:                      # 160 images were held out
        errors = [error for version in ('home', 'dark', 'exchanged') for error in run[version]]
        assert len(errors) == 9 and all(round(160*error) == pytest.approx(160*error) for error in errors)


def test_the_course_shows_every_run_of_the_dial():
    from fastlearn.course.altered_pets import ALTERATIONS
    from fastlearn.course.dissimilarity import MEASURED, recorded_dial
    dial = recorded_dial()
    assert [(run['seed'], run['alteration']) for run in dial.runs] == [*itertools.product(range(5), ALTERATIONS)]
    assert all(math.isfinite(value) for name in MEASURED for one in ALTERATIONS for value in dial.values(name, one))


# --- the page ---

def test_the_committed_page_shows_the_committed_results(tmp_path):
    from processing.benchmarks import write
    for path in write(FOLDER/'results', tmp_path):
        same = path.read_text(encoding='utf-8') == (DOCS/path.name).read_text(encoding='utf-8')
        assert same, f'docs/{path.name} is out of step with benchmarks/results: python benchmarks/bench.py --page'


def test_every_script_has_a_table_and_a_time():
    from bench import MINUTES
    from processing.benchmarks import SECTIONS
    scripts = {path.stem for path in FOLDER.glob('*.py') if 'def main() -> int' in path.read_text(encoding='utf-8')}
    apart = {'bench', 'batchnorm', 'transfer', 'recipe_duel', 'dissimilarity'}
    assert scripts - apart == MINUTES.keys() <= SECTIONS.keys()
    assert sum(all_of_it for all_of_it, _ in MINUTES.values()) < 40 and sum(quick for _, quick in MINUTES.values()) <= 5


def test_a_missed_target_is_on_the_page(tmp_path):
    from processing.benchmarks import page
    machine = {'processor': 'P', 'cores': 2, 'memory_gib': 4., 'system': 'S', 'bf16': [], 'python': '3',
               'date': '2026-01-02'}
    target = {'what': 'import: time', 'found': 1.2, 'bar': 1.15, 'unit': '', 'at_least': False, 'met': False}
    spread = {'median': 2., 'least': 1., 'most': 3., 'runs': 5}
    record = {'machine': machine, 'targets': [target], 'summary': {'ours': {'seconds': spread}}, 'load': .5}
    (tmp_path/'import_time-2026-01-02.json').write_text(json.dumps(record))
    text = page(tmp_path)
    assert '| import: time | 1.2 | at most 1.15 | **MISSED** |' in text
    assert '| 2.00\u00a0s (1.00\u00a0to\u00a03.00) |' in text and 'load 0.5 to 0.5' in text
    assert '## Targets on other machines' not in text
    record |= {'machine': machine | {'processor': 'Q'}, 'targets': [target | {'found': 1.1, 'met': True}]}
    (tmp_path/'slow').mkdir()
    (tmp_path/'slow'/'import_time-2026-01-03.json').write_text(json.dumps(record))
    here, there = page(tmp_path).split('## Targets on other machines')
    assert here.startswith(text[:text.index('## Method: how it was measured')])
    assert 'Measured on: Q, 2 cores' in there and '| import: time | 1.1 | at most 1.15 | met |' in there
    assert 'rows in `benchmarks/results/slow/import_time-2026-01-03.json`' in there
    (tmp_path/'unheard_of-2026-01-02.json').write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"results of \['unheard_of'\], which have no table"): page(tmp_path)


def test_a_difference_of_nothing_has_no_sign():
    from processing.benchmarks import signed
    assert [signed(number) for number in (-.001, .001, .5, -.5)] == ['0.00', '0.00', '+0.50', '-0.50']


def test_a_chart_puts_a_straight_series_on_its_line():
    from common import line_through
    from processing.benchmarks import picture
    values = [(1, 3.), (2, 5.), (4, 9.)]
    rows = [{'epochs': x, 'seconds': y, 'peak_gib': y} for x, y in values]
    line = line_through(*zip(*values))
    drawn = ET.fromstring(picture({'series': {'epochs': {'rows': rows, 'lines': {'seconds': line, 'peak_gib': line}}}}))
    svg = '{http://www.w3.org/2000/svg}'
    for group in drawn.iter(f'{svg}g'):
        x1, y1, x2, y2 = (float(group.find(f'{svg}line').get(key)) for key in ('x1', 'y1', 'x2', 'y2'))
        for dot in group.iter(f'{svg}circle'):
            x, y = float(dot.get('cx')), float(dot.get('cy'))
            assert y == pytest.approx(y1 + (y2 - y1)*(x - x1)/(x2 - x1), abs=.2)
