"Real photos and a real SqueezeNet, where they lie beside the checkout: what the network looks at"
from pathlib import Path

import pytest

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.interpret.occlusion import occlude
from fastlearn.learner import vision_learner

# Marked by hand in the 224 x 224 pixels that the network gets: top, left, bottom, right. With a cat and a dog in one
# photo, the class that is asked for decides whose boxes count. The animal is asserted; the head is for interest.
PHOTOS = {
    'ardamavi_test_cat.jpg': ('cat', {'animal': (33, 14, 224, 150), 'head': (33, 14, 168, 132)}),
    'ardamavi_test_dog.jpg': ('dog', {'animal': (22, 2, 172, 188), 'head': (22, 64, 118, 188)}),
    'keras-squeezenet_cat.jpeg': ('cat', {'animal': (0, 10, 224, 224), 'head': (0, 10, 160, 170)}),
    'micrograd_puppy.jpg': ('dog', {'animal': (10, 36, 215, 224), 'head': (10, 60, 160, 180)}),
    'utkuozbulak_cat_dog.png': ('cat', {'animal': (116, 44, 222, 186), 'head': (116, 136, 166, 178)})}


def class_of(path) -> str: return Path(path).parent.name


@pytest.fixture(scope='module')
def learn(shared_data):
    "A quarter of the photos, one epoch of the head and one of everything"
    weights = shared_data/'weights'/'squeezenet1_0.pth'
    if not weights.is_file(): pytest.skip('../shared/data/weights/squeezenet1_0.pth is absent')
    files = [file for kind in ('cat', 'dog') for file in sorted((shared_data/'cats_dogs'/kind).glob('*.jpg'))[:160]]
    dls = ImageDataLoaders.from_path_func(shared_data, files, class_of, seed=42, item_tfms=Resize(224), bs=32)
    learn = vision_learner(dls, 'squeezenet1_0', weights=weights, metrics='accuracy')
    learn.fine_tune(1)
    assert learn.history.epochs[-1].metrics['accuracy'] > .85
    return learn


def test_the_lowest_probability_is_on_the_animal(learn, shared_data):
    inside = {'animal': [], 'head': []}
    for name, (kind, boxes) in PHOTOS.items():
        view = occlude(learn, shared_data/'single_photos'/name, target=kind, size=56, stride=28)
        row, column = view.lowest
        print(view)
        for part, (top, left, bottom, right) in boxes.items():
            if top <= row < bottom and left <= column < right: inside[part].append(name)
    print(inside)
    assert len(inside['animal']) >= 4, f'only on the animals of {inside["animal"]}'
