"The graders: each takes the solution of its exercise and knows the usual mistakes"
import ast
import inspect
import math
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fastlearn.course.exercises import check
from fastlearn.course.graders import EXERCISES
from fastlearn.course.path import exercises_in, PATH, read_cells
from fastlearn.course.things_to_make import THINGS
from grading import solved, takes_its_solution_and_knows_mistakes

NBS = Path(__file__).resolve().parents[2]/'nbs'

# --- facts, two typical mistakes with the numbers they lead to, and a number of no meaning ---

LOGITS, X, Y = torch.tensor([2., 0., -1.]), torch.tensor([-2., -1., .5, 1., 3.]), torch.tensor([0., 0., 1., 0., 1.])
SUM = math.exp(2) + 1 + math.exp(-1)
EXAMPLES = {
    'a slope by trying': ({'a': 2., 'b': 1., 'x': 3., 'target': 10.}, {
        'the sign reversed': 18, 'the change, not the slope': -.018, 'the slope of the prediction': 3}, 77),
    'parameters of a layer': ({'inputs': 512, 'outputs': 2}, {
        'the bias forgotten': 1024, 'added instead of multiplied': 514}, 77),
    'parameters of the filters': ({'learn': SimpleNamespace(model=torch.nn.Conv2d(3, 64, 7, bias=False))}, {
        'one color only': 3136, 'one filter only': 147, 'a bias for each filter': 9472}, 77),
    'activations of a layer': ({'batch': 64, 'inputs': 512, 'outputs': 2}, {
        'parameters instead of activations': 1026, 'one image only': 2, 'multiplications counted': 65536}, 77),
    'a normalized pixel': ({'byte': 128, 'mean': .485, 'std': .229}, {
        'bytes taken for fractions': 556.8, 'not divided by the spread': .01696}, 77),
    'cross-entropy by hand': ({'logits': LOGITS, 'target': 0}, {
        'the probability, not the loss': math.exp(2)/SUM, 'the sign forgotten': 2 - math.log(SUM),
        'the logarithm to base 10': -math.log10(math.exp(2)/SUM), 'logits taken for probabilities': -math.log(2)}, 77),
    'the slope of accuracy': ({'w': 1., 'x': X, 'y': Y}, {
        'the accuracy, not its slope': .8, 'the slope of the loss': ((X.sigmoid() - Y)*X).mean()}, 77),
    'one step of SGD': ({'w': 3., 'best': 1., 'lr': .1}, {'uphill': 3.4, 'the step, not the weight': .4}, 77),
    'a rate on its way up': ({'peak': .01, 'div': 25.}, {'a start at zero': .005, 'equal factors': .002}, 77),
    'number of weight updates': ({'pictures': 1200, 'batch': 64, 'epochs': 3}, {
        'the incomplete batch counted': 57, 'one long epoch': 56, 'images counted': 3600}, 77),
    'a mean over unequal batches': ({'sizes': [64, 64, 22], 'losses': [.4, .5, .9]}, {
        'the mean of the means': .6, 'the last batch left out': .45}, 77),
    'the epoch to stop after': ({'train': [.7, .52, .41, .3, .22, .15], 'valid': [.66, .5, .44, .42, .45, .52]}, {
        'the training loss decides': 5, 'where the curves cross': 2, 'counted from one': 4}, 77),
    'rates of three groups': ({'first': 1e-5, 'last': 1e-3}, {
        'equal differences': [1e-5, 5.05e-4, 1e-3], 'reversed': [1e-3, 1e-4, 1e-5],
        'one rate for all': [1e-3]*3}, [1, 2, 3]),
    'peak of the first group': ({'base_lr': 2e-3, 'lr_mult': 100}, {
        'not halved': 2e-5, "the head's": 1e-3, 'the rate of the first phase': 2e-4}, 77),
}
SURE = torch.tensor([.99]*50 + [.9]*30 + [.6]*20)
RIGHT = torch.tensor([True]*50 + [True]*27 + [False]*3 + [True]*10 + [False]*10)
FEW = SimpleNamespace(
    vocab=('beagle', 'pug', 'collie'),
    train=SimpleNamespace(n_images=10, dataset=SimpleNamespace(targets=torch.tensor([0]*6 + [1]*3 + [2]))),
    valid=SimpleNamespace(n_images=5, dataset=SimpleNamespace(targets=torch.tensor([0, 1, 1, 2, 2]))))
EXAMPLES |= {
    'the cheapest threshold': ({'sure': SURE, 'right': RIGHT}, {
        'never asking': .5, 'fewest mistakes': 1., 'a threshold above 1': 95}, .7),
    'answer, or pass it on': ({}, {
        'a percentage instead of a probability': lambda p: p.argmax().item() if p.max() >= 90 else None,
        'one class instead of the largest': lambda p: p.argmax().item() if p[0] >= .9 else None,
        'it always answers': lambda p: p.argmax().item(),
        'the probability instead of the class': lambda p: p.max().item() if p.max() >= .9 else None}, lambda: 0),
    'the laziest answer': ({'dls': FEW}, {
        'the fraction of right answers': .2, 'the training set': .4, 'guessing': 2/3,
        'a percentage instead of a fraction': 80, 'the most frequent of the validation set': .6}, .77),
    'how fine is the ruler': ({'dls': FEW}, {
        'the training set': .1, 'all images': 1/15, 'a percentage instead of a fraction': 20,
        'a count, not a fraction': 1}, .77),
}
LIVE = ('wrong pictures', 'steps of an epoch', 'trainable while frozen',  # of the learner's own objects, see `example`
        'a map for dogs', 'what a square takes')
APART = 'a rule by hand', 'one step downhill', 'outputs of the head', 'an honest number'  # at the end of this file
DETECTIVE = ('the scene reader', 'the leak', 'the swapped labels', 'the overconfident model',  # test_detective.py
             'the wrong normalization', 'the sound model', 'the model card')


@pytest.fixture(scope='module')
def learner(few_pets):
    "Cats and dogs by name, as in the lessons"
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, resnet10, vision_learner
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=1, bs=16, valid_pct=.4,
                                          item_tfms=Resize(64), device='cpu',
                                          label_func=lambda name: 'cat' if name[0].isupper() else 'dog')
    learn = vision_learner(dls, resnet10)
    learn.fine_tune(8, freeze_epochs=1)
    return learn


@pytest.fixture(scope='module')
def lesson_examples(learner):
    "The exercises about a learner of the lessons"
    from fastlearn.all import top_activations
    images, valid = top_activations(learner, 'layer3').images, learner.dls.valid
    dogs = valid.dataset.targets[images] == 1
    def first(wanted): return wanted.nonzero()[0].item()
    picture = next(valid.batches(0, [3]))[0]
    def covered(rows, columns, value):
        copy = picture.clone()
        copy[:, :, rows, columns] = torch.as_tensor(value).view(-1, 1, 1)
        return copy
    upper, right = slice(8, 32), slice(40, 64)
    black = -torch.tensor(valid.normalize.mean)/torch.tensor(valid.normalize.std)
    with torch.no_grad():
        clear, gray, turned, dark = learner.model(torch.cat([
            picture, covered(upper, right, 0.), covered(right, upper, 0.), covered(upper, right, black)]))
    clear, gray, turned, dark = ((one.softmax(0)[1].item(), one[1].item()) for one in (clear, gray, turned, dark))
    return {'a map for dogs': ({'learn': learner}, {
                'an image for a map': 300, 'the classes swapped': first(dogs.sum(1) == 0),
                'only the strongest': first(dogs[:, 0] & (dogs.sum(1) < 9))},
                first(~dogs[:, 0] & (dogs.sum(1) > 0))),
            'what a square takes': ({'learn': learner}, {
                'the sign': gray[0] - clear[0], 'what is left': gray[0],
                'rows and columns swapped': clear[0] - turned[0], 'logits': clear[1] - gray[1],
                'black instead of gray': clear[0] - dark[0]}, 77)}


@pytest.fixture(scope='module')
def example(tuned_learner, lesson_examples):
    "The example of an exercise"
    error = tuned_learner.validate().metrics['error_rate']
    norms = sum(p.numel() for name, p in tuned_learner.model[0].named_parameters() if p.ndim == 1)
    head = sum(p.numel() for p in tuned_learner.model[1].parameters())
    live = {'wrong pictures': ({'learn': tuned_learner}, {
                'the error rate itself': error, 'all images counted': 96*error,
                'the training images counted': 72*error}, 77),
            'steps of an epoch': ({'dls': tuned_learner.dls}, {
                'the incomplete batch counted': 5, 'the held-out images counted': 6, 'images counted': 72}, 77),
            'trainable while frozen': ({'model': tuned_learner.model}, {
                'the body instead of the head': sum(p.numel() for p in tuned_learner.model[0].parameters()),
                'BatchNorm of the body too': head + norms, 'the last layer only': 1024}, 77)}
    return lambda name: (EXAMPLES | live | lesson_examples)[name]


def test_a_count_of_mistakes_that_was_cut_off_is_told_so():
    "4.99999 of 300: the error rate is a float32, and int() cuts"
    share = torch.tensor(5/300).item() - 1e-8
    learn = SimpleNamespace(validate=lambda: SimpleNamespace(metrics={'error_rate': share}), dls=SimpleNamespace(
        valid=SimpleNamespace(items=[0]*300), train=SimpleNamespace(items=[0]*1200)))
    said = check('wrong pictures', int(share*300), learn=learn)
    assert said.mistake == 'cut off, not rounded' and '4.99' in said.says
    for right in share*300, round(share*300), 5, '5', torch.tensor(5): assert check('wrong pictures', right,
                                                                                    learn=learn).right


def test_rates_may_be_rounded_to_two_digits_and_not_to_one():
    facts = {'first': 2e-6, 'last': 2e-3}
    assert check('rates of three groups', [2e-6, 6.3e-5, 2e-3], **facts).right
    assert 'rounded too much' in check('rates of three groups', [2e-6, 6e-5, 2e-3], **facts).says
    assert 'is not the answer' in check('rates of three groups', [2e-6, 5e-5, 2e-3], **facts).says


def test_every_exercise_has_an_example():
    assert set(EXERCISES) == {*EXAMPLES, *LIVE, *APART, *DETECTIVE, *THINGS}
    assert all(name == one.name for name, one in EXERCISES.items())


def test_every_exercise_is_on_the_path_and_none_else():
    asked = {name for step in PATH for one in step.notebooks for name in exercises_in(NBS/f'{one}.ipynb')}
    assert asked == set(EXERCISES)


def calls_of_check() -> list[tuple[str, ast.Call]]:
    "Notebook and call, of every exercise on the path"
    found = []
    for name in (one for step in PATH for one in step.notebooks):
        for kind, source in read_cells(NBS/f'{name}.ipynb'):
            if kind != 'code' or not re.search(r'^check\(', source, re.M): continue
            calls = [node.value for node in ast.parse(source).body if isinstance(node, ast.Expr)]
            found += [(name, one) for one in calls if isinstance(one, ast.Call) and ast.unparse(one.func) == 'check']
    return found


def test_a_solution_runs_where_it_is_shown():
    "The facts that it uses are names in the notebook, not numbers in the call; a walk through the pages found two"
    unknown = []
    for notebook, call in calls_of_check():
        exercise = EXERCISES[ast.literal_eval(call.args[0])]
        facts = list(inspect.signature(exercise.grade).parameters)[1:]
        used = {node.id for node in ast.walk(ast.parse(exercise.solution)) if isinstance(node, ast.Name)}
        given = {one.arg: ast.unparse(one.value) for one in call.keywords}
        unknown += [f'{notebook}: {exercise.name} uses {fact}, and the cell has {fact}={given.get(fact)}'
                    for fact in facts if fact in used and given.get(fact) != fact]
    assert not unknown and len(calls_of_check()) > 50


@pytest.mark.parametrize('name', [*EXAMPLES, *LIVE])
def test_an_exercise_takes_its_solution_and_knows_the_mistakes(name, example):
    from fastlearn.all import top_activations
    takes_its_solution_and_knows_mistakes(name, *example(name), top_activations=top_activations)


def test_many_thresholds_can_be_equally_good():
    assert all(check('the cheapest threshold', good, sure=SURE, right=RIGHT).right for good in (.91, .95, .99))


def test_a_function_that_fails_is_told_why():
    assert 'ZeroDivisionError' in check('answer, or pass it on', lambda p: 1/0).says


# --- what is learning, and what for ---

STEP = dict(weights_before=torch.tensor([.5, -.2]), gradient=torch.tensor([-.1, .3]), rate=2.)
HONEST = dict(validation_errors=torch.tensor([.12, .08, .05, .07, .09]),
              test_errors=torch.tensor([.11, .09, .08, .06, .10]))


@pytest.fixture(scope='module')
def drawings():
    "Cats change below, dogs above: rule and facts of the exercise 'a rule by hand'"
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
    (lambda images: ~below(images), 'reversed'), (lambda images: images.mean() > .5, 'one answer for all'),
    (lambda images: images.mean((1, 2)) > 9, 'the same for every image')])
def test_rules_that_go_wrong(drawings, rule, mistake):
    said = check('a rule by hand', rule, **drawings)
    assert not said.right and said.mistake.startswith(mistake)


def test_a_rule_that_does_not_look_at_the_images_is_not_right(drawings):
    for answers in drawings['cats'], drawings['cats'].numpy():
        said = check('a rule by hand', lambda images, answers=answers: answers, **drawings)
        assert not said.right and said.mistake == 'not a rule about images'


@pytest.mark.parametrize('rule', [
    lambda images: below(images) | (images.mean((1, 2)) > 9), lambda images: below(images).numpy(),
    lambda images: [bool(one) for one in below(images)], lambda images: below(images) == True,  # noqa: E712
    lambda images: (values := images[:, 30:].std((1, 2))) > values.median()])
def test_rules_that_look_at_the_images_are_right(drawings, rule):
    assert check('a rule by hand', rule, **drawings).right


def test_a_rule_that_fails_is_told_why(drawings):
    said = check('a rule by hand', lambda images: below(images) and images.mean((1, 2)) > 0, **drawings)
    assert 'raised RuntimeError' in said.says and 'write `&` instead of `and`' in said.says
    assert 'raised NameError' in check('a rule by hand', lambda images: nose(images), **drawings).says  # noqa: F821
    assert not check('a rule by hand', lambda images: 'cat', **drawings).right


def test_a_rule_says_true_or_false(drawings):
    assert check('a rule by hand', below, **drawings).right
    assert 'without parentheses' in str(check('a rule by hand', below(drawings['pictures']), **drawings))
    assert 'returned numbers' in str(check('a rule by hand', lambda images: images.mean((1, 2)), **drawings))


@pytest.mark.parametrize('answer, mistake', [
    ([.3, .4], 'uphill'), ([.6, -.5], 'the learning rate forgotten'),
    ([.2, -.6], 'the step instead of the new weights')])
def test_steps_that_go_wrong(answer, mistake):
    assert check('one step downhill', torch.tensor(answer), **STEP).mistake == mistake


def test_a_step_of_another_shape_is_told_so():
    assert 'two new weights' in str(check('one step downhill', torch.tensor(.7), **STEP))


@pytest.mark.parametrize('answer, mistake', [
    (2, 'the labels of one image'), (1024, 'all combinations'), (16, 'pairs of labels')])
def test_outputs_that_are_not_there(ten_classes, answer, mistake):
    assert check('outputs of the head', answer, learn=ten_classes).mistake == mistake


@pytest.mark.parametrize('answer, mistake', [
    (.05, 'chosen and measured on one set'), (.06, 'chosen on the test set'), (.088, 'the mean of all')])
def test_numbers_that_are_not_honest(answer, mistake):
    assert check('an honest number', answer, **HONEST).mistake == mistake
