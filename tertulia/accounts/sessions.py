"""Django's database sessions, each with its user; the session middleware, `tokens` and `actions` call it."""

from collections.abc import Mapping
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


class SessionStore(DatabaseStore):
    """The session engine (`SESSION_ENGINE`); it keeps the user's id beside the signed data."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(await super().acreate_model_instance(data), data)


def _with_user(session: AbstractBaseSession, data: Mapping[str, Any]) -> Session:
    assert isinstance(session, Session)
    session.user_id = data.get(auth.SESSION_KEY)
    return session


def open_browser_login(request: HttpRequest, user: User) -> None:
    """Sign `user` in on this browser: a new session key, and the cookie with the answer."""
    with transaction():
        auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])


def open_session(user: User) -> SessionStore:
    """A stored session of `user` that no cookie carries."""
    session = SessionStore()
    session.create()
    session.update(
        {
            auth.SESSION_KEY: str(user.pk),
            auth.BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            auth.HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
    )
    session.save()
    return session


def keep(session: SessionBase, user: User) -> None:
    """Let one login survive the change of its user's password; a copy of a browser's cookie does not."""
    if _TOKENS not in session:
        session.cycle_key()
    session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()


def end(session_key: str) -> None:
    """End one login; the tokens that rest on it end with it."""
    Session.objects.filter(session_key=session_key).delete()


def end_all(user: User, *, except_key: str | None = None) -> None:
    """End every login of `user`, or every other one."""
    Session.objects.filter(user=user).exclude(session_key=except_key).delete()


def forget_expired() -> None:
    """Remove sessions that nobody can use any more."""
    Session.objects.filter(expire_date__lte=clock.now()).delete()
