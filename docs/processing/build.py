"Everything that Sphinx reads, written to _build/docs: pages, shared files, and the facts that link them"
import ast
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from house import map_table, notebooks
from readme import MAP

from processing import pages
from processing.api import Module, read_package, without_entry
from processing.entries import imported_names
from processing.misconceptions import misconceptions_table
from processing.notebooks import Pager, Source, failure, on_site, visible_cells, write_changed, write_page
from processing.outputs import Outputs, Store
from processing.pictures import shared_picture
from processing.search import search_items, search_script
from processing.engine import run_place, write_engine
from processing.links import cite_page

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent


@dataclass
class Site:
    "What is known before the first page is made"
    root: Path
    work: Path
    draft: bool

    def __post_init__(self):
        self.modules: dict[str, Module] = read_package(self.root/'fastlearn')
        self.page_of = {module.name: module.notebook for module in self.modules.values()}
        self.module_of = {notebook: name for name, notebook in self.page_of.items()}
        self.notebooks = self.find_notebooks()
        self.first_cells = {name: first_cell(path) for name, path in self.notebooks.items()}
        self.chapters = {name: text for name, text in self.first_cells.items()
                         if name.rpartition('/')[0] not in ('', 'lessons')}
        self.path, self.terms = self.read_course()
        self.star = star_names(self.root/'fastlearn'/'all.py')

    def find_notebooks(self) -> dict[str, Path]:
        "Name of a page -> its notebook, without outputs; those of the docs have names of their own"
        named = {path.relative_to(self.root/'nbs').with_suffix('').as_posix(): path for path in notebooks(self.root)}
        return named | {path.stem: path for path in sorted(DOCS.glob('*.ipynb'))}

    def read_course(self) -> tuple[list, list]:
        from fastlearn.course.glossary import TERMS
        from fastlearn.course.path import PATH
        return list(PATH), [replace(term, home=term.home if term.home in self.notebooks else 'START')
                            for term in TERMS.values()]

    def file_of(self, module: str) -> Path: return module_file(self.root, module)

    def executed(self, name: str) -> Path:
        path = self.notebooks[name]
        inside = path.relative_to(self.root/'nbs' if path.is_relative_to(self.root/'nbs') else self.root)
        out = self.root/'_build'/'notebooks'/inside
        return out if out.exists() else path


def module_file(root: Path, module: str) -> Path: return root/'fastlearn'/f'{module.replace(".", "/")}.py'


def first_cell(path: Path) -> str:
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return next((''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown'), '')


def star_names(path: Path) -> dict[str, str]:
    "Name in fastlearn.all -> the module that it comes from"
    tree, found, wanted = ast.parse(path.read_text(encoding='utf-8')), {}, []
    for node in ast.walk(tree):  # torchvision's names are imported for type checkers only
        if isinstance(node, ast.ImportFrom): found |= {n.asname or n.name: node.module for n in node.names}
        elif isinstance(node, ast.Import): found |= {n.asname or n.name.split('.')[0]: n.name for n in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            wanted = ast.literal_eval(node.value)
    return {name: found.get(name, '') for name in wanted}


# --- the pages of notebooks ---

class Maker:
    "Makes the pages, and only those whose notebook, module or processing has changed"
    def __init__(self, site: Site):
        self.site, self.source = site, site.work/'source'
        self.record_file = site.work/'record.json'
        self.record = json.loads(self.record_file.read_text()) if self.record_file.exists() else {}
        code = b''.join(path.read_bytes() for path in sorted(HERE.glob('*.py')))
        self.code = hashlib.sha256(code).hexdigest()

    def key(self, name: str, about: str, after: str) -> str:
        module = self.site.module_of.get(name)
        text = self.site.executed(name).read_text(encoding='utf-8')
        parts = [self.code, about, after, map_table() if name == 'index' else '', run_place(name), text]
        if module: parts.append(self.site.file_of(module).read_text(encoding='utf-8'))
        # a method is a line of a class, maybe in another module
        if module: parts += [f'{entry.full_name} {entry.kind}' for entry in self.site.modules[module].entries]
        return hashlib.sha256('\0'.join(parts).encode()).hexdigest()

    def make(self, name: str) -> str:
        "One page; a text if a cell had failed"
        about, after = about_text(self.site, name), after_text(self.site, name)
        key, out = self.key(name, about, after), (self.source/name).with_suffix('.ipynb')
        known = self.record.get(name, {})
        files = [self.site.work/'static'/file for file in known.get('files', ())]
        if known.get('key') == key and out.exists() and all(file.exists() for file in files): return ''
        path = self.site.executed(name)
        if path == self.site.notebooks[name] and not self.site.draft: return f'{name} was not executed'
        if (said := failure(visible_cells(path))) and not self.site.draft: return f'{name}: {said}'
        store, exported = Store(self.site.work/'static'), self.exported(name)
        if (homeless := self.homeless(path, exported[0])) and not self.site.draft:
            return f'{name} was executed before it held {homeless[0]}'
        source = Source(name, path, *exported, about, after, {MAP: map_table('/')}, run_place(name))
        page = Pager(source, Outputs(store, '../'*name.count('/') + '_static/')).make()
        write_page(page, out)
        write_changed((self.site.work/'plain'/name).with_suffix('.md'), page.plain)
        self.record[name] = {'key': key, 'files': store.written}
        return ''

    def homeless(self, path: Path, entries: dict) -> list[str]:
        "Names whose cell the executed notebook does not have"
        cells = {cell['id'] for cell in json.loads(path.read_text(encoding='utf-8'))['cells']}
        return [entry.full_name for cell, found in entries.items() if cell not in cells for entry in found]

    def exported(self, name: str) -> tuple[dict, dict]:
        "What a notebook exports: its entries by cell, and the classes that it can name"
        if not (module := self.site.module_of.get(name)): return {}, {}
        entries = {}
        for entry in self.site.modules[module].entries: entries.setdefault(entry.cell, []).append(entry)
        text = self.site.file_of(module).read_text(encoding='utf-8')
        return entries, imported_names(ast.parse(text), module, self.site.modules)

    def make_all(self) -> list[str]:
        with ThreadPoolExecutor(2) as pool: said = list(pool.map(self.make, self.site.notebooks))
        self.record = {name: kept for name, kept in self.record.items() if name in self.site.notebooks}
        self.record_file.write_text(json.dumps(self.record, indent=1))
        self.forget()
        return [problem for problem in said if problem]

    def forget(self) -> None:
        "Remove files that no page needs any more"
        needed = {file for kept in self.record.values() for file in kept['files']}
        for kind in 'figures', 'live':
            for path in (self.site.work/'static'/kind).glob('*'):
                if f'{kind}/{path.name}' not in needed: path.unlink()


def steps_of(site: Site) -> dict[str, tuple[int, object]]:
    "Page -> number of the step of the course, and the step"
    return {name: (number, step) for number, step in enumerate(site.path, 1) for name in step.notebooks}


def about_text(site: Site, name: str) -> str:
    "Below the title: where one is"
    from fastlearn.course.path import step_minutes
    if name == 'START': return START
    if name == 'index': return CHOICES
    parts = []
    if module := site.module_of.get(name):
        parts.append(f'[`fastlearn.{module}`](#{pages.module_anchor(module)})')
    if found := steps_of(site).get(name):
        number, step = found
        parts.append(f'step {number} of {len(site.path)} of [the course](/START.ipynb): {step.title}, '
                     f'about {step_minutes(step, site.root/"nbs")} minutes')
    notebook = site.notebooks[name].relative_to(site.root).as_posix()
    if name != 'gallery': parts.append(f'[{notebook}]({repository()}/{notebook})' if repository() else f'`{notebook}`')
    return ':::{container} about\n' + ' · '.join(parts) + '\n:::' if parts else ''


def repository() -> str:
    "Where the files of the project can be read; '' while it has no address"
    from configparser import ConfigParser
    settings = ConfigParser(delimiters=['='])
    settings.read(DOCS.parent/'settings.ini', encoding='utf-8')
    url = settings['DEFAULT']['git_url']
    return url and f"{url}/blob/{settings['DEFAULT']['branch']}"


START = (':::{note}\nThis is the notebook that `make lab` opens. On the site its cells have already been run: the '
         'links in the table lead to the pages, dashboards play and explorers move. Tasks and your own pictures need '
         'Python.\n:::')


CHOICES = ('<ul class="choices"><li><a href="START.html">Begin the course</a></li><li><a href="teach.html">Teach it '
           'your pictures</a></li><li><a href="gallery.html">See runs and pictures</a></li><li>'
           '<a href="how-to/index.html">Use it</a></li><li><a href="library.html">Read the '
           'library</a></li></ul>')


def after_text(site: Site, name: str) -> str:
    "At the end: what the page holds in the navigation"
    if name == 'START':
        steps = [f'{number} {step.title} <{step.notebooks[0]}>' for number, step in enumerate(site.path, 1)]
        on_path = {one for step in site.path for one in step.notebooks}
        more = [one for one in site.notebooks if one.startswith('lessons/') and one not in on_path]
        return pages.toctree([*steps, *more])
    if name == 'index':
        learn = ['Course <START>', 'teach', 'how-to/index', 'from_fastai', 'gallery', 'teachers']
        return '\n\n'.join([pages.toctree(learn, 'Learn'),
                            pages.toctree(['library', 'api', 'terms', 'proofs', 'benchmarks', 'changelog', 'cite'],
                                          'Look up')])
    return ''


# --- everything else ---

def write_others(site: Site) -> dict[str, str]:
    "Make the pages that do not come from notebooks: name -> text"
    titles = {name: pages.title_of(text) for name, text in site.first_cells.items()}
    texts = {'library': pages.library_page(site.chapters, site.modules),
             'api': pages.api_page(site.modules, site.star, site.page_of),
             'terms': pages.glossary_page(site.terms, titles),
             'benchmarks': (DOCS/'benchmarks.md').read_text(encoding='utf-8'),
             'proofs': (DOCS/'proofs.md').read_text(encoding='utf-8'),
             'teach': (DOCS/'teach.md').read_text(encoding='utf-8'),
             'from_fastai': (DOCS/'from_fastai.md').read_text(encoding='utf-8'),
             'teachers': teachers_page(site),
             'cite': cite_page(site.root/'CITATION.cff'),
             'changelog': (site.root/'CHANGELOG.md').read_text(encoding='utf-8')}
    for path in sorted(DOCS.glob('how-to/*.md')):
        texts[f'how-to/{path.stem}'] = on_site(path.read_text(encoding='utf-8'))
    for path in DOCS.glob('*.svg'): write_changed(site.work/'source'/path.name, path.read_text(encoding='utf-8'))
    for name, text in texts.items():
        write_changed(site.work/'source'/f'{name}.md', text)
        write_changed(site.work/'plain'/f'{name}.md', without_directives(text))
    return texts


def teachers_page(site: Site) -> str:
    "The plan, and the table of misconceptions that the graders know"
    from fastlearn.course.path import exercises_in
    steps = {exercise: f'[{number} {step.title}](/{name}.ipynb)' for number, step in enumerate(site.path, 1)
             for name in step.notebooks for exercise in exercises_in(site.notebooks[name])}
    table = misconceptions_table([site.file_of(f'course.{name}') for name in ('graders', 'things_to_make')], steps)
    return f'{(DOCS/"teachers.md").read_text(encoding="utf-8").rstrip()}\n\n{table}\n'


def without_directives(text: str) -> str:
    "For reading: no table of contents that only the site needs"
    return re.sub(r'^```\{toctree\}.*?^```\n?', '', text, flags=re.M | re.S)


def facts(site: Site, others: dict[str, str]) -> dict:
    "What docs/processing/extension.py needs"
    names, lines = [], {}
    for module in site.modules.values():
        for entry in module.all_entries():
            star = entry.name.split('.')[0] in site.star
            names.append({'name': entry.name, 'module': module.name, 'page': module.notebook, 'anchor': entry.full_name,
                          'star': star, 'doc': entry.doc.split('\n')[0], 'function': entry.function})
            lines[entry.full_name] = f'{module_file(Path(), module.name).as_posix()}#L{entry.line}'
    names += inherited(site.modules, names)
    terms = [{'name': term.name, 'anchor': pages.anchor_of(term.name), 'means': term.means, 'home': term.home,
              'forms': [form for form in (term.name, *term.also) if '_' not in form]} for term in site.terms]
    texts = site.first_cells | others
    descriptions = {name: pages.without_marks(pages.question_of(text)) or pages.title_of(text)
                    for name, text in texts.items()}
    titles = {name: pages.title_of(text) for name, text in texts.items()}
    known = {'names': names, 'terms': terms, 'lines': lines, 'path': neighbors(site), 'descriptions': descriptions,
             'description': descriptions['index'], 'titles': titles,
             'chapters': list(site.chapters), 'wide': ['index', 'gallery', 'teach', 'from_fastai'],
             'without_terms': ['index', 'gallery', 'teach', 'teachers', 'START', 'how-to/index', 'library', 'api',
                               'terms', 'proofs', 'benchmarks', 'changelog', 'cite', 'from_fastai'],
             'notebooks': {name: path.relative_to(site.root).as_posix() for name, path in site.notebooks.items()}}
    return known | {'digest': hashlib.sha256(json.dumps(known).encode()).hexdigest()}


def inherited(modules: dict[str, Module], names: list[dict]) -> list[dict]:
    "`Learner.fit` leads to the entry of `Trainer.fit`: each name that a class has of a base in the package"
    classes = {entry.name: entry for module in modules.values() for entry in module.entries if entry.kind == 'class'}
    members, found = {}, []
    def plain(entry): return [base for base in entry.bases if '.' not in base]  # nn.Module is another library's
    for one in names:
        owner, dot, name = one['name'].partition('.')
        if dot: members.setdefault(owner, {})[name] = one
    for name, entry in classes.items():
        known, bases = set(members.get(name, ())), plain(entry)
        while bases:
            base = bases.pop(0)
            if base not in classes: continue
            new = {member: one for member, one in members.get(base, {}).items() if member not in known}
            known |= set(new)
            found += [{**one, 'name': f'{name}.{member}', 'inherited': True} for member, one in new.items()]
            bases += plain(classes[base])
    return found


def neighbors(site: Site) -> dict[str, tuple]:
    "The page before and the page after, on the path"
    order = ['START', *(name for step in site.path for name in step.notebooks)]
    there = [{'page': name, 'title': pages.title_of(site.first_cells[name])} for name in order
             if name in site.notebooks]
    return {one['page']: (before, after) for before, one, after in zip([None, *there], there, [*there[1:], None])}


def away_with_the_old(site: Site, others: dict[str, str]) -> None:
    "Pages that no longer have a source"
    wanted = {*site.notebooks, *others}
    for folder, kinds in (('source', ('*.ipynb', '*.md')), ('plain', ('*.md',))):
        for kind in kinds:
            for path in (site.work/folder).rglob(kind):
                if path.relative_to(site.work/folder).with_suffix('').as_posix() not in wanted: path.unlink()


def made_of(root: Path) -> str:
    "A hash of the package and of what makes the site; tests of a site that has another one would say nothing"
    files = sorted([*(root/'fastlearn').rglob('*.py'), *HERE.glob('*.py')])
    return hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()


def prepare(root: Path, work: Path, draft: bool = False) -> list[str]:
    "Write all of it; what is wrong, if something is"
    work.mkdir(parents=True, exist_ok=True)
    site = Site(root, work, draft)
    if missing := without_entry(site.modules): return [f'{name} is in __all__, but has no entry' for name in missing]
    problems = Maker(site).make_all()
    if problems: return problems
    others = write_others(site)
    shared_picture(DOCS/'dashboard.png', 'fastlearn', pages.question_of(site.first_cells['index']),
                   work/'static'/'shared.png')
    write_engine(work/'static'/'engine')
    away_with_the_old(site, others)
    known = facts(site, others)
    write_changed(work/'static'/'search-index.js', search_script(search_items(site, others, known['names'])))
    write_changed(work/'facts.json', json.dumps(known))
    return []
