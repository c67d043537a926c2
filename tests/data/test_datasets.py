"Fetching, checking, unpacking, and keeping datasets, against a server in this process that misbehaves on demand"
import dataclasses
import hashlib
import importlib.util
import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import fastlearn.data.download as archives
import fastlearn.data.datasets as datasets
from fastlearn.core.files import readable
from fastlearn.data.datasets import cached, Cached, clear_cache, data_home, Source, untar_data, URLs
from fastlearn.data.download import check_name, unpack

fetch_quietly = partial(untar_data, progress=False)


# --- a server, and archives ---

class Server(ThreadingHTTPServer):
    "Serves `content` for every address"
    daemon_threads = True
    content, etag, ranges = b'', '"one"', True
    status, first_byte_off = 200, 0
    lengthless, reason = False, None

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.break_after = []             # for each of the next answers: bytes of the body before the connection breaks
        self.asked = []                   # the Range header of each request

    @property
    def url(self): return f'http://127.0.0.1:{self.server_address[1]}/data/flowers.tar.gz'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get('Range')
        server.asked.append(wanted)
        body, status, start = server.content, server.status, 0
        if wanted and server.ranges and status == 200:
            start, status = int(wanted.removeprefix('bytes=').rstrip('-')), 206
            if start >= len(body): return self.send_error(416)
        self.send_response(status, server.reason)
        if status == 206:
            start += server.first_byte_off
            self.send_header('Content-Range', f'bytes {start}-{len(body) - 1}/{len(body)}')
        if not server.lengthless: self.send_header('Content-Length', str(len(body) - start))
        if server.etag: self.send_header('ETag', server.etag)
        self.end_headers()
        cut = server.break_after.pop(0) if server.break_after else len(body)
        self.wfile.write(body[start:][:cut])
        self.close_connection = True

    def log_message(self, *args): pass


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    "A cache of its own for each test, no proxy between it and the server, no waiting"
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path/'home'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.setattr(archives, 'WAITS', (0, 0, 0))
    return tmp_path/'home'


def tar(files: dict[str, bytes], *more: tarfile.TarInfo, mode: str = 'w:gz') -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more: archive.addfile(info)
    return out.getvalue()


def zipped(files: dict[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items(): archive.writestr(name, content)
    return out.getvalue()


def special(name: str, kind: bytes, target: str = '') -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def md5(content: bytes) -> str: return 'md5:' + hashlib.md5(content).hexdigest()


def tree(folder: Path) -> list[str]:
    "All files of a set, without the record of where it came from"
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file() and p.name != '.fastlearn')


NOISE = os.urandom(200_000)               # like a photo, it does not shrink
FLOWERS = tar({'flowers/images/rose_1.jpg': NOISE, 'flowers/labels.csv': b'file,label\n'})


# --- the sets ---

ORIGINS = dict(PETS='oxford_iiit_pet', IMAGENETTE_160='imagenette', IMAGENETTE_320='imagenette', FOOD='food101',
               CALTECH_256='caltech', TEXTURES='dtd', EUROSAT='eurosat', TRAFFIC_SIGNS='gtsrb')


@pytest.mark.parametrize('name, module', ORIGINS.items())
def test_addresses_and_checksums_stand_in_torchvisions_source(name, module):
    "Read as text: importing torchvision takes seconds"
    torchvision = Path(importlib.util.find_spec('torchvision').origin).parent
    text = (torchvision/'datasets'/f'{module}.py').read_text(encoding='utf-8')
    source = getattr(URLs, name)
    folder, _, file = source.url.rpartition('/')
    assert folder in text and file in text and source.checksum.removeprefix('md5:') in text


def test_members_are_frozen_records():
    with pytest.raises(dataclasses.FrozenInstanceError): URLs.PETS.url = 'elsewhere'
    assert set(ORIGINS) == {name for name, source in vars(URLs).items() if isinstance(source, Source) and source.url}


def test_every_set_has_a_folder_of_its_own_and_terms():
    sources = [source for source in vars(URLs).values() if isinstance(source, Source)]
    assert len({source.name for source in sources}) == len(sources) > 5
    assert all('; ' in source.about for source in sources)
    assert [source for source in sources if not source.url] == [URLs.MINI_PETS]


@pytest.mark.parametrize('name', ['../x', '', '.hidden', 'a/b', 'C:x'])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(ValueError, match='cannot be a folder; expected letters'): Source(name, '')


@pytest.mark.parametrize('checksum', ['5c4f3ee8e5d25df40f4fd59a7f44e54c', 'md5:5c4f', 'md5:' + 'z'*32, 'crc:12345678'])
def test_a_checksum_needs_its_algorithm_and_all_digits(checksum):
    with pytest.raises(ValueError, match="expected an algorithm, a colon, and all of its digits, such as 'md5:0"):
        fetch_quietly('https://example.org/x.tgz', checksum=checksum)


@pytest.mark.parametrize('wrong', ['PETS', 'pets.tgz', 7])
def test_what_is_no_source_is_told_what_there_is(wrong):
    with pytest.raises(ValueError, match=r'expected a dataset such as URLs.PETS \(there are MINI_PETS, PETS, .*'):
        fetch_quietly(wrong)


# --- where it is kept ---

def test_data_home_follows_the_platform(monkeypatch, tmp_path):
    assert data_home() == tmp_path/'home'
    monkeypatch.delenv('FASTLEARN_HOME')
    monkeypatch.setattr(Path, 'home', lambda: tmp_path)
    if os.name != 'nt':
        monkeypatch.setattr(sys, 'platform', 'linux')
        monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
        assert data_home() == tmp_path/'.cache'/'fastlearn'
        monkeypatch.setenv('XDG_CACHE_HOME', 'relative')  # the standard says: ignore it
        assert data_home() == tmp_path/'.cache'/'fastlearn'
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path/'x'))
        assert data_home() == tmp_path/'x'/'fastlearn'
        monkeypatch.setattr(sys, 'platform', 'darwin')
        assert data_home() == tmp_path/'Library'/'Caches'/'fastlearn'


@pytest.mark.skipif(os.name == 'nt', reason='homes as POSIX has them')
@pytest.mark.parametrize('place', ['~no-such-user/sets', None])
def test_without_a_home_the_variable_is_named(place, monkeypatch):
    def nowhere(): raise RuntimeError('Could not determine home directory.')
    monkeypatch.setattr(datasets.Path, 'home', nowhere)
    if place: monkeypatch.setenv('FASTLEARN_HOME', place)
    else: monkeypatch.delenv('FASTLEARN_HOME')
    with pytest.raises(FileNotFoundError, match='names no home folder on this machine; set FASTLEARN_HOME'): data_home()


def test_readable_sizes():
    sizes = {0: '0 bytes', 1023: '1023 bytes', 2048: '2.0 KiB', 791_918_971: '755.2 MiB', 5 << 30: '5.0 GiB'}
    assert [readable(size) for size in sizes] == list(sizes.values())


# --- the download ---

def test_an_address_is_fetched_once_and_checked(server, home):
    server.content = FLOWERS
    path = fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert path.parent == home and path.name.startswith('flowers-')
    assert tree(path) == ['images/rose_1.jpg', 'labels.csv']
    assert (path/'images'/'rose_1.jpg').read_bytes() == NOISE
    assert fetch_quietly(server.url, checksum=md5(FLOWERS)) == path and server.asked == [None]
    fetch_quietly(server.url, force=True)
    assert server.asked == [None, None]


def test_another_folder_on_request(server, tmp_path):
    server.content = FLOWERS
    assert fetch_quietly(server.url, tmp_path/'mine').parent == tmp_path/'mine'


def test_two_addresses_with_one_file_name_do_not_collide(server):
    server.content = FLOWERS
    assert fetch_quietly(server.url) != fetch_quietly(server.url + '?edition=2')


def test_a_broken_connection_is_resumed_where_it_broke(server):
    server.content, server.break_after = FLOWERS, [50_000, 100_000]
    path = fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert server.asked == [None, 'bytes=49999-', 'bytes=149998-']
    assert (path/'images'/'rose_1.jpg').read_bytes() == NOISE


def test_what_arrived_is_kept_for_the_next_call(server, home):
    server.content, server.break_after = FLOWERS, [50_000, 1, 1, 1, 1]
    with pytest.raises(ConnectionError, match=r'ended after 50,000 of [\d,]+ bytes. What arrived is kept'):
        fetch_quietly(server.url)
    assert [(found.complete, found.size > 50_000) for found in cached()] == [(False, True)]
    fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert server.asked[-1] == 'bytes=49999-' and [found.complete for found in cached()] == [True]


def test_many_breaks_are_no_reason_to_give_up_while_it_gets_further(server):
    server.content, server.break_after = FLOWERS, [20_000]*9
    fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert len(server.asked) == 10


def test_a_server_without_ranges_starts_again(server):
    server.content, server.break_after, server.ranges = FLOWERS, [50_000], False
    fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert server.asked == [None, 'bytes=49999-']


@pytest.mark.parametrize('change', ['etag', 'length', 'shorter', 'wrong range'])
def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server, change):
    server.content, server.break_after = tar({'images/old.jpg': os.urandom(200_000)}), [50_000, 0, 0, 0, 0]
    with pytest.raises(ConnectionError): fetch_quietly(server.url)
    server.asked.clear(); server.break_after.clear()
    new = {'length': tar({'images/new.jpg': os.urandom(210_000)}), 'shorter': tar({'images/new.jpg': b'small'})}
    if change == 'etag': server.etag = '"two"'
    if change == 'wrong range': server.first_byte_off = 7
    server.content = new.get(change, server.content)
    fetch_quietly(server.url, checksum=md5(server.content))
    assert server.asked == ['bytes=49999-', None]


def test_a_complete_part_is_not_fetched_twice(server, monkeypatch):
    server.content = FLOWERS
    monkeypatch.setattr(datasets, 'unpack', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt): fetch_quietly(server.url)
    monkeypatch.setattr(datasets, 'unpack', unpack)
    fetch_quietly(server.url, checksum=md5(FLOWERS))
    assert server.asked == [None, f'bytes={len(FLOWERS) - 1}-']


def test_a_server_that_tells_no_length(server):
    server.content, server.lengthless, server.etag = FLOWERS, True, ''
    assert tree(fetch_quietly(server.url, checksum=md5(FLOWERS))) == ['images/rose_1.jpg', 'labels.csv']


def test_a_wrong_checksum_unpacks_nothing_and_keeps_nothing(server, home):
    server.content = FLOWERS
    with pytest.raises(ValueError, match=f'the checksum {md5(FLOWERS)}, expected md5:{"0"*32}; it is damaged'):
        fetch_quietly(server.url, checksum='md5:' + '0'*32)
    assert cached() == [] and not [entry for entry in home.iterdir() if entry.name != '.unfinished']
    fetch_quietly(server.url, checksum=md5(FLOWERS))


@pytest.mark.parametrize(('headers', 'size'), [
    ({'Content-Length': '5'}, 5), ({}, 0), ({'Content-Length': 'five'}, 0), ({'Content-Length': '-5'}, 0),
    ({'Content-Length': '9'*5000}, 0), ({'Content-Length': '\xb2'}, 0), ({'Content-Range': 'bytes 0-4/5'}, 5),
    ({'Content-Range': f'bytes 0-4/{"9"*5000}', 'Content-Length': '5'}, 5)])
def test_a_size_that_is_no_number_is_unknown(headers, size, monkeypatch):
    answer = SimpleNamespace(open=lambda *args, **more: SimpleNamespace(headers=headers))
    given = []
    monkeypatch.setattr(archives.urllib.request, 'build_opener', lambda *handlers: given.extend(handlers) or answer)
    assert archives.open_url('https://example.org/x.zip')[1:3] == (0, size)
    assert given == [archives._SafeRedirects]


@pytest.mark.parametrize(('start', 'to', 'follows'), [
    ('https://example.org/x.zip', 'http://example.org/x.zip', False), ('https://example.org/x', 'ftp://a', False),
    ('https://example.org/x', 'HTTPS://example.org/y', True), ('http://example.org/x', 'http://example.org/y', True),
    ('http://example.org/x.zip', 'https://example.org/x.zip', True)])
def test_a_redirect_keeps_the_encryption(start, to, follows):
    "urllib itself would follow each"
    request = archives.urllib.request.Request(start)
    redirect = partial(archives._SafeRedirects().redirect_request, request, None, 302, 'Found', {})
    if follows: assert redirect(to).full_url == to
    else:
        with pytest.raises(ValueError, match='redirects to .* not encrypted'): redirect(to)
        assert archives.urllib.request.HTTPRedirectHandler().redirect_request(request, None, 302, 'Found', {}, to)


def test_an_answer_from_the_middle_of_the_file_is_no_archive(server):
    server.content, server.first_byte_off, server.status = FLOWERS, 5, 206
    with pytest.raises(ConnectionError, match='sends the file from byte 5, but was asked for all of it'):
        fetch_quietly(server.url)


def test_an_endless_answer_leaves_room_on_the_disk(server, home, monkeypatch):
    server.lengthless = True
    real = archives.check_space
    def check(folder, needed):
        monkeypatch.setattr(archives.shutil, 'disk_usage', lambda place: SimpleNamespace(free=100))
        real(folder, needed)
    monkeypatch.setattr(archives, 'check_space', check)
    server.content = bytes(1 << 20)
    with pytest.raises(OSError, match='its disk has 100 bytes left'): fetch_quietly(server.url)
    assert next(home.rglob('part')).stat().st_size <= 1 << 18


def test_words_of_a_server_are_no_commands(server):
    server.status = 404
    server.reason = '\x1b]0;x\x07'
    with pytest.raises(ConnectionError) as caught: fetch_quietly(server.url)
    assert '\x1b' not in str(caught.value) and r'\x1b]0;x\x07' in str(caught.value)


def test_not_found_is_final(server):
    server.status = 404
    with pytest.raises(ConnectionError, match='not be fetched: HTTP Error 404: Not Found'): fetch_quietly(server.url)
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server):
    server.status = 503
    with pytest.raises(ConnectionError, match='Service Unavailable'): fetch_quietly(server.url)
    assert len(server.asked) == 4


def test_without_network_the_error_names_what_works(home):
    with socket.socket() as unused: unused.bind(('127.0.0.1', 0)); port = unused.getsockname()[1]
    source = dataclasses.replace(URLs.PETS, url=f'http://127.0.0.1:{port}/images.tar.gz')
    with pytest.raises(ConnectionError) as error: fetch_quietly(source)
    message = str(error.value)
    assert 'refused' in message and 'untar_data(URLs.MINI_PETS) unpacks drawings' in message
    assert f"put it at {home/'pets.tar.gz'} and call untar_data again" in message


def test_an_archive_put_there_by_hand_is_used_and_kept(home):
    home.mkdir()
    (home/'pets.tar.gz').write_bytes(FLOWERS)
    source = dataclasses.replace(URLs.PETS, url='http://127.0.0.1:1/images.tar.gz', checksum=md5(FLOWERS))
    assert tree(fetch_quietly(source)) == ['images/rose_1.jpg', 'labels.csv'] and (home/'pets.tar.gz').exists()
    with pytest.raises(ValueError, match=f"pets.tar.gz .* expected {URLs.PETS.checksum}"):
        fetch_quietly(URLs.PETS, force=True)
    assert (home/'pets.tar.gz').exists() and tree(home/'pets') == ['images/rose_1.jpg', 'labels.csv']


def test_a_full_disk_is_noticed_before_the_download(server, monkeypatch):
    server.content = FLOWERS
    monkeypatch.setattr(archives.shutil, 'disk_usage', lambda folder: SimpleNamespace(free=len(FLOWERS)))
    message = r'needs 39\d\.\d KiB, but its disk has 19\d\.\d KiB left.*`fastlearn cache`.*FASTLEARN_HOME'
    with pytest.raises(OSError, match=message):
        fetch_quietly(server.url)
    assert cached() == []


# --- unpacking ---

@pytest.mark.parametrize('files, expected', [
    ({'images/a.jpg': b'a', 'images/b.mat': b'b'}, ['images/a.jpg', 'images/b.mat']),
    ({'./set/images/rose/a.jpg': b'a', './set/meta/t.txt': b't'}, ['images/rose/a.jpg', 'meta/t.txt']),
    ({'set/train/x/a.jpg': b'a', 'set/val/x/b.jpg': b'b'}, ['images/train/x/a.jpg', 'images/val/x/b.jpg']),
    ({'cat/a.jpg': b'a', 'dog/b.jpg': b'b'}, ['images/cat/a.jpg', 'images/dog/b.jpg']),
    ({'a.jpg': b'a'}, ['images/a.jpg']),
    ({'images/a.jpg': b'a', 'images/._a.jpg': b'mac', '__MACOSX/images/._a.jpg': b'mac'}, ['images/a.jpg']),
], ids=['Oxford', 'Food-101', 'train and val', 'classes', 'flat', 'from a Mac'])
@pytest.mark.parametrize('pack', [tar, partial(tar, mode='w'), partial(tar, mode='w:xz'), zipped],
                         ids=['tgz', 'tar', 'xz', 'zip'])
def test_every_archive_becomes_a_folder_with_images(pack, files, expected, tmp_path):
    (tmp_path/'archive').write_bytes(pack(files))
    (tmp_path/'work').mkdir()
    assert tree(unpack(tmp_path/'archive', tmp_path/'work'/'set', progress=False)) == expected


link = zipfile.ZipInfo('images/link')
link.create_system, link.external_attr = 3, 0o120777 << 16
EVIL = {
    'tar: up': (tar({'images/../../evil': b''}), 'outside the folder'),
    'tar: absolute': (tar({'/tmp/evil': b''}), 'outside the folder'),
    'tar: drive': (tar({'C:evil': b''}), 'outside the folder'),
    'tar: backslashes': (tar({'..\\evil': b''}), 'outside the folder'),
    'tar: link out': (tar({}, special('images/x', tarfile.SYMTYPE, '/etc')), "'images/x' is a symbolic link or"),
    'tar: hard link out': (tar({}, special('images/x', tarfile.LNKTYPE, '../../evil')), 'outside the folder'),
    'tar: device': (tar({}, special('images/x', tarfile.CHRTYPE)), "'images/x' is a symbolic link or"),
    'tar: pipe': (tar({}, special('images/x', tarfile.FIFOTYPE)), "'images/x' is a symbolic link or"),
    'tar: bomb': (tar({'images/zeros': bytes(12 << 20)}), 'more than twenty times its size'),
    'tar: many': (tar({f'images/._{n}': b'' for n in range(21_000)}), 'more than twenty times its size'),
    'tar: empty': (tar({}), 'was not unpacked: it is empty'),
    'zip: up': (zipped({'../evil': b''}), 'outside the folder'),
    'zip: absolute': (zipped({'/tmp/evil': b''}), 'outside the folder'),
    'zip: link': (zipped({link: b'/etc/passwd'}), "'images/link' is a symbolic link or a device"),
    'zip: bomb': (zipped({'images/zeros': bytes(12 << 20)}), 'more than twenty times its size'),
    'cut off': (FLOWERS[:100_000], 'expected an undamaged tar or zip archive'),
    'a web page': (b'<!DOCTYPE html><p>Please log in', r"begins with b'<!DOCTYPE html>.*expected an undamaged tar"),
}


@pytest.mark.parametrize('content, message', EVIL.values(), ids=EVIL)
def test_a_hostile_archive_is_refused_and_leaves_nothing(content, message, server, home, tmp_path):
    server.content = content
    with pytest.raises(ValueError, match=message): fetch_quietly(server.url)
    assert [entry.name for entry in home.iterdir()] == ['.unfinished'] and cached() == []
    assert not [entry for entry in tmp_path.rglob('*') if 'evil' in entry.name or entry.suffix in ('.jpg', '.mat')]


def test_a_hard_link_inside_is_a_second_name(server):
    server.content = tar({'images/a.jpg': b'a'}, special('images/b.jpg', tarfile.LNKTYPE, 'images/a.jpg'))
    assert (fetch_quietly(server.url)/'images'/'b.jpg').read_bytes() == b'a'


def test_harmless_names_pass():
    for name in ('images/a..b.jpg', './a', 'a b/ü.jpg', '2024-01-01 10:00/a.jpg', '...'): check_name(name)


# --- all or nothing ---

def test_an_interrupt_leaves_nothing_half_done(home, monkeypatch):
    def interrupted(archive, folder, progress):
        (folder/'images').mkdir(parents=True)
        raise KeyboardInterrupt
    monkeypatch.setattr(datasets, 'unpack', interrupted)
    with pytest.raises(KeyboardInterrupt): fetch_quietly(URLs.MINI_PETS)
    assert cached() == [] and tree(home) == ['.unfinished/mini_pets/lock']


def test_an_interrupt_while_it_is_made_again_keeps_the_old_set(server, monkeypatch):
    server.content = FLOWERS
    path = fetch_quietly(server.url)
    server.content = b'no archive'
    with pytest.raises(ValueError): fetch_quietly(server.url, force=True)
    assert tree(path) == ['images/rose_1.jpg', 'labels.csv']


def test_a_new_checksum_or_another_drawing_is_made_again(server, monkeypatch):
    server.content = FLOWERS
    fetch_quietly(server.url, checksum=md5(FLOWERS))
    server.content = tar({'images/tulip.jpg': b't'})
    assert tree(fetch_quietly(server.url, checksum=md5(server.content))) == ['images/tulip.jpg']


def test_a_folder_made_by_hand_is_used_and_never_replaced(home):
    (home/'pets'/'images').mkdir(parents=True)
    assert fetch_quietly(URLs.PETS) == home/'pets' and cached() == []
    with pytest.raises(FileExistsError, match='was not made by fastlearn, so it is not replaced. Move it away'):
        fetch_quietly(URLs.PETS, force=True)
    clear_cache()
    assert (home/'pets'/'images').is_dir()


PROGRAM = textwrap.dedent('''
    import sys
    import fastlearn.data.datasets as datasets
    def unpack(archive, folder, progress):
        (folder/'images').mkdir(parents=True)
        print('unpacking', flush=True)
        sys.stdin.readline()  # until the test says so
        (folder/'images'/'a.png').write_bytes(b'a')
        return folder
    datasets.unpack = unpack
    print(sorted(p.name for p in (datasets.untar_data(datasets.URLs.MINI_PETS)/'images').iterdir()), flush=True)
''')


@pytest.fixture
def run_program():
    "Starts a program that unpacks until it reads a line"
    running = []
    def start():
        running.append(subprocess.Popen([sys.executable, '-c', PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True))
        return running[-1]
    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_of_two_processes_one_works_and_both_get_the_set(run_program):
    first = run_program()
    assert first.stdout.readline() == 'unpacking\n'
    second = run_program()
    assert second.stdout.readline() == 'Another program is fetching mini_pets; waiting for it.\n'
    assert first.communicate('go on\n')[0] == second.communicate()[0] == "['a.png']\n"


@pytest.mark.skipif(os.name == 'nt', reason='no SIGKILL on Windows')
def test_a_killed_process_blocks_nobody_and_its_rest_is_removed(home, run_program):
    killed = run_program()
    assert killed.stdout.readline() == 'unpacking\n'
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert any(p.is_dir() for p in (home/'.unfinished'/'mini_pets').iterdir()) and not (home/'mini_pets').exists()
    assert "['a.png']" in run_program().communicate('go on\n')[0]
    assert tree(home) == ['.unfinished/mini_pets/lock', 'mini_pets/images/a.png']


def test_threads_wait_for_each_other(server):
    server.content = FLOWERS
    threads = [threading.Thread(target=fetch_quietly, args=(server.url,)) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert server.asked == [None]


# --- the set inside the package ---

def test_mini_pets_are_unpacked_once_without_network_and_without_a_word(home, monkeypatch, capfd):
    path = untar_data(URLs.MINI_PETS)
    pictures = list((path/'images').glob('*.webp'))
    assert path == home/'mini_pets' and len(pictures) == 1500 and (path/'labels.csv').is_file()
    assert sum(picture.name[0].isupper() for picture in pictures) == 750 and capfd.readouterr() == ('', '')
    monkeypatch.setattr(datasets, 'unpack', None)  # nothing is unpacked again
    assert untar_data(URLs.MINI_PETS) == path


def test_a_set_of_an_earlier_version_is_replaced(home):
    (home/'mini_pets'/'images').mkdir(parents=True)
    (home/'mini_pets'/'images'/'Tabby_1.png').write_bytes(b'old')
    (home/'mini_pets'/'.fastlearn').write_text('drawn by sha256:' + '0'*64)
    assert len(list((fetch_quietly(URLs.MINI_PETS)/'images').glob('*.png'))) == 0


def test_a_damaged_archive_in_the_package_is_named(home, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, 'files', lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match='mini_pets.zip'): fetch_quietly(URLs.MINI_PETS)
    (tmp_path/'data'/'mini_pets').mkdir(parents=True)
    (tmp_path/'data'/'mini_pets'/'mini_pets.zip').write_bytes(FLOWERS)
    with pytest.raises(ValueError, match=r'mini_pets.zip .* has the checksum sha256:.*; it is damaged'):
        fetch_quietly(URLs.MINI_PETS)
    assert cached() == []


# --- the cache ---

@pytest.mark.skipif(os.name == 'nt', reason='links and pipes as POSIX has them')
@pytest.mark.parametrize('linked', ['.unfinished', '.unfinished/mini_pets'])
def test_nothing_behind_a_link_is_removed(linked, tmp_path):
    "A cache that a stranger made, in an archive or a folder for everyone, leads to the folders of its victim"
    precious = tmp_path/'victim'/'mini_pets'/'tmp1'/'thesis.tex'
    precious.parent.mkdir(parents=True)
    precious.write_text('all of it')
    cache = tmp_path/'cache'
    (cache/linked).parent.mkdir(parents=True)
    (cache/linked).symlink_to(precious.parents[2] if linked == '.unfinished' else precious.parents[1])
    with pytest.raises(OSError, match='is a link, so nothing was fetched: .* Remove the link, or choose another'):
        fetch_quietly(URLs.MINI_PETS, cache)
    assert precious.read_text() == 'all of it'


@pytest.mark.skipif(os.name == 'nt', reason='links and pipes as POSIX has them')
@pytest.mark.parametrize('name', ['lock', 'part', 'part.noted'])
@pytest.mark.parametrize('kind', ['link', 'pipe'])
def test_links_and_pipes_in_a_cache_are_neither_followed_nor_waited_for(name, kind, server, tmp_path):
    server.content = FLOWERS
    place = tmp_path/'home'/'.unfinished'/datasets._as_source(server.url).name
    place.mkdir(parents=True)
    (tmp_path/'mine').write_text('mine')
    os.mkfifo(place/name) if kind == 'pipe' else (place/name).symlink_to(tmp_path/'mine')
    assert (fetch_quietly(server.url)/'images').is_dir() and (tmp_path/'mine').read_text() == 'mine'


@pytest.mark.skipif(os.name == 'nt', reason='links and pipes as POSIX has them')
def test_a_note_that_is_a_pipe_is_not_waited_for(home):
    (home/'mini_pets'/'images').mkdir(parents=True)
    os.mkfifo(home/'mini_pets'/'.fastlearn')
    assert fetch_quietly(URLs.MINI_PETS) == home/'mini_pets'


def test_the_cache_is_listed_and_cleared(server, home):
    server.content = FLOWERS
    one, two = fetch_quietly(server.url), fetch_quietly(server.url + '?2')
    (home/'photos').mkdir()
    (home/'photos'/'mine.jpg').write_bytes(b'mine')
    assert {found.path for found in cached()} == {one, two}
    assert all(isinstance(found, Cached) and found.complete and found.size > len(NOISE) for found in cached())
    assert clear_cache(one.name) > len(NOISE) and [found.path for found in cached()] == [two]
    with pytest.raises(ValueError, match=f"holds no dataset 'rose'; expected one of {two.name}"): clear_cache('rose')
    clear_cache()
    assert cached() == [] and (home/'photos'/'mine.jpg').exists()
    with pytest.raises(ValueError, match="holds no dataset 'rose'; it is empty"): clear_cache('rose')


def test_a_cache_that_does_not_exist_is_empty(home):
    assert cached() == [] and clear_cache() == 0 and not home.exists()
