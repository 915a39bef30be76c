"""The side of the search by meaning that waits for a server: it embeds what is asked and what was applied.

Without TERTULIA_EMBEDDINGS_MODEL nothing here does anything. With a server that is down the search goes on by words.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from threading import Lock

from django.conf import settings
from django.db import DatabaseError

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.core.db import in_db
from tertulia.core.errors import Problem
from tertulia.providers.embeddings import Embedder, Vector
from tertulia.providers.errors import ProviderError
from tertulia.quotes import vectors

logger = logging.getLogger(__name__)

# A question is judged by its beginning, as by words.
LONGEST_QUESTION = 2_000
# An answer waits this long for the meaning of its question, and not at all for a while after that was in vain.
PATIENCE = 1.0
PAUSE_AFTER_FAULT = 30.0
# Questions whose vectors are kept: those of the turns under way, and what is asked for anew.
_KEPT = 512
# Lines that one request embeds, how long it may take, and how often is looked whether there are any.
BATCH = 64
BATCH_SECONDS = 60.0
LOOK_SECONDS = 10.0


class Meaning:
    """The embedding model of this instance, with the vectors of the questions that were asked lately."""

    def __init__(self, embedder: Embedder) -> None:
        self.model = embedder.model
        self._embedder = embedder
        self._lock = Lock()
        self._questions: OrderedDict[str, Vector] = OrderedDict()
        self._resting_until = 0.0
        self._is_alone = False

    async def prepare(self, question: str) -> None:
        """Have the vector of a question at hand for `known`, if it can be had soon."""
        asked = question[:LONGEST_QUESTION]
        if not asked.strip() or self.known(question) or time.monotonic() < self._resting_until:
            return
        try:
            (vector,) = await self._embedder.embed([asked], seconds=PATIENCE)
        except ProviderError as error:
            logger.warning("embeddings: %s; searching by words alone", error.slug)
            self._resting_until = time.monotonic() + PAUSE_AFTER_FAULT
            return
        with self._lock:
            self._questions[asked] = vector
            while len(self._questions) > _KEPT:
                self._questions.popitem(last=False)

    def known(self, question: str) -> Vector | None:
        """The vector of a question that was prepared lately; for the thread that searches."""
        with self._lock:
            return self._questions.get(question[:LONGEST_QUESTION])

    async def embed_applied(self) -> int:
        """Embed a batch of applied lines that have no vector yet; how many that were. Raises ProviderError.

        The server is asked between two units of work, never inside one.
        """
        if not self._is_alone:
            await in_db(vectors.forget_other_models, self.model)
            self._is_alone = True
        lines = await in_db(vectors.unembedded, self.model, BATCH)
        if lines:
            found = await self._embedder.embed([line.text for line in lines], seconds=BATCH_SECONDS)
            by_id = {line.quote_id: vector for line, vector in zip(lines, found, strict=True)}
            await in_db(vectors.store, self.model, by_id)
        return len(lines)

    async def close(self) -> None:
        await self._embedder.close()


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
