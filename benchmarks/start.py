"""How soon Tertulia serves, what it occupies while nobody asks, and how much is installed for it."""

import asyncio
import re
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import aiohttp

from benchmarks.proc import Tree
from benchmarks.report import Figures, Report
from tests.acceptance.processes import ROOT, Process, python

SERVE = python("-m", "tertulia", "serve", "--port", "0")
# Everything was set up by an earlier call: it only has to find that out.
DEV_RUN = [sys.executable, str(ROOT / "dev.py"), "run", "--port", "0"]
IDLE_SECONDS = 5.0


async def measure(report: Report, only: frozenset[str]) -> None:
    """On SQLite and in one process, whatever the options: this is about the first minute at home."""
    runs: dict[str, list[Figures]] = {"new": [], "again": [], "dev.py": []}
    for _ in range(report.repeat):
        with tempfile.TemporaryDirectory(prefix="tertulia-start-") as folder:
            for case, measured in runs.items():
                if not only or case in only:
                    command = DEV_RUN if case == "dev.py" else SERVE
                    measured.append(await _started(command, Path(folder)))
    for case, measured in runs.items():
        if measured:
            report.show(case, measured)
    report.show("installed", [_installed()])


async def _started(command: list[str], folder: Path) -> Figures:
    """A server from its process to its first answers and a little beyond."""
    process = Process(command, {"TERTULIA_DATA": str(folder)}, folder / f"{time.monotonic_ns()}.log")
    tree = Tree(process.pid)
    try:
        port = await process.announced(r"http://[^\s/:]+:(\d+)")
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await _first_answer(session, "/readyz")
            ready, cpu = time.monotonic() - process.started_at, tree.cpu_seconds()
            page = await _first_answer(session, "/accounts/login")
        await asyncio.sleep(IDLE_SECONDS)
        idle_cpu = tree.cpu_seconds()
        await asyncio.sleep(IDLE_SECONDS)
        return {
            "ready_s": ready,
            "cpu_s": cpu,
            "first_page_ms": page * 1000,
            "idle_mb": tree.resident_mb(),
            "idle_cpu_ms_per_s": (tree.cpu_seconds() - idle_cpu) * 1000 / IDLE_SECONDS,
        }
    finally:
        process.kill()


async def _first_answer(session: aiohttp.ClientSession, path: str) -> float:
    """Ask until the answer is 200; returns the seconds that it took."""
    begun = time.monotonic()
    while True:
        try:
            async with session.get(path, headers={"Accept": "text/html, application/json"}) as response:
                if response.status == 200:
                    return time.monotonic() - begun
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.01)


def _installed() -> Figures:
    """The locked packages that a deployment installs, as they lie in this environment."""
    lock = (ROOT / "requirements.txt").read_text()
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)
    sizes = [_size(name) for name in names]
    return {"packages": sum(size > 0 for size in sizes), "mb": sum(sizes) / 1e6}


def _size(name: str) -> int:
    """Bytes of a distribution's files; 0 for one that this platform does not need."""
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        return 0
    places = (Path(str(file.locate())) for file in files)
    return sum(place.stat().st_size for place in places if place.exists())
