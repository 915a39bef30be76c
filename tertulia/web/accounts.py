"""The page face of /accounts: the same actions as the JSON face, behind forms."""

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from tertulia.accounts import actions, queries, sessions
from tertulia.accounts.gate import address_of
from tertulia.accounts.models import User
from tertulia.chat import actions as chat_actions
from tertulia.core.errors import Forbidden, InvalidInput, NotFound, Problem
from tertulia.web.appearance import back, set_language
from tertulia.web.members import members_only

View = Callable[..., HttpResponse]


def _form_page(view: View) -> View:
    """GET shows a form, POST takes it; checked for forgery here, because the URL map shares addresses with the API."""
    return csrf_protect(never_cache(require_http_methods(["GET", "HEAD", "POST"])(view)))


@_form_page
def join(request: HttpRequest) -> HttpResponse:
    """A stranger's account."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    if request.method != "POST":
        return _show(request, "join", closed=_why_closed())
    try:
        user = actions.join(
            email=request.POST.get("email", ""),
            nickname=request.POST.get("nickname", ""),
            password=request.POST.get("password", ""),
            address=address_of(request),
            language=get_language() or "",
        )
    except Problem as problem:
        return _show(request, "join", problem, closed=_why_closed())
    return _let_in(request, user)


def _why_closed() -> str:
    try:
        actions.require_open_signup()
    except Forbidden as problem:
        return str(problem.detail)
    return ""


@_form_page
def login(request: HttpRequest) -> HttpResponse:
    """A new login of this browser."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    if request.method != "POST":
        return _show(request, "login")
    try:
        user = actions.sign_in(
            email=request.POST.get("email", ""),
            password=request.POST.get("password", ""),
            address=address_of(request),
        )
    except Problem as problem:
        return _show(request, "login", problem)
    return _let_in(request, user)


@_form_page
def logout(request: HttpRequest) -> HttpResponse:
    """The end of this browser's login. A link must not sign anyone out: GET asks."""
    if request.method != "POST":
        return _show(request, "logout")
    auth.logout(request)
    return HttpResponseRedirect("/accounts/login", status=303)


@_form_page
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time sign-in link. GET changes nothing, so that a preview of the link does not use it up."""
    if request.method != "POST":
        if not queries.sign_in_link_is_valid(token):
            raise NotFound(_("This sign-in link is not known, has been used, or has expired."))
        return _show(request, "link")
    user = actions.redeem_sign_in_link(token=token, address=address_of(request))
    return _let_in(request, user, "/" if user.has_usable_password() else "/accounts/profile")


@_form_page
@members_only
def profile(request: HttpRequest) -> HttpResponse:
    """One's account: four forms, told apart by the button that was pressed."""
    if request.method != "POST":
        return _show_profile(request)
    deed = _DEEDS.get(request.POST.get("action", ""))
    try:
        if deed is None:
            raise InvalidInput.field("action", _("No such form."))
        return deed(request)
    except Problem as problem:
        return _show_profile(request, problem)


def _save_details(request: HttpRequest) -> HttpResponse:
    fields = ("nickname", "email", "time_zone", "language")
    return _update(request, {name: request.POST[name] for name in fields if name in request.POST})


def _save_password(request: HttpRequest) -> HttpResponse:
    return _update(request, {"password": request.POST.get("password", "")})


def _update(request: HttpRequest, changes: dict[str, str]) -> HttpResponse:
    user = actions.update_profile(
        user=_user(request),
        changes=changes,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
        session=request.session,
    )
    messages.success(request, _("Saved."))
    return set_language(HttpResponseRedirect("/accounts/profile", status=303), user.language)


def _erase(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    actions.confirm_password(
        user=user,
        current_password=request.POST.get("current_password") or None,
        address=address_of(request),
    )
    chat_actions.erase_user(user=user)
    actions.erase_account(user=user)
    request.session.flush()
    messages.success(request, _("Your account and everything in it is gone."))
    return HttpResponseRedirect("/accounts/join", status=303)


_DEEDS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "details": _save_details,
    "password": _save_password,
    "erase": _erase,
}


def _show_profile(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    user = _user(request)
    return _show(
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


def _show(request: HttpRequest, name: str, problem: Problem | None = None, **context: Any) -> HttpResponse:
    context |= {"problem": problem, "given": request.POST, "next": back(request)}
    return render(request, f"web/accounts/{name}.html", context, status=problem.status if problem else 200)


def _let_in(request: HttpRequest, user: User, target: str | None = None) -> HttpResponse:
    draft = request.session.get("draft")
    sessions.open_browser_login(request, user)
    if draft:
        request.session["draft"] = draft
    return set_language(HttpResponseRedirect(target or back(request), status=303), user.language)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
