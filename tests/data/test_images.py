"Pictures as users have them: every mode, every turn, broken files; and what the transforms do to them"
import io
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from fastlearn.data.augment import aug_transforms
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.image_files import verify_images
from fastlearn.data.crops import ResizeMethod
from fastlearn.data.images import imagenet_stats, Normalize, open_image, PILImage, Resize
from fastlearn.data.prefetch import default_workers
from fastlearn.data.random_crop import RandomResizedCrop
from PIL import Image


@pytest.fixture
def photo() -> Image.Image:
    "64 x 48: red, green and blue ramps that differ in every corner"
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.stack([x*4, y*5, 255 - x*2 - y], -1).astype(np.uint8))


def close(one, other, tolerance=3) -> bool:
    return np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max() <= tolerance


@pytest.mark.parametrize(('mode', 'suffix'), [('L', 'png'), ('LA', 'png'), ('P', 'png'), ('RGBA', 'png'), ('1', 'png'),
                                              ('CMYK', 'tif'), ('CMYK', 'jpg'), ('L', 'jpg'), ('I;16', 'png'),
                                              ('F', 'tif'), ('I', 'tif'), ('RGB', 'webp'), ('PA', None)])
def test_every_mode_becomes_the_same_picture(photo, tmp_path, mode, suffix):
    gray = mode in ('L', 'LA', '1', 'I;16', 'F', 'I')
    expected = photo.convert('L').convert('RGB') if gray else photo
    if mode == 'I;16': stored = Image.fromarray(np.asarray(photo.convert('L')).astype(np.uint16)*257)
    elif mode == 'PA': stored = photo.convert('P').convert('PA')
    else: stored = photo.convert(mode)
    if suffix:
        stored.save(tmp_path/f'photo.{suffix}')
        found = open_image(tmp_path/f'photo.{suffix}')
    else: found = PILImage.create(stored)
    assert found.mode == 'RGB' and found.size == (64, 48)
    exact = mode not in ('P', 'PA', '1') and suffix not in ('jpg', 'webp')
    if mode != '1': assert close(found, expected, 2 if exact else 60)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path/'deep.png')
    assert np.asarray(open_image(tmp_path/'deep.png'))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparent_parts_are_white(tmp_path):
    image = Image.new('RGBA', (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.save(tmp_path/'a.png')
    palette = Image.new('P', (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 0, 0])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path/'p.png', transparency=1)
    for name in ('a.png', 'p.png'):
        assert np.asarray(open_image(tmp_path/name)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize('turn', range(1, 9))
@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_exif_turns_the_picture_upright(photo, tmp_path, turn, suffix):
    "Whatever the camera held: undo each of the eight ways, for a stored picture made by the opposite one"
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[turn]  # Pillow's Transpose that stores it so
    stored = photo if back is None else photo.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path/f'a.{suffix}', exif=exif, **({'quality': 95, 'subsampling': 0} if suffix == 'jpg' else {}))
    found = open_image(tmp_path/f'a.{suffix}')
    assert found.size == photo.size and close(found, photo, 12)
    assert open_image(tmp_path/f'a.{suffix}', size=(32, 24)).size in [(32, 24), (64, 48)]


def test_a_jpeg_is_decoded_near_the_size_that_is_needed(photo, tmp_path):
    photo.resize((1600, 1200)).save(tmp_path/'large.jpg')
    assert open_image(tmp_path/'large.jpg', (150, 150)).size == (200, 150)
    assert open_image(tmp_path/'large.jpg').size == (1600, 1200)


def test_an_unreadable_file_is_named_with_the_reason(tmp_path, photo, monkeypatch):
    (tmp_path/'page.jpg').write_text('<html>')
    (tmp_path/'empty.png').touch()
    buffer = io.BytesIO()
    photo.resize((640, 480)).save(buffer, 'jpeg')
    (tmp_path/'half.jpg').write_bytes(buffer.getvalue()[:len(buffer.getvalue())//2])
    reasons = {'page.jpg': 'not in a supported image format', 'empty.png': 'the file is empty',
               'half.jpg': 'truncated', 'gone.jpg': 'the file does not exist'}
    for name, reason in reasons.items():
        with pytest.raises(UnreadableImage, match=f'cannot read image .*{name}: .*{reason}.*verify_images') as caught:
            open_image(tmp_path/name)
        assert caught.value.__cause__ is not None
    photo.save(tmp_path/'good.png')
    files = sorted(tmp_path.iterdir())
    broken = verify_images(map(str, files), progress=False)
    assert [file.name for file in broken] == ['empty.png', 'half.jpg', 'page.jpg']
    assert verify_images([]) == []
    threads = []
    def pool(workers): threads.append(workers); return ThreadPoolExecutor(workers)
    monkeypatch.setattr('fastlearn.data.image_files.ThreadPoolExecutor', pool)
    for workers in None, 2: verify_images(files, workers, progress=False)
    assert threads == [default_workers(), 2]
    with pytest.raises(UnreadableImage, match='image from 6 bytes'): PILImage.create(b'<html>')


def test_a_picture_is_made_of_anything_that_holds_one(photo, tmp_path):
    photo.save(tmp_path/'a.png')
    array = np.asarray(photo)
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    for source in (tmp_path/'a.png', str(tmp_path/'a.png'), (tmp_path/'a.png').read_bytes(),
                   memoryview((tmp_path/'a.png').read_bytes()), photo, array, array/255, (array/255).astype(np.float32),
                   tensor, tensor/255, (tensor/255).half(), array.astype(np.uint16)*257, tensor.long()):
        assert close(PILImage.create(source), photo, 1)
    assert PILImage.create(array[:, :, 0]).size == PILImage.create(tensor[:1]).size == photo.size


@pytest.mark.parametrize(('source', 'message'), [
    (np.zeros((3, 64, 64)), 'shape .3, 64, 64. as an image.*colors first'), (np.zeros((0, 4, 3)), 'read an array'),
    (np.full((4, 4), 2.), 'floats from 0 .* to 1 .* found 2 to 2.*Normalize.undo'),
    (np.full((4, 4), np.nan), 'found nan'), (np.full((4, 4), 300), 'from 0 to 255, found 300')])
def test_an_array_that_is_no_picture_is_explained(source, message):
    with pytest.raises(ValueError, match=message): PILImage.create(source)


def test_what_is_no_picture_at_all():
    with pytest.raises(TypeError, match='expected an image .* found dict'): PILImage.create({})


@pytest.mark.parametrize('method', ['crop', 'squish', 'pad'])
@pytest.mark.parametrize('size', [16, 100, (20, 50)])
@pytest.mark.parametrize('shape', [(64, 48), (48, 64), (7, 300), (1, 1)])
def test_resize_always_gives_the_size(method, size, shape):
    transform = Resize(size, method)
    wanted = (size, size) if isinstance(size, int) else size
    prepared = transform.prepare(Image.new('RGB', shape, 'red'))
    for rng in (None, random.Random(1)):
        cut = transform.crop(prepared, rng)
        assert cut.shape == (*wanted, 3) and cut.dtype == np.uint8 and (cut == [255, 0, 0]).all()


def test_the_validation_crop_is_the_middle_and_random_ones_reach_every_place():
    picture = Image.fromarray(np.repeat(np.arange(12, dtype=np.uint8)[None, :, None], 4, 0).repeat(3, 2))  # 12 x 4
    transform, rng = Resize(4), random.Random(0)
    prepared = transform.prepare(picture)
    assert transform.crop(prepared)[0, :, 0].tolist() == [4, 5, 6, 7]
    starts = [transform.crop(prepared, rng)[0, 0, 0].item() for _ in range(900)]
    assert set(starts) == set(range(9)) and min(map(starts.count, range(9))) > 60  # 100 each, if uniform


def test_resize_is_pillows_antialiased_bilinear(photo):
    expected = np.asarray(photo.resize((32, 24), Image.Resampling.BILINEAR))[:, 4:28]
    assert np.array_equal(Resize(24).crop(Resize(24).prepare(photo)), expected)


def test_padding_modes(photo):
    white = Image.new('RGB', (40, 20), 'white')
    pads = {mode: Resize(40, 'pad', mode) for mode in ('zeros', 'border', 'reflection')}
    cut = {mode: pad.crop(pad.prepare(white)) for mode, pad in pads.items()}
    assert cut['zeros'][0, 0, 0] == 0 and cut['border'].min() == 255 and cut['reflection'].min() == 255


def test_random_resized_crop_covers_the_scales_it_promises():
    picture, transform, rng = Image.new('RGB', (200, 150)), RandomResizedCrop(32, min_scale=.5), random.Random(0)
    assert transform.crop(transform.prepare(picture), rng).shape == (32, 32, 3)
    from fastlearn.data.crops import random_box
    for _ in range(200):
        left, top, right, bottom = random_box(150, 200, transform.min_scale, transform.ratio, rng)
        assert 0 <= left < right <= 200 and 0 <= top < bottom <= 150
        assert .49 < (right - left)*(bottom - top)/(200*150) <= 1
        assert .7 < (right - left)/(bottom - top) < 1.4
    assert RandomResizedCrop(16).crop(np.zeros((3, 900, 3), np.uint8), rng).shape == (16, 16, 3)


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: Resize(0), 'size must be a whole number of pixels or .height, width., found 0'),
    (lambda: Resize(64, 'crops'), r"method is 'crops'; expected one of \['crop', 'squish', 'pad'\]"),
    (lambda: Resize((1, 2, 3)), 'found .1, 2, 3.'), (lambda: Resize(64, pad_mode='mirror'), "pad_mode is 'mirror'"),
    (lambda: RandomResizedCrop(64, min_scale=35), 'min_scale is 35; expected a fraction'),
    (lambda: aug_transforms(min_scale=.5), 'so pass size too')])
def test_wrong_sizes_are_named(make, message):
    with pytest.raises(ValueError, match=message): make()


def test_the_book_s_names_for_the_methods():
    assert Resize(8, ResizeMethod.Pad, pad_mode='zeros').method == 'pad'
    assert Resize(8, ResizeMethod.Squish).method == 'squish'


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_normalize_is_the_formula_and_undoes_itself(layout):
    images = torch.rand(2, 3, 5, 7).contiguous(memory_format=layout)
    before = images.clone()
    mean, std = (torch.tensor(values)[:, None, None] for values in imagenet_stats)
    normalize = Normalize.from_stats(*imagenet_stats)
    assert normalize(images).equal((images - mean)/std) and images.equal(before)
    torch.testing.assert_close(normalize.undo(normalize(images)), images)
    torch.testing.assert_close(normalize(images[0]), normalize(images)[0])
    assert Normalize([.5]*3, [.5]*3) == Normalize((.5,)*3, (.5,)*3) and hash(normalize)


def test_augmentation_is_repeatable_and_leaves_the_validation_set_alone():
    images, [augment] = torch.rand(6, 3, 20, 30), aug_transforms()
    first, second, other = (augment(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.equal(second) and not first.equal(other) and first.shape == images.shape
    assert 0 <= first.min() and first.max() <= 1 and augment(images) is images
    state = torch.get_rng_state(), random.getstate()
    augment(images, torch.Generator())
    assert torch.get_rng_state().equal(state[0]) and random.getstate() == state[1]


def test_only_flips():
    images = torch.rand(40, 3, 8, 8)
    [flip] = aug_transforms(max_rotate=0, max_zoom=1, max_lighting=0, max_warp=0)
    result = flip(images, torch.Generator().manual_seed(0))
    flipped = [torch.allclose(new, old.flip(-1), atol=1e-4) for new, old in zip(result, images)]
    kept = [torch.allclose(new, old, atol=1e-4) for new, old in zip(result, images)]
    assert all(a != b for a, b in zip(flipped, kept)) and 8 <= sum(flipped) <= 32
    [dihedral] = aug_transforms(do_flip=False, flip_vert=True, max_rotate=0, max_zoom=1, max_lighting=0, max_warp=0)
    for new, old in zip(dihedral(images, torch.Generator().manual_seed(0)), images):
        ways = [old.rot90(k, (1, 2)) for k in range(4)]
        assert any(torch.allclose(new, way, atol=1e-4) for one in ways for way in (one, one.flip(-1)))


def test_sizes_of_augmented_batches():
    images = torch.rand(4, 3, 60, 80)
    for min_scale in (1., .4):
        [augment] = aug_transforms(size=(24, 32), min_scale=min_scale)
        for generator in (None, torch.Generator()): assert augment(images, generator).shape == (4, 3, 24, 32)


def test_a_rotation_keeps_the_picture_s_proportions():
    "On a wide picture too, a circle turned by 90 degrees is the same circle"
    from fastlearn.data.augment import resample
    from fastlearn.data.geometry import affine
    y, x = torch.meshgrid(torch.arange(41.) - 20, torch.arange(81.) - 40, indexing='ij')
    circle = ((x**2 + y**2).sqrt() < 15).float().expand(1, 3, 41, 81)
    aspect = 80/40
    zero, one = torch.zeros(1), torch.ones(1)
    turned = resample(circle, affine(zero, one/aspect, zero, -one*aspect, zero, zero), (41, 81))
    assert (turned - circle)[..., 20:61].abs().mean() < .01  # beyond, the picture is reflected


def test_drafts_hardly_differ_from_whole_decoding(shared_data):
    transform = Resize(128)
    for file in sorted((shared_data/'cats_dogs'/'cat').glob('*.jpg'))[:8]:
        drafted, whole = (transform.prepare(open_image(file, size)).astype(float) for size in (transform.needs, None))
        height, width = (min(a, b) for a, b in zip(drafted.shape, whole.shape[:2]))
        assert np.abs(drafted[:height, :width] - whole[:height, :width]).mean() < 6
