"""What the pages under /accounts have in common: forms, and letting somebody in. All of them import it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from tertulia.accounts import sessions
from tertulia.accounts.errors import CodeRequired
from tertulia.accounts.queries import User
from tertulia.core.errors import InvalidInput, Problem
from tertulia.web.appearance import back, set_language

View = Callable[..., HttpResponse]


def form_page(view: View) -> View:
    """GET shows a form, POST takes it; checked for forgery here, because the URL map shares addresses with the API."""
    return csrf_protect(never_cache(require_http_methods(["GET", "HEAD", "POST"])(view)))


def show(request: HttpRequest, name: str, problem: Problem | None = None, **context: Any) -> HttpResponse:
    """A page of /accounts, with what was typed and what is wrong with it."""
    context = {"problem": problem, "given": request.POST, "next": back(request)} | context
    response = render(
        request, f"web/accounts/{name}.html", context, status=problem.status if problem else 200
    )
    for header, value in (problem.headers if problem else {}).items():
        if header != "WWW-Authenticate":  # a browser would ask for a password of its own
            response[header] = value
    return response


def several_forms(request: HttpRequest, deeds: Mapping[str, View], page: View) -> HttpResponse:
    """A page of several forms, told apart by the button that was pressed (`action`); it shows what was refused."""
    if request.method != "POST":
        return page(request)
    deed = deeds.get(request.POST.get("action", ""))
    try:
        if deed is None:
            raise InvalidInput.field("action", _("No such form."))
        return deed(request)
    except Problem as problem:
        return page(request, problem)


def let_in(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """This browser is signed in from now on, and goes to `target`."""
    sessions.open_browser_login(request, user)
    return set_language(HttpResponseRedirect(target, status=303), user.language)


def ask_for_code(request: HttpRequest, required: CodeRequired, target: str) -> HttpResponse:
    """The first step is done: the page that asks for the code remembers it in the visitor's session."""
    request.session["challenge"] = {"token": required.challenge, "next": target}
    return HttpResponseRedirect("/accounts/login/code", status=303)
