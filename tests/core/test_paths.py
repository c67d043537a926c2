"""Paths that list themselves, modules that load late, and nothing changed in another library.

Members of the kind "added to what is not ours" tried: `pathlib.Path`, `PIL.Image.Image`, `torch.Tensor`, `pandas`.
"""
import copy
import os
import pathlib
import pickle
import subprocess
import sys

import pytest
from fastlearn.core.ordinary_names import LazyModule, to_cpu, to_np
from fastlearn.core.paths import L, Path
from fastlearn.data.dataset import get_image_files
from fastlearn.data.datasets import untar_data, URLs
from fastlearn.data.image_files import verify_images
from PIL import Image


def test_nothing_of_another_library_is_changed():
    code = ('import pathlib, PIL.Image, torch\n'
            'classes = pathlib.Path, pathlib.PurePath, PIL.Image.Image, torch.Tensor\n'
            'before = [set(vars(cls)) for cls in classes]\nfrom fastlearn.all import *\n'
            'changed = [set(vars(cls)) ^ old for cls, old in zip(classes, before)]\n'
            'print(changed, "pandas" in sys.modules, "ipywidgets" in sys.modules, hasattr(pathlib.Path, "ls"))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[set(), set(), set(), set()] False False False'


@pytest.fixture
def folder(tmp_path):
    for name in 'b.jpg', 'a.JPG', 'c.png', 'notes.txt': Image.new('RGB', (4, 4)).save(tmp_path/name, 'PNG')
    (tmp_path/'inside').mkdir()
    return Path(tmp_path)


def test_ls_lists_what_the_system_lists(folder):
    assert [file.name for file in folder.ls()] == sorted(os.listdir(folder)) and isinstance(folder.ls(), L)
    assert [file.name for file in folder.ls(file_exts='.jpg')] == ['a.JPG', 'b.jpg']
    assert [file.name for file in folder.ls(file_exts=['.png', '.txt'])] == ['c.png', 'notes.txt']
    assert len(folder.ls(2)) == 2 and [file.name for file in folder.ls(file_type='text')] == ['notes.txt']
    assert folder.ls().map(type).unique() == [Path] and folder.ls().sorted(key=lambda file: file.suffix)[0].is_dir()


def test_it_is_a_path_like_any_other(folder):
    plain = pathlib.Path(folder)
    assert folder == plain and hash(folder) == hash(plain) and isinstance(folder, pathlib.Path)
    assert {type(one) for one in (folder/'a', folder.parent, folder.resolve(), Path.cwd(), Path(plain))} == {Path}
    for same in pickle.loads(pickle.dumps(folder)), copy.deepcopy(folder): assert same == folder and type(same) is Path
    assert os.fspath(folder) == str(plain) and f'{folder}' == f'{plain}'


def test_base_path_shortens_what_is_shown(folder, monkeypatch):
    assert repr(folder/'a.jpg') == f"Path('{(folder/'a.jpg').as_posix()}')"
    monkeypatch.setattr(Path, 'BASE_PATH', folder)
    assert repr(folder/'inside'/'x') == "Path('inside/x')" and repr(Path('/elsewhere')) == "Path('/elsewhere')"


def test_lists_of_files_are_ls_of_paths(folder):
    (folder/'broken.jpg').write_bytes(b'no image')
    files = get_image_files(folder)
    assert isinstance(files, L) and type(files[0]) is Path and files[[0, 2]] == [files[0], files[2]]
    failed = verify_images(files, progress=False)
    assert isinstance(failed, L) and failed.map(pathlib.Path.unlink) and not (folder/'broken.jpg').exists()
    assert type(untar_data(URLs.MINI_PETS)) is Path


def test_a_lazy_module_is_the_module():
    assert LazyModule('colorsys').rgb_to_hsv(1, 0, 0) == (0, 1, 1) and 'rgb_to_hsv' in dir(LazyModule('colorsys'))
    with pytest.raises(ImportError, match='no_such_module'): _ = LazyModule('no_such_module').DataFrame
    with pytest.raises(AttributeError, match='no_such_name'): _ = LazyModule('colorsys').no_such_name


def test_to_np_and_to_cpu():
    import torch
    assert to_np(torch.ones(2, requires_grad=True)).tolist() == [1, 1]
    assert to_cpu([torch.ones(1)])[0].device.type == 'cpu'
