"""`tertulia serve`: migrates under a lock, then serves over ASGI."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tertulia.accounts.actions import ensure_owner
from tertulia.config import metrics
from tertulia.config.migration import migrate_apart
from tertulia.config.server import CannotListen, Listening, default_port, port


class Command(BaseCommand):
    help = "Migrates the database under a lock, then serves; the first start on SQLite makes the owner."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port, default=default_port())
        parser.add_argument(
            "--workers", type=int, default=1, help="Processes that share the port; default 1."
        )

    def handle(self, *args: Any, host: str, port: int, workers: int, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers: a whole number from 1.")
        if workers > 1:
            # Workers are started anew and take the environment along.
            metrics.share_between_workers()
        try:
            # Before anything is touched: what cannot have its port must not migrate.
            listening = Listening(host, port, workers=workers)
            migrate_apart(settings.DATA)
            listening.open()
        except CannotListen as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"Tertulia: {listening.url}/")
        if settings.ON_SQLITE and (owner := ensure_owner()):
            _, token = owner
            self.stdout.write("First start. Sign in as the owner, once, within 24 hours:")
            self.stdout.write(f"  {listening.url}/accounts/link/{token}")
        self.stdout.flush()
        listening.run()
