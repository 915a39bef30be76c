"""Tokens that let their holder finish something once; `actions`, `linking` and `recovery` issue and take them."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from tertulia.accounts.models import Ticket, User
from tertulia.core import clock
from tertulia.core.db import transaction

Purpose = Ticket.Purpose


def issue(
    purpose: Purpose,
    *,
    lifetime: timedelta,
    user: User | None = None,
    payload: Mapping[str, Any] | None = None,
) -> str:
    """A new token for a purpose; what its ticket carries is in `payload`."""
    token = secrets.token_urlsafe(32)
    ticket = Ticket(
        digest=digest_of(token),
        purpose=purpose,
        user=user,
        payload=dict(payload or {}),
        expires_at=clock.now() + lifetime,
    )
    with transaction():
        ticket.save(force_insert=True)
    return token


def find(purpose: Purpose, token: str) -> Ticket | None:
    """The valid ticket of a token, left where it is; None also when its user is suspended."""
    ticket = _valid(purpose, token).select_related("user").first()
    return None if ticket is None or (ticket.user and not ticket.user.is_active) else ticket


def take(purpose: Purpose, token: str) -> Ticket | None:
    """As `find`, and the ticket is gone: of simultaneous tries one gets it."""
    with transaction():
        ticket = find(purpose, token)
        return ticket if ticket and _valid(purpose, token).delete()[0] else None


def withdraw(purpose: Purpose, user: User) -> None:
    """Make a user's tickets for a purpose worthless."""
    Ticket.objects.filter(user=user, purpose=purpose).delete()


def forget_expired() -> None:
    """Remove tickets that nobody can use any more."""
    Ticket.objects.filter(expires_at__lte=clock.now()).delete()


def digest_of(token: str) -> str:
    """What is kept of a token; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _valid(purpose: Purpose, token: str) -> QuerySet[Ticket]:
    return Ticket.objects.filter(digest=digest_of(token), purpose=purpose, expires_at__gt=clock.now())
