"""When quota days end: ordinary midnights, daylight saving, and changes of zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.accounts.days import day_end, next_midnight


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "midnight"),
    [
        ("2026-11-21T10:00", "UTC", "2026-11-22T00:00"),
        ("2026-11-21T00:00", "UTC", "2026-11-22T00:00"),  # a day begins at its midnight
        ("2026-11-21T23:59:59.999999", "UTC", "2026-11-22T00:00"),
        ("2026-12-31T23:30", "UTC", "2027-01-01T00:00"),
        ("2028-02-28T12:00", "UTC", "2028-02-29T00:00"),
        ("2026-11-21T10:00", "Asia/Seoul", "2026-11-21T15:00"),
        ("2026-11-21T15:00", "Asia/Seoul", "2026-11-22T15:00"),
        ("2026-11-21T10:00", "Pacific/Kiritimati", "2026-11-22T10:00"),  # +14
        ("2026-11-21T09:59", "Pacific/Kiritimati", "2026-11-21T10:00"),
        ("2026-11-21T10:59", "Pacific/Pago_Pago", "2026-11-21T11:00"),  # −11
        ("2026-11-21T10:00", "Asia/Kolkata", "2026-11-21T18:30"),  # half an hour
        ("2026-11-21T10:00", "Asia/Kathmandu", "2026-11-21T18:15"),  # a quarter
        ("2026-03-28T23:30", "Europe/Berlin", "2026-03-29T22:00"),  # a day of 23 hours
        ("2026-10-24T22:30", "Europe/Berlin", "2026-10-25T23:00"),  # a day of 25 hours
        ("2026-03-08T05:30", "America/New_York", "2026-03-09T04:00"),
        ("2026-10-03T14:00", "Australia/Lord_Howe", "2026-10-04T13:00"),  # daylight saving of half an hour
        ("2026-04-23T12:00", "Africa/Cairo", "2026-04-23T22:00"),  # midnight is skipped: 00:00 becomes 01:00
        ("2026-04-23T22:00", "Africa/Cairo", "2026-04-24T21:00"),
        ("2026-10-29T20:30", "Africa/Cairo", "2026-10-29T22:00"),  # 23:00 to 24:00 comes twice, midnight once
        ("2026-11-01T03:00", "America/Havana", "2026-11-01T04:00"),  # midnight comes twice: the first counts
        ("2026-11-01T04:30", "America/Havana", "2026-11-02T05:00"),
        ("2026-11-01T05:30", "America/Havana", "2026-11-02T05:00"),  # the second 00:30 of that date
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T10:00"),  # a whole date is skipped
    ],
)
def test_next_midnight(now: str, zone: str, midnight: str) -> None:
    assert next_midnight(utc(now), zone) == utc(midnight)


@pytest.mark.parametrize(
    ("now", "zone", "previous_end", "previous_zone", "end"),
    [
        # The first day of all, and days that follow each other in one zone.
        ("2026-11-21T10:00", "UTC", None, None, "2026-11-22T00:00"),
        ("2026-11-22T00:00", "UTC", "2026-11-22T00:00", "UTC", "2026-11-23T00:00"),
        ("2026-03-28T23:00", "Europe/Berlin", "2026-03-28T23:00", "Europe/Berlin", "2026-03-29T22:00"),
        # Idle for weeks: no earlier day is near.
        ("2026-11-21T10:00", "Asia/Seoul", "2026-11-01T00:00", "UTC", "2026-11-21T15:00"),
        # Moved: Seoul's midnight is 15 hours after that of UTC, so the one after it counts.
        ("2026-11-22T00:30", "Asia/Seoul", "2026-11-22T00:00", "UTC", "2026-11-23T15:00"),
        ("2026-11-22T15:00", "UTC", "2026-11-22T15:00", "Asia/Seoul", "2026-11-24T00:00"),
        # Moved to a zone with the same midnight: exactly 24 hours are enough.
        ("2026-11-22T00:00", "Africa/Abidjan", "2026-11-22T00:00", "UTC", "2026-11-23T00:00"),
        # The midnight after is still too near on a day of 23 hours.
        ("2026-03-28T23:30", "Europe/Berlin", "2026-03-28T22:30", "Asia/Kolkata", "2026-03-30T22:00"),
    ],
)
def test_day_end(now: str, zone: str, previous_end: str | None, previous_zone: str | None, end: str) -> None:
    before = utc(previous_end) if previous_end else None
    assert day_end(utc(now), zone, before, previous_zone) == utc(end)


ZONES = [
    "UTC", "Asia/Seoul", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "Africa/Cairo",
    "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "America/Los_Angeles",
]  # fmt: skip


@given(
    start=st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2029, 1, 1)),  # noqa: DTZ001
    moves=st.lists(st.sampled_from(ZONES), min_size=2, max_size=12),
    pauses=st.lists(st.integers(0, 3 * 24 * 60), min_size=12, max_size=12),
)
def test_moving_never_shortens_a_day(start: datetime, moves: list[str], pauses: list[int]) -> None:
    """Whoever moves at the end of every day gets days of 24 hours at least, counted from end to end."""
    now, end, zone = start.replace(tzinfo=UTC), None, None
    for new_zone, pause in zip(moves, pauses, strict=False):
        following = day_end(now, new_zone, end, zone)
        assert following > now
        if end is not None:
            shortest = 24 if new_zone != zone else 23
            assert following - end >= timedelta(hours=shortest)
        now, end, zone = following + timedelta(minutes=pause), following, new_zone
