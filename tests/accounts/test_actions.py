"""Changes of accounts below HTTP: the owner's link, API keys, suspension, erasure, commands."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.transaction import set_rollback
from django.http import HttpRequest

from tertulia.accounts import actions, attempts, entering, gate, keys, queries, quota
from tertulia.accounts.models import ApiKey, SignInLink, User
from tertulia.accounts.sessions import SessionStore, open_session
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from tests.accounts.people import fresh_email, make_user

pytestmark = pytest.mark.usefixtures("database")

PASSWORD = "a long walk by the river 42"


def request_with(**headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META.update(headers)
    return request


def bearer(token: str) -> HttpRequest:
    return request_with(HTTP_AUTHORIZATION=f"Bearer {token}")


def test_a_sign_in_link_works_once() -> None:
    user = make_user()
    token = actions.make_sign_in_link(user=user)
    assert queries.sign_in_link_is_valid(token)
    assert queries.sign_in_link_is_valid(token)
    assert actions.redeem_sign_in_link(token=token, address="192.0.2.1") == user
    assert not queries.sign_in_link_is_valid(token)
    with pytest.raises(NotFound):
        actions.redeem_sign_in_link(token=token)
    user.refresh_from_db()
    assert user.ip_address == "192.0.2.1"


def test_of_many_redemptions_at_once_one_succeeds() -> None:
    token = actions.make_sign_in_link(user=make_user())

    def redeem(_number: int) -> bool:
        try:
            actions.redeem_sign_in_link(token=token)
        except NotFound:
            return False
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(redeem, range(16))).count(True) == 1


def test_links_that_do_not_work() -> None:
    user, suspended = make_user(), make_user()
    replaced = actions.make_sign_in_link(user=user)
    old = actions.make_sign_in_link(user=user)
    SignInLink.objects.filter(user=user).update(expires_at=clock.now() - timedelta(seconds=1))
    of_suspended = actions.make_sign_in_link(user=suspended)
    actions.suspend(user=suspended)
    for token in (replaced, old, of_suspended, "", "unknown", "\ud800", "\0"):
        assert not queries.sign_in_link_is_valid(token)
        with pytest.raises(NotFound):
            actions.redeem_sign_in_link(token=token)


def test_an_api_key_is_kept_as_its_hash_and_opens_the_gate() -> None:
    user = make_user()
    key, text = keys.create_api_key(user=user, name=" laptop ")
    assert text.startswith("tt_")
    assert key.name == "laptop"
    assert text not in str(ApiKey.objects.filter(pk=key.pk).values().get())
    identity = gate.require(bearer(text))
    assert (identity.user, identity.carrier, identity.api_key_id) == (user, "api_key", key.pk)
    assert list(queries.api_keys_of(user)) == [key]


def test_the_use_of_a_key_is_noted_to_the_minute() -> None:
    key, text = keys.create_api_key(user=make_user(), name="laptop")
    gate.require(bearer(text))
    key.refresh_from_db()
    noted = key.last_used_at
    assert noted is not None
    gate.require(bearer(text))
    key.refresh_from_db()
    assert key.last_used_at == noted
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=noted - timedelta(minutes=2))
    gate.require(bearer(text))
    key.refresh_from_db()
    assert key.last_used_at >= noted


@pytest.mark.parametrize("fate", ["expired", "deleted", "suspended", "erased", "altered"])
def test_keys_that_open_nothing(fate: str) -> None:
    user = make_user()
    key, text = keys.create_api_key(user=user, name="laptop")
    if fate == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now())
    elif fate == "deleted":
        keys.delete_api_key(user=user, key_id=key.pk)
    elif fate == "suspended":
        actions.suspend(user=user)
    elif fate == "erased":
        actions.erase_account(user=user)
    else:
        text = text[:-1] + ("a" if text[-1] != "a" else "b")
    with pytest.raises(Unauthenticated):
        gate.identify(bearer(text))


def test_somebody_elses_key_cannot_be_deleted() -> None:
    key, text = keys.create_api_key(user=make_user(), name="laptop")
    with pytest.raises(NotFound):
        keys.delete_api_key(user=make_user(), key_id=key.pk)
    gate.require(bearer(text))


@pytest.mark.parametrize("name", ["", "  ", "n" * 81, "a\nb", "\0"])
def test_names_of_keys(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.create_api_key(user=make_user(), name=name)
    assert list(refused.value.errors or {}) == ["name"]


def test_spellings_of_the_header() -> None:
    user = make_user()
    _key, text = keys.create_api_key(user=user, name="laptop")
    _other_key, other = keys.create_api_key(user=user, name="desktop")
    for headers in (
        {"HTTP_AUTHORIZATION": f"bearer {text}"},
        {"HTTP_AUTHORIZATION": f"BEARER   {text} "},
        {"HTTP_AUTHENTICATION": f"bearer {text}"},
        {"HTTP_AUTHORIZATION": f"Bearer {text}", "HTTP_AUTHENTICATION": f"bearer {text}"},
        {"HTTP_AUTHORIZATION": "Basic YTpi", "HTTP_AUTHENTICATION": f"Bearer {text}"},
    ):
        assert gate.require(request_with(**headers)).user == user
    for headers in (
        {"HTTP_AUTHORIZATION": f"Bearer {text}", "HTTP_AUTHENTICATION": f"Bearer {other}"},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": f"Bearer {text} {text}"},
        {"HTTP_AUTHORIZATION": "Bearer tt_"},
        {"HTTP_AUTHORIZATION": "Bearer é"},
    ):
        with pytest.raises(Unauthenticated):
            gate.identify(request_with(**headers))
    for headers in ({}, {"HTTP_X_API_KEY": text}, {"HTTP_AUTHORIZATION": f"Token {text}"}):
        assert gate.identify(request_with(**headers)) is None


def test_signing_in() -> None:
    user = make_user(PASSWORD)
    assert entering.sign_in(email=user.email.upper(), password=PASSWORD, address="192.0.2.9") == user
    user.refresh_from_db()
    assert user.ip_address == "192.0.2.9"
    assert user.last_login is not None
    actions.suspend(user=user)
    for email in (user.email, fresh_email()):
        with pytest.raises(Unauthenticated):
            entering.sign_in(email=email, password=PASSWORD, address=None)


def test_who_has_no_password_must_have_signed_in_just_now() -> None:
    user = make_user()
    with pytest.raises(Forbidden):
        actions.update_profile(user=user, changes={"password": PASSWORD})
    entering.note_login(user=user, address=None)
    actions.update_profile(user=user, changes={"password": PASSWORD})
    assert entering.sign_in(email=user.email, password=PASSWORD, address=None) == user


def test_of_many_simultaneous_joins_one_gets_the_address() -> None:
    email = fresh_email()

    def join(_number: int) -> bool:
        try:
            entering.join(email=email, nickname="Ana", password=PASSWORD)
        except InvalidInput as refused:
            return list(refused.errors or {}) != ["email"]
        else:
            return True
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(join, range(8))).count(True) == 1
    user = User.objects.get(email=email)
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_erasure_leaves_no_row() -> None:
    user = make_user(PASSWORD)
    keys.create_api_key(user=user, name="laptop")
    actions.make_sign_in_link(user=user)
    open_session(user)
    with transaction():
        quota.reserve(user=user, generation_id=uuid4())
    attempts.guarded(email=user.email, user=user, address=None, check=lambda: False)
    before = rows_of(user)
    assert {"User", "Session", "ApiKey", "SignInLink", "Allowance", "LedgerEntry"} <= set(before)
    actions.erase_account(user=user)
    assert rows_of(user) == {}


def rows_of(user: User) -> dict[str, int]:
    """How many rows of each table refer to a user, by any foreign key."""
    counts = {"User": User.objects.filter(pk=user.pk).count()}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is User:
                counts[model.__name__] = model._default_manager.filter(**{field.attname: user.pk}).count()
    return {name: count for name, count in counts.items() if count}


def test_expired_things_are_forgotten() -> None:
    user = make_user()
    session_key = str(open_session(user).session_key)
    actions.make_sign_in_link(user=user)
    past = clock.now() - timedelta(seconds=1)
    SignInLink.objects.filter(user=user).update(expires_at=past)
    user.sessions.update(expire_date=past)
    actions.forget_expired()
    assert not SessionStore().exists(session_key)
    assert not SignInLink.objects.filter(user=user).exists()


def run(command: str, *arguments: str, password: str = "", **environ: str) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(password + "\n" if password else ""))
        patch.setenv("TERTULIA_PASSWORD", environ.get("TERTULIA_PASSWORD", ""))
        call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_createuser_creates_and_then_changes_only_what_is_given() -> None:
    email = fresh_email()
    run("createuser", email, "--admin", "--daily-quota", "7", password=PASSWORD)
    user = User.objects.get(email=email)
    assert (user.is_superuser, user.is_staff, user.daily_quota) == (True, True, 7)
    session_key = str(open_session(user).session_key)
    run("createuser", email, password=PASSWORD)
    run("createuser", email.upper(), "--daily-quota", "0")
    user.refresh_from_db()
    assert (user.is_superuser, user.daily_quota) == (True, 0)
    assert SessionStore().exists(session_key)
    run("createuser", email, TERTULIA_PASSWORD="another long walk 43")
    assert entering.sign_in(email=email, password="another long walk 43", address=None) == user
    assert not SessionStore().exists(session_key)


@pytest.mark.parametrize(
    "arguments",
    [["not an address"], ["x@example.org", "--daily-quota", "-1"], ["nobody-gave-a-password@example.org"]],
)
def test_createuser_refuses(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run("createuser", *arguments, password="" if "nobody" in arguments[0] else PASSWORD)


def test_createuser_warns_of_a_weak_password() -> None:
    assert "Warning" in run("createuser", fresh_email(), password="12345")


def test_apikey_prints_a_key_once() -> None:
    user = make_user()
    text = run("apikey", user.email, "--name", "robot").strip()
    assert gate.require(bearer(text)).user == user
    with pytest.raises(CommandError):
        run("apikey", fresh_email())


def test_the_owner_gets_a_link_until_signing_in() -> None:
    with transaction():
        assert actions.ensure_owner() is None
        User.objects.all().delete()
        first = actions.ensure_owner()
        second = actions.ensure_owner()
        assert first is not None
        assert second is not None
        owner, token = second
        assert first[0] == owner
        assert not queries.sign_in_link_is_valid(first[1])
        assert (owner.is_superuser, owner.is_staff, owner.has_usable_password()) == (True, True, False)
        assert actions.redeem_sign_in_link(token=token) == owner
        assert actions.ensure_owner() is None
        # The other tests' people come back.
        set_rollback(True)
