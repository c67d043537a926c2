"Export and loading: the same answers in a fresh process, no code from a file, and a plain word for every fault"
import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import torch
from fastlearn.all import (
    aug_transforms, DataLoaders, get_image_files, History, ImageDataLoaders, Learner, load_weights, Normalize, PILImage,
    RandomResizedCrop, Resize, resnet10, vision_learner,
)
from fastlearn.body import body_from_config, create_body, shapes_device
from fastlearn.core.files import replacing
from fastlearn.core.tensor_files import (
    _fingerprint, _make_header, read_tensors, safetensors_path, UnreadableFile, write_tensors,
)
from fastlearn.data.labels import LabelSpec
from fastlearn.inference.export import _FORMAT, network_config
from fastlearn.learner import load_learner
from fastlearn.losses import BinaryCrossEntropy, CrossEntropy
from torch import nn


@pytest.fixture(scope='module')
def exported(few_learner, tmp_path_factory):
    "A learner that was trained a little, and its file; for reading only"
    learn = few_learner()
    learn.fit_one_cycle(1)
    return learn, learn.export(tmp_path_factory.mktemp('exported')/'pets.safetensors')


def loaders(files, label, **options):
    options = {'valid_pct': .25, 'seed': 1, 'bs': 16, 'item_tfms': Resize(32), **options}
    return ImageDataLoaders.from_name_func(files[0].parent, files, label_func=label, **options)


def same_answers(a, b, files):
    ours, theirs = (learn.get_preds(learn.dls.test_dl(files), progress=False)[0] for learn in (a, b))
    return ours.equal(theirs)


def changed(file, target, change):
    "The exported file with another description, and a fingerprint that fits it"
    about, tensors = read_tensors(file, _FORMAT)
    del about['fingerprint']
    return write_tensors(target, _FORMAT, change(about) or about, tensors)


# --- the same answers ---

def test_a_fresh_process_gives_the_same_probabilities(exported, tmp_path):
    learn, file = exported
    picture = learn.dls.valid.items[0]
    code = f'''
        import sys
        from fastlearn.learner import load_learner
        learn = load_learner({str(file)!r})
        label, index, probabilities = learn.predict({str(picture)!r})
        several, _ = learn.get_preds(learn.dls.test_dl([{str(picture)!r}]*3))
        print(repr(label), probabilities.tolist(), several[2].tolist())
        print([m for m in ('IPython', 'jupyter_client', 'ipywidgets', 'pandas') if m in sys.modules])'''
    said = subprocess.run([sys.executable, '-c', textwrap.dedent(code)], check=True, capture_output=True, text=True,
                          cwd=tmp_path).stdout.splitlines()
    label, _, probabilities = learn.predict(picture)
    several, _ = learn.get_preds(learn.dls.test_dl([picture]*3))  # may round unlike one picture alone
    assert said == [f'{label!r} {probabilities.tolist()} {several[2].tolist()}', '[]']


def test_the_file_is_hardly_larger_than_the_weights(exported):
    learn, file = exported
    weights = sum(t.numel()*t.element_size() for t in learn.model.state_dict().values())
    assert weights < file.stat().st_size < 1.02*weights


def test_what_comes_back(exported):
    learn, file = exported
    again = load_learner(file)
    assert again.dls.vocab == (False, True) and all(type(v) is bool for v in again.dls.vocab)
    assert again.arch == 'resnet10' and len(again.groups) == 3 and not again.model.training
    assert isinstance(again.loss_func, CrossEntropy) and again.precision == learn.precision
    assert again.about['history']['steps'] == len(learn.history.losses)
    assert again.about['history']['epochs'][0][3] == learn.history.epochs[0].valid_loss
    assert set(again.about['versions']) == {'python', 'fastlearn', 'torch', 'torchvision'}
    assert again.about['fingerprint'].startswith('sha256:')
    assert 'no images' in repr(again.dls) and same_answers(learn, again, learn.dls.valid.items)
    assert str(again.model) == str(learn.model)


def test_a_label_function_is_not_in_the_file(exported):
    learn, file = exported
    assert learn.dls.label_func is not None and load_learner(file).dls.label_func is None
    assert b'lambda' not in file.read_bytes() and b'label_func' not in file.read_bytes()


@pytest.mark.parametrize('label, vocab', [
    (lambda name: name[0].isupper(), (False, True)), (lambda name: 'CatDog'[name[0].islower()*3:][:3], ('Cat', 'Dog')),
    (lambda name: 1 + name[0].isupper(), (1, 2)), (lambda name: 'ümläut 🐈' if name[0].isupper() else '"', None),
    (lambda name: ['cat', 'big'] if name[0].isupper() else ['dog'], ('big', 'cat', 'dog')),
    (lambda name: float(len(name)), ()), (lambda name: [.5, float(len(name))], ())])
def test_every_kind_of_label(few_pets, tmp_path, label, vocab):
    files = get_image_files(few_pets)[::4]
    learn = vision_learner(loaders(files, label, bs=8), resnet10)
    again = load_learner(learn.export(tmp_path/'model'))
    assert again.dls.label_spec == learn.dls.label_spec and (vocab is None or again.dls.vocab == vocab)
    ours, theirs = learn.predict(files[0]), again.predict(files[0])
    assert ours.label == theirs.label and type(ours.label) is type(theirs.label)
    assert ours.probabilities.equal(theirs.probabilities)


@pytest.mark.parametrize('options', [
    {'item_tfms': Resize((24, 40), 'squish')}, {'item_tfms': Resize(32, 'pad', 'zeros')},
    {'item_tfms': RandomResizedCrop(32, min_scale=.5)},
    {'item_tfms': Resize(48), 'batch_tfms': aug_transforms(size=32)},
    {'batch_tfms': [Normalize((.5,)*3, (.5,)*3)]}], ids=str)
def test_pictures_are_prepared_alike(few_pets, tmp_path, options):
    files = get_image_files(few_pets)[::4]
    learn = vision_learner(loaders(files, lambda name: name[0].isupper(), bs=8, **options), resnet10)
    again = load_learner(learn.export(tmp_path/'model'))
    ours, theirs = (torch.cat([x for x, _ in one.dls.test_dl(files)]) for one in (learn, again))
    assert ours.equal(theirs)


def test_losses_and_precision_are_remembered(few_pets, tmp_path):
    files = get_image_files(few_pets)[::4]
    dls = loaders(files, lambda name: ['cat'] if name[0].isupper() else ['dog'], bs=8)
    learn = vision_learner(dls, resnet10, loss_func=BinaryCrossEntropy(thresh=.7), precision=torch.float32)
    again = load_learner(learn.export(tmp_path/'model'))
    assert again.loss_func.thresh == .7 and again.precision == torch.float32
    learn.loss_func = nn.BCEWithLogitsLoss()  # a plain one is read by the kind of label
    assert isinstance(load_learner(learn.export(tmp_path/'plain')).loss_func, BinaryCrossEntropy)
    learn = vision_learner(loaders(files, lambda name: name[0].isupper(), bs=8), resnet10,
                           loss_func=CrossEntropy(weight=[1., 2.]))
    assert load_learner(learn.export(tmp_path/'weighted')).loss_func.weight.tolist() == [1., 2.]


@pytest.mark.parametrize('name', 'alexnet convnext_tiny densenet121 googlenet mobilenet_v3_small regnet_y_400mf '
                                 'resnet18 squeezenet1_1 swin_t vgg11_bn vit_b_32'.split())
def test_bodies_of_torchvision_are_described(name):
    with shapes_device(name):
        body = create_body(name, weights=None)
        about = network_config(nn.Sequential(body, nn.Flatten()), name)
        shapes = {key: value.shape for key, value in body_from_config(about).state_dict().items()}
    assert about['arch'] == name and about['head'] == {'own': 'Flatten'}
    assert shapes == {key: value.shape for key, value in body.state_dict().items()}


def test_a_body_that_was_changed_counts_as_ones_own(few_learner, tmp_path):
    learn = few_learner()
    learn.model[0].relu = nn.GELU()
    file = learn.export(tmp_path/'changed')
    with pytest.raises(UnreadableFile, match="needs 'Sequential', which is custom code.*load_learner.path, arch=Sequ"):
        load_learner(file)
    body = few_learner().model
    body[0].relu = nn.GELU()
    assert same_answers(learn, load_learner(file, arch=body), learn.dls.valid.items)


# --- code of one's own ---

class MyNet(nn.Module):
    def __init__(self, outputs=2):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs))
    def forward(self, images): return self.layers(images)


def gray(image): return image.convert('L').convert('RGB')


def test_a_network_of_ones_own(few_learner, tmp_path):
    dls = few_learner().dls
    learn = Learner(dls, MyNet())
    file = learn.export(tmp_path/'mine')
    with pytest.raises(UnreadableFile, match="needs 'MyNet', which is custom code that the file .* contain; pass it: "
                                             'load_learner.path, arch=MyNet'): load_learner(file)
    for arch in MyNet, MyNet(): assert same_answers(learn, load_learner(file, arch), dls.valid.items)
    with pytest.raises(ValueError, match='does not fit MyNet'): load_learner(file, lambda: MyNet(3))


def test_a_head_of_ones_own(few_learner, tmp_path):
    def head(): return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 2))
    learn = few_learner(custom_head=head())
    file = learn.export(tmp_path/'head')
    with pytest.raises(UnreadableFile, match='head=Sequential'): load_learner(file)
    again = load_learner(file, head=head)
    assert same_answers(learn, again, learn.dls.valid.items) and len(again.groups) == 3


def test_transforms_and_losses_of_ones_own(few_pets, tmp_path):
    files = get_image_files(few_pets)[::4]
    learn = vision_learner(loaders(files, lambda name: name[0].isupper(), bs=8, item_tfms=[gray, Resize(32)]), resnet10)
    file = learn.export(tmp_path/'gray')
    with pytest.raises(UnreadableFile, match="needs 'gray'.*item_tfms=gray"): load_learner(file)
    assert same_answers(learn, load_learner(file, item_tfms=[gray, Resize(32)]), files)
    class Mine(CrossEntropy): pass
    learn.loss_func = Mine()
    with pytest.raises(UnreadableFile, match="needs 'Mine'.*loss_func=Mine"):
        load_learner(learn.export(tmp_path/'loss'), item_tfms=[gray, Resize(32)])


def test_what_cannot_be_exported(few_learner, tmp_path):
    learn = few_learner()
    learn.dls.label_spec = LabelSpec('single', ((1, 2), (3, 4)))
    with pytest.raises(ValueError, match='the class .1, 2. is a tuple, which JSON cannot hold'):
        learn.export(tmp_path/'model')
    for name in 'model.pkl', 'model.pth':
        with pytest.raises(ValueError, match='expected one that ends in .safetensors, such as model.safetensors'):
            few_learner().export(tmp_path/name)
    with pytest.raises(ValueError, match='dtype torch.complex64, which cannot be written'):
        write_tensors(tmp_path/'x', 'demo-1', {}, {'a': torch.zeros(2, dtype=torch.complex64)})
    assert list(tmp_path.iterdir()) == []


def test_an_arch_that_is_not_needed(exported):
    with pytest.raises(UnreadableFile, match="describes its architecture, 'resnet10'; omit arch"):
        load_learner(exported[1], arch=resnet10)


def test_loaders_of_ones_own(tmp_path):
    batches = [(torch.randn(4, 5), torch.randint(0, 2, (4,)))]
    learn = Learner(DataLoaders(batches, batches, vocab=['no', 'yes']), nn.Linear(5, 2))
    again = load_learner(learn.export(tmp_path/'m'), arch=nn.Linear(5, 2))
    assert again.get_preds(batches)[0].equal(learn.get_preds(batches)[0]) and again.dls.vocab == ('no', 'yes')
    with pytest.raises(TypeError, match='test_dl prepares images like the validation loader'): again.dls.test_dl([1])


# --- without and with data ---

def test_without_pictures_it_says_so(exported):
    again = load_learner(exported[1])
    before = [p.clone() for p in again.model.parameters()]
    for train in again.fine_tune, again.fit, again.fit_one_cycle, again.lr_find:
        with pytest.raises(ValueError, match=r'loaded from a file and has no data; .*dls=\.\.\.'):
            train(1) if train != again.lr_find else train()
    with pytest.raises(ValueError, match='no images to evaluate'): again.validate()
    assert all(a.equal(b) for a, b in zip(before, again.model.parameters()))


def test_with_pictures_it_trains_on(exported, few_learner):
    learn, file = exported
    again = load_learner(file, dls=few_learner().dls, metrics='error_rate')
    assert again.validate().metrics == learn.validate().metrics
    again.fine_tune(1, freeze_epochs=1)
    assert [phase.name for phase in again.history.phases] == ['head', 'all']
    other = few_learner().dls
    other.label_spec = LabelSpec('single', ('a', 'b', 'c'))
    with pytest.raises(ValueError, match="has the classes False, True, but this data has 'a', 'b', 'c'"):
        load_learner(file, dls=other)


def test_loading_leaves_the_random_numbers_alone(exported):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    load_learner(exported[1])
    assert torch.rand(3).equal(expected)


# --- faults of files ---

def cut(content): return content[:len(content)//2]
def flip(place): return lambda content: content[:place] + bytes([content[place] ^ 4]) + content[place+1:]
def claim(length): return lambda content: length.to_bytes(8, 'little') + content[8:]


@pytest.mark.parametrize('damage, said', [
    (lambda content: b'', 'incomplete'), (lambda content: content[:5], 'incomplete'), (cut, 'damaged or incomplete'),
    (lambda content: content[:-1], 'damaged or incomplete'), (lambda content: content + b'x', 'damaged or incomplete'),
    (flip(3), 'header of'), (flip(30), 'format|damaged|changed'), (flip(-5), 'changed after it was written'),
    (flip(3_000_000), 'changed after it was written'), (claim(2**63), 'would begin with a header of 9,223'),
    (claim(2**22 + 1), 'would begin with a header'), (claim(10), 'damaged'), (claim(0), 'damaged'),
    (lambda content: b'<!DOCTYPE html><html>404 Not Found</html>', 'not a safetensors file: it is text'),
    (lambda content: b'\x89PNG\r\n\x1a\n' + bytes(100), 'not a safetensors file'),
    (lambda content: (100_000).to_bytes(8, 'little') + b'['*100_000, 'damaged')])
def test_damaged_files(exported, tmp_path, damage, said):
    victim = tmp_path/'victim.safetensors'
    victim.write_bytes(damage(exported[1].read_bytes()))
    with pytest.raises(UnreadableFile, match=said): load_learner(victim)


def test_every_byte_of_the_header_counts(exported, tmp_path):
    content = exported[1].read_bytes()
    victim, end = tmp_path/'victim.safetensors', 8 + int.from_bytes(content[:8], 'little')
    for place in range(0, end, 61):
        victim.write_bytes(flip(place)(content))
        with pytest.raises(UnreadableFile): load_learner(victim)


def test_no_file_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match='file not found'): load_learner(tmp_path/'nothing.safetensors')
    with pytest.raises(UnreadableFile, match='is not a file'): load_learner(tmp_path)


@pytest.mark.parametrize('kind, said', [
    ('fastlearn-model-2', 'written by another version of fastlearn; use a newer one'),
    ('fastlearn-checkpoint-1', r'learn.load\(\) reads it'), ('fastlearn-history-1', r'History.load\(\) reads it'),
    ('fastlearn-snapshot-1', r'load_snapshots\(\) reads it'), ('', 'right file')])
def test_other_kinds_and_versions(exported, tmp_path, kind, said):
    file = write_tensors(tmp_path/'other.safetensors', kind, {}, {'a': torch.zeros(2)})
    with pytest.raises(UnreadableFile, match=f"is of format '{kind}'; expected 'fastlearn-model-1'.*{said}"):
        load_learner(file)


def test_weights_without_a_description(tmp_path):
    from safetensors.torch import save_file
    save_file({'a': torch.zeros(2)}, tmp_path/'weights.safetensors')
    with pytest.raises(UnreadableFile, match=r'has weights, but no description; load_weights\(\)'):
        load_learner(tmp_path/'weights.safetensors')


def put(*keys, value):
    "Change the description at one place"
    def change(about):
        for key in keys[:-1]: about = about[key]
        about[keys[-1]] = value
    return change


@pytest.mark.parametrize('change, said', [
    (put('network', 'arch', value='vit_h_14'), 'does not hold the weights of the vit_h_14'),
    (put('network', 'arch', value='regnet_y_128gf'), 'does not hold the weights of the regnet_y_128gf'),
    (put('network', 'arch', value='resnet34'), 'does not hold the weights of the resnet34'),
    (put('network', 'arch', value='os.system'), "unknown architecture 'os.system'"),
    (put('network', 'arch', value=7), 'is invalid'), (put('network', 'head', value=None), 'is invalid'),
    (put('network', 'head', 'outputs', value=10**12), 'does not hold the weights'),
    (put('network', 'head', 'hidden', value=10**12), 'does not hold the weights'),
    (put('network', 'head', 'features', value=-3), 'is invalid'),
    (put('network', 'head', 'dropout', value=7), 'is invalid'),
    (put('network', 'head', 'command', value='rm'), 'is invalid'),
    (put('network', 'image_size', value=10**9), 'is invalid'),
    (put('task', 'vocab', value=[True]), 'is invalid.*outputs is 2 for 1 classes'),
    (put('task', 'vocab', value=[True, None]), 'neither text nor a number'),
    (put('task', 'kind', value='double'), "kind is 'double'"), (put('task', 'outputs', value='2'), 'is invalid'),
    (put('pictures', 'item_tfms', 0, 'size', value=10**9), 'expected at most 16384'),
    (put('pictures', 'item_tfms', 0, 'size', value='64'), 'is invalid'),
    (put('pictures', 'item_tfms', 0, 'method', value='eval'), "method is 'eval'"),
    (put('pictures', 'item_tfms', 0, 'name', value='Popen'), "'Popen' is not one of Resize"),
    (put('pictures', 'normalize', 'std', value=[0, 0, 0]), 'deviations above 0'),
    (put('pictures', 'normalize', 'mean', value=[0, 0]), 'three means'),
    (put('pictures', 'batch_size', value=0), 'is invalid'), (put('loss', 'name', value='eval'), 'is not one of'),
    (put('loss', 'label_smoothing', value=3), 'is invalid'), (put('pictures', value=[]), 'is invalid'),
    (lambda about: {'nothing': 1}, 'is invalid'),
    (lambda about: about.pop('precision') and None, 'is invalid')])
def test_descriptions_that_make_no_sense(exported, tmp_path, change, said):
    file = changed(exported[1], tmp_path/'changed.safetensors', change)
    with pytest.raises(UnreadableFile, match=said): load_learner(file)


def test_a_huge_claim_takes_no_memory(exported, tmp_path):
    resource = pytest.importorskip('resource')
    file = changed(exported[1], tmp_path/'huge.safetensors', put('network', 'head', 'hidden', value=2**33))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableFile): load_learner(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_weights_of_another_shape(exported, tmp_path):
    about, tensors = read_tensors(exported[1], _FORMAT)
    tensors['1.8.weight'] = tensors['1.8.weight'][:1]
    with pytest.raises(UnreadableFile, match='does not hold the weights.*1.8'):
        load_learner(write_tensors(tmp_path/'m.safetensors', _FORMAT, about, tensors))
    del tensors['1.8.weight']
    with pytest.raises(UnreadableFile, match='1 missing: 1.8.weight'):
        load_learner(write_tensors(tmp_path/'m.safetensors', _FORMAT, about, tensors))


class Canary:
    "Makes a file when it is unpickled"
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch, (self.path,)


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('kind', ['pickle', 'torch', 'old torch'])
def test_a_malicious_pickle_is_never_run(few_learner, tmp_path, kind):
    canary, learn = tmp_path/'canary', few_learner()
    for name in 'bad.safetensors', 'bad.pth':
        if kind == 'pickle': (tmp_path/name).write_bytes(pickle.dumps({'weight': Canary(canary)}))
        else: torch.save({'weight': Canary(canary)}, tmp_path/name, _use_new_zipfile_serialization=kind == 'torch')
    bad = tmp_path/'bad.safetensors'
    with pytest.raises(UnreadableFile, match='pickle.*not opened'): load_learner(bad)
    with pytest.raises(UnreadableFile, match='pickle.*not opened'): load_learner(tmp_path/'bad.pth')
    with pytest.raises(UnreadableFile, match='pickle.*not opened'): learn.load(bad)
    with pytest.raises(UnreadableFile, match='pickle.*not opened'): learn.resume(bad)
    with pytest.raises(UnreadableFile, match='pickle.*not opened'): History.load(bad)
    with pytest.raises(ValueError, match='not loaded|as a weight file'): load_weights(learn.model, tmp_path/'bad.pth')
    with pytest.raises(ValueError, match='as a weight file'): load_weights(learn.model, bad)
    assert not canary.exists()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.load(tmp_path/'bad.pth', weights_only=False) if kind != 'pickle' else pickle.loads(bad.read_bytes())
    assert canary.exists()  # it would have sung


# --- writing ---

def test_our_files_are_safetensors(tmp_path):
    from safetensors.torch import load_file
    rng = torch.Generator().manual_seed(0)
    dtypes = 'float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool'.split()
    tensors = {f'{i} {name}': (torch.rand(i, 3, generator=rng)*9).to(getattr(torch, name))
               for i, name in enumerate(dtypes)}
    tensors |= {'ünïcode': torch.tensor(3.), 'last': torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)}
    file = write_tensors(tmp_path/'all.safetensors', 'demo-1', {'a': [1, None, 'é']}, tensors)
    theirs, (about, ours) = load_file(file), read_tensors(file, 'demo-1')
    assert theirs.keys() == ours.keys() == tensors.keys() and about['a'] == [1, None, 'é']
    for name, tensor in tensors.items():
        assert tensor.equal(theirs[name]) and tensor.equal(ours[name]) and tensor.dtype == ours[name].dtype
    text = 'demo-1' + json.dumps({'a': [1, None, 'é']})
    assert _make_header({}, {}) and about['fingerprint'] == _fingerprint(text, ours)


def test_the_same_model_has_the_same_fingerprint(exported, tmp_path):
    learn, file = exported
    assert learn.export(tmp_path/'again').read_bytes() == file.read_bytes()


def test_names_of_files(tmp_path):
    names = {'a/model': 'model.safetensors', 'v1.2': 'v1.2.safetensors', 'm.safetensors': 'm.safetensors'}
    assert {given: safetensors_path(given).name for given in names} == names
    with pytest.raises(IsADirectoryError, match='is a folder; expected the name of a file'):
        with replacing(tmp_path): pass


class FullDisk:
    "A file on a disk that is full after `room` bytes"
    def __init__(self, path, mode, room): self.file, self.room = open(path, mode), room
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def write(self, data):
        self.room -= len(data)
        if self.room < 0: raise OSError(errno.ENOSPC, 'No space left on device')
        return self.file.write(data)
    def __getattr__(self, name): return getattr(self.file, name)


@pytest.mark.parametrize('room', [0, 100, 2_000_000])
def test_a_full_disk_leaves_the_old_file(exported, tmp_path, monkeypatch, room):
    learn, file = exported
    target = Path(shutil.copy(file, tmp_path/'model.safetensors'))
    monkeypatch.setattr('fastlearn.core.files.open', lambda path, mode, **options: FullDisk(path, mode, room),
                        raising=False)
    with pytest.raises(OSError, match='is full, so model.safetensors was not written and is unchanged. Make'):
        learn.export(target)
    with pytest.raises(OSError, match='new.safetensors was not written. Make room'): learn.export(tmp_path/'new')
    monkeypatch.undo()
    assert target.read_bytes() == file.read_bytes() and os.listdir(tmp_path) == ['model.safetensors']


@pytest.mark.skipif(not Path('/dev/full').is_char_device(), reason='no /dev/full on this system')
def test_the_systems_own_full_disk(tmp_path, monkeypatch):
    (tmp_path/'note').write_text('old')
    monkeypatch.setattr('fastlearn.core.files.open', lambda *args, **options: open('/dev/full', 'wb'), raising=False)
    with pytest.raises(OSError, match='is full, so note was not written and is unchanged'):
        with replacing(tmp_path/'note') as file: file.write(b'new'*10_000)
    assert (tmp_path/'note').read_text() == 'old' and len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize('error', [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_interrupted_export_leaves_the_old_file(exported, tmp_path, monkeypatch, error):
    learn, file = exported
    target = Path(shutil.copy(file, tmp_path/'model.safetensors'))
    def fail(*args): raise error
    monkeypatch.setattr('os.fsync', fail)
    with pytest.raises(error): learn.export(target)
    assert target.read_bytes() == file.read_bytes() and os.listdir(tmp_path) == ['model.safetensors']


# --- other runtimes ---

def test_torch_export_gives_the_same_answers(exported, tmp_path):
    learn, _ = exported
    learn = load_learner(exported[1])
    learn.precision = torch.float32
    pictures = [PILImage.create(torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(i))) for i in range(5)]
    file = learn.to_torch_export(tmp_path/'model.pt2')
    extra = {'about.json': ''}
    graph = torch.export.load(file, extra_files=extra).module()
    assert json.loads(extra['about.json'])['classes'] == [False, True]
    batch, _ = next(iter(learn.dls.test_dl(pictures)))
    with torch.no_grad(): answers = graph(learn.dls.valid.normalize.undo(batch).contiguous())
    expected, _ = learn.get_preds(learn.dls.test_dl(pictures))
    torch.testing.assert_close(answers, expected, atol=1e-4, rtol=0)


def test_onnx_gives_the_same_answers(exported, tmp_path):
    for name in 'onnx', 'onnxscript', 'onnxruntime': pytest.importorskip(name)
    import onnxruntime
    learn = load_learner(exported[1])
    learn.precision = torch.float32
    pictures = [PILImage.create(torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(i))) for i in range(5)]
    session = onnxruntime.InferenceSession(str(learn.to_onnx(tmp_path/'model.onnx')))
    batch, _ = next(iter(learn.dls.test_dl(pictures)))
    answers, = session.run(['probabilities'], {'images': learn.dls.valid.normalize.undo(batch).contiguous().numpy()})
    expected, _ = learn.get_preds(learn.dls.test_dl(pictures))
    torch.testing.assert_close(torch.tensor(answers), expected, atol=1e-4, rtol=0)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about['classes']) == [False, True] and '(batch, 3, 32, 32)' in about['input']


def test_onnx_says_what_to_install(few_learner, tmp_path, monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r"needs onnx, onnxscript, onnxruntime; .*pip install '\.\[onnx\]'"):
        few_learner().to_onnx(tmp_path/'model.onnx')


def test_a_graph_that_differs_is_not_written(few_learner, tmp_path):
    class Restless(nn.Module):
        def forward(self, images): return images.mean((2, 3))[:, :2] + torch.rand(2)
    learn = Learner(few_learner().dls, nn.Sequential(nn.Conv2d(3, 3, 1), Restless()))
    with pytest.raises(RuntimeError, match='graph differs from the model by .*, so no file was written'):
        learn.to_torch_export(tmp_path/'model.pt2')
    assert list(tmp_path.iterdir()) == []


def test_a_range_of_quantities_is_exported(few_pets, tmp_path):
    files = get_image_files(few_pets)
    dls = ImageDataLoaders.from_lists(few_pets, files, [float(i % 7) for i in range(len(files))], seed=0, bs=16,
                                      item_tfms=Resize(32), device='cpu')
    learn = vision_learner(dls, resnet10, y_range=(-1, 8))
    again = load_learner(learn.export(tmp_path/'sevenths'))
    assert again.predict(files[0]).probabilities.equal(learn.predict(files[0]).probabilities)
    assert (again.model[1][-1].low, again.model[1][-1].high) == (-1, 8)


@pytest.mark.parametrize('name', ['__import__("os").system("x")', 'a b', 'x'*10**6, '\x1b]0;own\x07'])
def test_what_a_stranger_wrote_is_not_offered_as_code(exported, tmp_path, name):
    about, state = read_tensors(exported[1], 'fastlearn-model-1')
    about.pop('fingerprint')
    for part in ('loss', 'network', 'head'):
        changed = json.loads(json.dumps(about))
        if part == 'head': changed['network']['head'] = {'own': name}
        else: changed[part] = {'own': name}
        file = write_tensors(tmp_path/f'{part}.safetensors', 'fastlearn-model-1', changed, state)
        with pytest.raises(UnreadableFile, match='custom code that the file does not') as caught: load_learner(file)
        said = str(caught.value)
        assert said.endswith('=...)') and len(said) < 500 and said.isprintable()
