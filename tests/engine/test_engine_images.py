"""Images for the engine: resized as Pillow does it, and checked before anything is learned.

Members of the kind: shrinking by 1.5 to 12 times, enlarging, squares, strips, one row; findings of an empty set, one
class, one image in a class, no name, the same name twice, few images, uneven classes, duplicates within a class and
across classes, files that are none, names with markup.
"""
import numpy as np
import pytest
import torch
from fastlearn.data.images import Resize
from PIL import Image

SHAPES = [(128, 112, 64), (500, 374, 64), (70, 800, 64), (40, 30, 64), (64, 64, 64), (97, 33, 32), (33, 1, 16)]


@pytest.mark.parametrize(('width', 'height', 'size'), SHAPES)
def test_resize_is_pillows(engine, width, height, size):
    rng = np.random.default_rng(width)
    coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.clip(np.asarray(image).astype(int) + rng.integers(-20, 20, (height, width, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(noisy)
    if max(width, height) > 4*min(width, height):  # the page keeps the middle of a strip, `Resize` most of it
        box = [(side - min(side, 4*min(width, height)))//2 for side in (width, height)]
        ends = [start + min(side, 4*min(width, height)) for start, side in zip(box, (width, height))]
        image = image.crop((*box, *ends))
    expected = Resize(size).prepare(image)
    engine.give(image={'pixels': torch.from_numpy(np.asarray(image.convert('RGBA')).astype(np.float32).copy())})
    shape = engine.run("""
        const { data, shape } = read('image').pixels;
        const [width, height] = preparedSize(shape[1], shape[0], asked);
        const pixels = Uint8ClampedArray.from(data);
        writeFileSync(new URL('out', folder), resizeTo(pixels, shape[1], shape[0], width, height));
        answer = [height, width];
    """, size)
    assert tuple(shape) == expected.shape[:2]
    found = np.frombuffer((engine.folder/'out').read_bytes(), np.uint8).reshape(3, *shape).transpose(1, 2, 0)
    apart = np.abs(found.astype(int) - expected)
    assert apart.max() <= 2 and (apart > 1).mean() < .002  # two roundings


def of(name: str, count: int, shade: int = 0) -> dict:
    "A class of images that all differ"
    smalls = [[(i*37 + shade + k*(i + 3)) % 256 for k in range(192)] for i in range(count)]
    return {'name': name, 'images': [{'name': f'{name}{i}.jpg', 'small': small} for i, small in enumerate(smalls)]}


FOUND = {
    'no images': ([of('a', 0), of('b', 0)], 'no images yet'),
    'one class': ([of('a', 5), of('b', 0)], 'nothing to classify'),
    'one image': ([of('a', 5), of('b', 1)], 'b has 1 image'), 'no name': ([of(' ', 5), of('b', 5)], 'has no name'),
    'same name': ([of('a', 5), of('a ', 5)], 'Two classes are called a')}


@pytest.mark.parametrize('kind', FOUND)
def test_what_stands_in_the_way(engine, kind):
    classes, said = FOUND[kind]
    found = engine.run('answer = findProblems(asked)', classes)
    assert any(said in problem for problem in found['problems'])


def test_what_is_only_worth_a_warning(engine):
    markup = of('<script>', 12, 5)
    assert engine.run('answer = findProblems(asked)', [of('a', 12), markup]) == {'problems': [], 'warnings': []}
    same = of('a', 12)
    same['images'][3]['small'] = [cell + 1 for cell in same['images'][7]['small']]
    markup['images'][0]['small'] = same['images'][1]['small']
    found = engine.run("answer = findProblems(asked, [{ name: 'x.txt', why: 'x.txt cannot be read as an image' }])",
                       [same, markup, of('c', 3, 11)])
    assert not found['problems'] and len(found['warnings']) == 3
    few, twins, unreadable = found['warnings']
    assert 'c has only 3 images' in few and 'x.txt cannot be read' in unreadable
    assert '2 pairs' in twins and 'once as a and once as <script>' in twins
