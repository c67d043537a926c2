"The learner as a whole: fastai's schedule to the digit, freezing to the bit, one history, stopping, kinds of labels"
import signal

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import PILImage, Resize
from fastlearn.early_stopping import EarlyStop
from fastlearn.history import History
from fastlearn.inference.predict import Prediction
from fastlearn.learner import Learner, vision_learner
from fastlearn.losses import class_weights, CrossEntropy
from fastlearn.lr_finder import RateSearch
from fastlearn.metrics import accuracy, error_rate
from fastlearn.models import count_parameters, resnet10
from fastlearn.observers import Observer
from fastlearn.step_safety import NotFinite
from narrow import narrow_resnet10

GOLDEN_LR_HEAD = [8e-5, 1.27932e-4, 2.66941e-4, 4.83145e-4, 7.54956e-4,
                  1.05523e-3, 1.35399e-3, 1.62139e-3, 1.83073e-3, 1.96111e-3]
GOLDEN_LR_ALL = [2e-4, 4e-4, 8e-4, 1e-3, 9.50485e-4, 8.11747e-4, 6.11264e-4, 3.88746e-4, 1.88263e-4, 4.95251e-5]
GOLDEN_MOM_HEAD = [.95, .9475, .94026, .929, .91485, .89921, .88365, .86972, .85882, .85203]
GOLDEN_MOM_ALL = [.95, .925, .875, .85, .85495, .86883, .88887, .91113, .93117, .94505]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "100 small pictures: Red_0.png ... and blue_0.png ..."
    folder = tmp_path_factory.mktemp('pictures')
    rng = torch.Generator().manual_seed(0)
    for i in range(50):
        for name, color in ('Red', 0), ('blue', 2):
            pixels = torch.randint(0, 120, (40, 44, 3), generator=rng, dtype=torch.uint8)
            pixels[..., color] += 100
            Image.fromarray(pixels.numpy()).save(folder/f'{name}_{i}.png')
    return folder


def is_red(name): return name[0].isupper()


def loaders(folder, **options):
    options = {'valid_pct': .2, 'seed': 42, 'item_tfms': Resize(32), 'bs': 8, 'device': 'cpu', **options}
    return ImageDataLoaders.from_name_func(folder, get_image_files(folder), label_func=is_red, **options)


def resnet(folder, **options): return vision_learner(loaders(folder), resnet10, metrics=error_rate, **options)


def make(folder, **options):
    "A learner of a narrow resnet10, for what does not depend on the network"
    return vision_learner(loaders(folder), narrow_resnet10(folder), metrics=error_rate, **options)


@pytest.fixture(scope='module')
def tuned(folder):
    "A learner after one epoch of all layers; for reading only"
    learn = resnet(folder)
    learn.fine_tune(1)
    return learn


def state(module): return {k: v.clone() for k, v in module.state_dict().items()}
def same(a, b): return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_fine_tune_has_fastais_rates_and_momentum(tuned):
    "80 training pictures in batches of 8: 10 steps per epoch"
    lrs, momenta = torch.tensor(tuned.history.lrs), tuned.history.momenta
    assert lrs.shape == (20, 3)
    assert lrs[:10, 2].tolist() == pytest.approx(GOLDEN_LR_HEAD, rel=1e-5)
    assert lrs[10:, 2].tolist() == pytest.approx(GOLDEN_LR_ALL, rel=1e-5)
    for phase, group, factor in (0, 0, .1), (0, 1, .1), (1, 0, .01), (1, 1, .1):
        rates = lrs[10*phase:10*(phase+1)]
        torch.testing.assert_close(rates[:, group], rates[:, 2]*factor, rtol=1e-5, atol=0)
    assert momenta == pytest.approx(GOLDEN_MOM_HEAD + GOLDEN_MOM_ALL, rel=1e-5)


def test_it_learns(folder):
    learn = resnet(folder)
    learn.fine_tune(2)
    assert learn.validate().metrics['error_rate'] <= .1 and not learn.model.training


def test_a_frozen_body_stays_to_the_bit_before_and_after_unfreezing(folder):
    learn = make(folder)
    body, head = state(learn.model[0]), state(learn.model[1])
    learn.fit_one_cycle(1, 1e-2)
    assert same(body, state(learn.model[0])) and not same(head, state(learn.model[1]))
    learn.unfreeze(); learn.fit_one_cycle(1, 1e-2)
    body = state(learn.model[0])
    learn.freeze(); learn.fit_one_cycle(1, 1e-2)
    assert same(body, state(learn.model[0]))
    only_head, everything = (False, False, True), (True, True, True)
    assert [phase.trainable for phase in learn.history.phases] == [only_head, everything, only_head]


def test_train_bn_is_fastais_way(folder):
    learn = make(folder, train_bn=True)
    before = state(learn.model[0])
    learn.fit_one_cycle(1, 1e-2)
    changed = {name for name, tensor in learn.model[0].state_dict().items() if not tensor.equal(before[name])}
    assert changed and all('bn' in name or 'shortcut.1' in name for name in changed)


def test_measuring_averages_uses_up_no_round_of_the_loader(folder):
    learn = make(folder)
    before = state(learn.model[0])
    learn.update_bn()
    assert learn.dls.train.epoch == 0 and not same(before, state(learn.model[0]))


def test_same_seed_same_losses_to_the_bit(folder):
    runs = []
    for disturb in False, True:
        if disturb: torch.manual_seed(99); torch.rand(17)
        learn = make(folder)
        learn.fine_tune(1)
        runs.append(learn.history.losses)
    assert runs[0] == runs[1]
    other = vision_learner(loaders(folder, seed=43), narrow_resnet10(folder))
    other.fine_tune(1)
    assert other.history.losses != runs[0]


def test_one_history_over_all_fits(folder):
    learn = make(folder)
    learn.fine_tune(1)
    learn.fit_one_cycle(1)
    assert [phase.name for phase in learn.history.phases] == ['head', 'all', 'all']
    assert [row.epoch for row in learn.history.epochs] == [0, 1, 2] and len(learn.history.losses) == 30


@pytest.mark.parametrize('epochs, freeze_epochs, phases', [(0, 1, ['head']), (1, 0, ['all']), (0, 0, [])])
def test_zero_epochs_run(folder, epochs, freeze_epochs, phases):
    learn = make(folder)
    learn.fine_tune(epochs, freeze_epochs=freeze_epochs)
    assert [phase.name for phase in learn.history.phases] == phases


@pytest.mark.parametrize('epochs', [-1, 1.5, '3'])
def test_epochs_that_are_no_number_of_epochs(folder, epochs):
    with pytest.raises(ValueError, match='epochs is .*; expected a whole number, 0 or more'): make(folder).fit(epochs)


class At(Observer):
    "Does something at one step"
    def __init__(self, step, action): self.step, self.action = step, action
    def after_step(self, history, step):
        if len(history.losses) == self.step: self.action()


def watched(learn, *observers):
    learn.default_observers = lambda: list(observers)
    return learn


@pytest.mark.parametrize('step', [3, 13])
def test_ctrl_c_ends_the_whole_fine_tune_and_leaves_a_usable_model(folder, step):
    learn = watched(make(folder), At(step, lambda: signal.raise_signal(signal.SIGINT)))
    before = signal.getsignal(signal.SIGINT)
    learn.fine_tune(1)
    assert learn.stopped == 'interrupted' and len(learn.history.losses) == step
    assert len(learn.history.phases) == (1 if step == 3 else 2)
    assert learn.history.events[-1][1] == f'stopped at step {3} of 10: interrupted'
    assert not learn.history.epochs[-1].complete and not learn.model.training
    assert signal.getsignal(signal.SIGINT) is before
    assert learn.predict(torch.rand(3, 32, 32)).label in (True, False)
    watched(learn)
    learn.fit_one_cycle(1)  # and training can go on
    assert learn.stopped is None and learn.history.epochs[-1].complete


def test_a_stop_button_from_another_thread(folder):
    import threading
    learn = make(folder)
    watched(learn, At(4, lambda: threading.Thread(target=learn.stop).run()))
    learn.fine_tune(1)
    assert learn.stopped == 'on request' and learn.history.events[-1][1] == 'stopped at step 4 of 10: on request'


def test_nan_ends_both_phases_with_the_weights_from_before(folder):
    learn = make(folder)
    losses = iter([1., 1., float('nan')])
    def loss_func(logits, targets): return nn.functional.cross_entropy(logits, targets)*next(losses)
    learn.loss_func, taken = loss_func, []
    watched(learn, At(2, lambda: taken.append(state(learn.model))))
    with pytest.raises(NotFinite, match='the loss is nan; expected finite numbers'): learn.fine_tune(1)
    assert same(taken[0], state(learn.model)) and len(learn.history.phases) == 1 and not learn.model.training
    assert 'NotFinite' in learn.history.events[-1][1]


def test_no_hook_and_no_gradient_is_left_over(tuned):
    tuned.summary(); tuned.validate()
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in tuned.model.modules())
    assert all(p.grad is None for p in tuned.model.parameters())


def test_lr_find_restores_everything(folder):
    a, b = make(folder), make(folder)
    before = state(b.model)
    search = b.lr_find(num_it=40)
    assert same(before, state(b.model)) and b.history == History() and not any(m.training for m in b.model.modules())
    assert isinstance(search, RateSearch) and 1e-7 < search.valley < 10 and len(search.lrs) == len(search.losses)
    assert search.plot().axes
    for learn in a, b: learn.fine_tune(1)
    assert a.history.losses == b.history.losses  # as if the search had not been


def test_early_stop_and_keep_best(folder):
    learn = resnet(folder, early_stop=EarlyStop('error_rate', patience=2), save_best='valid_loss')
    learn.unfreeze()
    learn.fit(20, 1e-2)
    assert learn.stopped == 'error_rate has not improved for 2 epochs'
    assert 'error_rate has not improved for 2 epochs' in learn.history.events[0][1]
    assert len(learn.history.epochs) < 20
    best = min(row.valid_loss for row in learn.history.epochs)
    assert learn.validate().loss == pytest.approx(best, rel=1e-3)
    with pytest.raises(ValueError, match="Did you mean 'error_rate'"): resnet(folder, save_best='error_rat').fit(1)


def test_accumulation_makes_fewer_updates(folder):
    learn = make(folder, accumulate=4)
    learn.fit_one_cycle(1)
    assert learn.history.images == [32, 32, 16]


def test_class_weights(folder):
    learn = vision_learner(loaders(folder), resnet10, loss_func=CrossEntropy(weight=class_weights([10, 40])))
    learn.fit_one_cycle(1)
    assert len(learn.history.losses) == 10


def test_a_labeled_test_set(folder, tuned):
    learn = tuned
    again, all_files = (learn.dls.test_dl(files, with_labels=True)
                        for files in (learn.dls.valid.items, get_image_files(folder)))
    assert learn.validate(again).loss == pytest.approx(learn.validate().loss, rel=1e-4)
    assert learn.validate(all_files).images == 100


def test_without_weights_everything_is_trainable(folder):
    learn = vision_learner(loaders(folder), 'resnet10', weights=None)
    assert count_parameters(learn.model, trainable=True) == count_parameters(learn.model)
    twin = vision_learner(loaders(folder), 'resnet10', pretrained=False)
    assert same(state(learn.model), state(twin.model))


def test_unknown_names(folder):
    dls = loaders(folder)
    with pytest.raises(ValueError, match="unknown architecture 'resnet11'; did you mean resnet1"):
        vision_learner(dls, 'resnet11')
    with pytest.raises(ValueError, match='eror_rate.*error_rate'): Learner(dls, nn.Linear(1, 2), metrics='eror_rate')
    with pytest.raises(TypeError, match='lerning_rate'): vision_learner(dls, resnet10, lerning_rate=1)


def test_several_labels_per_picture(folder):
    def label(path):
        name, number = path.stem.split('_')
        return [name.lower()] + ['even']*(int(number) % 2 == 0)
    dls = ImageDataLoaders.from_path_func(folder, get_image_files(folder), label, seed=1, item_tfms=Resize(32), bs=8)
    learn = vision_learner(dls, resnet10, metrics='accuracy_multi')
    learn.fine_tune(1)
    prediction = learn.predict(get_image_files(folder)[0])
    assert isinstance(prediction.label, list) and set(prediction.label) <= {'red', 'even', 'blue'}
    assert prediction.probabilities.shape == (3,)
    assert learn.history.epochs[-1].metrics['accuracy_multi'] > .3


def test_a_number_instead_of_a_class(folder):
    def redness(path): return PILImage.create(path).resize((1, 1)).getpixel((0, 0))[0]/255
    dls = ImageDataLoaders.from_path_func(folder, get_image_files(folder), redness, seed=1, item_tfms=Resize(32), bs=8)
    learn = vision_learner(dls, resnet10, metrics=['mae'])
    learn.fine_tune(1)
    prediction = learn.predict(get_image_files(folder)[0])
    assert isinstance(prediction.label, float) and prediction.probabilities.shape == (1,)


def test_a_picture_is_predicted_alike_however_it_comes(folder, tuned):
    file = get_image_files(folder)[0]
    image = PILImage.create(file)
    import numpy as np
    array = np.asarray(image)
    forms = file, str(file), file.read_bytes(), image, array, torch.tensor(array).permute(2, 0, 1)
    answers = [tuned.predict(form) for form in forms]
    assert all(isinstance(a, Prediction) and a.probabilities.equal(answers[0].probabilities) for a in answers)
    label, index, probabilities = answers[0]
    assert label is True and index.item() == 1
    assert probabilities.shape == (2,) and probabilities.sum().item() == pytest.approx(1)


def test_predictions_come_in_the_order_of_the_files(folder, tuned):
    learn = tuned
    files = get_image_files(folder)[:20][::-1]
    together, targets = learn.get_preds(learn.dls.test_dl(files))
    assert targets is None
    alone = torch.stack([learn.predict(file).probabilities for file in files])
    torch.testing.assert_close(together, alone, atol=2e-2, rtol=0)  # bfloat16 rounds to 3 digits


def test_ones_own_pytorch_loaders_and_network():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=rng)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    dls = DataLoaders(DataLoader(data, 20, shuffle=True), DataLoader(data, 50), vocab=['no', 'yes'])
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    learn = Learner(dls, model, metrics=[accuracy, 'error_rate'], splitter=lambda model: [model[:2], model[2]])
    learn.fit_one_cycle(5, 1e-2)
    assert learn.history.epochs[-1].metrics['accuracy'] > .9 and learn.get_preds()[0].shape == (200, 2)


def test_loaders_that_do_not_say_what_their_labels_are():
    data = TensorDataset(torch.zeros(4, 3, 32, 32), torch.tensor([0, 1, 0, 1]))
    dls = DataLoaders(DataLoader(data, 2), DataLoader(data, 2))
    with pytest.raises(ValueError, match='no loss can be chosen; pass the loaders vocab'):
        Learner(dls, nn.Linear(4, 2))
    with pytest.raises(ValueError, match='classes there are; pass the loaders vocab'): vision_learner(dls, resnet10)
    learn = vision_learner(dls, resnet10, n_out=2, loss_func=CrossEntropy())
    learn.fit(1)
    assert len(learn.history.losses) == 2


def test_summary_counts_and_says_what_is_frozen(folder):
    text = resnet(folder).summary()
    assert 'input: 3 x 32 x 32' in text and 'frozen' in text and '64 x 16 x 16' in text
    learn = resnet(folder)
    whole, head = count_parameters(learn.model), count_parameters(learn.model[1])
    assert f'{whole:,} parameters, {head:,} of them trainable now' in text


def test_a_learner_and_a_loader_say_what_they_are(folder):
    learn = make(folder)
    count = sum(p.numel() for p in learn.model.parameters())
    assert f'80 training and 20 validation images, {count:,} parameters, 0 epochs' in repr(learn)
    learn.fine_tune(1)
    assert '2 epochs so far' in repr(learn) and '0x' not in repr(learn)
    assert repr(learn.dls.train) == 'DataLoader: 80 images in 10 batches of 8, shuffled in each epoch'
    assert repr(learn.dls.valid) == 'DataLoader: 20 images in 3 batches of 8, in a fixed order'
    batches = DataLoader(TensorDataset(torch.zeros(4, 3, 2, 2), torch.tensor([0, 1, 0, 1])), 2)
    own = Learner(DataLoaders(batches, batches, vocab=['a', 'b']), nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))
    assert repr(own) == 'Learner: Sequential, 26 parameters, 0 epochs so far; see learn.summary()'


def test_the_terminal_shows_a_row_per_epoch(folder, capsys):
    make(folder).fine_tune(1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['epoch', 'train_loss', 'valid_loss', 'error_rate', 'time']
    assert [line.split()[0] for line in lines[1:]] == ['0', '1']


def test_fine_tune_says_why_the_head_gets_several_epochs(folder, capsys):
    dls = loaders(folder, bs=40)           # two steps in an epoch
    learn = vision_learner(dls, narrow_resnet10(folder), metrics=error_rate)
    learn.fine_tune(1)
    said = capsys.readouterr().out
    assert 'the new head is trained for 13 epochs, and then the whole network for 1' in said
    assert [phase.epochs for phase in learn.history.phases] == [13, 1]
    learn.fine_tune(1, freeze_epochs=2)
    vision_learner(loaders(folder), narrow_resnet10(folder)).fine_tune(1)  # ten steps
    vision_learner(dls, narrow_resnet10(folder), quiet=True).fine_tune(1)
    assert 'few images' not in capsys.readouterr().out


def test_the_same_loaders_again_are_the_same_training(folder):
    "A new learner begins with the first epoch's order, even if another one used the loaders before"
    dls = loaders(folder)
    first, second = (vision_learner(dls, narrow_resnet10(folder)) for _ in range(2))
    first.fine_tune(1)
    second.fine_tune(1)
    assert first.history.losses == second.history.losses
    assert second.fit_one_cycle(1) is None and dls.train.epoch == 3, 'and goes on with the next order'


def test_a_quantity_in_its_own_units(folder):
    "How blue is it? Between 0 and 100; without y_range the answers begin around 0"
    files = get_image_files(folder)
    dls = ImageDataLoaders.from_lists(folder, files, [20. if is_red(f.name) else 80. for f in files], seed=0, bs=8,
                                      item_tfms=Resize(32), device='cpu')
    learn = vision_learner(dls, resnet10, y_range=(0, 100), metrics='mae')
    said, _ = learn.get_preds()
    assert 0 <= said.min() and said.max() <= 100 and learn.validate().metrics['mae'] < 45
    learn.fine_tune(3, 1e-2)
    assert learn.validate().metrics['mae'] < 25, 'the mean of all labels misses by 30'


def test_a_learner_with_nothing_to_learn_says_so(few_learner):
    learn = few_learner()
    learn.model.requires_grad_(False)
    with pytest.raises(ValueError, match=r'would have no effect; unfreeze the weights with learn.unfreeze\(\)'):
        learn.fit(1)
    assert not learn.history.losses and not learn.history.phases
