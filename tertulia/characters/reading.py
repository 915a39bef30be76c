"""Typed reading of JSON that strangers wrote: `cards` and `lorebook` take every value through here. Pure.

Whatever passes can be kept in either database and sent back. What does not raises Unreadable with the path of the
value, such as `data.tags.3`.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import Text

MAX_DEPTH = 32
# Around what is kept, a card has some levels of its own.
MAX_CARD_DEPTH = MAX_DEPTH + 4
# A card of ordinary size has a few hundred values, a large lorebook some ten thousand.
MAX_VALUES = 200_000
MAX_PATH = 120

# JSON numbers beyond this do not survive other readers (RFC 8259 §6), nor every column of a database.
_MAX_INTEGER = 2**63
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Object = dict[str, Any]


class Unreadable(Exception):
    """A value is not what it must be; `path` says where, `reason` is a sentence for people."""

    def __init__(self, path: str, reason: Text) -> None:
        super().__init__(path)
        self.path = path[:MAX_PATH].encode("utf-8", "replace").decode().replace("\0", "�")
        self.reason = reason


def parse(raw: bytes) -> Object:
    """The object that UTF-8 JSON spells, its values checked; raises Unreadable."""
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_doubles,
        )
    except RecursionError:
        raise _too_deep(MAX_CARD_DEPTH) from None
    except UnicodeDecodeError:
        raise Unreadable("", _("The text is not UTF-8.")) from None
    except ValueError:  # bad syntax, a name twice, no finite number, or one of thousands of digits
        raise Unreadable("", _("This is not valid JSON.")) from None
    if not isinstance(value, dict):
        raise Unreadable("", _("A JSON object is expected."))
    check(value, MAX_CARD_DEPTH)
    return value


def check(value: object, max_depth: int = MAX_DEPTH) -> None:
    """Raise Unreadable for what cannot be kept: too deep, too much, NUL, lone surrogates, huge numbers."""
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


def text(source: Mapping[str, Any], name: str, path: str, limit: int) -> str:
    """A string of at most `limit` characters; absent or null is the empty one, as many programs write it."""
    return _limited(source.get(name), join(path, name), limit)


def texts(source: Mapping[str, Any], name: str, path: str, *, count: int, limit: int) -> list[str]:
    """A list of at most `count` strings of at most `limit` characters; absent or null is the empty one."""
    here = join(path, name)
    items = objects_or_texts(source, name, path, count)
    return [_limited(item, join(here, index), limit) for index, item in enumerate(items)]


def objects(source: Mapping[str, Any], name: str, path: str, *, count: int) -> list[Object]:
    """A list of at most `count` objects."""
    here = join(path, name)
    items = objects_or_texts(source, name, path, count)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise Unreadable(join(here, index), _("An object is expected."))
    return items


def objects_or_texts(source: Mapping[str, Any], name: str, path: str, count: int) -> list[Any]:
    """A list of whatever, of at most `count` items; absent or null is the empty one."""
    value = source.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(join(path, name), _("A list is expected."))
    if len(value) > count:
        raise Unreadable(join(path, name), _("At most %(limit)d items.") % {"limit": count})
    return value


def object_in(source: Mapping[str, Any], name: str, path: str) -> Object | None:
    """An object, or None when it is absent or null."""
    value = source.get(name)
    if value is not None and not isinstance(value, dict):
        raise Unreadable(join(path, name), _("An object is expected."))
    return value


def flag(source: Mapping[str, Any], name: str, path: str, default: bool) -> bool:
    """A boolean; absent or null is the default."""
    value = source.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Unreadable(join(path, name), _("true or false is expected."))
    return value


def number(source: Mapping[str, Any], name: str, path: str, default: float) -> float:
    """A number, whole or not; absent or null is the default."""
    value = source.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(join(path, name), _("A number is expected."))
    return value


def _limited(value: object, path: str, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(path, _("A text is expected."))
    if len(value) > limit:
        raise Unreadable(path, _("At most %(limit)d characters.") % {"limit": limit})
    return value


def _check_scalar(path: str, value: object) -> None:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise Unreadable(path, _("NUL and lone surrogates are not allowed."))
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise Unreadable(path, _("This number is too large."))


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
