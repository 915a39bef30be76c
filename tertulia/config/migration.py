"""Bringing the database up to date when a server starts; of several that start at once, one does it."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tertulia.config import instance
from tertulia.core import clock

# Any number that no other program on the database is likely to lock.
_ADVISORY_LOCK = 0x7E27_011A
# Copies made before migrations; older ones are removed.
KEPT_COPIES = 3


def migrate(data: Path) -> None:
    """Apply what is missing, under a lock that is released even when the process dies.

    A SQLite database with something in it is copied to `backups/` before. Raises ImproperlyConfigured for a database
    that is not this instance's.
    """
    with exclusive(data):
        instance.check(data)
        if _has_history() and _is_behind():
            _copy(data)
        call_command("migrate", interactive=False, verbosity=0)
        instance.note(data)
    connection.close()


@contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """Whoever changes the schema is alone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_LOCK])
    else:
        with (data / "migrate.lock").open("w") as file:
            _lock(file.fileno())
            yield


def _has_history() -> bool:
    return connection.vendor == "sqlite" and "django_migrations" in connection.introspection.table_names()


def _is_behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _copy(data: Path) -> None:
    """A whole copy by SQLite's online backup; a start that cannot make it must not migrate."""
    folder = data / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"before-migration-{clock.now():%Y%m%dT%H%M%S}.sqlite3"
    unfinished = path.with_suffix(".unfinished")
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(unfinished)) as copy,
    ):
        source.backup(copy)
    unfinished.replace(path)
    for old in sorted(folder.glob("before-migration-*.sqlite3"))[:-KEPT_COPIES]:
        old.unlink()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  (exists only there)

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl  # noqa: PLC0415  (does not exist there)

        fcntl.flock(descriptor, fcntl.LOCK_EX)
