"""Guessing of passwords: bounded for each account, for known and unknown accounts alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tertulia.accounts import attempts
from tertulia.accounts.models import FailedLogins, User
from tertulia.config import server
from tertulia.core import clock
from tertulia.core.errors import TooManyRequests
from tests.accounts.people import fresh_email, make_user

pytestmark = pytest.mark.usefixtures("database")

HOME = "192.0.2.1"
ELSEWHERE = "198.51.100.7"


def guess(email: str, user: User | None, *, right: bool = False, address: str | None = ELSEWHERE) -> str:
    try:
        found = attempts.guarded(email=email, user=user, address=address, check=lambda: right)
    except TooManyRequests:
        return "refused"
    return "right" if found else "wrong"


@pytest.mark.parametrize("exists", [True, False])
def test_ten_wrong_answers_then_a_pause(exists: bool) -> None:
    email = fresh_email()
    user = make_user(email=email) if exists else None
    assert [guess(email, user) for _each in range(12)] == ["wrong"] * 10 + ["refused"] * 2
    assert guess(email, user, right=True) == "refused"


def test_the_pause_is_named_and_ends() -> None:
    email = fresh_email()
    for _each in range(attempts.LIMIT):
        guess(email, None)
    with pytest.raises(TooManyRequests) as refused:
        attempts.guarded(email=email, user=None, address=None, check=lambda: True)
    assert 890 <= int(refused.value.headers["Retry-After"]) <= 901
    FailedLogins.objects.filter(count=attempts.LIMIT).update(expires_at=clock.now() - timedelta(seconds=1))
    assert guess(email, None) == "wrong"
    assert guess(email, None, right=True) == "right"


def test_the_right_password_ends_the_count() -> None:
    email = fresh_email()
    for _each in range(3):
        assert [guess(email, None) for _each in range(9)] == ["wrong"] * 9
        assert guess(email, None, right=True) == "right"


def test_a_stranger_does_not_lock_the_owner_out() -> None:
    user = make_user(ip_address=HOME)
    assert [guess(user.email, user) for _each in range(11)][-1] == "refused"
    assert guess(user.email, user, right=True, address=HOME) == "right"


def test_addresses_do_not_multiply_the_tries() -> None:
    user = make_user(ip_address=HOME)
    answers = [guess(user.email, user, address=f"198.51.100.{number}") for number in range(40)]
    assert answers.count("wrong") == attempts.LIMIT


def test_failures_at_home_count_everywhere() -> None:
    user = make_user(ip_address=HOME)
    assert [guess(user.email, user, address=HOME) for _each in range(11)][-1] == "refused"
    assert guess(user.email, user) == "refused"


def test_people_behind_one_proxy_do_not_block_each_other() -> None:
    one, other = make_user(ip_address=HOME), make_user(ip_address=HOME)
    assert [guess(one.email, one, address=HOME) for _each in range(11)][-1] == "refused"
    assert guess(other.email, other, right=True, address=HOME) == "right"


@pytest.mark.parametrize(
    ("peer", "told", "believed"),
    [
        ("169.254.129.1", "203.0.113.9, 198.51.100.7:4711", "198.51.100.7"),
        ("10.1.2.3", "198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("172.18.0.1", "198.51.100.7", "198.51.100.7"),
        ("198.51.100.8", "203.0.113.9", "198.51.100.8"),
    ],
)
async def test_behind_a_platforms_router_the_address_is_the_one_that_the_router_saw(
    peer: str, told: str, believed: str
) -> None:
    """With `*`: not what the visitor wrote before it, and from outside nothing at all."""
    seen: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", told.encode())]}
    await ProxyHeadersMiddleware(application, server.INSIDE)(scope, None, None)  # type: ignore[arg-type]
    assert seen["client"][0] == believed


def test_of_many_guesses_at_once_ten_are_answered() -> None:
    email = fresh_email()

    def one(_number: int) -> str:
        try:
            return guess(email, None)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(one, range(40)))
    assert answers.count("wrong") == attempts.LIMIT
    assert answers.count("refused") == 30


def test_nothing_remains_of_a_forgotten_account() -> None:
    before = FailedLogins.objects.count()
    user = make_user(ip_address=HOME)
    guess(user.email, user, address=HOME), guess(user.email, user)
    assert FailedLogins.objects.count() == before + 2
    assert guess(user.email, user, right=True) == "right"
    assert FailedLogins.objects.count() == before + 1
    attempts.forget(user)
    assert FailedLogins.objects.count() == before
