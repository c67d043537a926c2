"The drawn dataset: files, table, determinism, and that no shortcut gives the species away"
import csv
import hashlib
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fastlearn.data.mini_pets import draw as drawing
from fastlearn.data.mini_pets.animals import BREEDS, CATS, DOGS, POSES
from fastlearn.data.mini_pets.draw import draw_mini_pets, draw_pet, PALETTES, PLACES
from fastlearn.data.mini_pets.relief import blob, frame, Frame, sculpt, sine, View
from fastlearn.data.mini_pets.scenes import BEFORE, BESIDE, SCENES


def digests(folder):
    files = [path for path in sorted(folder.rglob('*')) if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    return draw_mini_pets(tmp_path_factory.mktemp('drawn')/'set', n=48, progress=False)


@pytest.fixture(scope='module')
def table(small):
    with open(small/'labels.csv', newline='', encoding='utf-8') as file: return list(csv.DictReader(file))


def test_files_and_table_agree(small, table):
    assert {path.name for path in (small/'images').iterdir()} == {row['name'] for row in table}
    assert sorted(path.name for path in small.iterdir()) == ['images', 'labels.csv']
    assert len(table) == 48


def test_names_carry_the_species_as_the_oxford_set_has_it(table):
    for row in table:
        breed, number = row['name'].removesuffix('.webp').rsplit('_', 1)
        assert (breed, number.isdigit()) == (row['breed'], True)
        assert breed[0].isupper() == (row['species'] == 'cat')
    assert len(CATS) >= 6 and len(DOGS) >= 6
    assert sum(row['species'] == 'cat' for row in table) == 24


def test_pictures_are_small_rgb(small):
    for path in (small/'images').iterdir():
        with Image.open(path) as image:
            assert image.mode == 'RGB' and all(96 <= side <= 128 for side in image.size)


def test_positions_lie_inside_the_picture(small, table):
    for row in table:
        width, height = Image.open(small/'images'/row['name']).size
        for place in PLACES:
            x, y = row[f'{place}_x'], row[f'{place}_y']
            assert (x == '') == (y == '')
            if x: assert 0 <= int(x) < width and 0 <= int(y) < height
    hidden = {row['name'] for row in table for place in PLACES if row[f'{place}_x'] == ''}
    assert hidden, 'some eye or ear is behind something'
    assert sum(row['nose_x'] != '' for row in table) > 40, 'nearly every face is seen'


def test_same_bytes_again_and_a_smaller_set_is_the_beginning(small, tmp_path):
    again = draw_mini_pets(tmp_path/'again', n=16, progress=False)
    first, second = digests(small), digests(again)
    assert all(first[name] == digest for name, digest in second.items() if name.endswith('.webp'))
    lines = (again/'labels.csv').read_text(encoding='utf-8').splitlines()
    assert (small/'labels.csv').read_text(encoding='utf-8').splitlines()[:17] == lines
    other = draw_mini_pets(tmp_path/'other', n=2, seed=1, progress=False)
    assert digests(other)['Tabby_1.webp'] != first['Tabby_1.webp']


def test_another_process_draws_the_same_bytes(small):
    code = ("import sys, hashlib; from fastlearn.data.mini_pets.draw import drawings; "
            "print(*(hashlib.sha256(d.image.tobytes()).hexdigest() for _, d in drawings(3, 0)))")
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()
    names = ['Tabby_1.webp', 'terrier_1.webp', 'Siamese_1.webp']
    here = dict(drawing.drawings(3, 0))
    assert out == [hashlib.sha256(here[name].image.tobytes()).hexdigest() for name in names]


def compare(packed: Path, drawn: Path) -> None:
    "The table is equal; the pixels are, to what WebP of another version may change"
    lines = (drawn/'labels.csv').read_text(encoding='utf-8').splitlines()
    assert (packed/'labels.csv').read_text(encoding='utf-8').splitlines()[:len(lines)] == lines
    squares = []
    for path in sorted((drawn/'images').iterdir()):
        ours, theirs = (np.asarray(Image.open(one), float) for one in (packed/'images'/path.name, path))
        squares.append(((ours - theirs)**2).mean())
    assert np.sqrt(np.mean(squares)) < 5 and np.sqrt(np.max(squares)) < 12


def test_the_renderer_draws_what_the_package_brings(mini_pets, small): compare(mini_pets, small)


@pytest.mark.long
def test_the_renderer_draws_all_that_the_package_brings(mini_pets, tmp_path):
    compare(mini_pets, draw_mini_pets(tmp_path/'set', progress=False))


def test_the_images_in_the_package_are_the_drawings(mini_pets):
    "What WebP changes, measured against the drawing before it was saved"
    squares = [((np.asarray(Image.open(mini_pets/'images'/name), float) - np.asarray(drawn.image, float))**2).mean()
               for name, drawn in drawing.drawings(32, 0)]
    assert np.sqrt(np.mean(squares)) < 7 and np.sqrt(np.max(squares)) < 12


def test_global_chance_is_untouched():
    random.seed(3); np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3); np.random.seed(3)
    draw_pet(BREEDS[0], 'x')
    assert (random.random(), np.random.rand()) == expected


@pytest.mark.parametrize('stop', [KeyboardInterrupt, OSError])
def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch, stop):
    whole = drawing.draw_pet

    def stops(breed, seed, **options):
        if seed.startswith('0 Siamese'): raise stop
        return whole(breed, seed, **options)

    monkeypatch.setattr(drawing, 'draw_pet', stops)
    with pytest.raises(stop): draw_mini_pets(tmp_path/'set', n=8, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path/'mine.txt').write_text('keep')
    with pytest.raises(FileExistsError, match='is not empty; expected a new folder'): draw_mini_pets(tmp_path, n=1)
    assert [path.name for path in tmp_path.iterdir()] == ['mine.txt']


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path):
    empty = tmp_path/'a'/'b'
    empty.mkdir(parents=True)
    assert (draw_mini_pets(empty, n=1, progress=False)/'labels.csv').exists()
    assert (draw_mini_pets(tmp_path/'c'/'d', n=1, progress=False)/'images'/'Tabby_1.webp').exists()


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match='n is 0; expected at least 1 image'): draw_mini_pets(tmp_path/'x', n=0)


def test_progress_is_quiet_when_off(tmp_path, capfd):
    draw_mini_pets(tmp_path/'quiet', n=1, progress=False)
    assert capfd.readouterr() == ('', '')
    draw_mini_pets(tmp_path/'loud', n=1)
    assert 'drawing pets' in capfd.readouterr().err


@pytest.mark.parametrize('pose', POSES)
@pytest.mark.parametrize('scene', SCENES)
def test_every_pose_in_every_place(pose, scene):
    drawn = draw_pet(DOGS[len(pose + scene) % 8], f'{pose} {scene}', pose, scene, (96, 104))
    assert (drawn.pose, drawn.scene, drawn.image.size) == (pose, scene, (96, 104))
    assert np.asarray(drawn.image).std() > 10


def test_coats_and_palettes_are_shared_by_the_species():
    assert sorted(breed.coat for breed in CATS) == sorted(breed.coat for breed in DOGS)
    assert {breed.coat for breed in BREEDS} == set(PALETTES)


@pytest.mark.parametrize('thing', dict.fromkeys((*BESIDE, *BEFORE)), ids=lambda thing: thing.__name__)
def test_every_thing_draws_something(thing):
    image = Image.new('RGB', (80, 80), (1, 2, 3))
    thing(ImageDraw.Draw(image), 40, 40, 20, random.Random(0))
    assert image.getpixel((40, 40)) != (1, 2, 3)


def test_a_linear_model_on_pixels_or_colors_does_not_tell_the_species(mini_pets):
    linear = pytest.importorskip('sklearn.linear_model')
    selection = pytest.importorskip('sklearn.model_selection')
    with open(mini_pets/'labels.csv', encoding='utf-8') as file: rows = list(csv.DictReader(file))[:240]
    images = [Image.open(mini_pets/'images'/row['name']) for row in rows]
    targets = [row['species'] == 'dog' for row in rows]
    inputs = {'pixels': [np.asarray(image.resize((32, 32)), np.float32).ravel()/128 - 1 for image in images],
              'mean color': [np.asarray(image, np.float32).mean((0, 1))/128 - 1 for image in images],
              'corner': [np.float32(image.getpixel((0, 0)))/128 - 1 for image in images]}
    for name, rows in inputs.items():
        model = linear.LogisticRegression(C=.01, max_iter=500)
        assert selection.cross_val_score(model, np.array(rows), targets, cv=4).mean() <= .7, name


def test_sine_is_the_sine():
    degrees = np.arange(-800, 800, 7)
    np.testing.assert_allclose([sine(d) for d in degrees], np.sin(np.radians(degrees)), atol=1e-5)


def test_frames_are_rotations():
    turned = frame((1, 2, 3), 30, 40, 50, 2., within=frame(pitch=10))
    rows = np.array(turned.rows)
    np.testing.assert_allclose(rows@rows.T, np.eye(3), atol=1e-4)
    assert np.linalg.det(rows) == pytest.approx(1, abs=1e-4)
    assert turned.at((0, 0, 0)) == (1, 2, 3)


def test_a_ball_in_the_relief_has_the_height_of_a_ball():
    relief = sculpt([blob(Frame(), (0, 0, 0), (1, 1, 1), 'skull')], View((101, 101), 40, (50, 50)), fuzz=0)
    y, x = np.mgrid[:101, :101] - 50
    inside = x**2 + y**2 < 38**2
    np.testing.assert_allclose(relief.height[inside], np.sqrt(np.maximum(40**2 - x**2 - y**2, 0))[inside], atol=.01)
    assert (relief.height[x**2 + y**2 > 41**2] < -1000).all()


def test_what_is_behind_is_hidden():
    front, behind = blob(Frame(), (0, 0, 1), (.5, .5, .1), 'skull'), (0., 0., 0.)
    view = View((60, 60), 30, (30, 30))
    assert sculpt([front], view).hides(behind)
    assert not sculpt([front], view).hides((0., 0., 1.1))
    assert sculpt([front], view).hides((5., 0., 2.)), 'outside the picture'
