"""Only addresses that the project owns: `python tools/addresses.py`, with `release` before publishing.

People follow what a text says about where to get fastlearn. Until the owner has set an address in settings.ini, no
tracked text names an account, a site or a package-index entry for it: the first to register that name would decide
what people run. Links to others are fine, and stand in `OTHERS`, so that a new one is a decision and not a slip.
"""
import re, subprocess, sys
from configparser import ConfigParser, SectionProxy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OTHERS = {  # hosts, or host/account where a host gives accounts to everybody
    'arxiv.org', 'www.w3.org', 'pytorch.org', 'docs.pytorch.org', 'download.pytorch.org', 'www.robots.ox.ac.uk',
    'www.apache.org', 'sid.erda.dk', 's3.amazonaws.com/fast-ai-imageclas', 'huggingface.co/datasets',
    'huggingface.co/docs', 'docs.fast.ai', 'data.vision.ee.ethz.ch', 'data.caltech.edu', 'www.usenix.org',
    'www.python.org', 'docs.python.org', 'peps.python.org', 'www.hackerfactor.com', 'semver.org', 'mozilla.org',
    'mathiasbynens.be', 'llmstxt.org', 'iquilezles.org', 'image-net.org', 'github.com/webdataset',
    'github.com/pytorch', 'github.com/huggingface', 'doi.org', 'distill.pub', 'cs231n.stanford.edu', 'aefxx.com',
    'example.org', 'example.com', '127.0.0.1', '10.0.0.1'}
SKIPPED = 'docs/vendor/', 'tests/test_addresses.py'  # other people's files as they came; bad examples
URL = re.compile(r'\b(?:https?|wss?|ftp|git|ssh)://(?:[^\s/@\'"]*@)?([\w-]+(?:\.[\w-]+)+)(?::\d+)?(/[\w.~-]+)?', re.I)
BARE = re.compile(  # of hosts that give names to everybody, also where no https:// stands before them
    r'(?<![\w/.-])((?:[\w-]+\.)*(?:github|gitlab|bitbucket|codeberg|huggingface|pypi|testpypi|anaconda|zenodo|'
    r'mybinder|readthedocs|discord)\.(?:com|io|org|co|gg))((?:/|:)[\w.~-]+)', re.I)
SITE = re.compile(r'\b([\w-]+\.(?:github\.io|gitlab\.io|readthedocs\.io|hf\.space|pages\.dev|netlify\.app))', re.I)
MAIL = re.compile(r'[\w.+-]+@(?:[\w-]+\.)+(?:com|org|net|io|edu|dev)\b')
INSTALL = re.compile(r'\b(?:(?:pip3?|pipx|conda|mamba|uv|poetry|pdm)\s+(?:pip\s+)?(?:install|add|run)|uvx)\s[^\n`|;&]*')


def texts(root: Path = ROOT) -> dict[str, str]:
    "Every tracked text by name"
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=root, capture_output=True, check=True).stdout.decode()
    found = {}
    for name in names.split('\0'):
        if not name or name.startswith(SKIPPED) or not (root/name).is_file(): continue
        content = (root/name).read_bytes()
        if b'\0' not in content[:8192]: found[name] = content.decode('utf-8', 'replace')
    return found


def not_ours(text: str, cfg: SectionProxy) -> list[str]:
    "What `text` names that is neither the project's by settings.ini nor on the list of others"
    lib, ours = cfg['lib_name'], [cfg[name].partition('://')[2] for name in ('git_url', 'doc_host')]
    found = []
    for match in [*URL.finditer(text), *BARE.finditer(text)]:
        host, path = match[1].lower(), re.sub(r'^:', '/', match[2] or '').removesuffix('.git')
        known = {host, host + path, host.split('.', 1)[-1]} & OTHERS
        if not known and not any(own == host or f'{own}/'.startswith(f'{host}{path}/') for own in ours):
            found.append(match[0])
    found += [match[0] for match in SITE.finditer(text) if not any(match[0] in own for own in ours)]
    found += [match[0] for match in MAIL.finditer(text) if match[0] != cfg['author_email']
              and match[0].rpartition('@')[2] not in OTHERS]
    if cfg['index'] != 'yes':             # a name on the index: not a path, and not the folder of a checkout
        found += [match[0] for match in INSTALL.finditer(text) if re.search(rf'''[\s'"]{lib}\b(?![/\\])''', match[0])]
    return list(dict.fromkeys(found))


def settings(root: Path = ROOT) -> SectionProxy:
    read = ConfigParser(delimiters=['='])
    read.read(root/'settings.ini', encoding='utf-8')
    return read['DEFAULT']


def unset(cfg: SectionProxy) -> list[str]:
    "What the owner has to set before anything is published"
    return [name for name in ('user', 'git_url', 'doc_host', 'author_email') if not cfg[name]] + \
           [name for name in ('index',) if cfg[name] != 'yes']


def main(arguments: list[str]) -> int:
    cfg = settings()
    lines = [f'{name}: names {one}, which is neither on the list of others in tools/addresses.py nor the project\'s in '
             'settings.ini' for name, text in texts().items() for one in not_ours(text, cfg)]
    if 'release' in arguments and (missing := unset(cfg)):
        lines.append(f'settings.ini: {", ".join(missing)} not set, so there is no place that is sure to be ours; set '
                     'them once the account, the site and the name on the package index belong to the project')
    for line in lines: print(line, file=sys.stderr)
    return bool(lines)


if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
