"The command `fastlearn`: what it prints, what it starts, what it leaves alone"
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import fastlearn
import fastlearn.cli as cli
import fastlearn.datasets as datasets
from fastlearn.datasets import URLs, untar_data


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path/'home'))
    return tmp_path/'home'


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    "A course of two notebooks and a picture, in place of the real one"
    folder = tmp_path/'lessons'
    (folder/'pictures').mkdir(parents=True)
    (folder/'.ipynb_checkpoints').mkdir()
    for name in (cli.START, '02_second.ipynb', 'pictures/cat.png', '.ipynb_checkpoints/x.ipynb'):
        (folder/name).write_text(name)
    monkeypatch.setattr(cli, 'lessons_folder', lambda: folder)
    return folder


@pytest.fixture
def started(monkeypatch):
    "The command lines that would have been started"
    commands = []
    def start(command):
        commands.append(command)
        return SimpleNamespace(wait=lambda: 0)
    monkeypatch.setattr(cli.subprocess, 'Popen', start)
    monkeypatch.setattr(cli.importlib.util, 'find_spec', lambda name: name)
    return commands


@pytest.fixture
def one_set(tmp_path, monkeypatch):
    "A set in the cache"
    def draw(folder, progress):
        (folder/'images').mkdir(parents=True)
        (folder/'images'/'a.png').write_bytes(bytes(2048))
        return folder
    monkeypatch.setattr(datasets, 'draw_mini_pets', draw)
    return untar_data(URLs.MINI_PETS)


# --- lab ---

def test_lab_copies_the_course_and_opens_its_first_notebook(lessons, started, tmp_path, capsys):
    course = tmp_path/'course'
    assert cli.main(['lab', '--folder', str(course), '--port=9999', '--ip=0.0.0.0']) == 0
    assert sorted(p.relative_to(course).as_posix() for p in course.rglob('*') if p.is_file()) == [
        cli.RECORD, cli.START, '02_second.ipynb', 'pictures/cat.png']
    command, = started
    assert command[:3] == [sys.executable, '-m', 'jupyterlab'] and command[-2:] == ['--port=9999', '--ip=0.0.0.0']
    assert f'--ServerApp.root_dir={course}' in command and f'--LabApp.default_url=/lab/tree/{cli.START}' in command
    assert f'The course is in {course}; begin with {cli.START}.' in capsys.readouterr().out


def test_the_copy_is_beside_you_unless_you_say_otherwise(lessons, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(['lab'])
    assert (tmp_path/'fastlearn-course'/cli.START).is_file()


def test_what_the_learner_edited_stays_and_the_rest_is_updated(lessons, started, tmp_path, capsys):
    course = tmp_path/'course'
    cli.main(['lab', '--folder', str(course)])
    (course/cli.START).write_text('my notes')
    (course/'mine.ipynb').write_text('mine')
    for name in (cli.START, '02_second.ipynb'): (lessons/name).write_text('next edition')
    (lessons/'03_third.ipynb').write_text('third')
    cli.main(['lab', '--folder', str(course)])
    expected = {cli.START: 'my notes', '02_second.ipynb': 'next edition', '03_third.ipynb': 'third',
                'mine.ipynb': 'mine'}
    assert {name: (course/name).read_text() for name in expected} == expected
    assert f'{cli.START}: kept as you edited it' in capsys.readouterr().out
    (course/cli.START).unlink()
    cli.main(['lab', '--folder', str(course)])
    assert (course/cli.START).read_text() == 'next edition'


@pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='no root on Windows')
@pytest.mark.parametrize('user, allowed', [(0, True), (1000, False)])
def test_root_may_start_it(user, allowed, lessons, started, tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: user)
    cli.main(['lab', '--folder', str(tmp_path/'course'), '--allow-root' if allowed else '--debug'])
    assert started[0].count('--allow-root') == allowed


@pytest.mark.parametrize('browser', [True, False])
def test_without_a_browser_it_says_which_address_to_open(browser, lessons, started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, 'has_browser', lambda: browser)
    cli.main(['lab', '--folder', str(tmp_path/'course')])
    assert ('--no-browser' in started[0]) != browser
    assert ('Open the address with "token="' in capsys.readouterr().out) != browser


def test_a_text_browser_is_no_browser(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'linux')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'): monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cli.webbrowser, 'get', lambda: 'lynx')
    assert not cli.has_browser()
    monkeypatch.setenv('DISPLAY', ':0')
    assert cli.has_browser()


def test_a_missing_jupyterlab_is_named_with_its_remedy(lessons, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, 'find_spec', lambda name: None)
    assert cli.main(['lab', '--folder', str(tmp_path/'course')]) == 1
    assert "JupyterLab is not installed here; get it with: pip install 'fastlearn[lab]'" in capsys.readouterr().err


def test_a_missing_course_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, 'lessons_folder', lambda: tmp_path/'nowhere')
    assert cli.main(['lab', '--folder', str(tmp_path/'course')]) == 1
    assert f'nowhere holds no {cli.START}' in capsys.readouterr().err and not (tmp_path/'course').exists()


def test_ctrl_c_is_left_to_jupyterlab():
    answers = iter([KeyboardInterrupt, KeyboardInterrupt, 0])
    def wait():
        answer = next(answers)
        if answer: raise answer
        return answer
    assert cli._wait(SimpleNamespace(wait=wait)) == 0


# --- cache ---

def test_cache_lists_and_clears(one_set, home, capsys):
    assert cli.main(['cache']) == cli.main(['cache', 'list']) == 0
    assert capsys.readouterr().out.count('mini_pets                            2.1 KiB\n') == 2
    assert cli.main(['cache', 'clear', 'mini_pets']) == 0
    assert capsys.readouterr().out == f'2.1 KiB freed in {home}\n' and not one_set.exists()
    cli.main(['cache'])
    assert capsys.readouterr().out == f'{home}: no data sets yet\n'


def test_cache_clears_everything_only_when_told_so(one_set, capsys):
    assert cli.main(['cache', 'clear']) == 1 and one_set.exists()
    assert 'say what to clear: `fastlearn cache clear NAME`, or' in capsys.readouterr().err
    assert cli.main(['cache', 'clear', 'mini_pets', '--all']) == 1 and one_set.exists()
    assert cli.main(['cache', 'clear', '--all']) == 0 and not one_set.exists()


def test_cache_names_what_there_is(one_set, capsys):
    assert cli.main(['cache', 'clear', 'pets']) == 1
    assert "holds no data set 'pets'; expected one of mini_pets" in capsys.readouterr().err


def test_cache_shows_what_broke_off(home, capsys):
    (home/'.unfinished'/'pets').mkdir(parents=True)
    (home/'.unfinished'/'pets'/'part').write_bytes(bytes(1024))
    cli.main(['cache'])
    assert 'pets                                 1.0 KiB  (download not finished)' in capsys.readouterr().out


# --- demo ---

@pytest.fixture
def all_names(tmp_path, monkeypatch):
    "Stand-ins for what the six lines import, so that the words are tested without training"
    monkeypatch.chdir(tmp_path)
    page = SimpleNamespace(to_html=lambda name: Path(name))
    files = [tmp_path/name for name in ('Tabby_1.png', 'pug_2.png')]
    dls = SimpleNamespace(valid=SimpleNamespace(items=files))
    learn = SimpleNamespace(fine_tune=lambda epochs: print(f'trained for {epochs}'),
                            predict=lambda item: (item == files[0], 1, [0.125, 0.875]), dashboard=lambda: page)
    names = dict(URLs=URLs, untar_data=lambda source: tmp_path, get_image_files=lambda path: files, Resize=int,
                 resnet10=None, resnet10_classes=lambda: ('lion', 'goldfish'), error_rate=None,
                 vision_learner=lambda dls, arch, metrics: learn,
                 ImageDataLoaders=SimpleNamespace(from_name_func=lambda *args, **kwargs: dls))
    monkeypatch.setitem(sys.modules, 'fastlearn.all', SimpleNamespace(**names))


def test_demo_says_what_it_does_and_ends_with_the_replay(all_names, capsys, tmp_path):
    assert cli.main(['demo']) == 0
    out = capsys.readouterr().out
    assert out.count('>>> ') == 8 and 'knows 2 kinds of things' in out
    assert 'Tabby_1.png is a cat, pug_2.png is a dog' in out and 'trained for 1' in out
    assert 'Is it a cat? True, with a probability of 87.5%. The name says: a cat.\n' in out
    assert out.endswith(f'open {tmp_path/"fastlearn-demo.html"} in a browser.\n')


# --- the command itself ---

def test_version(capsys):
    with pytest.raises(SystemExit) as end: cli.main(['--version'])
    assert end.value.code == 0 and capsys.readouterr().out == f'fastlearn {fastlearn.__version__}\n'


@pytest.mark.parametrize('arguments, message', [
    ([], 'required: command'), (['dance'], "invalid choice: 'dance'"),
    (['demo', '--fast'], 'unrecognized arguments: --fast'), (['cache', 'burn'], "invalid choice: 'burn'")])
def test_wrong_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as end: cli.main(arguments)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_the_command_line_starts_without_torch():
    "Listing the cache is immediate: neither torch nor Jupyter is loaded for it"
    code = ("import sys; from fastlearn.cli import main; main(['cache']); "
            "print(sorted({'torch', 'IPython', 'ipywidgets'} & set(sys.modules)))")
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert out.stdout.endswith('[]\n'), out.stderr
