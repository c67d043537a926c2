"""A page that we write asks no network and runs no script but ours, also where a stranger's text became markup.

Members tried: pictures, styles, fonts, frames, forms, beacons, sockets, a base address, handlers in attributes, scripts
"""
import http.server
import re
import threading

import pytest
from browsing import watched_page
from fastlearn.core.interactive import live_html, page_html
from fastlearn.dashboard.dashboard import Dashboard
from fastlearn.dashboard.replay import about
from fastlearn.history import History
from fastlearn.history_records import Series


@pytest.fixture
def server():
    "Hears what is asked for"
    asked = []
    class Hears(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()
        do_POST = do_GET
        def log_message(self, *said): pass
    running = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hears)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{running.server_address[1]}', asked
    running.shutdown()


def run() -> History:
    history = History()
    history.begin_phase((True,), 1, 3)
    for loss in 3., 2., 1.:
        history.losses.append(loss)
        history.lrs.append((1e-3,))
        history.momenta.append(.9)
        history.images.append(8)
    return history


BAD = '''<img src="{0}/img" onerror="window.pwned = 1"><img src=x onerror="window.pwned = 2">
<link rel="stylesheet" href="{0}/css"><style>@import url("{0}/import"); p {{ background: url("{0}/back") }}</style>
<iframe src="{0}/frame"></iframe><object data="{0}/object"></object><video src="{0}/video" autoplay></video>
<svg><image href="{0}/svg"/></svg><base href="{0}/"><p onmouseover="window.pwned = 3" onclick="window.pwned = 4">x</p>
<form action="{0}/form" id="f"></form><a href="javascript:window.pwned = 5" id="a">a</a>
<link rel="prefetch" href="{0}/prefetch"><script src="{0}/script"></script>'''


def test_text_that_became_markup_does_nothing(chromium, server, tmp_path):
    address, asked = server
    context = chromium.new_context()
    page = context.new_page()
    file = tmp_path/'a.html'
    file.write_text(page_html('t', live_html({'x': 1}, BAD.format(address)) + BAD.format(address)), encoding='utf-8')
    page.goto(file.as_uri())
    page.evaluate('document.querySelectorAll("p").forEach(p => p.click())')
    page.evaluate('document.getElementById("a")?.click()')
    page.wait_for_load_state()
    assert page.evaluate('window.pwned') is None and not asked
    page = context.new_page()
    page.set_content(BAD.format(address))  # that the traps work is shown where there is no policy
    page.wait_for_function('window.pwned')
    assert asked
    context.close()


def test_a_replay_works_under_its_policy(chromium, tmp_path):
    file = Dashboard(run()).to_html(tmp_path/'run.html')
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', file.read_text(encoding='utf-8'))[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "img-src data:;" in policy
    assert 'http' not in policy and 'unsafe-eval' not in policy and "script-src 'unsafe-inline'" not in policy
    with watched_page(chromium) as page:
        page.goto(file.as_uri())
        page.wait_for_selector('[data-mounted]')
        assert page.locator('[data-mounted] > *').count()


@pytest.mark.parametrize('source', [
    'http://127.0.0.1:9/beacon.png', '//example.org/a.png', 'https://example.org/a', 'file:///etc/passwd', 'a.png',
    '', 5,
    'data:text/html;base64,AAAA', 'data:image/svg+xml;base64,AAAA', 'javascript:alert(1)',
    ' data:image/png;base64,AA',
    'data:image/png;base64,AA"onerror="x', 'blob:x', None])
def test_pictures_of_a_strangers_history_are_in_it(source):
    history = run()
    good = 'data:image/jpeg;base64,/9j/4A=='
    history.series['predictions'] = Series({'kind': 'single', 'vocab': ['a'], 'truth': ['a', 'a'],
                                            'sources': [source, good]}, {}, [], [])
    assert [image['src'] for image in about(history)['images']] == ['', good]


def test_the_policy_names_each_script_and_no_other():
    page = page_html('t', '<script>one()</script><p>\ud800</p><script>two("ü")</script>')
    assert page.count("'sha256-") == 2 and "script-src 'none'" in page_html('t', '<p>')
