"""When a quota day ends: local midnights, daylight saving and changes of zone; `quota` is the caller. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def day_end(now: datetime, zone: str, previous_end: datetime | None, previous_zone: str | None) -> datetime:
    """The end, in UTC, of the quota day that begins at `now` in `zone`.

    That is the next local midnight. After a change of zone it is at least 24 hours past the end of the day before,
    so that moving from zone to zone never gives more than two days' units within 24 hours.
    """
    end = next_midnight(now, zone)
    moved = previous_zone is not None and previous_zone != zone
    while moved and previous_end is not None and end - previous_end < ONE_DAY:
        end = next_midnight(end, zone)
    return end


def next_midnight(now: datetime, zone: str) -> datetime:
    """The first instant after `now` at which a new date begins in `zone`, in UTC.

    A midnight that daylight saving skips is the instant of the change, which is where the new date begins; of one
    that comes twice, the first counts (PEP 495, fold=0, does both).
    """
    local = ZoneInfo(zone)
    date = now.astimezone(local).date() + ONE_DAY
    return datetime.combine(date, time.min, tzinfo=local).astimezone(UTC)
