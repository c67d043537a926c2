"The pages that do not come from notebooks: overviews, the index of names, the glossary"
import html
import re
from collections.abc import Iterable, Sequence
from os.path import commonprefix

from house import folders, picture, reading_order

from processing.api import Entry, Module
from processing.entries import without_types


def toctree(names: Iterable[str], caption: str = '', hidden: bool = True) -> str:
    "`names`: documents, or 'title <document>'"
    options = (':hidden:\n' if hidden else '') + (f':caption: {caption}\n' if caption else '')
    return f'```{{toctree}}\n{options}\n' + '\n'.join(names) + '\n```'


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ['---']*len(titles), *rows]
    return '\n'.join(f"| {' | '.join(map(table_text, line))} |" for line in lines)


def table_text(cell: object) -> str:
    "A number stays with its unit"
    return re.sub(r'(\d) (%|s|ms|GiB)$', '\\1\u00a0\\2', str(cell).replace('|', '\\|'))


def title_of(text: str) -> str:
    "The first heading of a page"
    found = re.search(r'^# +(.+)$', text, re.M)
    return found[1].strip() if found else ''


def question_of(text: str) -> str:
    "What stands below the title, as one line"
    found = re.search(r'^# +.+\n+((?:>.*\n?)+)', text, re.M)
    return ' '.join(line.lstrip('> ') for line in found[1].splitlines()) if found else ''


def number_of(name: str) -> str:
    "'17' of 'training/16_lr_finder'"
    return re.match(r'\d*[a-z]?(?=_)|', name.rpartition('/')[2])[0]


def numbered(name: str) -> str:
    "'training/17' of 'training/16_lr_finder': the numbers begin anew in each folder"
    return f'{name.rpartition("/")[0]}/{number_of(name)}'


# --- the library ---

def part_title(folder: str) -> str:
    "'Mini pets' of 'data/mini_pets'"
    return folder.rpartition('/')[2].replace('_', ' ').capitalize()


def parts_of(chapters: Iterable[str]) -> dict[str, list[str]]:
    "Folder of notebooks -> its chapters; a folder is a part of the library"
    found = {}
    for name in chapters: found.setdefault(name.rpartition('/')[0], []).append(name)
    return found


def library_page(chapters: dict[str, str], modules: dict[str, Module]) -> str:
    "`chapters`: name -> first cell, in reading order"
    of_notebook = {module.notebook: module for module in modules.values()}
    said = folders()
    parts = ['# Library', '> Every module is a notebook that begins with a question and answers it by hand, before it '
             'gives the answer a name. Which one answers yours?',
             'Modules higher in this diagram import modules that are lower, never the other way around. The entries '
             'of a chapter list the arguments of each name; the code unfolds below it.', f'```text\n{picture()}\n```']
    for folder, names in parts_of(chapters).items():
        items = ''.join(chapter_item(name, chapters[name], of_notebook.get(name)) for name in names)
        parts += [f'## {part_title(folder)}', said['' if folder == 'training' else folder],
                  f'<dl class="chapters">{items}</dl>']
    parts.append(toctree(f'{without_marks(title_of(text))} <{name}>' for name, text in chapters.items()))
    return '\n\n'.join(parts) + '\n'


def chapter_item(name: str, text: str, module: Module | None) -> str:
    "A chapter with its question"
    code = f' <code>{module.name}</code>' if module else ''
    title = html.escape(title_of(text))
    return (f'<dt><span class="number">{number_of(name)}</span><a href="{name}.html">{title}</a>{code}'
            f'</dt><dd>{html.escape(without_marks(question_of(text)))}</dd>')


def without_marks(text: str) -> str:
    "Markdown's stars, backticks and links out of a sentence"
    return re.sub(r'\[([^]]+)\]\([^)]*\)', r'\1', text).replace('*', '').replace('`', '')


# --- the index of names ---

def api_page(modules: dict[str, Module], star: dict[str, str], pages: dict[str, str]) -> str:
    "`star`: name in fastlearn.all -> where it comes from; `pages`: module -> page"
    parts = ['# API index', 'Every public name, module by module, in the order in which the notebooks need them. A '
             'name leads to its entry: signature, parameters with their shapes and units, and the code below. `*` '
             'marks what `from fastlearn.all import *` imports.', FILTER]
    for module in sorted(modules.values(), key=lambda module: reading_order(module.notebook)):
        items = ''.join(api_item(entry, pages[module.name], star) for entry in module.entries)
        parts += [f'({module_anchor(module.name)})=\n## fastlearn.{module.name}',
                  f'[{title_of_module(module, pages)}](/{pages[module.name]}.ipynb)', f'<ul class="names">{items}</ul>']
    others = {}
    for name, source in star.items():
        if not source.startswith('fastlearn.'): others.setdefault(source or 'fastlearn.all', []).append(name)
    parts.append('(module-all)=\n## fastlearn.all\n\nThe names for a notebook or the REPL. Besides those marked above, '
                 'it imports names from other packages:')
    parts.append(table(('from', 'names'), [(f'`{source}`', ', '.join(f'`{name}`' for name in names))
                                           for source, names in others.items()]))
    return '\n\n'.join(parts) + '\n'


FILTER = ('<label class="filter">Only names with <input type="search" id="filter-names" autocomplete="off"></label>'
          '<p id="filter-count" role="status"></p><script defer src="_static/names.js"></script>')


def title_of_module(module: Module, pages: dict[str, str]) -> str: return f'Chapter {numbered(pages[module.name])}'
def module_anchor(module: str) -> str: return f'module-{module.replace(".", "-")}'


def api_item(entry: Entry, page: str, star: dict[str, str]) -> str:
    mark = ' <abbr title="in fastlearn.all">*</abbr>' if entry.name in star else ''
    members = ''.join(api_item(member, page, {}) for member in entry.members)
    inside = f'<ul>{members}</ul>' if members else ''
    signature = f'<code class="signature">{html.escape(without_types(entry))}</code>'
    doc = re.sub(r'`([^`]+)`', r'<code>\1</code>', html.escape(entry.doc.split('\n')[0], quote=False))
    link = f'<a href="{page}.html#{entry.full_name}"><code>{entry.name}</code></a>'
    return (f'<li data-name="{entry.name.lower()}">{link}{signature}{mark} {doc}{inside}</li>')


# --- the glossary ---

def anchor_of(term: str) -> str: return 'term-' + re.sub(r'\W+', '-', term.lower())


def other_words(name: str, also: Sequence[str]) -> list[str]:
    "The other words for a term, without those that are another form of a word before them: heads, of head"
    kept = [name]
    for word in also:
        if not any(is_form(word.lower(), one.lower()) for one in kept): kept.append(word)
    return kept[1:]


def is_form(word: str, other: str) -> bool:
    "Whether two words differ in their ending only"
    same = len(commonprefix([word, other]))
    return word.count(' ') == other.count(' ') and same >= max(3, min(len(word), len(other)) - 2)


def glossary_page(terms: Iterable, titles: dict[str, str]) -> str:
    "A section for each term, so that a search for it finds its definition first"
    parts = ['# Glossary', 'The terms of the course. In a notebook, `explain(\'head\', learn)` also shows '
             'what the term is in your learner.']
    for term in sorted(terms, key=lambda term: term.name.lower()):
        others = other_words(term.name, term.also)
        forms = f' Also: {", ".join(others)}.' if others else ''
        parts.append(f'({anchor_of(term.name)})=\n## {term.name}\n\n{term.means}{forms} Shown in '
                     f'[{titles[term.home]}](/{term.home}.ipynb).')
    return '\n\n'.join(parts) + '\n'
