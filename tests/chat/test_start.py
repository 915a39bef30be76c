"""Starting a run commits everything that an accepted request means, or nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import time_machine
from django.conf import settings
from django.db import connections

from tertulia.accounts import quota
from tertulia.accounts.models import LedgerEntry, User
from tertulia.chat import actions
from tertulia.chat.generation import log
from tertulia.chat.generation.events import DELTA, Piece
from tertulia.chat.generation.log import Outcome
from tertulia.chat.generation.start import Key, Started, check_content, start_memory
from tertulia.chat.models import Conversation, Generation, IdempotencyKey, Message
from tertulia.core.errors import IdempotencyMismatch, InvalidInput, NotFound, OverQuota
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.offline import OfflineProvider
from tests.chat.rows import (
    WORKER,
    a_chain,
    a_conversation,
    a_talk,
    a_user,
    answered,
    asked,
    due,
    looking_through,
    started,
)  # fmt: skip

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database")


def counts(user: User) -> tuple[int, int, int, int]:
    return (
        Conversation.objects.filter(user=user).count(),
        Message.objects.filter(user=user).count(),
        Generation.objects.filter(user=user).count(),
        LedgerEntry.objects.filter(user=user).count(),
    )


def test_rows_of_a_first_message() -> None:
    user = a_user()
    run = started(user, "Hello there")
    conversation = Conversation.objects.get(id=run.conversation_id)
    question = Message.objects.get(id=run.ids.user_message)
    answer = Message.objects.get(id=run.ids.answer)
    assert (conversation.title, conversation.leaf_id) == ("Hello there", answer.id)
    assert (question.parent_id, question.role, question.status, question.content) == (
        None, "user", "complete", "Hello there",
    )  # fmt: skip
    assert (answer.parent_id, answer.role, answer.status, answer.content) == (
        question.id, "assistant", "streaming", "",
    )  # fmt: skip
    assert counts(user) == (1, 2, 1, 1)
    assert quota.standing(user).used == 1
    assert run.standing == quota.standing(user)
    assert (answer.model, answer.parameters, conversation.origin) == ("offline", {}, "api")
    assert (conversation.spoken_leaf_id, conversation.instance_id) == (answer.id, None)
    assert conversation.memory_due_at is None


def test_the_row_of_a_run_names_who_asked_what_of_whom() -> None:
    user, worker = a_user(), uuid7()
    run = started(user, worker=worker)
    row = Generation.objects.get(id=run.ids.generation)
    assert (row.user_id, row.conversation_id, row.worker_id) == (user.id, run.conversation_id, worker)
    assert (row.user_message_id, row.answer_id) == (run.ids.user_message, run.ids.answer)
    assert (row.model, row.provider, row.status, row.purpose) == ("offline", "offline", "running", "answer")
    assert (row.instance_id, row.to_remember, row.provenance["model"]) == (None, False, "offline")
    assert run.plan
    assert (run.plan.generation_id, run.plan.request.model, run.plan.provider.name) == (
        row.id, "offline", "offline",
    )  # fmt: skip
    assert LedgerEntry.objects.get(user=user).generation_id == row.id


def test_a_conversation_moves_to_the_coming_answer_and_no_other_does() -> None:
    user = a_user()
    untitled, titled, other = (Conversation.objects.create(user=user, title=title) for title in ("", "t", ""))
    long_ago = NOW - timedelta(days=1)
    Conversation.objects.filter(user=user).update(updated_at=long_ago)
    with time_machine.travel(NOW, tick=False):
        runs = [started(user, "Hello there", conversation=each) for each in (untitled, titled)]
    for conversation in (untitled, titled, other):
        conversation.refresh_from_db()
    assert [run.conversation_id for run in runs] == [untitled.id, titled.id]
    assert [each.title for each in (untitled, titled, other)] == ["Hello there", "t", ""]
    assert [each.leaf_id for each in (untitled, titled, other)] == [
        runs[0].ids.answer,
        runs[1].ids.answer,
        None,
    ]
    assert [each.spoken_leaf_id for each in (untitled, titled)] == [run.ids.answer for run in runs]
    assert [each.updated_at for each in (untitled, titled, other)] == [NOW, NOW, long_ago]


def test_an_instance_that_speaks_is_kept_and_notes_after_a_pause() -> None:
    user = a_user()
    talk, bare = a_talk(user), a_conversation(user)
    instance = talk.instance
    assert instance
    with time_machine.travel(NOW, tick=False):
        runs = [
            started(user, conversation=talk),
            started(user, conversation=bare, instance=instance),
            started(user, instance=instance),
        ]
    for run in runs:
        conversation = Conversation.objects.get(id=run.conversation_id)
        assert conversation.instance == instance
        assert conversation.memory_due_at == NOW + timedelta(seconds=settings.TERTULIA_MEMORY_PAUSE)
        row = Generation.objects.get(id=run.ids.generation)
        assert (row.instance_id, row.to_remember) == (instance.id, True)


def test_an_instance_that_comes_to_a_conversation_greets() -> None:
    user = a_user()
    instance = a_talk(user, greeting="Come in.").instance
    new, bare = started(user, instance=instance), a_conversation(user)
    later = started(user, conversation=bare, instance=instance)
    without = started(user)
    said = [Conversation.objects.get(id=run.conversation_id).greeting for run in (new, later, without)]
    assert said == ["Come in.", "Come in.", ""]


def test_what_a_client_brings_as_context_is_not_noted() -> None:
    user = a_user()
    talk = a_talk(user)
    run = started(user, conversation=talk, context=[ChatMessage("user", "from elsewhere")])
    talk.refresh_from_db()
    row = Generation.objects.get(id=run.ids.generation)
    assert (talk.memory_due_at, row.to_remember, row.instance_id) == (None, False, talk.instance_id)


def test_an_instance_that_does_not_learn_notes_nothing() -> None:
    user = a_user()
    talk = a_talk(user)
    assert talk.instance
    talk.instance.learns = False
    run = started(user, conversation=talk)
    talk.refresh_from_db()
    assert talk.memory_due_at is None
    assert not Generation.objects.get(id=run.ids.generation).to_remember


def test_over_quota_stores_nothing() -> None:
    user = a_user(quota=1)
    started(user)
    before = counts(user)
    with pytest.raises(OverQuota):
        started(user)
    assert counts(user) == before


def test_a_second_answer_is_a_sibling() -> None:
    user = a_user()
    first = started(user)
    question = Message.objects.get(id=first.ids.user_message)
    conversation = Conversation.objects.get(id=first.conversation_id)
    second = started(user, "", conversation=conversation, user_message=question)
    assert second.ids.user_message == question.id
    answers = Message.objects.filter(parent=question).order_by("id").values_list("id", flat=True)
    assert list(answers) == [first.ids.answer, second.ids.answer]
    assert asked(second)[-1].content == "question"


def test_history_is_the_branch_above() -> None:
    user = a_user()
    conversation = a_conversation(user)
    chain = a_chain(conversation, 4)
    a_chain(conversation, 2)  # another branch, which must not show
    run = started(user, "next", conversation=conversation, parent=chain[-1])
    assert Message.objects.get(id=run.ids.user_message).parent_id == chain[-1].id
    assert [message.content for message in asked(run)] == [
        "message 0", "message 1", "message 2", "message 3", "next",
    ]  # fmt: skip


def test_a_conversation_deleted_meanwhile_is_not_found() -> None:
    user = a_user()
    conversation = a_conversation(user)
    chain = a_chain(conversation, 2)
    actions.delete_conversation(conversation=Conversation.objects.get(id=conversation.id))
    with pytest.raises(NotFound):
        started(user, conversation=conversation, parent=chain[-1])
    assert counts(user) == (0, 0, 0, 0)


def test_an_account_erased_meanwhile_is_not_found(caplog: pytest.LogCaptureFixture) -> None:
    user = a_user()
    User.objects.filter(id=user.id).delete()
    with caplog.at_level("INFO", "tertulia"), pytest.raises(NotFound):
        started(user)
    [record] = [each for each in caplog.records if each.name == "tertulia.chat.generation.start"]
    assert (record.message, bool(record.exc_info)) == ("a start met an erasure", True)


def test_a_replay_tells_the_same_and_only_reads(django_queries: list[str]) -> None:
    user = a_user()
    started(user, "another", key=Key("other", "digest"))
    first = started(user, key=Key("k", "digest"))
    started(user, "a third")
    django_queries.clear()
    again = started(user, key=Key("k", "digest"))
    # The key with its run, the day, the limit; a transaction would keep other writers waiting.
    assert [query.lstrip("(").partition(" ")[0] for query in django_queries] == ["SELECT"] * 3
    assert again == Started(first.ids, first.conversation_id, None, quota.standing(user))
    assert again.standing.used == 3


def test_a_key_stands_for_its_run() -> None:
    user = a_user()
    run = started(user, key=Key("k", "digest"))
    started(user, key=Key("l", "digest"))
    row = IdempotencyKey.objects.get(user=user, key="k")
    assert (row.digest, row.generation_id) == ("digest", run.ids.generation)


def test_the_same_key_at_once_starts_once() -> None:
    user, together = a_user(), Barrier(6)

    def start(number: int) -> Started | None:
        together.wait()
        try:
            return started(user, key=Key("k", "other" if number == 5 else "digest"))
        except IdempotencyMismatch:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        runs = [run for run in pool.map(start, range(6)) if run]
    assert len({run.ids for run in runs}) == len([run for run in runs if run.plan]) == 1
    assert len(runs) in (1, 5), "either body may have been the first"
    assert counts(user) == (1, 2, 1, 1)


def test_the_same_key_starts_once() -> None:
    user = a_user()
    first = started(user, key=Key("k", "digest"))
    again = started(user, key=Key("k", "digest"))
    assert (again.ids, again.plan) == (first.ids, None)
    assert counts(user) == (1, 2, 1, 1)


def test_a_key_with_another_body_is_refused() -> None:
    user = a_user()
    started(user, key=Key("k", "digest"))
    with pytest.raises(IdempotencyMismatch):
        started(user, key=Key("k", "other"))
    assert counts(user) == (1, 2, 1, 1)


def test_keys_of_two_people_are_two_keys() -> None:
    one, other = a_user(), a_user()
    assert started(one, key=Key("k", "d")).ids != started(other, key=Key("k", "d")).ids


@pytest.mark.parametrize(("age", "same"), [(0, True), (1, False)])
def test_a_key_is_kept_for_a_day(age: int, same: bool) -> None:
    user, other = a_user(), a_user()
    first = started(user, key=Key("k", "d"))
    started(other, key=Key("k", "d")), started(user, key=Key("fresh", "d"))
    old = NOW - timedelta(hours=24, microseconds=age)
    IdempotencyKey.objects.filter(user__in=[user, other], key="k").update(created_at=old)
    IdempotencyKey.objects.filter(key="fresh").update(created_at=NOW)
    with time_machine.travel(NOW, tick=False):
        assert (started(user, key=Key("k", "d")).ids == first.ids) is same
    assert IdempotencyKey.objects.filter(user=user).count() == 2
    assert IdempotencyKey.objects.filter(user=other, created_at=old).exists(), "whose key it is sees to it"


def test_a_refused_request_leaves_its_key_free() -> None:
    user = a_user(quota=0)
    with pytest.raises(OverQuota):
        started(user, key=Key("k", "d"))
    assert not IdempotencyKey.objects.filter(user=user).exists()


def test_the_offline_model_may_quote_only_ones_own_earlier_words() -> None:
    user, other = a_user(), a_user()
    started(other, "the other's secret")
    started(user, "the lighthouse keeper counted the ships")
    run = started(user, "now")
    assert run.plan
    assert [passage.text for passage in run.plan.request.passages] == [
        "the lighthouse keeper counted the ships"
    ]


def test_parameters_reach_the_request_and_the_row() -> None:
    user = a_user()
    run = started(user, parameters={"temperature": 0.5, "stop": ["\n"], "max_tokens": 7})
    assert run.plan
    used = run.plan.request.parameters
    assert (used.temperature, used.stop, used.max_tokens, used.seed) == (0.5, ("\n",), 7, None)
    assert Message.objects.get(id=run.ids.answer).parameters == {
        "temperature": 0.5, "stop": ["\n"], "max_tokens": 7,
    }  # fmt: skip


# --- What is left of other branches ---------------------------------------------------------------------------------


def noted(talk: Conversation, source: int = 1) -> Message:
    """The answer of an exchange of which the instance has noted something: said by the user (1) or by itself (2)."""
    said = answered(talk.user, talk, content="My dog is Bruno.")
    plan = looking_through(talk)
    fact = json.dumps({"fact": "The dog is called Bruno.", "source": source})
    log.finish(plan.generation_id, Outcome("complete", "stop"), [Piece(1, DELTA, fact)])
    talk.refresh_from_db()
    assert notes_of(talk) == ["The dog is called Bruno."]
    return Message.objects.get(id=said.ids.answer)


def notes_of(talk: Conversation) -> list[str]:
    assert talk.instance
    return [entry.text for entry in talk.instance.entries.all()]


def is_looked_through(answer: Message) -> bool:
    return not Generation.objects.get(answer=answer).to_remember


def test_who_goes_on_leaves_nothing() -> None:
    talk = a_talk(a_user())
    answer = noted(talk)
    started(talk.user, "And a cat.", conversation=talk, parent=answer)
    assert notes_of(talk) == ["The dog is called Bruno."]
    assert is_looked_through(answer)


@pytest.mark.parametrize("begins_anew", [True, False])
def test_who_turns_back_leaves_what_was_noted_on_the_other_branch(begins_anew: bool) -> None:
    talk = a_talk(a_user())
    first = None if begins_anew else Message.objects.get(id=answered(talk.user, talk).ids.answer)
    kept = [] if begins_anew else ["It rains."]
    if first:
        rain = '{"fact": "It rains.", "source": 1}'
        log.finish(looking_through(talk).generation_id, Outcome("complete"), [Piece(1, DELTA, rain)])
        talk.refresh_from_db()
    said = answered(talk.user, talk, content="My dog is Bruno.", parent=first)
    fact = '{"fact": "The dog is called Bruno.", "source": 1}'
    log.finish(looking_through(talk).generation_id, Outcome("complete"), [Piece(1, DELTA, fact)])
    talk.refresh_from_db()
    assert sorted(notes_of(talk)) == [*kept, "The dog is called Bruno."]
    started(talk.user, "I have none.", conversation=talk, parent=first)
    assert notes_of(talk) == kept
    assert not is_looked_through(Message.objects.get(id=said.ids.answer))
    assert first is None or is_looked_through(first)


@pytest.mark.parametrize("source", [1, 2])
def test_another_answer_leaves_what_the_first_brought(source: int) -> None:
    talk = a_talk(a_user())
    answer = noted(talk, source)
    assert answer.parent
    started(talk.user, "", conversation=talk, user_message=answer.parent)
    assert notes_of(talk) == []
    assert is_looked_through(answer) is (source == 1)


# --- What an instance notes -----------------------------------------------------------------------------------------


def test_the_row_of_a_memory_run() -> None:
    user, worker = a_user(), uuid7()
    talk = a_talk(user)
    said = answered(user, talk, content="My dog is Bruno.")
    plan = looking_through(talk, worker)
    row = Generation.objects.get(id=plan.generation_id)
    assert (row.user_id, row.conversation_id, row.worker_id) == (user.id, talk.id, worker)
    assert (row.user_message_id, row.answer_id, row.purpose) == (said.ids.answer, None, "memory")
    assert (row.model, row.provider, row.instance_id) == ("offline", "offline", talk.instance_id)
    assert row.provenance["read"] == [str(said.ids.user_message), str(said.ids.answer)]
    assert row.provenance["model"] == plan.request.model == "offline"
    assert "My dog is Bruno." in plan.request.messages[-1].content
    assert (plan.provider.name, quota.standing(user).used) == ("offline", 1)


def test_of_several_processes_one_looks_a_conversation_through() -> None:
    user = a_user()
    talk = a_talk(user)
    answered(user, talk)
    found = due(talk)
    plans = [start_memory(found, Resolved(OfflineProvider(), "offline"), WORKER) for _each in range(3)]
    assert [bool(plan) for plan in plans] == [True, False, False]


def test_nobody_looks_through_what_is_still_being_said() -> None:
    user = a_user()
    talk = a_talk(user)
    run = started(user, conversation=talk)
    assert start_memory(due(talk), Resolved(OfflineProvider(), "offline"), WORKER) is None
    log.finish(run.ids.generation, Outcome("stopped"))
    assert Generation.objects.filter(conversation=talk, purpose="memory").count() == 0


# --- Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["x", " x ", "x" * 100_000])
def test_words_within_the_limits(content: str) -> None:
    assert check_content(content) == content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "Write something first."),
        (" \n\t", "Write something first."),
        ("a\0b", "NUL and lone surrogates are not allowed."),
        ("x" * 100_001, "At most 100000 characters; this has 100001."),
    ],
)
def test_words_beyond_the_limits(content: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_content(content)
    assert refused.value.errors
    assert {name: [str(each) for each in said] for name, said in refused.value.errors.items()} == {
        "content": [sentence]
    }
