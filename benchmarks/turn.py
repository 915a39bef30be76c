"""What one more message costs in a short and in a very long conversation: delay, processor time, what is sent on."""

import json

from benchmarks import load
from benchmarks.instance import Instance, instance
from benchmarks.report import Figures, Report, quantile
from benchmarks.streams import WARM, Scenario

# Messages that a conversation holds when the measured one comes: few, more than a prompt takes, very many.
SHORT, FULL, LONG = 9, 199, 19_999
TURNS = Scenario("turns", 20, 5, rate=0, in_turn=True)


async def measure(report: Report, only: frozenset[str]) -> None:
    async with instance(report) as tested:
        await load.run(WARM.through_tertulia(tested.port, tested.seeded("chats", WARM.count)))
        # The long one grows by two messages a turn, which it does not notice; a short one would.
        [long] = tested.seeded("branch", LONG)
        shorts = [tested.seeded("branch", *[SHORT] * TURNS.count) for _ in range(report.repeat)]
        fulls = [tested.seeded("branch", *[FULL] * TURNS.count) for _ in range(report.repeat)]
        first = [await _turns(tested, short) for short in shorts]
        full = [await _turns(tested, each) for each in fulls]
        last = [await _turns(tested, [long] * TURNS.count) for _ in range(report.repeat)]
    report.show(f"{SHORT + 1}th", first)
    report.show(f"{LONG + 1}th", last)
    report.show(f"{FULL + 1}th", full)
    for name, shorter in ((f"to {SHORT + 1}th", first), (f"to {FULL + 1}th", full)):
        report.show(name, [_ratio(one, other) for one, other in zip(shorter, last, strict=True)])


def _ratio(short: Figures, long: Figures) -> Figures:
    """How many times what the short conversation's turn costs the long one's does."""
    pairs = ((name, short[name], long[name]) for name in ("whole_p50_ms", "cpu_ms", "sent_kb"))
    return {
        name: other / one
        for name, one, other in pairs
        if isinstance(one, (int, float)) and isinstance(other, (int, float))
    }


async def _turns(tested: Instance, conversations: list[dict[str, str]]) -> Figures:
    """A message at the end of each, one after another; the last figures are of what the provider was sent."""
    asked = len(await tested.world.provider_log())
    before = tested.processes.cpu_seconds()
    outcomes = await load.run(TURNS.through_tertulia(tested.port, conversations))
    seconds = tested.processes.cpu_seconds() - before
    bodies = [record["body"] for record in await tested.world.provider_log()]
    return {
        "errors": sum(bool(outcome.error) for outcome in outcomes),
        "first_p50_ms": quantile([outcome.first for outcome in outcomes], 0.5),
        "whole_p50_ms": quantile([outcome.whole for outcome in outcomes], 0.5),
        "cpu_ms": seconds * 1000 / TURNS.count,
        "sent_kb": quantile([len(json.dumps(body)) / 1000 for body in bodies[asked:]], 0.5),
        "sent_messages": quantile([len(body["messages"]) for body in bodies[asked:]], 0.5),
    }
