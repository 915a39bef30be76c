"""The one gate for credentials: cookie, JWT and API key pass here and nowhere else.

DRF's authentication class and the async views (through `in_db`: it reads the database) call it. An `x-api-key`
header is not a credential.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import sessions, tokens
from tertulia.accounts.models import ApiKey, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Forbidden, Unauthenticated

API_KEY_PREFIX = "tt_"
# `last_used_at` tells keys in use from forgotten ones; to the minute is enough and spares a write per request.
LAST_USED_STEP = timedelta(minutes=1)

Carrier = Literal["session", "jwt", "api_key"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and by what. `session_key` names the login that a cookie or a JWT rests on."""

    user: User
    carrier: Carrier
    api_key_id: UUID | None = None
    session_key: str | None = None

    def login(self) -> "Identity":
        """Itself, if it is a login: what makes or ends ways in is not for API keys. Raises Forbidden."""
        if self.carrier == "api_key":
            raise Forbidden(_("An API key may not do this. Sign in."))
        return self


def require(request: HttpRequest) -> Identity:
    """As `identify`; raises Unauthenticated also when the request carries no credential."""
    identity = identify(request)
    if identity is None:
        raise Unauthenticated
    return identity


def identify(request: HttpRequest) -> Identity | None:
    """The active user behind a request; None when it carries no credential.

    A bearer token goes before the cookie, and a bad one is never made good by it: Unauthenticated. Forbidden when
    a request with a cookie changes something without a CSRF token, and for what an API key's scope leaves out.
    """
    token = _bearer(request)
    if token is None:
        return _by_cookie(request)
    if token.startswith(API_KEY_PREFIX):
        return _by_api_key(request, token)
    return _by_jwt(token)


def address_of(request: HttpRequest) -> str | None:
    """The client's address as the server saw it; behind a proxy, the server is told which ones to believe."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:  # a Unix socket has none
        return None


def site_of(request: HttpRequest) -> str:
    """The beginning of this instance's addresses, for links in messages; ALLOWED_HOSTS bounds what it may be."""
    return request.build_absolute_uri("/")


def api_key_digest(key: str) -> str:
    """What is kept of a key; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _bearer(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer` or of the older spelling `Authentication: bearer`.

    Another scheme is no credential of ours: a proxy's Basic header may travel beside the cookie.
    """
    found = {
        rest.strip()
        for header in ("HTTP_AUTHORIZATION", "HTTP_AUTHENTICATION")
        for scheme, _space, rest in [request.META.get(header, "").strip().partition(" ")]
        if scheme.lower() == "bearer"
    }
    if len(found) > 1:
        raise Unauthenticated(_("Authorization and Authentication name different tokens."))
    return found.pop() if found else None


def _by_api_key(request: HttpRequest, key: str) -> Identity:
    row = ApiKey.objects.select_related("user").filter(digest=api_key_digest(key)).first()
    now = clock.now()
    if row is None or not row.user.is_active or (row.expires_at and row.expires_at <= now):
        raise _refused()
    if not _covers(row.scope, request):
        raise Forbidden(_("This API key may not be used for this."))
    if row.last_used_at is None or row.last_used_at <= now - LAST_USED_STEP:
        _note_use(row)
    return Identity(row.user, "api_key", api_key_id=row.pk)


def _covers(scope: str, request: HttpRequest) -> bool:
    """Whether a key of this scope opens the address; what declares none (`key_scope`) is open to full keys only."""
    declared = getattr(request, "key_scope", None)
    if scope == ApiKey.Scope.READ:
        # Hearing a message is a GET, for players and links; it takes a unit and sets an engine to work all the same.
        return request.method in ("GET", "HEAD", "OPTIONS") and declared != ApiKey.Scope.SPEECH
    return scope in (ApiKey.Scope.ALL, declared)


def _note_use(key: ApiKey) -> None:
    now = clock.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_STEP)
    with transaction():
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _by_jwt(token: str) -> Identity:
    login = tokens.login_of(token)
    if login is None or not login.user.is_active:
        raise _refused()
    return Identity(login.user, "jwt", session_key=login.session_key)


def _by_cookie(request: HttpRequest) -> Identity | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    _enforce_csrf(request)
    sessions.note_seen(request.session)
    return Identity(user, "session", session_key=request.session.session_key)


def _refused() -> Unauthenticated:
    return Unauthenticated(_("The token is not valid or no longer valid. Sign in again."))


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, giving its reason instead of an answer."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _no_view(request: HttpRequest) -> HttpResponse:
    """Stands for a view that is not exempt from the check."""
    return HttpResponse()


def _enforce_csrf(request: HttpRequest) -> None:
    check = _CsrfCheck(_no_view)
    check.process_request(request)
    if check.process_view(request, _no_view, (), {}):
        raise Forbidden(_("The CSRF token is missing or wrong: load the page anew, or send a bearer token."))
