"Killed at any moment of saving: the file is the old one or the new one, never half of one, and a training run goes on"
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import killing
import pytest
from fastlearn.core.files import replacing

pytestmark = pytest.mark.counted
KILLS = int(os.environ.get('FASTLEARN_KILLS', 2))  # of each kind; 100 in `make test-long`
SEED = int(os.environ.get('FASTLEARN_KILLS_SEED', 1))
SUMMARY = Path(__file__).resolve().parents[2]/'_build'/'kills'/'summary.txt'


@pytest.fixture(scope='module')
def found(tmp_path_factory) -> dict[str, dict]:
    "What was found after each kind of saving; raises for the first file that is neither old nor new"
    folder = tmp_path_factory.mktemp('kills')
    SUMMARY.unlink(missing_ok=True)
    said = subprocess.run([sys.executable, killing.__file__, folder, str(KILLS), str(SEED)], text=True,
                          capture_output=True)
    assert said.returncode == 0, f'seed {SEED}: {said.stderr}'
    found = json.loads(said.stdout.splitlines()[-1])
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    halves = sum(one['left'] for one in found.values())
    SUMMARY.write_text(f'killed {KILLS} times during each of {", ".join(found)}, seed {SEED}: each time the old or the '
                       f'new file, whole; {halves} halves were left under other names, and removed\n', encoding='utf-8')
    return found


@pytest.mark.parametrize('name', killing.SAVERS)
def test_after_every_kill_the_file_is_the_old_or_the_new_one(found, name):
    assert found[name]['kills'] == KILLS <= found[name]['saves']
    assert 0 <= found[name]['left'] <= KILLS


def test_a_training_that_is_killed_again_and_again_ends_with_the_same_losses(found):
    assert found['checkpoints']['kills'] == KILLS and found['checkpoints']['runs'] >= 1
    if KILLS >= 50: assert sum(one['left'] for one in found.values()) > 0  # some have met a file that was being written


def test_what_a_killed_process_left_is_removed_when_nobody_writes_it(tmp_path):
    old, young = (tmp_path/f'.fastlearn-{digit*16}.part' for digit in '12')
    for part in old, young: part.write_bytes(b'half of a mod')
    os.utime(old, times=(time.time() - 3600 - 1,)*2)
    with replacing(tmp_path/'outer') as outer:
        partial, = [part for part in tmp_path.glob('.*.part') if part not in (old, young)]
        os.utime(partial, times=(time.time() - 3600 - 1,)*2)  # an hour without a byte, but still open
        subprocess.run([sys.executable, '-c', f'from fastlearn.core.files import replacing\n'
                        f'with replacing({str(tmp_path/"other")!r}) as file: file.write(b"other")'], check=True)
        outer.write(b'outer')
    assert (tmp_path/'outer').read_bytes() == b'outer' and (tmp_path/'other').read_bytes() == b'other'
    assert [*tmp_path.glob('.*.part')] == [young]
