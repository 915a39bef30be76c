"""What one statement of either database finds for a few search terms; `index` calls it and ranks the result.

Terms come from `providers.lexical`, which splits text of every language alike: SQLite's FTS5 and PostgreSQL's tsvector
only ever see words with blanks between them, and need no dictionary.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from django.db import connection

from tertulia.quotes.models import Quote

# Lines of a speaker, a work or a member that SQLite looks through one by one: a few milliseconds.
_MOST_LOOKED_THROUGH = 5_000
# Columns with few values.
_BROAD = frozenset({"is_apply", "language"})


class Entry(NamedTuple):
    """A quote as the index sees it; `terms` are separated by blanks, each as often as it occurs."""

    id: int
    terms: str


def of_any(weights: Mapping[str, float], columns: Mapping[str, Any], limit: int) -> list[Entry]:
    """The about best `limit` quotes with at least one of these terms, among those with these values of columns."""
    backend = _backend()
    order, values = backend.order(weights)
    return _select(backend, backend.any(weights), columns, order, [*values, limit])


def of_all(terms: Collection[str], columns: Mapping[str, Any], limit: int) -> list[Entry]:
    """The newest `limit` quotes with all of these terms: however many there are, these are found soon."""
    return _backend().newest(terms, columns, limit) if terms else []


def newest_of_any(terms: Collection[str], columns: Mapping[str, Any], limit: int) -> list[Entry]:
    """The newest `limit` quotes with at least one of these terms, of which there are few."""
    backend = _backend()
    # No plain column: PostgreSQL would go through all quotes, the newest first, until it had that many.
    return _select(backend, backend.any(terms), columns, "q.id + 0 DESC", [limit]) if terms else []


def newest_holding(text: str, columns: Mapping[str, Any], limit: int) -> list[Entry]:
    """The newest `limit` quotes in whose terms a text stands that is frequent: one after the other, until that many
    are found.
    """
    condition, values = _where(columns, () if _BROAD.issuperset(columns) else _BROAD)
    return _entries(
        f"SELECT q.id, q.terms FROM quotes_quote q WHERE {condition} AND {_backend().holds} > 0 "  # noqa: S608  (our names)
        "ORDER BY q.id DESC LIMIT %s",
        [*values, text, limit],
    )


class _Backend(Protocol):
    """The parts of the statement, with the values for their placeholders."""

    tables: str
    match: str
    holds: str

    def any(self, terms: Iterable[str]) -> str: ...

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]: ...

    def newest(self, terms: Collection[str], columns: Mapping[str, Any], limit: int) -> list[Entry]: ...


class _SQLite:
    tables = "quotes_search JOIN quotes_quote q ON q.id = quotes_search.rowid"
    match = "quotes_search MATCH %s"
    holds = "instr(q.terms, %s)"

    def any(self, terms: Iterable[str]) -> str:
        return " OR ".join(map(_string, terms))

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]:
        return "quotes_search.rank", []

    def newest(self, terms: Collection[str], columns: Mapping[str, Any], limit: int) -> list[Entry]:
        """FTS5 knows no columns: to find what little a speaker says among all that holds a frequent word, it would look
        at all of that. So where the columns alone narrow the board enough, their lines are looked through instead.
        """
        # Without statistics it would not know which index narrows more.
        condition, values = _where(columns, () if _BROAD.issuperset(columns) else _BROAD)
        if columns and self._are_few(condition, values):
            return self._looked_through(terms, condition, values, limit)
        match = " AND ".join(map(_string, terms))
        return _select(self, match, columns, "quotes_search.rowid DESC", [limit])

    def _are_few(self, condition: str, values: list[Any]) -> bool:
        some = f"SELECT 1 FROM quotes_quote q WHERE {condition} LIMIT %s"  # noqa: S608  (our names)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({some})", [*values, _MOST_LOOKED_THROUGH + 1])  # noqa: S608
            return bool(cursor.fetchone()[0] <= _MOST_LOOKED_THROUGH)

    def _looked_through(
        self, terms: Collection[str], condition: str, values: list[Any], limit: int
    ) -> list[Entry]:
        holds = " AND ".join(["instr(' ' || q.terms || ' ', %s)"] * len(terms))
        return _entries(
            f"SELECT q.id, q.terms FROM quotes_quote q WHERE {condition} AND {holds} "  # noqa: S608  (our names)
            "ORDER BY q.id DESC LIMIT %s",
            [*values, *(f" {term} " for term in terms), limit],
        )


class _PostgreSQL:
    """`ts_rank` knows nothing of rarity: the weights of the terms that are there are summed instead."""

    tables = "quotes_quote q"
    match = "q.vector @@ %s::tsquery"
    holds = "strpos(q.terms, %s)"

    def any(self, terms: Iterable[str]) -> str:
        return " | ".join(map(_lexeme, terms))

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]:
        found = "CASE WHEN q.vector @@ %s::tsquery THEN %s::float8 ELSE 0 END"
        values: list[Any] = [value for term, weight in weights.items() for value in (_lexeme(term), weight)]
        return f"{' + '.join([found] * len(weights))} DESC, length(q.terms)", values

    def newest(self, terms: Collection[str], columns: Mapping[str, Any], limit: int) -> list[Entry]:
        """Its planner knows from statistics which index narrows most."""
        return _select(self, " & ".join(map(_lexeme, terms)), columns, "q.id DESC", [limit])


def _backend() -> _Backend:
    return _SQLite() if connection.vendor == "sqlite" else _PostgreSQL()


def _select(
    backend: _Backend, match: str, columns: Mapping[str, Any], order: str, values: list[Any]
) -> list[Entry]:
    condition, wanted = _where(columns)
    return _entries(
        f"SELECT q.id, q.terms FROM {backend.tables} WHERE {backend.match} AND {condition} "  # noqa: S608  (our names)
        f"ORDER BY {order} LIMIT %s",
        [match, *wanted, *values],
    )


def _where(columns: Mapping[str, Any], broad: Collection[str] = ()) -> tuple[str, list[Any]]:
    """A condition, and the values for its placeholders; a + keeps SQLite from the indexes of `broad` columns."""
    conditions = [f"{'+' if name in broad else ''}q.{name} = %s" for name in columns]
    return " AND ".join(conditions) or "true", [_prepared(name, value) for name, value in columns.items()]


def _entries(statement: str, values: list[Any]) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Entry(*row) for row in cursor.fetchall()]


def _string(term: str) -> str:
    """A term as FTS5 writes a string."""
    return '"' + term.replace('"', '""') + '"'


def _lexeme(term: str) -> str:
    """A term as PostgreSQL writes one in a tsquery."""
    return "'" + re.sub(r"(['\\])", r"\1\1", term) + "'"


def _prepared(name: str, value: object) -> Any:
    """A value as the database's own parameter; a name that is no column of ours raises FieldDoesNotExist."""
    return Quote._meta.get_field(name.removesuffix("_id")).get_db_prep_value(value, connection)  # type: ignore[union-attr]
