"""`tertulia ask`: one answer, streamed to standard output."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from tertulia.accounts.actions import ensure_owner
from tertulia.api.parameters import ParametersInput
from tertulia.api.problems import invalid_input
from tertulia.chat.generation.script import Question, answer
from tertulia.config.migration import migrate
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import Problem


class Command(QuickCommand):
    help = "Ask, and print the answer as it comes. It is kept as a conversation and counted like any other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prompt", metavar="PROMPT", help="What to ask; - reads it from standard input.")
        parser.add_argument("--instance", metavar="NAME", help="Who answers: one of the user's instances.")
        parser.add_argument("--model", metavar="M", help="The model; default: as everywhere.")
        parser.add_argument("--max-tokens", type=int, metavar="N", help="At most so many tokens of answer.")
        parser.add_argument("--temperature", type=float, metavar="T", help="0 to 2.")
        parser.add_argument(
            "--user", metavar="EMAIL", help="Whose account; default: the first administrator's."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            question = _question(options)
            self._prepare(question)
            answer(question, self._show)
        except KeyboardInterrupt:
            self.stdout.write("")
            raise
        except Problem as problem:
            raise CommandError(_told(problem)) from problem
        self.stdout.write("")

    def _prepare(self, question: Question) -> None:
        """What a first `serve` does as well, so that asking may come before it."""
        migrate(settings.DATA)
        if settings.ON_SQLITE and question.user is None:
            ensure_owner()

    def _show(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


def _question(options: dict[str, Any]) -> Question:
    named = {name: options[name] for name in ("max_tokens", "temperature") if options[name] is not None}
    try:
        parameters = ParametersInput.validated(named)
    except ValidationError as error:
        raise invalid_input(error) from error
    prompt = sys.stdin.read() if options["prompt"] == "-" else options["prompt"]
    return Question(
        prompt=prompt,
        user=options["user"],
        instance=options["instance"],
        model=options["model"],
        parameters=parameters,
    )


def _told(problem: Problem) -> str:
    """The option at fault and why, else the problem in a sentence."""
    if not problem.errors:
        return str(problem.detail)
    return " ".join(f"{name}: {text}" for name, texts in problem.errors.items() for text in texts)
