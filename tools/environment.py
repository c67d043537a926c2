"""The project's environment in .venv, with the tested versions: made, or brought up to date.

    python3 tools/environment.py        # py tools\\environment.py on Windows; `make` calls it by itself

Needs Python 3.11 or newer. On Linux the default torch brings several GB of CUDA libraries. Where no NVIDIA GPU is seen,
or TORCH=cpu is set, the small CPU build is taken first, from PyTorch's own index if that answers within 3 seconds;
TORCH_INDEX=URL names another index, TORCH_INDEX=none takes what pip offers by default.
"""
from __future__ import annotations  # so that an older Python can read on to the line that refuses it

import os, platform, shutil, subprocess, sys, urllib.request, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT/'.venv'
PYTHON = VENV/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
CPU_INDEX = 'https://download.pytorch.org/whl/cpu'


def answers(index: str) -> bool:
    "Whether an index of packages has torch, told within seconds"
    try:
        with urllib.request.urlopen(f'{index}/torch/', timeout=3) as reply: return reply.status == 200
    except Exception: return False  # no network, no certificate, no such page: all the same here


def torch_index() -> str | None:
    "Where to take torch from before anything else is installed; None for wherever pip takes its packages from"
    named, build = os.environ.get('TORCH_INDEX'), os.environ.get('TORCH', 'auto')
    if build not in ('auto', 'cpu', 'gpu'):
        raise SystemExit(f'TORCH is {build!r}; expected cpu for the small build, gpu for the default one, or nothing')
    if named: return None if named == 'none' else named
    if build == 'gpu' or platform.system() != 'Linux': return None  # elsewhere the default build has no CUDA in it
    if build == 'auto' and shutil.which('nvidia-smi'): return None
    return CPU_INDEX if answers(CPU_INDEX) else None


def works() -> bool:
    "Whether .venv holds a Python that starts, new enough, in the place where it was made"
    ask = 'import sys, pip; print(sys.prefix if sys.version_info >= (3, 11) else "old")'
    try: said = subprocess.run([PYTHON, '-c', ask], capture_output=True, text=True).stdout.strip()
    except OSError: return False
    try: return Path(said).samefile(VENV) and str(VENV) in (VENV/'pyvenv.cfg').read_text(encoding='utf-8')
    except OSError: return False


def pip(*args: str) -> None:
    command = [str(PYTHON), '-m', 'pip', 'install', '--disable-pip-version-check', '-q', '-c', 'constraints.txt', *args]
    print('$', ' '.join(command), flush=True)
    if subprocess.run(command, cwd=ROOT).returncode:
        raise SystemExit('The installation stopped; pip says why above. The same command goes on from here.')


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036, the one place where an older Python may arrive
        raise SystemExit(f'fastlearn needs Python 3.11 or newer; this is {platform.python_version()}')
    index = torch_index()
    if not works():
        print(f'Making .venv with Python {platform.python_version()}', flush=True)
        try: venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != 'nt')
        except (subprocess.CalledProcessError, ImportError) as e:
            raise SystemExit(f'{sys.executable} cannot make an environment ({e}). '
                             'On Debian and Ubuntu: apt install python3-venv') from e
    print('Installing; the first time takes some minutes', flush=True)
    if index: pip('--no-deps', '--index-url', index, 'torch', 'torchvision')
    pip('-e', '.[dev]')
    (VENV/'installed').touch()


if __name__ == '__main__': main()
