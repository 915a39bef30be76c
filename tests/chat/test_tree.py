"""Pure rules of the message tree."""

from dataclasses import astuple
from uuid import UUID

import pytest

from tertulia.chat import tree

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("message", "place"),
    [(ONE, (1, 3, None, TWO)), (TWO, (2, 3, ONE, THREE)), (THREE, (3, 3, TWO, None))],
)
def test_place(message: UUID, place: tuple[object, ...]) -> None:
    assert astuple(tree.place(message, [ONE, TWO, THREE])) == place


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("  \n\n  Second line first \n third", "Second line first"),
        ("word " * 40, "word word word word word word word word word word word word…"),
        ("x" * 100, "x" * 60 + "…"),
        ("겨울이 길어도 " * 20, ("겨울이 길어도 " * 20)[:60].rpartition(" ")[0] + "…"),
        ("\n \n", ""),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 60 + "…"),
        (
            "a" * 30 + " " + "b" * 40,
            ("a" * 30 + " " + "b" * 40)[:60] + "…",
        ),  # a word that would leave half a title
        ("a" * 31 + " " + "b" * 40, "a" * 31 + "…"),
        (", " + "a" * 40 + ", ;:. " + "b" * 40, ", " + "a" * 40 + "…"),
        ("A" * 40 + "X, " + "b" * 40, "A" * 40 + "X…"),
    ],
)
def test_title(content: str, title: str) -> None:
    assert tree.title_from(content) == title
