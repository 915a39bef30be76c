"""The branch as the page shows it, while others write."""

from typing import Any

import pytest

from tertulia.chat import queries
from tertulia.chat.generation import log
from tertulia.chat.generation.log import Outcome
from tertulia.chat.models import Message
from tertulia.web.thread import thread_of
from tests.chat.rows import a_conversation, a_user, answered, started

pytestmark = pytest.mark.usefixtures("database")


def test_an_answer_that_ends_while_it_is_read_can_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page would wait for good for the end of an answer whose run it does not name."""
    user = a_user()
    conversation = a_conversation(user)
    run = started(user, conversation=conversation)
    conversation.refresh_from_db()
    branch = queries.branch

    def end_behind(*arguments: Any) -> list[Message]:
        messages = branch(*arguments)
        assert log.finish(run.ids.generation, Outcome("complete", "stop"))
        return messages

    monkeypatch.setattr(queries, "branch", end_behind)
    leaf = thread_of(conversation, None, None).leaf
    assert leaf
    assert (leaf.status, leaf.generation) == ("streaming", run.ids.generation)


def test_ended_answers_are_not_followed() -> None:
    user = a_user()
    conversation = a_conversation(user)
    answered(user, conversation)
    conversation.refresh_from_db()
    thread = thread_of(conversation, None, None)
    assert [turn.generation for turn in thread.turns] == [None, None]
    assert thread.running is None
