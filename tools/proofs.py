"""What the course claims and where a cell proves it: docs/proofs.md, written from the notebooks on the path.

    python tools/proofs.py            # lists the concepts that no cell proves; fails if there are any
    python tools/proofs.py write      # writes docs/proofs.md; `make export` does it

A cell proves a concept if it begins with these comments and asserts something:

    # proves: transfer
    # claim: what the assert checks, in words
    # control: what it is compared with
    # figure: id of the cell that shows it
"""
import ast, json, re, sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT/'docs'/'proofs.md'
CONCEPTS = ('architecture vs. model', 'parameters vs. activations', 'inputs vs. labels', 'loss vs. metric',
            'epoch, batch, step', 'training, validation, overfitting', 'test set', 'head', 'head first',
            'fit vs. fine_tune', 'transfer', 'dissimilar data', 'later layers move more', 'model as function',
            'first-layer filters, not a black box')
HEAD = '''# Claims and proofs

> The course says that you should train a random head first, that early layers need little change, and that a model is not its architecture. Where can you see the evidence?

Each row contains a claim that the course makes, the control that it is compared with, and the assert that checks the claim whenever the notebooks are run: in the tests of every commit, and when you run them. A claim says no more than its assert. The last column names the notebook and the id of the cell with the assert; *figure* is the id of the cell that shows the result.
'''  # noqa: E501


@dataclass(frozen=True)
class Proof:
    "A cell that asserts a claim"
    concept: str
    claim: str
    control: str
    figure: str                           # id of a cell of the same notebook
    asserts: tuple[str, ...]              # source
    notebook: str                         # from `nbs`, without .ipynb
    cell: str                             # id


def proofs_in(name: str, cells: list[dict]) -> Iterator[Proof]:
    "The proofs of one notebook; a ValueError for one that lacks something"
    ids = [cell['id'] for cell in cells]
    for cell in cells:
        source = ''.join(cell['source'])
        said = dict(re.findall(r'^# (proves|claim|control|figure): (.+)$', source, re.M))
        if 'proves' not in said or cell['cell_type'] != 'code': continue
        asserts = tuple(ast.unparse(line.test) for line in ast.walk(ast.parse(source)) if isinstance(line, ast.Assert))
        if missing := {'claim', 'control', 'figure'} - said.keys() | (set() if asserts else {'assert'}):
            raise ValueError(f'{name}, cell {cell["id"]} proves {said["proves"]!r} without {sorted(missing)}')
        if said['figure'] not in ids:
            raise ValueError(f'{name}, cell {cell["id"]}: there is no cell {said["figure"]} that could be its figure')
        yield Proof(said['proves'], said['claim'], said['control'], said['figure'], asserts, name, cell['id'])


def proofs() -> list[Proof]:
    "Those of all notebooks on the path, by concept"
    sys.path.insert(0, str(ROOT))
    from fastlearn.course.path import PATH
    found = []
    for name in (name for step in PATH for name in step.notebooks):
        cells = json.loads((ROOT/'nbs'/f'{name}.ipynb').read_text(encoding='utf-8'))['cells']
        found += proofs_in(name, cells)
    if unknown := {one.concept for one in found} - {*CONCEPTS}:
        raise ValueError(f'{sorted(unknown)}: expected one of {CONCEPTS}')
    return sorted(found, key=lambda one: CONCEPTS.index(one.concept))


def page(found: list[Proof]) -> str:
    "docs/proofs.md"
    def code(text): return '`' + text.replace('|', '\\|') + '`'
    rows = [(one.concept, one.claim, one.control, '<br>'.join(map(code, one.asserts)), f'`{one.figure}`',
             f'[{one.notebook}](/{one.notebook}.ipynb), `{one.cell}`') for one in found]
    table = [('concept', 'claim', 'control', 'assert', 'figure', 'cell'), ('---',)*6, *rows]
    return HEAD + '\n' + '\n'.join(f'| {" | ".join(row)} |' for row in table) + '\n'


def main() -> int:
    found = proofs()
    if 'write' in sys.argv: PAGE.write_text(page(found), encoding='utf-8', newline='\n')
    missing = [concept for concept in CONCEPTS if concept not in {one.concept for one in found}]
    print(*(f'nothing on the path proves: {concept}' for concept in missing), sep='\n', end='\n'*bool(missing))
    return bool(missing)


if __name__ == '__main__': sys.exit(main())
