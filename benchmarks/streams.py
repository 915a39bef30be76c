"""Many answers streamed at once, signed in and stored: what they cost, how late their tokens are, whether any is lost."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import load
from benchmarks.instance import Instance, instance
from benchmarks.load import Chat, Outcome, Plan
from benchmarks.report import Figures, Report, quantile

MODEL = "scripted-small"
# After start-up or a scenario the server is left alone so long before its memory is read.
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

    def plan(self, port: int, chats: Sequence[dict[str, str]]) -> Plan:
        """The scenario played against Tertulia."""
        script = json.dumps({"tokens": self.tokens, "rate": self.rate, "stamp": True})
        body = json.dumps({"content": f"Go on. !script {script}", "model": MODEL})
        return Plan(port, self.tokens, [self._chat(n, chat, body) for n, chat in enumerate(chats)], self.in_turn)

    def _chat(self, number: int, chat: dict[str, str], body: str) -> Chat:
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {chat['token']}"}
        path = f"/api/conversations/{chat['conversation']}/messages"
        return Chat(path, body, headers, self._start(number))

    def direct(self, port: int) -> Plan:
        """The same chats with the provider itself."""
        script = json.dumps({"tokens": self.tokens, "rate": self.rate, "stamp": True})
        said = [{"role": "user", "content": f"Go on. !script {script}"}]
        body = json.dumps({"model": MODEL, "stream": True, "messages": said})
        chats = [Chat("/v1/chat/completions", body, {}, self._start(n)) for n in range(self.count)]
        return Plan(port, self.tokens, chats, self.in_turn, "provider")

    def _start(self, number: int) -> float:
        return number * self.spread / self.count


SCENARIOS = [
    Scenario("D", 60, 5, rate=0, in_turn=True),
    Scenario("R50", 50, 300, spread=10),
    Scenario("C200", 200, 300),
    Scenario("F20", 20, 1000, rate=100),
    Scenario("C500", 500, 300),
]
WARM = Scenario("warm", 10, 5, rate=0, in_turn=True)
# Not in the default set: half of it is the generator's own work on two cores.
OPTIONAL = frozenset({"C500"})


async def measure(report: Report, only: frozenset[str]) -> None:
    for scenario in SCENARIOS:
        if scenario.name in only or (not only and scenario.name not in OPTIONAL):
            report.show(scenario.name, [await one_run(report, scenario) for _ in range(report.repeat)])


async def one_run(report: Report, scenario: Scenario) -> Figures:
    """The scenario on an instance of its own, so that no run pays for another's rows or memory."""
    async with instance(report) as tested:
        await asyncio.sleep(SETTLE_SECONDS)
        idle = tested.processes.resident_mb()
        chats = tested.seeded("chats", WARM.count + scenario.count)
        await load.run(WARM.plan(tested.port, chats[: WARM.count]))
        direct = await load.run(WARM.direct(tested.provider_port))
        figures = await _measured(tested, scenario, chats[WARM.count :])
    without = quantile([outcome.first for outcome in direct], 0.5)
    first = {f"added_first_{share}_ms": figures[f"first_{share}_ms"] - without for share in ("p50", "p95")}
    return {**figures, **first, "idle_mb": idle}


async def _measured(tested: Instance, scenario: Scenario, chats: Sequence[dict[str, str]]) -> dict[str, float]:
    processes = tested.processes
    processes.forget_peak()
    before, cpu = processes.resident_mb(), processes.cpu_seconds()
    outcomes = await load.run(scenario.plan(tested.port, chats))
    await asyncio.sleep(SETTLE_SECONDS)  # the last ends are stored
    cpu_ms = (processes.cpu_seconds() - cpu) * 1000
    await _compare_with_provider(tested, outcomes)
    for error in {outcome.error for outcome in outcomes if outcome.error}:
        print(f"# {scenario.name}: {error}")
    lags = [lag for outcome in outcomes for lag in outcome.lags]
    firsts = [outcome.first for outcome in outcomes]
    return {
        "errors": sum(bool(outcome.error) for outcome in outcomes),
        "first_p50_ms": quantile(firsts, 0.5),
        "first_p95_ms": quantile(firsts, 0.95),
        "lag_p50_ms": quantile(lags, 0.5),
        "lag_p99_ms": quantile(lags, 0.99),
        "lag_max_ms": max(lags, default=float("nan")),
        "cpu_ms_per_1k": cpu_ms / (scenario.count * scenario.tokens) * 1000,
        "cpu_ms_per_chat": cpu_ms / scenario.count,
        "before_mb": before,
        "peak_mb": processes.peak_mb(),
    }


async def _compare_with_provider(tested: Instance, outcomes: Sequence[Outcome]) -> None:
    """An answer that the provider never sent as a whole is an error, whatever it looks like."""
    sent = {record["sent_text"] for record in await tested.world.provider_log()}
    for outcome in outcomes:
        if not outcome.error and outcome.text not in sent:
            outcome.error = "not the text that the provider sent"
