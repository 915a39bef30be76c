"""Makes an instance of a backup again; the commands `restore` and `move` call it.

A backup of an older version is restored in its own schema and then migrated, so that nothing is guessed.
"""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.db.transaction import atomic

from tertulia.config import completion
from tertulia.config.backups import rows, writing
from tertulia.core import zipped

# Whatever people made stands in rows that hang on one of these.
_TELLTALES = ("accounts_user", "quotes_quote")


class Refused(Exception):
    """The backup cannot or must not be restored here."""


class Backup:
    """An opened backup, a context manager. Raises OSError, and Refused when it is none, is damaged or is too new."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
            self.manifest: dict[str, Any] = json.loads(self._archive.read("manifest.json"))
            ours = self.manifest["application"] == "tertulia"
        except (*zipped.DAMAGE, KeyError, TypeError) as error:
            raise Refused(f"{path} is no backup of Tertulia: {error}") from None
        if not ours:
            raise Refused(f"{path} is a backup of another program.")
        if self.manifest["format"] > writing.FORMAT:
            raise Refused(f"{path} was made by a newer version of Tertulia; install that one.")

    def __enter__(self) -> "Backup":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def verify(self) -> None:
        """Read everything once; raises Refused when a byte is not what was written."""
        try:
            for label, expected in self.manifest["tables"].items():
                if self._digest(label).as_json() != expected:
                    raise Refused(f"The backup is damaged: {label}")
            for name in self._archive.namelist():
                if not name.startswith("rows/"):
                    self._read_through(name)
        except (*zipped.DAMAGE, KeyError, OSError) as error:
            raise Refused(f"The backup is damaged: {error}") from None

    def _digest(self, label: str) -> rows.Digest:
        digest = rows.Digest()
        for line in islice(self.lines(label), 1, None):
            digest.add(line)
        return digest

    def _read_through(self, name: str) -> None:
        """What is read to its end is compared with its checksum."""
        with self._archive.open(name) as member:
            while member.read(rows.BUFFER):
                pass

    def lines(self, label: str) -> Iterator[bytes]:
        # The archive's own lines are made in Python.
        with io.BufferedReader(self._archive.open(f"rows/{label}.jsonl"), rows.BUFFER) as member:  # type: ignore[type-var]
            for line in member:
                yield line.rstrip(b"\n")

    def secret_key(self) -> bytes | None:
        """The generated secret; None where the operator had set one."""
        return self._archive.read("secret_key") if "secret_key" in self._archive.namelist() else None

    def extract_media(self, root: Path) -> None:
        """Write the media files; raises Refused for a name that leads out of the folder."""
        for name in self._archive.namelist():
            if not name.startswith("media/"):
                continue
            parts = PurePosixPath(name).parts[1:]
            if not parts or ".." in parts or "\\" in name or ":" in name:
                raise Refused(f"The backup names a file outside the media folder: {name!r}")
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._archive.open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)


def is_empty() -> bool:
    """Whether nobody has used this instance yet; a database with other programs' tables is not."""
    tables = set(connection.introspection.table_names())
    if tables and "django_migrations" not in tables:
        return False
    with connection.cursor() as cursor:
        for table in tables.intersection(_TELLTALES):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  (our own names)
            if cursor.fetchone()[0]:
                return False
    return not any(writing.media_files())


def restore(backup: Backup) -> None:
    """Put the backup in the place of whatever this instance holds. Nobody else may use it meanwhile."""
    targets = _targets(backup)
    _drop_tables()
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    # The models as they were when the backup was made.
    then = MigrationExecutor(connection).loader.project_state(targets).apps
    backup.extract_media(Path(settings.MEDIA_ROOT))
    with atomic():
        _replace_rows(backup, rows.models(then))
    completion.complete()
    _measure_tables()
    _keep_secret(backup)


def _targets(backup: Backup) -> list[tuple[str, str]]:
    """The last migration of each application that the backup's database had."""
    loader = MigrationExecutor(connection).loader
    applied = {(app, name) for app, name in backup.manifest["migrations"]}
    if unknown := applied - set(loader.disk_migrations):
        names = ", ".join(sorted(f"{app}.{name}" for app, name in unknown))
        raise Refused(f"The backup was made by a newer version of Tertulia ({names}); install that one.")
    return [
        key for key in sorted(applied) if not any(
            child.key in applied and child.key[0] == key[0] for child in loader.graph.node_map[key].children
        )
    ]  # fmt: skip


def _drop_tables() -> None:
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            name = connection.ops.quote_name(table)
            # A search table takes its shadow tables along.
            cursor.execute(f"DROP TABLE IF EXISTS {name}{_CASCADE[connection.vendor]}")


_CASCADE = {"sqlite": "", "postgresql": " CASCADE"}


def _replace_rows(backup: Backup, models: list[type[Model]]) -> None:
    """References are checked at the end: they may run in circles."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608  (quoted)
        for model in models:
            if model._meta.label_lower in backup.manifest["tables"]:
                rows.insert(model, backup.lines(model._meta.label_lower))
        _rebuild_search(cursor)
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
    connection.check_constraints()


def _rebuild_search(cursor: Any) -> None:
    """FTS5 tables are no models; PostgreSQL derives its index by itself."""
    if connection.vendor == "sqlite" and "quotes_search" in connection.introspection.table_names(cursor):
        cursor.execute("DELETE FROM quotes_search")
        cursor.execute("INSERT INTO quotes_search (rowid, terms) SELECT id, terms FROM quotes_quote")


def _measure_tables() -> None:
    """PostgreSQL plans by what it has counted, which of new rows is nothing until its autovacuum comes by."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _keep_secret(backup: Backup) -> None:
    """The generated secret is part of the instance: second factors are encrypted with it."""
    if (key := backup.secret_key()) is None:
        return
    path = settings.DATA / "secret_key"
    unfinished = path.with_name(f".secret_key.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key)
    unfinished.replace(path)


def known_tables() -> set[str]:
    """The tables that a backup carries, by their name in the database."""
    return {model._meta.db_table for model in rows.models(apps)}
