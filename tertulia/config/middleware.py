"""Middleware of every request, native to the event loop.

Django's own classes hand each hook to a thread when they run under ASGI, two hops per class and request. The hooks of
the classes below only compute, so they are called in place; the one that writes (a changed session) crosses to the
database like everything else.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import markcoroutinefunction
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils.functional import SimpleLazyObject

from tertulia.config import metrics
from tertulia.config.errors import render
from tertulia.core import headers
from tertulia.core.db import in_db
from tertulia.core.errors import EXPIRED_FORM, Forbidden, Problem, from_database

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

logger = logging.getLogger("tertulia.request")


class Gateway:
    """Outermost: takes an optional trailing slash off, renders Problems, and sets the headers of every answer."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        _take_slash_off(request)
        request.csp_nonce = SimpleLazyObject(lambda: secrets.token_urlsafe(16))  # type: ignore[attr-defined]
        response = await self.get_response(request)
        for name, value in headers.common().items():
            response.headers.setdefault(name, value)
        if not response.streaming and not response.has_header("Content-Length"):
            response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        policy = headers.ADMIN_POLICY if request.path_info.startswith("/admin/") else headers.PAGE_POLICY
        nonced = policy.format(nonce=request.csp_nonce)  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Security-Policy", nonced)
        _note(request, response, time.perf_counter() - began)
        return response

    async def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        problem = error
        if isinstance(error, DatabaseError):
            problem = from_database(error) or error
        return await render(request, problem) if isinstance(problem, Problem) else None


def _note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """One line for each request, and an id by which the answer's reader and the log's reader mean the same one."""
    response.headers.setdefault("X-Request-Id", f"req_{secrets.token_hex(12)}")
    match = request.resolver_match
    fields = {
        "request_id": response.headers["X-Request-Id"],
        "method": request.method,
        "route": match.route if match else "",
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    metrics.note_response(request.method or "", match.route if match else "", response, seconds)
    level = logging.ERROR if response.status_code >= 500 else logging.INFO
    logger.log(level, "%(method)s /%(route)s %(status)d in %(ms)s ms, %(request_id)s", fields, extra=fields)


def _take_slash_off(request: HttpRequest) -> None:
    """Addresses are declared without one; either spelling answers the same, without a redirect that loses a body."""
    path = request.path_info
    if path.endswith("/") and len(path) > 1 and not path.startswith("/admin/"):
        request.path_info = path.rstrip("/") or "/"


class InPlace:
    """Mixin for a MiddlewareMixin class whose hooks do no I/O."""

    get_response: Any

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        response = response or await self.get_response(request)
        if hasattr(self, "process_response"):
            response = await self.finished(request, response)
        return response

    async def finished(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return self.process_response(request, response)  # type: ignore[attr-defined, no-any-return]


class Session(InPlace, SessionMiddleware):
    """Crosses to the database only when the session changed."""

    async def finished(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.session.modified:
            return await in_db(self.process_response, request, cast("HttpResponse", response))
        return self.process_response(request, cast("HttpResponse", response))


class Locale(InPlace, LocaleMiddleware):
    """The language of the cookie, else of the browser."""


class Csrf(InPlace, CsrfViewMiddleware):
    """Django's CSRF check of form posts; API views are exempt and the credential gate checks cookies there."""

    async def process_view(  # type: ignore[override]
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponseBase | None:
        refused = super().process_view(request, callback, callback_args, callback_kwargs)
        return await render(request, Forbidden(EXPIRED_FORM)) if refused else None

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        """Only says that it is refused: the page about it asks the database, which the loop must not."""
        return HttpResponse(status=403)


class Authentication(InPlace, AuthenticationMiddleware):
    """`request.user`, looked up when first asked for."""


class Messages(InPlace, MessageMiddleware):
    """One-time notices of the pages, kept in a cookie."""
