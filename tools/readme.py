"""README.md from nbs/index.ipynb: `python tools/readme.py`.

Code and prose only, no outputs, so that the same notebook gives the same text on every machine. The notebook lies a
folder deeper, so links to files of the project change on the way. Where the notebook says `MAP`, README has the table
of folders and modules that tools/house.py makes of the files.
"""
import re
from pathlib import Path

import nbformat
from house import map_table, ROOT

MAP = '<!-- the map: tools/house.py -->'


def render(root: Path = ROOT) -> str:
    "The text of README.md as the index notebook has it now"
    from execnb.nbio import dict2nb
    from nbconvert import MarkdownExporter
    from nbdev.processors import FilterDefaults
    path = root/'nbs'/'index.ipynb'
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == 'code': cell.outputs = []
    processed = dict2nb(notebook)
    processed.path_ = path
    class Ours(FilterDefaults):  # changes it in place: hidden cells go, directives are read
        def base_procs(self): return [one for one in super().base_procs() if one.__name__ != 'add_links']  # to a site
    Ours()(processed)
    cells = [nbformat.v4.new_code_cell(re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M)) if cell.cell_type == 'code'
             else nbformat.v4.new_markdown_cell(cell.source) for cell in processed.cells if cell.cell_type != 'raw']
    clean = nbformat.v4.new_notebook(cells=cells, metadata={'language_info': {'name': 'python'}})
    text, _ = MarkdownExporter().from_notebook_node(clean)
    text = re.sub(r'\]\((?!\.\./|\w+:|#)(?=\S+\.ipynb)', '](nbs/', text).replace('](../', '](')
    if MAP not in text: raise ValueError(f'{path} has no place for the map; expected a cell with {MAP}')
    text = text.replace(MAP, map_table('nbs/', root))
    front = processed.frontmatter_
    return f"# {front['title']}\n\n> {front['description']}\n\n" + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'


if __name__ == '__main__': (ROOT/'README.md').write_text(render(), encoding='utf-8')
