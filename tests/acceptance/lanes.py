"""Plays several items at a time, each in a process of its own; `__main__` is the caller.

Most items wait most of the time: for a provider's limit, a reaper, a drain. Those whose figures are times that other
work on the machine would spoil play alone, at the end.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from tests.acceptance.databases import SHARED_CLUSTER, shared_cluster
from tests.acceptance.processes import ROOT, python
from tests.acceptance.program import Item


class Play(NamedTuple):
    item: Item
    db: str


async def play_all(plays: Sequence[Play], *, seed: int, nightly: bool, lanes: int) -> bool:
    """Print each item's line as it ends; whether all have passed, by their last line."""
    if any(play.db == "postgres" for play in plays):
        os.environ[SHARED_CLUSTER] = (await asyncio.to_thread(shared_cluster)).url
    slots = asyncio.Semaphore(lanes)
    options = ["--seed", str(seed), *(["--nightly"] if nightly else [])]

    async def run(play: Play) -> bool:
        async with slots:
            return await _run(play, options)

    # The patient ones first: what waits longest should overlap with most.
    together = sorted((play for play in plays if not play.item.alone), key=lambda play: not play.item.patient)
    passed = await asyncio.gather(*(run(play) for play in together))
    # A figure that was missed beside other work is judged once more without it; a fault fails alone as well.
    disturbed = [play for play, has_passed in zip(together, passed, strict=True) if not has_passed]
    in_turn = [*disturbed, *(play for play in plays if play.item.alone)]
    return all([await run(play) for play in in_turn])


async def _run(play: Play, options: Sequence[str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        *python("-m", "tests.acceptance", play.item.name, "--db", play.db, "--lanes", "1", *options),
        cwd=ROOT,
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
