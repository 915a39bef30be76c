"""The one way to somebody else's conversation: TERTULIA_BREAK_GLASS, an administrator, a reason, and a trace of it.

Off by default: then nobody but the owner reads a chat. Each opening is written into the log of security events, where
the owner sees who it was and why. The page behind the admin is the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from tertulia.accounts import audit, validation
from tertulia.accounts.models import User
from tertulia.chat.models import Conversation, Message
from tertulia.core.db import transaction
from tertulia.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Sealed:
    """A conversation as it may be seen before it is opened: whose, and how much, never what."""

    conversation: Conversation
    messages: int


def is_possible(actor: User) -> bool:
    """Whether this instance allows it, and to whom it is allowed."""
    return bool(settings.TERTULIA_BREAK_GLASS and actor.is_active and actor.is_superuser)


def sealed(*, actor: User, conversation_id: UUID) -> Sealed:
    """Raises NotFound, also for who may not open it."""
    found = (
        Conversation.objects.defer("title", "greeting")
        .select_related("user")
        .filter(id=conversation_id)
        .first()
    )
    if found is None or not is_possible(actor):
        raise NotFound
    return Sealed(found, Message.objects.filter(conversation=found).count())


def open_conversation(*, actor: User, conversation_id: UUID, reason: str) -> Sequence[Message]:
    """All messages of a conversation, oldest first, once the opening is on record.

    Raises NotFound as `sealed`, InvalidInput naming `reason`.
    """
    conversation = sealed(actor=actor, conversation_id=conversation_id).conversation
    reason = validation.reason(reason)
    with transaction():
        audit.record(audit.Kind.OPENED, user=conversation.user, actor=actor, detail=reason)
    return list(Message.objects.filter(conversation=conversation).order_by("id"))
