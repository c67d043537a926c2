"The command `fastlearn`: what it prints, what it starts, what it leaves alone"
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import fastlearn
import fastlearn.cli as cli
from fastlearn.course.learners_copy import _fingerprint
from fastlearn.course.path import copy_name, done_exercises, MOVED, PATH, PROGRESS, RECORD
from fastlearn.data.datasets import untar_data, URLs


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path/'home'))
    return tmp_path/'home'


def notebook(*sources: str, outputs: bool = False) -> str:
    "A notebook of code cells, as text"
    printed = [{'output_type': 'stream', 'name': 'stdout', 'text': '1'}] if outputs else []
    cells = [{'cell_type': 'code', 'id': f'c{i}', 'metadata': {}, 'source': source, 'execution_count': None,
              'outputs': printed} for i, source in enumerate(sources)]
    return json.dumps({'cells': cells, 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5}, indent=1)


@pytest.fixture
def source(tmp_path, monkeypatch):
    "A course of three notebooks and a picture, in place of the real one"
    folder = tmp_path/'source'
    for part in 'lessons/pictures', '.ipynb_checkpoints', 'lessons/_drafts': (folder/part).mkdir(parents=True)
    for name in ('START.ipynb', '02_second.ipynb', 'lessons/01_first.ipynb', 'index.ipynb',
                 '.ipynb_checkpoints/x.ipynb', 'lessons/_drafts/y.ipynb'): (folder/name).write_text(notebook(name))
    (folder/'lessons'/'pictures'/'cat.png').write_text('a cat')
    monkeypatch.setattr(cli, 'notebooks_folder', lambda: folder)
    return folder


@pytest.fixture
def started(monkeypatch):
    "The command lines that would have been started"
    commands = []
    def start(command):
        commands.append(command)
        return 0
    monkeypatch.setattr(cli, 'become', start)
    real = cli.importlib.util.find_spec
    monkeypatch.setattr(cli.importlib.util, 'find_spec', lambda name: 'found' if name == 'jupyterlab' else real(name))
    return commands


@pytest.fixture
def one_set(tmp_path, monkeypatch):
    "A set in the cache"
    def unpack(archive, folder, progress):
        (folder/'images').mkdir(parents=True)
        (folder/'images'/'a.png').write_bytes(bytes(2048))
        return folder
    monkeypatch.setattr('fastlearn.data.datasets.unpack', unpack)
    return untar_data(URLs.MINI_PETS)


# --- lab ---

def test_lab_copies_the_course_and_opens_its_start(source, started, tmp_path, capsys):
    course = tmp_path/'course'
    assert cli.main(['lab', '--folder', str(course), '--port=9999', '--ip=0.0.0.0']) == 0
    assert sorted(p.relative_to(course).as_posix() for p in course.rglob('*')
                  if p.is_file() and cli.LAYOUT not in p.parts) == [
        RECORD, cli.START, 'lessons/pictures/cat.png', 'library/02_second.ipynb', 'library/lessons/01_first.ipynb']
    command, = started
    assert command[:4] == [sys.executable, '-P', '-m', 'jupyterlab'] and command[-2:] == ['--port=9999', '--ip=0.0.0.0']
    assert '--LanguageServerManager.autodetect=False' in command  # no dialogs of a checker that is installed too
    assert f'--ServerApp.root_dir={course}' in command and f'--LabApp.default_url=/lab/tree/{cli.START}' in command
    out = capsys.readouterr().out
    assert '4 files were copied.' in out and f'The course is in {course}; start with {cli.START}.' in out


def test_lab_begins_with_room_and_keeps_the_layout_of_the_learner(source, started, tmp_path, monkeypatch):
    from jupyterlab_server.config import get_page_config
    from jupyterlab_server.workspaces_handler import WorkspacesManager
    monkeypatch.setenv('JUPYTER_CONFIG_PATH', str(tmp_path/'mine'))
    course = tmp_path/'course'
    cli.main(['lab', '--folder', str(course)])
    folder = next(word for word in started[0] if 'workspaces_dir' in word).partition('=')[2]
    workspaces = WorkspacesManager(folder)
    assert workspaces.load('default')['data']['layout-restorer:data']['left']['collapsed']
    assert '@jupyterlab/apputils-extension:announcements' in get_page_config([])['disabledExtensions']
    assert os.environ['JUPYTER_CONFIG_PATH'].endswith(str(tmp_path/'mine'))
    workspaces.save('default', '{"data": {"layout-restorer:data": {"left": {}}}, "metadata": {"id": "default"}}')
    cli.main(['lab', '--folder', str(course)])
    assert workspaces.load('default')['data'] == {'layout-restorer:data': {'left': {}}}


def test_questions_come_folded_and_checks_not_at_all(source, copied):
    "Their code holds the answers. The author's checks stay out; a copy that was not edited counts as such"
    course, again = copied
    (source/'02_second.ipynb').write_text(notebook("ask('Which?', {})", '#| hide\nassert True', 'x = 1'))
    assert '02_second.ipynb: updated' in again()
    cells = json.loads((course/'library'/'02_second.ipynb').read_text(encoding='utf-8'))['cells']
    assert [cell['metadata'] for cell in cells] == [{'jupyter': {'source_hidden': True}}, {}]
    (source/'02_second.ipynb').write_text(notebook('x = 2'))
    again()
    assert json.loads((course/'library'/'02_second.ipynb').read_text(encoding='utf-8'))['cells'][0]['source'] == 'x = 2'


def test_the_copy_is_beside_you_unless_you_say_otherwise(source, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(['lab'])
    assert (tmp_path/'fastlearn-course'/cli.START).is_file()


@pytest.fixture
def copied(source, started, tmp_path, capsys):
    "A copy of the course, and what `lab` says when it is called again"
    course = tmp_path/'course'
    def again():
        capsys.readouterr()
        cli.main(['lab', '--folder', str(course)])
        return capsys.readouterr().out
    again()
    return course, again


def test_what_the_learner_edited_stays_and_the_rest_is_updated(source, copied):
    course, again = copied
    (course/cli.START).write_text(notebook('my notes'))
    (course/'mine.ipynb').write_text('mine')
    for name in ('START.ipynb', '02_second.ipynb'): (source/name).write_text(notebook('next edition'))
    (source/'lessons'/'03_third.ipynb').write_text(notebook('third'))
    said = again()
    expected = {cli.START: notebook('my notes'), 'library/02_second.ipynb': notebook('next edition'),
                'library/lessons/03_third.ipynb': notebook('third'), 'mine.ipynb': 'mine'}
    def cells(text): return json.loads(text)['cells'] if text != 'mine' else text
    assert {name: cells((course/name).read_text()) for name in expected} == {
        name: cells(text) for name, text in expected.items()}
    assert f'{cli.START}: kept, because you edited it; rename yours' in said and '02_second.ipynb: updated' in said
    assert 'lessons/03_third.ipynb: new' in said and 'cat.png' not in said
    assert 'kept' in again() and 'updated' not in again()
    (course/cli.START).unlink()
    assert f'{cli.START}: new' in again()
    assert cells((course/cli.START).read_text()) == cells(notebook('next edition'))


def test_an_edit_is_not_mentioned_while_nothing_is_newer(copied):
    course, again = copied
    (course/cli.START).write_text(notebook('my notes'))
    assert cli.START not in again().replace(f'start with {cli.START}', '') and 'copied' not in again()
    assert (course/cli.START).read_text() == notebook('my notes')


def test_a_notebook_that_was_only_run_is_updated(source, copied):
    course, again = copied
    (course/'library'/'02_second.ipynb').write_text(notebook('02_second.ipynb', outputs=True))
    assert '02_second' not in again() and 'outputs' in (course/'library'/'02_second.ipynb').read_text()
    (source/'02_second.ipynb').write_text(notebook('next edition'))
    assert '02_second.ipynb: updated' in again()


@pytest.mark.parametrize('damage', ['', '{"cells": 3}', '[1]'])
def test_a_notebook_that_is_none_any_more_is_an_edit(source, copied, damage):
    course, again = copied
    (course/'library'/'02_second.ipynb').write_text(damage)
    (source/'02_second.ipynb').write_text(notebook('next edition'))
    assert '02_second.ipynb: kept' in again() and (course/'library'/'02_second.ipynb').read_text() == damage


def test_without_its_record_nothing_of_the_learner_is_overwritten(source, copied):
    course, again = copied
    (course/RECORD).unlink()
    (course/cli.START).write_text(notebook('my notes'))
    (source/'START.ipynb').write_text(notebook('next edition'))
    again()
    assert (course/cli.START).read_text() == notebook('my notes')


def ship(course: Path, *names: str) -> None:
    "Files of an older edition, with its record of them"
    for name in names:
        (course/name).parent.mkdir(parents=True, exist_ok=True)
        (course/name).write_text(notebook(f'old {name}'))
    record = json.loads((course/RECORD).read_text()) if (course/RECORD).exists() else {}
    record |= {name: _fingerprint((course/name).read_bytes(), '.ipynb') for name in names}
    (course/RECORD).write_text(json.dumps(record))


@pytest.fixture
def moved(source, copied, monkeypatch):
    "A copy of an edition in which three notebooks lay side by side; the next one has two of them, in folders"
    course, again = copied
    ship(course, '01_first.ipynb', '02_second.ipynb', '03_third.ipynb')
    for name in 'data/01_first', 'training/01_second':
        (source/name).parent.mkdir()
        (source/f'{name}.ipynb').write_text(notebook(f'next edition of {name}'))
    monkeypatch.setattr('fastlearn.course.learners_copy.MOVED', {
        '01_first': 'data/01_first', '02_second': 'training/01_second', '03_third': 'training/01_second',
        '04_never': 'data/01_first'})
    return course, again


def notebooks(course: Path) -> dict[str, str]:
    "Name -> the first cell's text"
    return {path.relative_to(course).as_posix(): ''.join(json.loads(path.read_text())['cells'][0]['source'])
            for path in course.rglob('*.ipynb')}


UNMOVED = {cli.START: 'START.ipynb', 'library/02_second.ipynb': '02_second.ipynb',
           'library/lessons/01_first.ipynb': 'lessons/01_first.ipynb'}  # name in the copy -> its first cell's text


def test_notebooks_of_an_older_edition_go_where_they_are_now(moved):
    course, again = moved
    (course/'02_second.ipynb').write_text(notebook('old 02_second.ipynb', outputs=True))  # run, and not edited
    lines = sorted(line.strip() for line in again().splitlines() if '.ipynb: ' in line)
    assert lines == ['01_first.ipynb: moved to library/data/01_first.ipynb',
                     '02_second.ipynb: moved to library/training/01_second.ipynb',
                     '03_third.ipynb: moved to library/training/01_second.ipynb']
    assert notebooks(course) == UNMOVED | {'library/data/01_first.ipynb': 'next edition of data/01_first',
                                           'library/training/01_second.ipynb': 'next edition of training/01_second'}
    assert 'moved' not in again() and len(notebooks(course)) == 5


def test_edits_are_kept_beside_the_newer_edition(moved):
    course, again = moved
    for name in '01_first', '02_second', '03_third': (course/f'{name}.ipynb').write_text(notebook(f'my {name}'))
    (course/PROGRESS).write_text('{"done": ["wrong pictures"]}')
    said = again()
    assert ('01_first.ipynb: moved to library/data/01_first (yours).ipynb with your edits; '
            'library/data/01_first.ipynb is the') in said
    assert '03_third.ipynb: moved to library/training/01_second (yours 2).ipynb with your edits' in said
    expected = UNMOVED | {f'library/{name}': text for name, text in {
        'data/01_first.ipynb': 'next edition of data/01_first', 'data/01_first (yours).ipynb': 'my 01_first',
        'training/01_second.ipynb': 'next edition of training/01_second',
        'training/01_second (yours).ipynb': 'my 02_second',
        'training/01_second (yours 2).ipynb': 'my 03_third'}.items()}
    assert notebooks(course) == expected
    assert 'moved' not in again() and notebooks(course) == expected
    assert done_exercises(course) == {'wrong pictures'}


def test_what_lies_where_a_notebook_goes_is_not_overwritten(moved):
    course, again = moved
    (course/'library'/'data').mkdir()
    (course/'library'/'data'/'01_first.ipynb').write_text(notebook('mine'))
    said = again()
    assert '01_first.ipynb: moved to library/data/01_first.ipynb' in said
    assert 'library/data/01_first.ipynb: kept, because you edited' in said
    assert notebooks(course)['library/data/01_first.ipynb'] == 'mine'


def test_a_file_that_only_has_the_name_of_an_old_notebook_stays(moved):
    "It is in no record: the learner made it, or the record was lost"
    course, again = moved
    (course/'04_never.ipynb').write_text(notebook('mine'))
    assert '04_never' not in again() and notebooks(course)['04_never.ipynb'] == 'mine'
    (course/'01_first.ipynb').write_text(notebook('01_first'))  # put back by hand
    said = [line for line in again().splitlines() if line.strip().startswith('01_first.ipynb')]
    assert not said and (course/'01_first.ipynb').exists()


@pytest.mark.parametrize('edition', ['flat', 'folders'])
def test_a_copy_of_an_older_layout_becomes_one_of_steps(started, tmp_path, capsys, edition):
    "With the real table and the real course; every second notebook was edited"
    course = tmp_path/'course'
    names = {*MOVED.values(), *(one for step in PATH for one in step.notebooks)}
    places = ({old: copy_name(new) for old, new in MOVED.items()} if edition == 'flat' else
              {name: copy_name(name) for name in sorted(names)})
    ship(course, 'START.ipynb', *(f'{name}.ipynb' for name in places))
    edited = list(places)[::2]
    for name in edited: (course/f'{name}.ipynb').write_text(notebook(f'my {name}'))
    (course/PROGRESS).write_text('{"done": ["wrong pictures", "one step of SGD"]}')
    cli.main(['lab', '--folder', str(course)])
    said = capsys.readouterr().out
    assert all(f'{old}.ipynb: moved to {new}' in said for old, new in places.items()) and ': kept' not in said
    found = notebooks(course)
    assert {f'{new}.ipynb' for new in places.values()} <= set(found)
    assert not [name for name in places if f'{name}.ipynb' in found]
    yours = {name: text for name, text in found.items() if '(yours' in name}
    assert sorted(yours.values()) == sorted(f'my {name}' for name in edited)
    assert not [text for name, text in found.items() if text.startswith('old ')]
    assert done_exercises(course) == {'wrong pictures', 'one step of SGD'}
    top = sorted(path.name for path in course.iterdir() if not path.name.startswith('.'))
    assert top[0] == cli.START and all(re.match(r'\d\d[ab]?_', name) or name == 'library' for name in top)
    cli.main(['lab', '--folder', str(course)])
    assert 'moved' not in capsys.readouterr().out and notebooks(course) == found


def test_what_a_learner_reads_of_a_chapter(started, tmp_path):
    "Library code folded, implementers' sections collapsed, no checks of the author, and at the end what comes next"
    course = tmp_path/'course'
    cli.main(['lab', '--folder', str(course)])
    cells = json.loads((course/f'{copy_name("training/10_head")}.ipynb').read_text())['cells']
    code = [(''.join(cell['source']), cell['metadata']) for cell in cells if cell['cell_type'] == 'code']
    folded = [source for source, metadata in code if metadata.get('jupyter', {}).get('source_hidden')]
    assert folded and all(re.match(r'#\| (default_exp|exporti?)|ask\(|import |from ', source) for source in folded)
    assert not [source for source, metadata in code if source.startswith('#| export') and source not in folded]
    assert not [source for source, _ in code if source.startswith('#| hide')]
    heading = next(cell for cell in cells if ''.join(cell['source']).startswith('## For implementers'))
    assert heading['metadata'] == {'jp-MarkdownHeadingCollapsed': True}
    last = ''.join(cells[-1]['source'])
    following = rf'\*\*Next:\*\* \[step \d+, Fine-tuning\]\({copy_name("training/12_trainer")}\.ipynb\), about '
    assert re.match(following, last)


def test_the_real_course_is_copied_with_its_links_whole(started, tmp_path):
    course = tmp_path/'course'
    cli.main(['lab', '--folder', str(course)])
    assert (course/cli.START).is_file() and not (course/'index.ipynb').exists()
    links = {(file, link) for file in course.rglob('*.ipynb') for cell in json.loads(file.read_text())['cells']
             if cell['cell_type'] == 'markdown'
             for link in re.findall(r'\]\(([^)#:]+\.ipynb)', ''.join(cell['source']))}
    assert len(links) > 3
    written = {one for step in PATH for one in step.notebooks if (course/f'{copy_name(one)}.ipynb').exists()}
    missing = [(file.name, link) for file, link in links if not (file.parent/link).exists()]
    assert not missing and len(written) > 20


@pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='no root on Windows')
@pytest.mark.parametrize('user, allowed', [(0, True), (1000, False)])
def test_root_may_start_it(user, allowed, source, started, tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: user)
    monkeypatch.setattr(cli, 'is_mine', lambda path: True)
    cli.main(['lab', '--folder', str(tmp_path/'course'), '--allow-root' if allowed else '--debug'])
    assert started[0].count('--allow-root') == allowed


@pytest.mark.parametrize('browser', [True, False])
def test_without_a_browser_it_says_which_address_to_open(browser, source, started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, 'has_browser', lambda: browser)
    cli.main(['lab', '--folder', str(tmp_path/'course')])
    assert ('--no-browser' in started[0]) != browser
    assert ('open the address with "token="' in capsys.readouterr().out) != browser


def test_a_text_browser_is_no_browser(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'linux')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'): monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cli.webbrowser, 'get', lambda: 'lynx')
    assert not cli.has_browser()
    monkeypatch.setenv('DISPLAY', ':0')
    assert cli.has_browser()


def test_a_missing_jupyterlab_is_named_with_its_remedy(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, 'find_spec', lambda name: None)
    assert cli.main(['lab', '--folder', str(tmp_path/'course')]) == 1
    assert "JupyterLab is not installed here; get it with pip install '.[lab]'" in capsys.readouterr().err


def test_a_missing_course_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, 'notebooks_folder', lambda: tmp_path/'nowhere')
    assert cli.main(['lab', '--folder', str(tmp_path/'course')]) == 1
    assert 'nowhere has no START.ipynb' in capsys.readouterr().err and not (tmp_path/'course').exists()


def test_ctrl_c_is_left_to_jupyterlab_where_it_is_a_process_of_its_own(monkeypatch):
    answers = iter([KeyboardInterrupt, KeyboardInterrupt, 0])
    def wait():
        answer = next(answers)
        if answer: raise answer
        return answer
    monkeypatch.setattr(cli, 'os', SimpleNamespace(name='nt'))
    monkeypatch.setattr(cli.subprocess, 'Popen', lambda command: SimpleNamespace(wait=wait))
    assert cli.become(['jupyter']) == 0


PLANTED = ('jupyterlab', 'json', 'random', 'signal', 'jupyter_server', 'traitlets', 'tornado', 'fastlearn', 'site',
           'sitecustomize', 'usercustomize', 'jupyter_config', 'jupyter_server_config', 'jupyter_lab_config', 'asyncio')


@pytest.mark.skipif(os.name == 'nt', reason='signals as POSIX has them')
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT])
def test_the_current_folder_runs_no_code_and_a_signal_ends_all(number, tmp_path):
    "A real JupyterLab, in a folder full of traps; no process of its session stays"
    pytest.importorskip('jupyterlab')
    for name in PLANTED: (tmp_path/f'{name}.py').write_text(f'open({str(tmp_path/"pwned")!r}, "a").write("{name} ")\n')
    layout = tmp_path/'fastlearn-course'/cli.LAYOUT  # of a course that came with the folder
    layout.mkdir(parents=True)
    for name in PLANTED: (layout/f'{name}.py').write_bytes((tmp_path/f'{name}.py').read_bytes())
    (tmp_path/'jupyter_server_config.json').write_text('{"ServerApp": {"token": "known", "ip": "0.0.0.0"}}')
    own = str(Path(fastlearn.__file__).parent.parent)
    start = ('import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL)\n'  # ignored in a shell's background job
             f'sys.path.insert(1, {own!r}); from fastlearn.cli import main; sys.exit(main(sys.argv[1:]))')
    lab = subprocess.Popen([sys.executable, '-P', '-c', start, 'lab', '--no-browser', '--port=0', '--port-retries=9'],
                           cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           start_new_session=True, env=os.environ | {'JUPYTER_PLATFORM_DIRS': '1'})
    try:
        assert lab.stdout is not None
        said = ''
        for line in lab.stdout:
            said += line
            if 'token=' in line: break
        assert 'token=' in said, said
        assert 'token=known' not in said
        lab.send_signal(number)
        for _ in range(600):              # seconds, against a hang only
            try: lab.communicate(timeout=1); break
            except subprocess.TimeoutExpired:
                if number == signal.SIGINT: lab.send_signal(number)  # again is the answer to 'Shut down?'
        assert lab.poll() is not None
        with pytest.raises(ProcessLookupError): os.killpg(lab.pid, 0)
        assert not (tmp_path/'pwned').exists(), (tmp_path/'pwned').read_text()
    finally:
        if lab.poll() is None: os.killpg(lab.pid, signal.SIGKILL)


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() != 0, reason='only root can give files away')
def test_a_course_of_another_user_is_not_opened(source, started, tmp_path, capsys):
    course = tmp_path/'course'
    course.mkdir()
    os.chown(course, 12345, 12345)
    assert cli.main(['lab', '--folder', str(course)]) == 1 and not started and not os.listdir(course)
    assert 'belongs to another user, who could put code' in capsys.readouterr().err


@pytest.mark.parametrize('content', ['[]', 'null', '"x"', '5', '[[1]]', '{"00_START.ipynb": 5}', '['*100_000, '\0', ''])
def test_a_damaged_record_or_notebook_is_no_reason_to_fail(content, copied):
    course, again = copied
    (course/RECORD).write_text(content)
    again()
    assert json.loads((course/RECORD).read_text())[cli.START]
    (course/cli.START).write_text(content)
    assert f'{cli.START}: kept, because you edited it' in again() or (course/cli.START).read_text() == content


def test_the_cache_of_a_stranger_gives_the_terminal_no_commands(home, capsys):
    (home/'\x1b]0;x\x07').mkdir(parents=True)
    (home/'\x1b]0;x\x07'/'.fastlearn').write_text('')
    assert cli.main(['cache']) == 0
    assert '\x1b' not in (said := capsys.readouterr().out) and r'\x1b]0;x\x07' in said


def test_a_shell_answers_with_commands(tmp_path, capsys):
    for name in 'ab':
        (tmp_path/name).mkdir()
        for i in range(4): Image.new('RGB', (32, 32), (i, 9, 9)).save(tmp_path/name/f'{i}.png')
    assert cli.main(['train', str(tmp_path), '--arch', 'resnet35', '--out', str(tmp_path/'m.safetensors')]) == 1
    said = capsys.readouterr().err
    assert '`fastlearn train --list-archs` lists them all' in said and 'list_arch' not in said
    with pytest.raises(SystemExit) as ended: cli.main(['train', '--list-archs'])
    assert ended.value.code == 0 and {'resnet10', 'resnet34'} <= set(capsys.readouterr().out.split())


def test_alone_it_says_what_there_is(capsys):
    assert cli.main([]) == 0
    assert 'usage: fastlearn' in (said := capsys.readouterr().out) and 'predict' in said


# --- cache ---

def test_cache_lists_and_clears(one_set, home, capsys):
    assert cli.main(['cache']) == cli.main(['cache', 'list']) == 0
    assert capsys.readouterr().out.count('mini_pets                            2.1 KiB\n') == 2
    assert cli.main(['cache', 'clear', 'mini_pets']) == 0
    assert capsys.readouterr().out == f'2.1 KiB freed in {home}\n' and not one_set.exists()
    cli.main(['cache'])
    assert capsys.readouterr().out == f'{home}: no datasets yet\n'


def test_cache_clears_everything_only_when_told_so(one_set, capsys):
    assert cli.main(['cache', 'clear']) == 1 and one_set.exists()
    assert 'say what to clear: `fastlearn cache clear NAME`, or' in capsys.readouterr().err
    assert cli.main(['cache', 'clear', 'mini_pets', '--all']) == 1 and one_set.exists()
    assert cli.main(['cache', 'clear', '--all']) == 0 and not one_set.exists()


def test_cache_names_what_there_is(one_set, capsys):
    assert cli.main(['cache', 'clear', 'pets']) == 1
    assert "holds no dataset 'pets'; expected one of mini_pets" in capsys.readouterr().err


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
                            dashboard=lambda: page, predict=lambda item: SimpleNamespace(
                                label=item == files[0], probabilities=[0.125, 0.875]))
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
    assert 'Is it a cat? True, with a probability of 87.5%. According to its name, it is a cat.\n' in out
    assert out.endswith(f'open {tmp_path/"fastlearn-demo.html"} in a browser.\n')


# --- train and predict ---

@pytest.fixture(scope='module')
def pets(few_pets, tmp_path_factory):
    "A folder for each class; 96 pictures"
    folder = tmp_path_factory.mktemp('by_class')/'pets'
    for picture in (few_pets/'images').iterdir():
        kind = folder/('cat' if picture.name[0].isupper() else 'dog')
        kind.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, kind/picture.name)
    return folder


@pytest.fixture(scope='module')
def trained(pets, tmp_path_factory):
    "What `fastlearn train` wrote and printed"
    folder = tmp_path_factory.mktemp('trained')
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr('builtins.print', lambda *words, **options: said.append(' '.join(map(str, words))))
        status = cli.main(['train', str(pets), '--size', '32', '--out', str(folder/'pets'),
                           '--replay', str(folder/'run.html')])
    return SimpleNamespace(status=status, said='\n'.join(said), model=folder/'pets.safetensors', page=folder/'run.html')


def test_train_says_what_it_found_and_writes_the_model(trained, pets):
    assert trained.status == 0
    counts = ', '.join(f'{kind} {len(list((pets/kind).iterdir()))}' for kind in ('cat', 'dog'))
    assert f'96 images of 2 classes in {pets}: {counts}\n' in trained.said
    assert '77 for training, 19 for validation, at random, seed 42; resnet10 at 32 pixels' in trained.said
    assert 'train_loss  valid_loss  error_rate' in trained.said and f'The model is in {trained.model} (' in trained.said
    assert '<html' in trained.page.read_text(encoding='utf-8')


def test_predict_to_the_terminal(trained, pets, capsys):
    some = sorted((pets/'cat').iterdir())[:3]
    assert cli.main(['predict', str(trained.model), *map(str, some), str(some[0])]) == 0  # a file twice is one
    lines = capsys.readouterr().out.splitlines()
    assert [line.split('\t')[0] for line in lines] == list(map(str, some))
    assert all(line.split('\t')[1].startswith(('cat ', 'dog ')) and line.endswith('%') for line in lines)


def test_csv_and_json_say_the_same_as_the_library(trained, pets, tmp_path, capsys):
    from fastlearn.data.dataset import get_image_files
    from fastlearn.learner import load_learner
    model, table, listed = str(trained.model), tmp_path/'a.csv', tmp_path/'a.json'
    assert cli.main(['predict', model, str(pets), '--csv', str(table)]) == 0
    assert cli.main(['predict', model, str(pets), '--json', str(listed)]) == 0
    assert f'96 images: the predictions are in {listed}' in capsys.readouterr().out
    files, learn = get_image_files(pets), load_learner(trained.model)
    expected, _ = learn.get_preds(learn.dls.test_dl(files))
    with open(table, newline='', encoding='utf-8') as lines: rows = list(csv.DictReader(lines))
    objects = json.loads(listed.read_text())
    for file, shares, row, one in zip(files, expected.tolist(), rows, objects, strict=True):
        label = ('cat', 'dog')[shares[1] > shares[0]]
        assert (row['file'], row['label']) == (one['file'], one['label']) == (str(file), label)
        assert [float(row['cat']), float(row['dog'])] == list(one['probabilities'].values()) == pytest.approx(shares)
        assert float(row['probability']) == one['probability'] == pytest.approx(max(shares))


def test_unreadable_files_are_named_and_the_others_answered(trained, pets, tmp_path, capsys):
    page, good, gone = tmp_path/'page.jpg', sorted((pets/'dog').iterdir())[0], tmp_path/'gone.png'
    page.write_text('<html>404</html>')
    (empty := tmp_path/'empty').mkdir()
    assert cli.main(['predict', str(trained.model), *map(str, [page, good, gone, empty]), '--json', '-']) == 1
    said = capsys.readouterr()
    assert [row['file'] for row in json.loads(said.out)] == [str(good)]
    assert f'cannot read image {page}: its 16 bytes are not in a supported image format\n' in said.err
    assert f'there is no file or folder {gone}\n' in said.err and f'no images in {empty}' in said.err


def test_several_labels_and_numbers_are_written_too():
    rows = [{'file': 'a', 'label': ['cat', 'sofa'], 'probability': [.9, .8], 'probabilities': {'cat': .9, 'sofa': .8}},
            {'file': 'b', 'label': [], 'probability': [], 'probabilities': {'cat': .1, 'sofa': .2}}]
    assert cli.as_csv(rows).splitlines() == ['file,label,probability,cat,sofa',
                                             'a,cat;sofa,0.9;0.8,0.9,0.8', 'b,,,0.1,0.2']
    assert cli.as_csv([{'file': 'a', 'label': (1.5, 2.)}]).splitlines() == ['file,label', 'a,1.5;2.0']
    assert cli.as_csv([]) == 'file,label\n'


def test_several_labels_and_numbers_are_printed_too(capsys):
    cli.print_rows([{'file': 'a', 'label': ['cat', 'sofa'], 'probability': [.9, .8]}, {'file': 'c', 'label': 1.5},
                    {'file': 'b', 'label': [], 'probability': []}])
    assert capsys.readouterr().out == 'a\tcat 90.0%, sofa 80.0%\nc\t1.5\nb\t(none)\n'


@pytest.mark.skipif(sys.platform != 'linux', reason='file names are text there')
def test_a_name_that_is_no_text(trained, pets, tmp_path, capsys):
    odd = tmp_path/os.fsdecode(b'caf\xe9.png')
    shutil.copyfile(sorted((pets/'dog').iterdir())[0], odd)
    assert cli.main(['predict', str(trained.model), str(tmp_path)]) == 0
    assert 'caf\\udce9.png\t' in capsys.readouterr().out
    assert cli.main(['predict', str(trained.model), str(tmp_path), '--csv', str(tmp_path/'a.csv')]) == 0
    assert b'caf\xe9.png' in (tmp_path/'a.csv').read_bytes()


@pytest.mark.parametrize(('content', 'message'), [
    (None, 'file not found'), (b'', 'incomplete, or not a safetensors file'), (b'\x80\x04pickle', 'pickle')])
def test_what_is_no_model_is_refused(content, message, pets, tmp_path, capsys):
    model = tmp_path/'m.safetensors'
    if content is not None: model.write_bytes(content)
    assert cli.main(['predict', str(model), str(pets)]) == 1
    said = capsys.readouterr()
    assert message in said.err and str(model) in said.err and not said.out


def test_a_place_that_cannot_be_written_is_named_before_the_work(pets, tmp_path, capsys):
    assert cli.main(['train', str(pets), '--out', str(tmp_path/'no'/'m.safetensors')]) == 1
    assert f"there is no folder {tmp_path/'no'} to write m.safetensors to" in capsys.readouterr().err
    assert cli.main(['predict', 'model', str(pets), '--csv', str(tmp_path)]) == 1
    assert f'{tmp_path} is a folder; expected the name of a file' in capsys.readouterr().err
    assert cli.main(['train', str(pets), '--out', str(tmp_path/'m.pkl')]) == 1
    assert 'm.pkl is a name for another kind of file' in capsys.readouterr().err


def folder_with(folder: Path, *names: str) -> Path:
    "A folder with these files, all of them the same small picture"
    from PIL import Image
    for i, name in enumerate(names):
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (40, 40), (i*7 % 256, 90, 30)).save(folder/name)
    return folder


@pytest.mark.parametrize(('names', 'message'), [
    ([], 'does not exist'), (['a.png', 'cat/b.png'], 'itself (1), such as a.png'),
    (['images/a.png', 'images/b.png'], 'are in one folder, images; expected a folder for each class'),
    (['cat/a.png', 'dog/b.png'], 'the validation set would be empty')])
def test_bad_folders_are_refused_with_what_is_wrong(names, message, tmp_path, capsys):
    assert cli.main(['train', str(folder_with(tmp_path/'data', *names)), '--out', str(tmp_path/'m.safetensors')]) == 1
    assert message in capsys.readouterr().err and not (tmp_path/'m.safetensors').exists()


def test_folders_train_and_valid_decide_the_split(tmp_path, monkeypatch, capsys):
    names = [f'{part}/{kind}/{i}.png' for part, n in (('train', 6), ('valid', 2)) for kind in 'ab' for i in range(n)]
    folder = folder_with(tmp_path/'data', *names)
    (folder/'train'/'a'/'0.png').write_text('no picture')
    assert [len(part) for part in cli.find_classes(folder)] == [16, 16, 4]
    monkeypatch.chdir(tmp_path)
    assert cli.main(['train', 'data', '--size', '32']) == 0
    said = capsys.readouterr()
    assert '15 images of 2 classes in data: a 7, b 8' in said.out and 'Warning' not in said.err
    assert '11 for training, 4 for validation, from the folders train and valid' in said.out
    assert 'epochs, and then the whole network for 1' in said.out
    assert '0.png; it is left out' in said.err and (tmp_path/'model.safetensors').exists()


def test_ctrl_c_stops_and_keeps_the_model(pets, tmp_path, monkeypatch, capsys):
    from fastlearn.learner import Learner, load_learner
    from fastlearn.observers import Observer

    class Impatient(Observer):
        def after_step(self, history, step):
            if len(history.losses) == 3: signal.raise_signal(signal.SIGINT)
    before = Learner.default_observers
    monkeypatch.setattr(Learner, 'default_observers', lambda learn: [*before(learn), Impatient()])
    model = tmp_path/'m.safetensors'
    assert cli.main(['train', str(pets), '--size', '32', '--epochs', '20', '--out', str(model)]) == 130
    assert 'Training stopped early (interrupted); you can use the model as it is.' in capsys.readouterr().out
    assert load_learner(model).about['history']['steps'] == 3


def test_an_unknown_network_is_named_with_the_nearest(pets, tmp_path, capsys):
    assert cli.main(['train', str(pets), '--arch', 'resnet35', '--out', str(tmp_path/'m.safetensors')]) == 1
    assert 'resnet34' in capsys.readouterr().err


# --- the command itself ---

def test_version(capsys):
    with pytest.raises(SystemExit) as end: cli.main(['--version'])
    assert end.value.code == 0 and capsys.readouterr().out == f'fastlearn {fastlearn.__version__}\n'


@pytest.mark.parametrize('arguments, message', [
    (['dance'], "invalid choice: 'dance'"), (['trian', 'x'], 'did you mean train?'),
    (['train', 'x', '--sise', '9'], 'fastlearn train: error: unrecognized arguments: --sise 9; did you mean --size?'),
    (['train', 'x', '--epoch=2', '--archs=a'], '; did you mean --arch?'), (['--verison'], 'did you mean --version?'),
    (['cache', 'claer'], 'did you mean clear?'), (['predict', 'm', 'x', '--cvs=a'], 'did you mean --csv?'),
    (['demo', '--fast'], 'unrecognized arguments: --fast'), (['cache', 'burn'], "invalid choice: 'burn'"),
    (['train', 'x', '--epochs', '0'], '0 is not a whole number above 0'), (['train'], 'required: FOLDER'),
    (['train', 'x', '--valid', '20'], '20 is not a number between 0 and 1'), (['predict', 'm'], 'required: IMAGES'),
    (['predict', 'm', 'x', '--csv', 'a', '--json', 'b'], 'not allowed with argument --csv')])
def test_wrong_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as end: cli.main(arguments)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_the_command_line_starts_without_torch():
    "Help and the list of the cache are immediate: neither torch nor Jupyter is loaded for them"
    code = ("import contextlib, sys; from fastlearn.cli import main; main(['cache'])\n"
            "for command in 'train', 'predict', 'lab':\n"
            "    with contextlib.suppress(SystemExit): main([command, '--help'])\n"
            "print(sorted({'torch', 'IPython', 'ipywidgets'} & set(sys.modules)))")
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert out.stdout.endswith('[]\n'), out.stderr
