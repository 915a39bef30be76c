"""Whether a start may leave the migrations alone: only where an earlier one has ended with exactly these."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from tertulia.config import completion, instance, migration

_NEWER = ("accounts", "9999_of_a_newer_version")


@pytest.fixture
def noted(database: str) -> Iterator[None]:
    """What is asked has a connection of its own: all that is changed here is really written, and put back."""
    completion.complete()
    yield
    recorder = MigrationRecorder(connection)
    for app, name in completion._on_disk() - set(recorder.applied_migrations()):
        recorder.record_applied(app, name)
    recorder.record_unapplied(*_NEWER)
    completion.complete()


def test_a_run_that_has_ended_is_noted(noted: None) -> None:
    assert completion.is_noted()


def test_the_files_are_those_that_django_finds(database: str) -> None:
    assert completion._on_disk() == set(MigrationLoader(connection).disk_migrations)


def test_a_run_that_has_not_ended_is_not(noted: None) -> None:
    """Every migration is in the table, but perhaps no permission has been made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "PRAGMA user_version = 0"
            if connection.vendor == "sqlite"
            else "COMMENT ON TABLE django_migrations IS NULL"
        )
    assert not completion.is_noted()


def test_a_migration_that_is_missing_is_seen(noted: None) -> None:
    recorder = MigrationRecorder(connection)
    last = max(name for app, name in recorder.applied_migrations() if app == "accounts")
    recorder.record_unapplied("accounts", last)
    assert not completion.is_noted()


def test_a_migration_of_a_newer_version_is_seen(noted: None) -> None:
    MigrationRecorder(connection).record_applied(*_NEWER)
    assert not completion.is_noted()


def test_another_version_of_the_code_looks_for_itself(noted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    more = completion._on_disk() | {_NEWER}
    monkeypatch.setattr(completion, "_on_disk", lambda: more)
    MigrationRecorder(connection).record_applied(*_NEWER)
    assert not completion.is_noted()


def test_nothing_is_loaded_where_nothing_is_to_do(
    noted: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for each in ("_migrate", "_migrate_in_child"):
        monkeypatch.setattr(migration, each, lambda data: pytest.fail("migrations are loaded"))
    for migrate in (migration.migrate, migration.migrate_apart):
        migrate(tmp_path)
        (tmp_path / "instance.json").unlink()


def test_what_was_half_restored_is_looked_at(
    noted: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(migration, "_can_fork", lambda: False)
    monkeypatch.setattr(migration, "_migrate", looked.append)
    instance.begin_restore(tmp_path)
    migration.migrate_apart(tmp_path)
    assert looked == [tmp_path]
