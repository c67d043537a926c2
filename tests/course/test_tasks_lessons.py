"Tasks of the lessons: each takes its solution and knows the usual mistakes"
from types import SimpleNamespace

import pytest
import torch
from fastlearn.course import exercises
from fastlearn.course.exercises import check, TASKS
from judging import takes_its_solution_and_knows_mistakes

SURE = torch.tensor([.99]*50 + [.9]*30 + [.6]*20)
RIGHT = torch.tensor([True]*50 + [True]*27 + [False]*3 + [True]*10 + [False]*10)
FEW = SimpleNamespace(
    vocab=('beagle', 'pug', 'collie'),
    train=SimpleNamespace(n_images=10, dataset=SimpleNamespace(targets=torch.tensor([0]*6 + [1]*3 + [2]))),
    valid=SimpleNamespace(n_images=5, dataset=SimpleNamespace(targets=torch.tensor([0, 1, 1, 2, 2]))))
EXAMPLES = {  # facts, answers that show a mistake, and one that shows none
    'the cheapest threshold': ({'sure': SURE, 'right': RIGHT}, {
        'never asking': .5, 'fewest mistakes': 1., 'a threshold above 1': 95}, .7),
    'answer, or pass it on': ({}, {
        'per cent': lambda p: p.argmax().item() if p.max() >= 90 else None,
        'one class in place of the largest': lambda p: p.argmax().item() if p[0] >= .9 else None,
        'it always answers': lambda p: p.argmax().item(),
        'the probability in place of the class': lambda p: p.max().item() if p.max() >= .9 else None}, lambda: 0),
    'the laziest answer': ({'dls': FEW}, {
        'the share of right answers': .2, 'the training set': .4, 'guessing': 2/3}, .77),
    'how fine is the ruler': ({'dls': FEW}, {'the training set': .1, 'all pictures': 1/15, 'per cent': 20}, .77),
}
LIVE = 'a map for dogs', 'what a square takes'  # of a learner


@pytest.fixture(scope='module')
def learner(few_pets):
    "Cats and dogs by name, as in the lessons"
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, resnet10, vision_learner
    dls = ImageDataLoaders.from_name_func(few_pets, get_image_files(few_pets), seed=0, bs=16, valid_pct=.4,
                                          item_tfms=Resize(64), device='cpu',
                                          label_func=lambda name: 'cat' if name[0].isupper() else 'dog')
    learn = vision_learner(dls, resnet10)
    learn.fine_tune(2)
    return learn


@pytest.fixture(scope='module')
def example(learner):
    "The example of a task"
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
        clear, grey, turned, dark = learner.model(torch.cat([
            picture, covered(upper, right, 0.), covered(right, upper, 0.), covered(upper, right, black)]))
    clear, grey, turned, dark = ((one.softmax(0)[1].item(), one[1].item()) for one in (clear, grey, turned, dark))
    live = {'a map for dogs': ({'learn': learner}, {
                'a picture for a map': 300, 'the classes exchanged': first(dogs.sum(1) == 0),
                'only the strongest': first(dogs[:, 0] & (dogs.sum(1) < 9))},
                first(~dogs[:, 0] & (dogs.sum(1) > 0))),
            'what a square takes': ({'learn': learner}, {
                'the sign': grey[0] - clear[0], 'what is left': grey[0],
                'rows and columns exchanged': clear[0] - turned[0], 'logits': clear[1] - grey[1],
                'black in place of grey': clear[0] - dark[0]}, 77)}
    return lambda name: EXAMPLES.get(name) or live[name]


def test_every_task_has_an_example():
    exercises.load_tasks()
    ours = {name for name, one in TASKS.items() if one.judge.__module__ == 'fastlearn.course.tasks_lessons'}
    assert ours == {*EXAMPLES, *LIVE}


@pytest.mark.parametrize('name', [*EXAMPLES, *LIVE])
def test_a_task_takes_its_solution_and_knows_the_mistakes(name, example):
    from fastlearn.all import top_activations
    takes_its_solution_and_knows_mistakes(name, *example(name), top_activations=top_activations)


def test_many_thresholds_can_be_equally_good():
    assert all(check('the cheapest threshold', good, sure=SURE, right=RIGHT).right for good in (.91, .95, .99))


def test_a_function_that_fails_is_told_why():
    assert 'ZeroDivisionError' in check('answer, or pass it on', lambda p: 1/0).says
