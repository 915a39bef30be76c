"""Typed reading of JSON that strangers wrote: `cards` and `lorebook` take every value through here. Pure.

What is not as it must be raises Unreadable with the path of the value, such as `data.tags.3`.
"""

import codecs
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.core import strictjson
from tertulia.core.strictjson import Object, Unreadable, join

# Around what is kept, a card has some levels of its own.
MAX_CARD_DEPTH = strictjson.MAX_DEPTH + 4


def parse(raw: bytes) -> Object:
    """The object in a card file, its values checked; raises Unreadable. Some programs write a byte order mark first."""
    return strictjson.parse(raw.removeprefix(codecs.BOM_UTF8), MAX_CARD_DEPTH)


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
