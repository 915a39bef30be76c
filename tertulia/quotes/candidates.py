"""What one statement of either database finds for a few search terms; `index` calls it and ranks the result.

Terms come from `providers.lexical`, which splits text of every language alike: SQLite's FTS5 and PostgreSQL's tsvector
only ever see words with blanks between them, and need no dictionary.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from django.db import connection

from tertulia.quotes.models import Quote


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
    if not terms:
        return []
    backend = _backend()
    return _select(backend, backend.all(terms), columns, backend.newest, [limit])


class _Backend(Protocol):
    """The parts of the statement, with the values for their placeholders."""

    tables: str
    match: str
    newest: str

    def any(self, terms: Iterable[str]) -> str: ...

    def all(self, terms: Iterable[str]) -> str: ...

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]: ...


class _SQLite:
    tables = "quotes_search JOIN quotes_quote q ON q.id = quotes_search.rowid"
    match = "quotes_search MATCH %s"
    newest = "quotes_search.rowid DESC"

    def any(self, terms: Iterable[str]) -> str:
        return " OR ".join(map(_string, terms))

    def all(self, terms: Iterable[str]) -> str:
        return " AND ".join(map(_string, terms))

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]:
        return "quotes_search.rank", []


class _PostgreSQL:
    """`ts_rank` knows nothing of rarity: the weights of the terms that are there are summed instead."""

    tables = "quotes_quote q"
    match = "q.vector @@ %s::tsquery"
    newest = "q.id DESC"

    def any(self, terms: Iterable[str]) -> str:
        return " | ".join(map(_lexeme, terms))

    def all(self, terms: Iterable[str]) -> str:
        return " & ".join(map(_lexeme, terms))

    def order(self, weights: Mapping[str, float]) -> tuple[str, list[Any]]:
        found = "CASE WHEN q.vector @@ %s::tsquery THEN %s::float8 ELSE 0 END"
        values: list[Any] = [value for term, weight in weights.items() for value in (_lexeme(term), weight)]
        return f"{' + '.join([found] * len(weights))} DESC, length(q.terms)", values


def _backend() -> _Backend:
    return _SQLite() if connection.vendor == "sqlite" else _PostgreSQL()


def _select(
    backend: _Backend, match: str, columns: Mapping[str, Any], order: str, values: list[Any]
) -> list[Entry]:
    conditions = [backend.match, *(f"q.{name} = %s" for name in columns)]
    wanted = [_prepared(name, value) for name, value in columns.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT q.id, q.terms FROM {backend.tables} WHERE {' AND '.join(conditions)} "  # noqa: S608  (our names)
            f"ORDER BY {order} LIMIT %s",
            [match, *wanted, *values],
        )
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
