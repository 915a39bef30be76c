"""Bringing the database up to date when a server starts; of several that start at once, one does it."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tertulia.config import completion, instance
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
    if _is_done(data):
        instance.note(data)
    else:
        _migrate(data)


def migrate_apart(data: Path) -> None:
    """The same in a process of its own, which takes along what the models of every migration occupy (some 17 MB).

    For a server before it has a thread or a connection. The child has this very stack: where it fails it says why as
    this process would have, and this one ends with its status.
    """
    if _is_done(data):
        instance.note(data)
    elif _can_fork():
        _migrate_in_child(data)
    else:
        _migrate(data)


def _is_done(data: Path) -> bool:
    """As most starts find it. Loading every migration to see that would be a quarter of each."""
    return not instance.is_half_restored(data) and completion.is_noted()


def _migrate(data: Path) -> None:
    with exclusive(data):
        instance.check(data)
        if _has_history() and _is_behind():
            _copy(data)
        completion.complete()
        instance.note(data)
    connection.close()


def _migrate_in_child(data: Path) -> None:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _migrate(data)
        os._exit(0)
    if status := os.waitstatus_to_exitcode(_awaited(child)):
        sys.exit(status if status > 0 else f"tertulia: the migration was ended by signal {-status}.")


def _can_fork() -> bool:
    """Windows cannot; on macOS the system's own libraries do not bear it."""
    return sys.platform == "linux"


def _awaited(child: int) -> int:
    try:
        return os.waitpid(child, 0)[1]
    except KeyboardInterrupt:  # the terminal has interrupted both: the child rolls back first
        os.waitpid(child, 0)
        raise


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
