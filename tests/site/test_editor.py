"What an editor knows of the six lines: a language server's answers to hover, signature and completion"
import inspect

import pytest
from check_types import six_lines
from hover import editor, SERVER

if not SERVER.exists(): pytest.skip('basedpyright is not installed', allow_module_level=True)


@pytest.fixture(scope='module')
def page():
    "The six lines, and the beginning of one more, as if you were typing it"
    with editor() as asking: yield asking.open(six_lines() + 'learn.\n')


def documented(name: str) -> str:
    from fastlearn.learner import Learner
    return inspect.getdoc(getattr(Learner, name)).splitlines()[0]


@pytest.mark.parametrize('show', ['hover', 'signature'])
def test_arguments_and_docstring_of_fine_tune(page, show):
    said = page.hover('learn.fine_tune') if show == 'hover' else page.signature('learn.fine_tune(')
    assert 'epochs: int' in said and 'base_lr: float' in said and documented('fine_tune') in said


def test_completion_knows_what_a_learner_can_do(page):
    wanted = {'fine_tune', 'fit', 'fit_one_cycle', 'lr_find', 'predict', 'export', 'dashboard', 'show_results', 'save'}
    assert wanted <= set(page.completions('learn.'))


def test_hover_on_a_function_of_the_star_import(page):
    said = page.hover('vision_learner')
    assert 'def vision_learner' in said and 'Learner' in said
