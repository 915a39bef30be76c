"""Reads of conversations and messages; each is a bounded number of indexed queries whatever their length."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.query import RawQuerySet

from tertulia.accounts.models import User
from tertulia.characters.models import MemorySource
from tertulia.chat.models import Conversation, Generation, Message

# How far the search for a branch's newest message goes down at most.
MAX_DEPTH = 100_000
# The id of no message.
NOBODY = UUID(int=0)


def conversations(user: User) -> QuerySet[Conversation]:
    """The user's conversations as the sidebar and the API list them, newest first; without their greetings, which are
    long."""
    return (
        Conversation.objects.filter(user=user)
        .exclude(origin=Conversation.Origin.OPENAI)
        .defer("greeting")
        .order_by("-updated_at", "-id")
    )


def messages(conversation: Conversation) -> QuerySet[Message]:
    """All messages of a conversation's tree, newest first."""
    return conversation.messages.order_by("-id")


def branch(leaf_id: UUID | None, limit: int) -> list[Message]:
    """The last `limit` messages of the branch that ends at `leaf_id`, oldest first: one query, `limit` index steps."""
    return _branch("m.*", leaf_id, limit)


def words_of_branch(leaf_id: UUID | None, limit: int) -> list[Message]:
    """The same with nothing but who said what: what a model is told of it. The rest would cost most of the time."""
    return _branch("m.id, m.parent_id, m.role, m.content", leaf_id, limit)


def _branch(columns: str, leaf_id: UUID | None, limit: int) -> list[Message]:
    if leaf_id is None:
        return []
    rows: RawQuerySet[Message] = Message.objects.raw(
        f"""
        WITH RECURSIVE branch(id, parent_id, depth) AS (
            SELECT id, parent_id, 1 FROM chat_message WHERE id = %s
            UNION ALL
            SELECT m.id, m.parent_id, b.depth + 1 FROM chat_message m JOIN branch b ON m.id = b.parent_id
            WHERE b.depth < %s
        )
        SELECT {columns} FROM branch b JOIN chat_message m ON m.id = b.id ORDER BY b.depth DESC
        """,  # noqa: S608  (our own columns)
        [_key(leaf_id), limit],
    )
    return list(rows)


def leaf_below(message_id: UUID) -> UUID:
    """The end of the branch that follows the newest child at every step down from a message."""
    rows: RawQuerySet[Message] = Message.objects.raw(
        """
        WITH RECURSIVE down(id, depth) AS (
            SELECT id, 1 FROM chat_message WHERE id = %s
            UNION ALL
            SELECT (SELECT c.id FROM chat_message c WHERE c.parent_id = d.id ORDER BY c.id DESC LIMIT 1), d.depth + 1
            FROM down d WHERE d.id IS NOT NULL AND d.depth < %s
        )
        SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1
        """,
        [_key(message_id), MAX_DEPTH],
    )
    return next((row.id for row in rows), message_id)


def _key(value: UUID) -> object:
    """A UUID as the database's own parameter, which `raw` does not adapt."""
    return Message._meta.pk.get_db_prep_value(value, connection)


def siblings(of: Sequence[Message]) -> dict[UUID | None, list[UUID]]:
    """For the parents of these messages of one conversation, all their children in order of creation."""
    if not of:
        return {}
    parents = {message.parent_id for message in of}
    condition = Q(parent_id__in=parents - {None})
    if None in parents:
        condition |= Q(parent_id=None)
    children = Message.objects.filter(condition, conversation_id=of[0].conversation_id)
    result: dict[UUID | None, list[UUID]] = {}
    for parent_id, id in children.order_by("id").values_list("parent_id", "id"):
        result.setdefault(parent_id, []).append(id)
    return result


def exchanges(user: User) -> QuerySet[Message]:
    """The user's own messages of all conversations, newest first: one for each exchange of the flat APIs."""
    return Message.objects.filter(user=user, role=Message.Role.USER).order_by("-id")


def replies(to: Iterable[Message]) -> dict[UUID, Message]:
    """The newest answer with text to each of these user messages, by the user message's id."""
    answers = (
        Message.objects.filter(parent_id__in=[message.id for message in to], role=Message.Role.ASSISTANT)
        .exclude(content="")
        .order_by("id")
    )
    return {answer.parent_id: answer for answer in answers if answer.parent_id}


def earlier_words(user: User, before: UUID, limit: int) -> list[tuple[UUID, UUID, str]]:
    """The user's last messages before one, as (id, conversation id, content): what the offline model may quote."""
    return list(
        Message.objects.filter(user=user, role=Message.Role.USER, id__lt=before)
        .order_by("-id")
        .values_list("id", "conversation_id", "content")[:limit]
    )


def running_in(conversation: Conversation) -> dict[UUID, UUID]:
    """Answers of a conversation that are being written: answer id → generation id."""
    running = Generation.objects.filter(
        conversation=conversation, status=Generation.Status.RUNNING, purpose=Generation.Purpose.ANSWER
    )
    return dict(running.values_list("answer_id", "id"))


def writing(answers: Iterable[Message]) -> dict[UUID, UUID]:
    """The runs of those of the answers that were read as streaming: answer id → generation id.

    Whether a run has ended since does not matter: who follows it is told its end. Asked for what is running *now*, a
    run that ended between the two reads would leave its answer streaming for good before its reader's eyes.
    """
    streaming = [each.id for each in answers if each.status == Message.Status.STREAMING]
    return (
        dict(Generation.objects.filter(answer_id__in=streaming).values_list("answer_id", "id"))
        if streaming
        else {}
    )


def cut_short(answers: Iterable[Message]) -> dict[UUID, str]:
    """Why the model ended those of the answers that it did not bring to an end of its own, by their ids."""
    runs = Generation.objects.filter(
        answer_id__in=[each.id for each in answers], status=Generation.Status.COMPLETE
    )
    return dict(runs.exclude(finish_reason__in=["", "stop"]).values_list("answer_id", "finish_reason"))


def generation_of(answer: Message) -> Generation | None:
    """The run that wrote an answer."""
    return Generation.objects.filter(answer=answer).first()


def runs_by_id(user: User, ids: Iterable[UUID]) -> dict[UUID, Generation]:
    """Those of the runs that are the user's and still there."""
    mine = Generation.objects.filter(user=user, id__in=list(ids))
    return {run.id: run for run in mine.only("id", "status", "model", "conversation_id")}


def noted_from(messages: QuerySet[Message]) -> list[UUID]:
    """Those of the messages that memory entries came from."""
    among = MemorySource.objects.filter(message_id__in=messages.order_by().values("id"))
    return list(among.values_list("message_id", flat=True).distinct())


def noted_elsewhere(conversation_id: UUID, leaf_id: UUID | None) -> list[UUID]:
    """Messages of a conversation that memory entries came from, and that do not lead to `leaf_id` (None: no message
    does). Walks the branch: for those who leave one, not for every turn."""
    rows: RawQuerySet[Message] = Message.objects.raw(
        """
        WITH RECURSIVE branch(id, parent_id) AS (
            SELECT id, parent_id FROM chat_message WHERE id = %s
            UNION ALL
            SELECT m.id, m.parent_id FROM chat_message m JOIN branch b ON m.id = b.parent_id
        )
        SELECT DISTINCT m.id FROM chat_message m JOIN characters_memorysource s ON s.message_id = m.id
        WHERE m.conversation_id = %s AND m.id NOT IN (SELECT id FROM branch)
        """,
        [_key(leaf_id or NOBODY), _key(conversation_id)],
    )
    return [row.id for row in rows]
