"What the benchmarks share: the machine in words, splits as file lists, a run in its own process, results on disk."
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent/'shared'/'data'  # real photos and weights, beside the checkout where there are any
RESULTS = HERE/'results'
T95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
       1.740, 1.734, 1.729)  # Student's t, 95 % of it below, for 1 to 19 degrees of freedom


def present(name: str, *paths: Path) -> bool:
    "Whether all `paths` are there; if not, say which benchmark is skipped and why"
    missing = [str(path) for path in paths if not path.exists()]
    if missing: print(f'SKIPPED {name}: found no {", no ".join(missing)}; '
                      'give the place of the data with the options that --help lists', file=sys.stderr)
    return not missing


def split(folder: Path, seed: int, valid_pct: float = .2) -> dict[str, list[str]]:
    "The images of `folder/class/`, shuffled by `seed` alone: absolute file names for 'train' and 'valid'"
    kinds = {'.jpg', '.jpeg', '.png'}
    files = sorted(str(path) for path in folder.resolve().glob('*/*') if path.suffix.lower() in kinds)
    random.Random(seed).shuffle(files)
    n_valid = int(valid_pct*len(files))
    return {'train': files[n_valid:], 'valid': files[:n_valid]}


def run(python: Path | str, script: Path, job: dict) -> dict:
    "`script` on `job` in a process of its own: the dictionary it writes"
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder)/'job.json', Path(folder)/'result.json'
        asked.write_text(json.dumps(job))
        done = subprocess.run([python, script, asked, answer], capture_output=True, text=True,
                              env={**os.environ, 'FASTLEARN_DASHBOARD': 'off'})
        if done.returncode: raise RuntimeError(f'{script.name} ended with {done.returncode}:\n{done.stderr[-3000:]}')
        return json.loads(answer.read_text())


def upper_bound(differences: list[float]) -> float:
    "One-sided 95 % bound on the mean of paired `differences` (Student's t); nan outside of 2 to 20"
    n = len(differences)
    if not 2 <= n <= len(T95) + 1: return math.nan
    return statistics.mean(differences) + T95[n - 2]*statistics.stdev(differences)/math.sqrt(n)


def machine() -> dict:
    "Processor, cores, memory, system, versions and date, as far as this system tells"
    processor = platform.processor() or platform.machine()
    flags, memory = '', None
    if (cpu := Path('/proc/cpuinfo')).exists():
        lines = dict(line.split(':', 1) for line in cpu.read_text().splitlines() if ':' in line)
        lines = {key.strip(): value.strip() for key, value in lines.items()}
        processor, flags = lines.get('model name', processor), lines.get('flags', '')
        memory = round(os.sysconf('SC_PAGE_SIZE')*os.sysconf('SC_PHYS_PAGES')/2**30, 1)
    return {'processor': processor, 'cores': os.cpu_count(), 'memory_gib': memory, 'system': platform.platform(),
            'bf16': [f for f in ('avx512_bf16', 'amx_bf16') if f in flags.split()], 'python': platform.python_version(),
            'date': datetime.now(timezone.utc).isoformat(timespec='seconds')}


def load() -> float | None:
    "Processes that want a processor now, averaged over a minute: above the number of cores, times mean little"
    return round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else None


def save(name: str, record: dict) -> Path:
    "Write `record` to benchmarks/results/, one file for each day and benchmark"
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS/f'{name}-{record["machine"]["date"][:10]}.json'
    path.write_text(json.dumps(record, indent=1) + '\n')
    return path
