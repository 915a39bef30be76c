"""Who answers: instances with their memory, characters, and lines of the quote board; as the provider hears it."""

import uuid
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.people import Person
from tests.provider import ScriptedProvider


@pytest.fixture
def sancho(alice: Person) -> dict[str, Any]:
    """Alice's instance of her own character."""
    character = alice.client.post(
        "/api/characters", json={"name": "Sancho", "description": "A squire who talks in proverbs."}
    ).json()
    body = {"character": character["id"], "name": "My Sancho", "memory": "Alice is afraid of geese."}
    made: dict[str, Any] = alice.client.post("/api/instances", json=body).json()
    return made | {"slug": character["slug"]}


def heard(provider: ScriptedProvider, words: str) -> list[dict[str, str]]:
    """The messages of the request whose last user message holds `words`."""
    for record in reversed(provider.log.records):
        messages: list[dict[str, str]] = record.body["messages"]
        if any(words in message["content"] for message in messages if message["role"] == "user"):
            return messages
    raise AssertionError(f"the provider never heard {words!r}")


def unique() -> str:
    return f"marker-{uuid.uuid4().hex}"


def test_an_instance_speaks_with_its_own_memory(
    alice: Person, sancho: dict[str, Any], provider: ScriptedProvider
) -> None:
    words = unique()
    conversation = alice.client.post("/api/conversations", json={"instance": sancho["id"]}).json()
    assert conversation["instance"] == sancho["id"]
    alice.client.post(f"/api/conversations/{conversation['id']}/messages", json={"content": words})
    first = heard(provider, words)[0]
    assert first["role"] == "system"
    assert "talks in proverbs" in first["content"]
    assert "afraid of geese" in first["content"]


@pytest.mark.parametrize("address", ["/chat", "/api/messages/create"])
def test_the_flat_interfaces_take_an_instance(
    alice: Person, sancho: dict[str, Any], provider: ScriptedProvider, address: str
) -> None:
    words, again = unique(), unique()
    field = "content" if address == "/chat" else "prompt_message"
    sent = alice.client.post(address, json={field: words, "instance": sancho["id"]})
    assert sent.status_code == 201
    assert "afraid of geese" in heard(provider, words)[0]["content"]
    listed = alice.client.get("/api/conversations").json()["results"][0]
    assert listed["instance"] == sancho["id"]
    alice.client.post(f"/api/conversations/{listed['id']}/messages", json={"content": again})
    assert "afraid of geese" in heard(provider, again)[0]["content"]


def test_two_instances_do_not_share_what_they_know(
    alice: Person, sancho: dict[str, Any], provider: ScriptedProvider
) -> None:
    other = alice.client.post(
        "/api/instances", json={"character": sancho["character"], "name": "Other"}
    ).json()
    words = unique()
    alice.client.post("/chat", json={"content": words, "instance": other["id"]})
    messages = heard(provider, words)
    assert "talks in proverbs" in messages[0]["content"]
    assert not any("geese" in message["content"] for message in messages)


def test_an_instance_of_somebody_else_is_unknown(alice: Person, bob: Person, sancho: dict[str, Any]) -> None:
    for person, instance in ((bob, sancho["id"]), (alice, str(uuid.uuid4())), (alice, "x")):
        answer = person.client.post("/chat", json={"content": "hello", "instance": instance})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["instance"])


def test_the_facade_knows_instances_and_characters(
    server: str, alice: Person, bob: Person, sancho: dict[str, Any], provider: ScriptedProvider
) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key=alice.access, max_retries=0)
    assert "instance:My Sancho" in [model.id for model in client.models.list()]
    for model in ("instance:My Sancho", f"character:{sancho['slug']}"):
        words = unique()
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": words}])
        assert "talks in proverbs" in heard(provider, words)[0]["content"]
    stranger = openai.OpenAI(base_url=f"{server}/v1", api_key=bob.access, max_retries=0)
    with pytest.raises(openai.NotFoundError):
        stranger.chat.completions.create(
            model="instance:My Sancho", messages=[{"role": "user", "content": "hello"}]
        )


def test_an_applied_line_is_offered_and_cited(
    alice: Person, join: Callable[..., Person], provider: ScriptedProvider
) -> None:
    mona = join("mona", is_staff=True)
    word = f"zanzibarite{uuid.uuid4().hex[:8]}"
    line = {"content": f"The {word} remembers every tide.", "speaker": "Ines", "source": "The Last Ferry"}
    quote = alice.client.post("/quote", json=line).json()
    assert mona.client.put(f"/quote/{quote['id']}", json={"is_apply": True}).status_code == 201
    script = '!script {"text": "She says it herself [1]."}'
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    answer = alice.client.post(
        f"/api/conversations/{conversation}/messages",
        json={"content": f"The {word} remembers which tide? {script}"},
    ).json()["answer"]
    offered = [m["content"] for m in heard(provider, word) if m["role"] == "system"]
    assert any(f'[1] "{line["content"]}" — Ines, The Last Ferry' in text for text in offered)
    assert [(source["kind"], source["text"]) for source in answer["sources"]] == [("quote", line["content"])]
    assert answer["sources"][0]["id"] == str(quote["id"])
    offline = alice.client.post(
        "/chat", json={"content": f"the {word} and the tide", "model": "offline"}
    ).json()
    assert line["content"] in offline["chat_reply"]["content"]


def test_a_line_that_is_not_cited_is_no_source(
    alice: Person, join: Callable[..., Person], provider: ScriptedProvider
) -> None:
    mona = join("mona", is_staff=True)
    word = f"quillfeather{uuid.uuid4().hex[:8]}"
    quote = alice.client.post("/quote", json={"content": f"A {word} writes by itself."}).json()
    mona.client.put(f"/quote/{quote['id']}", json={"is_apply": True})
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    answer = alice.client.post(
        f"/api/conversations/{conversation}/messages", json={"content": f"about the {word}"}
    ).json()["answer"]
    assert answer["sources"] == []
