"""What of an answer is read aloud, and that parts once complete never change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.speech.script import MAX_CHARACTERS, Script, parts


@pytest.mark.parametrize(
    ("markdown", "spoken"),
    [
        ("", []),
        ("   \n\n", []),
        ("Hello there.", ["Hello there."]),
        ("Hello. And more. And yet more.", ["Hello.", "And more. And yet more."]),
        ("Dr. Kim paid 3.14 euros, i.e. little. Yes.", ["Dr. Kim paid 3.14 euros, i.e. little.", "Yes."]),
        ("# A **title**\n\nText.", ["A title", "Text."]),
        ("- one\n- two\n1. three", ["one", "two", "three"]),
        ("> As *she* said: [here](https://x.org/a).", ["As she said: here."]),
        ("See ![a picture](/x.png) and <b>this</b>.", ["See a picture and this."]),
        ("A `word` in snake_case stays.", ["A word in snake_case stays."]),
        ("Before.\n\n```python\nprint('not. spoken.')\n```\n\nAfter.", ["Before.", "After."]),
        ("~~~\nopen. code", []),
        ("| a | b |\n|---|---|\n| c | d |", ["a b", "c d"]),
        ("One[1] two [^2].", ["One two ."]),
        ("Go to https://www.example.org/a/b?c=d now.", ["Go to example.org now."]),
        ("***\n---\nText", ["Text"]),
        ("你好。今天天气很好！是吗？", ["你好。", "今天天气很好！ 是吗？"]),
        ("Привет. Как дела?", ["Привет.", "Как дела?"]),
        ("안녕하세요. 반갑습니다.", ["안녕하세요.", "반갑습니다."]),
        ("1 &lt; 2 &amp; 3", ["1 < 2 & 3"]),
    ],
)
def test_parts(markdown: str, spoken: list[str]) -> None:
    assert parts(markdown) == spoken


def test_a_text_without_sentences_is_cut() -> None:
    cut = parts("word " * 400)
    assert "".join(cut).replace(" ", "") == "word" * 400
    assert max(map(len, cut)) <= MAX_CHARACTERS


_PIECES = st.sampled_from(
    ["Hello", "a", ". ", ".", "! ", "\n", "\n\n", "```", "```\n", "- ", "# ", "**", "你好。", "Dr. ", "3.1", " ",
     "[x](y)", "| ", "---", "\r\n", "1. ", "~~~\n", "»", "\"", "Да? "]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60))
def test_a_part_never_changes_by_what_follows(pieces: list[str]) -> None:
    script, shown = Script(), list[str]()
    for piece in pieces:
        script.append(piece)
        now = script.parts(is_whole=False)
        assert now[: len(shown)] == shown
        shown = now
    whole = script.parts(is_whole=True)
    assert whole[: len(shown)] == shown
    assert whole == parts("".join(pieces))
