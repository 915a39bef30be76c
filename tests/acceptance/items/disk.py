"""F9: a disk that is full refuses writes and, once there is room, takes them again.

Played by the programme through `items`.
"""

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.clients import Answer, Client, Conversation
from tests.acceptance.databases import Cluster
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.acceptance.waiting import seconds_until

# For database and media. A PostgreSQL server occupies 64 MB before anybody has written a word.
DISK_BYTES = {"sqlite": 64 * 2**20, "postgres": 160 * 2**20}
# Longer than a request takes that waits for nothing.
HELD_SECONDS = 2.0
# Otherwise it keeps more of its log than fits.
_SMALL_LOG = ("max_wal_size = '32MB'", "min_wal_size = '32MB'")


def can_mount() -> bool:
    """A small file system of one's own needs root."""
    return os.name == "posix" and os.geteuid() == 0


@contextmanager
def _small_disk(size: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tertulia-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def _cluster_on(disk: Path, db: str) -> Iterator[Cluster | None]:
    if db == "sqlite":
        yield None
        return
    cluster = Cluster(disk, settings=_SMALL_LOG)
    try:
        yield cluster
    finally:
        cluster.close()


@dataclass(slots=True)
class Answers:
    """What was answered, and what waits: an answer that began while there was room is held until it is stored."""

    given: list[Answer] = field(default_factory=list)
    held: list["asyncio.Task[Answer]"] = field(default_factory=list)

    async def ask_everything(self, client: Client) -> None:
        """Reads, and writes that need more room than a page of the log happens to have left."""
        long = "A message that needs room. " * 3000
        for _ in range(6):
            await self._ask(
                *(client.get(path) for path in ("/api/usage", "/chat", "/readyz")),
                client.post("/chat", {"content": long}),
                client.post("/api/conversations", {"title": "One more"}),
            )

    async def _ask(self, *requests: Coroutine[None, None, Answer]) -> None:
        asked = {asyncio.create_task(request) for request in requests}
        given, held = await asyncio.wait(asked, timeout=HELD_SECONDS)
        self.given += [task.result() for task in given]
        self.held += held

    async def end(self) -> None:
        """Wait for what was held."""
        self.given += await asyncio.gather(*self.held)


async def full_disk(stage: Stage) -> Outcome:
    """A small disk for database and media, filled to the last byte in the middle of an answer, then freed."""
    outcome = Outcome()
    with _small_disk(DISK_BYTES[stage.db]) as disk, _cluster_on(disk, stage.db) as cluster:
        data = disk / "data"
        data.mkdir()
        async with stage.world(folder=data, cluster=cluster) as world:
            person = await world.join()
            client = person.at(world.servers[0].url)
            conversation, trace = await Conversation.begin(client), Trace()
            content = scripted("While the disk is full.", tokens=160, rate=20)
            answering = asyncio.create_task(conversation.stream(content, trace))
            await trace.until_text()
            during = await _through_it(client, cluster, disk / "ballast")
            accepted = await seconds_until(lambda: _is_accepted(client), 10)
            await answering
            stored = (await conversation.message(trace.start["answer"]))["content"] if trace.start else ""
            allowed = (200, 201, 503, 507)
            wrong = [str(answer) for answer in during.given if answer.status not in allowed]
            outcome.none_of("answers_other_than_507_or_503", wrong)
            refused = [answer.status for answer in during.given if answer.status in (503, 507)]
            outcome.at_least("writes_refused", len(refused), 5)
            outcome.at_least("refused_because_of_the_disk", refused.count(507), 1)
            outcome.none_of("acknowledged_writes_lost", await _lost(client, during.given))
            outcome.note("answers_held_until_there_was_room", len(during.held))
            outcome.at_most("accepted_again_seconds", accepted, 5)
            outcome.exactly("open_answer_complete", _is_complete(trace) and trace.text == stored, True)
            _check_database(outcome, world)
    return outcome


async def _through_it(client: Client, cluster: Cluster | None, ballast: Path) -> Answers:
    """What was answered while there was no room; afterwards there is, and a database that had to end is started."""
    answers = Answers()
    await asyncio.to_thread(_fill, ballast)
    await answers.ask_everything(client)
    if cluster:
        # Where even its log finds no room, PostgreSQL ends itself rather than lose a commit.
        await asyncio.to_thread(cluster.next_log_file)
        await answers.ask_everything(client)
    await asyncio.to_thread(ballast.unlink)
    if cluster:
        await asyncio.to_thread(cluster.revive)
    await answers.end()
    return answers


def _fill(ballast: Path) -> None:
    """Write until nothing more fits, in ever smaller pieces."""
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


async def _is_accepted(client: Client) -> bool:
    return (await client.post("/chat", {"content": "And now there is room."})).status == 201


async def _lost(client: Client, answers: list[Answer]) -> list[str]:
    """Writes that were confirmed and are not there."""
    made = [answer.json() for answer in answers if answer.status == 201]
    paths = [("/api/conversations/" if "title" in body else "/chat/") + str(body["id"]) for body in made]
    return [path for path in paths if (await client.get(path)).status != 200]


def _is_complete(trace: Trace) -> bool:
    return (trace.end or {}).get("status") == "complete"


def _check_database(outcome: Outcome, world: World) -> None:
    """Every row can be read, and none refers to one that is missing."""
    rows = world.database.rows
    if not world.database.url:
        outcome.exactly("integrity", rows("PRAGMA integrity_check"), [("ok",)])
        outcome.exactly("broken_references", rows("PRAGMA foreign_key_check"), [])
        return
    outcome.at_least("tables_read", sum(bool(rows(query)) for (query,) in rows(_TABLES)), 30)
    outcome.exactly("broken_references", [found for (q,) in rows(_REFERENCES) for found in rows(q)], [])


# A query for each table that reads all of it.
_TABLES = """
    SELECT format('SELECT count(t::text) FROM %%I t', tablename) FROM pg_tables WHERE schemaname = 'public'
"""
# A query for each foreign key that finds its rows without a counterpart.
_REFERENCES = """
    SELECT format('SELECT %%L FROM %%s a LEFT JOIN %%s b ON a.%%I = b.%%I WHERE a.%%I IS NOT NULL AND b.%%I IS NULL',
        c.conname, c.conrelid::regclass, c.confrelid::regclass, k.attname, f.attname, k.attname, f.attname)
    FROM pg_constraint c
    JOIN pg_attribute k ON k.attrelid = c.conrelid AND k.attnum = c.conkey[1]
    JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
    WHERE c.contype = 'f'
"""
