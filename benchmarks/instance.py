"""A running instance to be measured: server, scripted provider, database and rows, each in processes of their own."""

import json
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.proc import Tree
from benchmarks.report import Report
from tests.acceptance.processes import ROOT, Process, clean_environment, python
from tests.acceptance.stage import Server, Stage, World


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


@dataclass(frozen=True, slots=True)
class Instance:
    """The stage of the acceptance programme with one server; quota unlimited."""

    world: World
    server: Server

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def port(self) -> int:
        return port_of(self.url)

    @property
    def provider_port(self) -> int:
        return port_of(self.world.provider.url)

    @property
    def processes(self) -> Tree:
        return Tree(self.server.pid)

    def seeded(self, what: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows by benchmarks.seeding, in this instance's database."""
        written = subprocess.run(
            python("-m", "benchmarks.seed", what, *map(str, arguments)),
            cwd=ROOT,
            env=clean_environment() | dict(self.world.environment),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        rows: list[dict[str, Any]] = json.loads(written)
        return rows


@asynccontextmanager
async def instance(report: Report, **environment: str) -> AsyncIterator[Instance]:
    """A fresh instance of the report's kind; nothing of it is left afterwards."""
    stage = Stage(report.db, seed=0, nightly=False, random=random.Random(0))
    async with stage.world(
        servers=0, quota=None, cluster=None, folder=None, empty=False, shipped=True, **environment
    ) as world:
        yield Instance(world, await world.start_server("--workers", str(report.workers)))


@asynccontextmanager
async def beside(module: str) -> AsyncIterator[tuple[Tree, str]]:
    """A module that serves by itself, in a process of its own: it, and the address that it announces."""
    with tempfile.TemporaryDirectory(prefix="tertulia-bench-") as folder:
        process = Process(python("-m", module), {}, Path(folder, "output"))
        try:
            yield Tree(process.pid), await process.announced(r"ready (\S+)")
        finally:
            process.kill()
