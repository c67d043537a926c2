"""Edit a notebook as plain text, keeping its cell ids.

    python tools/nb.py text nbs/training/02_losses.ipynb > losses.txt    # notebook -> text
    python tools/nb.py write losses.txt nbs/training/02_losses.ipynb     # text -> notebook, outputs dropped
    python tools/nb.py export nbs/training/02_losses.ipynb               # one notebook -> its module
    python tools/nb.py export                                            # all of them, and nbdev's index of names
    python tools/nb.py clean nbs/training/02_losses.ipynb                # outputs and traces of a run dropped

In the text a line `# %%` opens a code cell and `# %% [markdown]` a markdown cell; what follows is the cell, unchanged.
A cell that did not change, or changed a little, keeps its id and tags, so that a diff shows only what was edited.
"""
import difflib, hashlib, json, re, sys
from pathlib import Path

HEAD = re.compile(r'^# %%( \[markdown\])?\s*$')
METADATA = {'kernelspec': {'display_name': 'python3', 'language': 'python', 'name': 'python3'}}


def to_text(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    heads = {'markdown': '# %% [markdown]', 'code': '# %%'}
    return '\n'.join(f"{heads[c['cell_type']]}\n{''.join(c['source']).rstrip()}\n" for c in cells)


def parse(text: str) -> list[tuple[str, str]]:
    "(cell type, source) of every cell"
    cells = []
    for line in text.splitlines():
        if head := HEAD.match(line): cells.append(('markdown' if head[1] else 'code', []))
        elif cells: cells[-1][1].append(line)
        elif line.strip(): raise SystemExit(f'text before the first "# %%" line: {line!r}')
    return [(kind, '\n'.join(lines).strip('\n').rstrip()) for kind, lines in cells if ''.join(lines).strip()]


def likeness(a: tuple[str, str], b: tuple[str, str]) -> float:
    "0 to 1: how much of two cells is the same text; 0 for cells of two types"
    return difflib.SequenceMatcher(a=a[1], b=b[1]).ratio() if a[0] == b[0] else 0


def keep_ids(cells: list[tuple[str, str]], old: list[dict], name: str) -> list[str]:
    "An id for each cell: that of the old cell it came from, else one made from its text"
    before = [(c['cell_type'], ''.join(c['source'])) for c in old]
    ids, taken = [None]*len(cells), set()
    matcher = difflib.SequenceMatcher(a=before, b=cells, autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        left = list(range(a0, a1))
        for b in range(b0, b1):
            if tag == 'equal': best = left[0]
            else: best = max(left, key=lambda a: likeness(before[a], cells[b]), default=None)
            if best is None or likeness(before[best], cells[b]) <= .4: continue
            ids[b] = old[best]['id']
            taken.add(ids[b])
            left.remove(best)
    for b, (kind, source) in enumerate(cells):
        n = 0
        while ids[b] is None or (ids[b] in taken and ids.index(ids[b]) != b):
            ids[b] = hashlib.sha256(f'{name}|{kind}|{source}|{n}'.encode()).hexdigest()[:8]; n += 1
        taken.add(ids[b])
    return ids


def write(text: Path, notebook: Path) -> None:
    cells = parse(text.read_text(encoding='utf-8'))
    old = json.loads(notebook.read_text(encoding='utf-8'))['cells'] if notebook.exists() else []
    tags = {cell['id']: {'tags': found} for cell in old if (found := cell['metadata'].get('tags'))}
    out = []
    for (kind, source), id in zip(cells, keep_ids(cells, old, notebook.stem)):
        cell = {'cell_type': kind, 'id': id, 'metadata': tags.get(id, {}), 'source': source.splitlines(keepends=True)}
        out.append(cell)
    save(out, notebook)


def save(cells: list[dict], notebook: Path) -> None:
    for cell in cells:
        if cell['cell_type'] == 'code': cell |= {'execution_count': None, 'outputs': []}
    cells = [dict(sorted(cell.items())) for cell in cells]
    nb = {'cells': cells, 'metadata': METADATA, 'nbformat': 4, 'nbformat_minor': 5}
    notebook.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def clean(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    save([{**{k: c[k] for k in ('cell_type', 'id')}, 'source': c['source'],
           'metadata': {k: v for k, v in c['metadata'].items() if k == 'tags'}} for c in cells], notebook)


def main(args: list[str]) -> None:
    match args:
        case ['text', notebook]: print(to_text(Path(notebook)), end='')
        case ['write', text, notebook]: write(Path(text), Path(notebook))
        case ['clean', *notebooks]:
            for notebook in notebooks: clean(Path(notebook))
        case ['export']:
            from nbdev.doclinks import nbdev_export
            nbdev_export()
        case ['export', *notebooks]:
            from nbdev.export import nb_export
            for notebook in notebooks: nb_export(notebook)
        case _: raise SystemExit(__doc__)


if __name__ == '__main__': main(sys.argv[1:])
