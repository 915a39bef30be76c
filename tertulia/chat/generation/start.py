"""The only creator of a generation: every send, edit and regeneration of every interface comes through here, and what
an instance notes for itself.

`start_generation` commits the user's message, the empty answer, the run and the unit of quota in one transaction, or
none of them; `start_memory` the run that looks a conversation through. After the commit the supervisor launches it.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.transaction import atomic
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.accounts.quota import Standing
from tertulia.characters import remembering
from tertulia.chat import rollback, tree
from tertulia.chat.generation import extraction, request
from tertulia.chat.generation.events import Ids
from tertulia.chat.generation.extraction import Due, Reading
from tertulia.chat.generation.request import Composed, Key, Send
from tertulia.chat.generation.runner import Plan
from tertulia.chat.models import Conversation, Generation, IdempotencyKey, Message
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import IdempotencyMismatch, InvalidInput, NotFound
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatRequest
from tertulia.providers.catalogue import Resolved

__all__ = ["Key", "Send", "Started", "check_content", "start_generation", "start_memory"]

logger = logging.getLogger(__name__)

# Contract: the same key answers the same for this long.
IDEMPOTENCY_HOURS = 24
# A user's message, in code points: long enough for a chapter.
MAX_CONTENT = 100_000


@dataclass(frozen=True, slots=True)
class Started:
    """What was committed, and the user's quota after it. `plan` is None for a replay: the run exists already."""

    ids: Ids
    conversation_id: UUID
    plan: Plan | None
    standing: Standing


def start_generation(send: Send) -> Started:
    """Commit everything that an accepted request means.

    Raises OverQuota, IdempotencyMismatch, or NotFound when the conversation was deleted meanwhile; then nothing is
    stored. Raises NotListedYet when the character's own model must be looked up first.
    """
    try:
        return _start(send)
    except IntegrityError:
        # The account or the conversation was erased in the meantime: what the rows point to is gone.
        logger.info("a start met an erasure", exc_info=True)
        raise NotFound from None


def _start(send: Send) -> Started:
    # All that is searched for comes before the transaction, which on SQLite keeps every other writer waiting.
    if send.key and (replay := _replayed(send.user, send.key)):
        return replay
    send, unknown_model = request.with_model(send)
    lines = request.quotable(send)
    ids = Ids(uuid7(), send.user_message.id if send.user_message else uuid7(), uuid7())
    with transaction():
        if send.key and (replay := _claimed(send.user, send.key)):
            return replay
        standing = quota.reserve(user=send.user, generation_id=ids.generation)
        conversation = _conversation(send, ids)
        composed = request.compose(send, lines, ids.user_message, unknown_model)
        remembering.note_use(composed.used)
        _create_rows(send, conversation, ids, composed)
        if send.key:
            mine = IdempotencyKey.objects.filter(user=send.user, key=send.key.key)
            mine.update(generation_id=ids.generation)
    plan = Plan(ids.generation, composed.request, send.resolved.provider)
    return Started(ids, conversation.id, plan, standing)


def _replayed(user: User, key: Key) -> Started | None:
    """What the first use of a key started, if that is committed. A cheap look: `_claimed` decides."""
    first = IdempotencyKey.objects.filter(user=user, key=key.key, created_at__gte=_oldest_key())
    found = first.select_related("generation").first()
    return _again(user, key, found) if found else None


def _claimed(user: User, key: Key) -> Started | None:
    """None when the key is now ours; else what its first use started. Waits for a first use that is under way."""
    IdempotencyKey.objects.filter(user=user, created_at__lt=_oldest_key()).delete()
    try:
        with atomic():
            IdempotencyKey.objects.create(user=user, key=key.key, digest=key.digest)
        return None
    except IntegrityError:
        first = IdempotencyKey.objects.select_related("generation").get(user=user, key=key.key)
    return _again(user, key, first)


def _again(user: User, key: Key, first: IdempotencyKey) -> Started:
    if first.digest != key.digest:
        raise IdempotencyMismatch
    run = first.generation
    if run is None or run.answer_id is None:  # cannot be: all are written in one transaction
        raise NotFound
    ids = Ids(run.id, run.user_message_id, run.answer_id)
    return Started(ids, run.conversation_id, None, quota.standing(user))


def _oldest_key() -> datetime:
    return clock.now() - timedelta(hours=IDEMPOTENCY_HOURS)


def _conversation(send: Send, ids: Ids) -> Conversation:
    """The conversation, its leaf the coming answer; locked until commit, so a deletion comes wholly before or after.

    What is deleted before is missed by this UPDATE or, for a parent, by the foreign key.
    """
    changes: dict[str, Any] = {"leaf_id": ids.answer, "spoken_leaf_id": ids.answer}
    if _is_to_remember(send):
        changes["memory_due_at"] = extraction.pause_from(clock.now())
    if send.conversation is None:
        title = tree.title_from(send.content)
        return Conversation.objects.create(
            user=send.user, title=title, origin=send.origin, instance=send.instance,
            greeting=request.greeting_of(send), **changes,
        )  # fmt: skip
    changes["updated_at"] = clock.now()
    if send.instance:
        changes["instance"] = send.instance
    if send.opener:
        changes["greeting"] = request.greeting_of(send)
    if not send.conversation.title:
        changes["title"] = tree.title_from(send.content)
    if not Conversation.objects.filter(id=send.conversation.id).update(**changes):
        raise NotFound
    if send.speaker:
        _roll_back(send, send.conversation)
    return send.conversation


def _roll_back(send: Send, conversation: Conversation) -> None:
    """Forget what does not lead to the coming answer. Whoever goes on from the answer before has left nothing."""
    if send.user_message:
        rollback.forget_other_branches(conversation, send.user_message.id)
        rollback.reconsider(send.user_message)
    elif (send.parent.id if send.parent else None) != conversation.spoken_leaf_id:
        rollback.forget_other_branches(conversation, send.parent.id if send.parent else None)


def _create_rows(send: Send, conversation: Conversation, ids: Ids, composed: Composed) -> None:
    common = {"conversation": conversation, "user": send.user}
    rows = []
    if send.user_message is None:
        rows.append(
            Message(id=ids.user_message, parent=send.parent, role="user", content=send.content, **common)
        )
    answer = Message(
        id=ids.answer, parent_id=ids.user_message, role="assistant", status="streaming",
        model=send.resolved.model, parameters=send.parameters, **common,
    )  # fmt: skip
    Message.objects.bulk_create([*rows, answer])
    Generation.objects.create(
        id=ids.generation, user=send.user, conversation=conversation, user_message_id=ids.user_message,
        answer_id=ids.answer, worker_id=send.worker_id, model=send.resolved.model,
        provider=send.resolved.provider.name, instance_id=send.speaker.id if send.speaker else None,
        to_remember=_is_to_remember(send), provenance=composed.provenance,
    )  # fmt: skip


def _is_to_remember(send: Send) -> bool:
    """What a client's own context holds is not a conversation that stands here."""
    return send.speaker is not None and send.context is None and extraction.is_on(send.speaker)


# --- What an instance notes -----------------------------------------------------------------------------------------


def start_memory(due: Due, resolved: Resolved, worker_id: UUID) -> Plan | None:
    """Commit the run that looks through what is new in a conversation. Costs its user nothing.

    None when there is nothing to do: another process was first, an answer is being written, or what was new is gone.
    """
    # Committed by itself: where reading it fails each time, those behind it must not wait for that.
    with transaction():
        leased = extraction.leased(due)
    if leased is None:
        return None
    try:
        with transaction():
            reading = extraction.claimed(leased)
            return _start_reading(reading, resolved, worker_id) if reading else None
    except IntegrityError:
        logger.info("a memory run met another one, or an erasure", exc_info=True)
        return None


def _start_reading(reading: Reading, resolved: Resolved, worker_id: UUID) -> Plan:
    asked = reading.request_messages()
    run = Generation.objects.create(
        id=uuid7(), user=reading.user, conversation_id=reading.conversation_id,
        user_message=reading.messages[-1], purpose=Generation.Purpose.MEMORY, worker_id=worker_id,
        model=resolved.model, provider=resolved.provider.name, instance_id=reading.instance.id,
        provenance=reading.provenance(asked, resolved.model),
    )  # fmt: skip
    return Plan(run.id, ChatRequest(model=resolved.model, messages=asked), resolved.provider)


# --- Words ----------------------------------------------------------------------------------------------------------


def check_content(content: str) -> str:
    """The text of a user's message, within its limits; raises InvalidInput naming the field."""
    if not content.strip():
        raise InvalidInput.field("content", _("Write something first."))
    if "\0" in content:
        raise InvalidInput.field("content", _("NUL and lone surrogates are not allowed."))
    if len(content) > MAX_CONTENT:
        raise InvalidInput.field(
            "content",
            _("At most %(limit)d characters; this has %(length)d.")
            % {"limit": MAX_CONTENT, "length": len(content)},
        )
    return content
