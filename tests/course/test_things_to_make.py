"""Exercises whose answer is a function, a filter or a network: solution, mistakes by name, and code that fails.

Each has a bar that its solution reaches. Members of the kind "a grader that crashes": no function, a function that
raises, one that returns None, text, a list, a tensor of another shape. Of the kind "the check asks for more than the
text": a network below 100 parameters, a filter of very small and very large numbers. Of the kind "a misleading reply":
a missing Flatten and a wrong number of channels taken for a fixed size, a name in quotes, a call for a function.
"""
from pathlib import Path

import pytest
import torch
from fastlearn.course.exercises import check
from fastlearn.course.path import exercises_in, PATH
from fastlearn.course.things_to_make import THINGS
from fastlearn.data.images import imagenet_stats
from grading import takes_its_solution_and_knows_mistakes
from torch import nn

NBS = Path(__file__).resolve().parents[2]/'nbs'
FILES = [Path(f'images/{name}_{i}.webp') for i in range(5) for name in ('Tabby', 'beagle', 'Persian', 'pug')]
MEAN, STD = (torch.tensor(one)[:, None, None] for one in imagenet_stats)
def fractions(pixels): return torch.tensor(pixels).permute(2, 0, 1)/255
def always(value): return lambda *given: value


def mirror_some(images): return torch.stack([one.flip(-1) if i % 2 else one for i, one in enumerate(images)])
def upside_down(images): return images.flip(-2)
def best_epoch(losses, patience): return losses.index(min(losses))
def square(prediction, target): return ((prediction - target)**2).mean()
def pooled(outputs): return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, outputs))


def stop_at_first_rise(losses, patience):
    return next((i for i in range(1, len(losses)) if losses[i] > losses[i - 1]), len(losses) - 1)


def never_ending(losses, patience):
    best = losses.index(min(losses))
    return best + patience if best + patience < len(losses) else None


EXAMPLES = {  # exercise -> mistakes, nonsense, and the facts
    'a label function': ({'cats and dogs swapped': lambda name: name[0].isupper(), 'not yes or no': always('dog'),
                          'the same for every name': always(True)}, lambda name: name[1] == 'e'),
    'an edge filter': ({'it responds to gray': torch.ones(7, 7), 'horizontal edges': torch.cat([
        -torch.ones(3, 7), torch.zeros(1, 7), torch.ones(3, 7)])}, torch.zeros(3, 3)),
    'a fair album': ({'the scene reveals the animal': lambda i, is_cat: 'snow' if is_cat else 'night',
                      'one scene for all': always('snow')}, always('beach')),
    'a small network': ({'too many parameters': nn.Sequential(nn.Flatten(), nn.Linear(3*64*64, 2)),
                         'nothing to learn': nn.Flatten(),
                         'the layers do not fit': nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Linear(3, 2)),
                         'the channels do not fit': nn.Conv2d(1, 2, 3),
                         'one size only': nn.Sequential(nn.Conv2d(3, 4, 5, stride=8), nn.Flatten(), nn.Linear(4*64, 2)),
                         'another shape': nn.Conv2d(3, 8, 3)}, 77),
    'an input by hand': ({'colors last': lambda pixels: torch.tensor(pixels)/255, 'not normalized': fractions,
                          'bytes taken for fractions': lambda pixels: (255*fractions(pixels) - MEAN)/STD},
                         lambda pixels: fractions(pixels)*0),
    'a label from the name': ({'the first word only': lambda name: name.split('_')[0],
                               'the number kept': lambda name: name.split('.')[0].replace('_', ' '),
                               'the underscore kept': lambda name: name.rpartition('_')[0]}, always('pug')),
    'a split by burst': ({'bursts in both sets': lambda names: range(0, len(names), 5),
                          'names instead of positions': lambda names: names[:50],
                          'too many or too few': lambda names: range(10)}, always(7)),
    'an augmentation': ({'the whole batch at once': lambda images: images.flip(-1), 'upside down': upside_down,
                         'not random': mirror_some}, lambda images: images*0),
    'a duplicate finder': ({'equal codes only': always([19]), 'the first dropped too': always([2, 7, 11, 12, 15, 19])},
                           always([1])),
    'a loss of your own': ({
        'a metric, not a loss': lambda prediction, target: (prediction.round() != target).float().mean(),
        'the square': square, 'signs cancel': lambda prediction, target: (prediction - target).mean()},
        lambda prediction, target: (prediction - target).abs().mean() + 1),
    'a balanced metric': ({
        'plain accuracy': lambda predictions, targets: (predictions == targets).float().mean(),
        'one class only': lambda predictions, targets: (predictions[targets == 1] == 1).float().mean()}, always(.7)),
    'a descent of your own': ({'uphill': lambda slope, w, lr, steps: w + lr*slope(w),
                               'one step only': lambda slope, w, lr, steps: w - lr*slope(w),
                               'nothing returned': always(None)}, always(77.)),
    'a schedule of your own': ({'no warm-up': lambda progress: 1 - progress,
                                'it never falls': lambda progress: min(1, progress/.25)}, always(.3)),
    'a rule to stop': ({'no patience': stop_at_first_rise, 'the best epoch': best_epoch, 'it never ends': never_ending},
                       always(0)),
    'the time left': ({'the time for all': lambda done, total, seconds: seconds/done*total,
                       'the time so far': lambda done, total, seconds: seconds,
                       'nothing done yet': lambda done, total, seconds: seconds/done*(total - done)}, always(3.)),
    'a head of your own': ({'too many parameters': nn.Sequential(nn.Flatten(), nn.Linear(256*16, 2)),
                            'no pooling': nn.Linear(256, 2), 'another shape': pooled(3)}, 77),
    'a plan to unfreeze': ({'reversed': [0, 1, 2], 'nothing learns': [3, 2, 1],
                            'groups that learn counted': [1, 2, 3]}, [2, 2, 2]),
    'how many images it takes': ({
        'a straight line': lambda counts, errors, target: counts[-1] + (target - errors[-1])*(counts[-1] - counts[-2])/(
            errors[-1] - errors[-2]),
        'in proportion': lambda counts, errors, target: counts[-1]*errors[-1]/target}, always(7.)),
    'is it better?': ({'the mean decides': lambda frozen, free: sum(free) < sum(frozen),
                       'reversed': lambda frozen, free: all(a < b for a, b in zip(frozen, free))},
                      always(False)),
}
FACTS = {'a label function': {'files': FILES}}
NAMES = {'an input by hand': {'imagenet_stats': imagenet_stats}, 'a small network': {'nn': nn},
         'a head of your own': {'nn': nn}}


@pytest.mark.parametrize('name', THINGS)
def test_a_thing_reaches_its_bar_and_mistakes_have_names(name):
    mistakes, nonsense = EXAMPLES[name]
    takes_its_solution_and_knows_mistakes(name, FACTS.get(name, {}), mistakes, nonsense, **NAMES.get(name, {}))


@pytest.mark.parametrize('name', THINGS)
@pytest.mark.parametrize('thing', [None, 'text', [], {}, 0, lambda *given: 1/0, always(None), always('text'),
                                   always([]), always(torch.zeros(2, 3)), nn.Identity()],
                         ids=['None', 'text', 'list', 'dict', '0', 'raises', 'returns None', 'returns text',
                              'returns a list', 'returns a tensor', 'network'])
def test_no_answer_makes_a_grader_fail(name, thing):
    said = check(name, thing, **FACTS.get(name, {}))
    assert not said.right and said.says


@pytest.mark.parametrize('network', [
    nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(3, 2)),
    nn.Sequential(nn.Conv2d(3, 16, 7), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 2))])
def test_a_network_that_does_what_the_text_asks_is_right_however_small(network):
    assert check('a small network', network).right


@pytest.mark.parametrize('scale', [1e-3, 1., 255.])
def test_an_edge_filter_of_any_scale_is_right_and_its_numbers_are_readable(scale):
    weights = torch.zeros(7, 7)
    weights[:, :3], weights[:, 4:] = -scale, scale
    said = check('an edge filter', weights)
    assert said.right and 'e-' not in said.says and 'e+' not in said.says and 'plain gray 0' in said.says


def test_a_name_in_quotes_and_a_call_are_told_so():
    for answer in 'is_dog', True: assert 'without quotes and parentheses' in check('a label function', answer,
                                                                                   files=FILES).says


@pytest.mark.filterwarnings('error')
def test_a_loss_with_a_slope_is_graded_without_a_warning():
    assert check('a loss of your own', lambda prediction, target: (prediction - target).abs().mean()).right


def test_every_thing_is_on_the_path():
    asked = {name for step in PATH for one in step.notebooks for name in exercises_in(NBS/f'{one}.ipynb')}
    assert set(THINGS) <= asked
