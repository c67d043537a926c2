"What files, folders, disks and interruptions can do to people, and what the library answers: one test for all rows"
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections import Counter

import pytest
from faults.commands import COMMANDS
from faults.files import FILES, learner, workshop
from faults.folders import FOLDERS
from faults.pictures import PICTURES
from faults.rights import RIGHTS
from faults.rows import ANYTHING
from faults.running import TRAINING
from faults.unpacking import ARCHIVES
from faults.writing import WRITING

SLOW = 60  # seconds of processor time; the slowest answer needs 2, and a busy machine stretches them too

TABLE = {'picture': PICTURES, 'folder': FOLDERS, 'file': FILES, 'archive': ARCHIVES, 'writing': WRITING,
         'training': TRAINING, 'rights': RIGHTS, 'command': COMMANDS}
ROWS = [pytest.param(fault, id=f'{kind}: {fault.name}'.encode('ascii', 'backslashreplace').decode())
        for kind, faults in TABLE.items() for fault in faults]
OUR_ERRORS = (ValueError, LookupError, TypeError, OSError, ArithmeticError, KeyboardInterrupt)


@pytest.fixture(scope='module', autouse=True)
def cleared():
    yield
    shutil.rmtree(workshop(), ignore_errors=True)


@pytest.fixture
def no_waiting():
    "What waits for ever is interrupted"
    if not hasattr(signal, 'setitimer'): yield; return
    def wake(number, frame): raise AssertionError('it hangs')
    before = signal.signal(signal.SIGALRM, wake)
    signal.setitimer(signal.ITIMER_REAL, 600)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize('fault', ROWS)
def test_fault(fault, tmp_path, monkeypatch, no_waiting):
    monkeypatch.chdir(tmp_path)
    thing, expected, error = fault.broken(), fault.expected, None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        began = time.process_time()
        try: given = fault.used(thing)
        except OUR_ERRORS as caught: error = caught
        seconds = time.process_time() - began
    if expected.error:
        assert error is not None, f'it was taken, and gave {given!r}'
        assert isinstance(error, expected.error), repr(error)
        assert re.search(expected.says, str(error), re.S), str(error)
    elif error is not None: raise error
    elif expected.gives is not ANYTHING: assert given == expected.gives
    words = [str(warning.message) for warning in said]
    assert not expected.warns or any(re.search(expected.warns, text, re.S) for text in words), words
    assert not list(tmp_path.rglob('*.part')), 'something half-written was left'
    assert seconds < SLOW


def test_the_table_is_complete(record_property):
    "How many rows there are of each kind, and that no name comes twice"
    counts = {kind: len(faults) for kind, faults in TABLE.items()}
    names = Counter(row.id for row in ROWS)
    assert max(names.values()) == 1, names.most_common(3)
    least = {'picture': 80, 'folder': 35, 'file': 200, 'archive': 30, 'writing': 80, 'training': 10, 'rights': 6,
             'command': 14}
    assert {kind: n for kind, n in counts.items() if n < least[kind]} == {}, counts
    record_property('faults', counts)
    print(', '.join(f'{n} of {kind}' for kind, n in counts.items()), '=', sum(counts.values()))


# --- in a fresh process ---

FRESH = """
    import socket, sys
    for name in {blocked}: sys.modules[name] = None  # an import of it fails
    def refuse(*args): raise AssertionError('the network was asked')
    socket.socket.connect = refuse
    from fastlearn.learner import load_learner
    learn = load_learner({model!r})
    answers, _ = learn.get_preds(learn.dls.test_dl({files}), progress=False)
    print(answers.numpy().tobytes().hex(), [learn.predict({files}[0]).label])
"""
NEEDLESS = ('IPython', 'ipykernel', 'jupyter_client', 'jupyterlab', 'ipywidgets', 'anywidget', 'traitlets', 'nbdev',
            'pandas', 'skimage', 'sklearn', 'voila', 'onnx', 'onnxruntime', 'pytest', 'test_faults')


def test_an_export_needs_neither_code_nor_data_nor_jupyter(tmp_path):
    "The pictures to answer are copies, the pictures of the training are out of reach; the answers are the same bits"
    learn = learner()
    copies = [str(shutil.copy(file, tmp_path/f'{n}.png')) for n, file in enumerate(learn.dls.valid.items)]
    code = FRESH.format(blocked=NEEDLESS, model=str(workshop()/'model.safetensors'), files=copies)
    (workshop()/'pets').rename(workshop()/'out of reach')
    try: said = subprocess.run([sys.executable, '-I', '-c', textwrap.dedent(code)], cwd=tmp_path, capture_output=True,
                               text=True)
    finally: (workshop()/'out of reach').rename(workshop()/'pets')
    assert said.returncode == 0, said.stderr
    answers, _ = learn.get_preds(learn.dls.test_dl(copies), progress=False)
    assert said.stdout.split(maxsplit=1) == [answers.numpy().tobytes().hex(), f'{[learn.predict(copies[0]).label]}\n']
