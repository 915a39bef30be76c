"""News of runs for readers in other processes: by Redis where REDIS_URL names one, else by looking again and again.

Only ever an accelerator: what a reader gets comes from the run log. A message that is lost, or Redis away, restarted
or flushed, costs a reader at most `RELAXED_INTERVAL`. The supervisor announces, `tail` waits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakSet

from django.conf import settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger(__name__)

# Without news a reader of another process's run looks four times a second.
POLL_INTERVAL = 0.25
# With news it looks only in case a message was lost.
RELAXED_INTERVAL = 2.0
# After a fault of Redis, and between two announcements: what comes meanwhile goes out with the next.
RETRY_INTERVAL = 1.0
_CHANNEL = "tertulia:runs"


class Watch:
    """One reader's interest in one run. What was announced since the last `news` is not missed."""

    def __init__(self, wakeups: "Wakeups", generation_id: UUID) -> None:
        self.generation_id = generation_id
        self.announced = asyncio.Event()
        self._wakeups = wakeups

    async def news(self) -> None:
        """Wait until there may be more to read."""
        try:
            await asyncio.wait_for(self.announced.wait(), self._wakeups.interval)
        except TimeoutError:
            return
        self.announced.clear()


class Wakeups:
    """This process's side of the news. Without an address it only says how often to look."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._watches: WeakSet[Watch] = WeakSet()
        self._unsent: set[UUID] = set()
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = False

    @property
    def interval(self) -> float:
        return RELAXED_INTERVAL if self._connected else POLL_INTERVAL

    def watch(self, generation_id: UUID) -> Watch:
        """Forgotten with the reader that holds it."""
        watch = Watch(self, generation_id)
        self._watches.add(watch)
        return watch

    def announce(self, generation_ids: Iterable[UUID]) -> None:
        """Say that the log of these runs has grown. Never waits, never fails."""
        if self._tasks:
            self._unsent.update(generation_ids)
            self._due.set()

    async def open(self) -> None:
        """Begin to listen and to announce; an absent Redis is waited for without end."""
        if self._url:
            from redis.asyncio import Redis  # noqa: PLC0415  (20 MB that an instance without Redis does not need)

            client = Redis.from_url(self._url, socket_connect_timeout=2)
            self._tasks = [
                asyncio.create_task(self._forever(client, self._listen), name="redis-listen"),
                asyncio.create_task(self._forever(client, self._publish), name="redis-publish"),
            ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _forever(self, client: "Redis", loop: "Callable[[Redis], Awaitable[None]]") -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415  (as above)

        while True:
            try:
                await loop(client)
            except (RedisError, OSError) as error:
                if self._connected:
                    logger.warning("redis is away (%s): readers look for themselves", type(error).__name__)
                self._connected = False
                await asyncio.sleep(RETRY_INTERVAL)

    async def _listen(self, client: "Redis") -> None:
        async with client.pubsub() as channel:
            await channel.subscribe(_CHANNEL)
            self._connected = True
            self._wake(None)  # whatever was announced before is lost
            async for message in channel.listen():
                if message["type"] == "message":
                    self._wake(message["data"].decode("ascii", "replace").split())

    async def _publish(self, client: "Redis") -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            sent = set(self._unsent)
            self._unsent.clear()
            await client.publish(_CHANNEL, " ".join(id.hex for id in sent))

    def _wake(self, names: Iterable[str] | None) -> None:
        """The readers of these runs; with None all of them."""
        chosen = None if names is None else set(names)
        for watch in list(self._watches):
            if chosen is None or watch.generation_id.hex in chosen:
                watch.announced.set()


@cache
def wakeups() -> Wakeups:
    """This process's news."""
    return Wakeups(settings.REDIS_URL)
