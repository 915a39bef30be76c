"""BM25 ranking over small collections held in memory; the offline model searches with it.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_SATURATION = 1.2  # k1: how soon repeating a term stops helping
_LENGTH_WEIGHT = 0.5  # b: lower than the usual 0.75, since every document here is a line or two

# A term that no document has would weigh most of all, though it is often only an ending ("겨울에" of "겨울").
_UNKNOWN_WEIGHT = 0.5


class Hit(NamedTuple):
    """`document` is the position in the collection; `coverage` the found share (0 to 1) of the
    query's weight."""

    score: float
    coverage: float
    collection: int
    document: int


class Collection:
    """Documents by the terms they hold. Building costs their length, searching only their matches."""

    def __init__(self, documents: Iterable[Counter[str]]) -> None:
        self.postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self.lengths: list[int] = []
        for number, counts in enumerate(documents):
            self.lengths.append(counts.total())
            for term, count in counts.items():
                self.postings[term].append((number, count))


def search(query: Counter[str], collections: Sequence[Collection]) -> list[Hit]:
    """Every document that shares a term with `query`, best first; equal ones in their given order.

    All collections are weighed as if they were one.
    """
    total = sum(len(collection.lengths) for collection in collections)
    if not total:
        return []
    mean_length = max(1.0, sum(sum(collection.lengths) for collection in collections) / total)
    weights = {term: rarity(total, _document_frequency(term, collections)) for term in query}
    known = {term for term in weights if _document_frequency(term, collections)}
    whole = sum(weight * (1 if term in known else _UNKNOWN_WEIGHT) for term, weight in weights.items())
    hits: list[Hit] = []
    for number, collection in enumerate(collections):
        found: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for term, weight in weights.items():
            for document, count in collection.postings.get(term, ()):
                length = collection.lengths[document] / mean_length
                scores = found[document]
                scores[0] += weight * saturated(count, length)
                scores[1] += weight
        hits += (Hit(score, share / whole, number, document) for document, (score, share) in found.items())
    return sorted(hits, key=lambda hit: (-round(hit.score, 9), hit.collection, hit.document))


def _document_frequency(term: str, collections: Sequence[Collection]) -> int:
    return sum(len(collection.postings.get(term, ())) for collection in collections)


def rarity(total: int, frequency: int) -> float:
    return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def saturated(count: int, length: float) -> float:
    return count * (_SATURATION + 1) / (count + _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length))
