"""What readers of the book type after a fit: the recorder's names, layers, and the last lines of cells.

Results looked at as a last line: rate search, evaluation, summary, history (empty, in the middle, whole), data check,
report, calibration, prediction, cleaner, recorder, datasets; in a terminal and as HTML. The cleaner's two loops move
and delete.
"""
import shutil

import fastlearn.all
import pytest
import torch
from fastlearn.data.blocks import CategoryBlock, DataBlock, ImageBlock
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.data.labels import parent_label
from fastlearn.data.splitters import IndexSplitter
from fastlearn.history import History
from fastlearn.interpret.classification import ClassificationInterpretation
from fastlearn.interpret.cleaner import ImageClassifierCleaner
from fastlearn.layers import ConvLayer, Module, NormType, sequential, xresnet18, xresnet34, xresnet50
from fastlearn.learner import Learner, vision_learner
from fastlearn.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from fastlearn.metrics import accuracy, error_rate
from PIL import Image
from torch import nn


def make_learner():
    data = [(torch.randn(8, 4), torch.randint(2, (8,))) for _ in range(6)]
    return Learner(DataLoaders(data, data, vocab=['no', 'yes'], device='cpu'), nn.Sequential(nn.Linear(4, 2)),
                   metrics=[accuracy, error_rate], quiet=True)


def test_the_recorder_shows_the_last_fit():
    learn = make_learner()
    learn.fit(1, .1)
    learn.fit_one_cycle(2, .01)
    rows, view = learn.history.epochs[1:], learn.recorder
    assert view.values == [[row.train_loss, row.valid_loss, *row.metrics.values()] for row in rows]
    assert view.values.itemgot(2) == [row.metrics['accuracy'] for row in rows]
    assert len(view.lrs) == len(view.losses) == 12 and max(view.lrs) == pytest.approx(.01, rel=.05)
    assert view.losses[-1] == pytest.approx(rows[-1].train_loss)
    axes = view.plot_loss(skip_start=3).axes[0]
    assert axes.lines[0].get_ydata().tolist() == view.losses[3:]
    assert axes.lines[1].get_ydata().tolist() == [row.valid_loss for row in rows]
    rates, momenta = (axis.lines[0].get_ydata().tolist() for axis in view.plot_sched().axes)
    assert rates == view.lrs and momenta == learn.history.momenta[6:]


def test_a_recorder_before_training():
    learn = make_learner()
    assert learn.recorder.values == [] and learn.recorder.losses == [] == learn.recorder.lrs
    for draw in learn.recorder.plot_loss, learn.recorder.plot_sched:
        with pytest.raises(ValueError, match='nothing was trained yet'): draw()


def parameters(net): return sum(p.numel() for p in net.parameters())


def test_a_conv_layer_is_its_three_parts():
    layer = ConvLayer(3, 8, 5, stride=2)
    assert [type(one) for one in layer] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] and parameters(layer) == 3*8*25 + 16
    assert layer(torch.randn(2, 3, 9, 9)).shape == (2, 8, 5, 5) and layer[0].bias is None
    assert ConvLayer(3, 8, act_cls=None, norm_type=NormType.BatchZero)(torch.randn(2, 3, 4, 4)).abs().max() == 0
    assert [type(one) for one in ConvLayer(3, 8, norm_type=None)] == [nn.Conv2d, nn.ReLU]
    assert ConvLayer(3, 8, norm_type=None)[0].bias is not None
    assert [type(one) for one in ConvLayer(3, 8, bn_1st=False)] == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
    with pytest.raises(TypeError, match='ConvLayer.* has no argument transpose'): ConvLayer(3, 8, transpose=True)


def xresnet_parameters(expansion, blocks, n_out):
    "Counted by hand: kernels and two numbers of BatchNorm for each channel, and the last layer"
    def conv(ni, nf, ks): return ni*nf*ks*ks + 2*nf
    total, ni = conv(3, 32, 3) + conv(32, 32, 3) + conv(32, 64, 3), 64
    for width, n in zip((64, 128, 256, 512), blocks):
        out = width*expansion
        for _ in range(n):
            total += conv(ni, width, 3) + conv(width, out, 3) if expansion == 1 else (
                conv(ni, width, 1) + conv(width, width, 3) + conv(width, out, 1))
            if ni != out: total += conv(ni, out, 1)
            ni = out
    return total + ni*n_out + n_out


def test_xresnets_have_the_size_of_their_description():
    assert parameters(xresnet18(10)) == xresnet_parameters(1, (2, 2, 2, 2), 10)
    assert parameters(xresnet34(10)) == xresnet_parameters(1, (3, 4, 6, 3), 10)
    assert parameters(net := xresnet50(n_out=3)) == xresnet_parameters(4, (3, 4, 6, 3), 3)
    assert net(torch.randn(2, 3, 33, 47)).shape == (2, 3)
    block = net[4][1]                      # it begins as its shortcut
    x = torch.rand(2, 256, 4, 4)
    assert block(x).equal(x)


def test_a_module_without_super():
    class Twice(Module):
        def __init__(self, layer): self.layer = layer
        def forward(self, x): return self.layer(self.layer(x))
    class Old(Module):
        def __init__(self): super().__init__(); self.layer = nn.Linear(1, 1)
    assert parameters(sequential(Twice(nn.Linear(2, 2)), torch.relu)) == 6 and parameters(Old()) == 2
    assert sequential(lambda x: x + 1)(torch.zeros(1)).item() == 1


def test_names_of_losses_and_learners_mean_what_is_here():
    assert (fastlearn.all.CrossEntropyLossFlat, fastlearn.all.BCEWithLogitsLossFlat, fastlearn.all.MSELossFlat) == (
        CrossEntropy, BinaryCrossEntropy, MeanSquaredError)
    assert fastlearn.all.cnn_learner is vision_learner


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pictures')
    for kind in 'red', 'blue':
        (folder/kind).mkdir()
        for i in range(10): Image.new('RGB', (32, 32), kind).save(folder/kind/f'{i}.png')
    return folder


@pytest.fixture(scope='module')
def learn(pictures):
    dls = ImageDataLoaders.from_folder(pictures, valid_pct=.3, seed=1, item_tfms=Resize(32), bs=4, device='cpu')
    learn = vision_learner(dls, 'resnet10', metrics=accuracy, quiet=True)
    learn.fine_tune(1)
    return learn


RESULTS = {
    'search': lambda learn: learn.lr_find(num_it=12, start_lr=1e-6, end_lr=1e-2), 'evaluation': Learner.validate,
    'summary': Learner.summary, 'history': lambda learn: learn.history, 'check': lambda learn: learn.dls.check(),
    'report': lambda learn: ClassificationInterpretation.from_learner(learn).classification_report(),
    'calibration': lambda learn: ClassificationInterpretation.from_learner(learn).calibration(),
    'prediction': lambda learn: learn.predict(learn.dls.valid.items[0]), 'cleaner': ImageClassifierCleaner,
    'recorder': lambda learn: learn.recorder}


@pytest.mark.parametrize('result', RESULTS)
def test_every_result_can_be_the_last_line_of_a_cell(result, learn):
    value = RESULTS[result](learn)
    forms = '_repr_html_', '_repr_png_', '_repr_mimebundle_'
    text, rich = repr(value), [getattr(value, form, None) for form in forms]
    assert len(text) < 4000 and 'tensor(' not in text and ' at 0x' not in text and '\\n' not in text
    assert any(callable(one) and one() for one in rich)


def test_datasets_as_the_last_line_are_two_lines_however_many_files(pictures):
    block = DataBlock((ImageBlock, CategoryBlock), get_image_files, IndexSplitter(range(4)), get_y=parent_label)
    found = block.datasets(pictures)
    assert repr(found) == 'training: 16 examples of 2 classes\nvalidation: 4 examples of 2 classes'
    assert repr(DataBlock().datasets([*range(10)]).train) == '8 examples'


def test_what_is_shown_are_the_numbers(learn):
    found = learn.validate()
    assert f'{found.loss:.4f}' in repr(found) and f'{found.metrics["accuracy"]:.4f}' in found._repr_html_()
    assert found[1] == found.metrics['accuracy'] and tuple(found)[0] == found.loss
    assert repr(learn.history) == learn.history.table()
    shown = learn.history._repr_html_()
    assert shown.count('<tr>') == len(learn.history.epochs) + 1 and shown.count('data:image/png;base64,') == 1
    assert repr(History()).split() == ['epoch', 'train_loss', 'valid_loss', 'time']
    assert '<img' not in History()._repr_html_()
    assert learn.summary()._repr_html_().count('<tr>') == len(learn.summary().splitlines()) - 2


def test_the_book_s_two_loops_clean_the_files(pictures, tmp_path):
    folder = shutil.copytree(pictures, tmp_path/'all')
    dls = ImageDataLoaders.from_folder(folder, valid_pct=.3, seed=1, item_tfms=Resize(32), bs=4, device='cpu')
    cleaner = ImageClassifierCleaner(vision_learner(dls, 'resnet10', quiet=True))
    red = next(i for i, file in enumerate(dls.valid.items) if file.parent.name == 'red')
    cleaner.remove('train', 2)
    cleaner.relabel('valid', red, 'blue')
    gone, moved = dls.train.items[2], dls.valid.items[red]
    target = folder/'blue'/f'moved_{moved.name}'
    for i in cleaner.delete(): cleaner.fns[i].unlink()
    for i, kind in cleaner.change(): shutil.move(cleaner.fns[i], folder/kind/f'moved_{cleaner.fns[i].name}')
    assert not gone.exists() and not moved.exists() and target.exists() and len(list(folder.rglob('*.png'))) == 19
