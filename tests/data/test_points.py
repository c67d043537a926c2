"""Labels that move with the pixels: a bright square is where its label says, after every transform.

The kind: a default that keeps class labels true is applied to labels of another kind. Members tried: points under
flips, turns, zooms, tilts, random and middle crops of `Resize`, `RandomResizedCrop`, presizing, padding, squeezing,
sizes that are not square, photos with an EXIF turn, JPEGs decoded small, strips, several points for each image, points
at the border, NumPy and tensors as labels; angles, coordinates given as plain numbers, and ages (a warning); functions
of the user's; features of a frozen body, which were kept with targets of the whole image. The oracle is the centroid
of the light in the batch."""
import itertools
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import Resize
from fastlearn.data.labels import LabelSpec
from fastlearn.data.points import scale_points
from fastlearn.data.random_crop import RandomResizedCrop
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import resnet10

POINTS = LabelSpec('points', (), 2)
ITEM = {'as it is': None, 'square': Resize(64), 'wide': Resize((56, 96)), 'padded': Resize(80, 'pad', 'zeros'),
        'squished': Resize((60, 100), 'squish'), 'part': RandomResizedCrop(64, min_scale=.6),
        'wide part': RandomResizedCrop((48, 96), min_scale=.6)}
ALONE = {'do_flip': False, 'max_rotate': 0, 'max_zoom': 1., 'max_lighting': 0, 'max_warp': 0, 'p_affine': 1.}
MOVES = {'flipped': {'do_flip': True}, 'turned over': {'flip_vert': True}, 'rotated': {'max_rotate': 25},
         'zoomed': {'max_zoom': 1.5}, 'warped': {'max_warp': .2}, 'sized': {'size': 48},
         'sized wide': {'size': (40, 64)}, 'presized': {'size': 48, 'min_scale': .6}, 'all': None}


def square(x, y, width=120, height=96, side=4):
    "Black, with a white square around (x, y) in pixels"
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[round(y - side/2):round(y + side/2), round(x - side/2):round(x + side/2)] = 255
    return Image.fromarray(pixels)


def places(n=12, width=120, height=96, seed=0):
    "Around the middle, so that most of them stay in the image"
    rng = np.random.default_rng(seed)
    xs, ys = (rng.integers(.3*side, .7*side, n).tolist() for side in (width, height))
    return list(zip(xs, ys))


def centers(images):
    "(x, y) of the light of each image from -1 to 1, and whether a square is there as a whole"
    light = images.mean(1).double()
    y, x = ((torch.arange(side).double()*2 + 1)/side - 1 for side in light.shape[1:])
    total = light.sum((1, 2)).clamp(min=1e-6)
    return torch.stack([(light.sum(1)*x).sum(1)/total, (light.sum(2)*y).sum(1)/total], 1).float()


def assert_follow(images, targets, atol=.045):
    "All targets that are well within their image are where its light is"
    inside = (targets.abs() < .75).all(1)
    assert inside.sum() >= len(targets)//3
    torch.testing.assert_close(centers(images)[inside], targets[inside], atol=atol, rtol=0)


def batch(images, labels, item_tfms, batch_tfms=(), training=True, spec=POINTS, epoch=0):
    data = ImageDataset(images, labels, spec, item_tfms=item_tfms)
    loader = DataLoader(data, len(images), training=training, shuffle=False, normalize=None, workers=0,
                        batch_tfms=batch_tfms, seed=3)
    return next(loader.batches(epoch))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('item', 'moves'), list(itertools.product(ITEM, [None, *MOVES])))
def test_points_follow_the_pixels(item, moves, training):
    "Fails if `look` or `with_points` leaves the points where they were"
    labels, options = places(), MOVES[moves] if moves else None
    transforms = [] if not moves else aug_transforms(max_lighting=0) if options is None else (
        aug_transforms(**ALONE | options))
    assert_follow(*batch([square(*place) for place in labels], labels, ITEM[item], transforms, training))


def test_each_epoch_moves_them_anew():
    labels = places()
    images = [square(*place) for place in labels]
    first, second = (batch(images, labels, Resize(64), aug_transforms(), epoch=epoch)[1] for epoch in (0, 1))
    assert not first.equal(second)


def test_they_are_scaled_from_edge_to_edge():
    "Closed form: 2*x/width - 1, as fastai's PointScaler has it"
    images = [Image.new('RGB', (200, 100))]*4
    scaled, sizes = scale_points(torch.tensor([[0., 0], [200, 100], [100, 50], [150, 25]]), images)
    assert scaled.tolist() == [[-1, -1], [1, 1], [0, 0], [.5, -.5]] and sizes.tolist() == [[200, 100]]*4


@pytest.mark.parametrize('turn', range(1, 9))
def test_they_belong_to_the_upright_photo(turn, tmp_path):
    "A file turned by its EXIF note, decoded small: the label is what a viewer shows"
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[turn]  # Pillow's Transpose that stores it so
    exif, files, labels = Image.Exif(), [], [(400, 500), (300, 520), (480, 610)]
    exif[0x0112] = turn
    for i, place in enumerate(labels):
        upright = square(*place, width=800, height=1200, side=60)
        stored = upright if back is None else upright.transpose(Image.Transpose(back))
        stored.save(tmp_path/f'{i}.jpg', exif=exif)
        files.append(tmp_path/f'{i}.jpg')
    assert_follow(*batch(files, labels, Resize(60), training=False))


def test_strips_lose_their_ends_and_points_know_it():
    labels = [(2000, 10), (2003, 8)]
    images = [square(*place, width=4000, height=20) for place in labels]
    assert_follow(*batch(images, labels, Resize(32), training=False), atol=.15)


@pytest.mark.parametrize('form', [list, tuple, np.array, torch.tensor, lambda row: np.array(row, np.float32),
                                  lambda row: torch.tensor(row).view(-1), lambda row: [tuple(one) for one in row]])
def test_several_points_in_every_form(form, tmp_path):
    rows = [[[10 + i, 20], [30, 40 + i]] for i in range(6)]
    for i in range(6): Image.new('RGB', (80, 60), (i, i, i)).save(tmp_path/f'{i}.png')
    dls = ImageDataLoaders.from_lists(tmp_path, [f'{i}.png' for i in range(6)], [form(row) for row in rows],
                                      label_kind='points', valid_idx=[4, 5], bs=4, device='cpu', shuffle=False)
    assert dls.c == 4 and dls.vocab == () and '2 points' in dls.summary()
    expected = (torch.tensor(rows[4:]).float()*2/torch.tensor([80., 60]) - 1).flatten(1)
    torch.testing.assert_close(dls.valid.dataset.targets, expected)
    assert dls.label_spec.decode(expected[0])[1] == pytest.approx(tuple(expected[0, 2:].tolist()))


@pytest.mark.parametrize(('labels', 'said'), [
    ([(1, 2), (3, 4, 5)], 'label of 1 is .*expected points'),
    ([(1, 2), (3, 4, 5, 6)], 'same number of points: 0 has 1, 1'),
    ([(.5, -.5), (.25, 0)], 'between -0.5 and 0.5, as if they were divided by the size'),
    ([(1, float('nan')), (2, 3)], 'label of 0'), ([('a', 'b'), (2, 3)], 'label of 0'), ([None, (2, 3)], 'label of 0'),
    ([(), (2, 3)], 'label of 0'), ([5., 6.], 'label of 0'), ([(True, False), (True, True)], 'label of 0')])
def test_what_cannot_be_points_is_named(labels, said):
    with pytest.raises(ValueError, match=said): LabelSpec.from_labels(labels, 'points')


def test_points_at_the_border_are_fine_and_outside_is_said():
    image = Image.new('RGB', (40, 20))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        ImageDataset([image, image], [(0, 0), (40, 20)], POINTS)
    with pytest.warns(UserWarning, match='1 of 2 images have points outside.*41.0, 10.0.* in 40 x 20 pixels'):
        ImageDataset([image, image], [(41, 10), (40, 20)], POINTS)


def test_a_picture_that_was_made_upright_is_not_turned_again(tmp_path):
    "Of the same kind: Pillow kept the note after the turn, so that the next reader turned it once more"
    from fastlearn.data.images import PILImage
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in 'a.jpg', 'a.png', 'a.tif', 'a.webp':
        Image.new('RGB', (40, 20)).save(tmp_path/name, exif=exif)
        once = PILImage.create(tmp_path/name)
        assert once.size == PILImage.create(once).size == PILImage.create(once.copy()).size == (20, 40), name


# --- quantities that do not move

def loaders(folder, labels, **options):
    names = [f'{i:02}.png' for i in range(len(labels))]
    for i, name in enumerate(names): Image.new('RGB', (60, 40), (i, i, i)).save(folder/name)
    return ImageDataLoaders.from_lists(folder, names, labels, valid_pct=.3, seed=1, bs=2, device='cpu', **options)


ANGLES, PLACES = [30., -15., 0., 90., 44.5, 12., 7., 8.5], [(.1*i, -.5) for i in range(8)]


@pytest.mark.parametrize(('labels', 'options', 'said'), [
    (ANGLES, {'batch_tfms': aug_transforms()}, 'mirrors, rotates, zooms, tilts'),
    (PLACES, {'batch_tfms': aug_transforms(max_rotate=0, max_warp=0, max_zoom=1.)}, 'aug_transforms mirrors. '),
    (ANGLES, {'item_tfms': RandomResizedCrop(32)}, 'RandomResizedCrop crops random parts'),
    (PLACES, {'item_tfms': Resize(32)}, 'Resize crops at random positions'),
    ([1, 2, 3, 4, 5, 6, 7, 8], {'label_kind': 'number', 'batch_tfms': aug_transforms()}, 'mirrors')])
def test_quantities_and_transforms_that_move_pixels_are_warned_of(labels, options, said, tmp_path):
    with pytest.warns(UserWarning, match=f"{said}.*label_kind='points'.*do_flip=False"):
        dls = loaders(tmp_path, labels, **{'item_tfms': Resize(32, 'squish')} | options)
    assert any(finding.kind == 'moves' and said in finding.text for finding in dls.check(progress=False).findings)


@pytest.mark.parametrize(('labels', 'options'), [
    (ANGLES, {'batch_tfms': aug_transforms(do_flip=False, max_rotate=0, max_zoom=1, max_warp=0)}),
    (ANGLES, {'item_tfms': Resize(32)}), (PLACES, {'item_tfms': Resize((20, 30))}),
    (['a', 'b']*4, {'batch_tfms': aug_transforms()}),
    ([(10, 20)]*7 + [(30, 30)], {'label_kind': 'points', 'item_tfms': Resize(32), 'batch_tfms': aug_transforms()})])
def test_labels_that_stay_true_cause_no_warning(labels, options, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        loaders(tmp_path, labels, **{'item_tfms': Resize(32, 'squish')} | options)


def test_points_and_functions_of_your_own_are_warned_of(tmp_path):
    def mirrored(image): return image.transpose(0)
    with pytest.warns(UserWarning, match='points do not follow what mirrored, <lambda> may do'):
        loaders(tmp_path, [(10, 20)]*7 + [(30, 30)], label_kind='points', item_tfms=[mirrored, Resize(32)],
                batch_tfms=[lambda images: images])


# --- training and looking

def test_a_network_learns_where_the_square_is(tmp_path):
    "And the validation targets are those of its batches: with the targets of the files the loss would stay"
    labels = places(150, seed=2)
    for i, place in enumerate(labels): square(*place, side=16).save(tmp_path/f'{i:03}.png')
    dls = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), labels, label_kind='points', valid_pct=.2,
                                      seed=1, bs=8, device='cpu', item_tfms=Resize(48), workers=0)
    torch.manual_seed(0)
    pixels = nn.Sequential(nn.AvgPool2d(6), nn.Flatten(), nn.Linear(3*64, 2))
    learn = Learner(dls, pixels, quiet=True)
    learn.fit(12, 1e-2)
    predicted, targets = learn.get_preds(progress=False)
    assert (predicted - targets).abs().mean() < .5*(targets - targets.mean(0)).abs().mean()
    images, again = next(iter(dls.valid))
    assert again.equal(targets[:len(again)])
    assert_follow(dls.valid.normalize.undo(images), again, atol=.06)
    assert len(learn.predict(dls.valid.items[0]).label) == 1


def test_features_of_a_frozen_body_go_with_the_points_of_their_crop(tmp_path):
    "Fails if `cached_features` are used for points: their targets are those of the whole image"
    labels = places(8)
    for i, place in enumerate(labels): square(*place).save(tmp_path/f'{i:02}.png')
    dls = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), labels, label_kind='points', valid_pct=.25,
                                      seed=1, bs=2, device='cpu', item_tfms=Resize((30, 90)), workers=0)
    seen = []
    class Loss(nn.Module):
        def forward(self, logits, targets): seen.append(targets.clone()); return (logits - targets).square().mean()
    body = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    for p in body.parameters(): p.requires_grad = False
    learn = Learner(dls, nn.Sequential(body, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))),
                    loss_func=Loss(), quiet=True)
    learn.fit(2, 1e-3)
    expected = torch.cat([targets for _, targets in dls.valid])
    assert any(one.shape == expected.shape and torch.allclose(one, expected) for one in seen)


def test_show_batch_and_show_results_draw_them(tmp_path):
    "The marks are read back from the axes, in pixels"
    from matplotlib import pyplot as plt
    labels = places(12)
    for i, place in enumerate(labels): square(*place).save(tmp_path/f'{i:02}.png')
    dls = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), labels, label_kind='points', valid_pct=.4,
                                      seed=1, bs=4, device='cpu', item_tfms=Resize(64),
                                      batch_tfms=aug_transforms(size=48))
    dls.show_batch(max_n=4)
    for axis in plt.gcf().axes:
        image, (x, y) = axis.images[0].get_array(), axis.lines[-1].get_data()
        light = image.mean(-1) - image.mean(-1).min()
        rows, columns = np.indices(light.shape)
        if light.max() < .3: continue  # the square is cut off
        assert abs((light*columns).sum()/light.sum() - x) < 6 and abs((light*rows).sum()/light.sum() - y) < 6
    learn = vision_learner(dls, resnet10, quiet=True)
    learn.show_results(max_n=3)
    assert [line.get_marker() for line in plt.gcf().axes[0].lines] == ['o', 'o', 'x', 'x']
    plt.close('all')
