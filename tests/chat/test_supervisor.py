"""Runs of a process against the scripted provider, read as another process would: through the database alone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.conf import settings

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.chat import actions
from tertulia.chat.generation import events, log
from tertulia.chat.generation import supervisor as supervisor_module
from tertulia.chat.generation.start import Send, Started, start_generation
from tertulia.chat.generation.supervisor import Supervisor
from tertulia.chat.generation.tail import Tail, ended
from tertulia.chat.models import Conversation, Generation, Message, Worker
from tertulia.core.db import in_db
from tertulia.providers.catalogue import Resolved
from tertulia.providers.openai import OpenAIProvider
from tests.chat.rows import a_user, started

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def process() -> AsyncIterator[Supervisor]:
    """A supervisor of its own: the readers below do not share its memory."""
    process = Supervisor()
    await process.open()
    yield process
    await process.close()


@pytest.fixture
async def resolved() -> AsyncIterator[Resolved]:
    provider = OpenAIProvider(base_url=settings.OPENAI_BASE_URL, api_key="")
    yield Resolved(provider, "scripted-small")
    await provider.close()


@pytest.fixture
async def user(database: str) -> User:
    return await in_db(a_user, 100)


async def begun(process: Supervisor, resolved: Resolved, user: User, **script: object) -> Started:
    content = f"please !script {json.dumps(script)}"
    send = Send(user=user, worker_id=process.worker_id, resolved=resolved, origin="api", content=content)
    return await process.begin(lambda: start_generation(send))


async def answer_of(run: Started) -> Message:
    return await in_db(Message.objects.get, id=run.ids.answer)


async def test_another_process_reads_the_run_while_it_lives(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    text = "one two three four five six seven eight nine ten"
    run = await begun(process, resolved, user, text=text, rate=15)
    tail, batches = Tail(run.ids.generation), 0
    pieces: list[events.Piece] = []
    while (batch := await tail.next()).end is None:
        pieces.extend(batch.pieces)
        batches += 1
    pieces.extend(batch.pieces)
    assert events.text_of(pieces, events.DELTA) == text
    assert batches > 1, "the text came at once, not while the run lived"
    assert [piece.position for piece in pieces[1:]] == [piece.after for piece in pieces[:-1]]
    assert batch.end.status == "complete"
    assert (await answer_of(run)).content == text


async def test_a_stop_in_this_process_keeps_what_was_said(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    run = await begun(process, resolved, user, tokens=500, rate=50)
    live = process.live_log(run.ids.generation)
    assert live
    while live.position < 20:
        await live.more()
    shown = events.text_of(live.pieces, events.DELTA)
    assert process.stop(run.ids.generation)
    assert (await ended(run.ids.generation)).status == "stopped"
    answer = await answer_of(run)
    assert (answer.status, answer.content) == ("stopped", shown)


async def test_a_stop_before_the_first_step_still_ends_the_run(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    run = await in_db(started, user, "x", process.worker_id, resolved=resolved)
    assert run.plan
    process.launch(run.plan)
    assert process.stop(run.ids.generation)
    assert (await ended(run.ids.generation)).status == "stopped"


async def test_a_stop_asked_of_another_process_arrives(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    run = await begun(process, resolved, user, tokens=500, rate=20)
    await in_db(log.request_stop, run.ids.generation)
    assert (await asyncio.wait_for(ended(run.ids.generation), 5)).status == "stopped"


async def test_a_suspended_user_s_run_ends(process: Supervisor, resolved: Resolved, user: User) -> None:
    run = await begun(process, resolved, user, tokens=500, rate=20)
    await in_db(User.objects.filter(id=user.id).update, is_active=False)
    assert (await asyncio.wait_for(ended(run.ids.generation), 5)).status == "stopped"


async def test_a_deleted_run_is_dropped(process: Supervisor, resolved: Resolved, user: User) -> None:
    run = await begun(process, resolved, user, tokens=500, rate=20)
    live = process.live_log(run.ids.generation)
    assert live
    await in_db(actions.delete_all, user=user)
    while live.end is None:
        await asyncio.wait_for(live.more(), 5)
    assert (live.end.status, live.end.error) == ("stopped", "deleted")
    assert process.live_log(run.ids.generation) is None


async def test_drain_lets_short_answers_end_and_interrupts_long_ones(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    short = await begun(process, resolved, user, tokens=5, rate=20)
    long = await begun(process, resolved, user, tokens=5_000, rate=20)
    live = process.live_log(long.ids.generation)
    assert live
    began = time.monotonic()
    await process.drain(1.0)
    assert time.monotonic() - began < 3
    assert (await answer_of(short)).status == "complete"
    answer = await answer_of(long)
    assert answer.status == "interrupted"
    assert answer.content == events.text_of(live.pieces, events.DELTA) != ""


async def test_drain_waits_for_what_begins_meanwhile(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    first = await begun(process, resolved, user, tokens=5, rate=20)
    draining = asyncio.create_task(process.drain(10.0))
    await asyncio.sleep(0.1)
    late = await begun(process, resolved, user, tokens=20, rate=20)
    await draining
    assert [(await answer_of(run)).status for run in (first, late)] == ["complete", "complete"]


async def test_drain_waits_for_a_start_under_way(
    process: Supervisor, resolved: Resolved, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(started: Callable[..., Started]) -> Callable[..., Started]:
        def unit(*arguments: Any) -> Started:
            time.sleep(0.3)
            return started(*arguments)

        return unit

    monkeypatch.setitem(globals(), "start_generation", slow(start_generation))
    beginning = asyncio.create_task(begun(process, resolved, user, tokens=5, rate=20))
    await asyncio.sleep(0.1)
    await process.drain(10.0)
    assert (await answer_of(await beginning)).status == "complete"


async def test_who_had_only_short_runs_gives_signs_of_life(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    """Another process may have met one of them at each of its looks, and this one none at any of its own."""

    async def beat() -> int:
        return (await in_db(Worker.objects.get, id=process.worker_id)).beat

    before = await beat()
    run = await begun(process, resolved, user, tokens=1, rate=1000)
    assert (await ended(run.ids.generation)).status == "complete"
    await asyncio.sleep(1.5)
    after = await beat()
    assert after > before
    await asyncio.sleep(2.5)
    assert await beat() == after, "an idle process writes"


async def test_a_start_whose_launch_never_came_is_ended(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    run = await in_db(started, user, "x", process.worker_id, resolved=resolved)
    end = await asyncio.wait_for(ended(run.ids.generation), 10)
    assert (end.status, end.error) == ("interrupted", "process_lost")


async def test_the_runs_of_a_silent_process_are_reaped(
    process: Supervisor, resolved: Resolved, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "STALE_LOOKS", 3)
    dead, alive = Supervisor(), Supervisor()
    for other in (dead, alive):
        await in_db(log.register, other.worker_id)
    lost = await in_db(started, user, "x", dead.worker_id, resolved=resolved)
    kept = await in_db(started, user, "x", alive.worker_id, resolved=resolved)

    async def beat() -> None:
        while True:
            await in_db(log.beat, alive.worker_id)
            await asyncio.sleep(0.5)

    beating = asyncio.create_task(beat())
    assert (await asyncio.wait_for(ended(lost.ids.generation), 10)).status == "interrupted"
    await asyncio.sleep(1.5)
    still = await in_db(Generation.objects.get, id=kept.ids.generation)
    beating.cancel()
    assert still.status == "running"
    await in_db(log.reap, alive.worker_id)


async def test_it_is_looks_that_count_and_no_time(
    resolved: Resolved, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a whole machine was held: on waking, the beat is as old for the one as it is for the other."""
    held, other = Supervisor(), Supervisor()
    await in_db(log.register, other.worker_id)
    run = await in_db(started, user, "x", other.worker_id, resolved=resolved)

    async def status() -> str:
        return (await in_db(Generation.objects.get, id=run.ids.generation)).status

    beats = {other.worker_id: 0}
    await held._reap_dead(beats)
    slept = time.monotonic() + 60
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: slept)
        await held._reap_dead(beats)
    for _ in range(supervisor_module.STALE_LOOKS - 3):
        await held._reap_dead(beats)
    assert await status() == "running"
    await held._reap_dead(beats)
    assert await status() == "interrupted"


@pytest.mark.parametrize(
    ("script", "status", "error", "used"),
    [
        ({"status": 500}, "failed", "provider_error", 0),
        ({"fault": "empty"}, "failed", "provider_empty", 0),
        ({"fault": "reset", "at": 3, "tokens": 9}, "failed", "provider_reset", 1),
        ({"fault": "length", "tokens": 4}, "complete", "", 1),
    ],
)
async def test_a_provider_s_fault_is_an_outcome(
    process: Supervisor,
    resolved: Resolved,
    user: User,
    script: dict[str, object],
    status: str,
    error: str,
    used: int,
) -> None:
    run = await begun(process, resolved, user, **script)
    end = await ended(run.ids.generation)
    assert (end.status, end.error) == (status, error)
    answer = await answer_of(run)
    assert (answer.status, answer.error, bool(answer.content)) == (status, error, bool(used))
    assert (await in_db(quota.standing, user)).used == used


async def test_one_transaction_stores_all_live_runs(
    process: Supervisor, resolved: Resolved, user: User
) -> None:
    runs = [await begun(process, resolved, user, tokens=40, rate=40) for _ in range(5)]
    await asyncio.sleep(0.7)
    for run in runs:
        snapshot = await in_db(log.read, run.ids.generation, 0)
        assert snapshot
        assert snapshot.pieces
        assert len(snapshot.pieces) < 6, "stored token by token"
    for run in runs:
        await ended(run.ids.generation)
    assert await in_db(Conversation.objects.filter(user=user).count) == 5
