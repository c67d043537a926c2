"A picture in, an answer out: whatever form the picture has, whatever the labels are, whichever loss is used"
import io
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fastlearn.all import DataLoaders, ImageDataLoaders, Resize, resnet10, vision_learner
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.images import PILImage
from fastlearn.inference.predict import Prediction
from PIL import Image
from torch import nn


@pytest.fixture(scope='module')
def learn(few_learner): return few_learner()


@pytest.fixture(scope='module')
def file(learn): return learn.dls.valid.items[0]


def learner_of(few_pets, labels, **options):
    "A learner for 24 pictures with these labels"
    files = sorted((few_pets/'images').iterdir())[:24]
    dls = ImageDataLoaders.from_lists(few_pets, files, [labels[i % len(labels)] for i in range(24)], seed=1, bs=8,
                                      item_tfms=Resize(32))
    return vision_learner(dls, resnet10, **options)


# --- what goes in ---

def test_every_form_of_a_picture_gives_the_same_answer(learn, file):
    image = PILImage.create(file)
    pixels = np.asarray(image)
    forms = [file, str(file), file.read_bytes(), memoryview(file.read_bytes()), image, pixels, pixels/255,
             torch.tensor(pixels).permute(2, 0, 1)]
    expected = learn.get_preds(learn.dls.test_dl([file]))[0][0]
    for form in forms:
        label, index, probabilities = said = learn.predict(form)
        assert said[0] is label and said[-1] is probabilities
        assert torch.equal(probabilities, expected) and type(label) is bool and label == learn.dls.vocab[index]


def test_an_uploaded_photo_is_decoded_as_its_file_is(learn, tmp_path):
    "A large JPEG is decoded at a smaller size, whichever way it comes"
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    photo = Image.fromarray(noise).resize((1200, 900))
    photo.save(tmp_path/'photo.jpg')
    by_file, by_bytes = (learn.predict(form) for form in (tmp_path/'photo.jpg', (tmp_path/'photo.jpg').read_bytes()))
    assert torch.equal(by_file.probabilities, by_bytes.probabilities)


def test_the_picture_of_the_caller_stays_as_it_is(learn):
    photo = Image.new('RGB', (900, 600), 'teal')
    assert learn.predict(photo).image.size == (160, 107) and photo.size == (900, 600)


@pytest.mark.parametrize(('item', 'kind', 'message'), [
    ('nowhere.png', UnreadableImage, 'cannot read image nowhere.png: the file does not exist'),
    (b'<html>', UnreadableImage, 'cannot read an image from 6 bytes'), (b'', UnreadableImage, 'image from 0 bytes'),
    (['a.png', 'b.png'], TypeError, 'got a list of 2; for several, use learn.get_preds(learn.dls.test_dl('),
    (17, TypeError, 'expected an image (path, bytes, open file, Pillow image, array, or tensor), found int'),
    (torch.zeros(2, 3, 8, 8), ValueError, 'as an image; expected (height, width)'),
    (torch.full((3, 8, 8), -2.), ValueError, 'expected floats from 0 (black) to 1 (white)')])
def test_what_is_no_picture_is_refused_in_words(learn, item, kind, message):
    with pytest.raises(kind, match=re.escape(message)): learn.predict(item)


def test_loaders_of_ones_own_cannot_say_how_a_picture_is_prepared(learn):
    batches = [(torch.zeros(4, 3, 32, 32), torch.tensor([0, 1, 0, 1]))]
    own = vision_learner(DataLoaders(batches, batches, vocab=('no', 'yes')), resnet10)
    assert own.get_preds()[0].shape == (4, 2)
    with pytest.raises(TypeError, match='your own list does that is unknown'): own.predict(torch.zeros(3, 32, 32))


# --- what comes out ---

@pytest.mark.parametrize(('labels', 'kind'), [(['a', 'b'], str), ([3, 7], int), ([False, True], bool)])
def test_labels_come_back_in_their_type(few_pets, labels, kind):
    learn = learner_of(few_pets, labels)
    label, index, probabilities = learn.predict(learn.dls.valid.items[0])
    assert type(label) is kind and label == learn.dls.vocab[index]
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)


def test_several_labels(few_pets):
    learn = learner_of(few_pets, [['cat', 'sofa'], ['dog'], []])
    label, chosen, probabilities = learn.predict(learn.dls.valid.items[0])
    assert torch.equal(chosen, probabilities > .5)
    assert label == [name for name, one in zip(learn.dls.vocab, chosen) if one]
    assert 'others' not in learn.predict(learn.dls.valid.items[0]).to_html(most=1)  # these do not add up to 1


def test_numbers(few_pets):
    learn = learner_of(few_pets, [1.5, -2.])
    prediction = learn.predict(learn.dls.valid.items[0])
    assert type(prediction.label) is float and prediction.label == pytest.approx(prediction.probabilities.item())
    assert '<ul' not in prediction.to_html() and f'{prediction.label:.3g}' in prediction.to_html()
    assert repr(prediction) == repr(prediction.label)


def test_thousands_come_in_their_order_with_a_bar(learn, capsys, monkeypatch):
    files = [*learn.dls.valid.items, *learn.dls.train.items]*3
    monkeypatch.setattr('fastlearn.inference.predict.progress_bar',
                        lambda things, progress, **options: print(options['desc'], progress) or things)
    all_at_once = learn.get_preds(learn.dls.test_dl(files, bs=64))[0]
    assert capsys.readouterr().out == 'predicting True\n' and all_at_once.shape == (288, 2)
    for i in 0, 100, 287: assert torch.allclose(all_at_once[i], learn.predict(files[i]).probabilities, atol=1e-2)


def test_the_model_is_left_in_the_mode_it_had(learn, file):
    learn.model.train()
    learn.predict(file)
    assert learn.model.training and learn.model[0].training
    learn.model.eval()


# --- losses of others ---

@pytest.mark.parametrize(('labels', 'loss', 'activation'), [
    (['a', 'b'], F.cross_entropy, lambda logits: logits.softmax(1)),
    (['a', 'b'], nn.CrossEntropyLoss(), lambda logits: logits.softmax(1)),
    ([['a'], ['b', 'c']], F.binary_cross_entropy_with_logits, torch.sigmoid),
    ([1.5, 2.5], F.l1_loss, lambda logits: logits)])
def test_a_plain_loss_is_read_by_the_kind_of_label(few_pets, labels, loss, activation):
    learn = learner_of(few_pets, labels, loss_func=loss, precision=torch.float32)
    images = next(iter(learn.dls.valid))[0]
    with torch.no_grad(): expected = activation(learn.model(images))
    assert torch.allclose(learn.get_preds()[0], expected, atol=1e-6)
    assert learn.predict(learn.dls.valid.items[0]).probabilities.shape == (learn.dls.c,)


def test_a_loss_of_probabilities_is_refused(few_pets):
    learn = learner_of(few_pets, [['a'], ['b']], loss_func=nn.BCELoss())
    with pytest.raises(ValueError, match='remove the sigmoid from the model and pass loss_func=BinaryCrossEntropy'):
        learn.get_preds()


def test_a_plain_loss_without_a_kind_of_label_is_refused():
    batches = [(torch.zeros(4, 3, 32, 32), torch.tensor([0, 1, 0, 1]))]
    learn = vision_learner(DataLoaders(batches, batches), resnet10, n_out=2, loss_func=F.cross_entropy)
    with pytest.raises(ValueError, match='cross_entropy has no activation and decode, and the data loaders do not say'):
        learn.get_preds()


@pytest.mark.parametrize('loss', [None, F.cross_entropy])
def test_outputs_that_are_no_classes_are_refused(few_pets, loss):
    "One yes-or-no output for two classes would always be read as the first"
    learn = learner_of(few_pets, ['a', 'b'], n_out=1, loss_func=loss)
    with pytest.raises(ValueError, match=re.escape('(1, 1) (images first), but the labels need 2 numbers per image')):
        learn.predict(learn.dls.valid.items[0])


def test_nothing_to_predict(learn):
    with pytest.raises(ValueError, match='so there is nothing to predict'): learn.get_preds([])


# --- to look at ---

def made_up(**options) -> Prediction:
    vocab = ('<script>alert(1)</script>', 'b"&', *map(str, range(8)))
    shares = torch.tensor([.5, .3, *[.025]*8])
    return Prediction(vocab[0], torch.tensor(0), shares, vocab, **options)


def test_classes_and_names_are_escaped():
    page = made_up(image=Image.new('RGB', (20, 10))).to_html('"><b>.png')
    assert '<script' not in page and '<b>' not in page and '&lt;script&gt;' in page
    assert 'alt="&quot;&gt;&lt;b&gt;.png"' in page


def test_every_bar_has_its_number_and_they_add_up():
    page = made_up()._repr_html_()
    numbers = [float(found) for found in re.findall(r'>([\d.]+)%</span>', page)]
    assert numbers == [50, 30, 2.5, 2.5, 2.5, 12.5] and '5 others' in page and '<img' not in page
    assert page.count('aria-hidden="true"') == 6 and 'aria-label="probabilities"' in page


def test_the_picture_is_small(learn):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 700, 3), np.uint8)).save(buffer, 'PNG')
    prediction = learn.predict(buffer.getvalue())
    assert max(prediction.image.size) == 160 and len(prediction.to_html()) < 60_000
    assert 'data:image/jpeg;base64,' in prediction.to_html()


def test_repr_has_the_five_most_probable():
    assert repr(made_up()).count('%') == 5
