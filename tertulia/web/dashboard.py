"""/admin/dashboard: the instance's last thirty days for staff, as charts that the server draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from tertulia.chat import figures
from tertulia.core.errors import Forbidden, Text
from tertulia.web.members import login_of, members_only

DAYS = 30
# Of the drawing; the page scales it.
WIDTH, HEIGHT, GAP = 600, 120, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One day's value; `x`, `y`, `height` and `width` are in units of the drawing."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A series of days; `highest` is what the full height means."""

    title: Text
    highest: str
    bars: Sequence[Bar]


@members_only
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Requests, tokens, errors, people and waiting, by day."""
    if not login_of(request).user.is_staff:
        raise Forbidden
    days = figures.daily(DAYS)
    dates = [day.date.isoformat() for day in days]
    charts = [
        _chart(_("Requests"), dates, [day.requests for day in days]),
        _chart(_("People"), dates, [day.users for day in days]),
        _chart(_("Tokens"), dates, [day.tokens for day in days]),
        _chart(_("Errors"), dates, [day.errors for day in days]),
        _chart(_("Seconds to the first text, half of the requests"), dates, [day.p50 or 0 for day in days]),
        _chart(_("Seconds to the first text, 95 of 100 requests"), dates, [day.p95 or 0 for day in days]),
    ]
    context = {"charts": charts, "days": days[::-1], "width": WIDTH, "height": HEIGHT}
    return render(request, "web/dashboard.html", context)


def _chart(title: Text, labels: Sequence[str], values: Sequence[float]) -> Chart:
    highest = max(values, default=0)
    step = WIDTH / max(1, len(values))
    bars = [
        Bar(
            f"{label}: {_shown(value)}",
            round(number * step, 1),
            round(HEIGHT - part, 1),
            step - GAP,
            round(part, 1),
        )
        for number, (label, value) in enumerate(zip(labels, values, strict=True))
        for part in [HEIGHT * value / highest if highest else 0]
    ]
    return Chart(title, _shown(highest), bars)


def _shown(value: float) -> str:
    return f"{value:,}" if value == int(value) else f"{value:,.2f}"
