"""What stands at the edge of every page: open in Colab, download, edit, report a problem, version, cite.

Everything that needs an address comes from the one in settings.ini and is left out while none is set. Colab opens the
notebooks of the branch `colab`, which begin with the cell of tools/colab.py; the workflow that publishes the site
writes that branch.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

COLAB, BRANCH = 'colab.research.google.com', 'colab'
SOURCES = {'terms': 'fastlearn/course/glossary.toml', 'benchmarks': 'docs/benchmarks.md', 'proofs': 'docs/proofs.md',
           'teach': 'docs/teach.md', 'changelog': 'CHANGELOG.md', 'cite': 'CITATION.cff'}


@dataclass(frozen=True)
class Link:
    text: str
    url: str                              # from the root of the site, or a whole address
    title: str                            # what it does, in a sentence
    download: bool = False


def source_of(page: str, notebooks: Mapping[str, str]) -> str:
    "The file that a person edits to change a page; '' if it is made of many"
    if page in notebooks: return notebooks[page]
    return f'docs/{page}.md' if page.startswith('how-to/') else SOURCES.get(page, '')


def on_github(cfg: Mapping[str, str]) -> str:
    "'owner/name' of the repository; '' if it has no address or lies elsewhere"
    address = urlsplit(cfg['git_url'])
    return address.path.strip('/').removesuffix('.git') if address.hostname == 'github' + '.com' else ''


def notebook_links(page: str, cfg: Mapping[str, str], notebooks: Mapping[str, str]) -> list[Link]:
    "Of a page that is a notebook of nbs/: run it elsewhere, or take it home"
    if not notebooks.get(page, '').startswith('nbs/'): return []
    found = [Link('Download notebook', f'notebooks/{page}.ipynb', 'Save this page as a notebook, to run it', True)]
    if repository := on_github(cfg):
        address = f'https://{COLAB}/github/{repository}/blob/{BRANCH}/{quote(page)}.ipynb'
        found.insert(0, Link('Open in Colab', address, 'Run this notebook on a machine of Google'))
    return found


def page_links(page: str, cfg: Mapping[str, str], notebooks: Mapping[str, str]) -> list[Link]:
    "Of every page: change it, say what is wrong with it, cite it"
    found, url = [], cfg['git_url'].rstrip('/')
    if url and (source := source_of(page, notebooks)):
        found.append(Link('Edit this page', f"{url}/edit/{cfg['branch']}/{source}", f'Change {source}'))
    if url:
        words = f'template=docs.yml&title={quote(f"{page}: ")}'
        found.append(Link('Report a problem', f'{url}/issues/new?{words}', 'Say what is wrong on this page'))
    return [*found, Link('Cite', 'cite.html', 'How to cite fastlearn')]


def cite_page(citation: Path) -> str:
    "The page made of CITATION.cff"
    import yaml
    said = yaml.safe_load(citation.read_text(encoding='utf-8'))
    authors = ' and '.join(f"{{{one['name']}}}" for one in said['authors'])
    names = ', '.join(one['name'] for one in said['authors'])
    year = str(said['date-released'])[:4] if 'date-released' in said else ''
    fields = {'title': f"{{{said['title']}}}", 'author': authors,
              'version': said['version'], 'year': year, 'url': said.get('url', '') or said.get('repository-code', ''),
              'note': f"Software, {said['license']} license"}
    width = max(map(len, fields))
    lines = ',\n'.join(f'  {key:{width}} = {{{value}}}' for key, value in fields.items() if value)
    when = f' ({year})' if year else ''
    return (f'# Cite {said["title"]}\n\n> {said["message"]}\n\nAs text:\n\n{names}{when}. *{said["title"]}*, '
            f'version {said["version"]}. {said["abstract"]}\n\nAs BibTeX:\n\n```bibtex\n@software{{{said["title"]},\n'
            f'{lines}\n}}\n```\n\nName the version: results of another one may differ. The [changelog](changelog.md) '
            'says what changed. If you use the ideas and not the code, cite the papers that each chapter names.\n')
