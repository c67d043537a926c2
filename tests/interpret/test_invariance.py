"Pictures that are moved: by the rule, for networks whose answer is known, and what is left behind"
import pytest
import torch
from matplotlib import pyplot as plt
from test_layers import snapshot, unchanged
from torch import nn

from fastlearn.interpret.invariance import _move, first_and_last_layer, invariance, show_invariance
from fastlearn.models import create_model


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def learn(small_learner): return small_learner


class Anywhere(nn.Module):
    "The brightest place, wherever it is; `maps` still knows where"
    def __init__(self): super().__init__(); self.maps, self.pool = nn.Identity(), nn.AdaptiveMaxPool2d(1)
    def forward(self, x): return self.pool(self.maps(x))[:, :2, 0, 0]


def dot(row=16, column=16):
    picture = torch.zeros(3, 33, 33)
    picture[:, row, column] = torch.tensor([3., 1., 2.])
    return picture


def test_a_network_that_forgets_places_sees_no_difference():
    for motion, amounts in ('shift', [-8, 0, 5, 16]), ('turn', [90, 180, 270, 360]), ('scale', [1, 3]):
        found = invariance(Anywhere(), [dot()], motion, ['maps', 'pool'], amounts=amounts)
        assert found.distances.shape == (2, 1, len(amounts)) and found.probabilities.shape == (1, len(amounts))
        assert found.distances[1].max() < 1e-4
        assert torch.allclose(found.probabilities, found.probabilities[0, 0].expand_as(found.probabilities), atol=1e-4)
    length = 14**.5
    found = invariance(Anywhere(), [dot()], 'shift', ['maps'], amounts=[0, 5])
    assert found.norms[0, 0].item() == pytest.approx(length)
    assert found.distances[0, 0].tolist() == pytest.approx([0, length*2**.5], abs=1e-4)  # two dots apart
    assert found.relative[0, 0].tolist() == pytest.approx([0, 2**.5], abs=1e-4)


def test_moves_are_exact_where_pixels_fall_on_pixels():
    images = torch.rand(2, 3, 12, 20)
    assert torch.allclose(_move(images), images, atol=1e-5)
    down = _move(images, rows=3)
    assert torch.allclose(down[:, :, 3:], images[:, :, :-3], atol=1e-5)
    assert torch.allclose(down[:, :, :3], images[:, :, :3].flip(2), atol=1e-5)  # the reflection
    assert torch.allclose(_move(images, rows=-2)[:, :, :-2], images[:, :, 2:], atol=1e-5)
    squares = torch.rand(1, 3, 15, 15)
    for quarters in 1, 2, 3, 4:
        assert torch.allclose(_move(squares, degrees=90*quarters), squares.rot90(quarters, (2, 3)), atol=1e-4)
    nearer = _move(images, factor=2)
    assert nearer.shape == images.shape
    ramp = torch.arange(15.).expand(1, 1, 15, 15) - 7
    assert torch.allclose(_move(ramp, factor=2), ramp/2, atol=1e-4)


def test_a_batch_gives_what_single_pictures_give(learn):
    found = invariance(learn, [0, 5, 7], 'turn', ['conv1', 'layer2', 'head.6'], amounts=[15, 200], batch_size=1)
    assert found.layers == ('conv1', 'layer2', 'head.6') and found.amounts == (15., 200.)
    together = invariance(learn, [0, 5, 7], 'turn', ['conv1', 'layer2', 'head.6'], amounts=[15, 200])
    assert torch.allclose(found.distances, together.distances, rtol=1e-4)
    image, model = found.images[1].tensor[None], learn.model.eval()
    with torch.no_grad():
        a, b = model[0].conv1(image), model[0].conv1(_move(image, degrees=200))
        assert found.distances[0, 1, 1].item() == pytest.approx((a - b).norm().item(), rel=1e-4)
        p = model(_move(image, degrees=200)).softmax(1)[0, found.targets[1]].item()
    assert found.probabilities[1, 1].item() == pytest.approx(p, abs=1e-5)


def test_the_first_and_the_last_layer(learn):
    assert first_and_last_layer(learn) == ('conv1', 'head.6')
    assert first_and_last_layer(create_model('resnet18', None), 64) == ('conv1', 'avgpool')
    assert first_and_last_layer(create_model('alexnet', None), 96) == ('features.0', 'classifier.5')
    assert first_and_last_layer(create_model('squeezenet1_0', None), 64) == ('features.0', 'features')
    with pytest.raises(ValueError, match="no layer before its classifier '0'; name the layers"):
        first_and_last_layer(nn.Sequential(nn.Conv2d(3, 2, 16)), 16)
    with pytest.raises(ValueError, match='no Conv2d layer, so it has no image'): first_and_last_layer(nn.Flatten(), 16)


def test_what_is_wrong_is_said(learn):
    with pytest.raises(ValueError, match="unknown motion 'jump'; expected one of shift, scale, turn"):
        invariance(learn, [0], 'jump')
    with pytest.raises(ValueError, match="no layer 'layr2'; did you mean"): invariance(learn, [0], 'shift', ['layr2'])
    with pytest.raises(ValueError, match='no images were given'): invariance(learn, [])
    with pytest.raises(ValueError, match='2 images and 1 targets; expected one target per image'):
        invariance(learn, [0, 1], targets=[True])
    with pytest.raises(ValueError, match="target is 'wolf'; expected one of the 2 classes"):
        invariance(learn, [0], targets=['wolf'], amounts=[1])
    with pytest.raises(ValueError, match='differ in size: 16 x 16 and 8 x 8'):
        invariance(Anywhere(), [torch.rand(3, 16, 16), torch.rand(3, 8, 8)], layers=['pool'])
    with pytest.raises(ValueError, match='cannot scale an image by 0; expected a factor above 0'):
        invariance(learn, [0], 'scale', amounts=[1, 0])
    with pytest.raises(ValueError, match='no motions were given'): show_invariance(learn, [0], motions=[])


def test_the_figure(learn):
    show_invariance(learn, [0, 1], motions=['shift', 'turn'])
    titles = [axis.get_title() for axis in plt.gcf().axes]
    assert titles[1:4] == ['distance in conv1', 'distance in head.6', 'probability of the true class']
    assert titles[4] == 'turn by 0 to 360 degrees' and len(titles) == 8


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind(learn, error):
    class Breaks(Anywhere):
        calls = 0
        def forward(self, x):
            Breaks.calls += 1
            if Breaks.calls == 3: raise error('in the middle')
            return super().forward(x)
    Breaks.calls = 0
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), Breaks()).train()
    before = snapshot(model)
    with pytest.raises(error): invariance(model, [dot()], layers=['0'], amounts=[1, 2, 3], batch_size=1)
    assert unchanged(before, model) and Breaks.calls == 3
    learn.model.train()
    before = snapshot(learn)
    invariance(learn, [0], 'turn', amounts=[3, 4])
    assert unchanged(before, learn)
