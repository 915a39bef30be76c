"""A lorebook in the form of a character: its entries as rows of fields, or the whole book as JSON; `casting` calls it.

Rows change three members of an entry, and keep whatever else it holds.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from tertulia.characters import reading
from tertulia.core.errors import InvalidInput
from tertulia.core.strictjson import Object, Unreadable

# Three fields each, of the 200 that a form may have. A longer book is edited as JSON.
MAX_ROWS = 40


class Row(NamedTuple):
    """An entry as the form shows it; `keys` have commas between them."""

    keys: str
    content: str
    always: bool


_EMPTY = Row("", "", False)


def known_of(book: Mapping[str, Any] | None) -> int:
    """How many entries the book has: so many of a form's rows are theirs, the others are new."""
    return len((book or {}).get("entries") or [])


def rows_of(book: Mapping[str, Any] | None) -> list[Row] | None:
    """The book's entries and an empty row for one more; None for a book that is too long for rows."""
    entries = (book or {}).get("entries") or []
    if len(entries) > MAX_ROWS:
        return None
    return [*map(_row, entries), _EMPTY]


def as_json(book: Mapping[str, Any] | None) -> str:
    """The whole book for the eye; "" without one."""
    return json.dumps(book, ensure_ascii=False, indent=2) if book else ""


def typed_rows(post: QueryDict) -> list[Row] | None:
    """The rows of a posted form, an empty one for one more behind them; None when it had none."""
    count = _count(post, "lore-rows")
    if count is None:
        return None
    rows = [_typed(post, number) for number in range(min(count, MAX_ROWS + 1))]
    while rows and rows[-1] == _EMPTY:
        rows.pop()
    return [*rows, _EMPTY]


def book_in(post: QueryDict, stored: Object | None) -> Object | None:
    """The book that the form says: its rows over what is stored, or its JSON where that was chosen or is all there is.

    Raises InvalidInput naming `lorebook`.
    """
    rows = typed_rows(post)
    if rows is None or post.get("lorebook_as_json"):
        return _parsed(post.get("lorebook", ""))
    return _merged(stored, rows, _count(post, "lore-known"))


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(", ".join(entry.get("keys") or ()), entry.get("content") or "", bool(entry.get("constant")))


def _typed(post: QueryDict, number: int) -> Row:
    content = post.get(f"lore-{number}-content", "").replace("\r\n", "\n")
    return Row(post.get(f"lore-{number}-keys", ""), content, f"lore-{number}-always" in post)


def _count(post: QueryDict, name: str) -> int | None:
    text = post.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def _merged(stored: Object | None, rows: list[Row], known: int | None) -> Object | None:
    entries = (stored or {}).get("entries") or []
    if known != len(entries):
        text = _("The lorebook has changed meanwhile. Load the page again.")
        raise InvalidInput.field("lorebook", text)
    # Rows that are empty to the end are not among them.
    padded = [*rows, *[_EMPTY] * len(entries)]
    merged = [_changed(entry, row) for entry, row in zip(entries, padded, strict=False)]
    for row in rows[known:]:
        if row.content.strip():
            new = {"enabled": True, "insertion_order": len(merged), "extensions": {}}
            merged.append(_changed(new, row))
    kept = [entry for entry in merged if entry is not None]
    if kept == entries:
        return stored
    return {**(stored or {"extensions": {}}), "entries": kept} if kept or stored else None


def _changed(entry: Object, row: Row) -> Object | None:
    """The entry with what the row says otherwise; None for one that was emptied."""
    if row == _row(entry):
        return entry
    if not row.content.strip():
        return None
    keys = [key for part in row.keys.split(",") if (key := part.strip())]
    return {**entry, "keys": keys, "content": row.content, "constant": row.always}


def _parsed(text: str) -> Object | None:
    if not text.strip():
        return None
    try:
        return reading.parse(text.encode())
    except Unreadable as fault:
        raise InvalidInput.field("lorebook", fault.reason) from None
