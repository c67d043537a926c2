"The command `fastlearn`: open the course, run the first program in a terminal, look after the data sets"
import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import webbrowser
from importlib.resources import files
from pathlib import Path

from fastlearn import __version__

START = '01_your_first_model.ipynb'       # the notebook that opens first
DEMO = 'fastlearn-demo.html'              # the replay that `fastlearn demo` writes into the current folder
RECORD = '.fastlearn.json'                # in the learner's copy: the fingerprint of each file as it was shipped


# --- lab ---

def lessons_folder() -> Path:
    "The notebooks of the course: inside the installed package, or in a checkout where they are written"
    shipped = Path(str(files('fastlearn')/'lessons'))
    return shipped if shipped.is_dir() else Path(__file__).resolve().parent.parent/'nbs'/'lessons'


def copy_course(
    course: Path,                         # the learner's copy
    lessons: Path,
) -> list[str]:                           # files that were kept because the learner has edited them
    "Bring `course` up to date with `lessons`, leaving alone what the learner has edited"
    record = course/RECORD
    shipped = json.loads(record.read_text(encoding='utf-8')) if record.exists() else {}
    edited = []
    for source in sorted(path for path in lessons.rglob('*') if path.is_file()):
        name = source.relative_to(lessons).as_posix()
        if any(part.startswith(('.', '_')) for part in name.split('/')): continue
        target, new = course/name, _fingerprint(source)
        if target.exists() and _fingerprint(target) not in (new, shipped.get(name)):
            edited.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shipped[name] = new
    record.write_text(json.dumps(shipped, indent=1), encoding='utf-8')
    return edited


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_browser() -> bool:
    "Whether a window with a browser can open here; a text browser would take over the terminal"
    display = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    if sys.platform.startswith('linux') and not display: return False
    try: webbrowser.get()
    except webbrowser.Error: return False
    return True


def lab_command(
    course: Path,
    extra: list[str],                     # JupyterLab's own arguments; they overrule ours
) -> list[str]:
    "The command line that opens JupyterLab on the first notebook of `course`"
    command = [sys.executable, '-m', 'jupyterlab',
               f'--ServerApp.root_dir={course}', f'--LabApp.default_url=/lab/tree/{START}']
    if hasattr(os, 'geteuid') and os.geteuid() == 0: command.append('--allow-root')
    if not has_browser(): command.append('--no-browser')
    return command + [argument for argument in extra if argument not in command]


def lab(folder: str, extra: list[str]) -> int:
    "Copy the course to `folder` and open JupyterLab there"
    lessons, course = lessons_folder(), Path(folder).absolute()
    if not (lessons/START).is_file():
        return _fail(f'{lessons} holds no {START}; expected the notebooks of the course. Install fastlearn again')
    if importlib.util.find_spec('jupyterlab') is None:
        return _fail("JupyterLab is not installed here; get it with: pip install 'fastlearn[lab]'")
    course.mkdir(parents=True, exist_ok=True)
    for name in copy_course(course, lessons): print(f'  {name}: kept as you edited it')
    command = lab_command(course, extra)
    print(f'The course is in {course}; begin with {START}.')
    if '--no-browser' in command: print('Open the address with "token=" that JupyterLab prints below in a browser.')
    sys.stdout.flush()
    return _wait(subprocess.Popen(command))


def _wait(process: subprocess.Popen) -> int:
    "The exit status of `process`; Ctrl-C is for the process, which asks whether it should stop"
    while True:
        try: return process.wait()
        except KeyboardInterrupt: continue


# --- demo ---

def demo() -> int:
    "The six lines of the first program, each followed by what it did"
    _say('from fastlearn.all import ...', 'Loading PyTorch; the first time takes a while.')
    from fastlearn.all import ImageDataLoaders, Resize, URLs, error_rate, get_image_files, resnet10
    from fastlearn.all import resnet10_classes, untar_data, vision_learner

    path = untar_data(URLs.MINI_PETS)
    pictures = get_image_files(path)
    _say('path = untar_data(URLs.MINI_PETS)',
         f'{len(pictures):,} drawings of cats and dogs, made on this machine, are in {path}.')

    def is_cat(name): return name[0].isupper()
    examples = [next(p.name for p in pictures if is_cat(p.name) == wanted) for wanted in (True, False)]
    _say('def is_cat(name): return name[0].isupper()',
         f'The label is in the name: {examples[0]} is a cat, {examples[1]} is a dog.')

    dls = ImageDataLoaders.from_name_func(path, pictures, valid_pct=0.2, seed=42,
                                          label_func=is_cat, item_tfms=Resize(64))
    _say('dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=0.2, seed=42,\n'
         '                                      label_func=is_cat, item_tfms=Resize(64))',
         'Four fifths of the pictures are for learning; the others are kept back, to see whether it has learned.')

    learn = vision_learner(dls, resnet10, metrics=error_rate)
    _say('learn = vision_learner(dls, resnet10, metrics=error_rate)',
         f'A small network that knows {len(resnet10_classes())} kinds of things from photos, but no house cat '
         'and no dog, gets a new head.')

    _say('learn.fine_tune(1)', 'First the new head alone learns, then all of the network:')
    learn.fine_tune(1)

    picture = dls.valid.items[0]
    label, _, probabilities = learn.predict(picture)
    _say(f"learn.predict('{picture.name}')",
         f"Is it a cat? {label}, with a probability of {float(max(probabilities)):.1%}. "
         f"The name says: {'a cat' if is_cat(picture.name) else 'a dog'}.")

    replay = learn.dashboard().to_html(DEMO)
    _say(f"learn.dashboard().to_html('{DEMO}')",
         f'The whole run, to look at and to play again: open {replay.absolute()} in a browser.')
    return 0


def _say(code: str, words: str) -> None:
    print('\n>>> ' + code.replace('\n', '\n... '), words, sep='\n', flush=True)


# --- cache ---

def cache(action: str, name: str | None, everything: bool) -> int:
    "List the data sets, or remove one or all of them"
    from fastlearn.archives import readable
    from fastlearn.datasets import cached, clear_cache, data_home
    if action == 'clear':
        if bool(name) == everything:
            return _fail('say what to clear: `fastlearn cache clear NAME`, or `fastlearn cache clear --all`')
        try: freed = clear_cache(name)
        except ValueError as error: return _fail(str(error))
        print(f'{readable(freed)} freed in {data_home()}')
        return 0
    found = cached()
    for entry in found:
        print(f"{entry.name:32} {readable(entry.size):>11}{'' if entry.complete else '  (download not finished)'}")
    print(f'{data_home()}: ' + (readable(sum(entry.size for entry in found)) if found else 'no data sets yet'))
    return 0


def _fail(message: str) -> int:
    print(f'fastlearn: {message}', file=sys.stderr)
    return 1


# --- command line ---

def parser() -> argparse.ArgumentParser:
    "The arguments of `fastlearn`"
    top = argparse.ArgumentParser(prog='fastlearn', description='Watch a pretrained network learn your pictures.')
    top.add_argument('--version', action='version', version=f'fastlearn {__version__}')
    commands = top.add_subparsers(dest='command', required=True)
    in_lab = commands.add_parser(
        'lab', help='copy the course and open it in JupyterLab', allow_abbrev=False,
        description='Copies the course and opens JupyterLab on its first notebook. What you edited stays. '
                    'Other arguments, such as --port=9999 or --ip=0.0.0.0, go to JupyterLab.')
    in_lab.add_argument('--folder', default='fastlearn-course', help='where your copy lives (%(default)s)')
    commands.add_parser('demo', help='train a first model in the terminal, in about a minute, with no network')
    in_cache = commands.add_parser('cache', help='list or remove data sets on this machine')
    in_cache.add_argument('action', nargs='?', choices=['list', 'clear'], default='list')
    in_cache.add_argument('name', nargs='?', help='the set to clear')
    in_cache.add_argument('--all', action='store_true', dest='everything', help='clear all of them')
    return top


def main(arguments: list[str] | None = None) -> int:
    "Run `fastlearn` with `arguments` (None: those of the command line); returns the exit status"
    top = parser()
    chosen, extra = top.parse_known_args(arguments)
    if extra and chosen.command != 'lab': top.error(f"unrecognized arguments: {' '.join(extra)}")
    if chosen.command == 'lab': return lab(chosen.folder, extra)
    if chosen.command == 'demo': return demo()
    return cache(chosen.action, chosen.name, chosen.everything)


if __name__ == '__main__': sys.exit(main())
