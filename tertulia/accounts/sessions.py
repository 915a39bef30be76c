"""Django's database sessions, each with its user; the session middleware, `tokens` and `actions` call it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.http import HttpRequest

from tertulia.accounts.models import Session, User
from tertulia.core import clock
from tertulia.core.db import transaction

# allauth's list of live refresh tokens. These and the access tokens name the session by its key.
_TOKENS = "headless_refresh_tokens"
# How the login began, beside Django's own entries: the columns of the row are filled from it at every save.
_LOGIN = "login"
# `seen_at` tells logins in use from forgotten ones; that is enough, and spares a write per request.
SEEN_STEP = timedelta(minutes=15)


class SessionStore(DatabaseStore):
    """The session engine (`SESSION_ENGINE`); it keeps the user's id beside the signed data."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    # When the loaded login was last seen in use.
    seen_at: datetime | None = None

    def _get_session_from_db(self) -> Session | None:
        row = super()._get_session_from_db()  # type: ignore[misc]
        self.seen_at = row.seen_at if row else None
        return row  # type: ignore[no-any-return]

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(await super().acreate_model_instance(data), data)


def _with_user(session: AbstractBaseSession, data: Mapping[str, Any]) -> Session:
    assert isinstance(session, Session)
    session.user_id = data.get(auth.SESSION_KEY)
    if login := data.get(_LOGIN):
        session.carrier, session.address = login["carrier"], login["address"]
        session.created_at = datetime.fromisoformat(login["at"])
    return session


def open_browser_login(request: HttpRequest, user: User) -> None:
    """Sign `user` in on this browser: a new session key, and the cookie with the answer."""
    with transaction():
        auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[_LOGIN] = _login(user, Session.Carrier.BROWSER)


def open_session(user: User) -> SessionStore:
    """A stored session of `user` that no cookie carries."""
    session = SessionStore()
    session.create()
    session.update(
        {
            auth.SESSION_KEY: str(user.pk),
            auth.BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            auth.HASH_SESSION_KEY: user.get_session_auth_hash(),
            _LOGIN: _login(user, Session.Carrier.PROGRAM),
        }
    )
    session.save()
    return session


def _login(user: User, carrier: Session.Carrier) -> dict[str, Any]:
    """The address is that of the sign-in, which the user's row has just been given."""
    return {"carrier": carrier.value, "address": user.ip_address, "at": clock.now().isoformat()}


def note_seen(session: SessionBase) -> None:
    """Remember that a browser's login is in use. Tokens do so themselves, when they are refreshed."""
    seen_at = getattr(session, "seen_at", None)
    now = clock.now()
    if seen_at is not None and seen_at <= now - SEEN_STEP:
        session.seen_at = now  # type: ignore[attr-defined]
        with transaction():
            Session.objects.filter(session_key=session.session_key).update(seen_at=now)


def public_id(session_key: str) -> str:
    """The name of a login for lists: whoever knows its key is signed in by it."""
    return hashlib.sha256(f"login {session_key}".encode()).hexdigest()[:32]


def keep(session: SessionBase, user: User) -> None:
    """Let one login survive the change of its user's password; a copy of a browser's cookie does not."""
    if _TOKENS not in session:
        session.cycle_key()
    session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()


def of(user: User) -> list[Session]:
    """The user's logins, the last used first."""
    live = Session.objects.filter(user=user, expire_date__gt=clock.now())
    return list(live.order_by("-seen_at", "-created_at"))


def end(session_key: str) -> None:
    """End one login; the tokens that rest on it end with it."""
    Session.objects.filter(session_key=session_key).delete()


def end_all(user: User, *, except_key: str | None = None) -> None:
    """End every login of `user`, or every other one."""
    Session.objects.filter(user=user).exclude(session_key=except_key).delete()


def forget_expired() -> None:
    """Remove sessions that nobody can use any more."""
    Session.objects.filter(expire_date__lte=clock.now()).delete()
