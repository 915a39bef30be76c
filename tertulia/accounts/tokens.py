"""Access and refresh tokens (JWT): each pair rests on a session of its own; the gate and the actions call it.

A token is valid only together with its session and its user (stateful validation), so that logging out, suspending
and erasing end it at once. Each refresh token works once: a second use means that it was copied, and ends the login.
"""

from dataclasses import dataclass
from typing import Any

# allauth imports these inside its functions: two threads that came first would race through the import.
import cryptography.hazmat.primitives.ciphers.algorithms
import cryptography.hazmat.primitives.ciphers.modes  # noqa: F401
from allauth.core.internal.sessionkit import get_session_user
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import sessions
from tertulia.accounts.models import Session, User
from tertulia.accounts.sessions import SessionStore
from tertulia.core.db import transaction
from tertulia.core.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds of its login; `access` goes into `Authorization: Bearer`."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """Whom an access token stands for, and the session that it rests on."""

    user: User
    session_key: str


def issue(request: HttpRequest, user: User) -> Tokens:
    """Begin a login of an API client: tokens on a session of their own, apart from the browser's cookie."""
    with transaction():
        return _tokens(user, sessions.open_session(user))


def rotate(refresh: str) -> Tokens:
    """Exchange a refresh token for a new pair; raises Unauthenticated.

    Of simultaneous uses of one token the first gets the pair; any other ends the login, that pair included.
    """
    payload = internal.decode_token(refresh, "refresh")
    tokens = None
    if payload is not None and "exp" in payload:
        with transaction():
            tokens = _rotated(payload)
    # Raised outside: the end of a login that was copied must not be rolled back.
    if tokens is None:
        raise Unauthenticated(_("The refresh token is not valid or no longer valid. Sign in again."))
    return tokens


def login_of(access: str) -> TokenLogin | None:
    """The login that an access token stands for; None when it, its session or its user is not valid any more."""
    validated = internal.validate_access_token(access)
    if validated is None:
        return None
    user, payload = validated
    if "exp" not in payload:  # RFC 8725 §3.8: a token that never ends is none of ours
        return None
    return TokenLogin(user, internal.session_key_from_sid(payload["sid"]))


def end(session_key: str) -> None:
    """End the login that rests on a session: neither of its tokens works any more."""
    with transaction():
        sessions.end(session_key)


def _rotated(payload: dict[str, Any]) -> Tokens | None:
    session = _locked_session(internal.session_key_from_sid(payload["sid"]))
    if session is None:
        return None
    if payload["jti"] not in internal.get_refresh_token_state(session):
        end(str(session.session_key))
        return None
    user = get_session_user(session)
    if not isinstance(user, User) or payload["sub"] != str(user.pk):
        return None
    internal.invalidate_refresh_token(session, payload)
    return _tokens(user, session)


def _locked_session(session_key: str | None) -> SessionBase | None:
    """The session, locked on PostgreSQL until the transaction ends; on SQLite the transaction is the lock.

    One that has expired opens empty: no refresh token is of it.
    """
    row = Session.objects.select_for_update().filter(session_key=session_key).first()
    return SessionStore(row.session_key) if row else None


def _tokens(user: User, session: SessionBase) -> Tokens:
    refresh = internal.create_refresh_token(user, session)
    session.save()
    return Tokens(access=internal.create_access_token(user, session, {}), refresh=refresh)
