"The judges of the lessons on learning and on tasks: right answers, named misconceptions, solutions"
from types import SimpleNamespace

import pytest
import torch

from fastlearn.course.exercises import check
from judging import solved

STEP = dict(weights_before=torch.tensor([.5, -.2]), gradient=torch.tensor([-.1, .3]), rate=2.)
HONEST = dict(validation_errors=torch.tensor([.12, .08, .05, .07, .09]),
              test_errors=torch.tensor([.11, .09, .08, .06, .10]))


@pytest.fixture(scope='module')
def drawings():
    "Cats change below, dogs above: rule and facts of the task 'a rule by hand'"
    images = torch.zeros(20, 64, 64)
    images[:10, 30:60:2], images[10:, 2:20:2] = 1., 1.
    return dict(pictures=images, cats=torch.arange(20) < 10)


@pytest.fixture(scope='module')
def ten_classes():
    targets = torch.zeros(6, 10)
    targets[:, 0] = targets[:, 5] = 1.
    return SimpleNamespace(dls=SimpleNamespace(vocab=tuple('abcdefghij'), train=SimpleNamespace(
        dataset=SimpleNamespace(targets=targets))))


def below(images): return images.diff(dim=1).abs()[:, 30:].mean((1, 2)) > .1


def test_solutions_are_right(drawings, ten_classes):
    for name, facts in (('a rule by hand', drawings), ('one step downhill', STEP), ('an honest number', HONEST),
                        ('outputs of the head', dict(learn=ten_classes))):
        assert check(name, solved(name, facts), **facts).right, name


@pytest.mark.parametrize('rule, mistake', [
    (lambda images: ~below(images), 'the wrong way round'), (lambda images: images.mean() > .5, 'one answer for all'),
    (lambda images: images.mean((1, 2)) > 9, 'the same for every picture')])
def test_rules_that_go_wrong(drawings, rule, mistake):
    verdict = check('a rule by hand', rule, **drawings)
    assert not verdict.right and verdict.mistake.startswith(mistake)


def test_a_rule_says_true_or_false(drawings):
    assert check('a rule by hand', below, **drawings).right
    assert 'without brackets' in str(check('a rule by hand', below(drawings['pictures']), **drawings))
    assert 'gave numbers' in str(check('a rule by hand', lambda images: images.mean((1, 2)), **drawings))


@pytest.mark.parametrize('answer, mistake', [
    ([.3, .4], 'uphill'), ([.6, -.5], 'without the learning rate'),
    ([.2, -.6], 'the step in place of the new weights')])
def test_steps_that_go_wrong(answer, mistake):
    assert check('one step downhill', torch.tensor(answer), **STEP).mistake == mistake


def test_a_step_of_another_shape_is_told_so():
    assert 'Two new weights' in str(check('one step downhill', torch.tensor(.7), **STEP))


@pytest.mark.parametrize('answer, mistake', [
    (2, 'the labels of one picture'), (1024, 'all combinations'), (16, 'pairs of labels')])
def test_outputs_that_are_not_there(ten_classes, answer, mistake):
    assert check('outputs of the head', answer, learn=ten_classes).mistake == mistake


@pytest.mark.parametrize('answer, mistake', [
    (.05, 'chosen and measured on one set'), (.06, 'chosen on the test set'), (.088, 'the mean of all')])
def test_numbers_that_are_not_honest(answer, mistake):
    assert check('an honest number', answer, **HONEST).mistake == mistake
