"""Slides for a class, from tagged cells: `python tools/slides.py [NOTEBOOK...]`, or `make slides`; in _build/slides.

A cell with the tag `slide` begins a slide, and a cell with `slide-more` stands on the same one. Each notebook with such
cells becomes one page, which needs no network and no server: arrow keys, Space, Home and End, a click or a swipe. Code
stands there with the outputs of the last run (tools/run_notebooks.py); what never ran has none.
"""
import html, json, os, re, sys
from pathlib import Path

from house import notebooks, ROOT

OUT, RUN = ROOT/'_build'/'slides', ROOT/'_build'/'notebooks'
TAGS = 'slide', 'slide-more'
STYLE = '''
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1b; --soft: #f3f4f6; --edge: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e8e8e8; --soft: #23272e; --edge: #56b4e9; } }
body { margin: 0; background: var(--back); color: var(--text); font: 22px/1.45 system-ui, sans-serif; }
section { display: none; box-sizing: border-box; min-height: 100vh; padding: 4vh 6vw 7vh; flex-direction: column;
          justify-content: center; max-width: 1300px; margin: auto; }
section.now { display: flex; }
h1 { font-size: 1.9em; line-height: 1.15; } h2 { font-size: 1.5em; }
blockquote { margin: .6em 0; padding: .3em 1em; border-left: 5px solid var(--edge); background: var(--soft); }
pre { font-size: 16px; line-height: 1.35; overflow-x: auto; padding: .6em .9em; margin: .4em 0;
      background: var(--soft); }
img { max-width: 100%; max-height: 60vh; } iframe { width: 100%; }
.asked { zoom: 1.4; }
.jp-RenderedImage img, .output_png img { background: #fff; padding: 6px; border-radius: 4px; }
table { border-collapse: collapse; font-size: 18px; } th, td { padding: .2em .7em; }
.jp-InputPrompt, .jp-OutputPrompt, .prompt, .anchor-link, .jp-Collapser { display: none; }
footer { position: fixed; bottom: 0; left: 0; right: 0; padding: .3em 1em; font-size: 15px; display: flex;
         justify-content: space-between; background: var(--back); }
footer a { color: inherit; }
@media print { section { display: flex; page-break-after: always; } footer { display: none; } }
'''
SCRIPT = '''
const slides = [...document.querySelectorAll('section')], count = document.getElementById('count');
let at = 0;
function show(number) {
  at = Math.max(0, Math.min(slides.length - 1, number));
  slides.forEach((one, i) => one.classList.toggle('now', i === at));
  count.textContent = `${at + 1} / ${slides.length}`;
  history.replaceState(null, '', `#${at + 1}`);
  scrollTo(0, 0);
}
const keys = { ArrowRight: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity, End: Infinity };
addEventListener('keydown', event => {
  if (!(event.key in keys) || event.target.closest('button, input, a, iframe')) return;
  event.preventDefault();
  show(at + keys[event.key]);
});
let touch = 0;
addEventListener('touchstart', event => { touch = event.touches[0].clientX; }, { passive: true });
addEventListener('touchend', event => {
  const moved = event.changedTouches[0].clientX - touch;
  if (Math.abs(moved) > 60) show(at - Math.sign(moved));
});
document.getElementById('back').addEventListener('click', () => show(at - 1));
document.getElementById('next').addEventListener('click', () => show(at + 1));
show((parseInt(location.hash.slice(1)) || 1) - 1);
'''


def tagged(notebook: Path) -> list[list[dict]]:
    "The slides of a notebook: the cells of each"
    slides = []
    for cell in json.loads(notebook.read_text(encoding='utf-8'))['cells']:
        tags = cell['metadata'].get('tags', [])
        if 'slide' in tags: slides.append([cell])
        elif 'slide-more' in tags:
            if not slides: raise SystemExit(f'{notebook}: cell {cell["id"]} has the tag slide-more before any slide')
            slides[-1].append(cell)
    return slides


def asked(cell: dict) -> str:
    "A cell with a question, as the question alone, since its code would give the answer away; '' for any other cell"
    from fastlearn.course.review import _question_of
    question = _question_of(''.join(cell['source'])) if cell['cell_type'] == 'code' else None
    return f'<div class="asked">{question._repr_mimebundle_()["text/html"]}</div>' if question else ''


def rendered(cell: dict) -> str:
    "A cell as HTML, with everything inside that it needs"
    import nbformat
    from nbconvert import HTMLExporter
    if question := asked(cell): return question
    exporter = HTMLExporter(template_name='basic', exclude_anchor_links=True, exclude_input_prompt=True,
                            exclude_output_prompt=True)
    notebook = {'cells': [cell], 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5}
    body, _ = exporter.from_notebook_node(nbformat.reads(json.dumps(notebook), as_version=4))
    return re.sub(r'(href=")(?!https?:|#)[^"]*\.ipynb[^"]*(")', r'\1#\2', body)  # notebooks are not beside it


def colors() -> str:
    "Of the code, in light and in dark"
    from pygments.formatters import HtmlFormatter
    light, dark = (HtmlFormatter(style=style).get_style_defs('.highlight') for style in ('default', 'github-dark'))
    plain = '.highlight { background: none !important; }'
    return f'{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n{plain}'


def deck(name: str, slides: list[list[dict]]) -> str:
    "One page"
    titles = [found[1] for cells in slides if (found := re.match(r'# (.*)', ''.join(cells[0]['source'])))]
    title = [*titles, name][0]
    body = '\n'.join(f'<section>{"".join(map(rendered, cells))}</section>' for cells in slides)
    return ('<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f'<title>{html.escape(title)}</title><style>{STYLE}{colors()}</style>{body}'
            f'<footer><span>{html.escape(title)}</span><span>'
            '<button id="back" aria-label="back">&larr;</button> '
            '<span id="count" role="status"></span> <button id="next" aria-label="next">&rarr;</button>'
            '</span></footer>'
            f'<script>{SCRIPT}</script></html>')


def executed(notebook: Path) -> Path:
    "The notebook with outputs, if it was run as it is now; else the notebook"
    run = RUN/notebook.relative_to(ROOT/'nbs')
    if not run.is_file(): return notebook
    def sources(path): return [c['source'] for c in json.loads(path.read_text(encoding='utf-8'))['cells']]
    return run if sources(run) == sources(notebook) else notebook


def main(names: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    made = []
    for notebook in [Path(name).resolve() for name in names] or notebooks(ROOT):
        if not (slides := tagged(notebook)): continue
        cells = {cell['id']: cell for cell in json.loads(executed(notebook).read_text(encoding='utf-8'))['cells']}
        slides = [[cells[cell['id']] for cell in one] for one in slides]
        made.append((notebook.stem, len(slides)))
        (OUT/f'{notebook.stem}.html').write_text(deck(notebook.stem, slides), encoding='utf-8')
        print(f'{os.path.relpath(OUT/notebook.stem)}.html: {len(slides)} slides', flush=True)
    rows = ''.join(f'<li><a href="{name}.html">{name}</a>, {n} slides</li>' for name, n in made)
    (OUT/'index.html').write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Slides</title>'
                                  f'<style>{STYLE}section{{display:block}}</style><section><h1>Slides</h1>'
                                  f'<ul>{rows}</ul></section></html>', encoding='utf-8')


if __name__ == '__main__': main(sys.argv[1:])
