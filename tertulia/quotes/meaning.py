"""The side of the search by meaning that waits for a server: it embeds what is asked and what was applied.

Without TERTULIA_EMBEDDINGS_MODEL nothing here does anything. With a server that is down the search goes on by words.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from operator import mul
from statistics import fmean
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.core.db import in_db
from tertulia.core.errors import Problem
from tertulia.providers.embeddings import Embedder, Vector
from tertulia.providers.errors import ProviderError
from tertulia.quotes import vectors
from tertulia.quotes.models import MAX_MODEL

logger = logging.getLogger(__name__)

# A question is judged by its beginning, as by words.
LONGEST_QUESTION = 2_000
# An answer waits this long for the meaning of its question, and not at all for a while after that was in vain.
PATIENCE = 1.0
PAUSE_AFTER_FAULT = 30.0
# Questions whose vectors are kept: those of the turns under way, and what is asked for anew.
_KEPT = 512
# Lines that one request embeds (some servers take no more), how long it may take, and how often is looked whether there
# are any.
BATCH = 32
BATCH_SECONDS = 60.0
LOOK_SECONDS = 10.0


# What people say about other things than any question, two of each language. The mean cosine of two with it is what
# unrelated texts have, 0.1 with some models and 0.8 with others; it is higher within a language than across them.
EVERYDAY = (
    "The train to the coast leaves at nine in the morning.",
    "The printer in the office is out of paper again.",
    "Mezcla la harina con dos huevos y un poco de leche.",
    "La impresora de la oficina se quedó sin papel.",
    "Поезд на побережье отправляется в девять утра.",
    "Она купила на рынке красные туфли.",
    "밀가루에 달걀 두 개와 우유를 조금 섞으세요.",
    "그녀는 시장에서 빨간 구두를 샀다.",
    "去海边的火车早上九点出发。",
    "把面粉和两个鸡蛋加一点牛奶拌匀。",
)


class Asked(NamedTuple):
    """A question's vector, which vectors it can be compared with, and the cosine that unrelated texts have with it."""

    space: vectors.Space
    vector: Vector
    unrelated: float

    def nearness(self, cosine: float) -> float:
        """0 for a text that has nothing to do with the question, 1 for the question itself."""
        return (cosine - self.unrelated) / (1 - self.unrelated) if self.unrelated < 1 else 0.0


class Meaning:
    """The embedding model of this instance, with the vectors of the questions that were asked lately."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = Lock()
        self._everyday: Sequence[Vector] = ()
        self._centre: Vector = ()
        self._questions: OrderedDict[str, Asked] = OrderedDict()
        self._resting_until = 0.0
        self._alone_in = ""

    @property
    def space(self) -> vectors.Space:
        """What can be compared. A server may give another model the same name, so the length is a part of ours.

        Vectors whose signs are about the centre are marked: those made before this was so are made anew.
        """
        centre = self._centre
        return vectors.Space(f"{len(centre)}c {self._embedder.model}"[:MAX_MODEL], centre)

    async def prepare(self, question: str) -> None:
        """Have the vector of a question at hand for `known`, if it can be had soon."""
        asked = question[:LONGEST_QUESTION]
        if not asked.strip() or self.known(question) or time.monotonic() < self._resting_until:
            return
        try:
            (vector,) = await self._embedded([asked], PATIENCE)
        except ProviderError as error:
            logger.warning("embeddings: %s; searching by words alone", error.slug)
            self._resting_until = time.monotonic() + PAUSE_AFTER_FAULT
            return
        with self._lock:
            self._questions[asked] = Asked(self.space, vector, self._unrelated(vector))
            while len(self._questions) > _KEPT:
                self._questions.popitem(last=False)

    def known(self, question: str) -> Asked | None:
        """What is known of a question that was prepared lately; for the thread that searches."""
        with self._lock:
            asked = self._questions.get(question[:LONGEST_QUESTION])
            return asked if asked and asked.space == self.space else None

    async def embed_applied(self) -> int:
        """Embed a batch of applied lines that have no vector yet; how many that were. Raises ProviderError.

        The server is asked between two units of work, never inside one.
        """
        if not self._everyday:
            await self._get_to_know(BATCH_SECONDS)
        if self._alone_in != self.space.name:
            await in_db(vectors.forget_other_spaces, self.space)
            self._alone_in = self.space.name
        lines = await in_db(vectors.unembedded, self.space, BATCH)
        if lines:
            found = await self._embedded([line.text for line in lines], BATCH_SECONDS)
            by_id = {line.quote_id: vector for line, vector in zip(lines, found, strict=True)}
            await in_db(vectors.store, self.space, by_id)
        return len(lines)

    async def close(self) -> None:
        await self._embedder.close()

    def _unrelated(self, vector: Vector) -> float:
        """The cosine with what is unrelated, in the language where that is nearest: usually the question's own."""
        cosines = [sum(map(mul, vector, other)) for other in self._everyday]
        return max(map(fmean, zip(cosines[::2], cosines[1::2], strict=True)))

    async def _embedded(self, texts: Sequence[str], seconds: float) -> list[Vector]:
        """Vectors of the space that is then `space`."""
        found = await self._embedder.embed(texts, seconds=seconds)
        if len(self._centre) != len(found[0]):
            await self._get_to_know(seconds)
        if len(self._centre) != len(found[0]):  # two servers at one address, with different models
            raise ProviderError("provider_malformed")
        return found

    async def _get_to_know(self, seconds: float) -> None:
        self._everyday = await self._embedder.embed(EVERYDAY, seconds=seconds)
        self._centre = tuple(map(fmean, zip(*self._everyday, strict=True)))


@cache
def meaning() -> Meaning | None:
    """This process's embedding model; None where none is configured."""
    if not settings.TERTULIA_EMBEDDINGS_MODEL or not settings.TERTULIA_EMBEDDINGS_URL:
        return None
    return Meaning(
        Embedder(
            base_url=settings.TERTULIA_EMBEDDINGS_URL,
            api_key=settings.TERTULIA_EMBEDDINGS_KEY,
            model=settings.TERTULIA_EMBEDDINGS_MODEL,
        )
    )


async def prepare(question: str, asker: Callable[[], User]) -> None:
    """Call it, outside any unit of work, before a search for `question`.

    `asker` says in a unit of work who asks, and may raise Problem: strangers, and people whose requests are used up,
    cause no call.
    """
    model = meaning()
    if model is None:
        return
    if await in_db(_may_ask, asker):
        await model.prepare(question)


def _may_ask(asker: Callable[[], User]) -> bool:
    try:
        return quota.standing(asker()).remaining != 0
    except Problem:
        return False


async def keep_up() -> None:
    """Embed what is applied, for as long as the process serves."""
    model = meaning()
    if model is None:
        return
    try:
        while True:  # until it is cancelled
            pause = await _pause_after_batch(model)
            await asyncio.sleep(pause)
    finally:
        await model.close()


async def _pause_after_batch(model: Meaning) -> float:
    """Embed one batch, and say how long to wait for the next."""
    try:
        return 0.0 if await model.embed_applied() == BATCH else LOOK_SECONDS
    except ProviderError as error:
        logger.warning("embeddings: %s; lines wait", error.slug)
    except DatabaseError:
        logger.exception("embeddings: lines wait")
    return PAUSE_AFTER_FAULT
