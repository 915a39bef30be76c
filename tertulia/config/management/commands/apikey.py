"""`tertulia apikey`: a new API key, printed once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import keys, queries
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import InvalidInput


class Command(QuickCommand):
    help = "Print a new API key for an account. It is not shown again: only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--name", default="command line", help="What the key is for.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = queries.user_by_email(options["email"])
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        try:
            _key, text = keys.create_api_key(user=user, name=options["name"])
        except InvalidInput as problem:
            raise CommandError(str(problem.detail)) from problem
        self.stdout.write(text)
