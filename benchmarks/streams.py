"""Many answers streamed at once, signed in and stored: what they cost, how late tokens are, whether any is lost."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import load
from benchmarks.instance import Instance, beside, instance, port_of
from benchmarks.load import Chat, Outcome, Plan
from benchmarks.proc import Tree
from benchmarks.report import Figures, Report, quantile

MODEL = "scripted-small"
# After start-up the server is left alone so long before its memory is read, after a scenario before its processor time:
# the last ends of runs are being stored.
SETTLE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Scenario:
    """`count` chats of `tokens` tokens at `rate` a second (0: at once), their starts evenly over `spread` seconds."""

    name: str
    count: int
    tokens: int
    rate: int = 30
    spread: float = 0.0
    in_turn: bool = False

    def through_tertulia(self, port: int, chats: Sequence[dict[str, str]]) -> Plan:
        """Each chat in a conversation of its own, as seeded."""
        body = json.dumps({"content": self._said(), "model": MODEL})
        paths = [f"/api/conversations/{chat['conversation']}/messages" for chat in chats]
        headers = [
            {"Accept": "text/event-stream", "Authorization": f"Bearer {chat['token']}"} for chat in chats
        ]
        requests = [
            Chat(path, body, fields, self._start(number))
            for number, (path, fields) in enumerate(zip(paths, headers, strict=True))
        ]
        return Plan(port, self.tokens, requests, self.in_turn)

    def from_provider(self, port: int) -> Plan:
        """The same chats without Tertulia."""
        said = [{"role": "user", "content": self._said()}]
        body = json.dumps({"model": MODEL, "stream": True, "messages": said})
        return self._alike(port, "/v1/chat/completions", body, "provider")

    def from_bare_server(self, port: int) -> Plan:
        """The same chats with an application that does nothing else."""
        return self._alike(port, "/", json.dumps({"tokens": self.tokens, "rate": self.rate}), "tertulia")

    def _alike(self, port: int, path: str, body: str, form: str) -> Plan:
        chats = [Chat(path, body, {}, self._start(number)) for number in range(self.count)]
        return Plan(port, self.tokens, chats, self.in_turn, form)

    def _said(self) -> str:
        return f"Go on. !script {json.dumps({'tokens': self.tokens, 'rate': self.rate, 'stamp': True})}"

    def _start(self, number: int) -> float:
        return number * self.spread / self.count


SCENARIOS = [
    Scenario("D", 60, 5, rate=0, in_turn=True),
    Scenario("R50", 50, 300, spread=10),
    Scenario("C200", 200, 300),
    Scenario("F20", 20, 1000, rate=100),
    Scenario("C500", 500, 300),
]
# Not in the default set: on two cores half of it is the generator's own work.
OPTIONAL = frozenset({"C500"})
WARM = Scenario("warm", 10, 5, rate=0, in_turn=True)


async def measure(report: Report, only: frozenset[str]) -> None:
    for scenario in SCENARIOS:
        if scenario.name in only or (not only and scenario.name not in OPTIONAL):
            report.show(scenario.name, [await _run(report, scenario) for _ in range(report.repeat)])


async def _run(report: Report, scenario: Scenario) -> Figures:
    """The scenario on an instance of its own, so that no run pays for another's rows or memory."""
    async with instance(report) as tested:
        await asyncio.sleep(SETTLE_SECONDS)
        idle = tested.processes.resident_mb()
        chats = tested.seeded("chats", WARM.count + scenario.count)
        await load.run(WARM.through_tertulia(tested.port, chats[: WARM.count]))
        direct = await load.run(WARM.from_provider(tested.provider_port))
        plan = scenario.through_tertulia(tested.port, chats[WARM.count :])
        figures = await _played(scenario, plan, tested)
    async with beside("benchmarks.floor") as (process, url):
        cost, bare = await _cost(scenario, scenario.from_bare_server(port_of(url)), process)
    return {
        **figures,
        "added_first_ms": figures["first_p50_ms"] - _delays(direct)["first_p50_ms"],
        "floor_cpu_ms_per_1k": cost,
        "floor_lag_p99_ms": _delays(bare)["lag_p99_ms"],
        "idle_mb": idle,
    }


async def _played(scenario: Scenario, plan: Plan, tested: Instance) -> dict[str, float]:
    processes = tested.processes
    processes.forget_peak()
    before = processes.resident_mb()
    cost, outcomes = await _cost(scenario, plan, processes)
    await _compare_with_provider(tested, outcomes)
    for error in {outcome.error for outcome in outcomes if outcome.error}:
        print(f"# {scenario.name}: {error}")
    return {
        "errors": sum(bool(outcome.error) for outcome in outcomes),
        "cpu_ms_per_1k": cost,
        "cpu_ms_per_chat": cost * scenario.tokens / 1000,
        **_delays(outcomes),
        "before_mb": before,
        "peak_mb": processes.peak_mb(),
    }


async def _cost(scenario: Scenario, plan: Plan, processes: Tree) -> tuple[float, list[Outcome]]:
    """Processor milliseconds per 1,000 tokens, and what the chats saw."""
    before = processes.cpu_seconds()
    outcomes = await load.run(plan)
    await asyncio.sleep(SETTLE_SECONDS)
    seconds = processes.cpu_seconds() - before
    return seconds * 1e6 / (scenario.count * scenario.tokens), outcomes


def _delays(outcomes: Sequence[Outcome]) -> dict[str, float]:
    firsts = [outcome.first for outcome in outcomes]
    lags = [lag for outcome in outcomes for lag in outcome.lags]
    return {
        "first_p50_ms": quantile(firsts, 0.5),
        "first_p95_ms": quantile(firsts, 0.95),
        "lag_p50_ms": quantile(lags, 0.5),
        "lag_p99_ms": quantile(lags, 0.99),
        "lag_max_ms": quantile(lags, 1.0),
    }


async def _compare_with_provider(tested: Instance, outcomes: Sequence[Outcome]) -> None:
    """An answer that the provider never sent as a whole is an error, whatever it looks like."""
    sent = {record["sent_text"] for record in await tested.world.provider_log()}
    for outcome in outcomes:
        if not outcome.error and outcome.text not in sent:
            outcome.error = "not the text that the provider sent"
