"Heads and freezing: fastai's numbers, and nothing frozen moves"
import json

import pytest
import torch
from torch import nn

from fastlearn.body import create_body, split_groups
from fastlearn.head import attach_head, ConcatPool, create_head, freeze_to, head_config, is_frozen, train_mode, unfreeze


def test_the_head_is_fastais():
    head = create_head(256, 5)
    names = [type(layer).__name__ for layer in head]
    assert names == ['ConcatPool', 'Flatten', 'BatchNorm1d', 'Dropout', 'Linear',
                     'ReLU', 'BatchNorm1d', 'Dropout', 'Linear']
    assert (head[2].num_features, head[3].p, head[6].num_features, head[7].p) == (512, 0.25, 512, 0.5)
    linear = [(layer.in_features, layer.out_features, layer.bias) for layer in (head[4], head[8])]
    assert linear == [(512, 512, None), (512, 5, None)]
    assert abs(head[4].weight.std() - (2/512)**0.5) < 1e-3  # Kaiming: 262,144 draws, standard error 9e-5
    names = [type(layer).__name__ for layer in create_head(8, 2, hidden=None, pool=False)]
    assert names == ['Flatten', 'BatchNorm1d', 'Dropout', 'Linear']


def test_a_head_of_a_body_is_made_as_asked():
    body = create_body('resnet10', None)
    head = attach_head(body, 3, size=32, hidden=7, dropout=.3, y_range=(1, 2))[1]
    assert (head[4].out_features, head[3].p, head[7].p, (head[-1].low, head[-1].high)) == (7, .15, .3, (1, 2))
    assert len(attach_head(body, 3, size=32, hidden=None)[1]) == 5


def test_concat_pool_is_maximum_then_average():
    maps = torch.randn(2, 3, 5, 7)
    expected = torch.cat([nn.AdaptiveMaxPool2d(1)(maps), nn.AdaptiveAvgPool2d(1)(maps)], 1)
    torch.testing.assert_close(ConcatPool()(maps), expected)


def train_steps(model, steps=3):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(steps):
        model(torch.randn(4, 3, 32, 32)).square().mean().backward()
        optimizer.step(); optimizer.zero_grad()


def test_a_frozen_body_does_not_change_by_a_bit_not_even_after_unfreezing_in_between():
    model = attach_head(create_body('resnet10', None), 2, size=32)
    groups = split_groups(model, 'resnet10')
    for _ in range(2):
        freeze_to(groups, -1); train_mode(groups)
        before = {name: tensor.clone() for name, tensor in model[0].state_dict().items()}
        train_steps(model)
        assert all(tensor.equal(before[name]) for name, tensor in model[0].state_dict().items())
        unfreeze(groups); train_mode(groups)
        train_steps(model)
        changed = [not tensor.equal(before[name]) for name, tensor in model[0].state_dict().items()]
        assert all(changed)


def test_train_bn_moves_normalization_and_nothing_else():
    model = attach_head(create_body('resnet10', None), 2, size=32)
    groups = split_groups(model, 'resnet10')
    freeze_to(groups, -1); train_mode(groups, train_bn=True)
    before = {name: tensor.clone() for name, tensor in model[0].state_dict().items()}
    train_steps(model)
    changed = {name for name, tensor in model[0].state_dict().items() if not tensor.equal(before[name])}
    assert changed == {name for name in before if '.bn' in name or name.startswith('bn1') or 'shortcut.1' in name}
    assert is_frozen(groups[0]) and not is_frozen(groups[2])


def test_freeze_to_counts_from_both_ends():
    groups = [nn.Linear(1, 1) for _ in range(4)]
    for n, frozen in ((0, 0), (2, 2), (-1, 3), (-4, 0)):
        freeze_to(groups, n)
        assert [is_frozen(group) for group in groups] == [True]*frozen + [False]*(4-frozen)
    for n in 4, -5:
        message = rf'freeze_to\({n}\) would leave nothing to train in a model of 4 groups; expected -4 to 3'
        with pytest.raises(ValueError, match=message): freeze_to(groups, n)


def test_quantities_stay_between_two_numbers():
    head = create_head(4, 1, y_range=(18, 99))
    said = head.eval()(torch.randn(500, 4, 2, 2)*1e3)
    assert 18 <= said.min() and said.max() <= 99 and 'SigmoidRange(18, 99)' in repr(head)
    with pytest.raises(ValueError, match=r'y_range is \(9, 9\); expected two numbers below 1e30, the smaller'):
        create_head(4, 1, y_range=(9, 9))


@pytest.mark.parametrize('options', [{}, {'hidden': None}, {'pool': False}, {'y_range': (0., 3.)}, {'dropout': .1}])
def test_a_head_is_built_again_from_its_configuration(options):
    head = create_head(8, 3, **options)
    config = json.loads(json.dumps(head_config(head)))
    assert str(create_head(**config)) == str(head)
    assert config['features'] == 8 and config['outputs'] == 3


def test_another_head_is_named():
    assert head_config(nn.Linear(8, 2)) == {'own': 'Linear'}
    assert head_config(create_head(8, 2)[1:]) == {'own': 'Sequential'}
