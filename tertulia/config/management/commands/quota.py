"""`tertulia quota`: what a user or a group may ask for, and what of it is used."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tertulia.accounts import granting, queries, quota
from tertulia.accounts.queries import User
from tertulia.core import clock
from tertulia.core.commands import QuickCommand
from tertulia.core.errors import InvalidInput, NotFound


class Command(QuickCommand):
    help = "Show or change the daily quota of a user, or of a group with --group NAME."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", nargs="?")
        parser.add_argument("--group", metavar="NAME", help="All members of a group instead of one user.")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--limit", type=int, metavar="N", help="Requests per day; 0: none.")
        what.add_argument("--unlimited", action="store_true", help="No limit, whatever else is set.")
        what.add_argument(
            "--default", action="store_true", help="Neither a limit nor a freedom of their own."
        )
        parser.add_argument("--boost", type=int, metavar="N", help="N requests more on every day from now …")
        parser.add_argument("--days", type=int, default=1, metavar="N", help="… for N days; default 1.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["group"]:
                self._group(options)
            else:
                self._user(options)
        except InvalidInput as problem:
            raise CommandError(str(problem.detail)) from problem

    def _group(self, options: dict[str, Any]) -> None:
        name: str = options["group"]
        try:
            if options["default"]:
                granting.clear_group(name=name)
            elif options["unlimited"] or options["limit"] is not None:
                granting.limit_group(name=name, daily_quota=options["limit"])
            self.stdout.write(f"{name}: {_said(granting.group_limit(name))}")
        except NotFound:
            raise CommandError(f"There is no group with the name {name}.") from None

    def _user(self, options: dict[str, Any]) -> None:
        if not options["email"]:
            raise CommandError("Whose? Give an EMAIL, or --group NAME.")
        user = queries.user_by_email(options["email"])
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        if options["default"]:
            granting.clear_user(user=user)
        elif options["unlimited"] or options["limit"] is not None:
            granting.limit_user(user=user, daily_quota=options["limit"])
        if options["boost"] is not None:
            granting.boost_user(user=user, units=options["boost"], until=_in_days(options["days"]))
        self._show(user)

    def _show(self, user: User) -> None:
        standing = quota.standing(user)
        limit = "no limit" if standing.limit is None else f"limit {standing.limit}"
        self.stdout.write(
            f"{user}: {limit}, {standing.used} used, next day {standing.resets_at:%Y-%m-%d %H:%M} UTC"
        )
        for boost in granting.boosts_of(user):
            self.stdout.write(f"  {boost.units} more until {boost.until:%Y-%m-%d %H:%M} UTC")


def _said(limit: tuple[int | None] | None) -> str:
    if limit is None:
        return "no limit of its own"
    return "unlimited" if limit[0] is None else f"limit {limit[0]}"


def _in_days(days: int) -> Any:
    if not 1 <= days <= granting.MAX_BOOST_DAYS:
        raise CommandError(f"--days: from 1 to {granting.MAX_BOOST_DAYS}.")
    return clock.now() + timedelta(days=days)
