"""A browser for the tests: python tools/browser.py finds one or installs it, and prints where it is.

FASTLEARN_BROWSER=/path/to/chrome names one; FASTLEARN_BROWSER=none uses none. Otherwise it takes any Chromium, Chrome,
or Edge of this system, or Playwright's Chromium.
"""
import os, shutil, subprocess, sys
from pathlib import Path

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge')  # on PATH
MAC = ('Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium',
       'Microsoft Edge.app/Contents/MacOS/Microsoft Edge')
WINDOWS = (r'Google\Chrome\Application\chrome.exe', r'Chromium\Application\chrome.exe',
           r'Microsoft\Edge\Application\msedge.exe')
PLAYWRIGHT = ('chromium-*/chrome-linux*/chrome', 'chromium-*/chrome-win*/chrome.exe',
              'chromium-*/chrome-mac*/*.app/Contents/MacOS/*')
LIMIT = 300  # seconds for a download, or for a package


def usual_places() -> list[Path]:
    "Where macOS and Windows keep their browsers"
    if sys.platform == 'darwin':
        return [folder/name for folder in (Path('/Applications'), Path.home()/'Applications') for name in MAC]
    folders = [os.environ.get(name) for name in ('PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA')]
    return [Path(folder)/name for folder in folders if folder for name in WINDOWS]


def playwright_cache() -> Path:
    "Where `playwright install` puts its browsers"
    if named := os.environ.get('PLAYWRIGHT_BROWSERS_PATH'): return Path(named)
    if sys.platform == 'darwin': return Path.home()/'Library'/'Caches'/'ms-playwright'
    if os.name == 'nt': return Path(os.environ.get('LOCALAPPDATA', Path.home()))/'ms-playwright'
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home()/'.cache')/'ms-playwright'


def starts(path: Path) -> bool:
    "Whether the program is there, and all libraries that it needs; on Windows asking would open a window"
    if not path.is_file(): return False
    if os.name == 'nt': return True
    try: return not subprocess.run([path, '--version'], capture_output=True, timeout=60).returncode
    except (OSError, subprocess.TimeoutExpired): return False


def find_browser() -> Path | None:
    "The browser to use; None if there is none"
    if named := os.environ.get('FASTLEARN_BROWSER'):
        if named == 'none': return None
        if not starts(Path(named)):
            raise SystemExit(f'FASTLEARN_BROWSER is {named}, which does not start; expected the path of Chromium, '
                             "Chrome or Edge, or 'none'")
        return Path(named)
    found = [Path(path) for name in NAMES if (path := shutil.which(name))]
    kept = sorted(path for pattern in PLAYWRIGHT for path in playwright_cache().glob(pattern))
    return next(filter(starts, [*found, *usual_places(), *reversed(kept)]), None)


def attempt(*commands: list) -> None:
    "Run them until one fails or takes too long; quietly, since there may be another way"
    quick = {'PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT': '10000', 'DEBIAN_FRONTEND': 'noninteractive'}  # milliseconds
    for command in commands:
        print('$', *command, flush=True)
        try: done = subprocess.run(command, capture_output=True, timeout=LIMIT, env=os.environ | quick)
        except (OSError, subprocess.TimeoutExpired): return
        if done.returncode: return


def provide_browser() -> Path | None:
    "The browser to use, installed if need be; None, with a line that says why, if that is not possible"
    if (browser := find_browser()) or os.environ.get('FASTLEARN_BROWSER') == 'none': return browser
    print('No browser was found; installing Chromium', flush=True)
    attempt([sys.executable, '-m', 'playwright', 'install', 'chromium'])
    if not (browser := find_browser()) and hasattr(os, 'geteuid') and os.geteuid() == 0 and shutil.which('apt-get'):
        attempt(['apt-get', 'update', '-q'], ['apt-get', 'install', '-qy', '--no-install-recommends', 'chromium'])
        browser = find_browser()
    if not browser:
        print('No browser, and none could be installed: install Chromium or Chrome, or name one with '
              'FASTLEARN_BROWSER=/path/to/it', flush=True)
    return browser


if __name__ == '__main__':
    browser = provide_browser()
    if browser: print(browser)
    sys.exit(not browser)
