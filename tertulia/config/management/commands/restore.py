"""`tertulia restore FILE`: an instance made of a backup again, on the same or the other kind of database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from tertulia.config import env as environment
from tertulia.config import instance
from tertulia.config.backups import reading, writing
from tertulia.config.migration import exclusive
from tertulia.core import clock
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = (
        "Make an instance of a backup. Stop the servers first. What is here is kept unless --force is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--force", action="store_true", help="Replace what is here, after a backup of it."
        )

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        try:
            with reading.Backup(file) as backup, exclusive(settings.DATA):
                backup.verify()
                self._make_room(force=force)
                instance.begin_restore(settings.DATA)
                reading.restore(backup)
                instance.end_restore(settings.DATA)
        except (reading.Refused, ImproperlyConfigured) as refused:
            raise CommandError(str(refused)) from None
        total = sum(table["rows"] for table in backup.manifest["tables"].values())
        self.stdout.write(f"Restored {total} rows and {backup.manifest['files']} media files of {file}.")
        self._warn_of_another_secret(backup.manifest["secret"])

    def _make_room(self, *, force: bool) -> None:
        if instance.is_half_restored(settings.DATA) or reading.is_empty():
            return
        if not force:
            raise reading.Refused(
                f"{instance.place()} is not empty: --force replaces it, after a backup of what is there."
            )
        instance.check(settings.DATA)
        folder = settings.DATA / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"before-restore-{clock.now():%Y%m%dT%H%M%S}.zip"
        writing.write(path)
        self.stdout.write(f"What was here is in {path}.")

    def _warn_of_another_secret(self, fingerprint: str) -> None:
        given = environment.load().str("SECRET_KEY", "")
        if fingerprint != writing.fingerprint(given or writing.secret_in_file()):
            self.stderr.write(
                "SECRET_KEY is not the one of the instance that was backed up: everybody signs in anew, and second "
                "factors are lost."
            )
