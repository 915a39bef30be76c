"""/api/conversations: lists by cursor, titles, branches, deletion."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from tests.api.streams import open_conversation, send
from tests.people import Person

Statements = Callable[[Callable[[], object]], list[str]]


def pages(person: Person, url: str | None, direction: str = "next") -> list[list[str]]:
    """The ids of all pages from an address on."""
    found = []
    while url:
        answer = person.client.get(url)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert set(body) == {"results", "next", "previous"}
        found.append([row["id"] for row in body["results"]])
        url = body[direction]
    return found


def test_an_empty_conversation(alice: Person) -> None:
    answer = alice.client.post("/api/conversations", json={"title": "Plans"})
    body = answer.json()
    assert answer.status_code == 201
    assert body == {
        "id": body["id"],
        "title": "Plans",
        "instance": None,
        "leaf": None,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "greeting": "",
        "running": [],
    }
    assert answer.headers["Location"] == f"{alice.server}/api/conversations/{body['id']}"
    assert alice.client.get(answer.headers["Location"]).json() == body


def test_the_first_message_gives_a_title(alice: Person) -> None:
    conversation = open_conversation(alice)
    send(alice, "How do tides work?", conversation)
    body = alice.client.get(f"/api/conversations/{conversation}").json()
    assert body["title"] == "How do tides work?"


def test_a_conversation_is_renamed(alice: Person) -> None:
    conversation = open_conversation(alice, title="before")
    renamed = alice.client.patch(f"/api/conversations/{conversation}", json={"title": "after"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "after")
    assert alice.client.get(f"/api/conversations/{conversation}").json() == renamed.json()


def test_a_branch_is_chosen(alice: Person) -> None:
    conversation = open_conversation(alice)
    first = send(alice, "one way", conversation).json()
    send(alice, "another way", conversation, parent=None)
    leaf = first["answer"]["id"]
    chosen = alice.client.patch(f"/api/conversations/{conversation}", json={"leaf": leaf})
    assert (chosen.status_code, chosen.json()["leaf"]) == (200, leaf)
    assert send(alice, "further", conversation).json()["user_message"]["parent"] == leaf


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": None}, "title"),
        ({"title": "a\0"}, "title"),
        ({"instance": "x"}, "instance"),
        ({"user": "me"}, "user"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
def test_bad_conversations_are_named(alice: Person, body: dict[str, Any], field: str) -> None:
    answer = alice.client.post("/api/conversations", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert alice.client.get("/api/conversations").json()["results"] == []


@pytest.mark.parametrize("leaf", ["x", 1, None, "00000000-0000-7000-8000-000000000000"])
def test_a_bad_leaf_is_named(alice: Person, leaf: object) -> None:
    conversation = open_conversation(alice)
    answer = alice.client.patch(f"/api/conversations/{conversation}", json={"leaf": leaf, "title": "x"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["leaf"])
    assert alice.client.get(f"/api/conversations/{conversation}").json()["title"] == ""


def test_the_list_has_the_last_changed_first(alice: Person) -> None:
    first, second, third = (open_conversation(alice, title=title) for title in "abc")
    assert pages(alice, "/api/conversations") == [[third, second, first]]
    send(alice, "hello", first)
    assert pages(alice, "/api/conversations") == [[first, third, second]]
    (row, *_) = alice.client.get("/api/conversations").json()["results"]
    assert set(row) == {"id", "title", "instance", "leaf", "created_at", "updated_at"}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_cursors_walk_the_list_both_ways(alice: Person, limit: int) -> None:
    made = [open_conversation(alice) for _ in range(5)]
    forward = pages(alice, f"/api/conversations?limit={limit}")
    assert list(chain(*forward)) == made[::-1]
    assert all(len(page) == limit for page in forward[:-1])
    url = f"/api/conversations?limit={limit}"
    while (following := alice.client.get(url).json()["next"]) is not None:
        url = following
    assert pages(alice, url, "previous") == forward[::-1]


def test_a_page_survives_the_deletion_of_its_neighbours(alice: Person) -> None:
    made = [open_conversation(alice) for _ in range(4)]
    first = alice.client.get("/api/conversations?limit=2").json()
    alice.client.delete(f"/api/conversations/{made[2]}")
    assert pages(alice, first["next"]) == [[made[1], made[0]]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=bnwxfDI", "cursor"),
        (
            "cursor=bnwwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwfDAwMDAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA",
            "cursor",
        ),
        ("cursor=%00", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
    ],
)
def test_bad_cursors_are_named(alice: Person, query: str, field: str) -> None:
    answer = alice.client.get(f"/api/conversations?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_messages_of_the_tree_and_of_a_branch(alice: Person) -> None:
    conversation = open_conversation(alice)
    first = send(alice, "one", conversation).json()
    second = send(alice, "two", conversation).json()
    other = send(alice, "two, otherwise", conversation, parent=first["answer"]["id"]).json()
    address = f"/api/conversations/{conversation}/messages"
    everything = [body[which] for body in (first, second, other) for which in ("user_message", "answer")]
    assert alice.client.get(address).json() == {"results": everything, "next": None, "previous": None}
    assert pages(alice, f"{address}?limit=4") == [
        [message["id"] for message in everything[:4]],
        [message["id"] for message in everything[4:]],
    ]
    branch = [message["id"] for message in (*everything[:2], *everything[2:4])]
    leaf = second["answer"]["id"]
    assert pages(alice, f"{address}?leaf={leaf}", "previous") == [branch]
    assert pages(alice, f"{address}?leaf={leaf}&limit=3", "previous") == [branch[1:], branch[:1]]
    assert list(alice.client.get(f"{address}?leaf=x").json()["errors"]) == ["leaf"]


def test_lists_cost_the_same_for_one_and_three(alice: Person, statements: Statements) -> None:
    conversation = open_conversation(alice)
    addresses = ["/api/conversations", f"/api/conversations/{conversation}/messages"]
    send(alice, "one", conversation)
    with_one = [len(statements(lambda url=url: alice.client.get(url))) for url in addresses]  # type: ignore[misc]
    send(alice, "two", conversation)
    send(alice, "three")
    open_conversation(alice)
    assert [len(statements(lambda url=url: alice.client.get(url))) for url in addresses] == with_one  # type: ignore[misc]


def test_deletion_takes_everything(alice: Person) -> None:
    conversation = open_conversation(alice)
    body = send(alice, "hello", conversation).json()
    assert alice.client.delete(f"/api/conversations/{conversation}").status_code == 204
    for path in (
        f"/api/conversations/{conversation}",
        f"/api/conversations/{conversation}/messages",
        f"/api/messages/{body['answer']['id']}",
        f"/api/generations/{body['generation']}",
        f"/api/generations/{body['generation']}/events",
    ):
        assert alice.client.get(path).status_code == 404


def test_other_user_gets_404(alice: Person, bob: Person) -> None:
    conversation = open_conversation(alice, title="private")
    unknown = "00000000-0000-7000-8000-000000000000"
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "stolen"}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
        ("POST", "/messages", {"content": "hello"}),
        ("POST", "/messages", {"content": "hello", "parent": None}),
    ):
        foreign = bob.client.request(method, f"/api/conversations/{conversation}{path}", json=body)
        assert foreign.status_code == 404, (method, path)
        for other in (unknown, "x", conversation.replace("-", "")):
            answer = bob.client.request(method, f"/api/conversations/{other}{path}", json=body)
            assert answer.json() == foreign.json()
    assert pages(bob, "/api/conversations") == [[]]
    assert alice.client.get(f"/api/conversations/{conversation}").json()["title"] == "private"
