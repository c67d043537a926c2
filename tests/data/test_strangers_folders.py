"""Splits and folders as strangers bring them: the right pictures and classes, or a sentence.

Oracles: NumPy's masks, torchvision's ImageFolder, brute force. The kinds, and the members that were tried of each:

- Mask or indices: bools in lists, Series, arrays, tensors, pandas' boolean (with NA), 0/1, 0./1., text, train/valid,
  masks of another length, 2-D; slices, sets, ranges, generators, `np.where`, `nonzero`; twice, 2.7, 9.0, nan, None,
  negative, too large, text; an index of a shuffled DataFrame; `valid_col` with folds, test, marks, gaps.
- At which depth is the label: pictures beside class folders; class/session; taxonomies; train/valid/test mixed, named
  otherwise, holding no classes; a wrapper around all; one class; links; folders of machines (@eaDir, __MACOSX,
  #recycle, $RECYCLE.BIN), inside classes and sets too; models/ beside; names that differ by case, space, accent; '.'.
"""
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fastlearn.core.device import import_torchvision
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files, random_split
from fastlearn.data.images import Resize
from fastlearn.data.splits import FolderLabel, split_by_index

pd = pytest.importorskip('pandas')
MASK = np.arange(12) >= 9


# --- mask or indices

@pytest.mark.parametrize('which', [
    MASK, MASK.tolist(), torch.tensor(MASK), torch.tensor(MASK).byte(), pd.Series(MASK), MASK.astype(int),
    pd.array(MASK, dtype='boolean'), MASK.astype(float), MASK.astype(int).tolist(), [str(one) for one in MASK],
    ['valid' if one else 'train' for one in MASK], ['Val' if one else 'TRAIN' for one in MASK], np.flatnonzero(MASK),
    list(np.flatnonzero(MASK)), torch.tensor([9, 10, 11]), pd.Series([9, 10, 11]), range(9, 12), slice(9, 12),
    slice(-3, None), {9, 10, 11}, (i for i in (9, 10, 11)), {9: 'a', 10: 'b', 11: 'c'}])
def test_a_mask_is_a_mask_and_indices_are_indices(which):
    train, valid = split_by_index(12, which)
    assert (train, sorted(valid)) == (list(np.flatnonzero(~MASK)), list(np.flatnonzero(MASK)))
    assert {type(i) for i in [*train, *valid]} == {int}


@pytest.mark.parametrize('which, says', [
    (MASK[1:], 'mask of 12'), ([*MASK, True], 'mask of 12'), (MASK[None], 'mask of 12'), (np.where(MASK), 'mask of 12'),
    (torch.tensor(MASK).nonzero(), 'mask of 12'), (pd.array([None, *MASK[1:]], dtype='boolean'), 'has <NA>'),
    ([2.7], 'has 2.7'), ([9., 10.], 'has 9.0, 10.0'), ([9, float('nan')], 'has nan'), ([9, None], 'has None'),
    ([True, 9], 'has True'), ([-1], 'has -1'), ([12], 'has 12'), (['9'], "has '9'"), ('abc', "has 'a'"),
    ([3, 3, 4], 'has 3 more than once')])
def test_what_is_neither_is_refused(which, says):
    with pytest.raises(ValueError, match=f'valid_idx {says}|valid_idx has .*{says}'): split_by_index(12, which)


@pytest.mark.parametrize('which', [3, None, 2.5])
def test_one_number_is_no_list(which):
    with pytest.raises(TypeError, match='valid_idx is .*expected a list of indices'): split_by_index(12, which)


@pytest.mark.parametrize('valid_pct', [float('nan'), '20%', None, [.2]])
def test_a_share_is_a_number(valid_pct):
    with pytest.raises(ValueError, match='valid_pct is .*expected the fraction to hold'): random_split(10, valid_pct)
    assert random_split(10, .2, seed=np.int64(3)) == random_split(10, np.float32(.2), seed=3)


OPTIONS = {'bs': 4, 'item_tfms': Resize(8), 'device': 'cpu', 'seed': 0}

@pytest.fixture(scope='module')
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp('table')
    frame = pd.DataFrame({'f': [f'{i:02}.png' for i in range(12)], 'l': ['a', 'b']*6})
    for name in frame.f: Image.new('RGB', (8, 8)).save(folder/name)
    return folder, frame

def put_aside(table, **options):
    folder, frame = table
    dls = ImageDataLoaders.from_df(options.pop('frame', frame), folder, **OPTIONS, **options)
    return sorted(int(file.stem) for file in dls.valid.items)


def test_rows_of_a_shuffled_frame_are_counted_not_named(table):
    _, frame = table
    shuffled = frame.sample(frac=1, random_state=0)
    assert put_aside(table, frame=shuffled, valid_idx=shuffled.f >= '09.png') == [9, 10, 11]
    assert put_aside(table, frame=shuffled.reset_index(drop=True), valid_idx=[0, 1, 2]) == sorted(shuffled.index[:3])
    for which in (shuffled.index[:3], [0, 1, 2], frame.f >= '09.png'):  # names of rows, or of another order
        with pytest.raises(ValueError, match='the index of the table is not 0, 1, 2, .*df.reset_index'):
            put_aside(table, frame=shuffled, valid_idx=which)


@pytest.mark.parametrize('column, expected', [
    (MASK, [9, 10, 11]), (MASK.astype(float), [9, 10, 11]), (['train']*9 + ['valid']*3, [9, 10, 11]),
    (pd.array([True, True, None] + [False]*9, dtype='boolean'), [0, 1]), ([1., 1., np.nan] + [0.]*9, [0, 1]),
    (['yes', 'yes'] + ['']*10, [0, 1]), ([True, True] + [None]*10, [0, 1])])
def test_a_column_says_what_is_put_aside(table, column, expected):
    assert put_aside(table, frame=table[1].assign(v=column), valid_col='v') == expected


@pytest.mark.parametrize('column, says', [
    ([0, 1, 2, 3]*3, 'has 2, 3;'), (['train']*9 + ['test']*3, "has 'test';"), (range(12), 'has 2, 3, 4'),
    (['x', '']*6, "has 'x';"), ([.5]*12, 'has 0.5;')])
def test_a_column_that_says_something_else_is_refused(table, column, says):
    with pytest.raises(ValueError, match=f'{says}.*expected True and False'):
        put_aside(table, frame=table[1].assign(v=column), valid_col='v')


def test_a_mask_counts_the_files_as_they_were_given(table):
    folder, frame = table
    files = list(frame.f.sample(frac=1, random_state=1))                               # not in the order of their names
    mask = [name >= '09.png' for name in files]
    for make, label in ((ImageDataLoaders.from_name_func, lambda name: int(name[:2]) % 2),
                        (ImageDataLoaders.from_path_func, lambda path: int(path.stem) % 2),
                        (ImageDataLoaders.from_name_re, r'\d(\d)')):
        dls = make(folder, [folder/name for name in files], label, valid_idx=mask, **OPTIONS)
        assert sorted(int(file.stem) for file in dls.valid.items) == [9, 10, 11]
        assert [int(label) % 2 for label in dls.valid.dataset.labels] == [int(f.stem) % 2 for f in dls.valid.items]


def test_one_file_under_two_names_is_told(tmp_path):
    tree(tmp_path, 'cat')
    (tmp_path/'dog').symlink_to(tmp_path/'cat', target_is_directory=True)
    with pytest.warns(UserWarning, match='6 files are in the list more than once: .*through links'):
        classes(tmp_path)
    names = [tmp_path/'cat/0.png', f'{tmp_path}/dog/../cat/0.png', tmp_path/'cat/1.png', tmp_path/'cat/2.png']
    with pytest.warns(UserWarning, match='1 files are in the list more than once'):
        ImageDataLoaders.from_lists(tmp_path, names, [0, 0, 1, 1], valid_idx=[0, 2], **OPTIONS)


# --- at which depth is the label?

def tree(folder, *places, n=6, ending='png'):
    for place in places:
        (folder/place).mkdir(parents=True, exist_ok=True)
        for i in range(n): Image.new('RGB', (8, 8)).save(folder/place/f'{i}.{ending}', 'png')
    return folder

def classes(folder, **options):
    dls = ImageDataLoaders.from_folder(folder, **{**OPTIONS, 'valid_pct': .25, **options})
    both = [pair for loader in (dls.train, dls.valid) for pair in zip(loader.items, loader.dataset.labels)]
    return {Path(file).relative_to(folder).as_posix(): label for file, label in both}

def as_torchvision(folder):
    import_torchvision()
    from torchvision.datasets import ImageFolder
    found = ImageFolder(folder, allow_empty=True)
    return {Path(file).relative_to(folder).as_posix(): found.classes[i] for file, i in found.samples}


DEEP = 'images lie deeper than their class folder'

@pytest.mark.parametrize('places, warns', [
    (['cat', 'dog'], ''), (['0', '1'], ''), (['01', '1'], ''), (['True', 'False'], ''), (['$5_$10', '#1', '@home'], ''),
    (['cat/monday', 'cat/sunday', 'dog/monday'], DEEP), (['cat', 'cat/more', 'dog'], DEEP), (['train', 'bus'], ''),
    (['animals/cat', 'animals/dog', 'plants/rose'], DEEP), (['test', 'control'], '')])
def test_the_class_is_the_first_folder(tmp_path, places, warns):
    tree(tmp_path, *places)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        found = classes(tmp_path)
    assert found == as_torchvision(tmp_path)
    assert bool(warns) == bool(said) and warns in ' '.join(str(one.message) for one in said)


@pytest.mark.parametrize('sets', [('train', 'valid', 'test'), ('Train', 'Test'), ('training', 'testing'),
                                  ('train', 'val')])
def test_sets_that_are_mixed_are_told(tmp_path, sets):
    tree(tmp_path, *(f'{one}/{kind}' for one in sets for kind in ('cat', 'dog')))
    with pytest.warns(UserWarning, match='random split mixes them, so .*Leave valid_pct out'): found = classes(tmp_path)
    assert found == {f'{one}/{file}': label for one in sets for file, label in as_torchvision(tmp_path/one).items()}


def test_one_set_alone_is_not_mixed(tmp_path):
    tree(tmp_path, 'train/cat', 'train/dog')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert set(classes(tmp_path).values()) == {'cat', 'dog'}


@pytest.mark.parametrize('places, options, says', [
    (['cat', 'dog', '.'], {}, r'images lie in .* itself \(6\), such as 0.png; expected every image in a folder'),
    (['train/cat', 'train/dog', 'test'], {}, r'images lie in .*test itself'), (['train', 'test'], {}, 'test|train'),
    (['.'], {}, 'images lie in .* itself'), (['train/cat', 'train/dog', 'train', 'valid/cat', 'valid/dog'],
                                               {'valid_pct': None}, 'images lie in .*train itself'),
    (['cat'], {}, 'only one class: all 6 images .* are in one folder, cat'),
    (['images/cat', 'images/dog'], {}, 'only one class: .* in one folder, images; .*if these are inside it, pass that'),
    (['train/cat', 'train/dog', 'more/x'], {}, "look like sets, 'train', beside 'more', so it is unclear"),
    (['cat', 'dog'], {'valid_pct': None}, 'no images in the folder .train.*, which holds cat, dog.*valid_pct=0.2'),
    (['train/cat', 'train/dog', 'val/cat'], {'valid_pct': None}, "'valid' .*holds train, val; name the folders in it"),
    (['train/cat', 'train/dog'], {'valid_pct': None, 'valid': 'train'}, "train and valid are both 'train'")])
def test_folders_that_are_not_called_like_classes_are_told(tmp_path, places, options, says):
    with pytest.raises(ValueError, match=says): classes(tree(tmp_path, *places), **options)


@pytest.mark.parametrize('name', ['@eaDir', '#recycle', '$RECYCLE.BIN', 'System Volume Information', '__MACOSX',
                                  '.thumbnails', '@Recycle', '__pycache__', '.ipynb_checkpoints'])
@pytest.mark.parametrize('inside', ['', 'cat', 'train', 'train/cat'])
def test_folders_of_machines_are_passed_over(tmp_path, name, inside):
    sets = 'train' in inside
    tops = ['train/', 'valid/'] if sets else ['']
    tree(tmp_path, *(f'{top}{kind}' for top in tops for kind in ('cat', 'dog')))
    expected = get_image_files(tmp_path)
    tree(tmp_path, f'{inside}/{name}' if inside else name)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = classes(tmp_path, valid_pct=None if sets else .25)
    assert sorted(found) == sorted(file.relative_to(tmp_path).as_posix() for file in expected)
    assert set(found.values()) == {'cat', 'dog'}


def test_the_folder_may_be_given_in_any_way(tmp_path, monkeypatch):
    tree(tmp_path/'pets', 'cat', 'dog')
    (tmp_path/'link').symlink_to(tmp_path/'pets', target_is_directory=True)
    monkeypatch.chdir(tmp_path/'pets')
    for path in ('.', './', '../pets', f'{tmp_path}/pets/', tmp_path/'link', os.path.relpath(tmp_path/'link')):
        dls = ImageDataLoaders.from_folder(path, valid_pct=.25, **OPTIONS)
        assert dls.vocab == ('cat', 'dog') and dls.train.n_images == 9


def test_more_pictures_are_labeled_at_the_same_depth(tmp_path):
    tree(tmp_path/'deep', 'cat/monday', 'dog/monday')
    with pytest.warns(UserWarning, match=DEEP):
        deep = ImageDataLoaders.from_folder(tmp_path/'deep', valid_pct=.25, **OPTIONS)
    assert deep.test_dl([tmp_path/'deep/dog/monday/0.png'], with_labels=True).dataset.labels == ['dog']
    with pytest.raises(ValueError, match=r'x/dog/0.png is not in .*deep'):
        deep.test_dl([tree(tmp_path/'x', 'dog')/'dog/0.png'], with_labels=True)
    tree(tmp_path/'flat', *(f'{one}/{kind}' for one in ('train', 'valid', 'test') for kind in ('cat', 'dog')))
    flat = ImageDataLoaders.from_folder(tmp_path/'flat', **OPTIONS)
    for files in (get_image_files(tmp_path/'flat/test'), [tmp_path/'x/dog/0.png']):
        assert flat.test_dl(files, with_labels=True).dataset.labels == [file.parent.name for file in files]
    with pytest.raises(ValueError, match='is not in a class folder'): FolderLabel('a', 1)('a/b/1.png')
