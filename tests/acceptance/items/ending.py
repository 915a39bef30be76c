"""F5: closed tabs and Stop, before, during and after the first token. Played by the programme through `items`."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tests.acceptance.clients import Conversation
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import seconds_until

TOKENS = 140
RATE = 40
DELAY = 0.6
LAST_MOMENT = 1.6
# So many lose their reader, and so many are stopped.
ANSWERS = 20
AT_ONCE = 5


@dataclass(slots=True)
class Ending:
    """One answer whose reader left, or who pressed Stop, at a moment (seconds after the start event)."""

    moment: float
    sent: str
    message: dict[str, Any]
    units: int
    closed_seconds: float
    next_accepted_seconds: float
    end: dict[str, Any] | None

    def tab_faults(self) -> list[str]:
        """The answer goes on without its reader."""
        if self.message["status"] == "complete" and self.message["content"] == self.sent and self.units == 1:
            return []
        return [f"closed after {self.moment:.2f} s: {self.message['status']}, {self.units} units"]

    def stop_faults(self) -> list[str]:
        """What was shown is kept, and nothing of it means nothing to pay."""
        stored = self.message["content"]
        checks = {
            f"is {self.message['status']}": self.message["status"] == "stopped",
            f"stored {stored[-40:]!r} was not sent": self.sent.startswith(stored),
            f"{self.units} units for {len(stored)} characters": self.units == (1 if stored else 0),
            f"the stream ended with {self.end}": self._end_tells_of(stored),
        }
        return [f"stopped after {self.moment:.2f} s: {text}" for text, holds in checks.items() if not holds]

    def _end_tells_of(self, stored: str) -> bool:
        return self.end is not None and (self.end["status"], self.end["length"]) == ("stopped", len(stored))


async def closed_tabs(stage: Stage) -> Outcome:
    """Half of the answers lose their reader, the others are stopped, also from another process."""
    async with stage.world(servers=2, quota=100) as world:
        # A stop that another process has to be told of may take two seconds: the answer is longer than that.
        moments = [0.0, DELAY, *(stage.random.uniform(0, LAST_MOMENT) for _ in range(ANSWERS - 2))]
        closed = await asyncio.gather(*(_close_tab(world, moment) for moment in moments))
        slots = asyncio.Semaphore(AT_ONCE)
        stopped = await asyncio.gather(
            *(_stop(world, slots, number, moment) for number, moment in enumerate(moments))
        )
        outcome = _outcome(list(closed), stopped)
        outcome.none_of("complaints_in_logs", world.complaints())
        return outcome


def _content(what: str) -> str:
    return scripted(what, tokens=TOKENS, rate=RATE, delay=DELAY)


async def _close_tab(world: World, moment: float) -> Ending:
    person = await world.join("tab")
    client = person.at(world.servers[0].url)
    conversation = await Conversation.begin(client)
    content, trace = _content(f"Closed by {person.email}."), Trace()
    reading = asyncio.create_task(conversation.stream(content, trace))
    ids = await trace.until_started()
    await asyncio.sleep(moment)
    reading.cancel()

    async def ended() -> bool:
        return bool((await conversation.message(ids["answer"]))["status"] != "streaming")

    await seconds_until(ended, DELAY + TOKENS / RATE + 5)
    record = await _record_of(world, content)
    message = await conversation.message(ids["answer"])
    used = (await client.get("/api/usage")).json()["used"]
    return Ending(moment, record["sent_text"], message, used, 0, 0, None)


async def _stop(world: World, slots: asyncio.Semaphore, number: int, moment: float) -> Ending:
    async with slots:
        return await _stopped(world, number, moment)


async def _stopped(world: World, number: int, moment: float) -> Ending:
    person = await world.join("stop")
    conversation = await Conversation.begin(person.at(world.servers[0].url))
    content, trace = _content(f"Stopped by {person.email}."), Trace()
    reading = asyncio.create_task(conversation.stream(content, trace))
    ids = await trace.until_started()
    await asyncio.sleep(moment)
    presser = person.at(world.servers[number % 2].url)
    pressing = asyncio.create_task(presser.post(f"/api/generations/{ids['generation']}/stop"))
    closed = await seconds_until(lambda: _closed(world, content), 10)
    await pressing
    await reading
    message = await conversation.message(ids["answer"])
    used = (await presser.get("/api/usage")).json()["used"]
    accepted = await _seconds_until_accepted(conversation)
    record = await _record_of(world, content)
    return Ending(moment, record["sent_text"], message, used, closed, accepted, trace.end)


async def _closed(world: World, content: str) -> bool:
    return (await _record_of(world, content))["closed_at"] is not None


async def _record_of(world: World, content: str) -> dict[str, Any]:
    [record] = [
        record
        for record in await world.provider_log()
        if record["body"]["messages"][-1]["content"] == content
    ]
    return record


async def _seconds_until_accepted(conversation: Conversation) -> float:
    """How long the next message of the same conversation waits for its start event."""
    begun = time.monotonic()
    trace = Trace()
    reading = asyncio.create_task(conversation.stream("And now?", trace))
    await trace.until_started()
    seconds = time.monotonic() - begun
    await reading
    return seconds


def _outcome(closed: list[Ending], stopped: list[Ending]) -> Outcome:
    outcome = Outcome()
    outcome.exactly("answers", [len(closed), len(stopped)], [len(closed)] * 2)
    outcome.none_of("closed_tab_faults", [fault for ending in closed for fault in ending.tab_faults()])
    outcome.none_of("stop_faults", [fault for ending in stopped for fault in ending.stop_faults()])
    outcome.at_most("provider_closed_seconds", max(ending.closed_seconds for ending in stopped), 2)
    outcome.at_most("next_accepted_seconds", max(ending.next_accepted_seconds for ending in stopped), 1)
    return outcome
