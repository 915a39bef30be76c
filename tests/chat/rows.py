"""Rows for tests of the layers below HTTP."""

import itertools
from typing import Any
from uuid import UUID

from tertulia.accounts.models import User
from tertulia.chat.generation import log
from tertulia.chat.generation.events import DELTA, FIRST_POSITION, Piece
from tertulia.chat.generation.extraction import Due
from tertulia.chat.generation.log import Outcome
from tertulia.chat.generation.runner import Plan
from tertulia.chat.generation.start import Send, Started, start_generation, start_memory
from tertulia.chat.models import Conversation, Message
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.offline import OfflineProvider
from tests.characters.rows import a_character, an_instance

_number = itertools.count(1)
WORKER = uuid7()


def a_user(quota: int | None = 5) -> User:
    email = f"row-{uuid7()}-{next(_number)}@example.org"
    return User.objects.create_user(email, nickname="Row", daily_quota=quota)


def a_conversation(user: User) -> Conversation:
    return Conversation.objects.create(user=user, title="t")


def a_talk(user: User, **character: Any) -> Conversation:
    """A conversation with an instance, which notes by itself."""
    instance = an_instance(user, a_character(user, **character), name=f"Mira {uuid7()}")
    return Conversation.objects.create(user=user, title="t", instance=instance)


def a_chain(conversation: Conversation, length: int) -> list[Message]:
    """Messages of alternating roles, each the child of the one before."""
    rows: list[Message] = []
    for number in range(length):
        rows.append(
            Message(
                conversation=conversation,
                user_id=conversation.user_id,
                parent=rows[-1] if rows else None,
                role="assistant" if number % 2 else "user",
                content=f"message {number}",
            )
        )
    Message.objects.bulk_create(rows, batch_size=500)
    return rows


def started(user: User, content: str = "question", worker: UUID = WORKER, **changes: Any) -> Started:
    """A committed run that nobody runs; the offline model's unless `resolved` names another."""
    changes.setdefault("resolved", Resolved(OfflineProvider(), "offline"))
    return start_generation(Send(user=user, worker_id=worker, origin="api", content=content, **changes))


def asked(started: Started) -> tuple[ChatMessage, ...]:
    """What a started run sends to its provider."""
    assert started.plan
    return started.plan.request.messages


def answered(user: User, conversation: Conversation, answer: str = "An answer.", **changes: Any) -> Started:
    """A run that has ended, its answer complete."""
    run = started(user, conversation=conversation, **changes)
    log.finish(run.ids.generation, Outcome("complete", "stop"), [Piece(FIRST_POSITION, DELTA, answer)])
    return run


def due(conversation: Conversation) -> Due:
    """As the supervisor would find the conversation once it has paused."""
    conversation.refresh_from_db()
    assert conversation.memory_due_at
    return Due(conversation.id, conversation.memory_due_at)


def looking_through(conversation: Conversation, worker: UUID = WORKER) -> Plan:
    """A committed memory run that nobody runs."""
    plan = start_memory(due(conversation), Resolved(OfflineProvider(), "offline"), worker)
    assert plan
    return plan
