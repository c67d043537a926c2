"""Sets of pictures from near to what the body learned to far from it, as folders of classes; each is made once.

Where a picture is drawn, a generator with a fixed seed draws it. Photos come from the folders beside the checkout.
"""
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Picture = tuple[str, Image.Image]                    # class, pixels
RATE, KINDS = 4000, ('rising', 'falling', 'steady', 'trill')


def things(folder: Path) -> Iterator[Picture]:
    "Ten of the 191 classes that the embedded body learned, 50 photos each that it has not seen; mosaics of 64 px"
    names = json.loads((folder/'classes.json').read_text())
    for name in sorted(names)[5::19][:10]:
        mosaic = Image.open(folder/'valid'/f'{name}.webp').convert('RGB')
        for i in range(50):
            x, y = 64*(i % 10), 64*(i//10)
            yield name, mosaic.crop((x, y, x + 64, y + 64))


def photos(folder: Path) -> Iterator[Picture]:
    "Cats and dogs, classes that the body has not learned"
    for name in 'cat', 'dog':
        for file in sorted((folder/name).glob('*.jpg')):
            photo = Image.open(file).convert('RGB')
            photo.thumbnail((160, 160))
            yield name, photo


def drawn(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    "What the package draws: 'Tabby_12', picture"
    for file in sorted(folder.glob('images/*')): yield file.stem, Image.open(file).convert('RGB')


def species(folder: Path) -> Iterator[Picture]:
    "Drawn cats and dogs"
    for name, picture in drawn(folder): yield 'cat' if name[0].isupper() else 'dog', picture


def breeds(folder: Path) -> Iterator[Picture]:
    "The same drawings, by breed: 16 classes"
    for name, picture in drawn(folder): yield name.rsplit('_', 1)[0], picture


def shapes(folder: Path) -> Iterator[Picture]:
    "Polygons of 3 to 8 corners, of any colour, size, place and turn, on a ground of noise"
    dice = np.random.default_rng(0)
    for i in range(1200):
        corners = 3 + i % 6
        picture = Image.fromarray(np.clip(dice.normal(128, 40, (64, 64, 3)), 0, 255).astype(np.uint8))
        radius, (x, y) = dice.uniform(12, 24), dice.uniform(26, 38, 2)
        ImageDraw.Draw(picture).regular_polygon((x, y, radius), corners, float(dice.uniform(0, 360)),
                                                fill=tuple(int(c) for c in dice.integers(0, 256, 3)))
        yield f'{corners}', picture


def stripes(folder: Path) -> Iterator[Picture]:
    "Grey waves of five directions and two widths, under noise"
    dice = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    for i in range(1000):
        kind = i % 10
        angle, width = np.pi*(kind % 5)/5 + dice.normal(0, .08), (5, 9)[kind//5]*dice.uniform(.9, 1.1)
        wave = np.sin(2*np.pi*(x*np.cos(angle) + y*np.sin(angle))/width + dice.uniform(0, 2*np.pi))
        yield f'{kind}', Image.fromarray(np.clip(128 + 35*wave + dice.normal(0, 60, (64, 64)), 0, 255).astype(np.uint8))


def digits(folder: Path) -> Iterator[Picture]:
    "Written digits of 8 x 8 pixels, from scikit-learn"
    from sklearn.datasets import load_digits
    for image, target in zip(*load_digits(return_X_y=True)):
        yield f'{target}', Image.fromarray((image.reshape(8, 8)*255/16).astype(np.uint8))


def spectrogram(wave: np.ndarray) -> Image.Image:
    "Time to the right, pitch upwards, brightness for how loud"
    parts = np.lib.stride_tricks.sliding_window_view(np.pad(wave, 64, mode='reflect'), 128)[::62]*np.hanning(129)[:-1]
    loud = np.log(np.abs(np.fft.rfft(parts)).T[:64] + .001)[::-1]
    return Image.fromarray((255*(loud - loud.min())/(loud.max() - loud.min())).astype(np.uint8))


def sounds(folder: Path) -> Iterator[Picture]:
    "Noisy tones of four kinds, as spectrograms"
    dice = np.random.default_rng(0)
    for i in range(900):
        kind = KINDS[i % 4]
        time, low, span = np.arange(RATE)/RATE, dice.uniform(300, 900), dice.uniform(150, 600)
        trill = .5 + .3*np.sin(2*np.pi*dice.uniform(4, 8)*time)
        pitch = low + span*{'rising': time, 'falling': 1 - time, 'steady': .5, 'trill': trill}[kind] + 0*time
        begin, length = dice.uniform(0, .4), dice.uniform(.3, .6)
        tone = np.sin(2*np.pi*pitch.cumsum()/RATE)*((time > begin) & (time < begin + length))
        yield kind, spectrogram(tone + dice.normal(0, dice.uniform(.2, .7), RATE))


SETS = {'things': things, 'photos': photos, 'species': species, 'breeds': breeds, 'shapes': shapes, 'stripes': stripes,
        'digits': digits, 'sounds': sounds}          # from near to far, as one would think


def make(name: str, source: Path, to: Path) -> Path:
    "The set in `to/name/class/`, written unless it is there"
    folder = to/name
    if folder.exists(): return folder
    for i, (kind, picture) in enumerate(SETS[name](source)):
        (folder/kind).mkdir(parents=True, exist_ok=True)
        picture.save(folder/kind/f'{i:05d}.png')
    return folder
