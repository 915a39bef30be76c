"""/accounts/usage: today's requests, and the ledger that explains every one of them."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tertulia.accounts import quota
from tertulia.web.members import identity_of, members_only

ROWS = 50


@members_only
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Units, newest first."""
    user = identity_of(request).user
    page = Paginator(quota.ledger_of(user).order_by("-id"), ROWS).get_page(request.GET.get("page"))
    return render(request, "web/accounts/usage.html", {"page": page, "standing": quota.standing(user)})
