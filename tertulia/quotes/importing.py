"""Lines from a file, CSV or JSON Lines: the API and `tertulia import_quotes` read them with it, and tell of each.

A line that cannot be taken stops none of the others. What is known of a line stands in its Outcome.
"""

import csv
import io
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Any, Literal

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import FieldErrors, Forbidden, InvalidInput
from tertulia.quotes import index, queries, validation
from tertulia.quotes.actions import WORDS, derive, hold_account
from tertulia.quotes.candidates import Entry
from tertulia.quotes.models import Quote

# Lines of one transaction: other writers get their turn in between.
BATCH = 200
# Somebody may propose one of the lines between the look-up and the write.
TRIES = 3

Status = Literal["created", "duplicate", "invalid"]


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file; `number` is that of its first line, from 1."""

    number: int
    words: Mapping[str, str] = field(default_factory=dict)
    errors: FieldErrors | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line: `id` of the quote that was made or is the same, `errors` by field."""

    line: int
    status: Status
    id: int | None = None
    errors: FieldErrors | None = None


def import_lines(*, user: User | None, lines: Iterable[Line], is_apply: bool = False) -> Iterator[Outcome]:
    """Store lines as they are read, applied at once or left to be decided on, and yield what became of each, in order.

    `user` is their proposer, who must be staff, or None. Raises Forbidden.
    """
    if user is not None and not user.is_staff:
        raise Forbidden(_("Only staff import lines."))
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        yield from _stored(user, batch, is_apply)


# --- Reading --------------------------------------------------------------------------------------------------------


def read_lines(name: str, data: bytes) -> Iterator[Line]:
    """The records of a file by the ending of its name; raises InvalidInput naming `file` when it has none at all."""
    reader = _READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise _unreadable(_("A file named .csv or .jsonl is expected."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(_("The file is not UTF-8.")) from None
    return reader(text)


def _read_csv(text: str) -> Iterator[Line]:
    """RFC 4180 with a header that names the columns."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
    except csv.Error:
        header = []
    if "content" not in header or set(header) - set(WORDS) or len(set(header)) < len(header):
        raise _unreadable(_("The first line must name columns: %(names)s.") % {"names": ", ".join(WORDS)})
    return _csv_lines(rows, header)


def _csv_lines(rows: Any, header: list[str]) -> Iterator[Line]:
    while True:
        number = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Line(number, errors={"line": [_("This is not CSV.")]})
            continue
        if len(row) == len(header):
            yield Line(number, dict(zip(header, row, strict=True)))
        elif row:
            yield Line(
                number, errors={"line": [_("%(count)d columns are expected.") % {"count": len(header)}]}
            )


def _read_jsonl(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _json_line(number, line)


def _json_line(number: int, text: str) -> Line:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Line(number, errors={"line": [_("A JSON object is expected.")]})
    given = {name: each for name, each in value.items() if each is not None}
    errors = {name[:60]: [_("This field is not known here.")] for name in given if name not in WORDS}
    errors |= {name: [_("A text is expected.")] for name, each in given.items() if not isinstance(each, str)}
    return Line(number, errors=errors) if errors else Line(number, given)


def _unreadable(text: Any) -> InvalidInput:
    return InvalidInput.field("file", text)


_READERS = {".csv": _read_csv, ".jsonl": _read_jsonl, ".ndjson": _read_jsonl}


# --- Storing --------------------------------------------------------------------------------------------------------


def _stored(user: User | None, batch: list[Line], is_apply: bool) -> list[Outcome]:
    made = {line.number: _made(user, line, is_apply) for line in batch}
    fates = _written(user, {number: quote for number, quote in made.items() if isinstance(quote, Quote)})
    return [fates[number] if isinstance(each, Quote) else each for number, each in made.items()]


def _made(user: User | None, line: Line, is_apply: bool) -> Quote | Outcome:
    """The row of a line, or why there is none."""
    if line.errors:
        return Outcome(line.number, "invalid", errors=line.errors)
    try:
        words = validation.cleaned({"content": "", **line.words})
    except InvalidInput as fault:
        return Outcome(line.number, "invalid", errors=fault.errors)
    applied = {"is_apply": True, "applied_at": clock.now(), "applied_by": user} if is_apply else {}
    quote = Quote(user=user, **words, **applied)
    derive(quote)
    return quote


def _written(user: User | None, quotes: Mapping[int, Quote], tries: int = TRIES) -> dict[int, Outcome]:
    """Insert what is new, and tell of every line."""
    try:
        with transaction():
            if user is not None:
                hold_account(user)
            there = queries.with_digests([quote.digest for quote in quotes.values()])
            fresh = _fresh(quotes.values(), there)
            Quote.objects.bulk_create(fresh.values())
            index.update(added=[Entry(quote.id, quote.terms) for quote in fresh.values()])
    except IntegrityError:
        if tries == 1:
            raise
        return _written(user, quotes, tries - 1)
    return {number: _outcome(number, quote, fresh, there) for number, quote in quotes.items()}


def _fresh(quotes: Iterable[Quote], there: Container[str]) -> dict[str, Quote]:
    """The first row of each digest that is not there, without an id that a try before may have given it."""
    fresh: dict[str, Quote] = {}
    for quote in quotes:
        if quote.digest not in there and fresh.setdefault(quote.digest, quote) is quote:
            quote.pk = None
    return fresh


def _outcome(number: int, quote: Quote, fresh: Mapping[str, Quote], there: Mapping[str, int]) -> Outcome:
    first = fresh.get(quote.digest)
    if first is quote:
        return Outcome(number, "created", quote.id)
    return Outcome(number, "duplicate", first.id if first else there[quote.digest])
