"""Pages where a device is asked for a passkey: a new one for one's account, and a sign-in by one.

A page carries what the device is asked for; the client's program puts its answer into a field of the form, which is
sent like any other. The token of what was begun stays in the session, out of reach of the page.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import entering, passkeys
from tertulia.accounts.gate import address_of
from tertulia.accounts.passkeys import Ceremony
from tertulia.accounts.queries import User
from tertulia.core.errors import InvalidInput, Problem
from tertulia.web.appearance import back
from tertulia.web.entrance import form_page, let_in, show
from tertulia.web.members import login_of, members_only

_BEGUN = "passkey"


@form_page
@members_only
def add(request: HttpRequest) -> HttpResponse:
    """A new passkey in two steps: who one is and what to call it, then the device."""
    if request.method != "POST":
        return _show_name(request)
    try:
        return _register(request) if "answer" in request.POST else _ask_device(request)
    except Problem as problem:
        return _show_name(request, problem)


def _show_name(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    """The first step, also after a fault in the second: what a device has answered is used up."""
    context = {
        "has_password": login_of(request).user.has_usable_password(),
        "possible": passkeys.are_possible(request.get_host()),
    }
    return show(request, "passkey", problem, **context)


def _ask_device(request: HttpRequest) -> HttpResponse:
    user = login_of(request).user
    # Before the device makes anything: what it makes stays in it.
    entering.confirm_password(
        user=user,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
    )
    ceremony = passkeys.begin_registration(
        user=user, name=request.POST.get("name", ""), host=request.get_host()
    )
    return show(request, "passkey_device", ceremony=remembered(request, ceremony))


def _register(request: HttpRequest) -> HttpResponse:
    codes = passkeys.register(
        user=login_of(request).user,
        token=_begun(request),
        answer=request.POST["answer"],
        host=request.get_host(),
    )
    if codes:
        return show(request, "recovery_codes", codes=codes)
    return HttpResponseRedirect("/accounts/security#passkeys", status=303)


@form_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """A login without a password."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    if request.method != "POST":
        return _show_sign_in(request)
    try:
        user = entering.sign_in_by_passkey(
            token=_begun(request),
            answer=request.POST.get("answer", ""),
            host=request.get_host(),
            address=address_of(request),
        )
    except Problem as problem:
        return _show_sign_in(request, problem)
    return let_in(request, user, back(request))


def _show_sign_in(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    possible = passkeys.are_possible(request.get_host())
    ceremony = remembered(request, passkeys.begin_sign_in(host=request.get_host())) if possible else None
    return show(request, "passkey_sign_in", problem, ceremony=ceremony)


def second_step(request: HttpRequest, challenge: str) -> User:
    """Who has answered with a passkey on the page of the second step. Raises as `entering` does."""
    return entering.finish_sign_in_by_passkey(
        challenge=challenge,
        token=_begun(request),
        answer=request.POST.get("answer", ""),
        host=request.get_host(),
        address=address_of(request),
    )


def asked_of(request: HttpRequest, user: User) -> Ceremony | None:
    """What the device is asked for in the second step; None for who has no passkey, or none that could answer here."""
    if not passkeys.are_possible(request.get_host()) or not passkeys.of(user):
        return None
    return remembered(request, passkeys.begin_sign_in(host=request.get_host(), user=user))


def remembered(request: HttpRequest, ceremony: Ceremony) -> Ceremony:
    """The ceremony, begun by this browser."""
    request.session[_BEGUN] = ceremony.token
    return ceremony


def _begun(request: HttpRequest) -> str:
    token = request.session.pop(_BEGUN, None)
    if token is None:
        raise InvalidInput.field("answer", _("This took too long. Try again."))
    return str(token)
