"""`manage.py runserver`: the application that `serve` serves, streaming included, with reload for development."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tertulia.config.migration import migrate
from tertulia.config.server import CannotListen, Listening, default_port


class Command(BaseCommand):
    help = "Serves for development, with reload when a source file changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("addrport", nargs="?", default=f"127.0.0.1:{default_port()}", help="[host:]port")
        parser.add_argument("--noreload", action="store_false", dest="reload")

    def handle(self, *args: Any, addrport: str, reload: bool, **options: Any) -> None:
        host, _, port = addrport.rpartition(":")
        if not port.isdigit():
            raise CommandError(f"{addrport!r} is not [host:]port.")
        try:
            listening = Listening(host.strip("[]") or "127.0.0.1", int(port), reload=reload)
            migrate(settings.DATA)
            listening.open()
        except CannotListen as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"Tertulia (development): {listening.url}/")
        self.stdout.flush()
        listening.run()
