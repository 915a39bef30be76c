"""What an account has used and holds: today's requests with the ledger that explains them, and all that is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from tertulia.accounts import personal, quota
from tertulia.accounts.queries import User
from tertulia.chat import queries
from tertulia.providers.errors import FAULTS
from tertulia.web.members import identity_of, members_only

ROWS = 50

# What became of a unit that was kept, by the state of its run.
_KEPT = {
    "running": _("The answer is being written."),
    "complete": _("Answered."),
    "stopped": _("Stopped; what had been written was kept."),
    "interrupted": _("Broken off; what had been written was kept."),
    "failed": _("Failed on the way; what had been written was kept."),
}
# Why a unit was given back, by the ledger's word for it; the provider's own faults stand in FAULTS.
_GIVEN_BACK = {
    "stopped": gettext_noop("Stopped before the first word."),
    "interrupted": gettext_noop("The server went away before the first word."),
    "deleted": gettext_noop("Deleted before the first word."),
    "storage": gettext_noop("The answer could not be stored."),
}
_NO_TEXT = gettext_noop("No text came.")

# What the database calls otherwise than the pages do.
_TITLES = {
    "accounts.User": _("Account"),
    "accounts.Session": _("Logins"),
    "accounts.Allowance": _("Count of today's requests"),
    "accounts.LedgerEntry": _("Requests"),
    "accounts.User_groups": _("Groups"),
    "chat.Generation": _("Runs of a model"),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the day's quota, explained. `conversation_id` is None when its conversation is gone."""

    accepted_at: datetime
    resets_at: datetime
    refunded_at: datetime | None
    what: object
    model: str = ""
    conversation_id: UUID | None = None


@members_only
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Units, newest first."""
    user = identity_of(request).user
    page = Paginator(quota.ledger_of(user).order_by("-id"), ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "units": _explained(user, page.object_list), "standing": quota.standing(user)}
    return render(request, "web/accounts/usage.html", context)


def _explained(user: User, entries: Iterable[Any]) -> list[Unit]:
    entries = list(entries)
    runs = queries.runs_by_id(user, (entry.generation_id for entry in entries))
    return [
        Unit(
            entry.accepted_at,
            entry.resets_at,
            entry.refunded_at,
            _given_back(entry.reason) if entry.refunded_at else _kept(run.status if run else ""),
            run.model if run else "",
            run.conversation_id if run else None,
        )
        for entry in entries
        for run in [runs.get(entry.generation_id)]
    ]


def _kept(status: str) -> object:
    return _KEPT.get(status, _("Answered; the conversation was deleted since."))


def _given_back(reason: str) -> str:
    return gettext(FAULTS[reason].detail if reason in FAULTS else _GIVEN_BACK.get(reason, _NO_TEXT))


@members_only
@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """What is stored of oneself, by kind, and its export."""
    holdings = personal.holdings(identity_of(request).user.pk)
    titled = [(_TITLES.get(held.table.name, held.table.title), held.rows) for held in holdings]
    context = {"holdings": titled, "files": sum(holding.files for holding in holdings)}
    return render(request, "web/accounts/data.html", context)
