"""More inputs of strangers: what is counted, ordered or scaled in another way is right, or said; never guessed.

Oracles: Pillow, NumPy, pandas and the order in which entries were written. The kinds, and the members tried of each:

- Class numbers without their classes: `vocab` as class_to_idx, idx_to_class, with gaps, from 1, floats, both ways at
  once; a set, text, one number, a class twice, None, lists; in from_lists, both blocks, LabelSpec, torch's loaders.
- Order: files, labels and test files in a set; Series of files, labels and masks, `stratify` and labels of test_dl in
  different orders; names of rows of a shuffled or filtered table in IndexSplitter and in functions of yours.
- What a splitter returns: masks, arrays, one part, three, items, None, a class without parentheses, numbers outside.
- Numbers: 32 bits (1e300, 10**40, 2**24 + 1), constants; -1, .7 and 5 as a class; too few numbers for a label.
- Missing values as text: nan, <NA>, NaT, #N/A, NULL; lists as text in a cell; characters without width.
- Scale: statistics of 0-255, loaders of 0-255; floats a little above 1 or 255, NaN, infinite; 8 bits in 16, in files
  and arrays; probabilities in percent, NaN, 'no' for False in `aug_transforms`.
- Arguments: bs, val_bs, workers, seed, max_n, n as text, fractions, None, 0, -1; a share; `~`; one delimiter of Excel
  (sep=;), of two characters, empty; one folder for both sets; a function that is none; a pattern without a group.
- Things of another kind: images, arrays, bytes and numbers as file names; a dataset as a loader; no image to predict.
"""
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader as TorchLoader, IterableDataset, TensorDataset

from fastlearn.data.augment import aug_transforms, Augment
from fastlearn.data.blocks import CategoryBlock, DataBlock, ImageBlock, MultiCategoryBlock
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files, random_split
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.image_files import verify_images
from fastlearn.data.images import Normalize, open_image, PILImage, Resize
from fastlearn.data.labels import LabelSpec, parent_label, RegexLabeller
from fastlearn.data.splitters import ColReader, FuncSplitter, IndexSplitter, RandomSplitter, TrainTestSplitter
from twelve import AB, draw, make, N, NAMES, OPTIONS


@pytest.fixture(scope='module')
def pictures(tmp_path_factory) -> Path:
    "Twelve pictures; picture i has the color (20*i, 0, 0)"
    folder = tmp_path_factory.mktemp('pictures')
    return draw(folder, lambda i: (20*i, 0, 0))


def targets_by_picture(dls) -> dict[int, object]:
    "The target of each picture, which its red tells"
    found = {}
    for loader in (dls.train, dls.valid):
        for images, targets in loader.batches(0, range(loader.n_images)):
            red = loader.normalize.undo(images)[:, 0].mean((1, 2))*255/20
            found.update(zip(red.round().int().tolist(), targets.tolist()))
    return dict(sorted(found.items()))

def texts(said) -> str: return ' | '.join(str(one.message) for one in said)


# --- class numbers and their classes

@pytest.mark.parametrize('vocab', [{'a': 1, 'b': 0}, {1: 'a', 0: 'b'}, ['b', 'a'], np.array(['b', 'a']),
                                   {'b': np.int64(0), 'a': np.int64(1)}.keys()])
def test_a_dictionary_numbers_the_classes(pictures, vocab):
    expected = {i: int(label == 'a') for i, label in enumerate(AB)}
    assert targets_by_picture(make(pictures, vocab=vocab)) == expected
    block = DataBlock((ImageBlock, CategoryBlock(vocab)), get_y=lambda file: AB[int(file.stem)], item_tfms=Resize(8))
    files = [pictures/name for name in NAMES]
    assert targets_by_picture(block.dataloaders(files, device='cpu', workers=0, bs=4)) == expected
    assert LabelSpec('single', vocab).vocab == MultiCategoryBlock(vocab=vocab).vocab == ('b', 'a')
    loader = TorchLoader(TensorDataset(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])), 2)
    assert DataLoaders(loader, loader, vocab=vocab, device='cpu').vocab == ('b', 'a')


@pytest.mark.parametrize('vocab, error, says', [
    ({'a': 1, 'b': 2}, ValueError, 'does not number the classes from 0 to 1'), ({'a': 0, 'b': 0}, ValueError, 'number'),
    ({'a': 0., 'b': 1.}, ValueError, 'number'), ({1: 'a', 2: 'b'}, ValueError, 'number'),
    ({'a': 5, 'b': 1}, ValueError, 'number'), ('ab', TypeError, "found 'ab'"), (b'ab', TypeError, 'found b'),
    (2, TypeError, 'found 2'), (['a', 'b', 'a'], ValueError, "'a' more than once"),
    (['a', 'b', None], ValueError, 'lists None'), (['a', ' '], ValueError, "lists ' '"),
    ([['a'], ['b']], ValueError, r"lists \['a'\]")])
def test_what_does_not_number_the_classes_is_refused_everywhere(pictures, vocab, error, says):
    loader = TorchLoader(TensorDataset(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])), 2)
    for use in (lambda: make(pictures, vocab=vocab), lambda: CategoryBlock(vocab), lambda: LabelSpec('single', vocab),
                lambda: MultiCategoryBlock(True, vocab), lambda: DataLoaders(loader, loader, vocab=vocab)):
        with pytest.raises(error, match=f'vocab .*{says}'): use()


def test_numbers_both_ways_count_if_they_agree():
    assert LabelSpec('single', {0: 0, 1: 1}).vocab == (0, 1) == LabelSpec('single', {1: 1, 0: 0}).vocab
    assert LabelSpec('single', {0: 1, 1: 0}).vocab == (1, 0)                                   # its own inverse
    with pytest.raises(ValueError, match='pass them as a list'): LabelSpec('single', {0: 1, 1: 2, 2: 0})


def test_a_class_that_vocab_lacks_is_named(pictures):
    with pytest.raises(ValueError, match="the label 'b' is not one of the 1 classes: 'a'"): make(pictures, vocab=['a'])


@pytest.mark.parametrize('number', [-1, 2, 5, .7, -.5, torch.tensor(-1), torch.tensor(2), np.int64(2)])
def test_a_number_that_stands_for_no_class_is_refused(number):
    spec = LabelSpec('single', ('a', 'b'))
    with pytest.raises(ValueError, match='stands for no class; the 2 classes have the numbers 0 to 1'):
        spec.decode(number)
    assert [spec.decode(one) for one in (0, 1, 1., True, torch.tensor(1), np.uint8(0))] == list('abbbba')


@pytest.mark.parametrize('value', [np.int64(1), torch.tensor(1), np.array(1), 1])
def test_numbers_of_other_libraries_are_classes_too(value): assert LabelSpec('single', (0, 1)).encode(value) == 1


# --- order

def test_what_has_no_order_is_refused(pictures):
    for names, labels in ((set(NAMES), AB), (frozenset(NAMES), AB), (NAMES, set(range(N)))):
        with pytest.raises(TypeError, match='a set, which has no order|the labels are one set'):
            make(pictures, labels, names)
    dls = make(pictures)
    with pytest.raises(TypeError, match=r'pass sorted\(files\)'): dls.test_dl({pictures/name for name in NAMES})
    one, other = (ImageDataLoaders.from_name_func(pictures, files, lambda name: name < '05', seed=1, **{
        key: value for key, value in OPTIONS.items() if key not in ('valid_idx', 'seed')})
        for files in ({pictures/name for name in NAMES}, [pictures/name for name in NAMES]))   # this one sorts
    assert one.valid.items == other.valid.items


@pytest.mark.parametrize(('files', 'labels', 'how'), [
    (range(12), range(12), ''), (range(100, 112), range(100, 112), ''), (range(12), range(100, 112), 'told'),
    (range(100, 112), range(12), 'told'), (range(100, 112), range(101, 113), 'refused'),
    (list('abcdefghijkl'), list('abcdefghijkm'), 'refused'), (None, range(100, 112), ''), (range(100, 112), None, '')])
def test_other_rows_of_pandas(pictures, files, labels, how):
    "As after filtering a table twice; None: a list"
    pd = pytest.importorskip('pandas')
    names, classes = (list(values) if index is None else pd.Series(values, index=index)
                      for values, index in ((NAMES, files), (AB, labels)))
    if how == 'refused':
        with pytest.raises(ValueError, match='have different pandas rows .* matched by position'):
            make(pictures, classes, names)
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        assert targets_by_picture(make(pictures, classes, names)) == {i: i % 2 for i in range(N)}
    assert ('have different pandas rows' in texts(said)) is bool(how)


def test_rows_of_pandas_in_another_order(pictures):
    pd = pytest.importorskip('pandas')
    frame = pd.DataFrame({'f': NAMES, 'l': AB})
    shuffled = frame.sample(frac=1, random_state=3)
    assert targets_by_picture(make(pictures, shuffled.l, shuffled.f)) == {i: i % 2 for i in range(N)}
    mask = frame.f > '08.png'
    for change in ({'labels': frame.l}, {'valid_idx': mask}):
        with pytest.raises(ValueError, match='have the same pandas rows in different orders'):
            make(pictures, **{'labels': shuffled.l, 'names': shuffled.f, **change})
    dls = make(pictures, shuffled.l, shuffled.f, valid_idx=mask[shuffled.index])
    assert {file.name for file in dls.valid.items} == set(NAMES[9:])
    assert len(make(pictures, frame.l.to_numpy(), shuffled.f).train.items) == 10               # a position is meant
    test = frame[4:8].sample(frac=1, random_state=0)
    with pytest.raises(ValueError, match='files and labels have the same pandas rows'):
        dls.test_dl(test.f, labels=frame.l[4:8])
    loader = dls.test_dl(test.f, labels=test.l)
    assert loader.dataset.targets.tolist() == [int(file.stem) % 2 for file in loader.items]


def rows_of(pictures, frame, splitter):
    block = DataBlock((ImageBlock, CategoryBlock), get_x=ColReader('f', pictures), get_y=ColReader('l'),
                      splitter=splitter, item_tfms=Resize(8))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return sorted(Path(one).name for one in block.dataloaders(frame, device='cpu', workers=0).valid.items)

def test_names_of_rows_are_not_positions(pictures):
    pd = pytest.importorskip('pandas')
    frame = pd.DataFrame({'f': NAMES, 'l': AB})
    shuffled, held = frame.sample(frac=1, random_state=3), NAMES[9:]
    by_name = lambda table: (table.index[table.f <= '08.png'], table.index[table.f > '08.png'])  # noqa: E731
    by_mask = lambda table: (table.f <= '08.png', table.f > '08.png')  # noqa: E731
    assert rows_of(pictures, frame, by_name) == rows_of(pictures, shuffled.reset_index(drop=True), by_name) == held
    assert rows_of(pictures, frame, by_mask) == rows_of(pictures, shuffled, by_mask) == held
    assert rows_of(pictures, shuffled, IndexSplitter(shuffled.f > '08.png')) == held
    for table in (shuffled, frame[2:]):
        for splitter in (by_name, IndexSplitter(table.index[table.f > '08.png'])):
            with pytest.raises(ValueError, match='valid_idx may mean row names or numbers'):
                rows_of(pictures, table, splitter)
    if pytest.importorskip('sklearn'):
        with pytest.raises(ValueError, match='items and stratify have the same pandas rows'):
            rows_of(pictures, shuffled, TrainTestSplitter(stratify=frame.l))


@pytest.mark.parametrize('found', [
    ([i > 2 for i in range(N)], [i < 3 for i in range(N)]), [range(3, N), range(3)], (np.arange(3, N), np.arange(3)),
    (np.arange(N) > 2, np.arange(N) < 3), (torch.arange(3, N), torch.arange(3)), ({*range(3, N)}, {0, 1, 2})])
def test_a_splitter_may_say_it_in_many_ways(pictures, found):
    files = [pictures/name for name in NAMES]
    block = DataBlock((ImageBlock, CategoryBlock), get_y=lambda file: AB[int(file.stem)], splitter=lambda items: found,
                      item_tfms=Resize(8))
    _, labels, train, valid = block.collect(files)
    assert (len(train), len(valid), labels) == (9, 3, [*AB[3:], *AB[:3]])


@pytest.mark.parametrize('splitter, error, says', [
    (lambda items: range(5), TypeError, r'returned range\(0, 5\); expected two lists of indices'),
    (lambda items: ([0], [1], [2]), TypeError, 'expected two lists'), (lambda items: None, TypeError, 'returned None'),
    (lambda items: (items[:9], items[9:]), ValueError, '00.png.* for training; expected indices from 0 to 11'),
    (lambda items: ([0, 1], [12]), ValueError, '12 for validation; expected'), (RandomSplitter, TypeError, 'parenth'),
    (lambda items: ([0, 1], [-1]), ValueError, '-1 for validation'), (lambda items: ([.5], [1]), ValueError, '0.5 for'),
    (lambda items: ([0, 1], [1, 2]), ValueError, 'returned an item twice')])
def test_a_splitter_that_says_something_else_is_told(pictures, splitter, error, says):
    block = DataBlock((ImageBlock, CategoryBlock), get_y=parent_label, splitter=splitter)
    with pytest.raises(error, match=says): block.collect([pictures/name for name in NAMES])


def test_a_function_that_splits_may_use_words():
    say = lambda item: 'valid' if item > 6 else 'train'  # noqa: E731
    assert FuncSplitter(say)(range(10)) == FuncSplitter(lambda item: item > 6)(range(10)) == ([*range(7)], [7, 8, 9])
    assert FuncSplitter(lambda item: [item] if item > 6 else [])(range(10))[1] == [7, 8, 9]
    with pytest.raises(ValueError, match="has 'test'"): FuncSplitter(lambda item: 'test')(range(10))


# --- numbers

def test_quantities_fit_into_32_bits(pictures):
    for one in (1e300, -1e39, 10**40):
        with pytest.raises(ValueError, match='00.png: the label is .*at most 3.4e38'):
            make(pictures, [one, 1.5]*6, label_kind='number')
    for low in (2.**24, -2.**24 - 1, 1.7e9):
        with pytest.warns(UserWarning, match='too close for the 7 digits of a target'): make(pictures, [low, low + 1]*6)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        dls = make(pictures, [1.7e9 + 86_400.5*i for i in range(N)])                           # days of a year
    assert len(set(torch.cat([dls.train.dataset.targets, dls.valid.dataset.targets]).flatten().tolist())) == N


@pytest.mark.parametrize('labels, options', [([1.5]*N, {}), ([[1., 2.]]*N, {}), ([['a', 'b']]*N, {}),
                                             ([(5., 5.)]*N, {'label_kind': 'points'})])
def test_labels_that_are_all_the_same_are_told(pictures, labels, options):
    with pytest.warns(UserWarning, match='all 10 training images have the label .*nothing to learn'):
        make(pictures, labels, **options)


def test_a_label_has_as_many_numbers_as_the_others():
    for spec, label in ((LabelSpec('number', (), 2), [1.]), (LabelSpec('points', (), 4), [(1, 2)])):
        with pytest.raises(ValueError, match='has . numbers; expected'): spec.encode(label)


# --- missing, lists, spellings

@pytest.mark.parametrize('gap', ['nan', 'NaN', '<NA>', 'NaT', '#N/A', 'null', 'N/A', '#REF!', ' nan '])
def test_a_missing_value_as_text_is_told(pictures, gap):
    pd = pytest.importorskip('pandas')
    for labels in ([gap, 'b']*6, [[gap], ['b']]*6, pd.Series([gap, 'b']*6)):
        with pytest.warns(UserWarning, match='counts as a class, but programs write missing values this way'):
            make(pictures, labels)
    if gap == 'nan': assert str(pd.Series([None, 1.]).astype(str)[0]) == gap                   # where it comes from


@pytest.mark.parametrize('cells, told', [
    (["['a', 'b']", "['b']", '[]'], True), (['("a", "b")', '("b",)', '()'], True), (["['a']", "['b']", "['c']"], True),
    (['{1, 2}', '{2}', '{1}'], True), (['a,b', 'b', 'a'], False), (['a (young),b', 'b', 'a (young)'], False)])
def test_lists_as_text_are_not_divided_in_silence(pictures, cells, told):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        ImageDataLoaders.from_df({'f': NAMES, 'l': cells*4}, pictures, label_delim=',', **OPTIONS)
    assert ('look like pieces of lists' in texts(said)) is told


@pytest.mark.parametrize('mark', ['\u200b', '\ufeff', '\u00ad', '\u2060', '\u200d'])
def test_characters_without_width_are_told(pictures, mark):
    with pytest.warns(UserWarning, match='count as different classes'): make(pictures, ['cat', 'cat' + mark]*6)


@pytest.mark.parametrize('twin', ['c\u0430t', '\u0441at', '\u0421AT', 'ca\u03a4', 'c\uff41t'])
def test_letters_of_another_script_are_told(pictures, twin):
    "Cyrillic and Greek letters, and wide ones: shown as codes, because they look the same"
    with pytest.warns(UserWarning, match='count as different classes') as said: make(pictures, ['cat', twin]*6)
    assert ascii(twin) in str(said[0].message)


def test_another_alphabet_is_no_look_alike(pictures):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make(pictures, ['\u043a\u043e\u0442', '\u043f\u0435\u0441', 'cat', 'pes']*3)   # two words of each


# --- scale

@pytest.mark.parametrize('mean, std', [((124., 116., 104.), (58., 57., 57.)), ((0, 0, 0), (255, 255, 255))])
def test_statistics_of_bytes_are_refused(mean, std):
    with pytest.raises(ValueError, match='for images from 0 .black. to 1 .white.'): Normalize(mean, std)


def test_loaders_of_bytes_as_floats_are_told():
    def loader(factor): return TorchLoader(TensorDataset(torch.rand(8, 3, 8, 8)*factor, torch.tensor([0, 1]*4)), 4)
    with pytest.warns(UserWarning, match='values up to 25.*; networks expect numbers around 0'):
        DataLoaders(loader(255), loader(255), vocab=['a', 'b'], device='cpu')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        DataLoaders(loader(3), loader(3), vocab=['a', 'b'], device='cpu')


@pytest.mark.parametrize('top, says', [(1., ''), (1.04, ''), (255., ''), (262., ''), (65535., ''),
                                       (1.5, 'between 1.1 and 16'), (9., 'between 1.1 and 16')])
def test_floats_a_little_above_the_scale_keep_it(tmp_path, top, says):
    "A picture resized with cubic curves reaches 1.04; it was divided by 255, and black"
    Image.fromarray(np.linspace(0, top, 60, dtype=np.float32).reshape(6, 10)).save(tmp_path/'a.tif')
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        pixels = np.asarray(open_image(tmp_path/'a.tif'))[:, :, 0].ravel()
    assert bool(says) == bool(said) and says in texts(said)
    scale = min([1, 255, 65535], key=lambda limit: abs(limit - top))
    if not says: assert abs(pixels - (np.linspace(0, top, 60)/scale).clip(0, 1)*255).max() <= .51


@pytest.mark.parametrize('odd', [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_told(tmp_path, odd):
    values = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    values[2, 3] = odd
    Image.fromarray(values).save(tmp_path/'a.tif')
    with pytest.warns(UserWarning, match='NaN or infinite, which become black'): pixels = open_image(tmp_path/'a.tif')
    expected = np.where(np.isfinite(values), values, 0)*255
    assert abs(np.asarray(pixels)[:, :, 0] - expected).max() <= .51


@pytest.mark.parametrize('bits', [8, 12])
def test_few_bits_in_an_array_of_sixteen_are_told(bits):
    values = np.linspace(0, 2**bits - 1, 60).astype(np.uint16).reshape(6, 10)
    with pytest.warns(UserWarning, match='12 bits or fewer and looks nearly black'): PILImage.create(values)


@pytest.mark.parametrize('wrong', [
    {'p_affine': 75}, {'p_lighting': -.1}, {'p_affine': float('nan')}, {'max_rotate': float('nan')}, {'do_flip': 'no'},
    {'max_rotate': float('inf')}, {'max_warp': float('nan')}, {'max_zoom': float('inf')}, {'flip_vert': 'yes'}])
def test_changes_that_cannot_be_drawn_are_refused(wrong):
    with pytest.raises(ValueError, match='cannot augment with'): aug_transforms(**wrong)
    with pytest.raises(ValueError, match='cannot augment with'): Augment(**wrong)


# --- arguments

@pytest.mark.parametrize('options, says', [
    ({'bs': '4'}, "bs is '4'"), ({'bs': 4.}, 'bs is 4.0'), ({'bs': None}, 'bs is None'), ({'bs': True}, 'bs is True'),
    ({'bs': 0}, 'bs is 0'), ({'val_bs': 0}, 'bs is 0'), ({'workers': -1}, 'workers is -1'),
    ({'workers': '2'}, "workers is '2'"), ({'valid_idx': None, 'seed': 'a'}, "seed is 'a'"),
    ({'valid_idx': None, 'seed': 1.5}, 'seed is 1.5'), ({'valid_idx': None, 'seed': 2**70}, 'seed is 1180')])
def test_whole_numbers_are_asked_for(pictures, options, says):
    with pytest.raises(ValueError, match=f'{says}.*; expected a whole number'): make(pictures, **options)


def test_other_whole_numbers(pictures):
    dls = make(pictures, bs=np.int64(4), val_bs=1)
    assert (len(dls.train), len(dls.valid)) == (2, 2)
    for use in (lambda: dls.test_dl(dls.train.items, bs=0), lambda: dls.show_batch(max_n=0), lambda: random_split('5'),
                lambda: dls.show_batch(max_n='4'), lambda: random_split([1, 2])):
        with pytest.raises(ValueError, match='expected a whole number'): use()


def test_folders_that_are_none(tmp_path, monkeypatch):
    for folder in (None, [tmp_path], 3):
        with pytest.raises(TypeError, match='the folder of the images is .*; expected a path'): get_image_files(folder)
    with pytest.raises(FileNotFoundError, match=r"use Path\('~/photos'\).expanduser\(\)"): get_image_files('~/photos')
    for kind in ('train/a', 'train/b'):
        (tmp_path/kind).mkdir(parents=True)
        Image.new('RGB', (8, 8)).save(tmp_path/kind/'1.png')
    with pytest.raises(ValueError, match="train and valid are both 'train'"):
        ImageDataLoaders.from_folder(tmp_path, valid='train', item_tfms=Resize(8))
    monkeypatch.chdir(tmp_path/'train')
    assert open_image('a/1.png').size == (8, 8)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableImage, match=f'a/1.png: the file does not exist in the working directory {tmp_path}'):
        open_image('a/1.png')


@pytest.mark.parametrize('head, options', [('sep=;', {}), ('sep=;', {'delimiter': ';'}), ('', {'delimiter': ';'})])
def test_the_line_of_excel_is_read(pictures, head, options):
    lines = ['f;l', *(f'{name};{label}' for name, label in zip(NAMES, AB))]
    (pictures/'labels.csv').write_text('\n'.join([head]*bool(head) + lines))
    dls = ImageDataLoaders.from_csv(pictures, **OPTIONS, **options)
    assert targets_by_picture(dls) == {i: i % 2 for i in range(N)}


def test_delimiters_that_are_none(pictures):
    (pictures/'labels.csv').write_text('\n'.join(['f\tl', *(f'{name}\t{label}' for name, label in zip(NAMES, AB))]))
    for delimiter in (r'\t', r'\s+', ', ', 3):
        with pytest.raises(ValueError, match='delimiter is .*; expected one character'):
            ImageDataLoaders.from_csv(pictures, delimiter=delimiter, **OPTIONS)
    with pytest.raises(ValueError, match="label_delim is ''; expected the text between two labels"):
        ImageDataLoaders.from_df({'f': NAMES, 'l': AB}, pictures, label_delim='', **OPTIONS)
    read = ColReader('l', label_delim=';')
    assert [read({'l': cell}) for cell in ('a; b;', 'a;a', '', None)] == [['a', 'b'], ['a'], [], []]
    with pytest.raises(ValueError, match="label_delim is ''"): ColReader('l', label_delim='')({'l': 'ab'})


# --- things of another kind

@pytest.mark.parametrize('one', [np.zeros((8, 8, 3), np.uint8), Image.new('RGB', (8, 8)), b'00.png', 3])
def test_files_are_named(pictures, one):
    says = f'12 of 12 files are not paths, such as one {type(one).__name__}; expected names of image files'
    with pytest.raises(TypeError, match=says): make(pictures, AB, [one]*N)
    for use in (lambda: verify_images([one]*N), lambda: ImageDataLoaders.from_path_func(pictures, [one]*N, str)):
        with pytest.raises(TypeError, match='12 files are not paths'): use()


def test_one_path_is_no_list(pictures):
    with pytest.raises(TypeError, match='expected a list of files, found one str'): verify_images(str(pictures))


@pytest.mark.parametrize('use', [ImageDataLoaders.from_path_func, ImageDataLoaders.from_name_func])
def test_a_label_function_can_be_called(pictures, use):
    with pytest.raises(TypeError, match="the label function is 'parent'; expected a function"):
        use(pictures, [pictures/name for name in NAMES], 'parent')


@pytest.mark.parametrize('pattern, says', [('^0', 'has no group; put parentheses'), ('^(?:0)', 'has no group'),
                                           ('^(x)?', r"function RegexLabeller .* does not match '00.png' in its")])
def test_a_pattern_has_a_group_that_matches(pictures, pattern, says):
    with pytest.raises(ValueError, match=says):
        ImageDataLoaders.from_name_re(pictures, [pictures/name for name in NAMES], pattern, **OPTIONS)
    assert RegexLabeller(r'(\d)\.')('07.png') == '7'


def test_the_answers_of_a_data_block_have_names(pictures):
    files = [pictures/name for name in NAMES]
    for answers, error, says in (
            ({'get_x': lambda file: None}, ValueError, 'the file function <lambda> returned None'),
            ({'get_items': lambda source: None}, TypeError, 'the items are None; expected a list or a table'),
            ({'blocks': ('image', 'category')}, TypeError, "blocks hold 'image'; expected ImageBlock"),
            ({'batch_tfms': aug_transforms}, TypeError, 'add the parentheses')):
        block = DataBlock(**{'blocks': (ImageBlock, CategoryBlock), 'get_y': lambda file: AB[int(file.stem)],
                             'item_tfms': Resize(8), **answers})
        with pytest.raises(error, match=says): block.dataloaders(files, device='cpu', workers=0)


def test_a_dataset_is_no_loader():
    class Endless(IterableDataset):
        def __iter__(self): return iter([(torch.zeros(3, 8, 8), 0)])
    data = TensorDataset(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))
    loader = TorchLoader(data, 2)
    with pytest.raises(TypeError, match='the training loader is a dataset, which yields single images'):
        DataLoaders(data, loader)
    endless = TorchLoader(Endless())
    with pytest.raises(TypeError, match='the validation loader .*has no length'): DataLoaders(loader, endless)
