"""Stores what comes in from a file as the user's own, and tells what became of each thing; page, API and command call.

Small transactions, so that answers being written meanwhile are never kept waiting; whoever breaks off and begins again
goes on where it ended. What is here already stays as it is, so the same file brings nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import IO, Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters import queries as character_queries
from tertulia.characters import remembering
from tertulia.chat import tree
from tertulia.chat.importing import reading, restoring, shape
from tertulia.chat.importing.outcomes import Outcome, Status
from tertulia.chat.importing.reading import Opened
from tertulia.chat.importing.shape import Fault, Incoming, Said
from tertulia.chat.models import MAX_TITLE, Conversation, Message
from tertulia.chat.queries import NOBODY
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.ids import moment_in, tick_in, tick_of, uuid7_at

# Messages of one transaction: some hundredths of a second, in which nobody else writes on SQLite.
BATCH = 500
# Things of one file.
MAX_CONVERSATIONS = 50_000
# The same file may be coming in twice at once: one of the two begins again.
TRIES = 3


def import_file(*, user: User, file: IO[bytes]) -> Iterator[Outcome | None]:
    """Bring in whatever a file holds, one thing a step, and yield what became of it; None where a step has no news.

    The steps may run on different threads. Raises archives.Refused before anything is stored.
    """
    with reading.opened(file) as opened:
        instances: dict[UUID, UUID] = {}
        if opened.scratch:
            for fault in opened.gather():
                yield _skipped(fault) if fault else None
            yield from restoring.restored(user, opened, opened.scratch, instances)
        found = opened.conversations()
        for each in islice(found, MAX_CONVERSATIONS):
            yield _skipped(each) if isinstance(each, Fault) else _stored(user, each, instances)
        yield from _leftover(opened, found)


def _leftover(opened: Opened, rest: Iterator[object]) -> Iterator[Outcome]:
    """What was not read, by name, or because there was too much of it."""
    for fault in opened.unread:
        yield Outcome("file", "skipped", shape.label(fault.title, MAX_TITLE), reason=fault.reason)
    if next(rest, None) is not None:
        too_many = _("A file may hold %(limit)d conversations; this one has more.")
        yield Outcome("file", "skipped", reason=str(too_many) % {"limit": MAX_CONVERSATIONS})


def _skipped(fault: Fault) -> Outcome:
    return Outcome("conversation", "skipped", fault.title, reason=fault.reason)


# --- One conversation -----------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where messages go: the conversation, and the ids of those that are there by all the names that they go by."""

    conversation: Conversation
    known: Mapping[str, UUID]
    is_new: bool

    def id_of(self, said: Said) -> UUID | None:
        """The id of a message that is there."""
        return self.known.get(said.key) or self.known.get(said.row.get("external_id") or said.key)


def _stored(user: User, incoming: Incoming, instances: Mapping[UUID, UUID]) -> Outcome:
    if not incoming.said and not incoming.row:
        return Outcome("conversation", "skipped", incoming.title, reason=_("Nothing was said in it."))
    for _attempt in range(TRIES - 1):
        with suppress(IntegrityError):
            return _written(user, incoming, instances)
    return _written(user, incoming, instances)


def _written(user: User, incoming: Incoming, instances: Mapping[UUID, UUID]) -> Outcome:
    place = _known(user, incoming) or _Place(_new(user, incoming, instances), {}, is_new=True)
    fresh = [each for each in incoming.said if not place.id_of(each)]
    if place.is_new:
        with transaction():
            place.conversation.save(force_insert=True)
    _Branches(user, place, incoming).grow(fresh)
    status: Status = "imported" if place.is_new else "continued" if fresh else "present"
    notes = {} if status == "present" else {name: count for name, count in incoming.notes.items() if count}
    return Outcome("conversation", status, _title(incoming), place.conversation.id, len(fresh), notes)


def _title(incoming: Incoming) -> str:
    """Its title there, else one from its first words; what comes back is as it was, also without one."""
    title = incoming.title
    if not title and not incoming.row:
        title = tree.title_from(next((each.content for each in incoming.said), ""))
    return title[:MAX_TITLE]


def _known(user: User, incoming: Incoming) -> _Place | None:
    """The conversation that is here already, by its own id or by its name elsewhere."""
    named = Q(source=incoming.source, external_id=incoming.key) | Q(id=incoming.row.get("id"))
    found = Conversation.objects.filter(named, user=user).first()
    if found is None:
        return None
    rows = Message.objects.filter(conversation=found).values_list("external_id", "id")
    known = {name: id for external, id in rows for name in (external, str(id)) if name}
    return _Place(found, known, is_new=False)


def _new(user: User, incoming: Incoming, instances: Mapping[UUID, UUID]) -> Conversation:
    """Its row, not yet stored; under its own id where that is free."""
    row, origin = incoming.row, incoming.row.get("origin")
    began, now = _until_now(incoming.created_at), tick_of(clock.now())
    kept = shape.own_id(row["id"], now) if row else None
    is_kept = kept and not Conversation.objects.filter(id=kept).exists()
    by_name = character_queries.instance_named(user, incoming.speaker) if incoming.speaker else None
    return Conversation(
        id=kept if is_kept else uuid7_at(tick_of(began)),
        user=user,
        title=_title(incoming),
        origin=origin if origin in Conversation.Origin.values else Conversation.Origin.IMPORT,
        source=row["source"] if is_kept else incoming.source,
        external_id=row["external_id"] if is_kept else incoming.key,
        instance_id=by_name.pk if by_name else instances.get(row.get("instance_id", NOBODY)),
        greeting=incoming.greeting,
        created_at=began,
        updated_at=_until_now(incoming.updated_at, began),
    )


class _Branches:
    """Adds messages to a conversation, parents first, each with an id of the time at which it was said.

    Lists are ordered by ids: what was said elsewhere last year stands before what was said here yesterday.
    """

    def __init__(self, user: User, place: _Place, incoming: Incoming) -> None:
        self._user = user
        self._place = place
        self._incoming = incoming
        self._ids = {each.key: id for each in incoming.said if (id := place.id_of(each))}
        # Whoever went on here stays on that branch.
        self._may_show = place.is_new or place.conversation.leaf_id in {None, *self._ids.values()}
        self._now = tick_of(clock.now())
        self._began = min(self._now, tick_of(_until_now(incoming.created_at)))
        # By parent, the tick of the sibling before.
        self._siblings: dict[str | None, int] = {}
        self._moved: dict[UUID, UUID] = {}

    def grow(self, fresh: Sequence[Said]) -> None:
        """Store the messages in batches; the branch to show is chosen with the last one."""
        for start in range(0, len(fresh), BATCH):
            batch = fresh[start : start + BATCH]
            taken = self._taken(batch)
            rows = [self._row(each, taken) for each in batch]
            with transaction():
                Message.objects.bulk_create(rows)
                self._show(rows[-1].id, is_last=start + BATCH >= len(fresh))
                remembering.move_sources(owner=self._user, moved=self._moved)
            self._moved.clear()

    def _taken(self, batch: Sequence[Said]) -> set[UUID]:
        """Those of the ids which the messages had that somebody's message has here."""
        claimed = [each.row["id"] for each in batch if each.row]
        return set(Message.objects.filter(id__in=claimed).values_list("id", flat=True)) if claimed else set()

    def _row(self, said: Said, taken: set[UUID]) -> Message:
        own = dict(said.row)
        claimed: UUID | None = own.pop("id", None)
        external = own.pop("external_id", "") or said.key
        kept = claimed and claimed not in taken and shape.own_id(claimed, self._now)
        id = kept or uuid7_at(self._tick(said))
        if kept:
            external = said.row["external_id"]
        elif claimed:
            self._moved[claimed] = id
        self._ids[said.key] = id
        at = _until_now(said.at, moment_in(id))
        return Message(
            id=id,
            conversation=self._place.conversation,
            user=self._user,
            parent_id=self._ids[said.parent] if said.parent else None,
            external_id=external,
            role=said.role,
            content=said.content,
            reasoning=said.reasoning,
            model=said.model,
            created_at=at,
            **({"updated_at": at} | own),
        )

    def _tick(self, said: Said) -> int:
        """The time of a message as ids have it: after its parent, after a sibling of no later time, never to come."""
        least = tick_in(self._ids[said.parent]) + 1 if said.parent else self._began
        before = self._siblings.get(said.parent, 0)
        tick = max(least, min(self._now, tick_of(said.at))) if said.at else max(least, before + 1)
        tick += tick == before
        self._siblings[said.parent] = tick
        return tick

    def _show(self, newest: UUID, *, is_last: bool) -> None:
        """The branch that the file shows; that of the newest message until it is there."""
        incoming, place = self._incoming, self._place
        changes: dict[str, Any] = {}
        if self._may_show:
            leaf = self._ids.get(incoming.leaf or "") if is_last else None
            changes["leaf_id"] = leaf or newest
        if place.is_new and is_last:
            changes["spoken_leaf_id"] = self._ids.get(str(incoming.row.get("spoken_leaf_id")))
        if incoming.updated_at and not place.is_new:
            changes["updated_at"] = max(place.conversation.updated_at, _until_now(incoming.updated_at))
        if changes:
            Conversation.objects.filter(id=place.conversation.id).update(**changes)


def _until_now(moment: datetime | None, default: datetime | None = None) -> datetime:
    """A moment that was told, but none to come."""
    now = clock.now()
    return min(moment or default or now, now)
