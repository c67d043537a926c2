"Pictures that a person hands over in the browser: the answers, and what happens to everything that is not an image"
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from browsing import Notebook, wait_for, watched_page
from fastlearn.core.files import readable
from fastlearn.core.interactive import bundle
from fastlearn.inference.predict_widget import _LARGEST, PredictWidget, write_app


@pytest.fixture(scope='module')
def learn(few_learner): return few_learner()


@pytest.fixture
def widget(learn): return PredictWidget(learn, most=3)


@pytest.fixture(scope='module')
def picture(learn): return learn.dls.valid.items[0].read_bytes()


def shown(widget: PredictWidget) -> list[str]: return [card.value for card in widget.answers.children]


# --- the kernel's side ---

def test_a_picture_is_answered_as_predict_does(widget, learn, picture):
    widget.answer('mine.png', picture)
    (name, prediction), = widget.predictions
    assert name == 'mine.png' and torch.equal(prediction.probabilities, learn.predict(picture).probabilities)
    assert 'mine.png' in shown(widget)[0] and str(prediction.label) in shown(widget)[0]
    assert widget.inlet.said == f'mine.png: {prediction.label}, {prediction.probabilities.max():.1%}'


@pytest.mark.parametrize(('content', 'size', 'words'), [
    (b'', 0, 'the file is empty (0 bytes)'), (b'<html>', 6, 'this file of 6 bytes is not an image in a supported'),
    (b'', _LARGEST + 1, 'the file has 100.0 MiB; send an image of at most 100.0 MiB'),
    (b'\x89PNG\r\n\x1a\n' + bytes(40), 48, 'No prediction: ')])
def test_what_is_no_picture_is_said_in_words(widget, picture, content, size, words):
    widget.answer('notes.png', content, size)
    widget.answer('mine.png', picture)
    assert len(widget.predictions) == 1 and words in shown(widget)[1] and 'Traceback' not in shown(widget)[1]
    assert '0x' not in shown(widget)[1], 'an address of memory means nothing to anybody'


def test_half_a_picture(widget, picture):
    widget.answer('half.png', picture[:len(picture)//2])
    assert not widget.predictions and 'No prediction: ' in shown(widget)[0]


def test_names_are_escaped(widget, picture):
    for content in picture, b'': widget.answer('<img src=x onerror=alert(1)>.png', content)
    for card in shown(widget): assert '<img src=x' not in card and '&lt;img src=x onerror' in card


def test_pieces_are_put_together(widget, picture):
    about = {'name': 'mine.png', 'size': len(picture)}
    sent = []
    widget.inlet.send = sent.append
    for number in 4, 9:                   # two pages that show the same widget
        widget.receive(about | {'number': number, 'piece': 0, 'last': False}, [memoryview(picture[:100])])
    for number in 9, 4:
        widget.receive(about | {'number': number, 'piece': 1, 'last': True}, [memoryview(picture[100:])])
    assert len(widget.predictions) == 2 and sent == [{'answered': 9}, {'answered': 4}] and not widget.arriving


def test_the_rest_of_a_file_that_nobody_knows_is_dropped(widget):
    widget.receive({'number': 1, 'name': 'x', 'size': 9, 'piece': 3, 'last': True}, [memoryview(b'abc')])
    assert not widget.answers.children


def piece(number: int, size: int = 1, **more) -> dict:
    return {'number': number, 'name': 'x.png', 'size': size, 'piece': 0, 'last': False} | more


@pytest.mark.parametrize('claimed', [1, 0, -5, 2**70])
def test_what_comes_is_counted_and_not_what_is_claimed(widget, monkeypatch, claimed):
    "Members tried: a small claim, none, a negative and a huge one; one large piece, many small ones, a late last piece"
    monkeypatch.setattr('fastlearn.inference.predict_widget._LARGEST', 1000)
    for sizes in ([2000], [300]*4, [999, 2], [1001, 0]):
        for at, size in enumerate(sizes): widget.receive(piece(1, claimed, piece=at), [memoryview(bytes(size))])
        assert not widget.arriving[1].content, 'bytes beyond the limit are kept'
        widget.receive(piece(1, claimed, piece=9, last=True), [])
        assert f'the file has {readable(sum(sizes))}; send an image' in shown(widget)[0] and not widget.arriving
    widget.receive(piece(2, claimed, piece=0, last=True), [memoryview(bytes(400))])
    assert 'file of 400 bytes is not an image' in shown(widget)[0]


def test_begun_files_are_not_kept_for_ever(widget, picture):
    sent = []
    widget.inlet.send = sent.append
    for number in range(200): widget.receive(piece(number), [memoryview(bytes(1000))])
    assert len(widget.arriving) == 4 and sent[:2] == [{'answered': 0}, {'answered': 1}]
    widget.receive(piece(199, piece=1, last=True), [memoryview(picture)])
    assert len(shown(widget)) == 1 and len(widget.arriving) == 3


def test_a_page_is_told_that_it_is_done_also_after_an_error(widget):
    sent = []
    widget.inlet.send = sent.append
    with pytest.raises(ValueError): widget.receive(piece(1, size='many', refused=True, last=True), [])
    assert sent == [{'answered': 1}] and not widget.arriving


def test_names_of_files_are_shortened_and_whole(widget, picture):
    for name in ('x'*10**6, 'a\ud800.png', '\x1b[2J'):
        widget.receive(piece(1, name=name, last=True), [memoryview(picture)])
        assert len(widget.inlet.said) < 400
        (widget.inlet.said + shown(widget)[0]).encode()  # a message to the page is UTF-8


def test_the_page_does_not_grow_for_ever(widget, picture):
    from ipywidgets.widgets import widget as registry
    for i in range(3): widget.answer(f'{i}.png', picture)
    before = len(registry._instances)
    for i in range(3, 8): widget.answer(f'{i}.png', picture)
    assert [name for name, _ in widget.predictions] == ['5.png', '6.png', '7.png'] and len(shown(widget)) == 3
    assert len(registry._instances) - before <= 10  # a layout or style may stay until it is collected
    widget.clear.click()
    assert not widget.predictions and not shown(widget) and widget.inlet.said == ''


def test_an_app_is_a_model_and_a_notebook(learn, picture, tmp_path):
    notebook = json.loads(learn.write_app(tmp_path/'app', 'Cat?').read_text(encoding='utf-8'))
    assert sorted(file.name for file in (tmp_path/'app').iterdir()) == ['app.ipynb', 'model.safetensors']
    assert 'The model knows: False, True.' in notebook['cells'][0]['source']
    found = {}
    code = notebook['cells'][1]['source'].replace('\nPredictWidget', '\nwidget = PredictWidget')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path/'app')
        exec(code, found)
    found['widget'].answer('mine.png', picture)
    assert torch.allclose(found['widget'].predictions[0][1].probabilities, learn.predict(picture).probabilities)


def test_names_of_classes_are_text_in_the_notebook_of_an_app(tmp_path, monkeypatch):
    names = ('<img src=x onerror="alert(1)">', '**b** $x$ [a](b)')
    monkeypatch.setattr('fastlearn.inference.predict_widget.export', lambda *args: None)
    stranger = SimpleNamespace(dls=SimpleNamespace(vocab=names))
    source = json.loads(write_app(stranger, tmp_path/'a', '# <b>').read_text(encoding='utf-8'))['cells'][0]['source']
    from nbconvert.filters import markdown2html
    page = markdown2html(source)
    assert set(re.findall(r'<(\w+)', page)) - {'a'} == {'h1', 'p'}  # nbconvert puts a link to itself into a heading
    assert '&lt;img src=x' in page and '**b** $x$ [a](b)' in page and '&lt;b&gt;' in page


def test_a_name_of_a_notebook_is_no_folder(learn, tmp_path):
    with pytest.raises(ValueError, match='app.ipynb is the name of a notebook; pass a folder'):
        learn.write_app(tmp_path/'app.ipynb')
    assert not os.listdir(tmp_path)


def test_an_import_needs_no_widget_library():
    code = "import sys, fastlearn.inference.predict_widget\n"
    code += "print(sorted({'ipywidgets', 'anywidget'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == '[]\n'


# --- in a browser ---

def test_pieces_of_a_file(chromium):
    with watched_page(chromium) as page:
        page.add_script_tag(content=bundle('inference/predict_widget.js', exports=False))
        assert page.evaluate('[0, 1, 2**20, 2**20 + 1].map(size => chunkStarts(size).length)') == [1, 1, 1, 2]


CELLS = '''
from fastlearn.inference.predict_widget import PredictWidget
from fastlearn.learner import load_learner
''', '''
widget = PredictWidget(load_learner('model.safetensors'))
widget
'''
DROP = '''(input, [name, bytes]) => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(bytes)], name));
    for (const kind of ['dragenter', 'dragover', 'drop'])
        input.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
}'''


def test_pictures_are_chosen_and_dropped_in_jupyterlab(page, lab, learn, tmp_path):
    learn.export(lab.root/'model.safetensors')
    lab.write('upload.ipynb', *CELLS)
    notebook = Notebook(page, lab, 'upload.ipynb')
    for cell in 0, 1: notebook.run(cell)
    assert 'Error' not in notebook.output(0) + notebook.output(1)
    inlet, cards = notebook.panel.locator('.fl-upload'), notebook.panel.get_by_role('list', name='probabilities')
    choose = inlet.get_by_label('Drop images here, or choose files:')
    choose.focus()
    page.keyboard.press('x')              # reaches no cell
    (page_not_found := tmp_path/'404.jpg').write_text('<html>')
    first, second, third = learn.dls.valid.items[:3]
    choose.set_input_files([first, page_not_found, second])
    wait_for(page, cards.count, 2)
    notebook.panel.get_by_text('No prediction: this file of 6 bytes is not an image').wait_for()
    label, _, shares = learn.predict(second)
    wait_for(page, inlet.get_by_role('status').inner_text, f'{second.name}: {label}, {shares.max():.1%}')
    assert notebook.panel.get_by_role('img', name=first.name).is_visible()
    choose.evaluate(DROP, [third.name, list(third.read_bytes())])
    wait_for(page, cards.count, 3)
    notebook.panel.get_by_role('button', name='Clear').click()
    wait_for(page, cards.count, 0)
    assert notebook.panel.locator('.jp-Cell').count() == 2
    lab.end_kernels('upload.ipynb')
