"""Reading a `.env` file as people write it; `env` is its only caller.

Lines are NAME=value, as in a shell or for Docker Compose: `export` before it, quotes around the value, a comment after
it, a byte order mark and Windows' line ends do no harm. Nothing is expanded.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')


def values(path: Path) -> dict[str, str]:
    """The file's variables; raises ImproperlyConfigured where it cannot be read, naming the line but not its text."""
    try:
        # Editors of Windows begin a file with a byte order mark, which would become part of the first name.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path}: is not UTF-8; save it again with that encoding.") from None
    return dict(_assignments(path, text))


def _assignments(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if (found := _ASSIGNMENT.fullmatch(line)) is None:
            raise ImproperlyConfigured(f"{path}, line {number}: not of the form NAME=value.")
        yield found[1], _value(found[2])


def _value(text: str) -> str:
    if quoted := _SINGLE.fullmatch(text):
        return quoted[1]
    if quoted := _DOUBLE.fullmatch(text):
        return re.sub(r'\\(["\\$`])', r"\1", quoted[1])
    # A comment begins after a space: # may be part of a password.
    return re.sub(r"(^|\s)#.*", "", text).rstrip()
