"Parts covered in several pictures: the score by brute force, positions behind transforms, and what is left behind"
import pytest
import torch
from PIL import Image
from test_layers import snapshot, unchanged
from test_occlusion import is_cat

from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.data.images import Resize
from fastlearn.interpret.correspondence import (
    _find_points, _random_boxes, _sign_distance, _signs_of_change, correspondence, images_with_parts, locate_point,
    plot_parts, read_parts,
)
from fastlearn.interpret.occlusion import prepare_image, square
from fastlearn.learner import vision_learner
from fastlearn.models import create_model, resnet10

FACE = 'right_eye', 'left_eye', 'nose'


def make(folder, resize):
    dls = ImageDataLoaders.from_name_func(folder, get_image_files(folder), seed=0, label_func=is_cat, item_tfms=resize,
                                          bs=16, device='cpu')
    return vision_learner(dls, resnet10)


pytestmark = pytest.mark.usefixtures('close_figures')


@pytest.fixture(scope='module')
def learn(few_pets): return make(few_pets, Resize(48))


@pytest.fixture(scope='module')
def positions(few_pets): return read_parts(few_pets/'labels.csv')


def test_the_score_is_the_formula():
    "Sum over all pairs i != j of the Hamming distance, as a share of the features, divided by the number of pairs"
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(-1, 2, (5, 40), generator=generator).to(torch.int8)
    total, each = 0, []
    for i in range(5):
        row = sum(sum(a != b for a, b in zip(signs[i].tolist(), signs[j].tolist())) for j in range(5) if j != i)
        total, each = total + row, each + [row/(4*40)]
    mean, error = _sign_distance(signs)
    assert mean == pytest.approx(total/(5*4*40), abs=1e-12)
    assert error == pytest.approx(torch.tensor(each).std().item()/5**.5, abs=1e-6)
    assert _sign_distance(signs[:1].repeat(3, 1))[0] == 0
    assert _sign_distance(torch.tensor([[1, 1], [-1, -1]]))[0] == 1


def test_signs_of_change():
    clear = torch.tensor([[[1., 2.], [3., 100.]]])
    covered = clear + torch.tensor([[[0., 1.], [-1., 1e-4]], [[0., 0.], [0., -50.]]])
    assert _signs_of_change(clear, covered).tolist() == [[0, -1, 1, 0], [0, 0, 0, 1]]


def test_the_whole_by_hand(learn, positions):
    files = learn.dls.valid.items[:4]
    found = correspondence(learn, range(4), positions, FACE, ['layer2', 'head.0'], size=9, draws=2)
    model, layers = learn.model.eval(), {}
    for part in range(3):
        for i, file in enumerate(files):
            image = prepare_image(learn, file).tensor
            row, column = locate_point(learn, file, positions[file.name][FACE[part]])
            top, left, bottom, right = square(row, column, 9, (48, 48))
            assert found.boxes[i][part] == (top, left, bottom, right)
            covered = image.clone()
            covered[:, top:bottom, left:right] = 0
            with torch.no_grad():
                both = model[0][:6](torch.stack([image, covered]))
                pooled = model[1][0](model[0](torch.stack([image, covered])))
            for name, features in ('layer2', both), ('head.0', pooled):
                change = (features[0] - features[1]).flatten()
                change[change.abs() <= 1e-5*features[0].abs().max()] = 0
                layers.setdefault((name, part), []).append(change.sign())
    for at, name in enumerate(['layer2', 'head.0']):
        for part in range(3):
            signs = layers[name, part]
            pairs = [(a != b).float().mean().item() for i, a in enumerate(signs) for j, b in enumerate(signs) if i != j]
            assert found.distances[at, part].item() == pytest.approx(sum(pairs)/12, abs=2e-3)
    assert found.parts == (*FACE, 'random') and found.distances.shape == found.errors.shape == (2, 4)


@pytest.mark.parametrize('resize', [Resize(48), Resize((40, 64), 'squish'), Resize(64, 'pad', 'zeros')])
def test_positions_follow_the_transforms(tmp_path, few_pets, resize):
    "A red pixel block comes out where it is said to"
    learn = make(few_pets, resize)
    picture = Image.new('RGB', (120, 90), 'green')
    for x, y in (60, 45), (40, 30), (80, 70):
        marked = picture.copy()
        marked.paste('red', (x - 4, y - 4, x + 5, y + 5))
        red = prepare_image(learn, marked).shown[0] - prepare_image(learn, picture).shown[0]
        rows, columns = (red > .5).nonzero().float().T
        row, column = locate_point(learn, marked, (x, y))
        assert abs(row - rows.mean()) <= 1.2 and abs(column - columns.mean()) <= 1.2


def test_what_is_cut_off_is_said(learn):
    picture = Image.new('RGB', (200, 50))
    with pytest.raises(ValueError, match=r'the transforms crop away position \(5, 25\) of this image'):
        locate_point(learn, picture, (5, 25))


def test_tables(tmp_path, positions):
    assert len(positions) == 96 and set(positions['terrier_1.webp']) == {'left_eye', 'right_eye', 'nose'}
    file = tmp_path/'parts.csv'
    file.write_text('name,tail_x,tail_y,size_x\na.png,1,2,3\nb.png,,,4\n')
    table = read_parts(file)
    assert table == {'a.png': {'tail': (1., 2.)}, 'b.png': {}} and images_with_parts(table, ['tail']) == ['a.png']
    with pytest.raises(ValueError, match="unknown part 'ear'; the table has 'tail'"):
        _find_points(table, 'a.png', ['ear'])
    with pytest.raises(ValueError, match='the tail of b.png is not visible; leave this image out'):
        _find_points(table, 'b.png', ['tail'])
    with pytest.raises(ValueError, match="no positions of parts for c.png; it has 'a.png', 'b.png'"):
        _find_points(table, 'c.png', ['tail'])
    file.write_text('name,label\na.png,cat\n')
    with pytest.raises(ValueError, match="has the columns 'name', 'label'; expected name, and two per part"):
        read_parts(file)


def test_random_places_are_near_the_parts():
    generator = torch.Generator().manual_seed(1)
    boxes = _random_boxes([(20, 30), (24, 50)], 10, (64, 64), 500, generator)
    centers = torch.tensor([((top + bottom)/2, (left + right)/2) for top, left, bottom, right in boxes])
    assert centers[:, 0].min() >= 10 and centers[:, 0].max() <= 34
    assert centers[:, 1].min() >= 20 and centers[:, 1].max() <= 60
    assert centers.std(0).min() > 5


def test_what_is_wrong_is_said(learn, positions):
    with pytest.raises(ValueError, match='got 1 images; pass at least two'): correspondence(learn, [0], positions)
    with pytest.raises(ValueError, match="unknown part 'tail'; the table has 'left_ear', 'left_eye'"):
        correspondence(learn, [0, 1], positions, ['tail'])
    with pytest.raises(ValueError, match='size is 60; expected 1 to 48 pixels'):
        correspondence(learn, [0, 1], positions, size=60)
    with pytest.raises(ValueError, match='draws is 0'): correspondence(learn, [0, 1], positions, draws=0)
    with pytest.raises(ValueError, match="no layer 'layr2'"): correspondence(learn, [0, 1], positions, layers=['layr2'])
    with pytest.raises(ValueError, match='image 99 does not exist'): correspondence(learn, [0, 99], positions)
    model = create_model('resnet10')
    with pytest.raises(TypeError, match='this network does not say how to prepare its images'):
        correspondence(model, ['a.png', 'b.png'], positions, layers=['layer1'])


def test_tables_and_figures(learn, positions):
    found = correspondence(learn, learn.dls.valid.items[:3], positions, draws=1)
    assert found.layers == ('layer3', 'head.0') and found.size == 8
    assert repr(found).splitlines()[0].startswith('covered    layer3') and '.107, 0.073' in repr(found)
    assert found._repr_html_().count('<tr>') == 5
    again = correspondence(learn, learn.dls.valid.items[:3], positions, draws=1)
    assert torch.equal(found.distances, again.distances)
    assert len([axis for axis in plot_parts(found, 2).axes if axis.images]) == 10


def test_nothing_is_left_behind(learn, positions, monkeypatch):
    learn.model.train()
    before = snapshot(learn)
    correspondence(learn, [0, 1], positions, draws=1)
    assert unchanged(before, learn)
    calls = 0
    def interrupted(self, x, forward=type(learn.model[0].layer2).forward):
        nonlocal calls
        calls += 1
        if calls == 3: raise KeyboardInterrupt
        return forward(self, x)
    monkeypatch.setattr(type(learn.model[0].layer2), 'forward', interrupted)
    with pytest.raises(KeyboardInterrupt): correspondence(learn, [0, 1], positions, layers=['layer1', 'head.0'])
    assert unchanged(before, learn)
