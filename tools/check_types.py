"""Does a type checker find an error in the package, or in what the docs tell people to write? python tools/check_types.py

The programs are taken out of README.md, the how-to pages and the beginning of each lesson, and written to _build/types.
A reader's editor checks them in the same way: basedpyright is the engine of VS Code's and brings its own node with pip.
Its settings are in pyproject.toml. With names (`readme`, `package`, ...) only those are checked.
"""
import json, re, subprocess, sys
from collections import Counter
from pathlib import Path

from house import ROOT

PROGRAMS = ROOT/'_build'/'types'
BLOCK = re.compile(r'^```python\n(.*?)^```', re.M | re.S)
AFTER = '''
answer = learn.predict(dls.valid.items[0])
label, index, probabilities = answer
learn.export('model.safetensors')
load_learner('model.safetensors').predict(dls.valid.items[0])
learn.dashboard()
'''


def without_magics(code: str) -> str: return re.sub(r'^(\s*)[%!].*$', r'\1pass', code, flags=re.M)


def of_page(path: Path) -> str:
    "The Python of a page, from the first line to the last"
    return '\n'.join(without_magics(block) for block in BLOCK.findall(path.read_text(encoding='utf-8')))


def of_lesson(path: Path) -> str:
    "The cells of a lesson up to its first learner, and what can be done with it"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    taken = []
    for cell in cells:
        if cell['cell_type'] != 'code': continue
        taken.append(without_magics(''.join(cell['source'])))
        if 'vision_learner(' in taken[-1]: break
    code = '\n\n'.join(taken)
    return code + ('\n' + AFTER if re.search(r'^learn = ', code, re.M) and re.search(r'^dls = ', code, re.M) else '\n')


def six_lines(root: Path = ROOT) -> str:
    "The first program of README.md"
    return BLOCK.search((root/'README.md').read_text(encoding='utf-8'))[1]


def programs(root: Path = ROOT) -> dict[str, str]:
    "Name -> what a person would write"
    found = {'six_lines': six_lines(root) + AFTER, 'readme': of_page(root/'README.md')}
    for path in sorted((root/'docs'/'how-to').glob('*.md')):
        if code := of_page(path): found[f'how_to_{path.stem.replace("-", "_")}'] = code
    for path in sorted((root/'nbs'/'lessons').glob('*.ipynb')): found[f'lesson_{path.stem}'] = of_lesson(path)
    return found


def write_programs(names: list[str]) -> list[Path]:
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    for path in PROGRAMS.glob('*.py'): path.unlink()
    written = []
    for name, code in programs().items():
        if names and name not in names: continue
        written.append(PROGRAMS/f'{name}.py')
        written[-1].write_text(code, encoding='utf-8')
    return written


def errors_in(paths: list[Path]) -> list[dict]:
    "What the checker finds wrong: file, line, rule and message of each"
    command = [sys.executable, '-m', 'basedpyright', '--pythonpath', sys.executable, '--level', 'error', '--outputjson']
    done = subprocess.run([*command, *map(str, paths)], cwd=ROOT, capture_output=True, text=True, encoding='utf-8')
    try: said = json.loads(done.stdout)
    except json.JSONDecodeError: raise SystemExit(f'basedpyright stopped: {done.stdout}{done.stderr}') from None
    return [{'file': Path(one['file']).relative_to(ROOT).as_posix(), 'line': one['range']['start']['line'] + 1,
             'rule': one.get('rule', 'syntax'), 'message': one['message'].split('\n')[0].replace('\xa0', ' ')}
            for one in said['generalDiagnostics'] if one['severity'] == 'error']


def main(names: list[str]) -> int:
    paths = write_programs(names)
    if not names or 'package' in names: paths.append(ROOT/'fastlearn')
    if not paths: raise SystemExit(f'no program {names}; there are package, {", ".join(programs())}')
    found = errors_in(paths)
    for one in found: print(f"{one['file']}:{one['line']}: {one['message']} [{one['rule']}]")
    for rule, count in Counter(one['rule'] for one in found).most_common(): print(f'{count:5}  {rule}')
    print(f'types: {len(found)} errors in the package and {len(programs())} programs' if not names
          else f'types: {len(found)} errors')
    return bool(found)


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
