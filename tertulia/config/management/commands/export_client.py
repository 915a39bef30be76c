"""`tertulia export_client`: the chat as a folder of static files, for any host that serves files."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError, CommandParser

from tertulia.config import exporting
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = "Write a static chat client that talks to a server elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--api", required=True, metavar="URL", help="Address of the Tertulia server.")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="A new or empty folder.")

    def handle(self, *args: Any, **options: Any) -> None:
        api = urlsplit(options["api"])
        if api.scheme not in ("http", "https") or not api.netloc or api.path.strip("/") or api.query:
            raise CommandError("--api: the address of a server, such as https://chat.example.org.")
        out: Path = options["out"]
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CommandError(f"--out: {out} exists and is not an empty folder.")
        try:
            count = exporting.write_client(f"{api.scheme}://{api.netloc}", out)
        except OSError as error:
            raise CommandError(
                f"--out: {out}: {error.strerror or 'not everything can be written'}."
            ) from None
        self.stdout.write(f"{count} files in {out}. Serve them from any host, and add that host's address")
        self.stdout.write(f"to CORS_ALLOWED_ORIGINS of the server at {options['api']}.")
