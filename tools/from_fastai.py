"""The docs page *From fastai*, from the table that errors quote: `python tools/from_fastai.py`.

The table is `fastlearn/core/from_fastai.txt`, the counts of the book's cells are what `python tools/book.py --write`
kept in docs/book.json.
"""
import json
from pathlib import Path

from fastlearn.core.signposts import read_ways, Way

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT/'docs/from_fastai.md'
FIRST = 'clean/01', 'clean/02', 'clean/05', 'clean/06', 'clean/07'  # what the introduction of the book uses


def shares(counts: dict[str, dict[str, int]]) -> tuple[int, int]:
    "How many cells work, and how many there are"
    return sum(row['works'] for row in counts.values()), sum(sum(row.values()) for row in counts.values())


def counted() -> tuple[tuple[int, int], tuple[int, int]]:
    "The shares of chapters 1, 2, 5, 6 and 7, and of all"
    counts = json.loads((ROOT/'docs/book.json').read_text(encoding='utf-8'))
    return shares({name: row for name, row in counts.items() if name.startswith(FIRST)}), shares(counts)


def code(text: str) -> str: return f'`{text}`'


def row(way: Way) -> str:
    names = ', '.join(code(name) for name in way.names)
    text = f'called {" or ".join(map(code, way.same))} here' if way.same else way.text.replace('{name}', way.names[0])
    return f'| {way.uses or ""} | {names} | {text.replace("|", chr(92) + "|")} |'


def table(ways: list[Way]) -> str:
    "Sorted by what people use"
    return '\n'.join(['| programs | you type | use here |', '|---|---|---|',
                      *(row(way) for way in sorted(ways, key=lambda way: -way.uses))])


def render() -> str:
    "The text of the page"
    ways, ((first, of_first), (all_, of_all)) = read_ways(), counted()
    departures = '\n'.join(f'| {" ".join(way.names)} | {way.text.replace("|", chr(92) + "|")} |'
                           for way in ways['departures'])
    counts = json.loads((ROOT/'docs/book.json').read_text(encoding='utf-8'))
    chapters = '\n'.join(f'| {name.rpartition("/")[2]} | {sum(row.values())} | {row["works"]} | {row["signpost"]} | '
                         f'{row["follows"] + row["fails"]} |' for name, row in counts.items())
    return f"""# From fastai

<!-- python tools/from_fastai.py writes this page from fastlearn/core/from_fastai.txt -->

You know fastai, or you have read its book, and want to know what changes. Three things change: the import, which is
always `from fastlearn.all import *`; the file of an exported learner, which is `model.safetensors`; and callbacks,
which are replaced by options of the learner. Otherwise, names, argument order, and defaults are the same as in fastai.

Of the {of_first} code cells about images in chapters 1, 2, 5, 6, and 7 of the book, {first} ({first/of_first:.0%})
run unchanged, and so do {all_} ({all_/of_all:.0%}) of the {of_all} cells in ten chapters of the book and five
notebooks of the fastai course. Nearly all other cells end with an error that says what to write instead, or that
fastlearn has no equivalent. This works for names that you import, names that you use after the star import,
arguments, and attributes. This page is the table that these errors quote. The first column says how many of 76
programs use a name: 61 from the community, 15 from fastai.

## Names

{table(ways['names'])}

## Arguments

{table(ways['arguments'])}

## Attributes

{table(ways['attributes'])}

## Names that fastai re-exports from other libraries

{table(ways['elsewhere'])}

## Same name, different behavior

| | |
|---|---|
{departures}

## The book's cells

`python tools/book.py FOLDER` counts the cells in notebooks that you have. It replaces the datasets with small ones and
the pretrained networks with `resnet10`, and it reduces the sizes of images and batches and the number of epochs. It
leaves out cells that install, search, or download. If a cell doesn't work, it is changed as its error message suggests
and run again. The last column counts the cells that need a variable from a failed cell, and the cells that fail by
themselves: one in chapter 18 unpacks a batch of `test_dl` into a single value, but the batch has two. Chapter 15 builds
a network that compares two images, but fastlearn passes a single tensor to a network; the error says how to stack two
images in it. Part 3 of the series in the fastai course trains on images of a single class, which fastlearn does not
allow.

| notebook | cells | work | error says what to use | other |
|---|---|---|---|---|
{chapters}
"""


if __name__ == '__main__': PAGE.write_text(render(), encoding='utf-8')
