"""Class numbers travel with their names, and a set is read in one order.

The kind: numbers of classes that were counted in one list are compared with numbers counted in another. Members tried
beside an evaluation folder that lacks a class: `classes` in another order, as a NumPy array, as a dictionary, as
synonyms; `class_to_idx` alone, in another order, from 1; parts of parts, joined sets with the same and with other
classes, sets with a target_transform, a mere count as `classes`; a class that is listed and never occurs, one that
occurs and is unknown; several labels; renamed classes; booleans and their text; another kind of label; loaders that
are set later (`dls.valid =`, `learn.dls =`); all readers (validate, get_preds, the interpretation). The oracle goes by
name, image by image, in plain Python.

The second kind: a loader that shuffles or drops images is read as if it did not. Members: ours, PyTorch's with
shuffle, drop_last, a random subset, weights, and with batches of one's own.
"""
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import ConcatDataset, Subset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler
from torch.utils.data import DataLoader as TorchLoader

from fastlearn.data.class_numbers import in_vocab, reading_order
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.images import Resize
from fastlearn.data.labels import LabelSpec
from fastlearn.data.torch_loaders import class_names
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.learner import Learner, load_learner
from fastlearn.metrics import accuracy

COLORS = {'blue': (0, 0, 1), 'green': (0, 1, 0), 'red': (1, 0, 0), 'yellow': (1, 1, 0)}


class Colors(TensorDataset):
    "Images of one color, numbered as `numbers` says; `about` becomes attributes"
    def __init__(self, names, numbers, **about):
        images = torch.stack([torch.tensor(COLORS[name]).float().view(3, 1, 1).expand(3, 4, 4) for name in names])
        super().__init__(images, torch.tensor([numbers[name] for name in names]))
        self.names = names
        for key, value in about.items(): setattr(self, key, value)


class Knows(nn.Module):
    "A perfect model of blue, green and red, in this order"
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.))
    def forward(self, x):
        r, g, b = x.mean((2, 3)).unbind(1)
        return torch.stack([b, g, r], 1)*self.scale


BGR = {'blue': 0, 'green': 1, 'red': 2}
TRAIN = Colors(['blue', 'green', 'red']*2, BGR, classes=['blue', 'green', 'red'])
GR = Colors(['green', 'red', 'red', 'green'], {'green': 0, 'red': 1}, classes=['green', 'red'])


def loader(dataset, **options): return TorchLoader(dataset, 2, **options)


def learner(valid=None, **options):
    dls = DataLoaders(loader(TRAIN), loader(TRAIN if valid is None else valid), device='cpu', **options)
    return Learner(dls, Knows(), metrics=accuracy, quiet=True, precision=torch.float32)


SAME = {
    'classes': GR,
    'other order': Colors(['red', 'green', 'blue'], {'red': 0, 'green': 1, 'blue': 2},
                          classes=['red', 'green', 'blue']),
    'array': Colors(GR.names, {'green': 0, 'red': 1}, classes=np.array(['green', 'red'])),
    'dictionary': Colors(GR.names, {'green': 0, 'red': 1}, classes={0: 'green', 1: 'red'}),
    'class_to_idx alone': Colors(GR.names, {'green': 1, 'red': 0}, class_to_idx={'green': 1, 'red': 0}),
    'class_to_idx against classes': Colors(GR.names, {'green': 1, 'red': 0}, classes=['green', 'red'],
                                           class_to_idx={'green': 1, 'red': 0}),
    'from 1': Colors(GR.names, {'green': 1, 'red': 2}, class_to_idx={'green': 1, 'red': 2}),
    'part of a part': Subset(Subset(GR, [1, 2, 3]), [0, 2]),
    'joined': ConcatDataset([GR, Subset(GR, [0, 1])]),
    'listed, never there': Colors(GR.names, {'green': 0, 'red': 1}, classes=['green', 'red', 'yellow']),
}


@pytest.mark.parametrize('valid', SAME.values(), ids=list(SAME))
@pytest.mark.parametrize('when', ['made', 'set', 'asked'])
def test_numbers_are_translated_by_name(valid, when):
    learn = learner(valid if when == 'made' else None)
    if when == 'set': learn.dls.valid = loader(valid)
    dl = loader(valid) if when == 'asked' else None
    assert learn.validate(dl).metrics == {'accuracy': 1}
    probabilities, targets = learn.get_preds(dl)
    assert probabilities.argmax(1).equal(targets) and len(targets) == len(valid)
    matrix = ClassificationInterpretation.from_learner(learn, dl).confusion_matrix()
    assert matrix.diag().sum() == len(valid) and matrix.shape == (3, 3)


def test_without_translation_they_would_be_wrong():
    "The other half of the proof: the same numbers, taken as they are, mean other classes"
    assert learner().validate(loader(TensorDataset(*GR.tensors))).metrics['accuracy'] == 0


def test_synonyms_are_names():
    names = [('blue', 'azure'), ('green',), ('red', 'crimson')]
    assert class_names(Colors(['red'], BGR, classes=names))[0] == ('blue', 'azure')
    many = {'blue': 0, 'azure': 0, 'green': 1, 'red': 2}   # several names of a number: the list counts
    assert class_names(Colors(['red'], BGR, classes=names, class_to_idx=many)) == dict(enumerate(names))


@pytest.mark.parametrize('about', [{'classes': ['green', 'red'], 'target_transform': abs}, {'classes': 2}, {}])
def test_sets_that_do_not_say_what_numbers_mean(about):
    assert class_names(Colors(['green', 'red'], BGR, **about)) == {}


def test_a_class_that_the_model_does_not_know_is_refused_by_name():
    odd = Colors(['green', 'yellow'], {'green': 0, 'yellow': 1}, classes=['green', 'yellow'])
    learn = learner()
    for ask in learn.validate, learn.get_preds, lambda dl: ClassificationInterpretation.from_learner(learn, dl):
        with pytest.raises(ValueError, match="the label 'yellow', which the model does not know"): ask(loader(odd))
    with pytest.raises(ValueError, match='yellow'): list(DataLoaders(loader(TRAIN), loader(odd), device='cpu').valid)


def test_joined_sets_must_count_alike():
    with pytest.raises(ValueError, match='number their classes differently'):
        DataLoaders(loader(ConcatDataset([TRAIN, GR])), loader(TRAIN), device='cpu')


def test_classes_that_are_not_counted_from_0_are_refused():
    odd = Colors(['green', 'red'], {'green': 1, 'red': 2}, class_to_idx={'green': 1, 'red': 2})
    with pytest.raises(ValueError, match='numbers its classes 1 to 2; expected 0 to 1'):
        DataLoaders(loader(odd), loader(odd), device='cpu')


def test_renamed_classes_are_known_by_both_names():
    "vocab= renames the classes of the training set; a test set has their old names"
    learn = learner(vocab=['azure', 'lime', 'crimson'])
    assert learn.dls.vocab == ('azure', 'lime', 'crimson')
    assert learn.validate(loader(GR)).metrics == {'accuracy': 1}
    new = Colors(['green', 'red'], {'green': 1, 'red': 0}, classes=['crimson', 'lime'])
    assert learn.validate(loader(new)).metrics == {'accuracy': 1}


def test_several_labels_move_with_their_names():
    spec = LabelSpec('multi', ('a', 'b', 'c'))
    data = ImageDataset([None]*3, [['c'], [], ['a', 'c']], LabelSpec('multi', ('c', 'a')))
    moved = in_vocab(DataLoader(data), spec)
    assert moved.dataset.targets.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 1]]
    assert moved.dataset.items is data.items and data.label_spec.vocab == ('c', 'a')
    with pytest.raises(ValueError, match="'c'"): in_vocab(DataLoader(data), LabelSpec('multi', ('a', 'b')))


@pytest.mark.parametrize(('spec', 'labels'), [
    (LabelSpec('single', (False, True)), ['False', 'True']), (LabelSpec('single', ('1', '2')), [1, 2]),
    (LabelSpec('multi', ('a', 'b')), ['a', 'b']), (LabelSpec('number', (), 2), ['a', 'b']),
    (LabelSpec('number', (), 2), [1.5, 2.5])])
def test_other_labels_are_refused_in_words(spec, labels):
    with pytest.raises(ValueError, match='does not know|the model was made for'):
        in_vocab(DataLoader(ImageDataset([None]*2, labels)), spec)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    "Images of three colors to learn from, and of two"
    def make(names):
        path = tmp_path_factory.mktemp('colors')
        for name in names:
            (path/name).mkdir()
            for i in range(4):
                pixels = np.full((8, 8, 3), np.array(COLORS[name])*(240 + i), np.uint8)
                Image.fromarray(pixels).save(path/name/f'{i}.png')
        return ImageDataLoaders.from_folder(path, valid_pct=.5, seed=1, bs=3, item_tfms=Resize(8), device='cpu')
    return make(['blue', 'green', 'red']), make(['green', 'red'])


def own(dls):
    learn = Learner(dls, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)), metrics=accuracy,
                    quiet=True, precision=torch.float32)
    with torch.no_grad():
        learn.model[2].weight.copy_(torch.tensor([[0., 0, 9], [0, 9, 0], [9, 0, 0]]))
        learn.model[2].bias.zero_()
    return learn


def test_new_data_loaders_are_trained_on_the_right_numbers(folders):
    three, two = folders
    learn = own(three)
    learn.dls = two
    assert learn.dls.vocab == three.vocab and two.vocab == ('green', 'red')
    batch = learn.dls.train.dataset
    assert [learn.dls.vocab[i] for i in batch.targets] == [path.parent.name for path in batch.items]
    learn.fit(3, 1e-1)
    assert learn.validate().metrics == {'accuracy': 1} and max(learn.history.losses) < .1
    learn.dls = three                      # the same classes: the very same object
    assert learn.dls is three


def test_a_loaded_learner_measures_another_folder(folders, tmp_path):
    three, two = folders
    own(three).export(tmp_path/'colors')
    loaded = load_learner(tmp_path/'colors', arch=lambda: own(three).model)
    loaded.metrics = accuracy
    assert loaded.validate(two.valid).metrics == loaded.validate(two.train).metrics == {'accuracy': 1}


def test_predictions_of_the_training_set_are_in_the_order_of_its_files(folders):
    three, _ = folders
    learn, epoch = own(three), three.train.epoch
    for _ in range(2):
        probabilities, targets = learn.get_preds(three.train)
        names = [three.vocab[i] for i in probabilities.argmax(1)]
        assert names == [path.parent.name for path in three.train.items] and targets.equal(three.train.dataset.targets)
    assert learn.validate(three.train).images == learn.validate(ds_idx=0).images == len(three.train.items)
    assert three.train.epoch == epoch
    learn.dls = three
    plain = learn.tta(n=1, beta=1.)[0]
    assert plain.allclose(learn.get_preds()[0])


NUMBERED = TensorDataset(torch.arange(7.).view(7, 1, 1, 1).expand(7, 3, 2, 2), torch.arange(7))


@pytest.mark.parametrize(('options', 'expected'), [
    ({'shuffle': True}, range(7)), ({'shuffle': True, 'drop_last': True}, range(7)), ({'drop_last': True}, range(7)),
    ({'sampler': SubsetRandomSampler([5, 1, 4])}, [5, 1, 4]),
    ({'sampler': WeightedRandomSampler([1., 0, 0, 0, 0, 0, 0], 9)}, range(7)), ({'sampler': [6, 2]}, [6, 2])])
def test_loaders_of_pytorch_are_read_in_order(options, expected):
    dls = DataLoaders(TorchLoader(NUMBERED, 2), TorchLoader(NUMBERED, 2), vocab=range(7), device='cpu')
    found = torch.cat([targets for _, targets in reading_order(dls, TorchLoader(NUMBERED, 2, **options))])
    assert found.tolist() == list(expected)


def test_batches_of_ones_own_stay_as_they_are():
    mine = TorchLoader(NUMBERED, batch_sampler=[[3, 1], [0]])
    dls = DataLoaders(TorchLoader(NUMBERED, 2), mine, vocab=range(7), device='cpu')
    assert reading_order(dls) is mine and reading_order(dls, [(1, 2)]) == [(1, 2)]


@pytest.mark.parametrize('odd', ['x.png', ['x.png', 'y.png'], [Image.new('RGB', (2, 2))], b'bytes', 3, 1.5,
                                 torch.zeros(3), 'the loaders'])
def test_what_is_no_loader_is_named(odd):
    learn = learner()
    for ask in learn.get_preds, learn.validate, lambda dl: ClassificationInterpretation.from_learner(learn, dl):
        with pytest.raises(TypeError, match='expected (a|one) loader'): ask(learn.dls if odd == 'the loaders' else odd)
    with pytest.raises(ValueError, match='ds_idx is 2'): learn.get_preds(ds_idx=2)
