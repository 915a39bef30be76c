"""The web app manifest (W3C), by which a browser can put the chat on a home screen."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tertulia.web.templatetags.pages import asset


@require_safe
@cache_control(max_age=86_400)
def manifest(request: HttpRequest) -> JsonResponse:
    """Name, colours and icon."""
    body = {
        "name": "Tertulia",
        "short_name": "Tertulia",
        "lang": get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fbfaf7",
        "theme_color": "#fbfaf7",
        "icons": [{"src": asset("icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return JsonResponse(body, content_type="application/manifest+json")
