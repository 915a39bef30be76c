"""The log: one writer of an answer, exact positions before and after the end, and settling of the quota."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import time_machine

from tertulia.accounts import quota
from tertulia.accounts.models import LedgerEntry
from tertulia.chat import actions
from tertulia.chat.generation import events, log
from tertulia.chat.generation.events import DELTA, REASONING, SOURCES, Piece
from tertulia.chat.generation.log import Outcome
from tertulia.chat.models import Conversation, Generation, GenerationEvent, Message, Worker
from tests.chat.rows import a_conversation, a_talk, a_user, answered, looking_through, started

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


def test_batches_are_read_in_their_order_however_they_came() -> None:
    run = started(a_user()).ids
    other = started(a_user()).ids
    log.append({run.generation: PIECES[3:], other.generation: [Piece(1, DELTA, "not this")]})
    log.append({run.generation: PIECES[:3]})
    snapshot = log.read(run.generation, 0)
    assert snapshot
    assert events.merged(snapshot.pieces) == events.merged(PIECES)


def test_of_several_runs_only_the_ended_takes_no_more() -> None:
    user = a_user()
    ended, first, second = (started(user).ids.generation for _each in range(3))
    log.finish(ended, Outcome("stopped"))
    assert log.append(dict.fromkeys([ended, first, second], PIECES)) == {ended}
    stored = GenerationEvent.objects.filter(generation_id__in=[ended, first, second])
    assert set(stored.values_list("generation_id", flat=True)) == {first, second}


def test_an_ended_run_is_read_in_two_statements(django_queries: list[str]) -> None:
    run = started(a_user()).ids
    log.finish(run.generation, Outcome("failed", "length", "provider_reset", {"total_tokens": 9}), PIECES)
    django_queries.clear()
    snapshot = log.read(run.generation, 0)
    assert snapshot
    assert snapshot.end == events.End("failed", "length", {"total_tokens": 9}, 8, "provider_reset")
    assert snapshot.pieces == events.merged(PIECES)
    assert len(django_queries) == 2


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


def test_the_rows_say_how_it_ended_in_what_their_columns_hold() -> None:
    run, untouched = started(a_user()).ids, started(a_user()).ids
    log.append({untouched.generation: PIECES})
    began, now = (datetime(2026, 11, 21, 10, minute, tzinfo=UTC) for minute in (0, 1))
    outcome = Outcome("failed", "r" * 41, "e" * 61, {"total_tokens": 3}, began)
    with time_machine.travel(now, tick=False):
        log.finish(run.generation, outcome, PIECES[3:])
    row = Generation.objects.get(id=run.generation)
    assert (row.status, row.finish_reason, row.error, row.usage) == ("failed", "r" * 40, "e" * 60, None)
    assert (row.first_token_at, row.ended_at) == (began, now)
    assert row.layout == [["delta", 2]]
    answer = Message.objects.get(id=run.answer)
    assert (answer.status, answer.error, answer.usage) == ("failed", "e" * 60, {"total_tokens": 3})
    assert (answer.sources, answer.reasoning, answer.updated_at) == ([], "", now)
    assert Generation.objects.get(id=untouched.generation).status == "running"
    assert Message.objects.get(id=untouched.answer).status == "streaming"
    assert GenerationEvent.objects.filter(generation_id=untouched.generation).count() == 3


def test_a_stop_leaves_no_error() -> None:
    run = started(a_user()).ids
    assert log.finish(run.generation, Outcome("stopped"), PIECES) == events.End("stopped", "", None, 8, "")
    row = Generation.objects.get(id=run.generation)
    assert (row.finish_reason, row.error, row.first_token_at) == ("", "", None)


def test_a_memory_run_becomes_notes_and_its_words_are_not_kept(django_queries: list[str]) -> None:
    user = a_user()
    talk = a_talk(user)
    said = answered(user, talk, content="My dog is Bruno.")
    answered(user, a_conversation(user))  # another conversation, which need not be locked
    run_id = looking_through(talk).generation_id
    text = '{"fact": "The dog is called Bruno.", "source": 1}'
    log.append({run_id: [Piece(1, DELTA, text[:9])]})
    django_queries.clear()
    end = log.finish(run_id, COMPLETE, [Piece(10, DELTA, text[9:])])
    assert end == events.End("complete", "stop", {"total_tokens": 3}, 0)
    touched = [query for query in django_queries if query.startswith("SELECT")]
    # As a deletion takes them: whoever took the run first would wait for it in turn.
    assert 'FROM "chat_conversation"' in touched[0]
    assert 'FROM "chat_generation"' in touched[1]
    assert '"layout"' not in touched[1]
    run = Generation.objects.get(id=run_id)
    assert (run.layout, run.usage, run.status) == ([], {"total_tokens": 3}, "complete")
    assert talk.instance
    assert [entry.text for entry in talk.instance.entries.all()] == ["The dog is called Bruno."]
    assert not Generation.objects.get(id=said.ids.generation).to_remember
    assert log.read(run_id, 0) == log.Snapshot([], end)


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
    row = Generation.objects.get(id=spoken.generation)
    assert (row.error, row.finish_reason) == ("process_lost", "")


def test_reaping_touches_no_other_process() -> None:
    dead, alive = uuid4(), uuid4()
    for worker in (dead, alive):
        log.register(worker)
    user = a_user()
    ended, orphan = (started(user, worker=dead).ids.generation for _each in range(2))
    kept = started(user, worker=alive).ids.generation
    log.finish(ended, Outcome("complete", "stop"), PIECES)
    assert (log.reap(dead), log.reap(dead)) == (1, 0)
    rows = dict(Generation.objects.filter(id__in=[ended, orphan, kept]).values_list("id", "status"))
    assert rows == {ended: "complete", orphan: "interrupted", kept: "running"}
    assert list(Worker.objects.filter(id__in=[dead, alive])) == [Worker.objects.get(id=alive)]
    assert (log.interrupt(kept), log.interrupt(kept)) == (True, False)


def test_a_process_that_retires_is_forgotten_alone() -> None:
    gone, other = uuid4(), uuid4()
    for worker in (gone, gone, other):  # registering again changes nothing
        log.register(worker)
    log.retire(gone)
    assert list(Worker.objects.filter(id__in=[gone, other]).values_list("id", "beat")) == [(other, 0)]


def test_watch_tells_ours_from_others_and_what_to_stop() -> None:
    me, other = uuid4(), uuid4()
    log.beat(other)
    user = a_user()
    mine, theirs, stopping = (started(user, worker=worker).ids.generation for worker in (me, other, me))
    suspended = a_user()
    of_suspended = started(suspended, worker=me).ids.generation
    type(suspended).objects.filter(id=suspended.id).update(is_active=False)
    log.request_stop(stopping)
    ended, unknown = started(user, worker=me).ids.generation, uuid4()
    log.finish(ended, Outcome("stopped"))
    of_unknown = started(user, worker=unknown).ids.generation
    stopped_elsewhere = started(user, worker=other).ids.generation
    log.request_stop(stopped_elsewhere)
    log.beat(me)
    seen = log.watch(me)
    assert seen.ours == {mine, stopping, of_suspended}
    assert seen.to_stop == {stopping, of_suspended}
    assert (seen.beats[other], seen.beats[unknown]) == (1, -1)
    assert me not in seen.beats
    for generation in (mine, theirs, stopping, of_suspended, of_unknown, stopped_elsewhere):
        log.finish(generation, Outcome("stopped"))


def test_a_beat_brings_a_forgotten_worker_back() -> None:
    worker, other = uuid4(), uuid4()
    log.beat(other)
    log.beat(worker)
    log.beat(worker)
    assert [Worker.objects.get(id=each).beat for each in (worker, other)] == [2, 1]


def test_a_stop_of_an_ended_run_says_so() -> None:
    run, other = started(a_user()).ids, started(a_user()).ids
    assert log.request_stop(run.generation)
    asked = Generation.objects.filter(id__in=[run.generation, other.generation], stop_requested=True)
    assert [row.id for row in asked] == [run.generation]
    log.finish(run.generation, Outcome("stopped"))
    assert not log.request_stop(run.generation)


def test_the_database_refuses_an_ended_run_without_its_time() -> None:
    from django.db import IntegrityError

    run = started(a_user()).ids
    with pytest.raises(IntegrityError):
        Generation.objects.filter(id=run.generation).update(status="complete")


def test_sources_payload_is_json() -> None:
    assert json.loads(log.sources_payload([{"a": 1}])) == {"sources": [{"a": 1}]}
    assert log.sources_payload([{"text": "한"}]) == '{"sources": [{"text": "한"}]}'
