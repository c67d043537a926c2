"Losses against PyTorch's own, and what is said about targets that do not fit"
import json

import pytest
import torch
import torch.nn.functional as F

from fastlearn.losses import (
    BinaryCrossEntropy, class_weights, cross_entropy, CrossEntropy, log_softmax, loss_for, MeanSquaredError,
)


def batch(classes: int = 5, size: int = 32, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(size, classes, generator=random)*4, torch.randint(classes, (size,), generator=random)


def gradient(loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits, targets), logits)[0]


@pytest.mark.parametrize('classes', [2, 37])
def test_cross_entropy_by_hand_is_torchs(classes):
    logits, targets = batch(classes)
    torch.testing.assert_close(cross_entropy(logits, targets), F.cross_entropy(logits, targets))
    torch.testing.assert_close(gradient(cross_entropy, logits, targets), gradient(F.cross_entropy, logits, targets))


@pytest.mark.parametrize('size', [1e-4, 1., 1e4, 1e30])
def test_log_softmax_is_exact_for_logits_of_any_size(size):
    logits = batch()[0]*size
    torch.testing.assert_close(log_softmax(logits), logits.log_softmax(dim=1))
    assert log_softmax(logits).isfinite().all()


@pytest.mark.parametrize('weight', [None, [1., 2., 3., .5, 0.]])
@pytest.mark.parametrize('label_smoothing', [0., .1, .9])
def test_cross_entropy_options_are_torchs(weight, label_smoothing):
    logits, targets = batch()
    theirs = torch.nn.CrossEntropyLoss(weight and torch.tensor(weight), label_smoothing=label_smoothing)
    ours = CrossEntropy(weight, label_smoothing)
    torch.testing.assert_close(ours(logits, targets), theirs(logits, targets))
    torch.testing.assert_close(gradient(ours, logits, targets), gradient(theirs, logits, targets))


def test_several_labels_are_torchs():
    logits, _ = batch(3)
    targets = (logits.roll(1, 0) > 0).float()
    weight = torch.tensor([1., 2., 3.])
    theirs = F.binary_cross_entropy_with_logits(logits, targets*.9 + .05, pos_weight=weight)
    for given in weight, [1, 2, 3]:
        torch.testing.assert_close(BinaryCrossEntropy(given, label_smoothing=.1)(logits, targets), theirs)
    torch.testing.assert_close(BinaryCrossEntropy()(logits, targets.bool()), BinaryCrossEntropy()(logits, targets))


def test_answers():
    logits = torch.tensor([[2., -1.], [-3., 0.1]])
    single, multi, number = map(loss_for, ('single', 'multi', 'number'))
    torch.testing.assert_close(single.activation(logits).sum(dim=1), torch.ones(2))
    assert single.decode(single.activation(logits)).tolist() == [0, 1]
    assert multi.decode(multi.activation(logits)).tolist() == [[True, False], [False, True]]
    assert not BinaryCrossEntropy(thresh=.9).decode(multi.activation(logits)).any()
    assert number.decode(number.activation(logits)).equal(logits)


def test_numbers_in_a_row_or_a_column():
    outputs, targets = torch.tensor([[1.], [2.], [3.]]), torch.tensor([1., 2., 5.])
    assert MeanSquaredError()(outputs, targets) == MeanSquaredError()(outputs, targets[:, None]) == 4/3
    assert MeanSquaredError()(outputs, targets.double()).dtype == torch.float32


@pytest.mark.parametrize('kind, targets', [('single', [0, 1]), ('multi', [[1., 0.], [0., 1.]]),
                                           ('number', [[1., 0.], [0., 1.]])])
def test_half_precision_logits_give_a_float32_loss(kind, targets):
    logits = torch.tensor([[8.0, -8.0], [3.0, 2.0]], dtype=torch.bfloat16)
    loss = loss_for(kind)
    assert loss(logits, torch.tensor(targets)).dtype == loss.activation(logits).dtype == torch.float32


@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.int32])
def test_whole_numbers_of_any_type_name_a_class(dtype):
    logits, targets = batch(2)
    torch.testing.assert_close(CrossEntropy()(logits, targets.to(dtype)), CrossEntropy()(logits, targets))


@pytest.mark.parametrize('targets, text', [
    ([0, 5, 1], 'got target 5 at position 1 of the batch, expected 0 to 4, because the model has 5 outputs; number'),
    ([0, 1, -100], 'got target -100 at position 2 of the batch, expected 0 to 4'),
    ([0., 1., 2.], r'got targets of type torch.float32, expected whole numbers \(torch.int64\).*\.long\(\)'),
    ([[0], [1], [2]], r'logits of shape \(3, 5\) with targets of shape \(3, 1\); expected \(batch, classes\) with'),
    ([0, 1], r'got logits of shape \(3, 5\) with targets of shape \(2,\)'),
])
def test_targets_that_are_no_classes(targets, text):
    with pytest.raises(ValueError, match=text): CrossEntropy()(torch.zeros(3, 5), torch.tensor(targets))


def test_targets_that_are_no_labels_or_numbers():
    with pytest.raises(ValueError, match=r'outputs of shape \(3, 5\) with targets of shape \(3,\).*use CrossEntropy'):
        BinaryCrossEntropy()(torch.zeros(3, 5), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match='got targets from 0 to 3, expected 1 for a label that is present and 0'):
        BinaryCrossEntropy()(torch.zeros(1, 2), torch.tensor([[0., 3.]]))
    with pytest.raises(ValueError, match=r'\(4, 2\) with targets of shape \(4,\); expected the same shape'):
        MeanSquaredError()(torch.zeros(4, 2), torch.zeros(4))


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match=r'class weights of shape \(3,\) for 2 classes; expected one weight per class'):
        CrossEntropy([1., 2., 3.])(*batch(2))
    with pytest.raises(ValueError, match='got class weights .*expected finite numbers, 0 or more'):
        CrossEntropy([1., -2.])
    for smoothing in (-.1, 1., 10):
        with pytest.raises(ValueError, match=f'got label_smoothing={smoothing}, expected 0'):
            CrossEntropy(label_smoothing=smoothing)
    with pytest.raises(ValueError, match="got kind 'regression', expected 'single'"): loss_for('regression')
    with pytest.raises(ValueError, match='weight or label_smoothing for numbers'): loss_for('number', weight=[1.])


def test_class_weights_are_scikit_learns():
    weights = pytest.importorskip('sklearn.utils.class_weight')
    targets = batch(5, 400)[1].square() % 5
    targets = torch.cat([targets, torch.arange(5)])
    balanced = weights.compute_class_weight('balanced', classes=torch.arange(5).numpy(), y=targets.numpy())
    torch.testing.assert_close(class_weights(targets.bincount()).double(), torch.tensor(balanced), rtol=1e-6, atol=0)
    with pytest.raises(ValueError, match=r'got counts \[3.0, 0.0\], expected at least one image of each class'):
        class_weights([3, 0])


@pytest.mark.parametrize('loss', [CrossEntropy(), CrossEntropy([1., .5], .1), MeanSquaredError(),
                                  BinaryCrossEntropy([2., 1.], .1, thresh=.3)])
def test_a_loss_is_made_again_from_its_configuration(loss):
    config = json.loads(json.dumps(loss.to_config()))
    again = type(loss).from_config(config)
    assert again.to_config() == loss.to_config() and config['name'] == type(loss).__name__
