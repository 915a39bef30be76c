"""The search by meaning: stores the vectors of applied lines and finds the nearest; `meaning` and `retrieval` call it.

PostgreSQL with pgvector searches by itself. Everywhere else one bit for each number, its sign, is enough to find the
few candidates whose exact cosine is then computed (binary quantisation with rescoring): 100,000 lines of 1,536 numbers
are 20 MB of bits in memory, and comparing them all takes milliseconds. The signs are those of what sets a text apart
from others: where a model gives all texts much in common, their own signs would be nearly the same.
"""

import hashlib
import heapq
import threading
from array import array
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from operator import mul
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef

from tertulia.core.db import transaction
from tertulia.quotes.models import Quote, QuoteVector

# How many of the nearest by their signs are compared exactly.
_RESCORED = 64
# PostgreSQL gives ids at the start of a transaction and shows rows at its end: some appear below the highest one seen.
_OVERLAP = 300
# What pgvector's index takes.
_MOST_INDEXED = 2_000


class Space(NamedTuple):
    """What can be compared: vectors of one model and one length. The centre is the mean of unrelated texts."""

    name: str
    centre: Sequence[float]


class Near(NamedTuple):
    """A line, and the cosine of the angle between its meaning and the question's."""

    quote_id: int
    cosine: float


class Unembedded(NamedTuple):
    """An applied line without a vector; `text` is what is embedded."""

    quote_id: int
    text: str


# --- Writing --------------------------------------------------------------------------------------------------------


def unembedded(space: Space, limit: int) -> list[Unembedded]:
    """Applied lines that have no vector of this space, newest first."""
    known = QuoteVector.objects.filter(quote=OuterRef("pk"), model=space.name)
    rows = Quote.objects.filter(~Exists(known), is_apply=True).order_by("-id")
    return [
        Unembedded(id, "\n".join(filter(None, words)))
        for id, *words in rows.values_list("id", "content", "speaker", "source", "mood")[:limit]
    ]


def store(space: Space, vectors: Mapping[int, Sequence[float]]) -> None:
    """Keep the vectors of lines that are still applied: such lines cannot have changed meanwhile."""
    _prepare_index(space.name, len(next(iter(vectors.values()), ())))
    with transaction():
        applied = Quote.objects.select_for_update().filter(id__in=vectors, is_apply=True).order_by("id")
        rows = [
            QuoteVector(
                quote_id=id,
                model=space.name,
                embedding=vectors[id],
                signs=_packed(_signs(vectors[id], space.centre)),
            )
            for id in applied.values_list("id", flat=True)
        ]
        QuoteVector.objects.bulk_create(rows, ignore_conflicts=True)


def forget_other_spaces(space: Space) -> None:
    """Remove what another model made: its vectors cannot be compared with this one's."""
    with transaction():
        QuoteVector.objects.exclude(model=space.name).delete()


# --- Searching ------------------------------------------------------------------------------------------------------


def nearest(space: Space, vector: Sequence[float], limit: int) -> list[Near]:
    """The about nearest `limit` applied lines to a vector of length 1, nearest first."""
    if has_pgvector():
        return _nearest_by_pgvector(space.name, vector, limit)
    index, signs = _index_of(space.name), _signs(vector, space.centre)
    near, gone = _rescored(vector, index.candidates(signs))
    if gone:
        index.forget(gone)
        near, _gone = _rescored(vector, index.candidates(signs))
    return near[:limit]


class _SignIndex:
    """The signs of all vectors of one space, kept in this process and brought up to date by each search."""

    def __init__(self, space: str) -> None:
        self._space = space
        self._lock = threading.Lock()
        self._last = 0
        # Of a line that was withdrawn and applied again, the later row counts.
        self._row_of: dict[int, int] = {}
        self._signs: dict[int, int] = {}

    def candidates(self, wanted: int) -> list[int]:
        """Rows of QuoteVector that agree with most of the signs `wanted`; some may be gone."""
        with self._lock:
            self._catch_up()
            rows = list(self._row_of.values())
            distances = [(wanted ^ signs).bit_count() for signs in self._signs.values()]
        # Of plain numbers the least are found four times as fast as of pairs.
        farthest = max(heapq.nsmallest(_RESCORED, distances), default=0)
        near = [pair for pair in zip(distances, rows, strict=True) if pair[0] <= farthest]
        return [row for _distance, row in sorted(near)[:_RESCORED]]

    def forget(self, gone: Collection[int]) -> None:
        """Rows that `candidates` named and that are no longer there: the lines were withdrawn."""
        with self._lock:
            for quote_id in [quote_id for quote_id, row in self._row_of.items() if row in gone]:
                del self._row_of[quote_id], self._signs[quote_id]

    def _catch_up(self) -> None:
        overlap = 0 if connection.vendor == "sqlite" else _OVERLAP
        fresh = QuoteVector.objects.filter(model=self._space, id__gt=self._last - overlap).order_by("id")
        for id, quote_id, packed in fresh.values_list("id", "quote_id", "signs").iterator():
            self._row_of[quote_id] = id
            self._signs[quote_id] = int.from_bytes(packed)
            self._last = max(self._last, id)


@cache
def _index_of(space: str) -> _SignIndex:
    return _SignIndex(space)


def _rescored(vector: Sequence[float], rows: Sequence[int]) -> tuple[list[Near], Collection[int]]:
    """The lines of these rows, nearest first, and those of the rows that are gone."""
    wanted = array("f", vector)
    stored = QuoteVector.objects.filter(id__in=rows).values_list("id", "quote_id", "embedding")
    found = {id: Near(quote_id, sum(map(mul, wanted, embedding))) for id, quote_id, embedding in stored}
    return sorted(found.values(), key=lambda near: -near.cosine), set(rows) - found.keys()


def _signs(vector: Sequence[float], centre: Sequence[float]) -> int:
    """A bit for each number, set where it is above that of the centre."""
    pairs = zip(vector, centre, strict=True)
    return int("".join("1" if number > middle else "0" for number, middle in pairs), 2)


def _packed(signs: int) -> bytes:
    return signs.to_bytes((signs.bit_length() + 7) // 8 or 1)


# --- pgvector -------------------------------------------------------------------------------------------------------


@cache
def has_pgvector() -> bool:
    """Whether the operator has made the extension (`CREATE EXTENSION vector`); asked once in a process."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
        return cursor.fetchone() is not None


def _nearest_by_pgvector(model: str, vector: Sequence[float], limit: int) -> list[Near]:
    distance = f"v.embedding::vector({len(vector)}) <=> %s::real[]::vector({len(vector)})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.quote_id, 1 - ({distance}) FROM quotes_quotevector v WHERE v.model = %s "  # noqa: S608  (numbers)
            f"ORDER BY {distance} LIMIT %s",
            [list(vector), model, list(vector), limit],
        )
        return [Near(*row) for row in cursor.fetchall()]


@cache
def _prepare_index(model: str, dimensions: int) -> None:
    """Make pgvector's index for a model's vectors; once in a process, because asking takes a lock on the table."""
    if not has_pgvector() or not 0 < dimensions <= _MOST_INDEXED:
        return
    name = "quotes_vector_" + hashlib.sha256(f"{model} {dimensions}".encode()).hexdigest()[:16]
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {name} ON quotes_quotevector "
            f"USING hnsw ((embedding::vector({dimensions})) vector_cosine_ops) WHERE model = %s",
            [model],
        )
