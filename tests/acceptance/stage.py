"""Where an item plays: worlds of real server processes on one database, the scripted provider beside them."""

import asyncio
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance import clients
from tests.acceptance.clients import Client, Person
from tests.acceptance.databases import (
    Cluster,
    Database,
    SQLite,
    create_database,
    migrated_postgres,
    migrated_sqlite,
    shared_cluster,
)
from tests.acceptance.processes import FORKS, ROOT, Process, clean_environment, python
from tests.provider.serving import serve

# Found in no answer, log or row: the key that the servers present to the provider.
PROVIDER_KEY = "sk-canary-5e0c0de5b1a9473f"

SECRET_KEY = "of the acceptance programme, of sufficient length: " + "0123456789" * 3

READY_SECONDS = 90.0

# The shipped settings, except that passwords are hashed lightly.
LIGHT_SETTINGS = "tests.acceptance.settings"

# Of lines that are no log entries: what Python and SQLite print when nobody caught it.
_UNCAUGHT = re.compile(r"database is locked|Traceback|Logging error")
# A provider's fault or a database that is away is an answer (502 to 507) and logged as an error; a 500 is ours.
_ANSWERS = ("tertulia.request", "django.request")


class Server(Process):
    """One server process; `url` is its own address, whatever others serve the same instance."""

    url: str

    async def ready(self, session: aiohttp.ClientSession, seconds: float = READY_SECONDS) -> float:
        """Wait until readiness is announced; returns the seconds since the process was started."""
        port = await self.announced(r"http://[^\s/:]+:(\d+)")
        self.url = f"http://127.0.0.1:{port}"
        deadline = self.started_at + seconds
        while not await self._is_ready(session):
            if self.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not get ready:\n{self.said()[-4000:]}")
            await asyncio.sleep(0.05)
        return time.monotonic() - self.started_at

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.url + "/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ended_gracefully(self, seconds: float) -> float:
        """SIGTERM, and the seconds until the process is gone."""
        self.send(signal.SIGTERM)
        return await self.ended(seconds)


class Provider:
    """The scripted provider, in a process of its own that is forked: an interpreter for each world costs too much.

    `url` is for OPENAI_BASE_URL. It ends with the process that has started it.
    """

    def __init__(self) -> None:
        told, tells = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=serve, args=(tells.send,), daemon=True)
        self._process.start()
        tells.close()
        # It has said so within milliseconds, or is gone: EOFError.
        self.url: str = told.recv()
        told.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    async def log(self, session: aiohttp.ClientSession, *, times: bool = False) -> list[dict[str, Any]]:
        """Every request for a completion since the last reset, oldest first."""
        address = self.url.removesuffix("/v1") + ("/_log?times=1" if times else "/_log")
        async with session.get(address) as response:
            records: list[dict[str, Any]] = await response.json(content_type=None)
            return records

    async def reset(self, session: aiohttp.ClientSession) -> None:
        async with session.post(self.url.removesuffix("/v1") + "/_reset") as response:
            await response.read()


def scripted(said: str, **told: object) -> str:
    """A message that tells the scripted provider what to do; `said` makes it recognisable."""
    return f"{said} !script {json.dumps(told)}"


@dataclass(slots=True)
class World:
    """An instance of Tertulia: a data folder, a database, processes, a provider, and a session to ask them by."""

    folder: Path
    database: Database
    environment: Mapping[str, str]
    provider: Provider
    session: aiohttp.ClientSession
    servers: list[Server]

    @property
    def anyone(self) -> Client:
        """A client without credentials, at the first server."""
        return self.at(0)

    def at(self, server: int) -> Client:
        return Client(self.session, self.servers[server].url)

    async def start_server(self, *arguments: str, **environment: str) -> Server:
        """One more process on the same database and folder, ready to answer."""
        server = self.launch_server(*arguments, **environment)
        await server.ready(self.session)
        self.servers.append(server)
        return server

    def launch_server(self, *arguments: str, **environment: str) -> Server:
        """The same, but not waited for and not among `servers`."""
        command = python("-m", "tertulia", "serve", "--port", "0", *arguments)
        return Server(command, {**self.environment, **environment}, self._output("server"))

    async def join(self, name: str = "alice", server: int = 0) -> Person:
        """A new person, made over HTTP at one of the servers."""
        return await clients.join(self.at(server), f"{name}-{next(_people)}@example.org")

    def command(self, *arguments: str, **environment: str) -> str:
        """Run `tertulia …` to its end and return what it printed; raises CalledProcessError."""
        return subprocess.run(
            python("-m", "tertulia", *arguments),
            cwd=ROOT,
            env=clean_environment() | dict(self.environment) | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout.strip()

    async def provider_log(self, *, times: bool = False) -> list[dict[str, Any]]:
        return await self.provider.log(self.session, times=times)

    def said(self) -> str:
        """Everything that the server processes have logged."""
        outputs = sorted(self.folder.glob("server-*.log"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in outputs)

    def complaints(self) -> list[str]:
        """Lines of the logs that tell of a fault of the servers' own: a lock, a traceback, a 500."""
        return [line[:600] for line in self.said().splitlines() if _complains(line)]

    def _output(self, name: str) -> Path:
        return self.folder / f"{name}-{next(_processes)}.log"


def _complains(line: str) -> bool:
    if _UNCAUGHT.search(line):
        return True
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    if not isinstance(entry, dict) or entry.get("level") not in ("error", "critical"):
        return False
    return (
        entry.get("logger") not in _ANSWERS
        or "Internal Server Error" in entry["message"]
        or entry.get("status") == 500
    )


_people = itertools.count(1)
_processes = itertools.count(1)


@dataclass(slots=True)
class Stage:
    """What an item is given: the kind of database, chance from a seed, and whether there is a night for it."""

    db: str
    seed: int
    nightly: bool
    random: random.Random
    minutes: float | None = None

    def size(self, merge: int, nightly: int) -> int:
        return nightly if self.nightly else merge

    @asynccontextmanager
    async def world(
        self,
        *,
        servers: int = 1,
        quota: int | None = None,
        cluster: Cluster | None = None,
        folder: Path | None = None,
        empty: bool = False,
        shipped: bool = False,
        **environment: str,
    ) -> AsyncIterator[World]:
        """A fresh instance with so many processes; everything of it is gone afterwards.

        `quota` is TERTULIA_DAILY_QUOTA, None: unlimited. `folder` places the data somewhere special. The database has
        all tables already, unless it is to be `empty` or is on a server of its own, `cluster`. `shipped`: passwords are
        hashed as well as they are anywhere else.
        """
        own = Path(tempfile.mkdtemp(prefix="tertulia-world-"))
        data = folder or own
        database = await asyncio.to_thread(self._new_database, data, cluster, empty=empty)
        provider = Provider()
        started: list[Server] = []
        try:
            settings = {
                "TERTULIA_DATA": str(data),
                "DATABASE_URL": database.url,
                "SECRET_KEY": SECRET_KEY,
                "OPENAI_BASE_URL": provider.url,
                "OPENAI_API_KEY": PROVIDER_KEY,
                "TERTULIA_DAILY_QUOTA": "" if quota is None else str(quota),
                **({} if shipped else {"DJANGO_SETTINGS_MODULE": LIGHT_SETTINGS}),
                **environment,
            }
            if not database.url:
                del settings["DATABASE_URL"]
            async with new_session() as session:
                world = World(own, database, settings, provider, session, started)
                await _start(world, servers)
                yield world
        finally:
            provider.kill()
            for server in started:
                server.kill()
            _keep_or_remove(own)

    def _new_database(self, folder: Path, cluster: Cluster | None, *, empty: bool) -> Database:
        if self.db == "sqlite":
            return SQLite(folder) if empty else migrated_sqlite(folder)
        if empty or cluster:
            return create_database(cluster or shared_cluster())
        return migrated_postgres()


def new_session() -> aiohttp.ClientSession:
    """Without limits or cookies of its own: what is sent is what an item says."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=30, sock_read=120),
        json_serialize=json.dumps,
        trust_env=False,
    )


async def _start(world: World, count: int) -> None:
    """All at the same time: migrations have to cope with that too."""
    started = [world.launch_server() for _ in range(count)]
    world.servers += started
    await asyncio.gather(*(server.ready(world.session) for server in started))


def _keep_or_remove(folder: Path) -> None:
    if os.environ.get("ACCEPTANCE_KEEP"):
        print(json.dumps({"kept": str(folder)}), flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
