"""The page face of /accounts: the same actions as the JSON face, behind forms."""

from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.contrib import auth, messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tertulia.accounts import actions, entering, factors, queries, recovery, social, validation
from tertulia.accounts.errors import CodeRequired
from tertulia.accounts.gate import address_of, site_of
from tertulia.accounts.queries import User
from tertulia.chat import actions as chat_actions
from tertulia.core.errors import Forbidden, NotFound, Problem, Unauthenticated
from tertulia.web import passkeys
from tertulia.web.appearance import back, set_language
from tertulia.web.entrance import ask_for_code, form_page, let_in, several_forms, show
from tertulia.web.members import identity_of, members_only


@form_page
def join(request: HttpRequest) -> HttpResponse:
    """A stranger's account."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    if request.method != "POST":
        return _show_join(request)
    try:
        user = entering.join(
            email=request.POST.get("email", ""),
            nickname=request.POST.get("nickname", ""),
            password=request.POST.get("password", ""),
            address=address_of(request),
            language=get_language() or "",
            invite=_invite(request),
            site=site_of(request),
        )
    except Problem as problem:
        return _show_join(request, problem)
    if validation.needs_confirmation(user):
        messages.info(request, _("A link was sent to your e-mail address. Open it to confirm the address."))
    return let_in(request, user, back(request))


def _show_join(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    context = {"invite": _invite(request), "closed": _why_closed(request), "providers": social.offered()}
    return show(request, "join", problem, **context)


def _invite(request: HttpRequest) -> str:
    return request.POST.get("invite", "") or request.GET.get("invite", "")


def _why_closed(request: HttpRequest) -> str:
    try:
        entering.require_signup(_invite(request))
    except Forbidden as problem:
        return str(problem.detail)
    return ""


@form_page
def login(request: HttpRequest) -> HttpResponse:
    """A new login of this browser."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    if request.method != "POST":
        return show(request, "login", providers=social.offered())
    try:
        user = entering.sign_in(
            email=request.POST.get("email", ""),
            password=request.POST.get("password", ""),
            address=address_of(request),
        )
    except CodeRequired as required:
        return ask_for_code(request, required, back(request))
    except Problem as problem:
        return show(request, "login", problem, providers=social.offered())
    return let_in(request, user, back(request))


@never_cache
@require_safe
def staff_login(request: HttpRequest) -> HttpResponse:
    """Where the admin sends whom it does not let in."""
    if request.user.is_authenticated:
        raise Forbidden
    return redirect_to_login(back(request, "/admin/"))


@form_page
def code(request: HttpRequest) -> HttpResponse:
    """The second step of a login, which the visitor's session remembers: a code, or a passkey."""
    challenge = request.session.get("challenge")
    if challenge is None:
        return HttpResponseRedirect("/accounts/login", status=303)
    try:
        if request.method != "POST":
            return _show_code(request, challenge["token"])
        user = _second_step(request, challenge["token"])
    except Unauthenticated as problem:
        del request.session["challenge"]
        return show(request, "login", problem, providers=social.offered())
    except Problem as problem:
        return _show_code(request, challenge["token"], problem)
    del request.session["challenge"]
    return let_in(request, user, challenge["next"])


def _second_step(request: HttpRequest, challenge: str) -> User:
    if "answer" in request.POST:
        return passkeys.second_step(request, challenge)
    return entering.finish_sign_in(
        challenge=challenge, code=request.POST.get("code", ""), address=address_of(request)
    )


def _show_code(request: HttpRequest, challenge: str, problem: Problem | None = None) -> HttpResponse:
    user = entering.challenged(challenge)
    context = {"has_app": factors.app_is_on(user), "ceremony": passkeys.asked_of(request, user)}
    return show(request, "code", problem, **context)


@form_page
def logout(request: HttpRequest) -> HttpResponse:
    """The end of this browser's login. A link must not sign anyone out: GET asks."""
    if request.method != "POST":
        return show(request, "logout")
    auth.logout(request)
    return HttpResponseRedirect("/accounts/login", status=303)


@form_page
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time sign-in link. GET changes nothing, so that a preview of the link does not use it up."""
    if request.method != "POST":
        if not queries.sign_in_link_is_valid(token):
            raise NotFound(_("This sign-in link is not known, has been used, or has expired."))
        return show(request, "link")
    user = actions.redeem_sign_in_link(token=token, address=address_of(request))
    return let_in(request, user, "/" if user.has_usable_password() else "/accounts/profile")


@form_page
@members_only
def profile(request: HttpRequest) -> HttpResponse:
    """One's account."""
    return several_forms(request, _DEEDS, _show_profile)


def _save_details(request: HttpRequest) -> HttpResponse:
    fields = ("nickname", "email", "time_zone", "language")
    given = {name: request.POST[name] for name in fields if name in request.POST}
    if not given.get("email") and not identity_of(request).user.address:
        given.pop("email", None)  # who has no address may go on without one
    return _update(request, given)


def _save_password(request: HttpRequest) -> HttpResponse:
    return _update(request, {"password": request.POST.get("password", "")})


def _update(request: HttpRequest, changes: dict[str, str]) -> HttpResponse:
    user = actions.update_profile(
        user=identity_of(request).user,
        changes=changes,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
        session=request.session,
        site=site_of(request),
    )
    messages.success(request, _("Saved."))
    if wanted := recovery.address_wanted(user):
        messages.info(
            request,
            _("A link was sent to %(email)s. The address counts once it was opened.") % {"email": wanted},
        )
    return set_language(HttpResponseRedirect("/accounts/profile", status=303), user.language)


def _erase(request: HttpRequest) -> HttpResponse:
    user = identity_of(request).user
    entering.confirm_password(
        user=user,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
    )
    actions.erase_account(user=user, erase_contents=chat_actions.erase_user)
    request.session.flush()
    messages.success(request, _("Your account and everything in it is gone."))
    return HttpResponseRedirect("/accounts/join", status=303)


_DEEDS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "details": _save_details,
    "password": _save_password,
    "erase": _erase,
}


def _show_profile(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    user = identity_of(request).user
    return show(
        request,
        "profile",
        problem,
        profile=queries.profile_of(user),
        has_password=user.has_usable_password(),
        time_zones=_time_zones(),
        deed=request.POST.get("action", ""),
    )


@cache
def _time_zones() -> list[str]:
    """What the field offers: places, without the database's legacy names."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
