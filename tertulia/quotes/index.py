"""The full-text index of all quotes: `actions` keeps it in step, `queries` and `retrieval` search it.

The database narrows 100,000 lines to a few hundred `candidates`; BM25 over these then decides the order, so that
both databases give the same one.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from statistics import fmean
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max

from tertulia.providers.bm25 import rarity, saturated
from tertulia.quotes import candidates
from tertulia.quotes.candidates import Entry
from tertulia.quotes.models import Quote, Term

# Bounds of one search. A pasted page must not become a thousand look-ups;
_MOST_QUERY_TERMS = 200
_MOST_SEARCHED_TERMS = 24
# words that a good part of the board holds cost time and tell little, so they only weigh in the ranking of what the
# rarer ones found;
_MOST_MATCHES = 2_000
# and this many of the matches are ranked.
_MOST_CANDIDATES = 200
# On a board of a few lines each word would be frequent, and a question's other words outweigh the one that fits: it is
# weighed as if it had this many.
_FEWEST_QUOTES = 50
# Rows of one statement.
_BATCH = 400


class Hit(NamedTuple):
    """A found quote; `coverage` is the found share (0 to 1) of the query's weight, `shared` how many terms that are."""

    id: int
    score: float
    coverage: float
    shared: int

    @property
    def is_relevant(self) -> bool:
        """Whether this has to do with the query, or merely holds a word of it.

        Measured by `benchmarks/retrieval`: unrelated questions that share a word or two with a line cover up to 0.22
        of their weight, related ones cover 0.3, or share several terms of a long question.
        """
        return self.coverage >= (0.3 if self.shared < 3 else 0.12)


# --- Keeping in step ------------------------------------------------------------------------------------------------


def update(*, removed: Sequence[Entry] = (), added: Sequence[Entry] = ()) -> None:
    """Take quotes out of the index and others in; call it inside the transaction that writes their rows.

    All counters of one call are changed in the order of their terms, so that two calls never wait for each other.
    """
    if connection.vendor == "sqlite":
        _update_fts(removed, added)
    change: Counter[str] = Counter()
    for entry in added:
        change.update(set(entry.terms.split()))
    for entry in removed:
        change.subtract(set(entry.terms.split()))
    _count(change)


def _update_fts(removed: Sequence[Entry], added: Sequence[Entry]) -> None:
    """PostgreSQL derives its index from the column `terms`; FTS5 has a table of its own."""
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM quotes_search WHERE rowid = %s", [(entry.id,) for entry in removed])
        cursor.executemany("INSERT INTO quotes_search (rowid, terms) VALUES (%s, %s)", added)


def _count(change: Mapping[str, int]) -> None:
    rows = sorted((term, number) for term, number in change.items() if number)
    with connection.cursor() as cursor:
        for batch in _batches(rows):
            placeholders = ", ".join(["(%s, %s)"] * len(batch))
            cursor.execute(
                f"INSERT INTO quotes_term (term, documents) VALUES {placeholders} "  # noqa: S608  (our own text)
                "ON CONFLICT (term) DO UPDATE SET documents = quotes_term.documents + excluded.documents",
                [value for row in batch for value in row],
            )
    for batch in _batches([row for row in rows if row[1] < 0]):
        Term.objects.filter(term__in=[term for term, _number in batch], documents__lte=0).delete()


def _batches(rows: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        yield batch


# --- Searching ------------------------------------------------------------------------------------------------------


def search(query: Collection[str], *, columns: Mapping[str, Any], limit: int) -> list[Hit]:
    """The best `limit` relevant quotes for the terms of a query, best first, among those with these values of columns.

    At most six statements whatever the query.
    """
    frequencies = _frequencies(list(islice(query, _MOST_QUERY_TERMS)))
    total = max(Quote.objects.aggregate(last=Max("id"))["last"] or 0, _FEWEST_QUOTES)
    weights = {term: _weight(term, number, total) for term, number in frequencies.items()}
    hits = _ranked(_candidates(frequencies, weights, columns), weights)
    return [hit for hit in hits if hit.is_relevant][:limit]


def holding(character: str, *, columns: Mapping[str, Any], limit: int) -> list[Hit]:
    """The best `limit` quotes in which a character stands, best first, among those with these values of columns.

    For scripts that are indexed by pairs of characters: 꿈 alone is a word of few lines, 꿈을 and 개꿈 are of many. Two
    statements.
    """
    pairs = dict(Term.objects.filter(term__contains=character).values_list("term", "documents"))
    if sum(pairs.values()) <= _MOST_MATCHES:
        found = candidates.newest_of_any(pairs, columns, _MOST_CANDIDATES)
    else:
        found = candidates.newest_holding(character, columns, _MOST_CANDIDATES)
    counted = [(entry.id, entry.terms.split()) for entry in found]
    mean_length = fmean(len(terms) for _id, terms in counted) if counted else 1
    hits = [
        Hit(id, saturated(_times(character, terms), len(terms) / mean_length), 1.0, 1)
        for id, terms in counted
    ]
    return sorted(hits, key=_best_first)[:limit]


def _times(character: str, terms: Collection[str]) -> int:
    """How often a character stands in a line: in the midst of others it ends one pair and begins the next."""
    return max(sum(term[0] == character for term in terms), sum(term[-1] == character for term in terms))


def _best_first(hit: Hit) -> tuple[float, int]:
    """Rounded: the last digits differ with the order of a sum."""
    return -round(hit.score, 9), hit.id


def _frequencies(query: Sequence[str]) -> dict[str, int]:
    known = dict(Term.objects.filter(term__in=query).values_list("term", "documents"))
    return {term: known.get(term, 0) for term in query}


def _weight(term: str, documents: int, total: int) -> float:
    """A term's share in the meaning of a query. Unknown words weigh most: they are what a line is not about.

    A bigram that no quote has is as often no word at all but the seam of two.
    """
    is_seam = not documents and len(term) == 2 and unicodedata.east_asian_width(term[0]) == "W"
    return rarity(max(total, documents), documents) * (0.5 if is_seam else 1)


def _candidates(
    frequencies: Mapping[str, int], weights: Mapping[str, float], columns: Mapping[str, Any]
) -> list[Entry]:
    """What the rarer terms find; when all are frequent, the newest of what has the two rarest, or the rarest."""
    known = sorted((number, term) for term, number in frequencies.items() if number > 0)
    matches = accumulate(number for number, _term in known[:_MOST_SEARCHED_TERMS])
    rare = [
        term for (_number, term), reached in zip(known, matches, strict=False) if reached <= _MOST_MATCHES
    ]
    if rare:
        return candidates.of_any({term: weights[term] for term in rare}, columns, _MOST_CANDIDATES)
    frequent = [term for _number, term in known[:2]]
    found = candidates.of_all(frequent, columns, _MOST_CANDIDATES)
    return found or candidates.of_all(frequent[:1], columns, _MOST_CANDIDATES)


def _ranked(candidates: Sequence[Entry], weights: Mapping[str, float]) -> list[Hit]:
    counted = [(entry.id, Counter(entry.terms.split())) for entry in candidates]
    if not counted:
        return []
    mean_length = fmean(counts.total() for _id, counts in counted)
    whole = sum(weights.values())
    hits = []
    for id, counts in counted:
        found = {term: weight for term, weight in weights.items() if term in counts}
        length = counts.total() / mean_length
        score = sum(weight * saturated(counts[term], length) for term, weight in found.items())
        hits.append(Hit(id, score, sum(found.values()) / whole, len(found)))
    return sorted(hits, key=_best_first)
