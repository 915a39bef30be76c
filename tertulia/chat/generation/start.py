"""The only creator of a generation: every send, edit and regeneration of every interface comes through here.

`start_generation` commits the user's message, the empty answer, the run and the unit of quota in one transaction, or
none of them; the supervisor launches the run after the commit.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError
from django.db.transaction import atomic
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.accounts.quota import Standing
from tertulia.characters import persona, remembering
from tertulia.characters.models import Character, Instance
from tertulia.characters.persona import Briefing
from tertulia.chat import queries, tree
from tertulia.chat.generation import prompt
from tertulia.chat.generation.events import Ids
from tertulia.chat.generation.runner import Plan
from tertulia.chat.models import Conversation, Generation, IdempotencyKey, Message
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import IdempotencyMismatch, InvalidInput, NotFound
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage, ChatRequest, Parameters, Passage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.offline import OFFLINE_MODEL
from tertulia.quotes import retrieval

logger = logging.getLogger(__name__)

# Contract: the same key answers the same for this long.
IDEMPOTENCY_HOURS = 24
# Lines of the quote board that a turn may bring to the model's mind.
MOST_LINES = 5
# How far back a lorebook's keys are looked for.
RECENT_TURNS = 8
# What the offline model may quote of the user's own words.
HISTORY_PASSAGES = 200
HISTORY_PASSAGE_LENGTH = 500
# A user's message, in code points: long enough for a chapter.
MAX_CONTENT = 100_000


class Key(NamedTuple):
    """An Idempotency-Key, and the SHA-256 of the request that came with it."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A request for an answer, validated, its objects obtained through `access`.

    Without `conversation` a new one begins. The user's message is `content` under `parent` (None: a new root), or,
    for another answer to what was said before, the existing `user_message`. `context` replaces the stored history
    for clients that bring their own (the OpenAI facade).
    """

    user: User
    worker_id: UUID
    resolved: Resolved
    origin: str
    content: str = ""
    conversation: Conversation | None = None
    parent: Message | None = None
    user_message: Message | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    context: Sequence[ChatMessage] | None = None
    # Who answers: an instance, which the conversation then keeps, or for one answer a character without memory.
    instance: Instance | None = None
    character: Character | None = None
    key: Key | None = None

    @property
    def speaker(self) -> Instance | None:
        """The instance that answers: the one asked for, else the conversation's."""
        return self.instance or (self.conversation.instance if self.conversation else None)

    @property
    def words(self) -> str:
        """What is to be answered."""
        return self.user_message.content if self.user_message else self.content


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
    stored.
    """
    try:
        return _start(send)
    except IntegrityError:
        # The account or the conversation was erased in the meantime: what the rows point to is gone.
        logger.info("a start met an erasure", exc_info=True)
        raise NotFound from None


def _start(send: Send) -> Started:
    # Before the transaction, which on SQLite keeps every other writer waiting.
    lines = retrieval.relevant(send.words, limit=MOST_LINES)
    ids = Ids(uuid7(), send.user_message.id if send.user_message else uuid7(), uuid7())
    with transaction():
        if send.key and (replay := _claimed(send.user, send.key)):
            return replay
        standing = quota.reserve(user=send.user, generation_id=ids.generation)
        conversation = _conversation(send, ids)
        history = _history(send)
        _create_rows(send, conversation, ids)
        if send.key:
            mine = IdempotencyKey.objects.filter(user=send.user, key=send.key.key)
            mine.update(generation_id=ids.generation)
        request = _request(send, history, ids, lines)
    return Started(ids, conversation.id, Plan(ids.generation, request, send.resolved.provider), standing)


def _claimed(user: User, key: Key) -> Started | None:
    """None when the key is now ours; else what its first use started. Waits for a first use that is under way."""
    expired = clock.now() - timedelta(hours=IDEMPOTENCY_HOURS)
    IdempotencyKey.objects.filter(user=user, created_at__lt=expired).delete()
    try:
        with atomic():
            IdempotencyKey.objects.create(user=user, key=key.key, digest=key.digest)
        return None
    except IntegrityError:
        first = IdempotencyKey.objects.select_related("generation").get(user=user, key=key.key)
    if first.digest != key.digest:
        raise IdempotencyMismatch
    run = first.generation
    if run is None:  # cannot be: both are written in one transaction
        raise NotFound
    ids = Ids(run.id, run.user_message_id, run.answer_id)
    return Started(ids, run.conversation_id, None, quota.standing(user))


def _conversation(send: Send, ids: Ids) -> Conversation:
    """The conversation, its leaf the coming answer; locked until commit, so a deletion comes wholly before or after.

    What is deleted before is missed by this UPDATE or, for a parent, by the foreign key.
    """
    if send.conversation is None:
        title = tree.title_from(send.content)
        return Conversation.objects.create(
            user=send.user, title=title, origin=send.origin, leaf_id=ids.answer, instance=send.instance
        )
    changes: dict[str, Any] = {"updated_at": clock.now(), "leaf_id": ids.answer}
    if send.instance:
        changes["instance"] = send.instance
    if not send.conversation.title:
        changes["title"] = tree.title_from(send.content)
    if not Conversation.objects.filter(id=send.conversation.id).update(**changes):
        raise NotFound
    return send.conversation


def _history(send: Send) -> list[prompt.Turn]:
    parent_id = send.parent.id if send.parent else None
    if send.user_message:
        parent_id = send.user_message.parent_id
    if send.context is not None or parent_id is None:
        return []
    return [
        prompt.Turn(message.role, message.content)  # type: ignore[arg-type]  # constrained by the database
        for message in queries.branch(parent_id, prompt.HISTORY_MESSAGES)
    ]


def _create_rows(send: Send, conversation: Conversation, ids: Ids) -> None:
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
        provider=send.resolved.provider.name,
    )  # fmt: skip


def _request(send: Send, history: Sequence[prompt.Turn], ids: Ids, lines: Sequence[Passage]) -> ChatRequest:
    is_offline = send.resolved.model == OFFLINE_MODEL
    character = send.speaker.character if send.speaker else send.character
    parameters = dict(character.parameters if character else {}) | send.parameters
    stop = tuple(parameters.pop("stop", ()))
    return ChatRequest(
        model=send.resolved.model,
        messages=_messages(send, history, lines),
        parameters=Parameters(stop=stop, **parameters),
        passages=(*lines, *(_own_words(send, ids.user_message) if is_offline else ())),
        language=get_language() or "en",
    )


def _messages(
    send: Send, history: Sequence[prompt.Turn], lines: Sequence[Passage]
) -> tuple[ChatMessage, ...]:
    brief = _briefing(send, history)
    if send.context is not None:
        head = (ChatMessage("system", brief.system),) if brief.system else ()
        return (*head, *send.context)
    return prompt.build(
        system=brief.system, history=history, content=send.words, closing=brief.closing, lines=lines
    )


def _briefing(send: Send, history: Sequence[prompt.Turn]) -> Briefing:
    """What the character brings to this turn, if one answers."""
    speaker = send.speaker
    character = speaker.character if speaker else send.character
    if character is None:
        return Briefing("", "", (), ())
    recent = [turn.content for turn in history[-RECENT_TURNS:]]
    brief = persona.briefing(character, speaker, send.user.nickname, [*recent, send.words])
    remembering.note_use(brief.used)
    return brief


def _own_words(send: Send, before: UUID) -> tuple[Passage, ...]:
    """The user's own earlier words, which only the offline model retrieves from."""
    return tuple(
        Passage("history", str(id), content[:HISTORY_PASSAGE_LENGTH], url=f"/c/{conversation_id}?leaf={id}")
        for id, conversation_id, content in queries.earlier_words(send.user, before, HISTORY_PASSAGES)
    )


def check_content(content: str) -> str:
    """The text of a user's message, within its limits; raises InvalidInput naming the field."""
    if not content.strip():
        raise InvalidInput.field("content", _("Write something first."))
    if len(content) > MAX_CONTENT:
        raise InvalidInput.field(
            "content",
            _("At most %(limit)d characters; this has %(length)d.")
            % {"limit": MAX_CONTENT, "length": len(content)},
        )
    return content
