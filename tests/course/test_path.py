"""The course as a whole: the path, its words, its sentences, and where each idea is shown.

`python tests/course/test_path.py` prints cells that are too long, and terms that are used before they were introduced.
"""
import ast
import itertools
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastlearn.course.glossary import TERMS
from fastlearn.course.learners_copy import copy_course
from fastlearn.course.path import (
    copy_name, exercises_in, find_course, is_folded, MOVED, PATH, PathOverview, PathStep, PROGRESS, RECORD,
    step_minutes, step_progress, visible_cells, your_path,
)

ROOT = Path(__file__).resolve().parents[2]
NBS = ROOT/'nbs'
SEEDS = ROOT.parent/'shared'/'seeds'
NAMES = [name for step in PATH for name in step.notebooks]
SHORT = [name for step in PATH if step.short for name in step.notebooks]


@dataclass(frozen=True)
class Cell:
    "A cell and its place"
    notebook: str
    number: int
    id: str
    kind: str
    source: str

    def __str__(self) -> str: return f'{self.notebook}, cell {self.number} ({self.id})'


def cells(name: str) -> list[Cell]:
    "Of a notebook; none where it is not there"
    path = NBS/f'{name}.ipynb'
    if not path.exists(): return []
    return [Cell(name, number, cell['id'], cell['cell_type'], ''.join(cell['source']))
            for number, cell in enumerate(json.loads(path.read_text(encoding='utf-8'))['cells'])]


def prose(source: str) -> str:
    "The words of a markdown cell: no code, no addresses, no formulas"
    source = re.sub(r'```.*?```|`[^`]*`|\$[^$]*\$', ' ', source, flags=re.S)
    return re.sub(r'<[^>]+>|!?\[([^]]*)\]\([^)]*\)', r' \1 ', source)


# --- the path ---

def test_a_step_is_told_in_full():
    assert len(set(NAMES)) == len(NAMES) and len({step.title for step in PATH}) == len(PATH)
    assert all(step.title and step.sees and len(step.notebooks) in (1, 2) for step in PATH)


@pytest.mark.parametrize('step', PATH, ids=lambda step: step.title)
def test_a_step_is_short(step):
    "In cells that a learner sees unfolded, and in minutes"
    assert sum(len(visible_cells(NBS/f'{name}.ipynb')) for name in step.notebooks) <= 60
    assert step_minutes(step, NBS) <= 50


def test_the_hours_of_the_read_me_are_those_of_the_path():
    full, short = (f'{round(sum(step_minutes(step, NBS) for step in PATH if step.short or not only)/30)/2:g}'
                   for only in (False, True))
    shown = PathOverview(tuple(step_progress(NBS, set())), NBS, NBS).hours()
    assert shown == f'The full route takes about {full} hours, the short one about {short}.'
    for page in NBS/'index.ipynb', NBS.parent/'README.md':
        text = page.read_text(encoding='utf-8')
        assert f'a short route of about {short} hours and a full one of about {full}.' in text


def test_start_promises_steps_of_the_length_that_they_have():
    minutes = [step_minutes(step, NBS) for step in PATH]
    assert f'A step takes {min(minutes)} to {max(minutes)} minutes' in (NBS/'START.ipynb').read_text(encoding='utf-8')


def test_the_copy_counts_the_same_minutes_as_the_source(tmp_path):
    "The table of START counts in the copy, the link at the end of a step was counted in the source"
    copy_course(tmp_path, NBS)
    assert [step_minutes(step, tmp_path) for step in PATH] == [step_minutes(step, NBS) for step in PATH]


def test_the_short_route_takes_an_afternoon():
    short = sum(step_minutes(step, NBS) for step in PATH if step.short)
    assert 180 <= short <= 270 and PATH[0].short and PATH[-2].short  # the capstone asks what the full route teaches


MAKES = {  # step -> an exercise whose answer is made, with a bar that it has to reach
    'Your first model': 'a label function', 'First-layer filters': 'an edge filter',
    'What learning is': 'a rule by hand', 'What learning takes, and its limits': 'a fair album',
    'Architecture and model': 'a small network', 'Images and labels': 'an input by hand',
    'Training set, validation set, batches': 'a split by burst', 'Augmentation and data checks': 'an augmentation',
    'Loss functions': 'a loss of your own', 'Metrics': 'a balanced metric', 'Gradient descent': 'a descent of your own',
    'Learning-rate schedules': 'a schedule of your own', 'Early stopping': 'a rule to stop',
    'The training history': 'the time left', 'The head': 'a head of your own',
    'The plan of a fine-tune': 'a plan to unfreeze', 'Transfer to other data': 'how many images it takes',
    'A model in use': 'answer, or pass it on', 'Model detective': 'the model card',
}
WITHOUT = 'Epochs and overfitting', 'Fine-tuning', 'Inside the network', 'Many tasks', 'Your own images'


@pytest.mark.parametrize('step', PATH, ids=lambda step: step.title)
def test_a_step_has_something_to_make(step):
    "Those without have made something all the way: a run, a fine-tune, a search, a model for the learner's own folder"
    made = {name for one in step.notebooks for name in exercises_in(NBS/f'{one}.ipynb')}
    assert (MAKES.get(step.title) in made) != (step.title in WITHOUT)


@pytest.mark.parametrize('name', NAMES)
def test_a_notebook_of_the_path_has_a_guess_a_question_and_an_exercise(name):
    found = cells(name)
    guesses = [cell for cell in found if cell.kind == 'code' and cell.source.startswith('ask(')]
    questions = [cell for cell in found if cell.kind == 'markdown' and '<summary>Answer' in cell.source]
    assert guesses and questions and exercises_in(NBS/f'{name}.ipynb')


def test_minutes_follow_from_what_a_learner_sees(tmp_path):
    "Words, lines of code, questions, exercises and seconds count; folded cells and imports do not"
    cells = [('markdown', ' '.join(['word']*360)), ('code', '\n'.join(['x = 1']*20)), ('code', "ask('a', {}, 'b')"),
             ('code', "#| export\n" + 'y = 1\n'*500), ('code', 'import os\n'*100), ('code', "#| hide\n" + 'z\n'*100),
             ('code', "answer = ...\ncheck('one', answer)"), ('markdown', '## For implementers'),
             ('markdown', 'word '*1000), ('markdown', '## Questions\n<details><summary>Answer</summary>')]
    (tmp_path/'a.ipynb').write_text(json.dumps({'cells': [{'cell_type': kind, 'source': [source]}
                                                         for kind, source in cells]}))
    assert [kind for kind, _ in visible_cells(tmp_path/'a.ipynb')] == ['markdown', 'code', 'code', 'code', 'markdown']
    by_hand = 362/180 + 22/10 + 2*1 + 1*4 + 90/60                    # 11.7
    assert step_minutes(PathStep('A', ('a',), '', 90), tmp_path) == 10 and 7.5 <= by_hand < 12.5
    assert step_minutes(PathStep('A', ('a',), '', 600), tmp_path) == 20


@pytest.mark.parametrize(('source', 'folded'), [
    ('from fastlearn.all import *', False), ('import os\nfrom re import sub', False), ('# nothing\n# here', False),
    ('import os\nprint(os)', False), ("ask('a')", True), ('#| export\nx = 1', True), ('x = 1\ny = 2', False)])
def test_library_code_and_answers_are_folded_but_no_imports(source, folded):
    "A line that looks like decoration is not run, and the first cell below it fails: name 'untar_data' is not defined"
    assert is_folded(source) == folded


def test_the_copy_has_one_numbering():
    names = [copy_name(name) for name in NAMES]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert [int(name[:2]) for name in names] == [i for i, step in enumerate(PATH, 1) for _ in step.notebooks]
    assert copy_name('START') < names[0] and copy_name('data/01a_decoding') == 'library/data/01a_decoding'


@pytest.mark.parametrize('name', NAMES)
def test_every_notebook_of_the_path_is_there(name): assert cells(name)


def too_long(names: list[str] = NAMES, limit: int = 120) -> list[str]:
    "The markdown cells with more words than a person reads at one go"
    texts = [cell for name in names for cell in cells(name) if cell.kind == 'markdown']
    counts = {cell: len(prose(cell.source).split()) for cell in texts}
    return [f'{cell} has {count} words' for cell, count in counts.items() if count > limit]


# --- progress ---

POSIX = pytest.mark.skipif(os.name == 'nt', reason='owners as POSIX has them')


@POSIX
def test_a_link_is_no_record_and_no_progress(tmp_path):
    "Members tried: a link for the record, for the progress, for START; of another user: record, progress, folder"
    course, victim = tmp_path/'course', tmp_path/'victim'
    (course/'lessons').mkdir(parents=True)
    victim.write_text('{}')
    (course/RECORD).write_text('{}')
    assert find_course(course/'lessons') == course.resolve()
    (course/PROGRESS).symlink_to(victim)
    assert find_course(course/'lessons') is None
    (course/PROGRESS).unlink()
    (course/RECORD).unlink()
    (course/RECORD).symlink_to(victim)
    assert find_course(course/'lessons') is None


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() != 0, reason='only root can give files away')
@pytest.mark.parametrize('name', [RECORD, PROGRESS, '.'])
def test_what_another_user_laid_above_is_no_course(name, tmp_path, monkeypatch):
    course, stranger = tmp_path/'course', 12345
    (course/'lessons').mkdir(parents=True)
    for file in RECORD, PROGRESS, 'START.ipynb': (course/file).write_text('{"done": ["x"]}')
    monkeypatch.chdir(course/'lessons')
    assert find_course() == course.resolve() == your_path().folder
    os.chown(course/name, stranger, stranger)
    assert find_course() is None
    if name != RECORD: assert your_path().folder == (course/'lessons').resolve()



def notebook(path: Path, *code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = [{'cell_type': 'markdown', 'source': ["check('no exercise')"]}]
    path.write_text(json.dumps({'cells': kinds + [{'cell_type': 'code', 'source': [source]} for source in code]}))


def test_exercises_are_found_where_they_are_checked(tmp_path):
    notebook(tmp_path/'n.ipynb', "answer = ...\ncheck('one', answer)", 'check("the second\'s", 1, learn=learn)\n',
             "check('one', 2)  # again", "print(check('inside', 1))", "recheck('three', 1)")
    assert exercises_in(tmp_path/'n.ipynb') == ['one', "the second's"] and exercises_in(tmp_path/'none.ipynb') == []
    (tmp_path/'n.ipynb').write_text('damaged')
    assert exercises_in(tmp_path/'n.ipynb') == []


@pytest.fixture
def copy(tmp_path, monkeypatch):
    "A copy of the course of two steps, with the learner in its lessons"
    monkeypatch.setattr('fastlearn.course.path.PATH', (PathStep('First', ('lessons/01',), '<much>', 20),
                                                  PathStep('Second', ('02', '02b'), 'more', 30)))
    for name, exercise in {'lessons/01': 'one', '02': 'two', '02b': 'three'}.items():
        notebook(tmp_path/f'{copy_name(name)}.ipynb', f"check('{exercise}', 1)")
    (tmp_path/'lessons').mkdir()
    (tmp_path/RECORD).write_text('{}')
    monkeypatch.chdir(tmp_path/'lessons')
    return tmp_path


def test_a_step_is_done_when_all_of_its_exercises_are(copy):
    first, second = step_progress(copy, {'one', 'two', 'other'})
    assert first.is_done and not second.is_done and second.text == '1 of 2 exercises'
    assert your_path().sentence().startswith('Next: step 1, First.')
    (copy/PROGRESS).write_text(json.dumps({'done': ['one']}))
    lines = repr(your_path()).splitlines()
    assert lines[0].startswith('Next: step 2, Second. It takes about 10 minutes. The full route takes about ')
    assert lines[2] == 'x  1  First           5 min  1 of 1 exercises  01_01.ipynb'
    (copy/PROGRESS).write_text(json.dumps({'done': ['one', 'two', 'three']}))
    assert your_path().sentence().startswith('You have solved every exercise of the course. For project ideas')
    assert find_course() == copy


def test_the_table_links_to_the_notebooks_from_where_it_stands(copy, monkeypatch):
    (copy/PROGRESS).write_text(json.dumps({'done': ['one']}))
    html = your_path()._repr_html_()
    assert 'href="../01_01.ipynb"' in html and '&lt;much&gt;' in html and html.count('aria-label="done"') == 1
    monkeypatch.chdir(copy)
    assert 'href="01_01.ipynb"' in your_path()._repr_html_()


def test_a_step_without_exercises_has_no_tick():
    one, = [one for one in step_progress(Path('nowhere'), {'x'}) if one.number == 1]
    assert not one.is_done and one.text == ''


def test_from_any_folder_of_the_notebooks_the_links_lead_to_their_place(copy, monkeypatch):
    "Also where they are written, without a record of a copy"
    (copy/RECORD).rename(copy/'START.ipynb')
    assert 'href="01.ipynb"' in your_path()._repr_html_()


def test_where_a_notebook_was_moved_to_there_is_one():
    assert all((NBS/f'{new}.ipynb').is_file() for new in MOVED.values())
    assert not [old for old in MOVED if (NBS/f'{old}.ipynb').exists()]


# --- no sentence of the texts that the project was made from ---

def sentences(path: Path) -> Iterator[str]:
    "The prose of a notebook: its text, and the texts in its code"
    for cell in cells(path.relative_to(NBS).with_suffix('').as_posix()):
        if cell.kind == 'markdown': yield prose(cell.source)
        else:
            code = re.sub(r'^\s*[%!].*$', 'pass', cell.source, flags=re.M)
            yield from (node.value for node in ast.walk(ast.parse(code))
                        if isinstance(node, ast.Constant) and isinstance(node.value, str))


def runs(text: str, n: int = 8) -> set[tuple[str, ...]]:
    "All runs of n words, without punctuation; a word divided at the end of a line is whole again"
    text = re.sub(r'<[^>]+>', ' ', re.sub(r'[‐-]\n', '', text)).lower().replace('’', "'")
    words = re.findall(r"[a-z0-9']+", text)
    return set(zip(*(itertools.islice(words, i, None) for i in range(n))))


def test_no_sentence_comes_from_the_seeds():
    if not SEEDS.is_dir(): pytest.skip('../shared/seeds is absent')
    seeds = set().union(*(runs(path.read_text(encoding='utf-8')) for path in SEEDS.glob('*.txt')))
    assert len(seeds) > 500
    found = {path.name: ' '.join(run) for path in NBS.rglob('*.ipynb') if not path.parent.name.startswith('.')
             for text in sentences(path) for run in runs(text) & seeds}
    assert not found


def test_a_copied_sentence_would_be_noticed():
    assert runs('One two three, four five six\nseven-\neight nine') == {
        ('one', 'two', 'three', 'four', 'five', 'six', 'seveneight', 'nine')}
    assert not runs('too short a run of words it is'.removesuffix(' is')) and len(runs('a b c d e f g h i')) == 2


# --- no term before it was introduced ---

PLAIN = {  # words of everyday English that do no harm before they are introduced, which each must be somewhere
    'train', 'training', 'trained', 'trains', 'fit', 'fits', 'fitting', 'step', 'steps', 'class', 'classes', 'model',
    'models', 'network', 'networks', 'input', 'inputs', 'label', 'labels', 'prediction', 'predictions', 'probability',
    'probabilities', 'seed', 'seeds', 'schedule', 'schedules', 'filter', 'filters', 'head', 'heads', 'body', 'bodies',
    'export', 'exported', 'exports', 'weight', 'target', 'targets', 'probe', 'probes', 'pretrained', 'threshold',
    'confidence', 'confident', 'predict', 'predicts', 'kernel', 'backward', 'category', 'categories', 'held out',
    'batch size',
    'iteration', 'iterations', 'precision', 'training images', 'training pictures', 'validation images',
    'validation pictures', 'training data'}


def introduced(source: str) -> set[str]:
    "The terms that stand in bold in a markdown cell, alone or with a few words: **head**, or > **head** The last part"
    bold = {' '.join(text.lower().split()).strip('.:,') for text in re.findall(r'\*\*(.+?)\*\*', source, re.S)}
    return {name for name, term in TERMS.items() if bold & {form.lower() for form in (name, *term.also)}}


def uses(source: str) -> dict[str, str]:
    "Term -> its form in a markdown cell, an everyday word only if it has no other; a heading may announce a term"
    text, found = prose(re.sub(r'^#+ .*$', '', source, flags=re.M)), {}
    for name, term in TERMS.items():
        for form in sorted((name, *term.also), key=PLAIN.__contains__):
            flags = 0 if form.isupper() else re.I
            if re.search(rf'(?<![\w-]){re.escape(form)}(?![\w-])', text, flags): found.setdefault(name, form)
    return found


def for_learners(name: str) -> Iterator[Cell]:
    "The text of a notebook, without the part for implementers, where a learner may stop"
    stopped = False
    for cell in cells(name):
        if heading := re.match(r'##? (.*)', cell.source): stopped = heading[1].startswith('For implementers')
        if cell.kind == 'markdown' and not stopped: yield cell


def not_introduced(names: list[str] = NAMES) -> list[str]:
    "For each term that comes too early on the path: where it is first used, and where it is introduced"
    known, early, late = set(), {}, {}
    for cell in (cell for name in names for cell in for_learners(name)):
        for name in introduced(cell.source): known.add(name), late.setdefault(name, cell)
        for name, form in uses(cell.source).items():
            if name in known: continue
            if name not in early or early[name][0] in PLAIN and form not in PLAIN: early[name] = form, cell
    return [f'{name} ("{form}") is used in {cell}, and introduced {f"in {late[name]}" if name in late else "nowhere"}'
            for name, (form, cell) in early.items() if form not in PLAIN or name not in late]


@pytest.mark.parametrize('name', NAMES)
def test_a_box_on_the_path_has_its_entry_in_the_glossary(name):
    boxes = [box for cell in cells(name) for box in re.findall(r'^> \*\*(.+?)\*\*', cell.source, re.M)]
    assert not [box for box in boxes if not introduced(f'**{box}**')]


def test_a_term_that_comes_too_early_is_noticed(monkeypatch):
    sources = {'a': ['# Metrics and the CNN\nAll about the gradient and *gradients*.', '> **gradient** Slopes.',
                     'The loss, `epoch`, the [metric](training/02_losses.ipynb).', 'CNN, and cnn',
                     '## For implementers\nA batch', 'of epochs'],
               'b': ['**Metric**: a **loss** and its losses', 'Models are trained. **Training** is this.']}
    monkeypatch.setattr(sys.modules[__name__], 'cells', lambda name: [
        Cell(name, i, f'{name}{i}', 'markdown', source) for i, source in enumerate(sources[name])])
    assert not_introduced(['a', 'b']) == [
        'gradient ("gradient") is used in a, cell 0 (a0), and introduced in a, cell 1 (a1)',
        'loss ("loss") is used in a, cell 2 (a2), and introduced in b, cell 0 (b0)',
        'metric ("metric") is used in a, cell 2 (a2), and introduced in b, cell 0 (b0)',
        'CNN ("CNN") is used in a, cell 3 (a3), and introduced nowhere',
        'model ("models") is used in b, cell 1 (b1), and introduced nowhere']


def skipped_over(names: list[str]) -> list[str]:
    "The terms that a shorter route uses and never introduces; a word of everyday English may come without"
    return [line for line in not_introduced(names) if not any(f' ("{word}") is used ' in line for word in PLAIN)]


def test_the_path_reads_well():
    "No cell is longer than a screen, no term is used before it is introduced; run this file to see the list"
    assert not [*too_long(), *not_introduced()]


def test_the_short_route_introduces_its_own_terms():
    "A chapter that the short route leaves out introduces nothing on it"
    assert not skipped_over(SHORT)


def test_what_only_code_shows_is_introduced_on_the_short_route_too():
    "Cells run CrossEntropy, Adam, Dropout, metrics=..., logits: a learner stops there though no sentence names them"
    told = {name for one in SHORT for cell in for_learners(one) for name in introduced(cell.source)}
    assert {'cross-entropy', 'optimizer', 'dropout', 'metric', 'logits', 'loss', 'validation set', 'head'} <= told


# --- where everything is shown ---

ROW = re.compile(r'^\| ([^|]+?) \| `([\w/]+)` \| `(\w+)` \|$', re.M)
POINTS = 10  # of the seed notes, that need an experiment
FIGURES = 9


def shown() -> list[tuple[str, str, str]]:
    "The rows of shown.md: a term or a point, a notebook, and the id of a cell"
    return ROW.findall((ROOT/'tests'/'course'/'shown.md').read_text(encoding='utf-8'))


@pytest.mark.parametrize('what, notebook, cell_id', shown())
def test_what_the_table_names_is_shown_there(what, notebook, cell_id):
    "By a cell that runs, or that is followed by one; and a term stands in it or beside it"
    found = cells(notebook)
    at = next((i for i, cell in enumerate(found) if cell.id == cell_id), None)
    assert at is not None, f'{notebook} has no cell {cell_id}'
    assert any(cell.kind == 'code' for cell in found[at:at + 2]), f'{found[at]} is not followed by code'
    if what not in TERMS: return
    beside = ' '.join(cell.source for cell in found[max(0, at - 3):at + 4])
    forms = {what, *TERMS[what].also}
    assert re.search('|'.join(rf'(?<![a-z]){re.escape(form)}(?![a-z])' for form in forms), beside, re.I), found[at]


if __name__ == '__main__': print(*too_long(), *sorted(not_introduced()), sep='\n')
