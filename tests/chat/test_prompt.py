"""What is sent to a model stays within its budget, whatever the conversation's length."""

from itertools import pairwise
from typing import Any

import pytest

from tertulia.characters.models import Character
from tertulia.characters.persona import Speaker
from tertulia.chat.generation import prompt
from tertulia.chat.generation.prompt import HISTORY_TOKENS, Material, Prompt, Turn
from tertulia.core import clock
from tertulia.providers.base import ChatMessage, Passage
from tertulia.providers.estimate import estimate_tokens


def built(content: str = "c", **material: Any) -> Prompt:
    return prompt.build(Material(content=content, now=clock.now(), **material))


def contents(made: Prompt) -> list[str]:
    return [message.content for message in made.messages]


def mira(**fields: Any) -> Speaker:
    return Speaker(Character(name="Mira", system_prompt="Be kind.", **fields), None, ())


def long_talk(length: int, count: int = 500) -> list[Turn]:
    return [
        Turn("assistant" if number % 2 else "user", f"{number} " + "x" * length) for number in range(count)
    ]


def test_order_is_system_history_quotable_question_closing() -> None:
    history = [Turn("user", "a"), Turn("assistant", "b")]
    lines = [Passage("quote", "7", "Rain.", speaker="Ines", work="The Ferry")]
    made = built(history=history, lines=lines, speaker=mira(post_history_instructions="Be brief."))
    assert made.messages == (
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "a"),
        ChatMessage("assistant", "b"),
        ChatMessage("system", f'{prompt.QUOTING}\n[1] "Rain." — Ines, The Ferry'),
        ChatMessage("user", "c"),
        ChatMessage("system", "Be brief."),
    )
    assert (made.turns, made.left_out) == (2, ())
    assert made.tokens == sum(map(estimate_tokens, contents(made)))


def test_no_system_message_without_a_system_text() -> None:
    assert built().messages == (ChatMessage("user", "c"),)


def test_answers_without_text_are_left_out() -> None:
    assert contents(built(history=[Turn("user", "a"), Turn("assistant", "")])) == ["a", "c"]


def test_a_client_s_own_context_stands_for_history_and_question() -> None:
    context = [ChatMessage("user", "mine"), ChatMessage("assistant", "yours"), ChatMessage("user", "c")]
    made = built(speaker=mira(), context=context, history=[Turn("user", "a")])
    assert made.messages == (ChatMessage("system", "Be kind."), *context)
    assert (made.turns, made.left_out) == (0, ())


@pytest.mark.parametrize("length", [10, 1_000, 50_000])
def test_the_newest_part_that_fits_is_kept(length: int) -> None:
    history = long_talk(length)
    made = built(history=history, speaker=mira())
    assert made.tokens <= HISTORY_TOKENS
    kept = contents(made)[1:-1]
    assert kept == [turn.content for turn in history[len(history) - len(kept) :]]
    assert made.turns == len(kept)
    assert ("history" in made.left_out) == (len(kept) < len(history))


def test_a_history_that_goes_on_above_is_cut() -> None:
    assert built(history=[Turn("user", "a")], is_whole=False).left_out == ("history",)


def test_what_is_sent_first_stays_for_several_turns() -> None:
    """A provider's cache serves an equal beginning again: while the talk goes on, the window moves in steps."""
    talk = long_talk(600, 400)
    beginnings = [contents(built(history=talk[:end][-100:], is_whole=False))[0] for end in range(200, 400, 2)]
    moves = sum(one != other for one, other in pairwise(beginnings))
    assert moves < len(beginnings) / 3
    fullest = HISTORY_TOKENS // estimate_tokens("x" * 600)
    assert min(built(history=talk[:end][-100:], is_whole=False).turns for end in range(200, 400)) > (
        fullest / 2
    )


def test_a_question_beyond_the_budget_is_sent_alone() -> None:
    long = "x" * (HISTORY_TOKENS * 5)
    made = built(long, history=[Turn("user", "a")])
    assert made.messages == (ChatMessage("user", long),)
    assert made.left_out == ("history",)


# --- The greeting ---------------------------------------------------------------------------------------------------


def test_the_greeting_is_the_first_answer() -> None:
    made = built(greeting="Come in.", history=[Turn("user", "a"), Turn("assistant", "b")], speaker=mira())
    assert [(each.role, each.content) for each in made.messages] == [
        ("system", "Be kind."), ("assistant", "Come in."), ("user", "a"), ("assistant", "b"), ("user", "c"),
    ]  # fmt: skip
    assert (made.turns, made.is_greeted, made.left_out) == (2, True, ())
    assert made.tokens == sum(map(estimate_tokens, contents(made)))


@pytest.mark.parametrize(
    ("material", "told"),
    [
        ({"greeting": ""}, ["c"]),
        ({"greeting": "Come in."}, ["Come in.", "c"]),
        ({"greeting": "Come in.", "context": [ChatMessage("user", "mine")]}, ["mine"]),
        ({"greeting": "Come in.", "history": [Turn("user", "a")], "is_whole": False}, ["a", "c"]),
    ],
)
def test_it_stands_where_the_conversation_begins(material: dict[str, Any], told: list[str]) -> None:
    made = built(**material)
    assert contents(made) == told
    assert made.is_greeted == ("Come in." in told)


def test_it_is_the_first_that_a_history_loses() -> None:
    greeting = "g" * 400
    history = [Turn("user", "u" * 4_000), Turn("assistant", "a" * 4_000)]
    room = sum(estimate_tokens(turn.content) for turn in history)
    for spare, told in ((estimate_tokens(greeting), 3), (estimate_tokens(greeting) - 1, 2)):
        content = "x" * 4 * (HISTORY_TOKENS - room - spare)
        assert estimate_tokens(content) == HISTORY_TOKENS - room - spare
        made = built(content, greeting=greeting, history=history)
        assert len(made.messages) == told + 1
        assert (made.turns, made.is_greeted) == (2, told == 3)
        assert made.left_out == (() if told == 3 else ("history",))


def test_it_calls_up_lore_as_any_other_words() -> None:
    book = {"entries": [{"keys": ["lighthouse"], "content": "It is dark.", "enabled": True}]}
    speaker = mira(lorebook=book)
    assert "It is dark." in contents(built(greeting="See the lighthouse?", speaker=speaker))[0]
    assert "It is dark." not in contents(built(greeting="See the harbour?", speaker=speaker))[0]


def test_the_same_material_makes_the_same_prompt() -> None:
    material = Material(content="c", now=clock.now(), history=long_talk(500), speaker=mira())
    assert prompt.build(material) == prompt.build(material)
