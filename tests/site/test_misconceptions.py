"The table of misconceptions for teachers holds what the graders know, read from their code"
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT/'docs'))
pytest.importorskip('sphinx', reason='the docs site needs the extra [dev]')
from processing.misconceptions import misconceptions, misconceptions_table  # noqa: E402

from fastlearn.course.exercises import check  # noqa: E402
from fastlearn.course.graders import EXERCISES  # noqa: E402

FILES = [ROOT/'fastlearn'/'course'/f'{name}.py' for name in ('graders', 'things_to_make')]
FOUND = {name: mistakes for file in FILES for name, mistakes in misconceptions(file).items()}


def test_every_exercise_has_its_mistakes_in_the_table():
    assert set(FOUND) == set(EXERCISES)
    assert all(len(mistakes) >= 2 and all(name and '?' in says for name, says in mistakes)
               for mistakes in FOUND.values())


def test_what_a_grader_says_is_what_the_table_says():
    for name, answer, facts in (('parameters of a layer', 1024, {'inputs': 512, 'outputs': 2}),
                                ('one step of SGD', 3.4, {'w': 3., 'best': 1., 'lr': .1}),
                                ('a plan to unfreeze', [0, 1, 2], {})):
        said = check(name, answer, **facts)
        text = dict(FOUND[name])[said.mistake]
        assert all(part in said.says for part in text.split('…'))


def test_a_grader_is_read_without_being_run(tmp_path):
    (tmp_path/'graders.py').write_text('''
@exercise('an area', hints=[], solution='')
def area(answer, a):
    if answer < 0: return Feedback(f'It is {a:.1f}. Can ' 'that be?', mistake='the sign')
    return helper(answer)

def helper(answer):
    return grade_number(answer, 4, 'yes', {'the sum | of both': (2, 'Added? {answer}')})

def other(): return Feedback('no', mistake='none of it')
''')
    assert misconceptions(tmp_path/'graders.py') == {
        'an area': [('the sign', 'It is …. Can that be?'), ('the sum | of both', 'Added? …')]}
    table = misconceptions_table([tmp_path/'graders.py'], {'an area': '[1 A](/a.ipynb)'}).splitlines()
    assert table[2:] == ['| an area | [1 A](/a.ipynb) | the sign | It is …. Can that be? |',
                         '|  |  | the sum \\| of both | Added? … |']
