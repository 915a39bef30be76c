"""The list of items and the running of one; `__main__` and `test_merge_set` are the callers."""

import random
import resource
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage

DATABASES = ("sqlite", "postgres")

Play = Callable[[Stage], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Item:
    """One claim with its figures.

    databases    on which it says something
    patient      it mostly waits
    alone        its figures are times that busy items beside it would spoil
    nightly      it takes longer than a merge can wait
    """

    name: str
    title: str
    play: Play
    databases: tuple[str, ...] = DATABASES
    patient: bool = False
    alone: bool = False
    nightly: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    item: str
    db: str
    seed: int
    outcome: Outcome
    error: str
    seconds: float
    cpu_seconds: float

    @property
    def passed(self) -> bool:
        return not self.error and self.outcome.passed

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "item": self.item,
            "db": self.db,
            "seed": self.seed,
            "figure": self.outcome.figure,
            "required": self.outcome.required,
            "pass": self.passed,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
        }
        if self.outcome.examples:
            body["examples"] = self.outcome.examples
        if self.error:
            body["error"] = self.error
        return body


async def run(
    item: Item, db: str, seed: int, *, nightly: bool = False, minutes: float | None = None
) -> Report:
    """Play one item on one database; an item that breaks has failed. `minutes` shortens what takes a night."""
    stage = Stage(db, seed, nightly, random.Random(f"{seed} {item.name} {db}"), minutes)
    begun, cpu_before = time.monotonic(), _cpu_seconds()
    outcome, error = Outcome(), ""
    try:
        outcome = await item.play(stage)
    except Exception:  # noqa: BLE001  (an item that breaks has failed; its traceback is in the report)
        error = traceback.format_exc()[-3000:]
    seconds, cpu_seconds = time.monotonic() - begun, _cpu_seconds() - cpu_before
    return Report(item.name, db, seed, outcome, error, seconds, cpu_seconds)


def _cpu_seconds() -> float:
    """Of this process and of all that it started and that have ended; not of PostgreSQL, nor of the provider."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
