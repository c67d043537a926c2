"Folders and tables in which something is missing, twice, circular or senseless"
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.images import Resize
from fastlearn.interpret.cleaner import read_changes

from faults.pictures import PHOTO, PNG, encoded
from faults.rows import Fault, gives, linked, refuses, wrote


def photos(*names: str) -> Path:
    for name in names: wrote(name, PNG)
    return Path()


def loaders(path='.', **options):
    "What is learned from and asked, of a folder for each class"
    options = {'valid_pct': .5, 'seed': 0, 'bs': 2, 'item_tfms': Resize(8), 'device': 'cpu', **options}
    dls = ImageDataLoaders.from_folder(path, **options)
    for loader in dls.train, dls.valid: list(loader)
    return dls


def classes(path='.', **options) -> tuple: return loaders(path, **options).vocab


def from_table(path='.', **options) -> tuple:
    options = {'valid_pct': .5, 'seed': 0, 'bs': 2, 'item_tfms': Resize(8), 'device': 'cpu', **options}
    return ImageDataLoaders.from_csv(path, **options).vocab


def table(*lines: str | bytes) -> Path:
    photos('1.png', '2.png', '3.png', '4.png')
    wrote('labels.csv', b'\n'.join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return Path()


def labeled(label: Callable[[Path], object], *names: str) -> tuple:
    "The classes that a label function gives four pictures"
    files = get_image_files(photos(*(names or ('1.png', '2.png', '3.png', '4.png'))))
    return ImageDataLoaders.from_path_func('.', files, label, valid_pct=.5, seed=0, bs=2, item_tfms=Resize(8)).vocab


def found(path='.') -> list[str]: return [file.as_posix() for file in get_image_files(path)]


def around() -> Path:
    "A folder with a link to itself, and two that link to each other"
    photos('a/1.png', 'b/2.png')
    for name, target in (('a/self', '.'), ('a/up', '..'), ('a/b', '../b'), ('b/a', '../a')): linked(name, target)
    return Path()


CATS = tuple(f'{kind}/{n}.png' for kind in ('cat', 'dog') for n in range(4))


def differing_in_case() -> Path:
    photos(*CATS, *(name.replace('dog', 'Cat') for name in CATS))
    shutil.rmtree('dog')
    if len(os.listdir()) == 1: pytest.skip('capitals count for nothing in the names of this disk')
    return Path()


SETS = 'train/cat/1.png', 'train/dog/2.png', 'train/cat/5.png', 'valid/cat/3.png', 'valid/dog/4.png'
NO_TABLE = refuses(ValueError, r'cannot read labels\.csv as a CSV table: .*Save it again as CSV, in UTF-8')
NO_LABEL = refuses(ValueError, r"the label function .* returned None for 1\.png; it must return a label")


def label_of(*labels) -> Callable[[Path], object]: return lambda path: labels[int(path.stem) - 1]


FOLDERS = [
    Fault('missing', lambda: Path('nowhere'), found, refuses(
        FileNotFoundError, 'the folder nowhere does not exist; .* exists and holds nothing')),
    Fault('a file', partial(wrote, 'photos', 'x'), found, refuses(
        NotADirectoryError, 'photos is a file; expected the folder that holds the images')),
    Fault('empty', photos, found, refuses(ValueError, r'no images in \.: the folder holds nothing')),
    Fault('no pictures', lambda: wrote('notes.txt', 'x').parent, found, refuses(
        ValueError, r'no images in \.: 1 file that is not an image: \.txt')),
    Fault('photos that cannot be read here', lambda: wrote('a.HEIC', 'x').parent, found, refuses(
        ValueError, 'convert HEIC photos to JPEG first')),
    Fault('only hidden ones', partial(photos, '.a.png', '.hidden/b.png'), found, refuses(
        ValueError, 'no images in .: the folder holds .a.png, .hidden')),
    Fault('one class', partial(photos, 'cat/1.png', 'cat/2.png'), classes, refuses(
        ValueError, r'only one class: all 2 images in \. are in one folder, cat; expected a folder for each class')),
    Fault('one picture', partial(photos, 'cat/1.png'), classes, refuses(ValueError, 'only one class: all 1 images')),
    Fault('too few for two sets', partial(photos, 'cat/1.png', 'dog/2.png'), partial(classes, valid_pct=.2), refuses(
        ValueError, 'the validation set would be empty, .* pass a larger valid_pct .* or more images')),
    Fault('a class without pictures', lambda: (photos(*CATS), os.mkdir('bird'))[0], classes, gives(
        ('cat', 'dog'), warns="no images in 'bird', so these classes are not learned")),
    Fault('classes that differ in capitals', differing_in_case, classes, gives(
        ('Cat', 'cat'), warns="'Cat', 'cat' count as different classes; if they are one")),
    Fault('a class to validate that is not learned', partial(photos, *SETS, 'valid/bird/6.png'),
          partial(classes, valid_pct=None), gives(
              ('bird', 'cat', 'dog'), warns='no training image has the label .bird')),
    Fault('no folder train', partial(photos, *SETS[3:]), partial(classes, valid_pct=None), refuses(
        ValueError, r"no images in the folder 'train' in \., which holds valid; name the folders")),
    Fault('pictures of several sizes', lambda: (photos(*CATS), wrote('cat/9.png', encoded(PHOTO.resize((9, 9)), 'png')),
                                                Path())[-1], partial(classes, item_tfms=None), refuses(
        ValueError, r'different sizes do not fit into one batch: .*; resize them .*item_tfms=Resize\(224\)')),
    Fault('a broken picture among good ones', lambda: (photos(*CATS), wrote('cat/9.jpg', ''), Path())[-1], classes,
          refuses(UnreadableImage, r'cannot read image .*cat/9\.jpg: the file is empty')),
    Fault('links in circles', around, found, gives(
        ['a/1.png', 'a/b/2.png', 'b/2.png', 'b/a/1.png'])),
    Fault('link to a folder elsewhere', lambda: (photos('else/1.png'), os.mkdir('here'), linked(
        'here/cat', '../else'))[0]/'here', found, gives(['here/cat/1.png'])),
    Fault('links to nothing', lambda: (photos('1.png'), linked('gone', 'nowhere'), linked('2.png', 'nowhere'))[0],
          found, gives(['1.png', '2.png'])),
    Fault('very deep', partial(photos, 'a/'*400 + '1.png'), lambda path: len(found(path)), gives(1)),
    Fault('no table', partial(photos, *CATS), from_table, refuses(
        FileNotFoundError, r'the file labels\.csv does not exist; \. holds cat, dog')),
    Fault('table: empty', partial(table), from_table, refuses(LookupError, 'no column 0; the table has ')),
    Fault('table: only a heading', partial(table, 'file,label'), from_table, refuses(
        ValueError, 'the list of files is empty')),
    Fault('table: of pictures that are not there', partial(table, 'file,label', '8.png,a', '9.png,b'), from_table,
          refuses(FileNotFoundError, r"2 of 2 files do not exist, .*'8.png', '9.png'; for tables, folder= and suff=")),
    Fault('table: names longer than can be', partial(table, 'file,label', f'{"a"*300}.png,a', '1.png,b'), from_table,
          refuses(FileNotFoundError, '1 of 2 files do not exist')),
    Fault('table: another column', partial(table, 'file,label', '1.png,a', '2.png,b'), partial(
        from_table, label_col='breed'), refuses(LookupError, "no column 'breed'; the table has 'file', 'label'")),
    Fault('table: a row too short', partial(table, 'file,label', '1.png,a', '2.png'), from_table, refuses(
        ValueError, r"labels\.csv, row 2, has 1 values for 2 columns: \['2.png'\]")),
    Fault('table: an empty label', partial(table, 'file,label', '1.png,a', '2.png,', '3.png,b'), from_table, refuses(
        ValueError, r"2\.png: the label '' is missing or incomplete; fill it in")),
    Fault('table: an empty name', partial(table, 'file,label', '1.png,a', ',b', '3.png,b'), from_table, refuses(
        ValueError, r'a file name is missing in 1 of 3 rows, counted from 0: 1')),
    Fault('table: names twice', partial(table, 'file,label', '1.png,a', '2.png,b', '1.png,a', '3.png,b'), from_table,
          gives(('a', 'b'), warns="1 files are in the list more than once: '1.png'; the training and the")),
    Fault('table: in Latin-1', partial(table, 'file,label', '1.png,Bär'.encode('latin-1'), '2.png,b'), from_table,
          NO_TABLE),
    Fault('table: a spreadsheet', partial(table, b'PK\3\4' + bytes(range(128, 256))), from_table, NO_TABLE),
    Fault('table: one endless cell', partial(table, 'file,label', '1.png,"' + 'a'*200_000), from_table, NO_TABLE),
    Fault('table: numbers and words', partial(table, 'file,label', '1.png,1', '2.png,two'), partial(
        from_table, valid_pct=.5), refuses(ValueError, 'only one class|no training image|'
                                                       'nothing to tell apart')),
    Fault('table: names that lead out of the folder', lambda: (table('file,label', '../a/1.png,a', '../a/2.png,b'),
          photos('a/1.png', 'a/2.png', 'b/3.png'), shutil.move('labels.csv', 'b'))[0]/'b', from_table, refuses(
              ValueError, 'only one class')),
    Fault('labels: the function fails', lambda: label_of(), labeled, refuses(
        ValueError, r'the label function <lambda> failed for 1\.png: IndexError: ')),
    Fault('labels: None', lambda: lambda path: None, labeled, NO_LABEL),
    Fault('labels: of several types', lambda: label_of('a', 1, True, 'b'), labeled, refuses(
        ValueError, 'the labels have several types; use one: ')),
    Fault('labels: words and fractions', lambda: label_of('a', 1.5, 'b', 'a'), labeled, refuses(
        ValueError, r"the labels do not fit together: 'a' \(1\.png\) means one class, 1\.5 \(2\.png\) means a")),
    Fault('labels: dictionaries', lambda: label_of({}, {}, {}, {}), labeled, refuses(
        TypeError, r'1\.png: \{\} \(dict\) cannot be a label; expected text')),
    Fault('labels: not a number', lambda: label_of(float('nan'), 1., 2., 3.), labeled, refuses(
        ValueError, r'1\.png: the label nan is missing or incomplete')),
    Fault('list of changes: another table', lambda: table('file,label', '1.png,a')/'labels.csv', read_changes, refuses(
        ValueError, "not a list of changes: it lacks the columns 'action', 'becomes', 'path', 'was'; it has 'file'")),
    Fault('list of changes: cut off', lambda: table('path,was,action,becomes', '1.png,a')/'labels.csv', read_changes,
          refuses(ValueError, r"is truncated: a row has 2 of 4 values: \['1.png', 'a'\]")),
    Fault('list of changes: empty', lambda: table()/'labels.csv', read_changes, refuses(
        ValueError, 'is not a list of changes: it lacks the columns')),
    Fault('list of changes: something else to do', lambda: table(
        'path,was,action,becomes', '1.png,a,explode,b')/'labels.csv', read_changes, refuses(
        ValueError, "action is 'explode' for 1.png; expected 'relabel' or 'remove'")),
]
