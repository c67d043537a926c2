"""One side of a comparison in a process of its own: python benchmarks/side.py MODULE.FUNCTION job.json result.json

Runs in the environment of that side, which may lack fastlearn, so only the standard library is imported here.
"""
import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent


def peak_memory() -> float | None:
    "GiB of main memory that this process held at its largest; of what its workers held, only what they share with it"
    if (status := Path('/proc/self/status')).exists():  # getrusage would count what the caller held before the start
        line = next(line for line in status.read_text().splitlines() if line.startswith('VmHWM'))
        return int(line.split()[1])/2**20
    try: import resource
    except ImportError: return None                     # Windows
    unit = 2**30 if sys.platform == 'darwin' else 2**20  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/unit


def processor_seconds() -> float:
    "That this process and its workers worked, all threads together; workers count once they have ended"
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@contextlib.contextmanager
def timed(times: dict) -> Iterator[dict]:
    "Note 'seconds' of the clock and 'cpu_seconds' of the block in `times`"
    began, worked = time.perf_counter(), processor_seconds()
    yield times
    times |= {'seconds': time.perf_counter() - began, 'cpu_seconds': processor_seconds() - worked}


def import_torchvision():
    "torchvision; beside a torch without its operators, two schemas that nothing here calls are declared first"
    try: return importlib.import_module('torchvision')
    except RuntimeError as error:
        if 'torchvision::' not in str(error): raise
    import torch
    for name in 'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor', \
                'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor':
        with contextlib.suppress(RuntimeError):
            torch.library.define('torchvision::' + name.split('(')[0], name[name.index('('):])
    for name in [one for one in sys.modules if one.split('.')[0] == 'torchvision']: del sys.modules[name]
    return importlib.import_module('torchvision')


def versions(*names: str) -> dict[str, str]:
    from importlib.metadata import version
    return {name: version(name) for name in names}


def main(side: str, asked: Path, answer: Path) -> None:
    sys.path[:0] = [str(HERE), str(HERE.parent)]        # a peer's environment has no fastlearn
    module, function = side.split('.')
    found = getattr(importlib.import_module(f'sides.{module}'), function)(json.loads(asked.read_text()))
    if 'torch' in sys.modules: found['threads'] = sys.modules['torch'].get_num_threads()
    answer.write_text(json.dumps(found | {'peak_gib': peak_memory()}))


if __name__ == '__main__': main(sys.argv[1], *map(Path, sys.argv[2:]))
