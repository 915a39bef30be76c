"""What every template may use; a context processor."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tertulia.accounts import quota
from tertulia.web.appearance import here, theme_of


def page(request: HttpRequest) -> dict[str, Any]:
    """The page's frame: nonce, theme, languages, its address; quota is read when it is shown."""
    return {
        "nonce": getattr(request, "csp_nonce", ""),
        "theme": theme_of(request),
        "sidebar_state": "closed" if request.COOKIES.get("sidebar") == "closed" else "open",
        "languages": settings.LANGUAGES,
        "here": SimpleLazyObject(lambda: here(request)),
        "quota": SimpleLazyObject(lambda: _standing(request)),
        "time_zone": SimpleLazyObject(lambda: _time_zone(request)),
    }


def _standing(request: HttpRequest) -> quota.Standing | None:
    return quota.standing(request.user) if request.user.is_authenticated else None


def _time_zone(request: HttpRequest) -> str:
    return quota.zone_of(request.user) if request.user.is_authenticated else settings.TERTULIA_TIME_ZONE
