"The course in a real JupyterLab: what a learner sees before a cell has run"
import json

import pytest
from browsing import Notebook, PANEL, watched_page

from fastlearn.course.learners_copy import copy_course, notebooks_folder
from fastlearn.course.path import copy_name

OPENED = ['START', 'lessons/01_your_first_model', 'training/12_trainer', 'data/01_images']


@pytest.fixture(scope='module')
def course(lab):
    copy_course(lab.root, notebooks_folder())
    return lab


@pytest.fixture(scope='module')
def notebook(chromium, course):
    with watched_page(chromium) as page: yield Notebook(page, course, f'{copy_name(OPENED[0])}.ipynb')


@pytest.mark.parametrize('name', OPENED)
def test_opening_a_notebook_does_not_change_it(notebook, name):
    "Else its tab shows that it is unsaved, and closing it asks what to do"
    notebook.open(f'{copy_name(name)}.ipynb')
    assert notebook.page.evaluate(f'{PANEL}.context.path') == f'{copy_name(name)}.ipynb'
    assert not notebook.page.evaluate(f'{PANEL}.context.model.dirty')
    assert not notebook.page.locator('.lm-TabBar-tab.jp-mod-dirty').count()
    opened = json.loads(notebook.path.read_bytes())
    assert json.loads(notebook.save().read_bytes()) == opened
