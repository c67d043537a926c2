"""Names of classes and files are drawn as they stand: matplotlib reads what stands between two dollars as a formula.

The kind: text of the user given to something that reads markup. Members tried: every figure of the package whose
titles, labels or legends hold names;
one dollar, two, four, a formula, a backslash before a dollar, a leading underscore."""
import io

import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from PIL import Image

from fastlearn.core.text import in_figure
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.interpret.classification import ClassificationInterpretation, show_results
from fastlearn.interpret.occlusion import show_occlusion
from fastlearn.learner import vision_learner
from fastlearn.models import resnet10

NAMES = ['$5_$10', '$$', r'$\alpha$ wolf', 'a$b', r'a\$b$', '_$_$', '$1 $2 $3 $4', '100% $']


@pytest.mark.parametrize('name', NAMES)
def test_matplotlib_shows_every_sign(name):
    "Its own reading of the text, which drops what hides a dollar"
    assert Text(0, 0, in_figure(name))._preprocess_math(in_figure(name)) == (name, False)


@pytest.fixture(scope='module')
def learn(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    labels = [f'{name[:3]}$x_$y' for name in ('ab', 'cd', 'ef')]*6
    for i in range(18): Image.new('RGB', (32, 32), (i*9, 90, 200 - i*9)).save(folder/f'$a_{i:02}_$b.png')
    dls = ImageDataLoaders.from_lists(folder, sorted(folder.iterdir()), labels, valid_pct=.4, seed=1, bs=4,
                                      device='cpu')
    return vision_learner(dls, resnet10, quiet=True)


FIGURES = {'show_batch': lambda learn, interp: learn.dls.show_batch(max_n=3),
           'show_results': lambda learn, interp: show_results(learn, max_n=3),
           'confusion': lambda learn, interp: interp.plot_confusion_matrix(),
           'top losses': lambda learn, interp: interp.plot_top_losses(3),
           'occlusion': lambda learn, interp: show_occlusion(learn, learn.dls.valid.items[0])}


@pytest.mark.parametrize('name', FIGURES)
def test_figures_with_names_are_drawn(name, learn):
    FIGURES[name](learn, ClassificationInterpretation.from_learner(learn))
    figure = plt.gcf()
    figure.savefig(io.BytesIO())
    texts = [one for one in figure.findobj(Text) if '$' in one.get_text()]
    assert texts and not any(one._preprocess_math(one.get_text())[1] for one in texts)
    plt.close('all')
