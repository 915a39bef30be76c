"""Tokens: rotation, reuse, forgery, and what ends a login."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from django.db import connections
from django.http import HttpRequest

from tertulia.accounts import actions, tokens
from tertulia.accounts.models import Session, User
from tertulia.core import clock
from tertulia.core.errors import Unauthenticated
from tests.accounts.people import make_user

pytestmark = pytest.mark.usefixtures("database")


def issue(user: User) -> tokens.Tokens:
    return tokens.issue(HttpRequest(), user)


def opens(access: str) -> bool:
    return tokens.login_of(access) is not None


def test_each_login_is_a_session_of_its_own() -> None:
    user = make_user()
    one, other = issue(user), issue(user)
    first = tokens.login_of(one.access)
    assert first is not None
    assert first.user == user
    assert Session.objects.filter(user=user).count() == 2
    tokens.end(first.session_key)
    assert not opens(one.access)
    assert opens(other.access)
    with pytest.raises(Unauthenticated):
        tokens.rotate(one.refresh)


def test_rotation_goes_on_and_keeps_the_login() -> None:
    user = make_user()
    pair = issue(user)
    for _each in range(3):
        pair = tokens.rotate(pair.refresh)
        assert opens(pair.access)
    assert Session.objects.filter(user=user).count() == 1


def test_a_second_use_ends_the_login_and_no_other() -> None:
    user = make_user()
    stolen, untouched = issue(user), issue(user)
    renewed = tokens.rotate(stolen.refresh)
    with pytest.raises(Unauthenticated) as refused:
        tokens.rotate(stolen.refresh)
    assert str(refused.value.detail) == "The refresh token is not valid or no longer valid. Sign in again."
    assert not opens(renewed.access)
    with pytest.raises(Unauthenticated):
        tokens.rotate(renewed.refresh)
    assert opens(untouched.access)


def test_of_twenty_uses_at_once_one_succeeds_and_the_login_ends() -> None:
    user = make_user()
    refresh = issue(user).refresh

    def use(_number: int) -> tokens.Tokens | None:
        try:
            return tokens.rotate(refresh)
        except Unauthenticated:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        pairs = [pair for pair in pool.map(use, range(20)) if pair]
    assert len(pairs) == 1
    assert not opens(pairs[0].access)
    assert not Session.objects.filter(user=user).exists()


def test_the_two_kinds_do_not_stand_for_each_other() -> None:
    pair = issue(make_user())
    assert not opens(pair.refresh)
    with pytest.raises(Unauthenticated):
        tokens.rotate(pair.access)
    assert opens(pair.access)


def forged(token: str) -> list[str]:
    """Tokens that say what `token` says, signed by nobody or by somebody else."""
    head, body, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    unsigned = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    other_key = "not the key of this server, though long enough " * 3
    return [
        f"{unsigned}.{body}.",
        f"{unsigned}.{body}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-2]}AA",
        f"{head}.{body}x.{signature}",
        jwt.encode(claims, other_key, algorithm="HS256"),
        jwt.encode(claims, "\0" * 40, algorithm="HS256"),
        jwt.encode(claims, settings.SECRET_KEY, algorithm="HS512"),
        jwt.encode(claims | {"exp": 1}, settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode(claims | {"sid": "x"}, settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode(claims | {"sid": 7}, settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode(claims | {"sub": str(make_user().pk)}, settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({name: claims[name] for name in claims if name != "token_use"}, settings.SECRET_KEY),
        "", ".", "..", "a.b.c", "tt", "null", "é.ü.ß", "\0", "Bearer", token + token, token[1:],
    ]  # fmt: skip


def test_forged_tokens_open_nothing() -> None:
    pair = issue(make_user())
    assert [token for token in forged(pair.access) if opens(token)] == []
    for token in forged(pair.refresh):
        with pytest.raises(Unauthenticated):
            tokens.rotate(token)
    assert opens(pair.access)


def test_an_expired_session_ends_both_tokens() -> None:
    user = make_user()
    pair = issue(user)
    Session.objects.filter(user=user).update(expire_date=clock.now() - timedelta(seconds=1))
    assert not opens(pair.access)
    with pytest.raises(Unauthenticated):
        tokens.rotate(pair.refresh)


@pytest.mark.parametrize("fate", ["suspended", "erased", "new password"])
def test_what_ends_a_user_ends_the_tokens(fate: str) -> None:
    user = make_user()
    pair = issue(user)
    if fate == "suspended":
        actions.suspend(user=user)
    elif fate == "erased":
        actions.erase_account(user=user)
    else:
        actions.set_password(user=user, password="another long walk 43")
    assert not opens(pair.access)
    with pytest.raises(Unauthenticated):
        tokens.rotate(pair.refresh)
    assert not Session.objects.filter(user_id=user.pk).exists()
