"""POST /api/conversations/<id>/messages: parameters, the tree, idempotency, quota, faults, and the stream."""

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.streams import ids_are_gapless, open_conversation, send, stream, text_of
from tests.people import Person
from tests.provider import ScriptedProvider

PARAMETERS = {
    "temperature": 0.25,
    "top_p": 0.5,
    "max_tokens": 100,
    "frequency_penalty": -1.5,
    "presence_penalty": 2,
    "stop": ["END", "\n\n"],
    "seed": -3,
}


OUT_OF_RANGE: dict[str, list[object]] = {
    "temperature": [-0.01, 2.01, "1", True, [], {}],
    "top_p": [-0.01, 1.01, "x", False],
    "max_tokens": [0, -1, 1.5, "5", True, 10**30],
    "frequency_penalty": [-2.01, 2.01, "0"],
    "presence_penalty": [-2.01, 2.01, "0"],
    "seed": [2**63, -(2**63) - 1, 1.5, "1", True],
    "stop": ["END", ["a"] * 5, [1], [None], {}, True],
    "unheard_of": [1],
}


def post(person: Person, conversation: str, body: dict[str, Any], **headers: str) -> Any:
    # json.dumps sends what httpx refuses to: NaN, lone surrogates.
    return person.client.post(
        f"/api/conversations/{conversation}/messages",
        content=json.dumps(body),
        headers={"Content-Type": "application/json", **headers},
    )


def requests_for(provider: ScriptedProvider, content: str) -> list[dict[str, Any]]:
    """What reached the provider with this as its last message."""
    bodies = [record.body for record in provider.log.records]
    return [body for body in bodies if body["messages"][-1]["content"] == content]


def test_both_messages_come_back(alice: Person) -> None:
    conversation = open_conversation(alice)
    answer = send(alice, "hello", conversation)
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"conversation", "generation", "user_message", "answer"}
    assert body["conversation"] == conversation
    assert answer.headers["Location"] == f"{alice.server}/api/messages/{body['answer']['id']}"
    assert answer.headers["RateLimit-Remaining"] == "4"


def test_parameters_are_sent_and_stored_as_used(alice: Person, provider: ScriptedProvider) -> None:
    content = f"with everything, {alice.email}"
    body = send(alice, content, model="scripted-large", parameters=PARAMETERS).json()
    assert (body["answer"]["model"], body["answer"]["parameters"]) == ("scripted-large", PARAMETERS)
    (sent,) = requests_for(provider, content)
    assert {name: sent[name] for name in PARAMETERS} == PARAMETERS


def test_null_parameters_and_the_older_name_of_the_model(alice: Person) -> None:
    nothing = dict.fromkeys(PARAMETERS)
    body = send(alice, "hello", engine="offline", parameters=nothing, instance=None, attachments=[]).json()
    assert (body["answer"]["model"], body["answer"]["parameters"]) == ("offline", {})


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in OUT_OF_RANGE.items() for value in values],
)
def test_parameters_out_of_range_are_named(alice: Person, name: str, value: object) -> None:
    conversation = open_conversation(alice)
    answer = post(alice, conversation, {"content": "hello", "parameters": {name: value}})
    fields = [field.removeprefix("parameters.").split(".")[0] for field in answer.json()["errors"]]
    assert (answer.status_code, fields) == (400, [name])
    assert alice.client.get(f"/api/conversations/{conversation}/messages").json()["results"] == []


@pytest.mark.parametrize("stop", [[""], ["x" * 201]])
def test_bad_stop_strings_are_named(alice: Person, stop: list[str]) -> None:
    answer = post(alice, open_conversation(alice), {"content": "hello", "parameters": {"stop": stop}})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["parameters.stop.0"])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_json_does_not_have(alice: Person, value: float) -> None:
    body = {"content": "hello", "parameters": {"temperature": value}}
    answer = post(alice, open_conversation(alice), body)
    assert (answer.status_code, answer.json()["type"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": "\t"}, "content"),
        ({"content": 1}, "content"),
        ({"content": "x" * 100_001}, "content"),
        ({"content": "a", "parent": "x"}, "parent"),
        ({"content": "a", "parent": 7}, "parent"),
        ({"content": "a", "parent": "00000000-0000-7000-8000-000000000000"}, "parent"),
        ({"content": "a", "instance": "x"}, "instance"),
        ({"content": "a", "attachments": [{}]}, "attachments"),
        ({"content": "a", "attachments": "x"}, "attachments"),
        ({"content": "a", "model": "no-such-model"}, "model"),
        ({"content": "a", "model": ""}, "model"),
        ({"content": "a", "model": "x" * 201}, "model"),
        ({"content": "a", "role": "system"}, "role"),
        ({"content": "a", "user": "x"}, "user"),
    ],
)
def test_bad_bodies_are_named(alice: Person, body: dict[str, Any], field: str) -> None:
    conversation = open_conversation(alice)
    answer = post(alice, conversation, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert alice.client.get(f"/api/conversations/{conversation}/messages").json()["results"] == []
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_neither_json_nor_stream(alice: Person) -> None:
    answer = post(alice, open_conversation(alice), {"content": "a"}, Accept="image/png")
    assert (answer.status_code, answer.json()["type"]) == (406, "not_acceptable")


# --- The tree -------------------------------------------------------------------------------------------------------


def test_messages_follow_the_last_branch_or_a_parent(alice: Person) -> None:
    conversation = open_conversation(alice)
    first = send(alice, "one", conversation).json()
    second = send(alice, "two", conversation).json()
    assert second["user_message"]["parent"] == first["answer"]["id"]
    edited = send(alice, "two, edited", conversation, parent=first["answer"]["id"]).json()
    assert edited["user_message"]["parent"] == first["answer"]["id"]
    root = send(alice, "elsewhere", conversation, parent=None).json()
    assert root["user_message"]["parent"] is None
    assert alice.client.get(f"/api/conversations/{conversation}").json()["leaf"] == root["answer"]["id"]


def test_a_parent_of_another_conversation_is_unknown(alice: Person, bob: Person) -> None:
    conversation = open_conversation(alice)
    elsewhere = send(alice, "mine, elsewhere").json()["answer"]["id"]
    foreign = send(bob, "not mine").json()["answer"]["id"]
    unknown = send(alice, "a", conversation, parent="00000000-0000-7000-8000-000000000000")
    for parent in (elsewhere, foreign):
        answer = send(alice, "a", conversation, parent=parent)
        assert (answer.status_code, answer.json()) == (400, unknown.json())


# --- Idempotency ----------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer(alice: Person) -> None:
    conversation = open_conversation(alice)
    answers = [post(alice, conversation, {"content": "once"}, **{"Idempotency-Key": "k-1"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert {answer.headers["RateLimit-Remaining"] for answer in answers} == {"4"}


def test_the_same_key_at_once(alice: Person, provider: ScriptedProvider) -> None:
    conversation = open_conversation(alice)
    content = f'!script {{"tokens": 5, "rate": 50}} {alice.email}'
    barrier = threading.Barrier(10)

    def one(_: int) -> Any:
        barrier.wait()
        return post(
            alice,
            conversation,
            {"content": content},
            **{"Idempotency-Key": "at once"},
        )

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(one, range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["generation"] for answer in answers}) == 1
    assert len(requests_for(provider, content)) == 1
    assert len(alice.client.get(f"/api/conversations/{conversation}/messages").json()["results"]) == 2
    assert alice.client.get("/api/usage").json()["used"] == 1


def test_a_key_belongs_to_its_body_address_and_user(alice: Person, bob: Person) -> None:
    conversation, other = open_conversation(alice), open_conversation(alice)
    key = {"Idempotency-Key": "mine"}
    first = post(alice, conversation, {"content": "a"}, **key).json()
    for address, body in ((conversation, {"content": "b"}), (other, {"content": "a"})):
        answer = post(alice, address, body, **key)
        assert (answer.status_code, answer.json()["type"]) == (422, "idempotency_mismatch")
    independent = post(bob, open_conversation(bob), {"content": "a"}, **key)
    assert independent.status_code == 201
    assert independent.json()["generation"] != first["generation"]


def test_a_replay_may_be_a_stream(alice: Person) -> None:
    conversation = open_conversation(alice)
    key = {"Idempotency-Key": "as a stream"}
    first = post(alice, conversation, {"content": "a"}, **key).json()
    replay = post(alice, conversation, {"content": "a"}, Accept="text/event-stream", **key)
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert first["generation"] in replay.text


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ünicode"])
def test_bad_keys_are_named(alice: Person, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    answer = alice.client.post("/chat", json={"content": "a"}, headers=headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])


def test_a_key_of_full_length(alice: Person) -> None:
    key = {"Idempotency-Key": "~" * 255}
    ids = {alice.client.post("/chat", json={"content": "a"}, headers=key).json()["id"] for _ in range(2)}
    assert len(ids) == 1


# --- Quota and faults -----------------------------------------------------------------------------------------------


def test_all_carriers_and_interfaces_share_one_quota(alice: Person) -> None:
    assert send(alice, "native").status_code == 201
    assert alice.client.post("/chat", json={"content": "flat"}).status_code == 201
    assert alice.client.post("/api/messages/create", json={"prompt_message": "older"}).status_code == 201
    completion = {"model": "offline", "messages": [{"role": "user", "content": "facade"}]}
    assert alice.client.post("/v1/chat/completions", json=completion).status_code == 200
    assert stream(alice, "streamed")[-1].data["status"] == "complete"
    for answer in (
        send(alice, "native"),
        alice.client.post("/chat", json={"content": "flat"}),
        alice.client.post("/api/messages/create", json={"prompt_message": "older"}),
        alice.client.post("/v1/chat/completions", json=completion),
    ):
        assert answer.status_code == 429
        assert answer.headers["RateLimit-Limit"] == "5"
        assert answer.headers["RateLimit-Remaining"] == "0"
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    usage = alice.client.get("/api/usage").json()
    assert {**usage, "resets_at": None} == {"limit": 5, "used": 5, "remaining": 0, "resets_at": None}


def test_nothing_is_allowed_where_the_limit_is_zero(join: Callable[..., Person]) -> None:
    assert send(join("alice", daily_quota=0), "hello").status_code == 429


def test_a_failed_run_says_what_was_kept(alice: Person) -> None:
    conversation = open_conversation(alice)
    answer = send(alice, '!script {"status": 401}', conversation)
    body = answer.json()
    assert (answer.status_code, body["type"]) == (502, "provider_auth")
    kept = alice.client.get(f"/api/conversations/{conversation}/messages").json()["results"]
    assert [(message["id"], message["status"]) for message in kept] == [
        (body["exchange"], "complete"),
        (body["answer"], "failed"),
    ]
    run = alice.client.get(f"/api/generations/{body['generation']}").json()
    assert (run["status"], run["error"]) == ("failed", "provider_auth")
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_a_failed_stream_ends_with_its_fault(alice: Person) -> None:
    events = stream(alice, '!script {"text": "a b c d e f", "fault": "reset", "at": 3}')
    assert ids_are_gapless(events)
    end = events[-1].data
    assert (end["status"], end["error"]) == ("failed", "provider_reset")
    assert end["length"] == len(text_of(events))


# --- The stream -----------------------------------------------------------------------------------------------------


def test_a_stream_tells_the_whole_answer(alice: Person) -> None:
    text = "Über 語 \U0001f600 done"
    events = stream(alice, "!script " + json.dumps({"text": text, "reasoning": "let me see", "rate": 100}))
    assert [event.kind for event in events][:1] == ["start"]
    assert set(events[0].data) == {"generation", "user_message", "answer"}
    assert (text_of(events), text_of(events, "reasoning")) == (text, "let me see")
    assert ids_are_gapless(events)
    message = alice.client.get(f"/api/messages/{events[0].data['answer']}").json()
    assert events[-1].data == {
        "status": "complete",
        "finish_reason": "stop",
        "usage": message["usage"],
        "length": len(text),
    }
    assert (message["content"], message["status"]) == (text, "complete")


def test_the_streams_headers(alice: Person) -> None:
    answer = post(alice, open_conversation(alice), {"content": "a"}, Accept="text/event-stream")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["RateLimit-Remaining"] == "4"


def test_sources_of_the_offline_model_travel_in_the_stream(alice: Person) -> None:
    send(alice, "The lighthouse keeper counted eleven ships before the fog.", model="offline")
    events = stream(alice, "How many ships did the lighthouse keeper count before the fog?", model="offline")
    assert ids_are_gapless(events)
    message = alice.client.get(f"/api/messages/{events[0].data['answer']}").json()
    sources = [source for event in events if event.kind == "sources" for source in event.data["sources"]]
    assert sources == message["sources"]
    assert sources
