"""Figures that can be read on a light page and on a dark one, and in the words that people use.

Members of the kind "drawn for a white page": titles, axis labels, ticks and minor ticks, words beside the data, frames,
legends of axes and of figures, black curves, color bars, a style of one's own; confusion matrix, worst pictures,
batches, results, history, calibration, occlusion, filters, learning rates. Of "the machine's form of a label": the same
figures, the report, the page of mistakes, predictions, the widget, the glossary. Of "a program does not find what was
drawn, or a notebook shows it twice": these figures, the recorder's two, a rate search, the page of a history.
"""
import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fastlearn.all import ClassificationInterpretation, show_filters, show_occlusion
from fastlearn.core.figures import NEUTRAL, subplots, ThemedFigure
from fastlearn.course.glossary import explain
from fastlearn.lr_finder import RateSearch
from IPython.core.formatters import DisplayFormatter
from IPython.core.pylabtools import select_figure_formats
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from PIL import Image

pytestmark = pytest.mark.usefixtures('close_figures')
WHITE, DARK = (255, 255, 255), (17, 17, 17)  # of JupyterLab's themes


def luminance(color) -> float:
    values = [c/12.92 if c <= .04045 else ((c + .055)/1.055)**2.4 for c in np.asarray(color)[:3]/255]
    return float(np.dot(values, (.2126, .7152, .0722)))


def contrast(one, other) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + .05)/(low + .05)


def test_the_gray_can_be_read_on_both_pages():
    color = [255*c for c in to_rgb(NEUTRAL)]
    assert contrast(color, WHITE) > 4.2 and contrast(color, DARK) > 4.2


FIGURES = {
    'confusion': lambda learn: ClassificationInterpretation.from_learner(learn).plot_confusion_matrix(),
    'top losses': lambda learn: ClassificationInterpretation.from_learner(learn).plot_top_losses(4),
    'calibration': lambda learn: ClassificationInterpretation.from_learner(learn).plot_calibration(),
    'batch': lambda learn: learn.dls.show_batch(max_n=4), 'results': lambda learn: learn.show_results(max_n=4),
    'history': lambda learn: learn.history.plot(), 'occlusion': lambda learn: show_occlusion(learn, [0], size=16),
    'filters': lambda learn: show_filters(learn)}


MORE = FIGURES | {
    'losses': lambda learn: learn.recorder.plot_loss(skip_start=0), 'rates': lambda learn: learn.recorder.plot_sched(),
    'search': lambda learn: RateSearch((1e-4, 1e-3, 1e-2), (2., 1., 3.), {'valley': 1e-3}).plot()}


@pytest.mark.parametrize('name', MORE)
def test_a_program_that_saves_the_current_figure_finds_what_was_drawn(name, tuned_learner):
    plt.figure()                          # as programs do before they draw
    MORE[name](tuned_learner)
    plt.savefig(file := io.BytesIO(), format='png')
    assert np.asarray(Image.open(file).convert('L')).std() > 5


def test_a_figure_that_was_shown_is_not_shown_again_at_the_end_of_the_cell():
    "A notebook shows each open figure after the cell"
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    select_figure_formats(shell, {'png'})
    figure, axis = subplots()
    axis.plot([1, 2])
    shown, _ = shell.display_formatter.format(figure)
    assert shown['image/png'].startswith('iVBORw0KGgo') and not plt.get_fignums()
    again, _ = shell.display_formatter.format(figure)
    assert again['image/png'] == shown['image/png']


def test_what_draws_itself_in_a_page_leaves_no_open_figure(tuned_learner):
    search = RateSearch((1e-4, 1e-3, 1e-2), (2., 1., 3.), {'valley': 1e-3})
    assert search._repr_png_()[:4] == b'\x89PNG' and '<img' in tuned_learner.history._repr_html_()
    assert not plt.get_fignums()


def figure_of(learn, name) -> ThemedFigure:
    made = FIGURES[name](learn)
    return made if isinstance(made, ThemedFigure) else plt.gcf()


def test_words_beside_the_data_follow_the_page_and_words_on_an_image_do_not():
    figure, (plain, pictured) = subplots(1, 2)
    pictured.imshow(np.ones((2, 2)), cmap='gray', vmin=0)
    words = [axis.text(.5, .5, 'here', color=color) for axis in (plain, pictured) for color in ('black', 'red')]
    words += [plain.annotate('there', (.1, .1))]
    figure.canvas.draw()
    assert [to_rgb(one.get_color()) for one in words] == [*map(to_rgb, (NEUTRAL, 'red', 'black', 'red', NEUTRAL))]


@pytest.mark.parametrize('scale', ['linear', 'log', 'symlog', 'logit'])
def test_every_tick_can_be_read_on_both_pages(scale):
    "A logarithmic axis of less than a decade labels its minor ticks, and large numbers have a factor of their own"
    figure, axis = subplots()
    axis.plot([.2, .3, .6], [.2, .3, .6] if scale != 'linear' else [2e9, 3e9, 6e9])
    axis.set(xscale='log', yscale=scale)
    figure.canvas.draw()
    texts = [*axis.get_xticklabels(which='both'), *axis.get_yticklabels(which='both'), axis.yaxis.get_offset_text()]
    lines = [line for one in (axis.xaxis, axis.yaxis) for line in one.get_ticklines(True) + one.get_ticklines(False)]
    assert [text for text in texts if text.get_text()]
    assert {to_rgb(one.get_color()) for one in (*texts, *lines)} == {to_rgb(NEUTRAL)}


@pytest.mark.parametrize('name', FIGURES)
def test_a_figure_has_no_page_of_its_own(tuned_learner, name):
    figure = figure_of(tuned_learner, name)
    figure.savefig(file := io.BytesIO(), format='png')
    drawn = np.asarray(Image.open(file).convert('RGBA'))
    assert drawn[0, 0, 3] == drawn[-1, -1, 3] == 0
    outside = [axis.title for axis in figure.axes]
    outside += [label for axis in figure.axes for label in (axis.xaxis.label, axis.yaxis.label)]
    outside += [tick.label1 for axis in figure.axes for side in (axis.xaxis, axis.yaxis)
                for tick in side.get_major_ticks()]
    dark = [text.get_text() for text in [*outside, *figure.texts] if text.get_text() and text.get_visible()
            and contrast([255*c for c in to_rgb(text.get_color())], DARK) < 3]
    assert not dark
    small = [text.get_text() for text in outside if text.get_text() and text.get_fontsize()*figure.dpi/72 < 11]
    assert not small


DRAWN = """
from fastlearn.core.figures import subplots
from matplotlib import pyplot as plt
def drawn(close=False):
    figure, axis = subplots()
    axis.plot([1, 2])
    if close: plt.close(figure)
    return figure
"""


def test_jupyter_shows_a_figure_once_and_without_a_card(monkeypatch):
    "As the last line of a cell or before it, open or closed; the card is that of `needs_background`"
    nbclient, nbformat = pytest.importorskip('nbclient'), pytest.importorskip('nbformat')
    monkeypatch.delenv('MPLBACKEND', raising=False)
    lines = 'drawn()', 'drawn();', 'drawn(close=True)', 'kept = drawn()', 'kept'
    cells = [nbformat.v4.new_code_cell(source) for source in (DRAWN, *lines)]
    done = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600, kernel_name='python3').execute()
    for line, cell in zip(lines, done.cells[1:]):
        assert [(sorted(one.data), one.metadata) for one in cell.outputs] == [(['image/png', 'text/plain'], {})], line


def test_a_background_of_your_own_stays():
    figure, axis = subplots()
    figure.savefig(file := io.BytesIO(), format='png', facecolor='white')
    assert np.asarray(Image.open(file).convert('RGBA'))[0, 0].tolist() == [255]*4


def test_black_curves_are_seen_on_both_pages_and_images_keep_theirs():
    figure, (left, right) = subplots(1, 2)
    left.plot([0, 1], [0, 1], color='black')
    right.imshow(np.zeros((4, 4, 3)))
    right.plot([0, 1], [0, 1], color='black')
    figure.canvas.draw()
    assert left.lines[0].get_color() == NEUTRAL and right.lines[0].get_color() == 'black'


def test_every_figure_of_the_library_is_of_that_kind():
    root = Path(__file__).resolve().parents[2]/'fastlearn'
    own = [path.name for path in root.rglob('*.py') if path.name != 'figures.py' and
           re.search(r'plt\.(subplots|figure)\(|(?<!Themed)Figure\(', path.read_text(encoding='utf-8'))]
    assert not own


def test_a_style_of_your_own_stays():
    with plt.style.context('dark_background'):
        figure, axis = subplots()
        axis.set_title('x', color='black')
        figure.canvas.draw()
    assert figure.get_facecolor() == (0, 0, 0, 1) and axis.title.get_color() == 'black'


def test_no_figure_says_true_or_false(tuned_learner):
    learn = tuned_learner                 # its labels come from a function without words
    spec = learn.dls.label_spec
    def is_cat(name): return name[0].isupper()
    words = spec.with_words_of(is_cat)
    learn.dls.label_spec = learn.dls.train.dataset.label_spec = learn.dls.valid.dataset.label_spec = words
    try:
        interp = ClassificationInterpretation.from_learner(learn)
        said = [str(interp.classification_report()), interp.browse().text(), str(interp.browse().state['classes']),
                learn.predict(learn.dls.valid.items[0]).to_html(), repr(explain('class', learn)),
                repr(explain('validation set', learn)), repr(explain('prediction', learn))]
        for name in 'confusion', 'top losses', 'batch', 'results', 'occlusion':
            figure = figure_of(learn, name)
            figure.canvas.draw()
            texts = figure.findobj(lambda one: hasattr(one, 'get_text'))
            said.append(f'{name}: {[text.get_text() for text in texts]}')
            plt.close('all')
        assert not [text for text in said if re.search(r'\b(True|False)\b', text)]
        assert sum('not cat' in text for text in said) >= 8
        assert interp.classification_report()[True].name == 'cat'
    finally: learn.dls.label_spec = learn.dls.train.dataset.label_spec = learn.dls.valid.dataset.label_spec = spec
