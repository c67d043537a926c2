"""The docs site in _build/site: `python tools/docs.py`, or `make docs`; --serve shows it in a browser.

Runs what has not run since it changed (tools/run_notebooks.py) and stops where a cell fails. Then docs/processing makes
pages of the executed notebooks, and Sphinx the site. With --executed the notebooks of the library and the course were
run before; with --draft nothing is run, failed cells are passed over, and what was never executed has no outputs.
"""
import argparse, functools, http.server, subprocess, sys, time
from pathlib import Path

from in_step import ROOT

DOCS, SITE, WORK = ROOT/'docs', ROOT/'_build'/'site', ROOT/'_build'/'docs'


def run_notebooks(executed: bool) -> bool:
    "Whether all cells passed, of all notebooks or of those of the docs alone"
    for paths in [sorted(DOCS.glob('*.ipynb'))] + ([] if executed else [[]]):
        if subprocess.run([sys.executable, ROOT/'tools'/'run_notebooks.py', *paths]).returncode: return False
    return True


def sphinx() -> int:
    command = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-j', '2', '-c', DOCS, '-d', WORK/'doctrees']
    return subprocess.run([*command, '-b', 'html', WORK/'source', SITE]).returncode


class Handler(http.server.SimpleHTTPRequestHandler):
    "Answers as a host of pages does: with 404.html where there is no file"
    def send_error(self, code: int, *args) -> None:
        page = Path(self.directory)/'404.html'
        if code != 404 or not page.exists(): super().send_error(code, *args); return
        content = page.read_bytes()
        self.send_response(code)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(content)


def serve(port: int) -> None:
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(('127.0.0.1', port), handler) as server:
        print(f'http://127.0.0.1:{port}, until Ctrl-C', flush=True)
        try: server.serve_forever()
        except KeyboardInterrupt: pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--executed', action='store_true', help='run only the notebooks of docs/')
    parser.add_argument('--draft', action='store_true', help='run nothing, take what there is')
    parser.add_argument('--serve', action='store_true', help='show the site that was built last')
    parser.add_argument('--port', type=int, default=8000)
    args = parser.parse_args()
    if args.serve: serve(args.port); return 0
    if not args.draft and not run_notebooks(args.executed): return 1
    sys.path.insert(0, str(DOCS))
    from processing.build import prepare
    start = time.perf_counter()
    if problems := prepare(ROOT, WORK, draft=args.draft):
        print(*problems, sep='\n')
        return 1
    prepared = time.perf_counter()
    print(f'pages prepared: {prepared - start:.0f} s', flush=True)
    if sphinx(): return 1
    from processing.finish import finish
    problems = finish(SITE, WORK)
    print(*problems, f'site in {SITE}: {time.perf_counter() - prepared:.0f} s', sep='\n')
    return bool(problems)


if __name__ == '__main__': sys.exit(main())
