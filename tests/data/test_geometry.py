"""One meaning of geometry: a disc has the same axes in training and in validation, whatever prepares the images.

The kind: training and validation prepare images in two ways. Members tried, beside `aug_transforms(size=)` on images
that are not square: every method of `Resize` before it, target sizes that are not square, `RandomResizedCrop` to a
size that is not square (its `ratio` was of the part, not relative to the size), rotation, zoom and `min_scale` with a
new proportion, images of 1 pixel and strips, reading a training loader in order (`sequential`, which left the new size
out), and `show_results`, which did too. The oracle is the disc: second moments of its light."""
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import Resize
from fastlearn.data.random_crop import RandomResizedCrop
from fastlearn.data.shards import sequential

STILL = {'do_flip': False, 'max_rotate': 0, 'max_zoom': 1., 'max_lighting': 0, 'max_warp': 0}
TURNED = STILL | {'max_rotate': 45, 'p_affine': 1.}
ZOOMED = STILL | {'max_zoom': 1.3, 'min_zoom': .9, 'p_affine': 1.}
ITEM = {'as it is': None, 'square': Resize(96), 'wide': Resize((90, 144)), 'high': Resize((100, 110)),
        'padded': Resize(96, 'pad', pad_mode='zeros'), 'squished': Resize(96, 'squish'),
        'squished wide': Resize((64, 192), 'squish'), 'part': RandomResizedCrop(96, min_scale=.9, ratio=(1, 1)),
        'wide part': RandomResizedCrop((72, 144), min_scale=.9, ratio=(1, 1))}
MOVES = {'size': dict(size=64, **STILL), 'wide size': dict(size=(48, 96), **STILL),
         'high size': dict(size=(90, 60), **STILL), 'presized': dict(size=64, min_scale=.7, **STILL),
         'turned': TURNED, 'turned to a size': dict(size=64, **TURNED), 'zoomed': ZOOMED,
         'zoomed to a size': dict(size=(64, 56), **ZOOMED), 'mirrored': STILL | {'do_flip': True, 'flip_vert': True},
         'all': dict(size=(56, 64), min_scale=.7, max_warp=0, max_lighting=0, max_rotate=180)}


def disc(height=150, width=200, radius=13) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    inside = np.clip(radius - np.hypot(y + .5 - height/2, x + .5 - width/2) + .5, 0, 1)  # its edge is smooth
    return Image.fromarray((inside[..., None]*255).astype(np.uint8).repeat(3, 2))


def axes(images: torch.Tensor) -> list[float]:
    "Standard deviation of the light along x over that along y, for each image; in pixels of the image"
    found = []
    for light in images.mean(1).clamp(0, 1).double():
        y, x = torch.meshgrid(*(torch.arange(n).double() for n in light.shape), indexing='ij')
        y, x = y - (light*y).sum()/light.sum(), x - (light*x).sum()/light.sum()
        found.append(((light*x*x).sum()/(light*y*y).sum()).sqrt().item())
    return found


def both(item_tfms, batch_tfms, image, n=4):
    "The images of a training loader and of a validation loader"
    data = ImageDataset([image]*n, list(range(n)), item_tfms=item_tfms)
    options = {'normalize': None, 'workers': 0, 'batch_tfms': batch_tfms}
    return [next(iter(DataLoader(data, n, training=training, **options)))[0] for training in (True, False)]


@pytest.mark.parametrize(('item', 'moves'), list(itertools.product(ITEM, [None, *MOVES])))
def test_a_disc_has_the_same_axes_in_training_and_validation(item, moves):
    "Fails if `with_points` leaves out `middle`, or `RandomResizedCrop.box` the proportion of its size"
    shape = {'squished': .75, 'squished wide': 2.25}.get(item, 1)  # what the method asks for, the same in both sets
    if shape != 1 and moves in ('turned', 'turned to a size', 'all', 'mirrored'): return  # turned, its axes differ
    train, valid = both(ITEM[item], aug_transforms(**MOVES[moves]) if moves else [], disc())
    for ratio in axes(train) + axes(valid): assert ratio == pytest.approx(shape, rel=.05)
    assert train.shape == valid.shape


def test_without_chance_training_shows_what_validation_shows():
    for size in 40, (30, 50), (50, 30):
        train, valid = both(None, aug_transforms(size=size, **STILL), disc())
        assert (train - valid).abs().mean() < .01 and train.shape == valid.shape


@pytest.mark.parametrize('shape', [(1, 1), (1, 300), (300, 1), (2, 3)])
@pytest.mark.parametrize('size', [8, (4, 12)])
def test_images_of_few_pixels_come_to_the_size(shape, size):
    image = Image.new('RGB', shape, (40, 80, 120))
    for train in both(None, aug_transforms(size=size, min_scale=.5, max_lighting=0), image):
        assert train.shape[2:] == ((size, size) if isinstance(size, int) else size)
        torch.testing.assert_close(train, torch.tensor([40, 80, 120.]).view(1, 3, 1, 1).expand_as(train)/255)


def test_a_training_set_read_in_order_is_prepared_like_the_validation_set():
    data = ImageDataset([disc()]*2, [0, 1])
    loader = DataLoader(data, 2, training=True, normalize=None, workers=0, batch_tfms=aug_transforms(size=32))
    valid = DataLoader(data, 2, normalize=None, workers=0, batch_tfms=aug_transforms(size=32))
    assert next(iter(sequential(loader)))[0].equal(next(iter(valid))[0])


def test_a_part_has_the_proportions_that_ratio_allows_relative_to_the_size():
    from random import Random
    crop = RandomResizedCrop((50, 100), min_scale=.3, ratio=(.8, 1.25))
    for seed in range(40):
        left, top, right, bottom = crop.box((400, 600), Random(seed))
        assert .78 <= (right - left)/(bottom - top)/2 <= 1.28  # whole pixels
