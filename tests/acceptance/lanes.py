"""Plays several items at a time, each in a process of its own; `__main__` is the caller.

Some items wait most of the time, for a provider's limit, a reaper, a drain: they have lanes of their own beside those
that keep a processor busy. Those whose figures are times that other work would spoil play alone, at the end.
"""

import asyncio
import json
import os
import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple

from tests.acceptance.databases import (
    MIGRATED,
    SHARED_CLUSTER,
    migrated_file,
    prepare_template,
    shared_cluster,
)
from tests.acceptance.processes import ROOT, clean_environment, python
from tests.acceptance.program import Item


class Play(NamedTuple):
    item: Item
    db: str


async def play_all(plays: Sequence[Play], options: Sequence[str], *, lanes: int) -> bool:
    """Print each item's line as it ends; whether all have passed, by their last line."""
    await asyncio.to_thread(_prepare, {play.db for play in plays})
    patient, busy = asyncio.Semaphore(lanes), asyncio.Semaphore(lanes)

    async def run(play: Play) -> bool:
        async with patient if play.item.patient else busy:
            return await _run(play, options)

    together = [play for play in plays if not play.item.alone]
    passed = await asyncio.gather(*(run(play) for play in together))
    # A figure that was missed beside other work is judged once more without it; a fault fails alone as well.
    disturbed = [play for play, has_passed in zip(together, passed, strict=True) if not has_passed]
    in_turn = [*disturbed, *(play for play in plays if play.item.alone)]
    return all([await run(play) for play in in_turn])


def _prepare(databases: Collection[str]) -> None:
    """What the items' processes share."""
    if "sqlite" in databases:
        os.environ[MIGRATED] = str(migrated_file())
    if "postgres" in databases:
        cluster = shared_cluster()
        prepare_template(cluster)
        os.environ[SHARED_CLUSTER] = cluster.url


async def _run(play: Play, options: Sequence[str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        *python("-m", "tests.acceptance", play.item.name, "--db", play.db, "--lanes", "1", *options),
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it ends its own processes
            await process.wait()
    sys.stdout.write(output.decode() or _silent(play, process.returncode))
    sys.stdout.flush()
    return process.returncode == 0


def _silent(play: Play, status: int | None) -> str:
    line = {"item": play.item.name, "db": play.db, "pass": False, "error": f"ended without a word: {status}"}
    return json.dumps(line) + "\n"
