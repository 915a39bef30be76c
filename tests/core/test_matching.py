"""Words in texts: what is asked for, and what is shown around them."""

import pytest

from tertulia.core.errors import InvalidInput
from tertulia.core.matching import Excerpt, asked, excerpt, words_of


@pytest.mark.parametrize("text", ["x" * 201, "a\0b"])
def test_what_nobody_searches_for_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        asked("q", text)
    assert list(refusal.value.errors or {}) == ["q"]


def test_composed_and_decomposed_letters_are_one() -> None:
    assert asked("q", " cafe\u0301 ") == "caf\u00e9"


def test_each_word_counts_once() -> None:
    assert words_of("  Mill mill\twind ") == ["mill", "wind"]


def test_the_found_words_are_marked_whatever_their_case() -> None:
    shown = excerpt("The Mill by the river, and the mill upstream.", ["mill", "river"])
    assert [text for text, is_found in shown.parts() if is_found] == ["Mill", "river", "mill"]
    assert "".join(text for text, _is_found in shown.parts()) == shown.text


def test_a_long_text_shows_what_is_around_the_first_word() -> None:
    shown = excerpt("a " * 500 + "needle\n\n\tin the stack " + "b " * 500, ["needle"])
    assert len(shown.text) < 240
    assert shown.text.startswith("… a a")
    assert "a needle in the stack b" in shown.text
    assert shown.text.endswith("b …")


def test_a_text_without_the_words_shows_its_beginning() -> None:
    assert excerpt("short", ["absent"]) == Excerpt("short", [])
    assert excerpt("short", []).parts() == [("short", False)]


def test_words_may_hold_anything() -> None:
    assert excerpt("a (b) [c] \\d", ["(b)", "[c]", "\\d"]).places == [(2, 5), (6, 9), (10, 12)]
