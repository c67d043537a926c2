"After Sphinx: plain Markdown beside each page, llms.txt, and what no page needs is taken away"
import json
import re
from pathlib import Path

from addresses import settings
from colab import write_all

from processing.build import made_of
from processing.search import without_dead_anchors

NEEDLESS = '*.map', 'fa-*.woff2', '.buildinfo.bak'  # the icons are in site.css
FONTS = re.compile(r'@font-face\{[^}]*fontawesome[^}]*\}|(?:\.fa-[\w-]+,?)+\{--fa:"[^"]*"\}')  # and their letters
UNNAMED = '<summary><span class="toctree-toggle"'  # the theme's buttons beside the navigation
NAMED = '<summary aria-label="Pages of this part"><span class="toctree-toggle"'


def finish(site: Path, work: Path) -> list[str]:
    known = json.loads((work/'facts.json').read_text(encoding='utf-8'))
    for path in sorted((work/'plain').rglob('*.md')):
        out = site/path.relative_to(work/'plain').with_suffix('.html.md')
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(path.read_bytes())
    names = {path.relative_to(work/'plain').with_suffix('').as_posix() for path in (work/'plain').rglob('*.md')}
    for page in site.rglob('*.html'):
        text = page.read_text(encoding='utf-8')
        if UNNAMED in text: page.write_text(text.replace(UNNAMED, NAMED), encoding='utf-8')
        name = page.relative_to(site).with_suffix('').as_posix()
        if name not in names | {'search', '404'} and not name.startswith('_'): page.unlink()
    not_found = site/'404.html'
    not_found.write_text(with_whole_links(not_found.read_text(encoding='utf-8'), settings()['doc_baseurl']), 'utf-8')
    write_all(site/'notebooks', settings())
    for address, names in by_address(known).items(): (site/address).write_text(redirect(names), encoding='utf-8')
    without_dead_anchors(site/'_static'/'search-index.js', site)
    style = site/'_static'/'styles'/'pydata-sphinx-theme.css'
    style.write_text(FONTS.sub('', style.read_text(encoding='utf-8')), encoding='utf-8')
    (site/'llms.txt').write_text(llms(known), encoding='utf-8')
    for kind in NEEDLESS:
        for path in site.rglob(kind): path.unlink()
    (site/'made-of.txt').write_text(made_of(site.parent.parent), encoding='utf-8')
    return []


def with_whole_links(text: str, base: str) -> str:
    "A page that is shown at any address: its links begin at the root of the server, `base` is the folder of the site"
    root = f'/{base.strip("/")}/' if base.strip('/') else '/'
    text = re.sub(r'\b(href|src|action)="(?![\w+]+:|#|/)([^"]*)"', rf'\1="{root}\2"', text)
    return text.replace('data-content_root="./"', f'data-content_root="{root}"')


# --- the addresses that nbdev gives to names: training/learner.html#learner.fine_tune, without the number ---

def by_address(known: dict) -> dict[str, list[dict]]:
    found = {}
    for entry in known['names']:
        folder, slash, name = entry['page'].rpartition('/')
        address = folder + slash + re.sub(r'^\d+[a-zA-Z0-9]*_', '', name.lower()) + '.html'
        if not entry.get('inherited'): found.setdefault(address, []).append(entry)
    return found


def redirect(names: list[dict]) -> str:
    "A page that leads on to the chapter, and to the entry that was asked for"
    page = f"{names[0]['page'].rpartition('/')[2]}.html"
    # of a method nbdev knows the function, by its own name
    anchors = {entry['function'].lower(): entry['anchor'] for entry in names if entry['function']}
    anchors |= {entry['name'].lower(): entry['anchor'] for entry in names}
    script = (f"const anchors = {json.dumps(anchors)}, asked = decodeURIComponent(location.hash.slice(1));\n"
              f"location.replace('{page}' + (anchors[asked] ? '#' + anchors[asked] : ''));")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{names[0]["module"]}</title>'
            f'<link rel="canonical" href="{page}"><script>{script}</script><meta http-equiv="refresh" content="1; '
            f'url={page}"></head>\n<body><p>This chapter is at <a href="{page}">{page}</a>.</p></body></html>\n')


def llms(known: dict) -> str:
    "An overview for programs that read: https://llmstxt.org"
    titles, said = known['titles'], known['descriptions']
    on_path = list(known['path'])
    groups = {'Course': on_path, 'How-to': [n for n in titles if n.startswith('how-to/')],
              'Library': [n for n in titles if n in known['chapters'] and n not in on_path],
              'More': ['teach', 'api', 'terms', 'proofs', 'benchmarks', 'changelog', 'cite',
                       *(n for n in titles if n.startswith('lessons/') and n not in on_path)]}
    parts = ['# fastlearn', f'> {known["description"]}']
    for group, names in groups.items():
        lines = [f'- [{titles[name]}]({name}.html.md)' + (f': {said[name]}' if said[name] != titles[name] else '')
                 for name in names if name in titles]
        if lines: parts += [f'## {group}', '\n'.join(lines)]
    return '\n\n'.join(parts) + '\n'
