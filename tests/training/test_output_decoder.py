"How a model's numbers are read: by the loss that says so, else by the kind of the labels"
import pytest
import torch
import torch.nn.functional as F
from fastlearn.data.labels import LabelSpec
from fastlearn.losses import BinaryCrossEntropy
from fastlearn.output_decoder import output_decoder
from torch import nn

LOGITS = torch.tensor([[1.3, -.4]])
CLASSES = 'cat', 'dog'


@pytest.mark.parametrize('loss', [None, F.cross_entropy, nn.CrossEntropyLoss()])
@pytest.mark.parametrize(('spec', 'expected', 'answer'), [
    (LabelSpec('single', CLASSES), LOGITS.softmax(1), [0]),
    (LabelSpec('multi', CLASSES), LOGITS.sigmoid(), [[True, False]]),
    (LabelSpec('number', (), 2), LOGITS, LOGITS.tolist())])
def test_the_labels_say_how_to_read_the_model_of_a_plain_loss(loss, spec, expected, answer):
    decoder = output_decoder(loss, spec)
    assert decoder.activation(LOGITS).equal(expected)
    assert decoder.decode(expected).tolist() == answer


def test_a_loss_that_can_read_is_asked_first():
    loss = BinaryCrossEntropy(thresh=.8)
    assert output_decoder(loss, LabelSpec('single', CLASSES)) is loss
    assert output_decoder(loss, None) is loss


@pytest.mark.parametrize('loss', [nn.BCELoss(), F.binary_cross_entropy])
def test_a_loss_of_probabilities_is_refused(loss):
    with pytest.raises(ValueError, match='remove the sigmoid from the model and pass loss_func=BinaryCrossEntropy'):
        output_decoder(loss, LabelSpec('multi', CLASSES))


def test_a_plain_loss_without_labels_cannot_be_read():
    with pytest.raises(ValueError, match='cross_entropy has no activation and decode, and the data loaders do not say'):
        output_decoder(F.cross_entropy, None)
