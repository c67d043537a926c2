"The engine in the page, run by node: its files as one module, tensors handed over as files"
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fastlearn.core.interactive import bundle, static
from safetensors.torch import load_file, save_file

NAMES = {'worker.js': 'serve', 'network.js': 'Network', 'state.js': 'State', 'lane.js': 'Lane, Team',
         'training.js': 'Run, batchesOf, evaluate', 'optimizer.js': 'Adam, oneCycle, fineTunePhases, fromScratchPhases',
         'random.js': 'randomFrom, shuffled, split', 'tensor_file.js': 'readTensors, writeModel, readModel',
         'sha256.js': 'sha256', 'kernel.js': 'KernelMemory', 'record.js': 'Recorder', 'resize.js': 'resizeTo',
         'findings.js': 'findProblems'}

HEAD = """
import { readFileSync, writeFileSync } from 'node:fs';
const folder = new URL('./', import.meta.url);
const readBytes = name => new Uint8Array(readFileSync(new URL(name, folder)));
const read = name => readTensors(readBytes(name)).tensors;
const asked = JSON.parse(readFileSync(new URL('asked.json', folder), 'utf8'));
"""


def find_node() -> str:
    "node, which runs the same engine as browsers; the tests are skipped where there is none"
    if not (found := os.environ.get('FASTLEARN_NODE') or shutil.which('node')): pytest.skip('node: none was found')
    return found


class Engine:
    "Runs scripts beside the engine, in a folder of their own"
    def __init__(self, folder: Path):
        self.folder, self.node = folder, find_node()

    def give(self, **files: dict) -> 'Engine':
        "Write tensors for the script: it gets each with `read(name)`"
        for name, tensors in files.items():
            save_file({key: value.contiguous() for key, value in tensors.items()}, self.folder/name)
        return self

    def run(self, script: str, asked: object = None) -> object:
        "What the script `answer`s, in JSON types; it sees all names of the engine, `asked`, and `read`"
        (self.folder/'asked.json').write_text(json.dumps(asked))
        text = HEAD + bundle('engine/worker.js', exports=False) + '\nlet answer = null;\n' + script
        text += "\nwriteFileSync(new URL('answer.json', folder), JSON.stringify(answer));\n"
        (self.folder/'script.mjs').write_text(text, encoding='utf-8')
        done = subprocess.run([self.node, self.folder/'script.mjs'], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads((self.folder/'answer.json').read_text())

    def tensors(self, name: str) -> dict: return load_file(self.folder/name)


@pytest.fixture
def engine(tmp_path) -> Engine: return Engine(tmp_path)


__all__ = ['engine', 'Engine', 'find_node', 'static']
