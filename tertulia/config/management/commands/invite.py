"""`tertulia invite`: a link by which one person may join while TERTULIA_SIGNUP is `invite`."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import inviting, queries
from tertulia.config.server import default_port
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = "Print a link by which one person may join. It works once and is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=inviting.DEFAULT_DAYS,
            metavar="N",
            help="How long it works; default 7.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days: int = options["days"]
        if not 1 <= days <= inviting.MAX_DAYS:
            raise CommandError(f"--days: from 1 to {inviting.MAX_DAYS}.")
        if not queries.signup_is_by_invitation():
            self.stderr.write("Note: TERTULIA_SIGNUP is not `invite`, so the link has no effect at present.")
        site = next(iter(settings.CSRF_TRUSTED_ORIGINS), f"http://localhost:{default_port()}")
        self.stdout.write(f"{site}/accounts/join?invite={inviting.make(days=days)}")
