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
    gray = weights.double().mean(1)
    dy, dx = (gray[:, 2:, 1:-1] - gray[:, :-2, 1:-1])/2, (gray[:, 1:-1, 2:] - gray[:, 1:-1, :-2])/2
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


@pytest.mark.parametrize('every', [10, pytest.param(1, marks=pytest.mark.long)])
def test_the_accuracy_on_the_card_is_that_of_the_file(shared_data, every):
    "Of one image in ten to 3.5 standard errors, of all of them to a thousandth"
    sys.path.insert(0, str(ROOT/'pretraining'))
    from pretrain_resnet10 import read_mosaics, top1
    data = read_mosaics(shared_data/'tiny_imagenet_191', ('valid',))
    images, labels = map(torch.from_numpy, data['valid'])
    assert list(data['classes'].values()) == resnet10_classes()
    assert len(images) == embedded_card()['valid_images'] == 9550
    promised = embedded_card()['top1']
    measured = top1(resnet10(), images[::every], labels[::every])
    assert measured == pytest.approx(promised, abs=1e-3 if every == 1 else 3.5*(promised*(1 - promised)*every/9550)**.5)
    assert promised >= .523


def fine_tuned_and_from_scratch(path, most) -> list[float]:
    "Errors after `fine_tune(1)` and after as many epochs from random weights, on the first `most` of each breed"
    files = [file for file in get_image_files(path) if int(file.stem.rpartition('_')[2]) <= most]
    errors = []
    for weights in 'default', None:
        dls = ImageDataLoaders.from_name_func(path, files, is_cat, seed=42, item_tfms=Resize(64))
        learn = vision_learner(dls, resnet10, weights=weights, metrics=error_rate)
        if weights: learn.fine_tune(1)
        else: learn.fit_one_cycle(2, 3e-3)
        errors.append(learn.history.epochs[-1].metrics['error_rate'])
    return errors


def test_fine_tuning_on_the_drawings_beats_training_from_scratch(mini_pets):
    "On a quarter of them, where 20 % are wrong only if the weights bring nothing along"
    tuned, scratch = fine_tuned_and_from_scratch(mini_pets, 25)
    assert tuned <= .15 and scratch >= .25


@pytest.mark.long
def test_on_all_drawings_fine_tuning_reaches_what_the_lessons_say(mini_pets):
    tuned, scratch = fine_tuned_and_from_scratch(mini_pets, 100)
    assert tuned <= .06 and scratch >= .12


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
