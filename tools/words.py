"""Wording that readers stumble over, and British spelling: python tools/words.py [PATH ...]

Reads what a person reads (markdown, docstrings, comments, texts in code, JavaScript, templates) and prints
`file:cell:line  found  -> write instead`; for spelling it also reads the names in Python code. A path limits it to a
file or folder. Code in backticks is skipped. `ALLOWED` lists the few right uses, each with its reason; the same check
runs in tests/test_words.py.
"""
import ast, fnmatch, io, json, re, sys, tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
READ = ('*.md', '.github/**/*', 'Makefile', 'nbs/**/*.ipynb', 'fastlearn/**/*.py', 'fastlearn/**/*.toml',
        'fastlearn/**/*.md', 'fastlearn/static/**/*', 'docs/**/*', 'tools/*', 'pretraining/*', 'benchmarks/*', '*.toml',
        '*.py')
TESTS = ('tests/**/*',)  # read only when a path asks for it: they quote what others write
SKIP = ('README.md', 'docs/vendor/*', 'tools/words.py', 'tests/test_words.py', 'pretraining/runs/*')
SUFFIXES = {'.ipynb', '.py', '.md', '.js', '.mjs', '.css', '.html', '.yml', '.yaml', '.toml', '.wat'}
RIGHT = (r'(?:longer|more|less|fewer|better|worse|larger|smaller|bigger|faster|slower|easier|harder|different|later'
         r'|earlier|sooner|such|use|need|doubt)')  # after "is no"

WORDS = {  # pattern -> what to write
    r'\bwhoever\b|\bwhomever\b|\bwho acts\b': 'you; the reader; the caller; the function',
    r'\bsomebody\b|\bnobody\b': 'you; the part that does it; the passive',
    rf'(?<!there )(?<!here )\b(?:is|are|was|were|be|being|been) no (?!{RIGHT}\b)[a-z]\w*':
        'is not a ...',
    r'\b(?:the|its|their|a) way back\b|\bway back\b': 'backward pass; during backward',
    r'\bby heart\b': 'memorize',
    r'\b(?:put|puts|putting|set|sets) aside\b': 'held out; validation set',
    r'(?<!long )\bas there\b(?! (?:is|are|was|were)\b)|(?<!long )\bas here\b': 'repeat the noun',
    r"\b(?:one|ones|some|none) of (?:its|their|your|his|our) own\b": 'its own ...',
    r'\ba training(?! (?:and|run|set|step|loop|image|loss|example|epoch|program|batch|job|curve|data|script|process'
    r'|procedure|session|algorithm|error|accuracy|time|cycle|plan|course|sample|picture|table|label|loader|phase|recipe|row|mode))'
    r'\b|\btrainings\b': 'a training run; training',
    r"\bclaim(?:s|ed)? of (?:a|the|its) model|\bmodel(?:'s)? claim(?:s|ed)?\b": 'confidence; predicted probability',
    r'\bdice\b': 'random; randomness',
    r'\bby chance\b|\bof chance\b|\bchance decides\b|\bleft to chance\b': 'at random; randomness',
    r'\blengths? of (?:the |its |a |all )?gradients?\b|\bgradient lengths?\b': 'gradient norm',
    r'\bno numbers?\b': 'NaN; not finite; not a number',
    r'\b(?:makes?|made|making) no sense\b': 'is invalid: ...',
    r'\bthe bends?\b': 'ReLU; the non-linearity',
    r'\brims?\b': 'border',
    r'\bfilms?\b': 'filter history',
    r'\bopinions?\b': 'prediction',
    r'\bthe story of\b|\bstory\b': 'run state; example; history',
    r'\ba look\b(?! at|-)': 'sample; see; inspect',
    r'\bno readable\b': 'cannot read image ...',
    r'\bwishes\b|\bwish\b': 'want; request',
    r'\bwhence\b|\bthence\b|\bthereof\b|\btherein\b|\bhence\b|\bthus\b': 'so; from which',
    r'\bnought\b|\baught\b|\bsuch as it is\b|\bat bottom\b|\bto wit\b': 'plain words',
    r'\baway with\b': 'remove; delete',
    r'\bsays? nothing of\b|\bknows? nothing of\b': 'does not say; does not know',
    r'\bthe processor\b|\bprocessors\b': 'the CPU',
}
SPELLING = {  # British, or the second spelling of a word -> the one spelling used here
    r'colour': 'color', r'\bgrey': 'gray', r'behaviour': 'behavior', r'favour': 'favor', r'honour': 'honor',
    r'labour': 'labor', r'neighbour': 'neighbor', r'\b(?:humour|rumour|vapour|harbour|flavour|odour)': '-or',
    r'centre\b|centres\b|centred': 'center', r'\b(?:milli|centi|kilo)?met(?:re|res)\b': 'meter',
    r'\bfib(?:re|res)\b|\btheatre|\bcalibre\b|\blitres?\b': '-er',
    r'(?:normal|general|memor|optim|initial|recogn|visual|organ|real|minim|maxim|summar|regular|standard|special|serial'
    r'|quant|random|emphas|critic|categor|vector|local|final|util|token|equal|stabil|synchron|parallel|symbol'
    r'|apolog|character|custom|priorit|author|penal|raster|binar|linear|factor|discret|item|neutral|central|familiar)'
    r'is(?:e|es|ed|ing|er|ers|ation|ations)\b': '-ize',
    r'\b(?:re)?analys(?:e|ed|es|ing)\b(?<!analyses)|\bcatalys(?:e|ed)|\bparalys(?:e|ed)': '-yze',
    r'labell(?:ed|ing|er)|modell(?:ed|ing|er)|cancell(?:ed|ing)|travell(?:ed|ing|er)|signall(?:ed|ing)'
    r'|levell(?:ed|ing)|total(?:led|ling)|channell(?:ed|ing)|fuell(?:ed|ing)|tunnell(?:ed|ing)': 'one l',
    r'\blicences?\b|\bdefence|\boffence|\bpretence': '-se', r'\bpractis(?:e|ed|es|ing)\b': 'practice',
    r'\bcheques?\b': 'check', r'\bprogrammes?\b': 'program', r'\bcatalogues?\b': 'catalog',
    r'\bjudgement': 'judgment', r'\backnowledgement': 'acknowledgment', r'\bartefact': 'artifact',
    r'\bsceptic': 'skeptic', r'\bmoulds?\b': 'mold', r'\bplough': 'plow', r'\btyres?\b': 'tire', r'\bageing\b': 'aging',
    r'\blearnt\b|\bspelt\b|\bburnt\b|\bdreamt\b|\bleant\b|\bspoilt\b': '-ed', r'\bwhilst\b': 'while',
    r'\bamongst\b': 'among', r'\btowards\b': 'toward', r'\bafterwards\b': 'afterward', r'\bcosy\b': 'cozy',
    r'\bfulfil\b|\benrol\b|\binstal\b|\bskilful': '-ll', r'\bper cent\b': 'percent', r'\bmaths\b': 'math',
    r'\baeroplane': 'airplane', r'\bjewell': 'jewel', r'\banti-?clockwise\b': 'counterclockwise',
    r'\bcounter-clockwise\b': 'counterclockwise', r'\bdata sets?\b': 'dataset',
    r'\bhyper-param': 'hyperparameter', r'\bover-?fit-': 'overfit', r'\bweb site': 'website',
    r'\be-mail': 'email', r'\bpre-train': 'pretrain', r'\bgr[ae]y-scale\b|\bgr[ae]y scale\b': 'grayscale',
    r'\bdata base': 'database', r'\bsub-(?:folder|class|set)': 'one word', r'\bfile-name': 'file name',
    r'\bback-prop': 'backprop', r'\bnon-zero\b': 'nonzero', r'\bsizeable\b|\bmoveable\b|\buseable\b': '-able',
}


class Passage(NamedTuple):
    "Text as a person reads it, and where it stands"
    path: str   # from the root of the project
    cell: str   # id of a notebook's cell, else ''
    line: int   # of the text's first line, in the cell or file
    kind: str   # 'text', or 'name' for a name in code
    text: str


class Hit(NamedTuple):
    "A wording to change"
    passage: Passage
    line: int
    found: str
    around: str   # on one line, up to 60 characters before and after
    instead: str

    def __str__(self) -> str:
        place = ':'.join(filter(None, [self.passage.path, self.passage.cell, str(self.line)]))
        return f'{place}  [{self.found}] -> {self.instead}\n      ... {self.around} ...'


class Allowed(NamedTuple):
    "A right use of a pattern"
    phrase: str   # part of the text around the hit
    place: str    # file name pattern
    reason: str


ALLOWED = (
    Allowed('Labeller', '*', "fastai's name of the function"),
    Allowed('visualise', 'docs/search.toml', 'what people type into the search'),
    Allowed("'nobody'", 'benchmarks/dashboard_cost.py', 'a key of the committed results'),
    Allowed('colours side by side', 'docs/processing/benchmarks.py', 'a key of the committed results'),
    Allowed('optimiser', 'docs/processing/benchmarks.py', 'a key of the committed results'),
    Allowed("nbdev's processors", 'docs/processing/notebooks.py', "nbdev's word for its functions"),
    Allowed('as if there had been no break', 'nbs/inference/03_saving.ipynb', '"there is no" in another tense'),
    Allowed('agree by chance, as coin flips would', 'nbs/data/07_checks.ipynb', 'the rate of a coin flip'),
    Allowed('no readable snapshots in', 'nbs/interpret/05_evolution.ipynb', 'of several files: none could be read'),
    Allowed('when the input makes no sense', 'nbs/inference/01_predict.ipynb', 'of images, not of arguments'),
    Allowed('tell nearly the same story', 'nbs/dashboard/02_weight_change.ipynb', 'an idiom'),
)


# --- what a person reads ---

def files(only: Iterable[str] = ()) -> list[Path]:
    only = [(ROOT/name).resolve() for name in only]
    found = {path for pattern in READ + TESTS*bool(only) for path in ROOT.glob(pattern) if path.is_file()}
    found = {path for path in found if path.suffix in SUFFIXES or path.name == 'Makefile'}
    names = {path: path.relative_to(ROOT).as_posix() for path in found}
    chosen = [path for path in sorted(found) if not any(fnmatch.fnmatch(names[path], skip) for skip in SKIP)]
    return [path for path in chosen if not only or any(path == one or one in path.parents for one in only)]


def without_code(text: str) -> str:
    "Markdown whose code in backticks, addresses and comments of HTML are blanked; the lines stay"
    def blank(match: re.Match) -> str: return re.sub(r'[^\n]', ' ', match[0][:-1]) + '\0'
    text = re.sub(r'(?ms)^ *```.*?^ *```', lambda match: re.sub(r'[^\n]', ' ', match[0]), text)
    return re.sub(r'``[^`\n]+``|`[^`\n]+`|https?://[^\s)>\]]+|\]\([^)\s]*\)|\bdata:\w+/[^\s"\')]+', blank, text)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    "(line, text) of every string that is more than a word; an f-string's values are written as \0"
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else '\0' for part in node.values]
            inside |= {id(part) for part in node.values}
            yield node.lineno, ''.join(parts)
        elif isinstance(node, ast.FormattedValue) and node.format_spec: inside.add(id(node.format_spec))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            if ' ' in node.value: yield node.lineno, node.value


def python_texts(source: str) -> Iterator[tuple[int, str, str]]:
    "(line, kind, text) of comments, strings and names"
    source = re.sub(r'^\s*[%!].*$', 'pass', source, flags=re.M)
    try: tree = ast.parse(source)
    except SyntaxError: return
    yield from ((line, 'text', without_code(text)) for line, text in strings(tree))
    names = set()  # each once
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT: yield line, 'text', without_code(token.string)
        if token.type == tokenize.NAME and token.string not in names:
            names.add(token.string)
            yield line, 'name', re.sub(r'(?<=[a-z])(?=[A-Z])|_', ' ', token.string)


JS = re.compile(r'''//[^\n]*|/\*.*?\*/|;;[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`''', re.S)


def javascript_texts(source: str) -> Iterator[tuple[int, str, str]]:
    for match in JS.finditer(source):
        text = re.sub(r'\n\s*\*', '\n', re.sub(r'\$\{[^{}]*\}', '\0', match[0].strip('`')))
        if ' ' in text: yield source.count('\n', 0, match.start()) + 1, 'text', without_code(text)


def passages(path: Path) -> Iterator[Passage]:
    name, source = path.relative_to(ROOT).as_posix(), path.read_text(encoding='utf-8')
    if path.suffix == '.ipynb':
        for cell in json.loads(source)['cells']:
            text = ''.join(cell['source'])
            if cell['cell_type'] == 'markdown': yield Passage(name, cell['id'], 1, 'text', without_code(text))
            else:
                for line, kind, part in python_texts(text): yield Passage(name, cell['id'], line, kind, part)
    elif path.suffix == '.py':
        if source.startswith('# AUTOGENERATED') or 'AUTOGENERATED' in source[:400]: return
        for line, kind, part in python_texts(source): yield Passage(name, '', line, kind, part)
    elif path.suffix in {'.js', '.mjs', '.css', '.wat'}:
        for line, kind, part in javascript_texts(source): yield Passage(name, '', line, kind, part)
    else: yield Passage(name, '', 1, 'text', without_code(source))


# --- the check ---

@cache
def any_of(patterns: tuple[str, ...]) -> re.Pattern:
    return re.compile('|'.join(f'(?:{pattern})' for pattern in patterns), re.I)


def hits(passage: Passage, patterns: dict[str, str]) -> Iterator[Hit]:
    plain = passage.text.replace('\n', ' ')
    if not any_of(tuple(patterns)).search(plain): return
    for pattern, instead in patterns.items():
        for match in re.finditer(pattern, plain, re.I):
            start, end = match.span()
            around = ' '.join(passage.text[max(0, start - 60):end + 60].replace('\0', '…').split())
            line = passage.line + passage.text.count('\n', 0, start)
            yield Hit(passage, line, ' '.join(match[0].split()), around, instead)


def allows(hit: Hit, entry: Allowed) -> bool:
    return entry.phrase in hit.around and fnmatch.fnmatch(hit.passage.path, entry.place)


def find(only: Iterable[str] = (), *, allowed: tuple[Allowed, ...] = ALLOWED) -> list[Hit]:
    "Everything to change, in the order of the files"
    found = []
    for path in files(only):
        for passage in passages(path):
            chosen = SPELLING if passage.kind == 'name' else WORDS | SPELLING
            found += [hit for hit in hits(passage, chosen) if not any(allows(hit, entry) for entry in allowed)]
    return found


def main() -> int:
    found = find(sys.argv[1:])
    print(*found, sep='\n')
    print(f'{len(found)} wordings to change')
    return bool(found)


if __name__ == '__main__': sys.exit(main())
