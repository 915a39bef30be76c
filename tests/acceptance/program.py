"""The list of items and the running of one; `__main__` and `test_merge_set` are the callers."""

import random
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
    alone        its figures are times that other items beside it would spoil
    """

    name: str
    title: str
    play: Play
    databases: tuple[str, ...] = DATABASES
    patient: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    item: str
    db: str
    seed: int
    outcome: Outcome
    error: str
    seconds: float

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
        }
        if self.outcome.examples:
            body["examples"] = self.outcome.examples
        if self.error:
            body["error"] = self.error
        return body


async def run(item: Item, db: str, seed: int, *, nightly: bool = False) -> Report:
    """Play one item on one database; an item that breaks has failed."""
    stage = Stage(db, seed, nightly, random.Random(f"{seed} {item.name} {db}"))
    begun = time.monotonic()
    outcome, error = Outcome(), ""
    try:
        outcome = await item.play(stage)
    except Exception:  # noqa: BLE001  (an item that breaks has failed; its traceback is in the report)
        error = traceback.format_exc()[-3000:]
    return Report(item.name, db, seed, outcome, error, time.monotonic() - begun)
