"Whatever makes training faster has a switch, and changes nothing but the time"
import copy
import subprocess
import sys
from functools import partial

import pytest
import torch
from PIL import Image

from fastlearn.all import (
    aug_transforms, error_rate, ImageDataLoaders, RandomResizedCrop, Resize, resnet10, vision_learner,
)
from fastlearn.cached_features import CachedFeatures
from fastlearn.core.device import _c_library, _free_memory, memory_budget
from fastlearn.data.images import open_image
from fastlearn.optimizer import adam
from narrow import narrow_resnet10


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    "90 files of two classes, none of them square"
    folder, generator = tmp_path_factory.mktemp('pictures'), torch.Generator().manual_seed(0)
    for i in range(90):
        pixels = torch.randint(0, 128, (40, 52, 3), generator=generator, dtype=torch.uint8)
        pixels[:, ::2, i % 2] += 100
        (folder/'ab'[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels.numpy()).save(folder/'ab'[i % 2]/f'{i}.png')
    return folder


def loaders(pictures, item_tfms=Resize(32), **options):
    return ImageDataLoaders.from_folder(pictures, valid_pct=.2, seed=0, bs=16, item_tfms=item_tfms, device='cpu',
                                        **options)


def learner(dls, **options):
    "Of a narrow resnet10, whose weights lie beside the pictures"
    return vision_learner(dls, narrow_resnet10(dls.train.items[0].parents[1]), **options)


def curve(dls, frozen=2, epochs=1, layout=torch.channels_last, **options):
    "Losses of a short fine_tune, and its last validation loss"
    learn = learner(dls, metrics=error_rate, **({'precision': torch.float32} | options))
    learn.model.to(memory_format=layout)
    learn.fine_tune(epochs, freeze_epochs=frozen)
    return torch.tensor([*learn.history.losses, learn.history.epochs[-1].valid_loss])


@pytest.fixture(scope='module')
def expected(pictures): return curve(loaders(pictures))


def test_kept_memory_changes_no_bit(pictures, expected):
    assert curve(loaders(pictures), keep_memory=False).equal(expected)


@pytest.mark.parametrize('change', [{'workers': 0}, {'workers': 3}, {'memory': 0}, {'memory': 40_000}], ids=str)
def test_threads_and_kept_pictures_change_no_bit(pictures, expected, change):
    assert curve(loaders(pictures, **change)).equal(expected)


@pytest.mark.parametrize('overlap', [True, False])
def test_reading_in_turns_or_meanwhile_changes_no_bit(pictures, expected, overlap):
    dls = loaders(pictures)
    dls.train.overlap = dls.valid.overlap = overlap
    assert dls.train.overlaps() is overlap
    assert curve(dls).equal(expected)


def test_overlap_is_left_to_the_processors(pictures, monkeypatch):
    loader = loaders(pictures, workers=2).train
    monkeypatch.setattr('fastlearn.data.prefetch.processors', lambda: 2)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 2)
    assert not loader.overlaps()
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 1)
    assert loader.overlaps()
    loader.device = torch.device('cuda')
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 2)
    assert loader.overlaps()


@pytest.mark.parametrize('transform', [Resize(32), Resize(32, 'squish'), Resize(32, 'pad'), RandomResizedCrop(32)],
                         ids=lambda transform: getattr(transform, 'method', 'random'))
def test_kept_features_change_nothing_but_rounding(pictures, transform):
    "Sums of another order differ in the last digits of float32, which four frozen epochs hardly enlarge"
    without, kept = (curve(loaders(pictures, transform), frozen=4, cache_features=keep) for keep in (False, True))
    assert torch.allclose(without, kept, atol=2e-4)


def passes(learn, epochs) -> int:
    "How many pictures go through the body in a frozen training"
    seen = []
    hook = learn.model[0].register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    learn.quiet = True         # one of them asks for its own pictures
    try: learn.fit_one_cycle(epochs)
    finally: hook.remove()
    return sum(seen)


@pytest.mark.parametrize('transform, once', [(Resize(32, 'squish'), True), (Resize(32), False),
                                             (RandomResizedCrop(32), False)], ids=['squish', 'crop', 'random'])
def test_what_is_the_same_goes_through_the_body_once(pictures, transform, once):
    "72 pictures to learn from, 64 of them in each epoch; 18 to check with"
    learn = learner(loaders(pictures, transform))
    n = passes(learn, 4)
    assert 64 + 18 <= n <= 72 + 18 if once else n == 4*64 + 18


@pytest.mark.parametrize('case', ['augmented', 'switched off', 'unfrozen', 'BatchNorm trains', 'one epoch'])
def test_features_are_not_kept_where_they_would_be_wrong(pictures, case):
    dls = loaders(pictures, Resize(32, 'squish'), batch_tfms=aug_transforms() if case == 'augmented' else None)
    learn = learner(dls, cache_features=case != 'switched off', train_bn=case == 'BatchNorm trains')
    if case == 'unfrozen': learn.unfreeze()
    epochs = 1 if case == 'one epoch' else 3
    assert passes(learn, epochs) == epochs*(64 + 18)


def test_features_stay_within_the_memory_of_the_data(pictures):
    dls = loaders(pictures, Resize(32, 'squish'))
    body = vision_learner(dls, resnet10).model[0]
    kept = CachedFeatures(dls.train, body)
    features, targets = next(iter(kept))
    assert features.shape == (16, 256, 2, 2) and targets.shape == (16,)
    dls.train.dataset.memory = 3*256*2*2*4
    small = CachedFeatures(dls.train, body)
    assert len(list(small)) == 4 and len(small.kept) == 3


def test_the_fused_optimizer_is_the_same(pictures, expected):
    plain = partial(torch.optim.AdamW, lr=1e-3, betas=(.9, .99), eps=1e-5, weight_decay=.01, foreach=False)
    assert torch.allclose(curve(loaders(pictures), opt_func=plain), expected, atol=1e-5)
    assert adam([torch.nn.Parameter(torch.ones(2))]).defaults['fused']


def test_bfloat16_learns_the_same(pictures, expected):
    "8 bits of mantissa: 0.4 % in each multiplication, some of which averages out"
    assert (curve(loaders(pictures), precision=torch.bfloat16) - expected).abs().max() < .1


def test_colors_last_in_memory_is_the_same(pictures, expected):
    dls = loaders(pictures)
    dls.train.memory_format = dls.valid.memory_format = torch.contiguous_format
    assert next(iter(dls.valid))[0].is_contiguous()
    assert torch.allclose(curve(dls, layout=torch.contiguous_format), expected, atol=1e-4)


def test_a_compiled_model_is_an_ordinary_one(pictures, expected, tmp_path):
    "`learn.model.compile()` is PyTorch's own switch; eager, since a test should not wait for a C++ compiler"
    learn = learner(loaders(pictures), metrics=error_rate, precision=torch.float32)
    learn.model.compile(backend='eager')
    learn.fine_tune(1, freeze_epochs=2)
    assert torch.allclose(torch.tensor(learn.history.losses), expected[:-1], atol=1e-4)
    learn.export(tmp_path/'compiled.safetensors')
    assert copy.deepcopy(learn.model.state_dict()).keys() == learn.model.state_dict().keys()


def test_a_jpeg_is_decoded_near_the_size_needed(tmp_path):
    x = torch.linspace(0, 255, 512).byte().expand(384, 512)
    Image.fromarray(torch.stack([x, x.flip(1), x]).permute(1, 2, 0).numpy()).save(tmp_path/'a.jpg')
    assert open_image(tmp_path/'a.jpg').size == (512, 384)
    assert open_image(tmp_path/'a.jpg', (64, 64)).size == (128, 96)
    near, full = (torch.tensor(Resize(64).prepare(open_image(tmp_path/'a.jpg', size)).copy()).float()
                  for size in ((64, 64), None))
    assert (near - full).abs().mean() < 2


MEMORY = """
import resource, torch
from fastlearn.core.device import keeping_memory
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use(): torch.ones(2**24)              # 64 MB, 16,384 pages
def faults_of(times):
    before = faults()
    for _ in range(times): use()
    return faults() - before
use()
with keeping_memory():
    faults_of(20)                         # glibc keeps the first few ends of aligned blocks aside, and takes new memory
    assert faults_of(10) < 5_000, 'kept inside'
assert faults_of(1) > 5_000, 'gone afterward'
try:
    with keeping_memory(): raise KeyError
except KeyError: pass
assert faults_of(1) > 5_000, 'gone after an error'
with keeping_memory():
    with keeping_memory(): use()
    faults_of(20)
    assert faults_of(10) < 5_000, 'kept inside of the outer block'
"""

@pytest.mark.skipif(_c_library() is None, reason='only glibc keeps memory')
def test_memory_goes_back_afterward():
    "What was freed inside of the block is the system's again: it is a fault for every page to get it anew"
    # in a process of its own: numpy asks for huge pages where a large array lies, one fault for 512, and that stays
    done = subprocess.run([sys.executable, '-c', MEMORY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('available, limit, used, expected', [
    ('4096 kB', None, None, 4096*1024), ('4096 kB', 'max', '100', 4096*1024), ('4096 kB', '5000', '2500', 3000),
    ('4096 kB', '5000', '6000', 0), (None, '5000', '2500', 3000), (None, None, None, None), ('much', None, None, None)])
def test_free_memory_is_what_machine_and_container_leave(tmp_path, available, limit, used, expected):
    for name, text in {'proc/meminfo': available and f'MemTotal: 9999 kB\nMemAvailable: {available}\n',
                       'sys/fs/cgroup/memory.max': limit, 'sys/fs/cgroup/memory.current': used,
                       'sys/fs/cgroup/memory.stat': limit and 'file 900\ninactive_file 500\n'}.items():
        if text is None: continue
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_text(text)
    assert _free_memory(tmp_path) == expected


def test_a_quarter_of_the_free_memory_is_for_pictures(monkeypatch, pictures):
    monkeypatch.setattr('fastlearn.core.device._free_memory', lambda: 8e9)
    assert sum(loader.dataset.memory for loader in (loaders(pictures).train, loaders(pictures).valid)) == 2e9
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    assert memory_budget() == 1e9
    monkeypatch.setattr('fastlearn.core.device._free_memory', lambda: None)
    assert memory_budget() == 2e9
