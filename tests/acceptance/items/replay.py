"""F6: one Idempotency-Key, however often and however it is sent. Played by the programme through `items`."""

import asyncio
import json

from tests.acceptance.clients import Answer, Conversation
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Trace

IN_A_ROW = 10
AT_ONCE = 50


async def repeated_requests(stage: Stage) -> Outcome:
    """The same request in a row, at once on two processes, with another body, and by another user."""
    outcome = Outcome()
    async with stage.world(servers=2, quota=100) as world:
        await _in_a_row(world, outcome)
        await _at_once(world, outcome)
        await _streamed(world, outcome)
        await _by_others(world, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


class Sameness:
    """One person's conversation, to which one request is sent again and again at both processes."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        # Slow enough that repetitions meet an answer that is still being written.
        self.content = scripted(f"Once only: {name}.", tokens=30, rate=60)

    async def open(self) -> "Sameness":
        self.person = await self.world.join(self.name)
        self.conversation = await Conversation.begin(self.person.at(self.world.servers[0].url))
        return self

    async def send(self, number: int, key: str = "the-key", **changes: object) -> Answer:
        client = self.person.at(self.world.servers[number % 2].url)
        return await client.post(
            self.conversation.messages_path,
            {"content": self.content, **changes},
            headers={"Idempotency-Key": key},
        )

    async def leftovers(self) -> dict[str, int]:
        """How many calls, messages and units there are of it."""
        calls = [
            record
            for record in await self.world.provider_log()
            if record["body"]["messages"][-1]["content"] == self.content
        ]
        usage = await self.person.at(self.world.servers[1].url).get("/api/usage")
        messages = await self.conversation.messages()
        return {"provider_calls": len(calls), "messages": len(messages), "units": usage.json()["used"]}


ONCE = {"provider_calls": 1, "messages": 2, "units": 1}


async def _in_a_row(world: World, outcome: Outcome) -> None:
    same = await Sameness(world, "row").open()
    answers = [await same.send(number) for number in range(IN_A_ROW)]
    outcome.exactly("in_a_row_different_answers", _different(answers), 1)
    outcome.exactly("in_a_row", await same.leftovers(), ONCE)
    other = await same.send(0, content="Something else.")
    outcome.exactly("other_body", other.status, 422)
    outcome.exactly("after_other_body", await same.leftovers(), ONCE)


async def _at_once(world: World, outcome: Outcome) -> None:
    same = await Sameness(world, "once").open()
    answers = await asyncio.gather(*(same.send(number) for number in range(AT_ONCE)))
    outcome.exactly("at_once_different_answers", _different(list(answers)), 1)
    outcome.exactly("at_once", await same.leftovers(), ONCE)


async def _streamed(world: World, outcome: Outcome) -> None:
    """A repetition that streams reads the run that exists, from its beginning."""
    same = await Sameness(world, "stream").open()
    traces = [Trace() for _ in range(6)]

    async def read(number: int) -> None:
        client = same.person.at(world.servers[number % 2].url).with_headers(Idempotency_Key="the-key")
        await Conversation(client, same.conversation.id).stream(same.content, traces[number])

    await asyncio.gather(*(read(number) for number in range(len(traces))))
    starts = {json.dumps(trace.start, sort_keys=True) for trace in traces}
    outcome.exactly("streamed_runs_and_texts", [len(starts), len({trace.text for trace in traces})], [1, 1])
    outcome.none_of("streamed_faults", [fault for trace in traces for fault in trace.faults])
    outcome.exactly("streamed", await same.leftovers(), ONCE)


async def _by_others(world: World, outcome: Outcome) -> None:
    """Another user's equal key is another key; so is another key of the same user."""
    alice, bob = await Sameness(world, "alice").open(), await Sameness(world, "bob").open()
    answers = [await alice.send(0), await bob.send(0), await alice.send(0, key="another-key")]
    outcome.exactly("others_statuses", [answer.status for answer in answers], [201, 201, 201])
    outcome.exactly("others_different_answers", _different(answers), 3)
    outcome.exactly("other_user", await bob.leftovers(), ONCE)


def _different(answers: list[Answer]) -> int:
    """How many different answers there are; 0 when one of them is no success."""
    if any(answer.status != 201 for answer in answers):
        return 0
    return len({answer.body for answer in answers})
