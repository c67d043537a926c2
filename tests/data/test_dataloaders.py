"Files, splits, labels, batches: what is found, what is said where something is wrong, and that a seed means one result"
import json
import inspect
import random
import threading
import warnings
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from fastlearn.data.augment import aug_transforms
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files, ImageDataset, random_split
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.image_files import match_files
from fastlearn.data.images import imagenet_stats, Normalize, Resize
from fastlearn.data.item_transform import ItemTransform
from fastlearn.data.labels import LabelSpec, RegexLabeller
from fastlearn.data.prefetch import prefetch
from fastlearn.data.random_crop import RandomResizedCrop
from fastlearn.data.splits import check_split, flagged, split_by_folder
from fastlearn.data.tables import read_csv, read_rows
from PIL import Image
from torch.utils.data import DataLoader as TorchDataLoader, TensorDataset


def is_cat(name): return name[0].isupper()


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    "100 pictures of several sizes: Red_*.png are reddish, blue_*.png bluish; no two alike"
    path = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for i in range(100):
        pixels = rng.integers(0, 256, (40 + i % 7, 60 - i % 5, 3), dtype=np.uint8)
        pixels[..., 0 if i % 2 else 2] = 255
        Image.fromarray(pixels).save(path/f'{"Red" if i % 2 else "blue"}_{i}.png')
    return path


def load(folder, **kwargs):
    kwargs = {'valid_pct': .2, 'seed': 42, 'item_tfms': Resize(16), 'bs': 8, 'device': 'cpu', **kwargs}
    return ImageDataLoaders.from_name_func(folder, get_image_files(folder), label_func=is_cat, **kwargs)


def everything(loader): return [(images.clone(), targets.clone()) for images, targets in loader]


def alike(one, other):
    return len(one) == len(other) and all(a.equal(c) and b.equal(d) for (a, b), (c, d) in zip(one, other))


# --- files

def test_files_are_sorted_and_hidden_ones_are_left_out(tmp_path):
    for name in ('b/2.JPG', 'b/10.jpg', 'a.png', 'b-1/z.webp', '.thumbs/x.jpg', '._a.png', 'notes.txt'):
        (tmp_path/name).parent.mkdir(exist_ok=True)
        (tmp_path/name).touch()
    def names(**kwargs): return [file.relative_to(tmp_path).as_posix() for file in get_image_files(tmp_path, **kwargs)]
    assert names() == ['a.png', 'b-1/z.webp', 'b/10.jpg', 'b/2.JPG']
    assert names(recurse=False) == ['a.png'] and names(folders=['b']) == ['b/10.jpg', 'b/2.JPG']


def test_where_there_is_nothing_the_error_says_what_there_is(tmp_path):
    with pytest.raises(FileNotFoundError, match='the folder .*photos does not exist; .* exists and holds nothing'):
        get_image_files(tmp_path/'photos')
    with pytest.raises(ValueError, match='no images in .*: the folder holds nothing'): get_image_files(tmp_path)
    for name in ('a.txt', 'b.txt', 'c.heic'): (tmp_path/name).touch()
    with pytest.raises(ValueError, match='3 files, none of them an image: 2 x .txt, .heic; convert HEIC photos'):
        get_image_files(tmp_path)
    with pytest.raises(ValueError, match='in its folders cats'): get_image_files(tmp_path, folders=['cats'])
    with pytest.raises(NotADirectoryError, match='is a file; expected the folder'): get_image_files(tmp_path/'a.txt')


# --- splits

@pytest.mark.parametrize('seed', [0, 42])
def test_the_split_is_fastais(seed):
    "torch.randperm after torch.manual_seed, the first int(valid_pct*n) for validation"
    torch.manual_seed(seed)
    expected = torch.randperm(103).tolist()
    state = torch.get_rng_state()
    assert random_split(103, .2, seed) == (expected[20:], expected[:20])
    assert torch.get_rng_state().equal(state)


def test_without_a_seed_each_split_is_another():
    assert random_split(100)[1] != random_split(100)[1]


@pytest.mark.parametrize(('n', 'share', 'message'), [
    (10, .05, 'the validation set would be empty, because valid_pct=0.05 holds out 0 of 10 images; pass a larger'),
    (10, 1., 'the training set would be empty'), (1, .2, 'the validation set would be empty')])
def test_an_empty_part_is_an_error(n, share, message):
    with pytest.raises(ValueError, match=message): random_split(n, share)


def test_the_seed_means_the_same_split_whatever_the_order_of_the_files(folder):
    files = get_image_files(folder)
    splits = []
    for n in range(3):
        random.Random(n).shuffle(files)
        splits.append(ImageDataLoaders.from_name_func(folder, files, is_cat, seed=7, item_tfms=Resize(8)).valid.items)
    assert splits[0] == splits[1] == splits[2]


def test_folders_that_are_missing_are_named(tmp_path):
    (tmp_path/'train').mkdir()
    with pytest.raises(ValueError, match="in the folder 'valid' in .*, which holds train; name the folders"):
        split_by_folder(tmp_path, [tmp_path/'train/a.jpg'])


# --- labels and tasks

@pytest.mark.parametrize(('labels', 'kind', 'vocab', 'outputs'), [
    ([True, False], 'single', (False, True), 2), (['b', 'a', 'b'], 'single', ('a', 'b'), 2),
    ([3, 1], 'single', (1, 3), 2),
    ([['cat', 'sofa'], []], 'multi', ('cat', 'sofa'), 2), ([('a',), {'b'}], 'multi', ('a', 'b'), 2),
    ([1.5, 2.], 'number', (), 1), ([1, 2.5], 'number', (), 1), ([(.1, .2), [1, .5]], 'number', (), 2)])
def test_the_labels_decide_the_task(labels, kind, vocab, outputs):
    task = LabelSpec.from_labels(labels)
    assert (task.kind, task.vocab, task.outputs) == (kind, vocab, outputs)
    assert [type(value) for value in task.vocab] == [type(value) for value in vocab]


def test_encoding_and_back():
    single, multi = LabelSpec('single', (False, True)), LabelSpec('multi', ('a', 'b', 'c'))
    number = LabelSpec('number', (), 2)
    assert single.encode(True) == 1 and single.decode(torch.tensor(1)) is True
    assert multi.encode({'c', 'a'}) == [1, 0, 1] and multi.decode(torch.tensor([True, False, True])) == ['a', 'c']
    assert number.decode(torch.tensor(number.encode((.5, 2)))) == (.5, 2.)
    assert LabelSpec('number').decode(torch.tensor([.5])) == .5
    for label in (1, 'True'):
        with pytest.raises(ValueError, match=r'is not one of the 2 classes: False, True'): single.encode(label)
    with pytest.raises(ValueError, match="kind is 'classes'; expected"): LabelSpec('classes')


@pytest.mark.parametrize(('labels', 'kind', 'message'), [
    (['cat']*3, None, "only one class: all 3 images have the label 'cat'"),
    (['cat', 1.5], None, "do not fit together: 'cat' .first. means one class, 1.5 .second. means a quantity"),
    (['cat', 1], None, "several types; use one: .*'cat' .str."), ([[], []], None, 'all labels are empty'),
    ([1.5, float('nan')], None, 'second: the label nan is missing'),
    ([1.5, float('inf')], None, 'second: the label is inf; expected a finite number'),
    ([(1., 2.), (1.,)], None, 'first has 2, second has 1'),
    (['a', 'b'], 'multi', "label_kind is 'multi', a list of classes, but"),
    (['a', 'b'], 'number', "first: the label is 'a'; expected a finite number"),
    ([1.5, 2.5], 'multi', 'but the label of first is 1.5'),
    ([['a'], 1.5], None, r"\['a'\] .first. means a list of classes, 1.5 .second. means a quantity"),
    ([['a'], ['b']], 'single', "label_kind is 'single', one class, but")])
def test_labels_that_do_not_fit_are_shown(labels, kind, message):
    with pytest.raises(ValueError, match=message):
        LabelSpec.from_labels(labels, kind, items=['first', 'second', 'third'][:len(labels)])


def test_what_can_be_no_label():
    with pytest.raises(TypeError, match='second: .* cannot be a label; expected text'):
        LabelSpec.from_labels(['a', object()], items=['first', 'second'])


def test_numbers_may_be_asked_for_where_they_look_like_classes():
    assert LabelSpec.from_labels([20, 30, 41], 'number') == LabelSpec('number', (), 1)


@pytest.mark.parametrize('change, text', [
    ({'outputs': 0}, 'outputs is 0'), ({'outputs': -1}, 'is -1'), ({'outputs': 2.}, 'is 2.0 for 2 classes'),
    ({'outputs': None}, 'is None'), ({'outputs': 3}, 'outputs is 3 for 2 classes'), ({'outputs': '2'}, "is '2'"),
    ({'vocab': ('a', None)}, 'a class in vocab is neither text nor a number'),
    ({'vocab': ('a', ('b',))}, 'a class in vocab is neither text nor a number')])
def test_a_file_cannot_say_what_labels_cannot_be(change, text):
    config = LabelSpec('single', ('a', 'b')).to_config()
    assert LabelSpec.from_config(config) == LabelSpec('single', ('a', 'b'))
    with pytest.raises(ValueError, match=text): LabelSpec.from_config(config | change)


def test_a_class_without_examples_is_reported():
    task = LabelSpec.from_labels(['a', 'b', 'c'])
    with pytest.warns(UserWarning, match="no training image has the label 'c', .* .1 times., so it cannot be learned"):
        check_split(task, ['a', 'b', 'c'], [0, 1], [2])
    with pytest.raises(ValueError, match="only one class: all 1 training images have the label 'a'"):
        check_split(task, ['a', 'b', 'c'], [0], [1, 2])
    with pytest.raises(ValueError, match='the validation set is empty'): check_split(task, ['a', 'b'], [0, 1], [])
    with pytest.raises(ValueError, match='the training set is empty'): check_split(task, ['a', 'b'], [], [0, 1])


def test_a_label_function_that_fails_names_the_file(folder):
    files = get_image_files(folder)
    def number(path): return {'1': 1}[path.stem.split('_')[1]]
    with pytest.raises(ValueError, match='the label function number failed for .*Red_11.png: KeyError') as caught:
        ImageDataLoaders.from_path_func(folder, files, number)
    assert isinstance(caught.value.__cause__, KeyError)
    def forgotten(name): name[0].isupper()
    with pytest.raises(ValueError, match='forgotten returned None for .*Red_1.png; .*is a `return` missing'):
        ImageDataLoaders.from_name_func(folder, files, forgotten)
    with pytest.raises(ValueError, match='the pattern .* does not match'): RegexLabeller(r'(\d+)')('cat')


# --- the eight ways

def test_the_book_s_line(folder):
    dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), valid_pct=0.2, seed=42, label_func=is_cat,
                                          item_tfms=Resize(64))
    assert dls.vocab == (False, True) and dls.c == 2 and dls.seed == 42
    assert (dls.train.n_images, dls.valid.n_images, dls.train.batch_size) == (80, 20, 64)
    images, targets = dls.one_batch()
    assert images.shape == (64, 3, 64, 64) and images.dtype == torch.float32 and targets.dtype == torch.int64
    assert images.device == dls.device


def test_all_constructors_agree(folder, tmp_path):
    files = get_image_files(folder)
    labels = ['Red' if is_cat(file.name) else 'blue' for file in files]
    rows = [f'{file.name},{label}' for file, label in zip(files, labels)]
    (folder/'labels.csv').write_text('\n'.join(['name,label', *rows]))
    options = {'seed': 3, 'item_tfms': Resize(8), 'device': 'cpu'}
    pandas = pytest.importorskip('pandas')
    table = {'name': [file.name for file in files], 'label': labels}
    def by_path(path): return path.name.split('_')[0]
    made = [
        ImageDataLoaders.from_lists(folder, files, labels, **options),
        ImageDataLoaders.from_lists(folder, [file.name for file in files], np.array(labels), **options),
        ImageDataLoaders.from_path_func(folder, files, by_path, **options),
        ImageDataLoaders.from_name_func(folder, files[::-1], lambda name: name.split('_')[0], **options),
        ImageDataLoaders.from_name_re(folder, files, r'^(.+)_', **options),
        ImageDataLoaders.from_path_re(folder, map(str, files), r'([^/]+)_\d+.png$', **options),
        ImageDataLoaders.from_df(pandas.DataFrame(table), folder, **options),
        ImageDataLoaders.from_df(table, folder, label_col='label', **options),
        ImageDataLoaders.from_df({**table, 'name': [n[:-4] for n in table['name']]}, folder.parent, folder=folder.name,
                                 suff='.png', **options),
        ImageDataLoaders.from_csv(folder, **options),
    ]
    for dls in made:
        assert dls.valid.items == made[0].valid.items and dls.vocab == ('Red', 'blue')
        assert dls.valid.dataset.targets.equal(made[0].valid.dataset.targets)


def test_from_folder(tmp_path):
    for part, n in (('train', 3), ('valid', 2)):
        for label in ('cat', 'dog'):
            (tmp_path/part/label).mkdir(parents=True)
            for i in range(n): Image.new('RGB', (8, 8), (i, 0, 0)).save(tmp_path/part/label/f'{i}.png')
    with pytest.warns(UserWarning, match='6 training images are fewer than one batch of 64'):
        dls = ImageDataLoaders.from_folder(tmp_path, device='cpu')
    assert (dls.train.n_images, dls.valid.n_images, dls.vocab) == (6, 4, ('cat', 'dog'))
    assert {file.parts[-3] for file in dls.valid.items} == {'valid'}
    with pytest.warns(UserWarning, match="holds 'train', 'valid', and a random split mixes them"):
        dls = ImageDataLoaders.from_folder(tmp_path, valid_pct=.5, seed=1, bs=2, device='cpu')
    assert (dls.train.n_images, dls.valid.n_images) == (5, 5)
    assert dls.test_dl(dls.valid.items, with_labels=True).dataset.targets.equal(dls.valid.dataset.targets)
    with pytest.raises(ValueError, match="no images in the folder 'train' .*or pass valid_pct=0.2"):
        ImageDataLoaders.from_folder(tmp_path/'train', 'train', 'test')


def test_several_labels_and_numbers_from_a_table(folder):
    files = get_image_files(folder)
    table = {'file': [f.name for f in files], 'tags': [['red round', 'blue', ''][i % 3] for i in range(100)],
             'age': [i/2 for i in range(100)], 'x': [.5]*100, 'y': [.1]*100, 'held': [i < 10 for i in range(100)]}
    options = {'item_tfms': Resize(8), 'bs': 4, 'device': 'cpu', 'valid_col': 'held'}
    tags = ImageDataLoaders.from_df(table, folder, label_col='tags', label_delim=' ', **options)
    assert tags.vocab == ('blue', 'red', 'round') and tags.one_batch()[1].shape == (4, 3)
    assert tags.valid.items == files[:10]
    assert [tags.label_spec.decode(row) for row in tags.valid.dataset.targets[:3]] == [['red', 'round'], ['blue'], []]
    age = ImageDataLoaders.from_df(table, folder, label_col='age', **options)
    assert (age.label_spec.kind, age.c) == ('number', 1) and age.one_batch()[1].shape == (4, 1)
    place = ImageDataLoaders.from_df(table, folder, label_col=['x', 'y'], **options)
    assert (place.label_spec.kind, place.c) == ('number', 2) and place.one_batch()[1].dtype == torch.float32
    with pytest.raises(LookupError, match="no column 'tag'; the table has 'file', 'tags'"):
        ImageDataLoaders.from_df(table, folder, label_col='tag', **options)


def test_csv_columns_have_types(tmp_path):
    file = tmp_path/'a.csv'
    file.write_text('\ufeffname;ok;n;x\n"a;1";True;1;1\nb;False;2;2.5\n\n', encoding='utf-8')
    assert read_csv(file, delimiter=';') == {'name': ['a;1', 'b'], 'ok': [True, False], 'n': [1, 2], 'x': [1., 2.5]}
    assert list(read_csv(file, header=None, delimiter=';')) == [0, 1, 2, 3]
    file.write_text('a,b\n1\n')
    with pytest.raises(ValueError, match='row 1, has 1 values for 2 columns'): read_csv(file)
    with pytest.raises(FileNotFoundError, match='the file .*labels.csv does not exist; .* holds a.csv'):
        ImageDataLoaders.from_csv(tmp_path)


@pytest.mark.parametrize('value', [True, 1, 'true', 'True', ' YES ', 'yes', '1', 1., 'y', 'valid', 'val'])
def test_what_says_yes_in_a_table(value): assert flagged([value]) == [0]


@pytest.mark.parametrize('value', [False, 0, None, 'false', 'no', '0', '', 'n', 'train', float('nan')])
def test_what_says_no_in_a_table(value): assert flagged([value]) == []


@pytest.mark.parametrize('value', [2, 'test', 'maybe', .5, -1, 'x', [True]])
def test_what_says_neither_yes_nor_no_is_named(value):
    with pytest.raises(ValueError, match='of held-out images has .*; expected True and False'):
        flagged([True, value])


def test_names_in_a_table_may_hold_bytes_that_are_no_text(tmp_path):
    (tmp_path/'names.csv').write_bytes(b'caf\xe9.png,1\n')
    with pytest.raises(ValueError, match='as a CSV table: .*Save it again'): read_rows(tmp_path/'names.csv')
    assert read_rows(tmp_path/'names.csv', errors='surrogateescape') == [['caf\udce9.png', '1']]


def test_files_that_are_not_there_are_named(folder):
    with pytest.raises(FileNotFoundError, match="2 of 2 files do not exist, .*'1', '2'; for tables, folder= and suff="):
        ImageDataLoaders.from_df({'name': [1, 2], 'label': ['a', 'b']}, folder)
    with pytest.raises(ValueError, match='3 files, but 2 labels'):
        ImageDataLoaders.from_lists(folder, ['a', 'b', 'c'], [1, 2])


def test_of_many_files_that_do_not_fit_three_are_shown(tmp_path):
    for name in 'abcde': (tmp_path/name).mkdir()
    files = [tmp_path/f'{i}.png' for i in range(5)]
    for file in files: file.touch()
    more = r"'.*', '.*', '.*', \.\.\. \(5 in all\)"
    with pytest.raises(FileNotFoundError, match=f'5 of 6 files do not exist.*: {more}; for tables'):
        match_files(tmp_path, [*'vwxyz', files[0]], range(6))
    with pytest.raises(IsADirectoryError, match=f'5 of 6 files are folders: {more}; is a name missing'):
        match_files(tmp_path, [*'abcde', files[0]], range(6))
    with pytest.warns(UserWarning, match=f'5 files are in the list more than once: {more}'):
        assert match_files('elsewhere', files*2, range(10)) == (files*2, list(range(10)))


@pytest.mark.parametrize('name', ['from_folder', 'from_path_func', 'from_name_func', 'from_path_re', 'from_name_re',
                                  'from_df', 'from_csv'])
def test_every_signature_shows_the_common_arguments_and_a_typo_is_named(name, folder, tmp_path):
    constructor = getattr(ImageDataLoaders, name)
    parameters = inspect.signature(constructor).parameters
    common = {'valid_pct', 'seed', 'item_tfms', 'batch_tfms', 'bs', 'val_bs', 'shuffle', 'device', 'workers'}
    assert common <= set(parameters)
    assert parameters['bs'].default == 64 and 'kwargs' not in parameters
    Path(folder/'labels.csv').write_text('name,label\nRed_1.png,a\nblue_0.png,b\n')
    table = {'n': ['Red_1.png', 'blue_0.png'], 'l': ['a', 'b']}
    for kind in 'ab':
        (tmp_path/kind).mkdir()
        Image.new('RGB', (8, 8)).save(tmp_path/kind/'1.png')
    arguments = {'from_folder': (tmp_path,), 'from_df': (table, folder), 'from_csv': (folder,)}
    files = get_image_files(folder)
    pattern = (folder, files, '(.)_') if name.endswith('re') else (folder, files, str)
    extra = {'valid_pct': .2} if name == 'from_folder' else {}
    with pytest.raises(TypeError, match='no argument vlid_pct; did you mean valid_pct'):
        constructor(*arguments.get(name, pattern), **extra, vlid_pct=.3)


def test_wrong_transforms_are_named(folder):
    with pytest.raises(TypeError, match='Resize is a class, so pass Resize'):
        load(folder, item_tfms=[Resize, Resize(8)])
    with pytest.raises(TypeError, match='batch_tfms must be functions .* found 3'): load(folder, batch_tfms=[3])
    with pytest.raises(ValueError, match='bs is 0'): load(folder, bs=0)
    with pytest.raises(ValueError, match='valid_idx has 100, but the 100 images are numbered from 0 to 99'):
        load(folder, valid_idx=[100])


# --- batches

def test_batches_hold_what_is_in_the_files(folder):
    "By hand: decode, resize, middle, divide, normalize as torchvision does"
    dls = load(folder)
    images, targets = next(iter(dls.valid))
    mean, std = (torch.tensor(values)[:, None, None] for values in imagenet_stats)
    for image, target, file in zip(images, targets, dls.valid.items):
        pixels = Resize(16).crop(Resize(16).prepare(Image.open(file).convert('RGB')))
        assert image.equal((torch.tensor(pixels).permute(2, 0, 1).float()/255 - mean)/std)
        assert dls.label_spec.decode(target) is is_cat(file.name)
    assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('options', [{}, {'item_tfms': RandomResizedCrop(16), 'batch_tfms': aug_transforms()}],
                         ids=['plain', 'random'])
def test_the_same_seed_gives_the_same_bits_however_many_threads(folder, options):
    runs = []
    for workers in (0, 1, 3):
        dls = load(folder, workers=workers, **options)
        runs.append([*everything(dls.train), *everything(dls.train), *everything(dls.valid)])
    assert alike(runs[0], runs[1]) and alike(runs[0], runs[2])
    assert not alike(runs[0], [*everything(load(folder, seed=43, **options).train)])


def test_each_epoch_is_another_and_can_be_repeated(folder):
    train = load(folder).train
    first, second = everything(train), everything(train)
    assert not alike(first, second)
    train.set_epoch(0)
    assert alike(first, everything(train)) and alike(second, everything(train))
    valid = load(folder).valid
    assert alike(everything(valid), everything(valid))


def test_looking_does_not_change_what_comes(folder):
    one, other = load(folder), load(folder)
    one.one_batch()
    one.show_batch(max_n=2)
    plt.close('all')
    assert alike(everything(one.train), everything(other.train))


def test_neither_python_s_nor_numpy_s_nor_torch_s_chance_is_touched(folder):
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002, old users' too
    everything(load(folder, batch_tfms=aug_transforms()).train)
    assert random.getstate() == states[0] and np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.get_rng_state().equal(states[2])


def test_without_a_seed_set_seed_fixes_the_order(folder):
    orders = []
    for _ in range(2):
        torch.manual_seed(5)
        dls = load(folder, seed=None, valid_idx=range(20))
        orders.append(dls.train.order(0))
    assert orders[0] == orders[1] and dls.seed is None


def test_training_leaves_the_incomplete_batch_out_and_validation_does_not(folder):
    dls = load(folder, bs=32)  # 80 and 20
    assert len(dls.train) == 2 and [len(images) for images, _ in dls.train] == [32, 32]
    assert len(dls.valid) == 1 and [len(images) for images, _ in load(folder, bs=32, val_bs=8).valid] == [8, 8, 4]
    seen = {i for epoch in range(20) for i in dls.train.order(epoch)[:64]}
    assert len(seen) == 80


def test_fewer_pictures_than_a_batch_are_one_batch_and_a_warning(folder):
    with pytest.warns(UserWarning, match='80 training images are fewer than one batch of 100, .* a smaller bs'):
        dls = load(folder, bs=100)
    assert [len(images) for images, _ in dls.train] == [80]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        load(folder, bs=80)


def test_shuffle_can_be_switched_off(folder):
    assert load(folder, shuffle=False).train.order(3) == list(range(80))


def test_pictures_of_different_sizes_need_a_resize(folder):
    with pytest.raises(ValueError, match=r'different sizes .*png is \d+ x \d+ and .* item_tfms=Resize\(224\)'):
        load(folder, item_tfms=None).one_batch()


def test_an_unreadable_file_stops_with_its_name(tmp_path):
    for i in range(6): Image.new('RGB', (8, 8)).save(tmp_path/f'{"A" if i % 2 else "b"}{i}.png')
    (tmp_path/'A1.png').write_bytes(b'broken')
    files = get_image_files(tmp_path)
    dls = ImageDataLoaders.from_name_func(tmp_path, files, is_cat, valid_idx=[2, 3], bs=2, device='cpu')
    before = threading.active_count()
    with pytest.raises(UnreadableImage, match=r'cannot read image .*A1.png: .*verify_images'): everything(dls.train)
    assert threading.active_count() == before


def test_decoded_once_within_the_memory_given(folder, monkeypatch):
    opened = []
    real = ImageDataset.open
    monkeypatch.setattr(ImageDataset, 'open', lambda self, i: opened.append(i) or real(self, i))
    files = get_image_files(folder)
    ample, scarce = (ImageDataset(files, item_tfms=Resize(16), memory=memory) for memory in (1e9, 10_000))
    loaders = [DataLoader(dataset, 10, training=True, workers=2) for dataset in (ample, scarce)]
    results = []
    for loader in loaders:
        opened.clear()
        results.append([images for _ in range(2) for images, _ in loader])
        assert len(opened) == 100 if loader is loaders[0] else 150 < len(opened) < 200
    assert all(map(torch.equal, *results)) and scarce.kept_bytes <= 10_000
    assert ample.kept_bytes == sum(pixels.nbytes for pixels in ample.kept.values())


def test_stopping_early_leaves_no_threads(folder):
    before = threading.active_count()
    for _ in range(3):
        batches = iter(load(folder, workers=3).train)
        next(batches)
        batches.close()
    assert threading.active_count() == before


@pytest.mark.parametrize('workers', [0, 1, 4])
def test_ahead_is_map(workers):
    assert list(prefetch(lambda x: x*x, range(20), workers)) == [x*x for x in range(20)]
    assert list(prefetch(abs, [], workers)) == []
    with pytest.raises(ZeroDivisionError): list(prefetch(lambda x: 1/x, [1, 0, 1], workers))


def test_a_file_is_decoded_small_only_where_no_function_sees_the_image(tmp_path):
    Image.new('RGB', (640, 480)).save(tmp_path/'large.jpg')
    def opened(transforms): return ImageDataset([tmp_path/'large.jpg'], item_tfms=transforms).open(0).size
    assert opened(Resize(64)) == (160, 120) and opened([lambda image: image, Resize(64)]) == (640, 480)
    assert ItemTransform(Resize(8)).needs == Resize(8).needs and ItemTransform(None).needs is None
    assert ItemTransform([lambda image: image, Resize(8)]).needs is None


def test_threads_overlap_as_asked():
    for overlap in True, False:
        assert DataLoader(ImageDataset([1, 2]), 1, overlap=overlap).overlaps() is overlap


def test_item_functions_come_before_the_resize(folder):
    dls = load(folder, item_tfms=[lambda image: image.convert('L').convert('RGB'), Resize(16)])
    images = dls.valid.normalize.undo(next(iter(dls.valid))[0])
    torch.testing.assert_close(images[:, 0], images[:, 2])


def test_a_normalization_of_one_s_own(folder):
    dls = load(folder, batch_tfms=[*aug_transforms(size=12), Normalize((.5,)*3, (.5,)*3)])
    images, _ = dls.one_batch()
    assert images.shape[2:] == (12, 12) and -1 <= images.min() and images.max() <= 1
    assert next(iter(dls.valid))[0].shape[2:] == (12, 12)


# --- both sets together

@pytest.mark.parametrize(('name', 'vocab', 'words'), [
    ('is_cat', (False, True), ['not cat', 'cat']), ('has_long_tail', (True, False), ['long tail', 'no long tail']),
    ('is_cat', ('a', 'b'), ['a', 'b']), ('is_cat', (0, 1), ['0', '1']), ('is_', (False, True), ['False', 'True']),
    ('label', (False, True), ['False', 'True']), ('<lambda>', (False, True), ['False', 'True'])])
def test_true_and_false_become_words_where_the_label_function_has_some(name, vocab, words):
    def label_func(name): return True
    label_func.__name__ = name
    spec = LabelSpec('single', vocab)
    assert list(spec.with_words_of(label_func).texts) == words
    assert [spec.with_words_of(label_func).text(label) for label in vocab] == words
    for other in partial(label_func), None:
        assert list(spec.with_words_of(other).texts) == [str(one) for one in vocab]


def test_words_are_for_people_only(folder):
    "Labels, targets, equality and what is called by a class stay; a file keeps the words"
    def is_first(name): return name[0].isupper()
    dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), is_first, seed=1, item_tfms=Resize(16))
    spec = dls.label_spec
    assert spec.texts == ('not first', 'first') and dls.vocab == (False, True) and spec.decode(1) is True
    assert spec == LabelSpec('single', (False, True)) and spec.encode(True) == 1
    assert LabelSpec.from_config(json.loads(json.dumps(spec.to_config()))).texts == spec.texts
    assert dls.test_dl(get_image_files(folder)[:2]).label_spec.texts == spec.texts
    for words in ['one'], [1, 2]:
        with pytest.raises(ValueError, match='expected one text for each of 2 classes'):
            LabelSpec('single', (False, True), words=words)


def test_show_batch_titles_and_pictures(folder):
    dls = load(folder)
    dls.valid.show_batch(max_n=4)
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes] == [
        'cat' if is_cat(file.name) else 'not cat' for file in dls.valid.items[:4]]
    shown = np.asarray(axes[0].get_images()[0].get_array())
    pixels = Resize(16).crop(Resize(16).prepare(Image.open(dls.valid.items[0])))
    assert np.abs(shown*255 - pixels).max() < 1e-3
    plt.close('all')
    dls.show_batch(max_n=3, nrows=1, unique=True)
    assert {axis.get_title() for axis in plt.gcf().axes} < {'cat', 'not cat'} and len(plt.gcf().axes) == 3
    plt.close('all')
    def several(path): return ['a', 'b'] if is_cat(path.name) else []
    many = ImageDataLoaders.from_path_func(folder, get_image_files(folder), several, seed=1, item_tfms=Resize(8))
    many.show_batch()
    assert {axis.get_title() for axis in plt.gcf().axes} == {'a, b', '(none)'} and len(plt.gcf().axes) == 9
    plt.close('all')


def test_test_dl_keeps_the_order_and_takes_any_picture(folder):
    dls = load(folder)
    files = get_image_files(folder)[::-8][:13]
    loader = dls.test_dl(files, with_labels=True, bs=5)
    expected = [int(is_cat(file.name)) for file in files]
    assert [targets.tolist() for _, targets in loader] == [expected[:5], expected[5:10], expected[10:]]
    together = torch.cat([images for images, _ in dls.test_dl(files)])
    opened = dls.test_dl([Image.open(file) for file in files])
    others = torch.cat([images for images, targets in opened if targets is None])
    assert together.equal(others)
    given = load(folder).test_dl(files[:2], labels=[False, True])
    assert next(iter(given))[1].tolist() == [0, 1]
    with pytest.raises(ValueError, match="not one of the 2 classes"): dls.test_dl(files[:1], labels=['cat'])
    with pytest.raises(ValueError, match='list given to test_dl is empty'): dls.test_dl([])
    unlabeled = ImageDataLoaders.from_lists(folder, files, [is_cat(file.name) for file in files], seed=1, bs=2)
    with pytest.raises(ValueError, match=r'made without a label function, .*pass labels=\[...\]'):
        unlabeled.test_dl(files, with_labels=True)


def test_loaders_of_pytorch():
    images = torch.rand(20, 3, 8, 8)
    def make(targets, **kwargs):
        return DataLoaders(*[TorchDataLoader(TensorDataset(images, targets), 5, shuffle=True)]*2, device='cpu',
                           **kwargs)
    classes = torch.arange(20) % 2
    assert make(classes, vocab=['cat', 'dog']).label_spec == LabelSpec('single', ('cat', 'dog'))
    assert make(torch.rand(20, 2).round(), vocab=['cat', 'dog']).label_spec.kind == 'multi'
    assert make(torch.rand(20, 2)).label_spec == LabelSpec('number', (), 2) and make(torch.rand(20)).c == 1
    assert make(classes).label_spec is None and make(classes).vocab == () and 'unknown' in repr(make(classes))
    assert make(classes, label_spec=LabelSpec('single', (0, 1))).vocab == (0, 1)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    make(classes)
    assert torch.rand(1).equal(expected), 'looking at a first batch used up random numbers of the user'
    make(classes, vocab=['cat', 'dog']).show_batch(max_n=4)
    plt.close('all')
    with pytest.raises(TypeError, match='prepares images like the validation loader'): make(classes).test_dl(['a'])
    with pytest.raises(ValueError, match='the training loader has no batches'):
        DataLoaders(TorchDataLoader(TensorDataset(images, classes), 50, drop_last=True), [1])
    with pytest.raises(TypeError, match='must yield pairs .* yields a list of 1: Tensor'):
        DataLoaders(*[TorchDataLoader(TensorDataset(images), 5)]*2)
    with pytest.raises(TypeError, match='has no length'): DataLoaders(iter([]), [1])


def test_summary_says_what_is_there(folder):
    assert load(folder).summary().splitlines() == [
        '80 training images in 10 batches', '20 validation images in 3 batches',
        'labels: one of 2 classes: False, True', 'seed 42, batches go to cpu']
    assert repr(load(folder)) == load(folder).summary()


def test_real_photos(shared_data):
    path = shared_data/'cats_dogs'
    files = get_image_files(path)[::20]
    dls = ImageDataLoaders.from_path_func(path, files, lambda p: p.parent.name, seed=1, item_tfms=Resize(64), bs=16)
    assert dls.vocab == ('cat', 'dog') and all(images.isfinite().all() for images, _ in dls.train)
