"""One image drawn, as numbers, as a thumbnail; `Image.open`; gray images from the file to the prediction.

Layouts tried: (h, w), (h, w, 3), (3, h, w), (1, h, w), (4, h, w), bytes, floats, bfloat16, with a gradient, Pillow
modes L, RGB, RGBA; files JPEG, PNG; pickle, deepcopy, `verify`, `draft`.
"""
import copy
import pickle

import numpy as np
import pytest
import torch
from fastlearn.data import pillow
from fastlearn.data.blocks import CategoryBlock, DataBlock, ImageBlock
from fastlearn.data.dataset import get_image_files
from fastlearn.data.gray import PILImageBW
from fastlearn.data.image_files import resize_images
from fastlearn.data.images import Normalize, PILImage
from fastlearn.data.labels import parent_label
from fastlearn.data.show_image import image2tensor, show_image, tensor
from fastlearn.learner import Learner, load_learner
from fastlearn.metrics import accuracy
from matplotlib import pyplot as plt
from PIL import Image
from torch import nn

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _close(): yield; plt.close('all')


@pytest.mark.parametrize('image', [
    COLORS, COLORS/255, torch.tensor(COLORS), torch.tensor(COLORS).permute(2, 0, 1),
    (torch.tensor(COLORS).permute(2, 0, 1)/255).requires_grad_(), Image.fromarray(COLORS), PILImage.create(COLORS)])
def test_the_pixels_drawn_are_those_of_the_image(image):
    drawn = np.asarray(show_image(image).images[0].get_array())
    assert np.allclose(drawn if drawn.max() > 1 else drawn*255, COLORS, atol=1e-3)


def test_one_channel_titles_axes():
    _, axis = plt.subplots()
    gray = torch.rand(1, 8, 9).bfloat16()
    assert show_image(gray, axis, title='$5') is axis is show_image(gray[0], ctx=axis, cmap='gray')
    assert axis.images[0].get_array().shape == (8, 9) and axis.get_title() == r'\$5' and not axis.axison
    assert show_image(torch.rand(4, 20, 30)).images[0].get_array().shape == (20, 30, 4)
    with pytest.raises(ValueError, match=r'array of shape \(2, 3, 8, 8\)'): show_image(torch.rand(2, 3, 8, 8))


def test_tensors_of_images_are_numpy_s_numbers():
    for mode in 'L', 'RGB', 'RGBA':
        image = Image.fromarray(COLORS).convert(mode)
        assert np.array_equal(tensor(image), np.asarray(image)) and tensor(image).dtype is torch.uint8
    assert tensor(1., 2).equal(torch.tensor([1., 2])) and tensor([[1]]).equal(torch.tensor([[1]]))
    assert tensor(3., requires_grad=True).requires_grad
    assert image2tensor(Image.fromarray(COLORS)).shape == (3, 20, 30) and image2tensor(image.convert('L')).ndim == 3


def test_thumbnails_keep_the_proportions_and_the_image():
    image = PILImage.create(COLORS)
    assert image.to_thumb(10).size == (10, 7) and image.to_thumb(10, 30).size == (15, 10) and image.size == (30, 20)
    assert image.shape == (20, 30) and isinstance(image, Image.Image)
    assert np.array_equal(image.show().images[0].get_array(), COLORS)
    for same in pickle.loads(pickle.dumps(image)), copy.deepcopy(image): assert np.array_equal(same, COLORS)


@pytest.mark.parametrize('ending', ['jpg', 'png'])
def test_an_opened_file_is_pillow_s_with_three_methods(tmp_path, ending):
    Image.fromarray(COLORS).save(file := tmp_path/f'a.{ending}')
    plain, ours = Image.open(file), pillow.open(file)
    assert (ours.format, ours.mode, ours.size) == (plain.format, plain.mode, plain.size) and ours.fp is not None
    assert type(ours).__name__ == type(plain).__name__ and isinstance(ours, type(plain))
    assert ours.to_thumb(6).size == (6, 4) and np.array_equal(ours, plain) and not hasattr(plain, 'to_thumb')
    assert np.array_equal(pickle.loads(pickle.dumps(ours)), plain) and pillow.Resampling is Image.Resampling
    pillow.open(file).verify()
    with pytest.raises(TypeError, match='open'): pillow.open()


@pytest.fixture
def digits(tmp_path):
    for kind, value in (('dark', 40), ('light', 200)):
        (tmp_path/kind).mkdir()
        for i in range(8): Image.fromarray(np.full((12, 12), value + i, np.uint8)).save(tmp_path/kind/f'{i}.png')
    return tmp_path


def test_gray_images_from_the_file_to_the_prediction(digits, tmp_path):
    block = DataBlock((ImageBlock(cls=PILImageBW), CategoryBlock), get_image_files, get_y=parent_label,
                      batch_tfms=Normalize((.5, .4, .3), (.5, .5, .5)))
    image, _ = block.datasets(digits).train[0]
    assert type(image) is PILImageBW and image.mode == 'L'
    dls = block.dataloaders(digits, bs=4, device='cpu')
    images, _ = dls.valid.one_batch()
    wanted = torch.tensor([tensor(Image.open(file))[0, 0].item() for file in dls.valid.items])/255
    assert images.shape == (len(wanted), 1, 12, 12) and torch.allclose(images[:, 0, 0, 0], (wanted - .5)/.5)
    assert torch.allclose(dls.valid.normalize.undo(images)[:, 2, 0, 0], wanted, atol=1e-6)
    dls.show_batch()
    learn = Learner(dls, nn.Sequential(nn.Flatten(), nn.Linear(144, 2)), metrics=accuracy, quiet=True)
    learn.fit(5, .01)
    before = learn.predict(digits/'dark/0.png')
    again = load_learner(learn.export(tmp_path/'gray.safetensors'),
                         nn.Sequential(nn.Flatten(), nn.Linear(144, 2)), device='cpu')
    assert torch.allclose(again.predict(digits/'dark/0.png').probabilities, before.probabilities)


def test_an_image_block_reads_one_of_two_classes():
    with pytest.raises(TypeError, match='reads images as PILImage or PILImageBW, found cls=int'): ImageBlock(cls=int)


def test_resized_copies(digits, tmp_path):
    resize_images(digits, max_size=6, dest=tmp_path/'small', recurse=True)
    copies = sorted((tmp_path/'small').rglob('*.png'))
    assert len(copies) == 16 and {Image.open(file).size for file in copies} == {(6, 6)}
    assert Image.open(digits/'dark/0.png').size == (12, 12)
    resize_images(digits/'dark/0.png', max_size=99, dest=digits/'dark')
    assert Image.open(digits/'dark/0.png').size == (12, 12)
    with pytest.raises(ValueError, match='recurse=True'): resize_images(digits, dest=digits)
