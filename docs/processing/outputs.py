"""What a cell showed, as HTML for a page that has no kernel.

Pictures become files in WebP. Of a live output the script becomes one file for all pages, and its state another; both
are named by their content and fetched when the reader comes near (static/live.js).
"""
import base64
import hashlib
import html
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

LIVE = re.compile(r'<div data-fastlearn="(?P<name>\w+)">(?P<instead>.*)</div>\n<script>\(\(\) => \{\n(?P<script>.*)\n'
                  r'const state = (?P<state>.*);\nfor \(const place of .*?\n  (?P<mount>\w+)\(place, state\);\n\}\n'
                  r'\}\)\(\);</script>', re.S)
DATA_URL = re.compile(r'src="data:image/(?:png|jpeg|webp);base64,([^"]+)"')
WIDGET = 'application/vnd.jupyter.widget-view+json'
NEEDS_KERNEL = 'A control stands here while Python runs; open this notebook with <code>fastlearn lab</code> to use it.'
SMALL_STATE = 4_000   # characters that stay in the page: a file of their own would cost more than it saves
LOSSLESS = 60_000     # bytes up to which a picture keeps every pixel as it is
QUALITY = 80          # of larger ones; nothing is seen of it at the size of the page


def digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:16]


@dataclass
class Store:
    "The files that pages share, named by their content"
    folder: Path                          # of all static files
    written: list[str] = field(default_factory=list)  # by the page that is being made

    def keep(self, kind: str, name: str, content: bytes) -> str:
        path = self.folder/kind/name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.written.append(f'{kind}/{name}')
        return f'{kind}/{name}'

    def picture(self, content: bytes) -> tuple[str, int, int]:
        "Name, width and height of a picture, once it is a file"
        from PIL import Image
        name = digest(content + bytes([QUALITY]))
        picture = Image.open(io.BytesIO(content))
        if not (path := self.folder/'figures'/f'{name}.webp').exists():
            picture = picture if picture.mode in ('RGB', 'RGBA') else picture.convert('RGBA')
            small = io.BytesIO()
            picture.save(small, 'webp', lossless=True, method=3)
            if small.tell() > LOSSLESS: picture.save(small := io.BytesIO(), 'webp', quality=QUALITY, method=4)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small.getvalue())
        self.written.append(f'figures/{name}.webp')
        return f'figures/{name}.webp', *picture.size


@dataclass
class Outputs:
    "Turns the outputs of one page's cells into HTML"
    store: Store
    static: str                           # from the page to the folder of static files: '../_static/'

    def picture(self, content: bytes, words: str) -> str:
        name, width, height = self.store.picture(content)
        return (f'<img class="figure" alt="{html.escape(words)}" src="{self.static}{name}" width="{width}" '
                f'height="{height}" loading="lazy">')

    def live(self, found: re.Match) -> str:
        "The place of a live output, with the still form in it"
        entry = digest(found['script'])
        script = f"(() => {{\n{found['script']}\nfastlearnLive.scripts['{entry}'] = {{ {found['mount']} }};\n}})();\n"
        entry = digest(script)
        script = script.replace(digest(found['script']), entry)
        name = self.store.keep('live', f'{entry}.js', script.encode())
        state = found['state']
        place = {'script': name, 'mount': found['mount'], 'key': entry}
        inside = ''
        if len(state) > SMALL_STATE:
            key = digest(state)
            text = f"fastlearnLive.states['{key}'] = {state};\n"
            place |= {'state': self.store.keep('live', f'{key}.js', text.encode()), 'state-key': key}
        else: inside = f'<script type="application/json">{state}</script>'
        attributes = ''.join(f' data-{key}="{html.escape(value)}"' for key, value in place.items())
        return (f'<div class="live"{attributes}><div data-fastlearn="{found["name"]}">{self.html(found["instead"])}'
                f'</div>{inside}</div>')

    def html(self, text: str) -> str:
        "HTML of an output: pictures in it become files, links to notebooks lead to their pages"
        if found := LIVE.fullmatch(text.strip()): return self.live(found)
        text = DATA_URL.sub(self.embedded, text)
        text = re.sub(r'(<a [^>]*href=")(?!\w+:)([^"]+)\.ipynb', r'\1\2.html', text)
        if '<table' in text: text = f'<div class="wide">{text}</div>'
        return text

    def embedded(self, found: re.Match) -> str:
        name, width, height = self.store.picture(base64.b64decode(found[1]))
        return f'src="{self.static}{name}" width="{width}" height="{height}" loading="lazy"'

    def convert(self, output: dict, words: str) -> dict | None:
        "An output in the form that the page gets; None: nothing is to be seen"
        if output['output_type'] not in ('display_data', 'execute_result'): return output
        data = {kind: joined(value) for kind, value in output['data'].items()}
        if WIDGET in data: found = f'<p class="needs-kernel">{NEEDS_KERNEL}</p>'
        elif 'text/html' in data: found = self.html(data['text/html'])
        elif svg := data.get('image/svg+xml'): found = f'<figure role="img" aria-label="{words}">{svg}</figure>'
        elif picture := data.get('image/png') or data.get('image/jpeg'):
            found = self.picture(base64.b64decode(picture), words)
        elif 'text/markdown' in data: return {**output, 'data': {'text/markdown': data['text/markdown']}}
        else: return {**output, 'data': {'text/plain': data.get('text/plain', '')}} if data.get('text/plain') else None
        return {**output, 'data': {'text/html': found}, 'metadata': {}}


def joined(value) -> str:
    if isinstance(value, dict): return json.dumps(value)
    return value if isinstance(value, str) else ''.join(value)


def merged(outputs: list[dict]) -> list[dict]:
    "What was printed in several pieces, as one"
    kept = []
    for output in outputs:
        before = kept[-1] if kept else None
        if output['output_type'] == 'stream' and before and before['output_type'] == 'stream' \
                and before['name'] == output['name']:
            before['text'] = joined(before['text']) + joined(output['text'])
        else: kept.append(dict(output))
    return kept


def plain_outputs(outputs: list[dict]) -> str:
    "What a reader of the plain text gets: what was printed, and values"
    found = []
    for output in outputs:
        text = joined(output['text']) if output['output_type'] == 'stream' else \
            joined(output.get('data', {}).get('text/plain', ''))
        if text.strip() and not text.startswith('<Figure') and 'widget' not in text.lower()[:40]: found.append(text)
    return '\n'.join(found).rstrip()
