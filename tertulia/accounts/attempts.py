"""Guessing of passwords and codes, bounded for each account and across processes; `actions` is the caller.

At most LIMIT wrong passwords are answered for an account until WINDOW has passed since the last of them. Only the
address that the account was last used from is not held back by failures elsewhere, so that a stranger who guesses
does not lock its owner out. Unknown accounts count alike: what is answered does not tell which exist.

Besides, one address on the internet may fail, join and ask for resets only so often (`spend`). Addresses that are
not global belong to a proxy which the server was not told of, and stand for everybody: they are not counted.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit
from tertulia.accounts.models import FailedLogins, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import TooManyRequests

LIMIT = 10
WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Bound:
    """How often a thing may be had within `window` since it was had last."""

    name: str
    limit: int
    window: timedelta


# Generous, because a school or an office may stand behind one address.
FAILURES = Bound("failures", 100, WINDOW)
JOINS = Bound("joins", 60, timedelta(hours=1))
RESETS = Bound("resets", 30, timedelta(hours=1))
PASSKEYS = Bound("passkeys", 100, WINDOW)
MAILS = Bound("mails", 5, timedelta(hours=1))


def spend(bound: Bound, address: str | None) -> None:
    """Count one for an address of the internet; raises TooManyRequests beyond the bound."""
    if address is None or not ipaddress.ip_address(address).is_global:
        return
    digest = _digest(bound.name, address)
    with transaction():
        _refuse_if_exhausted(digest, bound.limit)
        _count(digest, bound.limit, bound.window)


def may_mail(email: str) -> bool:
    """Count one mail to an address; False beyond what anybody needs: strangers could fill a mailbox with them."""
    with transaction():
        return _count(_digest(MAILS.name, email), MAILS.limit, MAILS.window)


def guarded(*, email: str, user: User | None, address: str | None, check: Callable[[], bool]) -> bool:
    """The result of `check`, a comparison of a password for the account `email`, unless too many have failed.

    A code of a second factor counts under a name of its own, `codes_of`.

    The counter is consulted before, which spares the work of hashing, and again when the result is known: of
    guesses made at once, only as many as LIMIT learn whether they were right. Raises TooManyRequests.
    """
    everywhere, at_home = _digests(email)
    known = user is not None and address is not None and user.ip_address == address
    deciding = at_home if known else everywhere
    _refuse_if_exhausted(deciding)
    _refuse_exhausted_address(address)
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
            _note_last(deciding, user)
    if not right:
        spend(FAILURES, address)
    return right


def codes_of(user: User) -> str:
    """The name under which wrong codes of a second factor are counted."""
    return f"codes of {user.pk}"


def forget(user: User) -> None:
    """Drop what is counted for an account."""
    names = (*_digests(user.email), *_digests(codes_of(user)), _digest(MAILS.name, user.email))
    FailedLogins.objects.filter(digest__in=names).delete()


def forget_expired() -> None:
    """Drop every count whose window has passed."""
    FailedLogins.objects.filter(expires_at__lte=clock.now()).delete()


def _digests(email: str) -> tuple[str, str]:
    """The names of an account's two counters: of failures everywhere, and of those at its last address."""

    return _digest("everywhere", email), _digest("home", email)


def _digest(what: str, of: str) -> str:
    return salted_hmac(f"tertulia.accounts.attempts.{what}", of, algorithm="sha256").hexdigest()


def _note_last(digest: str, user: User | None) -> None:
    """Into the audit log, once for each burst: the failure that used the last try up."""
    if FailedLogins.objects.filter(digest=digest, count=LIMIT).exists():
        audit.record(audit.Kind.FAILED_LOGINS, user=user)


def _refuse_exhausted_address(address: str | None) -> None:
    if address is not None:
        _refuse_if_exhausted(_digest(FAILURES.name, address), FAILURES.limit)


def _refuse_if_exhausted(digest: str, limit: int = LIMIT) -> None:
    row = FailedLogins.objects.filter(digest=digest, count__gte=limit, expires_at__gt=clock.now()).first()
    if row is not None:
        wait = row.expires_at - clock.now()
        raise TooManyRequests(
            _("Too many tries. Try again later."),
            headers={"Retry-After": str(max(1, int(wait.total_seconds()) + 1))},
        )


def _count(digest: str, limit: int = LIMIT, window: timedelta = WINDOW) -> bool:
    """Count one failure; False when the limit had been reached, which simultaneous failures find out here."""
    now = clock.now()
    FailedLogins.objects.filter(digest=digest, expires_at__lte=now).delete()
    FailedLogins.objects.bulk_create(
        [FailedLogins(digest=digest, expires_at=now + window)], ignore_conflicts=True
    )
    counter = FailedLogins.objects.filter(digest=digest, count__lt=limit)
    # Every failure prolongs the window: a fixed one would allow twice the limit around its end.
    return bool(counter.update(count=F("count") + 1, expires_at=now + window))
