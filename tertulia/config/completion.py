"""Brings the database to the migrations of this code, and tells without loading one of them whether it is there.

The database remembers for which migrations a run has come to its end, signals included: SQLite in its `user_version`,
PostgreSQL in the comment of Django's table. That table alone could not tell: permissions are made after its last row.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import closing, suppress
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from tertulia.config import instance

# An application and the name of one of its migrations.
Migration = tuple[str, str]

_APPLIED = "SELECT app, name FROM django_migrations"
_NOTED = {
    "sqlite": "PRAGMA user_version",
    "postgresql": "SELECT obj_description('django_migrations'::regclass, 'pg_class')",
}
# A whole number, which the digest of the names is.
_NOTE = {
    "sqlite": "PRAGMA user_version = {}",
    "postgresql": "COMMENT ON TABLE django_migrations IS '{}'",
}


def is_noted() -> bool:
    """Whether a run has ended with these very migrations, and the database has no other ones. In doubt: False.

    By a connection of its own: Django's would have to be given up before a fork, and its pool has threads.
    """
    on_disk = _on_disk()
    ours = {app for app, _ in on_disk}
    with (
        suppress(DatabaseError),
        connection.wrap_database_errors,
        closing(instance.single_connection()) as one,
    ):
        [(noted,)] = one.execute(_NOTED[connection.vendor]).fetchall()
        applied = {(app, name) for app, name in one.execute(_APPLIED).fetchall() if app in ours}
        return str(noted) == str(_number_of(on_disk)) and applied == on_disk
    return False


def complete() -> None:
    """Apply what is missing, and note that the run has ended."""
    call_command("migrate", interactive=False, verbosity=0)
    # Where the role must not, the next start looks through the migrations again.
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute(_NOTE[connection.vendor].format(_number_of(_on_disk())))


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


def _number_of(migrations: Iterable[Migration]) -> int:
    """For this set of migrations, such that it fits SQLite's `user_version` and is not its default 0."""
    digest = hashlib.sha256(json.dumps(sorted(migrations)).encode()).digest()
    return int.from_bytes(digest[:4]) >> 1 | 1
