"""Digests, terms and similarity as tables."""

import pytest

from tertulia.quotes.wording import digest, search_terms, similarity


def of(content: str, speaker: str = "", source: str = "") -> str:
    return digest(content=content, speaker=speaker, source=source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The rain waits.", "the  RAIN, waits!"),
        ("비 오는 날에는", "비오는 날에는…"),
        ("雨下得久了。", "雨下得久了"),
        ("Ｗｉｄｅ words", "wide words"),
        ("Год — река", "год река"),
    ],
)
def test_the_same_line_however_it_is_typed(one: str, other: str) -> None:
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The rain waits", "The rain waited"),
        ("año", "ano"),
        ("…", "!"),
        ("мой", "мои"),
    ],
)
def test_another_line(one: str, other: str) -> None:
    assert of(one) != of(other)


def test_another_speaker_or_work_makes_another_line() -> None:
    assert (
        len({of("Yes."), of("Yes.", "Ana"), of("Yes.", "", "Ana"), of("YesAna"), of("Yes.", "Bo", "Ana")})
        == 5
    )


def test_the_search_knows_speaker_work_and_mood() -> None:
    found = search_terms(content="Salt keeps", speaker="Marta Quill", source="The Long Pier", mood="wry")
    assert set(found) == {"salt", "keep", "marta", "quill", "long", "pier", "wry"}


def test_similarity_is_the_shared_part() -> None:
    assert similarity({"a", "b", "c"}, {"b", "c", "d"}) == 0.5
    assert similarity(set(), set()) == 0.0
