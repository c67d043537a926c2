"""Coverage-guided fuzzing of everything that reads a stranger's file: pip install atheris, then

    python tools/fuzz.py                        # every reader in turn, 30 minutes each
    python tools/fuzz.py table --minutes 5      # one of them
    python tools/fuzz.py table --case FILE      # one input again, with its traceback

libFuzzer changes files so that they reach new lines of fastlearn, of Pillow's and safetensors' Python, and of Python's
own zipfile, tarfile and csv. An input is fine if it is read, or refused with an error of fastlearn, within 20 s of
CPU time and 512 MB. The corpus grows in _build/fuzz/corpus/READER from run to run; what failed is kept in
_build/fuzz/failed/READER.
"""
import argparse
import csv
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT/'_build'/'fuzz'
FILES = {'export': ('model', 'named'), 'history': ('history',), 'checkpoint': ('checkpoint', 'run', 'cycle'),
         'weights': ('weights', 'snapshot', 'pth')}  # readers of fastlearn's own files, and the seeds of each
READERS = 'image', *FILES, 'archive', 'table'
LARGEST = 2**17                           # bytes of an input
TABLES = (b'name,label\na.png,cat\nb.png,dog\n', b'name;cat;dog\n001.png;1;0\n"b;.png";0;1\n',
          b'\xef\xbb\xbfname\tlabels\tvalid\r\na.png\tcat dog\tTrue\r\nb.png\t\tFalse\r\n')


def archives() -> dict[str, bytes]:
    "A small one of each kind that `unpack` reads"
    found = {}
    for mode in ('gz', 'bz2', 'xz', ''):
        with tarfile.open(fileobj=(file := io.BytesIO()), mode=f'w:{mode}') as archive:
            for name in ('set/a.txt', 'set/b/c.txt'):
                info = tarfile.TarInfo(name)
                info.size = 20
                archive.addfile(info, io.BytesIO(bytes(range(20))))
        found[f'a.tar.{mode}'] = file.getvalue()
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(file := io.BytesIO(), 'w', kind) as archive: archive.writestr('set/a.txt', bytes(20))
        found[f'{kind}.zip'] = file.getvalue()
    return found


def read_archive(path: Path) -> None:
    "Unpack it; nothing may come out beside the folder"
    from fastlearn.data.download import unpack
    place = path.parent/'place'
    place.mkdir()
    before = sorted(path.parent.iterdir())
    try: unpack(path, place/'set', progress=False)
    finally:
        assert sorted(path.parent.iterdir()) == before, 'something came out beside the folder'
        shutil.rmtree(place)


def read_table(path: Path) -> None:
    "The library's cells are those of Python's csv module wherever both read the file"
    from fastlearn.data.tables import find_heading, read_csv
    found = read_csv(path)
    lengths = {len(values) for values in found.values()}
    assert len(lengths) <= 1, 'columns of different lengths'
    if found: find_heading(found, 0)


class Reader:
    "One reader, its first inputs, and the bench that judges"

    def __init__(self, name: str, folder: Path):
        sys.path.append(str(ROOT/'tests'/'support'))
        import fuzzing
        self.name, self.bench, self.folder, self.fuzzing = name, fuzzing.Bench(folder/'bench'), folder, fuzzing
        seeds = {'image': self.bench.pictures, 'archive': archives(),
                 'table': {f'{i}.csv': content for i, content in enumerate(TABLES)}}
        self.seeds = seeds.get(name) or {one: self.bench.files[one] for one in FILES[name]}

    def use(self, content: bytes) -> None:
        "Read one input; everything but our own errors goes through"
        bench, name = self.bench, self.name
        bench.seconds = bench.megabytes = 0
        if name in ('archive', 'table'):
            (path := self.folder/f'input.{name}').write_bytes(content)
            bench.attempt(partial({'archive': read_archive, 'table': read_table}[name], path))
        elif name == 'image':
            (path := self.folder/'input.png').write_bytes(content)
            bench.use_picture(path, random.Random(0))
        else:
            kind = self.kind_of(content)
            (path := bench.path(0, kind)).write_bytes(content)
            bench.attempt(partial(getattr(bench, f'use_{kind}'), path))
        assert bench.seconds <= self.fuzzing.SECONDS, f'it took {bench.seconds:.1f} s'
        assert bench.megabytes <= self.fuzzing.MEGABYTES, f'it took {bench.megabytes:.0f} MB'

    def kind_of(self, content: bytes) -> str:
        "Which of the files of this reader it most resembles"
        if self.name == 'weights' and content[:2] in (b'PK', b'\x80\x02'): return 'pth'
        return self.seeds and next(iter(self.seeds))

    def change(self, content: bytes, most: int, seed: int, mutate: Callable) -> bytes:
        "Half of the time another description or other numbers under a fingerprint that fits; else bytes"
        rng = random.Random(seed)
        whole = [one for one in self.seeds.values() if one in self.fuzzing.CORPUS_TENSORS and len(one) < most]
        if self.name in FILES and whole and rng.random() < .5: return self.fuzzing.rewrite(rng, rng.choice(whole))
        return mutate(content, most)


def fuzz(name: str, minutes: float) -> None:
    "Feed one reader until the time is over; ends the process"
    import atheris
    with atheris.instrument_imports(include=['fastlearn', 'PIL', 'safetensors', 'zipfile', 'tarfile', 'csv']):
        import fastlearn.all  # noqa: F401
    import torch
    torch.set_num_threads(1)
    warnings.simplefilter('ignore')
    reader = Reader(name, Path(tempfile.mkdtemp(prefix='fuzz-')))
    corpus, failed = BUILD/'corpus'/name, BUILD/'failed'/name
    for folder in (corpus, failed): folder.mkdir(parents=True, exist_ok=True)
    for seed, content in reader.seeds.items():
        if len(content) <= LARGEST: (corpus/seed).write_bytes(content)
    def change(content, most, seed): return reader.change(content, most, seed, atheris.Mutate)
    said = [f'-max_total_time={round(60*minutes)}', f'-max_len={LARGEST}', '-timeout=120', '-rss_limit_mb=4096',
            f'-artifact_prefix={failed}/', '-print_final_stats=1', '-verbosity=1']
    atheris.Setup([sys.argv[0], *said, str(corpus)], reader.use, custom_mutator=change)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('readers', nargs='*', help=f'of {", ".join(READERS)}')
    parser.add_argument('--minutes', type=float, default=30, help='for each')
    parser.add_argument('--case', type=Path, help='an input that failed')
    args = parser.parse_args()
    if unknown := set(args.readers) - {*READERS}: parser.error(f'no reader {sorted(unknown)}; there are {READERS}')
    if args.case:
        with tempfile.TemporaryDirectory() as folder:
            try: Reader(args.readers[0], Path(folder)).use(args.case.read_bytes())
            except BaseException: print(traceback.format_exc()); return 1
        print('read, or refused with words')
        return 0
    if os.environ.get('FASTLEARN_FUZZ_READER'): fuzz(args.readers[0], args.minutes)
    worst = 0
    for name in args.readers or READERS:  # a process each: libFuzzer ends its process
        print(f'--- {name}, {args.minutes:g} minutes', flush=True)
        worst |= subprocess.run([sys.executable, __file__, name, '--minutes', str(args.minutes)],
                                env=os.environ | {'FASTLEARN_FUZZ_READER': '1', 'PYTHONPATH': str(ROOT)}).returncode
    return worst


if __name__ == '__main__':
    csv.field_size_limit(2**24)
    sys.exit(main())
