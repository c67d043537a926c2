"""The environments of the peers: their own, because their pins are not ours.

    python benchmarks/peers.py fastai captum            # made in benchmarks/.venv, unless they are there

fastai comes with the torch and torchvision that this environment has, so that both stand on the same arithmetic, and
without spaCy, which it asks for and vision never imports. captum needs no more than this environment plus itself.
"""
import json
import os
import re
import subprocess
import sys
import sysconfig
from argparse import Namespace
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent/'.venv'
FASTAI = 'fastai==2.8.*'
NOT_NEEDED = {'spacy', 'torch', 'torchvision'}  # the last two are installed first, at our own version
OURS = 'safetensors', 'tqdm'               # for the embedded weights, which the checkout's own code reads
REQUIREMENTS = 'import importlib.metadata as m, json; print(json.dumps(m.requires("fastai")))'


def python_of(folder: Path) -> Path:
    "The interpreter of the environment in `folder`"
    return folder/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def has(python: Path | str, name: str) -> bool:
    "Whether the package `name` can be found there"
    code = f'import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)'
    try: return not subprocess.run([python, '-c', code], capture_output=True).returncode
    except OSError: return False


def needed(requirements: list[str]) -> list[str]:
    "`requirements` without the extras and without `NOT_NEEDED`"
    name = lambda line: re.match(r'[\w.-]+', line)[0].lower()
    return [line for line in requirements if 'extra ==' not in line and name(line) not in NOT_NEEDED]


def install_fastai(pip: list) -> None:
    same = [f'{name}=={version(name).split("+")[0]}' for name in ('torch', 'torchvision')]
    subprocess.run([*pip, *same], check=True)
    subprocess.run([*pip, '--no-deps', FASTAI], check=True)
    found = subprocess.run([pip[0], '-c', REQUIREMENTS], check=True, capture_output=True, text=True).stdout
    subprocess.run([*pip, *needed(json.loads(found)), 'ipykernel', *OURS], check=True)


def install_captum(pip: list) -> None:
    inside = subprocess.run([pip[0], '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], check=True,
                            capture_output=True, text=True).stdout.strip()
    (Path(inside)/'ours.pth').write_text(sysconfig.get_path('purelib') + '\n')
    subprocess.run([*pip, '--no-deps', 'captum'], check=True)


INSTALL = {'fastai': install_fastai, 'captum': install_captum}


def make(name: str) -> Path:
    "The interpreter of the environment of `name`, made unless it is there already"
    python = python_of(FOLDER/name)
    if has(python, name): return python
    print(f'Making the environment of {name} in {FOLDER/name}', flush=True)
    subprocess.run([sys.executable, '-m', 'venv', FOLDER/name], check=True)
    INSTALL[name]([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'])
    return python


def find(name: str, args: Namespace) -> Path | None:
    "The interpreter that was given for `name`, or the one made for it; None, and a line that says so, if there is none"
    given = getattr(args, f'{name}_python')
    if args.no_peers: why = 'as asked'
    elif given:
        if has(given, name): return given
        why = f'{given} has no {name}'
    else:
        try: return make(name)
        except (subprocess.CalledProcessError, OSError) as error: why = f'its environment could not be made: {error}'
    print(f'SKIPPED {name}: {why}', file=sys.stderr)
    return None


if __name__ == '__main__': print(*map(make, sys.argv[1:] or INSTALL), sep='\n')
