"""What the site adds to Sphinx: links from names in backticks and from the first use of a term, formulas that browsers
draw themselves, and the order in which the course is read."""
import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from processing.links import notebook_links, page_links

WIDE = 'html_theme.sidebar_secondary.remove'  # what the theme asks for: no contents beside the page
LIVE_NAMES = {'learn': 'Learner', 'learner': 'Learner', 'dls': 'DataLoaders', 'history': 'History', 'hist': 'History'}
NOT_LINKED = (nodes.reference, nodes.title, nodes.literal, nodes.literal_block, nodes.raw, nodes.math, nodes.caption,
              nodes.emphasis, nodes.strong)


def facts(app) -> dict:
    "What tools/docs.py knows about names, terms and the path"
    if not hasattr(app, 'fastlearn_facts'):
        path = Path(app.confdir).parent/'_build'/'docs'/'facts.json'
        app.fastlearn_facts = json.loads(path.read_text(encoding='utf-8'))
    return app.fastlearn_facts


class Names:
    "Finds what a piece of code in a text names"
    def __init__(self, names: list[dict]):
        self.by_name = {}
        for entry in names:
            self.by_name.setdefault(entry['name'], []).append(entry)
            if '.' in entry['name']: self.by_name.setdefault('.' + entry['name'].split('.')[1], []).append(entry)

    def find(self, text: str, page: str) -> dict | None:
        "The one name that is meant; None where several could be, or none"
        found = re.fullmatch(r'(?:(\w+)\.)?(\w+)(?:\([^()]*\))?', text)
        if not found: return None
        owner, name = found[1], found[2]
        if owner: return self.one(f'{LIVE_NAMES.get(owner, owner)}.{name}', page) or self.one_of_module(owner, name)
        return self.one(name, page) or (self.one('.' + name, page) if len(name) > 5 else None)

    def one(self, name: str, page: str) -> dict | None:
        found = list({entry['anchor']: entry for entry in self.by_name.get(name, [])}.values())
        here = [entry for entry in found if entry['page'] == page]
        star = [entry for entry in found if entry['star']]
        return next((some[0] for some in (found, here, star) if len(some) == 1), None)

    def one_of_module(self, module: str, name: str) -> dict | None:
        return next((e for e in self.by_name.get(name, []) if module in (e['module'], e['module'].rpartition('.')[2])),
                    None)


class LinkNames(SphinxPostTransform):
    "`fine_tune` in a text leads to its entry"
    default_priority = 20

    def run(self, **kwargs) -> None:
        page, known = self.env.current_document.docname, facts(self.app)
        names = Names(known['names'])
        for literal in list(self.document.findall(nodes.literal)):
            if 'nolink' in literal.get('classes', ()): continue
            if any(isinstance(up, (nodes.reference, nodes.title)) for up in ancestors(literal)): continue
            if is_parameter(literal): continue
            if not (entry := names.find(literal.astext(), page)): continue
            if anchor_of(literal) == entry['anchor']: continue  # within its own entry
            link = make_refnode(self.app.builder, page, entry['page'], entry['anchor'], literal.deepcopy(),
                                entry['doc'])
            link['classes'].append('name')
            literal.replace_self(link)


def ancestors(node):
    while node := node.parent: yield node


def anchor_of(node) -> str:
    "Of the entry around it"
    for up in ancestors(node):
        if up.tagname == 'desc': return (up[0].get('ids') or [''])[0]
    return ''


def is_parameter(literal: nodes.literal) -> bool:
    "Whether it names a parameter, in the first column of an entry's table"
    cell = next((up for up in ancestors(literal) if isinstance(up, nodes.entry)), None)
    return cell is not None and cell.parent.index(cell) == 0 and bool(anchor_of(literal))


class LinkTerms(SphinxPostTransform):
    "The first use of a term on a page leads to the glossary"
    default_priority = 30

    def run(self, **kwargs) -> None:
        page, known = self.env.current_document.docname, facts(self.app)
        if page in known['without_terms']: return
        forms = {form: term for term in known['terms'] for form in term['forms']}
        if not forms: return
        longest = sorted(forms, key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest))})(?![\w-])")
        left = {term['name'] for term in known['terms']} - {t['name'] for t in known['terms'] if t['home'] == page}
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if any(isinstance(up, (nodes.title, nodes.table)) or up.tagname.startswith('desc')
                   or 'about' in up.get('classes', ()) for up in ancestors(paragraph)): continue
            for text in list(paragraph.findall(nodes.Text)):
                if any(isinstance(up, NOT_LINKED) for up in ancestors(text)): continue
                self.link(text, pattern, forms, left, page)

    def link(self, text: nodes.Text, pattern, forms: dict, left: set[str], page: str) -> None:
        parts, at = [], 0
        for found in pattern.finditer(text):
            term = forms[found[1]]
            if term['name'] not in left: continue
            left.discard(term['name'])
            parts.append(nodes.Text(text[at:found.start()]))
            link = make_refnode(self.app.builder, page, 'terms', term['anchor'], nodes.inline('', found[1]),
                                term['means'])
            link['classes'].append('term')
            parts.append(link)
            at = found.end()
        if parts: text.parent.replace(text, [*parts, nodes.Text(text[at:])])


# --- formulas ---

def mathml(text: str, display: str) -> str:
    from latex2mathml.converter import convert
    return convert(text, display=display)


def visit_inline(self, node) -> None:
    self.body.append(mathml(node.astext(), 'inline'))
    raise nodes.SkipNode


def visit_block(self, node) -> None:
    self.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


# --- the page around ---

def add_context(app, page: str, template: str, context: dict, doctree) -> None:
    "Neighbors on the path, a description, the plain text of the page, the picture for those who link to it"
    known = facts(app)
    for key, neighbor in zip(('prev', 'next'), known['path'].get(page, (None, None))):
        if neighbor: context[key] = {'link': app.builder.get_relative_uri(page, neighbor['page']),
                                      'title': html.escape(neighbor['title'])}
        elif page in known['path']: context[key] = None
    if page in known['wide']: context['meta'] = {**(context.get('meta') or {}), WIDE: 'true'}
    context['description'] = known['descriptions'].get(page, known['description'])
    context['plain'] = f'{page}.html.md' if page in known['descriptions'] else None
    context['notebook_links'] = notebook_links(page, app.config.page_settings, known['notebooks'])
    context['page_links'] = page_links(page, app.config.page_settings, known['notebooks'])
    base = app.config.html_baseurl  # '' while the site has no address
    context['shared_picture'] = base and f'{base}_static/shared.png'
    context['page_address'] = base and f'{base}{page}.html'


def source_of(app_facts: dict, base: str, info: dict) -> str | None:
    line = app_facts['lines'].get(f"{info['module']}.{info['fullname']}")
    return f'{base}/{line}' if base and line else None


def setup(app) -> dict:
    app.add_config_value('linkcode_base', '', 'html')
    app.add_config_value('page_settings', {}, 'html')
    app.add_config_value('facts_digest', '', 'html')
    app.add_html_math_renderer('mathml', (visit_inline, None), (visit_block, None))
    app.add_post_transform(LinkNames)
    app.add_post_transform(LinkTerms)
    app.connect('html-page-context', add_context)
    app.connect('config-inited', prepare)
    app.connect('builder-inited', own_search)
    app.connect('html-collect-pages', pages_of_templates)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}


def own_search(app) -> None:
    "No index of Sphinx's: docs/processing/search.py makes another one"
    app.builder.search = False


def pages_of_templates(app):
    "Name, context and template of the pages without a source"
    yield 'search', {}, 'search.html'
    yield '404', {}, '404.html'


def prepare(app, config) -> None:
    known = facts(app)
    config.linkcode_resolve = lambda domain, info: source_of(known, config.linkcode_base, info)
    config.facts_digest = known['digest']
