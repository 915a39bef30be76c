"""The settings page: appearance, language, API keys."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from tertulia.accounts import keys, queries
from tertulia.core import clock
from tertulia.core.errors import InvalidInput, Problem
from tertulia.web.members import identity_of, login_of, members_only

# Days that a new key may live; none at all is offered as well.
LIFETIMES = (7, 30, 90, 365)


@members_only
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """Everything that can be set."""
    return _page(request)


@members_only
@require_POST
def create_key(request: HttpRequest) -> HttpResponse:
    """A new API key; this answer is the only time that it is shown."""
    user = login_of(request).user
    try:
        _key, text = keys.create_api_key(
            user=user,
            name=request.POST.get("name", ""),
            scope=request.POST.get("scope") or "all",
            expires_at=_expiry(request.POST.get("days", "")),
        )
    except Problem as problem:
        return _page(request, problem=problem)
    return _page(request, new_key=text)


@members_only
@require_POST
def revoke_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """The end of one API key."""
    keys.delete_api_key(user=login_of(request).user, key_id=key_id)
    messages.success(request, _("The key no longer works."))
    return HttpResponseRedirect("/settings", status=303)


@members_only
@require_POST
def revoke_keys(request: HttpRequest) -> HttpResponse:
    """The end of all of them."""
    keys.delete_api_keys(user=login_of(request).user)
    messages.success(request, _("None of your keys works any more."))
    return HttpResponseRedirect("/settings", status=303)


def _expiry(days: str) -> datetime | None:
    if not days:
        return None
    if days not in map(str, LIFETIMES):
        raise InvalidInput.field("days", _("One of the offered ends is expected."))
    return clock.now() + timedelta(days=int(days))


def _page(request: HttpRequest, problem: Problem | None = None, new_key: str = "") -> HttpResponse:
    context = {
        "keys": queries.api_keys_of(identity_of(request).user),
        "scopes": keys.SCOPES,
        "lifetimes": LIFETIMES,
        "problem": problem,
        "given": request.POST if problem else {},
        "new_key": new_key,
    }
    return render(request, "web/settings.html", context, status=problem.status if problem else 200)
