"""A lorebook in the form of a character: its entries as rows of fields, or the whole book as JSON; `casting` calls it.

Rows change three members of an entry, and keep whatever else it holds.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from tertulia.characters import reading
from tertulia.characters.reading import Object
from tertulia.core.errors import InvalidInput

# Three fields each, of the 200 that a form may have. A longer book is edited as JSON.
MAX_ROWS = 40


class Row(NamedTuple):
    """An entry as the form shows it; `keys` have commas between them."""

    keys: str
    content: str
    always: bool


def rows_of(book: Mapping[str, Any] | None) -> list[Row] | None:
    """The book's entries and an empty row for one more; None for a book that is too long for rows."""
    entries = (book or {}).get("entries") or []
    if len(entries) > MAX_ROWS:
        return None
    return [*map(_row, entries), Row("", "", False)]


def as_json(book: Mapping[str, Any] | None) -> str:
    """The whole book for the eye; "" without one."""
    return json.dumps(book, ensure_ascii=False, indent=2) if book else ""


def typed_rows(post: QueryDict) -> list[Row] | None:
    """The rows of a posted form; None when it had none."""
    count = post.get("lore-rows", "")
    if not (count.isascii() and count.isdigit() and len(count) < 4):
        return None
    return [_typed(post, number) for number in range(min(int(count), MAX_ROWS + 1))]


def book_in(post: QueryDict, stored: Object | None) -> Object | None:
    """The book that the form says: its rows over what is stored, or its JSON where that was chosen or is all there is.

    Raises InvalidInput naming `lorebook`.
    """
    rows = typed_rows(post)
    if rows is None or post.get("lorebook_as_json"):
        return _parsed(post.get("lorebook", ""))
    return _merged(stored, rows)


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(", ".join(entry.get("keys") or ()), entry.get("content") or "", bool(entry.get("constant")))


def _typed(post: QueryDict, number: int) -> Row:
    content = post.get(f"lore-{number}-content", "").replace("\r\n", "\n")
    return Row(post.get(f"lore-{number}-keys", ""), content, f"lore-{number}-always" in post)


def _merged(stored: Object | None, rows: list[Row]) -> Object | None:
    entries = (stored or {}).get("entries") or []
    if len(rows) != len(entries) + 1:
        text = _("The lorebook has changed meanwhile. Load the page again.")
        raise InvalidInput.field("lorebook", text)
    merged = [_changed(entry, row) for entry, row in zip(entries, rows, strict=False)]
    if rows[-1].content.strip():
        merged.append(_changed({"enabled": True, "insertion_order": len(merged), "extensions": {}}, rows[-1]))
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
    except reading.Unreadable as fault:
        raise InvalidInput.field("lorebook", fault.reason) from None
