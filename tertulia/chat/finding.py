"""Finding one's own conversations by their titles, and messages by their words.

There is no index: a search reads the searcher's own messages, which are one range of `message_exchanges`
(docs/decisions/0017-search.md).
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from tertulia.accounts.models import User
from tertulia.chat import queries
from tertulia.chat.models import Conversation, Message
from tertulia.core.matching import holds

# What lists of it show.
_SHOWN = ("id", "role", "content", "created_at", "conversation__title", "conversation__instance__name")


def conversations(user: User, words: Sequence[str]) -> QuerySet[Conversation]:
    """The user's conversations with all of the words in their titles, the one changed last first."""
    return queries.conversations(user).filter(holds("title", words))


def messages(user: User, words: Sequence[str], *, before: UUID | None = None) -> QuerySet[Message]:
    """What was said with all of the words in it, by the user and to them, newest first; with `before`, what is older
    than that message.

    Without what programs asked over the facade, as the list of conversations.
    """
    mine = Message.objects.filter(user=user, role__in=[Message.Role.USER, Message.Role.ASSISTANT])
    if before:
        mine = mine.filter(id__lt=before)
    if not words:
        return mine.none()
    found = mine.filter(holds("content", words)).exclude(conversation__origin=Conversation.Origin.OPENAI)
    return found.select_related("conversation__instance").only(*_SHOWN).order_by("-id")
