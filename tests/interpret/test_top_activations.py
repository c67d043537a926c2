"The strongest places of every map, against looking at all of them"
import pytest
import torch
from test_layers import is_cat, snapshot, unchanged
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.layers import activations, trace_layers
from fastlearn.interpret.top_activations import _TopK, displayable, images_at, LoaderImages, top_activations
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import create_model, resnet10


@pytest.fixture(scope='module')
def learn(few_pets):
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, label_func=is_cat,
                                          item_tfms=Resize(64), bs=16, device='cpu')
    return vision_learner(dls, resnet10)


def brute_force(maps, k):
    "maps: (n, maps, h, w); for every map the k best of (value, picture, row, column), one place per picture"
    found = []
    for one in maps.transpose(0, 1):
        rows = [max((value, -r, -c) for r, line in enumerate(picture.tolist()) for c, value in enumerate(line))
                for picture in one]
        found.append([(rows[i][0], i, -rows[i][1], -rows[i][2])
                      for i in sorted(range(len(rows)), key=lambda i: (-rows[i][0], i))[:k]])
    return found


@pytest.mark.parametrize('size', [5, 16, 96])
def test_the_nine_are_those_of_brute_force_whatever_the_batch_size(learn, size):
    dl = learn.dls.test_dl(learn.dls.train.items[:40], bs=size)
    top = top_activations(learn, 'layer3', dl=dl, maps=[3, 200, 7])
    expected = brute_force(torch.cat(list(activations(learn, 'layer3', dl)))[:, [3, 200, 7]], 9)
    assert top.maps == (3, 200, 7)
    for at in range(3):
        values, pictures, rows, columns = zip(*expected[at])
        assert top.images[at].tolist() == list(pictures)
        assert top.values[at].tolist() == pytest.approx(list(values), rel=1e-5)
        assert top.places[at].tolist() == [list(place) for place in zip(rows, columns)]


def test_of_equals_the_earlier_picture_wins():
    for size in 1, 4, 12:
        best = _TopK(3)
        for maps in torch.ones(12, 2, 2, 2).split(size): best.add(maps)
        assert best.images.T.tolist() == [[0, 1, 2]]*2 and best.seen == 12 and best.fired.tolist() == [12, 12]


def test_fewer_pictures_than_k(learn):
    dl = learn.dls.test_dl(learn.dls.valid.items[:4])
    assert top_activations(learn, 'layer2', 9, dl=dl).values.shape == (128, 4)


def test_a_patch_is_what_the_place_sees_cut_at_the_border(learn):
    top = top_activations(learn, 'layer1', maps=range(64))
    found = images_at(top.source, top.images.flatten().tolist())
    field, shapes = trace_layers(learn)['layer1'].field, set()
    for at in range(64):
        for rank in range(9):
            image, (row, column) = found[top.images[at, rank].item()], top.places[at, rank].tolist()
            patch = top.patch(image, at, rank)
            padded = nn.functional.pad(image, (64,)*4, value=float('nan'))
            start = [begin + step*place + 64 for begin, step, place in zip(field.start, field.stride, (row, column))]
            whole = padded[:, start[0]:start[0] + field.size[0], start[1]:start[1] + field.size[1]]
            inside = ~whole[0].isnan()
            assert torch.equal(patch, whole[:, inside.any(1)][:, :, inside.any(0)])
            shapes.add(tuple(patch.shape[1:]))
    assert (27, 27) in shapes and len(shapes) > 3


def test_the_training_set_is_searched_in_order_and_unchanged(learn):
    first, second = (torch.cat(list(LoaderImages(learn.dls.train))) for _ in range(2))
    assert torch.equal(first, second) and len(first) == learn.dls.train.n_images
    pictures = LoaderImages(learn.dls.train)
    assert torch.equal(images_at(pictures, [70, 2])[70], first[70])
    assert pictures.name(2) == learn.dls.train.items[2].name


def test_loaders_of_others():
    torch.manual_seed(0)
    images = torch.rand(20, 3, 32, 32)*4 - 2
    steady = DataLoader(TensorDataset(images, torch.zeros(20, dtype=torch.long)), 8)
    learn = Learner(DataLoaders(steady, steady, vocab=['a', 'b'], device='cpu'), create_model('resnet10', None))
    top = top_activations(learn, 'layer2')
    pictures = images_at(top.source, top.images[0].tolist())
    assert all(torch.equal(pictures[i], images[i]) for i in top.images[0].tolist())
    assert top.source.name(3) == 'image 3'
    shown = displayable(top.source, images[0])
    assert shown.min() == 0 and shown.max() == 1
    shuffled = DataLoader(TensorDataset(images), 8, shuffle=True)
    top = top_activations(learn, 'layer2', dl=shuffled)
    pictures = images_at(top.source, top.images[0].tolist())  # read in the order of its dataset
    assert all(torch.equal(pictures[i], images[i]) for i in top.images[0].tolist())


def test_bad_input_is_named(learn):
    with pytest.raises(ValueError, match="'head.4' .Linear. outputs 512 numbers .* last layer with .* is 'layer3"):
        top_activations(learn, 'head.4')
    with pytest.raises(ValueError, match='map 64 does not exist; this layer has 64 maps, numbered from 0 to 63'):
        top_activations(learn, 'layer1', maps=[0, 64])
    with pytest.raises(ValueError, match='k is 0'): top_activations(learn, 'layer1', 0)
    with pytest.raises(ValueError, match='no maps were selected'): top_activations(learn, 'layer1', maps=[])
    with pytest.raises(ValueError, match='a bare model has no images to search'): top_activations(learn.model, 'layer1')
    with pytest.raises(ValueError, match='the images differ in size'):
        top_activations(learn, 'layer1', dl=[torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 40, 40)])
    with pytest.raises(ValueError, match='the loader returned no batches'): top_activations(learn, 'layer1', dl=[])


def test_nothing_is_left_behind(learn):
    learn.model.train()
    before = snapshot(learn)
    top_activations(learn, 'layer2')
    def interrupted():
        yield next(iter(learn.dls.valid))
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): top_activations(learn, 'layer2', dl=interrupted())
    assert unchanged(before, learn)
