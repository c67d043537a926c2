"""Types: is there an error in the package, or in what the docs tell people to write? python tools/check_types.py

The programs are taken out of README.md, the how-to pages and the lessons that open with the six lines, and written to
_build/types.
A reader's editor checks them in the same way: basedpyright is the engine of VS Code's and brings its own node with pip.
Its settings are in pyproject.toml. With names (`readme`, `package`, ...) only those are checked.
"""
import json, re, subprocess, sys
from collections import Counter
from pathlib import Path

from house import ROOT

PROGRAMS = ROOT/'_build'/'types'
BLOCK = re.compile(r'^```python\n(.*?)^```', re.M | re.S)
GIVEN = {  # what a page leaves to the reader, or what only another place has
    'how_to_elsewhere': '# pyright: reportMissingImports=false\n',  # google.colab
    'how_to_several_gpus': 'from fastlearn.all import *\nfrom torch import nn\nfrom torch.utils.data import Dataset\n'
                           'train_set, valid_set, classes, model = Dataset(), Dataset(), [\'a\'], nn.Module()\n',
}
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
    "The six lines of a lesson, and what can be done with the learner; nothing if it has none in one cell"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    code = [without_magics(''.join(cell['source'])) for cell in cells if cell['cell_type'] == 'code']
    star = [one for one in code if 'from fastlearn.all import *' in one]
    six = [one for one in code if re.search(r'^dls = ', one, re.M) and re.search(r'^learn = ', one, re.M)]
    return '\n\n'.join([star[0], six[0], AFTER.strip()]) + '\n' if star and six else ''


def six_lines(root: Path = ROOT) -> str:
    "The first program of README.md"
    return BLOCK.search((root/'README.md').read_text(encoding='utf-8'))[1]


def programs(root: Path = ROOT) -> dict[str, str]:
    "Name -> what a person would write"
    found = {'six_lines': six_lines(root) + AFTER, 'readme': of_page(root/'README.md')}
    for path in sorted((root/'docs'/'how-to').glob('*.md')):
        name = f'how_to_{path.stem.replace("-", "_")}'
        if code := of_page(path): found[name] = GIVEN.get(name, '') + code
    for path in sorted((root/'nbs'/'lessons').glob('*.ipynb')):
        if code := of_lesson(path): found[f'lesson_{path.stem}'] = code
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
