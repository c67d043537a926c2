"What is inside the package: weights that see, drawings that teach. Bars with a margin; the figures are in the lessons."
import sys
from pathlib import Path

import pytest
import torch

from fastlearn.core.device import set_seed
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.learner import vision_learner
from fastlearn.metrics import error_rate
from fastlearn.models import embedded_card, resnet10, resnet10_classes
from fastlearn.weight_files import embedded_path

ROOT = Path(__file__).resolve().parents[2]


def is_cat(name): return name[0].isupper()


def coherence(weights):
    "Of each filter (n, 3, h, w): (l1-l2)/(l1+l2) of the structure tensor, from its eigenvalues"
    grey = weights.double().mean(1)
    dy, dx = (grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1])/2, (grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2])/2
    slopes = torch.stack([dx, dy], 1).flatten(2)                # (filters, 2, pixels)
    low, high = torch.linalg.eigvalsh(slopes @ slopes.mT).T
    return (high - low)/(high + low)


def test_the_weights_are_small_and_whole():
    assert embedded_path().stat().st_size <= 3e6
    model = resnet10()
    numbers = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in numbers)
    assert len(resnet10_classes()) == model.fc.out_features == 191


def test_no_dog_and_no_house_cat_was_among_the_classes():
    dogs = {'n02085620', 'n02094433', 'n02099601', 'n02099712', 'n02106662', 'n02113799'}
    assert not (dogs | {'n02123045', 'n02123394', 'n02124075'}) & set(embedded_card()['classes'])


def test_the_first_layer_sees_edges():
    set_seed(0)
    trained, random = (coherence(resnet10(weights).conv1.weight.detach()) for weights in ('embedded', None))
    assert (trained > .5).sum() >= 3*(random > .5).sum() and (trained > .5).sum() >= 30


def test_the_accuracy_on_the_card_is_that_of_the_file(shared_data):
    sys.path.insert(0, str(ROOT/'pretraining'))
    from pretrain_resnet10 import read_mosaics, top1
    data = read_mosaics(shared_data/'tiny_imagenet_191')
    images, labels = map(torch.from_numpy, data['valid'])
    assert list(data['classes'].values()) == resnet10_classes()
    assert len(images) == embedded_card()['valid_images'] == 9550
    measured = top1(resnet10(), images, labels)
    assert measured == pytest.approx(embedded_card()['top1'], abs=1e-3) and measured >= .523


def loaders(path, seed):
    return ImageDataLoaders.from_name_func(path, get_image_files(path), is_cat, seed=seed, item_tfms=Resize(64))


def test_fine_tuning_on_the_drawings_beats_training_from_scratch(mini_pets):
    tuned = vision_learner(loaders(mini_pets, 42), resnet10, metrics=error_rate)
    tuned.fine_tune(1)
    scratch = vision_learner(loaders(mini_pets, 42), resnet10, weights=None, metrics=error_rate)
    scratch.fit_one_cycle(2, 3e-3)
    assert tuned.history.epochs[-1].metrics['error_rate'] <= .06
    assert scratch.history.epochs[-1].metrics['error_rate'] >= .12


def test_raw_pixels_do_not_tell_the_species(mini_pets):
    from PIL import Image
    linear_model = pytest.importorskip('sklearn.linear_model')
    import numpy as np
    files = get_image_files(mini_pets)
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0)).tolist()
    pixels = np.stack([np.asarray(Image.open(files[i]).convert('RGB').resize((32, 32))).reshape(-1) for i in order])/255
    labels = np.array([is_cat(files[i].name) for i in order])
    model = linear_model.LogisticRegression(C=.01, max_iter=200).fit(pixels[:1000], labels[:1000])
    assert model.score(pixels[1000:], labels[1000:]) <= .75
