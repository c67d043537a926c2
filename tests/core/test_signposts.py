"""fastai's names, arguments and attributes that are not here: each leads to the way here, wherever it is typed.

fastai_names.txt holds the `__all__` of fastai 2.8.12's modules but the ones that are about its own documentation.
Members tried: an import by name, the star import (call, subclass, attribute, index, decorator, `isinstance`, union,
loop), tools that look a namespace over (hasattr, pickle, copy, repr), the arguments of 93 functions and classes,
attributes of learner, loaders, results, class attributes of `URLs`; names that are both in the table and here, twice
in the table, of no sentence, and sentences that name what does not exist.
"""
import copy
import inspect
import json
import pickle
import re
import sys
from pathlib import Path

import fastlearn.all
import pytest
import torch
from fastlearn.core.arguments import TellsTheWay, way_here
from fastlearn.core.signposts import missing, read_ways, Signpost, ways
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.inference.predict import get_preds
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.interpret.cleaner import ImageClassifierCleaner
from fastlearn.learner import Learner, vision_learner
from fastlearn.recorder_view import RecorderView
from torch import nn

sys.path.append(str(Path(__file__).resolve().parents[2]/'tools'))
from from_fastai import counted, PAGE, render  # noqa: E402

NAMES = Path(__file__).with_name('fastai_names.txt').read_text(encoding='utf-8').split()
HERE = {name for name in fastlearn.all.__all__ if name not in ways('names')}


def test_every_name_of_fastai_is_here_or_in_the_table():
    assert len(NAMES) > 700
    assert set(NAMES) - HERE - set(ways('names')) - set(ways('elsewhere')) == set()


def test_the_page_shows_the_table():
    assert PAGE.read_text(encoding='utf-8') == render(), 'python tools/from_fastai.py'


def test_readme_says_what_was_counted():
    (first, of_first), (all_, of_all) = counted()
    said = (PAGE.parent.parent/'README.md').read_text(encoding='utf-8')
    assert f'Of the {of_first} code cells' in said and f'{first} run with no change' in said
    assert f'{all_} of the {of_all} cells in ten chapters' in said


def test_the_table_has_no_name_twice_and_none_that_is_here():
    for kind, rows in read_ways().items():
        listed = [name for way in rows for name in way.names]
        twice = {name for name in listed if listed.count(name) > 1}
        assert not twice or kind == 'arguments' and all(ways(kind)[name].same for name in twice), twice
    assert not HERE & set(ways('names')) and not [name for name in ways('names') if name in vars(fastlearn.all)]
    classes = Learner, DataLoaders, DataLoader, RecorderView
    assert not [name for name in ways('attributes') if all(hasattr(cls, name) for cls in classes)]


@pytest.mark.parametrize('name', [*ways('names'), *ways('elsewhere')])
def test_an_import_by_name_says_the_way(name):
    with pytest.raises(ImportError) as found: exec(f'from fastlearn.all import {name}', {})
    way = ways('names').get(name) or ways('elsewhere')[name]
    assert str(found.value) == missing(name) and missing(name).endswith(way.text.replace('{name}', name))
    assert '{' not in missing(name).replace('{}', '')


def test_in_a_function_and_beside_names_that_are_here():
    space = {}
    exec('def f():\n    from fastlearn.all import Learner, SaveModelCallback\n    return Learner', space)
    with pytest.raises(ImportError, match="save_best='valid_loss'"): space['f']()
    with pytest.raises(ImportError, match='cannot import name'): exec('from fastlearn.all import Nothing', {})


USES = {'call': '{}(monitor="x")', 'subclass': 'class Mine({}): pass', 'attribute': '{}.Zeros', 'index': '{}[resnet10]',
        'decorator': '@{}\ndef f(x): pass', 'isinstance': 'isinstance(1, {})', 'union': 'None | {}', 'loop': 'list({})',
        'with': 'with {}: pass'}


@pytest.mark.parametrize('use', USES)
def test_after_the_star_import_every_use_says_the_way(use):
    space = {}
    exec('from fastlearn.all import *', space)
    for name in 'SaveModelCallback', 'Transform', 'TfmdLists', 'Rotate':
        with pytest.raises((NameError, AttributeError), match=re.escape(missing(name))):
            exec(USES[use].format(name), space)


def test_every_signpost_comes_with_the_star_import_and_gives_way_to_a_variable():
    space = {}
    exec('from fastlearn.all import *\nclass Callback: pass\nmine = Callback()', space)
    others = {name for name in ways('names') if name != 'Callback'}
    assert all(isinstance(space[name], Signpost) for name in others)
    assert type(space['mine']).__name__ == 'Callback'


def test_what_other_libraries_have_is_left_to_them():
    space = {}
    exec('from fastcore.all import *\nown = patch, parallel\nfrom fastlearn.all import *', space)
    exec('same = own == (patch, parallel)', space)
    assert space['same'] and not set(ways('elsewhere')) & set(fastlearn.all.__all__)


def test_tools_that_look_a_namespace_over_are_left_alone():
    one = Signpost('CutMix')
    assert not hasattr(one, '_repr_html_') and not hasattr(one, 'shape') and bool(one) and one == one
    assert repr(one) == missing('CutMix') == repr(copy.deepcopy(one)) == repr(pickle.loads(pickle.dumps(one)))
    assert inspect.unwrap(one) is one and not inspect.isclass(one)


FUNCTIONS = [vision_learner, Learner.fine_tune, Learner.get_preds, ImageDataLoaders.from_folder, get_preds]


@pytest.mark.parametrize('name', ways('arguments'))
def test_every_argument_is_told(name):
    "Under the name here if the function has it, otherwise with the sentence"
    way = ways('arguments')[name]
    told = way_here(name, way.same or ['data'])
    assert told == (f'it is called {way.same[0]} here' if way.same else way.text)
    known = {one for function in FUNCTIONS for one in inspect.signature(function).parameters}
    if name not in known and not way.same:
        with pytest.raises(TypeError, match=re.escape(f'has no argument {name}; {way.text}')):
            vision_learner(None, 'resnet10', **{name: 1})


OF_FASTAI = json.loads(Path(__file__).with_name('fastai_arguments.json').read_text(encoding='utf-8'))
PLACES = {'DataLoaders': DataLoaders, 'Recorder': RecorderView, 'Learner': Learner}
FOR_LOOPS = {'accuracy', 'error_rate', 'top_k_accuracy', 'accuracy_multi', 'mse', 'mae', 'rmse', 'R2Score', 'xresnet18',
             'Normalize.from_stats'}      # short, without guards
PASSED_ON = {'show_image', 'DataBlock.summary'}  # they hand on what they do not know, to matplotlib and `dataloaders`


def here(name):
    owner, _, method = name.rpartition('.')
    if not owner: return getattr(fastlearn.all, name)
    return getattr(PLACES.get(owner) or getattr(fastlearn.all, owner), method)


@pytest.mark.parametrize('name', sorted(set(OF_FASTAI) - FOR_LOOPS - set(PASSED_ON)))
def test_every_argument_of_fastai_s_functions_is_here_or_told(name, learn):
    "fastai_arguments.json holds the signatures of fastai 2.8.12"
    function = here(name)
    takes = inspect.signature(function).parameters
    before = [learn] if 'self' in takes else []
    for argument in OF_FASTAI[name].split():
        if argument in takes: continue
        with pytest.raises(TypeError, match=rf'\(\) has no argument {argument}; '): function(*before, **{argument: 1})


@pytest.fixture(scope='module')
def learn():
    data = [(torch.randn(8, 4), torch.randint(2, (8,))) for _ in range(3)]
    learn = Learner(DataLoaders(data, data, vocab=['no', 'yes'], device='cpu'), nn.Linear(4, 2), quiet=True)
    learn.fit(1, 1e-2)
    return learn


def test_attributes_are_told(learn):
    for name, said in {'activation_stats': 'top_activations', 'fit_flat_cos': 'fit_one_cycle', 'add_cb': 'observers',
                       'path': 'full path', 'fine_tun': 'did you mean fine_tune'}.items():
        with pytest.raises(AttributeError, match=f"Learner has no attribute '{name}'; .*{said}"): getattr(learn, name)
    with pytest.raises(AttributeError, match='learn.loss_func'): _ = learn.dls.loss_func
    with pytest.raises(AttributeError, match="RecorderView has no attribute 'plot_los'; did you mean plot_loss"):
        _ = learn.recorder.plot_los
    assert all(issubclass(one, TellsTheWay) for one in (DataLoader, DataLoaders, Learner, RecorderView,
                                                        ClassificationInterpretation, ImageClassifierCleaner))


def test_a_data_set_that_is_not_there_is_told():
    with pytest.raises(AttributeError, match='URLs has no dataset MNIST_SAMPLE; it has MINI_PETS, PETS.*address'):
        _ = fastlearn.all.URLs.MNIST_SAMPLE
    assert not hasattr(fastlearn.all.URLs, '_x')


def test_an_error_inside_a_property_stays_what_it_is():
    class Broken(TellsTheWay):
        @property
        def size(self): return self.parts.n
        parts = None
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'n'"): _ = Broken().size


def test_tools_may_ask_a_learner_for_anything(learn):
    assert not hasattr(learn, '_repr_html_') and not hasattr(learn, '__len__') and not hasattr(learn, 'nothing')
    assert copy.deepcopy(learn).history.losses == learn.history.losses


NOT_OURS = {'help', 'len', 'str', 'type', 'class', 'Name'}


@pytest.mark.parametrize('text', sorted({way.text for kind, rows in read_ways().items() for way in rows
                                         if way.text and kind != 'departures'}))
def test_a_way_names_what_exists(text):
    "What a sentence calls, gives as an argument or takes from the learner is there"
    arguments = {'axis', 'freeze_epochs'}  # those of `fine_tune` are hidden by its decorator
    for one in [getattr(fastlearn.all, name) for name in HERE] + [
            getattr(cls, name) for cls in (Learner, ImageDataLoaders) for name in dir(cls) if name[0] != '_']:
        try: arguments |= set(inspect.signature(one).parameters)
        except (TypeError, ValueError): continue
    for name in re.findall(r'\b([a-z_]\w+)=', text): assert name in arguments, name
    for name in re.findall(r'(?<![\w.])([A-Za-z_]\w+)\(', text):
        assert name in HERE or hasattr(Learner, name) or name in NOT_OURS, name
    for name in re.findall(r'\blearn\.(\w+)', text):
        assert hasattr(Learner, name) or name in Learner.__dataclass_fields__, name


@pytest.mark.parametrize('call', [
    lambda one: one.fine_tune(1, lr=1), lambda one: one.fit(), lambda one: one.lr_find(n=1)])
def test_jupyter_leaves_wrappers_out_of_the_traceback(call):
    "Between the line of the user and the message stands at most the function that raised it"
    traceback = pytest.importorskip('IPython.core.ultratb')
    with pytest.raises(TypeError) as found: call(Learner.__new__(Learner))
    said = traceback.VerboseTB().text(found.type, found.value, found.tb)
    assert not re.search(r', in (?:\x1b\[[\d;]*m)*(?:recorded|named)\b[^\n]*(?:noting|call)\b', said)
    assert 'skipping hidden 1 frame' in said
