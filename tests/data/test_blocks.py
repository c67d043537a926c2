"""DataBlock: five answers end in the same loaders as `ImageDataLoaders`, and each wrong answer is named.

Oracles: `from_*` with the same answers, `torch.randperm`, scikit-learn's `train_test_split`, the table itself."""
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fastlearn.data.augment import aug_transforms
from fastlearn.data.blocks import (
    CategoryBlock, DataBlock, ImageBlock, MultiCategoryBlock, PointBlock, RegressionBlock,
)
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.data.labels import parent_label, RegexLabeller
from fastlearn.data.splitters import (
    ColReader, ColSplitter, FuncSplitter, GrandparentSplitter, IndexSplitter, RandomSplitter, TrainTestSplitter,
)

CLASSES = ImageBlock, CategoryBlock
OPTIONS = {'bs': 4, 'device': 'cpu'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "train and valid, with cat and dog in each, 12 and 6 images"
    path = tmp_path_factory.mktemp('images')
    for part, n in (('train', 6), ('valid', 3)):
        for k, name in enumerate(('cat', 'dog')):
            (path/part/name).mkdir(parents=True)
            for i in range(n):
                Image.new('RGB', (40, 30), (20*i, 90*k, 60)).save(path/part/name/f'{part}_{name}_{i}.png')
    return path


@pytest.fixture(scope='module')
def table(folder):
    files = [file.relative_to(folder).as_posix() for file in get_image_files(folder)]
    return pd.DataFrame({'fname': [file[:-4] for file in files], 'labels': ['a b', 'b', '', 'a c']*4 + ['a', 'c'],
                         'size': np.arange(18), 'weight': np.linspace(0, 1, 18),
                         'is_valid': ['valid' in file for file in files], 'a': [1, 0]*9, 'c': [0, 0, 1]*6},
                        index=range(5, 23))


def same(one, other):
    "The same files, targets and batches in both sets"
    for a, b in ((one.train, other.train), (one.valid, other.valid)):
        assert a.items == b.items and a.dataset.targets.equal(b.dataset.targets)
        for (images, targets), (others, their) in zip(a.batches(1), b.batches(1), strict=True):
            assert images.equal(others) and targets.equal(their)
    assert one.vocab == other.vocab and one.label_spec == other.label_spec


def test_random_files_are_the_loaders_of_from_path_func(folder):
    tfms = {'item_tfms': Resize(24), 'batch_tfms': aug_transforms(size=16, min_scale=.8)}
    block = DataBlock(CLASSES, get_image_files, RandomSplitter(.3, seed=5), get_y=parent_label, **tfms)
    dls = block.dataloaders(folder, **OPTIONS)
    same(dls, ImageDataLoaders.from_path_func(folder, get_image_files(folder), parent_label, valid_pct=.3, seed=5,
                                              **tfms, **OPTIONS))
    assert dls.seed == 5 and len(dls.test_dl(dls.valid.items, with_labels=True).dataset.labels) == 5


def test_folders_are_those_of_from_folder(folder):
    block = DataBlock(CLASSES, get_image_files, GrandparentSplitter(), get_y=parent_label, item_tfms=Resize(24))
    same(block.dataloaders(folder, seed=1, **OPTIONS),
         ImageDataLoaders.from_folder(folder, seed=1, item_tfms=Resize(24), **OPTIONS))
    with pytest.raises(ValueError, match="no file is two folders below 'test'.*train, valid"):
        DataBlock(CLASSES, get_image_files, GrandparentSplitter('test'), get_y=parent_label).datasets(folder)


def test_a_table_is_that_of_from_df(folder, table):
    block = DataBlock((ImageBlock, MultiCategoryBlock), None, ColSplitter(), ColReader('fname', suff='.png'),
                      ColReader('labels', label_delim=' '), Resize(24))
    dls = block.dataloaders(table, path=folder, seed=1, **OPTIONS)
    same(dls, ImageDataLoaders.from_df(table, folder, suff='.png', label_delim=' ', seed=1,
                                       valid_col='is_valid', item_tfms=Resize(24), **OPTIONS))
    assert dls.vocab == ('a', 'b', 'c') and dls.train.dataset.targets[2].tolist() == [0, 0, 0]


def test_functions_of_rows_and_types_that_pandas_would_change(folder, table):
    "A row of whole numbers and fractions is floats in pandas"
    numbers = table[['size', 'weight', 'is_valid']].assign(name=[folder/f'{name}.png' for name in table.fname])
    seen = DataBlock(get_x=lambda row: row['name'], get_y=lambda row: (row['size'], row.weight),
                     splitter=ColSplitter()).datasets(numbers)
    x, y = seen.train[3]
    assert (x, *y) == (folder/f'{table.fname[8]}.png', 3, numbers.weight[8])
    assert type(y[0]) is not float and len(seen.valid) == 6
    block = DataBlock((ImageBlock, RegressionBlock), get_x=ColReader('name'), get_y=ColReader('size'),
                      splitter=ColSplitter('is_valid'), item_tfms=Resize(24))
    assert block.dataloaders(numbers, **OPTIONS).train.dataset.targets[:3].tolist() == [[0], [1], [2]]


def test_encoded_columns(folder, table):
    block = DataBlock((ImageBlock, MultiCategoryBlock(encoded=True, vocab=['c', 'a'])), splitter=ColSplitter(),
                      get_x=ColReader('fname', pref=folder, suff='.png'), get_y=ColReader(['c', 'a']),
                      item_tfms=Resize(24))
    dls = block.dataloaders(table, **OPTIONS)
    assert dls.vocab == ('c', 'a')
    assert dls.train.dataset.targets.tolist() == table[~table.is_valid][['c', 'a']].to_numpy().tolist()
    image, target = block.datasets(table).valid[0]
    assert image.size == (40, 30) and target.tolist() == table[table.is_valid][['c', 'a']].iloc[0].tolist()
    with pytest.raises(ValueError, match='no names for its columns; pass vocab'): MultiCategoryBlock(encoded=True)
    with pytest.raises(ValueError, match=r'expects 2 numbers \(0 or 1\) for each image.*found .3'):
        DataBlock(block.blocks, get_x=block.get_x, get_y=lambda row: [3, 0], splitter=ColSplitter()).dataloaders(table)


def test_points_and_the_order_of_classes(folder):
    block = DataBlock((ImageBlock, PointBlock), get_image_files, GrandparentSplitter(),
                      get_y=lambda file: torch.tensor([[10., 15], [20, 30]]), item_tfms=Resize((30, 40)))
    assert block.dataloaders(folder, **OPTIONS).one_batch()[1][0].tolist() == [-.5, 0, 0, 1]
    block = DataBlock((ImageBlock(), CategoryBlock(vocab=['dog', 'cat'])), get_image_files, get_y=parent_label)
    assert block.datasets(folder).vocab == ('dog', 'cat')


def test_pipelines_and_lists(folder):
    files = get_image_files(folder)
    block = DataBlock(CLASSES, get_x=[lambda name: name + '.png', lambda name: folder/name],
                      get_y=[lambda name: name.split('/')[-1], RegexLabeller(r'_(.+)_')], item_tfms=Resize(8))
    names = [file.relative_to(folder).as_posix()[:-4] for file in files]
    assert set(block.dataloaders(names, **OPTIONS).vocab) == {'cat', 'dog'}


# --- splitters: each by its rule

def test_random_splitter_is_torchs_permutation_and_that_of_valid_pct():
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(42)).tolist()
    assert RandomSplitter(.3, 42)(list(range(50))) == (shuffled[15:], shuffled[:15])
    torch.manual_seed(42)                 # as fastai draws it
    assert torch.randperm(50).tolist() == shuffled


def test_the_other_splitters(table):
    items = [f'{i:02}' for i in range(10)]
    assert IndexSplitter([7, 1])(items) == ([0, 2, 3, 4, 5, 6, 8, 9], [7, 1])
    assert IndexSplitter([i > 7 for i in range(10)])(items)[1] == [8, 9]
    assert FuncSplitter(lambda item: item > '06')(items)[1] == [7, 8, 9]
    assert FuncSplitter(lambda row: row['size'] > 15)(table)[1] == [16, 17]
    assert ColSplitter()(table)[1] == list(range(12, 18)) == ColSplitter(4)(table)[1]
    assert ColSplitter('labels', on='b')(table)[1] == [1, 5, 9, 13]
    assert ColSplitter('labels', on=['b', 'c'])(table)[1] == [1, 5, 9, 13, 17]
    with pytest.raises(TypeError, match='ColSplitter needs a table, found list'): ColSplitter()(items)
    with pytest.raises(LookupError, match="no column 'valid'"): ColSplitter('valid')(table)


def test_train_test_splitter_is_scikit_learns():
    model_selection = pytest.importorskip('sklearn.model_selection')
    labels = ['a']*6 + ['b']*14
    found = TrainTestSplitter(test_size=.3, random_state=3, stratify=labels)(labels)
    assert list(map(list, found)) == model_selection.train_test_split(list(range(20)), test_size=.3, random_state=3,
                                                                      stratify=labels)


def test_a_splitter_may_leave_items_out_and_may_be_a_function_of_the_table(folder, table):
    def splitter(df): return df.index[~df.is_valid][:4] - 5, df.index[df.is_valid] - 5
    block = DataBlock(CLASSES, splitter=splitter, get_x=ColReader('fname', folder, '.png'), item_tfms=Resize(8),
                      get_y=lambda row: row.fname.split('/')[-2])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        found = block.datasets(table)
    assert (len(found.train), len(found.valid)) == (4, 6)


# --- what is wrong is said

@pytest.mark.parametrize(('change', 'error', 'said'), [
    ({'get_y': None}, ValueError, 'the labels are unknown; pass get_y'),
    ({'blocks': (ImageBlock, ImageBlock)}, ValueError, 'blocks are image, image; expected ImageBlock and one of'),
    ({'blocks': (CategoryBlock, ImageBlock)}, ValueError, 'blocks are single, image'),
    ({'blocks': (ImageBlock, CategoryBlock, CategoryBlock)}, ValueError, 'blocks are image, single, single'),
    ({'get_y': lambda file: None}, ValueError, 'returned None for'),
    ({'get_y': lambda file: 1/0}, ValueError, 'division by zero'),
    ({'get_x': lambda file: 'gone.png'}, FileNotFoundError, 'do not exist'),
    ({'splitter': lambda items: ([0, 1], [1, 2])}, ValueError, 'returned an item twice'),
    ({'splitter': lambda items: ([0, 7], [])}, ValueError, 'the validation set is empty'),
    ({'blocks': (ImageBlock, RegressionBlock(2)), 'get_y': lambda file: 1.5*len(file.name)}, ValueError,
     'n_out=2., but the labels have 1')])
def test_a_wrong_answer_is_named(change, error, said, folder):
    answers = {'blocks': CLASSES, 'get_items': get_image_files, 'get_y': parent_label, 'item_tfms': Resize(8)}
    with pytest.raises(error, match=said): DataBlock(**answers | change).dataloaders(folder, **OPTIONS)


def test_new_leaves_the_old_one_and_a_typo_is_named(folder):
    block = DataBlock(CLASSES, get_image_files, get_y=parent_label, item_tfms=Resize(8), batch_tfms=aug_transforms())
    other = block.new(item_tfms=Resize(12))
    assert other.dataloaders(folder, **OPTIONS).one_batch()[0].shape[2:] == (12, 12)
    assert block.item_tfms == Resize(8) and other.batch_tfms is None and other.splitter == block.splitter
    with pytest.raises(TypeError, match='no argument sz'): block.dataloaders(folder, sz=3)


def test_summary_shows_each_step_and_the_error_of_the_one_that_fails(folder, capsys):
    block = DataBlock(CLASSES, get_image_files, RandomSplitter(.3, 1), get_y=parent_label, item_tfms=Resize(8))
    block.summary(folder)
    said = capsys.readouterr().out
    for part in ('18 items: 13 for training, 5 for validation', "get_y: '", '40 x 30 pixels', '(2 classes)',
                 'item_tfms: Resize(size=8', 'batch_tfms: none', 'images (4, 3, 8, 8), targets (4,)'):
        assert part in said
    Image.new('RGB', (9, 9)).save(folder/'train'/'cat'/'odd.png')
    try:
        with pytest.raises(ValueError, match='different sizes.*item_tfms=Resize'): block.new().summary(folder, bs=13)
    finally: (folder/'train'/'cat'/'odd.png').unlink()


def test_examples_are_a_sequence(folder):
    data = DataBlock(CLASSES, get_image_files, GrandparentSplitter(), get_y=parent_label).datasets(folder)
    image, target = data.train[-1]
    assert image.size == (40, 30) and data.vocab[target] == 'dog' and len(list(data.valid)) == 6
    with pytest.raises(IndexError): data.valid[6]
