"""Reads: the right rows, in order, by a number of queries that does not grow."""

import pytest

from tertulia.chat import queries
from tertulia.chat.models import Message
from tests.chat.rows import a_chain, a_conversation, a_user

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("length", [1, 3, 400])
def test_a_branch_is_one_query(length: int, django_queries: list[str]) -> None:
    chain = a_chain(a_conversation(a_user()), length)
    django_queries.clear()
    branch = queries.branch(chain[-1].id, 50)
    assert [message.content for message in branch] == [message.content for message in chain[-50:]]
    assert len(django_queries) == 1


def test_no_leaf_no_branch() -> None:
    assert queries.branch(None, 50) == []


def test_the_leaf_below_follows_the_newest_children() -> None:
    conversation = a_conversation(a_user())
    chain = a_chain(conversation, 4)
    common = {"conversation": conversation, "user_id": conversation.user_id}
    newer = Message.objects.create(parent=chain[1], role="user", content="edited", **common)
    answer = Message.objects.create(parent=newer, role="assistant", content="again", **common)
    assert queries.leaf_below(chain[0].id) == answer.id
    assert queries.leaf_below(chain[2].id) == chain[3].id
    assert queries.leaf_below(answer.id) == answer.id


@pytest.mark.parametrize("length", [1, 3])
def test_siblings_are_one_query(length: int, django_queries: list[str]) -> None:
    conversation = a_conversation(a_user())
    chain = a_chain(conversation, length)
    other = a_chain(conversation, 1)
    django_queries.clear()
    found = queries.siblings(chain)
    assert found[None] == [chain[0].id, other[0].id]
    assert len(django_queries) == 1


def test_replies_are_the_newest_answers() -> None:
    conversation = a_conversation(a_user())
    question, _first = a_chain(conversation, 2)
    newest = Message.objects.create(
        conversation=conversation,
        user_id=conversation.user_id,
        parent=question,
        role="assistant",
        content="b",
    )
    assert queries.replies([question]) == {question.id: newest}


def test_exchanges_and_earlier_words_are_only_ones_own() -> None:
    mine, theirs = a_user(), a_user()
    chain = a_chain(a_conversation(mine), 4)
    a_chain(a_conversation(theirs), 4)
    assert [message.id for message in queries.exchanges(mine)] == [chain[2].id, chain[0].id]
    assert [id for id, _, _ in queries.earlier_words(mine, chain[2].id, 10)] == [chain[0].id]
