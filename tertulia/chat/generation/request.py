"""A request for an answer, and what is made of it: gathered from the database here, built by `prompt`.

`start` calls `compose` inside its transaction; the preview of an instance's prompt calls it and stores nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils.translation import get_language

from tertulia.accounts.models import User
from tertulia.characters import greetings, persona
from tertulia.characters.models import Character, Instance
from tertulia.characters.persona import Speaker
from tertulia.chat import queries
from tertulia.chat.generation import prompt, provenance
from tertulia.chat.generation.models import catalogue
from tertulia.chat.generation.prompt import Material, Prompt
from tertulia.chat.generation.provenance import Provenance
from tertulia.chat.models import Conversation, Message
from tertulia.core import clock
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage, ChatRequest, Parameters, Passage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.errors import ModelUnknown
from tertulia.providers.offline import OFFLINE_MODEL
from tertulia.quotes import retrieval

logger = logging.getLogger(__name__)

# Lines of the quote board that a turn may bring to the model's mind.
MOST_LINES = 5
# What the offline model may quote of the user's own words.
HISTORY_PASSAGES = 200
HISTORY_PASSAGE_LENGTH = 500


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
    # The number of the greeting that the `opener` begins with; None for the first one.
    greeting: int | None = None
    key: Key | None = None
    # False where the model is only the default one: then the character's own comes before it.
    names_model: bool = True

    @property
    def speaker(self) -> Instance | None:
        """The instance that answers: the one asked for, else the conversation's."""
        return self.instance or (self.conversation.instance if self.conversation else None)

    @property
    def who(self) -> Character | None:
        """The character that answers."""
        return self.speaker.character if self.speaker else self.character

    @property
    def opener(self) -> Instance | None:
        """The instance that says its first words now: it comes to a conversation in which nothing was said yet."""
        if self.instance is None or self.context is not None:
            return None
        known = self.conversation
        is_new = known is None or (known.leaf_id is None and known.instance_id != self.instance.pk)
        return self.instance if is_new else None

    @property
    def words(self) -> str:
        """What is to be answered."""
        return self.user_message.content if self.user_message else self.content


class Composed(NamedTuple):
    """A request, what it was made of, and the memory entries that the question asked for."""

    request: ChatRequest
    provenance: Provenance
    used: tuple[UUID, ...]


def with_model(send: Send) -> tuple[Send, str | None]:
    """With the character's own model where the request names none; and that model if its provider does not have it.

    Raises NotListedYet.
    """
    wanted = send.who.model if send.who and not send.names_model else ""
    if not wanted:
        return send, None
    try:
        return replace(send, resolved=catalogue().at_once(wanted)), None
    except ModelUnknown:
        logger.info("a character's model is not offered; the default answers")
        return send, wanted


def quotable(send: Send) -> list[Passage]:
    """Lines of the quote board that fit the question. A search: for outside of the transaction."""
    return retrieval.relevant(send.words, limit=MOST_LINES)


def greeting_of(send: Send) -> str:
    """What is said before the first message: by the instance that comes now, else what was said when one came.

    Raises InvalidInput naming `greeting`.
    """
    if send.opener or send.greeting is not None:
        return greetings.said(send.opener, send.user.nickname, _language(), send.greeting)
    return send.conversation.greeting if send.conversation else ""


def compose(send: Send, lines: Sequence[Passage], before: UUID, unknown_model: str | None = None) -> Composed:
    """What is sent for `send`, whose words have the id `before` or come after all of the user's.

    A fixed number of queries, whatever the length of the conversation.
    """
    parameters = _parameters(send)
    built = prompt.build(_material(send, lines))
    passages = (*lines, *(_own_words(send, before) if send.resolved.model == OFFLINE_MODEL else ()))
    request = ChatRequest(
        model=send.resolved.model,
        messages=built.messages,
        parameters=parameters,
        passages=passages,
        language=_language(),
    )
    return Composed(request, _provenance(send, request, built, lines, unknown_model), built.brief.used)


def preview(send: Send) -> Composed:
    """What would be sent, were this asked now. Stores nothing. Raises NotListedYet."""
    send, unknown_model = with_model(send)
    return compose(send, quotable(send) if send.words else (), uuid7(), unknown_model)


def _material(send: Send, lines: Sequence[Passage]) -> Material:
    history = _history(send)
    return Material(
        content=send.words,
        now=clock.now(),
        greeting=greeting_of(send),
        history=[prompt.Turn(row.role, row.content) for row in history],  # type: ignore[arg-type]  # by constraint
        is_whole=not history or history[0].parent_id is None,
        lines=lines,
        speaker=_speaker(send),
        user_nickname=send.user.nickname,
        context=send.context,
        # The offline model looks for the question alone.
        in_turn=settings.TERTULIA_STRICT_ROLES and send.resolved.model != OFFLINE_MODEL,
    )


def _history(send: Send) -> list[Message]:
    if send.context is not None:
        return []
    parent_id = send.parent.id if send.parent else None
    if send.user_message:
        parent_id = send.user_message.parent_id
    return queries.words_of_branch(parent_id, prompt.HISTORY_MESSAGES)


def _speaker(send: Send) -> Speaker | None:
    character = send.who
    return persona.speaker(character, send.speaker) if character else None


def _parameters(send: Send) -> Parameters:
    """The character's, and over them those of the request."""
    named = dict(send.who.parameters if send.who else {}) | send.parameters
    stop = tuple(named.pop("stop", ()))
    return Parameters(stop=stop, **named)


def _own_words(send: Send, before: UUID) -> tuple[Passage, ...]:
    """The user's own earlier words, which only the offline model retrieves from."""
    return tuple(
        Passage("history", str(id), content[:HISTORY_PASSAGE_LENGTH], url=f"/c/{conversation_id}?leaf={id}")
        for id, conversation_id, content in queries.earlier_words(send.user, before, HISTORY_PASSAGES)
    )


def _provenance(
    send: Send, request: ChatRequest, built: Prompt, lines: Sequence[Passage], unknown_model: str | None
) -> Provenance:
    return {
        "messages_sha256": provenance.sha256_of(request.messages),
        "model": request.model,
        "parameters": provenance.parameters_sent(request.parameters),
        "tokens": built.tokens,
        "character": str(send.who.id) if send.who else None,
        "instance": str(send.speaker.id) if send.speaker else None,
        "entries": provenance.texts_of(built.brief.entries),
        "lore": list(built.brief.lore),
        # Into messages that a client brings whole no line is put.
        "quotes": [line.id for line in lines] if send.context is None else [],
        "history": {
            "messages": built.turns,
            "complete": "history" not in built.left_out,
            "greeting": built.is_greeted,
        },
        "left_out": list(built.left_out),
        "unknown_model": unknown_model,
    }


def _language() -> str:
    return get_language() or "en"
