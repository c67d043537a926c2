"What holds for every input: hypothesis looks for one where it does not. The same inputs each time, so a failure stays"
import itertools
import json
import math
import os
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fastlearn.all import (
    aug_transforms, DataLoaders, History, ImageDataLoaders, Learner, Normalize, RandomResizedCrop, Resize, resnet10,
    vision_learner,
)
from fastlearn.classification_metrics import (
    BalancedAccuracy, CohenKappa, F1Score, MatthewsCorrCoef, Precision, Recall, top_k_accuracy,
)
from fastlearn.core.config import build_from_config, config_of
from fastlearn.core.tensor_files import _DTYPES, read_tensors, UnreadableFile, write_tensors
from fastlearn.data.augment import Augment
from fastlearn.data.crops import PAD_MODES
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataset import ImageDataset, random_split
from fastlearn.data.images import imagenet_stats, PILImage
from fastlearn.data.labels import LabelSpec, parent_label, RegexLabeller
from fastlearn.data.loader_config import _TRANSFORMS
from fastlearn.data.splits import split_by_folder
from fastlearn.head import create_head, head_config
from fastlearn.history_records import Evaluation, Series, Step
from fastlearn.learner import load_learner
from fastlearn.metric_names import as_metrics
from fastlearn.metrics import accuracy, error_rate, mae, rmse
from fastlearn.optimizer import rates_per_group
from fastlearn.schedule import Exponential, OneCycle
from hypothesis import Phase, assume, configuration, example, given, settings
from hypothesis import strategies as st
from torch import nn

pytestmark = pytest.mark.counted

configuration.set_hypothesis_home_dir(Path(__file__).resolve().parents[2]/'_build'/'hypothesis')
settings.register_profile('fastlearn', max_examples=int(os.environ.get('FASTLEARN_EXAMPLES', 40)), deadline=None,
                          derandomize=True, database=None, phases=set(Phase) - {Phase.explain})
settings.load_profile('fastlearn')

seeds = st.integers(0, 2**31 - 1)
sides = st.integers(1, 40)
long_sides = sides | st.integers(1, 700)
shares = st.floats(0, 1)
sizes = sides | st.tuples(sides, sides)
finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('properties')


def pixels(height, width, seed, low=0, high=255):
    return np.random.default_rng(seed).integers(low, high + 1, (height, width, 3), dtype=np.uint8)


def batch_of(count, height, width, seed):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


# --- splits and labels ---

@given(st.integers(1, 3000), shares, seeds)
def test_a_split_is_disjoint_complete_and_repeatable(n, share, seed):
    put_aside = int(share*n)
    if not 0 < put_aside < n:
        with pytest.raises(ValueError, match='set would be empty'): random_split(n, share, seed)
        return
    train, valid = random_split(n, share, seed)
    assert len(valid) == put_aside and sorted(train + valid) == list(range(n))
    assert (train, valid) == random_split(n, share, seed)


@pytest.fixture(scope='module')
def animals(folder):
    "Files that are not opened: only their names matter"
    files = [folder/'animals'/kind/f'{kind}_{i}.jpg' for kind in ('cat', 'dog') for i in range(20)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder/'animals', files


MAKERS = [lambda path, files, **options: ImageDataLoaders.from_name_func(path, files, lambda n: n[:3], **options),
          lambda path, files, **options: ImageDataLoaders.from_path_func(path, files, parent_label, **options),
          lambda path, files, **options: ImageDataLoaders.from_name_re(path, files, r'^(cat|dog)_', **options),
          lambda path, files, **options: ImageDataLoaders.from_path_re(path, files, r'(cat|dog)_\d+.jpg$', **options),
          lambda path, files, **options: ImageDataLoaders.from_folder(path, **options)]


@given(st.data(), st.floats(.1, .5), seeds)
def test_the_same_seed_is_the_same_split_whatever_the_order_and_the_label_function(animals, data, share, seed):
    path, files = animals
    drawn, split = data.draw(st.permutations(files)), {}
    for number, make in enumerate(MAKERS):
        dls = make(path, drawn, valid_pct=share, seed=seed, bs=8)
        split[number] = dls.train.items, dls.valid.items
        for loader in dls.train, dls.valid:
            assert [dls.vocab[i] for i in loader.dataset.targets] == [file.parent.name for file in loader.items]
    train, valid = split[0]
    assert all(other == split[0] for other in split.values())
    assert len(valid) == int(share*len(files)) and sorted(train + valid) == sorted(files)


@given(st.lists(st.sampled_from(['train', 'valid', 'test']), min_size=1, max_size=30))
def test_folders_divide_what_is_in_them_and_nothing_else(folder, tops):
    (folder/'tops').mkdir(exist_ok=True)
    files = [folder/'tops'/top/f'{i}.jpg' for i, top in enumerate(tops)]
    if not {'train', 'valid'} <= set(tops):
        with pytest.raises(ValueError, match='no images in the folder'): split_by_folder(folder/'tops', files)
        return
    train, valid = split_by_folder(folder/'tops', files)
    assert [tops[i] for i in train] == ['train']*tops.count('train') and {tops[i] for i in valid} == {'valid'}
    assert len(valid) == tops.count('valid') and train == sorted(train) and valid == sorted(valid)


@given(st.data(), seeds)
def test_given_indices_are_put_aside_and_the_rest_is_learned_from(animals, data, seed):
    path, files = animals
    valid = data.draw(st.lists(st.integers(0, len(files) - 1), min_size=1, max_size=19, unique=True))
    dls = ImageDataLoaders.from_lists(path, files, [f.parent.name for f in files], valid_idx=valid, seed=seed, bs=8)
    assert dls.valid.items == [files[i] for i in valid] and set(dls.train.items) == set(files) - set(dls.valid.items)


texts, wholes = st.text(max_size=8).filter(str.strip), st.integers(-2**40, 2**40)
quantities = st.floats(-1e6, 1e6, width=32)


@given(st.one_of([st.lists(kind, min_size=2, max_size=12).filter(lambda labels: len(set(labels)) > 1)
                  for kind in (texts, wholes, st.booleans())]))
def test_one_class_each_is_encoded_and_comes_back(labels):
    task = LabelSpec.from_labels(labels)
    assert task.vocab == tuple(sorted(set(labels))) and task.outputs == len(task.vocab)
    targets = task.encode_all(labels, range(len(labels)))
    back = [task.decode(target) for target in targets]
    assert back == labels and [*map(type, back)] == [*map(type, labels)]


@pytest.mark.filterwarnings('ignore:.* count as different classes')
@given(st.lists(st.lists(texts, max_size=4, unique=True), min_size=1, max_size=8).filter(any))
def test_several_classes_are_encoded_and_come_back_sorted(labels):
    task = LabelSpec.from_labels(labels)
    back = [task.decode(row.bool()) for row in task.encode_all(labels, range(len(labels)))]
    assert back == [sorted(label) for label in labels]


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[quantities]*n), min_size=1, max_size=8)).filter(
    lambda labels: {value for label in labels for value in label} - {0, 1}))
def test_quantities_are_encoded_and_come_back(labels):
    task = LabelSpec.from_labels(labels)
    back = [task.decode(row) for row in task.encode_all(labels, range(len(labels)))]
    assert back == ([label[0] for label in labels] if len(labels[0]) == 1 else labels)


@given(st.text(alphabet=st.characters(exclude_characters='/\\\0', exclude_categories=['Cs']), min_size=1).filter(
    lambda name: name not in ('.', '..')), st.integers(0, 999))
def test_labels_are_found_in_any_name(name, number):
    assert parent_label(Path('pictures')/name/f'{number}.jpg') == name
    assert RegexLabeller(r'(?s)^pictures/(.*)/\d+\.jpg$')(Path('pictures')/name/f'{number}.jpg') == name


# --- pictures ---

resizes = st.builds(Resize, sizes, st.sampled_from(['crop', 'squish', 'pad']), st.sampled_from([*PAD_MODES]))
crops = st.builds(RandomResizedCrop, sizes, st.floats(.05, 1), st.sampled_from([(3/4, 4/3), (1., 1.), (.2, 5.)]))


@given(resizes | crops, long_sides, long_sides, st.none() | seeds, st.integers(0, 255), st.integers(0, 255))
@example(Resize(224), 1, 3000, None, 0, 255)
@example(Resize(224, 'pad'), 3000, 1, 0, 0, 255)
@example(RandomResizedCrop(224), 1, 3000, 0, 0, 255)
def test_every_picture_comes_to_the_size_with_no_color_that_was_not_there(resize, height, width, seed, one, other):
    low, high = sorted((one, other))
    rng = None if seed is None else random.Random(seed)
    prepared = resize.prepare(PILImage.create(pixels(height, width, seed or 0, low, high)))
    result = resize.crop(prepared, rng)
    expected = (resize.size, resize.size) if isinstance(resize.size, int) else resize.size
    assert result.shape == (*expected, 3) and result.dtype == np.uint8
    assert prepared.nbytes <= 3*40*max(np.prod(expected), height*width)
    black = getattr(resize, 'method', '') == 'pad' and resize.pad_mode == 'zeros'
    assert result.max() <= high and result.min() >= (0 if black else low)


@given(sides, sides, st.sampled_from(['crop', 'squish', 'pad']), seeds)
def test_a_picture_of_the_right_size_is_left_alone(height, width, method, seed):
    assume(max(height, width) <= 32*min(height, width))  # of a longer strip only the middle is used
    picture, resize = pixels(height, width, seed), Resize((height, width), method)
    assert (resize.crop(resize.prepare(PILImage.create(picture)), random.Random(seed)) == picture).all()


@given(sides, sides, sides, sides, seeds)
def test_a_crop_is_a_part_of_the_picture(height, width, tall, wide, seed):
    "Each pixel says where it was: red the row, green the column"
    rows, columns = np.mgrid[:tall + height, :wide + width]
    picture = np.stack([rows, columns, rows*0], 2).astype(np.uint8)
    part = Resize((height, width)).crop(picture, random.Random(seed)).astype(int)
    assert part.shape == (height, width, 3)
    assert (part[..., 0] - part[0, 0, 0] == np.arange(height)[:, None]).all()
    assert (part[..., 1] - part[0, 0, 1] == np.arange(width)).all()


colors = st.tuples(*[st.floats(0, 1)]*3)


@given(colors, st.tuples(*[st.floats(.01, 2)]*3), st.integers(1, 3), sides, sides, seeds, st.booleans())
def test_normalizing_is_undone_by_undo(mean, std, count, height, width, seed, last):
    images, normalize = batch_of(count, height, width, seed), Normalize(mean, std)
    if last: images = images.to(memory_format=torch.channels_last)
    before, normalized = images.clone(), normalize(images)
    assert images.equal(before) and normalized.shape == images.shape
    torch.testing.assert_close(normalize.undo(normalized), images, atol=1e-5, rtol=1e-5)
    expected = (images.double().numpy() - np.reshape(mean, (3, 1, 1)))/np.reshape(std, (3, 1, 1))
    np.testing.assert_allclose(normalized.numpy(), expected, atol=1e-4, rtol=1e-4)


augments = st.builds(Augment, do_flip=st.booleans(), flip_vert=st.booleans(), max_rotate=st.floats(0, 180),
                     min_zoom=st.floats(.5, 1), max_zoom=st.floats(1, 3), max_lighting=st.floats(0, .95),
                     max_warp=st.floats(0, 1), p_affine=shares, p_lighting=shares, size=st.none() | sizes,
                     min_scale=st.floats(.05, 1))


@given(augments, st.integers(1, 3), sides, sides, seeds, st.sampled_from([0., 1., None]))
@example(Augment(size=(1, 3)), 1, 2, 2, 0, None)
@example(Augment(max_lighting=0), 1, 2, 6, 0, 1.)
def test_augmented_pictures_keep_shape_and_range(augment, count, height, width, seed, value):
    images = batch_of(count, height, width, seed)
    if value is not None: images = torch.full_like(images, value)
    before, rng = images.clone(), torch.Generator()
    result = augment(images, rng.manual_seed(seed))
    size = augment.size or (height, width)
    assert result.shape == (count, 3, *((size, size) if isinstance(size, int) else size))
    assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1 and images.equal(before)
    assert result.equal(augment(images, rng.manual_seed(seed))) and augment(images).shape == result.shape


@given(st.integers(1, 3), sides, sides, seeds, st.floats(0, 180), st.floats(1, 3), shares, st.floats(0, .95))
def test_augmentation_with_a_chance_of_0_changes_nothing(count, height, width, seed, rotate, zoom, warp, lighting):
    images, rng = batch_of(count, height, width, seed), torch.Generator().manual_seed(seed)
    for augment in aug_transforms(do_flip=False, max_rotate=rotate, max_zoom=zoom, max_warp=warp, max_lighting=lighting,
                                  p_affine=0, p_lighting=0):
        torch.testing.assert_close(augment(images, rng), images, atol=1e-4, rtol=0)  # float32, over a side
        assert augment(images).equal(images)


@given(st.integers(2, 12), st.integers(1, 5), st.booleans(), seeds)
def test_a_picture_keeps_its_label_through_shuffling_cutting_and_augmenting(count, bs, cut, seed):
    "The pictures are of one gray each, and the label names it"
    labels = [i*20 for i in range(count)]
    data = ImageDataset([np.full((9, 12, 3), label, np.uint8) for label in labels], labels,
                        item_tfms=RandomResizedCrop(8) if cut else Resize(8))
    moves = aug_transforms(max_lighting=0, size=6, min_scale=.5)
    loader = DataLoader(data, min(bs, count), training=True, shuffle=True, batch_tfms=moves,
                        normalize=Normalize(*imagenet_stats), seed=seed, device='cpu', workers=1)
    for images, targets in loader:
        gray = loader.normalize.undo(images)*255
        expected = torch.tensor([float(data.label_spec.vocab[target]) for target in targets])
        torch.testing.assert_close(gray, expected[:, None, None, None].expand_as(gray), atol=.01, rtol=0)


# --- schedules ---

rates = st.floats(1e-8, 10)
cycles = st.builds(partial(OneCycle, moms=(.95, .85, .95)), rates, shares, st.floats(1, 1e3), st.floats(1, 1e6))


def golden(start, peak, end, p, pct):
    "One cosine up and one down, written with squared sines"
    if p < pct: return start + (peak - start)*math.sin(math.pi/2*p/pct)**2
    return end + (peak - end)*math.cos(math.pi/2*(p - pct)/(1 - pct))**2 if pct < 1 else peak


@given(cycles, shares)
def test_a_cycle_is_the_formula_and_momentum_its_mirror(cycle, p):
    (lr,), momentum = cycle(p)
    top, pct = cycle.lr_max[0], cycle.pct_start
    start, end = top/cycle.div, top/cycle.div_final
    assert lr == pytest.approx(golden(start, top, end, p, pct), rel=1e-9, abs=1e-12*top)
    assert momentum == pytest.approx(golden(.95, .85, .95, p, pct), rel=1e-9)
    assert min(start, end)*(1 - 1e-9) <= lr <= top*(1 + 1e-9) and .85 - 1e-9 <= momentum <= .95 + 1e-9
    low = start if p < pct else end
    if top > low*1.01: assert (lr - low)/(top - low) == pytest.approx((.95 - momentum)/.1, abs=1e-7)


@given(cycles)
def test_a_cycle_rises_to_its_peak_and_falls_without_a_jump(cycle):
    top, steps = cycle.lr_max[0], 200
    places = sorted({*(i/steps for i in range(steps + 1)), cycle.pct_start})
    values = [cycle(p)[0][0] for p in places]
    at = places.index(cycle.pct_start)
    tolerance = 1e-9*top
    assert all(b >= a - tolerance for a, b in itertools.pairwise(values[:at + 1]))
    assert all(b <= a + tolerance for a, b in itertools.pairwise(values[at:]))
    assert values[at] == pytest.approx(top)
    if 0 < cycle.pct_start: assert values[0] == pytest.approx(top/cycle.div)
    if cycle.pct_start < 1: assert values[-1] == pytest.approx(top/cycle.div_final)
    for (p, a), (q, b) in itertools.pairwise(zip(places, values)):
        steepest = math.pi/2*top/(cycle.pct_start if q <= cycle.pct_start else 1 - cycle.pct_start)
        assert abs(b - a) <= steepest*(q - p)*1.001 + tolerance


@given(rates, rates, st.integers(1, 6), shares)
def test_slices_are_spread_by_equal_factors(one, other, groups, p):
    low, high = sorted((one, other))
    spread = rates_per_group(slice(low, high), groups)
    assert len(spread) == groups and spread[-1] == pytest.approx(high) and spread == pytest.approx(sorted(spread))
    if groups > 1: assert spread[0] == pytest.approx(low)
    for a, b, c in zip(spread, spread[1:], spread[2:]): assert b*b == pytest.approx(a*c)
    assert rates_per_group(slice(high), groups) == pytest.approx([high/10]*(groups - 1) + [high])
    assert rates_per_group(high, groups) == rates_per_group(spread, groups)[-1:]*0 + [high]*groups
    lrs, _ = OneCycle(spread)(p)
    assert [lr/lrs[-1] for lr in lrs] == pytest.approx([rate/spread[-1] for rate in spread])


@given(rates, st.floats(1.001, 1e6), shares)
def test_the_search_passes_equal_factors_in_equal_times(low, factor, p):
    (lr,), _ = Exponential(low, low*factor)(p)
    assert math.log(lr/low) == pytest.approx(p*math.log(factor), abs=1e-9)


# --- metrics ---

def answers(classes, n, seed, several=0):
    "Logits, targets of the first so many classes, and sizes of batches"
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, n + 1, rng.integers(0, 4)))
    sizes = [int(size) for size in np.diff([0, *cuts, n]) if size]
    return torch.tensor(rng.normal(size=(n, classes)), dtype=torch.float32), torch.tensor(
        rng.integers(0, several or classes, n)), sizes


def measured(metric, logits, targets, sizes):
    metric, = as_metrics(metric)
    for batch in zip(logits.split(sizes), targets.split(sizes)): metric.update(*batch)
    return metric.value()


@given(st.integers(2, 9), st.integers(1, 60), seeds)
def test_shares_are_counted_as_numpy_counts_them(classes, n, seed):
    logits, targets, sizes = answers(classes, n, seed)
    ranks = (-logits.numpy()).argsort(1)
    hits = ranks == targets.numpy()[:, None]
    assert measured(accuracy, logits, targets, sizes) == pytest.approx(hits[:, 0].mean(), abs=1e-6)
    assert measured(error_rate, logits, targets, sizes) == pytest.approx(1 - hits[:, 0].mean(), abs=1e-6)
    for k in range(1, classes + 1):
        found = measured(partial(top_k_accuracy, k=k), logits, targets, sizes)
        assert found == pytest.approx(hits[:, :k].any(1).mean(), abs=1e-6)


@pytest.mark.filterwarnings('ignore')
@given(st.integers(2, 6), st.data(), st.integers(1, 60), seeds)
def test_counts_agree_with_scikit_learn_whatever_is_missing(classes, data, n, seed):
    oracle = pytest.importorskip('sklearn.metrics')
    logits, targets, sizes = answers(classes, n, seed, several=data.draw(st.integers(1, classes)))
    called, options = logits.argmax(1), {'labels': range(classes), 'average': 'macro', 'zero_division': 0}
    present = {'labels': sorted({*called.tolist(), *targets.tolist()})}
    for ours, theirs in ((Precision(average='macro'), oracle.precision_score),
                         (Recall(average='macro'), oracle.recall_score), (F1Score(average='macro'), oracle.f1_score)):
        expected = theirs(targets, called, **options | present)
        assert measured(ours, logits, targets, sizes) == pytest.approx(expected, abs=1e-6)
    for ours, theirs in ((MatthewsCorrCoef(), oracle.matthews_corrcoef),
                         (BalancedAccuracy(), oracle.balanced_accuracy_score)):
        assert measured(ours, logits, targets, sizes) == pytest.approx(theirs(targets, called), abs=1e-6)
    kappa = oracle.cohen_kappa_score(targets, called)
    if kappa == kappa: assert measured(CohenKappa(), logits, targets, sizes) == pytest.approx(kappa, abs=1e-6)


@given(st.integers(1, 3), st.integers(1, 60), seeds)
def test_distances_are_numpys(outputs, n, seed):
    given_, _, sizes = answers(outputs, n, seed)
    truth, _, _ = answers(outputs, n, seed + 1)
    away = given_.double().numpy() - truth.double().numpy()
    assert measured(mae, given_, truth, sizes) == pytest.approx(abs(away).mean(), rel=1e-5)
    assert measured(rmse, given_, truth, sizes) == pytest.approx((away**2).mean()**.5, rel=1e-5)


# --- histories ---

any_float = st.floats(allow_nan=True, allow_infinity=True)
names = st.text(alphabet=st.characters(exclude_categories=['Cs']), max_size=6)
words = st.text(alphabet=st.characters(exclude_characters='/', exclude_categories=['Cs']), min_size=1, max_size=6)
dtypes = st.sampled_from([*_DTYPES])


@st.composite
def tensors(draw, dtype=None, shape=None):
    "Numbers of any type and shape, empty ones and single ones too"
    shape = draw(st.lists(st.integers(0, 4), max_size=4)) if shape is None else shape
    content = torch.randint(-100, 100, shape, generator=torch.Generator().manual_seed(draw(seeds)))
    tensor = (content/draw(st.sampled_from([1, 7, math.inf]))).nan_to_num(nan=0) if shape else content
    return tensor.to(draw(dtypes) if dtype is None else dtype)


plain = st.recursive(st.none() | st.booleans() | wholes | finite | texts, max_leaves=5, extend=lambda some: st.lists(
    some, max_size=3) | st.dictionaries(texts, some, max_size=3))


@st.composite
def tracks(draw):
    shapes = draw(st.dictionaries(words, st.tuples(dtypes, st.lists(st.integers(0, 3), max_size=3)), max_size=2))
    track = Series(draw(st.dictionaries(texts, plain, max_size=2)), draw(st.dictionaries(words, tensors(), max_size=2)))
    for step in sorted(draw(st.sets(st.integers(0, 100), max_size=3))):
        track.add(step, **{name: draw(tensors(*kind)) for name, kind in shapes.items()})
    return track


@st.composite
def histories(draw):
    "Made as a training run makes one: phases, steps, epochs that may be cut short, events"
    history, groups = History(), draw(st.integers(1, 4))
    metrics = draw(st.lists(texts.filter(bool), max_size=2, unique=True))
    for _ in range(draw(st.integers(0, 3))):
        epochs, per_epoch = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        history.begin_phase(draw(st.lists(st.booleans(), min_size=groups, max_size=groups)), epochs, epochs*per_epoch)
        for number in range(draw(st.integers(0, epochs*per_epoch))):
            ends = (number + 1) % per_epoch == 0
            step = Step(number + 1, epochs*per_epoch, number//per_epoch, ends, draw(any_float), draw(sides),
                        tuple(draw(shares) for _ in range(groups)), draw(st.none() | shares))
            history.add_step(step)
            if ends or draw(st.booleans()):
                seen = Evaluation(draw(any_float), {name: draw(any_float) for name in metrics}, 9)
                history.add_epoch(step, draw(st.sampled_from([None, seen])), draw(st.floats(0, 1e6)))
        if draw(st.booleans()): history.add_event(draw(st.text()))
    history.series = draw(st.dictionaries(words, tracks(), max_size=2))
    return history


def same(a, b):
    "Equal, with NaN equal to NaN"
    if isinstance(a, torch.Tensor): return (a.dtype, a.shape, repr(a.tolist())) == (b.dtype, b.shape, repr(b.tolist()))
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list): return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (Series, History)): return same(vars(a), vars(b))
    return repr(a) == repr(b)


@given(histories())
def test_a_history_comes_back_from_its_file(folder, history):
    arrays, about = history.pack()
    assert same(History.unpack(arrays, json.loads(json.dumps(about))), history)
    back = History.load(history.save(folder/'run.safetensors'))
    assert same(back, history) and back.table() == history.table()
    assert repr(back.step_rows()) == repr(history.step_rows()) and repr(back.epoch_rows()) == repr(history.epoch_rows())


# --- files of numbers ---

@given(st.dictionaries(names, tensors(), max_size=4), st.dictionaries(texts, plain, max_size=3),
       st.sampled_from(['demo-1', 'fastlearn-model-1']))
def test_numbers_and_their_description_come_back(folder, named, about, kind):
    about.pop('fingerprint', None)
    back, again = read_tensors(write_tensors(folder/'numbers', kind, about, named), kind)
    assert same(again, named)
    assert back.pop('fingerprint').startswith('sha256:') and back == about


@pytest.mark.parametrize('name', ['__metadata__', 'half of a pair: \ud800'])
def test_names_that_could_not_be_read_again_are_refused(folder, name):
    with pytest.raises(ValueError, match='cannot name a tensor in a file'):
        write_tensors(folder/'names', 'demo-1', {}, {name: torch.zeros(1)})


@pytest.mark.parametrize('length', [640, 896, 1152, 1408, 19280])
def test_a_length_that_begins_like_a_pickle_or_an_archive_is_a_length(folder, length):
    empty = write_tensors(folder/'empty', 'demo-1', {'text': ''}, {}).read_bytes()
    text = ' '*(length - int.from_bytes(empty[:8], 'little'))
    content = write_tensors(folder/'full', 'demo-1', {'text': text}, {}).read_bytes()
    assert int.from_bytes(content[:8], 'little') == length and read_tensors(folder/'full', 'demo-1')[0]['text'] == text


@given(st.data(), st.dictionaries(words, tensors(), min_size=1, max_size=3))
def test_a_file_with_a_flipped_bit_is_refused_or_reads_the_same(folder, data, named):
    "The same, for some things are spelled in two ways: a letter e9 or E9 of a name, and a truth as any byte but 0"
    content = bytearray(write_tensors(folder/'whole', 'demo-1', {'who': 'né'}, named).read_bytes())
    for _ in range(10):
        place, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
        content[place] ^= 1 << bit
        (folder/'flipped').write_bytes(content)
        content[place] ^= 1 << bit
        try: about, again = read_tensors(folder/'flipped', 'demo-1')
        except UnreadableFile: continue
        assert about['who'] == 'né' and same(again, named)


# --- exported models ---

classes = st.lists(texts | st.booleans() | st.integers(-2**70, 2**70) | finite, min_size=2, max_size=6,
                   unique=True)
normals = st.builds(Normalize, colors, st.tuples(*[st.floats(.01, 2)]*3))
OURS = {'item_tfms': resizes | crops, 'batch_tfms': st.lists(augments, max_size=2)}


def tiny(outputs): return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, outputs))


@given(classes, st.fixed_dictionaries(OURS), normals, st.integers(1, 99), seeds)
def test_an_exported_model_comes_back_with_its_classes_and_transforms(folder, vocab, tfms, normalize, bs, seed):
    task = LabelSpec('single', tuple(vocab))
    data = ImageDataset([pixels(30, 40, seed)]*2, vocab[:2], task, item_tfms=tfms['item_tfms'])
    loader = DataLoader(data, bs, batch_tfms=tfms['batch_tfms'], normalize=normalize, device='cpu', workers=1)
    torch.manual_seed(seed)
    learn = Learner(DataLoaders(loader, loader, label_spec=task), tiny(len(vocab)))
    again = load_learner(learn.export(folder/'model.safetensors'), arch=partial(tiny, len(vocab)))
    assert repr(again.dls.vocab) == repr(tuple(vocab)) and again.dls.label_spec == task
    valid = again.dls.valid
    assert valid.dataset.transform.resize == tfms['item_tfms'] and valid.normalize == normalize
    assert list(valid.batch_tfms) == tfms['batch_tfms'] and valid.batch_size == bs
    ours, theirs = learn.predict(pixels(25, 35, seed)), again.predict(pixels(25, 35, seed))
    assert repr(ours.label) == repr(theirs.label) and ours.probabilities.equal(theirs.probabilities)


ranges = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2, unique=True).map(sorted)


@given(st.integers(1, 600), st.integers(1, 50), st.none() | st.integers(1, 70), st.floats(0, .9), st.booleans(),
       st.none() | ranges)
def test_heads_are_described_by_what_they_were_made_with(features, outputs, hidden, dropout, pool, y_range):
    made = {'features': features, 'outputs': outputs, 'hidden': hidden, 'dropout': dropout, 'pool': pool,
            'y_range': y_range}
    with torch.device('meta'): head = create_head(**made)
    about = json.loads(json.dumps(head_config(head)))
    with torch.device('meta'): assert str(create_head(**about)) == str(head)
    assert about == made


@given(resizes | crops | normals | augments)
def test_transforms_come_back_from_their_description(transform):
    again = build_from_config(json.loads(json.dumps(config_of(transform))), _TRANSFORMS)
    assert again == transform and type(again) is type(transform)


@settings(max_examples=4)
@given(classes, st.floats(0, .9), seeds)
def test_a_whole_network_comes_back_from_its_name_and_arguments(folder, vocab, dropout, seed):
    task = LabelSpec('single', tuple(vocab))
    data = ImageDataset([pixels(40, 40, seed)]*2, vocab[:2], task, item_tfms=Resize(32))
    loader = DataLoader(data, 2, normalize=Normalize(*imagenet_stats), device='cpu', workers=1)
    learn = vision_learner(DataLoaders(loader, loader, label_spec=task), resnet10, dropout=dropout)
    again = load_learner(learn.export(folder/'network.safetensors'))
    assert str(again.model) == str(learn.model) and again.arch == 'resnet10'
    picture = pixels(50, 60, seed)
    assert learn.predict(picture).probabilities.equal(again.predict(picture).probabilities)
