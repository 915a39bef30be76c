"""Whether the migrations of this code are all in the database, asked without loading one of them; `migration` asks.

The database remembers for which migrations a run has come to its end, signals included: SQLite in its `user_version`,
PostgreSQL in the comment of Django's table. That table alone could not tell: permissions are made after its last row.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from tertulia.config import instance

# An application and the name of one of its migrations.
Migration = tuple[str, str]

# Of Django; its model would be made anew each time.
_TABLE = "django_migrations"
_APPLIED = f"SELECT app, name FROM {_TABLE}"  # noqa: S608  (a constant)


def is_noted() -> bool:
    """Whether a run has ended with these very migrations, and the database has no other ones. In doubt: False.

    By a connection of its own: Django's would have to be given up before a fork, and its pool has threads.
    """
    on_disk = _on_disk()
    mark, applied = _of_sqlite() if connection.vendor == "sqlite" else _of_postgresql()
    ours = {app for app, _ in on_disk}
    return mark == _mark(on_disk) and {each for each in applied if each[0] in ours} == on_disk


def note() -> None:
    """Note that a run has ended. Where the role must not, the next start looks through the migrations again."""
    mark = _mark(_on_disk())
    statement = (
        f"PRAGMA user_version = {mark}"
        if connection.vendor == "sqlite"
        else f"COMMENT ON TABLE {_TABLE} IS 'complete: {mark}'"
    )
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


def _on_disk() -> set[Migration]:
    """What Django's loader would find, by the names of the files."""
    found = set()
    for app in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(app.label)
        spec = find_spec(module) if module else None
        for each in iter_modules(spec.submodule_search_locations if spec else ()):
            if not each.ispkg and each.name[0] not in "_~":
                found.add((app.label, each.name))
    return found


def _mark(migrations: Iterable[Migration]) -> int:
    """A number for this set of migrations that fits SQLite's `user_version`, and is not its default 0."""
    digest = hashlib.sha256(json.dumps(sorted(migrations)).encode()).digest()
    return int.from_bytes(digest[:4]) >> 1 | 1


def _of_sqlite() -> tuple[int, list[Migration]]:
    path = Path(connection.settings_dict["NAME"]).absolute()
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as file,
    ):
        [(mark,)] = file.execute("PRAGMA user_version").fetchall()
        return mark, file.execute(_APPLIED).fetchall()
    return 0, []


def _of_postgresql() -> tuple[int, list[Migration]]:
    with suppress(DatabaseError), connection.wrap_database_errors, instance.single_connection() as one:
        [(comment,)] = one.execute("SELECT obj_description(%s::regclass, 'pg_class')", [_TABLE]).fetchall()
        mark = (comment or "").removeprefix("complete: ")
        return int(mark) if mark.isascii() and mark.isdigit() else 0, one.execute(_APPLIED).fetchall()
    return 0, []
