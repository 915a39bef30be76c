"""Reads of accounts, for the interfaces and for `actions`."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from tertulia.accounts import quota
from tertulia.accounts.models import ApiKey, SignInLink, User
from tertulia.accounts.validation import normal_email
from tertulia.core import clock


@dataclass(frozen=True, slots=True)
class Profile:
    """What users see of their own account; `time_zone` is the one that counts, `language` empty when not chosen."""

    id: UUID
    email: str
    nickname: str
    created_at: datetime
    last_login: datetime | None
    ip_address: str | None
    time_zone: str
    language: str
    quota: quota.Standing


def profile_of(user: User) -> Profile:
    """The profile with today's standing."""
    return Profile(
        id=user.pk,
        email=user.email,
        nickname=user.nickname,
        created_at=user.created_at,
        last_login=user.last_login,
        ip_address=user.ip_address,
        time_zone=quota.zone_of(user),
        language=user.language,
        quota=quota.standing(user),
    )


def user_by_email(email: str) -> User | None:
    """The account of an address in whatever spelling of capitals."""
    return User.objects.filter(email=normal_email(email)).first()


def email_is_taken(email: str) -> bool:
    """Whether an account has this address, given in its normal form."""
    return User.objects.filter(email=email).exists()


def signup_is_open() -> bool:
    """Whether strangers may join by themselves."""
    return bool(settings.TERTULIA_SIGNUP == "open")


def api_keys_of(user: User) -> QuerySet[ApiKey]:
    """The user's keys, newest first; what makes them work is not among their fields."""
    return ApiKey.objects.filter(user=user).order_by("-id")


def open_sign_in_links() -> QuerySet[SignInLink]:
    """Links that are neither used nor expired."""
    return SignInLink.objects.filter(used_at__isnull=True, expires_at__gt=clock.now())


def sign_in_link_is_valid(token: str) -> bool:
    """Whether a link would sign its user in now; reads only, so that a preview of the link does not use it up."""
    return open_sign_in_links().filter(digest=link_digest(token), user__is_active=True).exists()


def link_digest(token: str) -> str:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
