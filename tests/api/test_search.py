"""/api/search and `q` of /api/conversations: one's own messages and titles, by their words."""

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.api.streams import open_conversation, send
from tests.people import Person


def found(person: Person, query: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = person.client.get("/api/search", params={"q": query, **parameters})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def marked(row: dict[str, Any]) -> list[str]:
    return [row["excerpt"][start:end] for start, end in row["places"]]


def titles(person: Person, query: str) -> list[str]:
    listed = person.client.get("/api/conversations", params={"q": query}).json()["results"]
    return [row["title"] for row in listed]


def test_a_message_and_its_answer_are_found(alice: Person) -> None:
    sent = send(alice, "The windmill turns at dawn.").json()
    answer, question = found(alice, "windmill dawn")
    assert question == {
        "conversation": sent["conversation"],
        "title": "The windmill turns at dawn.",
        "message": sent["user_message"]["id"],
        "role": "user",
        "excerpt": "The windmill turns at dawn.",
        "places": [[4, 12], [22, 26]],
        "created_at": sent["user_message"]["created_at"],
    }
    assert (answer["message"], answer["role"]) == (sent["answer"]["id"], "assistant")
    assert found(alice, "windmill dusk") == []


@pytest.mark.parametrize(
    ("said", "query", "is_marked"),
    [
        ("어제 물레방아를 보았다", "물레방아", "물레방아"),
        ("我昨天看见了水车", "水车", "水车"),
        ("El MOLINO de agua, ¿dónde está?", "molino dónde", "MOLINO"),
        ("Вчера я видел мельницу", "ВЧЕРА", "Вчера"),
        ("100% of _all_ \\ backslashes", "100% _all_ \\", "100%"),
    ],
)
def test_in_any_script_and_case(alice: Person, said: str, query: str, is_marked: str) -> None:
    send(alice, said)
    row = found(alice, query)[-1]
    assert row["role"] == "user"
    assert marked(row)[:1] == [is_marked]


def test_signs_of_patterns_are_letters(alice: Person) -> None:
    send(alice, "nothing of the kind")
    assert found(alice, "%") == []
    assert found(alice, "no_hing") == []


def test_nobody_finds_what_others_said(alice: Person, bob: Person) -> None:
    send(alice, "a secret orchard")
    assert found(bob, "orchard") == []
    assert titles(bob, "orchard") == []


def test_what_is_deleted_is_found_no_more(alice: Person) -> None:
    conversation = open_conversation(alice, title="Orchards")
    send(alice, "an orchard of pears", conversation)
    assert len(found(alice, "pears")) == 2
    assert titles(alice, "ORCHARDS") == ["Orchards"]
    alice.client.delete(f"/api/conversations/{conversation}")
    assert found(alice, "pears") == []
    assert titles(alice, "orchards") == []


def test_every_branch_is_searched(alice: Person) -> None:
    conversation = open_conversation(alice)
    first = send(alice, "about quinces", conversation).json()
    send(alice, "about medlars", conversation, parent=first["user_message"]["parent"])
    assert [row["excerpt"] for row in found(alice, "about quinces") if row["role"] == "user"] == [
        "about quinces"
    ]


def test_pages_by_cursor(alice: Person) -> None:
    conversation = open_conversation(alice)
    for number in range(4):
        send(alice, f"plum number {number}", conversation)
    seen: list[str] = []
    url: str | None = "/api/search?q=plum+number&limit=3"
    while url:
        body = alice.client.get(url).json()
        seen += [row["message"] for row in body["results"]]
        url = body["next"]
    assert len(seen) == 8
    assert seen == sorted(seen, reverse=True)


def test_what_programs_ask_over_the_facade_is_not_listed(alice: Person) -> None:
    asked = {"model": "scripted-small", "messages": [{"role": "user", "content": "a hidden persimmon"}]}
    assert alice.client.post("/v1/chat/completions", json=asked).status_code == 200
    assert found(alice, "persimmon") == []


@pytest.mark.parametrize("query", ["x" * 201, "a\0b"])
def test_bad_queries_name_the_field(alice: Person, query: str) -> None:
    answer = alice.client.get("/api/search", params={"q": query})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["q"]


def test_no_words_find_nothing(alice: Person) -> None:
    send(alice, "something")
    assert alice.client.get("/api/search").status_code == 400
    assert found(alice, "") == found(alice, "  ") == []


def test_a_query_of_many_words(alice: Person) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    send(alice, letters)
    assert len(found(alice, " ".join(one + two for one, two in pairwise(letters)))) == 2
    assert found(alice, " ".join(chr(0x4E00 + number) for number in range(100))) == []


def test_a_page_of_results_costs_one_statement(alice: Person, statements: Any) -> None:
    conversation = open_conversation(alice)
    for number in range(3):
        send(alice, f"apricot {number}", conversation)
    few = statements(lambda: found(alice, "apricot", limit=1))
    many = statements(lambda: found(alice, "apricot"))
    assert len(few) == len(many), json.dumps(many, indent=1)
