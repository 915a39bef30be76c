"""What a page shows of a conversation: one branch of its message tree as plain data; `chat` builds pages of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from tertulia.chat import access, queries, tree
from tertulia.chat.access import Conversation, Message
from tertulia.core.errors import NotFound
from tertulia.providers.errors import FAULTS
from tertulia.web.sources import proposers_of, with_proposers

# A page holds this many messages of a branch; the earlier ones are a link away.
PAGE = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as the page shows it.

    `cut` is why the model ended it too early (OpenAI's `finish_reason`), `generation` is set while its run lives.
    """

    id: UUID | None
    role: str
    parent: UUID | None = None
    status: str = "complete"
    cut: str = ""
    content: str = ""
    reasoning: str = ""
    model: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    sources: Sequence[Mapping[str, Any]] = ()
    fault: str = ""
    feedback: int | None = None
    created_at: datetime | None = None
    siblings: Sequence[UUID] = ()
    generation: UUID | None = None

    @property
    def place(self) -> tree.Place | None:
        return tree.place(self.id, self.siblings) if self.id and self.id in self.siblings else None


@dataclass(frozen=True, slots=True)
class Thread:
    """The end of a branch, oldest first. `earlier` is the message before which more can be shown."""

    turns: Sequence[Turn] = ()
    earlier: UUID | None = None

    @property
    def leaf(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def running(self) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.generation), None)

    @property
    def last_answer(self) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.role == "assistant"), None)


# What the client's program copies for messages that it adds to the page.
NEW_WORDS = Turn(id=None, role="user")
NEW_ANSWER = Turn(id=None, role="assistant", status="streaming")


def thread_of(conversation: Conversation, leaf: UUID | None, before: UUID | None) -> Thread:
    """The branch through `leaf` (default: the one last shown); with `before`, what came before that message.

    Raises NotFound for ids of other conversations.
    """
    end = _end(conversation, leaf, before)
    messages = queries.branch(end, PAGE + 1)
    shown = messages[-PAGE:]
    siblings, writing = queries.siblings(shown), queries.writing(shown)
    names = proposers_of(message.sources for message in shown)
    cut = queries.cut_short(message for message in shown if message.role == "assistant")
    turns = [_turn(message, siblings, writing, names, cut) for message in shown]
    return Thread(turns, shown[0].id if len(messages) > PAGE else None)


def _end(conversation: Conversation, leaf: UUID | None, before: UUID | None) -> UUID | None:
    if before is not None:
        return access.message_in(conversation, before).parent_id
    if leaf is not None:
        return queries.leaf_below(access.message_in(conversation, leaf).id)
    return conversation.leaf_id


def _turn(
    message: Message,
    siblings: Mapping[UUID | None, Sequence[UUID]],
    writing: Mapping[UUID, UUID],
    names: Mapping[str, str],
    cut: Mapping[UUID, str],
) -> Turn:
    return Turn(
        id=message.id,
        role=message.role,
        parent=message.parent_id,
        status=message.status,
        cut=cut.get(message.id, ""),
        content=message.content,
        reasoning=message.reasoning,
        model=message.model,
        parameters=message.parameters,
        usage=message.usage,
        sources=with_proposers(message.sources, names),
        fault=fault_sentence(message.error),
        feedback=message.feedback,
        created_at=message.created_at,
        siblings=siblings.get(message.parent_id, ()),
        generation=writing.get(message.id),
    )


def fault_sentence(slug: str) -> str:
    """Why there is no answer, in plain words of the active language."""
    return gettext(FAULTS[slug].detail) if slug in FAULTS else ""


def parent_for_edit(conversation: Conversation, message_id: UUID) -> Message | None:
    """What a new wording of the user's message answers to; raises NotFound."""
    message = access.message_in(conversation, message_id)
    if message.role != "user":
        raise NotFound
    return message.parent


def asked_by(conversation: Conversation, message_id: UUID) -> Message:
    """The user's words that an answer (or they themselves) belong to; raises NotFound."""
    message = access.message_in(conversation, message_id)
    asked = message if message.role == "user" else message.parent
    if asked is None or asked.role != "user":
        raise NotFound
    return asked
