"""Inputs of strangers whose values mean something else than they look like: scales, colors, alphabets, lists, gaps.

Oracles: Pillow, NumPy, the standards of PGM, PNG and Unicode, and the values that were written. The kinds, and members:

- Scale: 16 bits of PGM that are dark; floats up to 300, 1000, 3000; numbers above 65,535, whole or not; masks of 0
  and 1 in files and arrays; 16 bits with the other byte first; floats a little outside 0-1; complex, text, dates.
- Color: gray of color images in batches, `Normalize()`, predictions; a transparent gray of 16 bits.
- Names: accents in two forms, in files and classes; Armenian, Cherokee, phonetic letters; 0 and O, 1 and l; space, _
  and -; apostrophes; and 20 sets of classes that are fine.
- Lists: labels of one class in columns, arrays, tuples, with a delimiter that divides nothing; -1 and 1 for no and yes.
- Columns: whole numbers in two columns; ColReader of several; a gap with a prefix; a gap in a splitter.
- Others: vocab for quantities; dates in nanoseconds; (x, y, visible); one image as a list; `folders='train'`; hidden
  files in `resize_images`; a relative file in `predict`.
"""
import struct
import unicodedata
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fastlearn.data.blocks import CategoryBlock, DataBlock, ImageBlock, MultiCategoryBlock
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.gray import PILImageBW
from fastlearn.data.image_files import resize_images
from fastlearn.data.images import Normalize, open_image, PILImage, Resize
from fastlearn.data.labels import LabelSpec
from fastlearn.data.splitters import ColReader, ColSplitter, FuncSplitter, IndexSplitter
from fastlearn.learner import Learner
from twelve import AB, draw, make, N, NAMES, OPTIONS

@pytest.fixture(scope='module')
def pictures(tmp_path_factory) -> Path:
    "Twelve pictures; picture i has the color (20*i, 100, 255 - 20*i)"
    folder = tmp_path_factory.mktemp('pictures')
    return draw(folder, lambda i: (20*i, 100, 255 - 20*i))

def from_table(pictures, columns, **options):
    pd = pytest.importorskip('pandas')
    return ImageDataLoaders.from_df(pd.DataFrame({'f': NAMES, **columns}), pictures, **{**OPTIONS, **options})

def said_by(call) -> str:
    "All warnings of a call"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        call()
    return '\n'.join(str(one.message) for one in said)

def gray_of(image) -> np.ndarray: return np.asarray(image)[:, :, 0].astype(int)


# Scale

@pytest.mark.parametrize('step', [4, 1000])
def test_sixteen_bits_of_pgm_have_one_scale(tmp_path, step):
    "A dark file was stretched to the scale of 8 bits, 256 times as bright as its neighbors"
    values = np.arange(64).reshape(8, 8)*step
    (tmp_path/'a.pgm').write_bytes(b'P5\n8 8\n65535\n' + values.astype('>u2').tobytes())
    told = said_by(lambda: open_image(tmp_path/'a.pgm'))
    assert abs(gray_of(open_image(tmp_path/'a.pgm')) - values/257).max() <= .5
    assert ('looks nearly black' in told) == (step == 4)

@pytest.mark.parametrize('top, dtype, says', [
    (300, 'f4', 'between 281 and 4,096'), (3000, 'f4', 'between 281 and 4,096'), (1e5, 'f4', 'values above 65,535'),
    (70_000, 'i4', 'values above 65,535'), (2**31 - 1, 'i4', 'values above 65,535'), (100, 'f4', ''), (5000, 'f4', ''),
    (1, 'f4', ''), (255, 'i4', ''), (65535, 'i4', '')])
def test_numbers_that_have_no_usual_scale_are_told(tmp_path, top, dtype, says):
    Image.fromarray(np.linspace(0, top, 64).astype(dtype).reshape(8, 8)).save(tmp_path/'a.tif')
    told = said_by(lambda: open_image(tmp_path/'a.tif'))
    assert says in told and bool(says) == bool(told)

@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_masks_of_0_and_1_are_told(tmp_path, dtype):
    mask = np.eye(8, dtype=dtype)
    assert 'multiply masks of 0 and 1 by 255' in said_by(lambda: PILImage.create(mask))
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path/'a.png')
    assert 'multiply masks of 0 and 1 by 255' in said_by(lambda: open_image(tmp_path/'a.png'))

def test_images_that_are_dark_or_have_two_values_are_fine(tmp_path):
    Image.new('L', (8, 8), 1).save(tmp_path/'a.jpg')
    Image.fromarray(np.eye(8, dtype=np.uint8)).convert('P').save(tmp_path/'p.png')
    arrays = (np.zeros((8, 8), np.uint8), np.eye(8, dtype=np.uint8)*255, np.eye(8) > .5, np.full((8, 8), 3, np.uint8))
    assert not said_by(lambda: [open_image(tmp_path/name) for name in ('a.jpg', 'p.png')] + list(map(
        PILImage.create, arrays)))

@pytest.mark.parametrize('order', ['<', '>'])
def test_the_order_of_bytes_does_not_matter(order):
    values = (np.arange(64).reshape(8, 8)*1000).astype(f'{order}u2')
    assert abs(gray_of(PILImage.create(values)) - values.astype(float)/257).max() <= .5
    assert 'looks nearly black' in said_by(lambda: PILImage.create((values//1000*4).astype(values.dtype)))

def test_floats_a_little_outside_the_range_are_cut():
    values = np.array([[-1e-7, .5], [1, 1 + 1e-6]])
    assert gray_of(PILImage.create(values)).tolist() == [[0, 128], [255, 255]]
    with pytest.raises(ValueError, match=r'expected floats from 0 \(black\) to 1'): PILImage.create(values*1.1)

@pytest.mark.parametrize('dtype', ['complex', 'object', 'U1', 'M8[s]'])
def test_arrays_of_no_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match='cannot read an array of type'): PILImage.create(np.ones((4, 4)).astype(dtype))


# Color

@pytest.mark.parametrize('batch_tfms', [Normalize.from_stats(.4, .5), Normalize()])
def test_gray_of_color_images_is_pillow_s(pictures, batch_tfms):
    "The red channel was taken for the gray"
    block = DataBlock((ImageBlock(cls=PILImageBW), CategoryBlock), splitter=IndexSplitter([0, 3]),
                      get_x=lambda name: pictures/name, get_y=lambda name: AB[int(name[:2])], item_tfms=Resize(8),
                      batch_tfms=batch_tfms)
    dls = block.dataloaders(NAMES, bs=4, device='cpu', workers=0)
    gray = [np.asarray(Image.open(pictures/name).convert('L'))/255 for name in NAMES]
    train = np.stack([one for i, one in enumerate(gray) if i not in (0, 3)])
    mean, std = (.4, .5) if batch_tfms.mean else (train.mean(), train.std(ddof=1))
    images, _ = next(iter(dls.valid))
    assert images.shape == (2, 1, 8, 8)
    assert np.allclose(images[:, 0].numpy(), (np.stack([gray[0], gray[3]]) - mean)/std, atol=.01/std)
    learn = Learner(dls, nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))
    for name in NAMES[::5]:
        color, plain = (learn.predict(Image.open(pictures/name).convert(mode))[2] for mode in ('RGB', 'L'))
        assert torch.allclose(color, plain, atol=.01)

def test_a_transparent_gray_of_16_bits_is_white(tmp_path):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    pixels = b''.join(b'\0' + row.tobytes() for row in (np.arange(16).reshape(4, 4)*4000).astype('>u2'))
    parts = [chunk(b'IHDR', struct.pack('>IIBBBBB', 4, 4, 16, 0, 0, 0, 0)), chunk(b'tRNS', struct.pack('>H', 8000)),
             chunk(b'IDAT', zlib.compress(pixels)), chunk(b'IEND', b'')]
    (tmp_path/'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(parts))
    assert gray_of(open_image(tmp_path/'a.png'))[0].tolist() == [0, 16, 255, 47]


# Names

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, 'café') for form in ('NFC', 'NFD'))

def test_files_are_found_in_either_form_of_unicode(tmp_path):
    for i in range(4): Image.new('RGB', (8, 8)).save(tmp_path/f'{(COMPOSED, DECOMPOSED)[i % 2]}{i}.png')
    names = [f'{(DECOMPOSED, COMPOSED)[i % 2]}{i}.png' for i in range(4)]
    dls = make(tmp_path, ['a', 'b', 'a', 'b'], names, valid_idx=[0])
    assert [file.name for file in dls.valid.items] == [f'{COMPOSED}0.png'] and dls.train.n_images == 3

def test_a_label_in_the_other_form_is_told_apart():
    with pytest.raises(ValueError, match=r"it is 'cafe\\u0301', not 'caf\\xe9'"):
        LabelSpec('single', ('b', COMPOSED)).encode(DECOMPOSED)
    with pytest.raises(ValueError, match="it is 'Cat', not 'cat'"): LabelSpec('single', ('cat', 'dog')).encode('Cat')

@pytest.mark.parametrize('one, other', [
    (COMPOSED, DECOMPOSED), ('cot', 'c\u0585t'), ('hot', '\u0570ot'), ('TEXT', 'TE\u13b3T'), ('cat', 'c\u0251t'),
    ('cat', '\u1d04at'), ('b0at', 'boat'), ('d0g', 'dog'), ('Iris', 'lris'), ('ba11', 'ball'), ('B0AT', 'BOAT'),
    ('polar_bear', 'polar bear'), ('polar-bear', 'polar_bear'), ('a  b', 'a b'), ('a\u2013b', 'a-b'),
    ("o'neil", 'o\u2019neil')])
def test_names_that_look_alike_are_told(pictures, one, other):
    told = said_by(lambda: make(pictures, [one, other]*6))
    assert 'count as different classes' in told
    shown = told.split(' count as')[0].split(', ')
    assert len(set(shown)) == 2             # the names differ as they are printed

@pytest.mark.parametrize('names', [
    'A B I O L', '0 O 1 l', 'кот собака мышь', 'TNFα TNFβ TNFb', 'T\u6064 TV',
    'T\u30b7\u30e3\u30c4 Y\u30b7\u30e3\u30c4', 'schön schon Maß Masse', 'ma má mà', 'կատու շուն մուկ', 'კატა ძაღლი',
    '-1 1', '0-9 10-19 1-09', 'I II III l', 'A0 A1 AO B0',
    'tail tall bail ball', 'AB01 AB02', 'x1 x2 xl', 'naïve naive', 'ᎪᏟ AC', 'stageI stageII'])
def test_names_that_do_not_look_alike_are_fine(names):
    assert 'different classes' not in said_by(lambda: LabelSpec.from_labels(names.split()*2))


# Lists of one class; -1 and 1

@pytest.mark.parametrize('labels', [np.array(AB)[:, None], [(one,) for one in AB], [[one] for one in AB]])
def test_lists_of_one_class_are_told(pictures, labels):
    assert 'lists of one class each' in said_by(lambda: make(pictures, labels))
    assert 'lists of one class' not in said_by(lambda: make(pictures, labels, label_kind='multi'))
    assert 'lists of one class' not in said_by(lambda: make(pictures, [['a'], ['a', 'b'], []]*4))

@pytest.mark.parametrize('cells, options', [(['a;b', 'b', 'c'], {'label_delim': ','}),
                                            (['a', 'b', 'c'], {'label_col': ['l']})])
def test_cells_of_one_class_are_told(pictures, cells, options):
    assert 'lists of one class each' in said_by(lambda: from_table(pictures, {'l': cells*4}, **options))

@pytest.mark.parametrize('other', [-1, 0])
def test_minus_one_means_no_if_there_is_only_one_beside_it(pictures, other):
    "As in the table of attributes of faces, where each column has -1 and 1"
    columns = {'smiles': [other, 1, 1]*4, 'glasses': [1, other, 1, other]*3}
    dls = from_table(pictures, columns, label_col=['smiles', 'glasses'])
    assert dls.vocab == ('smiles', 'glasses')
    expected = [[float(columns[name][i] == 1) for name in columns] for i in range(N) if i not in (0, 3)]
    assert dls.train.dataset.targets.tolist() == expected
    rows = [list(row) for row in zip(*columns.values())]
    assert make(pictures, rows, vocab=['s', 'g']).train.dataset.targets.tolist() == expected
    with pytest.raises(ValueError, match='do not name their classes'): make(pictures, rows)

@pytest.mark.parametrize('rows, kind', [([[-1, 0], [1, 1]], 'multi'), ([[-1., 1.], [1., -1.]], 'number')])
@pytest.mark.filterwarnings('ignore')
def test_minus_one_beside_zero_and_floats_are_no_yes_and_no(rows, kind):
    assert LabelSpec.from_labels(rows).kind == kind

def test_rows_of_0_and_1_are_not_one_class(pictures):
    for rows in ([[1, 0], [0, 1]]*6, [[.2, .8], [.7, .3]]*6):
        with pytest.raises(ValueError, match="label_kind is 'single', one class, but the label of"):
            make(pictures, rows, label_kind='single', vocab=['a', 'b'])


# Columns

@pytest.mark.parametrize('kind', [None, 'multi'])
def test_numbers_in_two_columns_are_told(pictures, kind):
    columns = {'hat': [1, 2, 3]*4, 'shoes': [3, 2, 1, 1]*3}
    def told(**options): return said_by(lambda: from_table(pictures, columns, label_col=['hat', 'shoes'], **options))
    assert "share 1, 2, 3, which is one class for both" in told(label_kind=kind)
    assert "table['hat'] = 'hat: ' + table['hat'].astype(str)" in told(label_kind=kind)
    assert 'share' not in told(label_kind='number') + told(label_kind='points')

def block_of(pictures, columns, get_y, block=MultiCategoryBlock):
    pd = pytest.importorskip('pandas')
    table = pd.DataFrame({'f': NAMES, **columns})
    return DataBlock((ImageBlock, block), splitter=IndexSplitter([0, 3]), get_x=ColReader('f'), get_y=get_y,
                     item_tfms=Resize(8)).dataloaders(table, pictures, bs=4, device='cpu', workers=0)

def test_a_data_block_tells_what_from_df_tells(pictures):
    columns, names = {'hat': ['red', 'blue']*6, 'shoes': ['red', 'green', 'blue']*4}, ['hat', 'shoes']
    said = "the columns 'hat' and 'shoes' share 'blue', 'red'"
    assert said in said_by(lambda: from_table(pictures, columns, label_col=names))
    assert said in said_by(lambda: block_of(pictures, columns, ColReader(names)))
    flags = {'hat': [0, 1]*6, 'shoes': [1, 1, 0]*4}
    encoded = MultiCategoryBlock(encoded=True, vocab=names)
    assert not said_by(lambda: block_of(pictures, flags, ColReader(names), encoded))

@pytest.mark.parametrize('reader', [ColReader('l', pref='c'), ColReader('l', suff='x'), ColReader('l')])
def test_a_gap_stays_a_gap_with_a_prefix(pictures, reader):
    with pytest.raises(ValueError, match='02.png: the label (nan|None) is missing'):
        block_of(pictures, {'l': ['1', '2', None]*4}, reader, CategoryBlock)

@pytest.mark.parametrize('values', [[True, None, None, False], [1., None, float('nan'), 0.]])
def test_a_gap_holds_nothing_out(values):
    pd = pytest.importorskip('pandas')
    for dtype in (object, 'boolean' if values[0] is True else 'Float64'):
        table = pd.DataFrame({'v': pd.Series(values, dtype=dtype)})
        for splitter in (FuncSplitter(lambda row: row['v']), ColSplitter('v')):
            assert [sorted(part) for part in splitter(table)] == [[1, 2, 3], [0]]


# Others

@pytest.mark.parametrize('labels, vocab', [([.2, .8]*6, ['a', 'b']), ([0., 1.]*6, [0, 1]),
                                           ([[.2, .8], [.7, .3]]*6, ['a', 'b'])])
def test_quantities_have_no_classes(pictures, labels, vocab):
    with pytest.raises(ValueError, match='are quantities, but vocab lists classes'): make(pictures, labels, vocab=vocab)
    assert make(pictures, [0., 1.]*6, vocab=[1., 0.], label_kind='single').train.dataset.targets[:2].tolist() == [0, 1]

def test_a_decimal_comma_is_named(pictures):
    with pytest.raises(ValueError, match="'0,5'; expected a finite number, with a point before its decimals"):
        make(pictures, ['0,5', '1,5']*6, label_kind='number')

@pytest.mark.parametrize('dtype', ['M8[ns]', 'M8[s]', 'M8[D]', 'm8[ns]', 'm8[s]'])
def test_dates_are_no_numbers(pictures, dtype):
    with pytest.raises(TypeError, match='cannot be a label'): make(pictures, np.array([1, 2]*6, dtype=dtype))

@pytest.mark.parametrize('label', [[(5, 5, 2), (6, 6, 1)], np.array([[5, 6, 7], [5, 6, 7]]), [[[5, 5, 1], [6, 6, 1]]]])
def test_points_are_pairs(pictures, label):
    with pytest.raises(ValueError, match='expected points'): make(pictures, [label]*N, label_kind='points')

def test_visibility_among_points_is_told(pictures):
    said, others = 'every third number of the points is 0, 1 or 2', [[5, 6, 0, 3, 6, 1]]*6
    assert said in said_by(lambda: make(pictures, [[5, 5, 2, 3, 6, 1]]*6 + others, label_kind='points'))
    assert said not in said_by(lambda: make(pictures, [[5, 5, 4, 3, 6, 1]]*6 + others, label_kind='points'))

@pytest.mark.parametrize('image', [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), torch.zeros(3, 8, 8)])
def test_one_image_is_no_list_of_images(pictures, image):
    "Its rows were taken as images"
    dls = make(pictures)
    with pytest.raises(TypeError, match=r'like one image; if it is one, .* \[image\]'): dls.test_dl(image)
    assert dls.test_dl([image]).n_images == 1 and dls.test_dl(np.array(NAMES)).n_images == N
    assert dls.test_dl(np.zeros((5, 8, 8, 3), np.uint8)).n_images == dls.test_dl(np.zeros((5, 8, 8))).n_images == 5

def test_labels_of_test_files_have_an_order(pictures):
    for labels in ({'a', 'b'}, {'x': 'a', 'y': 'b'}):
        with pytest.raises(TypeError, match='a list with one label for each file'):
            make(pictures).test_dl(NAMES[:2], labels=labels)

def test_one_folder_may_be_named(tmp_path):
    for name in ('train', 'rain', 'tr'):
        (tmp_path/name).mkdir()
        Image.new('RGB', (8, 8)).save(tmp_path/name/'a.png')
    assert get_image_files(tmp_path, folders='train') == get_image_files(tmp_path, folders=['train']) == [
        tmp_path/'train'/'a.png']

def test_resize_images_leaves_out_what_get_image_files_leaves_out(tmp_path):
    (tmp_path/'in'/'x.png').mkdir(parents=True)
    for name in ('a.png', '.hidden.png'): Image.new('RGB', (8, 8)).save(tmp_path/'in'/name)
    (tmp_path/'in'/'._a.png').write_bytes(b'\0\5\x16\7')
    resize_images(tmp_path/'in', 4, dest=tmp_path/'out', recurse=True)
    assert [file.name for file in (tmp_path/'out').iterdir()] == ['a.png']
    with pytest.raises(ValueError, match='max_size is 0'): resize_images(tmp_path/'in', 0, dest=tmp_path/'out')

def test_a_file_of_the_folder_can_be_predicted_by_its_name(pictures):
    learn = Learner(make(pictures), nn.Sequential(nn.Flatten(), nn.Linear(192, 2)))
    assert learn.predict('03.png')[2].equal(learn.predict(pictures/'03.png')[2])
