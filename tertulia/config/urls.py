"""The URL map. Addresses are written without a trailing slash; both spellings reach them."""

from collections.abc import Awaitable, Callable

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, include, path
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
        response = await (in_db(page, request) if wants_page(request) else api(request))
        patch_vary_headers(response, ["Accept"])
        return response

    # The API's gate checks cookies itself; a page is checked by its own decorator.
    return path(route, csrf_exempt(view), name=name)


urlpatterns = [
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
