"""What members and staff may do with a line, races between them, and the end of an account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections

from tertulia.accounts import actions as account_actions
from tertulia.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Problem, Unauthenticated
from tertulia.quotes import actions, queries
from tertulia.quotes.models import Quote, QuoteReport, Term
from tests.accounts.people import make_user
from tests.quotes.rows import a_quote, a_word, staff

pytestmark = pytest.mark.usefixtures("database")


def together(*calls: Callable[[], object]) -> list[object]:
    """The results of calls made at the same time, or the problems that they raised."""

    def tried(call: Callable[[], object]) -> object:
        try:
            return call()
        except Problem as problem:
            return problem
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(tried, calls))


def is_indexed(word: str) -> bool:
    """Whether the counters or either database's index know the word."""
    if connection.vendor == "sqlite":
        statement, value = "SELECT count(*) FROM quotes_search WHERE quotes_search MATCH %s", f'"{word}"'
    else:
        statement, value = "SELECT count(*) FROM quotes_quote WHERE vector @@ %s::tsquery", f"'{word}'"
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
        (count,) = cursor.fetchone()
    assert bool(count) == Term.objects.filter(term=word).exists()
    return bool(count)


def test_a_proposal_waits_for_staff() -> None:
    user = make_user()
    quote = a_quote("Волна помнит берег", user=user, speaker=a_word())
    stored = Quote.objects.get(id=quote.id)
    assert (stored.user, stored.is_apply, stored.applied_at, stored.language) == (user, False, None, "ru")
    assert quote in queries.queue()


def test_the_same_line_is_refused_by_its_id_also_at_the_same_time() -> None:
    word = a_word()
    results = together(*[lambda: a_quote(f"Only one {word}")] * 4)
    made = [result for result in results if isinstance(result, Quote)]
    refused = [result for result in results if isinstance(result, actions.Duplicate)]
    assert (len(made), len(refused)) == (1, 3)
    assert {problem.quote_id for problem in refused} == {made[0].id}
    assert refused[0].body()["quote"] == made[0].id
    assert Term.objects.get(term=word).documents == 1


def test_editing_moves_the_index_and_the_language() -> None:
    old, new = a_word(), a_word()
    user = make_user()
    quote = a_quote(f"The pier holds {old}", user=user)
    actions.update_quote(user=user, quote=quote, changes={"content": f"부두는 기다린다 {new}"})
    assert (is_indexed(old), is_indexed(new)) == (False, True)
    quote.refresh_from_db()
    assert quote.language == "ko"
    other = a_quote(user=user)
    with pytest.raises(actions.Duplicate):
        actions.update_quote(user=user, quote=other, changes={"content": quote.content})
    actions.delete_quote(user=user, quote=quote)
    assert not is_indexed(new)
    with pytest.raises(NotFound):
        actions.update_quote(user=user, quote=quote, changes={"content": "late"})


def test_only_the_author_edits_and_only_until_it_is_applied() -> None:
    alice, bob, mona = make_user(), make_user(), staff()
    quote = a_quote(user=alice)
    for other in (bob, mona):
        with pytest.raises(Forbidden):
            actions.update_quote(user=other, quote=quote, changes={"content": "mine now"})
        with pytest.raises(Forbidden):
            actions.delete_quote(user=other, quote=quote)
    for decision in ({"is_apply": True}, {"is_apply": False}, {"returned_reason": "no"}):
        with pytest.raises(Forbidden):
            actions.update_quote(user=alice, quote=quote, changes=decision)
    actions.update_quote(user=mona, quote=quote, changes={"is_apply": True})
    with pytest.raises(Conflict):
        actions.update_quote(user=alice, quote=quote, changes={"content": "too late"})
    with pytest.raises(Conflict):
        actions.delete_quote(user=alice, quote=quote)
    actions.update_quote(user=mona, quote=quote, changes={"is_apply": False})
    actions.delete_quote(user=alice, quote=quote)


def test_two_staff_at_once_leave_one_instant() -> None:
    for _round in range(5):
        quote = a_quote()
        people = [staff(), staff()]

        apply = partial(actions.update_quote, quote=quote, changes={"is_apply": True})
        assert together(*[partial(apply, user=person) for person in people * 3]) == [None] * 6
        first = Quote.objects.get(id=quote.id)
        apply(user=people[0])
        quote.refresh_from_db()
        assert quote.is_apply
        assert (quote.applied_at, quote.applied_by) == (first.applied_at, first.applied_by)


def test_an_edit_and_an_application_at_once_are_one_after_the_other() -> None:
    for _round in range(5):
        author, mona, word = make_user(), staff(), a_word()
        quote = a_quote(user=author)
        update = partial(actions.update_quote, quote=quote)
        edited, applied = together(
            partial(update, user=author, changes={"content": f"new {word}"}),
            partial(update, user=mona, changes={"is_apply": True}),
        )
        assert applied is None
        assert edited is None or isinstance(edited, Conflict)
        assert Quote.objects.get(id=quote.id).is_apply
        assert is_indexed(word) == (edited is None)


def test_what_is_returned_comes_back_with_the_next_edit() -> None:
    author, mona = make_user(), staff()
    quote = a_quote(user=author)
    actions.update_quote(user=mona, quote=quote, changes={"returned_reason": "Who says it?"})
    assert quote not in queries.queue()
    assert [each.returned_reason for each in queries.news(author)] == ["Who says it?"]
    actions.see_news(user=author)
    assert not queries.news(author)
    actions.update_quote(user=author, quote=quote, changes={"speaker": "Marta"})
    assert quote in queries.queue()
    actions.update_quote(user=mona, quote=quote, changes={"is_apply": True})
    assert quote in queries.news(author)
    with pytest.raises(Conflict):
        actions.update_quote(user=mona, quote=quote, changes={"returned_reason": "after all"})
    with pytest.raises(InvalidInput):
        actions.update_quote(user=mona, quote=quote, changes={"is_apply": True, "returned_reason": "both"})
    actions.update_quote(user=mona, quote=quote, changes={"is_apply": False, "returned_reason": "after all"})
    quote.refresh_from_db()
    assert (quote.is_apply, quote.applied_at, quote.returned_reason) == (False, None, "after all")


def test_many_are_decided_at_once_and_undone() -> None:
    mona = staff()
    quotes = [a_quote(), a_quote(), a_quote(is_apply=True)]
    ids = [quote.id for quote in quotes]
    assert actions.decide_quotes(user=mona, ids=[*ids, 2**60], is_apply=True) == {
        ids[0]: True, ids[1]: True, ids[2]: False,
    }  # fmt: skip
    assert Quote.objects.filter(id__in=ids, is_apply=True).count() == 3
    assert set(actions.decide_quotes(user=mona, ids=ids, is_apply=False).values()) == {True}
    assert Quote.objects.filter(id__in=ids, is_apply=False, applied_at=None).count() == 3
    with pytest.raises(Forbidden):
        actions.decide_quotes(user=make_user(), ids=ids, is_apply=True)


def test_nobody_fills_the_board_alone() -> None:
    user = make_user()
    Quote.objects.bulk_create(
        Quote(user=user, content="waiting", language="en", digest=a_word())
        for _each in range(actions.MAX_OPEN_PROPOSALS - 3)
    )
    results = together(*[lambda: a_quote(user=user)] * 6)
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert queries.open_proposals(user) == actions.MAX_OPEN_PROPOSALS


def test_reports_are_one_per_member() -> None:
    quote, user = a_quote(), make_user()
    together(*[lambda: actions.report_quote(user=user, quote=quote, reason="rude")] * 3)
    report = actions.report_quote(user=user, quote=quote, reason="very rude")
    assert [each.reason for each in queries.open_reports() if each.quote_id == quote.id] == ["very rude"]
    actions.close_reports(user=staff(), quote=quote)
    assert report not in queries.open_reports()
    actions.remove_quote(quote=quote)
    assert not QuoteReport.objects.filter(id=report.id).exists()
    with pytest.raises(NotFound):
        actions.report_quote(user=user, quote=quote, reason="gone")


def test_an_erased_account_leaves_its_applied_lines_without_a_name() -> None:
    user, mona, canary = make_user(), staff(), a_word()
    waiting = a_quote(f"never applied {canary}", user=user)
    applied = a_quote(user=user)
    actions.update_quote(user=mona, quote=applied, changes={"is_apply": True})
    actions.report_quote(user=user, quote=a_quote(), reason=canary)
    account_actions.suspend(user=user)
    with pytest.raises(Unauthenticated):
        a_quote(f"while it goes {canary}", user=user)
    actions.erase_user(user=user)
    account_actions.erase_account(user=user)
    assert not Quote.objects.filter(id=waiting.id).exists()
    assert not is_indexed(canary)
    assert not QuoteReport.objects.filter(reason=canary).exists()
    applied.refresh_from_db()
    assert (applied.is_apply, applied.user) == (True, None)


def test_an_erased_member_of_staff_leaves_what_was_applied() -> None:
    mona, quote = staff(), a_quote()
    actions.update_quote(user=mona, quote=quote, changes={"is_apply": True})
    actions.erase_user(user=mona)
    account_actions.erase_account(user=mona)
    quote.refresh_from_db()
    assert (quote.is_apply, quote.applied_by) == (True, None)


@pytest.mark.parametrize("length", [1, 3])
def test_lists_cost_the_same_whatever_their_length(length: int, django_queries: list[str]) -> None:
    user, word = make_user(), a_word()
    made = [a_quote(f"{word} number {number} {a_word()}", user=user) for number in range(length)]
    calls: dict[int, Callable[[], Any]] = {
        1: lambda: list(queries.quotes({"user_id": user.pk})),
        4: lambda: list(queries.found(word, {"user_id": user.pk})),
    }
    for expected, call in calls.items():
        django_queries.clear()
        assert {quote.id for quote in call()} == {quote.id for quote in made}
        assert len(django_queries) == expected
