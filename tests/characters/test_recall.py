"""Which memory entries a prompt gets."""

from datetime import UTC, datetime, timedelta

from tertulia.characters.recall import Entry, recall
from tertulia.core.ids import uuid7
from tertulia.providers.estimate import estimate_tokens

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DOG, RAIN, NAME = "The dog is called Bruno.", "It rained all summer.", "She works at a bakery."


def entry(text: str, *, days: float = 0, pinned: bool = False) -> Entry:
    return Entry(uuid7(), text, pinned, NOW - timedelta(days=days))


def recalled(entries: list[Entry], query: str, budget: int = 1_000) -> list[str]:
    return [each.text for each in recall(entries, query, NOW, budget)]


def room_for(count: int) -> int:
    return count * max(map(estimate_tokens, (DOG, RAIN, NAME)))


def test_everything_that_fits_in_the_order_given() -> None:
    assert recalled([entry(DOG), entry(RAIN), entry(NAME)], "bakery") == [DOG, RAIN, NAME]
    assert recalled([], "bakery") == []


def test_relevance_decides_when_there_is_room_for_one() -> None:
    entries = [entry(DOG, days=90), entry(RAIN), entry(NAME)]
    assert recalled(entries, "Where is the dog?", room_for(1)) == [DOG]


def test_without_a_shared_word_the_newest_stay() -> None:
    entries = [entry(DOG, days=90), entry(RAIN, days=2), entry(NAME, days=30)]
    assert recalled(entries, "Hello!", room_for(1)) == [RAIN]
    assert recalled(entries, "", room_for(2)) == [RAIN, NAME]


def test_pinned_ones_come_before_everything() -> None:
    entries = [entry(DOG), entry(RAIN, days=900, pinned=True), entry(NAME)]
    assert recalled(entries, "dog", room_for(1)) == [RAIN]


def test_a_long_entry_does_not_keep_short_ones_out() -> None:
    entries = [entry("dog " * 500), entry(RAIN)]
    assert recalled(entries, "dog", room_for(1)) == [RAIN]


def test_the_ones_that_were_asked_for_are_told() -> None:
    found = recall([entry(DOG), entry(RAIN)], "the dog", NOW, 1_000)
    assert [each.is_relevant for each in found] == [True, False]


def test_clocks_that_went_back_do_no_harm() -> None:
    assert recalled([entry(DOG, days=-5), entry(RAIN)], "", room_for(1)) == [DOG]
