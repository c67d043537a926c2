"Archives that lead out, never end, or are none"
import io
import os
import re
import tarfile
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from fastlearn.data.download import unpack

from faults.rows import Fault, gives, refuses, wrote


def tar(*entries: tuple[str, bytes] | tarfile.TarInfo, mode: str = 'w:gz') -> Path:
    with tarfile.open('a.archive', mode) as archive:
        for one in entries:
            info, content = (one, b'') if isinstance(one, tarfile.TarInfo) else (tarfile.TarInfo(one[0]), one[1])
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return Path('a.archive')


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile('a.archive', 'w', zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of names that come twice
        for name, content in entries: archive.writestr(name, content)
    return Path('a.archive')


def tar_info(kind: bytes, target: str = '') -> tarfile.TarInfo:
    info = tarfile.TarInfo('images/x')
    info.type, info.linkname = kind, target
    return info


def second_name(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.LNKTYPE, target
    return info


def zip_link(target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo('images/x')
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target.encode()


def nameless() -> tuple[zipfile.ZipInfo, bytes]:
    "zipfile cuts a name at its first zero when it reads the list of an archive"
    info = zipfile.ZipInfo('x')
    info.filename = '\0x'
    return info, b'1'


def unpacked(path: Path) -> dict[str, bytes]:
    "What comes out, all of it inside of one folder"
    os.mkdir('place')
    try: folder = unpack(path, Path('place/set'), progress=False)
    finally: assert set(os.listdir()) == {'a.archive', 'place'} and not Path('../evil').exists()
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


def shortened(path: Path, share: float) -> Path:
    return wrote(path.name, path.read_bytes()[:int(path.stat().st_size*share)])


NOISE = np.random.default_rng(0).bytes(50_000)  # does not shrink, as a photo does not
OUTSIDE = refuses(ValueError, 'was not unpacked: an entry is named .*, outside the folder')
NO_FILE = refuses(ValueError, "was not unpacked: 'images/x' is a symbolic link or a device; expected only files and")
TOO_MUCH = refuses(ValueError, 'was not unpacked: it unpacks to more than twenty times its size')
NOT_BEFORE = refuses(ValueError, "was not unpacked: 'images/x' is a second name for 'images/none', which was not")
DAMAGED = refuses(ValueError, r'a\.archive .* begins with .*; expected an undamaged tar or zip archive without a')
NO_NAME = refuses(ValueError, 'was not unpacked: a file cannot be named .* here')
PHOTOS = [('images/a.jpg', NOISE), ('images/b.jpg', NOISE[::-1])]

ARCHIVES = [
    *(Fault(f'{make.__name__}: {what}', partial(make, (name, b'')), unpacked, OUTSIDE) for make in (tar, zipped)
      for what, name in (('upwards', '../evil'), ('upwards, hidden', 'images/../../evil'), ('from the root', '/evil'),
                         ('backslashes', r'..\evil'), ('another drive', 'C:evil'))),
    *(Fault(f'tar: {what}', lambda kind=kind, target=target: tar(tar_info(kind, target)), unpacked, expected)
      for what, kind, target, expected in (
          ('link outward', tarfile.SYMTYPE, '/etc', NO_FILE), ('link inward', tarfile.SYMTYPE, 'images', NO_FILE),
          ('second name of a file outside', tarfile.LNKTYPE, '../../evil', OUTSIDE),
          ('second name of no file', tarfile.LNKTYPE, 'images/none', NOT_BEFORE),
          ('device', tarfile.CHRTYPE, '', NO_FILE), ('pipe', tarfile.FIFOTYPE, '', NO_FILE))),
    Fault('zip: an entry without a name', lambda: zipped(nameless()), unpacked,
          refuses(ValueError, 'was not unpacked: an entry has no name')),
    Fault('zip: link', lambda: zipped(zip_link('/etc/passwd')), unpacked, NO_FILE),
    *(Fault(f'{make.__name__}: {what}', partial(make, *entries), unpacked, expected) for make in (tar, zipped)
      for what, entries, expected in (
          ('zeros without end', [('images/a', bytes(12 << 20))], TOO_MUCH),
          ('a file that is a folder too', [('images/a', b'1'), ('images/a/b', b'2')], NO_NAME),
          ('a name longer than can be', [('images/' + 'a'*300, b'1')], NO_NAME),
          ('twice the same name', [('images/a', b'1'), ('images/a', b'2')], gives({'images/a': b'2'})),
          ('names of all kinds', [('images/ü 🐱\n.jpg', b'1')], gives({'images/ü 🐱\n.jpg': b'1'})),
          ("a Mac's notes", [('images/a', b'1'), ('images/._a', b'2')], gives({'images/a': b'1'})),
          ('nothing', [], refuses(ValueError, 'was not unpacked: it is empty')))),
    Fault('tar: more files than a set has', lambda: tar(*((f'images/._{n}', b'') for n in range(21_000))), unpacked,
          TOO_MUCH),
    Fault('tar: second names of a file that is left out', lambda: tar(
        ('images/._x', bytes(9 << 20)), *(second_name(f'images/{n}', 'images/._x') for n in range(40))), unpacked,
          refuses(ValueError, "was not unpacked: 'images/0' is a second name for 'images/._x', which was not")),
    *(Fault(f'{make.__name__}: {what}', partial(make, *entries), unpacked, expected) for make in (tar, zipped)
      for what, entries, expected in (
          ('a thousand folders in each other', [('images/' + 'a/'*1000 + 'b.jpg', b'1')],
           refuses(ValueError, 'was not unpacked: an entry lies in more than 32 folders')),
          ('32 folders in each other', [('a/'*32 + 'b.jpg', b'1')], gives({'images/' + 'a/'*31 + 'b.jpg': b'1'})),
          ("a note like fastlearn's own", [('x/images/a', b'1'), ('x/.fastlearn', b'2')], gives({'images/a': b'1'})),
          ("a folder like fastlearn's own note", [('x/images/a', b'1'), ('x/.fastlearn/b', b'2')],
           gives({'images/a': b'1'})))),
    *(Fault(f'{make.__name__}: cut after {share:.0%}', lambda make=make, share=share: shortened(make(*PHOTOS), share),
            unpacked, DAMAGED) for make in (tar, zipped) for share in (.001, .3, .9)),
    Fault('no archive', partial(wrote, 'a.archive', '<!DOCTYPE html><p>Please log in'), unpacked, DAMAGED),
    Fault('archive: zero bytes', partial(wrote, 'a.archive', ''), unpacked, DAMAGED),
    Fault('zip: with a password', lambda: wrote('a.archive', re.sub(
        rb'(?s)(?<=PK\x01\x02....)\0', lambda found: b'\1', zipped(('images/a', b'x')).read_bytes())),
          unpacked, DAMAGED),
]
