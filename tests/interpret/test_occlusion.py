"A square over a picture: against a loop, on networks whose answer is known, and what is left behind"
import copy

import pytest
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from test_layers import snapshot, unchanged
from torch import nn

from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.data.labels import LabelSpec
from fastlearn.interpret.occlusion import (
    _number_text, _plot_occlusions, centers, last_spatial_layer, occlude, predict_and_keep, prepare_image,
    show_occlusion, square,
)
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import create_model, resnet10


def is_cat(name): return name[0].isupper()


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def learn(small_learner): return small_learner


class Corner(nn.Module):
    "Class 1 as far as the corner at the top left is bright; the rest of the picture does not matter"
    def __init__(self): super().__init__(); self.maps = nn.Identity()

    def forward(self, x):
        bright = self.maps(x)[:, :, :8, :8].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 4*bright - 2], 1)


def test_a_network_that_looks_at_one_corner():
    picture = torch.ones(3, 32, 32)
    view = occlude(Corner(), picture, target=1, size=8, stride=4)
    sees = torch.sigmoid(torch.tensor(2.)).item()
    assert view.clear[1].item() == pytest.approx(sees, abs=1e-6)
    for row, y in enumerate(centers(32, 4)):
        for column, x in enumerate(centers(32, 4)):
            top, left, bottom, right = square(y, x, 8, (32, 32))
            hidden = (min(8, bottom) - min(8, top))*(min(8, right) - min(8, left))/64
            wanted = torch.sigmoid(torch.tensor(4*(1 - hidden) - 2.)).item()
            assert view.probability[row, column].item() == pytest.approx(wanted, abs=1e-6)
    outside = view.probability[4:, 4:]
    assert torch.allclose(outside, torch.full_like(outside, sees), atol=1e-6)
    assert view.lowest == (2, 2)  # 6 x 6 pixels of the corner are covered, as many as with the center at 6


def test_it_is_what_a_loop_of_single_pictures_gives(learn):
    view = occlude(learn, 4, size=9, stride=7, layer='layer2', batch_size=3)
    image, model = view.image.tensor, learn.model.eval()
    assert view.probabilities.shape == (5, 5, 2) and view.activity.shape == (5, 5)
    with torch.no_grad():
        body = model[0][:6]
        assert list(dict(model[0].named_children()))[5] == 'layer2'
        clear = body(image[None])[0]
        assert view.map == clear.amax((1, 2)).argmax().item() and clear[view.map][view.place] == clear.max()
        assert view.clear_activity == pytest.approx(clear[view.map].sum().item(), rel=1e-5)
        for row, y in enumerate(centers(32, 7)):
            for column, x in enumerate(centers(32, 7)):
                one = image.clone()
                one[:, max(0, y - 4):y + 5, max(0, x - 4):x + 5] = 0
                wanted = model(one[None]).softmax(1)[0].double()
                assert torch.allclose(wanted, view.probabilities[row, column], atol=1e-5)
                total = body(one[None])[0, view.map].sum().item()
                assert view.activity[row, column].item() == pytest.approx(total, rel=1e-4)


def test_squares_stay_within_the_picture():
    assert square(0, 31, 8, (32, 32)) == (0, 27, 4, 32) and square(16, 16, 5, (32, 32)) == (14, 14, 19, 19)
    assert centers(32, 8) == [4, 12, 20, 28] and centers(9, 4) == [2, 6, 8] and centers(5, 1) == [0, 1, 2, 3, 4]


def test_the_class_asked_for(learn):
    known = prepare_image(learn, 2)
    assert known.name == learn.dls.valid.items[2].name
    assert learn.dls.vocab[known.target] == is_cat(known.name)
    assert occlude(learn, 2, stride=16).target == known.target
    file = learn.dls.valid.items[2]
    unknown = occlude(learn, file, stride=16)
    assert unknown.target == unknown.clear.argmax() and torch.equal(unknown.image.tensor, known.tensor)
    for label in False, True: assert occlude(learn, file, target=label, stride=16).target == int(label)
    with pytest.raises(ValueError, match="target is 'wolf'; expected one of the 2 classes: False, True"):
        occlude(learn, 2, target='wolf')
    with pytest.raises(ValueError, match='target is 7; expected one of the 2 classes: 0, 1'):
        occlude(Corner(), torch.ones(3, 16, 16), target=7)


def test_a_sure_answer_still_has_a_lowest_place():
    class Sure(Corner):
        def forward(self, x): return super().forward(x)*torch.tensor([0., 17.6])
    view = occlude(Sure(), torch.ones(3, 32, 32), target=1, size=4, stride=4)
    assert view.probability.float().min() == 1 and view.probability.min() < view.clear[1] < 1
    assert square(*view.lowest, 4, (32, 32))[0] < 8
    assert _number_text(1 - 3e-7) == '1 - 3e-07' and _number_text(.5) == '0.500' and _number_text(2e-6) == '2e-06'
    assert _number_text(1.) == '1.000' and _number_text(0.) == '0.000' and _number_text(1234.4) == '1,234'


def test_which_layer_is_watched(learn):
    assert last_spatial_layer(learn) == 'layer3'
    assert last_spatial_layer(create_model('squeezenet1_0', None), 64) == 'features'
    assert last_spatial_layer(nn.Sequential(nn.Flatten(), nn.Linear(3*16*16, 2)), 16) is None
    flat = occlude(nn.Sequential(nn.Flatten(), nn.Linear(3*16*16, 2)), torch.rand(3, 16, 16), size=4)
    assert flat.layer is flat.map is flat.activity is None
    assert len(_plot_occlusions([flat]).axes) == 3 + 1  # and a color bar
    with pytest.raises(ValueError, match="no layer 'layr2'; did you mean .*layer2"): occlude(learn, 0, layer='layr2')
    with pytest.raises(ValueError, match=r"'head.4' \(Linear\) outputs 512 numbers.*not feature maps.*'layer3"):
        occlude(learn, 0, layer='head.4')


def test_pictures_and_squares_that_do_not_fit(learn):
    for size in 0, 33, 2.5:
        with pytest.raises(ValueError, match=rf'size is {size}; expected a whole number of pixels from 1 to 32'):
            occlude(learn, 0, size=size)
    with pytest.raises(ValueError, match='stride is -1; expected'): occlude(learn, 0, stride=-1)
    with pytest.raises(ValueError, match='validation image 99 does not exist; there are'): occlude(learn, 99)
    with pytest.raises(ValueError, match=r'shape \(3, 4\); expected one image \(3, height, width\)'):
        occlude(Corner(), torch.ones(3, 4))
    with pytest.raises(TypeError, match='a str cannot be prepared for it; pass a'): occlude(Corner(), 'a.jpg')
    with pytest.raises(TypeError, match=r'returns a tensor of shape \(1, 3, 8, 8\); expected one row'):
        occlude(nn.Identity(), torch.ones(3, 8, 8))
    with pytest.raises(ValueError, match='list of images given to show_occlusion is empty'): show_occlusion(learn, [])


def test_loaders_and_tasks_of_other_kinds(few_pets):
    pairs = [(torch.rand(4, 3, 16, 16), torch.tensor([0, 1, 0, 1]))]*2
    model = nn.Sequential(nn.Conv2d(3, 3, 1), Corner())
    own = Learner(DataLoaders(pairs, pairs, vocab=['a', 'b'], device='cpu'), model)
    assert occlude(own, torch.ones(3, 16, 16), target='b', size=4).target == 1
    with pytest.raises(TypeError, match='so a int cannot be prepared for it'): occlude(own, 0)
    files = get_image_files(few_pets)[:24]
    dls = ImageDataLoaders.from_lists(few_pets, files, [i/2 for i in range(24)], seed=0, bs=8,
                                      item_tfms=Resize(32), device='cpu')
    view = occlude(vision_learner(dls, resnet10), 0, size=16)
    assert view.probabilities.shape[2] == 1 and view.vocab == (0,) and view.target == 0


def test_the_figure_has_the_columns_of_the_paper(learn):
    show_occlusion(learn, [0, 1], stride=8)
    titles = [axis.get_title() for axis in plt.gcf().axes if axis.get_title()]
    assert len(titles) == 10
    assert titles[1].startswith('activity of map') and titles[2].endswith('projected')
    assert titles[3].startswith('probability of') and titles[4] == 'most probable class'
    show_occlusion(learn, learn.dls.valid.items[0], stride=8, method=None)
    assert len([axis for axis in plt.gcf().axes if axis.get_title()]) == 4


def test_more_classes_than_colors():
    class Many(nn.Module):
        def forward(self, x): return x[:, 0].flatten(1)
    view = occlude(Many(), torch.rand(3, 12, 12) + 1, size=6, stride=1)
    assert view.probabilities.shape == (12, 12, 144)
    _plot_occlusions([view])


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind(learn, error):
    class Breaks(nn.Module):
        calls = 0
        def forward(self, x):
            Breaks.calls += 1
            if Breaks.calls == 3: raise error('in the middle')
            return x
    Breaks.calls = 0
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Breaks(), nn.Flatten(), nn.Linear(4*14*14, 2)).train()
    picture, before = torch.ones(3, 16, 16), snapshot(model)
    with pytest.raises(error): occlude(model, picture, layer='0')
    assert unchanged(before, model) and Breaks.calls == 3
    learn.model.train()
    before = snapshot(learn)
    show_occlusion(learn, 0, stride=16)
    assert unchanged(before, learn)


def test_what_a_layer_on_the_way_says_must_be_a_tensor():
    class Two(nn.Module):
        def forward(self, x): return x, x
    class Model(nn.Module):
        def __init__(self): super().__init__(); self.two, self.idle = Two(), nn.Conv2d(3, 3, 1)
        def forward(self, x): return self.two(x)[0].flatten(1)
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(TypeError, match="layer 'two' returns a tuple; expected one tensor"):
        predict_and_keep(Model(), images, ['two'])
    with pytest.raises(ValueError, match="layer 'idle' did not run"): predict_and_keep(Model(), images, ['idle'])


@pytest.mark.parametrize(('kind', 'expected'), [('single', 'softmax'), ('multi', 'sigmoid')])
def test_a_plain_loss_is_read_by_the_kind_of_label(learn, kind, expected):
    other, images = copy.copy(learn), torch.zeros(1, 3, 32, 32, device=learn.device)
    other.loss_func, other.dls = F.cross_entropy, copy.copy(learn.dls)
    other.dls.label_spec = LabelSpec(kind, learn.dls.vocab)
    with torch.no_grad(): logits = learn.model.eval()(images).cpu().double()
    said, _ = predict_and_keep(other, images)
    assert torch.allclose(said, logits.sigmoid() if expected == 'sigmoid' else logits.softmax(1))
