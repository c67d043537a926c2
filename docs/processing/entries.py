"What the API says of a name: as a directive of Sphinx's Python domain, and as plain Markdown"
import ast
import re

from house import source_of
from processing.api import Entry, Module, shown_default

FENCE = ':'*3


def table_cell(text: str) -> str: return text.replace('|', '\\|').replace('\n', ' ')
def code(text: str) -> str: return f'`{text}`' if text else ''
def without_quotes(type: str) -> str: return re.sub(r"'(\w+)'", r'\1', type)


def parameter_rows(entry: Entry) -> list[tuple[str, str, str, str]]:
    "Name, type, default and comment: of all parameters if anything is said of one, and of the result"
    if entry.kind == 'data' or not any(one.comment for one in (*entry.parameters, entry.returns) if one): return []
    rows = [(code(p.name), code(without_quotes(p.type)), code(shown_default(p)), p.comment) for p in entry.parameters]
    if entry.returns and entry.returns.comment:
        rows.append(('*returns*', code(without_quotes(entry.returns.type)), '', entry.returns.comment))
    return rows


def parameter_table(entry: Entry) -> str:
    "A Markdown table; empty where nothing is to be said"
    if not (rows := parameter_rows(entry)): return ''
    titles = ('name', 'type', 'default', 'meaning') if any(row[2] for row in rows) else ('name', 'type', 'meaning')
    kept = [row if len(titles) == 4 else (*row[:2], row[3]) for row in rows]
    lines = [titles, ('---',)*len(titles), *(tuple(map(table_cell, row)) for row in kept)]
    return '\n'.join(f"| {' | '.join(line)} |" for line in lines)


# --- for Sphinx ---

def qualified(text: str, names: dict[str, str]) -> str:
    "A signature whose types are written with their module, so that each link goes to the right one of two namesakes"
    return re.sub(r"(?<![\w.'\"])'?([A-Z]\w+)'?(?![\w'\"])(?!=)", lambda found: names.get(found[1], found[1]), text)


def directive(entry: Entry, names: dict[str, str], depth: int = 0) -> str:
    "`names`: class as the module calls it -> with its module"
    fence = FENCE + ':'*(3 - depth)
    title, table = entry.name if depth == 0 else entry.short, parameter_table(entry)
    signature = without_types(entry) if table else entry.signature.removesuffix(' -> None')
    arguments, arrow, returned = signature.rpartition(' -> ') if ' -> ' in signature else (signature, '', '')
    if not table: arguments = qualified(arguments, names)
    signature = arguments + arrow + qualified(returned, names)
    lines = [f'{fence}{{py:{entry.kind}}} {title}{signature}',
             f':module: fastlearn.{entry.home or entry.module}', *(f':{flag}:' for flag in entry.flags)]
    if entry.kind == 'property' and entry.returns: lines.append(f':type: {qualified(entry.returns.type, names)}')
    said = entry.parameters[0] if entry.kind == 'data' else None
    if said and said.type: lines.append(f':type: {qualified(said.type, names)}')
    if said and said.default: lines.append(f':value: {said.default}')
    parts = ['\n'.join(lines), sentence(entry.doc), table,
             *(directive(member, names, depth + 1) for member in entry.members)]
    return '\n\n'.join(part for part in parts if part) + f'\n{fence}'


def without_types(entry: Entry) -> str:
    "The signature above a table, which has the types"
    if not entry.signature: return ''
    args = ast.parse(f'def f{entry.signature}: pass').body[0].args
    for arg in ast.walk(args):
        if isinstance(arg, ast.arg): arg.annotation = None
    returned = without_quotes(entry.returns.type) if entry.returns else ''
    return f'({ast.unparse(args)})' + (f' -> {returned}' if returned not in ('', 'None') else '')


def sentence(doc: str) -> str:
    "A docstring as Markdown; what looks like a tag stays text"
    return re.sub(r'<(?=\w)', r'\\<', doc)


def imported_names(tree: ast.Module, module: str, modules: dict[str, Module]) -> dict[str, str]:
    "The classes that a module can name, its own and the imported ones"
    own = {entry.name: entry.full_name for entry in modules[module].entries if entry.kind == 'class'}
    for node in tree.body:
        source = source_of(node, module) if isinstance(node, ast.ImportFrom) else None
        if source not in modules: continue
        there = {entry.name: entry.full_name for entry in modules[source].entries if entry.kind == 'class'}
        own |= {name.asname or name.name: there[name.name] for name in node.names if name.name in there}
    return own


# --- for reading without a browser ---

def plain(entry: Entry, level: int = 4) -> str:
    "An entry in Markdown"
    head = f"{'#'*level} `{entry.name}{entry.signature}`"
    if entry.kind == 'data':
        said = entry.parameters[0]
        head = f"{'#'*level} `{entry.name}`" + (f' = `{said.default}`' if said.default else '')
    parts = [head, entry.doc, parameter_table(entry), *(plain(member, level + 1) for member in entry.members)]
    return '\n\n'.join(part for part in parts if part)
