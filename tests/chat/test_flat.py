"""What a turn costs does not grow with the conversation: statements and bytes, also for an instance with a memory."""

from uuid import UUID

import pytest

from tertulia.characters import actions as characters
from tertulia.characters import remembering
from tertulia.characters.models import Instance
from tertulia.chat import actions
from tertulia.chat.generation import extraction
from tertulia.chat.generation.extraction import Due
from tertulia.chat.generation.prompt import HISTORY_TOKENS
from tertulia.chat.generation.start import start_memory
from tertulia.chat.models import Conversation, Generation, Message
from tertulia.core import clock
from tertulia.providers.catalogue import Resolved
from tertulia.providers.offline import OfflineProvider
from tertulia.providers.wire import encode_messages
from tests.chat.rows import WORKER, a_chain, a_conversation, a_user, asked, started

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def nobody_else_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of other tests in this process would claim what falls due here."""
    monkeypatch.setattr(extraction, "MOST_AT_ONCE", 0)


RESOLVED = Resolved(OfflineProvider(), "offline")


def an_instance() -> Instance:
    user = a_user(quota=100)
    character = characters.create_character(user=user, values={"name": "Mira", "description": "Keeps bees."})
    instance = characters.create_instance(user=user, character=character, values={"memory": "Honey."})
    remembering.add_entry(instance=instance, values={"text": "The dog is called Bruno."})
    return instance


def a_talk(instance: Instance, length: int) -> tuple[Conversation, Message]:
    """A conversation whose last answer was asked for last."""
    conversation = a_conversation(instance.owner)
    conversation.instance = instance
    conversation.greeting = "Come in."
    last = a_chain(conversation, length)[-1]
    conversation.leaf_id = conversation.spoken_leaf_id = last.id
    conversation.save()
    return conversation, last


def test_a_turn_costs_the_same_after_ten_and_two_thousand_messages(django_queries: list[str]) -> None:
    instance = an_instance()
    started(instance.owner)  # the first of a day makes the day's row
    costs, sizes = [], []
    for length in (10, 2_000):
        conversation, last = a_talk(instance, length)
        django_queries.clear()
        run = started(instance.owner, "What of the dog?", conversation=conversation, parent=last)
        costs.append(len(django_queries))
        sizes.append(len(encode_messages(asked(run))))
    assert costs[0] == costs[1]
    assert not [sql for sql in django_queries if "characters_memorysource" in sql]
    assert sizes[1] < HISTORY_TOKENS * 8


def test_looking_through_costs_the_same_too(django_queries: list[str]) -> None:
    instance = an_instance()
    costs = []
    for length in (10, 2_000):
        conversation, last = a_talk(instance, length)
        run = started(instance.owner, "New words.", conversation=conversation, parent=last)
        end_of(run.ids.generation)
        django_queries.clear()
        plan = start_memory(due_now(conversation.id), RESOLVED, WORKER)
        costs.append(len(django_queries))
        assert plan
        actions.delete_conversation(conversation=conversation)
    assert costs[0] == costs[1]


# --- The claim ------------------------------------------------------------------------------------------------------


def end_of(generation_id: UUID) -> None:
    Generation.objects.filter(id=generation_id).update(status="complete", ended_at=clock.now())
    Message.objects.filter(generation=generation_id).update(status="complete", content="I see.")


def due_now(conversation_id: UUID) -> Due:
    now = clock.now()
    Conversation.objects.filter(id=conversation_id).update(memory_due_at=now)
    return Due(conversation_id, now)


def test_of_two_processes_one_looks_through() -> None:
    instance = an_instance()
    run = started(instance.owner, "Words.", instance=instance)
    end_of(run.ids.generation)
    due = due_now(run.conversation_id)
    plan = start_memory(due, RESOLVED, WORKER)
    assert plan
    assert start_memory(due, RESOLVED, WORKER) is None
    # Also when it falls due again while the first one lives.
    assert start_memory(due_now(run.conversation_id), RESOLVED, WORKER) is None
    assert Conversation.objects.get(id=run.conversation_id).memory_due_at
    assert Generation.objects.filter(conversation=run.conversation_id, purpose="memory").count() == 1
    Generation.objects.filter(id=plan.generation_id).update(status="stopped", ended_at=clock.now())


def test_a_conversation_whose_answer_is_written_has_not_paused() -> None:
    instance = an_instance()
    run = started(instance.owner, "Words.", instance=instance)
    assert start_memory(due_now(run.conversation_id), RESOLVED, WORKER) is None
    again = Conversation.objects.get(id=run.conversation_id).memory_due_at
    assert again
    assert again > clock.now()


def test_what_is_due_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = an_instance()
    run = started(instance.owner, "Words.", instance=instance)
    end_of(run.ids.generation)
    Conversation.objects.exclude(id=run.conversation_id).update(memory_due_at=None)
    monkeypatch.setattr(extraction, "MOST_AT_ONCE", 5)
    assert extraction.due() == []
    due = due_now(run.conversation_id)
    assert extraction.due() == [due]
    monkeypatch.setattr(extraction, "MOST_AT_ONCE", 0)
    actions.delete_conversation(conversation=Conversation.objects.get(id=run.conversation_id))
    assert start_memory(due, RESOLVED, WORKER) is None
