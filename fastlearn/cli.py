"The command `fastlearn`: open the course, train on a folder, predict files, manage the downloaded datasets"
import argparse
import contextlib
import difflib
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
import webbrowser
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from fastlearn import __version__
from fastlearn.core.files import is_mine, replacing
from fastlearn.core.text import printable, write_csv
from fastlearn.course.learners_copy import copy_course, notebooks_folder
from fastlearn.course.path import copy_name, RECORD

START = f'{copy_name("START")}.ipynb'       # in the copy, the notebook that opens first
LAYOUT = '.layout'                        # where JupyterLab stores which bars are open, in the course's folder
DEMO = 'fastlearn-demo.html'              # the replay that `fastlearn demo` writes into the current folder


# --- lab ---

def print_copied(said: dict[str, list[str]], first: bool) -> None:
    "Print what changed in the learner's copy"
    if first: print(f"{len(said['new'])} files were copied.")
    for line in said['moved']: print(f'  {line}')
    for name in [] if first else said['new']: print(f'  {name}: new')
    for name in said['updated']: print(f'  {name}: updated')
    for name in said['kept']: print(f'  {name}: kept, because you edited it; rename yours to get the newer one too')


def has_browser() -> bool:
    "Return whether a browser window can be opened; a text browser would take over the terminal"
    display = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    if sys.platform.startswith('linux') and not display: return False
    try: webbrowser.get()
    except webbrowser.Error: return False
    return True


def lab_command(
    course: Path,
    extra: list[str],                     # JupyterLab's own arguments; they override ours
) -> list[str]:
    "Build the command line that opens JupyterLab on the first notebook of `course`"
    command = [sys.executable, '-P', '-m', 'jupyterlab',  # -P: ignore jupyterlab.py or json.py in this folder
               f'--ServerApp.root_dir={course}', f'--LabApp.default_url=/lab/tree/{START}',
               f'--LabApp.workspaces_dir={course/LAYOUT}',
               '--LanguageServerManager.autodetect=False']  # a type checker in the environment opens dialogs
    if hasattr(os, 'geteuid') and os.geteuid() == 0: command.append('--allow-root')
    if not has_browser(): command.append('--no-browser')
    return command + [argument for argument in extra if argument not in command]


def give_room(course: Path) -> None:
    "Give the notebook the whole window: a new course starts with a folded file bar and no question about news"
    ours = str(files('fastlearn')/'course')  # has labconfig; Jupyter would run a file in the course's folder as code
    os.environ['JUPYTER_CONFIG_PATH'] = os.pathsep.join([ours, *filter(None, [os.environ.get('JUPYTER_CONFIG_PATH')])])
    if (course/LAYOUT).exists(): return   # from now on JupyterLab stores there which bars the learner opens
    from jupyterlab_server.workspaces_handler import WorkspacesManager
    layout = {'left': {'collapsed': True, 'visible': True, 'widgets': []}}
    WorkspacesManager(str(course/LAYOUT)).save('default', json.dumps(
        {'data': {'layout-restorer:data': layout}, 'metadata': {'id': 'default'}}))


def lab(folder: str, extra: list[str]) -> int:
    "Copy the course to `folder` and open JupyterLab there"
    source, course = notebooks_folder(), Path(folder).absolute()
    if not (source/'START.ipynb').is_file():
        return _fail(f'{source} has no START.ipynb; expected the notebooks of the course. Install fastlearn again')
    if importlib.util.find_spec('jupyterlab') is None:
        return _fail("JupyterLab is not installed here; get it with pip install '.[lab]' in the folder of the project")
    course.mkdir(parents=True, exist_ok=True)
    if not is_mine(course.resolve()): return _fail(
        f'{_plain(course)} belongs to another user, who could put code beside the notebooks that would run as you; '
        'choose another place: fastlearn lab --folder PLACE')
    first = not (course/RECORD).exists()
    print_copied(copy_course(course, source), first)
    give_room(course)
    command = lab_command(course, extra)
    print(f'The course is in {_plain(course)}; start with {START}.')
    if '--no-browser' in command: print('In a browser, open the address with "token=" that JupyterLab prints below.')
    sys.stdout.flush()
    return become(command)


def become(command: list[str]) -> int:
    "Replace this process with `command`, so that signals reach it; on Windows, wait for `command` instead"
    if os.name != 'nt': os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:                           # Ctrl-C goes to the process, which asks whether to stop
        try: return process.wait()
        except KeyboardInterrupt: continue


# --- demo ---

def demo() -> int:
    "Run the six lines of code from the first lesson, each followed by what it did"
    _say('from fastlearn.all import ...', 'Loading PyTorch; the first time takes a while.')
    from fastlearn.all import (
        error_rate, get_image_files, ImageDataLoaders, Resize, resnet10, resnet10_classes, untar_data, URLs,
        vision_learner,
    )

    path = untar_data(URLs.MINI_PETS)
    images = get_image_files(path)
    _say('path = untar_data(URLs.MINI_PETS)',
         f'{len(images):,} drawings of cats and dogs, which come with fastlearn, are in {path}.')

    def is_cat(name): return name[0].isupper()
    examples = [next(p.name for p in images if is_cat(p.name) == wanted) for wanted in (True, False)]
    _say('def is_cat(name): return name[0].isupper()',
         f'The label is in the name: {examples[0]} is a cat, {examples[1]} is a dog.')

    dls = ImageDataLoaders.from_name_func(path, images, valid_pct=0.2, seed=42,
                                          label_func=is_cat, item_tfms=Resize(64))
    _say('dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=0.2, seed=42,\n'
         '                                      label_func=is_cat, item_tfms=Resize(64))',
         'Four fifths of the images are the training set; the others are held out to measure what the network '
         'has learned.')

    learn = vision_learner(dls, resnet10, metrics=error_rate)
    _say('learn = vision_learner(dls, resnet10, metrics=error_rate)',
         f'A small network that knows {len(resnet10_classes())} kinds of things from photos, but no house cats '
         'and no dogs, gets a new head.')

    _say('learn.fine_tune(1)', 'First, only the new head is trained, and then the whole network:')
    learn.fine_tune(1)

    image = dls.valid.items[0]
    answer = learn.predict(image)
    _say(f"learn.predict('{image.name}')",
         f"Is it a cat? {answer.label}, with a probability of {float(max(answer.probabilities)):.1%}. "
         f"According to its name, it is {'a cat' if is_cat(image.name) else 'a dog'}.")

    replay = learn.dashboard().to_html(DEMO)
    _say(f"learn.dashboard().to_html('{DEMO}')",
         f'To replay the whole run, open {replay.absolute()} in a browser.')
    return 0


def _say(code: str, words: str) -> None:
    print('\n>>> ' + code.replace('\n', '\n... '), words, sep='\n', flush=True)


# --- train ---

def find_classes(folder: Path) -> tuple[list[Path], list[str], list[int] | None]:
    "List the images, their labels, and the held-out images if `folder` has sets; a ValueError says what is wrong"
    from fastlearn.data.dataset import get_image_files
    from fastlearn.data.label_checks import label_files
    from fastlearn.data.splits import find_label_folder, split_by_folder
    sets = ('train', 'valid') if all((folder/name).is_dir() for name in ('train', 'valid')) else None
    pictures = get_image_files(folder, folders=sets)
    labels = label_files(pictures, find_label_folder(folder, pictures, sets))
    return list(pictures), labels, split_by_folder(folder, pictures)[1] if sets else None


def leave_out_unreadable(
    pictures: list[Path], labels: list[str],
    valid: list[int] | None,              # indices of held-out images; None: not chosen yet
) -> tuple[list[Path], list[str], list[int] | None]:
    "Return the images that can be read, and warn about each file that cannot be read"
    from fastlearn.core.distributed import all_gather, rank, world_size
    from fastlearn.data.image_files import verify_images
    mine = [os.fspath(picture) for picture in verify_images(pictures[rank()::world_size()])]
    broken = {Path(picture) for found in all_gather(mine) for picture in found}
    for picture in sorted(broken): _warn(f'cannot read image {_plain(picture)}; it is left out')
    kept = [i for i, picture in enumerate(pictures) if picture not in broken]
    if valid is not None: valid = [new for new, old in enumerate(kept) if old in set(valid)]
    return [pictures[i] for i in kept], [labels[i] for i in kept], valid


def train(chosen: argparse.Namespace) -> int:
    "Fine-tune on a folder with one folder per class, and write the model"
    out, replay = Path(chosen.out), Path(chosen.replay) if chosen.replay else None
    for place in (out, replay):
        if place and (problem := unwritable(place)): return _fail(problem)
    if not _with_others(): print('Loading PyTorch ...', file=sys.stderr, flush=True)
    if chosen.nproc > 1 and not _with_others(): return train_together(chosen.nproc, chosen.arguments)
    from fastlearn.core.distributed import rank
    from fastlearn.core.tensor_files import safetensors_path
    from fastlearn.observers import interrupts_as_stop, Stop, STOPPED_BY
    try:
        if rank(): sys.stdout = open(os.devnull, 'w', encoding='utf-8')  # only the first of several processes prints
        out = safetensors_path(out)
        learn = new_learner(chosen)
        learn.fine_tune(chosen.epochs)
    except (OSError, ValueError, LookupError, ArithmeticError, MemoryError) as error:
        return _fail(str(error).replace('`list_architectures()`', '`fastlearn train --list-archs`'))  # as a command
    except KeyboardInterrupt: return _interrupted()
    with interrupts_as_stop(Stop()) as late: status = keep(learn, out, replay)  # a signal now does not lose the model
    return status or STOPPED_BY.get(learn.stopped or late.reason or '', 0)


def train_together(
    processes: int,
    arguments: list[str],                 # arguments of the command line
) -> int:
    "Run the same command in several processes; returns one exit status for all processes"
    from fastlearn.core.launch import run_processes, what_failed
    try: codes = run_processes(__file__, *arguments, processes=processes)
    except ValueError as error: return _fail(str(error))
    if any(codes) and max(codes) <= 0: _warn(what_failed(codes))  # no process was left to report the failure
    ended = [code for code in (128 - code if code < 0 else code for code in codes) if code in (129, 130, 143)]
    return ended[0] if ended else int(any(codes))  # as shells report the end by a signal


def new_learner(chosen: argparse.Namespace):
    "Make a learner for the images in the folder, and print what was found there"
    from fastlearn.advice import Advice
    from fastlearn.all import error_rate, ImageDataLoaders, Resize, vision_learner
    from fastlearn.core.distributed import world_size
    from fastlearn.models import find_architecture
    arch, folder = find_architecture(chosen.arch), Path(chosen.folder)
    with _plain_warnings(): pictures, labels, valid = leave_out_unreadable(*find_classes(folder))
    counts = sorted(Counter(labels).items())
    print(f'{len(pictures):,} images of {len(counts)} classes in {_plain(folder)}: '
          + ', '.join(f'{_plain(name)} {n:,}' for name, n in counts[:20]) + (', ...' if len(counts) > 20 else ''))
    with _plain_warnings():
        dls = ImageDataLoaders.from_lists(folder, [picture.absolute() for picture in pictures], labels, chosen.valid,
                                          chosen.seed, valid_idx=valid, item_tfms=Resize(chosen.size),
                                          bs=max(1, min(64, max(8, len(pictures)//16))//world_size()))
        how = 'from the folders train and valid' if valid is not None else f'at random, seed {chosen.seed}'
        print(f'{dls.train.n_images:,} for training, {dls.valid.n_images:,} for validation, {how}; '
              f'{chosen.arch} at {chosen.size} pixels', flush=True)
        learn = vision_learner(dls, arch, metrics=error_rate)
        learn.observers = [Advice(learn, command_line(chosen))]
        return learn


def command_line(chosen: argparse.Namespace) -> str:
    "Return the command line without the options that advice may change: network, size, epochs"
    words = iter(chosen.arguments)
    kept = []
    for word in words:
        if word.partition('=')[0] not in ('--arch', '--size', '--epochs'): kept.append(word)
        elif '=' not in word: next(words)  # the value of the option
    return _plain(shlex.join(['fastlearn', *kept]))


def keep(learn, out: Path, replay: Path | None) -> int:
    "Write the trained model, even after Ctrl-C; returns 1 if writing failed"
    from fastlearn.core.files import readable
    replaced = ', replacing the older one' if out.exists() else ''
    try: learn.export(out)
    except (OSError, ValueError) as error: return _fail(str(error))
    with contextlib.suppress(BrokenPipeError):  # the output is closed, and the model is written
        print(f'The model is in {_plain(out)} ({readable(out.stat().st_size)}){replaced}.')
        if replay and learn.history.losses:
            try: page = learn.dashboard().to_html(replay).absolute()
            except OSError as error: return _fail(str(error))
            print(f'To replay the run, open {_plain(page)} in a browser.')
        if learn.stopped: print(f'Training stopped early ({learn.stopped}); you can use the model as it is.')
        print(f'Try it: fastlearn predict {_plain(shlex.quote(str(out)))} IMAGES')
    return 0


# --- predict ---

def find_pictures(places: list[str]) -> tuple[list[Path], list[str]]:
    "List the image files in `places`, each once, and describe what is wrong with the other places"
    from fastlearn.data.dataset import get_image_files
    found, problems = [], []
    for place in map(Path, places):
        if os.path.isdir(place):
            try: found += get_image_files(place)
            except (ValueError, OSError) as error: problems.append(str(error))
        elif os.path.exists(place): found.append(place)
        else: problems.append(f'there is no file or folder {place}')
    return list(dict.fromkeys(found)), problems


def answers(learn, pictures: list[Path], problems: list[str]) -> Iterator[dict]:
    "Yield a row for each image that can be read; append the reasons for the other images to `problems`"
    from fastlearn.core.notebook import progress_bar
    from fastlearn.data.decoding import UnreadableImage
    with progress_bar(progress=sys.stderr.isatty(), total=len(pictures), desc='predicting', unit='image',
                      delay=1) as bar:
        for start in range(0, len(pictures), 256):
            part = pictures[start:start + 256]
            try: yield from rows_of(learn, part)
            except UnreadableImage:       # one of 256 images: try each by itself
                for picture in part:
                    try: yield from rows_of(learn, [picture])
                    except UnreadableImage as error: problems.append(str(error).partition('. Remove or replace')[0])
            bar.update(len(part))


def rows_of(learn, pictures: list[Path]) -> list[dict]:
    "Classify some images; returns rows in JSON types"
    from fastlearn.output_decoder import output_decoder
    outputs, _ = learn.get_preds(learn.dls.test_dl(pictures), progress=False)
    task, rows = learn.dls.label_spec, []
    answers = output_decoder(learn.loss_func, task).decode(outputs)
    for picture, answer, output in zip(pictures, answers, outputs.tolist()):
        label, row = task.decode(answer), {'file': str(picture)}
        if task.is_quantity: rows.append(row | {'label': label}); continue
        shares = dict(zip(task.vocab, output))
        share = shares[label] if task.kind == 'single' else [shares[one] for one in label]
        rows.append(row | {'label': label, 'probability': share,
                           'probabilities': {str(name): share for name, share in shares.items()}})
    return rows


def predict(chosen: argparse.Namespace) -> int:
    "Write the predictions for images as a table, as CSV, or as JSON"
    place = chosen.csv or chosen.json
    if place and place != '-' and (problem := unwritable(Path(place))): return _fail(problem)
    from fastlearn.learner import load_learner
    try: learn = load_learner(chosen.model)
    except (OSError, ValueError, MemoryError) as error: return _fail(str(error))
    pictures, problems = find_pictures(chosen.places)
    try:
        rows = answers(learn, pictures, problems)
        if place: write_rows(list(rows), place, as_csv if chosen.csv else as_json)
        else: print_rows(rows)
        if place and place != '-': print(f'{len(pictures):,} images: the predictions are in {_plain(place)}')
    except BrokenPipeError: return _output_closed()
    except (OSError, ValueError, TypeError, MemoryError) as error: return _fail(str(error))
    except KeyboardInterrupt: return _interrupted()
    for problem in problems: _fail(problem)
    return int(bool(problems) or not pictures)


def print_rows(rows: Iterator[dict]) -> None:
    "Print one line for each image, as soon as it is predicted"
    for row in rows:
        labels, shares = row['label'], row.get('probability', ())
        if not isinstance(labels, list): labels, shares = [labels], [shares] if 'probability' in row else []
        texts = [f'{label} {share:.1%}' for label, share in zip(labels, shares)] or [str(one) for one in labels]
        print(f"{_plain(row['file'])}\t{_plain(', '.join(texts) or '(none)')}", flush=True)


def as_csv(rows: list[dict]) -> str:
    "Return a header line, then a line for each image; several labels are separated by semicolons"
    def cell(value): return ';'.join(map(str, value)) if isinstance(value, (list, tuple)) else value
    classes = list(rows[0].get('probabilities', ())) if rows else []
    table = [['file', 'label', *(['probability'] if classes else []), *classes]]
    for row in rows:
        shares = [cell(row['probability']), *row['probabilities'].values()] if classes else []
        table.append([row['file'], cell(row['label']), *shares])
    write_csv(text := io.StringIO(), table)
    return text.getvalue()


def as_json(rows: list[dict]) -> str:
    "Return a list with an object for each image"
    return json.dumps(rows, indent=1, allow_nan=False) + '\n'


def write_rows(rows: list[dict], place: str, form) -> None:
    "Write to the file `place`, which replaces an older file in one step; '-' is standard output"
    content = form(rows).encode('utf-8', 'surrogateescape')  # file names may contain bytes that are not text
    if place == '-':
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    else:
        with replacing(place) as file: file.write(content)


# --- cache ---

def cache(action: str, name: str | None, everything: bool) -> int:
    "List the downloaded datasets, or remove one dataset or all"
    from fastlearn.core.files import readable
    from fastlearn.data.datasets import cached, clear_cache, data_home
    if action == 'clear':
        if bool(name) == everything:
            return _fail('say what to clear: `fastlearn cache clear NAME`, or `fastlearn cache clear --all`')
        try: freed = clear_cache(name)
        except ValueError as error: return _fail(str(error))
        print(f'{readable(freed)} freed in {_plain(data_home())}')
        return 0
    found = cached()
    for entry in found:
        note = '' if entry.complete else '  (download not finished)'
        print(f'{_plain(entry.name):32} {readable(entry.size):>11}{note}')
    print(f'{_plain(data_home())}: ' + (readable(sum(entry.size for entry in found)) if found else 'no datasets yet'))
    return 0


# --- messages ---

def unwritable(path: Path) -> str | None:
    "Say why no file can be written at `path`; None if one can, as far as that is known beforehand"
    folder = path.absolute().parent
    if os.path.isdir(path): return f'{_plain(path)} is a folder; expected the name of a file to write'
    if not folder.is_dir(): return f'there is no folder {_plain(folder)} to write {_plain(path.name)} to; make it first'
    if not os.access(folder, os.W_OK): return f'the folder {_plain(folder)} cannot be written to'
    return None


def _plain(text: object) -> str:
    "Make `text` safe to print: names may contain bytes that are not text, and commands for the terminal"
    encoding = getattr(sys.stdout, 'encoding', None) or 'utf-8'
    return printable(str(text)).encode(encoding, 'backslashreplace').decode(encoding)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    "Print warnings as plain lines, without their position in the code"
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        warnings.showwarning = lambda message, *rest, **more: _warn(str(message))
        yield


def _interrupted() -> int:
    "Return the exit status after Ctrl-C, as shells do"
    _warn('interrupted; nothing was written')
    return 130


def _output_closed() -> int:
    "Discard further output: its reader, such as `head`, has closed it, and Python would report an error at exit"
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _with_others() -> bool:
    "Return whether this is one of several processes that train together"
    return os.environ.get('WORLD_SIZE', '1') != '1' and 'RANK' in os.environ


def _warn(message: str, last: bool = False) -> None:
    if _with_others():                    # processes with the same message print it once
        from fastlearn.core.distributed import is_first_to_say
        if not is_first_to_say(message, last): return
    with contextlib.suppress(OSError):    # the terminal may be gone
        print(f'fastlearn: {_plain(message)}', file=sys.stderr)


def _fail(message: str) -> int:
    _warn(message, last=True)
    return 1


# --- command line ---

class _Parser(argparse.ArgumentParser):
    "A parser whose errors also name the nearest choice or option"
    def error(self, message: str):
        wrong, choices = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message), []
        if wrong: choices = re.findall(r"[\w-]+", wrong[2])
        elif wrong := re.search(r'unrecognized arguments: (\S+)', message): choices = list(self._option_string_actions)
        near = difflib.get_close_matches(wrong[1].partition('=')[0], choices, 1, .6) if wrong else []
        super().error(message + (f'; did you mean {near[0]}?' if near else ''))


def parser() -> argparse.ArgumentParser:
    "Define the arguments of `fastlearn`"
    top = _Parser(prog='fastlearn', description='Watch a network learn to classify your images. `fastlearn lab` opens '
                  'the course; `fastlearn train FOLDER` learns from your own images.')
    top.add_argument('--version', action='version', version=f'fastlearn {__version__}')
    commands = top.add_subparsers(dest='command')
    in_lab = commands.add_parser(
        'lab', help='copy the course and open it in JupyterLab', allow_abbrev=False,
        description='Copies the course and opens its first notebook in JupyterLab. Files that you edited stay. '
                    'Other arguments, such as --port=9999 or --ip=0.0.0.0, go to JupyterLab.')
    in_lab.add_argument('--folder', default='fastlearn-course', help='the folder for your copy (%(default)s)')
    commands.add_parser(
        'demo', help='train a first model in the terminal, in about a minute, without the internet',
        description='Trains the first model of the course on the drawings that come with fastlearn, explains each '
                    f'line, and writes the run to {DEMO}, a page that plays in any browser.')
    add_train(commands)
    add_predict(commands)
    in_cache = commands.add_parser('cache', help='list or remove downloaded datasets')
    in_cache.add_argument('action', nargs='?', choices=['list', 'clear'], default='list')
    in_cache.add_argument('name', nargs='?', help='the dataset to clear')
    in_cache.add_argument('--all', action='store_true', dest='everything', help='clear all datasets')
    for one in commands.choices.values(): one.set_defaults(refuse=one.error)
    return top


def add_train(commands) -> None:
    in_train = commands.add_parser(
        'train', help='train a model on a folder of images',
        description='Fine-tunes a pretrained network on the images in FOLDER, which contains a folder for each class, '
                    'named after it (or folders train and valid with such folders), and writes the model to a file. '
                    'Ctrl-C stops after the current step and keeps the model.')
    in_train.add_argument('folder', metavar='FOLDER', help='contains a folder of images for each class')
    add = in_train.add_argument
    add('--arch', default='resnet10', help='the network: resnet10 comes with fastlearn; the weights of others, such as '
                                           'resnet34, are downloaded once (%(default)s)')
    add('--list-archs', action=_ListArchs, nargs=0, help='list all networks and exit')
    add('--epochs', type=_whole, default=1, help='epochs for the whole network, after one that trains only the new '
                                                 'head, or several with few images (%(default)s)')
    add('--size', type=_whole, default=64, help='side of the square that the network sees, in pixels (%(default)s)')
    add('--valid', type=_share, default=.2, help='fraction of the images to hold out for validation (%(default)s)')
    add('--seed', type=int, default=42, help='seed of the random split and order (%(default)s)')
    add('--out', default='model.safetensors', help='the file for the model; an older one is replaced (%(default)s)')
    add('--nproc', type=_whole, default=1, help='number of processes, at most one per GPU (%(default)s)')
    add('--replay', metavar='HTML', help='also write the whole run as a page that plays in any browser')


class _ListArchs(argparse.Action):
    "An option that prints the names of all networks"
    def __call__(self, parser, *args, **options) -> None:
        from fastlearn.models import list_architectures
        print('\n'.join(list_architectures()))
        parser.exit()


def add_predict(commands) -> None:
    in_predict = commands.add_parser(
        'predict', help='classify images with a model',
        description='Classifies images with MODEL; prints a line for each, or writes all probabilities as CSV or JSON. '
                    'Files that cannot be read are named and skipped, and the exit status is then 1.')
    in_predict.add_argument('model', metavar='MODEL', help='a file that `fastlearn train` or learn.export() wrote')
    in_predict.add_argument('places', metavar='IMAGES', nargs='+', help='image files, or folders of images')
    form = in_predict.add_mutually_exclusive_group()
    form.add_argument('--csv', metavar='OUT', help='write a table to this file; - prints it')
    form.add_argument('--json', metavar='OUT', help='write JSON to this file; - prints it')


def _whole(text: str) -> int:
    "Parse a whole number above 0"
    if not text.isdecimal() or not int(text): raise argparse.ArgumentTypeError(f'{text} is not a whole number above 0')
    return int(text)


def _share(text: str) -> float:
    "Parse a number between 0 and 1"
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1: return float(text)
    raise argparse.ArgumentTypeError(f'{text} is not a number between 0 and 1, such as 0.2')


def main(arguments: list[str] | None = None) -> int:
    "Run `fastlearn` with `arguments` (None: those of the command line); returns the exit status"
    top, arguments = parser(), sys.argv[1:] if arguments is None else arguments
    chosen, extra = top.parse_known_args(arguments)
    if chosen.command is None and not extra:
        top.print_help()
        return 0
    chosen.arguments = arguments
    if extra and chosen.command is None: top.error(f"unrecognized arguments: {' '.join(extra)}")
    if extra and chosen.command != 'lab': chosen.refuse(f"unrecognized arguments: {' '.join(extra)}")
    _settle(chosen.command or '')
    try:
        if chosen.command == 'lab': return lab(chosen.folder, extra)
        if chosen.command == 'demo': return demo()
        if chosen.command == 'train': return train(chosen)
        if chosen.command == 'predict': return predict(chosen)
        return cache(chosen.action, chosen.name, chosen.everything)
    except OSError as error: return _fail(str(error))


def _settle(command: str) -> None:
    "Replace closed output, and forget settings for several processes that were meant for another program"
    for name in 'stdout', 'stderr':
        if getattr(sys, name) is None: setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))
    meets = 'FASTLEARN_MEET' in os.environ or {'MASTER_ADDR', 'MASTER_PORT'} <= os.environ.keys()
    if command == 'train' and meets: return
    for name in 'RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE': os.environ.pop(name, None)


if __name__ == '__main__': sys.exit(main())
