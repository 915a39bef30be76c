"""The rules for the words of a line as tables."""

import pytest

from tertulia.core.errors import InvalidInput
from tertulia.quotes.validation import cleaned


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("content", "  two   blanks  ", "two blanks"),
        ("content", "first\r\n  second ", "first\nsecond"),
        ("content", "cafe\u0301", "café"),
        ("content", "…", "…"),
        ("speaker", " Ana\tMaría ", "Ana María"),
        ("source", "", ""),
        ("language", "zh-Hans", "zh"),
        ("language", "", ""),
    ],
)
def test_what_is_kept(name: str, given: str, kept: str) -> None:
    assert cleaned({name: given}) == {name: kept}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("content", ""),
        ("content", " \n "),
        ("content", "\u200b"),
        ("content", "x" * 1001),
        ("content", "a\0b"),
        ("content", "a\ud800b"),
        ("content", "a\u202eb"),
        ("speaker", "x" * 101),
        ("source", "x" * 201),
        ("mood", "x" * 61),
        ("mood", "a\x1bb"),
        ("language", "tlh"),
        ("reason", ""),
        ("returned_reason", "x" * 501),
    ],
)
def test_what_is_refused_names_its_field(name: str, given: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        cleaned({"speaker": "fine", name: given})
    assert list(refused.value.errors or {}) == [name]
