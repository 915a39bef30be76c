"""Bringing the database up to date when a server starts; of several that start at once, one does it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection

# Any number that no other program on the database is likely to lock.
_ADVISORY_LOCK = 0x7E27_011A


def migrate(data: Path) -> None:
    """Apply what is missing, under a lock that is released even when the process dies."""
    with _exclusive(data):
        call_command("migrate", interactive=False, verbosity=0)
    connection.close()


@contextmanager
def _exclusive(data: Path) -> Iterator[None]:
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


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  (exists only there)

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl  # noqa: PLC0415  (does not exist there)

        fcntl.flock(descriptor, fcntl.LOCK_EX)
