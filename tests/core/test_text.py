"""A name is shown as it is and does nothing, in every language that it is put into.

Members tried: Markdown (tags, emphasis, links, images, code, headings, lists, tables, formulas, entities, autolinks,
line breaks), terminal (ESC, C1, BEL, CR, backspace, direction marks, half characters), CSV (= + - @ tab CR, in full
width, after quotes), Python offered to paste, TeX of matplotlib, pages with half characters, names of 10^6 letters
"""
import csv
import io
import os
import re
import json
from html.parser import HTMLParser

import pytest
import torch
from fastlearn.core.interactive import text_table
from fastlearn.core.tensor_files import read_tensors, UnreadableFile, write_tensors
from fastlearn.data.dataset import get_image_files
from fastlearn.data.datasets import clear_cache
from fastlearn.data.decoding import upright_size
from fastlearn.data.images import open_image
from fastlearn.data.label_checks import label_files
from fastlearn.data.labels import LabelSpec, RegexLabeller
from fastlearn.data.splits import find_label_folder
from fastlearn.interpret.cleaner import Change
from fastlearn.learner import load_learner
from fastlearn.weight_files import read_weights
from fastlearn.core.text import (
    from_csv, in_figure, in_markdown, in_python, join_some, list_names, printable, write_csv,
)
from fastlearn.core.text import label_text
from fastlearn.data.show_batch import show_images
from matplotlib import pyplot as plt

MARKUP = ['<img src=x onerror="alert(1)">', '<script>alert(1)</script>', '</p><h1>x', '*a*', '**a**', '_a_', 'a_b_c',
    '~~a~~',
          '`a`', '``a', '[a](http://example.org)', '![a](http://example.org/a.png)', '<http://example.org>', '# a',
          '- a',
          '1. a', '> a', 'a | b', '$5', '$x$ and $y$', '$$x$$', r'\(x\)', r'\[x\]', '&lt;b&gt;', '&#60;b&#62;', '&amp;',
          'http://example.org', 'www.example.org', 'me@example.org', 'a\n\nb', 'a  \nb', '    code', '\ta', r'\*a\*',
          '---',
          '[x]: http://example.org', '[^1]', ':smile:', '{{x}}', '{raw}`<b>`', '<!-- a -->', '<5mm', 'Ünï 猫 🐈',
          '```\nx',
          '\x1b[31mred', '\u202etxt.exe', 'caf\udce9', '+++', '==a==', 'a^b^', '%%html', '!ls', '[a]', '(a)', '"', "'"]


class Read(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ''
        self.feed(text)

    def handle_starttag(self, tag, attributes): self.tags.append(tag)
    def handle_data(self, data): self.text += data


def by_nbconvert(text: str) -> str:
    from nbconvert.filters import markdown2html
    return markdown2html(text)


def by_markdown_it(text: str) -> str:
    from markdown_it import MarkdownIt
    return MarkdownIt('commonmark', {'html': True, 'linkify': False}).enable('table').render(text)


@pytest.mark.parametrize('render', [by_nbconvert, by_markdown_it])
@pytest.mark.parametrize('name', MARKUP)
def test_markdown_shows_the_name(name, render):
    pytest.importorskip('nbconvert' if render is by_nbconvert else 'markdown_it')
    found = Read(render(f'It knows: cat, {in_markdown(name)}, dog.'))
    shown = ' '.join(printable(name, '\t\n ').split())
    assert found.tags == ['p'] and found.text.strip() == f'It knows: cat, {shown}, dog.'
    assert '$' not in in_markdown(name) and '\\' not in in_markdown(name), 'Jupyter looks for formulas before Markdown'


@pytest.mark.parametrize('text, expected', [
    ('\x1b]0;own\x07', r'\x1b]0;own\x07'), ('\x9b31m', r'\x9b31m'), ('a\rb', r'a\rb'), ('a\x08', r'a\x08'), ('a\nb',
    r'a\nb'),
    ('\u202egpj', r'\u202egpj'), ('\u2066x', r'\u2066x'), ('\u2028', r'\u2028'), ('\udce9', r'\udce9'), ('\ud800',
    r'\ud800'),
    ('\x7f', r'\x7f'), ('Ünï 猫 🐈', 'Ünï 猫 🐈'), ('a b', 'a b'), ('\u200b', r'\u200b'), ('\ufeff', r'\ufeff')])
def test_a_terminal_shows_the_name(text, expected):
    assert printable(text) == label_text(text) == expected and label_text([text]) == expected
    assert text_table([['a'], [text]]).splitlines()[1] == expected.rstrip()


FORMULAS = ['=1+1', '+1+1', '-1+1', '@SUM(1)', '\t=1', '\r=1', '\n=1', '\uff1d1', '\uff0b1', '\uff0d1', '\uff201',
    "'=1", "''@x",
            '-', '=', '+49 89 1', '=HYPERLINK("http://example.org/?"&A1,"x")', '-cat', '-1_0', '+\u0661', '- 1']


@pytest.mark.parametrize('text', FORMULAS)
def test_a_spreadsheet_computes_nothing(text):
    write_csv(file := io.StringIO(), [[text, 1]])
    cell, _ = next(csv.reader(io.StringIO(file.getvalue(), newline='')))
    assert cell.startswith("'") and from_csv(cell) == text
    if text[0] not in '\t\r\n': assert cell[1:] == text  # some programs split there, so the `=` has its own


@pytest.mark.parametrize('between', ';\t\r\n')
@pytest.mark.parametrize('text', ['=1+1', '+1', '-1+1', '@x', "'=1", '\uff1d1'])
def test_a_spreadsheet_that_splits_elsewhere_computes_nothing_either(between, text):
    "Where numbers have a comma, it splits at semicolons, and a quote in the middle of a cell protects nothing"
    name = f'cat{between}{text}'
    write_csv(file := io.StringIO(), [['first', name, 1]])
    cells = re.split(r'[;\t\r\n]', file.getvalue())
    assert not any(cell.lstrip('"').startswith(tuple('=+-@\uff1d')) for cell in cells)
    cell = next(csv.reader(io.StringIO(file.getvalue(), newline='')))[1]
    assert cell == f"cat{between}'{text}" and from_csv(cell) == name


@pytest.mark.parametrize('value, expected', [('-1', '-1'), ('-1.5e3', '-1.5e3'), ('+7', '+7'), (-.5, '-0.5'), ('cat',
    'cat'),
                                             ("it's", "it's"), ("'", "'"), ('', ''), (None, ''), (True, 'True')])
def test_what_is_no_formula_stays(value, expected):
    write_csv(file := io.StringIO(), [[value, 1]])
    assert next(csv.reader([file.getvalue()]))[0] == expected and from_csv(expected) == expected


@pytest.mark.parametrize('text', ['__import__("os").system("x")', 'a b', 'lambda: 0', '', 'import', 'a.b', 'f()',
    'a\n', '1', 'x;y',
                                  'a'*10**6, '\x1b', 'None or x'])
def test_only_a_name_is_offered_as_code(text): assert in_python(text) == '...' and in_python('my_loss') == 'my_loss'


def test_long_names_are_shortened(tmp_path):
    assert len(join_some(['x'*10**6]*100)) < 2000 and '1,000,002 characters' in join_some(['x'*10**6])
    for i in range(9): (tmp_path/f'{i}{"x"*230}').touch()
    (tmp_path/'\x1b[2J').touch()
    assert len(list_names(tmp_path)) < 2500 and '\x1b' not in list_names(tmp_path, 99)


@pytest.mark.parametrize('name', ['$5', '$x^$', '$\\input{x}$', '$a$b$', '\\$x$y', 'a\ud800', '\x00', '_{', '$$', '%'])
def test_matplotlib_draws_the_name(name):
    show_images(torch.zeros(1, 3, 4, 4), [name])
    title, figure = plt.gcf().axes[0].title, plt.gcf()
    figure.canvas.draw()                  # where a formula would be parsed, and fail
    text, is_formula = title._preprocess_math(title.get_text())
    assert not is_formula and text == printable(name) and in_figure('a\nb') == 'a\nb'


@pytest.mark.parametrize('about', [{'vocab': ['\ud800']}, {'\udbff': 1}, {'a': [{'b': 'x\udfff\ud800'}]},
    {'a': '\udc00'}])
def test_half_a_character_is_refused_where_a_file_is_written_and_read(about, tmp_path):
    with pytest.raises(ValueError, match='half a character'): write_tensors(tmp_path/'a', 'x-1', about, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('fastlearn.core.tensor_files._parsed', json.loads)  # as a stranger's program would write it
        write_tensors(tmp_path/'a', 'x-1', about, {'t': torch.zeros(1)})
    with pytest.raises(UnreadableFile, match='half a character'): read_tensors(tmp_path/'a', 'x-1')


def test_bytes_of_file_names_may_stay(tmp_path):
    write_tensors(tmp_path/'a', 'x-1', {'name': 'caf\udce9', 'cat': '猫🐈'}, {'t': torch.zeros(1)})
    assert read_tensors(tmp_path/'a', 'x-1')[0]['name'] == 'caf\udce9'


COMMAND = '\x1b]0;x\x07\x1b[31m'          # changes the title of a terminal, and its color
HOSTILE = {  # what a stranger's folder makes the library say
    'no image': lambda path: get_image_files(path),
    'a broken image': lambda path: open_image(path/f'{COMMAND}.jpg'),
    'the size of one': lambda path: upright_size(path/f'{COMMAND}.jpg'),
    'one class': lambda path: find_label_folder(path, [path/COMMAND/'1.jpg', path/COMMAND/'2.jpg']),
    'no class folder': lambda path: find_label_folder(path, [path/'a'/'1.jpg', path/f'{COMMAND}.jpg'])(
        path/f'{COMMAND}.jpg'),
    'a pattern': lambda path: label_files([path/f'{COMMAND}.jpg'], RegexLabeller(r'(\d{9})')),
    'no label': lambda path: label_files([path/f'{COMMAND}.jpg'], lambda file: None),
    'a wrong label': lambda path: LabelSpec('single', ('a', 'b')).encode_all(['c'], [path/f'{COMMAND}.jpg']),
    'another model': lambda path: load_learner(path/'none'),
    'a change': lambda path: Change(path/COMMAND, 'a', 'other'),
    'no such set': lambda path: clear_cache('none', path),
    'weights': lambda path: read_weights(path/f'{COMMAND}.safetensors'),
}


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such names')
@pytest.mark.parametrize('case', HOSTILE)
def test_no_name_in_an_error_is_a_command_to_the_terminal(case, tmp_path):
    "Python prints the words of an error as they are. Tried too: what training prints when an image cannot be read"
    (tmp_path/COMMAND).mkdir()
    for name in f'{COMMAND}.safetensors', f'a.{COMMAND}', f'{COMMAND}/.fastlearn': (tmp_path/name).write_text('1')
    if case != 'no image': (tmp_path/f'{COMMAND}.jpg').write_text('1')
    with pytest.raises((ValueError, OSError)) as caught: HOSTILE[case](tmp_path)
    assert '\x1b' not in str(caught.value) and r'\x1b]0;x\x07' in str(caught.value)
