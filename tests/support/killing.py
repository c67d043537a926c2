"""A process that saves is killed at random moments, and what lies on the disk is read; `test_kills.py` runs this.

    python tests/killing.py FOLDER KILLS SEED    # prints what was found, as JSON
"""
import json
import multiprocessing
import os
import random
import sys
import time
import warnings
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from fastlearn.all import aug_transforms, DataLoaders, History, Learner
from fastlearn.history_records import Phase, Step
from fastlearn.inference.checkpoints import _newest
from fastlearn.inference.saving import part_of
from fastlearn.learner import load_learner
from fastlearn.observers import Observer
from fastlearn.optimizer import parameter_groups, sgd
from torch import nn

# a fork begins at once; where there is none, a new process does the same, in seconds
START = multiprocessing.get_context('fork' if 'fork' in multiprocessing.get_all_start_methods() else 'spawn')


# --- three ways of saving: each file is of one number, through and through ---

def network() -> nn.Module: return nn.Sequential(nn.Flatten(), nn.Linear(400, 500), nn.Linear(500, 2))


def learner(number: int) -> Learner:
    batches = [(torch.zeros(1, 400), torch.zeros(1, dtype=torch.int64))]
    learn = Learner(DataLoaders(batches, batches, vocab=['no', 'yes']), network(), opt_func=sgd)
    for parameter in learn.model.parameters(): nn.init.constant_(parameter, number)
    learn.optimizer = sgd(parameter_groups(learn.groups))
    for parameter in learn.model.parameters():
        learn.optimizer.state[parameter] = {'momentum_buffer': torch.full_like(parameter, number)}
    learn.history = history(number, 1000)
    return learn


def history(number: int, steps: int = 50_000) -> History:
    return History([float(number)]*steps, [(float(number),)]*steps, [None]*steps, [number]*steps,
                   [Phase('all', (True,), 0, 0, 1, steps)], events=[(steps, str(number))])


def numbers_in(*parts: object) -> set[float]:
    "All numbers that occur in tensors, histories and lists of them"
    found = set()
    for part in parts:
        if isinstance(part, torch.Tensor): found |= set(part.unique().tolist())
        else: found |= {*part.losses, *part.images, *(rate for rates in part.lrs for rate in rates),
                        *(float(text) for _, text in part.events)}
    return found


def read_export(path: Path) -> set[float]:
    return numbers_in(*load_learner(path, arch=network).model.parameters())


def read_save(path: Path) -> set[float]:
    learn = learner(-1).load(path)
    memory = [kept['momentum_buffer'] for kept in learn.optimizer.state.values()]
    assert len(memory) == 4
    return numbers_in(*learn.model.parameters(), *memory, learn.history)


SAVERS = {  # what it is called: how it is written and how it is read
    'learn.export': (lambda number, path: learner(number).export(path), read_export),
    'learn.save': (lambda number, path: learner(number).save(path), read_save),
    'History.save': (lambda number, path: history(number).save(path), lambda path: numbers_in(History.load(path)))}


def save_on(name: str, path: Path, number: int, tell: Connection) -> None:
    "One number after the other, until it is killed; each is told when it is on the disk"
    torch.set_num_threads(1)
    while True:
        SAVERS[name][0](number, path)
        tell.send(number)
        number += 1


def begin(target, *args) -> tuple[multiprocessing.Process, Connection]:
    "A process, and what it tells"
    listen, tell = START.Pipe(duplex=False)
    process = START.Process(target=target, args=(*args, tell), daemon=True)
    process.start()
    tell.close()
    return process, listen


def kill(process: multiprocessing.Process, listen: Connection, last: object) -> object:
    "The last thing that the process told before it was killed"
    process.kill()
    process.join()
    while True:
        try: last = listen.recv()
        except (EOFError, OSError): return last


def kill_savers(name: str, folder: Path, kills: int, rng: random.Random) -> dict:
    path, (save, read), number = folder/'file.safetensors', SAVERS[name], 0
    start = time.perf_counter()
    save(0, path)
    seconds = time.perf_counter() - start
    for _ in range(kills):
        process, listen = begin(save_on, name, path, number + 1)
        told = listen.recv()
        time.sleep(rng.random()*3*seconds)
        told = kill(process, listen, told)
        number, = found = read(path)     # one number, or this raises; it also raises for half a file
        assert number in (told, told + 1), f'{name}: {found} after {told} was written'
        number = int(number)
    left = list(folder.glob('.*.part'))
    for part in left: os.utime(part, times=(time.time() - 7200,)*2)
    save(number + 1, path)
    assert read(path) == {number + 1} and [*folder.iterdir()] == [path], f'left: {[*folder.iterdir()]}'
    return {'kills': kills, 'saves': number, 'left': len(left)}


# --- checkpoints ---

EPOCHS = 12                               # of two steps


def student() -> Learner:
    from fuzzing import tiny_learner
    learn = tiny_learner()
    learn.dls.train.batch_tfms = tuple(aug_transforms())
    return learn


class Tell(Observer):
    "Says how many steps are done; comes after the checkpoints"
    def __init__(self, tell: Connection): self.tell = tell

    def after_step(self, history: History, step: Step) -> None:
        if not step.ends_epoch: self.tell.send(len(history.losses))

    def after_epoch(self, history: History) -> None: self.tell.send(len(history.losses))


def train_on(folder: Path | None, keep: int, tell: Connection) -> None:
    "A training run, from its newest checkpoint if there is one, to its end"
    torch.set_num_threads(1)
    learn = student()
    if folder: learn.save_checkpoints(folder, steps=1, keep=keep)
    learn.observers.append(Tell(tell))
    if folder and folder.exists(): learn.resume(folder)
    else: learn.fine_tune(EPOCHS, freeze_epochs=1)
    tell.send(learn.history.losses)


def finish(folder: Path | None, keep: int = 1) -> list[float]:
    "The losses of a run that is not killed"
    process, listen = begin(train_on, folder, keep)
    return kill_after(process, listen)


def kill_after(process: multiprocessing.Process, listen: Connection) -> list[float]:
    while not isinstance(told := listen.recv(), list): pass
    kill(process, listen, told)
    return told


def steps_in(folder: Path) -> int:
    "How many steps the newest checkpoint knows; raises for one that is damaged"
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        _, about, tensors = _newest(folder)
    return len(History.unpack(part_of(tensors, 'history'), about['history']).losses)


def kill_trainings(folder: Path, kills: int, rng: random.Random) -> dict:
    whole, runs, seen, left = finish(None), 0, [], 0
    while len(seen) < kills:
        run, keep = folder/f'run_{runs}', rng.choice([1, 2])
        runs, told = runs + 1, 0
        while len(seen) < kills and told < len(whole) - 4:
            process, listen = begin(train_on, run, keep)
            told = listen.recv()
            time.sleep(rng.random()*.05)
            told = kill(process, listen, told)
            if isinstance(told, list): break  # it was at its end
            steps = steps_in(run)
            assert steps in (told, told + 1), f'{steps} steps in the newest checkpoint, {told} were done'
            files = len(list(run.glob('*.safetensors')))
            assert files <= keep, f'{files} checkpoints, {keep} are kept'
            left = max(left, len(list(run.glob('.*.part'))))
            seen.append(told)
        losses = finish(run, keep)
        assert losses == whole, f'resumed: {losses}; not interrupted: {whole}'
        assert not list(run.glob('.*.part')), 'what a killed process left was not swept away'
    return {'kills': kills, 'saves': sum(seen), 'left': left, 'runs': runs}


def main(folder: Path, kills: int, seed: int) -> None:
    torch.set_num_threads(1)
    jobs = {name: partial(kill_savers, name) for name in SAVERS} | {'checkpoints': kill_trainings}
    found = {}
    for name, job in jobs.items():        # in this process nothing is differentiated, or it could not be forked
        (place := folder/name).mkdir(parents=True)
        found[name] = job(place, kills, random.Random(f'{seed} {name}'))
    print(json.dumps(found))


if __name__ == '__main__': main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
