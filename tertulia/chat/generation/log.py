"""The run log in the database: the only writer of answers. Supervisor, tail and reaper call it through `in_db`.

While a run lives its events are the truth; `finish` folds them into the message in one transaction that is guarded by
`status = 'running'`, so exactly one caller ends a run, whoever comes first: the runner, a stop, a reaper.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet

from tertulia.accounts import quota
from tertulia.chat.generation import events, extraction
from tertulia.chat.generation.events import End, Piece
from tertulia.chat.models import Conversation, Generation, GenerationEvent, Message, Worker
from tertulia.core import clock
from tertulia.core.db import transaction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a runner, a stop or a reaper says of the end of a run; `status` as in Generation.Status."""

    status: str
    finish_reason: str = ""
    error: str = ""
    usage: dict[str, Any] | None = None
    first_token_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database knows of a run beyond a position; `end` is None while it runs."""

    pieces: list[Piece]
    end: End | None


def append(batches: Mapping[UUID, Sequence[Piece]]) -> set[UUID]:
    """Store the batches of all live runs of a process in one transaction; return the runs that are no longer ours.

    A run that was reaped or whose conversation was deleted takes no more text.
    """
    with transaction():
        # The lock makes `finish` of another process wait for this commit, or this call see its result.
        alive = set(
            Generation.objects.select_for_update()
            .filter(id__in=batches.keys(), status=Generation.Status.RUNNING)
            .order_by("id")
            .values_list("id", flat=True)
        )
        _insert(
            (generation_id, piece)
            for generation_id, pieces in batches.items()
            if generation_id in alive
            for piece in events.merged(pieces)
        )
    return set(batches) - alive


# The hottest statement of a busy server: the same through the ORM costs six times as much.
# After a commit whose confirmation was lost the same batch comes again, perhaps longer: it replaces itself.
_INSERT_EVENT = """
    INSERT INTO chat_generationevent (generation_id, position, kind, payload) VALUES (%s, %s, %s, %s)
    ON CONFLICT (generation_id, position) DO UPDATE SET payload = excluded.payload
"""


def _insert(rows: Iterable[tuple[UUID, Piece]]) -> None:
    key = Generation._meta.pk
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT_EVENT, [(key.get_db_prep_value(id, connection), *piece) for id, piece in rows]
        )


def finish(generation_id: UUID, outcome: Outcome, unstored: Sequence[Piece] = ()) -> End | None:
    """End a run: fold its log and the pieces not yet stored into the answer, settle the quota, drop the events.

    What a memory run said becomes memory entries and is not kept.

    Returns how it ended, or None when somebody else ended it first or it was deleted.
    """
    now = clock.now()
    with transaction():
        running = Generation.objects.filter(id=generation_id, status=Generation.Status.RUNNING)
        generation = _locked(running)
        if generation is None:
            return None
        pieces = events.merged([*_stored(generation_id), *unstored])
        text = events.text_of(pieces, events.DELTA)
        is_memory = generation.purpose == Generation.Purpose.MEMORY
        running.update(
            status=outcome.status,
            finish_reason=outcome.finish_reason[:40],
            error=outcome.error[:60],
            first_token_at=outcome.first_token_at,
            layout=[] if is_memory else events.layout(pieces),
            usage=outcome.usage if is_memory else None,
            ended_at=now,
        )
        if generation.answer_id:
            _write_answer(generation.answer_id, outcome, pieces, text)
        else:
            extraction.settle(generation, outcome.status, text)
        if not text:
            quota.refund(generation_id=generation_id, reason=outcome.error or outcome.status)
        GenerationEvent.objects.filter(generation_id=generation_id).delete()
    length = 0 if is_memory else len(text)
    return End(outcome.status, outcome.finish_reason, outcome.usage, length, outcome.error)


def _locked(running: "QuerySet[Generation]") -> Generation | None:
    """The run, until commit. Before a memory run its conversation, as a deletion takes them: so neither waits for the
    other."""
    is_memory = running.filter(purpose=Generation.Purpose.MEMORY)
    conversations = Conversation.objects.select_for_update().filter(
        id__in=is_memory.values_list("conversation_id", flat=True)
    )
    list(conversations.values_list("id", flat=True))
    return running.select_for_update().defer("layout").first()


def _write_answer(answer_id: UUID, outcome: Outcome, pieces: list[Piece], text: str) -> None:
    sources = events.text_of(pieces, events.SOURCES)
    Message.objects.filter(id=answer_id).update(
        content=text,
        reasoning=events.text_of(pieces, events.REASONING),
        sources=json.loads(sources)["sources"] if sources else [],
        status=outcome.status,
        usage=outcome.usage,
        error=outcome.error[:60],
        updated_at=clock.now(),
    )


def _stored(generation_id: UUID, position: int = 0) -> list[Piece]:
    rows = (
        GenerationEvent.objects.filter(generation_id=generation_id)
        .order_by("position")
        .values_list("position", "kind", "payload")
    )
    pieces = (Piece(*row) for row in rows)
    return [piece.beyond(position) for piece in pieces if piece.after > position]


def read(generation_id: UUID, position: int) -> Snapshot | None:
    """What follows `position` in a run of any process; None when the run does not exist (any more)."""
    stored = _stored(generation_id, position)
    generation = (
        Generation.objects.select_related("answer")
        .only("status", "finish_reason", "error", "layout", "usage", "answer__content", "answer__reasoning",
              "answer__sources", "answer__usage")
        .filter(id=generation_id)
        .first()
    )  # fmt: skip
    if generation is None:
        return None
    if generation.status == Generation.Status.RUNNING:
        return Snapshot(stored, None)
    pieces = [piece.beyond(position) for piece in _folded(generation) if piece.after > position]
    return Snapshot(pieces, _end_of(generation))


def _folded(generation: Generation) -> list[Piece]:
    answer = generation.answer
    if answer is None:
        return []
    return events.replayed(
        generation.layout,
        {
            events.DELTA: answer.content,
            events.REASONING: answer.reasoning,
            events.SOURCES: sources_payload(answer.sources),
        },
    )


def _end_of(generation: Generation) -> End:
    return End(
        generation.status,
        generation.finish_reason,
        generation.answer.usage if generation.answer else generation.usage,
        sum(length for kind, length in generation.layout if kind == events.DELTA),
        generation.error,
    )


def sources_payload(sources: Iterable[Mapping[str, Any]]) -> str:
    """The JSON of a sources event."""
    return json.dumps({"sources": list(sources)}, ensure_ascii=False)


# --- Leases ---------------------------------------------------------------------------------------------------------


def register(worker_id: UUID) -> None:
    """Make this process known before it owns a run."""
    Worker.objects.get_or_create(id=worker_id)


def beat(worker_id: UUID) -> None:
    """Say that this process lives."""
    with transaction():
        if not Worker.objects.filter(id=worker_id).update(beat=F("beat") + 1):
            Worker.objects.create(id=worker_id, beat=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """One look at all running generations: those to stop here, those of ours, and every other owner's beat."""

    to_stop: set[UUID]
    ours: set[UUID]
    beats: dict[UUID, int]


def watch(worker_id: UUID) -> Watch:
    """Read what the supervisor must act on; touches nothing, and only the index of running rows when idle."""
    running = list(
        Generation.objects.filter(status=Generation.Status.RUNNING).values_list(
            "id", "worker_id", "stop_requested", "user__is_active"
        )
    )
    owners = {owner for _, owner, _, _ in running} - {worker_id}
    beats = dict(Worker.objects.filter(id__in=owners).values_list("id", "beat")) if owners else {}
    return Watch(
        to_stop={id for id, owner, stop, active in running if owner == worker_id and (stop or not active)},
        ours={id for id, owner, _, _ in running if owner == worker_id},
        beats={owner: beats.get(owner, -1) for owner in owners},
    )


def reap(worker_id: UUID) -> int:
    """End as interrupted what a dead process left running, with the text that it stored; returns how many."""
    orphans = Generation.objects.filter(worker_id=worker_id, status=Generation.Status.RUNNING)
    ended = [interrupt(id) for id in orphans.values_list("id", flat=True)]
    Worker.objects.filter(id=worker_id).delete()
    return sum(ended)


def interrupt(generation_id: UUID) -> bool:
    """End one run as interrupted; whether this call did."""
    outcome = Outcome(Generation.Status.INTERRUPTED, error="process_lost")
    return finish(generation_id, outcome) is not None


def retire(worker_id: UUID) -> None:
    """Forget this process; it owns no run any more."""
    Worker.objects.filter(id=worker_id).delete()


def request_stop(generation_id: UUID) -> bool:
    """Leave word for the owning process, whichever it is; whether the run was still running."""
    running = Generation.objects.filter(id=generation_id, status=Generation.Status.RUNNING)
    return bool(running.update(stop_requested=True))
