"""`tertulia backup FILE`: the whole instance in one file, while it goes on serving."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from tertulia.config.backups import writing
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = "Write the whole instance (database of either kind, media, generated secret) to one file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            manifest: Any = writing.write(file)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or 'exists already'}") from None
        total = sum(table["rows"] for table in manifest["tables"].values())
        size = file.stat().st_size / 1e6
        self.stdout.write(f"{file}: {total} rows, {manifest['files']} media files, {size:.1f} MB")
        self.stdout.write("Whoever has this file can read everything in it: keep it as safe as the server.")
