"Saving, checkpoints and resuming: to the bit, from every step, through every fault"
import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from fastlearn.all import (
    aug_transforms, DataLoaders, EarlyStop, get_image_files, ImageDataLoaders, Learner, Resize, resnet10, sgd,
    vision_learner,
)
from fastlearn.core.tensor_files import read_tensors, UnreadableFile, write_tensors
from fastlearn.inference.checkpoints import _checkpoints_in
from fastlearn.inference.saving import FORMAT
from fastlearn.observers import Observer
from fastlearn.session import recorded
from fastlearn.step_safety import NotFinite
from fastlearn.training import train
from narrow import __file__ as narrow_file, narrow_resnet10
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class At(Observer):
    "Does something after one step"
    def __init__(self, step, action): self.step, self.action = step, action
    def after_step(self, history, step):
        if len(history.losses) == self.step: self.action()


def same_weights(a, b):
    pairs = zip(a.model.state_dict().items(), b.model.state_dict().items())
    return all(name == other and one.equal(two) for (name, one), (other, two) in pairs)


def assert_same_history(a, b):
    "Everything but the seconds"
    for name in 'losses', 'lrs', 'momenta', 'images', 'phases', 'events':
        assert getattr(a, name) == getattr(b, name), name
    assert [replace(row, seconds=0) for row in a.epochs] == [replace(row, seconds=0) for row in b.epochs]
    assert a.series.keys() == b.series.keys()
    for name in a.series: assert a.series[name] == b.series[name], name


@pytest.fixture(scope='module')
def network(tmp_path_factory): return narrow_resnet10(tmp_path_factory.mktemp('network'))


@pytest.fixture(scope='module')
def augmented(few_pets, network):
    "Makes learners whose pictures are changed at random; 4 steps an epoch"
    def make(bs=16, seed=1, valid_pct=.25, arch=network, **options):
        dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), valid_pct=valid_pct, seed=seed,
                                              label_func=lambda name: name[0].isupper(), item_tfms=Resize(32),
                                              bs=bs, batch_tfms=aug_transforms(size=32, min_scale=.6))
        return vision_learner(dls, arch, metrics='error_rate', **options)
    return make


@pytest.fixture(scope='module')
def whole(augmented, tmp_path_factory):
    "An uninterrupted run, and a checkpoint of each of its steps"
    learn = augmented()
    learn.save_checkpoints(folder := tmp_path_factory.mktemp('whole'), steps=1, keep=100)
    learn.fine_tune(2, freeze_epochs=1)
    return learn, sorted(folder.glob('step-*'))


# --- resume ---

@pytest.mark.parametrize('step', [1, 4, 5, 8, 11, 12])
def test_from_any_step_the_same_run_to_the_bit(augmented, whole, step):
    learn, files = whole
    assert len(files) == 12
    again = augmented()
    again.resume(files[step - 1])
    assert_same_history(again.history, learn.history)
    assert same_weights(again, learn) and not again.model.training and again.stopped is None


def test_and_further_trainings_are_the_same_too(augmented, whole):
    learn, files = whole
    runs = []
    for begin in lambda one: one.fine_tune(2, freeze_epochs=1), lambda one: one.resume(files[5]):
        one = augmented()
        begin(one)
        one.fit(1, slice(1e-5, 1e-3))
        runs.append(one)
    assert_same_history(runs[0].history, runs[1].history)


@pytest.mark.parametrize('options', [
    {'accumulate': 3}, {'train_bn': True, 'clip': .5}, {'save_best': 'valid_loss'}, {'opt_func': sgd, 'lr': .01},
    {'early_stop': EarlyStop(patience=1), 'lr': .05}], ids=lambda options: ' '.join(options))
def test_whatever_the_learner_does(augmented, tmp_path, options):
    learn = augmented(**options)
    learn.save_checkpoints(tmp_path, steps=1, keep=100)
    learn.fit(3)
    files = sorted(tmp_path.glob('step-*'))
    for file in files[1], files[-1]:
        again = augmented(**options)
        again.resume(file)
        assert_same_history(again.history, learn.history)
        assert same_weights(again, learn) and again.stopped == learn.stopped


@pytest.mark.parametrize('call', [
    lambda learn: learn.fit(2, slice(1e-4, 1e-3), wd=.1), lambda learn: learn.fit_one_cycle(2, [1e-5, 1e-4, 1e-3], 10.),
    lambda learn: learn.fit_one_cycle(epochs=2, moms=(.9, .8, .9), pct_start=.5),
    lambda learn: learn.fine_tune(1, 1e-3, 2), lambda learn: learn.fine_tune(1, freeze_epochs=0)])
def test_whatever_the_call(augmented, tmp_path, call):
    learn = augmented()
    learn.fit(1)  # the optimizer remembers an earlier training
    learn.save_checkpoints(tmp_path, steps=3, keep=100)
    call(learn)
    again = augmented()
    again.resume(sorted(tmp_path.glob('step-*'))[0])
    assert_same_history(again.history, learn.history)
    assert same_weights(again, learn)


def test_without_a_seed_too(augmented, few_pets, tmp_path):
    def make():
        dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), bs=16, item_tfms=Resize(32),
                                              label_func=lambda name: name[0].isupper(), batch_tfms=aug_transforms(),
                                              valid_idx=range(20, 50))
        return vision_learner(dls, resnet10)
    learn = make()
    assert learn.seed is None
    learn.save_checkpoints(tmp_path, steps=3, keep=100)
    learn.fine_tune(1, freeze_epochs=1)
    torch.manual_seed(5)
    again = make()
    again.resume(sorted(tmp_path.glob('step-*'))[0])
    assert again.history.losses == learn.history.losses and same_weights(again, learn)


def test_loaders_of_ones_own(tmp_path):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=rng)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    def make():
        torch.manual_seed(0)
        return Learner(DataLoaders(DataLoader(data, 20, shuffle=True), DataLoader(data, 30), vocab=['no', 'yes']),
                       nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 2)))
    learn = make()
    learn.save_checkpoints(tmp_path, steps=2, keep=100)
    learn.fit(3)
    first, end_of_epoch = sorted(tmp_path.glob('step-*'))[:2]
    again = make()
    again.resume(end_of_epoch)  # PyTorch's random numbers go on where they were
    assert again.history.losses == learn.history.losses
    again = make()
    with pytest.warns(UserWarning, match='the image order in the rest of this epoch may differ'): again.resume(first)
    assert len(again.history.losses) == len(learn.history.losses)


def test_a_run_that_goes_on_has_the_head_epochs_that_it_began_with(augmented, whole):
    "They depend on the steps of an epoch, and with it on the processes; so the number is noted"
    learn, noted = augmented(bs=48), []              # one step an epoch
    learn.observers.append(At(1, lambda: noted.append(learn.session.call)))
    learn.fine_tune(1)
    assert noted == [('fine_tune', {'epochs': 1, 'freeze_epochs': 25})]
    assert [phase.epochs for phase in learn.history.phases] == [25, 1]


def test_a_killed_process_loses_nothing_but_the_last_steps(few_pets, whole, network, tmp_path):
    learn, _ = whole
    program = f'''
        import os, signal, sys
        from pathlib import Path
        from fastlearn.all import aug_transforms, get_image_files, ImageDataLoaders, Resize, vision_learner
        import fastlearn.inference.checkpoints
        from fastlearn.observers import Observer
        sys.path.append({os.path.dirname(narrow_file)!r})
        from narrow import narrow_resnet10
        folder = {str(few_pets)!r}
        dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), valid_pct=.25, seed=1, bs=16,
            label_func=lambda name: name[0].isupper(), item_tfms=Resize(32),
            batch_tfms=aug_transforms(size=32, min_scale=.6))
        kill = getattr(signal, 'SIGKILL', signal.SIGTERM)
        learn = vision_learner(dls, narrow_resnet10(Path({network.weights!r}).parent), metrics='error_rate')
        learn.save_checkpoints('run', steps=3)
        class Die(Observer):
            def after_step(self, history, step):
                if len(history.losses) == int(sys.argv[1]): os.kill(os.getpid(), kill)
        learn.observers.append(Die())
        learn.resume('run') if os.path.exists('run') else learn.fine_tune(2, freeze_epochs=1)
        print(repr(learn.history.losses))'''
    for death in 8, 0:
        said = subprocess.run([sys.executable, '-c', textwrap.dedent(program), str(death)], cwd=tmp_path, text=True,
                              capture_output=True)
        assert (said.returncode == 0) == (death == 0), said.stderr
        assert len(_checkpoints_in(tmp_path/'run')) == 1
    assert said.stdout.splitlines()[-1] == repr(learn.history.losses)
    assert [file.name for file in _checkpoints_in(tmp_path/'run')] == ['step-00000012.safetensors']


# --- stopping and faults ---

@pytest.mark.parametrize('interrupt', [lambda learn: signal.raise_signal(signal.SIGINT), lambda learn: learn.stop()])
def test_a_stop_writes_where_it_was(augmented, whole, tmp_path, interrupt):
    learn, cut, again = whole[0], augmented(), augmented()
    cut.save_checkpoints(tmp_path, epochs=None)
    cut.observers.insert(0, At(6, lambda: interrupt(cut)))
    cut.fine_tune(2, freeze_epochs=1)
    assert cut.stopped and [file.name for file in _checkpoints_in(tmp_path)] == ['step-00000006.safetensors']
    again.resume(tmp_path)
    assert_same_history(again.history, learn.history)


def test_nan_leaves_the_checkpoint_before(augmented, whole, tmp_path):
    learn, _ = whole
    cut = augmented()
    cut.save_checkpoints(tmp_path, steps=1)
    poison = cut.model[1][2]
    cut.observers.append(At(6, lambda: poison.weight.data.fill_(float('nan'))))
    with pytest.raises(NotFinite): cut.fine_tune(2, freeze_epochs=1)
    again = augmented()
    again.resume(tmp_path)
    assert_same_history(again.history, learn.history)


@pytest.mark.filterwarnings('ignore:no checkpoint was written after step 6')
def test_a_full_disk_in_the_middle(augmented, whole, tmp_path, monkeypatch):
    learn, _ = whole
    cut, room = augmented(), [True]
    real = os.fsync
    def fsync(number):
        if not room[0]: raise OSError(errno.ENOSPC, 'No space left on device')
        real(number)
    monkeypatch.setattr('os.fsync', fsync)
    cut.save_checkpoints(tmp_path, steps=2, epochs=None)
    cut.observers[:0] = [At(3, lambda: room.__setitem__(0, False)), At(7, lambda: room.__setitem__(0, True)),
                          At(6, lambda: shutil.copytree(tmp_path, tmp_path.parent/'seen'))]
    with pytest.warns(UserWarning, match='no checkpoint was written after step 4: .*disk that holds .* full.*Training'):
        cut.fine_tune(2, freeze_epochs=1)
    assert [file.name for file in (tmp_path.parent/'seen').iterdir()] == ['step-00000002.safetensors']
    assert [file.name for file in tmp_path.iterdir()] == ['step-00000012.safetensors']  # it went on, and tried again
    assert 'no checkpoint was written' in cut.history.events[0][1] and cut.history.losses == learn.history.losses
    again = augmented()
    again.resume(next((tmp_path.parent/'seen').iterdir()))
    assert_same_history(again.history, learn.history)


def test_a_damaged_checkpoint_means_the_one_before(augmented, whole, tmp_path):
    learn, files = whole
    for i in 4, 5: shutil.copy(files[i], tmp_path)
    newest = _checkpoints_in(tmp_path)[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    again = augmented()
    with pytest.warns(UserWarning, match='damaged or incomplete.*Trying the checkpoint before'): again.resume(tmp_path)
    assert_same_history(again.history, learn.history)
    for file in tmp_path.iterdir(): file.write_bytes(b'')
    with warnings.catch_warnings(), pytest.raises(UnreadableFile, match='incomplete'):
        warnings.simplefilter('ignore')
        augmented().resume(tmp_path)


def test_what_a_killed_writer_left_is_swept_away(augmented, tmp_path):
    (tmp_path/f'.fastlearn-{"0"*16}.part').write_bytes(b'half of a checkp')
    learn = augmented()
    learn.save_checkpoints(tmp_path)
    learn.fit(1)
    assert [file.name for file in tmp_path.iterdir()] == ['step-00000004.safetensors']


@pytest.mark.parametrize('options, expected', [
    ({}, [4, 8, 12]), ({'epochs': 2}, [4, 8, 12]), ({'epochs': None}, [4, 12]),
    ({'steps': 5, 'epochs': None}, [4, 5, 10, 12]),
    ({'steps': 5, 'epochs': 2}, [4, 5, 8, 10, 12])])
def test_when_one_is_due(augmented, tmp_path, options, expected):
    learn = augmented()
    learn.save_checkpoints(tmp_path, keep=100, **options)
    learn.fine_tune(2, freeze_epochs=1)
    assert sorted(int(file.stem[5:]) for file in tmp_path.iterdir()) == expected  # 4 ends a phase


@pytest.mark.parametrize('keep', [1, 3])
def test_never_more_files_than_asked_for(augmented, tmp_path, keep):
    most, learn = [], augmented()
    learn.save_checkpoints(tmp_path, steps=1, keep=keep, best='error_rate')
    learn.observers.append(type('Count', (Observer,), {
        'after_step': lambda self, history, step: most.append(len(list(tmp_path.glob('step-*'))))})())
    learn.fine_tune(2, freeze_epochs=1)
    names = sorted(file.name for file in tmp_path.iterdir())
    newest = [f'step-{n:08d}.safetensors' for n in (10, 11, 12)][-keep:]
    assert max(most) == keep and names == ['best.safetensors', *newest]


def test_the_best_is_kept(augmented, tmp_path):
    learn = augmented()
    learn.save_checkpoints(tmp_path, best='valid_loss')
    learn.unfreeze()
    learn.fit(4, 3e-3)
    losses = [row.valid_loss for row in learn.history.epochs]
    again = augmented().load(tmp_path/'best')
    assert again.validate().loss == min(losses)
    assert len(again.history.epochs) == losses.index(min(losses)) + 1
    with pytest.raises(ValueError, match="Did you mean 'error_rate'"):
        learn.save_checkpoints(tmp_path, best='eror_rate')


def test_checkpoints_change_nothing(augmented, whole):
    alone = augmented()
    alone.fine_tune(2, freeze_epochs=1)
    assert_same_history(alone.history, whole[0].history)


def test_arguments(augmented, tmp_path):
    learn = augmented()
    for options in {'steps': 0}, {'epochs': -1}, {'keep': 0}, {'keep': None}, {'steps': 1.5}:
        with pytest.raises(ValueError, match='expected a whole number, 1 or more'):
            learn.save_checkpoints(tmp_path, **options)
    learn.save_checkpoints(tmp_path/'a'); learn.save_checkpoints(tmp_path/'b')
    assert len(learn.observers) == 1


# --- what cannot be resumed ---

@pytest.mark.parametrize('options, said', [
    ({'wd': .1}, 'wd 0.01, now 0.1'), ({'accumulate': 2}, 'accumulate 1, now 2'), ({'seed': 2}, 'seed 1, now 2'),
    ({'bs': 8}, 'batch size 16, now 8'), ({'valid_pct': .5}, 'number of images 72, now 48'),
    ({'opt_func': sgd}, "opt_func 'adam', now 'sgd'"), ({'train_bn': True}, 'train_bn False, now True')])
def test_a_learner_that_was_made_otherwise(augmented, whole, options, said):
    other = augmented(**options)
    with pytest.raises(ValueError, match=f'was started with .*{said}.*Create the learner in the same way'):
        other.resume(whole[1][4])
    assert not other.history.losses and other.resume_point is None


def test_files_without_a_run(augmented, tmp_path):
    learn = augmented()
    with pytest.raises(FileNotFoundError, match='there is no checkpoint in .*, which holds nothing'):
        learn.resume(tmp_path)
    with pytest.raises(FileNotFoundError, match='does not exist'): learn.resume(tmp_path/'nothing')
    file = learn.save(tmp_path/'saved')
    with pytest.raises(UnreadableFile, match='not written during training, .* nothing to resume'): learn.resume(file)
    learn.save_checkpoints(tmp_path/'run')
    learn.run(1, lambda p: ((1e-3,)*3, .9))  # a schedule of one's own is code
    with pytest.raises(UnreadableFile, match='does not say which call started its training run'):
        augmented().resume(tmp_path/'run')


@pytest.mark.parametrize('change', [
    lambda about: about['run'].update(call=['export', {'path': 'x'}]), lambda about: about['run'].pop('settings'),
    lambda about: about['run'].update(phase='first'), lambda about: about.pop('history'),
    lambda about: about['history'].pop('epochs'), lambda about: about.update(task=7),
    lambda about: about['run']['call'].__setitem__(1, {'epochs': {'module': 'os'}})])
def test_descriptions_that_make_no_sense(augmented, whole, tmp_path, change):
    about, tensors = read_tensors(whole[1][5], FORMAT)
    change(about)
    learn = augmented()
    with pytest.raises(UnreadableFile): learn.resume(write_tensors(tmp_path/'x.safetensors', FORMAT, about, tensors))
    assert learn.resume_point is None and learn.session is None and not (tmp_path/'x').exists()


# --- save and load ---

def test_saved_and_loaded_goes_on_the_same(augmented, tmp_path):
    learn, again = augmented(), augmented()
    learn.fine_tune(1, freeze_epochs=1)
    assert again.load(learn.save(tmp_path/'state')) is again
    assert_same_history(again.history, learn.history)
    again.dls.train.set_epoch(learn.dls.train.epoch)
    trains = [p.requires_grad for p in learn.model.parameters()]
    assert [p.requires_grad for p in again.model.parameters()] == trains
    for one in learn, again: one.fit(1, 1e-3)
    assert again.history.losses == learn.history.losses and same_weights(again, learn)


def test_without_the_optimizer(augmented, tmp_path):
    augmented = partial(augmented, arch=resnet10)
    learn = augmented()
    learn.fit(1)
    large, small = learn.save(tmp_path/'large'), learn.save(tmp_path/'small', with_opt=False)
    weights = sum(t.numel()*t.element_size() for t in learn.model.state_dict().values())
    assert small.stat().st_size < 1.02*weights + 200_000 < large.stat().st_size
    assert augmented().load(small).optimizer is None and augmented().load(large, with_opt=False).optimizer is None
    assert augmented().load(large).optimizer is not None


def test_what_does_not_fit_changes_nothing(augmented, tmp_path):
    learn = augmented()
    learn.fit(1)
    file = learn.save(tmp_path/'state')
    def refuse(other, said):
        before = {name: tensor.clone() for name, tensor in other.model.state_dict().items()}
        with pytest.raises(UnreadableFile, match=said): other.load(file)
        assert all(tensor.equal(before[name]) for name, tensor in other.model.state_dict().items())
        assert not other.history.losses and other.optimizer is None
    refuse(augmented(opt_func=sgd), r'trained with AdamW, but this learner uses SGD; .*with_opt=False')
    refuse(Learner(augmented().dls, nn.Linear(2, 2)), 'does not fit this model')
    refuse(augmented(splitter=lambda model: list(model)), 'create the learner in the same way as the saved one')
    other = augmented()
    other.dls.label_spec = replace(other.dls.label_spec, vocab=(True, False))
    refuse(other, 'has the classes False, True, but this learner has True, False; load it into a learner')


@pytest.mark.parametrize('damage', [
    lambda tensors, name: tensors.pop(name), lambda tensors, name: tensors.update({name: torch.ones(7)}),
    lambda tensors, name: tensors.update({'optimizer/999/exp_avg': torch.ones(7)}),
    lambda tensors, name: tensors.update({'optimizer/x/y/z': torch.ones(7)}),
    lambda tensors, name: tensors.pop('history/losses'), lambda tensors, name: tensors.pop('model/0.conv1.weight')])
def test_numbers_that_do_not_belong_there(augmented, tmp_path, damage):
    learn = augmented()
    learn.fit(1)
    about, tensors = read_tensors(learn.save(tmp_path/'state'), FORMAT)
    name = next(name for name in tensors if name.endswith('/exp_avg'))
    assert augmented().load(write_tensors(tmp_path/'good.safetensors', FORMAT, about, tensors)).optimizer
    damage(tensors, name)
    file = write_tensors(tmp_path/'bad.safetensors', FORMAT, about, tensors)
    with pytest.raises(UnreadableFile, match='fit|parts of a history'): augmented().load(file)


# --- the loop ---

def test_the_loop_can_begin_in_the_middle():
    rng = torch.Generator().manual_seed(1)
    batches = [(torch.randn(8, 5, generator=rng), torch.randint(3, (8,), generator=rng)) for _ in range(4)]
    def steps(**options):
        model = nn.Linear(5, 3)
        seen = []
        def update(model, chunk, loss_func, optimizer): seen.append([x[0, 0].item() for x, _ in chunk]); return 0.
        found = list(train(model, batches, None, torch.optim.SGD(model.parameters(), lr=.1), epochs=3,
                           train_step=update, **options))
        return found, seen
    for accumulate in 1, 2, 3:
        whole, all_seen = steps(accumulate=accumulate)
        for start in range(len(whole) + 1):
            rest, seen = steps(accumulate=accumulate, start=start)
            assert rest == whole[start:] and seen == all_seen[start:]


def test_a_call_is_noted_while_it_runs(augmented):
    learn, noted = augmented(), []
    learn.observers.append(At(1, lambda: noted.append((learn.call, learn.session.call))))
    learn.fine_tune(1, base_lr=1e-3, freeze_epochs=1)
    assert noted == [(('fine_tune', {'epochs': 1, 'base_lr': 1e-3, 'freeze_epochs': 1}),)*2] and learn.call is None
    with pytest.raises(TypeError, match='epochs'): learn.fit()
    assert learn.call is None and recorded(Learner.fit).__name__ == 'fit'


def test_a_checkpoint_costs_little(augmented, tmp_path):
    learn = augmented(arch=resnet10)
    learn.fit(1)
    learn.save(tmp_path/'state')          # weights, the optimizer's two numbers for each, the history
    weights = sum(p.numel()*p.element_size() for p in learn.model.parameters())
    assert Path(tmp_path/'state.safetensors').stat().st_size < 4*weights + 1e6
