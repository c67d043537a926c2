"The web app of `write_app`, served by Voila to a browser that reaches no other machine"
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from browsing import leaves, LIMIT, watched_page

pytest.importorskip('voila')
OF_VOILA = re.compile(r'https://cdn\.jsdelivr\.net/npm/(@fortawesome|font-awesome)\S*\.css')  # its template asks always


@pytest.fixture(scope='module')
def served(few_learner, tmp_path_factory):
    "The address at which Voila serves the app of an untrained model"
    folder = tmp_path_factory.mktemp('app')
    app = few_learner().write_app(folder/'cat_or_dog', 'Cat or dog?')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    homes = {f'JUPYTER_{name}_DIR': str(folder/name.lower()) for name in ('CONFIG', 'DATA', 'RUNTIME')}
    with open(folder/'log.txt', 'w') as log:
        command = [sys.executable, '-m', 'voila', app.name, '--no-browser', f'--port={port}', '--Voila.ip=127.0.0.1']
        process = subprocess.Popen(command, cwd=app.parent, env=os.environ | homes | {'JUPYTER_PREFER_ENV_PATH': '1'},
                                   stdout=log, stderr=subprocess.STDOUT)
    limit = time.monotonic() + LIMIT/1000
    while not answers(port):
        said = (folder/'log.txt').read_text()
        assert process.poll() is None and time.monotonic() < limit, said
        time.sleep(.2)
    yield f'http://127.0.0.1:{port}/'
    process.terminate()
    process.wait()


def answers(port: int) -> bool:
    try: return bool(urllib.request.urlopen(f'http://127.0.0.1:{port}/static/', timeout=5))
    except urllib.error.HTTPError: return True
    except OSError: return False


def test_the_app_asks_no_other_server(chromium, served, few_pets):
    with watched_page(chromium) as page:
        asked = []
        page.route(leaves, lambda route: (asked.append(route.request.url), route.abort()))
        page.goto(served)
        page.get_by_label('choose files').set_input_files(picture := next((few_pets/'images').iterdir()))
        page.get_by_text(picture.name).first.wait_for()
        assert not [url for url in asked if not OF_VOILA.fullmatch(url)]
        page.problems.clear()  # those of Voila's template, which the lines above have seen
