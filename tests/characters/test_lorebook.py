"""Which entries of a lorebook a prompt gets."""

from typing import Any

import pytest

from tertulia.characters import lorebook
from tertulia.core.strictjson import Unreadable
from tertulia.providers.estimate import estimate_tokens


def entry(content: str, *keys: str, **more: Any) -> dict[str, Any]:
    return {"keys": list(keys), "content": content, "enabled": True, "insertion_order": 0, **more}


def chosen(entries: list[dict[str, Any]], *recent: str, **book: Any) -> list[str]:
    return [lore.text for lore in lorebook.select({"entries": entries, **book}, recent)]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("art", "Arts and crafts", True),
        ("art", "my heart", False),
        ("art", "(art)", True),
        ("New York", "in new york city", True),
        ("кот", "Это про кота", True),
        ("кот", "скоты", False),
        ("서울", "그는 서울에서 왔다", True),
        ("海", "大海很远", True),
        ("niño", "los NIÑOS juegan", True),
        ("*", "a * b", True),
        ("10", "2010", False),
    ],
)
def test_keys_stand_at_the_beginning_of_words(key: str, text: str, expected: bool) -> None:
    assert lorebook.occurs(key, text) is expected
    assert chosen([entry("x", key)], text) == ["x"] * expected


@pytest.mark.parametrize(
    ("more", "text", "expected"),
    [
        ({}, "bees", True),
        ({}, "BEES", True),
        ({"case_sensitive": True}, "BEES", False),
        ({"case_sensitive": True}, "bees", True),
        ({"enabled": False}, "bees", False),
        ({"enabled": False, "constant": True}, "bees", False),
        ({"constant": True}, "nothing", True),
        ({"selective": True, "secondary_keys": ["honey"]}, "bees", False),
        ({"selective": True, "secondary_keys": ["honey"]}, "bees and honey", True),
        ({"selective": True, "secondary_keys": []}, "bees", True),
        ({"selective": False, "secondary_keys": ["honey"]}, "bees", True),
        ({"use_regex": True}, "bees", False),
        ({"keys": [""]}, "anything", False),
    ],
)
def test_what_wakes_an_entry(more: dict[str, Any], text: str, expected: bool) -> None:
    assert chosen([{**entry("x", "bees"), **more}], text) == ["x"] * expected


def test_only_the_last_messages_are_scanned() -> None:
    entries = [entry("x", "bees")]
    assert chosen(entries, "bees", "a", "b", "c") == ["x"]
    assert chosen(entries, "bees", "a", "b", "c", "d") == []
    assert chosen(entries, "bees", "a", scan_depth=1) == []
    assert chosen(entries, "bees", "a", scan_depth=2) == ["x"]


@pytest.mark.parametrize(
    ("content", "recent", "expected"),
    [
        ("@@activate\nx", ["nothing"], ["x"]),
        ("@@dont_activate\nx", ["bees"], []),
        ("@@scan_depth 1\nx", ["bees", "a"], []),
        ("@@additional_keys wasps, hornets\nx", ["hornets"], ["x"]),
        ("@@exclude_keys winter\nx", ["bees in winter"], []),
        ("@@unknown thing\n@@@fallback 1\nx", ["bees"], ["x"]),
        ("x\n@@activate", ["nothing"], []),
        ("@@scan_depth much\nx", ["bees", "a"], ["x"]),
    ],
)
def test_decorators(content: str, recent: list[str], expected: list[str]) -> None:
    assert chosen([entry(content, "bees")], *recent) == expected


def test_entries_stand_in_the_order_of_insertion_once() -> None:
    entries = [
        entry("second", "bees", insertion_order=20),
        entry("first", "bees", "hive", insertion_order=10),
        entry("third", "hive", insertion_order=30),
    ]
    assert chosen(entries, "bees in the hive, bees") == ["first", "second", "third"]


def test_over_the_budget_the_lowest_priority_is_left_out() -> None:
    text = "word " * 20
    entries = [
        entry(f"{text}a", "bees", priority=1, insertion_order=1),
        entry(f"{text}b", "bees", priority=3, insertion_order=2),
        entry(f"{text}c", "bees", priority=2, insertion_order=3),
    ]
    two = 2 * estimate_tokens(f"{text}a")
    assert [text[-1] for text in chosen(entries, "bees", token_budget=two)] == ["b", "c"]


def test_entries_wake_each_other_only_where_the_book_says_so() -> None:
    entries = [entry("about the hive", "bees"), entry("about wax", "hive"), entry("about candles", "wax")]
    assert chosen(entries, "bees") == ["about the hive"]
    assert chosen(entries, "bees", recursive_scanning=True) == [
        "about the hive",
        "about wax",
        "about candles",
    ]


def test_a_constant_entry_wakes_others_where_the_book_says_so() -> None:
    entries = [entry("the hive", constant=True), entry("wax", "hive"), entry("asleep", "queen")]
    assert chosen(entries, "nothing", recursive_scanning=True) == ["the hive", "wax"]


def test_positions_and_constancy_are_told() -> None:
    book = {"entries": [entry("a", constant=True, position="before_char"), entry("b", "bees", name="Bees")]}
    assert lorebook.select(book, ["bees"]) == [("a", "", True, True), ("b", "Bees", False, False)]


@pytest.mark.parametrize(
    ("book", "path"),
    [
        ({"entries": 5}, "b.entries"),
        ({"entries": [None]}, "b.entries.0"),
        ({"entries": [{"keys": [5]}]}, "b.entries.0.keys.0"),
        ({"entries": [{"content": "x" * 20_001}]}, "b.entries.0.content"),
        ({"entries": [{"insertion_order": "1"}]}, "b.entries.0.insertion_order"),
        ({"entries": [{"extensions": []}]}, "b.entries.0.extensions"),
        ({"scan_depth": "all"}, "b.scan_depth"),
        ({"recursive_scanning": 1}, "b.recursive_scanning"),
    ],
)
def test_books_that_cannot_be_read(book: dict[str, Any], path: str) -> None:
    with pytest.raises(Unreadable) as refused:
        lorebook.check(book, "b")
    assert refused.value.path == path
