"""Which database a data folder belongs to, kept in its file `instance.json`; `migration` asks before it touches one.

A start must never make a new, empty database where people expect theirs, nor write into a stranger's or a newer one.
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from tertulia import __version__

_RESTORING = "restore.unfinished"
_PATIENCE_SECONDS = 5


def place() -> str:
    """The database in words that tell no secret: `sqlite:<path>` or `postgresql:<host>:<port>/<name>`."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:{Path(settings['NAME']).resolve()}"
    return f"postgresql:{settings['HOST'] or 'localhost'}:{settings['PORT'] or 5432}/{settings['NAME']}"


def unreachable() -> str:
    """Why the database's server cannot be reached, empty when it can.

    By one try in sight: the pool would try for ten seconds, log each time, and not say why.
    """
    if connection.vendor != "postgresql":
        return ""
    try:
        with connection.wrap_database_errors:
            single_connection().close()
    except DatabaseError as error:
        return next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ""


def single_connection() -> Any:
    """One of the driver's own, beside Django's and its pool, to read by; its errors are the driver's.

    To SQLite without a chance of making the file or of switching a stranger's to another journal.
    """
    if connection.vendor == "sqlite":
        file = Path(connection.settings_dict["NAME"]).absolute().as_uri()
        return sqlite3.connect(f"{file}?mode=ro", uri=True, timeout=20)
    parameters = connection.get_connection_params() | {"connect_timeout": _PATIENCE_SECONDS}
    return connection.Database.connect(**parameters)  # type: ignore[attr-defined]


def check(data: Path) -> None:
    """Refuse a database that is not this instance's, by ImproperlyConfigured with the reason and the way out."""
    if is_half_restored(data):
        raise ImproperlyConfigured(
            f"{place()} holds a part of a backup: a restore was interrupted. Run tertulia restore again."
        )
    expected = _expected(data)
    tables = _tables()
    if not tables:
        _refuse_lost(expected, data)
    elif not {"django_migrations", "accounts_user"} <= tables:
        raise ImproperlyConfigured(
            f"{place()} holds {len(tables)} tables that are not Tertulia's ({min(tables)} …): "
            "set DATABASE_URL to a database of its own."
        )
    else:
        _refuse_newer()


def note(data: Path) -> None:
    """Remember that the folder belongs to the present database."""
    path = data / "instance.json"
    if _expected(data) == place():
        return
    unfinished = path.with_name(f".instance.json.{os.getpid()}")
    unfinished.write_text(json.dumps({"database": place(), "since_version": __version__}) + "\n")
    unfinished.replace(path)


def begin_restore(data: Path) -> None:
    """From here until `end_restore` the database is not whole, and no start takes it."""
    (data / _RESTORING).touch()


def end_restore(data: Path) -> None:
    """The database is whole and belongs to this folder."""
    note(data)
    (data / _RESTORING).unlink()


def is_half_restored(data: Path) -> bool:
    return (data / _RESTORING).exists()


def _expected(data: Path) -> str:
    try:
        found: dict[str, Any] = json.loads((data / "instance.json").read_text())
        return str(found["database"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"{data / 'instance.json'} is damaged: {error}") from None


def _tables() -> set[str]:
    if connection.vendor == "sqlite":
        return _tables_of_file(Path(connection.settings_dict["NAME"]))
    return set(connection.introspection.table_names())


def _tables_of_file(path: Path) -> set[str]:
    if not path.exists():
        return set()
    try:
        with closing(single_connection()) as file:
            rows = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.DatabaseError as error:
        raise ImproperlyConfigured(f"{path} is not a database that can be read: {error}") from None
    return {name for (name,) in rows if not name.startswith("sqlite_")}


def _refuse_lost(expected: str, data: Path) -> None:
    if not expected:
        return
    if expected == place():
        raise ImproperlyConfigured(
            f"{place()} is gone or empty, but this data folder has been used with it. Restore a backup, or remove "
            f"{data / 'instance.json'} to begin anew."
        )
    raise ImproperlyConfigured(
        f"{place()} is empty, but this data folder belongs to {expected}. To move it: tertulia move --to. To begin "
        f"anew: another TERTULIA_DATA, or remove {data / 'instance.json'}."
    )


def _refuse_newer() -> None:
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    unknown = sorted(
        f"{app}.{name}"
        for app, name in set(loader.applied_migrations) - set(loader.disk_migrations)
        if app in loader.migrated_apps
    )
    if unknown:
        raise ImproperlyConfigured(
            f"{place()} was used by a newer version of Tertulia (it has {unknown[-1]}, this is {__version__}): "
            "install that version, or restore a backup from before."
        )
