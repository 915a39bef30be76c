"""Pages for a forgotten password and for the links in messages. GET changes nothing: mail programs look at links."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import recovery
from tertulia.accounts.gate import address_of, site_of
from tertulia.core.errors import NotFound, Problem
from tertulia.web.entrance import form_page, show


@form_page
def reset(request: HttpRequest) -> HttpResponse:
    """Where one asks for a link. The answer does not tell whether the account exists."""
    if request.method != "POST":
        return show(request, "reset")
    try:
        recovery.request_reset(
            email=request.POST.get("email", ""), address=address_of(request), site=site_of(request)
        )
    except Problem as problem:
        return show(request, "reset", problem)
    return show(request, "reset", is_sent=True)


@form_page
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link leads: a new password, and then the sign-in page."""
    if request.method != "POST":
        _require(recovery.reset_is_open(token))
        return show(request, "new_password")
    try:
        recovery.reset_password(token=token, password=request.POST.get("password", ""))
    except NotFound:
        raise
    except Problem as problem:
        return show(request, "new_password", problem)
    messages.success(request, _("The new password is set, and all your logins have ended. Sign in with it."))
    return HttpResponseRedirect("/accounts/login", status=303)


@form_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link that confirms an address leads."""
    if request.method != "POST":
        _require(recovery.address_link_is_open(token))
        return show(request, "confirm")
    recovery.confirm_address(token=token)
    messages.success(request, _("Your e-mail address is confirmed."))
    return HttpResponseRedirect("/accounts/profile", status=303)


def _require(is_open: bool) -> None:
    if not is_open:
        raise NotFound(_("This link is not known, has been used, or has expired."))
