"""Plays several items at a time, each in a process of its own; `__main__` is the caller.

The processes are forked from one that has loaded all items: each would spend half a second of a processor on that.
Some items wait most of the time, for a provider's limit, a reaper, a drain: they have lanes of their own. Beside them
play first those whose figures are times that busier work would spoil, one item after the other, each on both databases
at the same time; then all that keeps a processor busy.
"""

import asyncio
import atexit
import json
import os
import signal
import sys
from collections.abc import Collection, Sequence
from multiprocessing.context import ForkServerProcess
from types import FrameType
from typing import NamedTuple

from tests.acceptance import program
from tests.acceptance.databases import (
    MIGRATED,
    SHARED_CLUSTER,
    migrated_file,
    prepare_template,
    shared_cluster,
)
from tests.acceptance.processes import FORKS
from tests.acceptance.program import Item


class Play(NamedTuple):
    item: Item
    db: str


class Terms(NamedTuple):
    """How all of them are played; `minutes` shortens what goes on for a given time."""

    seed: int
    nightly: bool = False
    minutes: float | None = None


def played(play: Play, terms: Terms) -> bool:
    """Play it here and print its line; whether it has passed."""
    seed, nightly, minutes = terms
    report = asyncio.run(program.run(play.item, play.db, seed, nightly=nightly, minutes=minutes))
    print(json.dumps(report.as_json(), ensure_ascii=False), flush=True)
    return report.passed


async def play_all(plays: Sequence[Play], terms: Terms, *, lanes: int) -> bool:
    """Print each item's line as it ends; whether all have passed, by their last line."""
    await _prepare({play.db for play in plays})
    patient = asyncio.create_task(_in_lanes([play for play in plays if play.item.patient], terms, lanes))
    disturbed, has_failed = [], False
    for item in dict.fromkeys(play.item for play in plays if play.item.alone):
        beside = [play for play in plays if play.item is item]
        had_company = len(beside) > 1 or not patient.done()
        missed = await _in_lanes(beside, terms, len(beside))
        if had_company:
            disturbed += missed
        elif missed:
            has_failed = True
    busy = [play for play in plays if not play.item.patient and not play.item.alone]
    # When nothing waits any more, its processors are the others'.
    disturbed += await _in_lanes(busy, terms, lanes, more_after=patient)
    disturbed += await patient
    # A figure that was missed beside other work is judged once more without it; a fault fails alone as well.
    return all([await _run(play, terms) for play in disturbed]) and not has_failed


async def _in_lanes(
    plays: Sequence[Play], terms: Terms, lanes: int, *, more_after: "asyncio.Task[list[Play]] | None" = None
) -> list[Play]:
    """Play them, so many at a time, and one more when another task has ended; those that have not passed."""
    free = asyncio.Semaphore(lanes)
    if more_after:
        more_after.add_done_callback(lambda _: free.release())

    async def run(play: Play) -> bool:
        async with free:
            return await _run(play, terms)

    passed = await asyncio.gather(*map(run, plays))
    return [play for play, has_passed in zip(plays, passed, strict=True) if not has_passed]


async def _prepare(databases: Collection[str]) -> None:
    """What the items' processes share."""
    makers = {"sqlite": _prepare_sqlite, "postgres": _prepare_postgres}
    await asyncio.gather(*(asyncio.to_thread(makers[db]) for db in databases))
    # It inherits the environment of now.
    FORKS.set_forkserver_preload(["tests.acceptance.items"])


def _prepare_sqlite() -> None:
    os.environ[MIGRATED] = str(migrated_file())


def _prepare_postgres() -> None:
    cluster = shared_cluster()
    prepare_template(cluster)
    os.environ[SHARED_CLUSTER] = cluster.url


async def _run(play: Play, terms: Terms) -> bool:
    process = FORKS.Process(target=_play, args=(play.item.name, play.db, terms))
    process.start()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    # Not joined in a thread: each `start` looks for processes that have ended, and when two look at the same moment
    # one of them finds the status taken and reports 255.
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)
        _end(process)
    if process.exitcode not in (0, 1):
        line = {"item": play.item.name, "db": play.db, "pass": False, "error": f"ended by {process.exitcode}"}
        print(json.dumps(line), flush=True)
    return process.exitcode == 0


def _end(process: ForkServerProcess) -> None:
    if process.is_alive():
        process.terminate()  # it ends its own processes
        process.join()


def _play(name: str, db: str, terms: Terms) -> None:
    """In a process of its own."""
    from tests.acceptance.items import ITEMS  # an item is found by its name there: it does not travel

    signal.signal(signal.SIGTERM, leave)
    try:
        status = 0 if played(Play(ITEMS[name], db), terms) else 1
    finally:
        # A forked process ends without them, and its servers and folders would stay.
        atexit._run_exitfuncs()
    sys.exit(status)


def leave(number: int, frame: FrameType | None) -> None:
    """Ends by SystemExit, so that the processes that were started end too."""
    sys.exit(128 + number)
