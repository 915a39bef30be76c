"""Keeps what instances remember in step with the tree of messages: what is no longer said is no longer known.

`actions` and the start of a run call it inside their transactions, after they have locked the conversation.
"""

from uuid import UUID

from django.db.models import Q, QuerySet

from tertulia.characters import remembering
from tertulia.chat import queries
from tertulia.chat.models import Conversation, Generation, Message


def forget(messages: "QuerySet[Message]") -> None:
    """Forget what was noted from messages that are about to be deleted."""
    remembering.forget_sources(queries.noted_from(messages))


def forget_other_branches(conversation: Conversation, leaf_id: UUID | None) -> None:
    """Forget what was noted from messages that do not lead to `leaf_id`: they were edited, answered anew, or left.

    When the user goes on there again, they are looked through again.
    """
    left = queries.noted_elsewhere(conversation.id, leaf_id)
    if left:
        remembering.forget_sources(left)
        _look_again(left)


def reconsider(message: Message) -> None:
    """A message gets another answer: what was noted from it may have come from the old one. Pinned entries stay."""
    remembering.forget_sources([message.id], keep_pinned=True)


def _look_again(message_ids: list[UUID]) -> None:
    of_these = Q(answer_id__in=message_ids) | Q(user_message_id__in=message_ids, answer__isnull=False)
    Generation.objects.filter(of_these, instance_id__isnull=False).update(to_remember=True)
