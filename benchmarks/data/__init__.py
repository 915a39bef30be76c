"""The labelled set of the retrieval benchmark: invented lines in five languages, and questions with the line they want.

A language's file holds subjects and frames; every subject in every frame is a line, so each line has some thirty near
misses that share its subject or its thought. Nothing is quoted from anywhere.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LANGUAGES = ("en", "zh", "es", "ko", "ru")
# Questions of each language made from its patterns; strides without a common divisor reach every subject and frame.
WORD_QUESTIONS = 40
NAME_QUESTIONS = 8

# words: shares key words with its line, inflected or in another order. names: speaker and subject.
# unshared: the same thought in other words. negative: shares a word at most, wants something else.
Kind = Literal["words", "names", "unshared", "negative"]


@dataclass(frozen=True, slots=True)
class Line:
    language: str
    content: str
    speaker: str
    source: str


@dataclass(frozen=True, slots=True)
class Question:
    """`wanted` is None where nothing should be found."""

    language: str
    kind: Kind
    text: str
    wanted: Line | None


class Corpus:
    """The lines and questions of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        text = Path(__file__).with_name(f"{language}.json").read_text("utf-8")
        self._data: dict[str, Any] = json.loads(text)
        self._subjects = [_forms(subject) for subject in self._data["subjects"]]
        self._frames: list[dict[str, str]] = self._data["frames"]
        self._speakers = [(work, speaker) for work, cast in self._data["works"] for speaker in cast]

    def lines(self) -> Iterator[Line]:
        for subject in range(len(self._subjects)):
            for frame in range(len(self._frames)):
                yield self._line(subject, frame)

    def questions(self) -> Iterator[Question]:
        for number in range(WORD_QUESTIONS):
            yield self._by_words(number)
        for number in range(NAME_QUESTIONS):
            yield self._by_name(number)
        for text, subject, frame in self._data["unshared"]:
            yield Question(self.language, "unshared", text, self._line(subject, frame))
        for text in self._data["negatives"]:
            yield Question(self.language, "negative", text, None)

    def _line(self, subject: int, frame: int) -> Line:
        work, speaker = self._speakers[(subject + frame) % len(self._speakers)]
        content = self._frames[frame]["line"].format_map(self._subjects[subject])
        return Line(self.language, content, speaker, work)

    def _by_words(self, number: int) -> Question:
        subject, frame = number * 7 % len(self._subjects), (number * 5 + number // 15) % len(self._frames)
        patterns = self._data["ask"]
        asked = self._frames[frame]["asked"]
        text = patterns[number % len(patterns)].format_map({**self._subjects[subject], "asked": asked})
        return Question(self.language, "words", text, self._line(subject, frame))

    def _by_name(self, number: int) -> Question:
        subject, frame = number * 4 % len(self._subjects), number * 9 % len(self._frames)
        line = self._line(subject, frame)
        text = self._data["ask_name"].format_map({**self._subjects[subject], "speaker": line.speaker})
        return Question(self.language, "names", text, line)


def _forms(subject: Mapping[str, str]) -> dict[str, str]:
    """A subject's forms by placeholder: as given, with a capital, and in Korean with each particle."""
    forms = dict(subject)
    for name, text in subject.items():
        forms[name.upper()] = text[0].upper() + text[1:]
    if last := _last_syllable(subject.get("s", "")):
        closed = last % 28 > 0  # ends in a consonant
        for after_consonant, after_vowel in (
            ("은", "는"),
            ("이", "가"),
            ("을", "를"),
            ("과", "와"),
            ("만", "만"),
        ):
            particle = after_consonant if closed else after_vowel
            for spelling in (after_consonant, after_vowel):
                forms[f"s{spelling}"] = forms["s"] + particle
    return forms


def _last_syllable(text: str) -> int | None:
    """The number of a Hangul syllable from U+AC00, whose remainder by 28 is its final consonant."""
    number = ord(text[-1]) - 0xAC00 if text else -1
    return number if 0 <= number < 11_172 else None
