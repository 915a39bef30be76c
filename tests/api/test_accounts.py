"""/accounts over HTTP: joining, logging in and out, tokens, the profile, every carrier, and bad input."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import RequestFactory

from tertulia.accounts import keys
from tertulia.accounts.models import FailedLogins, Session, User
from tertulia.accounts.sessions import SessionStore, open_browser_login
from tests.accounts.people import fresh_email
from tests.people import PASSWORD, Person

NEW_PASSWORD = "another walk, by the sea 43"
JSON = {"Accept": "application/json"}


@pytest.fixture
def visitor(server: str) -> Iterator[httpx.Client]:
    """Somebody without any credential."""
    with httpx.Client(base_url=server, headers=JSON, timeout=30) as client:
        yield client


def fields_at_fault(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["type"] == "invalid_input"
    return sorted(body["errors"])


def log_in(client: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/accounts/login", json={"email": email, "password": password})


def is_signed_in(server: str, access: str) -> bool:
    answer = httpx.get(f"{server}/accounts/profile", headers=JSON | {"Authorization": f"Bearer {access}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


# --- Joining --------------------------------------------------------------------------------------------------------


def test_joining_answers_with_the_account_and_tokens(visitor: httpx.Client) -> None:
    email = fresh_email("Ana")
    answer = visitor.post("/accounts/join", json={"email": email, "nickname": " Ana ", "password": PASSWORD})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "email", "nickname", "created_at", "access", "refresh"}
    assert (body["email"], body["nickname"]) == (email.lower(), "Ana")
    user = User.objects.get(id=body["id"])
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)
    assert user.ip_address == "127.0.0.1"


def test_the_forms_are_described(visitor: httpx.Client) -> None:
    joining = visitor.get("/accounts/join").json()["fields"]
    assert set(joining) == {"email", "nickname", "password"}
    assert joining["email"] | {"label": ""} == {
        "type": "string", "format": "email", "required": True, "max_length": 254, "label": "",
    }  # fmt: skip
    assert joining["nickname"]["max_length"] == 40
    assert joining["password"]["format"] == "password"
    assert set(visitor.get("/accounts/login").json()["fields"]) == {"email", "password"}


def test_an_address_joins_once(visitor: httpx.Client) -> None:
    email = fresh_email()
    body = {"email": email, "nickname": "Ana", "password": PASSWORD}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: visitor.post("/accounts/join", json=body), range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 19
    assert {tuple(fields_at_fault(answer)) for answer in answers if answer.status_code == 400} == {("email",)}
    spelled_otherwise = visitor.post("/accounts/join", json=body | {"email": email.upper()})
    assert fields_at_fault(spelled_otherwise) == ["email"]


GOOD = {"email": "ana@example.org", "nickname": "Ana", "password": PASSWORD}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"email": "ana"}, ["email"]),
        ({"email": None}, ["email"]),
        ({"email": 5}, ["email"]),
        ({"email": ["ana@example.org"]}, ["email"]),
        ({"email": "a" * 255 + "@example.org"}, ["email"]),
        ({"nickname": ""}, ["nickname"]),
        ({"nickname": True}, ["nickname"]),
        ({"nickname": 12}, ["nickname"]),
        ({"nickname": "n" * 41}, ["nickname"]),
        ({"nickname": "a\nb"}, ["nickname"]),
        ({"nickname": "a\0b"}, ["nickname"]),
        ({"password": "short"}, ["password"]),
        ({"password": "password"}, ["password"]),
        ({"password": "p" * 257}, ["password"]),
        ({"password": 1234567890123}, ["password"]),
        ({"password": "ana@example.org"}, ["password"]),
        ({"is_superuser": True}, ["is_superuser"]),
        ({"is_staff": True, "daily_quota": 1000}, ["daily_quota", "is_staff"]),
        ({"nickname": {"a": 1}, "email": "x"}, ["nickname"]),
        ({"email": "x", "nickname": "\u200b"}, ["email", "nickname"]),
    ],
)
def test_joining_refuses(visitor: httpx.Client, changes: dict[str, Any], faults: list[str]) -> None:
    before = User.objects.filter(email="ana@example.org").count()
    assert fields_at_fault(visitor.post("/accounts/join", json=GOOD | changes)) == faults
    assert User.objects.filter(email="ana@example.org").count() == before


@pytest.mark.parametrize("missing", ["email", "nickname", "password"])
def test_joining_needs_every_field(visitor: httpx.Client, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    assert fields_at_fault(visitor.post("/accounts/join", json=body)) == [missing]


@pytest.mark.parametrize(
    "body", [rb'{"nickname": "\ud800"}', rb'{"\ud800": 1}', rb'{"\u0000": 1}', b"[]", b"nul", b"\xff"]
)
def test_bodies_that_cannot_be_read(visitor: httpx.Client, body: bytes) -> None:
    for path in ("/accounts/join", "/accounts/login", "/accounts/refresh"):
        answer = visitor.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text
        assert answer.json()["type"] in ("malformed", "invalid_input")
    form = visitor.post("/accounts/join", data={"email": "ana@example.org"})
    assert form.status_code == 415


# --- Logging in, refreshing, logging out ----------------------------------------------------------------------------


def test_logging_in(visitor: httpx.Client, alice: Person) -> None:
    answer = log_in(visitor, alice.email.upper())
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access", "refresh", "user"}
    assert body["user"]["email"] == alice.email
    assert is_signed_in(alice.server, body["access"])
    assert "set-cookie" not in answer.headers


def test_a_stale_token_does_not_prevent_a_new_login(alice: Person) -> None:
    alice.client.headers["Authorization"] = "Bearer stale"
    assert log_in(alice.client, alice.email).status_code == 200


def test_unknown_wrong_and_suspended_answer_alike(
    visitor: httpx.Client, alice: Person, join: Callable[..., Person]
) -> None:
    charlie = join("charlie", is_active=False)
    answers = [
        log_in(visitor, alice.email, "wrong " + PASSWORD),
        log_in(visitor, fresh_email(), PASSWORD),
        log_in(visitor, charlie.email, PASSWORD),
    ]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert len({answer.text for answer in answers}) == 1


def test_guessing_is_bounded_whatever_address_is_claimed(
    visitor: httpx.Client, alice: Person, bob: Person
) -> None:
    answers = [log_in(visitor, alice.email, f"guess number {number}") for number in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert answers[-1].json()["type"] == "rate_limited"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 901
    for claimed in (
        {},
        {"X-Forwarded-For": "203.0.113.1"},
        {"X-Real-IP": "203.0.113.1"},
        {"Forwarded": "for=203.0.113.1"},
    ):
        visitor.headers.update(claimed)
        assert log_in(visitor, alice.email, "one more guess").status_code == 429
    assert log_in(visitor, bob.email).status_code == 200


def test_refreshing_rotates_and_a_second_use_ends_the_login(visitor: httpx.Client, alice: Person) -> None:
    first = visitor.post("/accounts/refresh", json={"refresh": alice.refresh})
    assert first.status_code == 200
    assert set(first.json()) == {"access", "refresh"}
    assert is_signed_in(alice.server, first.json()["access"])
    again = visitor.post("/accounts/refresh", json={"refresh": alice.refresh})
    assert again.status_code == 401
    assert again.json()["type"] == "unauthenticated"
    assert not is_signed_in(alice.server, first.json()["access"])
    assert visitor.post("/accounts/refresh", json={"refresh": first.json()["refresh"]}).status_code == 401


def test_of_many_refreshes_at_once_one_succeeds(visitor: httpx.Client, alice: Person) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: visitor.post("/accounts/refresh", json={"refresh": alice.refresh}), range(20))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logging_out_ends_this_login_only(visitor: httpx.Client, alice: Person, method: str) -> None:
    other = log_in(visitor, alice.email).json()["access"]
    assert alice.client.request(method, "/accounts/logout").status_code == 204
    assert alice.client.request(method, "/accounts/logout").status_code == 401
    assert visitor.post("/accounts/refresh", json={"refresh": alice.refresh}).status_code == 401
    assert is_signed_in(alice.server, other)


def test_an_api_key_is_no_login(server: str, alice: Person) -> None:
    key = api_key_of(alice)
    answer = httpx.post(f"{server}/accounts/logout", headers=JSON | {"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403
    assert is_signed_in(server, key)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts/refresh"),
        ("PUT", "/accounts/join"),
        ("DELETE", "/accounts/login"),
        ("PATCH", "/accounts/profile"),
    ],
)
def test_other_methods(alice: Person, method: str, path: str) -> None:
    answer = alice.client.request(method, path)
    assert answer.status_code == 405
    assert answer.json()["type"] == "method_not_allowed"


# --- The profile ----------------------------------------------------------------------------------------------------


def test_the_profile(alice: Person) -> None:
    body = alice.client.get("/accounts/profile").json()
    assert set(body) == {
        "id", "email", "nickname", "created_at", "last_login", "ip_address", "time_zone", "language", "quota",
    }  # fmt: skip
    assert (body["id"], body["email"], body["time_zone"]) == (alice.id, alice.email, "UTC")
    assert body["ip_address"] == "127.0.0.1"
    assert set(body["quota"]) == {"limit", "used", "remaining", "resets_at"}
    assert (body["quota"]["limit"], body["quota"]["used"], body["quota"]["remaining"]) == (5, 0, 5)


def test_any_subset_of_the_profile_changes(alice: Person) -> None:
    for change in ({"nickname": "Alicia"}, {"time_zone": "Asia/Seoul"}, {"language": "ko"}, {}):
        answer = alice.client.put("/accounts/profile", json=change)
        assert answer.status_code == 200
        assert answer.json() | change == answer.json()
    body = alice.client.get("/accounts/profile").json()
    assert (body["nickname"], body["time_zone"], body["language"]) == ("Alicia", "Asia/Seoul", "ko")
    assert alice.client.put("/accounts/profile", json={"time_zone": ""}).json()["time_zone"] == "UTC"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nickname": ""}, "nickname"),
        ({"nickname": 5}, "nickname"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"language": "tlh"}, "language"),
        ({"email": "nowhere", "current_password": PASSWORD}, "email"),
        ({"password": NEW_PASSWORD}, "current_password"),
        ({"password": NEW_PASSWORD, "current_password": "wrong"}, "current_password"),
        ({"password": "short", "current_password": PASSWORD}, "password"),
        ({"id": "1"}, "id"),
        ({"is_superuser": True}, "is_superuser"),
        ({"daily_quota": 1000}, "daily_quota"),
        ({"quota": {"limit": 1000}}, "quota"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_the_profile_refuses(alice: Person, change: dict[str, Any], fault: str) -> None:
    before = User.objects.values().get(id=alice.id)
    assert fields_at_fault(alice.client.put("/accounts/profile", json=change)) == [fault]
    assert User.objects.values().get(id=alice.id) == before


def test_another_address(visitor: httpx.Client, alice: Person, bob: Person) -> None:
    new = fresh_email("alicia")
    body = {"email": new.upper(), "current_password": PASSWORD}
    assert alice.client.put("/accounts/profile", json=body).json()["email"] == new
    assert log_in(visitor, alice.email).status_code == 401
    assert log_in(visitor, new).status_code == 200
    taken = bob.client.put("/accounts/profile", json=body)
    assert fields_at_fault(taken) == ["email"]


def test_a_new_password_ends_every_other_login(visitor: httpx.Client, alice: Person) -> None:
    other = log_in(visitor, alice.email).json()
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert alice.client.put("/accounts/profile", json=body).status_code == 200
    assert alice.client.get("/accounts/profile").status_code == 200
    assert visitor.post("/accounts/refresh", json={"refresh": alice.refresh}).status_code == 200
    assert not is_signed_in(alice.server, other["access"])
    assert visitor.post("/accounts/refresh", json={"refresh": other["refresh"]}).status_code == 401
    assert log_in(visitor, alice.email).status_code == 401
    assert log_in(visitor, alice.email, NEW_PASSWORD).status_code == 200


def test_current_passwords_are_guessed_no_more_often_than_others(alice: Person) -> None:
    answers = [
        alice.client.put(
            "/accounts/profile", json={"password": NEW_PASSWORD, "current_password": f"guess {number}"}
        )
        for number in range(12)
    ]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429] * 2


def test_erasing_the_account(visitor: httpx.Client, alice: Person) -> None:
    erase = "/accounts/profile"
    assert fields_at_fault(alice.client.delete(erase)) == ["current_password"]
    wrong = alice.client.request("DELETE", erase, json={"current_password": "wrong"})
    assert fields_at_fault(wrong) == ["current_password"]
    assert FailedLogins.objects.exists()
    answer = alice.client.request("DELETE", erase, json={"current_password": PASSWORD})
    assert answer.status_code == 204
    assert alice.client.get("/accounts/profile").status_code == 401
    assert log_in(visitor, alice.email).status_code == 401
    assert not User.objects.filter(id=alice.id).exists()
    assert not Session.objects.filter(user_id=alice.id).exists()


# --- Carriers -------------------------------------------------------------------------------------------------------


def api_key_of(person: Person) -> str:
    _key, text = keys.create_api_key(user=User.objects.get(id=person.id), name="test")
    return text


def cookie_of(person: Person) -> str:
    """A browser's session, as the sign-in page opens it."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    open_browser_login(request, User.objects.get(id=person.id))
    request.session.save()
    return str(request.session.session_key)


def browser(person: Person, **headers: str) -> httpx.Client:
    """A script on our own page: the session cookie, no bearer token."""
    client = httpx.Client(base_url=person.server, headers=JSON | headers, timeout=30)
    client.cookies.set(settings.SESSION_COOKIE_NAME, cookie_of(person))
    return client


def with_csrf(client: httpx.Client) -> httpx.Client:
    client.cookies.set(settings.CSRF_COOKIE_NAME, "a" * 32)
    client.headers["X-CSRFToken"] = "a" * 32
    return client


def test_every_carrier_is_the_same_person(server: str, alice: Person) -> None:
    key = api_key_of(alice)
    for headers in (
        {"Authorization": f"Bearer {alice.access}"},
        {"Authentication": f"bearer {alice.access}"},
        {"Authorization": f"Bearer {key}"},
        {"Authentication": f"bearer {key}"},
    ):
        answer = httpx.get(f"{server}/accounts/profile", headers=JSON | headers)
        assert (answer.status_code, answer.json()["id"]) == (200, alice.id)
    with browser(alice) as client:
        assert client.get("/accounts/profile").json()["id"] == alice.id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "KEY"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer tt_nonsense"},
        {"Authorization": "Basic KEY"},
        {"Authorization": "Bearer KEY", "Authentication": "bearer ACCESS"},
        {"Authorization": "Bearer REFRESH"},
    ],
)
def test_what_is_no_credential(server: str, alice: Person, headers: dict[str, str]) -> None:
    values = {"KEY": api_key_of(alice), "ACCESS": alice.access, "REFRESH": alice.refresh}
    for name, value in values.items():
        headers = {header: text.replace(name, value) for header, text in headers.items()}
    answer = httpx.get(f"{server}/accounts/profile", headers=JSON | headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "unauthenticated"


def test_a_bad_token_is_not_made_good_by_a_cookie(alice: Person) -> None:
    with browser(alice, Authorization="Bearer nonsense") as client:
        assert client.get("/accounts/profile").status_code == 401
    with browser(alice, Authorization="Basic YTpi") as client:
        assert client.get("/accounts/profile").status_code == 200


def test_suspension_shuts_every_carrier(server: str, alice: Person) -> None:
    key = api_key_of(alice)
    with browser(alice) as client:
        User.objects.filter(id=alice.id).update(is_active=False)
        assert client.get("/accounts/profile").status_code == 401
    assert not is_signed_in(server, key)
    assert not is_signed_in(server, alice.access)


def test_a_cookie_needs_the_csrf_token_to_change_anything(alice: Person) -> None:
    with browser(alice) as client:
        for method, path in (
            ("PUT", "/accounts/profile"),
            ("DELETE", "/accounts/profile"),
            ("POST", "/accounts/logout"),
        ):
            answer = client.request(method, path, json={"nickname": "Mallory"} if method == "PUT" else None)
            assert (answer.status_code, answer.json()["type"]) == (403, "forbidden")
        with_csrf(client)
        foreign = client.put(
            "/accounts/profile", json={"nickname": "Mallory"}, headers={"Origin": "https://elsewhere.example"}
        )
        assert foreign.status_code == 403
        assert client.put("/accounts/profile", json={"nickname": "Alicia"}).status_code == 200


def test_a_cookie_logs_out_by_post_only(alice: Person) -> None:
    with with_csrf(browser(alice)) as client:
        assert client.get("/accounts/logout").status_code == 405
        assert client.get("/accounts/profile").status_code == 200
        key = client.cookies[settings.SESSION_COOKIE_NAME]
        assert client.post("/accounts/logout").status_code == 204
        client.cookies.set(settings.SESSION_COOKIE_NAME, key)
        assert client.get("/accounts/profile").status_code == 401


def test_a_new_password_changes_the_cookie(alice: Person) -> None:
    with with_csrf(browser(alice)) as client:
        old = client.cookies[settings.SESSION_COOKIE_NAME]
        answer = client.put(
            "/accounts/profile", json={"password": NEW_PASSWORD, "current_password": PASSWORD}
        )
        assert answer.status_code == 200
        new = SimpleCookie(answer.headers["set-cookie"])[settings.SESSION_COOKIE_NAME].value
        assert new != old
        client.cookies.clear()
        for key, status in ((new, 200), (old, 401)):
            client.cookies.set(settings.SESSION_COOKIE_NAME, key)
            assert client.get("/accounts/profile").status_code == status
    assert not is_signed_in(alice.server, alice.access)
