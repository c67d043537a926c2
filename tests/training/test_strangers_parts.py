"""What was prepared stays true; wrong arguments, names and files are answered in words.

The kind: an attribute is set, or a part changed, and what was made of it before goes on being used. Members tried
beside `learn.model[1] = head`: the last layer, the first layer, the whole model (of the same kind and of another), a
layer behind, in front and inside, a layer without weights, a wrapper, between two runs and between two phases, after
freeze and after a search for the rate; metrics (one, a list, a name, a partial, appended, in place, none), loss (a
class, none, a string), splitter (a bad one), opt_func, wd, precision, dls (nothing of the kind), attributes that no
learner has.

The second kind: arguments that are handed on, and reported by a function that the user did not call. The third:
copies. The fourth: results that are the last line of a cell.
"""
import copy
import io
import pickle
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from fastlearn.classification_metrics import accuracy_multi, F1Score, RocAuc
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.head import create_head
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.losses import CrossEntropy
from fastlearn.lr_finder import minimum, slide, steep, valley
from fastlearn.metrics import accuracy
from fastlearn.models import resnet10
from fastlearn.optimizer import sgd


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    path, rng = tmp_path_factory.mktemp('two'), np.random.default_rng(0)
    for k, name in enumerate(('green', 'red')):
        (path/name).mkdir()
        for i in range(8):
            pixels = rng.integers(0, 60, (32, 32, 3)).astype(np.uint8)
            pixels[..., 1 - k] += 150
            Image.fromarray(pixels).save(path/name/f'{i}.png')
    return path


@pytest.fixture(scope='module')
def dls(path):
    return ImageDataLoaders.from_folder(path, valid_pct=.25, seed=1, bs=6, item_tfms=Resize(32), device='cpu')


def pretrained(dls, **options): return vision_learner(dls, resnet10, metrics=accuracy, quiet=True, seed=1, **options)


def moved(learn, train):
    "Names of the tensors that may learn, and of those that did"
    before = {name: p.detach().clone() for name, p in learn.model.named_parameters()}
    train(learn)
    after = {name: p for name, p in learn.model.named_parameters() if p.requires_grad}
    return set(after), {name for name, p in after.items() if not p.equal(before[name])}


def head(learn): learn.model[1] = create_head(256, 2)
def last(learn): learn.model[1][-1] = nn.Linear(512, 2)
def first(learn): learn.model[0][0] = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
def whole(learn): learn.model = pretrained(learn.dls).model
def other(learn):
    learn.model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
def behind(learn): learn.model = nn.Sequential(learn.model, nn.Linear(2, 2))
def appended(learn): learn.model.append(nn.Linear(2, 2))
def inside(learn): learn.model[1].insert(len(learn.model[1]), nn.Linear(2, 2))
def wrapped(learn): learn.model = nn.DataParallel(learn.model)
def half(learn): learn.model[0].layer3 = nn.Sequential(learn.model[0].layer3, nn.Conv2d(256, 256, 1))


@pytest.mark.filterwarnings('ignore:the model no longer consists of its original body and head')
@pytest.mark.parametrize('train', [lambda learn: learn.fit(1, 1e-2),
                                   lambda learn: (learn.unfreeze(), learn.fit(1, 1e-2)),
                                   lambda learn: learn.fine_tune(1, 1e-2)], ids=['fit', 'unfreeze', 'fine_tune'])
@pytest.mark.parametrize('change', [head, last, first, whole, other, behind, appended, inside, wrapped, half])
def test_a_part_put_in_place_of_an_old_one_learns(dls, change, train):
    learn = pretrained(dls)
    learn.fit(1, 1e-3)                     # an optimizer and a recorder of the old parts
    change(learn)
    may, did = moved(learn, train)
    assert may == did and may
    assert sum(1 for group in learn.groups for _ in group.parameters()) == len(list(learn.model.parameters()))
    assert learn.validate().images == 4 and learn.predict(dls.valid.items[0]).vocab == ('green', 'red')


def test_a_search_for_the_rate_sees_the_new_part(dls):
    learn, held = pretrained(dls), []
    learn.fit(1, 1e-3)
    learn.opt_func = lambda groups: (held.extend(p for group in groups for p in group['params']), sgd(groups))[1]
    head(learn)
    learn.lr_find(1e-5, 1e-3, num_it=12)
    assert {id(p) for p in learn.model.parameters()} == {id(p) for p in held}


def test_a_part_without_weights_is_put_into_training_mode(dls):
    learn, modes = pretrained(dls), []
    class Noting(nn.Module):
        def forward(self, x): modes.append(self.training); return x
    learn.model[1].insert(0, Noting())
    learn.fit(1, 1e-3)
    assert modes[0] and not modes[-1]


def test_the_dashboard_describes_the_new_part(dls):
    learn = pretrained(dls)
    learn.quiet = False
    learn.fit(1, 1e-3, dashboard=False)
    learn.model[1] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 2))
    learn.fit(1, 1e-3, dashboard=False)
    assert learn.history.series['network'].about['groups'][-1]['parameters'] == 514
    assert len(learn.history.epochs) == 2


DATA = [(torch.randn(8, 4), torch.tensor([0, 1]*4)) for _ in range(3)]


def tiny(**options):
    torch.manual_seed(0)
    dls = DataLoaders(DATA, DATA, vocab=['no', 'yes'], device='cpu')
    return Learner(dls, nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), quiet=True, **options)


@pytest.mark.parametrize(('value', 'names'), [
    (accuracy, ['accuracy']), ([accuracy, 'error_rate'], ['accuracy', 'error_rate']), ('RocAuc', ['roc_auc_score']),
    (partial(accuracy), ['accuracy']), (None, []), ((accuracy, RocAuc()), ['accuracy', 'roc_auc_score'])])
def test_metrics_that_are_set_are_prepared(value, names):
    learn = tiny(metrics='error_rate')
    learn.metrics = value
    assert list(learn.validate().metrics) == names
    learn.fit(1)
    assert learn.history.columns()[3:-1] == names


def test_metrics_that_are_changed_inside_are_prepared_too():
    learn = tiny(metrics='error_rate')
    learn.metrics.append(accuracy)
    assert list(learn.validate().metrics) == ['error_rate', 'accuracy']
    learn.metrics += ['RocAuc']
    learn.metrics[0] = F1Score
    assert list(learn.validate().metrics) == ['f1_score', 'accuracy', 'roc_auc_score']
    with pytest.raises(ValueError, match='acuracy'): learn.metrics = 'acuracy'
    assert len(learn.metrics) == 3


def test_a_loss_that_is_set_is_used():
    learn = tiny()
    plain = learn.validate().loss
    learn.loss_func = CrossEntropy(weight=[1., 3.])
    assert learn.validate().loss != plain
    learn.loss_func = None                 # chosen by the labels again
    assert isinstance(learn.loss_func, CrossEntropy) and learn.validate().loss == plain
    for odd in (CrossEntropy, 'cross_entropy'):
        with pytest.raises(TypeError, match='the loss must be a function'): learn.loss_func = odd


def test_optimizer_and_weight_decay_that_are_set_are_used():
    learn = tiny()
    learn.fit(1)
    assert isinstance(learn.optimizer, torch.optim.AdamW)
    learn.opt_func, learn.wd = sgd, .25
    learn.fit(1)
    assert isinstance(learn.optimizer, torch.optim.SGD)
    assert {group['weight_decay'] for group in learn.optimizer.param_groups} == {.25, 0}
    memory = learn.optimizer
    learn.lr = 1e-2
    learn.fit(1)
    assert learn.optimizer is memory       # nothing that it depends on has changed


def test_a_splitter_that_is_set_divides_anew():
    learn = tiny()
    learn.splitter = lambda model: [model[0], model[2]]
    assert len(learn.groups) == 2
    learn.fit(1, slice(1e-3, 1e-2))
    assert learn.history.lrs[-1] == pytest.approx((1e-3, 1e-2))
    with pytest.raises(ValueError, match='in no group'): learn.splitter = lambda model: [model[0]]
    assert len(learn.groups) == 2
    old, new = learn.model, nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 9), nn.Linear(9, 2))
    with pytest.raises(ValueError, match='in no group'): learn.model = new   # its middle would be left out
    assert learn.model is old
    learn.splitter = None
    learn.model, learn.splitter = new, list
    assert len(learn.groups) == 3


@pytest.mark.parametrize(('name', 'value', 'error', 'words'), [
    ('metric', accuracy, AttributeError, 'it is called metrics'), ('path', '/models', AttributeError, 'full path'),
    ('loss_fun', F.cross_entropy, AttributeError, 'did you mean loss_func'), ('cbs', print, TypeError, 'observers'),
    ('model_dir', 'm', AttributeError, 'full path'), ('keep_best', 'accuracy', AttributeError, 'called save_best'),
    ('opt', None, AttributeError, 'it is called opt_func here'), ('xyz', 1, AttributeError, 'It has dls, model'),
    ('groups', [], AttributeError, 'learn.splitter'), ('device', 'cpu', AttributeError, 'data loaders'),
    ('model', resnet10, TypeError, 'torch.nn.Module'), ('dls', DATA, TypeError, 'dls must be DataLoaders'),
    ('precision', 'half', TypeError, 'torch.bfloat16'), ('precision', torch.int32, TypeError, 'torch.bfloat16')])
def test_attributes_that_would_do_nothing_are_refused(name, value, error, words):
    learn = tiny()
    before = dict(learn.__dict__)
    with pytest.raises(error, match=words): setattr(learn, name, value)
    assert learn.__dict__ == before


def test_a_class_of_ones_own_may_have_attributes():
    class Mine(Learner):
        def remember(self): self.notes = 'mine'
    learn = Mine(DataLoaders(DATA, DATA, vocab=['no', 'yes'], device='cpu'), nn.Linear(4, 2), quiet=True)
    learn.remember()
    assert learn.notes == 'mine'


# --- losses without activation, everywhere ---

def focal(logits, y): return ((1 - logits.softmax(1).gather(1, y[:, None])[:, 0])**2
                              *F.cross_entropy(logits, y, reduction='none')).mean()


@pytest.mark.parametrize('loss', [F.cross_entropy, nn.CrossEntropyLoss(), nn.CrossEntropyLoss(torch.tensor([1., 3.])),
                                  partial(F.cross_entropy, label_smoothing=.1), focal, nn.MultiMarginLoss()],
                         ids=['function', 'module', 'weighted', 'partial', 'focal', 'margin'])
def test_all_that_comes_after_training_reads_a_plain_loss(dls, loss, tmp_path):
    from fastlearn.course.glossary import explain
    learn = pretrained(dls, loss_func=loss)
    learn.quiet = False
    learn.fit(1, 1e-3, dashboard=False)
    assert learn.history.series['predictions'].about['vocab'] == ['green', 'red']
    assert len(learn.history.series['predictions'].samples) == 2
    assert learn.get_preds()[0].sum(1).allclose(torch.ones(4)) and learn.predict(dls.valid.items[0]).label in dls.vocab
    learn.show_results(max_n=2)
    assert 'prediction' in str(explain('prediction', learn))
    assert len(ClassificationInterpretation.from_learner(learn)) == 4
    loaded = load_learner(learn.export(tmp_path/'m'))
    assert loaded.predict(dls.valid.items[0]).label == learn.predict(dls.valid.items[0]).label


# --- arguments ---

@pytest.mark.parametrize(('call', 'words'), [
    (lambda learn: learn.fine_tune(1, lr=3e-3), r'fine_tune\(\) has no argument lr; it is called base_lr here'),
    (lambda learn: learn.fine_tune(), r'fine_tune\(\) needs epochs'),
    (lambda learn: learn.fit(1, 1e-3, .1), r'fit\(\) takes 2 positional arguments \(epochs, lr\), found 3'),
    (lambda learn: learn.fit(1, epochs=2), r'fit\(\) got epochs twice'),
    (lambda learn: learn.fit_one_cycle(1, max_lr=1e-3), r'fit_one_cycle\(\) has no argument max_lr; .* called lr_max'),
    (lambda learn: learn.fit(1, cbs='SaveModel'), r'got cbs=.*fastlearn has no other callbacks: early_stop='),
    (lambda learn: learn.fit(n_epoch=1), r'fit\(\) has no argument n_epoch; it is called epochs here'),
    (lambda learn: learn.validate(dataloader=1), r'validate\(\) has no argument dataloader'),
    (lambda learn: learn.get_preds(with_decode=True), r'did you mean with_decoded\?'),
    (lambda learn: learn.predict(), r'predict\(\) needs item'), (lambda learn: learn.lr_find(start=1), 'start_lr'),
    (lambda learn: learn.export(fname='m'), r'export\(\) has no argument fname'),
    (lambda learn: learn.show_results(figsiz=1), r'show_results\(\) has no argument figsiz'),
    (lambda learn: Learner(learn.dls, nn.Linear(4, 2), metric=accuracy), r'Learner\(\) .*it is called metrics here'),
    (lambda learn: Learner(learn.dls), r'Learner\(\) needs model'),
    (lambda learn: vision_learner(learn.dls, resnet10, metric=accuracy), r'vision_learner\(\) .*called metrics here'),
    (lambda learn: vision_learner(learn.dls, resnet10, path='.'), r'vision_learner\(\) .*full path of the file'),
    (lambda learn: vision_learner(learn.dls, resnet10, normalize=False),
     r'vision_learner\(\) .*the data loaders normalize'),
    (lambda learn: ImageDataLoaders.from_folder('.', item_tfm=1), r'from_folder\(\) .*did you mean item_tfms\?'),
    (lambda learn: ImageDataLoaders.from_folder('.', num_workers=0), r'from_folder\(\) .*it is called workers here'),
    (lambda learn: ImageDataLoaders.from_df({'a': ['x'], 'b': [1]}, y_block=1), 'got y_block=1 .*RegressionBlock'),
    (lambda learn: ImageDataLoaders.from_csv('.', batch_size=8), r'from_csv\(\) .*it is called bs here'),
    (lambda learn: ImageDataLoaders.from_name_func('.', []), r'from_name_func\(\) needs label_func'),
    (lambda learn: DataLoaders(DATA), r'DataLoaders\(\) needs valid'),
    (lambda learn: DataLoaders(DATA, DATA, classes='ab'), r'DataLoaders\(\) .*it is called vocab here'),
    (lambda learn: learn.dls.show_batch(max=1), r'show_batch\(\) has no argument max'),
    (lambda learn: F1Score(averag='macro'), r'F1Score\(\) .*did you mean average\?'),
    (lambda learn: load_learner('x', cpu=True), r'load_learner\(\) has no argument cpu')])
def test_wrong_arguments_are_reported_in_the_name_that_was_called(call, words):
    learn = tiny()
    with pytest.raises(TypeError, match=words) as raised: call(learn)
    assert not learn.history.losses and learn.call is None
    assert '<' not in str(raised.value)


def test_an_error_from_inside_passes_as_it_is():
    def odd(logits, targets): return 1 + 'a'
    with pytest.raises(TypeError, match='unsupported operand'): tiny(loss_func=odd).validate()


# --- files ---

def test_names_of_files_go_both_ways(dls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learn = pretrained(dls)
    assert learn.export('fridge_model').name == 'fridge_model.safetensors'
    assert load_learner('fridge_model').dls.vocab == load_learner('fridge_model.safetensors').dls.vocab == dls.vocab
    with pytest.raises(FileNotFoundError, match=r'not a pickle.*fridge_model\.safetensors'): load_learner('export.pkl')
    with pytest.raises(ValueError, match='safetensors'): learn.export('model.pkl')
    (tmp_path/'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='none yet'): load_learner('empty/model')


@pytest.mark.parametrize('ending', ['w.pth', 'w.bin', 'w.pth.tar', 'w.ckpt', 'weights'])
def test_weights_of_a_backbone_in_files_of_any_name(tmp_path, ending):
    from fastlearn.body import create_body
    state = {name: tensor for name, tensor in resnet10(None).state_dict().items() if not name.startswith('fc.')}
    torch.save({'state_dict': state}, tmp_path/ending)
    body = create_body('resnet10', tmp_path/ending)
    assert body[0].weight.equal(state['conv1.weight'])
    del state['conv1.weight']
    torch.save(state, tmp_path/ending)
    with pytest.raises(ValueError, match=r'1 missing: conv1\.weight'): create_body('resnet10', tmp_path/ending)


# --- what predict takes ---

def test_predict_reads_open_files(dls):
    learn, file = pretrained(dls), dls.valid.items[0]
    expected, content = learn.predict(file).probabilities, file.read_bytes()
    stream = io.BytesIO(content)
    with open(file, 'rb') as opened:
        for item in content, stream, stream, opened, opened, bytearray(content):
            assert learn.predict(item).probabilities.allclose(expected, atol=1e-5)
    with open(file, encoding='latin-1') as text, pytest.raises(TypeError, match="'rb'"): learn.predict(text)
    class Upload:                          # as a web server hands it over
        async def read(self): return content
    with pytest.raises(TypeError, match='await'): learn.predict(Upload())
    for address in 'https://example.org/a.jpg', 'http://example.org/c', file.as_uri(), 's3://bucket/x.png':
        with pytest.raises(ValueError, match='URLs are not downloaded'): learn.predict(address)


def test_more_results_of_get_preds_as_in_fastai(dls):
    learn = pretrained(dls)
    found = learn.get_preds(with_input=True, with_decoded=True, with_loss=True)
    images, probabilities, targets, answers, losses = found
    assert images.equal(torch.cat([x for x, _ in dls.valid])) and answers.equal(probabilities.argmax(1))
    assert losses.allclose(-probabilities[range(4), targets].log(), atol=1e-5)
    unlabeled = dls.test_dl(dls.valid.items)
    assert learn.get_preds(unlabeled)[1] is None
    with pytest.raises(ValueError, match='no labels'): learn.get_preds(unlabeled, with_loss=True)
    with pytest.raises(ValueError, match='no labels'): learn.validate(unlabeled)


# --- test-time augmentation ---

def test_tta_is_the_mean_of_random_versions_and_the_plain_one(path):
    "Against the same by hand: the training loader's cuts and transforms, and fastai's share of 1/4"
    from fastlearn.data.augment import aug_transforms
    dls = ImageDataLoaders.from_folder(path, valid_pct=.25, seed=1, bs=3, item_tfms=Resize(32),
                                       batch_tfms=aug_transforms(), device='cpu')
    learn = pretrained(dls)
    learn.precision = torch.float32
    plain, targets = learn.get_preds()
    (mean, same), again = learn.tta(n=2, beta=None)
    assert same.equal(plain) and again.equal(targets) and not mean.allclose(plain)
    assert learn.tta(n=2)[0].allclose(.75*mean + .25*plain) and learn.tta(n=2, beta=1.)[0].allclose(plain)
    both = learn.tta(n=2, use_max=True)[0]
    assert (both >= plain - 1e-6).all() and (both >= mean - 1e-6).all()
    assert dls.valid.training is False and learn.get_preds()[0].equal(plain)


# --- copies ---

def test_learners_and_their_data_are_copied_and_pickled(dls):
    learn = pretrained(dls)
    learn.quiet = False
    learn.fit(1, 1e-3, dashboard=False)
    answer = learn.predict(dls.valid.items[0]).probabilities
    stream = io.BytesIO()
    torch.save(learn, stream)
    stream.seek(0)
    for twin in copy.deepcopy(learn), pickle.loads(pickle.dumps(learn)), torch.load(stream, weights_only=False):
        assert twin.predict(dls.valid.items[0]).probabilities.allclose(answer)
        before = learn.model[1][-1].weight.detach().clone()
        twin.fit(1, 1e-2, dashboard=False)
        assert learn.model[1][-1].weight.equal(before) and not twin.model[1][-1].weight.equal(before)
        assert len(twin.history.epochs) == 2 and len(learn.history.epochs) == 1
    data = pickle.loads(pickle.dumps(dls.train.dataset))
    assert (data[3][0] == dls.train.dataset[3][0]).all() and data[3][1] == dls.train.dataset[3][1]
    again = [y.tolist() for _, y in copy.deepcopy(dls).train.batches(4)]
    assert again == [y.tolist() for _, y in dls.train.batches(4)]


# --- the last line of a cell ---

def test_results_are_shown_and_unpacked():
    learn = tiny(metrics=[accuracy, 'error_rate'])
    evaluation = learn.validate()
    loss, right, wrong = evaluation
    assert (loss, right, wrong) == tuple(evaluation[i] for i in range(3)) == (
        evaluation.loss, evaluation.metrics['accuracy'], evaluation.metrics['error_rate']) and len(evaluation) == 3
    search = learn.lr_find(1e-6, 1e-1, num_it=40)
    assert len(repr(search)) < 120 and f'{search.valley:.2e}' in repr(search)
    assert search._repr_png_()[:4] == b'\x89PNG'
    low, steepest = learn.lr_find(1e-6, 1e-1, num_it=40, suggest_funcs=(minimum, steep))
    four = learn.lr_find(1e-6, 1e-1, num_it=40, suggest_funcs=[minimum, steep, valley, slide])
    assert (low, steepest) == (four.minimum, four.steep) == (four.lr_min, four.lr_steep)
    assert four.valley == search.valley and list(four) == [four.minimum, four.steep, four.valley, four.slide]
    mine = learn.lr_find(1e-6, 1e-1, num_it=40, suggest_funcs=lambda lrs, losses, num_it: (lrs[3], (lrs[3], losses[3])))
    assert len(list(mine)) == 1
    with pytest.raises(AttributeError, match='this search has no steep; it has valley'): _ = search.steep


def numpy_slide(lrs, losses):
    "fastai's rule, with NumPy's gradient and indices from the end"
    slopes, right, found = np.gradient(np.array(losses)), -1, lrs[-16]
    left = right - 15
    while left >= -len(losses) and abs(slopes[right] - slopes[left]) > .005:
        found, right, left = lrs[left], right - 1, left - 1
    return found


@pytest.mark.parametrize('seed', range(20))
def test_suggested_rates_are_those_of_fastai(seed):
    rng = np.random.default_rng(seed)
    n, turn = int(rng.integers(30, 100)), rng.uniform(.3, .9)
    lrs = np.geomspace(1e-7, 10, n)
    losses = 2 + rng.normal(0, .01, n) - .02*np.arange(n).clip(10) + (.05*(np.arange(n) - turn*n).clip(0))**2
    rates, values = lrs.tolist(), losses.tolist()
    assert minimum(rates, values) == pytest.approx(lrs[losses.argmin()]/10)
    assert steep(rates, values) == pytest.approx(lrs[(np.diff(losses)/np.diff(np.log(lrs))).argmin()])
    assert slide(rates, values) == pytest.approx(numpy_slide(lrs, losses))


def test_several_labels_and_a_threshold_that_is_set():
    "The line of the book: learn.metrics = partial(accuracy_multi, thresh=0.1)"
    data = [(torch.randn(8, 4), (torch.rand(8, 3) < .4).float()) for _ in range(2)]
    learn = Learner(DataLoaders(data, data, vocab=list('abc'), device='cpu'), nn.Linear(4, 3), quiet=True,
                    precision=torch.float32)
    x, y = (torch.cat(parts) for parts in zip(*data))
    for thresh in .1, .5, .9:
        learn.metrics = partial(accuracy_multi, thresh=thresh)
        right = (learn.model(x).sigmoid() > thresh) == y.bool()
        assert learn.validate()[1] == pytest.approx(right.float().mean().item())


def test_the_files_of_the_folder_are_all_there(path): assert len(get_image_files(path)) == 16
