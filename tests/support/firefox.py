"Firefox, driven by WebDriver BiDi over its own port: Playwright needs a build of its own, this one takes any"
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIMIT = 600  # seconds, against what hangs
PREFERENCES = {'remote.active-protocols': 1, 'browser.shell.checkDefaultBrowser': False, 'app.update.auto': False,
               'datareporting.policy.dataSubmissionEnabled': False, 'browser.startup.page': 0,
               'network.captive-portal-service.enabled': False, 'network.connectivity-service.enabled': False}


class Firefox:
    "One browser without a window, with one page"

    def __init__(self, folder: Path):
        self.folder, self.numbers, self.problems = folder, itertools.count(1), []

    def start(self, path: str) -> 'Firefox':
        import websocket
        (self.folder/'user.js').write_text(''.join(
            f'user_pref({json.dumps(name)}, {json.dumps(value)});\n' for name, value in PREFERENCES.items()))
        self.process = subprocess.Popen(
            [path, '--headless', '--no-remote', '--profile', str(self.folder), '--remote-debugging-port', '0'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {'HOME': str(self.folder)})
        address = self.folder/'WebDriverBiDiServer.json'  # written once it listens
        self.until(address.exists, 'Firefox never listened')
        where = json.loads(address.read_text())
        self.socket = websocket.create_connection(f"ws://{where['ws_host']}:{where['ws_port']}/session", timeout=LIMIT,
                                                  suppress_origin=True)
        self.ask('session.new', capabilities={})
        self.page = self.ask('browsingContext.getTree')['contexts'][0]['context']
        self.ask('session.subscribe', events=['log.entryAdded'])
        return self

    def ask(self, method: str, **params) -> dict:
        "Send a command and wait for its answer; errors of the page that arrive meanwhile go to `problems`"
        number = next(self.numbers)
        self.socket.send(json.dumps({'id': number, 'method': method, 'params': params}))
        while True:
            said = json.loads(self.socket.recv())
            if said.get('id') == number: break
            if said.get('method') == 'log.entryAdded' and said['params']['level'] == 'error':
                self.problems.append(said['params']['text'])
        if said['type'] == 'error': raise RuntimeError(f"{method}: {said['error']}: {said['message']}")
        return said['result']

    def open(self, url: str) -> None:
        self.ask('browsingContext.navigate', context=self.page, url=url, wait='complete')

    def evaluate(self, script: str):
        "The value of an expression in the page: text, a number or a boolean"
        found = self.ask('script.evaluate', expression=script, target={'context': self.page}, awaitPromise=True)
        if found['type'] == 'exception': raise RuntimeError(found['exceptionDetails']['text'])
        return found['result'].get('value')

    def wait(self, script: str) -> None:
        "Wait until an expression of the page is true"
        self.until(lambda: self.evaluate(script), f'never true in Firefox: {script}')

    def until(self, holds: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + LIMIT
        while not holds():
            if time.monotonic() > end or self.process.poll() is not None: raise TimeoutError(otherwise)
            time.sleep(.1)

    def give_files(self, find: str, files: list[Path]) -> None:
        "Choose files for the input that the expression `find` gives"
        found = self.ask('script.evaluate', expression=find, target={'context': self.page}, awaitPromise=False)
        self.ask('input.setFiles', context=self.page, element={'sharedId': found['result']['sharedId']},
                 files=[str(file) for file in files])

    def resize(self, width: int, height: int) -> None:
        self.ask('browsingContext.setViewport', context=self.page, viewport={'width': width, 'height': height})

    def picture(self, path: Path) -> None:
        "Save what the window shows as a PNG"
        import base64
        path.write_bytes(base64.b64decode(self.ask('browsingContext.captureScreenshot', context=self.page)['data']))

    def close(self) -> None:
        with contextlib.suppress(Exception): self.ask('browser.close')
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope='module')
def firefox(tmp_path_factory) -> Iterator[Firefox]:
    "Debian's firefox-esr or another one; skips by name where there is none"
    path = os.environ.get('FASTLEARN_FIREFOX') or shutil.which('firefox-esr') or shutil.which('firefox')
    if not path: pytest.skip('Firefox: none was found; on Debian: apt install firefox-esr')
    pytest.importorskip('websocket', reason='websocket-client, which drives Firefox, is not installed')
    browser = Firefox(tmp_path_factory.mktemp('firefox'))
    try: yield browser.start(path)
    finally: browser.close()
