"""F7, F11: what operators do and what happens to them: databases restart, processes are replaced.

Played by the programme through `items`.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.acceptance.clients import Answer, Client, Conversation, Person
from tests.acceptance.databases import Cluster
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Server, Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import seconds_until

# The documented time that live answers get after SIGTERM, and what may pass until the process is gone.
DRAIN_SECONDS = 20.0
GRACE_SECONDS = 5.0


# --- F11: rolling replacement ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Balancer:
    """What a load balancer does: asks for readiness four times a second and sends elsewhere when there is none."""

    world: World
    person: Person
    ready: list[Server] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    served: int = 0

    @asynccontextmanager
    async def running(self, rate: float) -> AsyncIterator["Balancer"]:
        """Plain requests at this rate, until left; every one must succeed."""
        await self._look()
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._send(rate))]
        yield self
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(0.25)

    async def _look(self) -> None:
        servers = tuple(self.world.servers)  # more may start while these are asked
        states = await asyncio.gather(*(self._is_ready(server) for server in servers))
        self.ready = [server for server, state in zip(servers, states, strict=True) if state]

    async def _is_ready(self, server: Server) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            return (await Client(self.world.session, server.url).get("/readyz")).status == 200
        return False

    async def _send(self, rate: float) -> None:
        async with asyncio.TaskGroup() as requests:
            for number in itertools.count():
                requests.create_task(self._request(number))
                await asyncio.sleep(1 / rate)

    async def _request(self, number: int) -> None:
        client = self.person.at(self.ready[number % len(self.ready)].url)
        try:
            if number % 10:
                answer = await client.get(("/api/usage", "/chat", "/accounts/profile")[number % 3])
            else:
                answer = await client.post("/chat", {"content": f"Request {number}."})
        except aiohttp.ClientError as error:
            answer = Answer(0, {}, repr(error).encode())
        self.served += 1
        if answer.status not in (200, 201):
            self.failed.append(f"request {number}: {answer}")


@dataclass(slots=True)
class Departure:
    """One process told to go: when readiness was withdrawn and when it was gone."""

    unready_seconds: float
    exit_seconds: float


async def rolling_replacement(stage: Stage) -> Outcome:
    """Two processes are replaced under 20 streams and 50 requests a second."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        person = await world.join()
        async with Balancer(world, person).running(rate=50) as balancer:
            short = [asyncio.create_task(_answer(person, world.servers[n % 2], 5, n)) for n in range(14)]
            long = [asyncio.create_task(_answer(person, world.servers[0], 45, n)) for n in range(6)]
            await asyncio.sleep(1)
            leaving = list(world.servers)
            departures = []
            for old in leaving:
                await world.start_server()
                departures.append(asyncio.create_task(_replace(world, old)))
            gone = await asyncio.gather(*departures)
            whole = await asyncio.gather(*short)
            cut = await asyncio.gather(*long)
        outcome.none_of("failed_plain_requests", balancer.failed)
        outcome.at_least("plain_requests", balancer.served, 500)
        outcome.at_most("unready_seconds", max(departure.unready_seconds for departure in gone), 1)
        outcome.at_most(
            "exit_seconds", max(departure.exit_seconds for departure in gone), DRAIN_SECONDS + GRACE_SECONDS
        )
        outcome.exactly("short_streams_unbroken", sum(_is_unbroken(trace) for trace in whole), len(whole))
        lost = await asyncio.gather(*(_lost(person.at(world.servers[-1].url), trace) for trace in cut))
        outcome.exactly("long_streams_with_all_their_text", lost.count(0), len(cut))
        outcome.none_of("faults", [fault for trace in [*whole, *cut] for fault in trace.faults])
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _answer(person: Person, server: Server, seconds: int, number: int) -> Trace:
    trace = Trace()
    conversation = await Conversation.begin(person.at(server.url))
    await conversation.stream(scripted(f"Stream {number}.", tokens=seconds * 20, rate=20), trace)
    return trace


async def _replace(world: World, old: Server) -> Departure:
    leaving = asyncio.create_task(old.ended_gracefully(DRAIN_SECONDS + 4 * GRACE_SECONDS))
    unready = await seconds_until(lambda: _is_unready(world, old), 5, pause=0.02)
    return Departure(unready, await leaving)


async def _is_unready(world: World, server: Server) -> bool:
    try:
        return (await Client(world.session, server.url).get("/readyz")).status == 503
    except aiohttp.ClientError:
        return False


def _is_unbroken(trace: Trace) -> bool:
    return (trace.end or {}).get("status") == "complete"


async def _lost(client: Client, trace: Trace) -> int:
    """Code points in which a reader who comes back at another process differs from what is stored."""
    assert trace.start is not None
    if trace.end is None:
        path = f"/api/generations/{trace.start['generation']}/events"
        async with client.open("GET", path, headers={"Last-Event-ID": str(trace.position)}) as response:
            await trace.read(response)
    stored = (await client.get(f"/api/messages/{trace.start['answer']}")).json()["content"]
    return 0 if trace.text == stored and stored else len(trace.text) + 1


# --- F7: the database restarts --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Traffic:
    """Requests at a steady rate while something happens; `acknowledged` are the writes that were confirmed."""

    client: Client
    acknowledged: list[str] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    last_trouble: float = 0.0

    @asynccontextmanager
    async def running(self, rate: float) -> AsyncIterator["Traffic"]:
        sending = asyncio.create_task(self._send(rate))
        yield self
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending

    async def _send(self, rate: float) -> None:
        async with asyncio.TaskGroup() as requests:
            for number in itertools.count():
                requests.create_task(self._request(number))
                await asyncio.sleep(1 / rate)

    async def _request(self, number: int) -> None:
        try:
            if number % 2:
                answer = await self.client.get("/api/usage")
            else:
                answer = await self.client.post("/chat", {"content": f"Write number {number}."})
        except aiohttp.ClientError as error:
            answer = Answer(0, {}, repr(error).encode())
        if answer.status == 201:
            self.acknowledged.append(answer.json()["id"])
        elif answer.status != 200:
            self._note_trouble(answer)

    def _note_trouble(self, answer: Answer) -> None:
        self.last_trouble = time.monotonic()
        self.refused.append(answer)
        if answer.status != 503 or not answer.headers.get("Retry-After", "").isdigit():
            self.wrong.append(str(answer))


async def database_restarts(stage: Stage) -> Outcome:
    """PostgreSQL restarts, first fast, then immediately, under 20 requests a second and an open answer."""
    outcome = Outcome()
    cluster = await asyncio.to_thread(Cluster)
    async with stage.world(cluster=cluster) as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        recovered, trace = [], Trace()
        conversation = await Conversation.begin(client)
        answering = asyncio.create_task(
            conversation.stream(scripted("Through it all.", tokens=300, rate=15), trace)
        )
        async with Traffic(client).running(rate=20) as traffic:
            await asyncio.sleep(2)
            for mode in ("fast", "immediate"):
                await asyncio.to_thread(cluster.control, "restart", "-m", mode)
                returned = time.monotonic()
                await asyncio.sleep(6)
                recovered.append(max(0.0, traffic.last_trouble - returned))
        await answering
        lost = [id for id in traffic.acknowledged if (await client.get(f"/chat/{id}")).status != 200]
        outcome.at_least("acknowledged_writes", len(traffic.acknowledged), 50)
        outcome.none_of("acknowledged_writes_lost", lost)
        outcome.none_of("answers_other_than_503_with_retry_after", traffic.wrong)
        outcome.at_most("normal_again_seconds", max(recovered), 10)
        stored = (await conversation.message(trace.start["answer"]))["content"] if trace.start else ""
        outcome.exactly(
            "open_answer_complete", bool(stored) and trace.text == stored and _is_unbroken(trace), True
        )
        outcome.none_of("faults", trace.faults)
        outcome.note("refused", len(traffic.refused))
    cluster.close()
    return outcome
