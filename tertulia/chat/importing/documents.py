"""JSON files of any size, one value after the other: an array's items, or objects on lines of their own. Pure.

The whole is never in memory, and one damaged item takes none of its neighbours along. `reading` calls it.
"""

import re
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext_lazy as _

from tertulia.chat.importing.shape import Fault
from tertulia.core import strictjson
from tertulia.core.errors import Text

# Bytes of one item. The longest conversations that people complain of elsewhere have some ten megabytes of text.
MAX_ITEM = 24_000_000
# Strings, lists and objects of one item: what bounds its memory when it is parsed.
MAX_PARTS = 1_000_000
MAX_DEPTH = 200
CHUNK = 1 << 18

# Everything up to the next bracket, whole strings included; it stops before a string that the chunk cuts.
# (Possessive repeats would keep no way back; before Python 3.11.5 they match wrongly around what has one.)
_PASSED = re.compile(rb'(?:[^"\[\]{}]+|"[^"\\]*(?:\\.[^"\\]*)*")*', re.DOTALL)
# The rest of a string up to its end, or to where the chunk ends.
_INSIDE = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_OPENING, _CLOSING, _QUOTE, _LIST = b"[{", b"]}", ord('"'), ord("[")

_NOT_JSON = _("It is not valid JSON.")
_NOT_UTF8 = _("It is not UTF-8.")
_ENDS_EARLY = _("The file ends in the middle of something: it is not complete.")


def values(file: IO[bytes]) -> Iterator[object]:
    """Each list or object of the array that a file holds, or of its lines; a Fault in the place of what is damaged."""
    splitter = _Splitter()
    while chunk := file.read(CHUNK):
        for item in splitter.feed(chunk):
            yield item if isinstance(item, Fault) else _parsed(item)
    if splitter.is_inside:
        yield Fault(_ENDS_EARLY)


def _parsed(item: bytes) -> object:
    try:
        return strictjson.parse_any(item.decode())
    except UnicodeDecodeError:
        return Fault(_NOT_UTF8)
    except (ValueError, RecursionError):
        return Fault(_NOT_JSON)


class _Splitter:
    """Finds where items begin and end by brackets alone, in chunks that may be cut anywhere."""

    def __init__(self) -> None:
        self._depth = 0
        # How deep items lie: 1 in an array, 0 when they follow each other.
        self._base: int | None = None
        self._in_string = False
        self._rest = b""
        self._item = bytearray()
        self._parts = 0
        self._fault: Fault | None = None

    @property
    def is_inside(self) -> bool:
        """Whether the end here is an end too early."""
        return self._depth > 0 or self._in_string

    def feed(self, chunk: bytes) -> Iterator[bytes | Fault]:
        """The items that end in this chunk."""
        data, self._rest = self._rest + chunk, b""
        position = begin = 0
        while (position := self._next(data, position)) < len(data):
            byte = data[position]
            position += 1
            if byte in _OPENING:
                if self._opens(byte):
                    begin = position - 1
            elif byte in _CLOSING and self._closes():
                self._keep(data[begin:position])
                yield self._taken()
        if self._depth > (self._base or 0):
            self._keep(data[begin : len(data) - len(self._rest)])

    def _next(self, data: bytes, position: int) -> int:
        """Where the next bracket stands; strings are passed over, and what is cut is kept for the next chunk."""
        if self._in_string:
            position = _end(_INSIDE, data, position)
            if position == len(data):
                return position
            if data[position] != _QUOTE:  # a backslash at the very end: what it escapes comes next
                self._rest = data[position:]
                return len(data)
            self._in_string = False
            position += 1
        found = _end(_PASSED, data, position)
        self._count(data.count(b'"', position, found) // 2)
        if found < len(data) and data[found] == _QUOTE:
            self._in_string = True
            return self._next(data, found + 1)
        return found

    def _opens(self, byte: int) -> bool:
        """Note a bracket that opens; whether it begins an item."""
        if self._base is None:
            self._base = int(byte == _LIST)
        self._depth += 1
        self._count(1)
        if self._depth > MAX_DEPTH:
            self._refuse(_NOT_JSON)
        return self._depth == self._base + 1

    def _closes(self) -> bool:
        """Note a bracket that closes; whether it ends an item."""
        was_item = self._depth == (self._base or 0) + 1
        self._depth = max(0, self._depth - 1)
        return was_item

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MAX_PARTS:
            self._refuse(_("It has more than %(limit)d parts.") % {"limit": MAX_PARTS})

    def _refuse(self, reason: Text) -> None:
        self._fault = self._fault or Fault(reason)

    def _keep(self, part: bytes) -> None:
        if len(self._item) + len(part) > MAX_ITEM:
            self._refuse(_("It has more than %(limit)d bytes.") % {"limit": MAX_ITEM})
        if self._fault:
            self._item.clear()
        else:
            self._item += part

    def _taken(self) -> bytes | Fault:
        item = self._fault or bytes(self._item)
        self._item.clear()
        self._parts, self._fault = 0, None
        return item


def _end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    """Where a pattern that also matches nothing stops."""
    found = pattern.match(data, position)
    assert found
    return found.end()
