"Bodies and groups: every architecture that torchvision classifies with is cut and divided"
import json

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from fastlearn.body import (
    body_config, body_from_config, body_shape, create_body, cut_body, find_cut, Renormalize, shapes_device,
    split_groups,
)
from fastlearn.core.device import eval_mode, import_torchvision
from fastlearn.data.images import imagenet_stats
from fastlearn.head import attach_head, freeze_to, train_mode
from fastlearn.models import count_parameters, create_model, find_architecture, list_architectures

SIZE = {'vit_h_14': 224}  # pixels; without weights the default build takes 224, with them 518
INITIALIZERS = 'normal_', 'uniform_', 'kaiming_normal_', 'erfinv_', 'fill_', 'zero_', 'mul_', 'add_', 'clamp_'


class ParametersOnMeta(TorchFunctionMode):
    "Parameters without memory and values; what an architecture computes to build itself stays real (regnet's widths)"
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        target = args[0] if args else kwargs.get('tensor')
        if func.__name__ in INITIALIZERS and target.is_meta: return target  # no values, so nothing to initialize
        return func(*args, **(kwargs | {'device': 'meta'} if func is torch.empty else kwargs))


def build_on_meta(name):
    with ParametersOnMeta(): return create_model(name, weights=None).to('meta')


def picture_size(arch): return SIZE.get(arch.name) or arch.fixed_size or max(arch.min_size, 64)


def filled(name):
    "A network with numbers that are drawn once, since its own beginning draws those of a large classifier three times"
    with ParametersOnMeta(): model = create_model(name, weights=None)
    buffers = {key: value.clone() for key, value in model.named_buffers() if not value.is_meta}
    model.to_empty(device='cpu')
    with torch.no_grad():
        for parameter in model.parameters():
            fan = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.uniform_(-1, 1).mul_((3/fan)**.5) if fan > 1 else parameter.uniform_(.5, 1.5)
        for key, value in model.named_buffers(): value.copy_(buffers[key])
    return model


ONE_PER_FAMILY = ['resnet10', 'alexnet', 'convnext_tiny', 'densenet121', 'efficientnet_b0', 'efficientnet_v2_s',
                  'googlenet', 'inception_v3', 'maxvit_t', 'mnasnet0_5', 'mobilenet_v2', 'mobilenet_v3_small',
                  'mobilenet_v3_large', 'regnet_y_400mf', 'resnet18', 'shufflenet_v2_x0_5', 'squeezenet1_1', 'swin_t',
                  'swin_v2_t', 'vgg11', 'vit_b_32']
DIVIDED_ELSEWHERE = ['vgg13', 'vgg16', 'vgg19', 'vgg16_bn', 'vit_l_32']  # than the first of their family


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=() if name in (*ONE_PER_FAMILY, *DIVIDED_ELSEWHERE) else pytest.mark.long)
    for name in list_architectures()])
def test_every_architecture_is_cut_grouped_and_gets_a_head(name):
    arch = find_architecture(name)
    body, size = cut_body(build_on_meta(name), arch), picture_size(arch)
    model = attach_head(body, 3, size=size).to('meta')
    groups = split_groups(model, arch)  # raises unless every parameter is in exactly one group
    assert len(groups) == 3 and groups[2] is model[1]
    assert sum(count_parameters(group) for group in groups) == count_parameters(model)
    assert count_parameters(groups[0]) and count_parameters(groups[1])
    with eval_mode(model): assert model(torch.zeros(2, 3, size, size, device='meta')).shape == (2, 3)


def test_every_family_is_checked():
    assert {find_architecture(name).family for name in ONE_PER_FAMILY} == {
        find_architecture(name).family for name in list_architectures()}


@pytest.mark.parametrize('name', ONE_PER_FAMILY)
def test_the_smallest_size_is_enough(name):
    arch = find_architecture(name)
    body = cut_body(build_on_meta(name), arch)
    assert body_shape(body, arch.min_size)[0] == body_shape(body, 224)[0]


FASTAIS_BORDERS = 'alexnet', 'vgg11', 'squeezenet1_1', 'vit_b_32'  # the last one's map keeps its size throughout


@pytest.mark.parametrize('name', [name for name in ONE_PER_FAMILY if name not in FASTAIS_BORDERS])
def test_the_second_group_begins_where_a_place_covers_16_pixels(name):
    arch = find_architecture(name)
    body = cut_body(build_on_meta(name), arch)
    early, late, _ = split_groups(attach_head(body, 2, size=224).to('meta'), arch)
    with eval_mode(body):
        between = early(torch.zeros(1, 3, 224, 224, device='meta'))
        after = late[0](between)
    side = lambda maps: maps.shape[1] if arch.family == 'swin_transformer' else maps.shape[-1]
    assert side(between) in (28, 25, 14) and side(after) in (14, 12)  # googlenet's pool stands before the border


@pytest.mark.parametrize('name', ONE_PER_FAMILY)
def test_a_body_computes_what_the_whole_model_computes_before_its_classifier(name):
    arch = find_architecture(name)
    torch.manual_seed(0)
    model = filled(name)
    body, seen = cut_body(model, arch), []
    getattr(model, find_cut(arch).until).register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    size = picture_size(arch)
    images = torch.rand(1, 3, size, size)
    with eval_mode(model), eval_mode(body):
        maps = body(images)
        if arch.family in ('googlenet', 'inception'): images = body[0](images)
        model(images)
    expected = seen[0]
    if arch.family == 'densenet': maps = maps.relu()  # it stands in torchvision's `forward`; fastai leaves it out, too
    if expected.ndim == 2 and maps.ndim == 4: maps = maps.mean((2, 3))  # pooled in `forward`
    torch.testing.assert_close(maps.reshape(expected.shape), expected)


def test_bodies_convert_pictures_for_weights_that_were_trained_otherwise():
    images = torch.rand(1, 3, 8, 8)
    mean, std = (torch.tensor(s).view(3, 1, 1) for s in imagenet_stats)
    for name in 'googlenet', 'inception_v3', 'efficientnet_v2_l':
        body = cut_body(build_on_meta(name), find_architecture(name))
        convert = Renormalize(*find_architecture(name).stats)
        assert type(body[0]) is Renormalize and next(iter(body.named_children()))[0] == 'renormalize'
        torch.testing.assert_close(convert((images - mean)/std), (images - 0.5)/0.5)
    whole = import_torchvision().models.googlenet(weights=None, transform_input=True, init_weights=False)
    torch.testing.assert_close(convert(images), whole._transform_input(images))  # torchvision's own conversion

# fastai 2.8.12, 2 classes: tensors and parameters per group, trainable while frozen with train_bn
FASTAI = {'resnet18': ((30, 30, 6), (683_072, 10_493_440, 528_384), 537_984),
          'resnet34': ((48, 60, 6), (1_347_904, 19_936_768, 528_384), 545_408),
          'resnet50': ((72, 87, 6), (1_444_928, 22_063_104, 2_107_392), 2_160_512)}


@pytest.mark.parametrize('name', FASTAI)
def test_groups_have_fastais_numbers(name):
    tensors, parameters, trainable = FASTAI[name]
    model = attach_head(cut_body(build_on_meta(name), name), 2).to('meta')
    groups = split_groups(model, name)
    assert tuple(len(list(group.parameters())) for group in groups) == tensors
    assert tuple(count_parameters(group) for group in groups) == parameters
    freeze_to(groups, -1); train_mode(groups)
    assert count_parameters(model, trainable=True) == parameters[-1]
    train_mode(groups, train_bn=True)
    assert count_parameters(model, trainable=True) == trainable


@pytest.mark.parametrize('name, border', [('vgg16_bn', 22), ('alexnet', 6), ('squeezenet1_0', 5), ('densenet121', 7)])
def test_borders_inside_the_features_are_fastais(name, border):
    model = build_on_meta(name)
    early, late, _ = split_groups(attach_head(cut_body(model, name), 2).to('meta'), name)
    assert list(early) == list(model.features)[:border] and list(late) == list(model.features)[border:]


@pytest.mark.parametrize('name', ['vgg11', 'vgg13', 'vgg16', 'vgg19'])
def test_a_vgg_without_batchnorm_is_divided_after_its_third_pooling(name):
    early, _, _ = split_groups(attach_head(cut_body(build_on_meta(name), name), 2).to('meta'), name)
    assert isinstance(early[-1], nn.MaxPool2d) and sum(isinstance(layer, nn.MaxPool2d) for layer in early) == 3


@pytest.mark.parametrize('name', ['vit_b_16', 'vit_b_32', pytest.param('vit_h_14', marks=pytest.mark.long),
                                  pytest.param('vit_l_16', marks=pytest.mark.long), 'vit_l_32'])
def test_a_vision_transformer_is_divided_in_the_middle_of_its_layers(name):
    early, late, _ = split_groups(attach_head(cut_body(build_on_meta(name), name), 2, size=SIZE.get(name, 224)), name)
    def layers(group): return [part for part in group if type(part).__name__ == 'EncoderBlock']
    assert len(layers(early)) == len(layers(late)) > 5
    assert [part for part, _ in [*early.named_children(), *late.named_children()] if 'layer' not in part] == [
        'tokens', 'ln', 'class_token']      # files name the weights so


def test_a_vision_transformer_names_the_size_that_it_got():
    body = cut_body(build_on_meta('vit_b_32'), 'vit_b_32')
    with pytest.raises(ValueError, match=r'takes images of 224x224 pixels but got 32x64; use Resize\(224\)'):
        body(torch.zeros(1, 3, 32, 64, device='meta'))


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.eyes, self.neck, self.mouth = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)
    def forward(self, images): return self.mouth(self.neck(self.eyes(images)).mean((2, 3)))


def test_a_splitter_divides_a_model_of_ones_own():
    model = Own()
    groups = split_groups(model, splitter=lambda m: [[m.eyes, m.neck], m.mouth])
    freeze_to(groups, -1); train_mode(groups)
    assert not model.neck.training and count_parameters(model, trainable=True) == 10
    assert split_groups(model) == [model]


@pytest.mark.parametrize('splitter, message', [
    (lambda m: [m.eyes, m.mouth],
     '2 parameters are in no group and would never be trained: neck.weight, neck.bias; let the splitter'),
    (lambda m: [m, m.mouth], '2 parameters are in several groups: mouth.weight, mouth.bias'),
    (lambda m: [m, nn.ReLU()], 'group 1 of 2 has no parameters'),
    (lambda m: [list(m.parameters())], 'the splitter returned list, expected a module or a list of modules')])


def test_a_wrong_splitter_is_named(splitter, message):
    with pytest.raises(ValueError, match=message): split_groups(Own(), splitter=splitter)


def test_a_body_of_another_architecture_is_named():
    model = attach_head(create_body('squeezenet1_0', None), 2)
    with pytest.raises(ValueError, match="this body has no part 'layer3' where resnet34 is divided"):
        split_groups(model, 'resnet34')


@pytest.mark.parametrize('name, size, message', [
    ('vit_b_32', 64, r'takes images of 224x224 pixels but got 64x64; use Resize\(224\)'),
    ('alexnet', 20, 'cannot take images of 20x20 pixels'),
    ('maxvit_t', 100, 'cannot take images of 100x100 pixels')])


def test_pictures_of_a_wrong_size_are_named(name, size, message):
    with pytest.raises(ValueError, match=message): body_shape(cut_body(build_on_meta(name), name), size)


@pytest.mark.parametrize('name', ['resnet10', 'regnet_y_400mf', 'vit_b_32'])
def test_a_body_is_built_again_from_its_configuration(name):
    with shapes_device(name): body = create_body(name, weights=None)
    config = body_config(body, name)
    assert json.loads(json.dumps(config)) == config == {
        'arch': name, 'cut': find_cut(find_architecture(name)).until, 'image_size': 224 if name == 'vit_b_32' else None}
    with shapes_device(name): assert str(body_from_config(config)) == str(body)


def test_a_body_with_other_layers_has_no_configuration():
    body = create_body('resnet10', weights=None)
    assert body_config(body[:-1], 'resnet10') is None and body_config(nn.Sequential(), 'resnet10') is None
