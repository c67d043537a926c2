"""Files that are not ours are neither deleted nor opened to others. Members tried: part names of other programs, parts
of other users, links and files laid at the name beside it, modes 600, 640, 444 and 755, owner kept for root, links of
other users in a folder for everybody (also chains, dangling ones and rings), relative links, hard links, pipes
"""
import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from fastlearn.core.files import is_mine, NotWritten, remove_left, replacing

POSIX = pytest.mark.skipif(os.name == 'nt', reason='rights and owners as POSIX has them')
ROOT = os.name != 'nt' and os.geteuid() == 0
STRANGER = 12345                          # an account that need not exist


def write(path: Path, content: bytes = b'new') -> None:
    with replacing(path) as file: file.write(content)


def mode(path: Path) -> int: return stat.S_IMODE(path.stat().st_mode)


@POSIX
@pytest.mark.parametrize('before', [0o600, 0o640, 0o755, 0o666])
def test_who_may_read_a_file_stays_as_it_was(before, tmp_path):
    path = tmp_path/'a'
    path.write_bytes(b'old')
    path.chmod(before)
    with replacing(path) as file:
        file.write(b'new')
        part, = tmp_path.glob('.*.part')
        assert not mode(part) & ~before, 'others could read it while it is written'
    assert mode(path) == before and path.read_bytes() == b'new'


@POSIX
def test_a_new_file_has_the_rights_that_the_umask_leaves(tmp_path):
    for umask in 0o022, 0o077:
        before = os.umask(umask)
        try: write(tmp_path/f'{umask}')
        finally: os.umask(before)
        assert mode(tmp_path/f'{umask}') == 0o666 & ~umask


@pytest.mark.parametrize('rights', [0o444, 0o400, 0o555])
def test_a_read_only_file_is_not_replaced(rights, tmp_path):
    path = tmp_path/'a'
    path.write_bytes(b'old')
    path.chmod(rights)
    try:
        with pytest.raises(NotWritten, match='a is read-only, so it was not replaced. Make it writable, or choose'):
            write(path)
        assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['a']
    finally: path.chmod(0o600)


@pytest.mark.skipif(not ROOT, reason='only root can give files away')
def test_a_file_of_another_user_stays_theirs(tmp_path):
    path = tmp_path/'a'
    path.write_bytes(b'old')
    os.chown(path, STRANGER, STRANGER)
    path.chmod(0o640)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (STRANGER, STRANGER, 0o640)


@POSIX
def test_what_was_laid_at_the_name_beside_it_is_not_written_through(tmp_path, monkeypatch):
    victim = tmp_path/'victim'
    victim.write_bytes(b'mine')
    monkeypatch.setattr('secrets.token_hex', lambda n: '0'*2*n)  # the worst case: the name was guessed
    for lay in (lambda part: part.symlink_to(victim), lambda part: os.link(victim, part),
                lambda part: part.symlink_to('nowhere')):
        part = tmp_path/f'.fastlearn-{"0"*16}.part'
        lay(part)
        with pytest.raises(OSError): write(tmp_path/'out')
        part.unlink(missing_ok=True)
        assert victim.read_bytes() == b'mine' and sorted(os.listdir(tmp_path)) == ['victim']


def test_names_beside_it_differ(tmp_path):
    with replacing(tmp_path/'a') as first, replacing(tmp_path/'a') as second:
        first.write(b'1')
        second.write(b'2')
        assert len({path.name for path in tmp_path.glob('.*.part')}) == 2
    assert (tmp_path/'a').read_bytes() in (b'1', b'2') and os.listdir(tmp_path) == ['a']


OLD = f'.fastlearn-{"a"*16}.part'


@pytest.mark.parametrize('name', [
    '.my-thesis-draft.part', '.1-1.part', '.fastlearn-notes.part', f'.fastlearn-{"g"*16}.part', f'x{OLD}', f'{OLD}x',
    OLD.upper(), f'.fastlearn-{"a"*15}.part', f'.fastlearn-{"a"*16}.part.part', 'film.part'])
def test_parts_of_other_programs_stay(name, tmp_path):
    for path in tmp_path/name, tmp_path/OLD:
        path.write_bytes(b'half')
        os.utime(path, times=(0, 0))
    write(tmp_path/'a')
    assert (tmp_path/name).exists() and not (tmp_path/OLD).exists()
    remove_left(tmp_path, older=0)
    assert (tmp_path/name).exists()


@POSIX
def test_a_link_and_a_folder_with_such_a_name_stay(tmp_path):
    victim = tmp_path/'victim'
    victim.write_bytes(b'mine')
    os.utime(victim, times=(0, 0))
    (tmp_path/OLD).symlink_to(victim)
    (tmp_path/f'.fastlearn-{"b"*16}.part').mkdir()
    remove_left(tmp_path, older=0)
    assert len(os.listdir(tmp_path)) == 3 and victim.read_bytes() == b'mine'


@pytest.mark.skipif(not ROOT, reason='only root can give files away')
def test_a_part_of_another_user_stays(tmp_path):
    (tmp_path/OLD).write_bytes(b'half')
    os.chown(tmp_path/OLD, STRANGER, STRANGER)
    os.utime(tmp_path/OLD, times=(0, 0))
    remove_left(tmp_path, older=0)
    assert (tmp_path/OLD).exists()


def test_a_young_part_stays(tmp_path):
    (tmp_path/OLD).write_bytes(b'half')
    os.utime(tmp_path/OLD, times=(time.time() - 60,)*2)
    remove_left(tmp_path)
    assert (tmp_path/OLD).exists()


@POSIX
@pytest.mark.parametrize('link', ['folder/a', './folder/a', '../base/folder/a', '{base}/folder/a'])
def test_a_link_goes_on_pointing(link, tmp_path):
    base = tmp_path/'base'
    (base/'folder').mkdir(parents=True)
    (base/'folder'/'a').write_bytes(b'old')
    (base/'one').symlink_to(link.format(base=base))
    (base/'two').symlink_to('one')
    write(base/'two')
    assert (base/'two').is_symlink() and (base/'one').is_symlink() and (base/'folder'/'a').read_bytes() == b'new'
    (base/'alias').symlink_to('folder')   # a folder on the way that is a link
    (base/'folder'/'up').symlink_to('../fresh')
    write(base/'alias'/'up')
    assert (base/'fresh').read_bytes() == b'new'


@POSIX
def test_a_ring_of_links_is_named(tmp_path):
    (tmp_path/'a').symlink_to('b')
    (tmp_path/'b').symlink_to('a')
    with pytest.raises(NotWritten, match='leads back to itself'): write(tmp_path/'a')


@pytest.mark.skipif(not ROOT, reason='only root can give links away')
@pytest.mark.parametrize('there', [True, False])
def test_a_link_of_another_user_in_a_folder_for_everybody_is_not_followed(there, tmp_path):
    shared, victim = tmp_path/'shared', tmp_path/'victim'
    shared.mkdir()
    shared.chmod(0o1777)
    if there: victim.write_bytes(b'mine')
    (shared/'out').symlink_to(victim)
    (tmp_path/'mine').symlink_to(shared/'out')
    write(shared/'out')                   # your own link is followed
    assert victim.read_bytes() == b'new'
    if there: victim.write_bytes(b'mine')
    else: victim.unlink()
    os.chown(shared/'out', STRANGER, STRANGER, follow_symlinks=False)
    for path in shared/'out', tmp_path/'mine':
        with pytest.raises(NotWritten, match='a link that another user put into a shared folder') as caught:
            write(path)
        assert caught.value.errno == errno.EACCES
    assert victim.read_bytes() == b'mine' if there else not victim.exists()


@POSIX
def test_mine(tmp_path):
    (tmp_path/'a').write_bytes(b'')
    (tmp_path/'link').symlink_to('a')
    assert is_mine(tmp_path) and is_mine(tmp_path/'a') and not is_mine(tmp_path/'link') and not is_mine(tmp_path/'b')
    if ROOT:
        os.chown(tmp_path/'a', STRANGER, STRANGER)
        assert not is_mine(tmp_path/'a')


@POSIX
def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path/'pipe')
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path/'pipe').read_bytes()))
    reader.start()
    write(tmp_path/'pipe')
    reader.join(10)
    assert found == [b'new'] and stat.S_ISFIFO((tmp_path/'pipe').stat().st_mode)
