"""How many of the fastai book's code cells run here: `python tools/book.py FOLDER [NOTEBOOK ...]`.

FOLDER holds clean notebooks of the book or of its courses; they are not part of this project. Each runs in a process of
its own, cell by cell, after these changes and no other: fastai's imports become `from fastlearn.all import *`, datasets
become small ones that are drawn here, networks whose weights would be downloaded become `resnet10`, and images,
batches and epochs become small. `export.pkl` becomes `model.safetensors`, the file that `learn.export()` writes. Left
out are empty cells, cells that install, search or fetch from the web, upload, draw with graphviz, use fastbook's
`plot_function` or pandas' old styling, and the parts on text, tables, ratings and segmentation. For each notebook it
prints how many cells

    works     ran to the end, the display of the last line included
    signpost  ended with an error of this package that names the way here, or says that there is none
    follows   needed what such a cell would have made
    fails     the rest

A cell that fails is run once more as its error says (`REPAIRS`), uncounted, so that the next cells find what they need.
`--cells` prints each cell that does not work, `--write` keeps the counts in docs/book.json for the page *From fastai*.
"""
import argparse
import ast
import json
import linecache
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300  # seconds for a cell
LEFT_OUT = re.compile(
    r'pip install|setup_book|\bgv\(|plot_function|search_images_bing|DDGS|AZURE|attrgot|socket\.|api\.competition|'
    r'hide_index|^urls = search|download_images|'
    r'push_notebook|import fastkaggle|fastai\.(text|tabular|collab)|TextDataLoaders|tabular|collab|unet_learner|'
    r'learn\.predict\("|^learn\.fit_one_cycle\(3\)$|figsize=\(7,8\)\)|^learn\.show_results\(\)$|^\s*#hide\s*$|ims\[0\]')
CHANGES = [  # what is written, what it becomes
    (r'from fastai\.vision\.widgets import \*', 'from ipywidgets import HBox, VBox'),
    (r'from fastai\.vision\.all import \*', 'from fastlearn.all import *\nsmall_networks(globals())'),
    (r'from (fastbook|fastai\.callback\.\w+|fastkaggle) import \*',
     'from fastlearn.all import *\nsmall_networks(globals())'),
    (r'from fastdownload import download_url', ''), (r'(export|model)\.pkl', 'model.safetensors'),
    (r"'(resnet26d|convnext\w+_in22k|vit_large\w+|swin\w+_22k|swin_large\w+)'", "'resnet10'"),
    (r'(Resize\(|RandomResizedCrop\(|presize=|[^_]size=|Resize\(\()(\d{3})', lambda m: f'{m[1]}{_small(m[2])}'),
    (r'(size=\(|Resize\(\()(\d+), ?(\d+)', lambda m: f'{m[1]}{_small(m[2])},{_small(m[3])}'),
    (r'(URLs\.IMAGENETTE_\d+), (\d+), (\d+)\)', r'\1, 32, 32)'),
    (r'get_dls\((\d+), (\d+)\)', lambda m: f'get_dls(16, {max(32, int(m[2])//8)})'),
    (r'res = 640,480', 'res = 48,40'), (r'\(320,224\)', '(40,32)'), (r'\(320,240\)', '(40,32)'),
    (r"(train\('resnet10', )\d{3}", r'\g<1>32'), (r'(\), )(224|192)\)', r'\g<1>32)'),
    (r'(seed=21,[\s\S]*), resnet34, metrics', r"\1, 'resnet18', pretrained=False, metrics"),  # 512 features as well
    (r'\bbs=(64|128)\b', 'bs=8'), (r'get_dls\(512\)', 'get_dls(64)'), (r'\*100, bs=8', '*20, bs=4'),
    (r'(fine_tune|fit_one_cycle|fit)\((\d+)', r'\1(1'), (r'(epochs?|freeze_epochs)=(\d+)', r'\1=1'),
    (r'range\(20\):\n    train', 'range(2):\n    train'),
    (r'train_model\(linear_model, 20\)', 'train_model(linear_model, 2)'),
    (r'create_head\(512', 'create_head(256'),
    (r'\[3,4,6,3\]', '[1,1,1,1]'), (r'\.cuda\(\)', ''), (r'sleep\(\d+\)', 'sleep(0)'), (r'n_workers=8', 'n_workers=0'),
]

PAIRS = """
class Pairs:
    def __init__(self, files): self.files = files
    def __len__(self): return len(self.files)
    def __getitem__(self, i):
        two = self.files[i], random.choice(self.files)
        images = [image2tensor(PILImage.create(file).resize((32, 32)))/255 for file in two]
        return torch.stack(images), tensor(int(label_func(two[0]) == label_func(two[1])))
def of_pairs(self, x): return self.head(torch.cat([self.encoder(one) for one in x.unbind(1)], 1))
parts = [DataLoader(Pairs([files[i] for i in part]), 8) for part in RandomSplitter()(files)]
dls = DataLoaders(*parts, vocab=['other', 'same'])
"""

REPAIRS = [  # what stands in a cell that failed, what the reader writes instead
    (r', path=\'\.\'', ''), (r', cbs=ActivationStats\(with_hist=True\)', ''), (r', cut=-2', ''), (r'\bps=', 'dropout='),
    (r'dls\.loss_func', 'learn.loss_func'), (r'x, = first\(', 'x, _ = first('),
    (r'class SiameseTransform[\s\S]*', lambda _: PAIRS), (r'params\((model\.\w+)\)', r'\1'),
    (r'(learn\.fit_one_cycle\(1, 3e-3\))', r'SiameseModel.forward = of_pairs\n\1'),
    (r'TensorImage\(dls\.train\.decode\(\(x,\)\)\[0\]\[0\]\)', 'PILImage.create(dls.valid.normalize.undo(x)[0])'),
    (r'print\(item\.name\)', 'print(item)'),
    (r'save_pickle\(\'tta_res\.pkl\', tta_res\)', "torch.save(tta_res, 'tta_res.pt')"),
    (r'    cbs = GradientAccumulation\(64\) if accum else \[\]\n', ''), (r', cbs=cbs', ', accumulate=accum'),
]


def _small(number: str) -> int: return max(32, int(number)//8)


def cells_of(notebook: Path) -> list[tuple[int, str]]:
    "The code cells that are run, with their numbers, after the changes"
    found = []
    for number, cell in enumerate(json.loads(notebook.read_text(encoding='utf-8'))['cells']):
        source = ''.join(cell['source'])
        if cell['cell_type'] != 'code' or not source.strip() or LEFT_OUT.search(source): continue
        for old, new in CHANGES: source = re.sub(old, new, source)
        if not all(line.startswith('#') for line in source.splitlines() if line.strip()): found.append((number, source))
    return found


# --- data ---

def draw_data(home: Path) -> None:
    "Small datasets of the shapes that the book's have, in the folder `home`"
    import numpy as np
    from fastlearn.data.dataset import get_image_files
    from fastlearn.data.datasets import untar_data, URLs
    from PIL import Image, ImageDraw
    files, rng = get_image_files(untar_data(URLs.MINI_PETS)), np.random.default_rng(0)

    def save(i: int, path: Path, size: tuple[int, int] = (64, 64)) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(files[i*7 % len(files)]).convert('RGB').resize(size).save(path)

    for i, file in enumerate(files[::15]): save(i*15//7, home/'pets/images'/f'{file.stem.rpartition("_")[0]}_{i}.jpg')
    for kind in ('bears/grizzly', 'bears/black', 'bears/teddy', 'bird_or_not/bird', 'bird_or_not/forest'):
        for i in range(12): save(i + len(kind), home/kind/f'{i}.jpg')
    (home/'bears/black/broken.jpg').write_bytes(b'no image'); (home/'bird_or_not/bird/broken.jpg').write_bytes(b'')
    for name in ('images/grizzly.jpg', 'images/chapter1_cat_example.jpg', 'bird.jpg', 'forest.jpg'): save(3, home/name)
    for part, n in (('train', 8), ('val', 4)):
        for kind in ('n03028079', 'n03425413', 'n03000684'):
            for i in range(n): save(i + n, home/'imagenette'/part/kind/f'{i}.JPEG')
    rows = ['fname,labels,is_valid']
    for i in range(40):
        save(i, home/'pascal/train'/f'{i:06}.jpg')
        rows.append(f'{i:06}.jpg,{("car", "person car", "dog", "dog person")[i % 4]},{i % 5 == 0}')
    (home/'pascal/train.csv').write_text('\n'.join(rows) + '\n')
    for person in ('01', '13'):
        for i in range(10):
            save(i, home/f'biwi/{person}/frame_{i:05}_rgb.jpg', (64, 48))
            head = f'1 0 0\n0 1 0\n0 0 1\n\n{rng.uniform(-20, 20)} {rng.uniform(-15, 15)} 100.\n'
            (home/f'biwi/{person}/frame_{i:05}_pose.txt').write_text(head)
        (home/f'biwi/{person}/rgb.cal').write_text('100. 0 32\n0 100. 24\n0 0 1\n\n' + '0 0 0\n'*6)
    for folder, digits, n in (('mnist_sample/train', '37', 30), ('mnist_sample/valid', '37', 10),
                              ('mnist/training', '0123456789', 12), ('mnist/testing', '0123456789', 4)):
        for digit in digits:
            for i in range(n):
                image = Image.new('L', (28, 28))
                ImageDraw.Draw(image).text(tuple(rng.uniform(6, 10, 2)), digit, fill=255, font_size=18)
                (home/folder/digit).mkdir(parents=True, exist_ok=True)
                image.save(home/folder/digit/f'{i}.png')
    for kind in ('bacterial_panicle_blight', 'blast', 'normal'):
        for i in range(16): save(i + len(kind), home/'paddy/train_images'/kind/f'{kind[:3]}{i}.jpg', (48, 64))
    for i in range(6): save(i, home/'paddy/test_images'/f'{i}.jpg', (48, 64))
    (home/'paddy/train.csv').write_text('image_id,label\n1.jpg,blast\n2.jpg,normal\n')
    (home/'paddy/sample_submission.csv').write_text('image_id,label\n' + ''.join(f'{i}.jpg,\n' for i in range(6)))


# --- one notebook, in a process of its own, in the folder of the data ---

BEFORE = '''
import warnings; warnings.filterwarnings('ignore')
class BookURLs:
    PETS, IMAGENETTE, IMAGENETTE_160, IMAGENETTE_320 = 'pets', 'imagenette', 'imagenette', 'imagenette'
    PASCAL_2007, BIWI_HEAD_POSE, MNIST_SAMPLE, MNIST = 'pascal', 'biwi', 'mnist_sample', 'mnist'
def image_cat(): return 'images/chapter1_cat_example.jpg'
def image_bear(): return 'images/grizzly.jpg'
def _search(*args, **kwargs): return ['bird.jpg']
def _download(*args, **kwargs): pass
iskaggle, dest, urls, path = True, 'images/grizzly.jpg', ['bird.jpg'], __import__('pathlib').Path('bird_or_not')
def small_networks(names):
    "What the star import brought, with the book's data in the place of the web's, and networks that need no download"
    import fastlearn.all
    for name in ('resnet18', 'resnet34', 'resnet50'): names[name] = fastlearn.all.resnet10
    names['untar_data'] = lambda which: fastlearn.all.Path(which).absolute()
    names['setup_comp'] = lambda *args, **kwargs: fastlearn.all.Path('paddy')
    names['URLs'], names['search_images'] = BookURLs, _search
    names['download_url'], names['get_image_files_sorted'] = _download, names['get_image_files']
'''


def is_told(error: BaseException) -> bool:
    "Whether this package raised it in words of its own, rather than Python on the way"
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(ROOT/'fastlearn')
    return ours and re.search(r'\braise\b', linecache.getline(last.filename, last.lineno or 0)) is not None


def assigned(source: str) -> set[str]:
    "The names that a cell would have made"
    try: tree = ast.parse(re.sub(r'^\s*[!%].*$', '', source, flags=re.M))
    except SyntaxError: return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} | \
        {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def run_here(notebook: Path) -> list[dict]:
    "Run the cells in this process; a row for each"
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    shell, rows, lost, functions = InteractiveShell.instance(), [], set(), {}
    shell.run_cell(BEFORE + 'from fastlearn.all import *\nsmall_networks(globals())')
    def too_long(*_): raise TimeoutError(f'more than {LIMIT} s')
    signal.signal(signal.SIGALRM, too_long)
    for number, source in cells_of(notebook):
        signal.alarm(LIMIT)
        with capture_output(): result = shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
        if error is None and result.result is not None and not source.rstrip().endswith(';'):
            try: shell.display_formatter.format(result.result)
            except Exception as raised: error = raised
        signal.alarm(0)
        said = '' if error is None else f'{type(error).__name__}: {error}'
        if error is None: verdict = 'works'
        elif is_told(error): verdict = 'signpost'
        elif isinstance(error, NameError) and error.name in lost: verdict = 'follows'
        else: verdict = 'fails'
        functions |= dict.fromkeys(re.findall(r'^def (\w+)', source, re.M), source)
        if error is None: lost -= assigned(source)
        else:
            parts = [functions[one] for one in functions if re.search(rf'\b{one}\b', source)] + [source]
            better = '\n'.join(parts)
            for old, new in REPAIRS: better = re.sub(old, new, better)
            with capture_output(): done = better != '\n'.join(parts) and shell.run_cell(better).success
            if done: lost -= assigned(source)
            elif verdict != 'fails': lost |= {name for name in assigned(source) if name not in shell.user_ns}
        where = [] if error is None else traceback.format_tb(error.__traceback__)[-3:]
        rows.append({'cell': number, 'verdict': verdict, 'said': said, 'where': where})
    return rows


# --- all of them ---

VERDICTS = 'works', 'signpost', 'follows', 'fails'


def run(notebook: Path, home: Path) -> list[dict]:
    "The rows of `run_here` in a new process"
    command = [sys.executable, __file__, '--one', notebook.resolve()]
    environment = os.environ | {'FASTLEARN_DASHBOARD': 'off', 'MPLBACKEND': 'Agg',
                                'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    if done.returncode: return [{'cell': -1, 'verdict': 'fails', 'said': done.stderr[-600:], 'where': []}]
    return json.loads(done.stdout.rpartition('\n#rows ')[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', nargs='?', type=Path)
    parser.add_argument('names', nargs='*', help='parts of names of notebooks; none: all')
    parser.add_argument('--cells', action='store_true', help='print what does not work')
    parser.add_argument('--write', action='store_true', help='keep the counts in docs/book.json')
    parser.add_argument('--one', type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one: print('\n#rows ' + json.dumps(run_here(options.one))); return
    if not options.folder: parser.error('which folder are the notebooks in?')
    notebooks = sorted(one for one in options.folder.rglob('*.ipynb') if not options.names
                       or any(name in str(one.relative_to(options.folder)) for name in options.names))
    if not notebooks: parser.error(f'no such notebook in {options.folder}')
    counts: dict[str, dict[str, int]] = {}
    print(f'{"":48}{"cells":>7}' + ''.join(f'{one:>10}' for one in VERDICTS))
    for notebook in notebooks:
        with tempfile.TemporaryDirectory() as home:
            draw_data(Path(home))
            rows = run(notebook, Path(home))
        name = notebook.relative_to(options.folder).with_suffix('').as_posix()
        counts[name] = {one: sum(row['verdict'] == one for row in rows) for one in VERDICTS}
        print(f'{name[:47]:48}{len(rows):7}' + ''.join(f'{n:10}' for n in counts[name].values()), flush=True)
        for row in rows if options.cells else ():
            if row['verdict'] != 'works': print(f'    [{row["cell"]}] {row["verdict"]}: {row["said"][:230]}')
            if row['verdict'] == 'fails': print(''.join(f'        {line}' for line in row['where']))
    total = {one: sum(row[one] for row in counts.values()) for one in VERDICTS}
    print(f'{"all":48}{sum(total.values()):7}' + ''.join(f'{n:10}' for n in total.values()))
    if options.write: (ROOT/'docs/book.json').write_text(json.dumps(counts, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__': main()
