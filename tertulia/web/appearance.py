"""Theme and language of the pages: cookies, because they hold for visitors too; the account remembers the language."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tertulia.accounts import actions
from tertulia.core.errors import InvalidInput

THEMES = ("system", "light", "dark")
A_YEAR = 365 * 24 * 3600


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        raise InvalidInput.field("theme", _("light, dark or system is expected."))
    return _remember(HttpResponseRedirect(back(request), status=303), "theme", theme)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """The language of the pages; the page that one came from appears in it."""
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        raise InvalidInput.field("language", _("This language is not offered."))
    if request.user.is_authenticated:
        actions.update_profile(user=request.user, changes={"language": language})
    return set_language(HttpResponseRedirect(back(request), status=303), language)


def set_language(response: HttpResponse, language: str) -> HttpResponse:
    """Let the next pages of this browser be in a language; an empty one leaves it as it is."""
    return _remember(response, settings.LANGUAGE_COOKIE_NAME, language) if language else response


def theme_of(request: HttpRequest) -> str:
    """The chosen theme."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else THEMES[0]


def back(request: HttpRequest, default: str = "/") -> str:
    """Where a form wants to lead to (`next`), if that is on this site."""
    return _ours(request, request.POST.get("next") or request.GET.get("next") or default, default)


def here(request: HttpRequest, default: str = "") -> str:
    """Where the page that is shown can be visited.

    A refused form is shown again at its own address, which may take nothing but forms; such a form says in `back` on
    which page it stood. `default` is for forms that do not.
    """
    if request.method != "POST":
        return request.get_full_path()
    return _ours(request, request.POST.get("back", ""), default or request.get_full_path())


def _ours(request: HttpRequest, target: str, default: str) -> str:
    """The target, if it is on this site."""
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(target, hosts, require_https=request.is_secure())
    return target if is_ours else default


def _remember(response: HttpResponse, name: str, value: str) -> HttpResponse:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=A_YEAR, samesite="Lax", secure=secure)
    return response
