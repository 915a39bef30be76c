"""Words in texts whatever their capitals: what was asked for, the condition for the database, the places in a text."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput

MAX_QUERY = 200
# Of an excerpt: what stands before the first found word, and all of it.
_BEFORE, _LENGTH = 60, 220


def asked(name: str, text: str) -> str:
    """What somebody searches for by the parameter `name`; raises InvalidInput naming it."""
    text = text.strip()
    if len(text) > MAX_QUERY:
        raise InvalidInput.field(name, _("At most %(limit)d characters.") % {"limit": MAX_QUERY})
    if "\0" in text:
        raise InvalidInput.field(name, _("NUL and lone surrogates are not allowed."))
    return unicodedata.normalize("NFC", text)


def words_of(query: str) -> list[str]:
    """The words of a query, each once."""
    return list({word.casefold(): word for word in query.split()}.values())


def holds(column: str, words: Sequence[str]) -> Q:
    """The condition that each of the words stands somewhere in a column: as typed, small, in capitals, or capitalised.

    PostgreSQL's own folding of case costs four comparisons, and SQLite folds nothing beyond ASCII.
    """
    condition = Q()
    for word in words:
        spellings = {word, word.lower(), word.upper(), word.capitalize()}
        condition &= Q(*((f"{column}__contains", each) for each in sorted(spellings)), _connector=Q.OR)
    return condition


class Excerpt(NamedTuple):
    """A part of a text on one line, with the places (start, end) of what was found in it, in code points."""

    text: str
    places: list[tuple[int, int]]

    def parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, and whether each of them was found."""
        edges = [0, *(edge for place in self.places for edge in place), len(self.text)]
        pieces = (
            (self.text[start:end], bool(index % 2)) for index, (start, end) in enumerate(pairwise(edges))
        )
        return [piece for piece in pieces if piece[0]]


def excerpt(text: str, words: Sequence[str]) -> Excerpt:
    """What stands around the first of the words; the beginning where none is found."""
    pattern = _pattern(words)
    first = pattern.search(text)
    start = max(0, first.start() - _BEFORE) if first else 0
    end = start + _LENGTH
    shown = " ".join(text[start:end].split())
    shown = f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}"
    return Excerpt(shown, [match.span() for match in pattern.finditer(shown)])


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"\Z\A", re.IGNORECASE)
