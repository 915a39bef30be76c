"""What an instance notes by itself when a conversation pauses: which ones are due, what is read, what comes of it.

The supervisor asks `due`, `start` calls `leased` and `claimed`, each inside a transaction, `log` calls `settle` inside
its own. A conversation's `memory_due_at` is the claim: of several processes one moves it and clears it, and a run that
failed sets it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters import persona, prompt, recall, remembering
from tertulia.characters.models import Instance
from tertulia.characters.recall import Recalled
from tertulia.chat import queries
from tertulia.chat.generation import facts, provenance
from tertulia.chat.generation.models import is_connected
from tertulia.chat.generation.provenance import Provenance
from tertulia.chat.models import Conversation, Generation, Message
from tertulia.core import clock
from tertulia.core.errors import Text
from tertulia.providers.base import ChatMessage
from tertulia.providers.estimate import estimate_tokens

# How far back a branch is looked through; what is older when it comes to that was said before there was a memory.
READ_MESSAGES = 60
# Estimated tokens of messages that one run reads; what is left over has the next run.
READ_TOKENS = 6_000
# And of what is remembered already, so that it is not noted twice.
KNOWN_TOKENS = 1_500
# Claimed at one look of a process: notes must not crowd answers out.
MOST_AT_ONCE = 2
# Runs that may fail in a row; then the next message of the conversation brings the next one.
MOST_TRIES = 3


class State(NamedTuple):
    """Whether an instance notes by itself: `on`, `off` or `no_model`, and that in a sentence."""

    name: str
    sentence: Text


ON = State("on", _("Notes what is worth remembering when a conversation pauses."))
OFF = State("off", _("Notes nothing by itself; you can write down what it shall remember."))
NO_MODEL = State(
    "no_model",
    _("Without a language model nothing is noted by itself; you can write down what it shall remember."),
)


class Due(NamedTuple):
    """A conversation with something new in it, and since when it is due."""

    conversation_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run looks through: messages of one branch that were said to one instance or by it."""

    user: User
    conversation_id: UUID
    instance: Instance
    messages: Sequence[Message]
    known: Sequence[Recalled]

    def request_messages(self) -> tuple[ChatMessage, ...]:
        """What the model is asked."""
        return facts.request_messages(
            prompt.spoken_name(self.instance.character, self.instance),
            self.user.nickname,
            [entry.text for entry in self.known],
            [(message.role, message.content) for message in self.messages],
        )

    def provenance(self, asked: Sequence[ChatMessage], model: str) -> Provenance:
        """With the ids behind the numbers of the request, which `settle` needs."""
        return {
            "messages_sha256": provenance.sha256_of(asked),
            "model": model,
            "parameters": {},
            "tokens": sum(estimate_tokens(message.content) for message in asked),
            "character": str(self.instance.character_id),
            "instance": str(self.instance.id),
            "entries": provenance.texts_of([entry.id for entry in self.known]),
            "lore": [],
            "quotes": [],
            "history": {"messages": len(self.messages), "complete": False},
            "left_out": [],
            "unknown_model": None,
            "read": provenance.texts_of([message.id for message in self.messages]),
        }


def state_of(instance: Instance) -> State:
    """Whether an instance notes by itself, for its user to read."""
    if not is_connected():
        return NO_MODEL
    return ON if settings.TERTULIA_MEMORY and instance.learns else OFF


def is_on(instance: Instance) -> bool:
    """Whether what is said to this instance now will be looked through."""
    return state_of(instance) is ON


def pause_from(now: datetime) -> datetime:
    """When a conversation that nobody touches from now on counts as paused."""
    return now + timedelta(seconds=settings.TERTULIA_MEMORY_PAUSE)


def due() -> list[Due]:
    """A few of the conversations that have paused, the longest first. An index of such alone: nothing when idle."""
    if not (settings.TERTULIA_MEMORY and is_connected()):
        return []
    paused = Conversation.objects.filter(memory_due_at__lte=clock.now()).order_by("memory_due_at")
    return [Due(id, at) for id, at in paused.values_list("id", "memory_due_at")[:MOST_AT_ONCE] if at]


def leased(due: Due) -> Due | None:
    """The same, due again behind the others after a pause, should nothing come of it; None when another was first."""
    later = pause_from(clock.now())
    mine = Conversation.objects.filter(id=due.conversation_id, memory_due_at=due.at)
    return Due(due.conversation_id, later) if mine.update(memory_due_at=later) else None


def claimed(due: Due) -> Reading | None:
    """What to read, now this process's to read; None when another was first, or there is nothing (yet).

    While a run is under way in the conversation it is not paused: it becomes due again later.
    """
    mine = Conversation.objects.filter(id=due.conversation_id, memory_due_at=due.at)
    if not mine.update(memory_due_at=None):
        return None
    conversation = Conversation.objects.select_related("user").get(id=due.conversation_id)
    if conversation.generations.filter(status=Generation.Status.RUNNING).exists():
        _set_due(conversation.id, pause_from(clock.now()))
        return None
    return _reading(conversation)


def _reading(conversation: Conversation) -> Reading | None:
    branch = queries.branch(conversation.spoken_leaf_id, READ_MESSAGES)
    unread = _unread(branch)
    while unread:
        instance = _learning(unread[0][1], conversation.user)
        of_this = [answer_id for answer_id, instance_id in unread if instance_id == unread[0][1]]
        messages = _within_budget(_exchanges(branch, set(of_this)))
        if instance and messages:
            return Reading(conversation.user, conversation.id, instance, messages, _known(instance, messages))
        _look_never(of_this)
        unread = [each for each in unread if each[0] not in of_this]
    return None


def _known(instance: Instance, messages: Sequence[Message]) -> list[Recalled]:
    """What the instance remembers that these messages may be about."""
    words = "\n".join(message.content for message in messages)
    return recall.recall(persona.known(instance), words, clock.now(), KNOWN_TOKENS)


def _unread(branch: Sequence[Message]) -> list[tuple[UUID, UUID]]:
    """Answers of the branch that were not looked through, in order, each with the instance that was asked for it."""
    answers = [message.id for message in branch if message.role == Message.Role.ASSISTANT]
    runs = Generation.objects.filter(answer_id__in=answers, to_remember=True, instance_id__isnull=False)
    asked = {
        answer: instance for answer, instance in runs.values_list("answer_id", "instance_id") if instance
    }
    return [(id, asked[id]) for id in answers if id in asked]


def _learning(instance_id: UUID, user: User) -> Instance | None:
    """The instance, unless it is gone or was switched off."""
    mine = Instance.objects.select_related("character").filter(owner=user, learns=True)
    return mine.filter(id=instance_id).first()


def _exchanges(branch: Sequence[Message], answer_ids: set[UUID]) -> list[list[Message]]:
    """These answers, each behind the message that it answers; what has no text is left out."""
    by_id = {message.id: message for message in branch}
    pairs = (
        [by_id.get(message.parent_id) if message.parent_id else None, message]
        for message in branch
        if message.id in answer_ids
    )
    texts = [[message for message in pair if message and message.content] for pair in pairs]
    return [exchange for exchange in texts if exchange]


def _within_budget(exchanges: Sequence[Sequence[Message]]) -> list[Message]:
    """The first exchanges that fit, at least one."""
    chosen: list[Message] = []
    budget = READ_TOKENS
    for exchange in exchanges:
        budget -= sum(estimate_tokens(message.content[: facts.LONGEST_MESSAGE]) for message in exchange)
        if chosen and budget < 0:
            break
        chosen += exchange
    return chosen


def settle(run: Generation, status: str, text: str) -> None:
    """Make memory entries of what a run said, when it is complete; see to it that what it did not reach is read later.

    Inside the transaction that ends the run, its conversation locked.
    """
    now = clock.now()
    if status == Generation.Status.COMPLETE:
        if _note(run, text):
            _set_due(run.conversation_id, now)
    elif status != Generation.Status.STOPPED and _failures(run) < MOST_TRIES:
        lost = status == Generation.Status.INTERRUPTED
        _set_due(run.conversation_id, now if lost else pause_from(now))


def _note(run: Generation, text: str) -> bool:
    """Whether more is left to read."""
    leaf_id = Conversation.objects.values_list("spoken_leaf_id", flat=True).get(id=run.conversation_id)
    branch = queries.branch(leaf_id, READ_MESSAGES)
    # The user may have gone on meanwhile, perhaps on another branch: what is not said any more is not noted.
    said = [message.id for message in branch]
    read, known = ([UUID(id) for id in run.provenance[name]] for name in ("read", "entries"))
    found = [fact for fact in facts.parsed(text, read, known) if fact.message_id in said]
    if run.instance_id and _learning(run.instance_id, run.user):
        remembering.note_facts(instance_id=run.instance_id, facts=found)
    # By the message too: of an answer without text only the words that it should have answered were read.
    of_read = Q(answer_id__in=read) | Q(user_message_id__in=read)
    Generation.objects.filter(of_read, answer_id__in=said).update(to_remember=False)
    return bool(_unread(branch))


def _look_never(answer_ids: Sequence[UUID]) -> None:
    Generation.objects.filter(answer_id__in=answer_ids).update(to_remember=False)


def _set_due(conversation_id: UUID, at: datetime) -> None:
    """Unless it is due already, by a message that came meanwhile."""
    waiting = Conversation.objects.filter(id=conversation_id, memory_due_at__isnull=True)
    waiting.update(memory_due_at=at)


def _failures(run: Generation) -> int:
    """Runs that failed since something was said last, this one among them."""
    ended = [Generation.Status.FAILED, Generation.Status.INTERRUPTED]
    failed = Generation.objects.filter(
        conversation_id=run.conversation_id, purpose=Generation.Purpose.MEMORY, status__in=ended
    )
    return failed.filter(created_at__gt=_last_said(run)).count()


def _last_said(run: Generation) -> datetime:
    return Message.objects.values_list("created_at", flat=True).get(id=run.user_message_id)
