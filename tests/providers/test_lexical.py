"""What the offline model's search stands on: languages, terms, ranking, token estimates."""

import math
from collections import Counter

import pytest

from tertulia.providers.bm25 import Collection, search
from tertulia.providers.estimate import estimate_tokens
from tertulia.providers.language import detect_language
from tertulia.providers.lexical import terms


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is love?", "en"),
        ("¿Qué es el amor?", "es"),
        ("que es el amor", "es"),
        ("mañana", "es"),
        ("爱情是什么", "zh"),
        ("OpenAI 的 API key 在哪里", "zh"),
        ("사랑이 뭐야", "ko"),
        ("OpenAI 키는 어디에", "ko"),
        ("漢字와 한글", "ko"),
        ("Что такое любовь", "ru"),
        ("что такое OpenAI?", "ru"),
        ("rain", "en"),
    ],
)
def test_languages_are_told_apart(text: str, language: str) -> None:
    assert detect_language(text, "en") == language


@pytest.mark.parametrize(
    ("text", "fallback", "language"),
    [
        ("", "ko", "ko"),
        ("12", "zh-Hans", "zh"),
        ("bar", "es-MX", "es"),
        ("bar", "ru", "en"),
        ("…", "xx", "en"),
    ],
)
def test_the_fallback_decides_where_the_text_does_not(text: str, fallback: str, language: str) -> None:
    assert detect_language(text, fallback) == language


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("storms", "Storm"),
        ("loves", "love"),
        ("boxes", "box"),
        ("mother's", "mother"),
        ("AMOR", "amor"),
        ("corazón", "corazon"),
        ("flores", "flor"),
        ("деньгами", "деньги"),
        ("ёлка", "елка"),
        ("любовью", "любовь"),
        ("cafe\u0301", "café"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other) != Counter()


@pytest.mark.parametrize(("one", "other"), [("año", "ano"), ("мой дом", "дам"), ("glass", "glas")])
def test_different_words_stay_different(one: str, other: str) -> None:
    assert terms(one) != terms(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("大海呢", {"大海": 1}),
        ("爱情是什么", {"爱情": 1}),
        ("茶", {"茶": 1}),
        ("바다로 바다", {"바다": 2, "다로": 1}),
        ("sea 바다", {"sea": 1, "바다": 1}),
        ("the and of", {}),
        ("el de la", {}),
        ("_ - !", {}),
        ("x" * 200, {"x" * 64: 1}),
        ("v2 2024", {"v2": 1, "2024": 1}),
    ],
)
def test_terms(text: str, found: dict[str, int]) -> None:
    assert terms(text) == found


def ranked(query: str, *collections: list[str]) -> list[tuple[int, int]]:
    built = [Collection(Counter(text.split()) for text in texts) for texts in collections]
    return [(hit.collection, hit.document) for hit in search(Counter(query.split()), built)]


def test_ranking() -> None:
    assert ranked("a", ["b", "a c", "a"]) == [(0, 2), (0, 1)]
    assert ranked("a z", ["a b", "z b", "a b", "a b"])[0] == (0, 1)
    assert ranked("a", ["a b b", "a a b"]) == [(0, 1), (0, 0)]
    assert ranked("a", ["a"], ["b", "a"]) == [(0, 0), (1, 1)]
    assert ranked("a z", ["a y"], ["z y"]) == [(0, 0), (1, 0)]
    assert ranked("q", ["a"]) == ranked("", ["a"]) == ranked("a", []) == ranked("a") == []


def test_scores_follow_the_formula() -> None:
    [hit] = search(Counter("a"), [Collection([Counter("aab"), Counter("c")])])
    rarity, saturation = math.log(1 + 1.5 / 1.5), 2 * 2.2 / (2 + 1.2 * (0.5 + 0.5 * 3 / 2))
    assert hit.score == pytest.approx(rarity * saturation)
    assert hit.coverage == 1


def test_coverage_is_the_share_of_the_querys_weight() -> None:
    hits = search(Counter(["a", "b"]), [Collection([Counter("a"), Counter("b"), Counter("ab")])])
    assert [(hit.document, hit.coverage) for hit in hits] == [(2, 1), (0, 0.5), (1, 0.5)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("four", 1),
        ("fives", 2),
        ("海", 1),
        ("大海", 2),
        ("바다 sea", 3),
        ("ひら", 2),
        ("море", 1),
    ],
)
def test_token_estimates(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
