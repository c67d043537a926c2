"""Notebooks that run where fastlearn is not installed: `python tools/colab.py FOLDER` writes them, for Colab.

Each begins with a cell that installs fastlearn if it is missing: from the folder of the project if one lies beside the
notebook, from the package index if the name there is ours, else from the address in settings.ini. Without an address
there is nothing to install from, and the cell says so. On a machine that has fastlearn the cell does nothing.
"""
import argparse, json, re, sys
from configparser import SectionProxy
from pathlib import Path

from addresses import ROOT, settings

CELL = """# This cell installs fastlearn, once for each session. Where fastlearn is installed it does nothing.
import importlib.util, pathlib, sys
if importlib.util.find_spec('fastlearn') is None:
    source = './fastlearn' if pathlib.Path('fastlearn/settings.ini').exists() else {source!r}
    assert source, 'copy the folder of the project beside this notebook, as ./fastlearn'
    %pip install -q "$source"
    importlib.invalidate_caches()
if 'google.colab' in sys.modules:          # widgets that Colab does not bring itself, such as the dashboard
    from google.colab import output
    output.enable_custom_widget_manager()"""


def install_source(cfg: SectionProxy) -> str:
    "What pip installs: a release, or the branch at the project's address; '' while neither is ours"
    if cfg['index'] == 'yes': return f"{cfg['lib_name']}=={cfg['version']}"
    return cfg['git_url'] and f"{cfg['lib_name']} @ git+{cfg['git_url']}@{cfg['branch']}"


def with_install_cell(notebook: dict, cfg: SectionProxy) -> dict:
    "A notebook without its hidden cells, the install cell below its title"
    shown = [cell for cell in notebook['cells'] if not re.match(r'#\| *hide', ''.join(cell['source']))]
    cell = {'cell_type': 'code', 'id': 'install-fastlearn', 'metadata': {}, 'outputs': [], 'execution_count': None,
            'source': CELL.format(source=install_source(cfg)).splitlines(keepends=True)}
    return notebook | {'cells': [*shown[:1], cell, *shown[1:]]}


def write_all(folder: Path, cfg: SectionProxy) -> list[Path]:
    "Write every notebook to the place below `folder` that it has in nbs/"
    written = []
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        out = folder/path.relative_to(ROOT/'nbs')
        out.parent.mkdir(parents=True, exist_ok=True)
        notebook = with_install_cell(json.loads(path.read_text(encoding='utf-8')), cfg)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + '\n'
        if not out.exists() or out.read_text(encoding='utf-8') != text: out.write_text(text, encoding='utf-8')
        written.append(out)
    return written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    print(f'{len(write_all(parser.parse_args().folder, settings()))} notebooks written')
    return 0


if __name__ == '__main__': sys.exit(main())
