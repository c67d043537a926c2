"""Numbers of this package against fastai's on the same inputs: tests/fastai_numbers.json holds fastai's.

`benchmarks/fastai_numbers.py` writes the file in fastai's own environment, so that this test needs no fastai. Members
tried: metrics of one class, of two, of several labels and of quantities; label smoothing, with and without weights; a
step with MixUp; what tta makes of predictions; suggested rates; the items of each splitter; points after each
transform; a disc after presizing. What differs is a departure of the page From fastai, and tested here as such.
"""
import json
from pathlib import Path
from types import SimpleNamespace


import numpy as np
import pandas as pd
import pytest
import torch
from discs import measure_discs
from fastlearn import mixup
from fastlearn.classification_metrics import (
    accuracy_multi, BalancedAccuracy, CohenKappa, F1Score, F1ScoreMulti, MatthewsCorrCoef, Precision, PrecisionMulti,
    Recall, RecallMulti, RocAuc, top_k_accuracy,
)
from fastlearn.core.signposts import read_ways
from fastlearn.data.augment import aug_transforms
from fastlearn.data.blocks import DataBlock, ImageBlock, PointBlock
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import Resize
from fastlearn.data.random_crop import RandomResizedCrop
from fastlearn.data.splitters import (
    ColSplitter, FuncSplitter, GrandparentSplitter, IndexSplitter, RandomSplitter, TrainTestSplitter,
)
from fastlearn.inference import predict
from fastlearn.losses import BinaryCrossEntropy, CrossEntropy, LabelSmoothingCrossEntropy, MeanSquaredError
from fastlearn.lr_finder import minimum, slide, steep, valley
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import accuracy, error_rate, mae, mse, r2_score, rmse
from PIL import Image
from torch import nn

FASTAI = json.loads(Path(__file__).with_name('fastai_numbers.json').read_text(encoding='utf-8'))
DEPARTURES = {' '.join(way.names): way.text for way in read_ways()['departures']}


def numbers(part, *names): return [torch.tensor(FASTAI[part][name]) for name in names]


def measured(metric, outputs, targets):
    "In batches of 16, as a learner measures"
    (found,) = as_metrics(metric)
    found.reset()
    for batch in zip(outputs.split(16), targets.split(16)): found.update(*batch)
    return float(found.value())


AVERAGES = {f'{name}_{average}': cls(average=average) for average in ('macro', 'micro', 'weighted')
            for name, cls in {'f1': F1Score, 'precision': Precision, 'recall': Recall}.items()}
SINGLE = AVERAGES | {
    'accuracy': accuracy, 'error_rate': error_rate, 'top_2': lambda x, y: top_k_accuracy(x, y, k=2),
    'balanced_accuracy': BalancedAccuracy(), 'cohen_kappa': CohenKappa(), 'matthews': MatthewsCorrCoef(),
    'roc_auc': RocAuc()}
MULTI = {'accuracy_multi': accuracy_multi, 'accuracy_multi_2': lambda x, y: accuracy_multi(x, y, thresh=.2),
         'accuracy_multi_raw': lambda x, y: accuracy_multi(x, y, sigmoid=False), 'f1_multi': F1ScoreMulti(),
         'precision_multi': PrecisionMulti(), 'recall_multi': RecallMulti(thresh=.3)}
NUMBER = {'mse': mse, 'mae': mae, 'rmse': rmse, 'r2': r2_score}


def test_all_of_its_metrics_are_compared():
    found = FASTAI['metrics']
    assert (set(found['single']), set(found['multi']), set(found['number'])) == (set(SINGLE), set(MULTI), set(NUMBER))


@pytest.mark.parametrize('name', SINGLE)
def test_metrics_of_one_class(name):
    found = measured(SINGLE[name], *numbers('metrics', 'logits', 'targets'))
    assert found == pytest.approx(FASTAI['metrics']['single'][name], abs=1e-6)


@pytest.mark.parametrize(('name', 'metric'), {'f1': F1Score(), 'precision': Precision(), 'recall': Recall()}.items())
def test_metrics_of_two_classes(name, metric):
    logits, targets = numbers('metrics', 'logits', 'targets')
    found = measured(metric, logits[:, :2], (targets > 1).long())
    assert found == pytest.approx(FASTAI['metrics']['binary'][name], abs=1e-6)


@pytest.mark.parametrize('name', MULTI)
def test_metrics_of_several_labels(name):
    found = measured(MULTI[name], *numbers('metrics', 'several', 'marks'))
    assert found == pytest.approx(FASTAI['metrics']['multi'][name], abs=1e-6)


@pytest.mark.parametrize('name', NUMBER)
def test_metrics_of_quantities(name):
    found = NUMBER[name](*numbers('metrics', 'outputs', 'values'))
    assert float(found) == pytest.approx(FASTAI['metrics']['number'][name], abs=1e-6)


def test_label_smoothing():
    logits, targets = numbers('smoothing', 'logits', 'targets')
    found = FASTAI['smoothing']
    assert float(LabelSmoothingCrossEntropy()(logits, targets)) == pytest.approx(found['plain'], abs=1e-6)
    assert float(LabelSmoothingCrossEntropy(.3)(logits, targets)) == pytest.approx(found['eps_3'], abs=1e-6)


def test_label_smoothing_with_weights_departs_as_the_page_says():
    "fastai: eps times the mean over all classes without weights, plus the weighted rest"
    logits, targets, weight = numbers('smoothing', 'logits', 'targets', 'weight')
    logs = logits.log_softmax(1)
    by_hand = -.1*logs.mean() + .9*nn.functional.nll_loss(logs, targets, weight)
    assert by_hand.item() == pytest.approx(FASTAI['smoothing']['weighted'], abs=1e-6)
    ours = LabelSmoothingCrossEntropy(weight=weight)(logits, targets)
    assert ours.equal(nn.functional.cross_entropy(logits, targets, weight, label_smoothing=.1))
    assert abs(ours - by_hand) > 1e-3
    assert 'stays unweighted' in DEPARTURES['LabelSmoothingCrossEntropy(weight=)']


# --- training ---

STEPS = {'single': CrossEntropy(), 'weighted': CrossEntropy([1., 2., 4.]), 'smoothed': LabelSmoothingCrossEntropy(),
         'several': BinaryCrossEntropy(), 'number': MeanSquaredError()}


@pytest.mark.parametrize('name', STEPS)
def test_a_step_with_mixup(name, monkeypatch):
    "With the shares and the order that fastai drew: the same loss and weights after a step"
    found = FASTAI['mixup'][name]
    images, targets, start, share, order = (
        torch.tensor(found[key]) for key in ('images', 'targets', 'start', 'share', 'order'))
    monkeypatch.setattr(mixup, 'Beta', lambda a, b: SimpleNamespace(sample=lambda shape: share))
    monkeypatch.setattr(torch, 'randperm', lambda n: order)
    model = nn.Linear(6, 3, bias=False)
    model.weight.data = start
    loss = mixup.MixUp().train_step(model, [(images, targets)], STEPS[name], torch.optim.SGD(model.parameters(), lr=.5))
    assert loss == pytest.approx(found['loss'], rel=1e-5) and share.min() >= .5
    assert model.weight.detach().allclose(torch.tensor(found['after']), atol=1e-5)


@pytest.mark.parametrize(('name', 'options'), {'beta': {}, 'half': {'beta': .5}, 'max': {'use_max': True},
                                               'both': {'beta': None}}.items())
def test_what_tta_makes_of_predictions(name, options, monkeypatch):
    versions, original = (torch.tensor(FASTAI['tta'][key]) for key in ('versions', 'original'))
    answers = iter([*versions, original])
    monkeypatch.setattr(predict, 'ask_model', lambda *args, **kw: SimpleNamespace(outputs=next(answers), targets=None))
    data = ImageDataset([Image.new('RGB', (8, 8))]*2, [0, 1], item_tfms=Resize(8))
    loader = DataLoader(data, 2, training=False)
    learn = SimpleNamespace(dls=SimpleNamespace(train=loader, valid=loader, label_spec=data.label_spec))
    found, _ = predict.tta(learn, loader, **options)
    pairs = zip(found, FASTAI['tta'][name]) if name == 'both' else [(found, FASTAI['tta'][name])]
    for ours, theirs in pairs: assert ours.allclose(torch.tensor(theirs), atol=1e-6)


@pytest.mark.parametrize('curve', range(4))
def test_suggested_rates(curve):
    found = FASTAI['rates'][curve]
    for suggest in minimum, steep, slide:
        assert suggest(found['lrs'], found['losses'], 100) == pytest.approx(found[suggest.__name__], rel=1e-6)
    ours, theirs = valley(found['lrs'], found['losses'], 100), found['valley']
    assert 1/10 < ours/theirs < 10 and 'middle of the longest falling stretch' in DEPARTURES['learn.lr_find()']
    run = longest_fall(found['losses'])
    assert ours == found['lrs'][run[(len(run) - 1)//2]] or ours == found['lrs'][run[len(run)//2]]
    start, third = run[-1] - len(run), len(run)/3          # fastai counts as many places back as the run is long
    assert theirs == pytest.approx(found['lrs'][start + int(third) + int(third/2)], rel=1e-6)


def longest_fall(losses):
    "Places of a longest falling run: the first one that ends earliest, by dynamic programming over its ends"
    best = []
    for i, loss in enumerate(losses):
        before = [run for run in best if losses[run[-1]] > loss]
        best.append([*max(before, key=len, default=[]), i])
    return max(best, key=len)


# --- data ---

def test_splitters_put_the_same_items_in_the_same_part():
    found = FASTAI['splits']
    paths, frame = found['paths'], pd.DataFrame(found['table'])
    ours = {'grandparent': GrandparentSplitter()(paths),
            'grandparent_named': GrandparentSplitter('test', 'train')(paths),
            'index': IndexSplitter([1, 5, 7])(range(12)),
            'func': FuncSplitter(lambda path: 'b' in path)(paths), 'col': ColSplitter()(frame),
            'col_on': ColSplitter('part', on='y')(frame), 'col_on_two': ColSplitter('part', on=['x', 'z'])(frame),
            'train_test': TrainTestSplitter(.25, random_state=7)(range(20)),
            'stratified': TrainTestSplitter(.25, random_state=7, stratify=found['kinds'])(range(20))}
    assert {name: [list(map(int, part)) for part in parts] for name, parts in ours.items()} == {
        name: found[name] for name in ours}


@pytest.mark.parametrize('case', FASTAI['splits']['sizes'])
def test_random_splits_have_the_same_size(case):
    n, share = case.split()
    size = FASTAI['splits']['sizes'][case]
    if not size:                          # a departure: fastai trains without a validation set
        with pytest.raises(ValueError, match='the validation set would be empty'): RandomSplitter(.1)(range(int(n)))
        return
    train, valid = RandomSplitter(float(share), seed=1)(range(int(n)))
    assert sorted([*train, *valid]) == list(range(int(n))) and len(valid) == size


ITEM = {'crop': Resize(64), 'crop_wide': Resize((40, 80)), 'pad': Resize(64, 'pad', 'zeros'),
        'squish': Resize(64, 'squish')}
ALONE = {'do_flip': False, 'max_rotate': 0, 'max_zoom': 1., 'max_lighting': 0, 'max_warp': 0, 'p_affine': 1.}
BATCH = {'flip': ({'do_flip': True}, .25), 'rotate': ({'max_rotate': 10.}, 1 - 1e-6),  # what is drawn for all
         'zoom': ({'max_zoom': 1.25, 'min_zoom': 1.25}, 1 - 1e-6), 'warp': ({'max_warp': .2}, 1 - 1e-6)}


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    paths = [tmp_path_factory.mktemp('black')/f'{i}.png' for i in range(2)]
    for path in paths: Image.new('RGB', (120, 96)).save(path)
    return paths


def points_after(files, item, batch_tfms=(), training=False):
    block = DataBlock((ImageBlock, PointBlock), splitter=IndexSplitter([1]),
                      get_y=lambda file: FASTAI['points']['points'], item_tfms=item, batch_tfms=list(batch_tfms))
    dls = block.dataloaders(files, bs=1, device='cpu')
    return next(iter(dls.train if training else dls.valid))[1][0].view(-1, 2)


@pytest.mark.parametrize('name', ITEM)
def test_points_after_a_resize(name, files):
    assert points_after(files, ITEM[name]).allclose(torch.tensor(FASTAI['points'][name]), atol=.02)


@pytest.mark.parametrize('name', BATCH)
def test_points_after_a_move(name, files, monkeypatch):
    "Of the largest extent that is drawn, in the same direction"
    options, drawn = BATCH[name]
    found = torch.tensor(FASTAI['points'][name])
    batch_tfms = aug_transforms(**ALONE | options)
    monkeypatch.setattr(torch, 'rand', lambda n, generator=None: torch.full((n,), drawn))
    ours = points_after(files, Resize(64, 'squish'), batch_tfms, training=True)
    assert ours.allclose(found, atol=.01), (ours, found)


# --- pictures ---

def test_random_resized_crop_departs_as_the_page_says(files):
    "On the validation set: fastai squeezes a square by a quarter, and its points are not where the image is"
    points, (sides, place) = FASTAI['points']['random_resized_crop'], FASTAI['squares']['random_resized_crop']
    assert sides[0] < sides[1] and abs(points[0][0] - place[0]) > .1 and abs(points[0][1] - place[1]) > .1
    pixels = np.zeros((96, 120, 3), np.uint8)
    pixels[18:30, 24:36] = 255
    loader = DataLoader(ImageDataset([pixels], item_tfms=RandomResizedCrop(64)), 1, training=False, normalize=None)
    sides, place = seen(next(iter(loader))[0][0])
    assert sides[0] == sides[1]
    assert points_after(files, RandomResizedCrop(64))[0].tolist() == pytest.approx(place, abs=.02)
    assert 'squeezes' in DEPARTURES['RandomResizedCrop'] and 'points' in DEPARTURES['RandomResizedCrop']


def seen(image):
    "Width and height of the light in an image, and its middle from -1 to 1"
    light = image.mean(0)
    places = (torch.arange(len(light))*2 + 1)/len(light) - 1
    return ([int((light.amax(axis) > .5).sum()) for axis in (0, 1)],
            [float((light.sum(axis)*places).sum()/light.sum()) for axis in (0, 1)])


@pytest.mark.parametrize('least', ['1.0', '0.99'])
def test_presizing_to_another_proportion_departs_as_the_page_says(least):
    "fastai squeezes a square of 16 in 80 x 60 pixels to 6 x 8 with min_scale=1; nothing does so here"
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[22:38, 32:48] = 255
    alone = {'max_rotate': 0, 'max_zoom': 1., 'max_lighting': 0, 'max_warp': 0}
    for training in True, False:
        theirs = FASTAI['squares'][f'{"train" if training else "valid"} {least}']
        assert theirs == ([6, 8] if least == '1.0' else [8, 8])
        loader = DataLoader(ImageDataset([pixels, pixels]), 2, training=training, normalize=None,
                            batch_tfms=aug_transforms(size=32, min_scale=float(least), **alone))
        assert seen(next(iter(loader))[0][0])[0] == [8, 8]
    assert 'squeezes' in DEPARTURES['aug_transforms(size=)']


@pytest.mark.parametrize('found', FASTAI['discs'], ids=lambda found: str(found['min_scale']))
def test_a_disc_stays_round_and_covers_as_much(found):
    "After presizing from 96 to 48 pixels, 400 times; without warp, which makes ellipses"
    y, x = torch.meshgrid(torch.arange(96) - 47.5, torch.arange(96) - 47.5, indexing='ij')
    images = (21 - (x**2 + y**2).sqrt()).clamp(0, 1).repeat(400, 3, 1, 1)
    (augment,) = aug_transforms(size=48, min_scale=found['min_scale'], max_warp=0, max_lighting=0)
    ours = measure_discs(augment(images, torch.Generator().manual_seed(0)))
    assert ours['ratio'] < 1.02 > found['ratio'] and abs(ours['whole'] - found['whole']) <= 20
    for name in 'least', 'median', 'most': assert ours[name] == pytest.approx(found[name], rel=.08), name
