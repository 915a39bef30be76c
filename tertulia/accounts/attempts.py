"""Guessing of passwords, bounded for each account and across processes; `actions` is the caller.

At most LIMIT wrong passwords are answered for an account until WINDOW has passed since the last of them. Only the
address that the account was last used from is not held back by failures elsewhere, so that a stranger who guesses
does not lock its owner out. Unknown accounts count alike: what is answered does not tell which exist.
"""

from collections.abc import Callable
from datetime import timedelta

from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import FailedLogins, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import TooManyRequests

LIMIT = 10
WINDOW = timedelta(minutes=15)


def guarded(*, email: str, user: User | None, address: str | None, check: Callable[[], bool]) -> bool:
    """The result of `check`, a comparison of a password for the account `email`, unless too many have failed.

    The counter is consulted before, which spares the work of hashing, and again when the result is known: of
    guesses made at once, only as many as LIMIT learn whether they were right. Raises TooManyRequests.
    """
    everywhere, at_home = _digests(email)
    known = user is not None and address is not None and user.ip_address == address
    deciding = at_home if known else everywhere
    _refuse_if_exhausted(deciding)
    right = check()
    with transaction():
        _refuse_if_exhausted(deciding)
        if right:
            FailedLogins.objects.filter(digest=deciding).delete()
        else:
            # In one order, whichever decides: two transactions never wait for each other.
            counted = [_count(digest) for digest in ((everywhere, at_home) if known else (everywhere,))]
            if not counted[-1]:
                _refuse_if_exhausted(deciding)
    return right


def forget(email: str) -> None:
    """Drop what is counted for an account."""
    FailedLogins.objects.filter(digest__in=_digests(email)).delete()


def forget_expired() -> None:
    """Drop every count whose window has passed."""
    FailedLogins.objects.filter(expires_at__lte=clock.now()).delete()


def _digests(email: str) -> tuple[str, str]:
    """The names of an account's two counters: of failures everywhere, and of those at its last address."""

    def digest(place: str) -> str:
        return salted_hmac(f"tertulia.accounts.attempts.{place}", email, algorithm="sha256").hexdigest()

    return digest("everywhere"), digest("home")


def _refuse_if_exhausted(digest: str) -> None:
    row = FailedLogins.objects.filter(digest=digest, count__gte=LIMIT, expires_at__gt=clock.now()).first()
    if row is not None:
        wait = row.expires_at - clock.now()
        raise TooManyRequests(
            _("Too many wrong passwords for this account. Try again later."),
            headers={"Retry-After": str(max(1, int(wait.total_seconds()) + 1))},
        )


def _count(digest: str) -> bool:
    """Count one failure; False when LIMIT had been reached, which simultaneous failures find out here."""
    now = clock.now()
    FailedLogins.objects.filter(digest=digest, expires_at__lte=now).delete()
    FailedLogins.objects.bulk_create(
        [FailedLogins(digest=digest, expires_at=now + WINDOW)], ignore_conflicts=True
    )
    counter = FailedLogins.objects.filter(digest=digest, count__lt=LIMIT)
    # Every failure prolongs the window: a fixed one would allow twice the limit around its end.
    return bool(counter.update(count=F("count") + 1, expires_at=now + WINDOW))
