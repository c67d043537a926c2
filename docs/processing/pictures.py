"""The picture for those who link to the site: its name, its promise and the dashboard, 1200 by 630 pixels.

docs/dashboard.png is taken by tools/shots.py from a recorded run.
"""
import textwrap
from pathlib import Path

SIZE, INK, PAPER, ACCENT = (1200, 630), '#1b2026', '#ffffff', '#0072b2'
MOST = 150_000  # bytes that docs/dashboard.png may have


def font(size: int, bold: bool = False):
    "DejaVu, which comes with matplotlib, so that every machine draws the same"
    import matplotlib
    from PIL import ImageFont
    name = 'DejaVuSans-Bold.ttf' if bold else 'DejaVuSans.ttf'
    return ImageFont.truetype(str(Path(matplotlib.get_data_path())/'fonts'/'ttf'/name), size)


def shared_picture(dashboard: Path, title: str, promise: str, out: Path) -> None:
    from PIL import Image, ImageDraw
    picture = Image.new('RGB', SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 14, SIZE[1]), fill=ACCENT)
    shown = Image.open(dashboard).convert('RGB')
    shown = shown.resize((700, round(700*shown.height/shown.width)), Image.LANCZOS)
    picture.paste(shown, (SIZE[0] - shown.width + 40, 40))
    draw.text((56, 150), title, font=font(58, bold=True), fill=INK)
    for row, line in enumerate(textwrap.wrap(promise, 24)): draw.text((56, 250 + 40*row), line, font=font(27), fill=INK)
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(out, optimize=True)


def small_png(path: Path, colors: int = 200) -> None:
    "A screenshot with few colors, below the size that a repository should hold"
    from PIL import Image
    picture = Image.open(path).convert('RGB').quantize(colors, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    if (size := path.stat().st_size) > MOST: raise ValueError(f'{path} has {size:,} bytes; expected at most {MOST:,}')
