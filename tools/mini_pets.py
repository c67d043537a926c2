"""The archive of MINI_PETS: draws the set, packs it, notes its checksum in the chapter: `python tools/mini_pets.py`.

Run it after a change of the drawing code (nbs/data/mini_pets), then `make export`. The images are WebP, whose bytes
depend on the version of Pillow, so the archive in the repository decides what learners get; tests/data/test_draw.py
says how far the renderer may be from it.
"""
import csv, hashlib, re, sys, tempfile, zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHIVE = ROOT/'fastlearn'/'data'/'mini_pets'/'mini_pets.zip'
CHAPTER = ROOT/'nbs'/'data'/'08_datasets.ipynb'
CHECKSUM = re.compile(r"(MINI_PETS = Source\(.*\n.*'sha256:)\w+", re.M)
ONE_DAY = 1980, 1, 1, 0, 0, 0  # so that the same drawings give the same archive


def pack(folder: Path, archive: Path) -> None:
    "The table and the images of `folder`, in the table's order, stored as they are: they are compressed already"
    with open(folder/'labels.csv', newline='', encoding='utf-8') as file:
        names = ['labels.csv', *(f"images/{row['name']}" for row in csv.DictReader(file))]
    with zipfile.ZipFile(archive, 'w') as packed:
        for name in names:
            entry = zipfile.ZipInfo(name, ONE_DAY)
            entry.external_attr = 0o644 << 16
            kind = zipfile.ZIP_STORED if name.startswith('images/') else zipfile.ZIP_DEFLATED
            packed.writestr(entry, (folder/name).read_bytes(), kind)


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from fastlearn.data.mini_pets.draw import draw_mini_pets
    with tempfile.TemporaryDirectory() as place: pack(draw_mini_pets(Path(place)/'set'), ARCHIVE)
    digits = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    text, found = CHECKSUM.subn(rf'\g<1>{digits}', CHAPTER.read_text(encoding='utf-8'))
    if found != 1: raise SystemExit(f'{CHAPTER} has {found} places for the checksum of MINI_PETS; expected one')
    CHAPTER.write_text(text, encoding='utf-8')
    print(f'{ARCHIVE}: {ARCHIVE.stat().st_size/2**20:.2f} MiB, sha256:{digits}')


if __name__ == '__main__': main()
