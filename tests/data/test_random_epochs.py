"""What each epoch does to the pixels: another order, other crops, other augmentation, and the same for a seed.

Each test was seen to fail for the change that its docstring names."""
from itertools import combinations

import numpy as np
import torch
from PIL import Image

from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.random_crop import RandomResizedCrop


def differ(tensors): return all(not a.equal(b) for a, b in combinations(tensors, 2))


def noise(n=8, side=16, alike=False):
    "Images of noise, or the same one `n` times"
    pixels = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    return [Image.fromarray(pixels[0 if alike else i]) for i in range(n)]


def loader(images, item_tfms=None, **options):
    return DataLoader(ImageDataset(images, list(range(len(images))), item_tfms=item_tfms), 4,
                  **{'training': True, 'normalize': None, 'workers': 0, **options})


def test_each_epoch_has_an_order_of_its_own():
    "Fails if the epoch is left out of the seed of the order"
    batches = loader(noise())
    orders = [torch.cat([targets for _, targets in batches]) for _ in range(3)]
    assert differ(orders) and all(order.sort().values.equal(torch.arange(8)) for order in orders)
    other = torch.cat([targets for _, targets in loader(noise(), seed=1)])
    assert not other.equal(orders[0])     # and the seed counts


def test_each_image_is_cropped_anew_in_each_epoch():
    "Fails if the epoch, or the number of the image, is left out of the seed of the crop"
    batches = loader(noise(alike=True), RandomResizedCrop(8), shuffle=False)
    assert differ([image for _ in range(2) for images, _ in batches for image in images])


def test_each_batch_is_augmented_anew_in_each_epoch():
    "Fails if the epoch, or the place of the batch, is left out of the seed of the augmentation"
    batches = loader(noise(alike=True), shuffle=False, batch_tfms=aug_transforms())
    assert differ([image for _ in range(2) for images, _ in batches for image in images])


def test_validation_images_are_the_same_in_each_epoch():
    "Fails if the validation set is cropped or augmented at random"
    batches = loader(noise(), RandomResizedCrop(8), training=False, batch_tfms=aug_transforms())
    first, second = (torch.cat([images for images, _ in batches]) for _ in range(2))
    assert first.equal(second)
