"What one may not open or write to"
import io
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from fastlearn.core.files import NotWritten
from fastlearn.data.datasets import Source, untar_data
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.images import open_image
from fastlearn.learner import load_learner

from faults.files import content_of, learner, workshop
from faults.folders import found, photos
from faults.pictures import PNG
from faults.rows import Fault, gives, needs, refuses, wrote


def as_nobody(used: Callable) -> Callable[[object], object]:
    "Without the rights of root, who may do everything: in a process that has given them up"
    def nobody(thing):
        if os.geteuid(): return used(thing)
        receiving, sending = os.pipe()
        child = os.fork()
        if not child:
            os.setgroups([]), os.setgid(65534), os.setuid(65534)
            said = io.BytesIO()
            try: found = used(thing)
            except BaseException as error: found = error
            pickle.dump(found, said)
            os.write(sending, said.getvalue())
            os._exit(0)
        os.close(sending)
        with open(receiving, 'rb') as said: found = pickle.load(said)
        os.waitpid(child, 0)
        if isinstance(found, BaseException): raise found
        return found
    return nobody


def forbidden(make: Callable[[], object], *names: str, mode: int = 0, gives: str = '.') -> Callable[[], Path]:
    "Files or folders that only root may open, in a folder that everybody may write to"
    def broken():
        needs(hasattr(os, 'fork') and hasattr(os, 'geteuid'), 'rights as POSIX has them')
        learner(), os.chmod(workshop(), 0o755), os.chdir(tempfile.mkdtemp(dir=workshop()))
        make(), os.chmod('.', 0o777)
        for name in names: os.chmod(name, mode)
        return Path(gives)
    return broken


def warned(used: Callable) -> Callable[[object], tuple]:
    "What is returned, and the first warning: those of another process do not come here"
    def both(thing):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            found = used(thing)
        return found, [str(one.message) for one in said]
    return both


def error_of(path: Path) -> str:
    try: open_image(path)
    except UnreadableImage as error: return str(error)


def save_history(path: Path) -> Path: return learner().history.save(path/'a.safetensors')


RIGHTS = [Fault(name, broken, as_nobody(used), expected) for name, broken, used, expected in (
    ('picture', forbidden(lambda: wrote('a.png', PNG), 'a.png', gives='a.png'), error_of, gives(
        'cannot read image a.png: PermissionError: Permission denied. Remove or replace this file; '
        'verify_images(files) lists all unreadable files beforehand.')),
    ('folder', forbidden(lambda: photos('cat/1.png'), 'cat', gives='cat'), found, refuses(
        PermissionError, 'the folder cat cannot be opened; give yourself permission to read it')),
    ('folder in a folder', forbidden(lambda: photos('cat/1.png', 'dog/2.png'), 'dog'), warned(found), gives(
        (['cat/1.png'], ['the folder dog cannot be opened (Permission denied), so its images are left out; give '
                         'yourself permission to read it']))),
    ('model to read', forbidden(lambda: wrote('a.safetensors', content_of('model')), 'a.safetensors',
                                gives='a.safetensors'), load_learner, refuses(PermissionError, 'Permission denied')),
    ('folder to write to', forbidden(lambda: os.mkdir('out'), 'out', mode=0o555, gives='out'), save_history, refuses(
        NotWritten, r'out cannot be written to \(Permission denied\), so a\.safetensors was not written')),
    ('folder to make folders in', forbidden(lambda: os.mkdir('out'), 'out', mode=0o555, gives='out/new'), save_history,
     refuses(NotWritten, r'out/new cannot be written to \(Permission denied\), so a\.safetensors was not')),
    ('folder for datasets', forbidden(lambda: os.mkdir('out'), 'out', mode=0o555, gives='out'),
     lambda path: untar_data(Source('set', 'x', 'https://example.org/set.zip'), path, progress=False), refuses(
         NotWritten, r'cannot be written to \(Permission denied\), so set was not written')),
)]
