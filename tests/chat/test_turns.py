"""What the strictest chat templates take: the same words, user and assistant in turn."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tertulia.chat.generation.turns import OPENING, in_turn
from tertulia.providers.base import ChatMessage

MESSAGES: Any = st.lists(
    st.builds(ChatMessage, st.sampled_from(["system", "user", "assistant"]), st.text("abc", min_size=1))
)


def told(*pairs: tuple[Any, str]) -> list[ChatMessage]:
    return [ChatMessage(role, content) for role, content in pairs]


def test_what_the_system_says_goes_with_the_user_s_next_words_or_the_last() -> None:
    given_ = told(
        ("system", "Be kind."), ("user", "a"), ("assistant", "b"),
        ("system", "Lines."), ("user", "c"), ("system", "Be brief."),
    )  # fmt: skip
    expected = told(
        ("system", "Be kind."), ("user", "a"), ("assistant", "b"), ("user", "Lines.\n\nc\n\nBe brief.")
    )
    assert list(in_turn(given_)) == expected


def test_a_greeting_answers_something() -> None:
    given_ = told(("system", "Be kind."), ("assistant", "Hello."), ("user", "a"))
    expected = told(("system", "Be kind."), ("user", OPENING), ("assistant", "Hello."), ("user", "a"))
    assert list(in_turn(given_)) == expected


def test_a_question_whose_answer_failed_goes_with_the_next() -> None:
    assert list(in_turn(told(("user", "a"), ("user", "b")))) == told(("user", "a\n\nb"))


@given(MESSAGES)
def test_any_messages_come_in_turn_and_whole(messages: list[ChatMessage]) -> None:
    made = in_turn(messages)
    spoken = [message.role for message in made if message.role != "system"]
    assert [message.role for message in made[1:]].count("system") == 0
    assert all(role == ("assistant" if number % 2 else "user") for number, role in enumerate(spoken))
    said = "".join(message.content for message in made).replace(OPENING, "").replace("\n\n", "")
    assert sorted(said) == sorted("".join(message.content for message in messages))
    assert in_turn(made) == made
