"""Plain views on the database's threads: `asgi` sends every address of the project there, `urls` its two-faced ones."""

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver

from tertulia.core.db import in_db


def cross(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Let every plain view run through `in_db`; Django would give each request a thread and a connection of its own.

    Doing it again changes nothing.
    """
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            cross(pattern.url_patterns)
        elif not iscoroutinefunction(pattern.callback):
            pattern.callback = _crossing(pattern.callback)


def _crossing(view: Callable[..., HttpResponseBase]) -> Callable[..., Awaitable[HttpResponseBase]]:
    @wraps(view)
    async def crossing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return await in_db(shown, view, request, *args, **kwargs)

    return crossing


def shown(view: Callable[..., HttpResponseBase], *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The response of a plain view, rendered where its template may still ask the database."""
    response = view(*args, **kwargs)
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return response
