"""How many lines a learner reads, and how many more the library has: python tools/exported_lines.py [--max N]

Counts the lines of exported cells that are neither blank nor directives, for each step of the course's path and for the
rest of the library. With --max the command fails if a chapter on the path exports more.
"""
import argparse, json, re, sys
from pathlib import Path

from house import notebooks, ROOT

EXPORTED = re.compile(r'^#\|\s*export(?:s|i)?\b', re.M)


def exported_lines(path: Path) -> int:
    "Count the exported lines of one notebook"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    code = [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']
    lines = [line for source in code if EXPORTED.search(source) for line in source.splitlines()]
    return sum(1 for line in lines if line.strip() and not line.startswith('#|'))


def counts(root: Path = ROOT) -> dict[str, int]:
    "Name of a notebook, as the path of the course calls it -> its exported lines; in reading order"
    return {path.relative_to(root/'nbs').with_suffix('').as_posix(): exported_lines(path) for path in notebooks(root)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--max', type=int, help='lines that a chapter on the path may export')
    most = parser.parse_args().max
    sys.path.insert(0, str(ROOT))
    from fastlearn.course.path import PATH
    found, together, long = counts(), 0, []
    for number, step in enumerate(PATH, 1):
        inside = {name: found.pop(name) for name in step.notebooks}
        print(f'{number:2} {step.title:38}{sum(inside.values()):6,}')
        for name, lines in inside.items():
            if lines: print(f'     {name:36}{lines:6,}')
            if most is not None and lines > most: long.append(f'{name} exports {lines} lines; expected at most {most}')
        together += sum(inside.values())
    print(f'{"the path of the course":41}{together:6,}')
    folders = {}
    for name, lines in found.items(): folders[name.rpartition('/')[0]] = folders.get(name.rpartition('/')[0], 0) + lines
    for folder, lines in folders.items():
        if lines: print(f'   other notebooks in {folder:18}{lines:6,}')
    print(f'{"all":41}{together + sum(found.values()):6,}', *long, sep='\n')
    return bool(long)


if __name__ == '__main__': sys.exit(main())
