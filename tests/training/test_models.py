"The package's own architecture, the weights that come with it, counting parameters"
import torch
from torch import nn

from fastlearn.models import (
    BasicBlock, count_parameters, create_model, embedded_card, resnet10, ResNet10, resnet10_classes,
)
from fastlearn.weight_files import embedded_path, read_weights


def test_resnet10_has_the_names_and_sizes_that_its_weights_were_saved_with():
    model = resnet10(weights=None)
    saved = read_weights(embedded_path())
    assert {name for name in model.state_dict() if not name.endswith('num_batches_tracked')} == set(saved)
    assert count_parameters(model) == 1_281_791 and count_parameters(model) - count_parameters(model.fc) == 1_232_704
    assert model(torch.rand(2, 3, 64, 64)).shape == (2, 191)


def test_embedded_weights_are_float16_on_disk_and_float32_in_memory():
    model, saved = resnet10(), read_weights(embedded_path())
    assert all(tensor.dtype == torch.float16 for tensor in saved.values())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert all(model.state_dict()[name].equal(tensor.float()) for name, tensor in saved.items())
    assert embedded_path().stat().st_size < 3e6


def test_the_card_lists_191_classes_by_sorted_wordnet_id_and_no_house_cat():
    card = embedded_card()
    assert list(card['classes']) == sorted(card['classes']) and card['arch'] == 'resnet10' and 0 < card['top1'] < 1
    assert resnet10_classes() == list(card['classes'].values()) and len(resnet10_classes()) == 191
    assert any('cougar' in name for name in resnet10_classes())
    assert not any('Egyptian cat' in name or 'Chihuahua' in name for name in resnet10_classes())


def test_another_number_of_classes_keeps_the_body_and_gets_a_random_classifier():
    model, whole = resnet10(num_classes=5), resnet10()
    assert model.fc.out_features == 5
    body = {name: tensor for name, tensor in whole.state_dict().items() if not name.startswith('fc')}
    assert body and all(model.state_dict()[name].equal(tensor) for name, tensor in body.items())
    assert create_model(resnet10, num_classes=5).layer1.conv1.weight.equal(whole.layer1.conv1.weight)


def test_a_block_keeps_or_halves_the_map():
    images = torch.rand(2, 8, 16, 16)
    assert BasicBlock(8, 8)(images).shape == (2, 8, 16, 16) and BasicBlock(8, 12, 2)(images).shape == (2, 12, 8, 8)
    assert isinstance(BasicBlock(8, 8).shortcut, nn.Identity) and isinstance(ResNet10(2).layer2.shortcut, nn.Sequential)


def test_trainable_parameters_are_counted_apart():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    model[0].requires_grad_(False)
    assert (count_parameters(model), count_parameters(model, trainable=True)) == (21, 5)
