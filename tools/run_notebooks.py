"""Run every notebook from the top, two at a time, the longest first, without network, and list what each one takes.

    python tools/run_notebooks.py [--fresh] [NOTEBOOK ...]

The executed notebooks are kept in _build/notebooks. One that passed runs again only when its text, the package or an
installed version has changed, or with --fresh. Seconds are those of the run, on the clock and of processor time.
"""
import argparse, contextlib, hashlib, json, multiprocessing, os, re, subprocess, sys, tempfile, time
from concurrent.futures import as_completed, ProcessPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

import nbformat
from in_step import ROOT, notebooks

OUT = ROOT/'_build'/'notebooks'
ALLOWED = 60  # seconds on the clock; more is marked in the table
WARM = str(ROOT/'tools'/'warm_kernel.py')
SLOW = Path(__file__).with_name('slow_notebooks.json')  # name -> processor seconds; a run of all, --fresh, writes it
BEFORE = f'''import sys
sys.path.insert(0, {str(ROOT/"tests"/"support")!r})
from no_network import block
block()
del sys.path[0], block, sys'''
AFTER = 'import os; print(sum(os.times()[:4]))'  # seconds of processor time of the kernel and its children


def inside(path: Path) -> Path:
    "The place of a notebook among the executed ones"
    return path.relative_to(ROOT/'nbs' if path.is_relative_to(ROOT/'nbs') else ROOT)


def surroundings() -> str:
    "A hash of what every notebook depends on: the package's files and the installed versions"
    files = sorted(path for path in (ROOT/'fastlearn').rglob('*') if path.is_file() and '__pycache__' not in path.parts)
    versions = sorted(f'{d.name}=={d.version}' for d in distributions())
    digest = hashlib.sha256(f'{sys.version}{versions}'.encode())
    for path in files: digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def kernels():
    "Name of the kernel to run notebooks with: on Linux one that is forked from a process with the libraries loaded"
    if sys.platform != 'linux': yield 'python3'; return
    with tempfile.TemporaryDirectory() as folder:
        socket, spec = Path(folder)/'socket', Path(folder)/'kernels'/'warm'/'kernel.json'
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({'argv': [sys.executable, '-S', WARM, 'start', str(socket), '{connection_file}'],
                                    'display_name': 'Python, libraries loaded', 'language': 'python'}))
        os.environ['JUPYTER_PATH'] = os.pathsep.join([folder, *filter(None, [os.environ.get('JUPYTER_PATH')])])
        warm = subprocess.Popen([sys.executable, WARM, 'serve', socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        try: yield 'warm' if warm.stdout.readline() == 'ready\n' else 'python3'
        finally: warm.kill(); warm.wait()


def execute(path: Path, kernel: str) -> dict:
    "One notebook in a kernel of its own: seconds, and the error if there was one"
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if re.search(r'^#\|\s*eval:\s*false', cell.source, re.M): cell.metadata.tags = ['skip-execution']
    notebook.cells = [nbformat.v4.new_code_cell(BEFORE), *notebook.cells, nbformat.v4.new_code_cell(AFTER)]
    if 'lessons' in path.parts or path.stem == 'index': os.environ['FASTLEARN_DASHBOARD'] = 'on'  # as a learner sees it
    resources = {'metadata': {'path': str(path.parent)}}
    quiet = ['--IPKernelApp.log_level=ERROR']
    def client(): return NotebookClient(notebook, timeout=600, kernel_name=kernel, resources=resources,
                                        extra_arguments=quiet)
    start, error = time.perf_counter(), None
    try:
        try: client().execute()
        except RuntimeError: client().execute()  # the kernel could not start: another one had taken its port meanwhile
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as e: error = str(e)
    seconds = time.perf_counter() - start
    first, *cells, last = notebook.cells
    notebook.cells = cells
    out = OUT/inside(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, out)
    if first.outputs and error: where = 'before the first cell'
    else: where = next((f'cell {i} ({cell.id})' for i, cell in enumerate(cells) if cell.cell_type == 'code' and any(
        output.output_type == 'error' for output in cell.outputs)), 'the cell that was running')
    return {'wall': seconds, 'cpu': None if error else float(last.outputs[0].text), 'error': error, 'where': where}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('notebooks', nargs='*', type=Path, help='paths; all by default')
    parser.add_argument('--fresh', action='store_true', help='run also what has passed and not changed')
    args = parser.parse_args()
    paths = [path.resolve() for path in args.notebooks] or notebooks()
    cores = os.cpu_count() or 1
    jobs = min(2, cores, len(paths))
    os.environ |= {'JUPYTER_PREFER_ENV_PATH': '1', 'OMP_NUM_THREADS': str(max(1, cores//2))}
    os.environ.setdefault('FASTLEARN_DASHBOARD', 'off')
    record = OUT/'record.json'
    known = json.loads(record.read_text()) if record.exists() else {}
    around = surroundings()
    keys = {path: hashlib.sha256(around.encode() + path.read_bytes()).hexdigest() for path in paths}
    name = {path: inside(path).as_posix() for path in paths}
    slow = json.loads(SLOW.read_text())
    def cost(path): return known.get(name[path], {}).get('cpu') or slow.get(name[path], 0)
    order = sorted(paths, key=cost, reverse=True)
    todo = [path for path in order if args.fresh or known.get(name[path], {}).get('key') != keys[path]]
    failed = []
    # a new process for each: what a client leaves behind ends with it
    context = multiprocessing.get_context('spawn' if sys.platform == 'win32' else 'forkserver')
    if sys.platform != 'win32': context.set_forkserver_preload(['nbclient', 'nbformat'])
    with kernels() as kernel, ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        futures = {pool.submit(execute, path, kernel): path for path in todo}
        for done, future in enumerate(as_completed(futures), 1):
            path, result = futures[future], future.result()
            outcome = 'failed' if result['error'] else 'passed'
            print(f"[{done}/{len(todo)}] {name[path]}: {outcome}, {result['wall']:.1f} s", flush=True)
            if result['error']: failed.append((name[path], result)); known.pop(name[path], None)
            else: known[name[path]] = {'key': keys[path], 'wall': result['wall'], 'cpu': result['cpu']}
            record.write_text(json.dumps(known, indent=1))
    rows = [(name[path], known[name[path]]) for path in paths if name[path] in known]
    if args.fresh and not args.notebooks and not failed:
        costs = {title: round(row['cpu']) for title, row in sorted(rows) if row['cpu'] >= 10}
        SLOW.write_text(json.dumps(costs, indent=1) + '\n', encoding='utf-8')
    print(f"\n{'notebook':34}{'clock s':>9}{'cpu s':>9}")
    for title, row in [*rows, ('together', {k: sum(row[k] for _, row in rows) for k in ('wall', 'cpu')})]:
        mark = f'  over {ALLOWED} s' if row['wall'] > ALLOWED and title != 'together' else ''
        print(f"{title:34}{row['wall']:9.1f}{row['cpu']:9.1f}{mark}")
    for title, result in failed:
        error = result['error'] if sys.stdout.isatty() else re.sub(r'\x1b\[[\d;]*m', '', result['error'])
        print(f"\nnbs/{title} failed in {result['where']}:\n{error}")
    print(f'\nnotebooks: {len(rows)} passed, {len(failed)} failed; {len(paths) - len(todo)} unchanged, not run again')
    return bool(failed)


if __name__ == '__main__': sys.exit(main())
