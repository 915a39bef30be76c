"""Deleting exchanges mends the tree; deleting conversations leaves nothing."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest

from tertulia.accounts import quota
from tertulia.chat import actions, queries
from tertulia.chat.generation import log
from tertulia.chat.generation.events import DELTA, Piece
from tertulia.chat.models import Conversation, Generation, GenerationEvent, Message
from tertulia.core.db import released
from tests.chat.rows import a_chain, a_conversation, a_user, started

pytestmark = pytest.mark.usefixtures("database")


def test_what_follows_a_deleted_exchange_moves_up() -> None:
    conversation = a_conversation(a_user())
    chain = a_chain(conversation, 6)
    Conversation.objects.filter(id=conversation.id).update(leaf=chain[-1])
    actions.delete_exchange(message=chain[2])
    left = queries.branch(chain[-1].id, 10)
    assert [message.content for message in left] == ["message 0", "message 1", "message 4", "message 5"]


def test_deleting_the_last_exchange_moves_the_leaf() -> None:
    conversation = a_conversation(a_user())
    chain = a_chain(conversation, 4)
    Conversation.objects.filter(id=conversation.id).update(leaf=chain[-1])
    actions.delete_exchange(message=chain[2])
    assert Conversation.objects.get(id=conversation.id).leaf_id == chain[1].id


def test_a_conversation_goes_with_its_last_exchange() -> None:
    run = started(a_user())
    actions.delete_exchange(message=Message.objects.get(id=run.ids.user_message))
    assert not Conversation.objects.filter(id=run.conversation_id).exists()
    assert not Generation.objects.filter(id=run.ids.generation).exists()


def test_deleting_all_spares_others() -> None:
    mine, theirs = a_user(), a_user()
    run, kept = started(mine), started(theirs)
    log.append({run.ids.generation: [Piece(1, DELTA, "x")]})
    actions.delete_all(user=mine)
    assert not Message.objects.filter(user=mine).exists()
    assert not GenerationEvent.objects.filter(generation_id=run.ids.generation).exists()
    assert Message.objects.filter(conversation_id=kept.conversation_id).count() == 2


@pytest.mark.parametrize(("said", "used"), [(True, 1), (False, 0)])
def test_deleting_a_live_run_refunds_it_only_while_it_was_silent(said: bool, used: int) -> None:
    user = a_user()
    run = started(user)
    if said:
        log.append({run.ids.generation: [Piece(1, DELTA, "x")]})
    actions.delete_conversation(conversation=Conversation.objects.get(id=run.conversation_id))
    assert quota.standing(user).used == used


def test_a_long_conversation_is_deleted_by_few_statements(django_queries: list[str]) -> None:
    conversation = a_conversation(a_user())
    a_chain(conversation, 3_000)
    django_queries.clear()
    actions.delete_conversation(conversation=conversation)
    assert len(django_queries) < 15
    assert not Message.objects.filter(conversation_id=conversation.id).exists()


def test_what_is_deleted_while_its_text_is_stored_is_gone() -> None:
    """Both at once, over and over: no batch that comes in between breaks the deletion."""
    user = a_user(quota=100)
    for _ in range(25):
        run = started(user)
        conversation = Conversation.objects.get(id=run.conversation_id)
        with ThreadPoolExecutor(2) as pool:
            storing = pool.submit(released, partial(_store_until_gone, run.ids.generation))
            deleting = pool.submit(released, partial(actions.delete_conversation, conversation=conversation))
            deleting.result()
            storing.result()
        assert not GenerationEvent.objects.filter(generation=run.ids.generation).exists()
    assert not Generation.objects.filter(user=user).exists()


def _store_until_gone(generation_id: UUID) -> None:
    for position in range(1, 1000):
        if log.append({generation_id: [Piece(position, DELTA, "x")]}):
            break
    assert log.finish(generation_id, log.Outcome("stopped")) is None
