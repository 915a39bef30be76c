"""F13: half an hour of streams that come and go, and nothing that grows: memory, handles, connections, rows.

Played by the programme through `items`, at night only.
"""

import asyncio
import contextlib
import itertools
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.acceptance.clients import Client, Conversation, make_key
from tests.acceptance.figures import Outcome
from tests.acceptance.items.crash import unbalanced
from tests.acceptance.stage import Server, Stage, World, scripted
from tests.acceptance.streams import Refused, Trace
from tests.acceptance.waiting import until

MINUTES = 30.0
# Caches, pools and the database's own pages have filled by then.
WARM_MINUTES = 5.0
STREAMS = 50
PEOPLE = 10
SAMPLE_SECONDS = 5.0
MEGABYTES_A_MINUTE = 1.0
# A pool may take a connection more at its busiest moment, and a socket may be on its way out.
SPARE_HANDLES = STREAMS
SPARE_CONNECTIONS = 5
TOKENS, RATE = 120, 15

# What only lives as long as an answer is in the making.
_PASSING = {
    "runs": "SELECT count(*) FROM chat_generation WHERE status = 'running'",
    "answers": "SELECT count(*) FROM chat_message WHERE status = 'streaming'",
    "events": "SELECT count(*) FROM chat_generationevent",
}


@dataclass(slots=True)
class Sample:
    """One process at one moment."""

    minute: float
    megabytes: float
    handles: int


@dataclass(slots=True)
class Watch:
    """Samples of every process, and of the connections that the database counts."""

    world: World
    begun: float = field(default_factory=time.monotonic)
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    connections: list[tuple[float, int]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watch"]:
        task = asyncio.create_task(self._sample())
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            minute = (time.monotonic() - self.begun) / 60
            for number, server in enumerate(self.world.servers):
                taken = Sample(minute, server.resident_bytes() / 2**20, _handles(server))
                self.samples.setdefault(number, []).append(taken)
            if self.world.database.url:
                self.connections.append((minute, await asyncio.to_thread(_connections, self.world)))


def _handles(server: Server) -> int:
    return sum(1 for _ in Path(f"/proc/{server.pid}/fd").iterdir())


def _connections(world: World) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    return int(world.database.rows(query)[0][0]) - 1


@dataclass(slots=True)
class Reader:
    """Has an answer open all the time: most it reads to the end; some it leaves, takes up elsewhere, stops, deletes."""

    world: World
    key: str
    chance: random.Random
    ends_at: float
    answers: int = 0
    faults: list[str] = field(default_factory=list)

    async def read(self) -> None:
        ways = (self._whole, self._whole, self._resumed, self._stopped, self._deleted, self._looking)
        while time.monotonic() < self.ends_at:
            near, far = self._clients()
            try:
                await self.chance.choice(ways)(near, far)
            except (aiohttp.ClientError, Refused, RuntimeError, TimeoutError) as error:
                self.faults.append(repr(error)[:300])
            self.answers += 1

    def _clients(self) -> tuple[Client, Client]:
        servers = self.chance.sample(self.world.servers, 2)
        clients = [Client(self.world.session, server.url, self._headers()) for server in servers]
        return clients[0], clients[1]

    def _headers(self) -> dict[str, str]:
        """By key: an access token would expire on the way."""
        return {"Authorization": f"Bearer {self.key}"}

    def _content(self) -> str:
        return scripted(f"{self.chance.random()}", tokens=self.chance.randrange(TOKENS) + 1, rate=RATE)

    async def _whole(self, near: Client, far: Client) -> None:
        trace = Trace()
        await (await Conversation.begin(near)).stream(self._content(), trace)
        self._note(trace, "complete")

    async def _resumed(self, near: Client, far: Client) -> None:
        """A reader who loses the connection and comes back at the other process."""
        trace = Trace()
        conversation = await Conversation.begin(near)
        async with _reading(conversation, self._content(), trace):
            await trace.until_started()
            await asyncio.sleep(self.chance.uniform(0, 3))
        if trace.end is None and trace.start is not None:
            path = f"/api/generations/{trace.start['generation']}/events"
            async with far.open("GET", path, headers={"Last-Event-ID": str(trace.position)}) as response:
                await trace.read(response)
        self._note(trace, "complete")

    async def _stopped(self, near: Client, far: Client) -> None:
        trace = Trace()
        conversation = await Conversation.begin(near)
        reading = asyncio.create_task(conversation.stream(self._content(), trace))
        ids = await trace.until_started()
        await asyncio.sleep(self.chance.uniform(0, 3))
        await far.post(f"/api/generations/{ids['generation']}/stop")
        await reading
        self._note(trace, "complete", "stopped")

    async def _deleted(self, near: Client, far: Client) -> None:
        """The conversation goes while its answer is in the making; how its reader is told does not matter here."""
        trace = Trace()
        conversation = await Conversation.begin(near)
        async with _reading(conversation, self._content(), trace):
            await trace.until_started()
            await asyncio.sleep(self.chance.uniform(0, 3))
            await far.delete(f"/api/conversations/{conversation.id}")

    async def _looking(self, near: Client, far: Client) -> None:
        """What a page asks for beside it."""
        reading = asyncio.create_task(self._whole(near, far))
        for path in ("/api/usage", "/api/conversations", "/chat", "/accounts/profile", "/readyz"):
            answer = await far.get(path)
            if answer.status != 200:
                self.faults.append(f"{path}: {answer}")
        await reading

    def _note(self, trace: Trace, *allowed: str) -> None:
        status = (trace.end or {}).get("status")
        self.faults += trace.faults if status in allowed else [f"ended as {status}", *trace.faults]


@asynccontextmanager
async def _reading(conversation: Conversation, content: str, trace: Trace) -> AsyncIterator[None]:
    """A stream that is read until the block ends; then its reader is gone."""
    task = asyncio.create_task(conversation.stream(content, trace))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError, Refused):
        await task


async def endurance(stage: Stage) -> Outcome:
    """50 readers on two processes, each always with an answer; everything is looked at every five seconds."""
    minutes = stage.minutes or MINUTES
    async with stage.world(servers=2) as world:
        keys = [await make_key((await world.join()).at(world.servers[0].url)) for _ in range(PEOPLE)]
        ends_at = time.monotonic() + minutes * 60
        readers = [
            Reader(world, keys[number % PEOPLE], random.Random(stage.random.random()), ends_at)
            for number in range(STREAMS)
        ]
        async with Watch(world).running() as watch:
            await asyncio.gather(*(reader.read() for reader in readers))
        outcome = Outcome()
        outcome.note("minutes", minutes)
        outcome.at_least("answers", sum(reader.answers for reader in readers), STREAMS * minutes)
        outcome.none_of("faults", [fault for reader in readers for fault in reader.faults])
        _judge(outcome, watch, min(WARM_MINUTES, minutes / 2))
        outcome.none_of("rows_left_behind", await _left_behind(world))
        outcome.none_of("ledger_differs_from_counter", unbalanced(world))
        outcome.none_of("complaints_in_logs", world.complaints())
        return outcome


def _judge(outcome: Outcome, watch: Watch, warm: float) -> None:
    """The later half against the earlier one for what is counted, a slope for what is measured."""
    for number, samples in watch.samples.items():
        later = [sample for sample in samples if sample.minute > warm]
        slope = _slope([(sample.minute, sample.megabytes) for sample in later])
        outcome.note(f"process {number}: megabytes", [round(each) for each in _by_minute(samples)])
        outcome.at_most(f"process {number}: megabytes a minute", slope, MEGABYTES_A_MINUTE)
        outcome.at_most(
            f"process {number}: more handles", _more([each.handles for each in later]), SPARE_HANDLES
        )
    if watch.connections:
        later_counts = [count for minute, count in watch.connections if minute > warm]
        outcome.note("most_connections", max(later_counts))
        outcome.at_most("more connections", _more(later_counts), SPARE_CONNECTIONS)


def _by_minute(samples: list[Sample]) -> list[float]:
    """The median of each minute."""
    minutes = itertools.groupby(samples, key=lambda sample: int(sample.minute))
    return [statistics.median(sample.megabytes for sample in group) for _, group in minutes]


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line through these points, by least squares."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _more(counts: list[int]) -> int:
    """By how much the most of the later half exceeds the most of the earlier one."""
    middle = len(counts) // 2
    return max(counts[middle:]) - max(counts[:middle])


async def _left_behind(world: World) -> list[str]:
    """Rows of answers in the making that stay when none is made any more."""

    async def nothing() -> bool:
        return not _rows(world)

    with contextlib.suppress(TimeoutError):
        await until(nothing, 30, pause=0.5)
    return _rows(world)


def _rows(world: World) -> list[str]:
    counts = {name: world.database.rows(query)[0][0] for name, query in _PASSING.items()}
    return [f"{count} {name}" for name, count in counts.items() if count]
