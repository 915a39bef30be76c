"""`tertulia import`: conversations from elsewhere, or from one's own export, for an account; of any size."""

# ruff: noqa: N999  (the command's name is a word of the language, and nobody imports it by name)

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import queries
from tertulia.chat.importing.outcomes import Outcome, Report
from tertulia.chat.importing.storing import import_file
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import Problem


class Command(QuickCommand):
    help = (
        "Bring the conversations of a file into an account: an export of Tertulia, ChatGPT, Claude or Open WebUI, or "
        "a chat of SillyTavern. The same file brings nothing twice. What is not taken is listed with its reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="FILE.zip, FILE.json or FILE.jsonl.")
        parser.add_argument("--user", metavar="EMAIL", required=True, help="Whose they shall be.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = queries.user_by_email(options["user"])
        if user is None:
            raise CommandError(f"There is no account with the address {options['user']}.")
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                steps = import_file(user=user, file=file)
                report = Report([outcome for outcome in steps if outcome])
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except Problem as problem:
            raise CommandError(str(problem.detail)) from problem
        for outcome in report.outcomes:
            self._tell(outcome)
        self.stdout.write(
            f"{report.count('imported')} imported, {report.count('continued')} continued, "
            f"{report.count('present')} here already, {report.count('skipped')} not taken; "
            f"{report.messages} messages."
        )
        if not report.came:
            raise CommandError("Nothing came in.")

    def _tell(self, outcome: Outcome) -> None:
        if outcome.status == "skipped":
            self.stderr.write(f"{outcome.title or outcome.kind}: {outcome.reason}")
