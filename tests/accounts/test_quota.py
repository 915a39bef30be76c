"""The daily quota on the real database: limits, refunds, the end of a day, moves between zones, and races."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.conf import settings
from django.db import connections

from tertulia.accounts import quota
from tertulia.accounts.errors import AddressUnconfirmed
from tertulia.accounts.models import Allowance, LedgerEntry, User
from tertulia.accounts.quota import Standing
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import OverQuota
from tests.accounts.people import make_user

pytestmark = pytest.mark.usefixtures("database")


def reserve(user: User) -> UUID:
    generation_id = uuid4()
    with transaction():
        quota.reserve(user=user, generation_id=generation_id)
    return generation_id


def refund(generation_id: UUID) -> bool:
    with transaction():
        return quota.refund(generation_id=generation_id, reason="provider_error")


def end_the_day(user: User) -> None:
    """As if the user's present day had ended a minute ago."""
    a_minute_ago = clock.now() - timedelta(minutes=1)
    Allowance.objects.filter(pk=user.pk).update(resets_at=a_minute_ago)
    LedgerEntry.objects.filter(user=user).update(resets_at=a_minute_ago)


def counted(user: User) -> tuple[int, int]:
    """The counter, and the ledger's entries of the same day that were not refunded; they must be equal."""
    day = Allowance.objects.get(pk=user.pk)
    entries = LedgerEntry.objects.filter(user=user, resets_at=day.resets_at, refunded_at__isnull=True)
    return day.used, entries.count()


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 5),
        ({"daily_quota": 2}, 2),
        ({"daily_quota": 0}, 0),
        ({"is_superuser": True}, None),
        ({"is_superuser": True, "daily_quota": 3}, 3),
        ({"is_staff": True}, 5),
    ],
)
def test_limit_for(fields: dict[str, object], limit: int | None) -> None:
    assert settings.TERTULIA_DAILY_QUOTA == 5
    assert quota.limit_for(User(**fields)) == limit


def test_a_reservation_tells_what_is_left() -> None:
    user, ends = make_user(daily_quota=3), datetime(2026, 11, 22, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 11, 21, 10, tzinfo=UTC), tick=False), transaction():
        said = [quota.reserve(user=user, generation_id=uuid4()) for _each in range(2)]
        seen = quota.standing(user)
    assert said == [Standing(3, 1, 2, ends), Standing(3, 2, 1, ends)]
    assert seen == said[1]


@pytest.mark.parametrize(
    ("before_the_end", "seconds"),
    [(timedelta(seconds=90), "90"), (timedelta(milliseconds=1), "1"), (-timedelta(seconds=1), "0")],
)
def test_the_headers_say_how_long_to_wait_at_most(before_the_end: timedelta, seconds: str) -> None:
    ends = datetime(2026, 11, 22, tzinfo=UTC)
    with time_machine.travel(ends - before_the_end, tick=False):
        headers = quota.rate_limit_headers(Standing(5, 2, 3, ends))
    assert headers == {"RateLimit-Limit": "5", "RateLimit-Remaining": "3", "RateLimit-Reset": seconds}


@pytest.mark.parametrize("own_zone", ["", "Asia/Seoul"])
def test_a_day_ends_at_midnight_in_ones_own_zone_else_in_the_instances(
    own_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TERTULIA_TIME_ZONE", "Pacific/Kiritimati")
    user, zone = make_user(time_zone=own_zone), own_zone or "Pacific/Kiritimati"
    midnight = datetime(2026, 11, 21, {"Asia/Seoul": 15}.get(zone, 10), tzinfo=UTC)
    with time_machine.travel(datetime(2026, 11, 21, 9, tzinfo=UTC), tick=False):
        unused = quota.standing(user)
        reserve(user)
    day = Allowance.objects.get(pk=user.pk)
    assert (unused, day.resets_at, day.time_zone) == (Standing(5, 0, 5, midnight), midnight, zone)


def test_a_day_that_ends_this_instant_has_ended() -> None:
    user = make_user(daily_quota=1)
    reserve(user)
    ended = Allowance.objects.get(pk=user.pk).resets_at
    with time_machine.travel(ended, tick=False):
        assert quota.standing(user) == Standing(1, 0, 1, ended + timedelta(days=1))
        reserve(user)
    assert Allowance.objects.get(pk=user.pk).resets_at == ended + timedelta(days=1)


@pytest.mark.parametrize("take", ["an answer", "speech"])
def test_who_has_not_opened_the_link_takes_nothing(take: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TERTULIA_VERIFY_EMAIL", True)
    user = make_user()
    with pytest.raises(AddressUnconfirmed) as refused:
        reserve(user) if take == "an answer" else reserve_speech(user)
    assert str(refused.value.detail) == "Open the link that was sent to your e-mail address; then ask again."
    assert not Allowance.objects.filter(pk=user.pk).exists()


def test_as_many_as_the_limit_then_no_more() -> None:
    user = make_user(daily_quota=3)
    for used in range(3):
        assert quota.standing(user).used == used
        reserve(user)
    with pytest.raises(OverQuota) as refused:
        reserve(user)
    assert str(refused.value.detail) == "All requests of this day are used; the next day brings new ones."
    headers = refused.value.headers
    assert headers["RateLimit-Limit"] == "3"
    assert headers["RateLimit-Remaining"] == "0"
    assert 0 < int(headers["RateLimit-Reset"]) <= 86_400
    assert headers["Retry-After"] == headers["RateLimit-Reset"]
    assert counted(user) == (3, 3)


def test_a_limit_of_none_at_all() -> None:
    user = make_user(daily_quota=0)
    with pytest.raises(OverQuota):
        reserve(user)
    assert quota.standing(user).remaining == 0


def test_the_unlimited_are_counted_too() -> None:
    user = make_user(is_superuser=True)
    for _each in range(7):
        reserve(user)
    standing = quota.standing(user)
    assert (standing.limit, standing.used, standing.remaining) == (None, 7, None)
    assert quota.rate_limit_headers(standing) == {}
    assert counted(user) == (7, 7)


def test_a_refund_gives_one_unit_back_once() -> None:
    user = make_user(daily_quota=2)
    first, _second = reserve(user), reserve(user)
    assert [refund(first), refund(first), refund(uuid4())] == [True, False, False]
    assert quota.standing(user).remaining == 1
    reserve(user)
    assert counted(user) == (2, 2)
    assert LedgerEntry.objects.get(generation_id=first).reason == "provider_error"


def test_a_refund_takes_nothing_from_others_and_nothing_below_zero() -> None:
    user, other = make_user(), make_user()
    mine, _others = reserve(user), reserve(other)
    Allowance.objects.filter(pk=user.pk).update(used=0)  # as an operator may have set it
    assert refund(mine)
    assert (quota.standing(user).used, quota.standing(other).used) == (0, 1)


def test_a_refund_says_when_and_why() -> None:
    generation_id = reserve(make_user())
    with time_machine.travel(datetime(2026, 11, 21, 10, tzinfo=UTC), tick=False):
        quota.refund(generation_id=generation_id, reason="x" * 41)
    entry = LedgerEntry.objects.get(generation_id=generation_id)
    assert (entry.refunded_at, entry.reason) == (datetime(2026, 11, 21, 10, tzinfo=UTC), "x" * 40)


def test_a_limit_that_was_lowered_leaves_nothing_below_zero() -> None:
    user = make_user(daily_quota=3)
    reserve(user), reserve(user)
    user.daily_quota = 1
    assert quota.standing(user).remaining == 0
    with pytest.raises(OverQuota):
        reserve(user)


def test_the_next_day_brings_new_units_and_keeps_refunds_of_the_old_apart() -> None:
    user = make_user(daily_quota=1)
    yesterdays = reserve(user)
    end_the_day(user)
    assert quota.standing(user).used == 0
    assert quota.standing(user).resets_at > clock.now()
    reserve(user)
    assert refund(yesterdays)
    assert counted(user) == (1, 1)


def test_reading_the_standing_writes_nothing() -> None:
    user = make_user()
    quota.standing(user)
    assert not Allowance.objects.filter(pk=user.pk).exists()
    reserve(user)
    end_the_day(user)
    before = Allowance.objects.values().get(pk=user.pk)
    quota.standing(user)
    assert Allowance.objects.values().get(pk=user.pk) == before


def test_a_clock_set_back_does_not_refill() -> None:
    user = make_user(daily_quota=1)
    reserve(user)
    # Seen from a clock that was set back, the day ends later than any midnight it would give.
    Allowance.objects.filter(pk=user.pk).update(resets_at=clock.now() + timedelta(hours=49))
    with pytest.raises(OverQuota):
        reserve(user)
    assert quota.standing(user).remaining == 0


def test_another_zone_counts_from_the_next_day_on() -> None:
    user = make_user(daily_quota=1, time_zone="Asia/Seoul")
    reserve(user)
    ends = quota.standing(user).resets_at
    user.time_zone = "Pacific/Kiritimati"
    assert quota.standing(user).resets_at == ends
    with pytest.raises(OverQuota):
        reserve(user)
    end_the_day(user)
    old_end = Allowance.objects.get(pk=user.pk).resets_at
    shown = quota.standing(user).resets_at
    reserve(user)
    day = Allowance.objects.get(pk=user.pk)
    assert day.resets_at == shown
    assert day.time_zone == "Pacific/Kiritimati"
    assert day.resets_at - old_end >= timedelta(hours=24)


def try_to_reserve(user: User) -> bool:
    try:
        reserve(user)
    except OverQuota:
        return False
    else:
        return True
    finally:
        connections.close_all()


@pytest.mark.parametrize("day_is_over", [False, True])
def test_of_many_at_once_exactly_the_limit_gets_in(day_is_over: bool) -> None:
    user = make_user(daily_quota=5)
    if day_is_over:
        refund(reserve(user))
        end_the_day(user)
    with ThreadPoolExecutor(12) as pool:
        accepted = list(pool.map(try_to_reserve, [user] * 40))
    assert accepted.count(True) == 5
    assert counted(user) == (5, 5)


# --- Speech ---------------------------------------------------------------------------------------------------------


def reserve_speech(user: User, key: UUID | None = None) -> tuple[Standing, bool]:
    with transaction():
        return quota.reserve_speech(user=user, key=key or uuid4())


@pytest.fixture
def two_of_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TERTULIA_SPEECH_QUOTA", 2)


@pytest.mark.usefixtures("two_of_speech")
def test_speech_and_answers_are_counted_apart() -> None:
    user = make_user(daily_quota=1)
    reserve(user)
    reserve_speech(user), reserve_speech(user)
    with pytest.raises(OverQuota):
        reserve_speech(user)
    assert (quota.standing(user).used, counted_speech(user)) == (1, 2)
    assert quota.ledger_of(user).count() == 1


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 2),
        ({"daily_quota": 9}, 2),
        ({"is_unlimited": True}, None),
        ({"is_superuser": True}, None),
        ({"is_superuser": True, "daily_quota": 3}, 2),
    ],
)
@pytest.mark.usefixtures("two_of_speech")
def test_the_limit_of_speech(fields: dict[str, object], limit: int | None) -> None:
    assert quota.speech_limit_for(User(**fields)) == limit


@pytest.mark.usefixtures("two_of_speech")
def test_speech_tells_what_is_left_until_it_is_used_up() -> None:
    user, key, ends = make_user(), uuid4(), datetime(2026, 11, 22, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 11, 21, 10, tzinfo=UTC), tick=False):
        unused = quota.speech_standing(user)
        said = [reserve_speech(user, each) for each in (key, key, uuid4())]
        seen = quota.speech_standing(user)
        with pytest.raises(OverQuota) as refused:
            reserve_speech(user)
    assert said == [
        (Standing(2, 1, 1, ends), True), (Standing(2, 1, 1, ends), False), (Standing(2, 2, 0, ends), True),
    ]  # fmt: skip
    assert (unused, seen) == (Standing(2, 0, 2, ends), said[-1][0])
    assert str(refused.value.detail) == "Today's speech is used up; the next day brings new."
    assert refused.value.headers == {
        "RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": "50400", "Retry-After": "50400",
    }  # fmt: skip


def test_speech_without_a_limit_is_counted_too() -> None:
    user = make_user(is_unlimited=True)
    standing, _taken = reserve_speech(user)
    assert (standing.limit, standing.used, standing.remaining, counted_speech(user)) == (None, 1, None, 1)


@pytest.mark.usefixtures("two_of_speech")
def test_the_ledger_tells_a_unit_of_speech_from_others() -> None:
    user, other, key = make_user(), make_user(), uuid4()
    answer = reserve(user)
    reserve(other), reserve_speech(other), reserve_speech(user, key)
    entry = LedgerEntry.objects.get(generation_id=key)
    day = Allowance.objects.get(pk=user.pk)
    assert (entry.user_id, entry.kind, entry.resets_at) == (user.pk, "speech", day.resets_at)
    assert [entry.generation_id for entry in quota.ledger_of(user)] == [answer]
    assert LedgerEntry.objects.get(generation_id=answer).kind == "chat"


@pytest.mark.usefixtures("two_of_speech")
def test_what_has_a_unit_takes_no_other_until_it_is_refunded() -> None:
    user, key = make_user(), uuid4()
    assert [reserve_speech(user, key)[1] for _time in range(3)] == [True, False, False]
    assert counted_speech(user) == 1
    assert refund(key)
    assert counted_speech(user) == 0
    assert reserve_speech(user, key)[1]
    assert (counted_speech(user), quota.standing(user).used) == (1, 0)


@pytest.mark.usefixtures("two_of_speech")
def test_the_next_day_brings_speech_as_well() -> None:
    user = make_user()
    reserve_speech(user), reserve_speech(user)
    end_the_day(user)
    assert reserve_speech(user)[0].remaining == 1


@pytest.mark.usefixtures("two_of_speech")
def test_of_many_at_once_one_reading_takes_one_unit_and_no_more_than_the_limit_get_in() -> None:
    user, key = make_user(), uuid4()
    with ThreadPoolExecutor(12) as pool:
        taken = list(pool.map(try_to_reserve_speech, [(user, key)] * 20))
        others = list(pool.map(try_to_reserve_speech, [(user, uuid4()) for _each in range(20)]))
    assert (taken.count(True), others.count(True), counted_speech(user)) == (1, 1, 2)


def counted_speech(user: User) -> int:
    return Allowance.objects.get(pk=user.pk).speech_used


def try_to_reserve_speech(asked: tuple[User, UUID]) -> bool:
    try:
        return reserve_speech(*asked)[1]
    except OverQuota:
        return False
    finally:
        connections.close_all()
