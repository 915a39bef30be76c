"""An answer as it is read aloud: its parts in order, also while it is written, and whose voice says them.

The API asks for one part at a time. What a part says never changes, so it is a matter of its number only.
"""

from dataclasses import dataclass
from uuid import UUID

from tertulia.accounts.models import User
from tertulia.accounts.watching import Permit
from tertulia.chat import access
from tertulia.chat.generation import events
from tertulia.chat.generation.tail import Tail
from tertulia.chat.models import Generation, Message
from tertulia.providers.language import detect_language
from tertulia.speech import script, voices
from tertulia.speech.voices import Chosen


@dataclass(frozen=True, slots=True)
class Reading:
    """A message to be read. `generation` is set while it is being written; then `text` is not yet known.

    `language` is the one to fall back on where the text does not tell its own.
    """

    message: UUID
    text: str
    generation: UUID | None
    chosen: Chosen
    language: str


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    language: str


def reading_of(user: User, message_id: UUID) -> Reading:
    """The user's message with its character's voice; raises NotFound."""
    message = access.message_for(user, message_id)
    instance = message.conversation.instance if message.role == Message.Role.ASSISTANT else None
    character = instance.character if instance else None
    return Reading(
        message=message.id,
        text=message.content,
        generation=_live_generation(message),
        chosen=voices.chosen(character.voice if character else ""),
        language=(character.language if character else "") or user.language or "en",
    )


def _live_generation(message: Message) -> UUID | None:
    if message.status != Message.Status.STREAMING:
        return None
    # Its run may have ended since the message was read: the run's own log is right in either case.
    return Generation.objects.filter(answer=message).values_list("id", flat=True).first()


async def part_of(reading: Reading, number: int, permit: Permit) -> Part | None:
    """Part `number` from 0, as soon as it is complete; None when the text ends before it.

    Raises NotFound when the message is deleted while one waits, Unauthenticated when the login ends.
    """
    if reading.generation is None:
        return _part(script.parts(reading.text), number, reading.language)
    text = script.Script()
    tail = Tail(reading.generation, permit=permit)
    while True:
        batch = await tail.next()
        text.append(events.text_of(batch.pieces, events.DELTA))
        parts = text.parts(is_whole=batch.end is not None)
        if batch.end or len(parts) > number:
            return _part(parts, number, reading.language)


def _part(parts: list[str], number: int, language: str) -> Part | None:
    if number >= len(parts):
        return None
    # Of the whole so far: one short sentence may not tell its language.
    return Part(parts[number], detect_language(" ".join(parts[: number + 1]), language))
