"""From an id to one's own objects, with what their readers need in the same statement, and never to another's."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tertulia.accounts.models import User
from tertulia.chat import access
from tertulia.chat.models import Conversation, Generation, Message
from tertulia.core.errors import NotFound
from tertulia.core.ids import uuid7
from tests.characters.rows import a_character, an_instance
from tests.chat.rows import a_user, started

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def user() -> User:
    return a_user()


@pytest.fixture
def run(user: User) -> Generation:
    """A run in a conversation with an instance, between others of the same user."""
    started(user)
    instance = an_instance(user, a_character(user))
    conversation = Conversation.objects.create(user=user, instance=instance)
    generation_id = started(user, conversation=conversation).ids.generation
    started(user)
    return Generation.objects.get(id=generation_id)


def test_a_conversation_comes_with_who_speaks_in_it(
    user: User, run: Generation, django_queries: list[str]
) -> None:
    django_queries.clear()
    conversation = access.conversation_for(user, run.conversation_id)
    assert (conversation.id, conversation.user_id) == (run.conversation_id, user.id)
    assert conversation.instance
    assert conversation.instance.character.name == "Mira"
    assert len(django_queries) == 1


def test_a_message_comes_with_its_conversation_and_who_speaks_there(
    user: User, run: Generation, django_queries: list[str]
) -> None:
    assert run.answer_id
    django_queries.clear()
    message = access.message_for(user, run.answer_id)
    assert (message.id, message.conversation.id) == (run.answer_id, run.conversation_id)
    assert message.conversation.instance
    assert message.conversation.instance.character.name == "Mira"
    assert len(django_queries) == 1


def test_an_exchange_is_what_the_user_wrote(user: User, run: Generation, django_queries: list[str]) -> None:
    assert run.answer_id
    django_queries.clear()
    exchange = access.exchange_for(user, run.user_message_id)
    assert (exchange.id, exchange.conversation.id) == (run.user_message_id, run.conversation_id)
    assert len(django_queries) == 1
    with pytest.raises(NotFound):
        access.exchange_for(user, run.answer_id)


def test_a_message_of_another_conversation_is_not_in_this_one(user: User, run: Generation) -> None:
    conversation = access.conversation_for(user, run.conversation_id)
    assert access.message_in(conversation, run.user_message_id).id == run.user_message_id
    elsewhere = Message.objects.filter(user=user).exclude(conversation=conversation)
    for message in elsewhere:
        with pytest.raises(NotFound):
            access.message_in(conversation, message.id)


def test_a_run_is_found_among_others(user: User, run: Generation) -> None:
    assert access.generation_for(user, run.id) == run


@pytest.mark.parametrize(
    ("find", "name"),
    [
        (access.conversation_for, "conversation_id"),
        (access.message_for, "answer_id"),
        (access.exchange_for, "user_message_id"),
        (access.generation_for, "id"),
    ],
)
def test_another_users_and_an_unknown_one_are_not_found(
    run: Generation, find: Callable[[User, UUID], object], name: str
) -> None:
    other = a_user()
    started(other)
    with pytest.raises(NotFound):
        find(other, getattr(run, name))
    with pytest.raises(NotFound):
        find(run.user, uuid7())
