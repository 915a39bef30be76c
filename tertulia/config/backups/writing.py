"""Makes a backup while the instance goes on serving; the commands `backup` and `move` call it.

The file is a zip: `rows/<model>.jsonl`, `media/…`, `secret_key` where it was generated, and last `manifest.json`.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from tertulia import __version__
from tertulia.config.backups import rows
from tertulia.core import clock

FORMAT = 1


def write(path: Path, *, media: bool = True) -> dict[str, object]:
    """Write the backup and return its manifest; nothing stands at `path` before it is complete.

    Raises FileExistsError: a backup is never replaced.
    """
    if path.exists():
        raise FileExistsError(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    # Readable by nobody else: it holds everything that people wrote.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            manifest = _fill(archive, media=media)
            file.flush()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _fill(archive: zipfile.ZipFile, *, media: bool) -> dict[str, object]:
    # A file is written before the row that names it. Most are copied before the rows' moment, the few that came in
    # the meantime right after it: so no row of the snapshot can name a file that is not here.
    copied = _copy_media(archive, set()) if media else set()
    with rows.snapshot():
        copied |= _copy_media(archive, copied) if media else set()
        tables = {model._meta.label_lower: _copy_rows(archive, model) for model in rows.models(apps)}
        migrations = sorted(MigrationRecorder(connection).applied_migrations())
    if (settings.DATA / "secret_key").is_file() and secret_in_file() == settings.SECRET_KEY:
        archive.writestr("secret_key", settings.SECRET_KEY)
    manifest: dict[str, object] = {
        "application": "tertulia",
        "format": FORMAT,
        "version": __version__,
        "made_at": clock.now().isoformat(timespec="seconds"),
        "database": connection.vendor,
        "migrations": [list(name) for name in migrations],
        "secret": fingerprint(settings.SECRET_KEY),
        "tables": tables,
        "files": len(copied),
    }
    archive.writestr("manifest.json", json.dumps(manifest, indent=1))
    return manifest


def secret_in_file() -> str:
    """The generated secret of this data folder."""
    return (settings.DATA / "secret_key").read_text().strip()


def fingerprint(secret: str) -> str:
    """By which two secrets can be compared without telling either."""
    return hashlib.sha256(f"tertulia.backup:{secret}".encode()).hexdigest()[:16]


def _copy_rows(archive: zipfile.ZipFile, model: type[Model]) -> dict[str, object]:
    digest = rows.Digest()
    member = archive.open(f"rows/{model._meta.label_lower}.jsonl", "w", force_zip64=True)
    # The archive's own `write` is Python and works for each call, however little it is given.
    with io.BufferedWriter(member, rows.BUFFER) as buffer:
        buffer.writelines(line + b"\n" for line in rows.lines(model, digest))
    return digest.as_json()


def _copy_media(archive: zipfile.ZipFile, known: set[str]) -> set[str]:
    """Add the files that are not among `known`; returns the names of those added."""
    added = set()
    for name, path in media_files():
        if name not in known:
            try:
                # Pictures and sound are compressed already.
                archive.write(path, f"media/{name}", zipfile.ZIP_STORED)
            except FileNotFoundError:
                continue  # removed since it was listed, together with its row
            added.add(name)
    return added


def media_files() -> Iterator[tuple[str, Path]]:
    """Every file of the media folder with its name there."""
    root = Path(settings.MEDIA_ROOT)
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file():
            yield path.relative_to(root).as_posix(), path
