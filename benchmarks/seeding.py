"""Rows that a benchmark needs, written beside the running server; `python -m benchmarks.seed` calls it."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.http import HttpRequest

from tertulia.accounts import sessions, tokens
from tertulia.accounts.models import User
from tertulia.chat.actions import create_conversation
from tertulia.chat.models import Conversation, Message
from tertulia.core.db import transaction
from tertulia.core.ids import uuid7

# One of them asks more often than a person would; the cost of an answer does not depend on whose it is.
CHATS_PER_PERSON = 5
BATCH = 2000

# A question and an answer of usual length.
QUESTION = "What did the old captain say when the lighthouse went dark, and who wrote the scene? " * 2
ANSWER = (
    "He said that a light is only a promise to strangers, and that promises outlive the one who makes them. "
    * 8
)


def people(count: str) -> list[dict[str, str]]:
    """New accounts, each with a login by token and one by cookie."""
    return [_person() for _ in range(int(count))]


def chats(count: str) -> list[dict[str, str]]:
    """So many empty conversations with their owners' tokens."""
    owners = [_person() for _ in range(-(-int(count) // CHATS_PER_PERSON))]
    chosen = [owners[number % len(owners)] for number in range(int(count))]
    return [{"token": owner["token"], "conversation": _conversation(owner["user"])} for owner in chosen]


def branch(*lengths: str) -> list[dict[str, str]]:
    """For each length a conversation of one owner: a single line of so many messages."""
    owner = _person()
    return [_line(owner, int(length)) for length in lengths]


def library(conversations: str, messages: str) -> list[dict[str, str]]:
    """One owner of so many conversations of so many messages; the last one is told."""
    owner = _person()
    user = User.objects.get(id=owner["user"])
    rows = [
        Conversation(user=user, title=f"Evening {number}", origin="api")
        for number in range(int(conversations))
    ]
    with transaction():
        _create(Conversation, iter(rows))
        _create(Message, (message for row in rows for message in _messages(row, int(messages))))
    return [{**owner, "conversation": str(rows[-1].id)}]


def _person() -> dict[str, str]:
    user = User(email=f"{uuid7()}@example.org", nickname="Bench")
    user.set_unusable_password()
    user.save()
    access = tokens.issue(HttpRequest(), user).access
    return {"user": str(user.id), "token": access, "session": str(sessions.open_session(user).session_key)}


def _conversation(user_id: str) -> str:
    user = User.objects.get(id=user_id)
    return str(create_conversation(user=user, title="", origin="api").id)


def _line(owner: dict[str, str], length: int) -> dict[str, str]:
    conversation = Conversation.objects.get(id=_conversation(owner["user"]))
    messages = list(_messages(conversation, length))
    with transaction():
        _create(Message, iter(messages))
        if messages:
            Conversation.objects.filter(id=conversation.id).update(leaf_id=messages[-1].id)
    return {**owner, "conversation": str(conversation.id)}


def _messages(conversation: Conversation, count: int) -> Iterator[Message]:
    parent_id = None
    for number in range(count):
        is_question = number % 2 == 0
        message = Message(
            conversation=conversation,
            user_id=conversation.user_id,
            parent_id=parent_id,
            role="user" if is_question else "assistant",
            content=f"{number}. {QUESTION if is_question else ANSWER}",
            model="" if is_question else "scripted-small",
        )
        parent_id = message.id
        yield message


def _create(model: Any, rows: Iterator[Any]) -> None:
    while batch := list(islice(rows, BATCH)):
        model.objects.bulk_create(batch)


WHAT: dict[str, Callable[..., Any]] = {"people": people, "chats": chats, "branch": branch, "library": library}
