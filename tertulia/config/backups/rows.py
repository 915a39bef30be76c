"""Rows of any model as JSON lines and back, the same text on SQLite and PostgreSQL; `writing` and `reading` call it.

The first line of a table names its columns, every other is one row. A table's digest does not depend on the order of
its rows, because the two databases sort text differently.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import (
    AutoField,
    BigAutoField,
    BooleanField,
    CharField,
    EmailField,
    IntegerField,
    Model,
    PositiveIntegerField,
    PositiveSmallIntegerField,
    SlugField,
    TextField,
)
from django.db.transaction import atomic

# Rows that are fetched or inserted by one statement.
BATCH = 500
# Bytes that go to an archive, or come from it, at once.
BUFFER = 1 << 18


def _plain(value: object) -> object:
    """What JSON does not know: numbers in a row, as a list."""
    if isinstance(value, array):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no form in a backup")


# Sorted keys: PostgreSQL keeps the members of a JSON object in an order of its own.
_encoder = msgspec.json.Encoder(order="sorted", enc_hook=_plain)
_decoder = msgspec.json.Decoder()


@dataclass(slots=True)
class Digest:
    """Of a table's rows, in whatever order they come: the sum of their SHA-256 modulo 2²⁵⁶, and how many they are."""

    rows: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(line).digest())) % 2**256

    def as_json(self) -> dict[str, object]:
        return {"rows": self.rows, "digest": f"{self.total:064x}"}


def encoded(row: Sequence[object]) -> bytes:
    """A row's line; raises NotImplementedError for a value that has no form here."""
    return _encoder.encode(row)


def models(apps: Apps) -> list[type[Model]]:
    """Every model with a table of its own, those of many-to-many relations included, by name."""
    found = {model._meta.label_lower: model for model in apps.get_models(include_auto_created=True)}
    return [model for _, model in sorted(found.items()) if model._meta.managed and not model._meta.proxy]


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent state of the whole database, while others go on writing."""
    connection.ensure_connection()  # it knows its mode only then
    if connection.vendor == "sqlite":
        usual = connection.transaction_mode  # type: ignore[attr-defined]
        # The usual IMMEDIATE would keep every writer out for as long as the reading takes.
        connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
        try:
            with atomic():
                _begin("")
                yield
        finally:
            connection.transaction_mode = usual  # type: ignore[attr-defined]
    else:
        with atomic():
            _begin("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield


def _begin(statement: str) -> None:
    with connection.cursor() as cursor:
        if statement:
            cursor.execute(statement)
        # The state is that of the first read.
        cursor.execute("SELECT COUNT(*) FROM django_migrations")


def lines(model: type[Model], digest: Digest) -> Iterator[bytes]:
    """The table's lines; `digest` is added to."""
    names = [field.attname for field in model._meta.concrete_fields]
    yield _encoder.encode(names)
    for row in model._base_manager.order_by().values_list(*names).iterator(chunk_size=2_000):
        line = encoded(row)
        digest.add(line)
        yield line


def insert(model: type[Model], source: Iterable[bytes]) -> None:
    """Write a table's lines as rows; raises ValueError for columns that the model does not have."""
    rest = iter(source)
    names = _decoder.decode(next(rest))
    fields = {field.attname: field for field in model._meta.concrete_fields}
    if unknown := [name for name in names if name not in fields]:
        raise ValueError(f"{model._meta.label}: no column {', '.join(unknown)}")
    chosen = [fields[name] for name in names]
    converters = [_converter(field) for field in chosen]
    quoted = ", ".join(connection.ops.quote_name(str(field.column)) for field in chosen)
    table = connection.ops.quote_name(model._meta.db_table)
    statement = f"INSERT INTO {table} ({quoted}) VALUES ({', '.join(['%s'] * len(chosen))})"  # noqa: S608  (quoted)
    with connection.cursor() as cursor:
        while batch := list(islice(rest, BATCH)):
            cursor.executemany(statement, [_values(converters, _decoder.decode(line)) for line in batch])


# What the driver takes instead of a value that JSON gave; None: that value itself.
_Converter = Callable[[Any], Any] | None

# Their values are JSON's own. No subclass: one that is not known may store its values in another form.
_AS_IN_JSON = {
    AutoField, BigAutoField, BooleanField, CharField, EmailField, IntegerField, PositiveIntegerField,
    PositiveSmallIntegerField, SlugField, TextField,
}  # fmt: skip


def _converter(field: Any) -> _Converter:
    """Not through `save`: fields that note the time of a save would note this one."""
    kept = field
    while kept.is_relation:
        kept = kept.target_field
    if type(kept) in _AS_IN_JSON:
        return None
    # Not the proxy, which would look it up for every value.
    database = connections[DEFAULT_DB_ALIAS]

    def convert(value: Any) -> Any:
        return kept.get_db_prep_save(kept.to_python(value), database)

    # Many rows name the same few others.
    return lru_cache(BATCH)(convert) if field.is_relation else convert


def _values(converters: Sequence[_Converter], row: Sequence[Any]) -> list[Any]:
    return [
        value if value is None or convert is None else convert(value)
        for convert, value in zip(converters, row, strict=True)
    ]
