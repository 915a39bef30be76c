"""`tertulia import_quotes`: lines of a CSV or JSON Lines file for the quote board."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import queries
from tertulia.accounts.models import User
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import Problem
from tertulia.quotes.importing import Outcome, import_lines, read_lines


class Command(QuickCommand):
    help = (
        "Put the lines of a file on the quote board. CSV has a header; both formats know the fields content, "
        "source, speaker, mood and language. What is not taken is listed with its line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="FILE.csv or FILE.jsonl, UTF-8.")
        parser.add_argument("--apply", action="store_true", help="Apply them at once.")
        parser.add_argument("--proposer", metavar="EMAIL", help="A member of the staff; default: nobody.")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            data = path.read_bytes()
            outcomes = import_lines(
                user=self._proposer(options["proposer"]),
                lines=read_lines(path.name, data),
                is_apply=options["apply"],
            )
            counts = Counter(self._told(outcome) for outcome in outcomes)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except Problem as problem:
            raise CommandError(str(problem.detail)) from problem
        self.stdout.write(
            f"{counts['created']} created, {counts['duplicate']} there already, {counts['invalid']} not valid."
        )

    def _proposer(self, email: str | None) -> User | None:
        if email is None:
            return None
        user = queries.user_by_email(email)
        if user is None:
            raise CommandError(f"There is no account with the address {email}.")
        return user

    def _told(self, outcome: Outcome) -> str:
        if outcome.status == "duplicate":
            self.stderr.write(f"Line {outcome.line}: the same as quote {outcome.id}.")
        elif outcome.status == "invalid":
            texts = [f"{name}: {text}" for name, each in (outcome.errors or {}).items() for text in each]
            self.stderr.write(f"Line {outcome.line}: {' '.join(texts)}")
        return outcome.status
