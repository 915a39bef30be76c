"""The URL map. Addresses are written without a trailing slash; both spellings reach them."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, include, path, re_path
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from tertulia.api import accounts as accounts_api
from tertulia.api import exporting
from tertulia.api import social as social_api
from tertulia.config import health, metrics
from tertulia.config.crossing import shown
from tertulia.config.errors import wants_page
from tertulia.core.db import in_db
from tertulia.web import accounts as accounts_pages
from tertulia.web import dashboard, oversight
from tertulia.web import recovery as recovery_pages
from tertulia.web import social as social_pages

handler400 = "tertulia.config.errors.bad_request"
handler403 = "tertulia.config.errors.permission_denied"
handler404 = "tertulia.config.errors.not_found"
handler500 = "tertulia.config.errors.server_error"

Page = Callable[..., HttpResponseBase]
Api = Callable[..., Awaitable[HttpResponseBase]]


def two_faced(route: str, page: Page, api: Api, name: str) -> URLPattern:
    """One address with a page for browsers and JSON for API clients, told apart by Accept."""

    async def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        page_wanted = wants_page(request)
        response = await (in_db(shown, page, request, **kwargs) if page_wanted else api(request, **kwargs))
        patch_vary_headers(response, ["Accept"])
        return response

    # The API's gate checks cookies itself; a page is checked by its own decorator.
    return path(route, csrf_exempt(view), name=name)


urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    two_faced("accounts/join", accounts_pages.join, accounts_api.JoinView.as_view(), "join"),
    two_faced("accounts/login", accounts_pages.login, accounts_api.LoginView.as_view(), "login"),
    two_faced("accounts/logout", accounts_pages.logout, accounts_api.LogoutView.as_view(), "logout"),
    two_faced("accounts/profile", accounts_pages.profile, accounts_api.ProfileView.as_view(), "profile"),
    two_faced("accounts/login/code", accounts_pages.code, accounts_api.CodeView.as_view(), "login-code"),
    two_faced("accounts/reset", recovery_pages.reset, accounts_api.ResetView.as_view(), "reset"),
    two_faced(
        "accounts/reset/<str:token>",
        recovery_pages.new_password,
        accounts_api.NewPasswordView.as_view(),
        "new-password",
    ),
    two_faced(
        "accounts/confirm/<str:token>",
        recovery_pages.confirm,
        accounts_api.ConfirmView.as_view(),
        "confirm",
    ),
    two_faced(
        "accounts/<str:provider>/login",
        social_pages.start,
        social_api.StartView.as_view(),
        "social-login",
    ),
    two_faced(
        "accounts/<str:provider>/link", social_pages.link, social_api.LinkView.as_view(), "social-link"
    ),
    path("accounts/<str:provider>/login/callback", social_pages.callback, name="social-callback"),
    path("accounts/<str:provider>/token", social_api.TokenView.as_view(), name="social-token"),
    path("accounts/export", exporting.ExportView.as_view(), name="export"),
    path("accounts/connections", social_api.ConnectionsView.as_view(), name="connections"),
    path("accounts/refresh", accounts_api.RefreshView.as_view(), name="refresh"),
    re_path(r"^admin/dashboard/?$", dashboard.dashboard, name="dashboard"),
    path("admin/conversations/<uuid:conversation_id>", oversight.conversation, name="oversight"),
    # The admin's own forms know neither the second factor nor the limit of tries.
    path("admin/login/", accounts_pages.staff_login),
    path("admin/password_change/", RedirectView.as_view(url="/accounts/profile")),
    path("admin/", admin.site.urls),
    path("", include("tertulia.api.urls")),
    path("", include("tertulia.web.urls")),
]
