"""`tertulia smoke URL`: whether a deployed instance works, asked from outside."""

import asyncio
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError

from tertulia.config import smoke
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = "Ask a deployed instance for its health, its sign-in page, an account, one streamed answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL", help="Such as https://chat.example.org")
        parser.add_argument(
            "--wait",
            type=float,
            default=smoke.START_SECONDS,
            metavar="SECONDS",
            help="How long an instance may take to start; default 120.",
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=smoke.ANSWER_SECONDS,
            metavar="SECONDS",
            help="How long one answer may take; default 60.",
        )

    def handle(self, *args: Any, url: str, wait: float, timeout: float, **options: Any) -> None:
        if not _is_address(url):
            raise CommandError(f"{url}: not an address such as https://chat.example.org.")
        try:
            asyncio.run(smoke.walk(url, self._say, start_seconds=wait, answer_seconds=timeout))
        except smoke.Failed as fault:
            raise CommandError(f"{url}: {fault}") from None
        self.stdout.write(f"{url} works.")

    def _say(self, step: str) -> None:
        self.stdout.write(f"ok  {step}")
        self.stdout.flush()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return False
