"""The executed notebooks as plain web pages in _build/site: `python tools/docs.py`, or `make docs`.

Runs what has not run since it changed (tools/run_notebooks.py), then writes a page for each notebook, without its
hidden cells. The pages ask no other server for anything.
"""
import re, shutil, subprocess, sys
from pathlib import Path

import nbformat
from in_step import ROOT, notebooks
from run_notebooks import OUT

SITE = ROOT/'_build'/'site'
SERVED = 'require_js_url', 'jquery_url', 'mathjax_url', 'mermaid_js_url', 'widget_renderer_url'
NO_OTHER_SERVER = dict.fromkeys(SERVED, '')
NAVIGATION = '<nav style="font-family: sans-serif; max-width: 60em; margin: 1em auto">{links}</nav>'


def page(path: Path) -> str:
    from nbconvert import HTMLExporter
    notebook = nbformat.read(path, 4)
    notebook.cells = [cell for cell in notebook.cells if not re.search(r'^#\|\s*hide\b', cell.source, re.M)]
    for cell in notebook.cells: cell.source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M)
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True, **NO_OTHER_SERVER)
    return exporter.from_notebook_node(notebook)[0]


def main() -> int:
    if subprocess.run([sys.executable, ROOT/'tools'/'run_notebooks.py']).returncode: return 1
    shutil.rmtree(SITE, ignore_errors=True)
    names = [path.relative_to(ROOT/'nbs').with_suffix('') for path in notebooks()]
    names.sort(key=lambda name: (name.stem != 'index', 'lessons' not in name.parts, name))
    for name in names:
        up = '../'*(len(name.parts) - 1)
        links = ' · '.join(f'<a href="{up}{other.as_posix()}.html">{other.stem}</a>' for other in names)
        head, body, rest = re.split(r'(<body[^>]*>)', page((OUT/name).with_suffix('.ipynb')), maxsplit=1)
        out = (SITE/name).with_suffix('.html')
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(head + body + NAVIGATION.format(links=links) + rest, encoding='utf-8')
    print(f'{len(names)} pages in {SITE}')
    return 0


if __name__ == '__main__': sys.exit(main())
