"""fastai's own numbers on fixed inputs, for tests/test_fastai_numbers.py, which needs no fastai.

    python benchmarks/peers.py fastai                                    # once: makes the environment
    benchmarks/.venv/fastai/bin/python benchmarks/fastai_numbers.py      # writes tests/fastai_numbers.json

The inputs are in the file too. What fastai draws at random is recorded as well.
"""
import json
import random
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import fastai
import numpy as np
import pandas as pd
import torch
from fastai.callback.schedule import minimum, slide, steep, valley
from fastai.vision.all import (
    accuracy, accuracy_multi, aug_transforms, BalancedAccuracy, BCEWithLogitsLossFlat, CategoryBlock, CohenKappa,
    ColSplitter, CrossEntropyLossFlat, DataBlock, DataLoaders, error_rate, F1Score, F1ScoreMulti, Flip,
    FuncSplitter, GrandparentSplitter, ImageBlock, IndexSplitter, L, LabelSmoothingCrossEntropy,
    LabelSmoothingCrossEntropyFlat, Learner, mae, MatthewsCorrCoef, MixUp, mse, MSELossFlat, PadMode, Pipeline,
    PointBlock, Precision, PrecisionMulti, R2Score, RandomResizedCrop, RandomSplitter, Recall, RecallMulti, Resize,
    rmse, RocAuc, Rotate, SGD, TensorImage, top_k_accuracy, TrainTestSplitter, Warp, Zoom,
)
from torch import nn

TESTS = Path(__file__).resolve().parent.parent/'tests'
FILE = TESTS/'fastai_numbers.json'
sys.path.append(str(TESTS/'support'))
from discs import measure_discs  # noqa: E402

RNG = np.random.RandomState(0)
RANDPERM = torch.randperm


def numbers(*shape, digits=3): return np.round(RNG.randn(*shape), digits).tolist()


def plain(value): return value.tolist() if hasattr(value, 'tolist') else float(value)


def measured(metric, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    "As a learner measures: metric objects take the whole set at once"
    if not hasattr(metric, 'accumulate'): return float(metric(outputs, targets))
    metric.reset()
    metric.accumulate(SimpleNamespace(pred=outputs, y=targets, to_detach=lambda tensor: tensor))
    return float(metric.value)


def metrics() -> dict:
    logits, targets = numbers(40, 4), RNG.randint(0, 4, 40).tolist()
    several, marks = numbers(40, 3), (RNG.rand(40, 3) > .6).astype(float).tolist()
    outputs, values = numbers(40, 1), numbers(40, 1)
    x, y, s, m, o, v = map(torch.tensor, (logits, targets, several, marks, outputs, values))
    single = {'accuracy': accuracy, 'error_rate': error_rate, 'top_2': partial(top_k_accuracy, k=2),
              'balanced_accuracy': BalancedAccuracy(), 'cohen_kappa': CohenKappa(), 'matthews': MatthewsCorrCoef()}
    for average in 'macro', 'micro', 'weighted':
        single |= {f'f1_{average}': F1Score(average=average), f'precision_{average}': Precision(average=average),
                   f'recall_{average}': Recall(average=average)}
    multi = {'accuracy_multi': accuracy_multi, 'accuracy_multi_2': partial(accuracy_multi, thresh=.2),
             'accuracy_multi_raw': partial(accuracy_multi, sigmoid=False), 'f1_multi': F1ScoreMulti(),
             'precision_multi': PrecisionMulti(), 'recall_multi': RecallMulti(thresh=.3)}
    number = {'mse': mse, 'rmse': rmse, 'mae': mae, 'r2': R2Score()}
    binary, yes = x[:, :2], (y > 1).long()
    return {'logits': logits, 'targets': targets, 'several': several, 'marks': marks, 'outputs': outputs,
            'values': values, 'binary': {name: measured(metric, binary, yes) for name, metric in
                                         {'f1': F1Score(), 'precision': Precision(), 'recall': Recall()}.items()},
            'single': {name: measured(metric, x, y) for name, metric in single.items()} | {
                'roc_auc': measured(RocAuc(), x, y)},
            'multi': {name: measured(metric, s, m) for name, metric in multi.items()},
            'number': {name: measured(metric, o, v) for name, metric in number.items()}}


def smoothing() -> dict:
    logits, targets, weight = numbers(12, 5), RNG.randint(0, 5, 12).tolist(), [1., 2., 3., 4., 5.]
    x, y = torch.tensor(logits), torch.tensor(targets)
    return {'logits': logits, 'targets': targets, 'weight': weight, 'plain': float(LabelSmoothingCrossEntropy()(x, y)),
            'eps_3': float(LabelSmoothingCrossEntropyFlat(eps=.3)(x, y)),
            'weighted': float(LabelSmoothingCrossEntropy(weight=torch.tensor(weight))(x, y))}


def mixup() -> dict:
    "Loss and weights of one step with MixUp: a linear model, plain gradient descent"
    found = {}
    weight = torch.tensor([1., 2., 4.])
    kinds = {'single': (CrossEntropyLossFlat(), None), 'weighted': (CrossEntropyLossFlat(weight=weight), None),
             'smoothed': (LabelSmoothingCrossEntropyFlat(), None), 'several': (BCEWithLogitsLossFlat(), 'marks'),
             'number': (MSELossFlat(), 'values')}
    for name, (loss, kind) in kinds.items():
        images, start = numbers(8, 6), numbers(3, 6)
        targets = numbers(8, 3) if kind == 'values' else (
            (RNG.rand(8, 3) > .5).astype(float).tolist() if kind else RNG.randint(0, 3, 8).tolist())
        x, y = torch.tensor(images), torch.tensor(targets)
        model = nn.Linear(6, 3, bias=False)
        model.weight.data = torch.tensor(start)
        learn = Learner(DataLoaders([(x, y)], [(x, y)]), model, loss, cbs=MixUp(.4), opt_func=partial(SGD, mom=0.))
        orders = []
        def note(n, orders=orders): orders.append(RANDPERM(n)); return orders[-1]
        torch.randperm = note
        torch.manual_seed(1)
        with learn.no_bar(), learn.no_logging(): learn.fit(1, .5, wd=0.)
        torch.randperm = RANDPERM
        found[name] = {'images': images, 'targets': targets, 'start': start, 'after': plain(model.weight.data),
                       'share': plain(learn.mix_up.lam), 'order': plain(orders[-1]),
                       'loss': float(learn.recorder.losses[0])}
    return found


def tta() -> dict:
    "What the five predictions of two images become"
    versions, original = RNG.rand(4, 2, 3).round(3), RNG.rand(2, 3).round(3)
    found = {'versions': versions.tolist(), 'original': original.tolist()}
    for name, options in {'beta': {}, 'half': {'beta': .5}, 'max': {'use_max': True}, 'both': {'beta': None}}.items():
        data = [(torch.randn(2, 4), torch.zeros(2).long())]
        learn = Learner(DataLoaders(data, data), nn.Linear(4, 3), CrossEntropyLossFlat())
        answers = iter([*torch.tensor(versions), torch.tensor(original)])
        class Fixed:  # a loader that gives its predictions in turn
            class dataset:
                @staticmethod
                def set_split_idx(i): return nullcontext()
        learn.get_preds = lambda dl, inner, answers=answers: (next(answers), None)
        learn.remove_cbs(learn.cbs.filter(lambda cb: 'Progress' in type(cb).__name__))
        result = learn.tta(dl=Fixed, **options)[0]
        found[name] = [plain(part) for part in result] if isinstance(result, tuple) else plain(result)
    return found


def rates() -> list:
    "Suggestions on smooth curves that fall and explode, and on a noisy one"
    found, lrs = [], np.geomspace(1e-7, 10, 100)
    for middle, noise in (-3., 0), (-2., .01), (-4., .05), (-1., .003):
        logs = np.log10(lrs)
        losses = 2 - 1.2/(1 + np.exp(-2*(logs - middle))) + np.exp(np.minimum(3*(logs - middle - 2), 3))
        losses = (losses + noise*RNG.randn(100)).round(4)
        a, b = torch.tensor(lrs), torch.tensor(losses)
        found.append({'lrs': lrs.tolist(), 'losses': losses.tolist(),
                      **{one.__name__: one(a, b, 100)[0] for one in (valley, minimum, steep, slide)}})
    return found


def splits() -> dict:
    paths = [f'{part}/{kind}/{i}.jpg' for i in range(3) for part in ('train', 'test', 'valid') for kind in ('a', 'b')]
    table = {'name': [f'{i}.jpg' for i in range(12)], 'is_valid': [i % 5 == 0 for i in range(12)],
             'part': ['xyz'[i % 3] for i in range(12)]}
    frame, kinds = pd.DataFrame(table), [i % 4 == 0 for i in range(20)]
    both = lambda found: [list(map(int, part)) for part in found]
    found = {
        'grandparent': both(GrandparentSplitter()(L(map(Path, paths)))),
        'grandparent_named': both(GrandparentSplitter('test', 'train')(L(map(Path, paths)))),
        'index': both(IndexSplitter([1, 5, 7])(L(range(12)))),
        'func': both(FuncSplitter(lambda path: 'b' in path)(L(paths))),
        'col': both(ColSplitter()(frame)), 'col_on': both(ColSplitter('part', on='y')(frame)),
        'col_on_two': both(ColSplitter('part', on=['x', 'z'])(frame)),
        'train_test': both(TrainTestSplitter(.25, random_state=7)(L(range(20)))),
        'stratified': both(TrainTestSplitter(.25, random_state=7, stratify=kinds)(L(range(20)))),
    }
    sizes = {f'{n} {share}': len(RandomSplitter(share)(L(range(n)))[1])
             for n in (5, 10, 97, 1000) for share in (.1, .2, .33, .5)}
    return {'paths': paths, 'table': table, 'kinds': kinds, 'sizes': sizes} | found


POINTS = [[30., 24.], [60., 48.], [90., 30.], [50., 70.]]  # in an image of 120 x 96


def points() -> dict:
    "Where points of an image of 120 x 96 are, from -1 to 1, after a transform of fixed extent"
    def batch(item, batch_tfms=(), training=False):
        image = np.zeros((96, 120, 3), np.uint8)
        block = DataBlock((ImageBlock, PointBlock), splitter=lambda items: ([0, 1], [0, 1]),
                          get_x=lambda i: image, get_y=lambda i: POINTS, item_tfms=item, batch_tfms=batch_tfms)
        dls = block.dataloaders([0, 1], bs=2, num_workers=0)
        return plain((dls.train if training else dls.valid).one_batch()[1][0])
    squished = Resize(64, 'squish')
    return {'points': POINTS, 'crop': batch(Resize(64)), 'crop_wide': batch(Resize((40, 80))),
            'pad': batch(Resize(64, 'pad', PadMode.Zeros)), 'squish': batch(squished),
            'random_resized_crop': batch(RandomResizedCrop(64)),
            'flip': batch(squished, [Flip(p=1.)], True), 'rotate': batch(squished, [Rotate(p=1., draw=10.)], True),
            'zoom': batch(squished, [Zoom(p=1., draw=1.25, draw_x=1., draw_y=1.)], True),
            'warp': batch(squished, [Warp(p=1., draw_x=.2, draw_y=.2)], True)}


def squares() -> dict:
    "Width and height of a light square of 16 in 80 x 60 pixels, and where one around (30, 24) of 120 x 96 is seen"
    def seen(image, training=False, **options):
        block = DataBlock((ImageBlock, CategoryBlock), splitter=lambda items: ([0, 1], [0, 1]),
                          get_x=lambda i: image, get_y=lambda i: i, **options)
        dls = block.dataloaders([0, 1], bs=2, num_workers=0)
        light = torch.Tensor((dls.train if training else dls.valid).one_batch()[0])[0].mean(0)
        sides = [int((light.amax(axis) > .5).sum()) for axis in (0, 1)]
        places = (torch.arange(len(light))*2 + 1)/len(light) - 1
        return sides, [float((light.sum(axis)*places).sum()/light.sum()) for axis in (0, 1)]
    image, other = np.zeros((60, 80, 3), np.uint8), np.zeros((96, 120, 3), np.uint8)
    image[22:38, 32:48] = other[18:30, 24:36] = 255
    alone = {'do_flip': True, 'max_rotate': 0, 'max_zoom': 1., 'max_lighting': 0, 'max_warp': 0}
    found = {f'{"train" if training else "valid"} {least}': seen(
        image, training, batch_tfms=aug_transforms(size=32, min_scale=least, **alone))[0]
        for training in (True, False) for least in (1., .99)}
    return found | {'random_resized_crop': seen(other, item_tfms=RandomResizedCrop(64))}


def discs() -> dict:
    "A disc of radius 20 in 96 x 96 pixels after presizing to 48: how round, and how much of the image"
    y, x = torch.meshgrid(torch.arange(96) - 47.5, torch.arange(96) - 47.5, indexing='ij')
    image = (21 - (x**2 + y**2).sqrt()).clamp(0, 1).repeat(3, 1, 1)
    torch.manual_seed(0), random.seed(0)
    seen = []
    for min_scale in 1., .5:
        tfms = Pipeline(aug_transforms(size=48, min_scale=min_scale, max_warp=0, max_lighting=0), split_idx=0)
        out = torch.cat([tfms(TensorImage(image.repeat(50, 1, 1, 1))) for _ in range(8)])
        seen.append({'min_scale': min_scale, **measure_discs(torch.Tensor(out))})
    return seen



if __name__ == '__main__':
    found = {'fastai': fastai.__version__}
    for part in metrics, smoothing, mixup, tta, rates, splits, points, squares, discs: found[part.__name__] = part()
    FILE.write_text(json.dumps(found, indent=None, separators=(',', ':')) + '\n', encoding='utf-8')
    print(FILE, FILE.stat().st_size)
