"""Everything of one user, found by the database's own references: for the export and for the proof of an erasure.

No list of tables to forget one in: what another application adds tomorrow is found by its foreign keys, and
`mentions` reads every column of every table, search indexes included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import CASCADE, BinaryField, F, Field, FileField, ForeignKey, Model, QuerySet

from tertulia.accounts.models import User

# What a row belongs to somebody by; other references (who applied, who invited) do not make it theirs.
_OWNERS = ("user", "owner")
# Secrets, however hashed, and how to sign in as somebody.
_SECRETS = frozenset(("password", "digest", "session_key", "session_data"))
# Tables that refer to a user and are not exported, with the reason.
LEFT_OUT = {
    "account.EmailAddress": "not used: the address stands in accounts.User",
    "account.EmailConfirmation": "not used",
    "accounts.SignInLink": "a way in",
    "accounts.Ticket": "begun and short-lived, and a way in",
    "admin.LogEntry": "what staff did in the admin, about others",
    "chat.GenerationEvent": "a copy of an answer while it is written",
    "chat.IdempotencyKey": "a copy of a request for a day",
    "mfa.Authenticator": "secrets of the second factor",
    "quotes.QuoteVector": "computed from quotes.Quote",
    "socialaccount.SocialToken": "not used, and a way in",
}
# References that do not make a row the user's own.
NOT_OWNED = {
    "accounts.AuditEvent.actor": "what staff did to others",
    "accounts.Invitation.made_by": "a link for somebody else",
    "accounts.Invitation.used_by": "somebody else's link; the joining is in accounts.AuditEvent",
    "quotes.Quote.applied_by": "somebody else's quote",
}
# Rows of one statement: none holds the database for long, none fills the memory.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A model with rows of the user's, and the look-up that leads from a row to the user."""

    model: type[Model]
    path: str

    @property
    def name(self) -> str:
        return self.model._meta.label

    @property
    def title(self) -> str:
        """What its rows are called, in the language of now."""
        return str(self.model._meta.verbose_name_plural)


@dataclass(frozen=True, slots=True)
class Holding:
    """How many rows of a table are a user's, and how many media files they name."""

    table: Table
    rows: int
    files: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that still knows a user, and how often."""

    place: str
    count: int


def tables() -> list[Table]:
    """The models whose rows are a user's, directly or as parts of such rows."""
    found: dict[type[Model], Table] = {User: Table(User, "pk")}
    frontier = list(found.values())
    while frontier:
        frontier = [table for each in frontier for table in _parts(each) if table.model not in found]
        found |= {table.model: table for table in frontier}
    return [table for table in found.values() if table.name not in LEFT_OUT]


def holdings(user_id: UUID) -> list[Holding]:
    """How much of each kind is the user's, without what there is nothing of."""
    found = [_holding(table, user_id) for table in tables()]
    return [holding for holding in found if holding.rows]


def batches(table: Table, user_id: UUID) -> Iterator[list[dict[str, Any]]]:
    """The user's rows of a table as plain values, in batches; each step is one statement."""
    columns = [field.attname for field in table.model._meta.concrete_fields if _is_told(field)]
    rows = _rows(table, user_id).order_by("pk")
    last: Any = None
    while True:
        more = rows if last is None else rows.filter(pk__gt=last)
        batch = list(more.values(*columns, row_key=F("pk"))[:BATCH])
        if not batch:
            return
        last = batch[-1]["row_key"]
        yield [{name: row[name] for name in columns} for row in batch]


def file_names(table: Table, row: Mapping[str, Any]) -> list[str]:
    """The media files that a row of `batches` names."""
    return [str(row[column]) for column in _file_columns(table) if row.get(column)]


def references(user_id: UUID) -> list[Finding]:
    """Rows that refer to a user by a foreign key, the user's own among them."""
    findings = []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if (model is User and field.primary_key) or _target(field) is User:
                count = model._base_manager.filter(**{field.attname: user_id}).count()
                findings.append(Finding(f"{model._meta.db_table}.{field.column}", count))
    return [finding for finding in findings if finding.count]


def mentions(*texts: str) -> list[Finding]:
    """Columns of any table, known to Django or not, in which one of the texts occurs. Reads everything there is."""
    findings = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            for column in connection.introspection.get_table_description(cursor, table):
                count = _count(cursor, table, column.name, texts)
                findings.append(Finding(f"{table}.{column.name}", count))
    return [finding for finding in findings if finding.count]


def nameless_files() -> list[str]:
    """Media files that no row names: what an erasure may have left."""
    named = {
        name
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, FileField)
        for name in model._base_manager.values_list(field.attname, flat=True)
    }
    root = Path(settings.MEDIA_ROOT)
    files = (path for path in root.rglob("*") if path.is_file()) if root.is_dir() else ()
    return sorted(name for path in files if (name := path.relative_to(root).as_posix()) not in named)


def _rows(table: Table, user_id: UUID) -> "QuerySet[Model]":
    return table.model._base_manager.filter(**{table.path: user_id})


def _holding(table: Table, user_id: UUID) -> Holding:
    rows = _rows(table, user_id)
    files = sum(rows.exclude(**{f"{column}__in": ["", None]}).count() for column in _file_columns(table))
    return Holding(table, rows.count(), files)


def _file_columns(table: Table) -> list[str]:
    return [field.attname for field in table.model._meta.concrete_fields if isinstance(field, FileField)]


def _is_told(field: "Field[Any, Any]") -> bool:
    """Whether an export tells a column: no secrets, and nothing that only a program reads."""
    return field.name not in _SECRETS and not isinstance(field, BinaryField)


def _parts(table: Table) -> Iterator[Table]:
    """Tables whose rows are owned by, or deleted with, rows of this one."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if _target(field) is not table.model:
                continue
            if table.model is User and field.name in _OWNERS:
                yield Table(model, field.name)
            elif table.model is not User and field.remote_field.on_delete is CASCADE:  # type: ignore[union-attr]
                yield Table(model, f"{field.name}__{table.path}")


def _target(field: "Field[Any, Any]") -> type[Model] | None:
    return field.remote_field.model if isinstance(field, ForeignKey) else None


def _count(cursor: Any, table: str, column: str, texts: tuple[str, ...]) -> int:
    quoted, name = connection.ops.quote_name(table), connection.ops.quote_name(column)
    condition = " OR ".join([f"LOWER(CAST({name} AS TEXT)) LIKE %s"] * len(texts))
    patterns = [f"%{text.lower()}%" for text in texts]
    cursor.execute(f"SELECT COUNT(*) FROM {quoted} WHERE {condition}", patterns)  # noqa: S608  (quoted names)
    return int(cursor.fetchone()[0])
