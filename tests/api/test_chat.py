"""/chat: the flat exchanges of the contract, from list to deletion."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.streams import open_conversation
from tests.people import Person
from tests.provider import ScriptedProvider

Statements = Callable[[Callable[[], object]], list[str]]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def say(person: Person, content: str = "hello", **body: Any) -> httpx.Response:
    return person.client.post("/chat", json={"content": content, **body})


def said(person: Person, *contents: str) -> list[dict[str, Any]]:
    answers = [say(person, content) for content in contents]
    assert [answer.status_code for answer in answers] == [201] * len(contents)
    return [answer.json() for answer in answers]


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item as the list shows it."""
    return {name: value for name, value in item.items() if name != "links"}


def test_an_exchange_has_the_contracts_shape(alice: Person) -> None:
    answer = say(alice, '!script {"text": "Good evening."}', model="scripted-small")
    assert answer.status_code == 201
    item = answer.json()
    address = f"{alice.server}/chat/{item['id']}"
    assert item == {
        "id": item["id"],
        "user": alice.email,
        "content": '!script {"text": "Good evening."}',
        "created_at": item["created_at"],
        "chat_reply": {
            "id": item["chat_reply"]["id"],
            "user": "scripted-small",
            "content": "Good evening.",
            "created_at": item["chat_reply"]["created_at"],
        },
        "links": [
            {"rel": "self", "href": address, "method": "GET"},
            {"rel": "delete", "href": address, "method": "DELETE"},
        ],
    }
    assert INSTANT.fullmatch(item["created_at"])
    assert answer.headers["Location"] == address
    assert alice.client.get(address).json() == item


def test_the_quota_travels_with_every_answer(alice: Person) -> None:
    for remaining in (4, 3, 2, 1, 0):
        answer = say(alice)
        assert answer.headers["RateLimit-Limit"] == "5"
        assert answer.headers["RateLimit-Remaining"] == str(remaining)
        assert 0 < int(answer.headers["RateLimit-Reset"]) <= 48 * 3600
    refused = say(alice)
    assert (refused.status_code, refused.json()["type"]) == (429, "over_quota")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert int(refused.headers["Retry-After"]) > 0
    assert alice.client.get("/chat").json()["count"] == 5


def test_no_quota_headers_where_nothing_limits(join: Callable[..., Person]) -> None:
    mona = join("mona", is_staff=True, is_superuser=True)
    assert "RateLimit-Limit" not in say(mona).headers


def test_a_fault_of_the_provider_keeps_the_message_and_gives_the_unit_back(alice: Person) -> None:
    answer = say(alice, '!script {"status": 503}')
    body = answer.json()
    assert (answer.status_code, body["type"]) == (502, "provider_overloaded")
    assert answer.headers["RateLimit-Remaining"] == "5"
    (kept,) = alice.client.get("/chat").json()["results"]
    assert (kept["id"], kept["content"], kept["chat_reply"]) == (
        body["exchange"],
        '!script {"status": 503}',
        None,
    )
    again = alice.client.post(f"/api/messages/{body['exchange']}/regenerate", json={})
    assert again.status_code == 502


def test_a_conversation_goes_on(alice: Person, provider: ScriptedProvider) -> None:
    first = say(alice, "my name is Alice")
    conversation = re.search(r"/api/conversations/([0-9a-f-]+)>", first.headers["Link"])
    assert conversation is not None
    second = say(alice, "what is my name?", conversation=conversation[1])
    assert second.status_code == 201
    history = alice.client.get(f"/api/conversations/{conversation[1]}/messages").json()["results"]
    assert [message["content"] for message in history[::2]] == ["my name is Alice", "what is my name?"]
    assert history[2]["parent"] == history[1]["id"]


@pytest.mark.parametrize("name", ["temperature", "top_p", "max_tokens", "stop", "seed"])
def test_parameters_stand_flat_or_nested(alice: Person, name: str) -> None:
    value = {"max_tokens": 50, "stop": ["END"], "seed": 7}.get(name, 0.5)
    for body in ({name: value}, {"parameters": {name: value}}):
        item = say(alice, **body).json()
        message = alice.client.get(f"/api/messages/{item['chat_reply']['id']}").json()
        assert message["parameters"] == {name: value}


def test_plain_forms_are_taken(alice: Person) -> None:
    content = "hello from a form"
    encoded = alice.client.post("/chat", data={"content": content})
    multipart = alice.client.post("/chat", files={"content": (None, content)})
    for answer in (encoded, multipart):
        assert (answer.status_code, answer.json()["content"]) == (201, content)


def test_a_forms_numbers_are_read_as_numbers(alice: Person) -> None:
    answer = alice.client.post("/chat", data={"content": "x", "temperature": "0.5", "max_tokens": "50"})
    assert answer.status_code == 201
    message = alice.client.get(f"/api/messages/{answer.json()['chat_reply']['id']}").json()
    assert message["parameters"] == {"temperature": 0.5, "max_tokens": 50}
    for name, text in (("temperature", "warm"), ("temperature", "NaN"), ("max_tokens", "1.5"), ("seed", "")):
        answer = alice.client.post("/chat", data={"content": "x", name: text})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_files_are_not_taken(alice: Person) -> None:
    answer = alice.client.post("/chat", data={"content": "x"}, files={"file": ("a.txt", b"text")})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["file"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": " \n\t"}, "content"),
        ({"content": 5}, "content"),
        ({"content": None}, "content"),
        ({"content": ["a"]}, "content"),
        ({"content": "x" * 100_001}, "content"),
        ({"content": "a\0"}, "content"),
        ({"content": "\ud800"}, "content"),
        ({"content": "a", "unheard_of": 1}, "unheard_of"),
        ({"content": "a", "conversation": "x"}, "conversation"),
        ({"content": "a", "conversation": "00000000-0000-7000-8000-000000000000"}, "conversation"),
        ({"content": "a", "conversation": 1}, "conversation"),
        ({"content": "a", "instance": "x"}, "instance"),
        ({"content": "a", "attachments": ["x"]}, "attachments"),
        ({"content": "a", "model": "no-such-model"}, "model"),
        ({"content": "a", "model": 5}, "model"),
        ({"content": "a", "temperature": 2.1}, "temperature"),
        ({"content": "a", "parameters": {"temperature": -0.1}}, "parameters.temperature"),
        ({"content": "a", "parameters": []}, "parameters"),
    ],
)
def test_bad_input_is_named_and_costs_nothing(alice: Person, body: dict[str, Any], field: str) -> None:
    answer = alice.client.post(
        "/chat", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), answer.text
    assert alice.client.get("/chat").json()["count"] == 0
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_somebody_elses_conversation_is_an_unknown_one(alice: Person, bob: Person) -> None:
    foreign = say(bob, conversation=open_conversation(alice))
    unknown = say(bob, conversation="00000000-0000-7000-8000-000000000000")
    assert (foreign.status_code, foreign.json()) == (400, unknown.json())


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_an_empty_list(alice: Person) -> None:
    answer = alice.client.get("/chat")
    first = f"{alice.server}/chat?page=1&per_page=10"
    assert answer.json() == {
        "count": 0,
        "results": [],
        "links": [
            {"rel": "first", "method": "GET", "link": first},
            {"rel": "last", "method": "GET", "link": first},
        ],
    }
    assert answer.headers["Link"] == f'<{first}>; rel="first", <{first}>; rel="last"'


def test_pages_are_newest_first_and_linked(join: Callable[..., Person]) -> None:
    alice = join("alice", daily_quota=20)
    items = said(alice, *(f"number {number}" for number in range(12)))
    newest_first = [plain(item) for item in reversed(items)]
    pages = [alice.client.get("/chat", params={"page": page, "per-page": 5}) for page in (1, 2, 3)]
    assert [page.json()["results"] for page in pages] == [
        newest_first[:5],
        newest_first[5:10],
        newest_first[10:],
    ]
    assert {page.json()["count"] for page in pages} == {12}

    def links(page: httpx.Response) -> dict[str, str]:
        return {link["rel"]: link["link"] for link in page.json()["links"]}

    address = f"{alice.server}/chat?page=%d&per_page=5"
    assert links(pages[0]) == {"first": address % 1, "next": address % 2, "last": address % 3}
    assert links(pages[1]) == {
        "first": address % 1,
        "prev": address % 1,
        "next": address % 3,
        "last": address % 3,
    }
    assert links(pages[2]) == {"first": address % 1, "prev": address % 2, "last": address % 3}
    assert {rel: link["url"] for rel, link in pages[1].links.items()} == links(pages[1])
    assert alice.client.get(address % 4).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=", "page"),
        ("page=1.5", "page"),
        ("page=%C2%B2", "page"),
        ("page=99999999999999999999", "page"),
        ("per_page=4", "per_page"),
        ("per_page=101", "per_page"),
        ("per-page=x", "per-page"),
        ("per_page=%00", "per_page"),
    ],
)
def test_bad_page_numbers(alice: Person, query: str, field: str) -> None:
    answer = alice.client.get(f"/chat?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_list_costs_the_same_for_one_and_three(alice: Person, statements: Statements) -> None:
    def listing() -> None:
        assert alice.client.get("/chat").status_code == 200

    said(alice, "one")
    with_one = len(statements(listing))
    said(alice, "two", "three")
    assert len(statements(listing)) == with_one
    assert alice.client.get("/chat").json()["count"] == 3


# --- Deletion, and whose it is --------------------------------------------------------------------------------------


def test_deleting_one_and_all(alice: Person, bob: Person) -> None:
    first, second, third = said(alice, "one", "two", "three")
    (kept,) = said(bob, "mine")
    answer = alice.client.delete(f"/chat/{second['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert alice.client.get(f"/chat/{second['id']}").status_code == 404
    assert [item["id"] for item in alice.client.get("/chat").json()["results"]] == [third["id"], first["id"]]
    assert alice.client.delete("/chat").status_code == 204
    assert alice.client.get("/chat").json()["count"] == 0
    assert bob.client.get("/chat").json()["results"] == [plain(kept)]


def test_other_user_gets_404(alice: Person, bob: Person) -> None:
    (item,) = said(alice, "private")
    for method in ("GET", "DELETE"):
        foreign = bob.client.request(method, f"/chat/{item['id']}")
        unknown = bob.client.request(method, "/chat/00000000-0000-7000-8000-000000000000")
        odd = bob.client.request(method, "/chat/not-an-id")
        assert foreign.status_code == 404
        assert foreign.json() == unknown.json() == odd.json()
    assert bob.client.get("/chat").json()["results"] == []
    assert alice.client.get(f"/chat/{item['id']}").status_code == 200


def test_an_answer_is_no_exchange(alice: Person) -> None:
    (item,) = said(alice, "hello")
    assert alice.client.get(f"/chat/{item['chat_reply']['id']}").status_code == 404
