"""`tertulia smoke URL`: whether a deployed instance works, asked from outside."""

import asyncio
from argparse import ArgumentParser
from typing import Any

import aiohttp
from django.core.management.base import BaseCommand, CommandError

from tertulia.config import smoke


class Command(BaseCommand):
    help = "Ask a deployed instance for its health, its sign-in page, an account, one streamed answer."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL", help="Such as https://chat.example.org")

    def handle(self, *args: Any, url: str, **options: Any) -> None:
        try:
            asyncio.run(smoke.walk(url, self._say))
        except (smoke.Failed, aiohttp.ClientError, TimeoutError) as fault:
            raise CommandError(f"{url}: {fault}") from None
        self.stdout.write(f"{url} works.")

    def _say(self, step: str) -> None:
        self.stdout.write(f"ok  {step}")
        self.stdout.flush()
