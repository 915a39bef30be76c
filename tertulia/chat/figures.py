"""Figures of all runs by day, for the staff's dashboard: how many, never whose words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Window,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, RowNumber, TruncDate

from tertulia.chat.models import Generation
from tertulia.core import clock


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the instance; latencies are seconds to the first text, None on a day without any."""

    date: date
    requests: int = 0
    errors: int = 0
    users: int = 0
    tokens: int = 0
    p50: float | None = None
    p95: float | None = None


def daily(days: int) -> list[Day]:
    """The last days in the instance's time zone, the oldest first, those without a request among them."""
    zone = ZoneInfo(settings.TERTULIA_TIME_ZONE)
    today = clock.now().astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    runs = _runs_since(datetime(first.year, first.month, first.day, tzinfo=zone), zone)
    found = _counted(runs)
    for percent in (50, 95):
        for day, seconds in _latencies(runs, percent):
            found[day][f"p{percent}"] = seconds
    dates = [first + timedelta(days=number) for number in range(days)]
    return [Day(date=day, **found.get(day, {})) for day in dates]


def _runs_since(instant: datetime, zone: ZoneInfo) -> QuerySet[Any]:
    """With `day`, its date. Ids begin with their time (RFC 9562 §5.7), so this is a range of the primary key."""
    lowest = UUID(int=int(instant.timestamp() * 1000) << 80)
    return Generation.objects.filter(id__gte=lowest).annotate(day=TruncDate("created_at", tzinfo=zone))


def _counted(runs: QuerySet[Any]) -> dict[date, dict[str, Any]]:
    said = KeyTextTransform("total_tokens", "answer__usage")
    tokens = Cast(Coalesce(said, KeyTextTransform("total_tokens", "usage")), IntegerField())
    rows = (
        runs.order_by()
        .values("day")
        .annotate(
            requests=Count("id"),
            errors=Count("id", filter=Q(status__in=["failed", "interrupted"])),
            users=Count("user", distinct=True),
            tokens=Sum(tokens, default=0),
        )
    )
    return {row.pop("day"): row for row in rows}


def _latencies(runs: QuerySet[Any], percent: int) -> Iterable[tuple[date, float]]:
    """The nearest-rank percentile of each day: of n sorted values the one at ⌈n · percent / 100⌉."""
    wait = ExpressionWrapper(F("first_token_at") - F("created_at"), DurationField())
    ranked = (
        runs.filter(first_token_at__isnull=False)
        .annotate(
            wait=wait,
            rank=Window(RowNumber(), partition_by=F("day"), order_by=wait),
            of=Window(Count("id"), partition_by=F("day")),
        )
        .filter(rank=(F("of") * percent + 99) / 100)
    )
    for day, waited in ranked.values_list("day", "wait"):
        yield day, waited.total_seconds()
