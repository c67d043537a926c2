"""A learner is trained by one caller at a time, and what reads it meanwhile sees the end of a step.

Kinds "one learner, many callers" and "check and use of something that changes in between". Members tried: fit,
fine_tune, fit_one_cycle, lr_find, load, resume, freeze, unfreeze from another thread, from an observer (begin,
after_step, after_epoch), from a metric and from a loss function; two threads that begin at once; save, export,
History.save, predict, get_preds, validate, a copy and a pickle from threads while it trains, from an observer and
from a thread that an observer waits for; two seeded learners with dropout in two threads; a main thread that draws
random numbers meanwhile; two runs in one folder of checkpoints, in one process and in two. The oracle is an
undisturbed run, bit by bit, and for files the state that an observer copied after each step.
"""
import os
import pickle
import subprocess
import sys
import threading
import warnings

import pytest
import torch
from torch import nn

from fastlearn.data.dataloaders import DataLoaders
from fastlearn.history import History
from fastlearn.learner import Learner
from fastlearn.observers import Observer

STEPS, WAIT = 8, 600                      # steps of an epoch; seconds after which a thread is taken for stuck


def batches(seed=0, n=STEPS):
    rng = torch.Generator().manual_seed(seed)
    return [(torch.randn(16, 40, generator=rng), torch.randint(2, (16,), generator=rng)) for _ in range(n)]


def learner(seed=3, metrics=None, loss=None, **options) -> Learner:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Sequential(nn.Linear(40, 64), nn.BatchNorm1d(64)),
                        nn.Sequential(nn.Dropout(.5), nn.Linear(64, 2)))
    dls = DataLoaders(batches(), batches(1, 2), vocab=['a', 'b'], device='cpu')
    return Learner(dls, net, loss, metrics=metrics, seed=seed, quiet=True, splitter=list, precision=torch.float32,
                   **options)


def state(learn) -> dict: return {name: tensor.clone() for name, tensor in learn.model.state_dict().items()}
def same(a, b) -> bool: return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class At(Observer):
    "Does something at one event, once"
    def __init__(self, event, action, step=2):
        self.event, self.action, self.step, self.done = event, action, step, False

    def begin(self, history): self.do('begin', True)
    def after_step(self, history, step): self.do('after_step', step.number == self.step)
    def after_epoch(self, history): self.do('after_epoch', True)

    def do(self, event, now):
        if event == self.event and now and not self.done: self.done = True; self.action()


def in_thread(action):
    "What `action` gives in another thread, or the error that it raises there"
    found = []
    def run():
        try: found.append(action())
        except Exception as error: found.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(WAIT)
    assert not thread.is_alive(), 'stuck'
    return found[0]


@pytest.fixture(scope='module')
def alone():
    "Losses and weights of an undisturbed run"
    learn = learner()
    learn.fit(2, 1e-2)
    return learn.history.losses, state(learn)


CHANGES = {'fit': lambda learn, path: learn.fit(1), 'fine_tune': lambda learn, path: learn.fine_tune(1),
           'fit_one_cycle': lambda learn, path: learn.fit_one_cycle(1), 'lr_find': lambda learn, path: learn.lr_find(),
           'load': lambda learn, path: learn.load(path), 'resume': lambda learn, path: learn.resume(path),
           'freeze': lambda learn, path: learn.freeze(), 'unfreeze': lambda learn, path: learn.unfreeze(),
           'session': lambda learn, path: learn.training_session(1).__enter__()}


@pytest.mark.parametrize('name', CHANGES)
@pytest.mark.parametrize('event', ['begin', 'after_step', 'after_epoch'])
@pytest.mark.parametrize('where', ['thread', 'observer'])
def test_what_would_change_a_training_run_is_refused(alone, tmp_path, name, event, where):
    path, learn, errors = learner().save(tmp_path/'other'), learner(), []
    def act():
        if where == 'thread': errors.append(in_thread(lambda: CHANGES[name](learn, path)))
        else:
            try: CHANGES[name](learn, path)
            except RuntimeError as error: errors.append(error)
    learn.observers.append(At(event, act))
    learn.fit(2, 1e-2)
    assert isinstance(errors[0], RuntimeError), errors
    named = {'unfreeze': 'freeze', 'session': 'fit'}.get(name, name)
    assert str(errors[0]).startswith(f'{named}() was called while this learner is')
    assert 'Nothing was changed; the run continues. Wait until' in str(errors[0])
    assert learn.history.losses == alone[0] and same(state(learn), alone[1]) and len(learn.history.phases) == 1
    assert learn.session is learn.call is None
    learn.fit(1)                          # and afterward it is free again
    assert len(learn.history.phases) == 2


def test_a_fit_in_a_metric_or_a_loss_is_refused_too():
    errors = []
    def nosy(logits, targets):
        try: learn.fit(1)
        except RuntimeError as error: errors.append(str(error))
        return (logits.argmax(1) == targets).float().mean()
    learn = learner(metrics=nosy)
    learn.fit(1, 1e-2)
    assert len(errors) >= 2 and len(learn.history.losses) == STEPS  # a metric is also asked whether it is a mean
    assert all('in the middle of a training run' in error for error in errors)


def test_of_two_that_begin_at_once_one_trains(alone):
    for _ in range(20):
        learn, ready, ends = learner(), threading.Barrier(2), []
        def begin(learn=learn, ready=ready, ends=ends):
            ready.wait()
            try: ends.append(learn.fit(2, 1e-2))
            except RuntimeError as error: ends.append(error)
        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join(WAIT)
        refused = [end for end in ends if end is not None]
        assert len(ends) == 2 and len(refused) <= 1
        if refused: assert learn.history.losses == alone[0] and same(state(learn), alone[1])
        else: assert len(learn.history.phases) == 2  # one after the other


# --- reading meanwhile ---

class Remember(Observer):
    "The weights and the number of losses after every step"
    def __init__(self, learn): self.learn, self.seen = learn, {}
    def after_step(self, history, step): self.seen[len(history.losses)] = state(self.learn)


@pytest.mark.parametrize('what', ['save', 'export'])
def test_a_file_written_meanwhile_is_of_one_step(tmp_path, what, alone):
    learn, paths, over, room = learner(), [], threading.Event(), threading.Semaphore(3)
    def write():
        while room.acquire() and not over.is_set(): paths.append(getattr(learn, what)(tmp_path/f'{len(paths)}'))
    class Slow(Observer):                 # lets the other thread run, whichever is faster on this machine
        def after_step(self, history, step):
            known = len(paths)
            room.release(3)               # three files for each step
            while len(paths) == known and thread.is_alive(): pass
    remember = Remember(learn)
    remember.seen[0] = state(learn)
    learn.observers += [remember, Slow()]
    thread = threading.Thread(target=write)
    thread.start()
    learn.fit(2, 1e-2)
    over.set()
    room.release()
    thread.join(WAIT)
    assert learn.history.losses == alone[0] and same(state(learn), alone[1])
    from fastlearn.core.tensor_files import part_of, read_tensors
    from fastlearn.inference.saving import FORMAT
    steps = set()
    for path in paths:
        about, tensors = read_tensors(path, FORMAT if what == 'save' else 'fastlearn-model-1')
        if what == 'save':
            done, tensors = len(tensors['history/losses']), part_of(tensors, 'model')
            assert len(tensors) == len(remember.seen[0])
        else: done = about['history']['steps']
        assert same(tensors, remember.seen[done]), f'{path.name}: weights and history of different steps'
        steps.add(done)
    assert len(steps) > 5


READS = {'predict': lambda learn: learn.get_preds()[0], 'validate': lambda learn: learn.validate(),
         'on training data': lambda learn: learn.get_preds(batches(5, 1)),
         'pickle': lambda learn: pickle.loads(pickle.dumps(learn.turn)),
         'stop that was not requested': lambda learn: learn.history.table()}


@pytest.mark.parametrize('name', READS)
def test_reading_from_a_thread_changes_no_bit(alone, name):
    learn, over, errors = learner(), threading.Event(), []
    def read():
        while not over.is_set():
            try: READS[name](learn)
            except Exception as error: errors.append(error); return
    threads = [threading.Thread(target=read) for _ in range(3)]
    learn.observers.append(At('begin', lambda: [thread.start() for thread in threads]))
    learn.fit(2, 1e-2)
    over.set()
    for thread in threads: thread.join(WAIT)
    assert not errors and learn.history.losses == alone[0] and same(state(learn), alone[1])


def test_an_observer_may_wait_for_a_thread_that_saves(tmp_path, alone):
    learn = learner()
    learn.observers.append(At('after_step', lambda: in_thread(lambda: learn.save(tmp_path/'a'))))
    learn.observers.append(At('after_epoch', lambda: (in_thread(learn.get_preds), learn.validate(),
                                                      learn.save(tmp_path/'b'))))
    learn.fit(2, 1e-2)
    assert learn.history.losses == alone[0] and len(list(tmp_path.iterdir())) == 2


def test_a_history_written_meanwhile_can_be_read(tmp_path):
    learn, over, paths = learner(), threading.Event(), []
    def write():
        paths.append(learn.history.save(tmp_path/'0.safetensors'))
        while not over.is_set(): paths.append(learn.history.save(tmp_path/f'{len(paths)}.safetensors'))
    thread = threading.Thread(target=write)
    thread.start()
    learn.fit(5, 1e-2)
    over.set()
    thread.join(WAIT)
    assert paths
    for path in paths: assert History.load(path).losses == learn.history.losses[:len(History.load(path).losses)]


# --- random numbers ---

def test_two_seeded_learners_in_two_threads_train_as_alone(alone):
    both = [learner(), learner()]
    threads = [threading.Thread(target=learn.fit, args=(2, 1e-2)) for learn in both]
    for thread in threads: thread.start()
    for thread in threads: thread.join(WAIT)
    for learn in both: assert learn.history.losses == alone[0] and same(state(learn), alone[1])


# --- one folder, two runs ---

@pytest.mark.skipif(os.name == 'nt', reason='locks are other ones there')
def test_a_second_run_in_a_folder_is_told_and_the_first_goes_on(tmp_path, alone):
    first, second, heard = learner(), learner(), []
    for learn in first, second: learn.save_checkpoints(tmp_path/'run', steps=1, keep=3)
    def disturb():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            second.fit(1, 1e-3)
        heard.extend(str(one.message) for one in caught)
    first.observers.append(At('after_step', disturb))
    first.fit(2, 1e-2)
    assert any('another training run is writing checkpoints' in text for text in heard), heard
    assert first.history.losses == alone[0]
    assert sorted(path.name for path in (tmp_path/'run').glob('*.safetensors')) == [
        f'step-{n:08d}.safetensors' for n in (14, 15, 16)]
    second.fit(1)                         # the folder is free again, and its files are those of the new run
    assert sorted(path.name for path in (tmp_path/'run').glob('*.safetensors')) == [
        f'step-{n:08d}.safetensors' for n in (14, 15, 16)]
    code = f'''
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_one_caller import learner
learn = learner(); learn.save_checkpoints({str(tmp_path/'run')!r}); learn.fit(1)'''
    learn = learner()
    learn.save_checkpoints(tmp_path/'run')
    said = []
    learn.observers.append(At('after_step', lambda: said.append(subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, env=os.environ))))
    learn.fit(1)
    assert 'another training run is writing checkpoints' in said[0].stderr and said[0].returncode == 0
