"""An executed notebook as a page: for Sphinx, and as plain Markdown.

Hidden cells go, markdown stays as it is, and what a cell exports is said twice: as an entry of the API, and as code
that unfolds.
"""
import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from processing.api import Entry
from processing.entries import directive, plain
from processing.outputs import Outputs, joined, merged, plain_outputs

OPEN = 12  # lines of code that stand unfolded on the page
FINE_TUNE = 'learn.fine_tune(1)'
READY = 'On this page the cells have been run already.'  # in place of how to run one
ANSI = re.compile(r'\x1B(?:[@-Z\\-_]|\[[0-?]*[ -/]*[@-~])')


class FailedCell(Exception):
    "A notebook stopped at an error, so there is nothing that could be shown"


@dataclass
class Source:
    "Where a page comes from"
    name: str                             # 'training/13_learner', 'lessons/01_your_first_model'
    path: Path                            # of the notebook, executed if it was
    entries: dict[str, list[Entry]]       # id of a cell -> what it exports
    classes: dict[str, str]               # class as the module calls it -> with its module
    about: str = ''                       # Markdown below the title
    after: str = ''                       # Markdown at the end
    places: dict[str, str] = field(default_factory=dict)  # mark in the text -> what stands there on the page
    run: str = ''                         # HTML below the cell that calls `fine_tune`: it runs in the page


@dataclass
class Page:
    cells: list[dict]
    plain: str


def visible_cells(path: Path) -> list[dict]:
    "The cells without the hidden ones, their directives read and taken out, by nbdev's processors"
    from execnb.nbio import read_nb
    from nbdev.process import NBProcessor
    from nbdev.processors import clean_magics, hide_, hide_line, populate_language
    processor = NBProcessor(nb=read_nb(path), procs=[populate_language, hide_line, clean_magics, hide_])
    processor.process()
    for cell in processor.nb.cells: cell['source'] = re.sub(r'^#\|.*\n?', '', joined(cell['source']), flags=re.M)
    return processor.nb.cells


def failure(cells: list[dict]) -> str:
    "What went wrong in the first cell that failed"
    for cell in cells:
        for output in cell.get('outputs', []):
            if output['output_type'] == 'error': return f"{output['ename']}: {output['evalue']}"
    return ''


def on_site(text: str) -> str:
    """Links between the folders nbs/ and docs/, which lie beside each other, as links from the root of the site; the
    pictures of dashboard and page go, since the site shows both themselves"""
    text = re.sub(r'!\[[^]]*\]\((?:\.\./)+docs/\w+\.png\)', '', text)
    text = re.sub(r'(?<!\S)(?! )[^\n.]*\bShift\+Enter\b[^\n.]*\.', READY, text)  # nothing can be run on the page
    return re.sub(r'\]\((?:\.\./)+(?:nbs|docs)/', '](/', text)


def is_imports(source: str) -> bool:
    try: nodes = ast.parse(source).body
    except SyntaxError: return False
    return bool(nodes) and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in nodes)


def folded(source: str, words: str, opened: bool) -> str:
    return (f'<details class="code"{" open" if opened else ""}><summary>{words}</summary>\n\n'
            f'```python\n{source}\n```\n\n</details>')


def code_words(source: str) -> str:
    lines = source.count('\n') + 1
    return f'Code, {lines} line{"s" if lines > 1 else ""}'


def mark(cell: dict, kind: str, source: str, outputs=()) -> dict:
    made = {'cell_type': kind, 'id': cell['id'], 'metadata': {}, 'source': source}
    return made | {'outputs': list(outputs), 'execution_count': None} if kind == 'code' else made


class Pager:
    "Makes the page of one notebook"
    def __init__(self, source: Source, outputs: Outputs):
        self.source, self.outputs, self.heading = source, outputs, ''
        self.cells, self.texts, self.imported = [], [], None

    def make(self) -> Page:
        cells = visible_cells(self.source.path)
        for number, cell in enumerate(cells):
            if cell['cell_type'] == 'markdown': self.markdown(cell)
            elif cell['cell_type'] == 'code': self.code(cell)
            if FINE_TUNE in cell['source'] and self.source.run:
                self.add_markdown('run', self.source.run, in_plain=False)
                self.source.run = ''          # once, below the first
            if not number and self.source.about: self.add_markdown('about', self.source.about, in_plain=False)
        if self.source.after: self.add_markdown('after', self.source.after, in_plain=False)
        return Page(self.cells, '\n\n'.join(text for text in self.texts if text.strip()) + '\n')

    def add_markdown(self, id: str, text: str, in_plain: bool = True) -> None:
        self.cells.append(mark({'id': id}, 'markdown', text))
        if in_plain: self.texts.append(text)

    def markdown(self, cell: dict) -> None:
        source = on_site(cell['source'])
        for mark_, text in self.source.places.items(): source = source.replace(mark_, text)
        if headings := re.findall(r'^#+ +(.+)$', source, re.M): self.heading = headings[-1]
        self.add_markdown(cell['id'], source)

    def code(self, cell: dict) -> None:
        source, directives = cell['source'].strip(), cell.directives_
        outputs = [] if 'output:' in directives and directives['output:'] == ['false'] else self.shown(cell)
        if source: self.texts.append(f'```python\n{source}\n```')
        if 'export' in directives or 'exporti' in directives: self.exported(cell, source)
        elif source and is_imports(source) and not outputs: self.imports(cell, source)
        elif source or outputs:
            self.cells.append(mark(cell, 'code', source, outputs))
            if not source or source.startswith('ask('):  # its code would give the answer away
                self.cells[-1]['metadata'] = {'tags': ['remove-input']}
        if text := plain_outputs(cell.get('outputs', [])): self.texts.append(f'```text\n{text}\n```')

    def exported(self, cell: dict, source: str) -> None:
        if is_imports(source): self.imports(cell, source); return
        entries = self.source.entries.get(cell['id'], [])
        opened = not (entries or 'exporti' in cell.directives_) or source.count('\n') < OPEN
        parts = [*(directive(entry, self.source.classes) for entry in entries),
                 folded(source, code_words(source), opened)]
        self.add_markdown(cell['id'], '\n\n'.join(parts), in_plain=False)
        self.texts += [plain(entry) for entry in entries]

    def imports(self, cell: dict, source: str) -> None:
        "Folded; those of neighboring cells together"
        if self.imported and self.cells[-1] is self.imported[0]:
            self.cells.pop()
            source = f'{self.imported[1]}\n\n{source}'
        self.add_markdown(cell['id'], folded(source, 'Imports', opened=False), in_plain=False)
        self.imported = self.cells[-1], source

    def shown(self, cell: dict) -> list[dict]:
        "The outputs in the form of the page"
        words = f'Figure made by the code above, in the section “{self.heading}”'
        outputs = [self.outputs.convert(output, words) for output in merged(cell.get('outputs', []))]
        for output in outputs:
            if output and output['output_type'] == 'stream': output['text'] = ANSI.sub('', joined(output['text']))
        return [output for output in outputs if output]


def write_page(page: Page, path: Path) -> None:
    "As a notebook, unless it holds the same already: Sphinx looks at the time of the file"
    kernel = {'display_name': 'python3', 'language': 'python', 'name': 'python3'}
    notebook = {'cells': page.cells, 'nbformat': 4, 'nbformat_minor': 5,
                'metadata': {'kernelspec': kernel, 'language_info': {'name': 'python'}}}
    write_changed(path, json.dumps(notebook, ensure_ascii=False))


def write_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding='utf-8') == text: return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
