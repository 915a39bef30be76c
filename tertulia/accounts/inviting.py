"""Invitations: links by which one person each may join while TERTULIA_SIGNUP is `invite`."""

import secrets
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, queries, tickets
from tertulia.accounts.models import Invitation, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Forbidden

DEFAULT_DAYS = 7
MAX_DAYS = 365
# How long used and expired ones stay in the admin's list.
KEPT = timedelta(days=90)


def make(*, days: int = DEFAULT_DAYS, made_by: User | None = None) -> str:
    """A new invitation's token; the page /accounts/join?invite=<token> takes it."""
    return store(Invitation(expires_at=clock.now() + timedelta(days=days)), made_by=made_by)


def store(invitation: Invitation, *, made_by: User | None) -> str:
    """Keep a prepared invitation; its token, which is not kept."""
    token = secrets.token_urlsafe(32)
    invitation.digest, invitation.made_by = tickets.digest_of(token), made_by
    with transaction():
        invitation.save(force_insert=True)
        audit.record(audit.Kind.INVITED, user=made_by)
    return token


def default_end() -> datetime:
    """When an invitation ends that is made now without a word about it."""
    return clock.now() + timedelta(days=DEFAULT_DAYS)


def is_open(token: str) -> bool:
    """Whether somebody may join by it now; reads only."""
    return _open(token).exists()


def use(*, token: str, user: User) -> None:
    """Use an invitation up, in the transaction that makes `user`; raises Forbidden when it is not open any more."""
    if not queries.signup_is_by_invitation():
        return
    if not _open(token).update(used_at=clock.now(), used_by=user):
        raise refusal()


def refusal() -> Forbidden:
    """The problem of an invitation that lets nobody in."""
    return Forbidden(_("This invitation is not known, has been used, or has expired."))


def forget_old() -> None:
    """Remove invitations that ended long ago."""
    Invitation.objects.filter(expires_at__lte=clock.now() - KEPT).delete()


def _open(token: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        digest=tickets.digest_of(token), used_at__isnull=True, expires_at__gt=clock.now()
    )
