"""What an instance says before the first message: chosen, kept with the conversation, and heard by the model."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings

from tertulia.chat.generation.turns import OPENING
from tests.people import Person
from tests.provider import ScriptedProvider

GREETINGS = ["Come in, {{user}}. I am {{char}}.", "You again, {{user}}?", " \n", "Third words."]


@pytest.fixture
def mira(alice: Person) -> dict[str, Any]:
    return an_instance(alice, greeting=GREETINGS[0], alternate_greetings=GREETINGS[1:])


def an_instance(person: Person, **character: Any) -> dict[str, Any]:
    made = person.client.post(
        "/api/characters", json={"name": "Mira", "description": "Keeps bees."} | character
    )
    assert made.status_code == 201, made.text
    body = {"character": made.json()["id"], "name": f"Mira {uuid.uuid4().hex[:8]}"}
    instance: dict[str, Any] = person.client.post("/api/instances", json=body).json()
    return instance


def begun(person: Person, instance: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    named = {"instance": instance["id"]} if instance else {}
    answer = person.client.post("/api/conversations", json=named | body)
    assert answer.status_code == 201, answer.text
    conversation: dict[str, Any] = answer.json()
    return conversation


def conversation_of(person: Person, conversation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.client.get(f"/api/conversations/{conversation_id}").json()
    return found


def say(person: Person, conversation_id: str, content: str, **body: Any) -> httpx.Response:
    return person.client.post(
        f"/api/conversations/{conversation_id}/messages", json={"content": content, **body}
    )


def heard(provider: ScriptedProvider) -> list[tuple[str, str]]:
    """Who said what, as the model was told last, without the system's part."""
    messages = provider.log.records[-1].body["messages"]
    return [(each["role"], each["content"]) for each in messages if each["role"] != "system"]


def provenance(person: Person, answer: httpx.Response) -> dict[str, Any]:
    run = person.client.get(f"/api/generations/{answer.json()['generation']}")
    told: dict[str, Any] = run.json()["provenance"]
    return told


# --- Heard ----------------------------------------------------------------------------------------------------------


def test_the_model_hears_what_the_reader_was_greeted_with(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    greeting = f"Come in, Alice. I am {mira['name']}."
    conversation = begun(alice, mira)
    assert conversation["greeting"] == greeting
    first = say(alice, conversation["id"], 'One. !script {"text": "I see."}')
    assert heard(provider) == [("assistant", greeting), ("user", 'One. !script {"text": "I see."}')]
    assert provenance(alice, first)["history"] == {"messages": 0, "complete": True, "greeting": True}
    assert provenance(alice, first)["messages_sha256"] == provider.log.records[-1].messages_sha256
    second = say(alice, conversation["id"], "Two.")
    assert heard(provider)[0] == ("assistant", greeting)
    assert [role for role, _text in heard(provider)] == ["assistant", "user", "assistant", "user"]
    assert provenance(alice, second)["history"] == {"messages": 2, "complete": True, "greeting": True}


def test_another_wording_of_the_first_message_is_greeted_too(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    conversation = begun(alice, mira)
    first = say(alice, conversation["id"], "One.").json()
    say(alice, conversation["id"], "One, better.", parent=None)
    assert heard(provider) == [("assistant", conversation["greeting"]), ("user", "One, better.")]
    alice.client.post(f"/api/messages/{first['answer']['id']}/regenerate", json={})
    assert heard(provider) == [("assistant", conversation["greeting"]), ("user", "One.")]


def test_what_was_said_stays_said(alice: Person, mira: dict[str, Any], provider: ScriptedProvider) -> None:
    conversation = begun(alice, mira)
    alice.client.patch(f"/api/characters/{mira['character']}", json={"greeting": "Rewritten."})
    alice.client.patch(f"/api/instances/{mira['id']}", json={"name": f"Renamed {uuid.uuid4().hex[:8]}"})
    say(alice, conversation["id"], "One.")
    assert heard(provider)[0] == ("assistant", conversation["greeting"])
    alice.client.delete(f"/api/instances/{mira['id']}")
    say(alice, conversation["id"], "Two.")
    assert heard(provider)[0] == ("assistant", conversation["greeting"])
    kept = conversation_of(alice, conversation["id"])
    assert (kept["greeting"], kept["instance"]) == (conversation["greeting"], None)


def test_a_history_that_is_cut_loses_the_greeting_first(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    conversation = begun(alice, mira)
    say(alice, conversation["id"], f'{"word " * 12_000} !script {{"text": "ok"}}')
    told = provenance(alice, say(alice, conversation["id"], "And?"))
    assert told["history"]["greeting"] is False
    assert conversation["greeting"] not in [text for _role, text in heard(provider)]


@pytest.mark.parametrize("greeting", ["", " \n ", "{{// nothing}}"])
def test_a_silent_greeting_is_no_message(alice: Person, provider: ScriptedProvider, greeting: str) -> None:
    conversation = begun(alice, an_instance(alice, greeting=greeting))
    assert conversation["greeting"] == ""
    answer = say(alice, conversation["id"], "One.")
    assert heard(provider) == [("user", "One.")]
    assert provenance(alice, answer)["history"] == {"messages": 0, "complete": True, "greeting": False}


def test_a_starter_greets_in_the_readers_language(alice: Person) -> None:
    body = {"character": "quote-librarian", "name": f"Mirim {uuid.uuid4().hex[:8]}"}
    mirim = alice.client.post("/api/instances", json=body).json()
    for number, language, beginning in (
        (0, "ko", "문을 닫은"),
        (1, "ko", "쉿"),
        (1, "es", "En voz baja"),
        (1, "en", "Quietly"),
    ):
        answer = alice.client.post(
            "/api/conversations",
            json={"instance": mirim["id"], "greeting": number},
            headers={"Accept-Language": language},
        )
        assert answer.json()["greeting"].startswith(beginning)


# --- Chosen ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "Come in, Alice."), (0, "Come in, Alice."), (1, "You again, Alice?"), (2, ""), (3, "Third")],
)
def test_one_of_several_is_chosen_by_its_number(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider, number: int | None, text: str
) -> None:
    conversation = begun(alice, mira, greeting=number)
    assert conversation["greeting"][: len(text) or None].startswith(text)
    say(alice, conversation["id"], "One.")
    said = [("assistant", conversation["greeting"])] if text else []
    assert heard(provider) == [*said, ("user", "One.")]


@pytest.mark.parametrize(
    ("path", "words"),
    [("/chat", {"content": "One."}), ("/api/messages/create", {"prompt_message": "One."})],
)
def test_the_flat_interfaces_greet_as_well(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider, path: str, words: dict[str, str]
) -> None:
    for number, greeting in ((1, "You again, Alice?"), (None, f"Come in, Alice. I am {mira['name']}.")):
        body = words | {"instance": mira["id"], "greeting": number}
        assert alice.client.post(path, json=body).status_code == 201
        assert heard(provider) == [("assistant", greeting), ("user", "One.")]
        newest = alice.client.get("/api/conversations").json()["results"][0]["id"]
        assert conversation_of(alice, newest)["greeting"] == greeting


def test_an_instance_that_comes_first_greets(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    conversation = begun(alice)
    assert conversation["greeting"] == ""
    say(alice, conversation["id"], "One.", instance=mira["id"], greeting=1)
    assert heard(provider) == [("assistant", "You again, Alice?"), ("user", "One.")]
    assert conversation_of(alice, conversation["id"])["greeting"] == "You again, Alice?"


def test_of_two_that_come_before_anything_was_said_the_second_greets(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    other = an_instance(alice, greeting="I am the other one.")
    conversation = begun(alice, mira, greeting=1)
    say(alice, conversation["id"], "One.", instance=other["id"])
    assert heard(provider) == [("assistant", "I am the other one."), ("user", "One.")]
    assert conversation_of(alice, conversation["id"])["greeting"] == "I am the other one."


def test_an_instance_that_comes_later_does_not_greet(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    conversation = begun(alice)
    say(alice, conversation["id"], "One.")
    say(alice, conversation["id"], "Two.", instance=mira["id"])
    assert [role for role, _text in heard(provider)] == ["user", "assistant", "user"]
    assert conversation_of(alice, conversation["id"])["greeting"] == ""


def test_naming_the_same_instance_again_does_not_greet_again(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    conversation = begun(alice, mira, greeting=1)
    say(alice, conversation["id"], "One.", instance=mira["id"])
    assert heard(provider)[0] == ("assistant", "You again, Alice?")


def test_the_facade_s_clients_bring_their_own_beginning(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    body = {"model": f"instance:{mira['name']}", "messages": [{"role": "user", "content": "One."}]}
    assert alice.client.post("/v1/chat/completions", json=body).status_code == 200
    assert heard(provider) == [("user", "One.")]


def test_the_preview_begins_as_the_conversation_would(
    alice: Person, mira: dict[str, Any], provider: ScriptedProvider
) -> None:
    address = f"/api/instances/{mira['id']}/prompt"
    for number in (0, 1):
        shown = alice.client.get(address, params={"content": "One.", "greeting": number}).json()
        said = say(alice, begun(alice, mira, greeting=number)["id"], "One.")
        assert shown["messages"] == provider.log.records[-1].body["messages"]
        assert shown["provenance"] == provenance(alice, said)
    assert alice.client.get(address).json()["messages"][1]["role"] == "assistant"


# --- Refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-1, 4, 51, 2**70, "1", 1.5, True, [1]])
def test_a_number_that_is_none_of_its_greetings_is_named(
    alice: Person, mira: dict[str, Any], number: object
) -> None:
    body = {"instance": mira["id"], "greeting": number}
    conversation = begun(alice)["id"]
    for answer in (
        alice.client.post("/api/conversations", json=body),
        say(alice, conversation, "One.", **body),
        alice.client.post("/chat", json={"content": "One.", **body}),
        alice.client.post("/api/messages/create", json={"prompt_message": "One.", **body}),
    ):
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["greeting"])
    kept = conversation_of(alice, conversation)
    assert (kept["greeting"], kept["instance"], kept["leaf"]) == ("", None, None)
    assert len(alice.client.get("/api/conversations").json()["results"]) == 1
    assert alice.client.get("/api/usage").json()["used"] == 0


@pytest.mark.parametrize("number", ["-1", "4", "x", "²", ""])
def test_a_preview_of_none_of_its_greetings_names_it(
    alice: Person, mira: dict[str, Any], number: str
) -> None:
    answer = alice.client.get(f"/api/instances/{mira['id']}/prompt", params={"greeting": number})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["greeting"])


def test_a_greeting_where_nobody_greets_is_refused(alice: Person, mira: dict[str, Any]) -> None:
    spoken = begun(alice, mira)["id"]
    assert say(alice, spoken, "One.").status_code == 201
    for answer in (
        alice.client.post("/api/conversations", json={"greeting": 0}),
        alice.client.post("/chat", json={"content": "One.", "greeting": 0}),
        say(alice, spoken, "Two.", greeting=0),
        say(alice, spoken, "Two.", instance=mira["id"], greeting=1),
    ):
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["greeting"])


@pytest.fixture
def strict(provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """A model with a chat template such as Mistral's."""
    provider.routes.takes_turns_only = True
    yield provider
    provider.routes.reset()


def test_a_model_that_takes_turns_only_is_sent_turns(
    alice: Person, mira: dict[str, Any], strict: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = begun(alice, mira)["id"]
    refused = say(alice, conversation, "Hello?").json()
    assert refused["type"] == "provider_bad_request", "a greeting comes first"
    monkeypatch.setattr(settings, "TERTULIA_STRICT_ROLES", True)
    told = say(alice, conversation, "And now?")
    assert told.status_code == 201, told.text
    greeting = f"Come in, Alice. I am {mira['name']}."
    assert heard(strict) == [("user", OPENING), ("assistant", greeting), ("user", "Hello?\n\nAnd now?")]
    assert provenance(alice, told)["messages_sha256"] == strict.log.records[-1].messages_sha256
