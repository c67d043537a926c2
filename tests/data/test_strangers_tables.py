"""Tables and labels as strangers bring them: the right labels, or a sentence; never another meaning without a word.

Oracles: pandas (`read_csv(dtype=str)`, `get_dummies`, `isna`), and the entries as they were written. The kinds, and the
members that were tried of each:

- Text that looks like a number: 007, 2021_05, 12e3, 0x1F, 1e5, +3, -0, 4.50, 1.10, 1_2, nan, inf, Arabic digits, dates,
  30 digits, decimal commas; as names, as labels, before a split by `label_delim`; TRUE, yes; with a space before it.
- One column or entry per class: ints, bools, floats, text 0/1, yes/no, TRUE/FALSE, marks (x or 1, else blank), with a
  gap; lists, NumPy and torch blocks, `get_dummies`, polars; -1/1, counts, probabilities and points, which are none.
- Numbers of NumPy, pandas and torch inside lists, tuples, sets, nested, named tuples, structured and masked arrays; str
  and int enumerations; generators; Decimal, bytes, dates, intervals, dicts, which are not labels.
- Missing: None, nan, NA, NaT, blank, polars' null; as name, label, in a list, in a point, in columns, in every dtype.
- Tables: BOM, UTF-16, Latin-1, CR, tabs, semicolons, quotes after spaces, blank lines and columns, no heading, two
  columns of one name, an index that is not 0, 1, 2, ..., MultiIndex, a Series, records, arrays; backslashes in names.
"""
import enum
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.images import Resize
from fastlearn.data.label_checks import is_missing, plain_label, read_flag, read_number
from fastlearn.data.labels import LabelSpec
from fastlearn.data.tables import read_csv

pd = pytest.importorskip('pandas')
NAMES, AB, N = [f'{i:02}.png' for i in range(12)], ['a', 'b']*6, 12
WORDS = 'are taken as|are text, and so classes'


@pytest.fixture(scope='module')
def pictures(tmp_path_factory) -> Path:
    "Twelve pictures; each is as bright as its number"
    folder = tmp_path_factory.mktemp('pictures')
    for i, name in enumerate(NAMES): Image.new('RGB', (8, 8), (i, i, i)).save(folder/name)
    return folder


OPTIONS = {'valid_idx': [0, 3], 'bs': 4, 'item_tfms': Resize(8), 'device': 'cpu', 'seed': 0}

def labels_of(dls) -> list:
    "The labels in the order of the files' names"
    both = [pair for loader in (dls.train, dls.valid) for pair in zip(loader.items, loader.dataset.labels)]
    return [label for _, label in sorted(both, key=lambda pair: Path(pair[0]).name)]

def from_table(pictures, table, **options): return ImageDataLoaders.from_df(table, pictures, **{**OPTIONS, **options})

def from_text(pictures, text, **options):
    (pictures/'labels.csv').write_text(text, encoding=options.pop('encoding', 'utf-8'))
    return ImageDataLoaders.from_csv(pictures, **{**OPTIONS, **options})

def rows(entries, head='f,l', sep=','):
    return '\n'.join([head, *(f'{name}{sep}{entry}' for name, entry in zip(NAMES, entries, strict=True))])


# --- is it a number?

@pytest.mark.parametrize('text', ['7', '-3', '0', '2.5', '-0.25', '100.0', '1e+16', str(10**30)])
def test_text_is_a_number_if_the_number_is_written_like_it(text): assert str(read_number(text)) == text


@pytest.mark.parametrize('text', ['007', '1_2', '12e3', '1e5', '0x1F', '+3', '-0', '4.50', '.5', '3.', ' 3', 'nan',
                                  'inf', '-inf', '1e400', '٣', '1,5', '', 'True', '2021-01-05', '−1'])
def test_other_text_is_none(text): assert read_number(text) is None


@pytest.mark.parametrize('ids', [[f'{i:04}' for i in range(N)], [f'2021_{i:02}' for i in range(N)],
                                 [f'{i}e3' for i in range(N)], [f'{i}' for i in range(N)],
                                 [f'{i}.50' for i in range(N)]])
def test_names_are_never_changed(tmp_path, ids):
    for name in ids: Image.new('RGB', (8, 8)).save(tmp_path/f'{name}.png')
    dls = from_text(tmp_path, '\n'.join(['id,l', *(f'{name},{label}' for name, label in zip(ids, AB))]), suff='.png')
    assert {Path(file).stem for file in [*dls.train.items, *dls.valid.items]} == set(ids)


@pytest.mark.parametrize('entries', [['01', '02'], ['7', '07'], ['0x1F', '0x2A'], ['٣', '٤'], ['inf', '-inf'],
                                     ['NA', 'None'], ['2021-01-05', '2021-01-06'], ['TRUE', 'FALSE'], ['yes', 'no'],
                                     ['1_000', '1_001']])
def test_labels_stay_the_text_that_they_are(pictures, entries):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        dls = from_text(pictures, rows(entries*6))
    assert labels_of(dls) == entries*6 and dls.label_spec.kind == 'single'
    text = pd.read_csv(pictures/'labels.csv', dtype=str, keep_default_na=False)
    assert labels_of(dls) == list(text.l)


@pytest.mark.parametrize('entries', [['4.50', '11.00'], ['1e5', '2e5'], ['+3', '-0'], ['0,5', '1,5']])
def test_text_that_may_be_a_quantity_is_told(pictures, entries):
    with pytest.warns(UserWarning, match='are text, so they count as classes; if they are quantities, pass label_kind'):
        dls = from_text(pictures, rows(entries*6, 'f;l', ';'), delimiter=';')
    assert labels_of(dls) == entries*6


def test_text_is_read_as_numbers_if_that_was_said(pictures):
    dls = from_text(pictures, rows([f'{i}.50' for i in range(N)]), label_kind='number')
    assert dls.valid.dataset.targets.tolist() == [[.5], [3.5]]
    with pytest.raises(ValueError, match=r"01.png: the label is '1_0'; expected a finite number"):
        from_text(pictures, rows(['1', '1_0']*6), label_kind='number')


@pytest.mark.parametrize('entries, delim, vocab', [
    (['1_2', '3_4'], '_', '1 2 3 4'), (['1.10', '2.2'], '.', '1 10 2'), (['1.5', '2.5'], '.', '1 2 5'),
    (['01 02', '1'], ' ', '01 02 1'), (['a; b', ' c '], ';', 'a b c'), (['a||b', '|b'], '|', 'a b'),
    (['True', 'False'], ' ', 'False True'), (['1 1', '2'], ' ', '1 2')])
def test_text_is_divided_as_it_stands(pictures, entries, delim, vocab):
    dls = from_text(pictures, rows(entries*6), label_delim=delim)
    assert dls.vocab == tuple(vocab.split())
    expected = [sorted({part.strip() for part in entry.split(delim)} - {''}) for entry in entries*6]
    assert [sorted(label) for label in labels_of(dls)] == expected


def test_a_frame_s_floats_cannot_be_divided(pictures):
    with pytest.raises(ValueError, match='label_delim splits text, but a label is the number 1.1; .*dtype=str'):
        from_table(pictures, {'f': NAMES, 'l': [1.1, 2.2]*6}, label_delim='.')


# --- yes and no for each class

BLOCK = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]]*3)

def as_frame(block): return pd.concat([pd.DataFrame({'f': NAMES}), pd.DataFrame(block, columns=list('xyz'))], axis=1)

def written(yes, no): return np.where(BLOCK == 1, yes, no)

@pytest.mark.parametrize('block', [
    BLOCK, BLOCK.astype(bool), BLOCK.astype(float), BLOCK.astype('uint8'), written('yes', 'no'),
    written('TRUE', 'false'), written('1', '0'), written('x', ''), written('1', ''), written('Y', 'N'),
    written('1.0', '0.0')])
def test_columns_of_yes_and_no_are_the_classes(pictures, block):
    for table in (as_frame(block), as_frame(block).astype(object)):
        dls = from_table(pictures, table, label_col=['x', 'y', 'z'])
        assert dls.vocab == ('x', 'y', 'z') and dls.label_spec.kind == 'multi'
        assert dls.train.dataset.targets.tolist() == BLOCK[[i for i in range(N) if i not in (0, 3)]].tolist()
    text = rows([','.join(map(str, row)) for row in block.tolist()], 'f,x,y,z')
    csv = from_text(pictures, text, label_col=list('xyz'))
    assert csv.vocab == dls.vocab and csv.train.dataset.targets.equal(dls.train.dataset.targets)
    assert labels_of(csv) == [[name for name, yes in zip('xyz', row) if yes] for row in BLOCK]


@pytest.mark.parametrize('turn', [np.asarray, np.ndarray.tolist, list, torch.tensor, pd.DataFrame.to_numpy,
                                  lambda block: [tuple(row) for row in block]])
@pytest.mark.parametrize('kind', [int, bool, float])
def test_rows_of_yes_and_no_need_names(pictures, turn, kind):
    block = BLOCK.astype(kind)
    labels = turn(pd.DataFrame(block) if turn is pd.DataFrame.to_numpy else block)
    with pytest.raises(ValueError, match="rows of 3 zeros and ones, .*pass vocab=.*label_col=.*label_kind='number'"):
        ImageDataLoaders.from_lists(pictures, NAMES, labels, **OPTIONS)
    dls = ImageDataLoaders.from_lists(pictures, NAMES, labels, vocab=np.array(list('xyz')), **OPTIONS)
    assert dls.valid.dataset.targets.tolist() == BLOCK[[0, 3]].tolist() and dls.vocab == ('x', 'y', 'z')
    number = ImageDataLoaders.from_lists(pictures, NAMES, labels, label_kind='number', **OPTIONS)
    assert number.valid.dataset.targets.tolist() == BLOCK[[0, 3]].tolist() and number.vocab == ()


def test_a_gap_among_yes_and_no_is_named(pictures):
    table = as_frame(BLOCK.astype(float))
    table.loc[5, 'y'] = np.nan
    with pytest.raises(ValueError, match="columns 'x', 'y', 'z' say yes or no, .* is missing in row 5, .*fill"):
        from_table(pictures, table, label_col=['x', 'y', 'z'])
    dummies = pd.concat([pd.DataFrame({'f': NAMES}), pd.get_dummies(pd.Series(AB))], axis=1)
    assert labels_of(from_table(pictures, dummies, label_col=dummies.columns[1:])) == [[label] for label in AB]


@pytest.mark.parametrize('columns, kind, says', [
    ([[-1, 0]*6, [1, -1]*6], 'multi', 'lists of classes; if they are quantities'),
    ([[0, 2]*6, [3, 1]*6], 'multi', 'lists of classes; if they are quantities'),
    ([[.1, 1.]*6, [.9, 0.]*6], 'number', ''), ([['a', 'b']*6, ['c', None]*6], 'multi', '')])
def test_other_columns_are_no_yes_and_no(pictures, columns, kind, says):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        dls = from_table(pictures, {'f': NAMES, 'x': columns[0], 'y': columns[1]}, label_col=['x', 'y'])
    assert dls.label_spec.kind == kind and says in ' '.join(str(one.message) for one in said)


@pytest.mark.parametrize(('names', 'columns', 'told'), [
    (['hat', 'shoes'], [['red', 'blue']*6, ['blue', 'green']*6], True),
    (['hat', 'shoes'], [['red', 'blue']*6, ['green', None]*6], False),
    (['tag1', 'tag2'], [['red', 'blue']*6, ['blue', 'green']*6], False),
    (['hat', 'shoes'], [['', 'blue']*6, ['', 'green']*6], False)])
def test_classes_of_two_columns_are_told(pictures, names, columns, told):
    table = pd.DataFrame({'f': NAMES, **dict(zip(names, columns))})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        dls = from_table(pictures, table, label_col=names)
    assert any('share' in str(one.message) for one in said) is told
    assert set(dls.vocab) == {cell for column in columns for cell in column if cell}
    if not told: return
    way_out = next(str(one.message) for one in said if 'share' in str(one.message)).split('before it: ')[1]
    exec(way_out, {'table': table})        # the line in the warning
    apart = from_table(pictures, table, label_col=names)
    assert set(apart.vocab) == {'hat: red', 'hat: blue', 'blue', 'green'}


def test_whole_floats_may_be_classes(pictures):
    with pytest.warns(UserWarning, match="taken as quantities; if they are classes, pass label_kind='single'"):
        assert from_table(pictures, {'f': NAMES, 'l': [0., 1.]*6}).label_spec.kind == 'number'
    assert from_table(pictures, {'f': NAMES, 'l': [0., 1.]*6}, label_kind='single').vocab == (0., 1.)


# --- numbers and words of other libraries

Kind = enum.Enum('Kind', {'CAT': 'cat', 'DOG': 'dog'}, type=str)
Number = enum.IntEnum('Number', ['ONE', 'TWO'])

POINTS = np.random.default_rng(0).uniform(-1, 1, (N, 2))
WORD = np.array(['cat', 'dog', 'bird'])

@pytest.mark.parametrize('labels', [
    POINTS, list(POINTS), [tuple(row) for row in POINTS], [list(row) for row in POINTS], torch.tensor(POINTS),
    [tuple(torch.tensor(row)) for row in POINTS], pd.DataFrame(POINTS).apply(tuple, axis=1), POINTS.tolist(),
    list(pd.DataFrame(POINTS, columns=['x', 'y']).itertuples(index=False)), (tuple(row) for row in POINTS),
    np.array([tuple(row) for row in POINTS], dtype=[('x', float), ('y', float)])])
def test_points_are_quantities_whoever_counts_them(pictures, labels):
    dls = ImageDataLoaders.from_lists(pictures, NAMES, labels, **OPTIONS)
    assert (dls.label_spec.kind, dls.c) == ('number', 2)
    assert np.allclose(dls.valid.dataset.targets.numpy(), POINTS[[0, 3]])


@pytest.mark.parametrize('labels, plain', [
    ([[WORD[i % 3], 'dog'] for i in range(N)], [[['cat', 'dog', 'bird'][i % 3], 'dog'] for i in range(N)]),
    ([{WORD[0], WORD[i % 3]} for i in range(N)], [{'cat', ['cat', 'dog', 'bird'][i % 3]} for i in range(N)]),
    ([WORD[i % 3] for i in range(N)], [['cat', 'dog', 'bird'][i % 3] for i in range(N)]),
    ([np.int64(i % 2) for i in range(N)], [i % 2 for i in range(N)]), (torch.arange(N) % 2 == 0, [True, False]*6),
    ([torch.tensor(i % 2) for i in range(N)], [i % 2 for i in range(N)]), ([Kind.CAT, Kind.DOG]*6, ['cat', 'dog']*6),
    ([Number.ONE, Number.TWO]*6, [1, 2]*6), ([[Kind.CAT], [Kind.CAT, Kind.DOG]]*6, [['cat'], ['cat', 'dog']]*6),
    (pd.Categorical(AB), AB), (pd.array([1, 2]*6, dtype='Int64'), [1, 2]*6), (pd.Series(AB, dtype='string'), AB),
    (pd.array([True, False]*6, dtype='boolean'), [True, False]*6), (pd.Series(AB, index=range(5, 17)), AB),
    (np.array(AB, dtype=object), AB), (iter(AB), AB), ('ab'*6, AB)])
def test_labels_are_python_s_own_and_can_be_written(pictures, labels, plain):
    dls = ImageDataLoaders.from_lists(pictures, NAMES, labels, **OPTIONS)
    assert labels_of(dls) == plain
    flat = [value for label in [*labels_of(dls), dls.vocab]
            for value in (label if isinstance(label, (list, set, tuple)) else [label])]
    assert {type(value) for value in flat} <= {str, int, bool}
    assert LabelSpec.from_config(dls.label_spec.to_config()) == dls.label_spec


@pytest.mark.parametrize('label', [b'a', 1j, {'a': 1}, [['a']], range(2), {.1, .2}, object(), pd.Timestamp('2020'),
                                   pd.Interval(0, 1), [b'a'], [None, ['a']]])
def test_what_is_no_label_is_shown_with_its_file(pictures, label):
    with pytest.raises((TypeError, ValueError), match=r'00.png: .* (cannot be a label; expected text|incomplete)'):
        ImageDataLoaders.from_lists(pictures, NAMES, [label]*N, **OPTIONS)


@pytest.mark.parametrize('kind, vocab, label, says', [
    ('multi', ('a', 'b'), 'ab', "the label 'ab' is not a list of classes"),
    ('single', ('a', 'b'), ['a'], 'is not one class'), ('number', (), 'x', 'expected a finite number'),
    ('number', (), float('nan'), 'expected a finite number'),
    ('number', (), [1., 2.], 'has 2 numbers; expected 1'), ('single', (1, 2), True, 'is not one of the 2 classes')])
def test_labels_of_other_pictures_are_checked_as_well(kind, vocab, label, says):
    with pytest.raises(ValueError, match=f'a.png: .*{says}'): LabelSpec(kind, vocab).encode_all([label], ['a.png'])


@pytest.mark.parametrize('vocab, expected', [(np.array(['b', 'a']), ('b', 'a')), ({'b', 'a'}, ('a', 'b')),
                                             (iter('ba'), ('b', 'a')), (pd.Index(['b', 'a']), ('b', 'a'))])
def test_the_classes_may_come_from_anywhere(pictures, vocab, expected):
    assert ImageDataLoaders.from_lists(pictures, NAMES, AB, vocab=vocab, **OPTIONS).vocab == expected
    with pytest.raises(ValueError, match="vocab lists 'a' more than once"):
        ImageDataLoaders.from_lists(pictures, NAMES, AB, vocab=['a', 'b', 'a'], **OPTIONS)


def test_the_index_of_the_classes_is_made_once(monkeypatch):
    "Each label looked up its class in a dictionary that was made for it alone: 10,000 times 10,000"
    class Counted(str):
        hashed = 0
        def __hash__(self):
            Counted.hashed += 1
            return str.__hash__(self)
        __eq__ = str.__eq__
    spec = LabelSpec('single', tuple(Counted(i) for i in range(400)))
    Counted.hashed = 0
    targets = [spec.encode(value) for value in spec.vocab]
    assert targets == list(range(400)) and Counted.hashed < 10*400


# --- missing

MISSING = [None, float('nan'), np.nan, np.float32('nan'), pd.NA, pd.NaT, '', ' ', '\t', '\xa0', np.datetime64('NaT'),
           torch.tensor(float('nan')), np.ma.masked]
PRESENT = [0, 0., False, 'nan', 'None', 'NA', float('inf'), [], 'x', '0']

def test_what_is_missing_and_what_is_not():
    assert [value for value in MISSING if not is_missing(plain_label(value))] == []
    assert [value for value in PRESENT if is_missing(plain_label(value))] == []
    for value in (value for value in [*MISSING, *PRESENT] if isinstance(value, (float, type(pd.NA), type(None)))):
        assert is_missing(value) == pd.isna(value)


@pytest.mark.parametrize('hole', MISSING[:8], ids=repr)
def test_a_gap_is_never_a_label(pictures, hole):
    two = ['a b', 'b', 'a', hole]*3
    dls = from_table(pictures, pd.DataFrame({'f': NAMES, 'l': pd.Series(two, dtype=object)}), label_delim=' ')
    assert dls.vocab == ('a', 'b') and labels_of(dls)[3] == []
    for labels in ([*AB[:11], hole], [.5]*11 + [hole], [['a', 'b']]*11 + [['a', hole]], [(.1, .2)]*11 + [(.1, hole)]):
        with pytest.raises(ValueError, match=r'11.png: the label .* is missing or incomplete; fill it in'):
            ImageDataLoaders.from_lists(pictures, NAMES, labels, **OPTIONS)
    for make in (lambda names: ImageDataLoaders.from_lists(pictures, names, AB, **OPTIONS),
                 lambda names: from_table(pictures, {'f': names, 'l': AB})):
        with pytest.raises(ValueError, match='a file name is missing in 1 of 12 rows, counted from 0: 2'):
            make([*NAMES[:2], hole, *NAMES[3:]])


@pytest.mark.parametrize('dtype, values', [
    ('string', AB), ('Int64', [1, 2]*6), ('boolean', [True, False]*6), ('Float64', [.5, 1.5]*6), ('category', AB),
    (object, AB), (float, [.5, 1.5]*6)])
def test_a_gap_is_one_in_every_dtype(pictures, dtype, values):
    with pytest.raises(ValueError, match=r'03.png: the label .* is missing'):
        from_table(pictures, pd.DataFrame({'f': NAMES, 'l': pd.Series([*values[:3], None, *values[4:]], dtype=dtype)}))


@pytest.mark.parametrize('entries', [['3.5,1', '2.5,'], ['3.5,1', ',']])
def test_a_gap_among_numbers_of_a_file_is_named(pictures, entries):
    with pytest.raises(ValueError, match=r'01.png: the label .* is missing or incomplete'):
        from_text(pictures, rows(entries*6, 'f,x,y'), label_col=['x', 'y'])


# --- tables

@pytest.mark.parametrize('text, options', [
    ('\ufeff' + rows(AB), {}), (rows(AB).replace('\n', '\r\n'), {}), (rows(AB, 'f\tl', '\t'), {'delimiter': '\t'}),
    (rows([f' {label} ' for label in AB]), {}), (rows([f' "{label}"' for label in AB]), {}),
    (rows(AB) + '\n\n,\n   \n', {}), (rows([label + ',,' for label in AB], 'f,l,,'), {}),
    (rows(AB).partition('\n')[2], {'header': None}), (rows(AB, ' f , l'), {'fn_col': 'f', 'label_col': 'l'}),
    (rows(AB).replace('\n', '\n.\\'), {}), (rows(AB).replace('\n', '\n./'), {}), (rows(AB), {'header': 0})])
def test_tables_of_other_programs(pictures, text, options):
    assert labels_of(from_text(pictures, text, **options)) == AB


@pytest.mark.parametrize('text, options, error, says', [
    (rows(AB, 'f;l', ';'), {}, ValueError, "only one column, 'f;l'; do you mean delimiter=';'"),
    (rows(AB, 'f,l,l').replace(',a', ',a,x').replace(',b', ',b,x'), {}, ValueError, 'two columns of the same name'),
    (rows(AB).partition('\n')[2], {}, ValueError, "heading '00.png' is the name of an image, .*header=None"),
    (rows(AB), {'header': 1}, ValueError, "header is 1; expected 'infer' or 0"),
    ('', {}, LookupError, 'has no columns'),
    ('f,l\n', {}, ValueError, 'the list of files is empty'),
    (rows(['a', 'b,c']*6), {}, ValueError, '3 values for 2 columns'),
    (rows(AB), {'encoding': 'utf-16'}, ValueError, 'as a CSV table')])
def test_tables_that_cannot_be_read_say_why(pictures, text, options, error, says):
    with pytest.raises(error, match=says): from_text(pictures, text, **options)


def test_a_dataframe_is_read_by_position_and_a_column_only_if_there_is_one_of_its_name(pictures):
    frame = pd.DataFrame({'f': NAMES, 'l': AB})
    for table in (frame, frame.set_axis([7]*N), frame.set_index('l', drop=False), dict(frame),
                  frame.sample(frac=1, random_state=0), frame.astype('category'), frame.astype('string'),
                  frame.assign(f=[Path(n) for n in NAMES]),
                  pd.concat({'top': frame}, axis=1), frame.assign(f=[pictures/name for name in NAMES])):
        assert labels_of(ImageDataLoaders.from_df(table, pictures, **{**OPTIONS, 'valid_idx': None})) == AB
    for which in (0, 'f'):
        with pytest.raises(LookupError, match="the table has two columns called 'f'; rename one"):
            from_table(pictures, pd.concat([frame, frame], axis=1), fn_col=which)
    for other in (frame.l, frame.to_dict('records'), frame.values, frame.groupby('l'), 'labels.csv'):
        with pytest.raises(TypeError, match='expected a table: a DataFrame or a dict of columns; found'):
            from_table(pictures, other)
    assert from_table(pictures, frame, label_col=np.int64(1)).vocab == ('a', 'b')


def test_polars(pictures):
    pl = pytest.importorskip('polars')
    for by in ({}, {'fn_col': 'f', 'label_col': 'l'}):
        assert labels_of(from_table(pictures, pl.DataFrame({'f': NAMES, 'l': AB}), **by)) == AB
    flags = pl.DataFrame({'f': NAMES, 'x': [0, 1]*6, 'y': [1, 0]*6})
    assert labels_of(from_table(pictures, flags, label_col=['x', 'y'])) == [['y'], ['x']]*6
    with pytest.raises(ValueError, match=r'01.png: the label None is missing'):
        from_table(pictures, pl.DataFrame({'f': NAMES, 'l': ['a', None]*6}))


def test_columns_of_a_file_are_numbers_only_if_nothing_is_lost(tmp_path):
    (tmp_path/'a.csv').write_text('i,x,id,b,gap,both\n1,1.5,007,True,3,1\n-2,2.0,8,False,,x\n')
    assert read_csv(tmp_path/'a.csv') == {'i': [1, -2], 'x': [1.5, 2.], 'id': ['007', '8'], 'b': [True, False],
                                          'gap': [3, ''], 'both': ['1', 'x']}
    as_text = pd.read_csv(tmp_path/'a.csv', dtype=str, keep_default_na=False)
    assert {name: [*map(str, values)] for name, values in read_csv(tmp_path/'a.csv').items()} == as_text.to_dict('list')


@pytest.mark.parametrize('labels, says', [
    (['a', 'b', 'a;b']*4, "the class 'a;b' looks like several, 'a', 'b'; if so, split it with label_delim=';'"),
    (['a', 'b', 'a b']*4, "'a b' looks like several"), (['a', 'b', 'b, a']*4, "'b, a' looks like several"),
    (["['a']", "['a', 'b']"]*6, 'are text, so they count as classes; if they are lists, read them with ast'),
    (['(0.1, 0.2)', '(0.3, 0.4)']*6, 'if they are lists, read'), (['New York', 'York']*6, ''), (['a b', 'a']*6, '')])
def test_classes_that_look_like_several_are_told(pictures, labels, says):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        assert labels_of(from_table(pictures, {'f': NAMES, 'l': labels})) == labels
    assert len(said) == bool(says) and says in ' '.join(str(one.message) for one in said)


def test_a_table_is_no_list(pictures):
    frame = pd.DataFrame({'x': range(12), 'y': range(12)})
    with pytest.raises(TypeError, match='the labels are a table; pass a list'):
        ImageDataLoaders.from_lists(pictures, NAMES, frame, **OPTIONS)
    with pytest.raises(TypeError, match='expected a list of files, found one DataFrame'):
        ImageDataLoaders.from_lists(pictures, frame, AB, **OPTIONS)
    with pytest.raises(ValueError, match='valid_col and valid_idx both'):
        from_table(pictures, {'f': NAMES, 'l': AB, 'v': [True] + [False]*11}, valid_col='v')


def test_spellings_that_look_alike_are_told(pictures):
    for one, other in (('Cat', 'cat'), (unicodedata.normalize('NFC', 'é'), unicodedata.normalize('NFD', 'é'))):
        with pytest.warns(UserWarning, match='count as different classes'):
            assert labels_of(from_text(pictures, rows([one, other]*6))) == [one, other]*6


# --- the same table again

def test_test_dl_reads_a_table_as_the_training_s(pictures, tmp_path):
    (tmp_path/'in').symlink_to(pictures, target_is_directory=True)
    frame = pd.DataFrame({'f': [name[:-4] for name in NAMES], 'l': AB})
    dls = ImageDataLoaders.from_df(frame, tmp_path, folder='in', suff='.png', **OPTIONS)
    for table in (frame[:4], dict(frame[:4]), frame[:4].set_axis([3]*4)):
        assert [file.name for file in dls.test_dl(table).items] == NAMES[:4]
        assert dls.test_dl(table).dataset.targets is None
        assert dls.test_dl(table, with_labels=True).dataset.targets.tolist() == [0, 1, 0, 1]
    assert next(iter(dls.test_dl(['in/05.png'])))[0].shape[0] == 1                    # relative to the folder given
    with pytest.raises(TypeError, match=r"expected a list of files, found one str: 'in/05.png'"):
        dls.test_dl('in/05.png')
    with pytest.raises(ValueError, match='a file name is missing'): dls.test_dl([None])
    lists = ImageDataLoaders.from_lists(pictures, NAMES, AB, **OPTIONS)
    with pytest.raises(ValueError, match='made without a table, .* pass a list of files'): lists.test_dl(frame)


@pytest.mark.parametrize('value, says', [(True, True), (1., True), ('No', False), (0, False), (2, None), ('so', None)])
def test_yes_no_and_neither(value, says): assert read_flag(value) is says
