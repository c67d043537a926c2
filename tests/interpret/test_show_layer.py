"A layer's view, as it is computed and drawn, and the network as it was before training"
import copy

import pytest
import torch
from matplotlib import pyplot as plt
from test_layers import is_cat, snapshot, unchanged
from torch import nn

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.deconvnet import project
from fastlearn.interpret.layers import ReceptiveField
from fastlearn.interpret.show_layer import (
    _starting_model, _TILE, learner_before, map_image, show_layer, tile, view_layer,
)
from fastlearn.interpret.top_activations import images_at, top_activations
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import create_model, resnet10


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def dls(few_pets):
    return ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, label_func=is_cat,
                                           item_tfms=Resize(64), bs=16, device='cpu')


@pytest.fixture(scope='module')
def learn(dls): return vision_learner(dls, resnet10)


def test_a_view_holds_what_the_parts_give(learn):
    view = view_layer(learn, 'layer2', [5, 80], k=4)
    top = top_activations(learn, 'layer2', 4, maps=[5, 80])
    assert view.maps == (5, 80) and view.layer.name == 'layer2' and view.image_size == (64, 64)
    assert torch.equal(view.images, top.images) and torch.equal(view.values, top.values)
    for at in range(2):
        for rank in range(4):
            number = top.images[at, rank].item()
            image = images_at(top.source, [number])[number]
            box = view.layer.field.box(view.places[at, rank].tolist(), (64, 64))
            assert tuple(view.boxes[at, rank].tolist()) == box
            whole = project(learn, 'layer2', image[None], [view.maps[at]], [top.places[at, rank]])[0]
            outside = whole.clone()
            outside[:, box[0]:box[2], box[1]:box[3]] = 0
            assert outside.abs().max() == 0  # what an answer came from lies in its receptive field
            cut = whole[:, box[0]:box[2], box[1]:box[3]]
            torch.testing.assert_close(view.projections[at][rank], cut, rtol=1e-3, atol=1e-4*cut.abs().max().item())
            assert view.patches[at][rank].shape == cut.shape
            assert view.files[at][rank] == learn.dls.valid.items[number].name
    assert repr(view) == '2 maps of layer2, 4 patches and projections of each'


def test_maps_are_drawn_by_lot_among_those_that_fire(dls):
    learn = vision_learner(dls, resnet10)
    norm = learn.model[0].layer1.bn2
    with torch.no_grad(): norm.bias[:60] = -1e6  # these never fire again
    some = [view_layer(learn, 'layer1', 2, k=1, seed=seed).maps for seed in (0, 0, 1)]
    assert some[0] == some[1]
    silent = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with torch.no_grad(): silent[0].bias.fill_(-1e6)
    with pytest.raises(ValueError, match='no map of 1 is active in any of these images'):
        view_layer(silent, '1', dl=[torch.rand(2, 3, 8, 8)])
    with pytest.raises(ValueError, match='maps is 0; expected 1 or more'): show_layer(learn, 'layer1', 0)


def test_a_silent_map_is_drawn_empty():
    torch.manual_seed(0)                  # map 2 must fire
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with torch.no_grad(): model[0].bias[1] = -1e6
    view = view_layer(model, '1', [1, 2], k=2, dl=[torch.rand(4, 3, 8, 8)])
    assert (map_image(view, 0)[:, :_TILE, :_TILE] - .93).abs().max() < 1e-6
    assert map_image(view, 1).std() > .05 and view.fired[0] == 0


def test_a_tile_lies_where_its_window_does():
    field = ReceptiveField((6, 6), (2, 2), (-3, -3))
    shown = tile(torch.zeros(3, 3, 6), field.box((0, 2), (20, 20)), (0, 2), field, (20, 20), empty=1., side=24)
    assert shown[:, :12].eq(1).all() and shown[:, 12:].eq(0).all()  # rows -3 to -1 are outside
    wide = ReceptiveField((99, 99), (16, 16), (-49, -49))
    shown = tile(torch.zeros(3, 10, 20), (0, 0, 10, 20), (0, 0), wide, (20, 20), empty=1., side=20)
    assert shown[:, :10].eq(0).all() and shown[:, 10:].eq(1).all()  # the frame of the whole picture


def test_the_figure_is_laid_out_as_in_the_paper(learn):
    show_layer(learn, 'layer3', maps=6)
    figure = plt.gcf()
    drawn = [axis for axis in figure.axes if axis.images]
    assert len(drawn) == 6 and drawn[0].images[0].get_array().shape[:2] == (3*_TILE + 4, 6*_TILE + 13)
    assert figure.get_suptitle() == 'layer3: a position sees 99 x 99 pixels; left: deconvnet, right: patches'
    show_layer(learn, 'layer2', [1, 2, 3], before=True, k=4, method='guided')
    titles = [axis.get_title().partition(':')[0] for axis in plt.gcf().axes if axis.images]
    assert titles == [f'map {m} {when}' for m in (1, 2, 3) for when in ('before', 'after')]


def weights_of(model): return [p.detach().clone() for p in model.parameters()]
def equal(a, b): return all(map(torch.equal, a, b))


def test_the_network_before_training_is_built_again(dls):
    for options in {}, {'weights': None}:
        learn = vision_learner(dls, resnet10, **options)
        learn.weights = options.get('weights', 'default')
        start = weights_of(learn.model[0])
        with torch.no_grad():
            for p in learn.model.parameters(): p.add_(.1)
        now = weights_of(learn.model)
        assert equal(weights_of(_starting_model(learn)[0]), start)
        assert equal(weights_of(learn.model), now)


def test_before_may_be_a_model(learn):
    kept = copy.deepcopy(learn.model)
    for before in kept, kept[0], create_model('resnet10'):
        assert equal(weights_of(learner_before(learn, before).model[0]), weights_of(learn.model[0]))
    for wrong in create_model('resnet18', None), nn.Linear(2, 2):
        with pytest.raises(TypeError, match=r'layers differ .* pass a copy .*or the resnet10 from which'):
            learner_before(learn, wrong)
    with pytest.raises(TypeError, match='before needs a learner'): show_layer(kept, '0.layer1', before=True)
    other = Learner(learn.dls, create_model('resnet10', num_classes=2))
    with pytest.raises(ValueError, match='not made by vision_learner, .* make a copy'):
        show_layer(other, 'layer1', before=True)


def test_weights_that_cannot_be_had(dls, monkeypatch, tmp_path):
    monkeypatch.setenv('FASTLEARN_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    learn = vision_learner(dls, 'squeezenet1_1', weights=None)
    learn.weights = 'default'
    with pytest.raises(ValueError, match=r'cannot download .* squeezenet1_1 started from.*pass before=create_model'):
        show_layer(learn, 'features.3', before=True)


def test_nothing_is_left_behind(learn):
    learn.model.train()
    before, model = snapshot(learn), learn.model
    show_layer(learn, 'layer2', 2, before=True)
    with pytest.raises(ValueError, match="no layer 'layer9'"): show_layer(learn, 'layer9', before=True)
    def interrupted():
        yield next(iter(learn.dls.valid))
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): show_layer(learn, 'layer2', 2, dl=interrupted())
    assert unchanged(before, learn) and learn.model is model
