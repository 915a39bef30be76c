"""/api/characters over HTTP: who sees and changes what, lists, card files, pictures, bad input."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tertulia.characters import carriers, png
from tests.characters.files import PIXEL, json_file, png_file
from tests.people import Person

Statements = Callable[[Callable[[], object]], list[str]]

CARD = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {"name": "Mira", "description": "Bees.", "extensions": {"other": {"deep": [1]}}},
}
FIELDS = {
    "id", "slug", "name", "summary", "description", "personality", "scenario", "greeting", "example_dialogue",
    "visibility", "voice", "model", "parameters", "tags", "language", "hue", "picture", "owner", "mine",
    "created_at", "updated_at",
}  # fmt: skip
DETAILS = FIELDS | {
    "nickname", "alternate_greetings", "system_prompt", "post_history_instructions", "creator_notes", "creator",
    "character_version", "lorebook", "extensions",
}  # fmt: skip


def make(person: Person, **values: Any) -> dict[str, Any]:
    answer = person.client.post("/api/characters", json={"name": "Mira", **values})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{person.server}/api/characters/{body['id']}"
    return body


def send_file(person: Person, content: bytes, path: str = "/api/characters/import") -> httpx.Response:
    return person.client.post(path, files={"file": ("../../name.png", content)})


def put_picture(person: Person, character: str, content: bytes) -> httpx.Response:
    return person.client.put(f"/api/characters/{character}/picture", files={"file": content})


def faults(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "invalid_input"
    return sorted(answer.json()["errors"])


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["results"]]


# --- One character --------------------------------------------------------------------------------------------------


def test_a_character_from_making_to_deletion(alice: Person) -> None:
    made = make(
        alice, description="Bees.", greeting="Hello {{user}}.", tags=["calm"], parameters={"top_p": 1}
    )
    assert set(made) == DETAILS
    assert (made["mine"], made["owner"], made["visibility"]) == (True, "Alice", "private")
    address = f"/api/characters/{made['id']}"
    assert alice.client.get(address).json() == made
    assert alice.client.get(f"/api/characters/{made['slug']}").json() == made
    changed = alice.client.patch(address, json={"greeting": "Hi.", "visibility": "public"})
    assert changed.status_code == 200
    assert changed.json() == made | {
        "greeting": "Hi.", "visibility": "public", "updated_at": changed.json()["updated_at"],
    }  # fmt: skip
    assert alice.client.delete(address).status_code == 204
    assert alice.client.get(address).status_code == 404


def test_the_origins_names_are_taken(alice: Person) -> None:
    answer = alice.client.post("/api/characters", json={"nombre": "Mira", "descripcion": "Abejas."})
    assert (answer.status_code, answer.json()["name"], answer.json()["description"]) == (
        201,
        "Mira",
        "Abejas.",
    )
    address = f"/api/characters/{answer.json()['id']}"
    assert alice.client.patch(address, json={"descripcion": "a", "description": "a"}).status_code == 200
    assert faults(alice.client.patch(address, json={"descripcion": "a", "description": "b"})) == [
        "descripcion"
    ]


def test_starters_speak_the_readers_language(alice: Person) -> None:
    said = {
        language: alice.client.get(
            "/api/characters/quote-librarian", headers={"Accept-Language": language}
        ).json()
        for language in ("en", "ko", "zh-hans", "es", "ru")
    }
    assert len({body["greeting"] for body in said.values()}) == 5
    assert said["ko"]["owner"] is None
    assert alice.client.patch("/api/characters/quote-librarian", json={"name": "Mine"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"name": "n" * 101}, ["name"]),
        ({"name": "a\u2028b"}, ["name"]),
        ({"name": "a", "description": "\0"}, ["description"]),
        ({"name": "a", "description": "d" * 30_001}, ["description"]),
        ({"name": "a", "visibility": "open"}, ["visibility"]),
        ({"name": "a", "hue": 360}, ["hue"]),
        ({"name": "a", "hue": True}, ["hue"]),
        ({"name": "a", "tags": "a"}, ["tags"]),
        ({"name": "a", "tags": ["t" * 51]}, ["tags.0"]),
        ({"name": "a", "parameters": {"temperature": 3}}, ["parameters.temperature"]),
        ({"name": "a", "parameters": {"top_k": 3}}, ["parameters.top_k"]),
        ({"name": "a", "lorebook": []}, ["lorebook"]),
        ({"name": "a", "lorebook": {"entries": [{"keys": [1]}]}}, ["lorebook.entries.0.keys.0"]),
        ({"name": "a", "extensions": {"x": 2**70}}, ["extensions.x"]),
        ({"name": "a", "owner": "bob"}, ["owner"]),
        ({"name": "a", "slug": "quote-librarian"}, ["slug"]),
    ],
)
def test_bad_input_names_the_field(alice: Person, body: dict[str, Any], fields: list[str]) -> None:
    assert faults(alice.client.post("/api/characters", json=body)) == fields
    made = make(alice)
    if body:
        assert faults(alice.client.patch(f"/api/characters/{made['id']}", json=body)) == fields
        assert alice.client.get(f"/api/characters/{made['id']}").json() == made


# --- Whose ----------------------------------------------------------------------------------------------------------


def everything(person: Person, character: str) -> dict[str, httpx.Response]:
    address = f"/api/characters/{character}"
    return {
        "get": person.client.get(address),
        "patch": person.client.patch(address, json={"name": "Taken"}),
        "duplicate": person.client.post(f"{address}/duplicate"),
        "card": person.client.get(f"{address}/card"),
        "picture": person.client.get(f"{address}/picture"),
        "put picture": put_picture(person, character, PIXEL),
        "delete picture": person.client.delete(f"{address}/picture"),
        "instance": person.client.post("/api/instances", json={"character": character}),
        "delete": person.client.delete(address),
    }


def test_a_foreign_private_character_does_not_exist(alice: Person, bob: Person) -> None:
    made = make(alice)
    put_picture(alice, made["id"], PIXEL)
    for reference in (made["id"], made["slug"]):
        answers = everything(bob, reference)
        assert faults(answers.pop("instance")) == ["character"]
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)
        unknown = everything(bob, "0197a000-0000-7000-8000-000000000000")
        assert {name: answer.text for name, answer in answers.items()} == {
            name: unknown[name].text for name in answers
        }
    assert make(alice)["name"] == "Mira"
    assert bob.client.get("/api/characters?mine=true").json()["results"] == []


@pytest.mark.parametrize("visibility", ["unlisted", "public"])
def test_a_shared_character_may_be_used_but_not_changed(alice: Person, bob: Person, visibility: str) -> None:
    made = make(alice, visibility=visibility)
    put_picture(alice, made["id"], PIXEL)
    answers = everything(bob, made["slug"])
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "get": 200, "patch": 403, "duplicate": 201, "card": 200, "picture": 200, "put picture": 403,
        "delete picture": 403, "instance": 201, "delete": 403,
    }  # fmt: skip
    seen = answers["get"].json()
    assert (seen["mine"], seen["owner"]) == (False, "Alice")
    assert answers["duplicate"].json()["mine"] is True
    listed = names(bob.client.get("/api/characters", params={"q": "mira", "limit": 200}))
    assert ("Mira" in listed) is True  # the duplicate, at least
    ids = [row["id"] for row in bob.client.get("/api/characters?limit=200").json()["results"]]
    assert (made["id"] in ids) is (visibility == "public")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/characters"),
        ("POST", "/api/characters"),
        ("POST", "/api/characters/import"),
        ("GET", "/api/characters/quote-librarian"),
        ("PATCH", "/api/characters/quote-librarian"),
        ("DELETE", "/api/characters/quote-librarian"),
        ("POST", "/api/characters/quote-librarian/duplicate"),
        ("GET", "/api/characters/quote-librarian/card"),
        ("GET", "/api/characters/quote-librarian/picture"),
        ("PUT", "/api/characters/quote-librarian/picture"),
        ("GET", "/api/instances"),
        ("POST", "/api/instances"),
        ("GET", "/api/instances/x/prompt"),
        ("POST", "/api/instances/x/entries"),
    ],
)
def test_visitors_get_nothing(server: str, method: str, path: str) -> None:
    answer = httpx.request(method, server + path)
    assert (answer.status_code, answer.json()["type"]) == (401, "unauthenticated")


@pytest.mark.parametrize("path", ["a%00b", "a%2Fb", "..", "a b", "%ff", "x" * 2_000, "'; --"])
def test_addresses_that_name_nothing(alice: Person, path: str) -> None:
    assert alice.client.get(f"/api/characters/{path}/card").status_code == 404


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_lists_are_searched_and_paged(alice: Person) -> None:
    for number in range(5):
        make(alice, name=f"Мира {number}", tags=["пчёлы", f"t{number}"])
    make(alice, name="Another")
    client = alice.client
    assert names(client.get("/api/characters?mine=true&q=МИРА пчёлы")) == [
        f"Мира {n}" for n in (4, 3, 2, 1, 0)
    ]
    assert names(client.get("/api/characters?mine=true&tag=T3")) == ["Мира 3"]
    assert names(client.get("/api/characters?mine=true&q=100%25")) == []
    first = client.get("/api/characters?mine=true&q=мира&limit=2").json()
    assert set(first["results"][0]) == FIELDS
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    found = [row["name"] for page in (first, second, third) for row in page["results"]]
    assert found == [f"Мира {n}" for n in (4, 3, 2, 1, 0)]
    assert (first["previous"], third["next"]) == (None, None)
    assert client.get(third["previous"]).json()["results"] == second["results"]


@pytest.mark.parametrize(
    ("search", "field"),
    [("mine=1", "mine"), ("q=" + "x" * 201, "q"), ("q=%00", "q"), ("tag=%00", "tag"), ("limit=0", "limit")],
)
def test_bad_searches_name_the_parameter(alice: Person, search: str, field: str) -> None:
    assert faults(alice.client.get(f"/api/characters?{search}")) == [field]


def test_a_list_costs_the_same_for_one_and_three(alice: Person, statements: Statements) -> None:
    counts = []
    for more in (1, 2):
        for _ in range(more):
            make(alice, tags=["a"])
        counts.append(len(statements(lambda: alice.client.get("/api/characters?mine=true"))))
    assert counts[0] == counts[1]


# --- Cards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "png", "apng", "charx"])
def test_a_card_goes_out_and_comes_in(alice: Person, form: str) -> None:
    imported = send_file(alice, png_file(chara=CARD))
    assert imported.status_code == 201, imported.text
    first = imported.json()
    assert (first["name"], first["description"], first["visibility"]) == ("Mira", "Bees.", "private")
    assert first["extensions"] == CARD["data"]["extensions"]  # type: ignore[index]
    card = alice.client.get(f"/api/characters/{first['id']}/card", params={"format": form})
    assert card.status_code == 200
    assert "attachment" in card.headers["Content-Disposition"]
    again = send_file(alice, card.content).json()
    own = ("id", "slug", "picture", "created_at", "updated_at")
    assert {name: value for name, value in again.items() if name not in own} == {
        name: value for name, value in first.items() if name not in own
    }
    assert (again["picture"] is None) is (form == "json")


def test_what_is_asked_for_is_what_comes(alice: Person) -> None:
    made = make(alice)
    address = f"/api/characters/{made['id']}/card"
    assert alice.client.get(address).json()["data"]["name"] == "Mira"
    for accept in ("image/png", "text/html", "application/xml"):
        answer = alice.client.get(address, params={"format": "png"}, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
        assert png.texts(png.chunks(answer.content)).keys() == {"chara", "ccv3"}
    assert faults(alice.client.get(address, params={"format": "exe"})) == ["format"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        PIXEL,
        PIXEL[:30],
        json_file({}),
        json_file(CARD | {"data": {"name": 5}}),
        b"PK\x03\x04",
    ],
)
def test_what_is_no_card_is_refused_with_a_reason(alice: Person, content: bytes) -> None:
    before = len(names(alice.client.get("/api/characters?mine=true")))
    answer = send_file(alice, content)
    assert faults(answer) == ["file"]
    assert answer.json()["detail"]
    assert len(names(alice.client.get("/api/characters?mine=true"))) == before


def test_a_card_with_a_name_that_cannot_be_one_is_refused(alice: Person) -> None:
    card = json.loads(json_file(CARD))
    card["data"]["name"] = "a\nb"
    assert faults(send_file(alice, json_file(card))) == ["name"]


@pytest.mark.parametrize("path", ["/api/characters/import"])
def test_uploads_that_are_none(alice: Person, path: str) -> None:
    post = alice.client.post
    assert post(path, json={}).status_code == 415
    assert faults(post(path, files={"card": b"x"})) == ["card"]
    assert faults(post(path, files=[("file", b"x"), ("file", b"y")])) == ["file"]
    assert faults(post(path, files={"file": b"x"}, data={"name": "y"})) == ["name"]
    assert faults(post(path, data={"file": "text"}, files={"file": b""})) == ["file"]
    broken = {"Content-Type": "multipart/form-data"}
    assert post(path, content=b"x", headers=broken).status_code == 400
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    assert post(path, content=b"--b\r\n", headers=broken).status_code == 400


def test_html_is_data(alice: Person) -> None:
    card = json.loads(json_file(CARD))
    for name in ("description", "first_mes", "creator_notes", "system_prompt"):
        card["data"][name] = "<img src=x onerror=alert(1)>"
    made = send_file(alice, json_file(card)).json()
    assert made["description"] == made["greeting"] == "<img src=x onerror=alert(1)>"
    answer = alice.client.get(f"/api/characters/{made['id']}", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"].startswith("application/")


# --- Pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_comes_and_goes(alice: Person) -> None:
    made = make(alice)
    assert made["picture"] is None
    answer = put_picture(alice, made["id"], PIXEL)
    assert answer.status_code == 200, answer.text
    first = answer.json()["picture"]
    picture = alice.client.get(first)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/webp")
    assert picture.headers["Cache-Control"].startswith("private")
    assert put_picture(alice, made["id"], PIXEL).json()["picture"] != first
    assert faults(put_picture(alice, made["id"], b"<svg/>")) == ["file"]
    assert alice.client.delete(f"/api/characters/{made['id']}/picture").status_code == 204
    assert alice.client.get(first).status_code == 404


def test_the_limit_of_a_file_is_named(alice: Person) -> None:
    answer = send_file(alice, b"\0" * (carriers.MAX_FILE + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "too_large")
    assert alice.client.get("/api/characters").status_code == 200
