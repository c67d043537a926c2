"""A beginner's walk: the short route and the capstone in the learner's copy, in a real JupyterLab, cell by cell.

Every cell is run. Where a cell has an exercise, two typical mistakes are typed first, each of which the grader must
know by its name, and then the solution. No cell may raise or write to stderr, and nothing may fail in the page. The
running times of the cells are summed up in `_build/walk/summary.txt`. It takes minutes, so it is a long test.
"""
import json
import re
import time
from pathlib import Path

import pytest
from browsing import Notebook, PANEL, running_lab, watched_page
from fastlearn.course.exercises import find_exercise
from fastlearn.course.learners_copy import copy_course
from fastlearn.course.path import copy_name, PATH, PROGRESS, step_progress

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = ROOT/'_build'/'walk'/'summary.txt'
WALK = [name for step in PATH if step.short or step is PATH[-1] for name in step.notebooks]
SCENE = ("def gap(case):\n    usual, wrong = cases.usual_scenes(case), cases.wrong(case)\n"
         "    home = torch.tensor([usual[one.breed] == one.scene for one in cases.images])\n"
         "    return (wrong[~home].mean() - wrong[home].mean()).item()\n"
         "letter = max(cases, key=lambda letter: gap(cases[letter]))\n")
SURE = ("def times(case):\n    expected = (1 - case.own.probabilities.amax(1)).mean()\n"
        "    return (reported(case)/expected).item()\nletter = max(cases, key=lambda letter: times(cases[letter]))\n")
MISTAKES = {  # exercise -> what two people type who made a typical mistake
    'wrong pictures': (
        "answer = learn.validate().metrics['error_rate']",
        "answer = learn.validate().metrics['error_rate']*len(get_image_files(path))",
    ),
    'parameters of the filters': (
        'answer = 64*7*7',
        'answer = 3*7*7',
    ),
    'a rule by hand': (
        'answer = lambda images: ears(images) > 1',
        'answer = lambda images: images.mean() > .5',
    ),
    'one step downhill': (
        'answer = weights_before + rate*gradient',
        'answer = weights_before - gradient',
    ),
    'parameters of a layer': (
        'answer = 256*37',
        'answer = 256 + 37',
    ),
    'activations of a layer': (
        'answer = 256*37 + 37',
        'answer = 37',
    ),
    'number of weight updates': (
        'answer = 5*16',
        'answer = 5*1000//64',
    ),
    'a mean over unequal batches': (
        'answer = (.5 + .3 + .9)/3',
        'answer = (64*.5 + 64*.3)/128',
    ),
    'trainable while frozen': (
        'answer = sum(p.numel() for p in model.parameters())',
        'answer = sum(p.numel() for p in model[0].parameters())',
    ),
    'rates of three groups': (
        'answer = [2e-6, 1.001e-3, 2e-3]',
        'answer = [2e-3, 2e-3, 2e-3]',
    ),
    'peak of the first group': (
        'answer = 4e-3/100',
        'answer = 4e-3/2',
    ),
    'a label function': (
        'answer = lambda name: name[0].isupper()',
        'answer = lambda name: True',
    ),
    'an edge filter': (
        'answer = torch.ones(7, 7)',
        'answer = torch.tensor([-1., -1, -1, 0, 1, 1, 1])[:, None].expand(7, 7)',
    ),
    'a small network': (
        'answer = nn.Sequential(nn.Flatten(), nn.Linear(3*64*64, 2))',
        'answer = nn.Flatten()',
    ),
    'a head of your own': (
        'answer = nn.Linear(256, 2)',
        'answer = nn.Sequential(nn.Flatten(), nn.Linear(256*16, 2))',
    ),
    'the laziest answer': (
        'right = dls.valid.dataset.targets == dls.train.dataset.targets.bincount().argmax()\n'
        'answer = right.float().mean().item()',
        'answer = 1 - 1/4',
    ),
    'how fine is the ruler': (
        'answer = 1/dls.train.n_images',
        'answer = 100/dls.valid.n_images',
    ),
    'the scene reader': (
        SCENE + 'answer = letter, -gap(cases[letter])',
        SCENE + 'answer = min(cases, key=lambda one: gap(cases[one])), .5',
    ),
    'the leak': (
        "answer = 'C' if cases.letter_of('validated on copies') != 'C' else 'D', .5",
        'def copied(case): return {file for found in case.learn.dls.check(progress=False).findings\n'
        "                          if found.kind in ('leak', 'near') for file in found.files}\n"
        'letter = max(cases, key=lambda letter: len(copied(cases[letter])))\n'
        'answer = letter, len(copied(cases[letter]) & set(cases[letter].learn.dls.valid.items))',
    ),
    'the swapped labels': (
        "answer = cases.letter_of('swapped labels'), 36",
        "answer = cases.letter_of('swapped labels'), 0",
    ),
    'the overconfident model': (
        SURE + 'answer = letter, 1/times(cases[letter])',
        SURE + 'answer = letter, cases[letter].own.probabilities.amax(1).mean().item()',
    ),
    'the wrong normalization': (
        "answer = cases.letter_of('sound'), 0",
        "letter = cases.letter_of('wrong normalization')\n"
        'case = cases[letter]\n'
        'said = case.exported.get_preds(case.exported.dls.test_dl(case.learn.dls.valid.items), progress=False)[0]\n'
        'answer = letter, (said.argmax(1) == case.own.predictions).float().mean().item()',
    ),
    'the sound model': (
        'answer = min(cases, key=lambda one: reported(cases[one])), .1',
        "answer = cases.letter_of('sound'), cases.wrong(cases[cases.letter_of('sound')]).mean().item()",
    ),
    'the model card': (
        "answer = dict(model=cases.letter_of('sound'), wrong=28, of=160, low=.1, high=.2, weakest='beagle')",
        "answer = dict(model=cases.letter_of('overconfident'), wrong=28, of=512, low=.1, high=.2, weakest='beagle')",
    ),
}


@pytest.fixture(scope='module')
def course(tmp_path_factory, data_folder):
    "A JupyterLab in a learner's copy"
    folder = tmp_path_factory.mktemp('walk')
    copy_course(folder/'course', ROOT/'nbs')
    with running_lab(folder/'lab', folder/'course') as lab: yield lab


class Walked(Notebook):
    "A notebook that is worked through"
    def type_and_run(self, cell: int, source: str) -> None:
        "Into the editor of a cell, as with a keyboard, then Shift+Enter"
        self.page.evaluate(f"""async cell => {{
            const content = {PANEL}.content;
            content.activeCellIndex = cell;
            await content.scrollToItem(cell);
            content.mode = 'edit';
        }}""", cell)
        self.page.keyboard.press('ControlOrMeta+a')
        self.page.keyboard.insert_text(source)
        assert self.page.evaluate(f'cell => {PANEL}.content.widgets[cell].model.sharedModel.source', cell) == source
        self.page.keyboard.press('Shift+Enter')
        self.page.wait_for_function(f'cell => {PANEL}.content.widgets[cell].prompt?.includes("*") || true', arg=cell)
        self.run(cell)                    # once more, as people do; and this one is waited for

    def outputs(self, cell: int) -> list[dict]:
        return self.page.evaluate(f'cell => {PANEL}.content.widgets[cell].model.outputs?.toJSON() ?? []', cell)

    def said(self, cell: int) -> str:
        "The text of the outputs; nothing in it may be an error or come from stderr"
        found = self.outputs(cell)
        bad = [one for one in found if one['output_type'] == 'error' or one.get('name') == 'stderr']
        assert not bad, f'{self.path.name}, cell {cell}: {bad}'
        texts = [one.get('text') or one.get('data', {}).get('text/plain', '') for one in found]
        return '\n'.join(''.join(text) for text in texts)


def exercise_of(source: str) -> str | None:
    found = re.search(r"""^check\((['"])(.+?)\1""", source, re.M)
    return found[2] if found else None


def solve(notebook: Walked, cell: int, source: str, name: str) -> None:
    "Two mistakes, each of which is named and asked back, then the solution"
    def typed(code): return re.sub(r'^answer = \.\.\..*$', lambda found: code.strip(), source, count=1, flags=re.M)
    for code in MISTAKES[name]:
        notebook.type_and_run(cell, typed(code))
        assert re.match(r'Not yet: .+\?', notebook.said(cell)), (name, code, notebook.said(cell))
    notebook.type_and_run(cell, typed(find_exercise(name).solution))
    assert notebook.said(cell).startswith('Right.'), (name, notebook.said(cell))


def note(name: str, seconds: float) -> None:
    "Into the summary: how long the cells of a notebook ran, and all of them together"
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(found.read_text()) if (found := SUMMARY.with_suffix('.json')).exists() else {}
    rows = {one: rows[one] for one in WALK if one in rows} | {name: round(seconds, 1)}
    SUMMARY.with_suffix('.json').write_text(json.dumps(rows))
    SUMMARY.write_text('\n'.join(f'{one:36}{time:8.1f} s' for one, time in (rows | {'together': sum(rows.values())})
                                 .items()) + '\n')


@pytest.mark.long
@pytest.mark.parametrize('name', WALK)
def test_a_learner_walks_through(name, course, chromium, capsys):
    file = f'{copy_name(name)}.ipynb'
    cells = json.loads((course.root/file).read_text(encoding='utf-8'))['cells']
    with watched_page(chromium) as page:
        notebook, seconds = Walked(page, course, file), 0.
        for number, cell in enumerate(cells):
            if cell['cell_type'] != 'code': continue
            source, start = ''.join(cell['source']), time.perf_counter()
            notebook.run(number)
            seconds += time.perf_counter() - start
            said = notebook.said(number)
            if exercise := exercise_of(source):
                assert said.startswith('Not answered yet.'), (exercise, said)
                solve(notebook, number, source, exercise)
    course.end_kernels(file)
    done = set(json.loads((course.root/PROGRESS).read_text())['done'])
    step = next(one for one in step_progress(course.root, done) if name in one.step.notebooks)
    if name == step.step.notebooks[-1]: assert step.is_done
    note(name, seconds)
    with capsys.disabled(): print(f'\n{name}: {seconds:.0f} s')


def test_every_exercise_of_the_walk_has_two_mistakes():
    from fastlearn.course.path import exercises_in
    asked = {exercise for name in WALK for exercise in exercises_in(ROOT/'nbs'/f'{name}.ipynb')}
    assert asked <= set(MISTAKES) and all(len(mistakes) == 2 for mistakes in MISTAKES.values())
