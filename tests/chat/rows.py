"""Rows for tests of the layers below HTTP."""

import itertools
from typing import Any
from uuid import UUID

from tertulia.accounts.models import User
from tertulia.chat.generation.start import Send, Started, start_generation
from tertulia.chat.models import Conversation, Message
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.offline import OfflineProvider

_number = itertools.count(1)
WORKER = uuid7()


def a_user(quota: int | None = 5) -> User:
    email = f"row-{uuid7()}-{next(_number)}@example.org"
    return User.objects.create_user(email, nickname="Row", daily_quota=quota)


def a_conversation(user: User) -> Conversation:
    return Conversation.objects.create(user=user, title="t")


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
