"What a row of the table says, and how files are made for it"
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


ANYTHING = object()


@dataclass(frozen=True)
class Expected:
    "What has to come of it"
    error: type[BaseException] | None = None
    says: str = ''                        # pattern in the error
    warns: str = ''                       # pattern in a warning
    gives: object = ANYTHING              # what is returned, as far as the row wants to know it


def refuses(error, says, warns=''): return Expected(error, says, warns)
def gives(value, warns=''): return Expected(gives=value, warns=warns)


@dataclass(frozen=True)
class Fault:
    "A row: what it is called, what makes the fault in the current, empty folder, who meets it, what must come of it"
    name: str
    broken: Callable[[], object]
    used: Callable[[object], object]
    expected: Expected


def wrote(name: str, content: bytes | str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def needs(whether: bool, what: str) -> None:
    if not whether: pytest.skip(f'this system has no {what}')


def linked(name: str, target: str) -> Path:
    try: Path(name).symlink_to(target)
    except (OSError, NotImplementedError): pytest.skip('this system makes no symbolic links for us')
    return Path(name)
