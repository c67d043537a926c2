"""What the site's search finds: the sections of every page, the terms of the glossary and the public names.

The ranking is in docs/static/search.js, the words that people type for what we call otherwise in docs/search.toml. Only
what the author of a page wrote is searched: no navigation, no printed output, and not the index of names.
"""
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from processing import pages

HERE = Path(__file__).resolve().parent
NOT_SEARCHED = 'api', 'terms', 'library', '404'  # lists of what is found at its own place
FENCE = re.compile(r'^(`{3,}|:{3,})[^\n]*\n(.*?)^\1[ \t]*$', re.M | re.S)
ALSO = re.compile(r'<!-- also: (.*?) -->', re.S)
HEADING = re.compile(r'^(#{1,4}) +(.+?) *$', re.M)


def search_words() -> dict:
    "The synonyms of words, and what people type when they mean a page"
    return tomllib.loads((HERE.parent/'search.toml').read_text(encoding='utf-8'))


def kind_of(page: str, path: list[str]) -> str:
    if page == 'how-to/errors': return 'errors'
    if page.startswith('how-to/') or page == 'teach': return 'how-to'
    if page in ('index', 'START'): return 'home'
    if page in path: return 'course'
    return 'library' if '/' in page else 'other'


def plain_text(text: str) -> str:
    "A piece of Markdown as it is read"
    text = re.sub(r'!\[[^]]*\]\([^)]*\)|<[^>]+>|\{[\w:-]+\}|^> ?|^\|?[ :|-]+\|$', ' ', text, flags=re.M)
    text = re.sub(r'\[([^]]+)\]\([^)]*\)', r'\1', text)
    return re.sub(r'\s+', ' ', re.sub(r'[|$]', ' ', re.sub(r'[*`]', '', text))).strip()


def anchor_of(title: str) -> str:
    "As docutils makes it of a heading"
    from docutils.nodes import make_id
    return make_id(plain_text(title))


def notebook_text(path: Path) -> str:
    "The Markdown of a notebook, its code between fences; hidden cells are left out"
    parts = []
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if re.search(r'^#\| *hide', source, re.M) or source.startswith('ask('): continue
        parts.append(source if cell['cell_type'] == 'markdown' else f'```python\n{source}\n```')
    return '\n\n'.join(parts)


def sections(text: str) -> Iterator[tuple[str, str, str, list[str]]]:
    "Heading, text, code, and other words for each section: those of a comment `<!-- also: nan loss, ... -->`"
    code_of = {}
    def take_out(found: re.Match) -> str:
        code_of[key := f'\x00{len(code_of)}\x00'] = found[2]
        return f'\n{key}\n'
    text = FENCE.sub(take_out, text)
    marks = list(HEADING.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None]):
        inside = text[mark.end():following.start() if following else len(text)]
        code = ' '.join(dict.fromkeys(word for key, block in code_of.items() if key in inside
                                      for word in re.findall(r'[A-Za-z_]\w{2,}', block)))
        also = [one.strip() for found in ALSO.findall(inside) for one in found.split(',')]
        yield mark[2], plain_text(re.sub('\x00\\d+\x00', ' ', inside)), code, also


def page_items(page: str, text: str, kind: str, extra: list[str]) -> Iterator[dict]:
    page_title = plain_text(pages.title_of(text))
    seen = set()
    for number, (title, said, code, also) in enumerate(sections(text)):
        anchor = anchor_of(title)
        item = {'page': page, 'title': plain_text(title), 'in': page_title if number else '', 'kind': kind,
                'anchor': '' if anchor in seen or not number else anchor, 'text': said, 'code': code}
        seen.add(anchor)
        if found := also + ([] if number else extra): item['also'] = found
        yield item


def search_items(site, others: dict[str, str], names: list[dict]) -> list[dict]:
    "Everything that can be found, in the order of the site"
    words, path = search_words()['pages'], [name for step in site.path for name in step.notebooks]
    texts = {name: notebook_text(file) for name, file in site.notebooks.items()}
    texts |= {name: text for name, text in others.items() if name not in NOT_SEARCHED}
    found = [item for page, text in texts.items()
             for item in page_items(page, text, kind_of(page, path), words.get(page, []))]
    for term in site.terms:
        found.append({'page': 'terms', 'title': term.name, 'in': '', 'kind': 'term', 'text': term.means, 'code': '',
                      'anchor': pages.anchor_of(term.name), 'also': list(term.also), 'home': term.home,
                      'home_title': plain_text(pages.title_of(site.first_cells[term.home]))})
    for one in names:
        if one.get('inherited'): continue
        found.append({'page': one['page'], 'title': one['name'], 'in': '', 'kind': 'name', 'code': '',
                      'anchor': one['anchor'], 'text': plain_text(one['doc'])})
    return found


def search_script(items: list[dict]) -> str:
    "A script and not JSON, since a page that was opened as a file may not fetch anything"
    said = json.dumps({'items': items, 'words': search_words()['words']}, ensure_ascii=False, separators=(',', ':'))
    return f'fastlearnSearch.take({said});\n'


def without_dead_anchors(script: Path, site: Path) -> None:
    "A section whose heading has another anchor on its page is found at the top of the page"
    head, data = 'fastlearnSearch.take(', script.read_text(encoding='utf-8')
    known = json.loads(data[len(head):data.rindex(')')])
    ids = {}
    for item in known['items']:
        if not item['anchor']: continue
        if item['page'] not in ids:
            ids[item['page']] = set(re.findall(r'\bid="([^"]+)"', (site/f'{item["page"]}.html').read_text('utf-8')))
        if item['anchor'] not in ids[item['page']]: item['anchor'] = ''
    script.write_text(f'{head}{json.dumps(known, ensure_ascii=False, separators=(",", ":"))});\n', encoding='utf-8')
