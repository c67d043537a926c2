"""The boxes that define a term, written from the glossary.

    python tools/boxes.py              # lists the boxes that differ from it
    python tools/boxes.py write        # writes them into the notebooks

A box is a line of a markdown cell that begins with `> **term**`. Its text is that of `fastlearn/course/glossary.toml`.
"""
import json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOX = re.compile(r'^> \*\*(.+?)\*\*.*$', re.M)


def as_defined(source: str, terms: dict) -> str:
    "The text of a cell, each box with the definition of the glossary; a term without an entry keeps its box"
    forms = {form.lower(): term for term in terms.values() for form in (term.name, *term.also)}
    def box(found):
        term = forms.get(found[1].lower())
        return f'> **{found[1]}** {term.means}' if term else found[0]
    return BOX.sub(box, source)


def other_boxes(path: Path, terms: dict, write: bool = False) -> list[str]:
    "The boxes of a notebook that differ from the glossary, after which they do not if `write`"
    notebook, found = json.loads(path.read_text(encoding='utf-8')), []
    for cell in notebook['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] != 'markdown' or (new := as_defined(source, terms)) == source: continue
        found += [old for old, now in zip(source.splitlines(), new.splitlines()) if old != now]
        cell['source'] = new.splitlines(keepends=True)
    if write and found:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + '\n', encoding='utf-8', newline='\n')
    return found


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from fastlearn.course.glossary import TERMS
    write, different = 'write' in sys.argv, 0
    for path in sorted((ROOT/'nbs').rglob('*.ipynb')):
        for line in other_boxes(path, TERMS, write):
            print(f'{path.relative_to(ROOT).as_posix()}: {line}')
            different += 1
    return 0 if write else bool(different)


if __name__ == '__main__': sys.exit(main())
