"""/api/instances over HTTP: names and memories of one's own, entries, the prompt, bad input."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.test_characters import faults
from tests.api.test_characters import make as make_character
from tests.people import Person

Statements = Callable[[Callable[[], object]], list[str]]


def make(person: Person, **values: Any) -> dict[str, Any]:
    if "character" not in values:
        values["character"] = make_character(person, description="{{char}} keeps bees for {{user}}.")["id"]
    answer = person.client.post("/api/instances", json=values)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{person.server}/api/instances/{body['id']}"
    return body


def add_entry(person: Person, instance: str, text: str, **values: Any) -> dict[str, Any]:
    answer = person.client.post(f"/api/instances/{instance}/entries", json={"text": text, **values})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def system_text(person: Person, instance: str, content: str = "") -> str:
    answer = person.client.get(f"/api/instances/{instance}/prompt", params={"content": content})
    assert answer.status_code == 200, answer.text
    first = answer.json()["messages"][0]
    assert first["role"] == "system"
    return str(first["content"])


# --- One instance ---------------------------------------------------------------------------------------------------


def test_an_instance_from_making_to_deletion(alice: Person) -> None:
    made = make(alice, name="Mira of the south", memory="Likes honey.")
    assert set(made) == {
        "id", "character", "name", "memory", "learns", "memory_extraction", "created_at", "updated_at",
    }  # fmt: skip
    assert (made["learns"], made["memory_extraction"]) == (True, "on")
    address = f"/api/instances/{made['id']}"
    assert alice.client.get(address).json() == made
    changed = alice.client.patch(address, json={"memory": "Likes wax."}).json()
    assert changed == made | {"memory": "Likes wax.", "updated_at": changed["updated_at"]}
    assert alice.client.delete(address).status_code == 204
    assert alice.client.get(address).status_code == 404
    assert alice.client.get(f"/api/characters/{made['character']}").status_code == 200


def test_the_origins_names_are_taken(alice: Person) -> None:
    character = make_character(alice)
    body = {"personaje": character["slug"], "nombre": "Mira dos", "memoria": "Miel."}
    answer = alice.client.post("/api/instances", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["character"], made["name"], made["memory"]) == (character["id"], "Mira dos", "Miel.")
    address = f"/api/instances/{made['id']}"
    assert alice.client.patch(address, json={"memoria": "Cera."}).json()["memory"] == "Cera."
    assert faults(alice.client.patch(address, json={"memoria": "a", "memory": "b"})) == ["memoria"]


def test_without_a_name_it_is_called_like_the_character(alice: Person) -> None:
    assert make(alice)["name"] == "Mira"
    body = {"character": "quote-librarian"}
    made = alice.client.post("/api/instances", json=body, headers={"Accept-Language": "ko"}).json()
    assert made["name"] == "명대사 사서 미림"


def test_a_name_is_unique_per_owner(alice: Person, bob: Person) -> None:
    character = make_character(alice, visibility="public")["id"]
    make(alice, character=character, name="One")
    make(bob, character=character, name="One")
    assert faults(alice.client.post("/api/instances", json={"character": character, "name": "One"})) == [
        "name"
    ]
    other = make(alice, character=character, name="Two")
    assert faults(alice.client.patch(f"/api/instances/{other['id']}", json={"name": "One"})) == ["name"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"character": None}, ["character"]),
        ({"character": 5}, ["character"]),
        ({"character": "nobody"}, ["character"]),
        ({"character": "../x"}, ["character"]),
        ({"character": "0197a000-0000-7000-8000-000000000000"}, ["character"]),
        ({"name": ""}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"name": "n" * 101}, ["name"]),
        ({"memory": "m" * 20_001}, ["memory"]),
        ({"memory": "\0"}, ["memory"]),
        ({"memory": None}, ["memory"]),
        ({"owner": 1}, ["owner"]),
    ],
)
def test_bad_input_names_the_field(alice: Person, body: dict[str, Any], fields: list[str]) -> None:
    whole = {"character": "quote-librarian"} | body
    assert faults(alice.client.post("/api/instances", json=whole)) == fields
    if "character" not in body:
        made = make(alice)
        assert faults(alice.client.patch(f"/api/instances/{made['id']}", json=body)) == fields


# --- Whose ----------------------------------------------------------------------------------------------------------


def everything(person: Person, instance: str, entry: str) -> dict[str, httpx.Response]:
    client, address = person.client, f"/api/instances/{instance}"
    return {
        "get": client.get(address),
        "patch": client.patch(address, json={"name": "Taken"}),
        "prompt": client.get(f"{address}/prompt"),
        "entries": client.get(f"{address}/entries"),
        "add": client.post(f"{address}/entries", json={"text": "t"}),
        "entry": client.get(f"{address}/entries/{entry}"),
        "rewrite": client.patch(f"{address}/entries/{entry}", json={"text": "t"}),
        "forget": client.delete(f"{address}/entries/{entry}"),
        "delete": client.delete(address),
    }


def test_another_users_instance_does_not_exist(alice: Person, bob: Person) -> None:
    character = make_character(alice, visibility="public")["id"]
    made = make(alice, character=character, memory="Secret.")
    entry = add_entry(alice, made["id"], "Secret.")
    answers = everything(bob, made["id"], entry["id"])
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)
    unknown = everything(bob, "0197a000-0000-7000-8000-000000000000", entry["id"])
    assert {name: answer.text for name, answer in answers.items()} == {
        name: answer.text for name, answer in unknown.items()
    }
    assert bob.client.get("/api/instances").json()["results"] == []
    assert bob.client.get("/api/instances", params={"character": character}).json()["results"] == []
    assert alice.client.get(f"/api/instances/{made['id']}").json() == made
    assert alice.client.get(f"/api/instances/{made['id']}/entries/{entry['id']}").json() == entry


def test_an_entry_is_found_in_its_own_instance_only(alice: Person) -> None:
    one = make(alice)
    two = make(alice, character=one["character"], name="Two")
    entry = add_entry(alice, one["id"], "text")
    assert alice.client.get(f"/api/instances/{two['id']}/entries/{entry['id']}").status_code == 404


def test_a_character_taken_back_stays_for_those_who_have_it(alice: Person, bob: Person) -> None:
    character = make_character(alice, visibility="public", description="Shared.")["id"]
    made = make(bob, character=character)
    alice.client.patch(
        f"/api/characters/{character}", json={"visibility": "private", "description": "Secret."}
    )
    assert "Shared." in system_text(bob, made["id"])
    kept = bob.client.get(f"/api/instances/{made['id']}").json()["character"]
    assert bob.client.get(f"/api/characters/{character}").status_code == 404
    assert bob.client.get(f"/api/characters/{kept}").json()["owner"] is None
    assert bob.client.patch(f"/api/characters/{kept}", json={"name": "x"}).status_code == 403


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_lists_are_searched_and_paged(alice: Person) -> None:
    character = make(alice, name="First")["character"]
    for name in ("Second", "Third"):
        make(alice, character=character, name=name)
    make(alice, character="quote-librarian", name="Other")

    def names(search: str) -> list[str]:
        return [row["name"] for row in alice.client.get(f"/api/instances?{search}").json()["results"]]

    assert names("") == ["Other", "Third", "Second", "First"]
    assert names(f"character={character}") == ["Third", "Second", "First"]
    assert names("q=IR") == ["Third", "First"]
    assert faults(alice.client.get("/api/instances?character=x")) == ["character"]
    page = alice.client.get(f"/api/instances?character={character}&limit=2").json()
    assert [row["name"] for row in alice.client.get(page["next"]).json()["results"]] == ["First"]


def test_lists_cost_the_same_for_one_and_three(alice: Person, statements: Statements) -> None:
    instance = make(alice, name="0")
    add_entry(alice, instance["id"], "0")

    def costs() -> list[int]:
        return [
            len(statements(lambda path=path: alice.client.get(path)))  # type: ignore[misc]
            for path in ("/api/instances", f"/api/instances/{instance['id']}/entries")
        ]

    before = costs()
    for number in ("1", "2"):
        make(alice, character=instance["character"], name=number)
        add_entry(alice, instance["id"], number)
    assert costs() == before


# --- Memory and prompt ----------------------------------------------------------------------------------------------


def test_an_entry_from_making_to_forgetting(alice: Person) -> None:
    instance = make(alice)["id"]
    entry = add_entry(alice, instance, "The dog is called Bruno.")
    assert entry == {
        "id": entry["id"], "text": "The dog is called Bruno.", "pinned": False, "source_message": None,
        "created_at": entry["created_at"], "last_used_at": None,
    }  # fmt: skip
    address = f"/api/instances/{instance}/entries/{entry['id']}"
    assert alice.client.patch(address, json={"pinned": True}).json() == entry | {"pinned": True}
    listed = alice.client.get(f"/api/instances/{instance}/entries").json()
    assert listed == {"results": [entry | {"pinned": True}], "next": None, "previous": None}
    assert alice.client.delete(address).status_code == 204
    assert alice.client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"text": ""}, ["text"]),
        ({"text": "  "}, ["text"]),
        ({"text": "t" * 501}, ["text"]),
        ({"text": "\0"}, ["text"]),
        ({"text": "t", "pinned": "yes"}, ["pinned"]),
        ({"text": "t", "source_message": "x"}, ["source_message"]),
    ],
)
def test_bad_entries_name_the_field(alice: Person, body: dict[str, Any], fields: list[str]) -> None:
    instance = make(alice)["id"]
    assert faults(alice.client.post(f"/api/instances/{instance}/entries", json=body)) == fields
    entry = add_entry(alice, instance, "text")
    assert faults(alice.client.patch(f"/api/instances/{instance}/entries/{entry['id']}", json=body)) == fields


def test_the_prompt_is_the_instances_own(alice: Person) -> None:
    one = make(alice, memory="One's memory.")
    two = make(alice, character=one["character"], name="Two", memory="Two's memory.")
    add_entry(alice, two["id"], "Two's entry.")
    text = system_text(alice, one["id"])
    assert "Mira keeps bees for Alice." in text
    assert "One's memory." in text
    assert "Two" not in text
    text = system_text(alice, two["id"])
    assert "Two keeps bees for Alice." in text
    assert "Two's memory." in text
    assert "- Two's entry." in text
    alice.client.patch(f"/api/characters/{one['character']}", json={"description": "Changed."})
    assert all("Changed." in system_text(alice, each["id"]) for each in (one, two))


def test_the_prompt_shows_what_a_message_calls_up(alice: Person) -> None:
    book = {"entries": [{"keys": ["bees"], "content": "Bees dance.", "enabled": True, "insertion_order": 0}]}
    character = make_character(alice, lorebook=book, post_history_instructions="Stay calm.")["id"]
    instance = make(alice, character=character)["id"]
    assert "Bees dance." not in system_text(alice, instance)
    answer = alice.client.get(
        f"/api/instances/{instance}/prompt", params={"content": "Tell me of bees"}
    ).json()
    assert [message["role"] for message in answer["messages"]] == ["system", "user", "system"]
    assert "Bees dance." in answer["messages"][0]["content"]
    assert answer["messages"][2]["content"] == "Stay calm."
    assert answer["tokens"] > 0
    assert answer["left_out"] == []
