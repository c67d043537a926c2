"""What an editor shows of the six lines: hover, signature and completion, as a language server answers them.

    python tools/hover.py        # needs basedpyright, which brings its server with pip

tests/site/test_editor.py asks the same questions. The server speaks JSON-RPC over its standard input and output.
"""
import json, subprocess, sys, tempfile
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path

from check_types import six_lines
from house import ROOT

SERVER = Path(sys.executable).parent/'basedpyright-langserver'


class Editor:
    "The part of an editor that asks; positions are those of the character after a piece of text"
    def __init__(self, process: subprocess.Popen, folder: Path):
        self.process, self.folder, self.number = process, folder, 0
        self.ask('initialize', {'processId': None, 'rootUri': folder.as_uri(), 'capabilities': {
            'workspace': {'configuration': True},
            'textDocument': {'hover': {'contentFormat': ['plaintext']},
                             'completion': {'completionItem': {'documentationFormat': ['plaintext']}},
                             'signatureHelp': {'signatureInformation': {'documentationFormat': ['plaintext']}}}},
            'workspaceFolders': [{'uri': folder.as_uri(), 'name': 'folder'}]})
        self.send({'method': 'initialized', 'params': {}})

    def send(self, message: dict) -> None:
        body = json.dumps({'jsonrpc': '2.0', **message}).encode()
        self.process.stdin.write(b'Content-Length: %d\r\n\r\n%b' % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict:
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b'content-length:'): length = int(line.split(b':')[1])
        if not length: raise RuntimeError('the language server ended')
        return json.loads(self.process.stdout.read(length))

    def ask(self, method: str, params: dict):
        "The answer to a request; what the server asks meanwhile is answered with the settings"
        self.number += 1
        self.send({'id': self.number, 'method': method, 'params': params})
        while True:
            said = self.receive()
            if 'method' in said and 'id' in said:
                items = said.get('params', {}).get('items', [])
                self.send({'id': said['id'], 'result': [self.setting(one) for one in items] or None})
            elif said.get('id') == self.number:
                if 'error' in said: raise RuntimeError(f"{method}: {said['error']}")
                return said['result']

    def setting(self, item: dict):
        if item.get('section') == 'python': return {'pythonPath': sys.executable}
        if item.get('section', '').startswith('basedpyright'): return {'analysis': {'extraPaths': [str(ROOT)]}}

    def open(self, text: str) -> 'Page':
        path = self.folder/'program.py'
        path.write_text(text, encoding='utf-8')
        self.send({'method': 'textDocument/didOpen', 'params': {'textDocument': {
            'uri': path.as_uri(), 'languageId': 'python', 'version': 1, 'text': text}}})
        return Page(self, path.as_uri(), text)


class Page:
    "An open file"
    def __init__(self, editor: Editor, uri: str, text: str): self.editor, self.uri, self.text = editor, uri, text

    def ask(self, what: str, after: str, back: int = 0):
        "At the last place where `after` stands, `back` characters before its end"
        before = self.text[:self.text.rindex(after) + len(after) - back]
        place = {'line': before.count('\n'), 'character': len(before) - before.rfind('\n') - 1}
        return self.editor.ask(f'textDocument/{what}', {'textDocument': {'uri': self.uri}, 'position': place})

    def hover(self, after: str) -> str: return self.ask('hover', after, back=2)['contents']['value']

    def signature(self, after: str) -> str:
        one = self.ask('signatureHelp', after)['signatures'][0]
        said = one.get('documentation', '')
        return f"{one['label']}\n{said['value'] if isinstance(said, dict) else said}"

    def completions(self, after: str) -> list[str]:
        found = self.ask('completion', after)
        return [one['label'] for one in (found['items'] if isinstance(found, dict) else found)]


@contextmanager
def editor() -> Iterator[Editor]:
    if not SERVER.exists(): raise FileNotFoundError(f'no {SERVER}; pip install basedpyright')
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([SERVER, '--stdio'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        try: yield Editor(process, Path(folder).resolve())
        finally:
            process.kill()
            process.wait()


def main() -> None:
    with editor() as asking:
        page = asking.open(six_lines() + 'learn.\n')
        for title, said in (('hover on fine_tune', page.hover('fine_tune')),
                            ('signature after learn.fine_tune(', page.signature('learn.fine_tune(')),
                            ('completions of learn.', ', '.join(page.completions('learn.')))):
            print(f'--- {title}\n{said}\n')


if __name__ == '__main__': main()
