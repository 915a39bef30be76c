"""The only way from an id in a request to an object of this application. What is not yours does not exist."""

from typing import TypeVar
from uuid import UUID

from tertulia.accounts.models import User
from tertulia.chat.models import Conversation, Generation, Message
from tertulia.core.errors import NotFound

# With what they return, so that interfaces, which import no models, can name its type.
__all__ = [
    "Conversation",
    "Generation",
    "Message",
    "conversation_for",
    "exchange_for",
    "generation_for",
    "message_for",
    "message_in",
]

T = TypeVar("T")


def conversation_for(user: User, conversation_id: UUID) -> Conversation:
    """The user's conversation; raises NotFound."""
    mine = Conversation.objects.select_related("instance__character").filter(user=user)
    return _found(mine.filter(id=conversation_id).first())


def message_for(user: User, message_id: UUID) -> Message:
    """A message of one of the user's conversations; raises NotFound."""
    mine = Message.objects.select_related("conversation__instance__character").filter(user=user)
    return _found(mine.filter(id=message_id).first())


def message_in(conversation: Conversation, message_id: UUID) -> Message:
    """A message of this conversation, which the caller got by `conversation_for`; raises NotFound."""
    return _found(conversation.messages.filter(id=message_id).first())


def exchange_for(user: User, message_id: UUID) -> Message:
    """A message that the user wrote; raises NotFound."""
    mine = Message.objects.select_related("conversation").filter(user=user, role=Message.Role.USER)
    return _found(mine.filter(id=message_id).first())


def generation_for(user: User, generation_id: UUID) -> Generation:
    """A run that the user started; raises NotFound."""
    return _found(Generation.objects.filter(user=user, id=generation_id).first())


def _found(found: T | None) -> T:
    if found is None:
        raise NotFound
    return found
