"""Limits of users and groups, boosts, and what the command and the ledger say of them."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tertulia.accounts import granting, quota
from tertulia.accounts.models import QuotaBoost, User
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.accounts.people import make_user
from tests.people import Person

pytestmark = pytest.mark.usefixtures("database")


def in_group(user: User, limit: int | None) -> None:
    group = Group.objects.create(name=f"group of {user.pk} {limit}")
    user.groups.add(group)
    granting.limit_group(name=group.name, daily_quota=limit)


@pytest.mark.parametrize(
    ("fields", "groups", "expected"),
    [
        ({}, [], 5),
        ({}, [7], 7),
        ({}, [2], 2),
        ({}, [2, 9], 9),
        ({}, [2, None], None),
        ({}, [0], 0),
        ({"daily_quota": 3}, [9], 3),
        ({"daily_quota": 0}, [None], 0),
        ({"daily_quota": 3, "is_unlimited": True}, [2], None),
        ({"is_superuser": True}, [2], None),
        ({"is_superuser": True, "daily_quota": 4}, [], 4),
        ({"is_staff": True}, [], 5),
    ],
)
def test_which_limit_counts(fields: dict[str, Any], groups: list[int | None], expected: int | None) -> None:
    user = make_user(**fields)
    for limit in groups:
        in_group(user, limit)
    assert quota.limit_for(user) == expected


def test_a_group_without_a_limit_changes_nothing() -> None:
    user = make_user()
    user.groups.add(Group.objects.create(name=f"plain {user.pk}"))
    assert quota.limit_for(user) == settings.TERTULIA_DAILY_QUOTA


def test_boosts_add_up_until_they_end() -> None:
    user = make_user(daily_quota=2)
    later, earlier = clock.now() + timedelta(hours=1), clock.now() - timedelta(seconds=1)
    granting.boost_user(user=user, units=3, until=later)
    granting.boost_user(user=user, units=3, until=later)
    granting.boost_user(user=user, units=50, until=earlier)
    assert quota.limit_for(user) == 8
    QuotaBoost.objects.filter(user=user).update(until=earlier)
    assert quota.limit_for(user) == 2


def test_the_limit_is_one_statement(django_queries: list[str]) -> None:
    user = make_user()
    for limit in (2, 3, 4):
        in_group(user, limit)
        granting.boost_user(user=user, units=1, until=clock.now() + timedelta(hours=1))
    django_queries.clear()
    assert quota.limit_for(user) == 7
    assert len(django_queries) == 1


def test_a_boost_lets_more_through(alice: Person) -> None:
    User.objects.filter(id=alice.id).update(daily_quota=1)
    statuses = [alice.client.post("/chat", json={"content": "Hello"}).status_code for _ in range(2)]
    call_command("quota", alice.email, boost=1, stdout=StringIO())
    statuses += [alice.client.post("/chat", json={"content": "Hello"}).status_code for _ in range(2)]
    assert statuses == [201, 429, 201, 429]
    assert alice.client.get("/api/usage").json()["limit"] == 2


def said(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command("quota", *args, stdout=out, **options)
    return out.getvalue()


def test_the_command() -> None:
    user = make_user()
    assert "limit 5, 0 used" in said(user.email)
    assert "limit 12" in said(user.email, limit=12)
    assert "no limit" in said(user.email, unlimited=True)
    assert "limit 0" in said(user.email, limit=0)
    assert "2 more until" in said(user.email, boost=2, days=3)
    assert "limit 5" in said(user.email, default=True)
    group = Group.objects.create(name=f"friends of {user.pk}")
    assert "no limit of its own" in said(group=group.name)
    assert "limit 8" in said(group=group.name, limit=8)
    assert "unlimited" in said(group=group.name, unlimited=True)
    assert "no limit of its own" in said(group=group.name, default=True)


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["nobody@example.org"], {}),
        ([], {}),
        (["USER"], {"limit": -1}),
        (["USER"], {"limit": 2**31}),
        (["USER"], {"boost": -1}),
        (["USER"], {"boost": 1, "days": 0}),
        ([], {"group": "no such group"}),
    ],
)
def test_the_command_refuses(args: list[str], options: dict[str, Any]) -> None:
    user = make_user()
    with pytest.raises(CommandError):
        call_command("quota", *[user.email if arg == "USER" else arg for arg in args], **options)


def test_the_ledger_explains_every_unit(alice: Person, bob: Person) -> None:
    for _ in range(2):
        assert alice.client.post("/chat", json={"content": "Hello"}).status_code == 201
    quota.refund(
        generation_id=quota.ledger_of(User.objects.get(id=alice.id)).latest("id").generation_id, reason="test"
    )
    page = alice.client.get("/api/usage/ledger", params={"limit": 1}).json()
    (newest,) = page["results"]
    assert (newest["reason"], newest["refunded_at"] is None) == ("test", False)
    assert alice.client.get(f"/api/generations/{newest['generation']}").status_code == 200
    (older,) = alice.client.get(page["next"]).json()["results"]
    assert (older["reason"], older["refunded_at"]) == ("", None)
    assert bob.client.get("/api/usage/ledger").json()["results"] == []


def test_the_page_of_the_ledger(server: str, alice: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        assert "No request yet." in browser.see("/accounts/usage")
        alice.client.post("/chat", json={"content": "Hello"})
        page = browser.see("/accounts/usage")
        assert "<strong>4</strong> of 5 requests left today" in page
        assert page.count("Answered.") == 1
        failing = alice.client.post("/chat", json={"content": '!script {"status": 500}'})
        assert failing.status_code == 502
        page = browser.see("/accounts/usage")
        assert "<strong>4</strong> of 5 requests left today" in page
        assert page.count("given back") == 2, "in the explanation, and at the unit"
        assert "The model provider reported a fault of its own." in page
        assert alice.client.delete("/chat").status_code == 204
        page = browser.see("/accounts/usage")
        assert "the conversation was deleted since" in page
        browser.see("/accounts/usage?page=99")
        browser.see("/accounts/usage?page=x")
