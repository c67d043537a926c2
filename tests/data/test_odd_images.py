"""Images whose meaning a file does not tell, or that are too large: the check and the use agree, and it is said.

The kind: a check looks at the file by another path than the use, and values are scaled without a word. Members tried:
48-megapixel JPEGs alone, behind a function, with `PILImage.create`, as MPO and gray, PNGs of that size; 8, 10 and 12
bits in 16-bit PNG and TIFF, floats from -1 to 1, -9999 as "no data", ordinary 16-bit and float files; palettes with
transparency; `Normalize()` without statistics."""
import warnings

import numpy as np
import pytest
from PIL import Image

from fastlearn.data import decoding
from fastlearn.data.dataloaders import ImageDataLoaders
from fastlearn.data.dataset import ImageDataset
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.image_files import verify_images
from fastlearn.data.images import imagenet_stats, Normalize, open_image, PILImage, Resize


@pytest.fixture(autouse=True)
def small_limit(monkeypatch):
    "As if 2**25 pixels were 10,000"
    monkeypatch.setattr(decoding, '_LARGEST', 10_000)


@pytest.mark.parametrize(('mode', 'options'), [('RGB', {}), ('L', {}), ('CMYK', {}), ('RGB', {'progressive': True}),
                                               ('RGB', {'format': 'MPO', 'save_all': True})])
@pytest.mark.parametrize('size', [(120, 90), (400, 300), (799, 601)])
def test_a_jpeg_that_is_too_large_is_decoded_smaller_wherever_it_is_used(mode, options, size, tmp_path):
    name = 'a.jpg'
    color = {'RGB': (200, 30, 30), 'L': 90, 'CMYK': (55, 225, 225, 0)}[mode]
    Image.new(mode, size, color).save(tmp_path/name, **options)
    assert verify_images([tmp_path/name], progress=False) == []
    expected = (90,)*3 if mode == 'L' else (200, 30, 30)
    for image in (open_image(tmp_path/name), PILImage.create(str(tmp_path/name)),
                  PILImage.create((tmp_path/name).read_bytes())):
        assert image.width*image.height <= 10_000
        assert image.width/image.height == pytest.approx(size[0]/size[1], rel=.03)
        assert np.abs(np.asarray(image).astype(int) - expected).max() <= 4
    for item_tfms in (Resize(16), [lambda image: image, Resize(16)]):
        assert ImageDataset([tmp_path/name], item_tfms=item_tfms).pixels(0).shape[0] >= 16


def test_what_cannot_be_decoded_smaller_is_refused_by_check_and_use(tmp_path):
    for name, size in (('a.png', (120, 90)), ('b.jpg', (1600, 1200))):
        Image.new('RGB', size).save(tmp_path/name)
    assert verify_images(sorted(tmp_path.iterdir()), progress=False) == [tmp_path/'a.png', tmp_path/'b.jpg']
    for name in 'a.png', 'b.jpg':
        with pytest.raises(UnreadableImage, match='at most 10,000 can be decoded'): open_image(tmp_path/name)
        with pytest.raises(UnreadableImage): open_image(tmp_path/name, (8, 8))


@pytest.mark.parametrize('ending', ['png', 'tif'])
@pytest.mark.parametrize(('bits', 'warned'), [(8, True), (10, True), (12, True), (13, False), (16, False)])
def test_few_bits_in_sixteen_are_said(bits, warned, ending, tmp_path):
    values = np.linspace(0, 2**bits - 1, 60).astype(np.uint16).reshape(6, 10)
    Image.fromarray(values).save(tmp_path/f'a.{ending}')
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        open_image(tmp_path/f'a.{ending}')
    assert ['12 bits or fewer and looks nearly black' in str(one.message) for one in said] == [True]*warned


@pytest.mark.parametrize(('low', 'high', 'warned'), [(-1, 1, True), (-9999, 255, True), (0, 1, False), (0, 255, False),
                                                     (0, 3000, False)])
def test_floats_below_zero_are_said(low, high, warned, tmp_path):
    Image.fromarray(np.linspace(low, high, 60, dtype=np.float32).reshape(6, 10)).save(tmp_path/'a.tif')
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        open_image(tmp_path/'a.tif')
    text = 'values below 0, which become black'
    assert sum(text in str(one.message) for one in said) == warned


def test_a_palette_with_transparency_in_bytes_and_as_a_number(tmp_path):
    palette = Image.new('P', (4, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    palette.putdata([0, 1, 2, 3])
    palette.save(tmp_path/'bytes.png', transparency=bytes([255, 0, 128, 255]))
    palette.save(tmp_path/'number.png', transparency=3)
    palette.save(tmp_path/'number.gif', transparency=3)
    found = {path.name: np.asarray(open_image(path))[0].tolist() for path in tmp_path.iterdir()}
    assert found['bytes.png'] == [[255, 0, 0], [255, 255, 255], [127, 127, 255], [9, 9, 9]]
    assert found['number.png'] == found['number.gif'] == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_normalize_without_statistics_measures_them(tmp_path):
    "As in fastai; the oracle is NumPy over all pixels"
    rng = np.random.default_rng(0)
    pixels = rng.integers(20, 90, (10, 8, 8, 3), dtype=np.uint8)
    for i, one in enumerate(pixels): Image.fromarray(one).save(tmp_path/f'{i}.png')
    dls = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), ['a', 'b']*5, valid_idx=[8, 9], bs=4,
                                      batch_tfms=Normalize(), device='cpu')
    values = pixels[:8].reshape(-1, 3)/255
    assert dls.train.normalize.mean == pytest.approx(values.mean(0), abs=1e-5)
    assert dls.valid.normalize.std == pytest.approx(values.std(0, ddof=1), abs=1e-5)
    with pytest.raises(ValueError, match='mean and std are unknown'): Normalize()(np.zeros(3))
    usual = ImageDataLoaders.from_lists(tmp_path, sorted(tmp_path.iterdir()), ['a', 'b']*5, valid_idx=[8, 9], bs=4)
    assert usual.train.normalize == Normalize.from_stats(*imagenet_stats)


@pytest.mark.parametrize(('mean', 'std'), [([.5]*2, [.5]*2), ([.5]*3, [0, 1, 1]), ([.5]*3, [float('nan')]*3),
                                           ([.5]*3, None), ([.5]*4, [.5]*4)])
def test_statistics_that_would_not_do_are_refused_at_once(mean, std):
    with pytest.raises((ValueError, TypeError)): Normalize(mean, std)
