"""Starting a run commits everything that an accepted request means, or nothing."""

from datetime import timedelta

import pytest

from tertulia.accounts import quota
from tertulia.accounts.models import LedgerEntry, User
from tertulia.chat import actions
from tertulia.chat.generation.start import Key
from tertulia.chat.models import Conversation, Generation, IdempotencyKey, Message
from tertulia.core import clock
from tertulia.core.errors import IdempotencyMismatch, NotFound, OverQuota
from tests.chat.rows import a_chain, a_conversation, a_user, asked, started

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


@pytest.mark.parametrize(("hours", "same"), [(23, True), (25, False)])
def test_a_key_is_kept_for_a_day(hours: int, same: bool) -> None:
    user = a_user()
    first = started(user, key=Key("k", "d"))
    IdempotencyKey.objects.filter(user=user).update(created_at=clock.now() - timedelta(hours=hours))
    assert (started(user, key=Key("k", "d")).ids == first.ids) is same


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
