"""Errors of every kind are problem JSON, and the next request works."""

import httpx
import pytest

from tests.people import Person

PROBLEM = "application/problem+json"


def check(answer: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    body: dict[str, object] = answer.json()
    assert (body["type"], body["status"]) == (slug, status)
    assert {"type", "title", "status", "detail"} <= set(body)
    return body


@pytest.mark.parametrize("path", ["/api/nothing", "/api/messages/x/y/z", "/api/conversations/1/2"])
def test_unknown_addresses(alice: Person, path: str) -> None:
    check(alice.client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/chat", "GET, POST, DELETE, HEAD, OPTIONS"),
        ("PATCH", "/chat/x", "GET, DELETE, HEAD, OPTIONS"),
        ("GET", "/api/messages/create", "POST, OPTIONS"),
        ("POST", "/api/models", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/usage", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods_that_an_address_does_not_take(alice: Person, method: str, path: str, allowed: str) -> None:
    answer = alice.client.request(method, path)
    check(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == set(allowed.split(", "))


def test_a_visitor_is_unauthenticated_before_anything_else_is_said(server: str) -> None:
    with httpx.Client(base_url=server) as visitor:
        for answer in (
            visitor.get("/chat"),
            visitor.post("/chat", json={"content": 1}),
            visitor.post("/api/messages/create", content=b"{"),
            visitor.get("/api/conversations"),
            visitor.post("/api/conversations/x/messages", json={}),
            visitor.get("/api/generations/x/events"),
            visitor.post("/api/generations/x/stop"),
            visitor.get("/api/models"),
            visitor.get("/api/usage"),
        ):
            check(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/chat", "/api/messages/create", "/api/conversations"])
def test_bodies_that_are_not_taken(alice: Person, path: str) -> None:
    post = alice.client.post
    check(post(path, content=b"<a/>", headers={"Content-Type": "text/xml"}), 415, "unsupported_media_type")
    latin = {"Content-Type": "application/json; charset=latin-1"}
    check(post(path, content=b"{}", headers=latin), 415, "unsupported_media_type")
    check(post(path, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed")
    large = b'{"content": "' + b"x" * 2_000_000 + b'"}'
    check(post(path, content=large, headers={"Content-Type": "application/json"}), 413, "too_large")
    check(post(path, content=b'{"a":' * 5000, headers={"Content-Type": "application/json"}), 400, "malformed")
    assert alice.client.get("/chat").status_code == 200


def test_forms_are_taken_by_the_older_addresses_only(alice: Person) -> None:
    answer = alice.client.post("/api/conversations", data={"title": "x"})
    check(answer, 415, "unsupported_media_type")


def test_a_body_in_chunks_without_a_length(alice: Person) -> None:
    def chunks() -> object:
        yield b'{"title": '
        yield b'"in chunks"}'

    answer = alice.client.post(
        "/api/conversations",
        content=chunks(),  # type: ignore[arg-type]
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["title"] == "in chunks"


def test_slashes_at_the_end_change_nothing(alice: Person) -> None:
    assert alice.client.get("/api/usage/").json() == alice.client.get("/api/usage").json()
    assert alice.client.post("/chat/", json={"content": "hello"}).status_code == 201


def test_answers_stay_in_no_cache(alice: Person) -> None:
    for path in ("/chat", "/api/messages", "/api/conversations", "/api/models", "/api/usage", "/chat/x"):
        assert alice.client.get(path).headers["Cache-Control"] == "private, no-store"


def test_a_suspended_user_is_refused(join: object) -> None:
    charlie: Person = join("charlie", is_active=False)  # type: ignore[operator]
    check(charlie.client.get("/chat"), 401, "unauthenticated")
    check(charlie.client.post("/chat", json={"content": "hello"}), 401, "unauthenticated")


def test_the_origins_header_is_taken(alice: Person, server: str) -> None:
    headers = {"Authentication": f"bearer {alice.access}"}
    assert httpx.post(f"{server}/chat", json={"content": "hi"}, headers=headers).status_code == 201


def test_head_and_options(alice: Person) -> None:
    for path in ("/chat", "/api/usage", "/api/models"):
        head, get = alice.client.head(path), alice.client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
    options = alice.client.options("/chat")
    assert options.status_code == 204
    assert set(options.headers["Allow"].split(", ")) == {"GET", "POST", "DELETE", "HEAD", "OPTIONS"}


def test_a_registration_in_chunks(server: str) -> None:
    answer = httpx.post(
        f"{server}/accounts/join",
        content=iter([b'{"email": "not an address", ', b'"nickname": "A", "password": "B"}']),
        headers={"Accept": "application/json", "Content-Type": "application/json"},
    )
    assert (answer.status_code, "email" in answer.json()["errors"]) == (400, True)
