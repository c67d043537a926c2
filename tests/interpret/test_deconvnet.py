"The backward pass: the definition against the gradient with another rule, ReLUs of every kind, and what cannot be done"
import pytest
import torch
import torch.nn.functional as F
from test_layers import snapshot, unchanged
from torch import nn

from fastlearn.body import create_body
from fastlearn.interpret.deconvnet import _RectifiedBackward, as_image, deconvnet, project
from fastlearn.interpret.layers import activations
from fastlearn.models import create_model


def strongest(model, layer, images, seed=0):
    "For each image a map that fires, drawn at random, and its strongest place"
    maps = next(activations(model, layer, [images]))
    rng, chosen = torch.Generator().manual_seed(seed), []
    for one in maps.flatten(2):
        alive = (one.amax(1) > 0).nonzero().flatten()
        chosen.append(alive[torch.randint(len(alive), (), generator=rng)].item())
    places = [divmod(one[m].argmax().item(), maps.shape[3]) for one, m in zip(maps.flatten(2), chosen)]
    return chosen, places


def lively(model):
    "BatchNorms as after some training"
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(.5, 1.5)
            module.running_var.uniform_(.5, 2)
            module.running_mean.uniform_(-.2, .2)
    return model.eval()


def close(a, b): return (a - b).abs().max() <= 1e-5*b.abs().max() and b.abs().max() > 0


ROWS = {
    'overlap': lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(3, 1), nn.Conv2d(8, 6, 3), nn.ReLU()),
    'ceil': lambda: nn.Sequential(nn.Conv2d(3, 8, 4, 3), nn.ReLU(True), nn.MaxPool2d(3, 2, 1, ceil_mode=True),
                                  nn.Conv2d(8, 6, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, ceil_mode=True)),
    'groups': lambda: nn.Sequential(nn.Conv2d(3, 8, (5, 3), (2, 3), (2, 0), (2, 1)), nn.BatchNorm2d(8), nn.ReLU(True),
                                    nn.Conv2d(8, 8, 3, groups=4, bias=False), nn.BatchNorm2d(8), nn.Dropout(),
                                    nn.ReLU()),
    'nested': lambda: nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.ReLU()), nn.MaxPool2d(3, 2),
                                    nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU()))}

@pytest.mark.parametrize('name', ROWS)
def test_definition_and_gradient_agree(name):
    torch.manual_seed(1)
    row, images = lively(ROWS[name]()), torch.randn(4, 3, 41, 38)
    last = str(len(row) - 1)
    maps, places = strongest(row, last, images)
    assert close(project(row, last, images, maps, places), deconvnet(row, images, maps, places))


@pytest.mark.parametrize('name', ['alexnet', 'vgg11_bn'])
def test_they_agree_for_whole_networks(name):
    torch.manual_seed(0)
    body, images = lively(create_body(name, None)), torch.randn(2, 3, 80, 80)
    last = str(len(body) - 1)
    maps, places = strongest(body, last, images)
    assert close(project(body, last, images, maps, places), deconvnet(body, images, maps, places))


def test_the_definition_says_what_it_cannot_undo():
    with pytest.raises(TypeError, match='deconvnet is not defined for BasicBlock.*`project`, which works for'):
        deconvnet(create_body('resnet18', None), torch.zeros(1, 3, 64, 64), [0], [(0, 0)])


class Block(nn.Module):
    "Three ReLUs of one kind around a plus, a concatenation and a module that is used twice"
    def __init__(self, relu):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(12, 4, 3)
        self.relu = relu

    def forward(self, x):
        x = self.relu(self.a(x))
        y = self.relu(self.b(x) + x)
        return self.relu(self.c(torch.cat([x, y], 1)))


def relu_statement(x):
    x.relu_()  # the result is not used, but x is changed in place
    return x


KINDS = {'module': nn.ReLU(), 'by name': lambda x: F.relu(input=x),
         'module in place': nn.ReLU(inplace=True), 'F.relu': F.relu, 'torch.relu': torch.relu,
         'F.relu in place': lambda x: F.relu(x, inplace=True), 'by position': lambda x: F.relu(x, True),
         'F.relu_': F.relu_, 'method': lambda x: x.relu(), 'statement': relu_statement,
         'clamp': lambda x: x.clamp(min=0), 'clamp_min': lambda x: x.clamp_min(0), 'clamp_': lambda x: x.clamp_(0),
         'threshold': nn.Threshold(0, 0), 'hardtanh': nn.Hardtanh(0, 1e9), 'relu6': lambda x: F.relu6(x*1e-3)*1e3}

def by_hand(block, image, at, rule):
    "The backward pass through `Block`, written out"
    conv = F.conv_transpose2d
    with torch.no_grad():
        a = block.a(image); x = a.relu()
        b = block.b(x) + x; y = b.relu()
        c = block.c(torch.cat([x, y], 1))
        out = torch.zeros_like(c)
        out[at] = 1.
        back = conv(rule(out, c), block.c.weight)
        to_y = rule(back[:, 6:], b)
        to_x = back[:, :6] + to_y + conv(to_y, block.b.weight, padding=1)
        return conv(rule(to_x, a), block.a.weight, padding=1), c[at]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('method', ['deconvnet', 'guided', 'gradient'])
def test_every_spelling_of_relu_is_caught(kind, method):
    torch.manual_seed(0)
    block, image = Block(KINDS[kind]), torch.randn(1, 3, 12, 12)
    rule = {'deconvnet': lambda r, x: r.clamp_min(0), 'guided': lambda r, x: r.clamp_min(0)*(x > 0),
            'gradient': lambda r, x: r*(x > 0)}[method]
    place = torch.nonzero(block(image.clone())[0, 2] > 0)[0].tolist()
    expected, answer = by_hand(block, image, (0, 2, *place), rule)
    if method == 'deconvnet': expected = expected*answer
    assert close(project(nn.Sequential(block), '0', image, [2], [place], method), expected)


REAL = {'resnet18': 'layer2', 'squeezenet1_0': 'features.5', 'densenet121': 'features.denseblock1',
        'googlenet': 'inception3a', 'mobilenet_v2': 'features.4', 'shufflenet_v2_x0_5': 'stage2',
        'regnet_y_400mf': 'trunk_output.block1'}

@pytest.mark.parametrize('name, layer', REAL.items())
def test_real_networks_go_back(name, layer):
    torch.manual_seed(0)
    model, images = lively(create_model(name, None)), torch.randn(2, 3, 64, 64)
    maps, places = strongest(model, layer, images)
    methods = 'deconvnet', 'guided', 'gradient'
    views = {method: project(model, layer, images, maps, places, method) for method in methods}
    assert all(view.shape == images.shape and view.isfinite().all() for view in views.values())
    assert views['deconvnet'].abs().amax((1, 2, 3)).min() > 0
    assert not torch.allclose(views['deconvnet'], views['gradient'])


def test_the_gradient_is_the_derivative():
    torch.manual_seed(0)
    model, images = create_model('resnet10', None).double().eval(), torch.randn(1, 3, 40, 40, dtype=torch.double)
    maps, places = strongest(model, 'layer2', images)
    step = torch.randn_like(images)*1e-7
    answers = [next(activations(model, 'layer2', [images + s]))[0, maps[0]][places[0]] for s in (-step, step)]
    slope = (project(model, 'layer2', images, maps, places, 'gradient')*step).sum()
    assert ((answers[1] - answers[0])/2).item() == pytest.approx(slope.item(), rel=1e-4)


def test_many_at_once_are_as_one_by_one():
    torch.manual_seed(0)
    model, images = create_model('resnet10', None).eval(), torch.randn(5, 3, 48, 48)
    maps, places = strongest(model, 'layer2', images)
    together = project(model, 'layer2', images, maps, places, batch_size=2)
    for i in range(5):
        assert close(together[i:i + 1], project(model, 'layer2', images[i:i + 1], maps[i:i + 1], places[i:i + 1]))


def test_layers_before_the_first_relu_have_one_answer():
    model, images = create_model('resnet10', None).eval(), torch.randn(1, 3, 32, 32)
    views = [project(model, 'bn1', images, [0], [(8, 8)], method) for method in ('guided', 'gradient')]
    assert close(*views)


def test_what_has_no_way_back_is_named():
    images = torch.zeros(1, 3, 64, 64)
    for name, layer, blamed in (('convnext_tiny', 'features.1', r"features.1.0.block.4 \(GELU\) uses Gelu"),
                                ('efficientnet_b0', 'features.1', r"features.0.2 \(SiLU\) uses Silu"),
                                ('mobilenet_v3_small', 'features.2', r"features.0.2 \(Hardswish\) uses Hardswish")):
        model = create_model(name, None)
        with pytest.raises(TypeError, match=f"method 'deconvnet' is .* ReLUs, but {blamed}; use method='gradient'"):
            project(model, layer, images, [0], [(0, 0)])
        assert project(model, layer, images, [0], [(0, 0)], 'gradient').shape == images.shape
    with pytest.raises(ValueError, match="not feature maps with positions in the image; the last .* is 'conv_proj'"):
        project(create_model('vit_b_32', None), 'encoder', torch.zeros(1, 3, 224, 224), [0], [(0, 0)])
    with pytest.raises(TypeError, match=r'0 .Block. uses Clamp'):
        project(nn.Sequential(Block(lambda x: x.clamp(-1, 1))), '0', images, [0], [(0, 0)])
    sigmoids = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sigmoid())
    with pytest.raises(TypeError, match=r'1 .Sigmoid. uses Sigmoid'): project(sigmoids, '1', images, [0], [(0, 0)])


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_relu_that_cannot_be_caught_is_named():
    class Inner(nn.Module):
        def forward(self, x): return torch.relu(x)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), torch.jit.trace(Inner(), torch.zeros(1, 4, 6, 6)))
    with pytest.raises(TypeError, match='the ReLU of 1 .* compiled or scripted code.*pass the model from before'):
        project(model, '1', torch.randn(1, 3, 8, 8), [0], [(0, 0)])


def test_other_bad_input():
    model, images = create_model('resnet10', None), torch.zeros(2, 3, 32, 32)
    with pytest.raises(ValueError, match="unknown method 'grad'; expected one of deconvnet, guided, gradient"):
        project(model, 'layer1', images, [0, 0], [(0, 0)]*2, 'grad')
    with pytest.raises(ValueError, match='2 images, 1 maps, and 2 places'):
        project(model, 'layer1', images, [0], [(0, 0)]*2)
    with pytest.raises(ValueError, match='map 99 does not exist'): project(model, 'layer1', images, [0, 99], [(0, 0)]*2)
    class Cut(nn.Module):
        def forward(self, x): return x.detach()
    with pytest.raises(TypeError, match="layer '1' has no gradient with respect to the images"):
        project(nn.Sequential(nn.Conv2d(3, 3, 1), Cut()), '1', images, [0, 0], [(0, 0)]*2, 'gradient')


@pytest.mark.parametrize('method', ['deconvnet', 'guided', 'gradient'])
def test_nothing_is_left_behind(method):
    torch.manual_seed(0)
    model, images = create_model('resnet18', None).train(), torch.randn(2, 3, 48, 48)
    for p in model.layer1.parameters(): p.requires_grad_(False)
    model.fc.weight.grad = torch.ones_like(model.fc.weight)
    before, pixels = snapshot(model), images.clone()
    project(model, 'layer2', images, [0, 1], [(2, 2), (3, 3)], method)
    with torch.inference_mode(): project(model, 'layer2', images.clone(), [0, 1], [(2, 2), (3, 3)], method)
    for error in RuntimeError, KeyboardInterrupt:
        def breaks(module, inputs, error=error): raise error('in the middle')
        hook = model.layer2[1].register_forward_pre_hook(breaks)
        with pytest.raises(error): project(model, 'layer2', images, [0, 1], [(2, 2), (3, 3)], method)
        hook.remove()
    assert unchanged(before, model) and torch.equal(pixels, images) and not images.requires_grad
    assert model.fc.weight.grad.eq(1).all()
    assert torch.tensor([-1., 1.], requires_grad=True).relu().grad_fn.name().startswith('Relu')  # no rule is left


def test_as_picture():
    shown = as_image(torch.zeros(3, 4, 4))
    assert shown.eq(.5).all()
    one = torch.zeros(3, 100, 100)
    one[0, 5, 5] = -3
    assert as_image(one)[0, 5, 5] == 0 and as_image(one).mean() == pytest.approx(.5, abs=1e-3)
    assert _RectifiedBackward(False).caught == 0
