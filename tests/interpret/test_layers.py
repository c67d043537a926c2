"Layers by name, what they see, and what comes out of them"
import pytest
import torch
from torch import nn

from fastlearn.body import create_body
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.layers import (
    activations, find_layer, forward_hooks, layer_names, layer_output, list_layers, model_of, ReceptiveField,
    trace_layers,
)
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import create_model, resnet10


def is_cat(name): return name[0].isupper()


@pytest.fixture(scope='module')
def learn(few_pets):
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, label_func=is_cat,
                                          item_tfms=Resize(48), bs=16, device='cpu')
    return vision_learner(dls, resnet10)


def all_positive(model):
    """Weights that let every influence through, and nothing else: no biases, no negative numbers that cancel

    Answers may grow until they are infinite; what is not reached stays exactly zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d): module.weight.data.uniform_(.5, 1)
        if isinstance(module, nn.BatchNorm2d): module.reset_parameters()
        for offset in 'bias', 'shift':
            if getattr(module, offset, None) is not None: getattr(module, offset).data.zero_()
    return model.eval()


def rows_reached(model, height, row, across):
    "First and last row of every layer's output that differs when a row of a black picture becomes white"
    picture, found = torch.zeros(1, 3, height, 64), {}
    picture[:, :, row] = 1
    def note(name, output):
        if output.ndim != 4: return
        lines = (output != 0).flatten(0, 1).any(0).any(0 if across else 1).nonzero().flatten().tolist()
        found[name] = (lines[0], lines[-1]) if lines else None
    with torch.no_grad(), forward_hooks(layer_names(model), note): model(picture.mT if across else picture)
    return found


HEIGHT = {'resnet10': 200, 'resnet18': 500, 'resnet34': 950, 'squeezenet1_0': 300, 'alexnet': 260, 'vgg11': 200,
          'densenet121': 2100, 'mobilenet_v2': 520, 'googlenet': 500, 'shufflenet_v2_x0_5': 300, 'convnext_tiny': 700}

@pytest.mark.parametrize('name', HEIGHT)
def test_fields_are_those_measured_by_differences(name):
    "A white row in a black picture; where any layer answers is where its field says it should"
    model, height = all_positive(create_body(name, None)), HEIGHT[name]
    layers = trace_layers(model, 64)
    assert sum(layer.field is not None for layer in layers.values()) >= 10
    for row, across in (height//2, False), (height//2 + 5, True):
        reached = rows_reached(model, height, row, across)
        for path, layer in layers.items():
            if layer.field is None: continue
            assert not layer.field.everywhere, path
            start, stride, size = (pair[across] for pair in (layer.field.start, layer.field.stride, layer.field.size))
            first, last = -((start + size - 1 - row)//stride), (row - start)//stride
            assert reached[path] is not None and reached[path][0] == max(0, first), (path, reached[path], first, last)
            assert reached[path][1] == last or reached[path][1] < last and row + stride > height - size, path


@pytest.mark.parametrize('name, border', [('mobilenet_v3_small', 'features.1'), ('efficientnet_b0', 'features.1'),
                                          ('regnet_y_400mf', 'trunk_output.block1')])
def test_behind_squeeze_and_excitation_and_attention_everything_is_seen(name, border):
    layers = [layer for layer in trace_layers(create_model(name, None).eval(), 224).values() if layer.field]
    names = [layer.name for layer in layers]
    at = names.index(border)
    assert layers[at].field.everywhere
    assert not layers[0].field.everywhere or layers[0].name in ('features', 'stem')
    assert all(layer.field.everywhere for layer in layers[at + 1:] if not layer.name.startswith(border))


def test_transformers_have_no_places():
    layers = trace_layers(create_model('swin_t', None), 224)
    assert layers['features.0.0'].field.size == (4, 4) and layers['features.1.0'].field is None
    layers = trace_layers(create_model('vit_b_32', None), 224)
    assert layers['conv_proj'].field.size == (32, 32)
    assert all(layer.field is None for name, layer in layers.items() if name.startswith('encoder'))


class Odd(nn.Module):
    "Rows and columns treated differently, a dilated window, a shifted view by hand"
    def __init__(self):
        super().__init__()
        self.tall = nn.Conv2d(3, 4, (5, 1), stride=(2, 1), padding=(2, 0), dilation=(2, 1), bias=False)
        self.pool = nn.MaxPool2d((1, 3), (1, 2), ceil_mode=True)
        self.pad, self.average = nn.ZeroPad2d(1), nn.AdaptiveAvgPool2d(4)

    def forward(self, x):
        x = self.pool(torch.nn.functional.relu(self.tall(x)))
        x = torch.cat([x, x.flip(1)], dim=1)
        return self.pad(self.average(x))


def test_rows_and_columns_apart():
    layers = trace_layers(Odd(), 32)
    assert layers['tall'].field == ReceptiveField((9, 1), (2, 1), (-2, 0))
    assert layers['pool'].field == ReceptiveField((9, 3), (2, 2), (-2, 0))
    assert layers['average'].field.everywhere  # `flip` is not known to leave the places alone
    assert layers['pool'].field.box((0, 15), (32, 32)) == (0, 30, 7, 32)


def test_names_are_completed_and_suggested(learn):
    assert find_layer(learn, 'layer2')[1] is learn.model[0].layer2
    assert find_layer(learn, '0.layer2') == find_layer(learn, 'layer2')
    assert find_layer(learn, 'layer2.conv1')[0] == 'layer2.conv1' and find_layer(learn, 'head.4')[0] == 'head.4'
    with pytest.raises(ValueError, match="'conv2' matches 3 layers: layer1.conv2, layer2.conv2"):
        find_layer(learn, 'conv2')
    with pytest.raises(ValueError, match="no layer 'layr2'; did you mean .*layer2"): find_layer(learn, 'layr2')
    with pytest.raises(ValueError, match="no layer 'xyzzy'; this network has body, conv1"): find_layer(learn, 'xyzzy')


def test_a_cut_network_is_named_like_the_whole(few_pets, learn):
    cut = vision_learner(learn.dls, 'squeezenet1_0', weights=None)
    whole = {name for name in layer_names(create_model('squeezenet1_0', None)) if name.startswith('features')}
    assert {name for name in layer_names(cut) if not name.startswith('head')} == whole - {'features'} | {'body'}
    assert find_layer(cut, 'features.3.squeeze')[1] is cut.model[0][3].squeeze
    plain = Learner(learn.dls, nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert list(layer_names(plain)) == ['0', '1', '2']


def test_the_table(learn):
    table = list_layers(learn, depth=1)
    text = repr(table).splitlines()
    assert text[0].split() == ['layer', 'kind', 'output', 'sees', 'stride', 'parameters']
    assert text[-2].split() == 'layer3 BasicBlock 256 x 3 x 3 99 px 16 919,040'.split()
    assert '<td style="text-align: right">919,040</td>' in table._repr_html_()
    assert len(list_layers(learn, depth=None)) > len(list_layers(learn)) > len(table)


def snapshot(learn):
    "Everything that a look must leave alone"
    model = model_of(learn)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules()]
    return ([m.training for m in model.modules()], hooks, [p.requires_grad for p in model.parameters()],
            [p.grad is None for p in model.parameters()], torch.get_rng_state().tolist(), torch.is_grad_enabled(),
            [t.clone() for t in model.state_dict().values()])


def unchanged(before, learn):
    after = snapshot(learn)
    return before[:-1] == after[:-1] and all(map(torch.equal, before[-1], after[-1]))


def test_activations_are_the_layers_own_also_before_a_relu_in_place():
    model = create_model('resnet18', None).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before_relu = model.bn1(model.conv1(images))
        after = model.layer1(model.maxpool(before_relu.relu()))
    assert before_relu.min() < 0
    torch.testing.assert_close(next(activations(model, 'bn1', [images])), before_relu)
    torch.testing.assert_close(next(activations(model, 'layer1', [(images, None)])), after)
    first, second = activations(model, 'layer1.1.relu', [images, images])  # called twice in its block
    torch.testing.assert_close(first, after)
    torch.testing.assert_close(second, after)


def test_a_look_leaves_nothing_behind(learn):
    learn.model.train()
    before = snapshot(learn)
    list_layers(learn)
    for maps in activations(learn, 'layer2', learn.dls.valid): assert not maps.requires_grad
    looking = activations(learn, 'layer2', learn.dls.valid)
    next(looking)
    assert unchanged(before, learn)  # also between two batches
    looking.close()
    assert unchanged(before, learn)


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_nor_does_one_that_fails(learn, error):
    class Breaks(nn.Module):
        def forward(self, x): raise error('in the middle')
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Breaks(), nn.Conv2d(4, 4, 3)).train()
    before = snapshot(model)
    with pytest.raises(error): trace_layers(model, 16)
    with pytest.raises(error): next(activations(model, '3', [torch.zeros(1, 3, 16, 16)]))
    assert unchanged(before, model)


def test_only_what_is_needed_is_computed():
    class Counts(nn.Identity):
        calls = 0
        def forward(self, x): Counts.calls += 1; return x
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Counts())
    images = torch.zeros(1, 3, 8, 8)
    assert len(list(activations(model, '0', [images]*3))) == 3
    assert Counts.calls == 1  # with the first batch it was counted how often the layer runs


def test_what_cannot_be_looked_at_is_named():
    class Two(nn.Module):
        def forward(self, x): return x, x
    class Model(nn.Module):
        def __init__(self): super().__init__(); self.two, self.idle = Two(), nn.Conv2d(3, 3, 1)
        def forward(self, x): return self.two(x)[0]
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(TypeError, match="layer 'two' returns a tuple; expected one tensor"):
        layer_output(Model(), 'two', images)
    with pytest.raises(ValueError, match="layer 'idle' did not run"): next(activations(Model(), 'idle', [images]))
    assert list(trace_layers(Model(), 8)) == []
