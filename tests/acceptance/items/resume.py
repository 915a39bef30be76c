"""F3: connections cut at random bytes and resumed with Last-Event-ID. Played by the programme through `items`."""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import aiohttp

from tests.acceptance.clients import Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.proxy import Fault, FaultProxy
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import until

# Several at a time: what matters is where each is cut, not that it is alone.
AT_ONCE = 5
DROPS = 100
WAYS = ("the same process", "the other process", "after the end")

# One, two, three and four bytes of UTF-8, a joined emoji and a combining mark: a cut falls inside all of them.
TEXT = "Rosa says: ¿por qué? 비가 온다고 했잖아요. 雨が降る。 👩‍👩‍👧 e\u0301 Привет 🌧 "
TOKENS = 90
RATE = 150


@dataclass(slots=True)
class Drop:
    """One answer, cut at least once: what its reader put together, and what is stored."""

    way: str
    after: int
    trace: Trace
    stored: str
    connections: int

    def faults(self) -> list[str]:
        found = [f"{self.way}, cut after {self.after} bytes: {fault}" for fault in self.trace.faults]
        end = self.trace.end
        if end is None or end["status"] != "complete" or end["length"] != len(self.stored):
            found.append(f"{self.way}: the end is {end}, stored are {len(self.stored)}")
        if self.trace.text != self.stored:
            found.append(f"{self.way}, cut after {self.after} bytes: joined text is not the stored one")
        return found


async def dropped_connections(stage: Stage) -> Outcome:
    """Two processes of one node."""
    async with stage.world(servers=2) as world:
        outcome = Outcome()
        await play(stage, world, outcome, DROPS)
        outcome.none_of("complaints_in_logs", world.complaints())
        return outcome


async def play(stage: Stage, world: World, outcome: Outcome, drops: int) -> None:
    """On a world of two processes, the first one behind the proxy; every way of coming back in turn."""
    person = await world.join()
    whole = await _length_of_an_answer(world, person)
    slots = asyncio.Semaphore(AT_ONCE)
    chances = [random.Random(stage.random.random()) for _ in range(drops)]
    done = await asyncio.gather(
        *(_drop(world, person, slots, chance, n, whole) for n, chance in enumerate(chances))
    )
    _tell(outcome, done, drops)
    outcome.none_of("foreign_differs_from_unknown", await _foreign(world, done[0].trace))


async def _length_of_an_answer(world: World, person: Person) -> int:
    trace = Trace()
    conversation = await Conversation.begin(person.at(world.servers[0].url))
    await conversation.stream(_content(0), trace)
    return trace.bytes_seen


def _content(number: int) -> str:
    return scripted(f"Drop number {number}.", text=TEXT, tokens=TOKENS, rate=RATE)


async def _drop(
    world: World, person: Person, slots: asyncio.Semaphore, chance: random.Random, number: int, whole: int
) -> Drop:
    way = WAYS[number % len(WAYS)]
    # Headers count among the bytes: a few hundred of them, and a cut after the last byte is one too.
    after = chance.randrange(400, whole)
    async with slots, FaultProxy(world.servers[0].url) as proxy:
        proxy.fault = Fault(after=after)
        trace = Trace()
        conversation = await Conversation.begin(person.at(world.servers[0].url))
        cut = Conversation(person.at(proxy.url), conversation.id)
        while trace.start is None:
            # Cut before the run's name came: a client repeats the request under its key and gets the same run.
            await _send_once(cut, number, trace)
            proxy.fault = Fault(after=(proxy.fault.after or 0) + whole // 4)
        generation = trace.start["generation"]
        connections = 1
        while trace.end is None:
            connections += 1
            back = await _come_back(world, person, way, conversation, trace)
            await _read_on(back, generation, trace)
        stored = await conversation.message(trace.start["answer"])
        return Drop(way, after, trace, stored["content"], connections)


async def _send_once(conversation: Conversation, number: int, trace: Trace) -> None:
    client = conversation.client.with_headers(Idempotency_Key=f"drop-{number}")
    with contextlib.suppress(aiohttp.ClientError, OSError):  # a cut inside the headers
        await Conversation(client, conversation.id).stream(_content(number), trace)


async def _come_back(
    world: World, person: Person, way: str, conversation: Conversation, trace: Trace
) -> Client:
    """The server at which the reader resumes, once the moment for it has come."""
    if way == "after the end":
        assert trace.start is not None
        answer_id = trace.start["answer"]

        async def ended() -> bool:
            message = await conversation.message(answer_id)
            return bool(message["status"] != "streaming")

        await until(ended, 20)
    return person.at(world.servers[1 if way == "the other process" else 0].url)


async def _read_on(client: Client, generation: str, trace: Trace) -> None:
    headers = {"Last-Event-ID": str(trace.position)}
    async with client.open("GET", f"/api/generations/{generation}/events", headers=headers) as response:
        await trace.read(response)


async def _foreign(world: World, trace: Trace) -> list[str]:
    """Somebody else's run answers exactly like one that never was, on every route that names a run."""
    assert trace.start is not None
    bob = (await world.join("bob")).at(world.servers[0].url)
    theirs, unknown = trace.start["generation"], "01939f00-0000-7000-8000-000000000000"
    differences = []
    for method, path in (("GET", "/events"), ("POST", "/stop"), ("GET", "")):
        answers = [await bob.request(method, f"/api/generations/{id}{path}") for id in (theirs, unknown)]
        if [answer.status for answer in answers] != [404, 404] or answers[0].body != answers[1].body:
            differences.append(f"{method} …{path}: {answers[0]} / {answers[1]}")
    return differences


def _tell(outcome: Outcome, done: list[Drop], drops: int) -> None:
    outcome.exactly("drops", len(done), drops)
    outcome.exactly("cut", sum(drop.connections > 1 for drop in done), drops)
    outcome.exactly("joined_text_is_stored_text", sum(drop.trace.text == drop.stored for drop in done), drops)
    outcome.none_of("faults", [fault for drop in done for fault in drop.faults()])
