"""`tertulia audit_user`: where an account is still known; after its erasure, nowhere."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import personal
from tertulia.core.commands import QuickCommand


class Command(QuickCommand):
    help = (
        "Print every place that knows a user: foreign keys, every column of every table, media files that no row "
        "names. Exit status 1 while something is left. Reads the whole database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "id", metavar="ID", help="The account's id, as its profile and the admin show it."
        )
        parser.add_argument(
            "--text",
            action="append",
            default=[],
            metavar="TEXT",
            help="Look for a text as well, such as an address.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user_id = UUID(options["id"])
        except ValueError:
            raise CommandError(f"{options['id']}: not an account's id.") from None
        lines = [f"{each.count} rows refer to it: {each.place}" for each in personal.references(user_id)]
        texts = (str(user_id), user_id.hex, *options["text"])
        lines += [f"{each.count} rows mention it: {each.place}" for each in personal.mentions(*texts)]
        lines += [f"a file that no row names: {name}" for name in personal.nameless_files()]
        for line in lines:
            self.stdout.write(line)
        if lines:
            raise CommandError(f"{len(lines)} places are left.", returncode=1)
        self.stdout.write("Nothing is left.")
