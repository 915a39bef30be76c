"""The list of a user's conversations, grouped by how long ago they were last used; pages show it at their side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import quota
from tertulia.accounts.gate import Identity
from tertulia.chat import queries
from tertulia.chat.access import Conversation
from tertulia.core import clock
from tertulia.core.errors import Text
from tertulia.web.portraits import tint_of

# Filling a tall screen; the rest is a link away.
PAGE = 40

# Characters are large, and a row shows no more than the colour of the one who answers.
_SHOWN = ("title", "updated_at", "instance__id", "instance__character__hue")


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in the list; `tint` is None where nobody in particular answers."""

    conversation: Conversation
    tint: int | None


@dataclass(frozen=True, slots=True)
class Group:
    label: Text
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Sidebar:
    """One page of the list; `older` is the cursor of the next one, `is_first` whether newer ones came before."""

    groups: Sequence[Group]
    older: str
    is_first: bool


def sidebar_of(identity: Identity, cursor: str = "") -> Sidebar:
    """The newest conversations, or those behind a cursor; one that cannot be read begins anew."""
    position = _position(cursor)
    rows = queries.conversations(identity.user).select_related("instance__character").only(*_SHOWN)
    if position:
        at, id = position
        rows = rows.filter(Q(updated_at__lt=at) | Q(updated_at=at, id__lt=id))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    older = _cursor(shown[-1]) if len(found) > PAGE else ""
    return Sidebar(_grouped(shown, ZoneInfo(quota.zone_of(identity.user))), older, position is None)


def _grouped(rows: Sequence[Conversation], zone: ZoneInfo) -> list[Group]:
    today = clock.now().astimezone(zone).date()

    def label(row: Conversation) -> Text:
        return _age(row.updated_at.astimezone(zone).date(), today)

    return [Group(text, list(map(_row, members))) for text, members in groupby(rows, label)]


def _row(conversation: Conversation) -> Row:
    instance = conversation.instance
    return Row(conversation, tint_of(instance.character.hue) if instance else None)


def _age(day: date, today: date) -> Text:
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return _("Last week") if day >= today - timedelta(days=7) else _("Earlier")


def _cursor(row: Conversation) -> str:
    return f"{row.updated_at.isoformat()},{row.id}"


def _position(cursor: str) -> tuple[datetime, UUID] | None:
    at, comma, id = cursor.partition(",")
    try:
        position = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        return None
    # Years at the edge have no representation in every zone.
    return position if comma and position[0].tzinfo and 1 < position[0].year < 9999 else None
