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
    return '\n'.join(['| programs | you type | here |', '|---|---|---|',
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

You know fastai, or you read its book, and want to know what changes. Three things do: the import, which is
`from fastlearn.all import *` for all of fastai's; the file of an exported learner, which is `model.safetensors`; and
callbacks, whose place is taken by options of the learner. Names, argument order and defaults are fastai's otherwise.

Of the {of_first} code cells of chapters 1, 2, 5, 6 and 7 of the book that are about images, {first}
({first/of_first:.0%}) run as they stand, and of {of_all} in ten chapters and five notebooks of its course {all_}
({all_/of_all:.0%}). The other cells nearly all end with an error that says what to write instead, or that there is
nothing here for it: at the import, after the star import, as an argument, and as an attribute. This page is the table
that these errors quote. The first column says how many of 76 programs use a name: 61 of the community, 15 of fastai's
own.

## Names

{table(ways['names'])}

## Arguments

{table(ways['arguments'])}

## Attributes

{table(ways['attributes'])}

## Names that fastai hands on from other libraries

{table(ways['elsewhere'])}

## What has the same name and differs

| | |
|---|---|
{departures}

## The book's cells

`python tools/book.py FOLDER` counts them for notebooks that you have. Datasets become small ones, pretrained networks
`resnet10`, and images, batches and epochs small; cells that install, search or download are left out. A cell that does
not work is run once more as its error says. The rest are cells that need a variable which such a cell would have made,
so that Python knows no such name, and one that fails. Chapter 15 builds a network that compares two images, from parts
that are not here; part 3 of the course's series trains on the images of a single class, which is refused here.

| notebook | cells | work | say the way | the rest |
|---|---|---|---|---|
{chapters}
"""


if __name__ == '__main__': PAGE.write_text(render(), encoding='utf-8')
