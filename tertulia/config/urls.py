"""The URL map. Addresses are written without a trailing slash; both spellings reach them."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from tertulia.api import accounts as accounts_api
from tertulia.config import health
from tertulia.config.errors import wants_page
from tertulia.core.db import in_db
from tertulia.web import accounts as accounts_pages

handler400 = "tertulia.config.errors.bad_request"
handler403 = "tertulia.config.errors.permission_denied"
handler404 = "tertulia.config.errors.not_found"
handler500 = "tertulia.config.errors.server_error"

Page = Callable[[HttpRequest], HttpResponseBase]
Api = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def two_faced(route: str, page: Page, api: Api, name: str) -> URLPattern:
    """One address with a page for browsers and JSON for API clients, told apart by Accept."""

    async def view(request: HttpRequest) -> HttpResponseBase:
        response = await (in_db(_shown, page, request) if wants_page(request) else api(request))
        patch_vary_headers(response, ["Accept"])
        return response

    # The API's gate checks cookies itself; a page is checked by its own decorator.
    return path(route, csrf_exempt(view), name=name)


def on_database_threads(patterns: list[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """Let every plain view run through `in_db`; Django would give each request a thread and a connection of its own."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            on_database_threads(pattern.url_patterns)
        elif not iscoroutinefunction(pattern.callback):
            pattern.callback = _on_database_thread(pattern.callback)
    return patterns


def _on_database_thread(view: Callable[..., HttpResponseBase]) -> Callable[..., Awaitable[HttpResponseBase]]:
    @wraps(view)
    async def crossing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return await in_db(_shown, view, request, *args, **kwargs)

    return crossing


def _shown(view: Callable[..., HttpResponseBase], *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The response, rendered where its template may still ask the database."""
    response = view(*args, **kwargs)
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return response


urlpatterns = on_database_threads(
    [
        path("healthz", health.healthz),
        path("readyz", health.readyz),
        two_faced("accounts/join", accounts_pages.join, accounts_api.JoinView.as_view(), "join"),
        two_faced("accounts/login", accounts_pages.login, accounts_api.LoginView.as_view(), "login"),
        two_faced("accounts/logout", accounts_pages.logout, accounts_api.LogoutView.as_view(), "logout"),
        two_faced("accounts/profile", accounts_pages.profile, accounts_api.ProfileView.as_view(), "profile"),
        path("accounts/refresh", accounts_api.RefreshView.as_view(), name="refresh"),
        path("admin/", admin.site.urls),
        path("", include("tertulia.api.urls")),
        path("", include("tertulia.web.urls")),
    ]
)
