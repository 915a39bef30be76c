"""A reader of a run: everything once from any position, live or stored, until its end, or its login's."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from django.conf import settings

from tertulia.accounts.models import User
from tertulia.accounts.watching import Permit
from tertulia.chat import actions
from tertulia.chat.generation import events, log
from tertulia.chat.generation import tail as tail_module
from tertulia.chat.generation.events import DELTA, REASONING, End, Ids, Piece
from tertulia.chat.generation.log import Outcome
from tertulia.chat.generation.start import Send, start_generation
from tertulia.chat.generation.supervisor import Supervisor
from tertulia.chat.generation.tail import BURST, RATE, Batch, Tail, ended, event_stream
from tertulia.core.db import in_db
from tertulia.core.errors import NotFound, Unauthenticated
from tertulia.core.ids import uuid7
from tertulia.providers.catalogue import Resolved
from tertulia.providers.openai import OpenAIProvider
from tests.chat.rows import a_user, started

pytestmark = pytest.mark.usefixtures("database")

PIECES = [Piece(1, REASONING, "hm"), Piece(3, DELTA, "Hello "), Piece(9, DELTA, "you")]
COMPLETE = Outcome("complete", "stop", usage={"total_tokens": 3})
END = End("complete", "stop", {"total_tokens": 3}, 9)
HEARTBEAT = b": still here\n\n"

Begin = Callable[..., Awaitable[Ids]]


@pytest.fixture
async def user(database: str) -> User:
    return await in_db(a_user, 100)


@pytest.fixture
async def stored(user: User) -> Ids:
    """A run of another process that has said something and goes on."""
    ids = (await in_db(started, user)).ids
    await in_db(log.append, {ids.generation: PIECES})
    return ids


@pytest.fixture
async def finished(user: User) -> Ids:
    ids = (await in_db(started, user)).ids
    await in_db(log.finish, ids.generation, COMPLETE, PIECES)
    return ids


@pytest.fixture
async def process() -> AsyncIterator[Supervisor]:
    process = Supervisor()
    await process.open()
    yield process
    await process.close()


@pytest.fixture
async def begin(process: Supervisor, user: User) -> AsyncIterator[Begin]:
    """Starts a live run of the scripted provider."""
    provider = OpenAIProvider(base_url=settings.OPENAI_BASE_URL, api_key="")
    resolved = Resolved(provider, "scripted-small")

    async def start(**script: object) -> Ids:
        content = f"!script {json.dumps(script)}"
        send = Send(user=user, worker_id=process.worker_id, resolved=resolved, origin="api", content=content)
        return (await process.begin(lambda: start_generation(send))).ids

    yield start
    await process.drain(0)
    await provider.close()


async def soon(waiting: asyncio.Task[Batch]) -> Batch:
    return await asyncio.wait_for(waiting, 15)


async def read(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [frame async for frame in stream]


async def delete(user: User) -> None:
    await in_db(actions.delete_all, user=user)


# --- Stored runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 1, 2, 3, 5, 11])
async def test_what_is_stored_comes_from_the_position_on(stored: Ids, position: int) -> None:
    tail = Tail(stored.generation, position)
    batch = await tail.next()
    expected = [piece.beyond(position) for piece in events.merged(PIECES) if piece.after > position]
    assert batch == Batch(expected)
    assert tail.position == 12


async def test_a_stored_run_is_followed_to_its_end(stored: Ids) -> None:
    tail = Tail(stored.generation)
    await tail.next()
    waiting = asyncio.create_task(tail.next())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await in_db(log.append, {stored.generation: [Piece(12, DELTA, "!")]})
    assert await soon(waiting) == Batch([Piece(12, DELTA, "!")])
    await in_db(log.finish, stored.generation, COMPLETE)
    batch = await soon(asyncio.create_task(tail.next()))
    assert (batch.pieces, batch.end) == ([], End("complete", "stop", {"total_tokens": 3}, 10))
    assert tail.position == 13


async def test_a_stored_run_that_says_nothing_gives_signs_of_life(
    stored: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "IDLE", 1.0)
    tail = Tail(stored.generation, 12)
    for _each in range(2):
        waiting = asyncio.create_task(tail.next())
        await asyncio.sleep(0.1)
        assert not waiting.done(), "a sign of life at every look"
        assert await soon(waiting) == Batch(())
    assert tail.position == 12


async def test_a_deleted_run_is_not_found(stored: Ids, user: User) -> None:
    tail = Tail(stored.generation, 12)
    waiting = asyncio.create_task(tail.next())
    await delete(user)
    with pytest.raises(NotFound):
        await soon(waiting)


async def test_who_waits_for_the_end_gets_it(stored: Ids) -> None:
    permit = Permit("a login")
    waiting = asyncio.create_task(ended(stored.generation, permit))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await in_db(log.finish, stored.generation, COMPLETE)
    assert await asyncio.wait_for(waiting, 15) == END


async def test_who_waits_for_the_end_is_refused_when_the_login_ends(stored: Ids) -> None:
    permit = Permit("a login")
    waiting = asyncio.create_task(ended(stored.generation, permit))
    await asyncio.sleep(0.1)
    permit.end()
    with pytest.raises(Unauthenticated):
        await asyncio.wait_for(waiting, 15)


# --- Live runs ------------------------------------------------------------------------------------------------------


async def test_a_live_run_comes_whole_and_as_it_is_said(process: Supervisor, begin: Begin) -> None:
    text = "one two three four five six seven eight"
    tail = Tail((await begin(text=text, rate=6)).generation, owner=process)
    pieces: list[Piece] = []
    while (batch := await soon(asyncio.create_task(tail.next()))).end is None:
        assert batch.pieces
        pieces.extend(batch.pieces)
        assert tail.position == pieces[-1].after
    assert pieces, "all of it came with the end"
    pieces.extend(batch.pieces)
    assert events.text_of(pieces, DELTA) == text
    assert (batch.end.status, batch.end.length) == ("complete", len(text))


async def test_every_live_reader_has_a_position_of_its_own(process: Supervisor, begin: Begin) -> None:
    ids = await begin(text="one two three four", rate=10)
    tail, late = (Tail(ids.generation, position, owner=process) for position in (0, 5))
    first = await soon(asyncio.create_task(tail.next()))
    assert first.pieces[0].position == 1
    pieces: list[Piece] = []
    while (batch := await soon(asyncio.create_task(late.next()))).end is None:
        pieces.extend(batch.pieces)
    assert events.text_of([*pieces, *batch.pieces], DELTA) == "one two three four"[4:]


async def test_a_live_run_that_says_nothing_gives_signs_of_life(
    process: Supervisor, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "IDLE", 1.0)
    tail = Tail((await begin(delay=60)).generation, 1, owner=process)
    for _each in range(2):
        waiting = asyncio.create_task(tail.next())
        await asyncio.sleep(0.1)
        assert not waiting.done(), "a sign of life at every wake-up"
        assert await soon(waiting) == Batch(())
    assert tail.position == 1


async def test_a_live_reader_hears_of_the_end_of_its_login_at_once(process: Supervisor, begin: Begin) -> None:
    permit = Permit("a login")
    tail = Tail((await begin(delay=60)).generation, permit=permit, owner=process)
    waiting = asyncio.create_task(tail.next())
    await asyncio.sleep(0.1)
    permit.end()
    with pytest.raises(Unauthenticated):
        await asyncio.wait_for(waiting, 15)


async def test_a_login_that_has_ended_reads_nothing_at_all(stored: Ids) -> None:
    permit = Permit("a login")
    permit.end()
    with pytest.raises(Unauthenticated):
        await Tail(stored.generation, permit=permit).next()


def test_a_reader_saves_a_few_writes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tail = Tail(uuid7())
    left = []
    for passed in (0.0, 0.0, 1 / RATE, 3 / RATE, 60.0):
        now += passed
        tail._spend()
        left.append(round(tail._budget, 6))
    assert left == [BURST - 1, BURST - 2, BURST - 2, BURST - 1, BURST - 1]
    now += 2.5
    assert tail._idle() == 2.5


async def test_who_has_spent_everything_waits_for_the_next_write(process: Supervisor, begin: Begin) -> None:
    tail = Tail((await begin(text="a b c d e f g h", rate=400)).generation, owner=process)
    await soon(asyncio.create_task(tail.next()))
    tail._budget = -19.0  # half a second
    waiting = asyncio.create_task(tail.next())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await soon(waiting)


# --- The wire -------------------------------------------------------------------------------------------------------


async def test_the_wire_of_an_ended_run(finished: Ids) -> None:
    start = events.encode_start(finished)
    words = [events.encode_piece(piece) for piece in events.merged(PIECES)]
    end = events.encode_end(12, END)
    permit = Permit("a login")
    assert await read(event_stream(finished, 0, permit)) == [start, b"".join([*words, end])]
    assert await read(event_stream(finished, 1, permit)) == [b"".join([*words, end])]
    cut = events.encode_piece(Piece(4, DELTA, "ello you"))
    assert await read(event_stream(finished, 4, permit)) == [cut + end]
    assert await read(event_stream(finished, 12, permit)) == [end]


async def test_the_wire_of_a_run_that_goes_on(stored: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "IDLE", 0.2)
    stream = event_stream(stored, 0, Permit("a login"))
    words = b"".join(events.encode_piece(piece) for piece in events.merged(PIECES))
    frames = [await asyncio.wait_for(anext(stream), 15) for _each in range(4)]
    assert frames == [events.encode_start(stored), words, HEARTBEAT, HEARTBEAT]
    await in_db(log.finish, stored.generation, COMPLETE)
    assert [frame for frame in await read(stream) if frame != HEARTBEAT] == [events.encode_end(12, END)]


async def test_the_wire_of_a_deleted_run_ends_where_the_reader_is(stored: Ids, user: User) -> None:
    stream = event_stream(stored, 3, Permit("a login"))
    await anext(stream)
    await delete(user)
    assert await read(stream) == [events.encode_end(12, End("stopped", "", None, 0, "deleted"))]


async def test_the_wire_stops_without_an_end_when_the_login_ends(stored: Ids) -> None:
    permit = Permit("a login")
    stream = event_stream(stored, 1, permit)
    await anext(stream)
    permit.end()
    assert await read(stream) == []
