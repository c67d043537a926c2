"A linear classifier on every layer: against scikit-learn, separable and random labels, and what is left behind"
import pytest
import torch
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from test_layers import snapshot, unchanged
from torch import nn

from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.layers import trace_layers
from fastlearn.interpret.linear_probes import (
    _fit_best, _fit_linear, _PENALTIES, _pooled_features, _randomize, _stages, compare_probes, probe_layers,
    show_probes, with_random_weights,
)
from fastlearn.learner import Learner, vision_learner
from fastlearn.models import create_model, resnet10


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def learn(small_learner): return small_learner


def clouds(n, classes=3, features=5, apart=8., seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (n,), generator=generator)
    middles = apart*torch.eye(max(classes, features))[:classes, :features]
    return middles[targets] + torch.randn(n, features, generator=generator), targets


@pytest.mark.parametrize('penalty', [1e-2, .3])
def test_the_solver_finds_what_scikit_learn_finds(penalty):
    features, targets = clouds(90, apart=1.)
    features = features*torch.tensor([1., 10., .01, 3., 100.]) + 7
    ours = _fit_linear(features, targets, 3, penalty, steps=300)
    scaled = ((features - features.mean(0))/features.std(0, correction=0)).numpy()
    theirs = LogisticRegression(C=1/(penalty*90), tol=1e-8, max_iter=5000).fit(scaled, targets.numpy())
    assert torch.allclose(ours.weight, torch.tensor(theirs.coef_, dtype=torch.float32), atol=2e-3)
    mine = ours(features).softmax(1)
    assert torch.allclose(mine, torch.tensor(theirs.predict_proba(scaled), dtype=torch.float32), atol=2e-3)


def test_separable_features_are_always_right():
    features, targets = clouds(200)
    probe, penalty = _fit_best(features[:120], targets[:120], 3)
    assert probe.score(features[:120], targets[:120]) == probe.score(features[120:], targets[120:]) == 1
    assert penalty in _PENALTIES


def test_random_labels_are_right_by_chance_only():
    generator = torch.Generator().manual_seed(3)
    features, targets = torch.randn(1200, 20, generator=generator), torch.randint(4, (1200,), generator=generator)
    probe, _ = _fit_best(features[:600], targets[:600], 4)
    share = probe.score(features[600:], targets[600:])
    assert abs(share - .25) < 4*(.25*.75/600)**.5  # four standard errors


def test_features_that_do_not_vary_do_no_harm():
    features, targets = clouds(60)
    features[:, 3] = 1e6
    assert _fit_linear(features, targets, 3, .01).score(features, targets) == 1
    assert torch.isfinite(_fit_linear(torch.ones(8, 2), targets[:8], 3, .01).weight).all()
    for wrong in (), (-1.,):
        with pytest.raises(ValueError, match='expected one or more numbers, 0 or above'):
            _fit_best(features, targets, 3, wrong)


class Knows(nn.Module):
    "Its first layer computes nothing of use, its second one the class"
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)
        with torch.no_grad(): self.second.weight.copy_(torch.eye(2)[..., None, None])

    def forward(self, x):
        noise = self.first(x)
        return self.second(noise*0 + x[:, :2]).amax((2, 3))


def test_the_layer_that_knows_is_found():
    generator = torch.Generator().manual_seed(0)
    def batches(n):
        for _ in range(n):
            targets = torch.randint(2, (16,), generator=generator)
            images = torch.rand(16, 3, 8, 8, generator=generator)*.01
            images[range(16), targets, 2, 2] = 1.
            yield images, targets
    loaders = list(batches(8)), list(batches(8))
    learn = Learner(DataLoaders(*loaders, vocab=['a', 'b'], device='cpu'), Knows())
    learn.model.first.weight.data.zero_()
    probes = probe_layers(learn, progress=False)
    assert probes.layers == ('first', 'second') and probes.features == (4, 4) and probes.images == (128, 128)
    assert probes.accuracy[1] == 1 and probes.accuracy[0] < .7
    most = torch.cat([t for _, t in loaders[0]]).bincount().argmax()
    assert probes.majority == pytest.approx((torch.cat([t for _, t in loaders[1]]) == most).double().mean().item())


def test_features_are_maximum_and_average(learn):
    layers = [trace_layers(learn)[name] for name in ('layer1', 'head.4')]
    found, targets = _pooled_features(learn, layers, learn.dls.train, progress=False)
    dataset = learn.dls.train.dataset
    assert torch.equal(targets, dataset.targets)  # in order, and none left out
    images = torch.cat([images for images, _ in learn.dls.test_dl(dataset.items).batches(0)])
    with torch.no_grad():
        maps = learn.model.eval()[0][:5](images)
        last = learn.model[1][:5](learn.model[0](images))
    assert torch.allclose(found['layer1'], torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], 1), atol=1e-4)
    assert torch.allclose(found['head.4'], last, atol=1e-3)


def test_stages(learn):
    assert _stages(learn) == ['conv1', 'layer1', 'layer2', 'layer3']
    squeeze = vision_learner(learn.dls, 'squeezenet1_0', weights=None)
    assert _stages(squeeze)[:3] == ['features.0', 'features.3', 'features.4'] and len(_stages(squeeze)) == 9
    assert _stages(vision_learner(learn.dls, 'swin_t', weights=None))[0] == 'features.0'


def test_random_weights(learn):
    before = snapshot(learn)
    twin = with_random_weights(learn)
    assert unchanged(before, learn) and twin.model is not learn.model and twin.dls is learn.dls
    assert torch.equal(with_random_weights(learn).model[0].conv1.weight, twin.model[0].conv1.weight)
    assert not torch.equal(with_random_weights(learn, 1).model[0].conv1.weight, twin.model[0].conv1.weight)
    other = Learner(learn.dls, create_model('resnet10', num_classes=2))
    assert not torch.equal(with_random_weights(other).model.conv1.weight, other.model.conv1.weight)
    class Own(nn.Module):
        def __init__(self): super().__init__(); self.scale = nn.Parameter(torch.ones(3))
    with pytest.raises(TypeError, match=r'0 \(Own\) has weights but no reset_parameters\(\)'):
        _randomize(nn.Sequential(Own()))


def test_tables_and_figures(learn):
    learn.weights = 'default'
    table = compare_probes(learn, ['layer1', 'layer3'], before=True, progress=False)
    assert list(table) == ['as it is', 'before training', 'random weights']
    assert table['as it is'].accuracy == table['before training'].accuracy
    lines = repr(table).splitlines()
    assert lines[0].split('  ')[0] == 'layer' and lines[1].split()[:2] == ['layer1', '128'] and len(lines) == 3
    assert table._repr_html_().count('<tr>') == 3 and 'layer3       512' in repr(table['as it is'])
    show_probes(learn, ['layer1', 'layer2'], random=False)
    assert [line.get_label() for line in plt.gca().lines] == ['as it is', 'always the most frequent class']


def test_what_is_wrong_is_said(learn, few_pets):
    with pytest.raises(TypeError, match='a bare ResNet10 has no labeled images to probe it with; make a Learner'):
        probe_layers(learn.model if isinstance(learn.model, Learner) else create_model('resnet10'))
    with pytest.raises(ValueError, match="no layer 'layr2'; did you mean"): probe_layers(learn, ['layr2'])
    files = get_image_files(few_pets)[:24]
    dls = ImageDataLoaders.from_lists(few_pets, files, [i/2 for i in range(24)], seed=0, bs=8,
                                      item_tfms=Resize(32), device='cpu')
    with pytest.raises(ValueError, match="need one class per image, .* of kind 'number'"):
        show_probes(vision_learner(dls, resnet10))


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind(learn, error, monkeypatch):
    learn.model.train()
    before = snapshot(learn)
    with torch.no_grad(): probe_layers(learn, ['layer1'], progress=False)  # wherever it is called
    assert unchanged(before, learn)
    calls = 0
    def broken(self, x, forward=type(learn.model[0].layer2).forward):
        nonlocal calls
        calls += 1
        if calls == 12: raise error('in the middle')
        return forward(self, x)
    monkeypatch.setattr(type(learn.model[0].layer2), 'forward', broken)
    with pytest.raises(error): probe_layers(learn, ['layer1', 'layer2'], progress=False)
    assert calls == 12 and unchanged(before, learn)
