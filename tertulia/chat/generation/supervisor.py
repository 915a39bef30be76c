"""Owns the runs of this process: their tasks, the storing of their logs, stop, heartbeat, reaping, drain.

One per process, started by the ASGI lifespan. Views call `begin` and `stop`; `tail` asks for live logs.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, connection

from tertulia.chat.generation import extraction, log
from tertulia.chat.generation.events import End
from tertulia.chat.generation.live import LiveLog
from tertulia.chat.generation.log import Outcome
from tertulia.chat.generation.models import catalogue, looked_up
from tertulia.chat.generation.runner import Plan, Runner
from tertulia.chat.generation.start import Started, start_memory
from tertulia.chat.generation.wakeups import wakeups
from tertulia.core.db import in_db, in_db_first

logger = logging.getLogger(__name__)

# Five commits a second whatever the number of runs; a crash loses at most this much text and the write under way.
STORE_INTERVAL = 0.2
# Of a burst of starts so many are worked on at a time: more would only take the interpreter from the streams that have
# begun (200 at once: token lag p99 15 ms instead of 65). On SQLite they would wait for its one writer anyway.
STARTS_AT_ONCE = 2
STARTS_AT_ONCE_ON_SQLITE = 1
# Each worker beats, and looks at the others, this often; one whose beat is the same at so many looks is taken for dead.
# Looks and not seconds: whoever slept, for want of a processor or as one machine with the other, lets it speak first.
BEAT_INTERVAL = 1.0
STALE_LOOKS = 6
# Readers are woken this often to see whether a heartbeat is due.
HEARTBEAT_TICKS = 5
# How often a failed write of an answer's end is tried again while the database is away.
RETRY_INTERVAL = 0.5
# How often a process that is to end looks whether its last run has.
DRAIN_TICK = 0.05
# How often a process looks for conversations that have paused.
MEMORY_INTERVAL = 1.0


@dataclass(slots=True)
class _Run:
    """A live run. `reading` may be cancelled (Stop), the task around it never: it stores the end."""

    log: LiveLog
    runner: Runner
    reading: asyncio.Task[Outcome]
    task: asyncio.Task[None] | None = None
    stopped_as: str = "stopped"
    lost: bool = False

    def outcome(self) -> Outcome:
        if self.reading.cancelled():
            return self.runner.outcome(self.stopped_as)
        return self.reading.result()


@dataclass(slots=True)
class _Seen:
    """A beat of another worker, and at how many looks in a row."""

    beat: int
    looks: int = 0


class Supervisor:
    """The runs of one process and the loops that keep them. All methods belong to one event loop."""

    def __init__(self) -> None:
        self.worker_id = uuid4()
        self.draining = False
        self._runs: dict[UUID, _Run] = {}
        self._starting = 0
        self._has_launched = False
        self._loops: list[asyncio.Task[None]] = []
        self._storing = asyncio.Lock()
        self._admission = asyncio.Semaphore(
            STARTS_AT_ONCE_ON_SQLITE if connection.vendor == "sqlite" else STARTS_AT_ONCE
        )
        self._dirty = asyncio.Event()
        self._seen: dict[UUID, _Seen] = {}
        self._orphans: set[UUID] = set()
        # Told of every end: what counts them stands above this layer.
        self.observers: list[Callable[[End], None]] = []

    # --- Life of the process ------------------------------------------------------------------------------------

    async def open(self, *, remembers: bool = True) -> None:
        """Register this process and begin to watch; the database must be migrated.

        A process that soon ends does not begin to look conversations through (`remembers`).
        """
        await in_db_first(log.register, self.worker_id)
        self._loops = [
            asyncio.create_task(self._forever(self._store_loop), name="store"),
            asyncio.create_task(self._forever(self._watch_loop), name="watch"),
        ]
        if remembers:
            self._loops.append(asyncio.create_task(self._forever(self._memory_loop), name="memory"))

    async def drain(self, seconds: float) -> None:
        """Let live runs end by themselves for so long, then end the rest as interrupted, their text stored.

        Runs that begin meanwhile are runs like the others: whoever sent them here has not yet heard of the end.
        """
        self.draining = True
        deadline = time.monotonic() + seconds
        while self._runs or (self._starting and time.monotonic() < deadline):
            if time.monotonic() >= deadline:
                self._interrupt()
            await asyncio.sleep(DRAIN_TICK)

    def _interrupt(self) -> None:
        for generation_id, run in list(self._runs.items()):
            # A second time would break off what the first one has begun to end.
            if not run.reading.cancelling():
                self.stop(generation_id, "interrupted")

    async def close(self) -> None:
        """End everything and forget this process."""
        await self.drain(0)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        with contextlib.suppress(DatabaseError):
            await in_db_first(log.retire, self.worker_id)

    # --- What views call ----------------------------------------------------------------------------------------

    async def begin(self, unit: Callable[[], Started]) -> Started:
        """Run a unit of work that calls `start_generation` and launch what it started.

        Shielded: a client that goes away between the commit and the launch must not leave a run that nobody runs.
        """
        beginning = asyncio.ensure_future(self._begin(unit))
        # Taken note of here: when the client has gone, nobody else asks how it ended.
        beginning.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(beginning)

    async def _begin(self, unit: Callable[[], Started]) -> Started:
        self._starting += 1
        try:
            started = await looked_up(partial(self._admitted, unit))
            if started.plan:
                self.launch(started.plan)
            return started
        finally:
            self._starting -= 1

    async def _admitted(self, unit: Callable[[], Started]) -> Started:
        async with self._admission:
            return await in_db(unit)

    def launch(self, plan: Plan) -> None:
        """Run a committed plan in a task of its own, which no client's disconnect touches."""
        live = LiveLog(plan.generation_id)
        runner = Runner(plan, live)
        run = _Run(live, runner, asyncio.create_task(runner.run()))
        self._runs[plan.generation_id] = run
        run.task = asyncio.create_task(self._supervise(plan.generation_id, run))
        self._has_launched = True
        self._dirty.set()

    def live_log(self, generation_id: UUID) -> LiveLog | None:
        """The log of a run that this process owns."""
        run = self._runs.get(generation_id)
        return run.log if run else None

    def stop(self, generation_id: UUID, status: str = "stopped") -> bool:
        """Cancel a run of this process; whether it was one. Its end is stored before readers see it."""
        run = self._runs.get(generation_id)
        if run is None:
            return False
        run.stopped_as = status
        run.reading.cancel()
        return True

    # --- One run ------------------------------------------------------------------------------------------------

    async def _supervise(self, generation_id: UUID, run: _Run) -> None:
        await asyncio.wait({run.reading})
        end = await self._stored_end(generation_id, run) or await self._foreign_end(generation_id)
        del self._runs[generation_id]
        run.log.close(end)
        wakeups().announce([generation_id])
        for observer in self.observers:
            observer(end)

    async def _stored_end(self, generation_id: UUID, run: _Run) -> End | None:
        """Store the end, however long the database is away; None when the run is no longer ours."""
        while not run.lost:
            try:
                async with self._storing:
                    return await in_db_first(log.finish, generation_id, run.outcome(), run.log.unstored())
            except DatabaseError:
                logger.exception("generation %s: its end cannot be stored yet", generation_id)
                await asyncio.sleep(RETRY_INTERVAL)
        return None

    async def _foreign_end(self, generation_id: UUID) -> End:
        """The end that somebody else gave the run, or that of a deleted one."""
        try:
            snapshot = await in_db_first(log.read, generation_id, 0)
        except DatabaseError:
            return End("interrupted", "", None, 0, "storage")
        return snapshot.end if snapshot and snapshot.end else End("stopped", "", None, 0, "deleted")

    # --- Loops --------------------------------------------------------------------------------------------------

    async def _forever(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await loop()
            except Exception:
                # The database may be away for a while; runs go on in memory and are stored when it returns.
                logger.exception("supervisor: %s failed", loop.__name__)
                await asyncio.sleep(RETRY_INTERVAL)

    async def _store_loop(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(STORE_INTERVAL)
            if not self._runs:
                self._dirty.clear()
                continue
            async with self._storing:
                await self._store()

    async def _store(self) -> None:
        batches = {id: pieces for id, run in self._runs.items() if (pieces := run.log.unstored())}
        if not batches:
            return
        lost = await in_db_first(log.append, batches)
        wakeups().announce(batches)
        for generation_id, pieces in batches.items():
            if run := self._runs.get(generation_id):
                run.log.mark_stored(len(pieces))
                if generation_id in lost:
                    self._abandon(run)

    def _abandon(self, run: _Run) -> None:
        """Somebody else ended or deleted the run: nothing of ours may be written any more."""
        run.lost = True
        run.reading.cancel()

    async def _watch_loop(self) -> None:
        for tick in itertools.count():
            await asyncio.sleep(BEAT_INTERVAL)
            before = set(self._runs)
            # Also for runs that came and went since: another process may have seen one at each of its looks.
            is_alive, self._has_launched = bool(before) or self._has_launched, False
            if is_alive:
                await in_db_first(log.beat, self.worker_id)
            await self._act_on(await in_db_first(log.watch, self.worker_id), before)
            if tick % HEARTBEAT_TICKS == 0:
                self._wake_readers()

    async def _act_on(self, watch: log.Watch, before: set[UUID]) -> None:
        for generation_id in watch.to_stop:
            self.stop(generation_id)
        for generation_id in (before & self._runs.keys()) - watch.ours:
            self._abandon(self._runs[generation_id])
        await self._reap_orphans(watch.ours - self._runs.keys())
        await self._reap_dead(watch.beats)

    async def _memory_loop(self) -> None:
        while True:
            await asyncio.sleep(MEMORY_INTERVAL)
            if not self.draining:
                await self._begin_memories()

    async def _begin_memories(self) -> None:
        due = await in_db(extraction.due)
        if not due:
            return
        resolved = await catalogue().resolve()
        for each in due:
            if self.draining:  # it stays due, for whoever comes after
                return
            async with self._admission:
                plan = await in_db(start_memory, each, resolved, self.worker_id)
            if plan:
                self.launch(plan)

    def _wake_readers(self) -> None:
        for run in self._runs.values():
            run.log.wake()

    async def _reap_orphans(self, candidates: set[UUID]) -> None:
        """Runs of ours that no task works on (two looks in a row): a start whose launch never came."""
        for generation_id in candidates & self._orphans:
            await in_db_first(log.interrupt, generation_id)
        self._orphans = candidates

    async def _reap_dead(self, beats: dict[UUID, int]) -> None:
        self._seen = {
            worker: seen if (seen := self._seen.get(worker)) and seen.beat == beat else _Seen(beat)
            for worker, beat in beats.items()
        }
        for worker, seen in self._seen.items():
            seen.looks += 1
            if seen.looks >= STALE_LOOKS:
                count = await in_db_first(log.reap, worker)
                logger.warning("worker %s is gone: %d of its runs ended as interrupted", worker, count)


@cache
def supervisor() -> Supervisor:
    """This process's supervisor."""
    return Supervisor()
