"""Which memory entries belong in a prompt: pinned ones, then by relevance and age. Pure; `persona` calls it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from tertulia.providers.bm25 import Collection, search
from tertulia.providers.estimate import estimate_tokens
from tertulia.providers.lexical import terms

# After this long an entry that nothing asks for counts half.
HALF_LIFE = timedelta(days=30)
# A fresh entry without a shared word stands below a half-relevant old one, and above nothing at all: what somebody
# is called matters in a "hello" as well.
AGE_WEIGHT = 0.5
# Of a question, this much is searched for.
QUERY_CHARACTERS = 2_000


# The words of entries, which seldom change: a turn finds those of the turn before. A few megabytes.
_terms = lru_cache(maxsize=1_000)(terms)


class Entry(NamedTuple):
    """A memory entry as the ranking needs it; `fresh_at` is when it was made or last belonged in a prompt."""

    id: UUID
    text: str
    is_pinned: bool
    fresh_at: datetime


class Recalled(NamedTuple):
    """An entry for the prompt; `is_relevant` when it shares words with the question."""

    id: UUID
    text: str
    is_relevant: bool


def recall(entries: Sequence[Entry], query: str, now: datetime, budget_tokens: int) -> list[Recalled]:
    """The entries that fit into `budget_tokens`, in the order given, so that equal choices give equal prompts."""
    relevance = _relevance(entries, query)

    def rank(number: int) -> tuple[bool, float]:
        entry = entries[number]
        age = max(timedelta(0), now - entry.fresh_at) / HALF_LIFE
        return not entry.is_pinned, -(relevance.get(number, 0.0) + AGE_WEIGHT * 0.5**age)

    chosen: list[int] = []
    for number in sorted(range(len(entries)), key=rank):
        cost = estimate_tokens(entries[number].text)
        if cost <= budget_tokens:
            budget_tokens -= cost
            chosen.append(number)
    return [
        Recalled(entries[number].id, entries[number].text, number in relevance) for number in sorted(chosen)
    ]


def _relevance(entries: Sequence[Entry], query: str) -> dict[int, float]:
    """For entries that share a word with the query, how well they match: 1 for the best."""
    hits = search(terms(query[-QUERY_CHARACTERS:]), [Collection(_terms(entry.text) for entry in entries)])
    return {hit.document: hit.score / hits[0].score for hit in hits}
