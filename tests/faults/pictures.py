"Pictures that are cut, false, huge, odd, turned, or no pictures"
import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fastlearn.data.dataset import get_image_files
from fastlearn.data.decoding import UnreadableImage
from fastlearn.data.image_facts import image_facts
from fastlearn.data.image_files import verify_images
from fastlearn.data.images import open_image, Resize
from fastlearn.interpret.cleaner import _save_changes, Change, read_changes
from PIL import Image

from faults.rows import Fault, gives, linked, needs, refuses, wrote


Y, X = np.mgrid[:48, :64]
PHOTO = Image.fromarray(np.stack([X*4, Y*5, 255 - X*2 - Y], -1).astype(np.uint8))
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
SIX = [RED, GREEN, BLUE, WHITE, BLACK, (128, 128, 0)]  # three by two pixels


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiny(mode: str, *values, width: int | None = None) -> Image.Image:
    "A picture of these pixels, in one row unless `width` says how many to a row"
    image = Image.new(mode, (width or len(values), len(values)//(width or len(values))))
    image.putdata(values)
    return image


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, kind: int, rows: bytes, *chunks: bytes) -> bytes:
    "A PNG by hand, so that it may lie"
    header = png_chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0))
    return b''.join([b'\x89PNG\r\n\x1a\n', header, *chunks, png_chunk(b'IDAT', zlib.compress(rows)),
                     png_chunk(b'IEND', b'')])


def read(path) -> Image.Image:
    "As training, the check before it, and a prediction read it; they have to agree"
    seen, broken = image_facts(path), verify_images([path], progress=False)
    try: image = open_image(path)
    except UnreadableImage:
        assert seen.error and broken == [Path(path)]
        raise
    assert not seen.error and not broken
    return image


def pixels(path) -> list[tuple]:
    image = read(path)
    return [image.getpixel((x, y)) for y in range(image.height) for x in range(image.width)]


def grays(path) -> list[int]: return [red for red, _, _ in pixels(path)]
def size(path) -> tuple[int, int]: return read(path).size


def prepared(path) -> list[tuple[int, ...]]:
    "The shapes that the three ways to resize make of a picture"
    ways = [Resize(224, method) for method in ('crop', 'squish', 'pad')]
    return [way.crop(way.prepare(open_image(path, way.needs))).shape for way in ways]


def named(path) -> list[str]:
    "By which names a picture is found, told apart, and listed in a table"
    found, = get_image_files('.')
    read(found)
    back, = read_changes(_save_changes([Change(found, 'a', 'relabel', 'b\nc')], 'changes.csv'))
    assert back.becomes == 'b\nc'
    return [found.name, back.path.name]


def name_row(what: str, name: str) -> Fault:
    def broken():
        try: return wrote(name, encoded(PHOTO, 'png'))
        except (OSError, UnicodeError): pytest.skip('this system does not allow such names')
    return Fault(f'name: {what}', broken, named, gives([name, name]))


def turned(orientation: int) -> Path:
    "Three by two pixels, stored as a camera held that way stores them, with the note how to turn them back"
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    upright, exif = tiny('RGB', *SIX, width=3), Image.Exif()
    exif[0x0112] = orientation
    stored = upright if back is None else upright.transpose(Image.Transpose(back))
    return wrote('a.png', encoded(stored, 'png', exif=exif))


def bomb(name: str, width: int, height: int, bits: int = 8, kind: int = 2, rows: bytes = b'\0') -> Path:
    return wrote(name, png(width, height, bits, kind, rows))


def special(make: Callable[[str], object], what: str) -> Path:
    needs(make is not None, what)
    make('a.jpg')
    return Path('a.jpg')


def make_socket(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening: listening.bind(name)


JPEG, PNG = encoded(PHOTO.resize((640, 480)), 'jpeg'), encoded(PHOTO, 'png')
CUT = [('jpg', JPEG, n) for n in (1, 10, 300, 700, len(JPEG)//2, len(JPEG) - 2)] + [
    ('png', PNG, n) for n in (8, 20, 40, 60, len(PNG)//2)] + [
    (kind, content, int(len(content)*share)) for kind in ('gif', 'webp', 'bmp', 'tiff', 'ppm')
    for content in [encoded(PHOTO, kind)] for share in (.1, .5, .95)]
FLOATS = [('0 to 1', [0, .5, 1], [0, 128, 255]), ('0 to 255', [0, 127.5, 255], [0, 128, 255]),
          ('below 0', [-1, .5, 1], [0, 128, 255]), ('not a number', [float('nan'), .5, 1], [0, 128, 255]),
          ('infinite', [float('inf'), .5, 1], [0, 128, 255])]
NO_IMAGE = refuses(UnreadableImage, r'cannot read image .*a\.jpg: its .* bytes are not in a supported '
                                    r'image format\. Remove or replace this file; verify_images')
ANIMATED = dict(save_all=True, append_images=[tiny('RGB', BLUE)])
GREY_NOTE = png_chunk(b'tRNS', b'\0\x10')

PICTURES = [
    *(Fault(f'{kind} cut after {n} of {len(content)} bytes', partial(wrote, f'a.{kind}', content[:n]), read,
            refuses(UnreadableImage, r'cannot read image .*: .*([Tt]runcated|not in a supported|could not create)'))
      for kind, content, n in CUT),
    Fault('zero bytes', partial(wrote, 'a.jpg', b''), read, refuses(UnreadableImage, r'the file is empty \(0 bytes\)')),
    Fault('no such file', lambda: Path('a.jpg'), read, refuses(UnreadableImage, 'the file does not exist')),
    Fault('JPEG called .png', partial(wrote, 'a.png', JPEG), size, gives((640, 480))),
    Fault('JPEG with rubbish behind it', partial(wrote, 'a.jpg', JPEG + b'rubbish'*999), size, gives((640, 480))),
    Fault('HTML called .jpg', partial(wrote, 'a.jpg', '<!DOCTYPE html><p>404'), read, NO_IMAGE),
    Fault('text called .png', partial(wrote, 'a.jpg', 'hello'), read, NO_IMAGE),
    Fault('SVG called .jpg', partial(wrote, 'a.jpg', '<svg xmlns="http://www.w3.org/2000/svg"/>'), read, NO_IMAGE),
    Fault('PostScript, a program, called .jpg', partial(wrote, 'a.jpg', '%!PS-Adobe-3.0 EPSF-3.0\n'
          '%%BoundingBox: 0 0 9 9\n%%EndComments\n(canary) (w) file closefile\n'), read, NO_IMAGE),
    Fault('PDF called .jpg', partial(wrote, 'a.jpg', '%PDF-1.4'), read, NO_IMAGE),
    *(Fault(f'animated {kind}', partial(wrote, f'a.{kind}', encoded(tiny('RGB', RED), kind, **ANIMATED, **options)),
            pixels, gives([RED])) for kind, options in (('gif', {}), ('webp', {'lossless': True}), ('png', {}),
                                                        ('tiff', {}))),
    Fault('JPEG that claims 65,000 x 65,000', lambda: wrote('a.jpg', JPEG.replace(
        struct.pack('>HH', 480, 640), struct.pack('>HH', 65_000, 65_000), 1)), read,
        refuses(UnreadableImage, '4225000000 pixels. exceeds limit')),
    Fault('PNG that claims 60,000 x 60,000', partial(bomb, 'a.png', 60_000, 60_000), read,
          refuses(UnreadableImage, '3600000000 pixels. exceeds limit')),
    Fault('PNG that claims 2 thousand million squared', partial(bomb, 'a.png', 2**31 - 1, 2**31 - 1), read,
          refuses(UnreadableImage, 'exceeds limit')),
    Fault('81 million pixels in ten kilobytes', lambda: bomb('a.png', 9000, 9000, 1, 0, bytes(1126)*9000), read,
          refuses(UnreadableImage, '9,000 x 9,000 pixels, and at most 33,554,432 can be decoded; make it smaller')),
    Fault('80 MB of text in a PNG', lambda: wrote('a.png', png(1, 1, 8, 0, b'\0\x20', png_chunk(
        b'zTXt', b'a\0\0' + zlib.compress(bytes(80 << 20))))), read, refuses(UnreadableImage, 'too large')),
    Fault('four inks (CMYK)', lambda: wrote('a.tif', encoded(tiny('CMYK', (0, 255, 255, 0)), 'tiff')), pixels,
          gives([RED])),
    Fault('16 bits of gray', lambda: wrote('a.png', encoded(Image.fromarray(
        np.array([[0, 257, 32896, 65535]], np.uint16)), 'png')), grays, gives([0, 1, 128, 255])),
    Fault('32 bits, whole numbers', lambda: wrote('a.tif', encoded(Image.fromarray(
        np.array([[0, 2**30, 2**31 - 1]], np.int32)), 'tiff')), grays, gives([0, 128, 255])),
    *(Fault(f'floats {what}', lambda values=values: wrote('a.tif', encoded(Image.fromarray(
        np.array([values], np.float32)), 'tiff')), grays, gives(found)) for what, values, found in FLOATS),
    Fault('palette', lambda: wrote('a.png', encoded(tiny('RGB', RED, BLUE).quantize(2), 'png')), pixels,
          gives([RED, BLUE])),
    Fault('palette with a transparent color', lambda: wrote('a.gif', encoded(
        tiny('RGB', RED, BLUE).convert('P', palette=Image.Palette.ADAPTIVE, colors=2), 'gif', transparency=0)),
        lambda path: WHITE in pixels(path), gives(True)),
    Fault('palette with degrees of transparency', lambda: wrote('a.png', encoded(
        tiny('RGB', RED, RED).quantize(1), 'png', transparency=b'\0')), pixels, gives([WHITE, WHITE])),
    Fault('one bit', partial(wrote, 'a.png', encoded(tiny('1', 0, 255), 'png')), grays, gives([0, 255])),
    Fault('one bit, black transparent', partial(wrote, 'a.png', png(8, 1, 1, 0, b'\0\x0f', png_chunk(
        b'tRNS', b'\0\0'))), grays, gives([255]*8)),
    Fault('gray, one value transparent', partial(wrote, 'a.png', png(2, 1, 8, 0, b'\0\x10\x20', GREY_NOTE)), grays,
          gives([255, 32])),
    Fault('16 bits, one value transparent', partial(wrote, 'a.png', png(1, 1, 16, 0, b'\0\x80\x80', GREY_NOTE)), grays,
          gives([128])),
    Fault('gray with alpha', partial(wrote, 'a.png', encoded(tiny('LA', (7, 255), (7, 0)), 'png')), grays,
          gives([7, 255])),
    Fault('colors with alpha', partial(wrote, 'a.png', encoded(tiny('RGBA', (*RED, 255), (*RED, 0)), 'png')), pixels,
          gives([RED, WHITE])),
    *(Fault(f'EXIF orientation {n}', partial(turned, n), pixels, gives(SIX)) for n in range(1, 9)),
    *(Fault(f'EXIF orientation {n}, which means nothing', lambda n=n: wrote('a.jpg', encoded(
        PHOTO, 'jpeg', exif=b'Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0' + struct.pack('<HHI', n, 0, 0))),
        size, gives((64, 48))) for n in (0, 9, 65535)),
    *(Fault(f'EXIF: {what}', partial(wrote, 'a.jpg', encoded(PHOTO, 'jpeg', exif=b'Exif\0\0' + data)), size,
            gives((64, 48))) for what, data in (('nothing', b''), ('rubbish', b'junk'*9), (
                'an offset beyond its end', b'MM\0*\xff\xff\xff\xff'), (
                '65,535 entries', b'II*\0\x08\0\0\0\xff\xff' + b'\xff'*40))),
    *(Fault(f'color profile of rubbish in a {kind}', lambda kind=kind: wrote(f'a.{kind}', encoded(
        PHOTO, kind, icc_profile=b'junk'*9000)), size, gives((64, 48))) for kind in ('jpeg', 'png', 'webp', 'tiff')),
    *(Fault(f'{width} x {height} pixels', lambda side=(width, height): wrote('a.png', encoded(
        PHOTO.resize(side), 'png')), prepared, gives([(224, 224, 3)]*3))
      for width, height in ((1, 1), (1, 10_000), (10_000, 1), (3, 2))),
    *(name_row(what, name) for what, name in (
        ('accents and Chinese', 'ü猫.png'), ('an emoji', '🐱.png'), ('as long as can be', 'a'*251 + '.png'),
        ('a line break', 'a\nb.png'), ('like an option', '--help.png'), ('quotes and commas', 'a"b,c;d.png'),
        ('a space in front', ' a.png'), ('bytes that are no text', os.fsdecode(b'\xff\xfe.png')))),
    Fault('a name longer than can be', lambda: Path('a'*300 + '.png'), read,
          refuses(UnreadableImage, 'it cannot be accessed: File name too long|the file does not exist')),
    Fault('a name with a zero byte', lambda: Path('a\0.png'), read,
          refuses(UnreadableImage, 'it cannot be accessed: embedded null')),
    Fault('link to a picture', lambda: linked('a.png', str(wrote('b.png', PNG).absolute())), size, gives((64, 48))),
    Fault('link to nothing', lambda: linked('a.png', 'nowhere'), read, refuses(UnreadableImage, 'does not exist')),
    Fault('links in a circle', lambda: linked(str(linked('b.png', 'a.png').with_name('a.png')), 'b.png'), read,
          refuses(UnreadableImage, 'cannot be accessed: Too many levels of symbolic links|does not exist')),
    Fault('folder called .jpg', lambda: special(os.mkdir, 'folders'), read, refuses(UnreadableImage, 'it is a folder')),
    Fault('pipe called .jpg', lambda: special(getattr(os, 'mkfifo', None), 'pipes with names'), read,
          refuses(UnreadableImage, 'it is a pipe or a device, not a file')),
    Fault('socket called .jpg', lambda: special(getattr(socket, 'AF_UNIX', None) and make_socket, 'sockets with names'),
          read, refuses(UnreadableImage, 'it is a pipe or a device, not a file')),
    Fault('endless device called .jpg', lambda: linked('a.jpg', '/dev/zero' if Path('/dev/zero').exists()
                                                       else pytest.skip('no /dev/zero')), read,
          refuses(UnreadableImage, 'it is a pipe or a device, not a file')),
]
