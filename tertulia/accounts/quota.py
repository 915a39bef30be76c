"""The daily quota: one unit per accepted request, reserved, refunded and shown; `chat` calls it when it starts and
ends runs, the interfaces for display. Speech is counted beside it, in the same days, against a limit of its own.

`reserve` and `refund` write inside the caller's `transaction()`. Of requests that compete, in whatever process, a
single conditional UPDATE of the user's Allowance decides; count-then-insert would let several through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import validation
from tertulia.accounts.days import day_end
from tertulia.accounts.errors import AddressUnconfirmed
from tertulia.accounts.models import Allowance, GroupQuota, LedgerEntry, QuotaBoost, User
from tertulia.core import clock
from tertulia.core.errors import OverQuota, Text


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's present day: `limit` and `remaining` are None where nothing limits; `resets_at` is aware, UTC."""

    limit: int | None
    used: int
    remaining: int | None
    resets_at: datetime


def limit_for(user: User) -> int | None:
    """Requests per day; None: unlimited.

    The user's own limit, else the highest of the user's groups, else the instance's, and boosts upon it. No limit
    for whom `is_unlimited` says so, nor for administrators without a limit of their own.
    """
    if user.is_unlimited or (user.is_superuser and user.daily_quota is None):
        return None
    extra, groups = _granted(user)
    limit = user.daily_quota if user.daily_quota is not None else _shared_limit(groups)
    return None if limit is None else limit + extra


def _shared_limit(groups: Sequence[int | None]) -> int | None:
    """The limit of who has none of their own."""
    if not groups:
        limit: int | None = settings.TERTULIA_DAILY_QUOTA
        return limit
    limits = [limit for limit in groups if limit is not None]
    return max(limits) if len(limits) == len(groups) else None


def _granted(user: User) -> tuple[int, list[int | None]]:
    """What boosts add today, and the limits of the user's groups: one statement."""
    boosts = QuotaBoost.objects.filter(user=user, until__gt=clock.now()).values_list("units", Value(True))
    groups = GroupQuota.objects.filter(group__user=user).values_list("daily_quota", Value(False))
    rows = list(boosts.union(groups, all=True))
    extra = sum(units for units, is_boost in rows if is_boost)
    return extra, [limit for limit, is_boost in rows if not is_boost]


def speech_limit_for(user: User) -> int | None:
    """Readings and recordings per day; None: unlimited, as for those whom nothing limits otherwise."""
    if user.is_unlimited or (user.is_superuser and user.daily_quota is None):
        return None
    limit: int | None = settings.TERTULIA_SPEECH_QUOTA
    return limit


def zone_of(user: User) -> str:
    """The IANA name of the zone in which the user's next day begins."""
    zone: str = user.time_zone or settings.TERTULIA_TIME_ZONE
    return zone


def reserve(*, user: User, generation_id: UUID) -> Standing:
    """Take one unit for a generation and enter it in the ledger; returns what is left.

    Raises OverQuota, with RateLimit-* headers and Retry-After, when today's units are used up, AddressUnconfirmed
    while the instance waits for the user to open a link.
    """
    if validation.needs_confirmation(user):
        raise AddressUnconfirmed(_("Open the link that was sent to your e-mail address; then ask again."))
    limit = limit_for(user)
    day = _day_of(user)
    counter = Allowance.objects.filter(pk=user.pk)
    free = counter if limit is None else counter.filter(used__lt=limit)
    if not free.update(used=F("used") + 1):
        raise _over_quota(_standing(limit, day.used, day.resets_at))
    LedgerEntry.objects.create(user=user, generation_id=generation_id, resets_at=day.resets_at)
    return _standing(limit, day.used + 1, day.resets_at)


def reserve_speech(*, user: User, key: UUID) -> tuple[Standing, bool]:
    """Take one unit of speech for what `key` stands for; what has one already, and was not refunded, takes none.

    Returns what is left, and whether a unit was taken. Raises as `reserve`.
    """
    if validation.needs_confirmation(user):
        raise AddressUnconfirmed(_("Open the link that was sent to your e-mail address; then ask again."))
    limit = speech_limit_for(user)
    day = _day_of(user)
    # Behind the lock of the day: two requests for one reading come in at the same time.
    entry = LedgerEntry.objects.filter(generation_id=key, user=user).first()
    if entry and entry.refunded_at is None:
        return _standing(limit, day.speech_used, day.resets_at), False
    counter = Allowance.objects.filter(pk=user.pk)
    free = counter if limit is None else counter.filter(speech_used__lt=limit)
    if not free.update(speech_used=F("speech_used") + 1):
        raise _over_quota(
            _standing(limit, day.speech_used, day.resets_at),
            _("Today's speech is used up; the next day brings new."),
        )
    if entry:
        entry.delete()
    LedgerEntry.objects.create(
        user=user, generation_id=key, kind=LedgerEntry.Kind.SPEECH, resets_at=day.resets_at
    )
    return _standing(limit, day.speech_used + 1, day.resets_at), True


def refund(*, generation_id: UUID, reason: str) -> bool:
    """Give a generation's unit back, once; False when it has none or had it back already.

    A unit of a day that has ended is marked in the ledger only: the new day began with nothing used.
    """
    taken = LedgerEntry.objects.filter(generation_id=generation_id, refunded_at__isnull=True)
    if not taken.update(refunded_at=clock.now(), reason=reason[:40]):
        return False
    entry = LedgerEntry.objects.get(generation_id=generation_id)
    column = "speech_used" if entry.kind == LedgerEntry.Kind.SPEECH else "used"
    same_day = Allowance.objects.filter(pk=entry.user_id, resets_at=entry.resets_at, **{f"{column}__gt": 0})
    same_day.update(**{column: F(column) - 1})
    return True


def standing(user: User) -> Standing:
    """What the user has used and has left. Reads only: a day that is over shows as the next one, unused."""
    day = _present_day(user)
    return _standing(limit_for(user), day.used, day.resets_at)


def speech_standing(user: User) -> Standing:
    """The same of speech: what was read aloud and written down."""
    day = _present_day(user)
    return _standing(speech_limit_for(user), day.speech_used, day.resets_at)


def _present_day(user: User) -> Allowance:
    """The user's counter as it counts now; one of a new day is not stored."""
    now = clock.now()
    day = Allowance.objects.filter(pk=user.pk).first()
    if day and day.resets_at > now:
        return day
    return Allowance(user=user, resets_at=_next_end(user, day, now))


def ledger_of(user: User) -> QuerySet[LedgerEntry]:
    """Every unit for an answer that the user took, with what became of it."""
    return LedgerEntry.objects.filter(user=user, kind=LedgerEntry.Kind.CHAT)


def rate_limit_headers(standing: Standing) -> dict[str, str]:
    """RateLimit-Limit, -Remaining, -Reset (draft-ietf-httpapi-ratelimit-headers-07; Reset in seconds from now)."""
    if standing.limit is None:
        return {}
    return {
        "RateLimit-Limit": str(standing.limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(_seconds_until(standing.resets_at)),
    }


def _day_of(user: User) -> Allowance:
    """The user's counter, locked until the transaction ends and turned to a new day if its day is over.

    The lock (on SQLite: the IMMEDIATE transaction) keeps a process whose clock is a little ahead from turning the
    day between this reading and the UPDATE that follows.
    """
    now = clock.now()
    day = Allowance.objects.select_for_update().filter(pk=user.pk).first()
    if day is None:
        first = Allowance(user=user, resets_at=_next_end(user, None, now), time_zone=zone_of(user))
        Allowance.objects.bulk_create([first], ignore_conflicts=True)
        day = Allowance.objects.select_for_update().get(pk=user.pk)
    if day.resets_at <= now:
        day.used = day.speech_used = 0
        day.resets_at, day.time_zone = _next_end(user, day, now), zone_of(user)
        day.save(update_fields=["used", "speech_used", "resets_at", "time_zone"])
    return day


def _next_end(user: User, last: Allowance | None, now: datetime) -> datetime:
    if last is None:
        return day_end(now, zone_of(user), None, None)
    return day_end(now, zone_of(user), last.resets_at, last.time_zone)


def _standing(limit: int | None, used: int, resets_at: datetime) -> Standing:
    remaining = None if limit is None else max(0, limit - used)
    return Standing(limit=limit, used=used, remaining=remaining, resets_at=resets_at)


def _over_quota(standing: Standing, detail: Text = "") -> OverQuota:
    headers = rate_limit_headers(standing) | {"Retry-After": str(_seconds_until(standing.resets_at))}
    used_up = _("All requests of this day are used; the next day brings new ones.")
    return OverQuota(detail or used_up, headers=headers)


def _seconds_until(instant: datetime) -> int:
    """Whole seconds, rounded up: whoever waits that long is not too early."""
    return max(0, -((clock.now() - instant) // timedelta(seconds=1)))
