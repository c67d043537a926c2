"Damaged pictures and files, by the hundred: each is read or refused with words, in 512 MB; nothing hangs or crashes"
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import fuzzing
import pytest

pytestmark = pytest.mark.counted
CASES = int(os.environ.get('FASTLEARN_FUZZ', 250))  # 20,000 in `make test-long`
KEPT = Path(__file__).resolve().parents[2]/'_build'/'fuzz'
FUZZING = [sys.executable, fuzzing.__file__]
DEATHS = 5                                # of workers, after which a run is given up


def silent_for(seconds: float) -> Callable[[float], bool]: return lambda silent: silent > seconds


def lines_of(process: subprocess.Popen, hangs: Callable[[float], bool]) -> Iterator[str]:
    "What a process says, line by line; it is killed when `hangs` says so, which gets the seconds of its silence"
    said = queue.Queue()
    def listen():
        for line in process.stdout: said.put(line)
        said.put(None)
    threading.Thread(target=listen, daemon=True).start()
    while True:
        silent = 0.
        while True:
            try: line = said.get(timeout=.1); break
            except queue.Empty: silent += .1
            if hangs(silent):
                process.kill()
                return
        if line is None: return
        yield line


def run_cases(command: list[str], count: int, folder: Path, hangs=silent_for(600)) -> list[dict]:
    "The results of all cases; where a worker dies or falls silent, that is the result of its case, and another goes on"
    results, number, deaths = [], 0, 0
    while number < count and deaths < DEATHS:
        with open(folder/'said.txt', 'a+', encoding='utf-8', errors='replace') as log:
            with subprocess.Popen([*command, str(number), str(count), str(folder)], stdout=subprocess.PIPE, stderr=log,
                                  text=True) as process:
                results += [json.loads(line) for line in lines_of(process, hangs)]
        number = results[-1]['number'] + 1 if results else 0
        if number == count: break
        file = next(iter(folder.glob(f'{number:06d}-*')), None)
        words = (folder/'said.txt').read_text(encoding='utf-8', errors='replace')[-2000:]
        results.append({'number': number, 'file': str(file), 'seconds': 0, 'megabytes': 0, 'picture': True,
                        'read': False, 'failure': f'the process ended with {process.returncode}: {words}'})
        number, deaths = number + 1, deaths + 1
    return results


def shares(results: list[dict]) -> dict[bool, float]:
    "How many of the files (False) and pictures (True) were read"
    return {kind: sum(one['read'] for one in results if one['picture'] == kind)
            /max(1, sum(one['picture'] == kind for one in results)) for kind in (False, True)}


def describe(results: list[dict]) -> str:
    read = shares(results)
    return (f'{len(results):,} damaged pictures and files, seed {fuzzing.SEED}: '
            f'{read[True]:.0%} of the pictures and {read[False]:.0%} of the files could still be read, the others were '
            f'refused with words, {sum(bool(one["failure"]) for one in results)} failed; '
            f'at most {max(one["seconds"] for one in results):.1f} s and '
            f'{max(one["megabytes"] for one in results):.0f} MB')


def explain(failed: list[dict]) -> str:
    "What failed, where the cases are kept, and how to run one again"
    KEPT.mkdir(parents=True, exist_ok=True)
    for one in failed:
        if Path(one['file']).is_file(): shutil.copy(one['file'], KEPT)
    lines = [f'{Path(one["file"]).name}: {one["failure"].strip().splitlines()[-1]}' for one in failed[:20]]
    return (f'{len(failed)} cases of seed {fuzzing.SEED} failed; they lie in {KEPT}, and one is run again by\n'
            f'FASTLEARN_FUZZ_SEED={fuzzing.SEED} python tests/fuzzing.py {failed[0]["number"]}\n'
            + '\n'.join([*lines, failed[0]['failure']]))


def test_whatever_is_damaged_is_read_or_refused_with_words(tmp_path):
    shutil.rmtree(KEPT, ignore_errors=True)
    results = run_cases(FUZZING, CASES, tmp_path)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT/'summary.txt').write_text(describe(results) + '\n', encoding='utf-8')
    if failed := [one for one in results if one['failure']]: pytest.fail(explain(failed), pytrace=False)
    assert [one['number'] for one in results] == list(range(CASES))
    if CASES >= 200: assert all(.1 < share < .7 for share in shares(results).values())  # neither too weak nor too hard


def test_a_case_is_known_by_its_number(tmp_path):
    bench = [fuzzing.Bench(tmp_path/name) for name in 'ab']
    made = [[one.make(number) for number in range(200)] for one in bench]
    assert made[0] == made[1] and len({content for _, content in made[0]}) > 195
    assert {name for name, _ in made[0]} >= {*bench[0].files}


STUB = '''
import json, os, sys, time
first, last, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for number in range(first, last):
    open(os.path.join(folder, f'{number:06d}-case.png'), 'w').close()
    if number == 3: os.abort()
    if number == 5: open(os.path.join(folder, 'hangs'), 'w').close(); time.sleep(600)
    print(json.dumps({'number': number, 'failure': None}), flush=True)
'''


def test_a_worker_that_dies_or_hangs_names_its_case(tmp_path):
    def hangs(silent):
        if hung := (tmp_path/'hangs').exists(): (tmp_path/'hangs').unlink()
        return hung
    results = run_cases([sys.executable, '-c', STUB], 8, tmp_path, hangs)
    assert [one['number'] for one in results] == list(range(8))
    failed = {one['number']: one for one in results if one['failure']}
    assert failed.keys() == {3, 5} and all(Path(one['file']).is_file() for one in failed.values())
    assert len(run_cases([sys.executable, '-c', 'raise SystemExit(3)'], 1000, tmp_path)) == DEATHS
