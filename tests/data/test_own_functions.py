"""Transforms that come from the user: what they return is checked, what they draw is drawn anew.

The kind: what a user's function returns is trusted, and a cache takes it for repeatable. Members tried: torchvision v1
and v2, alone, in `Compose` and in `nn.Sequential`; Python's, NumPy's and torch's generators and one that the function
holds; a counter; None, tuples, gray, palette, transparent and 16-bit images, arrays, tensors of bytes and halves;
changes in place; classes in place of instances; item transforms given as batch transforms and the other way round;
signatures with one argument, two, a keyword, `*args`, a partial, a builtin; results of a wrong shape, type, device,
dtype, or with NaN. The oracle is the pixels: half white, half black, so that a mirrored image is seen."""
import functools
import random
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fastlearn.core.device import import_torchvision
from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import imagenet_stats, Normalize, Resize
from fastlearn.data.item_transform import ItemTransform

import_torchvision()
import torchvision.transforms as T  # noqa: E402
import torchvision.transforms.v2 as T2  # noqa: E402

OWN, TORCH, OLD = np.random.default_rng(0), torch.Generator(), np.random.RandomState(0)  # noqa: NPY002


class Alternating:
    "Mirrors every third image, with a count of its own"
    n = 0

    def __call__(self, image):
        self.n += 1
        return image if self.n % 3 else image.transpose(0)


class Holding:
    "Draws from a generator of its own, and rarely"
    def __init__(self): self.rng = random.Random(0)
    def __call__(self, image): return image.transpose(0) if self.rng.random() < .3 else image


def python(image): return image.transpose(0) if random.random() < .5 else image
def numpy(image): return image.transpose(0) if np.random.rand() < .5 else image  # noqa: NPY002
def pytorch(image): return image.transpose(0) if torch.rand(()) < .5 else image
def own_numpy(image): return image.transpose(0) if OWN.random() < .3 else image
def own_torch(image): return image.transpose(0) if torch.rand((), generator=TORCH) < .3 else image
def own_old(image, rng=OLD): return image.transpose(0) if rng.rand() < .3 else image


RANDOM = {'python': python, 'numpy': numpy, 'torch': pytorch, 'own numpy': own_numpy, 'own torch': own_torch,
          'own, as a default': own_old, 'partial': functools.partial(own_old, rng=np.random.RandomState(1)),  # noqa: NPY002
          'object': Holding(), 'counter': Alternating(), 'v1': T.RandomHorizontalFlip(),
          'v2': T2.RandomHorizontalFlip(),
          'compose': T.Compose([T.Resize(40), T.RandomHorizontalFlip()]),
          'v2 compose': T2.Compose([T2.RandomHorizontalFlip(), T2.Resize(40)]),
          'sequential': nn.Sequential(T.RandomHorizontalFlip(), T.Resize(40)),
          'tensors': T.Compose([T.ToTensor(), T.RandomHorizontalFlip()]), 'closure': (lambda rng: lambda image: (
              image.transpose(0) if rng.random() < .3 else image))(random.Random(1))}


def half_white(n=8, width=40, height=40):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :width//2] = 255
    return [Image.fromarray(pixels)]*n


def loader(item_tfms=None, batch_tfms=(), training=True, images=None, **options):
    images = images or half_white()
    data = ImageDataset(images, list(range(len(images))), item_tfms=item_tfms)
    options = {'shuffle': False, 'normalize': None, 'workers': 0} | options
    return DataLoader(data, 4, training=training, batch_tfms=batch_tfms, **options)


def is_mirrored(images): return images[..., :12].mean((1, 2, 3)) < .5


def epochs(loader, n=6):
    return torch.stack([torch.cat([is_mirrored(images) for images, _ in loader]) for _ in range(n)])


@pytest.mark.parametrize('name', RANDOM)
@pytest.mark.parametrize('workers', [0, 2])
def test_what_draws_is_drawn_anew_for_training_alone(name, workers):
    "Fails if `prepare` keeps the result, or `apply` uses all functions without `rng`"
    transforms = [RANDOM[name], Resize(32)]
    found = epochs(loader(transforms, workers=workers))
    assert (found != found[0]).any() and found.any() and not found.all()
    assert not epochs(loader(transforms, training=False, workers=workers)).any()


@pytest.mark.parametrize('name', ['python', 'numpy', 'torch', 'v1', 'v2', 'compose'])
def test_the_same_seed_draws_the_same_whatever_the_threads(name):
    "And the user's own random numbers go on as if nothing had been drawn"
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (epochs(loader([RANDOM[name], Resize(32)], workers=workers, seed=seed))
                            for workers, seed in ((0, 1), (2, 1), (0, 2)))
    assert first.equal(second) and not first.equal(other) and torch.rand(3).equal(expected)


def test_what_does_not_draw_is_done_once():
    calls = []
    def counted(image): calls.append(1); return image
    data = loader([counted, Resize(32)])
    for _ in range(3): list(data)
    assert len(calls) <= 8 + 12           # each image once, and the trial on the first


def test_one_that_draws_and_sets_the_size_is_refused():
    for item_tfms in (T.RandomResizedCrop(32), [T.RandomCrop(24)], T2.RandomResizedCrop((20, 30))):
        with pytest.raises(ValueError, match='draws random numbers and changes the size.*put Resize'):
            list(loader(item_tfms))
    for item_tfms in ([T.RandomCrop(24), Resize(16)], [T.RandomCrop(24), T.Resize((16, 16))]):
        assert next(iter(loader(item_tfms)))[0].shape[2:] == (16, 16)
    with pytest.raises(ValueError, match='the batch transform RandomResizedCrop draws random numbers and changes'):
        list(loader(Resize(32), [T2.RandomResizedCrop(24)]))


RESULTS = {'L': lambda image: image.convert('L'), 'RGBA': lambda image: image.convert('RGBA'), 'P': lambda image: (
    image.convert('P')), '1': lambda image: image.convert('1'), 'CMYK': lambda image: image.convert('CMYK'),
    'array': np.asarray, 'flipped view': lambda image: np.asarray(image)[::-1], 'gray array': lambda image: (
    np.asarray(image)[:, :, 0]), 'floats': lambda image: np.asarray(image)/255, 'tensor': T.ToTensor(),
    'bytes': T.PILToTensor(), 'v2': T2.ToImage(), 'halves': lambda image: T.ToTensor()(image).half(),
    '16 bits': lambda image: np.asarray(image).astype(np.uint16)*257,
    'ints': lambda image: np.asarray(image).astype(int)}


@pytest.mark.parametrize('name', RESULTS)
@pytest.mark.parametrize('then', [[], [Resize(40)]])
def test_whatever_holds_an_image_may_be_returned(name, then):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        images, _ = next(iter(loader([RESULTS[name], *then])))
    expected = torch.zeros(4, 3, 40, 40)
    expected[..., :20] = 1
    torch.testing.assert_close(images, expected, atol=.01, rtol=0)


def paints(image): image.paste('red', (0, 0, 9, 9))


@pytest.mark.parametrize(('function', 'error', 'said'), [
    (paints, TypeError, 'item transform paints returned NoneType.*is a `return` missing'),
    (lambda image: (image, 1), TypeError, '<lambda> returned tuple'), (lambda image: 3, TypeError, 'returned int'),
    (lambda image: np.zeros((0, 4, 3)), ValueError, 'did not return a usable image: .*an array of shape'),
    (lambda image: np.asarray(image)/255 - .5, ValueError, 'did not return a usable image: expected floats'),
    (lambda image: image.crop((0, 0, 0, 5)), ValueError, 'did not return a usable image'),
    (T.Compose([T.ToTensor(), T.Normalize((.5,)*3, (.5,)*3)]), ValueError, 'Normalize did not return .*undo'),
    (T.RandomHorizontalFlip, TypeError, 'RandomHorizontalFlip is a class, so pass RandomHorizontalFlip'),
    (Resize, TypeError, 'Resize is a class'),
    (aug_transforms(), TypeError, 'Augment changes a whole batch.*batch_tfms'),
    (Normalize.from_stats(*imagenet_stats), TypeError, 'Normalize changes a whole batch'), (3, TypeError, 'found 3')])
@pytest.mark.parametrize('then', [[], [Resize(40)]])
def test_a_result_that_is_no_image_is_named(function, error, said, then):
    with pytest.raises(error, match=said): next(iter(loader([function, *then])))


def test_an_error_of_the_function_names_it(tmp_path):
    def divides(image): return 1/0
    for n, image in enumerate(half_white()): image.save(tmp_path/f'{n}.png')
    with pytest.raises(ZeroDivisionError) as caught: ImageDataLoaders.from_lists(
        tmp_path, sorted(tmp_path.iterdir()), ['a', 'b']*4, item_tfms=[divides, Resize(8)], bs=2)
    assert caught.value.__notes__ == ['raised by the item transform divides']


def test_images_and_what_is_kept_are_never_changed_in_place():
    def blackens(image):
        image.paste('black', (0, 0, 40, 40))
        return image
    def zeros(images): return images.zero_()
    images = half_white(4)
    assert next(iter(loader([blackens], images=images)))[0].max() == 0 and np.asarray(images[0]).max() == 255
    data = loader(None, [zeros], images=images)
    assert next(iter(data))[0].max() == 0
    data.batch_tfms = ()
    assert next(iter(data))[0].max() == 1


# --- batches

def one(images): return images.flip(3)
def two(images, generator): return images.flip(3) if generator else images
def named(images, *, generator=None): return images.flip(3) if generator else images
def with_default(images, strength=1.): return images.flip(3)*strength


@pytest.mark.parametrize(('function', 'mirrors_validation'), [
    (one, True), (with_default, True), (lambda x: x.flip(3), True), (two, False), (named, False),
    (functools.partial(torch.flip, dims=(3,)), True), (functools.partial(torch.rot90, k=2, dims=(2, 3)), True),
    (T2.functional.horizontal_flip, True), (nn.Sequential(T2.RandomHorizontalFlip(1.)), False), (T2.Identity(), None),
    (T.RandomHorizontalFlip(1.), False), (T2.RandomHorizontalFlip(1.), False), (lambda x: x.flip(3).half(), True),
    (lambda x: x.flip(3).double(), True)])
def test_a_batch_transform_is_called_as_its_signature_says(function, mirrors_validation):
    train, valid = (next(iter(loader(None, [function], training=training)))[0] for training in (True, False))
    assert is_mirrored(train).all() == (mirrors_validation is not None) and train.dtype == torch.float32
    assert is_mirrored(valid).all() == bool(mirrors_validation)


def test_a_batch_transform_that_draws_is_drawn_anew_and_left_out_on_the_validation_set():
    for function in (T2.RandomHorizontalFlip(), T.RandomHorizontalFlip(),
                     lambda x: x.flip(3) if random.random() < .5 else x,
                     lambda x, generator: x.flip(3) if torch.rand(()) < .5 else x,
                     lambda x: x.flip(3) if OWN.random() < .4 else x):
        found = epochs(loader(None, [function]), 8)
        assert found.any() and not found.all()
        assert not epochs(loader(None, [function], training=False)).any()
    first, second = (epochs(loader(None, [T2.RandomHorizontalFlip()])) for _ in range(2))
    assert first.equal(second)


@pytest.mark.parametrize(('function', 'error', 'said'), [
    (lambda x: None, TypeError, 'returned NoneType; expected a tensor .4, 3, height, width.*`return`'),
    (lambda x: (x, 1), TypeError, 'returned tuple'), (lambda x: x.numpy(), TypeError, 'returned ndarray'),
    (lambda x: x[:, 0], ValueError, r'returned float32 of shape \(4, 40, 40\)'),
    (lambda x: x[:2], ValueError, r'shape \(2, 3, 40, 40\)'), (lambda x: x[:, :1], ValueError, 'shape .4, 1, 40, 40'),
    (lambda x: x.permute(0, 2, 3, 1), ValueError, 'shape'), (lambda x: (x*255).byte(), ValueError, 'returned uint8'),
    (lambda x: x*float('nan'), ValueError, 'not finite'), (lambda x: x/0, ValueError, 'not finite'),
    (lambda x: x.to('meta'), ValueError, 'images on meta; they were on cpu'), (3, TypeError, 'found 3'),
    (T2.RandomHorizontalFlip, TypeError, 'is a class, so pass RandomHorizontalFlip'),
    (Resize(32), TypeError, 'found Resize.*belongs in item_tfms')])
def test_a_result_that_is_no_batch_is_named(function, error, said):
    for training in (True, False):
        with pytest.raises(error, match=said): list(loader(None, [function], training=training))


def test_a_normalization_of_torchvision_is_the_normalization(tmp_path):
    "Or else images would be normalized twice; as a function of yours it is warned of"
    for n, image in enumerate(half_white()): image.save(tmp_path/f'{n}.png')
    given = [T.Normalize((.5,)*3, (.25,)*3), T2.Normalize((.5,)*3, (.25,)*3), lambda x: (x - .5)/.25]
    made = [ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), ['a', 'b']*4, batch_tfms=one, bs=2,
                                        seed=1, device='cpu') for one in given]
    for dls in made[:2]: assert dls.one_batch()[0].unique().tolist() == [-2, 2] and dls.train.normalize.std == (.25,)*3
    with pytest.warns(UserWarning, match='returned values outside 0-1.*Normalize.from_stats'): made[2].one_batch()


def test_both_sets_agree_on_what_draws(tmp_path):
    "Examined once, with the first picture that can be read, when the loaders are made"
    for n, image in enumerate(half_white()): image.save(tmp_path/f'{n}.png')
    (tmp_path/'0.png').write_text('no picture')
    dls = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), ['a', 'b']*4, valid_pct=.4, seed=1, bs=2,
                                      item_tfms=[python, Resize(8)], device='cpu')
    assert dls.train.dataset.transform is dls.valid.dataset.transform and dls.train.dataset.transform.draws == [True]
    assert not dls.train.overlaps()       # dropout draws from the same generators


def test_compose_is_its_parts():
    nested = [T.Compose([T.Resize(8), T2.Compose([T.CenterCrop(4)])]), [Resize(4)]]
    transform = ItemTransform(nested)
    assert [type(one).__name__ for one in transform.functions] == ['Resize', 'CenterCrop']
    assert transform.resize == Resize(4)
