"""What is sent to a model stays within its budget, whatever the conversation's length."""

import pytest

from tertulia.chat.generation import prompt
from tertulia.chat.generation.prompt import HISTORY_TOKENS, Turn
from tertulia.providers.base import ChatMessage
from tertulia.providers.estimate import estimate_tokens


def test_order_is_system_history_question() -> None:
    built = prompt.build(system="Be kind.", history=[Turn("user", "a"), Turn("assistant", "b")], content="c")
    assert built == (
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "a"),
        ChatMessage("assistant", "b"),
        ChatMessage("user", "c"),
    )


def test_no_system_message_without_a_system_text() -> None:
    assert prompt.build(system="", history=[], content="c") == (ChatMessage("user", "c"),)


def test_answers_without_text_are_left_out() -> None:
    built = prompt.build(system="", history=[Turn("user", "a"), Turn("assistant", "")], content="c")
    assert [message.content for message in built] == ["a", "c"]


@pytest.mark.parametrize("length", [10, 1_000, 50_000])
def test_the_newest_part_that_fits_is_kept(length: int) -> None:
    history = [Turn("user", f"{number} " + "x" * length) for number in range(500)]
    built = prompt.build(system="s", history=history, content="c")
    assert sum(estimate_tokens(message.content) for message in built) <= HISTORY_TOKENS
    kept = [message.content for message in built[1:-1]]
    assert kept == [turn.content for turn in history[len(history) - len(kept) :]]


def test_a_question_beyond_the_budget_is_sent_alone() -> None:
    long = "x" * (HISTORY_TOKENS * 5)
    assert prompt.build(system="", history=[Turn("user", "a")], content=long) == (ChatMessage("user", long),)
