"Cleaning the data: the worst first, marks and lists, files that move only when told to, and the page in Chromium"
import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from browsing import watched_page
from fastlearn.all import ImageDataLoaders, Resize, resnet10, vision_learner
from fastlearn.core.interactive import bundle
from fastlearn.data.dataloaders import DataLoaders
from fastlearn.data.dataset import get_image_files
from fastlearn.interpret.cleaner import (
    _mark, _Move, _save_changes, _widget_class, apply_changes, Change, correct_labels, ImageClassifierCleaner, Moves,
    read_changes,
)


@pytest.fixture
def folder(few_pets, tmp_path) -> Path:
    "The 96 pictures in folders that are called like their labels"
    for file in get_image_files(few_pets):
        place = tmp_path/'pets'/('cat' if file.name[0].isupper() else 'dog')
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place/file.name)
    return tmp_path/'pets'


@pytest.fixture
def cleaner(folder):
    dls = ImageDataLoaders.from_folder(folder, valid_pct=.25, seed=1, item_tfms=Resize(32), bs=16)
    return ImageClassifierCleaner(vision_learner(dls, resnet10), most=5)


# --- marks ---

def test_the_worst_of_a_class_come_first(cleaner):
    for part, total in (('train', 72), ('valid', 24)):
        interp, all_of_them = cleaner.interps[part], []
        for label in ('cat', 'dog'):
            worst = cleaner.worst(part, label)
            assert {cleaner.label(part, i) for i in worst} == {label}
            assert {cleaner.path(part, i).parent.name for i in worst} == {label}
            losses = interp.losses[worst]
            assert torch.equal(losses, losses.sort(descending=True).values)
            all_of_them += worst
        assert sorted(all_of_them) == list(range(total))


def test_marks_become_changes_and_can_be_taken_back(cleaner):
    cat, dog = cleaner.worst('train', 'cat')[0], cleaner.worst('valid', 'dog')[0]
    cleaner.remove('valid', dog)
    cleaner.relabel('train', cat, 'dog')
    assert cleaner.changes() == [Change(cleaner.path('train', cat), 'cat', 'relabel', 'dog'),
                                 Change(cleaner.path('valid', dog), 'dog', 'remove')]
    assert repr(cleaner) == '1 to relabel, 1 to remove, of 96 images'
    cleaner.relabel('train', cat, 'cat')                       # its own label
    cleaner.keep('valid', dog)
    assert cleaner.changes() == []
    with pytest.raises(ValueError, match="the label 'owl' is not one of the 2 classes"):
        cleaner.relabel('train', cat, 'owl')


def test_a_class_may_be_called_remove(few_pets):
    files = get_image_files(few_pets)
    labels = ['remove' if file.name[0].isupper() else 'keep' for file in files]
    dls = ImageDataLoaders.from_lists(few_pets, files, labels, seed=1, item_tfms=Resize(32), bs=16)
    cleaner = ImageClassifierCleaner(vision_learner(dls, resnet10))
    one = cleaner.worst('train', 'keep')[0]
    cleaner.take_marks({f'train:{one}': cleaner.label_spec.vocab.index('remove')})
    assert cleaner.changes() == [Change(cleaner.path('train', one), 'keep', 'relabel', 'remove')]


def test_what_it_does_not_know_it_says(few_pets):
    data = torch.utils.data.TensorDataset(torch.rand(20, 3, 32, 32), torch.arange(20) % 2)
    dls = DataLoaders(*[torch.utils.data.DataLoader(data, batch_size=5)]*2, vocab=['cat', 'dog'], device='cpu')
    with pytest.raises(TypeError, match=r'needs fastlearn DataLoaders, because .*file of each image; found DataLoader'):
        ImageClassifierCleaner(vision_learner(dls, resnet10))
    several = ImageDataLoaders.from_csv(few_pets, folder='images', label_col=['species', 'scene'], item_tfms=Resize(32),
                                        bs=16)
    with pytest.raises(ValueError, match='the cleaner needs one class per image'):
        ImageClassifierCleaner(vision_learner(several, resnet10))
    with pytest.raises(ValueError, match="action is 'move' for a.png; expected 'relabel' or 'remove'"):
        Change('a.png', 'cat', 'move')


# --- the list ---

def test_the_list_comes_back_from_its_file(cleaner, tmp_path):
    cleaner.relabel('train', 0, 'dog' if cleaner.label('train', 0) == 'cat' else 'cat')
    cleaner.remove('valid', 3)
    file = cleaner.save(tmp_path/'changes.csv')
    assert file.read_text().splitlines()[0] == 'path,was,action,becomes' and read_changes(file) == cleaner.changes()
    _save_changes([], file)
    assert read_changes(file) == [] and [one.name for one in tmp_path.glob('*.csv')] == ['changes.csv']


@pytest.mark.parametrize('name', ['a, b.png', 'quote".png', 'žluť.png', '=1+1.png'])
def test_strange_names_survive_the_file(tmp_path, name):
    changes = [Change(Path(name), 'a,b', 'relabel', 'c"d')]
    assert read_changes(_save_changes(changes, tmp_path/'c.csv')) == changes


def test_another_table_is_refused(tmp_path):
    (tmp_path/'labels.csv').write_text('name,label\na.png,cat\n')
    said = "is not a list of changes: it lacks the columns 'action', 'becomes', 'path', 'was'"
    with pytest.raises(ValueError, match=said): read_changes(tmp_path/'labels.csv')


def test_labels_are_corrected_without_touching_a_file(tmp_path):
    files, labels = [Path(f'{i}.png') for i in range(4)], [True, False, True, False]
    changes = [Change('0.png', 'True', 'relabel', 'False'), Change('3.png', 'False', 'remove')]
    assert correct_labels(files, labels, changes) == (files[:3], [False, False, True])
    assert correct_labels(files, labels, []) == (files, labels)
    assert correct_labels(files, ['a']*4, [Change('1.png', 'a', 'relabel', 'new')])[1] == ['a', 'new', 'a', 'a']
    said = 'none of the 1 changes is about one of these 4 files: the first change is about x.0.png'
    with pytest.raises(ValueError, match=said): correct_labels(files, labels, [Change('x/0.png', 'a', 'remove')])


# --- files ---

def tree(folder: Path) -> dict[str, bytes]:
    files = [file for file in sorted(folder.rglob('*')) if file.is_file() and not file.name.startswith('.fastlearn')]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def some_changes(folder: Path) -> list[Change]:
    cats, dogs = (sorted((folder/name).glob('*.webp')) for name in ('cat', 'dog'))
    return [Change(cats[0], 'cat', 'relabel', 'dog'), Change(dogs[0], 'dog', 'remove'),
            Change(cats[1], 'cat', 'relabel', 'owl')]


def test_nothing_moves_unless_told(folder):
    before, changes = tree(folder), some_changes(folder)
    planned = apply_changes(changes)
    assert tree(folder) == before and not planned.is_done
    assert '3 of 3 files would be moved; nothing was done yet' in repr(planned)
    with pytest.raises(ValueError, match='these moves were only planned, so there is nothing to undo'): planned.undo()


def test_moves_are_done_and_undone(folder):
    before, changes = tree(folder), some_changes(folder)
    done = apply_changes(changes, dry_run=False)
    names = [change.path.name for change in changes]
    assert [move.target.relative_to(folder).as_posix() for move in done] == \
        [f'dog/{names[0]}', f'dog/.removed/{names[1]}', f'owl/{names[2]}']
    assert sorted(tree(folder).values()) == sorted(before.values())  # nothing was deleted
    assert len(get_image_files(folder)) == len(before) - 1           # the removed one is passed over
    done.undo()
    assert tree(folder) == before


def test_a_name_that_is_taken_gets_a_number(folder):
    first = sorted((folder/'cat').glob('*.webp'))[0]
    (folder/'owl').mkdir()
    shutil.copy(first, folder/'owl'/first.name)
    shutil.copy(sorted((folder/'dog').glob('*.webp'))[0], folder/'dog'/first.name)
    before = sorted(tree(folder).values())
    changes = [Change(folder/name/first.name, name, 'relabel', 'owl') for name in ('cat', 'dog')]
    targets = [f'{first.stem}_2.webp', f'{first.stem}_3.webp']
    for dry_run in (True, False): assert [move.target.name for move in apply_changes(changes, dry_run)] == targets
    assert sorted(tree(folder).values()) == before


@pytest.mark.parametrize('label', ['../outside', '..', '.', '', 'a/b'])
def test_a_label_that_is_no_folder_name_moves_nothing(folder, label):
    before = tree(folder.parent)
    move, = apply_changes([Change(sorted((folder/'cat').glob('*.webp'))[0], 'cat', 'relabel', label)], dry_run=False)
    assert move.target is None and 'is not a valid folder name' in str(move) and tree(folder.parent) == before


def test_files_that_stay_say_why(folder):
    cat = sorted((folder/'cat').glob('*.webp'))[0]
    changes = [Change(cat, True, 'relabel', False), Change(folder/'gone.png', 'cat', 'remove')]
    said = [str(move) for move in apply_changes(changes, dry_run=False)]
    assert 'its label True is not the name of its folder (cat); use correct_labels(files, labels, changes)' in said[0]
    assert 'the file does not exist; was it moved before?' in said[1]
    (folder/'cat'/'.removed').touch()                                # a file where the folder should be
    move, = apply_changes([Change(cat, 'cat', 'remove')], dry_run=False)
    assert move.target is None and cat.exists()


def test_applied_from_the_file(folder, tmp_path):
    file = _save_changes(some_changes(folder), tmp_path/'changes.csv')
    assert [move.target for move in apply_changes(file, dry_run=False,
    folder=folder)] and len(list((folder/'owl').glob('*.webp'))) == 1


# --- moves that a stranger, a kill or a newer file must not turn into a loss ---

def moved_back(folder: Path, done: Moves, before: dict[str, bytes]) -> None:
    done.undo()
    assert tree(folder) == before and not done.is_done


def test_undo_destroys_no_file_that_came_since(folder):
    before, done = tree(folder), apply_changes(some_changes(folder), dry_run=False)
    first = done[0].source
    first.write_bytes(b'a new photo')
    with pytest.raises(OSError,
    match=r'1 of 3 files stay where they are: .* was created since.*call undo\(\) again'): done.undo()
    assert first.read_bytes() == b'a new photo' and done[0].target.exists() and done[1].source.exists()
    first.unlink()
    moved_back(folder, done, before)


def test_undo_goes_on_where_a_file_is_missing(folder):
    done = apply_changes(some_changes(folder), dry_run=False)
    done[1].target.unlink()
    for _ in range(2):
        with pytest.raises(OSError, match='1 of 3 files stay .* no longer exists'): done.undo()
    assert done[0].source.exists() and done[2].source.exists()


def test_undo_moves_no_other_file_that_has_the_name_by_now(folder):
    done = apply_changes(some_changes(folder), dry_run=False)
    done[0].target.write_bytes(b'another photo')
    with pytest.raises(OSError, match='has changed since'): done.undo()
    assert done[0].target.read_bytes() == b'another photo' and not done[0].source.exists()


def test_moves_are_undone_in_another_session(folder):
    before = tree(folder)
    apply_changes(some_changes(folder), dry_run=False, folder=folder)
    apply_changes([Change(sorted((folder/'dog').glob('*.webp'))[-1], 'dog', 'remove')], dry_run=False, folder=folder)
    assert len(list(folder.glob('.fastlearn-moves-*.json'))) == 2
    assert len(Moves.of(folder)) == 1     # the last one first
    for _ in range(2): Moves.of(folder).undo()
    assert tree(folder) == before and not list(folder.glob('.fast*'))
    with pytest.raises(ValueError, match='no journal of moves to undo'): Moves.of(folder)


@pytest.mark.parametrize('call', range(12))
@pytest.mark.parametrize('how', [KeyboardInterrupt, OSError])
def test_a_stop_at_any_call_can_be_gone_back_over(folder, monkeypatch, call, how):
    "Every call that makes, links, removes or renames a name, one after the other"
    before, count = tree(folder), iter(range(1000))
    for name in 'link', 'unlink', 'rename', 'mkdir', 'replace', 'symlink':
        def fails(*args, real=getattr(os, name), **options):
            if next(count) == call: raise how(5, 'Input/output error')
            return real(*args, **options)
        monkeypatch.setattr(os, name, fails)
    try: apply_changes(some_changes(folder), dry_run=False, folder=folder)
    except how: pass
    monkeypatch.undo()
    assert set(tree(folder).values()) == set(before.values())
    with contextlib.suppress(ValueError): Moves.of(folder).undo()
    assert tree(folder) == before


def test_a_rename_never_replaces(folder, monkeypatch):
    "Also where the file comes between the look and the move, and where a disk knows no second names"
    source = sorted((folder/'cat').glob('*.webp'))[0]
    def no_links(*args, **options): raise OSError(errno.EPERM, 'no links here')
    for patch in (lambda: None, lambda: monkeypatch.setattr(os, 'link', no_links)):
        patch()
        (target := folder/'dog'/source.name).write_bytes(b'came in between')
        monkeypatch.setattr('fastlearn.interpret.cleaner._plan_move', lambda *args: _Move(source, target,
        mark=_mark(source)))
        move, = apply_changes([Change(source, 'cat', 'relabel', 'dog')], dry_run=False)
        assert move.target is None and source.exists() and target.read_bytes() == b'came in between'
        target.unlink()
        move, = apply_changes([Change(source, 'cat', 'relabel', 'dog')], dry_run=False)
        assert move.target == target and target.exists() and not source.exists()
        os.rename(target, source)


@pytest.mark.skipif(os.name == 'nt', reason='links need rights there')
@pytest.mark.parametrize('label', ['remove', 'dog'])
def test_links_go_on_leading_to_their_picture(folder, label):
    cat = sorted((folder/'cat').glob('*.webp'))[0]
    (folder/'originals').mkdir()
    os.rename(cat, original := folder/'originals'/cat.name)
    cat.symlink_to(f'../originals/{cat.name}')
    done = apply_changes([Change(cat, 'cat', 'remove') if label == 'remove' else Change(cat, 'cat', 'relabel', label)],
                         dry_run=False)
    assert done[0].target.resolve() == original and not os.path.lexists(cat)
    done.undo()
    assert os.readlink(cat) == f'../originals/{cat.name}' and original.exists()


def test_a_strangers_list_moves_nothing_outside_of_the_folder(folder, tmp_path):
    """Members tried: absolute paths, .., the folder's own level, links to folders outside on the way and as a target,
    a label
    that leaves, hidden and reserved names, NUL, the same file twice"""
    outside = tmp_path/'outside'/'cat'
    outside.mkdir(parents=True)
    (outside/'key.png').write_bytes(b'secret')
    (folder/'top.png').write_bytes(b'top')
    cat = sorted((folder/'cat').glob('*.webp'))[0]
    (folder/'way').symlink_to(tmp_path/'outside')
    (folder/'elsewhere').symlink_to(tmp_path/'outside')
    before = tree(tmp_path)
    rows = [Change(outside/'key.png', 'cat', 'remove'), Change(outside/'key.png', 'cat', 'relabel', 'dog'),
            Change(folder/'..'/'outside'/'cat'/'key.png', 'cat', 'remove'), Change('/etc/passwd', 'etc', 'remove'),
            Change(folder/'way'/'cat'/'key.png', 'cat', 'relabel', 'x'), Change(cat, 'cat', 'relabel', 'elsewhere'),
            Change(folder/'top.png', folder.name, 'relabel', 'x'),
            *(Change(cat, 'cat', 'relabel', label) for label in ('.ssh', '.', '..', 'a\\b', 'C:x', 'a\0', ' a', 'a '))]
    said = apply_changes(_save_changes(rows, tmp_path/'changes.csv'), dry_run=False, folder=folder)
    (tmp_path/'changes.csv').unlink()
    assert not [move for move in said if move.target] and tree(tmp_path) == before
    twice = apply_changes([Change(cat, 'cat', 'remove')]*2, dry_run=False, folder=folder)
    assert 'it is in the list twice' in str(twice[1]) and twice[0].target.exists()
    with pytest.raises(ValueError, match='pass the folder that holds them'): apply_changes(tmp_path/'changes.csv')


@pytest.mark.parametrize('content', [
    '[["../outside/cat/key.png", "cat/x.png", 6, 1]]', '[["cat/x", "/etc/passwd", 1, 1]]', '[[1, 2, 3, 4]]', '{}x',
    '[["a"]]', 'null'])
def test_a_strangers_journal_moves_nothing(folder, tmp_path, content):
    (tmp_path/'outside'/'cat').mkdir(parents=True)
    (tmp_path/'outside'/'cat'/'key.png').write_bytes(b'secret')
    (folder/'.fastlearn-moves-7.json').write_text(content)
    before = tree(tmp_path)
    with pytest.raises(ValueError, match='outside |is corrupt'): Moves.of(folder).undo()
    assert tree(tmp_path) == before


def test_names_reach_the_terminal_as_text(folder):
    assert '\x1b' not in str(_Move(Path('\x1b]0;own\x07.png'), None, 'a\rb')) and '\r' not in str(_Move(Path('a'),
None, 'a\rb'))


@pytest.mark.parametrize('name', ['=1+1.png', '-x.png', "'=1.png", '@a', '\tx', 'a\rb.png', '\udce9.png'])
def test_a_spreadsheet_computes_nothing_and_the_list_comes_back(tmp_path, name):
    changes = [Change(Path(name), '=1', 'relabel', '+1+x')]
    file = _save_changes(changes, tmp_path/'c.csv')
    assert read_changes(file) == changes
    assert not re.search(rb'(^|,)"?[=+@-]', file.read_bytes(), re.M)


# --- the page ---

def test_importing_needs_no_widget_library():
    code = '''import sys, fastlearn.interpret.cleaner
print([m for m in ('ipywidgets', 'anywidget', 'IPython') if m in sys.modules])'''
    said = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == '[]'


def test_the_widget_talks_with_the_cleaner(cleaner):
    widget = cleaner.widget
    assert isinstance(widget, _widget_class()) and widget is cleaner.widget and len(widget.pictures) == 5
    worst = cleaner.worst('valid', 'dog')
    widget.shown = {'part': 'valid', 'label': 1, 'most': 7}
    assert [picture['key'] for picture in widget.pictures] == [f'valid:{i}' for i in worst[:7]]
    widget.marks = {f'valid:{worst[0]}': 0, f'valid:{worst[1]}': 'remove'}
    assert {(change.action, change.becomes) for change in cleaner.changes()} == {('relabel', 'cat'), ('remove', None)}
    widget.close()


def test_without_a_kernel_there_is_a_still(cleaner):
    said = cleaner._repr_mimebundle_()
    assert set(said) == {'text/plain', 'text/html'} and said['text/html'].count('<img') == 16


MODEL = '''
window.model = state => ({
    values: { ...state }, heard: {}, saved: 0,
    get(name) { return this.values[name]; },
    set(name, value) { this.values[name] = value; this.heard[`change:${name}`]?.(); },
    save_changes() { this.saved++; },
    on(event, call) { this.heard[event] = call; },
    off(event) { delete this.heard[event]; },
});
'''


def test_the_page_marks_and_asks_for_others(chromium, cleaner):
    names = [cleaner.path('train', i).name for i in cleaner.worst('train', 'cat')]
    with watched_page(chromium, viewport={'width': 400, 'height': 900}, color_scheme='dark') as page:
        page.add_script_tag(content=bundle('interpret/cleaner.js', exports=False) + MODEL)
        page.evaluate('''state => {
            window.m = model(state);
            window.end = renderCleaner({ model: m, el: document.body });
        }''', cleaner.state({'part': 'train', 'label': 0, 'most': 5}))
        assert page.locator('.fl-suspect').count() == 5
        count = len(names)
        assert page.get_by_text(f'5 of {count} images labeled cat').is_visible()
        page.get_by_label(f'Action for {names[0]}').select_option(label='→ dog')
        page.get_by_label(f'Action for {names[1]}').select_option('remove')
        assert page.get_by_role('status').inner_text() == '1 to relabel, 1 to remove'
        cleaner.take_marks(page.evaluate('m.get("marks")'))
        assert {(change.path.name, change.action, change.becomes) for change in cleaner.changes()} == {
            (names[0], 'relabel', 'dog'), (names[1], 'remove', None)}
        page.get_by_label(f'Action for {names[0]}').select_option('keep')
        assert page.get_by_role('status').inner_text() == '0 to relabel, 1 to remove'
        page.get_by_role('button', name='Show more images').click()
        assert page.evaluate('m.get("shown")') == {'part': 'train', 'label': 0, 'most': 10}
        page.get_by_role('button', name='validation set').click()
        assert page.evaluate('m.get("shown")') == {'part': 'valid', 'label': 0, 'most': 5}
        others = cleaner.state({'part': 'valid', 'label': 0, 'most': 3})['pictures']
        page.evaluate('pictures => m.set("pictures", pictures)', others)
        assert page.locator('.fl-suspect').count() == 3
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
        page.evaluate('end()')
        assert not page.evaluate('Object.keys(m.heard).length') and not page.locator('.fl-cleaner').count()


@pytest.mark.parametrize('content', ['['*100_000, '[["a", "b", 1e999, 1]]', 'null', '5', '[[1, 2, 3, 4]]', '', '\0'])
def test_a_damaged_journal_is_named(content, tmp_path):
    (tmp_path/'.fastlearn-moves-1.json').write_text(content)
    with pytest.raises(ValueError, match='is corrupt, so the files have to be moved back by hand'): Moves.of(tmp_path)


@pytest.mark.skipif(os.name == 'nt', reason='pipes as POSIX has them')
def test_a_journal_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path/'.fastlearn-moves-1.json')
    with pytest.raises(ValueError, match='no journal of moves to undo'): Moves.of(tmp_path)
