"""/api/generations: state, resumption at every position, stop."""

import json
import time
from typing import Any

import pytest

from tests.api.streams import (
    Event,
    events_of,
    ids_are_gapless,
    open_conversation,
    send,
    stream,
    text_of,
)
from tests.people import Person

SLOW = '!script {"tokens": 400, "rate": 40}'


def events(person: Person, generation: str, position: int | None = None) -> list[Event]:
    headers = {"Last-Event-ID": str(position)} if position is not None else {}
    answer = person.client.get(f"/api/generations/{generation}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    return events_of(answer.text)


def begin(person: Person, content: str) -> dict[str, Any]:
    """Start a run and go away after its first event."""
    conversation = open_conversation(person)
    with person.client.stream(
        "POST",
        f"/api/conversations/{conversation}/messages",
        json={"content": content},
        headers={"Accept": "text/event-stream"},
    ) as answer:
        lines = answer.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))
    ids: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return ids | {"conversation": conversation}


def test_a_run_has_a_state(alice: Person) -> None:
    body = send(alice, "hello", model="scripted-small").json()
    run = alice.client.get(f"/api/generations/{body['generation']}").json()
    assert run == {
        "id": body["generation"],
        "conversation": body["conversation"],
        "user_message": body["user_message"]["id"],
        "answer": body["answer"]["id"],
        "purpose": "answer",
        "status": "complete",
        "model": "scripted-small",
        "provider": run["provider"],
        "finish_reason": "stop",
        "error": None,
        "created_at": run["created_at"],
        "first_token_at": run["first_token_at"],
        "ended_at": run["ended_at"],
        "provenance": run["provenance"],
    }
    assert run["created_at"] <= run["first_token_at"] <= run["ended_at"]


def test_an_ended_run_resumes_at_every_position(alice: Person) -> None:
    whole = stream(alice, '!script {"text": "One, two — \\ud83d\\ude00.", "reasoning": "Hm 語"}')
    generation, last = whole[0].data["generation"], whole[-1].id
    text, reasoning = text_of(whole), text_of(whole, "reasoning")
    assert (text, reasoning) == ("One, two — \U0001f600.", "Hm 語")
    told = "r" * len(reasoning) + "t" * len(text)
    for position in range(last):
        rest = events(alice, generation, position)
        assert ids_are_gapless(rest, position)
        assert rest[-1] == whole[-1]
        assert (rest[0].kind == "start") is (position == 0)
        left = told[max(0, position - 1) :]
        assert text_of(rest) == text[len(text) - left.count("t") :]
        assert text_of(rest, "reasoning") == reasoning[len(reasoning) - left.count("r") :]
    for position in (last, last + 1, 10**9):  # as after a crash: the end tells how far to trim
        rest = events(alice, generation, position)
        assert ids_are_gapless(rest, position)
        assert [event.kind for event in rest] == ["end"]
        assert rest[0].data["length"] == len(text)


def test_the_parameter_is_as_good_as_the_header(alice: Person) -> None:
    whole = stream(alice, "hello")
    generation = whole[0].data["generation"]
    by_parameter = alice.client.get(f"/api/generations/{generation}/events?last_event_id=5")
    assert events_of(by_parameter.text) == events(alice, generation, 5)


def test_a_live_run_is_followed_from_any_position_by_several(alice: Person) -> None:
    ids = begin(alice, '!script {"tokens": 40, "rate": 60}')
    running = alice.client.get(f"/api/conversations/{ids['conversation']}").json()["running"]
    assert running == [{"generation": ids["generation"], "answer": ids["answer"]}]
    assert alice.client.get(f"/api/generations/{ids['generation']}").json()["status"] == "running"
    live = events(alice, ids["generation"], 1)
    assert ids_are_gapless(live, 1)
    assert live[-1].data["status"] == "complete"
    stored = alice.client.get(f"/api/messages/{ids['answer']}").json()["content"]
    assert text_of(live) == stored
    assert text_of(events(alice, ids["generation"], 8)) == stored[7:]
    assert alice.client.get(f"/api/conversations/{ids['conversation']}").json()["running"] == []


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "²", "99999999999", "0x1"])
def test_bad_positions_are_named(alice: Person, position: str) -> None:
    generation = send(alice, "hello").json()["generation"]
    address = f"/api/generations/{generation}/events"
    by_header = alice.client.get(address, headers={b"Last-Event-ID": position.encode()})
    by_parameter = alice.client.get(address, params={"last_event_id": position})
    assert (by_header.status_code, list(by_header.json()["errors"])) == (400, ["Last-Event-ID"])
    assert (by_parameter.status_code, list(by_parameter.json()["errors"])) == (400, ["last_event_id"])


def test_stop_keeps_what_was_shown(alice: Person) -> None:
    ids = begin(alice, SLOW)
    deadline = time.monotonic() + 10
    while not text_of(seen := live_text(alice, ids["generation"])) and time.monotonic() < deadline:
        pass
    stopped = alice.client.post(f"/api/generations/{ids['generation']}/stop")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    message = alice.client.get(f"/api/messages/{ids['answer']}").json()
    assert message["status"] == "stopped"
    assert message["content"].startswith(text_of(seen))
    after = events(alice, ids["generation"], 0)
    assert (text_of(after), after[-1].data["status"]) == (message["content"], "stopped")
    assert after[-1].data["length"] == len(message["content"])
    assert alice.client.get("/api/usage").json()["used"] == 1
    again = alice.client.post(f"/api/generations/{ids['generation']}/stop")
    assert (again.status_code, again.json()) == (200, stopped.json())


def live_text(person: Person, generation: str) -> list[Event]:
    """The first batch of a live run."""
    with person.client.stream("GET", f"/api/generations/{generation}/events") as answer:
        blocks = ""
        for chunk in answer.iter_text():
            blocks += chunk
            if "event: delta" in blocks:
                return events_of(blocks.rpartition("\n\n")[0])
    return []


def test_stop_before_the_first_word_gives_the_unit_back(alice: Person) -> None:
    ids = begin(alice, '!script {"delay": 20}')
    stopped = alice.client.post(f"/api/generations/{ids['generation']}/stop").json()
    assert stopped["status"] == "stopped"
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_a_stopped_run_answers_those_who_wait_for_the_whole(alice: Person) -> None:
    from concurrent.futures import ThreadPoolExecutor

    conversation = open_conversation(alice)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, alice, SLOW, conversation)
        address = f"/api/conversations/{conversation}"
        while not (running := alice.client.get(address).json()["running"]):
            time.sleep(0.02)
        live_text(alice, running[0]["generation"])
        alice.client.post(f"/api/generations/{running[0]['generation']}/stop")
        answer = waiting.result(10)
    assert (answer.status_code, answer.json()["answer"]["status"]) == (201, "stopped")


def test_other_user_gets_404(alice: Person, bob: Person) -> None:
    generation = send(alice, "private").json()["generation"]
    unknown = "00000000-0000-7000-8000-000000000000"
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/stop")):
        foreign = bob.client.request(method, f"/api/generations/{generation}{path}")
        assert foreign.status_code == 404
        for other in (unknown, "x"):
            assert bob.client.request(method, f"/api/generations/{other}{path}").json() == foreign.json()
