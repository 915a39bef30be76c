"""JSON that strangers wrote, read so that either database can keep it and any reader read it again.

Request bodies (`api.parsing`), card files (`characters.reading`) and imports (`chat.importing`) come through here.
UTF-8, finite numbers of 64 bits, no NUL, no lone surrogates, names once, bounded depth and number of values.
"""

import json
import math
import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import Text

# Deeper than anything that people write.
MAX_DEPTH = 32
# A card of ordinary size has a few hundred values, a large lorebook some ten thousand.
MAX_VALUES = 200_000
MAX_PATH = 120

# JSON numbers beyond this do not survive other readers (RFC 8259 §6), nor every column of a database.
_MAX_INTEGER = 2**63
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Object = dict[str, Any]


class Unreadable(Exception):
    """Text or value are not what they must be: `path` says where, such as `data.tags.3`, `reason` why, for people."""

    def __init__(self, path: str, reason: Text) -> None:
        super().__init__(path)
        self.path = path[:MAX_PATH].encode("utf-8", "replace").decode().replace("\0", "�")
        self.reason = reason


class Unstorable(Unreadable):
    """It is JSON, and a value in it cannot be kept."""


def parse(raw: bytes, max_depth: int = MAX_DEPTH) -> Object:
    """The object that UTF-8 JSON spells, its values checked; raises Unreadable, Unstorable."""
    try:
        value = json.loads(
            raw.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_doubles,
        )
    except RecursionError:
        raise _too_deep(max_depth) from None
    except UnicodeDecodeError:
        raise Unreadable("", _("The text is not UTF-8.")) from None
    except ValueError:  # bad syntax, a name twice, no finite number, or one of thousands of digits
        raise Unreadable("", _("This is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise Unreadable("", _("A JSON object is expected."))
    check(value, max_depth)
    return value


def parse_any(text: str) -> Any:
    """Any JSON value of finite numbers, whatever its texts: for files whose readers mend what cannot be kept.

    Raises ValueError, RecursionError.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def check(value: object, max_depth: int = MAX_DEPTH) -> None:
    """Raise Unstorable for a text or number that cannot be kept, Unreadable for too deep or too much. No recursion."""
    pending: list[tuple[str, object, int]] = [("", value, 1)]
    seen = 0
    while pending:
        path, item, depth = pending.pop()
        seen += 1
        if isinstance(item, (list, dict)) and depth > max_depth:
            raise _too_deep(max_depth)
        if seen + len(pending) > MAX_VALUES:
            raise Unreadable("", _("More than %(limit)d values.") % {"limit": MAX_VALUES})
        if isinstance(item, list):
            pending += [(join(path, index), each, depth + 1) for index, each in enumerate(item)]
        elif isinstance(item, dict):
            for name in item:
                _check_scalar(path, name)
            pending += [(join(path, name), each, depth + 1) for name, each in item.items()]
        else:
            _check_scalar(path, item)


def join(path: str, name: object) -> str:
    """The path of a member; one that is already long enough to find it does not grow."""
    return path if len(path) > MAX_PATH else f"{path}.{name}" if path else str(name)


def _check_scalar(path: str, value: object) -> None:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise Unstorable(path, _("NUL and lone surrogates are not allowed."))
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise Unstorable(path, _("This number is too large."))


def _too_deep(limit: int) -> Unreadable:
    return Unreadable("", _("Nested deeper than %(limit)d levels.") % {"limit": limit})


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(digits)
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> Object:
    """Two readers of a name that comes twice would disagree on its value."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate name")
    return result
