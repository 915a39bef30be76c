"""`tertulia createuser`: an account, and the only way to an administrator's."""

import getpass
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import actions, queries, validation
from tertulia.accounts.models import User
from tertulia.config.migration import migrate
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import InvalidInput


class Command(QuickCommand):
    help = (
        "Create an account, or change the one that exists. The password is read from TERTULIA_PASSWORD or, "
        "as one line, from standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--admin", action="store_true", help="Make it an administrator.")
        parser.add_argument("--daily-quota", type=int, metavar="N", help="Requests per day; 0: none.")

    def handle(self, *args: Any, **options: Any) -> None:
        quota: int | None = options["daily_quota"]
        if quota is not None and not 0 <= quota <= 2**31 - 1:
            raise CommandError("--daily-quota: a whole number from 0.")
        try:
            validation.cleaned({"email": options["email"]})  # before a password is asked for
            migrate(settings.DATA)  # an account may be made before the first start
            user = queries.user_by_email(options["email"])
            if user is None:
                self._create(options["email"], options["admin"], quota)
            else:
                self._change(user, options["admin"], quota)
        except InvalidInput as problem:
            raise CommandError(str(problem.detail)) from problem

    def _create(self, email: str, admin: bool, quota: int | None) -> None:
        password = _read_password()
        if not password:
            raise CommandError("No password: set TERTULIA_PASSWORD or give one line on standard input.")
        user = actions.create_user(email=email, password=password, is_administrator=admin, daily_quota=quota)
        self._warn_if_weak(user, password)
        self.stdout.write(f"{user.email} created.")

    def _change(self, user: User, admin: bool, quota: int | None) -> None:
        """Only what is given changes; the same call twice changes nothing."""
        actions.grant(user=user, is_administrator=admin, daily_quota=quota)
        password = _read_password()
        if password and not user.check_password(password):
            actions.set_password(user=user, password=password)
            self._warn_if_weak(user, password)
        self.stdout.write(f"{user.email} is up to date.")

    def _warn_if_weak(self, user: User, password: str) -> None:
        try:
            validation.check_password_rules(password, email=user.email, nickname=user.nickname)
        except InvalidInput as problem:
            self.stderr.write(f"Warning: {problem.detail}")


def _read_password() -> str:
    """The variable, else a question at a terminal, else the first line of standard input; empty when none is given."""
    given = os.environ.get("TERTULIA_PASSWORD", "")
    if given:
        return given
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")
