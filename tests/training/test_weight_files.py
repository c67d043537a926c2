"Files of weights: what is read, what is refused, what is said when they do not fit, where they are fetched"
import urllib.error

import pytest
import torch
from safetensors.torch import save_file

from fastlearn.core.device import eval_mode, import_torchvision
from fastlearn.models import create_model, resnet10
from fastlearn.weight_files import embedded_path, fetch_weights, load_weights, read_weights


@pytest.mark.parametrize('wrapper', [None, 'state_dict', 'model', 'model_state_dict'])
@pytest.mark.parametrize('prefix', ['', 'module.', '_orig_mod.'])
def test_files_with_wrappers_and_prefixes_load(tmp_path, wrapper, prefix):
    first = resnet10(None, num_classes=3)
    state = {prefix + name: tensor for name, tensor in first.state_dict().items()}
    torch.save({wrapper: state, 'epoch': 3} if wrapper else state, tmp_path/'own.pth')
    model = create_model('resnet10', tmp_path/'own.pth')
    assert all(a.equal(b) for a, b in zip(model.state_dict().values(), first.state_dict().values()))


def test_safetensors_and_pth_give_the_same(tmp_path):
    model = resnet10(None, num_classes=3)
    save_file(model.state_dict(), tmp_path/'a.safetensors')
    torch.save(model.state_dict(), tmp_path/'a.pth')
    for name in 'a.safetensors', 'a.pth':
        assert load_weights(resnet10(None, num_classes=3), str(tmp_path/name)).fc.weight.equal(model.fc.weight)


def test_nothing_is_loaded_unless_everything_fits(tmp_path):
    state = resnet10(None, num_classes=3).state_dict()
    state['layer3.bn2.bias'] = torch.zeros(7)
    torch.save(state, tmp_path/'a.pth')
    model = resnet10(None, num_classes=3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r'a.pth does not fit ResNet10: '
                                         r'1 with another shape: layer3.bn2.bias \(7,\) instead of \(256,\)'):
        load_weights(model, tmp_path/'a.pth')
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())


def test_a_classifier_of_another_size_is_said_in_words(tmp_path):
    torch.save(resnet10(None, num_classes=37).state_dict(), tmp_path/'pets.pth')
    with pytest.raises(ValueError, match=r'pets.pth does not fit ResNet10: its classifier fc has 37 outputs, '
                                         "but the model's has 2; create the model with num_classes=37"):
        load_weights(resnet10(None, num_classes=2), tmp_path/'pets.pth')
    assert create_model('resnet10', tmp_path/'pets.pth').fc.out_features == 37  # as in the file


def test_weights_of_another_architecture_name_a_few_keys():
    with pytest.raises(ValueError, match=r'does not fit SqueezeNet: '
                                         r'52 missing: features.0.weight, .*, ... \(52 in all\); 47 unexpected: '):
        load_weights(create_model('squeezenet1_0', None), embedded_path())


class Evil:
    def __reduce__(self): return print, ('code ran',)


def test_a_file_with_code_is_refused_and_nothing_runs(tmp_path, capsys):
    torch.save({'model': Evil()}, tmp_path/'evil.pth')
    with pytest.raises(ValueError, match='evil.pth contains more than tensors, and loading it could run code, '
                                         'so it was not loaded'):
        read_weights(tmp_path/'evil.pth')
    assert 'code ran' not in capsys.readouterr().out


@pytest.mark.parametrize('content, message', [
    ({'epoch': 3, 'loss': 0.5}, r'holds a dictionary of epoch, loss; expected named tensors'),
    (torch.zeros(3), 'holds a Tensor; expected named tensors'), ({}, 'holds nothing; expected named tensors')])


def test_a_file_without_weights_says_what_it_holds(tmp_path, content, message):
    torch.save(content, tmp_path/'a.pth')
    with pytest.raises(ValueError, match=message): read_weights(tmp_path/'a.pth')


@pytest.mark.parametrize('name', ['half.pth', 'half.safetensors'])
def test_a_broken_file_is_named(tmp_path, name):
    (tmp_path/name).write_bytes(embedded_path().read_bytes()[:1000])
    with pytest.raises(ValueError, match=f'{name} .*'): read_weights(tmp_path/name)


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match='no weight file at .*nowhere.pth; '
                                                'expected a .safetensors, .pth, or .pt file'):
        create_model('resnet10', 'nowhere.pth')


def test_torchvisions_older_names_are_understood(tmp_path):
    from fastlearn.weight_files import fill_weights
    model = create_model('densenet121', None, num_classes=2)
    old = {name.replace('norm1.', 'norm.1.').replace('conv2.', 'conv.2.'): tensor
           for name, tensor in model.state_dict().items()}
    torch.save(old, tmp_path/'old.pth')
    assert fill_weights(model, read_weights(tmp_path/'old.pth'), 'old.pth') is model
    torch.save({'encoder.layers.encoder_layer_0.mlp.linear_1.bias': torch.ones(1),
                'encoder.layers.encoder_layer_0.mlp.linear_2.bias': torch.ones(1)}, tmp_path/'vit.pth')
    assert [name.rpartition('mlp.')[2] for name in read_weights(tmp_path/'vit.pth')] == ['0.bias', '3.bias']


def test_side_classifiers_in_a_file_are_skipped(tmp_path):
    whole = import_torchvision().models.googlenet(weights=None, init_weights=False, aux_logits=True, num_classes=4)
    torch.save(whole.state_dict(), tmp_path/'googlenet.pth')
    model = create_model('googlenet', tmp_path/'googlenet.pth')
    images = torch.rand(1, 3, 64, 64)
    with eval_mode(model), eval_mode(whole): torch.testing.assert_close(model(images), whole(images))


def test_a_vision_transformers_picture_size_comes_from_its_file(tmp_path):
    whole = import_torchvision().models.vit_b_32(weights=None, image_size=96, num_classes=2)
    torch.save(whole.state_dict(), tmp_path/'vit.pth')
    assert create_model('vit_b_32', tmp_path/'vit.pth').image_size == 96


def test_mnasnet_takes_files_without_layout_versions(tmp_path):
    model = create_model('mnasnet0_5', None)
    save_file(model.state_dict(), tmp_path/'a.safetensors')
    assert create_model('mnasnet0_5', tmp_path/'a.safetensors').layers[0].weight.equal(model.layers[0].weight)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    def refuse(*args, **kwargs): raise urllib.error.URLError('no route to host')
    monkeypatch.setattr('urllib.request.urlopen', refuse)
    monkeypatch.setattr('torch.hub.urlopen', refuse)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path/'torch'))
    monkeypatch.delenv('FASTLEARN_HOME', raising=False)
    return tmp_path


def test_without_network_the_error_names_three_ways_out(no_network):
    message = (r"could not download the weights of resnet34 from https://.*no route to host.*use resnet10, .*; "
               r"or pass weights='path/to/resnet34-b627a593.pth'; or put that file into .*torch")
    with pytest.raises(ConnectionError, match=message): create_model('resnet34')


@pytest.mark.parametrize('weights', [
    'default', 'IMAGENET1K_V1', 'SqueezeNet1_1_Weights.IMAGENET1K_V1', 'DEFAULT', 'member'])


@pytest.mark.parametrize('home', ['fastlearn/weights', 'torch/hub/checkpoints'])
def test_weights_that_lie_in_a_cache_are_taken_without_network(no_network, monkeypatch, home, weights):
    monkeypatch.setenv('FASTLEARN_HOME', str(no_network/'fastlearn'))
    model = create_model('squeezenet1_1', None)
    offered = import_torchvision().models.SqueezeNet1_1_Weights
    file = no_network/home/offered.DEFAULT.url.rpartition('/')[2]
    file.parent.mkdir(parents=True)
    torch.save(model.state_dict(), file)
    monkeypatch.setattr('fastlearn.weight_files._check_cached', lambda *args: None)  # these weights are random
    assert fetch_weights('squeezenet1_1', offered.DEFAULT) == file
    again = create_model('squeezenet1_1', offered.DEFAULT if weights == 'member' else weights)
    assert again.features[0].weight.equal(model.features[0].weight)


def test_real_squeezenet_weights_load(shared_data):
    path = shared_data/'weights'/'squeezenet1_0.pth'
    assert create_model('squeezenet1_0', path).features[0].weight.shape == (96, 3, 7, 7)
    with pytest.raises(ValueError, match='squeezenet1_0.pth does not fit ResNet: 102 missing: conv1.weight'):
        create_model('resnet18', path)
