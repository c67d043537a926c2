"After Sphinx: plain Markdown beside each page, llms.txt, and what no page needs is taken away"
import json
from pathlib import Path

NEEDLESS = '*.map', '*.LICENSE.txt.map'


def finish(site: Path, work: Path) -> list[str]:
    known = json.loads((work/'facts.json').read_text(encoding='utf-8'))
    for path in sorted((work/'plain').rglob('*.md')):
        out = site/path.relative_to(work/'plain').with_suffix('.html.md')
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(path.read_bytes())
    names = {path.relative_to(work/'plain').with_suffix('').as_posix() for path in (work/'plain').rglob('*.md')}
    for page in site.rglob('*.html'):
        name = page.relative_to(site).with_suffix('').as_posix()
        if name not in names | {'search', 'genindex', 'py-modindex'} and not name.startswith('_'): page.unlink()
    (site/'llms.txt').write_text(llms(known), encoding='utf-8')
    for kind in NEEDLESS:
        for path in site.rglob(kind): path.unlink()
    return []


def llms(known: dict) -> str:
    "An overview for programs that read: https://llmstxt.org"
    titles, said = known['titles'], known['descriptions']
    on_path = list(known['path'])
    groups = {'Course': on_path, 'How-to': [n for n in titles if n.startswith('how-to/')],
              'Library': [n for n in titles if n[:1].isdigit() and n not in on_path],
              'More': ['api', 'glossary', 'benchmarks', 'changelog', *(n for n in titles if n.startswith('lessons/')
                                                                       and n not in on_path)]}
    parts = ['# fastlearn', f'> {known["description"]}']
    for group, names in groups.items():
        lines = [f'- [{titles[name]}]({name}.html.md)' + (f': {said[name]}' if said[name] != titles[name] else '')
                 for name in names if name in titles]
        if lines: parts += [f'## {group}', '\n'.join(lines)]
    return '\n\n'.join(parts) + '\n'
