"The wrong answers that the graders of the course know by name, read from their code"
import ast
from collections.abc import Iterator
from pathlib import Path


def text_of(node: ast.expr) -> str:
    "The text that an expression stands for; '…' for what is computed"
    match node:
        case ast.Constant(value=str() as text): return text.replace('{answer}', '…')
        case ast.JoinedStr(values=parts): return ''.join(map(text_of, parts)).replace('{answer}', '…')
        case ast.BinOp(left=left, op=ast.Add(), right=right): return text_of(left) + text_of(right)
    return '…'


def named(tree: ast.AST) -> Iterator[tuple[str, str]]:
    "(name of a mistake, question back) in the order of the code"
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            found += [(key.lineno, text_of(key), text_of(value.elts[1])) for key, value in zip(node.keys, node.values)
                      if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple) and len(value.elts) == 2]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == 'Feedback':
            options = {one.arg: one.value for one in node.keywords}
            says, mistake = node.args[0] if node.args else options['says'], options.get('mistake')
            if isinstance(mistake, ast.Constant): found += [(node.lineno, text_of(mistake), text_of(says))]
    return ((name, says) for _, name, says in sorted(found))


def misconceptions(graders: Path) -> dict[str, list[tuple[str, str]]]:
    "Exercise -> its named mistakes, with the question that each one gets back"
    functions = {node.name: node for node in ast.parse(graders.read_text(encoding='utf-8')).body
                 if isinstance(node, ast.FunctionDef)}
    found = {}
    for node in functions.values():
        name = next((text_of(call.args[0]) for call in node.decorator_list
                     if isinstance(call, ast.Call) and ast.unparse(call.func) == 'exercise'), None)
        if name is None: continue
        called = {one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
        helpers = [functions[one] for one in sorted(called) if one in functions]
        found[name] = list(dict.fromkeys(pair for tree in (node, *helpers) for pair in named(tree)))
    return found


def misconceptions_table(graders: list[Path], steps: dict[str, str]) -> str:
    "As Markdown; `steps`: exercise -> a link to where it is asked"
    def cell(text): return text.replace('|', '\\|').replace('\n', ' ')
    rows = ['| exercise | step | mistake | the question back |', '|---|---|---|---|']
    found = {name: mistakes for file in graders for name, mistakes in misconceptions(file).items()}
    for name, mistakes in sorted(found.items(), key=lambda one: list(steps).index(one[0])):
        rows += [f'| {name if i == 0 else ""} | {steps[name] if i == 0 else ""} | {cell(mistake)} | {cell(says)} |'
                 for i, (mistake, says) in enumerate(mistakes)]
    return '\n'.join(rows)
