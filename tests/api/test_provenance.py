"""What an answer was made of: the digest of what was sent is the provider's own, and a preview shows the same."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.people import Person
from tests.provider import ScriptedProvider

Statements = Callable[[Callable[[], object]], list[str]]

BOOK = {"entries": [{"keys": ["bees"], "content": "Bees dance.", "name": "Dance", "enabled": True}]}


@pytest.fixture
def instance(alice: Person) -> dict[str, Any]:
    character = alice.client.post(
        "/api/characters",
        json={
            "name": "Mira",
            "description": "{{char}} keeps bees — 養蜂 🐝.",
            "post_history_instructions": "Be brief.",
            "lorebook": BOOK,
            "parameters": {"temperature": 0.25},
        },
    ).json()
    body = {"character": character["id"], "name": f"Mira {uuid.uuid4().hex[:8]}", "memory": "Likes honey."}
    made: dict[str, Any] = alice.client.post("/api/instances", json=body).json()
    return made


def talk(person: Person, instance: dict[str, Any], content: str, conversation: str = "") -> dict[str, Any]:
    if not conversation:
        body = {"instance": instance["id"]}
        conversation = person.client.post("/api/conversations", json=body).json()["id"]
    answer = person.client.post(f"/api/conversations/{conversation}/messages", json={"content": content})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


def provenance_of(person: Person, said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = person.client.get(f"/api/generations/{said['generation']}").json()["provenance"]
    return found


def test_an_answer_tells_what_it_was_made_of(
    alice: Person, instance: dict[str, Any], provider: ScriptedProvider
) -> None:
    address = f"/api/instances/{instance['id']}/entries"
    entry = alice.client.post(address, json={"text": "The dog is called Bruno."}).json()
    said = talk(alice, instance, 'Tell me of bees \U0001f41d\n"quoted" \\ and \u0001control')
    record = provider.log.records[-1]
    assert provenance_of(alice, said) == {
        "messages_sha256": record.messages_sha256,
        "model": record.model,
        "parameters": {"temperature": 0.25},
        "tokens": provenance_of(alice, said)["tokens"],
        "character": instance["character"],
        "instance": instance["id"],
        "entries": [entry["id"]],
        "lore": ["Dance"],
        "quotes": [],
        "history": {"messages": 0, "complete": True, "greeting": False},
        "left_out": [],
        "unknown_model": None,
    }
    again = talk(alice, instance, "And then?", said["conversation"])
    told = provenance_of(alice, again)
    assert told["history"] == {"messages": 2, "complete": True, "greeting": False}
    assert told["messages_sha256"] == provider.log.records[-1].messages_sha256


def test_the_preview_is_what_is_sent(
    alice: Person, instance: dict[str, Any], provider: ScriptedProvider
) -> None:
    address = f"/api/instances/{instance['id']}/prompt"
    first = talk(alice, instance, "One.")
    for content in ("Tell me of bees", "And then?"):
        where = {"content": content, "conversation": first["conversation"]}
        shown = alice.client.get(address, params=where).json()
        used = alice.client.get("/api/usage").json()["used"]
        said = talk(alice, instance, content, first["conversation"])
        record = provider.log.records[-1]
        assert shown["messages"] == record.body["messages"]
        assert (shown["model"], shown["parameters"]) == (record.model, {"temperature": 0.25})
        assert shown["provenance"] == provenance_of(alice, said)
        assert alice.client.get("/api/usage").json()["used"] == used + 1


def test_the_preview_stores_and_asks_nothing(
    alice: Person, instance: dict[str, Any], provider: ScriptedProvider, statements: Statements
) -> None:
    asked = len(provider.log.records)
    sent = statements(
        lambda: alice.client.get(f"/api/instances/{instance['id']}/prompt?content=Tell+me+of+bees")
    )
    assert not [sql for sql in sent if sql.startswith(("INSERT", "UPDATE chat", 'UPDATE "cha'))]
    assert len(provider.log.records) == asked


def test_bad_previews_name_the_parameter(alice: Person, bob: Person, instance: dict[str, Any]) -> None:
    theirs = bob.client.post("/api/conversations", json={}).json()["id"]
    for query, field in (
        ("content=%00", "content"),
        ("content=" + "x" * 3, ""),
        ("model=nobody", "model"),
        (f"conversation={theirs}", "conversation"),
        ("conversation=x", "conversation"),
    ):
        answer = alice.client.get(f"/api/instances/{instance['id']}/prompt?{query}")
        assert list(answer.json().get("errors", {})) == ([field] if field else [])
        assert answer.status_code == (400 if field else 200)


def test_a_message_includes_it_on_demand(alice: Person, instance: dict[str, Any]) -> None:
    said = talk(alice, instance, "One.")
    address = f"/api/messages/{said['answer']['id']}"
    shown = alice.client.get(f"{address}?include=provenance").json()
    assert shown == said["answer"] | {
        "generation": said["generation"],
        "provenance": provenance_of(alice, said),
    }
    assert alice.client.get(address).json() == said["answer"]
    refused = alice.client.get(f"{address}?include=all")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["include"])
    own = alice.client.get(f"/api/messages/{said['user_message']['id']}?include=provenance").json()
    assert (own["generation"], own["provenance"]) == (None, None)


def test_offline_answers_have_a_digest_too(alice: Person, instance: dict[str, Any]) -> None:
    answer = alice.client.post("/chat", json={"content": "rain", "model": "offline"}).json()
    [message] = [each for each in alice.client.get("/chat").json()["results"] if each["id"] == answer["id"]]
    shown = alice.client.get(f"/api/messages/{message['chat_reply']['id']}?include=provenance").json()
    assert len(shown["provenance"]["messages_sha256"]) == 64


def test_what_was_cut_is_told(alice: Person, instance: dict[str, Any], provider: ScriptedProvider) -> None:
    long = f'{"word " * 12_000} !script {{"text": "ok"}}'
    said = talk(alice, instance, long)
    said = talk(alice, instance, "And?", said["conversation"])
    told = provenance_of(alice, said)
    assert told["left_out"] == ["history"]
    assert told["history"]["complete"] is False
    assert told["messages_sha256"] == provider.log.records[-1].messages_sha256


# --- The character's own model --------------------------------------------------------------------------------------


def with_model(person: Person, model: str) -> dict[str, Any]:
    character = person.client.post("/api/characters", json={"name": "Own", "model": model}).json()["id"]
    body = {"character": character, "name": f"Own {uuid.uuid4().hex[:8]}"}
    made: dict[str, Any] = person.client.post("/api/instances", json=body).json()
    return made


def test_a_character_s_model_answers_where_none_is_named(alice: Person, provider: ScriptedProvider) -> None:
    mine = with_model(alice, "scripted-large")
    said = talk(alice, mine, "One.")
    assert (said["answer"]["model"], provider.log.records[-1].model) == ("scripted-large", "scripted-large")
    named = alice.client.post(
        f"/api/conversations/{said['conversation']}/messages",
        json={"content": "Two.", "model": "scripted-small"},
    ).json()
    assert named["answer"]["model"] == "scripted-small"
    preview = alice.client.get(f"/api/instances/{mine['id']}/prompt").json()
    assert preview["model"] == "scripted-large"


def test_an_offline_character_stays_offline(alice: Person) -> None:
    assert talk(alice, with_model(alice, "offline"), "Rain?")["answer"]["model"] == "offline"


def test_a_model_that_is_gone_falls_back_to_the_default(alice: Person) -> None:
    said = talk(alice, with_model(alice, "long-gone"), "One.")
    assert said["answer"]["model"] == "scripted-small"
    assert provenance_of(alice, said)["unknown_model"] == "long-gone"


def test_a_replay_searches_nothing(alice: Person, statements: Statements) -> None:
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    address = f"/api/conversations/{conversation}/messages"

    def send() -> None:
        headers = {"Idempotency-Key": "the-key"}
        answer = alice.client.post(address, json={"content": "rain and sea"}, headers=headers)
        assert answer.status_code == 201, answer.text

    assert any("quotes" in sql for sql in statements(send))
    replayed = statements(send)
    assert not [sql for sql in replayed if "quotes" in sql or sql.startswith("INSERT")]
