"""Writes to conversations and messages other than the engine's: one verb, one transaction each."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import get_language

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.characters import actions as character_actions
from tertulia.characters import greetings
from tertulia.characters.models import Instance
from tertulia.chat import rollback
from tertulia.chat.models import Conversation, Generation, GenerationEvent, Message
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.quotes import actions as quote_actions


def create_conversation(
    *, user: User, title: str, origin: str, instance: Instance | None = None, greeting: int | None = None
) -> Conversation:
    """An empty conversation, with the instance that shall answer in it; it begins with the greeting of this number.

    Raises InvalidInput naming `greeting`.
    """
    said = greetings.said(instance, user.nickname, get_language() or "en", greeting)
    return Conversation.objects.create(
        user=user, title=title, origin=origin, instance=instance, greeting=said
    )


def rename_conversation(*, conversation: Conversation, title: str) -> None:
    """Give a conversation another title; its place in the list stays."""
    conversation.title = title
    Conversation.objects.filter(id=conversation.id).update(title=title)


def show_branch(*, conversation: Conversation, leaf_id: UUID) -> None:
    """Remember which branch was last looked at."""
    conversation.leaf_id = leaf_id
    Conversation.objects.filter(id=conversation.id).update(leaf_id=leaf_id)


def give_feedback(*, answer: Message, feedback: int | None) -> None:
    """Keep the reader's opinion of an answer: 1, -1, or None to take it back."""
    answer.feedback = feedback
    Message.objects.filter(id=answer.id).update(feedback=feedback)


def delete_conversation(*, conversation: Conversation) -> None:
    """Remove a conversation and everything in it, what was noted from it too; a live run in it ends without a trace."""
    _delete_conversations(Conversation.objects.filter(id=conversation.id))


def delete_all(*, user: User) -> None:
    """Remove all of a user's conversations."""
    _delete_conversations(Conversation.objects.filter(user=user))


def erase_user(*, user: User) -> None:
    """Remove all that a user said, was told and made, before the account itself goes. Applied quotes stay, nameless."""
    delete_all(user=user)
    character_actions.erase_user(user=user)
    quote_actions.erase_user(user=user)


def _delete_conversations(doomed: QuerySet[Conversation]) -> None:
    with transaction():
        # The same first lock that a start takes.
        doomed.update(leaf=None)
        rollback.forget(Message.objects.filter(conversation__in=doomed))
        _delete_runs(Generation.objects.filter(conversation__in=doomed))
        Message.objects.filter(conversation__in=doomed).delete()
        doomed.delete()


def delete_exchange(*, message: Message) -> None:
    """Remove a user's message with all answers to it; what was said after them moves up to what came before.

    What was noted from them alone is forgotten. A conversation that is empty then goes too.
    """
    with transaction():
        conversations = Conversation.objects.filter(id=message.conversation_id)
        conversations.update(updated_at=clock.now())
        gone = [message.id]
        gone += Message.objects.filter(parent=message, role="assistant").values_list("id", flat=True)
        rollback.forget(Message.objects.filter(id__in=gone))
        Message.objects.filter(parent_id__in=gone).exclude(id__in=gone).update(parent_id=message.parent_id)
        _delete_runs(Generation.objects.filter(Q(answer_id__in=gone) | Q(user_message_id__in=gone)))
        conversations.filter(leaf_id__in=gone).update(leaf_id=_last_message(message.conversation_id, gone))
        conversations.filter(spoken_leaf_id__in=gone).update(spoken_leaf_id=message.parent_id)
        _remember_the_rest(conversations)
        Message.objects.filter(id__in=gone).delete()
        conversations.filter(~Exists(Message.objects.filter(conversation_id=OuterRef("id")))).delete()


def _remember_the_rest(conversations: QuerySet[Conversation]) -> None:
    """A memory run that went with the message may have been reading others as well."""
    unread = Exists(Generation.objects.filter(conversation_id=OuterRef("id"), to_remember=True))
    conversations.filter(unread, memory_due_at__isnull=True).update(memory_due_at=clock.now())


def _last_message(conversation_id: UUID, gone: Sequence[UUID]) -> UUID | None:
    rest = Message.objects.filter(conversation_id=conversation_id).exclude(id__in=gone)
    return rest.order_by("-id").values_list("id", flat=True).first()


def _delete_runs(doomed: QuerySet[Generation]) -> None:
    """Remove runs and their logs; one that had said nothing yet gives its unit back."""
    # The first lock of whoever stores text or ends a run, too: no batch comes in between, and nobody waits in a circle.
    list(doomed.select_for_update().order_by("id").values_list("id", flat=True))
    silent = doomed.filter(status=Generation.Status.RUNNING).exclude(
        Exists(GenerationEvent.objects.filter(generation_id=OuterRef("id"), kind="delta"))
    )
    for generation_id in silent.values_list("id", flat=True):
        quota.refund(generation_id=generation_id, reason="deleted")
    doomed.delete()
