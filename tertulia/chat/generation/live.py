"""The log of a run while its process holds it in memory; runner writes it, supervisor stores it, tail reads it.

Readers get every delta at once from here; the database gets merged batches a little later. Nothing is kept per
reader: a slow one falls behind in a list that exists anyway.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from uuid import UUID

from tertulia.chat.generation.events import FIRST_POSITION, End, Piece


class LiveLog:
    """Pieces of one live run, the part of them that is stored, and the readers who wait for more."""

    __slots__ = ("_ends", "_stored", "_waiters", "end", "generation_id", "pieces", "position")

    def __init__(self, generation_id: UUID) -> None:
        self.generation_id = generation_id
        self.pieces: list[Piece] = []
        self.position = FIRST_POSITION
        self.end: End | None = None
        # Plain numbers beside the pieces: readers look their place up for every token.
        self._ends: list[int] = []
        self._stored = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def append(self, kind: str, payload: str) -> None:
        """Add an event and wake every reader."""
        piece = Piece(self.position, kind, payload)
        self.pieces.append(piece)
        self.position = piece.after
        self._ends.append(self.position)
        self.wake()

    def close(self, end: End) -> None:
        """The run has ended and its end is stored."""
        self.end = end
        self.wake()

    def beyond(self, position: int) -> Sequence[Piece]:
        """The pieces after `position`, the first one cut to begin there."""
        if position >= self.position or not self.pieces:
            return ()
        index = bisect_right(self._ends, position)
        first = self.pieces[index].beyond(position)
        return [first, *self.pieces[index + 1 :]]

    def unstored(self) -> list[Piece]:
        """What the database does not have yet."""
        return self.pieces[self._stored :]

    def mark_stored(self, count: int) -> None:
        """`count` more pieces are in the database."""
        self._stored += count

    async def more(self) -> None:
        """Wait until something was added, the run ended, or somebody calls `wake`."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def wake(self) -> None:
        """Let every waiting reader look again."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
