"For tests in a real browser: one Chromium for each module, pages that are watched, JupyterLab, and its notebooks"
import contextlib
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]/'tools'))
from browser import find_browser  # noqa: E402
from run_notebooks import WARM  # noqa: E402

LIMIT = 600_000  # milliseconds, against what hangs; everything happens within seconds, but machines are shared
ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync']


@pytest.fixture(scope='module')
def chromium():
    "A browser without a window; closed after the module, since Playwright's event loop would disturb other tests"
    path = find_browser()
    if not path: pytest.skip('browser: none was found; python tools/browser.py installs one')
    with (launch := pytest.importorskip('playwright.sync_api').sync_playwright)() as playwright:
        assert launch
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


# --- pages ---

FRAMES = """(() => {
    const waiting = new Set(), { requestAnimationFrame: ask, cancelAnimationFrame: cancel } = window;
    window.requestAnimationFrame = call => {
        const id = ask.call(window, time => { waiting.delete(id); call(time); });
        waiting.add(id);
        return id;
    };
    window.cancelAnimationFrame = id => { waiting.delete(id); cancel.call(window, id); };
    window.untilDrawn = async () => {
        for (let frame = 0; frame < 2 || waiting.size && frame < 100; frame++) await new Promise(
            done => ask.call(window, done));
    };
})()"""


def drawn(page) -> None:
    "Until nothing waits for an animation frame any more: on a busy machine a dashboard needs one for each of its parts"
    page.evaluate('window.untilDrawn()')


@contextlib.contextmanager
def watched_page(chromium, **options) -> Iterator:
    "A page of its own; that nothing failed in it and nothing left this machine is checked when it is left"
    options = {'viewport': {'width': 1280, 'height': 1700}, 'reduced_motion': 'no-preference'} | options
    context = chromium.new_context(**options)
    context.set_default_timeout(LIMIT)
    context.add_init_script(FRAMES)
    page, page.problems = (opened := context.new_page()), []
    assert opened
    page.on('pageerror', lambda error: page.problems.append(f'page error: {error}'))
    page.on('console', lambda said: page.problems.append(f'console: {said.text}') if said.type == 'error' else None)
    page.on('request', lambda request: page.problems.append(f'request: {request.url}') if leaves(request.url) else None)
    try:
        yield page
        if not page.is_closed(): assert not page.get_by_text('Error displaying widget').count()
        assert not page.problems
    finally: context.close()


def leaves(url: str) -> bool:
    "Whether a request goes to another machine"
    scheme, _, rest = url.partition('://')
    return scheme in ('http', 'https', 'ws', 'wss') and not rest.startswith(('127.0.0.1:', 'localhost:'))


def axe_findings(page) -> list:
    "What axe-core finds serious or critical in a page that was opened with `bypass_csp`"
    axe = Path(__file__).resolve().parents[2]/'docs'/'vendor'/'axe-core'/'axe.min.js.gz'
    page.add_script_tag(content=gzip.decompress(axe.read_bytes()).decode())
    found = page.evaluate('axe.run(document, { resultTypes: ["violations"] })')
    return [(one['id'], one['help'], [node['html'][:160] for node in one['nodes'][:3]], len(one['nodes']))
            for one in found['violations'] if one['impact'] in ('serious', 'critical')]


def small_targets(page, but: str = '') -> list:
    "Controls that a finger would miss: less than 44 pixels in height or width, except those that match `but`"
    return page.evaluate("""but => {
        const roots = [...document.querySelectorAll('*')].map(one => one.shadowRoot).filter(Boolean);
        const all = roots.flatMap(root => [...root.querySelectorAll('button, input:not([hidden]), select, summary')]);
        const seen = all.filter(one => one.checkVisibility() && !(but && one.matches(but)));
        return seen.map(one => [one.getAttribute('aria-label') || one.textContent, one.getBoundingClientRect()])
            .filter(([, { width, height }]) => Math.min(width, height) < 43.9)
            .map(([name, { width, height }]) => `${name}: ${width} x ${height}`);
    }""", but)


PHONE = {'viewport': {'width': 390, 'height': 844}, 'has_touch': True, 'is_mobile': True}


@pytest.fixture
def page(chromium) -> Iterator:
    with watched_page(chromium) as page: yield page


# --- JupyterLab ---

class Lab:
    "A running server, as a learner starts it, with folders of its own for everything"
    def __init__(self, folder: Path, root: Path):
        self.folder, self.root, self.process, self.warm = folder, root, None, None
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.url = f'http://127.0.0.1:{probe.getsockname()[1]}'

    def start(self) -> 'Lab':
        config = self.folder/'config'/'labconfig'
        config.mkdir(parents=True)
        news = {'disabledExtensions': {'@jupyterlab/apputils-extension:announcements': True}}
        (config/'page_config.json').write_text(json.dumps(news))
        folders = {'JUPYTER_CONFIG_DIR': 'config', 'JUPYTER_DATA_DIR': 'data', 'JUPYTER_RUNTIME_DIR': 'runtime',
                   'IPYTHONDIR': 'ipython'}
        environment = os.environ | {name: str(self.folder/folder) for name, folder in folders.items()}
        environment |= {'JUPYTER_PREFER_ENV_PATH': '1', 'FASTLEARN_DASHBOARD': 'auto', 'OMP_NUM_THREADS': '1'}
        if sys.platform == 'linux': self.start_warm(environment)
        command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', '--ip=127.0.0.1',
                   f'--port={self.url.rpartition(":")[2]}', '--ServerApp.port_retries=0',
                   '--IdentityProvider.token=test', '--LabApp.expose_app_in_browser=True',
                   f'--ServerApp.root_dir={self.root}', '--LanguageServerManager.autodetect=False',
                   f'--LabApp.workspaces_dir={self.folder/"workspaces"}',
                   f'--LabApp.user_settings_dir={self.folder/"settings"}']
        with open(self.folder/'log.txt', 'w') as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        limit = time.monotonic() + LIMIT/1000
        while not self.answers():
            log = (self.folder/'log.txt').read_text()
            if self.process.poll() is not None: raise RuntimeError(f'JupyterLab did not start:\n{log}')
            if time.monotonic() > limit: raise TimeoutError(f'JupyterLab does not answer:\n{log}')
            time.sleep(.1)
        return self

    def start_warm(self, environment: dict[str, str]) -> None:
        "Let its kernels be forked from a process that has loaded torch and Jupyter, or each of them loads these again"
        spec, socket = self.folder/'warm'/'kernels'/'python3'/'kernel.json', str(self.folder/'socket')
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({'argv': [sys.executable, '-S', WARM, 'start', socket, '{connection_file}'],
                                    'display_name': 'Python 3 (ipykernel)', 'language': 'python',
                                    'metadata': {'debugger': True}}))
        environment['JUPYTER_PATH'] = str(self.folder/'warm')
        self.warm = subprocess.Popen([sys.executable, WARM, 'serve', socket], env=environment, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.warm.stdout.readline() == 'ready\n'

    def api(self, path: str, method: str = 'GET') -> object:
        "What the server says"
        asked = urllib.request.Request(f'{self.url}/api/{path}', method=method, headers={'Authorization': 'token test'})
        with urllib.request.urlopen(asked, timeout=LIMIT/1000) as reply: return json.loads(reply.read() or 'null')

    def answers(self) -> bool:
        try: return bool(self.api('status'))
        except OSError: return False

    def end_kernels(self, notebook: str = '') -> None:
        "Of one notebook, or of all"
        for session in self.api('sessions'):
            if notebook in ('', session['path']): self.api(f'sessions/{session["id"]}', 'DELETE')

    def stop(self) -> None:
        if self.answers(): self.end_kernels()
        self.process.terminate()
        try: self.process.wait(20)
        except subprocess.TimeoutExpired: self.process.kill()
        self.process.wait()

    def end(self) -> None:
        "The server, and the process of which its kernels are copies"
        if self.process: self.stop()
        if self.warm:
            self.warm.kill()
            self.warm.communicate()

    def write(self, name: str, *cells: str) -> Path:
        "A notebook that was never run"
        cells = [{'cell_type': 'code', 'id': f'cell-{i}', 'metadata': {}, 'execution_count': None, 'outputs': [],
                  'source': source.strip()} for i, source in enumerate(cells)]
        kernel = {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}
        path = self.root/name
        path.write_text(json.dumps({'cells': cells, 'metadata': {'kernelspec': kernel}, 'nbformat': 4,
                                    'nbformat_minor': 5}), encoding='utf-8')
        return path


@contextlib.contextmanager
def running_lab(folder: Path, root: Path | None = None) -> Iterator[Lab]:
    folder.mkdir(parents=True, exist_ok=True)
    (root := root or folder/'notebooks').mkdir(exist_ok=True)
    lab = Lab(folder, root)
    try: yield lab.start()
    finally:
        lab.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope='session')
def lab(tmp_path_factory, data_folder) -> Iterator[Lab]:
    "One JupyterLab for all tests"
    with running_lab(tmp_path_factory.mktemp('lab')) as lab: yield lab


# --- a notebook in it ---

PANEL = 'window.jupyterapp.shell.currentWidget'


class Notebook:
    "A notebook in a page of JupyterLab"
    def __init__(self, page, lab: Lab, name: str):
        self.page, self.lab, self.path = page, lab, lab.root/name
        self.panel = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)')
        self.dashboards = page.locator('.jp-NotebookPanel .fl-run')
        page.goto(f'{lab.url}/lab/tree/{name}?token=test&reset')
        self.ready()

    def open(self, name: str) -> None:
        "Another notebook, in a tab beside this one, whose place it takes here"
        self.path = self.lab.root/name
        code = "async path => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }"
        self.page.evaluate(code, name)        # without the widget that it returns, in which all of JupyterLab hangs
        self.ready()

    def ready(self) -> None:
        "Until the kernel has answered; before that JupyterLab drops what it is asked to run"
        self.panel.locator('.jp-Cell').first.wait_for()
        self.page.evaluate(f"""async () => {{
            const context = {PANEL}.sessionContext;
            await context.ready;
            await context.session.kernel.info;
        }}""")
        self.wait_idle()

    def run(self, cell: int, wait: bool = True) -> None:
        "Run one cell as Shift+Enter does; until it has ended, or only until it runs"
        self.page.evaluate(f"""cell => {{
            {PANEL}.content.activeCellIndex = cell;
            window.isRunning = true;
            window.jupyterapp.commands.execute('notebook:run-cell').finally(() => {{ window.isRunning = false; }});
        }}""", cell)
        if wait: self.wait_idle()
        else: self.cell(cell).get_by_text('[*]:').wait_for()

    def cell(self, number: int): return self.panel.locator('.jp-Cell').nth(number)

    def output(self, cell: int) -> str:
        "The text of a cell's output"
        return '\n'.join(self.cell(cell).locator('.jp-OutputArea-output').all_inner_texts())

    def is_busy(self, cell: int) -> bool:
        "Whether a cell has not ended yet; the kernel's own status says idle as soon as a click was answered"
        return self.cell(cell).get_by_text('[*]:').is_visible()

    def wait_idle(self) -> None:
        "Until no cell runs or waits, and the kernel is idle"
        self.page.wait_for_function(f"""() => !window.isRunning
            && {PANEL}.sessionContext.session?.kernel?.status === 'idle'
            && !{PANEL}.content.widgets.some(cell => cell.prompt?.includes('*'))""", polling=60)

    def ask(self, code: str) -> str:
        "What the kernel prints when it runs `code`, which appears in no cell"
        return self.page.evaluate(f"""async code => {{
            const future = {PANEL}.sessionContext.session.kernel.requestExecute({{ code, store_history: false }});
            let said = '';
            future.onIOPub = message => {{ said += message.content.text ?? message.content.evalue ?? ''; }};
            const reply = await future.done;
            if (reply.content.status !== 'ok') throw new Error(`the kernel said ${{said}}`);
            return said;
        }}""", code)

    def notify(self, command: str) -> None:
        "A command of JupyterLab, as its menus give it"
        self.page.evaluate('command => window.jupyterapp.commands.execute(command)', command)

    def save(self) -> Path:
        self.page.evaluate(f'{PANEL}.context.save()')
        return self.path

    def comms(self) -> int:
        "Open connections between widgets of this page and the kernel"
        return self.page.evaluate(f'{PANEL}.sessionContext.session.kernel._comms.size')


# --- the dashboard in it ---

def pixels(canvases) -> list[str]:
    "What is drawn on each of some canvases"
    return canvases.evaluate_all('canvases => canvases.map(canvas => canvas.toDataURL())')


def wait_for(page, asked, expected=True, limit: float = LIMIT/1000) -> None:
    "Until `asked()` is `expected`; the page goes on meanwhile"
    end = time.monotonic() + limit
    while (said := asked()) != expected:
        if time.monotonic() > end: raise TimeoutError(f'got {said!r}, expected {expected!r} within {limit:.0f} s')
        page.wait_for_timeout(60)
