"""Reading a run from any position, in any process, live or long ended. Every reader comes through here.

A run of this process wakes its readers; for a run of another process the reader polls past its position. An open
reader holds no database connection while it waits. A reader who came over a login brings its permit, and gets nothing
more once the login has ended.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from uuid import UUID

from tertulia.accounts.watching import Permit
from tertulia.chat.generation import events, log
from tertulia.chat.generation.events import End, Ids, Piece
from tertulia.chat.generation.live import LiveLog
from tertulia.chat.generation.supervisor import Supervisor, supervisor
from tertulia.chat.generation.wakeups import wakeups
from tertulia.core.db import in_db
from tertulia.core.errors import NotFound, Unauthenticated

# A stream that had nothing to say for so long gets a comment; with the wake-ups' spacing that is at most 15 s.
IDLE = 10.0
# At most about 40 writes a second per reader in the long run, but a few at once after a pause: below that rate
# joining deltas saves nothing and only delays them.
RATE = 40.0
BURST = 6.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What a reader gets at a time: new pieces, perhaps the end. Both empty: a heartbeat is due."""

    pieces: Sequence[Piece]
    end: End | None = None


class Tail:
    """One reader of one run. `position` is what it has seen; `next` waits for more and moves it on."""

    def __init__(
        self,
        generation_id: UUID,
        position: int = 0,
        permit: Permit | None = None,
        owner: Supervisor | None = None,
    ) -> None:
        """`owner` may have the run instead of this process's own supervisor."""
        self.generation_id = generation_id
        self.position = position
        self._live: LiveLog | None = (owner or supervisor()).live_log(generation_id)
        self._permit = permit
        if permit and self._live:
            permit.on_end = self._live.wake
        self._budget = BURST
        self._last = time.monotonic()

    async def next(self) -> Batch:
        """The next batch. After one with an end nothing follows.

        Raises NotFound when the run was deleted, Unauthenticated when the reader's login has ended.
        """
        batch = await (self._next_live(self._live) if self._live else self._next_stored())
        if batch.pieces:
            self.position = batch.pieces[-1].after
        return batch

    async def _next_live(self, live: LiveLog) -> Batch:
        if self._budget < 1.0:
            await asyncio.sleep((1.0 - self._budget) / RATE)
        while True:
            self._require_permit()
            pieces = live.beyond(self.position)
            if pieces or live.end:
                self._spend()
                return Batch(pieces, live.end)
            await live.more()
            if not live.end and live.position <= self.position and self._idle() >= IDLE:
                self._spend()
                return Batch(())

    def _require_permit(self) -> None:
        if self._permit:
            self._permit.require()

    def _idle(self) -> float:
        return time.monotonic() - self._last

    def _spend(self) -> None:
        """A token bucket: RATE writes a second, up to BURST of them saved."""
        now = time.monotonic()
        self._budget = min(BURST, self._budget + (now - self._last) * RATE) - 1.0
        self._last = now

    async def _next_stored(self) -> Batch:
        watch = wakeups().watch(self.generation_id)
        while True:
            self._require_permit()
            snapshot = await in_db(log.read, self.generation_id, self.position)
            if snapshot is None:
                raise NotFound
            if snapshot.pieces or snapshot.end:
                self._last = time.monotonic()
                return Batch(snapshot.pieces, snapshot.end)
            if self._idle() >= IDLE:
                self._last = time.monotonic()
                return Batch(())
            await watch.news()


async def ended(generation_id: UUID, permit: Permit | None = None) -> End:
    """Wait for the end of a run: a non-streaming answer is the same tail, folded. Raises as `Tail.next`."""
    tail = Tail(generation_id, permit=permit)
    while (batch := await tail.next()).end is None:
        pass
    return batch.end


async def event_stream(ids: Ids, position: int, permit: Permit) -> AsyncGenerator[bytes, None]:
    """The wire form of a run from `position` on, with comments as heartbeats; ends after the end event.

    Without one when the reader's login has ended: whoever comes again is told so by the gate.
    """
    if position < events.FIRST_POSITION:
        yield events.encode_start(ids)
        position = events.FIRST_POSITION
    tail = Tail(ids.generation, position, permit)
    while True:
        try:
            batch = await tail.next()
        except NotFound:
            yield events.encode_end(tail.position, End("stopped", "", None, 0, "deleted"))
            return
        except Unauthenticated:
            return
        yield _encoded(batch, tail.position)
        if batch.end:
            return


def _encoded(batch: Batch, position: int) -> bytes:
    frames = [events.encode_piece(piece) for piece in events.merged(batch.pieces)]
    if batch.end:
        frames.append(events.encode_end(position, batch.end))
    return b"".join(frames) or b": still here\n\n"
