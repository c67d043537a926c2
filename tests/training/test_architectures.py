"Architectures by their names: records, neighbors of a misspelled name, weights that there are"
import dataclasses
import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn

from fastlearn.architectures import Architecture, TorchvisionNetwork
from fastlearn.core.device import import_torchvision, seeded
from fastlearn.models import create_model, find_architecture, list_architectures, resnet10


def own_function(weights=None): return nn.Linear(1, 1)


def test_architectures_are_found_by_function_name_or_record():
    models = import_torchvision().models
    record = find_architecture('resnet34')
    assert find_architecture(models.resnet34) == record and find_architecture(record) is record
    assert find_architecture(resnet10) is find_architecture('resnet10')
    assert (record.family, record.weights.name, record.min_size) == ('resnet', 'IMAGENET1K_V1', 32)
    with pytest.raises(dataclasses.FrozenInstanceError): record.name = 'other'


def test_a_name_of_the_star_import_stands_for_the_function_of_torchvision():
    import fastlearn.all
    stand_ins = {name for name in fastlearn.all.__all__ if isinstance(getattr(fastlearn.all, name), TorchvisionNetwork)}
    assert stand_ins == set(list_architectures()) - {'resnet10'}
    ours, theirs = fastlearn.all.squeezenet1_1, import_torchvision().models.squeezenet1_1
    assert find_architecture(ours) == find_architecture(theirs) and ours.__name__ == theirs.__name__
    assert pickle.loads(pickle.dumps(ours)).__name__ == 'squeezenet1_1' and 'squeezenet1_1' in repr(ours)
    built = []
    for build in ours, theirs:
        with seeded(1): built.append(build(weights=None, num_classes=3).state_dict())
    assert all(torch.equal(built[0][name], value) for name, value in built[1].items())
    with pytest.raises(TypeError, match='num_clases'): ours(num_clases=3)


def test_torchvision_is_loaded_when_the_first_of_its_networks_is_built():
    code = '''
import sys
from fastlearn.all import *
from fastlearn.models import find_architecture
create_model(resnet10, None), find_architecture('resnet10')
print('torchvision' in sys.modules, end=' ')
resnet18(num_classes=2)
print('torchvision' in sys.modules)'''
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == 'False True\n', done.stderr


def test_every_architecture_has_a_record():
    records = [find_architecture(name) for name in list_architectures()]
    assert len(records) >= 81 and all(isinstance(record, Architecture) and record.weights for record in records)
    assert {record.name for record in records if record.fixed_size} == {
        'maxvit_t', 'vit_b_16', 'vit_b_32', 'vit_l_16', 'vit_l_32', 'vit_h_14'}


@pytest.mark.parametrize('arch, message', [
    ('resnet43', "unknown architecture 'resnet43'; did you mean resnet34"), ('sqeezenet1_0', 'squeezenet1_0'),
    (own_function, "unknown architecture 'own_function'"), (3, "unknown architecture '3'"),
    (nn.Linear, "unknown architecture 'Linear'")])


def test_an_unknown_architecture_gets_the_nearest_names(arch, message):
    with pytest.raises(ValueError, match=message): find_architecture(arch)


def test_a_function_of_ones_own_with_a_known_name_is_not_mistaken():
    def resnet18(weights=None): return nn.Linear(1, 1)
    message = "resnet18 of .*test_architectures is not torchvision's resnet18; pass the name as text"
    with pytest.raises(ValueError, match=message): find_architecture(resnet18)
    with pytest.raises(ValueError, match="is not torchvision's"):
        find_architecture(import_torchvision().models.quantization.resnet18)


@pytest.mark.parametrize('arch, weights, message', [
    ('resnet34', 'embedded',
     "resnet34 has no weights 'embedded'; expected 'default', 'IMAGENET1K_V1', 'DEFAULT', None for random"),
    ('resnet34', 'IMAGENET1K_V2', "resnet34 has no weights 'IMAGENET1K_V2'"),
    ('resnet10', 'IMAGENET1K_V1', "resnet10 has no weights 'IMAGENET1K_V1'; expected 'default', 'embedded'"),
    ('resnet10', True, "resnet10 has no weights 'True'")])


def test_unknown_weights_are_named_beside_the_known_ones(arch, weights, message):
    with pytest.raises(ValueError, match=message): create_model(arch, weights)
