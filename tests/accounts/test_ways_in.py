"""Logins and keys as their owner sees and ends them, and what a key of a scope opens."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tertulia.accounts import sessions
from tertulia.accounts.models import ApiKey, Session
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.people import PASSWORD, Person

JSON = {"Accept": "application/json"}


def log_in(person: Person) -> dict[str, str]:
    body = httpx.post(
        f"{person.server}/accounts/login", json={"email": person.email, "password": PASSWORD}, headers=JSON
    ).json()
    return {"Authorization": f"Bearer {body['access']}"}


def profile(server: str, headers: dict[str, str]) -> int:
    return httpx.get(f"{server}/accounts/profile", headers=JSON | headers).status_code


def make_key(person: Person, **fields: Any) -> str:
    answer = person.client.post("/api/keys", json={"name": "laptop"} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


# --- Logins ---------------------------------------------------------------------------------------------------------


def test_the_list_of_logins(server: str, alice: Person, bob: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        rows = alice.client.get("/api/sessions").json()["results"]
    assert [(row["carrier"], row["is_current"]) for row in rows] == [("browser", False), ("program", True)]
    assert {row["address"] for row in rows} == {"127.0.0.1"}
    keys = set(Session.objects.filter(user_id=alice.id).values_list("session_key", flat=True))
    assert not keys & {row["id"] for row in rows}
    assert len(bob.client.get("/api/sessions").json()["results"]) == 1


def test_one_login_is_ended(server: str, alice: Person) -> None:
    other = log_in(alice)
    rows = alice.client.get("/api/sessions").json()["results"]
    (id,) = [row["id"] for row in rows if not row["is_current"]]
    assert alice.client.delete(f"/api/sessions/{id}").status_code == 204
    assert (profile(server, other), alice.client.get("/accounts/profile").status_code) == (401, 200)
    assert alice.client.delete(f"/api/sessions/{id}").status_code == 404


def test_all_others_are_ended(server: str, alice: Person) -> None:
    other = log_in(alice)
    with Browser(server) as browser:
        browser.sign_in(alice)
        assert alice.client.delete("/api/sessions").status_code == 204
        assert not browser.is_signed_in()
    assert (profile(server, other), alice.client.get("/accounts/profile").status_code) == (401, 200)


def test_somebody_elses_login_is_unknown(server: str, alice: Person, bob: Person) -> None:
    (row,) = bob.client.get("/api/sessions").json()["results"]
    answer = alice.client.delete(f"/api/sessions/{row['id']}")
    assert (answer.status_code, answer.json()) == (404, alice.client.delete("/api/sessions/x").json())
    assert bob.client.get("/accounts/profile").status_code == 200


def test_the_page_ends_logins(server: str, alice: Person) -> None:
    with Browser(server) as browser, Browser(server) as other:
        browser.sign_in(alice)
        other.sign_in(alice)
        assert "127.0.0.1" in browser.see("/accounts/security")
        rows = browser.http.get("/api/sessions", headers=JSON).json()["results"]
        (program,) = [row["id"] for row in rows if row["carrier"] == "program"]
        assert browser.press("/accounts/security", action="end", login=program).status_code == 303
        assert alice.client.get("/accounts/profile").status_code == 401
        assert other.is_signed_in()
        assert browser.press("/accounts/security", action="end-others").status_code == 303
        assert (browser.is_signed_in(), other.is_signed_in()) == (True, False)
        assert browser.press("/accounts/security", action="end", login="x").status_code == 404
        assert browser.press("/accounts/security", action="nonsense").status_code == 400


def test_a_login_in_use_is_seen_now_and_then(server: str, alice: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        rows = Session.objects.filter(user_id=alice.id, carrier="browser")
        long_ago = clock.now() - timedelta(days=3)
        rows.update(seen_at=long_ago)
        browser.see("/accounts/security")
        seen = rows.get().seen_at
        assert clock.now() - seen < timedelta(minutes=1)
        assert clock.now() - rows.get().created_at < timedelta(minutes=1)
        browser.see("/accounts/security")
        assert rows.get().seen_at == seen
    assert timedelta(minutes=1) < sessions.SEEN_STEP


# --- Keys -----------------------------------------------------------------------------------------------------------


def test_a_key_from_making_to_ending(server: str, alice: Person) -> None:
    answer = alice.client.post("/api/keys", json={"name": " laptop "})
    body = answer.json()
    key = body.pop("key")
    assert answer.headers["location"] == f"/api/keys/{body['id']}"
    assert (body["name"], body["scope"], body["prefix"]) == ("laptop", "all", key[:8])
    assert alice.client.get("/api/keys").json() == {"results": [body]}
    assert profile(server, {"Authorization": f"Bearer {key}"}) == 200
    assert key not in str(list(ApiKey.objects.filter(user_id=alice.id).values()))
    assert alice.client.get("/api/keys").json()["results"][0]["last_used_at"]
    assert alice.client.delete(f"/api/keys/{body['id']}").status_code == 204
    assert profile(server, {"Authorization": f"Bearer {key}"}) == 401


def test_somebody_elses_key_is_unknown(alice: Person, bob: Person) -> None:
    make_key(alice)
    (row,) = alice.client.get("/api/keys").json()["results"]
    assert bob.client.get("/api/keys").json() == {"results": []}
    assert bob.client.delete(f"/api/keys/{row['id']}").status_code == 404
    assert len(alice.client.get("/api/keys").json()["results"]) == 1


def test_a_key_ends_when_it_was_to_end(server: str, alice: Person) -> None:
    key = make_key(alice, expires_at=(clock.now() + timedelta(hours=1)).isoformat())
    assert profile(server, {"Authorization": f"Bearer {key}"}) == 200
    ApiKey.objects.filter(user_id=alice.id).update(expires_at=clock.now())
    assert profile(server, {"Authorization": f"Bearer {key}"}) == 401


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scope": "root"}, "scope"),
        ({"scope": 5}, "scope"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"user": "x"}, "user"),
    ],
)
def test_what_is_no_key(alice: Person, fields: dict[str, Any], fault: str) -> None:
    answer = alice.client.post("/api/keys", json={"name": "laptop"} | fields)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [fault])
    assert alice.client.get("/api/keys").json() == {"results": []}


def test_there_are_not_too_many_keys(alice: Person) -> None:
    ApiKey.objects.bulk_create(
        ApiKey(user_id=alice.id, name="x", prefix="tt_x", digest=f"{alice.id}{number}")
        for number in range(100)
    )
    assert alice.client.post("/api/keys", json={"name": "one more"}).status_code == 409


OPENED = {
    ("GET", "/api/conversations"): {"all", "chat", "read"},
    ("POST", "/api/conversations"): {"all", "chat"},
    ("GET", "/chat"): {"all", "chat", "read"},
    ("DELETE", "/chat"): {"all", "chat"},
    ("GET", "/api/messages"): {"all", "chat", "read"},
    ("GET", "/v1/models"): {"all", "chat", "read"},
    ("GET", "/api/models"): {"all", "chat", "read"},
    ("GET", "/api/usage"): {"all", "chat", "read"},
    ("GET", "/api/usage/ledger"): {"all", "chat", "read"},
    ("GET", "/accounts/profile"): {"all", "read"},
    ("PUT", "/accounts/profile"): {"all"},
    ("GET", "/quote"): {"all", "read"},
    ("GET", "/api/keys"): set(),
    ("POST", "/api/keys"): set(),
    ("DELETE", "/api/sessions"): set(),
    ("GET", "/api/sessions"): set(),
}


@pytest.mark.parametrize("scope", ["all", "chat", "speech", "read"])
def test_what_a_scope_opens(server: str, alice: Person, scope: str) -> None:
    headers = JSON | {"Authorization": f"Bearer {make_key(alice, scope=scope)}"}
    opened = set()
    for method, path in OPENED:
        body: dict[str, str] | None = {} if method in ("POST", "PUT") else None
        answer = httpx.request(method, server + path, headers=headers, json=body)
        assert answer.status_code < 300 or answer.status_code == 403, (method, path, answer.text)
        if answer.status_code < 300:
            opened.add((method, path))
    assert opened == {entry for entry, scopes in OPENED.items() if scope in scopes}


def test_a_narrow_key_sends_and_streams(server: str, join: Callable[..., Person]) -> None:
    person = join("ana")
    for scope, expected in (("chat", 201), ("read", 403), ("speech", 403)):
        headers = JSON | {"Authorization": f"Bearer {make_key(person, scope=scope)}"}
        answer = httpx.post(f"{server}/chat", json={"content": "Hello"}, headers=headers, timeout=30)
        assert answer.status_code == expected, answer.text


def test_the_page_makes_keys(server: str, alice: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        page = browser.press("/settings/keys", on="/settings", name="laptop", scope="read", days="30")
        assert page.status_code == 200
        assert 'value="tt_' in page.text
        (row,) = alice.client.get("/api/keys").json()["results"]
        assert row["scope"] == "read"
        assert row["expires_at"] > (clock.now() + timedelta(days=29)).isoformat()
        refused = browser.press("/settings/keys", on="/settings", name="laptop", days="-5")
        assert refused.status_code == 400
        assert browser.press(f"/settings/keys/{row['id']}/revoke", on="/settings").status_code == 303
    assert alice.client.get("/api/keys").json() == {"results": []}


def test_the_page_revokes_all_keys_at_once(server: str, alice: Person, bob: Person) -> None:
    mine, theirs = [make_key(alice, name=f"key {number}") for number in range(3)], make_key(bob)
    with Browser(server) as browser:
        browser.sign_in(alice)
        assert browser.press("/settings/keys/revoke", on="/settings").status_code == 303
    for key, status in (*((key, 401) for key in mine), (theirs, 200)):
        headers = JSON | {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{server}/api/usage", headers=headers).status_code == status


def test_a_key_is_not_let_into_the_pages_that_make_ways_in(server: str, alice: Person) -> None:
    with Browser(server, Authorization=f"Bearer {make_key(alice)}") as browser:
        assert browser.http.get("/accounts/security").status_code == 403
        assert browser.press("/settings/keys", on="/settings", name="x").status_code == 403
    assert len(alice.client.get("/api/keys").json()["results"]) == 1
