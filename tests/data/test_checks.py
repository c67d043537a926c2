"Checks of the data before training: what was planted is found, nothing else is, and the words say what to do"
import os
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from fastlearn.data.dataloader import DataLoader
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files, ImageDataset
from fastlearn.data.file_checks import check_giveaways, check_stems
from fastlearn.data.findings import Finding, SplitItems
from fastlearn.data.image_facts import image_facts, ImageFacts
from fastlearn.data.image_hash import ALIKE, gradient_signs, similar_pairs
from fastlearn.data.images import open_image, Resize
from fastlearn.data.loader_checks import check_classes, check_memory
from PIL import Image, ImageDraw


def is_cat(name): return name[0].isupper()


def load(folder: Path, n_valid: int = 0, **options) -> DataLoaders:
    "Loaders in which the files called `v_...` or `V_...` are put aside, and of the others the first `n_valid`"
    files = get_image_files(folder)
    aside = [i for i, file in enumerate(files) if file.name[:2].lower() == 'v_']
    aside += [i for i in range(len(files)) if i not in aside][:n_valid]
    options = {'item_tfms': Resize(32), 'bs': 4} | options
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        labels = [is_cat(file.name) for file in files]
        return ImageDataLoaders.from_lists(folder, files, labels, valid_idx=aside, **options)


@pytest.fixture
def folder(few_pets, tmp_path) -> Path:
    "60 images, ten of each kind held out"
    files = get_image_files(few_pets)
    kinds = [file for file in files if is_cat(file.name)][:30] + [file for file in files if not is_cat(file.name)][:30]
    for i, file in enumerate(kinds):
        prefix = ('V_' if is_cat(file.name) else 'v_') if i % 3 == 0 else ''
        shutil.copy(file, tmp_path/f'{prefix}{file.name}')
    return tmp_path


def found(dls, **options) -> dict:
    findings = dls.check(progress=False, **options).findings
    assert not [kind for kind, n in Counter(finding.kind for finding in findings).items() if n > 1]
    return {finding.kind: finding for finding in findings}


def names(finding) -> list[set[str]]: return [{item.name for item in group} for group in finding.groups]


# --- nothing wrong ---

def test_nothing_is_found_on_the_drawn_pets(mini_pets):
    dls = ImageDataLoaders.from_name_func(mini_pets, get_image_files(mini_pets), valid_pct=.2, seed=42,
                                          label_func=is_cat, item_tfms=Resize(64))
    result = dls.check(progress=False)
    assert not result.findings and result.verdict == 'nothing found'
    sets = dls.train.dataset.labels, dls.valid.dataset.labels
    counts = {str(label): tuple(labels.count(label) for labels in sets) for label in (False, True)}
    assert result.counts == counts and 'nothing found' in repr(result) and '18 steps' in repr(result)


def test_nothing_is_found_in_the_small_folder(folder): assert not found(load(folder))


def test_a_drawing_on_white_paper_is_no_copy_of_another():
    rng, codes = np.random.default_rng(0), []
    for _ in range(120):
        sketch = Image.new('RGB', (200, 200), 'white')
        for _ in range(4): ImageDraw.Draw(sketch).line(rng.integers(20, 180, 4).tolist(), fill='black', width=4)
        codes.append(gradient_signs(sketch))
    assert not similar_pairs(np.stack(codes))
    assert not similar_pairs(np.zeros((3, 512), np.int8))     # pictures of one color say nothing


# --- copies ---

def test_similar_pairs_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    signs = rng.integers(-1, 2, (40, 512)).astype(np.int8)
    signs[7] = signs[3]; signs[30, :40] = signs[12, :40]*-1; signs[30, 40:] = signs[12, 40:]
    def cosine(a, b): return float(a@b/np.linalg.norm(a)/np.linalg.norm(b))
    codes = signs.astype(float)
    expected = {(i, j): cosine(codes[i], codes[j]) for i in range(40) for j in range(i + 1, 40)
                if cosine(codes[i], codes[j]) >= ALIKE}
    for block in (7, 1024):
        pairs = similar_pairs(signs, block=block)
        assert pairs.keys() == expected.keys() == {(3, 7), (12, 30)} and pairs == pytest.approx(expected, abs=1e-5)


def cats(folder: Path, aside: bool) -> list[Path]:
    return [file for file in get_image_files(folder) if is_cat(file.name) and file.name.startswith('V_') == aside]


def test_a_copied_file_in_both_sets_is_a_leak(folder):
    cat = cats(folder, aside=False)[0]
    shutil.copy(cat, folder/'V_copy.png')
    result = found(load(folder))
    assert list(result) == ['leak'] and result['leak'].is_problem
    assert names(result['leak']) == [{cat.name, 'V_copy.png'}]
    assert re.match('1 image in both sets; .* Remove one of each', result['leak'].text)


def test_the_same_pixels_in_another_format_are_the_same_picture(folder):
    cat = cats(folder, aside=False)[0]
    open_image(cat).save(folder/'V_copy.bmp')
    assert names(found(load(folder))['leak']) == [{cat.name, 'V_copy.bmp'}]


@pytest.mark.parametrize('change', ['quality', 'half', 'brighter', 'trimmed'])
def test_a_changed_copy_across_the_border_is_found(folder, change):
    cat = cats(folder, aside=False)[0]
    image = open_image(cat)
    w, h = image.size
    image = {'quality': lambda: image, 'half': lambda: image.resize((w//2, h//2)),
             'brighter': lambda: image.point(lambda value: min(255, round(value*1.2))),
             'trimmed': lambda: image.crop((2, 2, w - 2, h - 2))}[change]()
    image.save(folder/'V_copy.jpg', quality=40 if change == 'quality' else 85)
    result = found(load(folder))
    assert list(result) == ['near'] and result['near'].is_problem
    assert names(result['near']) == [{cat.name, 'V_copy.jpg'}]
    assert 'of the validation set nearly equal to one of the training set' in result['near'].text


def test_one_picture_with_two_labels_is_a_contradiction(folder):
    cat = cats(folder, aside=False)[0]
    shutil.copy(cat, folder/'a_dog.png')
    result = found(load(folder))
    assert set(result) == {'labels', 'copies'} and result['labels'].is_problem and not result['copies'].is_problem
    assert names(result['labels']) == [{cat.name, 'a_dog.png'}] and 'must be wrong' in result['labels'].text


def test_twins_within_one_set_are_hints(folder):
    first, second = cats(folder, aside=False)[:2]
    shutil.copy(first, folder/'Copy.png')
    open_image(second).save(folder/'Again.jpg', quality=80)
    result = found(load(folder))
    assert set(result) == {'copies', 'twins'} and not any(one.is_problem for one in result.values())
    assert names(result['copies']) == [{first.name, 'Copy.png'}]
    assert names(result['twins']) == [{second.name, 'Again.jpg'}]


# --- names ---

def paths(*names): return [Path(name) for name in names]


@pytest.mark.parametrize(('files', 'labels', 'alike', 'problem', 'said'), [
    (('p/1.jpg', 'p/1.png'), 'cc', (), True, '1 of them in one folder, with two extensions'),
    (('train/c/1.jpg', 'valid/c/1.jpg'), 'cc', (), False, 'each folder may have its own numbering'),
    (('train/c/1.jpg', 'valid/c/1.JPG'), 'cc', {(0, 1): .9}, True, '1 of them look alike')])
def test_the_same_name_in_both_sets(files, labels, alike, problem, said):
    finding, = check_stems(SplitItems(paths(*files), list(labels), 1, 'single'), alike)
    assert finding.is_problem == problem and said in finding.text and finding.groups == (tuple(paths(*files)),)


@pytest.mark.parametrize(('files', 'labels'), [(('c/1.jpg', 'd/1.jpg'), 'cd'), (('c/1.jpg', 'c/2.jpg'), 'cc')])
def test_names_that_are_no_leak(files, labels):
    assert not check_stems(SplitItems(paths(*files), list(labels), 1, 'single'))


# --- files and classes ---

def test_unreadable_files_are_named_with_the_reason(folder):
    (folder/'Empty.png').touch()
    (folder/'page.jpg').write_text('<html>404</html>')
    cat = cats(folder, aside=False)[0]
    (folder/'Half.png').write_bytes(cat.read_bytes()[:2000])
    result = found(load(folder))
    assert list(result) == ['unreadable'] and result['unreadable'].is_problem
    assert {item.name for item in result['unreadable'].files} == {'Empty.png', 'page.jpg', 'Half.png'}
    text = result['unreadable'].text
    assert '3 files cannot be read' in text and 'Empty.png: the file is empty (0 bytes)' in text
    assert text.endswith('remove them')


def test_a_file_that_vanished_is_unreadable(folder):
    dls = load(folder)
    cats(folder, aside=True)[0].unlink()
    assert 'the file does not exist' in found(dls)['unreadable'].text


def test_tiny_is_what_would_be_enlarged_more_than_twice(folder):
    cat = cats(folder, aside=False)[0]
    image = open_image(cat)
    cat.unlink()
    image.resize((15, 40)).save(folder/'Small.png')
    image.rotate(180).resize((16, 40)).save(folder/'Enough.png')
    finding = found(load(folder))['tiny']
    assert [item.name for item in finding.files] == ['Small.png'] and not finding.is_problem
    assert '1 image has a side below 16 pixels, the smallest 15; the network gets 32 x 32' in finding.text


def giveaways(cat_sizes, dog_sizes, kinds=('PNG RGB', 'PNG RGB')):
    sizes = [*cat_sizes, *dog_sizes]
    labels = ['cat']*len(cat_sizes) + ['dog']*len(dog_sizes)
    looks = [ImageFacts(size, kinds[label == 'dog']) for size, label in zip(sizes, labels)]
    return check_giveaways(SplitItems(list(range(len(sizes))), labels, len(sizes) - 1, 'single'), looks)


VARIED = [(100 + i, 80) for i in range(20)]


def test_one_size_for_one_class_tells_the_class():
    finding, = giveaways([(64, 64)]*20, VARIED)
    assert finding.is_problem and finding.kind == 'one size'
    assert '20 of 20 images of cat are 64 x 64 pixels, and 0 of the other 20' in finding.text


def test_one_kind_of_file_for_each_class_tells_the_class():
    finding, = giveaways(VARIED, VARIED, ('JPEG RGB', 'PNG RGB'))
    assert finding.kind == 'one kind' and 'images of cat are JPEG RGB files' in finding.text


def test_the_same_sizes_in_all_classes_tell_nothing():
    assert not giveaways([(64, 64)]*20, [(64, 64)]*20) and not giveaways(VARIED, VARIED)


@pytest.mark.parametrize(('counts', 'kinds', 'said'), [
    ({'a': (20, 5), 'b': (20, 0)}, ['missing'], "no validation image of 'b', so it cannot be measured"),
    ({'a': (20, 5), 'b': (0, 5)}, ['missing'], "no training image of 'b', so it cannot be learned"),
    ({'a': (20, 5), 'b': (9, 5)}, ['rare'], "fewer than 10 training images of 'b'"),
    ({'a': (50, 5), 'b': (10, 5)}, ['imbalance'], "50 training images of 'a', 10 of 'b'"),
    ({'a': (49, 5), 'b': (10, 5)}, [], '')])
def test_counts_of_classes(counts, kinds, said):
    findings = check_classes(counts)
    assert [finding.kind for finding in findings] == kinds and said in ''.join(finding.text for finding in findings)


def test_few_steps_come_with_a_batch_size_that_makes_more(folder):
    finding = found(load(folder, bs=16))['steps']
    assert 'an epoch has only 2 steps (40 images in batches of 16)' in finding.text
    assert finding.text.endswith('bs=2 gives 20')


def test_pictures_that_do_not_fit_into_memory(folder):
    dls = load(folder, memory=1e4)
    assert 'decoded again in each epoch' in found(dls)['memory'].text
    assert not check_memory(dls.train, needed=100.)


# --- the call ---

def test_without_pictures_no_file_is_opened(folder, monkeypatch):
    dls = load(folder)
    (folder/cats(folder, aside=True)[0].name).unlink()
    assert not found(dls, pictures=False)


def test_a_warning_once_and_only_for_problems(folder):
    dls = load(folder)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        dls.warn_of_problems()
    files = get_image_files(folder)
    shutil.copy(files[0], files[0].with_suffix('.jpg'))  # the same name with another ending, and it alone put aside
    files.append(files[0].with_suffix('.jpg'))
    aside = [i for i, file in enumerate(files) if file.name.startswith(('V_', 'v_')) and i] + [len(files) - 1]
    dls = ImageDataLoaders.from_lists(folder, files, [is_cat(file.name) for file in files], item_tfms=Resize(32), bs=4,
                                      valid_idx=aside)
    said = r'1 file name occurs in both sets.*dls\.check\(\) shows more'
    with pytest.warns(UserWarning, match=said): dls.warn_of_problems()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        dls.warn_of_problems()


def test_own_loaders_are_said_to_be_unseen():
    data = torch.utils.data.TensorDataset(torch.rand(20, 3, 8, 8), torch.arange(20) % 2)
    dls = DataLoaders(*[torch.utils.data.DataLoader(data, batch_size=5)]*2, vocab=['cat', 'dog'], device='cpu')
    result = found(dls)
    assert set(result) == {'steps', 'unseen'} and 'your own (DataLoader)' in result['unseen'].text
    assert 'hints' in repr(dls.check()) and 'unseen' in dls.check()._repr_html_()


def test_pictures_that_are_no_files(few_pets):
    images = [open_image(file) for file in get_image_files(few_pets)[:30]]
    labels = [i % 2 for i in range(30)]
    train, valid = (ImageDataset(images[part], labels[part], item_tfms=Resize(32))
                    for part in (slice(20), slice(19, None)))
    result = found(DataLoaders(DataLoader(train, 2), DataLoader(valid, 2)))
    assert result['leak'].groups == ((images[19], images[19]),)
    assert image_facts(images[0]).size == images[0].size and image_facts(np.zeros((2, 2))).error == ''
    assert 'ValueError' in image_facts(np.zeros((2, 2, 7))).error


def test_several_labels_and_numbers(few_pets):
    several = ImageDataLoaders.from_csv(few_pets, folder='images', label_col=['species', 'scene'], bs=8,
                                        item_tfms=Resize(32))
    result = several.check(progress=False)
    assert {'cat', 'dog'} < set(result.counts) and sum(result.counts['cat'] + result.counts['dog']) == 96
    sizes = [float(i) for i in range(96)]
    numbers = ImageDataLoaders.from_lists(few_pets, get_image_files(few_pets), sizes, item_tfms=Resize(32), bs=8)
    assert not numbers.check(progress=False).counts


def test_what_is_shown_is_text_and_pictures(folder):
    cat = cats(folder, aside=False)[0]
    strange = folder/'V_<b>copy.png' if os.name != 'nt' else folder/'V_copy.png'
    shutil.copy(cat, strange)
    result = load(folder).check(progress=False)
    said = result._repr_html_()
    assert '<b>copy' not in said and said.count('data:image/jpeg;base64,') == 2 and '✗ problem: leak' in said
    assert repr(result).splitlines()[-1].startswith('problem, leak: 1 image in both sets')
    assert result.problems == list(result.findings) and result.findings[0].files == [*result.findings[0].groups[0]]


def test_one_thread_and_several_find_the_same(folder):
    shutil.copy(cats(folder, aside=False)[0], folder/'V_copy.png')
    dls = load(folder)
    assert repr(dls.check(workers=1, progress=False)) == repr(dls.check(workers=3, progress=False))


def test_a_printed_finding_names_its_files():
    "The same photo in two classes, five times; a file that the text names is not named twice"
    pairs = tuple((Path(f'/photos/cat/{i}.jpg'), Path(f'/photos/dog/copy_{i}.jpg')) for i in range(5))
    shown = str(Finding('labels', '5 images with two labels', True, pairs))
    assert shown.endswith('(cat/0.jpg = dog/copy_0.jpg; cat/1.jpg = dog/copy_1.jpg; cat/2.jpg = dog/copy_2.jpg; ...)')
    assert str(Finding('unreadable', '1 file: 0.jpg', True, pairs[:1])).endswith('1 file: 0.jpg')
    escape = Path('/photos/cat/\x1b[2J.jpg')  # would clear a terminal
    assert str(Finding('copies', '1 image', groups=((escape,),))).endswith(r'(cat/\x1b[2J.jpg)')
    assert str(Finding('copies', '2 arrays', groups=((np.zeros(2), np.ones(2)),))) == 'hint, copies: 2 arrays'
