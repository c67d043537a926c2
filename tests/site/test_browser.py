"Where tools/browser.py looks for a browser, and what it says if there is none"
import os
import sys
from pathlib import Path

import pytest
from browsing import find_browser, leaves

import browser


@pytest.fixture(autouse=True)
def bare_system(tmp_path, monkeypatch):
    "Nothing on the PATH, nothing in the usual places, and nothing may be installed"
    monkeypatch.delenv('FASTLEARN_BROWSER', raising=False)
    monkeypatch.setenv('PATH', str(tmp_path/'bin'))
    monkeypatch.setenv('PLAYWRIGHT_BROWSERS_PATH', str(tmp_path/'kept'))
    monkeypatch.setattr(browser, 'usual_places', list)
    monkeypatch.setattr(browser, 'attempt', lambda *commands: tried.extend(map(tuple, commands)))
    tried = []
    return tried


def program(path: Path, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexit {status}\n')
    path.chmod(0o755)
    return path


unix = pytest.mark.skipif(os.name == 'nt', reason='programs of a line of shell')


@unix
def test_the_named_one_comes_first(tmp_path, monkeypatch):
    program(tmp_path/'bin'/'chromium')
    monkeypatch.setenv('FASTLEARN_BROWSER', str(named := program(tmp_path/'mine')))
    assert find_browser() == named
    monkeypatch.setenv('FASTLEARN_BROWSER', 'none')
    assert find_browser() is None
    monkeypatch.setenv('FASTLEARN_BROWSER', str(tmp_path/'nothing'))
    with pytest.raises(SystemExit, match='nothing, which does not start; expected the path'): find_browser()


@unix
def test_one_that_does_not_start_is_passed_over(tmp_path):
    "Playwright's own lacks libraries on a bare system"
    assert find_browser() is None
    newest = program(tmp_path/'kept'/'chromium-1255'/'chrome-linux64'/'chrome')
    assert find_browser() == newest
    program(newest, status=127)
    older = program(tmp_path/'kept'/'chromium-1200'/'chrome-linux'/'chrome')
    assert find_browser() == older
    on_path = program(tmp_path/'bin'/'google-chrome')
    assert find_browser() == on_path


def test_without_any_it_is_installed_or_said(bare_system, monkeypatch, capsys):
    monkeypatch.setattr(browser, 'find_browser', lambda: None)
    assert browser.provide_browser() is None
    assert bare_system[0] == (sys.executable, '-m', 'playwright', 'install', 'chromium')
    assert capsys.readouterr().out.endswith('or name one with FASTLEARN_BROWSER=/path/to/it\n')
    monkeypatch.setenv('FASTLEARN_BROWSER', 'none')
    assert browser.provide_browser() is None and not capsys.readouterr().out


def test_what_leaves_this_machine():
    assert leaves('https://example.org/') and leaves('wss://10.0.0.1:80/') and leaves('http://localhost.example.org/')
    assert not leaves('http://127.0.0.1:8888/lab') and not leaves('file:///tmp/run.html') and not leaves('data:,x')
