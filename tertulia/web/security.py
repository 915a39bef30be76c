"""/accounts/security: where one is signed in, the ways in, the second factor, and what happened to the account."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import actions, entering, factors, linking, passkeys, queries, social
from tertulia.accounts.gate import address_of
from tertulia.core.errors import NotFound, Problem
from tertulia.web.entrance import form_page, several_forms, show
from tertulia.web.members import login_of, members_only

# Security events that the page shows; all of them are in the export.
EVENTS = 20


@form_page
@members_only
def security(request: HttpRequest) -> HttpResponse:
    """Everything on one page."""
    return several_forms(request, _DEEDS, _page)


@form_page
@members_only
def authenticator(request: HttpRequest) -> HttpResponse:
    """Switching the second factor on: the secret stays in the session until a code has proved that the app has it."""
    user = login_of(request).user
    enrolment = factors.new_enrolment(user, request.session.get("enrolment", ""))
    request.session["enrolment"] = enrolment.secret
    if request.method != "POST":
        return show(request, "authenticator", enrolment=enrolment, has_password=user.has_usable_password())
    try:
        _confirm_password(request)
        codes = factors.switch_on(user=user, secret=enrolment.secret, code=request.POST.get("code", ""))
    except Problem as problem:
        context = {"enrolment": enrolment, "has_password": user.has_usable_password()}
        return show(request, "authenticator", problem, **context)
    del request.session["enrolment"]
    return show(request, "recovery_codes", codes=codes)


def _end_login(request: HttpRequest) -> HttpResponse:
    actions.end_login(user=login_of(request).user, login_id=request.POST.get("login", ""))
    return _done(request, _("This login has ended."))


def _end_others(request: HttpRequest) -> HttpResponse:
    identity = login_of(request)
    actions.end_other_logins(user=identity.user, session_key=identity.session_key)
    return _done(request, _("All other logins have ended."))


def _switch_off(request: HttpRequest) -> HttpResponse:
    _confirm_password(request)
    user = login_of(request).user
    entering.confirm_code(user=user, code=request.POST.get("code", ""), address=address_of(request))
    factors.switch_app_off(user=user)
    return _done(request, _("Signing in takes no code of the app any more."))


def _renew_codes(request: HttpRequest) -> HttpResponse:
    _confirm_password(request)
    return show(request, "recovery_codes", codes=factors.renew_recovery_codes(user=login_of(request).user))


def _rename_passkey(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "")
    passkeys.rename(user=login_of(request).user, passkey_id=_passkey_id(request), name=name)
    return _done(request, _("The passkey has a new name."))


def _remove_passkey(request: HttpRequest) -> HttpResponse:
    _confirm_password(request)
    passkeys.remove(user=login_of(request).user, passkey_id=_passkey_id(request))
    return _done(request, _("This passkey no longer opens anything here. Your device may still offer it."))


def _passkey_id(request: HttpRequest) -> int:
    text = request.POST.get("passkey", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise NotFound
    return int(text)


_DEEDS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "end": _end_login,
    "end-others": _end_others,
    "factor-off": _switch_off,
    "new-codes": _renew_codes,
    "passkey-rename": _rename_passkey,
    "passkey-remove": _remove_passkey,
}


def _confirm_password(request: HttpRequest) -> None:
    entering.confirm_password(
        user=login_of(request).user,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
    )


def _done(request: HttpRequest, text: object) -> HttpResponse:
    messages.success(request, str(text))
    return HttpResponseRedirect("/accounts/security", status=303)


def _page(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    identity = login_of(request)
    deed = request.POST.get("action", "")
    form = deed + request.POST.get("passkey", "")  # there is one of each kind for every passkey
    linked = {each.provider: each.extra_data.get("name", "") for each in linking.links_of(identity.user)}
    return show(
        request,
        "security",
        problem,
        logins=queries.logins_of(identity.user, identity.session_key),
        connections=[(id, name, id in linked, linked.get(id, "")) for id, name in social.offered()],
        factor_is_on=factors.is_on(identity.user),
        app_is_on=factors.app_is_on(identity.user),
        passkeys=passkeys.of(identity.user),
        events=queries.events_of(identity.user, EVENTS),
        codes_left=factors.recovery_codes_left(identity.user),
        has_password=identity.user.has_usable_password(),
        deed=deed,
        faults={form: problem} if problem else {},
        typed={form: request.POST.get("name", "")},
    )
