"""F2: `kill -9` at random moments of a streamed answer, then a restart. Played by the programme through `items`."""

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.acceptance.clients import Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import seconds_until

# Lanes are independent instances: while one waits for its reaper another one starts.
LANES = 2
KILLS = 50
TOKENS = 240
RATE = 60
MAX_LOSS_SECONDS = 1.0
MAX_LOSS_BYTES = 2048
SETTLE_SECONDS = 10.0


@dataclass(slots=True)
class Crash:
    """One kill: what was on its way then, what was found afterwards."""

    content: str
    sent: str
    loss_seconds: float
    loss_bytes: int
    user_messages: list[str]
    answer: dict[str, Any]
    seen_by_reader: Trace
    resumed: Trace
    ready_seconds: float
    settled_seconds: float

    def faults(self) -> list[str]:
        stored = self.answer["content"]
        found = []
        if self.user_messages != [self.content]:
            found.append(f"user messages are {self.user_messages}")
        if not self.sent.startswith(stored):
            found.append(f"stored {stored[-60:]!r} is no prefix of what the provider sent")
        if self.answer["status"] != "interrupted":
            found.append(f"the answer is {self.answer['status']}")
        return found + self._reader_faults(stored)

    def _reader_faults(self, stored: str) -> list[str]:
        """A reader who saw more trims to the length that the end event names."""
        end = self.resumed.end or {}
        faults = [*self.seen_by_reader.faults]
        if end.get("status") != "interrupted" or end.get("length") != len(stored):
            faults.append(f"the resumed stream ends with {end}, stored are {len(stored)}")
        elif (self.seen_by_reader.text + self.resumed.text)[: len(stored)] != stored:
            faults.append("the reader's trimmed text is not the stored one")
        return faults


async def killed_servers(stage: Stage) -> Outcome:
    """Each lane kills its server again and again; the figures are the worst of all."""
    chances = [random.Random(stage.random.random()) for _ in range(LANES)]
    shares = [len(range(lane, KILLS, LANES)) for lane in range(LANES)]
    lanes = await asyncio.gather(
        *(_lane(stage, chance, share) for chance, share in zip(chances, shares, strict=True))
    )
    crashes = [crash for lane, _ in lanes for crash in lane]
    return _outcome(crashes, [text for _, texts in lanes for text in texts])


async def _lane(stage: Stage, chance: random.Random, kills: int) -> tuple[list[Crash], list[str]]:
    async with stage.world(quota=1000) as world:
        person = await world.join()
        crashes = [await _crash(world, person, chance, number) for number in range(kills)]
        return crashes, unbalanced(world)


async def _crash(world: World, person: Person, chance: random.Random, number: int) -> Crash:
    content = scripted(f"Kill number {number}.", tokens=TOKENS, rate=RATE)
    conversation = await Conversation.begin(person.at(world.servers[0].url))
    trace = Trace()
    reading = asyncio.create_task(conversation.stream(content, trace))
    ids = await trace.until_started()
    await asyncio.sleep(chance.uniform(0, TOKENS / RATE * 0.95))
    killed_at = time.time_ns()
    world.servers.pop().kill()
    await asyncio.gather(reading, return_exceptions=True)

    restarted = await world.start_server()
    ready = time.monotonic() - restarted.started_at
    settled = await _settled(world)
    after = Conversation(person.at(restarted.url), conversation.id)
    messages = await after.messages()
    answer = next(message for message in messages if message["id"] == ids["answer"])
    sent, times = await _sent_before(world, content, killed_at)
    lost = _lost(sent, times, answer["content"], killed_at)
    return Crash(
        content,
        "".join(sent),
        *lost,
        [message["content"] for message in messages if message["role"] == "user"],
        answer,
        trace,
        await _resumed(after, ids["generation"], trace.position),
        ready,
        settled,
    )


async def _settled(world: World) -> float:
    """Seconds after readiness until nothing is left running; infinity when that takes too long."""

    async def nothing_runs() -> bool:
        runs = world.database.rows("SELECT id FROM chat_generation WHERE status = 'running'")
        return not runs and not world.database.rows("SELECT id FROM chat_message WHERE status = 'streaming'")

    # Each look is a connection of its own.
    return await seconds_until(nothing_runs, SETTLE_SECONDS, pause=0.25)


async def _sent_before(world: World, content: str, moment: int) -> tuple[list[str], list[int]]:
    """The provider's tokens for this message, all of them, and their times up to the kill."""
    [record] = [
        record
        for record in await world.provider_log(times=True)
        if record["body"]["messages"][-1]["content"] == content
    ]
    tokens = [f"{word} " for word in record["sent_text"].split()]
    return tokens, [sent_at for sent_at in record["times"] if sent_at <= moment]


def _lost(tokens: list[str], times: list[int], stored: str, killed_at: int) -> tuple[float, int]:
    """Seconds and bytes of text that had been sent before the kill and are not stored."""
    length = 0
    for index in range(len(times)):
        length += len(tokens[index])
        if length > len(stored):
            missing = "".join(tokens[: len(times)])[len(stored) :]
            return (killed_at - times[index]) / 1e9, len(missing.encode())
    return 0.0, 0


async def _resumed(conversation: Conversation, generation: str, position: int) -> Trace:
    """What a reader gets who comes back with the last id that it saw."""
    trace = Trace()
    trace.position = position
    path = f"/api/generations/{generation}/events"
    try:
        async with conversation.client.open(
            "GET", path, headers={"Last-Event-ID": str(position)}
        ) as response:
            await trace.read(response)
    except aiohttp.ClientError as error:
        trace.faults.append(repr(error))
    return trace


def unbalanced(world: World) -> list[str]:
    """Users whose counter is not the number of their units in the ledger that were not refunded."""
    rows = world.database.rows(
        "SELECT u.email, a.used, (SELECT count(*) FROM accounts_ledgerentry l"
        " WHERE l.user_id = u.id AND l.resets_at = a.resets_at AND l.refunded_at IS NULL)"
        " FROM accounts_user u JOIN accounts_allowance a ON a.user_id = u.id"
    )
    refunds = world.database.rows(
        "SELECT g.id FROM chat_generation g JOIN chat_message m ON m.id = g.answer_id"
        " JOIN accounts_ledgerentry l ON l.generation_id = g.id"
        " WHERE (m.content = '') = (l.refunded_at IS NULL)"
    )
    wrong = [f"{email}: counter {used}, ledger {entered}" for email, used, entered in rows if used != entered]
    return wrong + [f"run {id}: refunded against the rule" for (id,) in refunds]


def _outcome(crashes: list[Crash], unbalanced: list[str]) -> Outcome:
    outcome = Outcome()
    outcome.exactly("kills", len(crashes), KILLS)
    outcome.none_of("faults", [fault for crash in crashes for fault in crash.faults()])
    outcome.at_most("worst_loss_seconds", max(crash.loss_seconds for crash in crashes), MAX_LOSS_SECONDS)
    outcome.at_most("worst_loss_bytes", max(crash.loss_bytes for crash in crashes), MAX_LOSS_BYTES)
    outcome.at_most("worst_ready_seconds", max(crash.ready_seconds for crash in crashes), 10)
    outcome.at_most("worst_settled_seconds", max(crash.settled_seconds for crash in crashes), SETTLE_SECONDS)
    outcome.note("stored_characters", sorted(len(crash.answer["content"]) for crash in crashes))
    outcome.none_of("ledger_differs_from_counter", unbalanced)
    return outcome
