"""Two ways to page a list: numbered pages where the origins had them, cursors for everything that grows.

Both give absolute links. Whatever is wrong with a parameter is a 400 that names it.
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput, NotFound

Row = TypeVar("Row", bound=Model)

MAX_NUMBER = 1_000_000_000
DEFAULT_LIMIT, MAX_LIMIT = 50, 200


def whole_number(request: HttpRequest, names: Sequence[str], default: int, least: int, most: int) -> int:
    """A query parameter under the first of its `names` that is there; raises InvalidInput naming it."""
    name = next((name for name in names if name in request.GET), None)
    if name is None:
        return default
    text = request.GET[name]
    # str.isdigit alone would take ² and thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        bounds = {"least": least, "most": most}
        raise InvalidInput.field(name, _("A whole number from %(least)d to %(most)d is expected.") % bounds)
    return int(text)


# Parameters that say which part of a list is shown; all others say which list.
_PLACES = frozenset({"page", "per_page", "per-page", "page_size", "cursor", "limit", "leaf"})


def link(request: HttpRequest, parameters: Mapping[str, Any]) -> str:
    """The absolute address of another part of this list, narrowed by the same parameters as the request's own."""
    kept = [(name, texts) for name, texts in request.GET.lists() if name not in _PLACES]
    query = urlencode([*parameters.items(), *kept], doseq=True)
    return request.build_absolute_uri(f"{request.path_info}?{query}")


# --- Numbered pages -------------------------------------------------------------------------------------------------


class Link(NamedTuple):
    """An RFC 8288 link."""

    rel: str
    url: str


class Numbered(NamedTuple, Generic[Row]):
    """One numbered page: `total` counts all rows, `links` has only the relations that exist."""

    rows: list[Row]
    total: int
    links: list[Link]

    def url(self, rel: str) -> str | None:
        return next((link.url for link in self.links if link.rel == rel), None)

    def header(self) -> str:
        """The value of the Link header."""
        return ", ".join(f'<{link.url}>; rel="{link.rel}"' for link in self.links)


def numbered(request: HttpRequest, rows: QuerySet[Row]) -> Numbered[Row]:
    """The page that `page` and `per_page` ask for; NotFound beyond the last one (the first always exists)."""
    number = whole_number(request, ["page"], 1, 1, MAX_NUMBER)
    size = whole_number(request, ["per_page", "per-page"], 10, 5, 100)
    count = rows.count()
    last = max(1, math.ceil(count / size))
    if number > last:
        raise NotFound(_("The last page is %(last)d.") % {"last": last})
    numbers = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    links = [
        Link(rel, link(request, {"page": page, "per_page": size}))
        for rel, page in numbers.items()
        if 1 <= page <= last
    ]
    return Numbered(list(rows[(number - 1) * size : number * size]), count, links)


# --- Cursors --------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column of the order; `parse` reads what `str` or `isoformat` wrote and raises ValueError."""

    name: str
    parse: Callable[[str], Any]


def _utc(text: str) -> datetime:
    """A forged offset could lead out of the calendar."""
    value = datetime.fromisoformat(text)
    if value.utcoffset() != timedelta(0):
        raise ValueError(text)
    return value


IDS = Column("id", UUID)
UPDATES = Column("updated_at", _utc)

_Key = tuple[Any, ...]


class Slice(NamedTuple, Generic[Row]):
    """One page of a list by cursor, with the addresses of its neighbours."""

    rows: list[Row]
    next: str | None
    previous: str | None

    def body(self, results: Sequence[Any]) -> dict[str, Any]:
        return {"results": results, "next": self.next, "previous": self.previous}


def limit_of(request: HttpRequest) -> int:
    """The `limit` parameter of a list by cursor."""
    return whole_number(request, ["limit"], DEFAULT_LIMIT, 1, MAX_LIMIT)


def sliced(
    request: HttpRequest, rows: QuerySet[Row], columns: Sequence[Column], *, descending: bool = False
) -> Slice[Row]:
    """The page that `cursor` and `limit` ask for, of `rows` in the order of `columns`, which are unique together.

    A cursor holds the values of the row it stands at, so that rows which come or go meanwhile move nothing.
    """
    limit = limit_of(request)
    backwards, key = _decoded(request.GET.get("cursor"), columns)
    falling = descending != backwards
    names = [column.name for column in columns]
    if key is not None:
        rows = rows.filter(_beyond(names, key, "lt" if falling else "gt"))
    found = list(rows.order_by(*(f"-{name}" if falling else name for name in names))[: limit + 1])
    page, has_more = found[:limit], len(found) > limit
    if backwards:
        page.reverse()
    has_before, has_after = (has_more, True) if backwards else (key is not None, has_more)

    def neighbour(mark: str, row: Row) -> str:
        cursor = _encoded(mark, [getattr(row, name) for name in names])
        return link(request, {"limit": limit, "cursor": cursor})

    return Slice(
        page,
        neighbour("n", page[-1]) if page and has_after else None,
        neighbour("p", page[0]) if page and has_before else None,
    )


def _beyond(names: Sequence[str], key: _Key, comparison: str) -> Q:
    """Rows after `key`: (a, b) beyond (x, y) is a beyond x, or a = x and b beyond y."""
    condition = Q()
    for index, name in enumerate(names):
        same = dict(zip(names[:index], key, strict=False))
        condition |= Q(**same, **{f"{name}__{comparison}": key[index]})
    return condition


def _encoded(mark: str, values: Sequence[Any]) -> str:
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode("|".join([mark, *texts]).encode()).decode().rstrip("=")


def _decoded(cursor: str | None, columns: Sequence[Column]) -> tuple[bool, _Key | None]:
    """Whether the cursor looks backwards, and the key that it stands at."""
    if cursor is None:
        return False, None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
        mark, *values = text.split("|")
        key = tuple(column.parse(value) for column, value in zip(columns, values, strict=True))
        if mark not in ("n", "p"):
            raise ValueError(mark)
    except (binascii.Error, ValueError):
        raise InvalidInput.field("cursor", _("This is no cursor of this list.")) from None
    return mark == "p", key
