"""The log: one writer of an answer, exact positions before and after the end, and settling of the quota."""

import json
from uuid import uuid4

import pytest

from tertulia.accounts import quota
from tertulia.accounts.models import LedgerEntry
from tertulia.chat import actions
from tertulia.chat.generation import events, log
from tertulia.chat.generation.events import DELTA, REASONING, SOURCES, Piece
from tertulia.chat.generation.log import Outcome
from tertulia.chat.models import Conversation, Generation, GenerationEvent, Message, Worker
from tests.chat.rows import a_user, started

pytestmark = pytest.mark.usefixtures("database")

PIECES = [
    Piece(1, REASONING, "hm"),
    Piece(3, SOURCES, log.sources_payload([{"id": "x", "text": "«한»"}])),
    Piece(4, DELTA, "Hello "),
    Piece(10, DELTA, "🎭"),
    Piece(11, DELTA, "!"),
]
COMPLETE = Outcome("complete", "stop", usage={"total_tokens": 3})


def test_append_merges_and_reads_back_from_anywhere() -> None:
    run = started(a_user()).ids
    assert log.append({run.generation: PIECES}) == set()
    for position in range(13):
        snapshot = log.read(run.generation, position)
        assert snapshot
        assert snapshot.end is None
        assert snapshot.pieces == [p.beyond(position) for p in events.merged(PIECES) if p.after > position]


def test_positions_are_the_same_after_the_end() -> None:
    run = started(a_user()).ids
    log.append({run.generation: PIECES[:4]})
    before = [log.read(run.generation, position) for position in range(13)]
    log.finish(run.generation, COMPLETE, PIECES[4:])
    for position, earlier in enumerate(before):
        snapshot = log.read(run.generation, position)
        assert snapshot
        assert snapshot.end
        assert earlier
        text = events.text_of(snapshot.pieces, DELTA)
        assert text == events.text_of(earlier.pieces, DELTA) + "!"[max(0, position - 11) :]


def test_finish_folds_everything_into_the_answer() -> None:
    run = started(a_user()).ids
    log.append({run.generation: PIECES[:3]})
    end = log.finish(run.generation, COMPLETE, PIECES[3:])
    answer = Message.objects.get(id=run.answer)
    assert (answer.content, answer.reasoning, answer.status) == ("Hello 🎭!", "hm", "complete")
    assert answer.sources == [{"id": "x", "text": "«한»"}]
    assert end == events.End("complete", "stop", {"total_tokens": 3}, 8)
    assert not GenerationEvent.objects.filter(generation_id=run.generation).exists()


def test_only_the_first_end_counts() -> None:
    run = started(a_user()).ids
    assert log.finish(run.generation, Outcome("stopped"), PIECES)
    assert log.finish(run.generation, COMPLETE, [Piece(1, DELTA, "late")]) is None
    assert Message.objects.get(id=run.answer).status == "stopped"
    assert Message.objects.get(id=run.answer).content == "Hello 🎭!"


def test_an_ended_run_takes_no_more_text() -> None:
    run = started(a_user()).ids
    log.finish(run.generation, Outcome("interrupted"))
    assert log.append({run.generation: PIECES}) == {run.generation}
    assert not GenerationEvent.objects.filter(generation_id=run.generation).exists()


def test_a_deleted_run_takes_no_more_text() -> None:
    run = started(a_user())
    actions.delete_conversation(conversation=Conversation.objects.get(id=run.conversation_id))
    assert log.append({run.ids.generation: PIECES}) == {run.ids.generation}
    assert log.read(run.ids.generation, 0) is None
    assert log.finish(run.ids.generation, COMPLETE) is None


def test_a_batch_that_comes_twice_replaces_itself() -> None:
    run = started(a_user()).ids
    log.append({run.generation: PIECES[2:4]})
    log.append({run.generation: PIECES[2:]})  # as after a commit whose confirmation was lost
    snapshot = log.read(run.generation, 0)
    assert snapshot
    assert events.text_of(snapshot.pieces, DELTA) == "Hello 🎭!"


@pytest.mark.parametrize(
    ("pieces", "outcome", "used", "reason"),
    [
        (PIECES, COMPLETE, 1, ""),
        (PIECES[2:3], Outcome("stopped"), 1, ""),
        (PIECES[2:3], Outcome("failed", error="provider_reset"), 1, ""),
        ([], Outcome("failed", error="provider_reset"), 0, "provider_reset"),
        ([], Outcome("stopped"), 0, "stopped"),
        (PIECES[:1], Outcome("interrupted", error="process_lost"), 0, "process_lost"),
    ],
)
def test_a_unit_is_kept_once_text_of_an_answer_was_stored(
    pieces: list[Piece], outcome: Outcome, used: int, reason: str
) -> None:
    user = a_user()
    run = started(user).ids
    log.finish(run.generation, outcome, pieces)
    assert quota.standing(user).used == used
    assert LedgerEntry.objects.get(generation_id=run.generation).reason == reason


def test_reaping_ends_the_runs_of_a_dead_process_with_their_text() -> None:
    worker = uuid4()
    log.register(worker)
    user = a_user()
    spoken, silent = started(user, worker=worker).ids, started(user, worker=worker).ids
    log.append({spoken.generation: PIECES[2:3]})
    assert log.reap(worker) == 2
    assert Message.objects.get(id=spoken.answer).content == "Hello "
    assert {Message.objects.get(id=run.answer).status for run in (spoken, silent)} == {"interrupted"}
    assert quota.standing(user).used == 1
    assert not Worker.objects.filter(id=worker).exists()


def test_watch_tells_ours_from_others_and_what_to_stop() -> None:
    me, other = uuid4(), uuid4()
    log.beat(other)
    user = a_user()
    mine, theirs, stopping = (started(user, worker=worker).ids.generation for worker in (me, other, me))
    suspended = a_user()
    of_suspended = started(suspended, worker=me).ids.generation
    type(suspended).objects.filter(id=suspended.id).update(is_active=False)
    log.request_stop(stopping)
    seen = log.watch(me)
    assert seen.ours == {mine, stopping, of_suspended}
    assert seen.to_stop == {stopping, of_suspended}
    assert seen.beats[other] == 1
    for generation in (mine, theirs, stopping, of_suspended):
        log.finish(generation, Outcome("stopped"))


def test_a_beat_brings_a_forgotten_worker_back() -> None:
    worker = uuid4()
    log.beat(worker)
    log.beat(worker)
    assert Worker.objects.get(id=worker).beat == 2


def test_a_stop_of_an_ended_run_says_so() -> None:
    run = started(a_user()).ids
    assert log.request_stop(run.generation)
    log.finish(run.generation, Outcome("stopped"))
    assert not log.request_stop(run.generation)


def test_the_database_refuses_an_ended_run_without_its_time() -> None:
    from django.db import IntegrityError

    run = started(a_user()).ids
    with pytest.raises(IntegrityError):
        Generation.objects.filter(id=run.generation).update(status="complete")


def test_sources_payload_is_json() -> None:
    assert json.loads(log.sources_payload([{"a": 1}])) == {"sources": [{"a": 1}]}
