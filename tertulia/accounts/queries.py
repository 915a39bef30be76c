"""Reads of accounts, for the interfaces and for `actions`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from tertulia.accounts import quota, sessions
from tertulia.accounts.models import ApiKey, AuditEvent, SignInLink, User
from tertulia.accounts.tickets import digest_of
from tertulia.accounts.validation import normal_email
from tertulia.core import clock

# With the user's type, so that interfaces, which import no models, can name it.
__all__ = [
    "Login",
    "Profile",
    "User",
    "api_keys_of",
    "email_is_taken",
    "events_of",
    "logins_of",
    "open_sign_in_links",
    "profile_of",
    "sign_in_link_is_valid",
    "signup_is_by_invitation",
    "signup_is_open",
    "user_by_email",
]


@dataclass(frozen=True, slots=True)
class Profile:
    """What users see of their own account.

    `email` is empty for who has none, `time_zone` the one that counts, `language` empty when not chosen.
    """

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
        email=user.address,
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


def signup_is_by_invitation() -> bool:
    """Whether strangers need an invitation."""
    return bool(settings.TERTULIA_SIGNUP == "invite")


def api_keys_of(user: User) -> QuerySet[ApiKey]:
    """The user's keys, newest first; what makes them work is not among their fields."""
    return ApiKey.objects.filter(user=user).order_by("-id")


@dataclass(frozen=True, slots=True)
class Login:
    """Where a user is signed in. `id` names it without letting anybody in; `seen_at` is right to SEEN_STEP."""

    id: str
    carrier: str
    address: str | None
    created_at: datetime
    seen_at: datetime
    is_current: bool


def logins_of(user: User, session_key: str | None) -> list[Login]:
    """The user's logins, the last used first; `session_key` is the one that asks."""
    return [
        Login(
            id=sessions.public_id(each.session_key),
            carrier=each.carrier,
            address=each.address,
            created_at=each.created_at,
            seen_at=each.seen_at,
            is_current=each.session_key == session_key,
        )
        for each in sessions.of(user)
    ]


def events_of(user: User, limit: int) -> list[AuditEvent]:
    """The last security events of the user's account, with who did them; the newest first."""
    return list(AuditEvent.objects.filter(user=user).select_related("actor").order_by("-at", "-id")[:limit])


def open_sign_in_links() -> QuerySet[SignInLink]:
    """Links that are neither used nor expired."""
    return SignInLink.objects.filter(used_at__isnull=True, expires_at__gt=clock.now())


def sign_in_link_is_valid(token: str) -> bool:
    """Whether a link would sign its user in now; reads only, so that a preview of the link does not use it up."""
    return open_sign_in_links().filter(digest=digest_of(token), user__is_active=True).exists()
