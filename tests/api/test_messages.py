"""/api/messages: prompts with responses, and single messages of the tree."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.streams import Event, events_of, ids_are_gapless, send, text_of
from tests.people import Person

Statements = Callable[[Callable[[], object]], list[str]]


def prompted(person: Person, prompt: str) -> dict[str, Any]:
    answer = person.client.post("/api/messages/create/", json={"prompt_message": prompt})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_prompt_and_its_response(alice: Person) -> None:
    body = prompted(alice, '!script {"text": "A response."}')
    assert body == {
        "id": body["id"],
        "prompt_message": '!script {"text": "A response."}',
        "response": "A response.",
        "created_at": body["created_at"],
    }


def test_the_list_is_oldest_first_and_ones_own(alice: Person, bob: Person) -> None:
    created = [prompted(alice, f"number {number}") for number in range(3)]
    prompted(bob, "not Alice's")
    assert alice.client.get("/api/messages/").json() == {
        "count": 3,
        "next": None,
        "previous": None,
        "results": [{**body, "timestamp": body["created_at"]} for body in created],
    }


def test_pages_of_prompts(alice: Person) -> None:
    created = [prompted(alice, f"number {number}")["id"] for number in range(3)]
    page: dict[str, Any] = alice.client.get("/api/messages?page_size=2").json()
    assert [row["id"] for row in page["results"]] == created[:2]
    second = alice.client.get(page["next"]).json()
    assert [row["id"] for row in second["results"]] == created[2:]
    assert (second["next"], second["count"]) == (None, 3)
    assert alice.client.get(second["previous"]).json() == page
    assert alice.client.get("/api/messages?page=2").status_code == 404
    assert list(alice.client.get("/api/messages?page=0").json()["errors"]) == ["page"]
    assert list(alice.client.get("/api/messages?page_size=501").json()["errors"]) == ["page_size"]


def test_the_list_costs_the_same_for_one_and_three(alice: Person, statements: Statements) -> None:
    prompted(alice, "one")
    with_one = len(statements(lambda: alice.client.get("/api/messages")))
    prompted(alice, "two")
    prompted(alice, "three")
    assert len(statements(lambda: alice.client.get("/api/messages"))) == with_one


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt_message"),
        ({"prompt_message": " "}, "prompt_message"),
        ({"prompt_message": 1}, "prompt_message"),
        ({"prompt_message": "x" * 100_001}, "prompt_message"),
        ({"prompt_message": "a", "content": "b"}, "content"),
        ({"prompt_message": "a", "model": "nobody's"}, "model"),
    ],
)
def test_bad_prompts_are_named(alice: Person, body: dict[str, Any], field: str) -> None:
    answer = alice.client.post("/api/messages/create/", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_prompt_as_a_form(alice: Person) -> None:
    answer = alice.client.post("/api/messages/create/", data={"prompt_message": "from a form"})
    assert (answer.status_code, answer.json()["prompt_message"]) == (201, "from a form")


def test_a_fault_of_the_provider(alice: Person) -> None:
    answer = alice.client.post(
        "/api/messages/create/", json={"prompt_message": '!script {"fault": "reset", "at": 0}'}
    )
    assert answer.status_code in (502, 504)
    assert alice.client.get("/api/messages").json()["results"][0]["response"] is None


# --- Single messages ------------------------------------------------------------------------------------------------


def test_a_message_has_the_contracts_shape(alice: Person) -> None:
    body = send(alice, '!script {"text": "Aye."}', model="scripted-small", parameters={"seed": 1}).json()
    question, answer = body["user_message"], body["answer"]
    assert question == {
        "id": question["id"],
        "parent": None,
        "role": "user",
        "content": '!script {"text": "Aye."}',
        "status": "complete",
        "model": None,
        "parameters": {},
        "usage": None,
        "sources": [],
        "feedback": None,
        "created_at": question["created_at"],
        "updated_at": question["updated_at"],
    }
    assert answer == {
        "id": answer["id"],
        "parent": question["id"],
        "role": "assistant",
        "content": "Aye.",
        "status": "complete",
        "model": "scripted-small",
        "parameters": {"seed": 1},
        "usage": answer["usage"],
        "sources": [],
        "feedback": None,
        "created_at": answer["created_at"],
        "updated_at": answer["updated_at"],
    }
    assert answer["usage"]["total_tokens"] > 0
    assert alice.client.get(f"/api/messages/{answer['id']}").json() == answer
    assert alice.client.get(f"/api/messages/{question['id']}").json() == question


def test_feedback_is_given_and_taken_back(alice: Person) -> None:
    answer = send(alice, "hello").json()["answer"]
    for feedback in ("up", "down", None):
        given = alice.client.patch(f"/api/messages/{answer['id']}", json={"feedback": feedback})
        assert (given.status_code, given.json()) == (200, {**answer, "feedback": feedback})
        assert alice.client.get(f"/api/messages/{answer['id']}").json()["feedback"] == feedback


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "feedback"),
        ({"feedback": "sideways"}, "feedback"),
        ({"feedback": 1}, "feedback"),
        ({"feedback": True}, "feedback"),
        ({"feedback": "up", "content": "rewritten"}, "content"),
    ],
)
def test_bad_feedback_is_named(alice: Person, body: dict[str, Any], field: str) -> None:
    answer = send(alice, "hello").json()["answer"]
    refused = alice.client.patch(f"/api/messages/{answer['id']}", json=body)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])
    assert alice.client.get(f"/api/messages/{answer['id']}").json() == answer


def test_only_answers_take_feedback(alice: Person) -> None:
    question = send(alice, "hello").json()["user_message"]
    refused = alice.client.patch(f"/api/messages/{question['id']}", json={"feedback": "up"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["feedback"])


def test_deleting_a_message_takes_its_answers(alice: Person) -> None:
    body = send(alice, "hello").json()
    refused = alice.client.delete(f"/api/messages/{body['answer']['id']}")
    assert (refused.status_code, refused.json()["type"]) == (409, "conflict")
    assert alice.client.delete(f"/api/messages/{body['user_message']['id']}").status_code == 204
    for message in (body["user_message"], body["answer"]):
        assert alice.client.get(f"/api/messages/{message['id']}").status_code == 404


@pytest.mark.parametrize("which", ["user_message", "answer"])
def test_another_answer_is_a_sibling(alice: Person, which: str) -> None:
    body = send(alice, "hello").json()
    address = f"/api/messages/{body[which]['id']}/regenerate"
    again = alice.client.post(address, json={"model": "scripted-large", "parameters": {"temperature": 1}})
    assert again.status_code == 201
    assert again.json()["user_message"] == body["user_message"]
    assert again.json()["answer"]["parent"] == body["user_message"]["id"]
    assert again.json()["answer"]["id"] != body["answer"]["id"]
    assert again.json()["answer"]["model"] == "scripted-large"
    assert alice.client.get(f"/api/messages/{body['answer']['id']}").json() == body["answer"]
    assert alice.client.get("/api/usage").json()["used"] == 2


def test_another_answer_as_a_stream(alice: Person) -> None:
    body = send(alice, "hello").json()
    answer = alice.client.post(
        f"/api/messages/{body['answer']['id']}/regenerate", headers={"Accept": "text/event-stream"}
    )
    events: list[Event] = events_of(answer.text)
    assert events[0].data["user_message"] == body["user_message"]["id"]
    assert ids_are_gapless(events)
    assert text_of(events) == alice.client.get(f"/api/messages/{events[0].data['answer']}").json()["content"]


def test_other_user_gets_404(alice: Person, bob: Person) -> None:
    message = send(alice, "private").json()["answer"]["id"]
    unknown = "00000000-0000-7000-8000-000000000000"
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"feedback": "up"}),
        ("DELETE", "", None),
        ("POST", "/regenerate", {}),
    ):
        foreign = bob.client.request(method, f"/api/messages/{message}{path}", json=body)
        assert foreign.status_code == 404, (method, path)
        assert (
            foreign.json() == bob.client.request(method, f"/api/messages/{unknown}{path}", json=body).json()
        )
    assert bob.client.get("/api/usage").json()["used"] == 0
    assert alice.client.get(f"/api/messages/{message}").json()["feedback"] is None
