"""Make the environment in which fastai runs for the comparison: its own, because its pins are not ours.

    python benchmarks/fastai_environment.py                          # benchmarks/.venv
    python benchmarks/fastai_environment.py --folder ~/fastai-venv

Left out is spaCy, which fastai asks for and vision never imports. torch and torchvision have the version of
the environment that runs this script, so that both libraries stand on the same arithmetic.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent/'.venv'
FASTAI = 'fastai==2.8.*'
NOT_NEEDED = {'spacy', 'torch', 'torchvision'}  # the last two are installed first, at our own version
REQUIREMENTS = 'import importlib.metadata as m, json; print(json.dumps(m.requires("fastai")))'


def python_of(folder: Path) -> Path:
    "The interpreter of the environment in `folder`"
    return folder/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def needed(requirements: list[str]) -> list[str]:
    "`requirements` without the extras and without `NOT_NEEDED`"
    name = lambda line: re.match(r'[\w.-]+', line)[0].lower()
    return [line for line in requirements if 'extra ==' not in line and name(line) not in NOT_NEEDED]


def make(folder: Path = FOLDER) -> Path:
    "Install fastai into `folder` unless it is there already; its interpreter"
    python = python_of(folder)
    if python.exists() and not subprocess.run([python, '-c', REQUIREMENTS], capture_output=True).returncode:
        return python
    subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
    pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    same = [f'{name}=={version(name).split("+")[0]}' for name in ('torch', 'torchvision')]
    subprocess.run([*pip, *same], check=True)
    subprocess.run([*pip, '--no-deps', FASTAI], check=True)
    found = subprocess.run([python, '-c', REQUIREMENTS], check=True, capture_output=True, text=True).stdout
    subprocess.run([*pip, *needed(json.loads(found))], check=True)
    return python


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=Path, default=FOLDER)
    print(make(parser.parse_args().folder))
