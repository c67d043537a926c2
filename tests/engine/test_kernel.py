"""The WebAssembly kernel, and what the engine computes by itself: hashes, random numbers, splits.

Members of the kind: the bytes are the source text assembled; a product against PyTorch; SHA-256 against hashlib at the
lengths where its padding changes; a split leaves one image of each class to learn from.
"""
import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_bytes_are_the_source(engine):
    "Assembled anew by wabt; the test is skipped where node does not find it"
    found = subprocess.run([engine.node, ROOT/'tools'/'kernel.mjs', '--print'], capture_output=True, text=True,
                           env=os.environ)
    if "Cannot find module 'wabt'" in found.stderr: pytest.skip('wabt: none was found; npm install --no-save wabt')
    assert found.returncode == 0, found.stderr
    script = (ROOT/'fastlearn'/'static'/'engine'/'kernel.js').read_text(encoding='utf-8')
    bytes_there = ''.join(re.findall(r"'([\w+/=]+)'", re.search(r'const KERNEL =([^;]*);', script)[1]))
    assert found.stdout.strip() == bytes_there


def test_the_bytes_are_webassembly(engine):
    "Even where wabt is missing: the module is valid, small, and offers the three loops of the source"
    source = (ROOT/'fastlearn'/'static'/'engine'/'kernel.wat').read_text(encoding='utf-8')
    names = re.findall(r'\(func \(export "(\w+)"\)', source)
    found = engine.run("""
        const bytes = Uint8Array.from(atob(KERNEL), letter => letter.charCodeAt(0));
        answer = { names: WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(one => one.name),
                   size: bytes.length };
    """)
    assert found['names'] == names and found['size'] < 2000


@pytest.mark.parametrize('length', [0, 1, 55, 56, 63, 64, 65, 1000, 100_000])
def test_sha256(engine, length):
    content = bytes(i*7 % 256 for i in range(length))
    (engine.folder/'content').write_bytes(content)
    found = engine.run("const all = readBytes('content'); answer = sha256([all.subarray(0, 10), all.subarray(10)]);")
    assert found == hashlib.sha256(content).hexdigest()


def test_splits_and_orders(engine):
    labels = [0]*20 + [1]*10 + [2]*2 + [3]
    found = engine.run("""
        const parts = split(asked, 0.2, randomFrom(7));
        answer = { ...parts, again: split(asked, 0.2, randomFrom(7)), other: split(asked, 0.2, randomFrom(8)) };
    """, labels)
    assert sorted(found['train'] + found['valid']) == list(range(len(labels)))
    assert found['again']['train'] == found['train'] and found['other']['train'] != found['train']
    assert [sum(labels[i] == c for i in found['valid']) for c in range(4)] == [4, 2, 1, 0]
    draws = engine.run("const random = randomFrom(3); answer = Array.from({ length: 20000 }, random);")
    assert 0 <= min(draws) and max(draws) < 1 and abs(sum(draws)/len(draws) - .5) < .01
