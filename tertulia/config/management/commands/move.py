"""`tertulia move --to DATABASE_URL`: carries the instance to another database, SQLite to PostgreSQL or back."""

import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from tertulia.config.backups import writing
from tertulia.config.backups.reading import Backup
from tertulia.core.commands import QuickCommand

# How a command's last words begin.
_TOLD = ("CommandError: ", "tertulia: ")
_OFFER = ": --force replaces it, after a backup of what is there."


class Command(QuickCommand):
    help = "Carry everything to the empty database of another DATABASE_URL. Stop the servers first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="DATABASE_URL")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="tertulia-move-") as folder:
            source, check = Path(folder, "source.zip"), Path(folder, "target.zip")
            before = writing.write(source, media=False)
            # Processes of their own: this one's settings are those of the present database. Media stay where they
            # are; a folder of its own keeps the target from taking them for somebody else's.
            self._run(to, folder, "restore", str(source))
            self._run(to, folder, "backup", str(check))
            after = _manifest(check)
        if before["tables"] != after["tables"]:
            changed = [name for name, table in after["tables"].items() if table != before["tables"].get(name)]  # type: ignore[attr-defined]
            raise CommandError(
                f"These tables differ after the move: {', '.join(changed)}. Keep the old database."
            )
        (settings.DATA / "instance.json").unlink(missing_ok=True)
        total = sum(table["rows"] for table in after["tables"].values())
        self.stdout.write(
            f"Moved: {total} rows, every table equal. Now set DATABASE_URL, and SECRET_KEY to what"
        )
        self.stdout.write(f"it is now ({_where_the_secret_is()}), and start. The old database is unchanged.")

    def _run(self, to: str, folder: str, *command: str) -> None:
        environment = os.environ | {
            "DATABASE_URL": to,
            "TERTULIA_DATA": folder,
            "SECRET_KEY": settings.SECRET_KEY,
        }
        done = subprocess.run(  # noqa: S603  (this program again)
            [sys.executable, "-m", "tertulia", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(_reason(done.stderr))


def _reason(said: str) -> str:
    """The line that says why, of all that the other process has logged."""
    lines = said.strip().splitlines() or ["the other process has ended without a word"]
    told = [line for line in lines if line.startswith(_TOLD)]
    reason = (told or lines[-1:])[0].removeprefix(_TOLD[0]).removeprefix(_TOLD[1])
    # What `restore` offers then is not for a database that somebody named here by mistake.
    return reason.replace(_OFFER, ": name an empty database.")


def _manifest(path: Path) -> dict[str, Any]:
    with Backup(path) as backup:
        return backup.manifest


def _where_the_secret_is() -> str:
    return "in your environment" if os.environ.get("SECRET_KEY") else f"in {settings.DATA / 'secret_key'}"
