"""The public names of every module, read from its text: what they are called with, and what the comments say of it.

Nothing is imported, so reading all of them takes a second. A comment behind a parameter (a docment) is its description.
A class is often the table of contents of functions that stand in cells of their own, here or in another module:
`predict = predict`, `load = classmethod(load)`, `items = property(items)`. Such a method has its entry where the
function is explained.
"""
import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from house import source_of

MARK = re.compile(r'^# %% \S+ #(\S+)\s*$')  # nbdev's line above the code of each cell, with the cell's id
SHOWN = 60  # characters of a constant's value


@dataclass(frozen=True)
class Parameter:
    "What is handed in, or comes out"
    name: str
    type: str = ''
    default: str = ''
    comment: str = ''


@dataclass(frozen=True)
class Entry:
    "A public name"
    module: str                           # where its cell is, without the package: 'inference.predict'
    name: str                             # 'fit', or 'Learner.fit' wherever the function stands
    kind: str                             # of Sphinx's Python domain: 'function', 'class', 'method', 'property', ...
    line: int                             # in the module's file
    cell: str = ''                        # id of the notebook's cell
    doc: str = ''
    signature: str = ''                   # the brackets and what is in them, types left as in the text
    parameters: tuple[Parameter, ...] = ()
    returns: Parameter | None = None
    flags: tuple[str, ...] = ()           # options of the directive: 'classmethod', ...
    members: tuple['Entry', ...] = ()
    home: str = ''                        # module of the class, for a method whose function stands beside the class
    function: str = ''                    # its name where it stands, for the same
    bases: tuple[str, ...] = ()           # of a class, as its module calls them

    @property
    def full_name(self) -> str: return f'fastlearn.{self.home or self.module}.{self.name}'
    @property
    def short(self) -> str: return self.name.rpartition('.')[2]


@dataclass
class Module:
    "A module, and the entries of its public names in the order of the notebook"
    name: str                             # without the package: 'data.images'
    notebook: str = ''                    # 'training/13_learner'
    about: str = ''                       # its docstring
    public: list[str] = field(default_factory=list)  # __all__
    entries: list[Entry] = field(default_factory=list)

    def all_entries(self) -> Iterator[Entry]:
        for entry in self.entries: yield entry; yield from entry.members


def comments_of(text: str) -> dict[int, str]:
    "What is said behind the code, for each line"
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string.lstrip('# ').rstrip() for token in tokens if token.type == tokenize.COMMENT
            and token.line[:token.start[1]].strip()}


@dataclass(frozen=True)
class Contents:
    "A line of a class that names a function: `load = classmethod(load)`"
    owner: str                            # the class
    name: str                             # of the method
    function: str                         # as the module of the class calls it
    kind: str = 'method'
    flags: tuple[str, ...] = ()


class Reader:
    "The entries of one module's text"
    def __init__(self, module: str, text: str):
        self.module, self.text, self.comments = module, text, comments_of(text)
        self.cells, cell = [], ''
        for line in text.splitlines():
            if mark := MARK.match(line): cell = mark[1]
            self.cells.append(cell)
        self.tree = ast.parse(text)
        self.functions = {node.name: node for node in self.tree.body
                          if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}

    def read(self) -> Module:
        notebook = re.search(r'File to edit: \S*?nbs/(\S+)\.ipynb', self.text)
        found = Module(self.module, notebook[1] if notebook else '', ast.get_docstring(self.tree) or '')
        imported = {one.name for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) for one in node.names}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '__all__':
                found.public = [name for name in ast.literal_eval(node.value) if name not in imported]
        for node in self.tree.body: found.entries += self.entries(node, found.public)
        return found

    def entries(self, node: ast.stmt, public: list[str]) -> Iterator[Entry]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.name in public: yield self.function(node, node.name, 'function')
            case ast.ClassDef() if node.name in public: yield self.of_class(node)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                        if getattr(name, 'id', '') in public: yield self.constant(node, name.id)

    # --- functions ---

    def method(self, one: Contents, home: str) -> Entry:
        "Of a function that a class in the module `home` takes in"
        node = self.functions[one.function]
        name, skip = f'{one.owner}.{one.name}', 'staticmethod' not in one.flags
        made = self.function(node, name, one.kind, one.flags, skip)
        return replace(made, home=home, function=node.name)

    def function(self, node, name: str, kind: str, flags: tuple[str, ...] = (), skip: int = 0) -> Entry:
        rows = self.parameters(node, skip)
        args = strip_first(node.args, skip)
        returns = self.returned(node)
        signature = '' if kind == 'property' else f'({ast.unparse(args)})'
        if returns and kind != 'property' and returns.type: signature += f' -> {returns.type}'
        return Entry(self.module, name, kind, node.lineno, self.cells[node.lineno - 1], ast.get_docstring(node) or '',
                     signature, tuple(rows), returns, flags)

    def parameters(self, node, skip: int) -> Iterator[Parameter]:
        args = node.args
        plain = [*args.posonlyargs, *args.args]
        defaults = [None]*(len(plain) - len(args.defaults)) + list(args.defaults)
        pairs = [*zip(plain, defaults)][skip:]
        if args.vararg: pairs.append((args.vararg, None))
        pairs += zip(args.kwonlyargs, args.kw_defaults)
        ends = [max(a.end_lineno, d.end_lineno if d else 0) for a, d in pairs]
        for (arg, default), line, following in zip(pairs, ends, [*ends[1:], None]):
            stars = '*' if arg is args.vararg else ''
            said = self.comments.get(line, '') if line != following and line >= node.lineno else ''
            if line == node.body[0].lineno or line == self.last_line(node): said = ''  # the comment is the result's
            yield Parameter(stars + arg.arg, unparse(arg.annotation), unparse(default), said)
        if args.kwarg:
            to = next((unparse(d.args[0]) for d in node.decorator_list if decorator_name(d) == 'delegates'
                       and isinstance(d, ast.Call) and d.args), '')
            yield Parameter(f'**{args.kwarg.arg}', unparse(args.kwarg.annotation), '',
                            f'handed on to `{to}`' if to else self.comments.get(args.kwarg.lineno, ''))

    def last_line(self, node) -> int:
        "The line on which the head of the function ends"
        return node.returns.end_lineno if node.returns else 0

    def returned(self, node) -> Parameter | None:
        if not node.returns: return None
        return Parameter('', unparse(node.returns), '', self.comments.get(node.returns.end_lineno, ''))

    # --- classes and constants ---

    def of_class(self, node: ast.ClassDef) -> Entry:
        decorators = {decorator_name(d) for d in node.decorator_list}
        bases = [unparse(base) for base in node.bases]
        fields = [Parameter(one.target.id, unparse(one.annotation), unparse(one.value), self.comments.get(
            one.end_lineno, '')) for one in node.body if isinstance(one, ast.AnnAssign)
            and not one.target.id.startswith('__') and not unparse(one.annotation).startswith('ClassVar')]
        made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == '__init__'), None)
        if made:
            rows, signature = tuple(self.parameters(made, 1)), f'({ast.unparse(strip_first(made.args, 1))})'
        elif fields and ('dataclass' in decorators or 'NamedTuple' in bases):
            rows = tuple(one for one in fields if one.type != 'KW_ONLY' and not without_init(one.default))
            signature = f"({', '.join(map(field_text, [f for f in fields if not without_init(f.default)]))})"
        else: rows, signature = (*fields, *self.class_values(node)), ''
        doc = ast.get_docstring(node) or ''
        members = tuple(self.members(node))
        return Entry(self.module, node.name, 'class', node.lineno, self.cells[node.lineno - 1], doc, signature, rows,
                     members=members, bases=tuple(bases))

    def class_values(self, node: ast.ClassDef) -> Iterator[Parameter]:
        for one in node.body:
            if not isinstance(one, ast.Assign) or not isinstance(one.targets[0], ast.Name): continue
            if one.end_lineno in self.comments and not taken_in(one.value):
                yield Parameter(one.targets[0].id, '', unparse(one.value), self.comments[one.end_lineno])

    def members(self, node: ast.ClassDef) -> Iterator[Entry]:
        for one in node.body:
            if not isinstance(one, ast.FunctionDef) or one.name.startswith('_'): continue
            said = {decorator_name(d) for d in one.decorator_list}
            kind = 'property' if said & {'property', 'cached_property'} else 'method'
            flags = tuple(flag for flag in ('classmethod', 'staticmethod', 'abstractmethod') if flag in said)
            if not {'setter', 'overload'} & said:
                yield self.function(one, f'{node.name}.{one.name}', kind, flags, skip='staticmethod' not in said)

    def contents(self) -> Iterator[Contents]:
        "The functions that the classes of the module take in"
        for node in self.tree.body:
            for one in node.body if isinstance(node, ast.ClassDef) else ():
                for name, value in names_and_values(one):
                    if not name.startswith('_') and (said := taken_in(value)): yield Contents(node.name, name, *said)

    def origins(self) -> dict[str, tuple[str, str]]:
        "Name in this module -> module of the package and name there, for what it imports of it"
        found = {}
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.ImportFrom) or (source := source_of(node, self.module)) is None: continue
            for alias in node.names: found[alias.asname or alias.name] = source, alias.name
        return found

    def constant(self, node: ast.Assign | ast.AnnAssign, name: str) -> Entry:
        value = unparse(node.value)
        tuples = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
        if tuples and isinstance(node.value, ast.Tuple):
            value = unparse(node.value.elts[[t.id for t in node.targets[0].elts].index(name)])
        type = unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ''
        ends_alone = self.text.splitlines()[node.end_lineno - 1].lstrip().startswith(tuple(')]}'))
        listed = isinstance(node.value, (ast.Dict, ast.List, ast.Set, ast.Tuple)) and node.end_lineno > node.lineno
        last = '' if listed and not ends_alone else self.comments.get(node.end_lineno)  # it is of the last item
        said = last or self.comments.get(node.lineno, '')
        return Entry(self.module, name, 'data', node.lineno, self.cells[node.lineno - 1], said,
                     parameters=(Parameter(name, type, value if len(value) <= SHOWN else ''),))


def unparse(node) -> str: return ast.unparse(node).strip() if node else ''


def decorator_name(node) -> str:
    "'dataclass' for @dataclass and @dataclass(...)"
    node = node.func if isinstance(node, ast.Call) else node
    return unparse(node).rpartition('.')[2]


def strip_first(args: ast.arguments, skip: int) -> ast.arguments:
    "Without `self` or `cls`"
    return ast.arguments(args.posonlyargs, args.args[skip:], args.vararg, args.kwonlyargs, args.kw_defaults,
                         args.kwarg, args.defaults)


def without_init(default: str) -> bool: return 'init=False' in default


def field_text(one: Parameter) -> str:
    "A field of a dataclass, as its constructor takes it"
    if one.type == 'KW_ONLY': return '*'
    return f'{one.name}: {one.type}' + (f' = {default}' if (default := shown_default(one)) else '')


def shown_default(one: Parameter) -> str:
    "A default as one would write it in a call"
    if not (factory := re.match(r'field\(.*default_factory=([\w.]+)', one.default)): return one.default
    return {'list': '[]', 'dict': '{}', 'set': 'set()'}.get(factory[1], f'{factory[1]}()')


def names_and_values(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    "('fit', fit) and ('save', save) of `fit, save = fit, save`"
    if not isinstance(node, ast.Assign) or len(node.targets) > 1: return
    target, value = node.targets[0], node.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple): pairs = zip(target.elts, value.elts)
    for name, one in pairs:
        if isinstance(name, ast.Name): yield name.id, one


def taken_in(value: ast.expr) -> tuple[str, str, tuple[str, ...]] | None:
    "Function, kind and flags of `predict`, `classmethod(load)`, `property(items)`, `inference.predict`"
    match value:
        case ast.Name() | ast.Attribute(): return unparse(value), 'method', ()
        case ast.Call(func=ast.Name(id='property' | 'cached_property'), args=[first, *_]):
            return unparse(first), 'property', ()
        case ast.Call(func=ast.Name(id='named'), args=[first]): return taken_in(first)
        case ast.Call(func=ast.Name(id='classmethod' | 'staticmethod' as flag), args=[first]):
            found = taken_in(first)
            return (found[0], 'method', (flag,)) if found else None
    return None


# --- all of them ---

def read_package(folder: Path) -> dict[str, Module]:
    "Name -> module, for all that a notebook exports"
    readers = {}
    for path in sorted(folder.rglob('*.py')):
        name = path.relative_to(folder).with_suffix('').as_posix().replace('/', '.')
        text = path.read_text(encoding='utf-8')
        if 'AUTOGENERATED! DO NOT EDIT! File to edit' in text: readers[name] = Reader(name, text)
    return read_all(readers)


def read_all(readers: dict[str, Reader]) -> dict[str, Module]:
    "The methods that a class takes in have their entries in the module where the function stands"
    modules = {name: reader.read() for name, reader in readers.items()}
    for home, reader in readers.items():
        for one in reader.contents():
            if one.owner not in modules[home].public: continue
            if found := follow(readers, home, one.function):
                module, function = found
                modules[module].entries.append(readers[module].method(replace(one, function=function), home))
    for module in modules.values(): module.entries.sort(key=lambda entry: entry.line)
    return modules


def follow(readers: dict[str, Reader], module: str, name: str) -> tuple[str, str] | None:
    "The module in which a function stands that `module` calls `name`, and its name there; None if it is not a function"
    while module in readers:
        if name in readers[module].functions: return module, name
        owner, _, name_inside = name.rpartition('.')
        origins = readers[module].origins()
        # from ..inference import predict; `predict.predict`
        if owner in origins: module, name = '.'.join(filter(None, origins[owner])), name_inside
        elif name in origins: module, name = origins[name]
        else: return None
    return None


def without_entry(modules: dict[str, Module]) -> list[str]:
    "Public names that nothing was found for"
    return [f'fastlearn.{module.name}.{name}' for module in modules.values()
            for name in module.public if name not in {entry.name for entry in module.entries}]
