"""The house: its folders, the modules in them, the notebook of each, and who imports whom; all read from the files.

    python tools/house.py             # the picture
    python tools/house.py write       # the same into CONTRIBUTING.md; `make export` does it

README.md takes its map from here (tools/readme.py), the docs site its library page, tests/test_structure.py the rules.
The only list kept by hand is `MAY_IMPORT`, which says what each part of the house may import.
"""
import ast, json, re, sys, textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {  # a part of the house -> the parts it may import, apart from itself; from the ground up
    'core': (),
    'data/mini_pets': ('core',),
    'data': ('core',),
    'training': ('core', 'data'),                          # the files at the top: models, losses, the loop, the trainer
    'dashboard': ('core', 'data', 'training'),
    'interpret': ('core', 'data', 'training', 'dashboard'),
    'inference': ('core', 'data', 'training', 'dashboard'),
    'learner': ('core', 'data', 'training', 'dashboard', 'interpret', 'inference'),
    'course': ('core', 'data/mini_pets', 'data', 'training', 'dashboard', 'interpret', 'inference', 'learner'),
    'entrance': ('core', 'data', 'training', 'dashboard', 'interpret', 'inference', 'learner', 'course'),
}
SINGLE = {'learner': 'learner', 'all': 'entrance', 'cli': 'entrance'}  # files at the top that are a part of their own
PICTURE = re.compile(r'(<!-- picture of the house[^>]*-->\n)(.*?)(<!-- end of the picture -->)', re.S)
WIDTH, RULE = 86, 48  # characters of the picture and of the line between two floors


@dataclass(frozen=True)
class Room:
    "A module and the notebook that it comes from"
    module: str                           # without the package: 'data.images'
    notebook: str = ''                    # 'data/01_images'; '' for a file that is written by hand
    title: str = ''                       # the notebook's first heading
    question: str = ''                    # what stands below it

    @property
    def folder(self) -> str: return '/'.join(self.module.split('.')[:-1])
    @property
    def name(self) -> str: return self.module.rpartition('.')[2]
    @property
    def part(self) -> str: return part_of(self.module)


def part_of(module: str) -> str:
    "The part of the house in which a module lies: 'data' of 'data.images'"
    folder = module.rpartition('.')[0].replace('.', '/')
    return folder or SINGLE.get(module, 'training')


def notebooks(root: Path = ROOT) -> list[Path]:
    "Every notebook of the project, folder by folder, from the ground up"
    paths = [path for path in (root/'nbs').rglob('*.ipynb')
             if not any(part.startswith(('.', '_')) for part in path.relative_to(root).parts)]
    return sorted(paths, key=lambda path: reading_order(path.relative_to(root/'nbs').with_suffix('').as_posix()))


def reading_order(notebook: str) -> tuple:
    "Where 'data/01_images' comes: by folder from the ground up, then by number; what is in no part comes first"
    folder = notebook.rpartition('/')[0]
    floors = [part for part in MAY_IMPORT if part != 'data/mini_pets']
    floors.append('data/mini_pets')          # how the drawings were made: the last part of the book
    return floors.index(folder) if folder in floors else -1, notebook


def first_cell(cells: list[dict]) -> tuple[str, str]:
    "Title and question"
    text = next((''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown'), '')
    title = re.search(r'^# +(.+)$', text, re.M)
    question = ' '.join(line.lstrip('> ') for line in text.splitlines() if line.startswith('>'))
    return title[1].strip() if title else '', question


@cache
def rooms(root: Path = ROOT) -> tuple[Room, ...]:
    "Every module in the order of its notebook, then those written by hand"
    found = []
    for path in notebooks(root):
        cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        code = '\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code')
        if module := re.search(r'^#\|\s*default_exp\s+(\S+)', code, re.M):
            notebook = path.relative_to(root/'nbs').with_suffix('').as_posix()
            found.append(Room(module[1], notebook, *first_cell(cells)))
    known = {room.module for room in found}
    for path in sorted((root/'fastlearn').glob('*.py')):
        if path.stem not in known and not path.stem.startswith('_'): found.append(Room(path.stem))
    return tuple(found)


def folders(root: Path = ROOT) -> dict[str, str]:
    "Folder of the package ('' is the top) -> what its __init__.py says it is, in one line; from the ground up"
    paths = list((root/'fastlearn').rglob('__init__.py'))
    said = {path.parent.relative_to(root/'fastlearn').as_posix().strip('.'): first_line(path) for path in paths}
    return {name: said[name] for name in sorted(said, key=lambda name: reading_order(f'{name or "training"}/'))}


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or '').split('\n')[0]


# --- who imports whom ---

@dataclass(frozen=True)
class Import:
    "A module of the package that another one imports"
    module: str
    imported: str
    line: int


def imports(module: str, tree: ast.AST, known: set[str]) -> Iterator[Import]:
    "What a module of the package imports of it, apart from what only a type checker sees"
    def visit(node: ast.AST) -> Iterator[Import]:
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test): body = node.orelse
        else: body = ast.iter_child_nodes(node)
        for child in body:
            if isinstance(child, (ast.Import, ast.ImportFrom)):
                for name in imported(child, module, known): yield Import(module, name, child.lineno)
            else: yield from visit(child)
    yield from visit(tree)


def source_of(node: ast.ImportFrom, module: str) -> str | None:
    "The module that `from ... import` names, without the package; None where it lies outside"
    if not node.level:
        package, _, inside = (node.module or '').partition('.')
        return inside if package == 'fastlearn' else None
    above = module.split('.')[:-node.level]
    return '.'.join([*above, *((node.module or '').split('.') if node.module else [])])


def imported(node: ast.Import | ast.ImportFrom, module: str, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.startswith('fastlearn.'): yield alias.name.removeprefix('fastlearn.')
        return
    if (source := source_of(node, module)) is None: return
    for alias in node.names:
        inside = f'{source}.{alias.name}'.lstrip('.')
        if inside in known: yield inside          # from . import images
        elif source: yield source


def module_files(root: Path = ROOT) -> dict[str, Path]:
    "Module -> its file, of everything in the package"
    found = {path.relative_to(root/'fastlearn').with_suffix('').as_posix().replace('/', '.'): path
             for path in sorted((root/'fastlearn').rglob('*.py'))}
    return {name: path for name, path in found.items() if not name.rpartition('.')[2].startswith('_')}


@cache
def all_imports(root: Path = ROOT) -> tuple[Import, ...]:
    files = module_files(root)
    return tuple(one for module, path in files.items()
                 for one in imports(module, ast.parse(path.read_text(encoding='utf-8')), set(files)))


def against_the_rules(found: Iterable[Import]) -> list[str]:
    "Imports that go the wrong way, each with a sentence"
    wrong = [one for one in found
             if part_of(one.imported) not in (part_of(one.module), *MAY_IMPORT[part_of(one.module)])]
    return list(dict.fromkeys(
        f'{one.module}, line {one.line}, imports {one.imported}; {part_of(one.module)} may import '
        f'{", ".join([part_of(one.module), *MAY_IMPORT[part_of(one.module)]])}' for one in wrong))


# --- drawn ---

def picture(root: Path = ROOT) -> str:
    "A floor for each part; what stands higher imports what stands lower"
    modules = {part: [room.name for room in rooms(root) if room.part == part] for part in MAY_IMPORT}
    def cell(part: str, width: int) -> list[str]:
        "Its name, and its modules beside it, wrapped"
        if part == 'entrance': text, head = '  '.join(f'{name}.py' for name in modules[part]), ''
        elif part == 'learner': text, head = 'learner.py', ''
        elif part == 'training': text, head = '  '.join(f'{name}.py' for name in modules[part]), ''
        else: text, head = '  '.join(modules[part]), f'{part.rpartition("/")[2]}/'.ljust(11)
        lines = textwrap.wrap(text, width - len(head), break_on_hyphens=False) or ['']
        return [(head if not n else ' '*len(head)) + line for n, line in enumerate(lines)]
    inner, half = WIDTH, (WIDTH - 3)//2
    floors, seen = [], list(MAY_IMPORT)
    while seen:  # neighbors that may import the same, and not each other, share a floor
        part = seen.pop()
        if '/' in part: continue  # drawn inside the folder around it
        beside = [other for other in seen if MAY_IMPORT[other] == MAY_IMPORT[part] and '/' not in other]
        for other in beside: seen.remove(other)
        floors.append([*beside, part])
    rule = '-'*RULE
    lines = [rule]
    for floor in floors:
        if len(floor) == 1:
            rows = cell(floor[0], inner)
            for inside in (part for part in MAY_IMPORT if part.startswith(f'{floor[0]}/')):
                rows += [' '*11 + line for line in cell(inside, inner - 11)]
            lines += rows
        else:
            left, right = (cell(part, half) for part in floor)
            for row in range(max(len(left), len(right))):
                a, b = (side[row] if row < len(side) else '' for side in (left, right))
                lines.append(f'{a.ljust(half)} | {b}'.rstrip())
        lines.append(rule)
    return '\n'.join(lines)


def map_table(prefix: str = '', root: Path = ROOT) -> str:
    "The folders, one line each, with their modules; each module leads to its notebook, below `prefix`"
    rows = ['| folder | what it does | modules |', '|---|---|---|']
    for folder, said in folders(root).items():
        inside = [room for room in rooms(root) if room.folder == folder]
        names = ', '.join(f'[{room.name}]({prefix}{room.notebook}.ipynb)' if room.notebook else room.name
                          for room in inside)
        rows.append(f'| `{folder or "fastlearn"}/` | {said} | {names} |')
    return '\n'.join(rows)


def with_picture(text: str, root: Path = ROOT) -> str:
    "A page with the picture as it is now between its two marks"
    if not PICTURE.search(text): raise ValueError('the page has no place for the picture of the house')
    return PICTURE.sub(lambda found: f'{found[1]}```text\n{picture(root)}\n```\n{found[3]}', text)


def main(words: list[str]) -> None:
    page = ROOT/'CONTRIBUTING.md'
    if words == ['write']: page.write_text(with_picture(page.read_text(encoding='utf-8')), encoding='utf-8')
    elif words: raise SystemExit(__doc__)
    else: print(picture(), *against_the_rules(all_imports()), sep='\n')


if __name__ == '__main__': main(sys.argv[1:])
