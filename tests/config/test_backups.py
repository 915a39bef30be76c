"""What a backup carries: every table, every kind of value. The whole of it is the acceptance programme's (D2, D3)."""

import zipfile
from array import array
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from tertulia.config.backups import reading, rows, writing

# No models: `restore` makes them anew, the databases keep them, or nothing of an instance is in them.
_DERIVED = ("quotes_search", "django_migrations", "sqlite_")


def test_every_table_is_carried_or_known_to_be_derived(database: str) -> None:
    carried = reading.known_tables()
    others = [name for name in connection.introspection.table_names() if name not in carried]
    assert [name for name in others if not name.startswith(_DERIVED)] == []


def test_a_digest_is_that_of_the_rows_whatever_their_order() -> None:
    digests = [rows.Digest() for _ in range(3)]
    for line in (b"[1]", b"[2]", b"[3]"):
        digests[0].add(line)
    for line in (b"[3]", b"[1]", b"[2]"):
        digests[1].add(line)
    for line in (b"[1]", b"[1]", b"[3]"):
        digests[2].add(line)
    assert digests[0].as_json() == digests[1].as_json() != digests[2].as_json()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 11, 21, 9, 8, 7, 654321, UTC), b'"2026-11-21T09:08:07.654321Z"'),
        (UUID(int=7), b'"00000000-0000-0000-0000-000000000007"'),
        ({"b": 1, "a": [None, "é"]}, '{"a":[null,"é"],"b":1}'.encode()),
        (array("f", [0.5, -1.0]), b"[0.5,-1.0]"),
    ],
)
def test_values_have_one_form_on_both_databases(value: object, text: bytes) -> None:
    assert rows.encoded([value]) == b"[" + text + b"]"


def test_a_backup_is_verified_to_the_last_row(database: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    writing.write(path)
    with reading.Backup(path) as backup:
        backup.verify()
    with pytest.raises(FileExistsError):
        writing.write(path)
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content + b"[1]\n" if name == "rows/auth.permission.jsonl" else content)
    with reading.Backup(forged) as backup, pytest.raises(reading.Refused, match=r"auth\.permission"):
        backup.verify()


def test_a_damaged_backup_is_refused_in_words_wherever_it_is_damaged(database: str, tmp_path: Path) -> None:
    whole, damaged = tmp_path / "backup.zip", tmp_path / "damaged.zip"
    writing.write(whole)
    content = whole.read_bytes()
    refused = 0
    for place in range(0, len(content), len(content) // 500):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        refused += _is_refused(damaged)
    for length in range(0, len(content), len(content) // 50):
        damaged.write_bytes(content[:length])
        assert _is_refused(damaged)
    # Some bytes, as those of a date of a part, mean nothing.
    assert refused > 400


def _is_refused(path: Path) -> bool:
    """Any other exception is an operator's traceback."""
    try:
        with reading.Backup(path) as backup:
            backup.verify()
    except reading.Refused:
        return True
    return False


@pytest.mark.parametrize(
    "name", ["media/../../evil", "media/a/../../../evil", "media/C:/evil", "media/..\\evil"]
)
def test_no_file_leaves_the_media_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", '{"application": "tertulia", "format": 1}')
        archive.writestr(name, "x")
    with reading.Backup(path) as backup, pytest.raises(reading.Refused, match="outside"):
        backup.extract_media(tmp_path / "media")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["backup.zip"]


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"application": "other", "format": 1}', '{"application": "tertulia", "format": 99}'],
)
def test_what_is_no_backup_is_refused(manifest: str, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", manifest)
    with pytest.raises(reading.Refused):
        reading.Backup(path)
