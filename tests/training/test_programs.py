"""What programs written for fastai type, beyond the book's chapters; each was found in one that failed here.

Members tried: a block as `y_block` of every factory (class, object, with vocab, against `label_kind`, an image, a
number); one number for `Normalize`, alone, in a list, as a tensor; `vocab.o2i`, and `vocab` with several numbers or a
mask; averages of RocAuc; an unknown argument of a metric without any; a network of three channels and gray images, in
the loss, in a frozen body, and in its cached features; a network of two inputs, frozen or not; `model_meta` and `cut`
of each family.
"""
import numpy as np
import pytest
import torch
from fastlearn.all import (
    BalancedAccuracy, CategoryBlock, CohenKappa, create_body, create_head, DataBlock, DataLoaders, get_image_files,
    GrandparentSplitter, ImageBlock, ImageDataLoaders, Learner, list_architectures, MatthewsCorrCoef, model_meta,
    MultiCategoryBlock, Normalize, parent_label, PILImageBW, PointBlock, RegressionBlock, Resize, resnet10, RocAuc,
    sequential, vision_learner,
)
from fastlearn.body import cut_body, find_architecture
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

pytestmark = pytest.mark.filterwarnings('ignore:.*training images')  # sets are tiny here


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "train and valid, a and b, four gray images each"
    root = tmp_path_factory.mktemp('gray')
    rng = np.random.default_rng(0)
    for part in 'train', 'valid':
        for name in 'ab':
            (root/part/name).mkdir(parents=True)
            for i in range(4): Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(root/part/name/f'{i}.png')
    return root


# --- loaders ---

@pytest.mark.parametrize(('block', 'kind', 'labels'), [
    (RegressionBlock, 'number', [0, 1, 0, 1]), (CategoryBlock, 'single', [0, 1, 0, 1]),
    (CategoryBlock(vocab=[1, 0]), 'single', [0, 1, 0, 1]), (MultiCategoryBlock(), 'multi', [['x'], ['y'], [], ['x']]),
    (PointBlock, 'points', [[[3., 4.]]]*4)])
def test_a_block_says_what_the_labels_are(block, kind, labels, folder):
    files = get_image_files(folder)[:4]
    dls = ImageDataLoaders.from_lists(folder, files, labels, y_block=block, valid_idx=[2, 3], item_tfms=Resize(16))
    assert dls.label_spec.kind == kind
    if kind == 'single': assert dls.vocab == (getattr(block, 'vocab', None) or (0, 1))


def test_a_block_for_a_table_of_numbers(folder):
    "Two columns of 0 and 1 are two labels, unless the block says numbers"
    names = [file.relative_to(folder).as_posix() for file in get_image_files(folder)[:4]]
    table = {'name': names, 'x': [0, 1, 0, 1], 'y': [1, 0, 1, 1]}
    options = {'label_col': ['x', 'y'], 'valid_idx': [2, 3], 'item_tfms': Resize(16), 'bs': 2}
    number = ImageDataLoaders.from_df(table, folder, y_block=RegressionBlock, **options)
    several = ImageDataLoaders.from_df(table, folder, y_block=MultiCategoryBlock, **options)
    assert (number.label_spec.kind, number.c, number.vocab) == ('number', 2, ())
    assert (several.label_spec.kind, several.vocab) == ('multi', ('x', 'y'))


@pytest.mark.parametrize('options', [{'y_block': ImageBlock}, {'y_block': 3},
                                     {'y_block': RegressionBlock, 'label_kind': 'single'}])
def test_a_block_that_is_none_of_labels(options, folder):
    with pytest.raises(TypeError, match='expected one of them, and as y_block CategoryBlock'):
        ImageDataLoaders.from_folder(folder, **options)


@pytest.mark.parametrize('one', [.5, [.5], (.5,), np.array(.5), torch.tensor([.5])])
def test_one_number_normalizes_all_colors(one):
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(Normalize.from_stats(one, one)(images), (images - .5)/.5)
    assert Normalize.from_stats(one, (.1, .2, .4)) == Normalize((.5, .5, .5), (.1, .2, .4))


@pytest.mark.parametrize('stats', [([.1, .2], [.1, .2]), (.5, None), ([], []), (.5, 0), (130., 60.)])
def test_numbers_that_are_none_for_three_colors(stats):
    with pytest.raises(ValueError, match='expected three means'): Normalize.from_stats(*stats)


def test_a_vocab_finds_the_number_of_a_class(folder):
    vocab = ImageDataLoaders.from_folder(folder, item_tfms=Resize(16)).vocab
    assert vocab.o2i == {'a': 0, 'b': 1} and vocab == ('a', 'b') and repr(vocab) == "('a', 'b')"
    assert np.array(vocab)[[1, 0]].tolist() == ['b', 'a'] and list(vocab) == ['a', 'b']


@pytest.mark.parametrize(('which', 'expected'), [
    (torch.tensor([2, 0]), ('z', 'x')), (torch.tensor([1]), ('y',)), ([0, 1], ('x', 'y')), (np.array([-1]), ('z',)),
    (torch.tensor([True, False, True]), ('x', 'z')), (torch.tensor(1), 'y'), (np.int64(2), 'z'), (-1, 'z'),
    (slice(1, None), ('y', 'z')), ([], ())])
def test_several_numbers_find_several_classes(which, expected):
    vocab = MultiCategoryBlock(vocab=['x', 'y', 'z']).vocab
    assert vocab[which] == expected
    with pytest.raises(IndexError): _ = vocab[torch.tensor([3])]


# --- metrics ---

def test_roc_auc_takes_its_own_average():
    logits, targets = torch.randn(40, 3), torch.arange(40) % 3
    assert RocAuc(average='macro')(logits, targets) == RocAuc()(logits, targets)
    with pytest.raises(ValueError, match="average='micro', expected 'macro'"): RocAuc(average='micro')


@pytest.mark.parametrize('metric', [CohenKappa, BalancedAccuracy, MatthewsCorrCoef])
def test_a_metric_without_arguments_says_where_they_are(metric):
    with pytest.raises(TypeError, match=rf"{metric.__name__}\(\) has no argument weights; .*scikit-learn's function"):
        metric(weights='quadratic')


# --- networks that do not fit ---

def gray_loaders(folder):
    return DataBlock((ImageBlock(cls=PILImageBW), CategoryBlock), get_image_files, GrandparentSplitter(),
                     get_y=parent_label, item_tfms=Resize(16)).dataloaders(folder, bs=4)


@pytest.mark.parametrize('options', [{}, {'pretrained': False}, {'cache_features': False}])
def test_gray_images_in_a_network_of_three_channels(options, folder):
    learn = vision_learner(gray_loaders(folder), resnet10, quiet=True, **options)
    told = 'images with 3 channels, but the loader yields 1.*without cls=PILImageBW'
    for run in (lambda: learn.fine_tune(1), lambda: learn.fine_tune(1, update_bn=False), learn.validate):
        with pytest.raises(ValueError, match=told): run()


def test_a_network_for_one_channel_trains(folder):
    net = sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    learn = Learner(gray_loaders(folder), net, quiet=True)
    learn.fit(1)
    assert len(learn.history.losses) == 2


class Siamese(nn.Module):
    def __init__(self, body, head):
        super().__init__()
        self.body, self.head = body, head
    def forward(self, first, second): return self.head(torch.cat([self.body(first), self.body(second)], 1))


class OfPairs(Siamese):
    def forward(self, x): return super().forward(*x.unbind(1))


def pair_learner(kind):
    data = [(torch.rand(2, 3, 32, 32), i % 2) for i in range(8)]
    dls = DataLoaders(DataLoader(data, 4), DataLoader(data, 4), vocab=['other', 'same'], device='cpu')
    return Learner(dls, kind(create_body('resnet10', cut=-4), create_head(128, 2)), quiet=True,
                   splitter=lambda model: [model.body, model.head])


@pytest.mark.parametrize('frozen', [True, False])
def test_a_network_of_two_inputs_is_told_how_to_take_one(frozen):
    learn = pair_learner(Siamese)
    if frozen: learn.freeze()
    with pytest.raises(TypeError, match=r"missing 1 required .*'second'.*first, second = x.unbind\(1\)"): learn.fit(1)


def test_and_then_it_trains():
    learn = pair_learner(OfPairs)
    learn.freeze()
    learn.fit(1)
    assert len(learn.history.losses) == 2 and learn.get_preds()[0].shape == (8, 2)


def test_an_error_of_another_type_stays_what_it_is():
    class Broken(nn.Linear):
        def forward(self, x): return super().forward(x) + 'x'
    data = [(torch.rand(4, 4), torch.tensor([0, 1, 0, 1]))]
    with pytest.raises(TypeError, match='unsupported operand|must be Tensor'):
        Learner(DataLoaders(data, data, vocab=['a', 'b'], device='cpu'), Broken(4, 2), quiet=True).fit(1)


# --- architectures ---

def test_fastai_s_cuts():
    "Of fastai 2.8.12's model_meta"
    fastai = {'resnet18': -2, 'resnet34': -2, 'resnet50': -2, 'resnet101': -2, 'squeezenet1_0': -1, 'squeezenet1_1': -1,
              'densenet121': -1, 'densenet169': -1, 'vgg11_bn': -2, 'vgg13_bn': -2, 'vgg16_bn': -2, 'vgg19_bn': -2,
              'alexnet': -2}
    assert {name: model_meta[name]['cut'] for name in fastai} == fastai
    assert model_meta['resnet34']['stats'] == ((.485, .456, .406), (.229, .224, .225))


@pytest.mark.parametrize('name', ['resnet10', 'resnet18', 'squeezenet1_1', 'alexnet', 'densenet121', 'googlenet',
                                  'mobilenet_v3_small', 'shufflenet_v2_x0_5', 'mnasnet0_5', 'regnet_y_400mf'])
def test_its_cut_makes_the_body_and_its_splitter_the_groups(name):
    meta = model_meta[name]
    whole = find_architecture(name).build(weights=None)
    images = torch.randn(2, 3, 96, 96)
    body, cut = (cut_body(whole, name, n).eval() for n in (None, meta['cut']))
    with torch.no_grad(): expected, found = body(images), cut(images)
    assert torch.equal(expected, found)
    features = expected.shape[1]
    assert len(meta['split'](nn.Sequential(body, create_head(features, 2)))) == 3


def test_what_is_no_chain_has_no_cut():
    assert {model_meta[name]['cut'] for name in list_architectures() if name[:3] in ('vit', 'max')} == {None}
    with pytest.raises(ValueError, match='more than a chain'): create_body('vit_b_16', None, cut=-1)
    with pytest.raises(ValueError, match='cut is 1.5; expected a whole number'): create_body('resnet10', cut=1.5)
    assert [name for name, _ in create_body('resnet10', cut=2).named_children()] == ['conv1', 'bn1']
