"What is different on macOS and Windows: a search for what they lack, and the code that asks where it runs"
import ast
import errno
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import fastlearn.cli as cli
import fastlearn.core.device as device
import fastlearn.data.prefetch as prefetch
import fastlearn.core.files as safe_files
from fastlearn.core.files import replacing

PACKAGE = Path(cli.__file__).parent


# --- the search ---

ONLY_POSIX = set("""fork forkpty geteuid getuid getgid setuid setgid chown chroot mkfifo mknod killpg setsid getpgid
    statvfs nice sched_getaffinity uname wait waitpid symlink SIGKILL SIGALRM SIGHUP SIGUSR1 SIGUSR2 setitimer alarm
    pause flock O_DIRECTORY""".split())
POSIX_MODULES = {'fcntl', 'resource', 'pwd', 'grp', 'termios', 'tty', 'pty', 'syslog', 'readline', 'msvcrt', 'winreg'}
OPENS = 'open', 'read_text', 'write_text', 'TextIOWrapper'
NO_FILES = 'Image', 'self', 'tarfile', 'webbrowser', 'os', 'dataset', 'archive'  # what else has an `open`
INTO_NOTHING = {'download.py', 'datasets.py', 'draw.py'}  # rename folders, to places where there is none
MODULES = sorted(PACKAGE.glob('*.py'))


def guarded(node: ast.AST, parents: dict) -> bool:
    "Whether it is only reached where a condition has asked for the system"
    while node := parents.get(node):
        test = getattr(node, 'test', node if isinstance(node, ast.BoolOp) else None)
        if test is not None and re.search(r'hasattr|os\.name|sys\.platform', ast.unparse(test)): return True
    return False


def of_one_system(node: ast.AST) -> str | None:
    "A module or a name that only some systems have"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = {name.name for name in node.names} if isinstance(node, ast.Import) else {str(node.module)}
        return next((f'imports {name}' for name in names if name in POSIX_MODULES or 'multiprocessing' in name), None)
    is_ours = isinstance(node, ast.Attribute) and ast.unparse(node.value) in ('os', 'signal', 'fcntl')
    return ast.unparse(node) if is_ours and node.attr in ONLY_POSIX else None


def place_of_one_system(node: ast.AST) -> str | None:
    "A place that only some systems have"
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text and re.match(r'(/tmp|/dev|/proc|/home|/usr|~/|[A-Za-z]:\\)', node.value) else None


def opens_text(call: ast.Call, name: str, on: str) -> bool:
    "Whether a file is opened as text, in whatever encoding the system likes"
    given = {word.arg: word.value for word in call.keywords}
    if name not in OPENS or on in NO_FILES or None in given or 'encoding' in given: return False
    if name != 'open': return True
    place = 0 if on not in ('', 'io') else 1
    mode = given.get('mode') or (call.args[place] if len(call.args) > place else ast.Constant('r'))
    return 'b' not in ast.unparse(mode)


def call_of_one_system(node: ast.AST, module: str) -> str | None:
    "A call that does something else, or nothing, on some systems"
    if not isinstance(node, ast.Call): return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, 'id', '')
    on = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ''
    if opens_text(node, name, on): return 'text without an encoding'
    if name == 'rename' and on and module not in INTO_NOTHING: return 'renames; os.replace works over a file too'
    joined = [ast.unparse(one) for one in node.args if isinstance(one, (ast.JoinedStr, ast.BinOp))]
    by_hand = any(re.search(r"\}/|/\{|\+ '/'", text) for text in joined)
    return 'a path joined by hand' if by_hand and name in ('Path', 'open', 'with_name', 'joinpath') else None


def not_portable(path: Path) -> list[str]:
    "What a module does that not every system can do"
    tree = ast.parse(path.read_text(encoding='utf-8'))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = [(node, of_one_system(node)) for node in ast.walk(tree) if not guarded(node, parents)]
    found += [(node, why) for node in ast.walk(tree)
              for why in (place_of_one_system(node), call_of_one_system(node, path.name))]
    return [f'{path.name}:{node.lineno}: {why}' for node, why in found if why]


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.name)
def test_nothing_in_it_needs_one_system(path):
    assert not_portable(path) == []


def test_the_search_finds_what_it_is_for(tmp_path):
    "A module that does all of it"
    lines = ['import fcntl', 'import os, signal', 'os.fork()', 'os.kill(1, signal.SIGKILL)', "open('a')",
             "Path('a').write_text('b')", "os.rename('a', 'b')", "open('/tmp/a', 'rb')", "Path(f'{a}/{b}')",
             'if os.name == "nt": os.geteuid()', "open('a', 'rb')", "open('a', encoding='utf-8')"]
    (tmp_path/'bad.py').write_text('\n'.join(lines), encoding='utf-8')
    found = sorted({int(text.split(':')[1]) for text in not_portable(tmp_path/'bad.py')})
    assert found == [1, 3, 4, 5, 6, 7, 8, 9]


# --- where it asks ---

def system(**values) -> SimpleNamespace:
    "`os`, as another system has it: these values, and without what is None"
    return SimpleNamespace(**{name: value for name, value in (vars(os) | values).items() if value is not None})


def test_locks_as_windows_has_them(tmp_path, monkeypatch):
    "Locking a byte of the file, which fails while another holds it"
    asked, busy = [], OSError(errno.EACCES, 'Permission denied')
    def locking(number, mode, size):
        asked.append((mode, size))
        if len(asked) > 1: raise busy
    monkeypatch.setattr(safe_files, 'os', system(name='nt'))
    monkeypatch.setattr(safe_files, 'msvcrt', SimpleNamespace(locking=locking, LK_NBLCK=2), raising=False)
    with open(tmp_path/'lock', 'a', encoding='utf-8') as file:
        assert safe_files.try_lock(file) and not safe_files.try_lock(file) and asked == [(2, 1)]*2


def test_folders_that_cannot_be_synced_are_none(tmp_path, monkeypatch):
    "As on Windows, where a folder cannot be opened"
    def refuse(path, *args, real=os.open):
        if os.path.isdir(path): raise PermissionError(errno.EACCES, 'Permission denied')
        return real(path, *args)
    monkeypatch.setattr(safe_files.os, 'open', refuse)
    with replacing(tmp_path/'a') as file: file.write(b'a')
    assert (tmp_path/'a').read_bytes() == b'a'


@pytest.mark.parametrize('cores, expected', [(1, 1), (3, 3), (64, 4), (None, 1)])
def test_workers_without_a_word_about_affinity(monkeypatch, cores, expected):
    "macOS and Windows do not say which processors are ours"
    monkeypatch.setattr(device, 'os', system(sched_getaffinity=None, cpu_count=lambda: cores))
    assert prefetch.default_workers() == expected


@pytest.mark.parametrize('platform, display, expected', [('linux', None, False), ('darwin', None, True),
                                                         ('win32', None, True), ('linux', ':0', True)])
def test_a_window_where_there_can_be_one(monkeypatch, platform, display, expected):
    monkeypatch.setattr(cli, 'sys', SimpleNamespace(**vars(sys) | {'platform': platform}))
    monkeypatch.setattr(cli.webbrowser, 'get', lambda: None)
    for name in 'DISPLAY', 'WAYLAND_DISPLAY': monkeypatch.delenv(name, raising=False)
    if display: monkeypatch.setenv('DISPLAY', display)
    assert cli.has_browser() is expected


def test_no_root_where_there_is_none(monkeypatch):
    monkeypatch.setattr(cli, 'os', system(geteuid=None))
    monkeypatch.setattr(cli, 'has_browser', lambda: True)
    assert '--allow-root' not in cli.lab_command(Path('course'), [])
