"""C6, C7, F12: many at once, and none of them felt by the others. Played by the programme through `items`.

No figure here compares speeds of machines: limits are so wide that only waiting for a lock, a connection or another
client can exceed them.
"""

import asyncio
import itertools
import random
import socket
import time
from dataclasses import dataclass, field

import aiohttp

from tests.acceptance.clients import Client, Conversation, Person
from tests.acceptance.databases import Cluster
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Refused, Trace

WRITERS = 50
READERS = 200
CONTENTION_SECONDS = 60
STREAMS = 300
STREAM_SECONDS = 18
MAX_CONNECTIONS = 30
SLOW_READERS = 100


@dataclass(slots=True)
class Timings:
    """Seconds of requests, and what went wrong with others."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def time(self, client: Client, method: str, path: str, json: object = None) -> None:
        begun = time.monotonic()
        try:
            answer = await client.request(method, path, json=json)
        except aiohttp.ClientError as error:
            self.faults.append(repr(error))
            return
        self.seconds.append(time.monotonic() - begun)
        if answer.status >= 400:
            self.faults.append(f"{method} {path}: {answer}")

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


async def sqlite_contention(stage: Stage) -> Outcome:
    """50 writers and 200 readers on two processes and one file, each pausing as people and programs do."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        person = await world.join()
        clients = [person.at(server.url) for server in world.servers]
        conversations = [await Conversation.begin(clients[n % 2]) for n in range(WRITERS)]
        writes, reads = Timings(), Timings()
        until = time.monotonic() + CONTENTION_SECONDS
        chance = random.Random(stage.random.random())
        await asyncio.gather(
            *(_write(clients[n % 2], conversations[n], until, chance, writes) for n in range(WRITERS)),
            *(
                _read(clients[n % 2], conversations[n % WRITERS], until, chance, reads)
                for n in range(READERS)
            ),
        )
        outcome.at_least("writes", len(writes.seconds), WRITERS)
        outcome.at_least("reads", len(reads.seconds), READERS)
        outcome.none_of("faults", writes.faults + reads.faults)
        outcome.at_most("write_p99_seconds", writes.percentile(0.99), 0.5)
        outcome.at_most("read_p99_seconds", reads.percentile(0.99), 0.5)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _write(
    client: Client, conversation: Conversation, until: float, chance: random.Random, timings: Timings
) -> None:
    for number in itertools.count():
        await asyncio.sleep(chance.uniform(0, 4))
        if time.monotonic() > until:
            return
        path = f"/api/conversations/{conversation.id}"
        await timings.time(client, "PATCH", path, {"title": f"Title number {number}"})


async def _read(
    client: Client, conversation: Conversation, until: float, chance: random.Random, timings: Timings
) -> None:
    for path in itertools.cycle((conversation.messages_path, "/api/conversations", "/api/usage", "/chat")):
        await asyncio.sleep(chance.uniform(0, 10))
        if time.monotonic() > until:
            return
        await timings.time(client, "GET", path)


async def many_streams(stage: Stage) -> Outcome:
    """300 open streams on two processes and a PostgreSQL with 30 connections: an open stream holds none."""
    outcome = Outcome()
    cluster = await asyncio.to_thread(Cluster, settings=[f"max_connections = {MAX_CONNECTIONS}"])
    async with stage.world(servers=2, cluster=cluster) as world:
        person = await world.join()
        clients = [person.at(server.url) for server in world.servers]
        traces = [Trace() for _ in range(STREAMS)]
        refused: list[str] = []
        content = scripted("One of many streams.", tokens=STREAM_SECONDS, rate=1)
        streams = [
            asyncio.create_task(_stream(clients[n % 2], content, traces[n], refused)) for n in range(STREAMS)
        ]
        await asyncio.gather(*(trace.until_text(60) for trace in traces))
        most = await _most_connections(world, seconds=5)
        plain = Timings()
        for number in range(60):
            await plain.time(
                clients[number % 2], "GET", ("/api/usage", "/chat", "/accounts/profile")[number % 3]
            )
        await asyncio.gather(*streams)
        outcome.exactly(
            "whole_answers", sum(len(trace.text.split()) == STREAM_SECONDS for trace in traces), STREAMS
        )
        outcome.none_of(
            "faults", refused + plain.faults + [fault for trace in traces for fault in trace.faults]
        )
        outcome.at_most("most_connections", most, MAX_CONNECTIONS - 3)
        outcome.at_most("plain_p95_seconds", plain.percentile(0.95), 0.3)
        outcome.none_of("complaints_in_logs", world.complaints())
    cluster.close()
    return outcome


async def _stream(client: Client, content: str, trace: Trace, refused: list[str]) -> None:
    try:
        await (await Conversation.begin(client)).stream(content, trace)
    except (Refused, RuntimeError, aiohttp.ClientError) as error:
        refused.append(repr(error))


async def _most_connections(world: World, *, seconds: int) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    seen = 0
    for _ in range(seconds * 2):
        seen = max(seen, int(world.database.rows(query)[0][0]) - 1)
        await asyncio.sleep(0.5)
    return seen


async def slow_readers(stage: Stage) -> Outcome:
    """100 readers that take one byte a second of a long answer: nothing is kept for them, nobody waits for them."""
    outcome = Outcome()
    async with stage.world(servers=1) as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        idle = await _plain_p95(client)
        before = world.servers[0].resident_bytes()
        content = scripted(
            "A long answer.", text="A sentence that is repeated many times over. ", tokens=20_000, rate=2000
        )
        trace = Trace()
        writing = asyncio.create_task((await Conversation.begin(client)).stream(content, trace))
        ids = await trace.until_started()
        readers = [
            asyncio.create_task(_trickle(person, world, ids["generation"])) for _ in range(SLOW_READERS)
        ]
        await asyncio.sleep(4)
        busy = await _plain_p95(client)
        await writing
        outcome.exactly("answer_ended", (trace.end or {}).get("status"), "complete")
        outcome.none_of("faults", trace.faults)
        grown = world.servers[0].resident_bytes() - before
        outcome.at_most("grown_megabytes", grown / 2**20, 64)
        outcome.note("idle_p95_seconds", idle)
        outcome.note("busy_p95_seconds", busy)
        after = await _plain_p95(client)
        outcome.at_most("p95_with_slow_readers_seconds", after, max(2 * idle, 0.05))
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _plain_p95(client: Client) -> float:
    """Of the quietest of three series: what else the machine does only ever adds to a time."""
    series = [Timings() for _ in range(3)]
    for timings in series:
        for _ in range(40):
            await timings.time(client, "GET", "/api/usage")
    return min(timings.percentile(0.95) for timings in series)


async def _trickle(person: Person, world: World, generation: str) -> None:
    """A raw socket with the smallest buffer, so that what it does not read stays with the server."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    host, _, port = world.servers[0].url.removeprefix("http://").partition(":")
    with raw:
        await loop.sock_connect(raw, (host, int(port)))
        request = (
            f"GET /api/generations/{generation}/events HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {person.access}\r\nAccept: text/event-stream\r\n\r\n"
        )
        await loop.sock_sendall(raw, request.encode())
        while True:
            await loop.sock_recv(raw, 1)
            await asyncio.sleep(1)
