"""Which refused word a text holds, and for whom the rules count."""

import pytest

from tertulia.core.errors import InvalidInput
from tertulia.quotes import actions
from tertulia.quotes.models import WordRule
from tertulia.quotes.refusing import refused_word
from tests.accounts.people import make_user
from tests.quotes.rows import a_quote, a_word, staff


@pytest.mark.parametrize(
    ("pattern", "text", "is_held"),
    [
        ("drat", "Drat, the kettle!", True),
        ("drat", "ＤＲＡＴ", True),
        ("drat", "dratted", False),
        ("drat*", "dratted", True),
        ("drat*", "hydrated", False),
        ("drat it", "Drat\n  it all", True),
        ("drat it", "drat, it", False),
        ("a+b", "so a+b it is", True),
        ("a+b", "aab", False),
        (".*", "anything", False),
        ("*", "anything", False),
        ("черт*", "Чертовски", True),
        ("черт*", "начертить", False),
        ("混蛋", "你这个混蛋！", True),
        ("바보", "바보라고 했지", True),
        ("(", "a ( b", True),
    ],
)
def test_what_counts_as_holding_a_word(pattern: str, text: str, is_held: bool) -> None:
    assert refused_word(text, ["nothing of this", pattern]) == (pattern if is_held else None)


@pytest.mark.usefixtures("database")
def test_members_are_refused_and_staff_are_not() -> None:
    word, user, mona = a_word(), make_user(), staff()
    WordRule.objects.create(pattern=word)
    with pytest.raises(InvalidInput) as caught:
        a_quote(f"Never say {word.upper()}!", user=user, speaker=word, source="The Pier")
    assert list(caught.value.errors or ()) == ["content", "speaker"]
    assert word in str(caught.value.detail)
    quote = a_quote(user=user)
    with pytest.raises(InvalidInput) as caught:
        actions.update_quote(user=user, quote=quote, changes={"mood": word})
    assert list(caught.value.errors or ()) == ["mood"]
    assert word in a_quote(f"Never say {word}", user=mona).content
