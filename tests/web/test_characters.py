"""The pages of characters and instances over HTTP: forms, faults beside their fields, and whose what is."""

import html
import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from PIL import Image

from tertulia.accounts.models import User
from tertulia.characters import access, remembering
from tertulia.web import characters, instances
from tests.accounts.browsing import Browser
from tests.characters.files import PIXEL, json_file
from tests.people import Person

NOBODYS = "01a1fd75-0000-7000-8000-000000000000"


@pytest.fixture
def browser(server: str, alice: Person) -> Iterator[Browser]:
    with Browser(server) as browser:
        browser.sign_in(alice)
        yield browser


@pytest.fixture
def stranger(server: str, bob: Person) -> Iterator[Browser]:
    with Browser(server) as browser:
        browser.sign_in(bob)
        yield browser


def a_character(person: Person, **values: Any) -> dict[str, Any]:
    answer = person.client.post("/api/characters", json={"name": "Sancho", **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def an_instance(person: Person, character: dict[str, Any], **values: Any) -> dict[str, Any]:
    answer = person.client.post("/api/instances", json={"character": character["id"], **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def an_entry(person: Person, instance: dict[str, Any], text: str) -> dict[str, Any]:
    answer = person.client.post(f"/api/instances/{instance['id']}/entries", json={"text": text})
    made: dict[str, Any] = answer.json()
    return made


def upload(browser: Browser, path: str, name: str, file: bytes, /, **fields: str) -> httpx.Response:
    """Sends the form of a page with a chosen file."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.see(path))
    assert found
    fields["csrfmiddlewaretoken"] = found[1]
    return browser.http.post(path, data=fields, files={name: ("a file", file)})


def as_member(person: Person, path: str, **query: str) -> Any:
    """A request as the server's gate gets it, for views that are called in this thread."""
    return RequestFactory().get(path, query, headers={"Authorization": f"Bearer {person.access}"})


# --- Making and changing --------------------------------------------------------------------------------------------


def test_the_form_makes_what_the_api_has(browser: Browser, alice: Person) -> None:
    fields = {
        "name": "Dulcinea",
        "nickname": "Dulce",
        "summary": "Nobody has seen her.",
        "description": "{{char}} of El Toboso.\r\nShe salts pork.",
        "personality": "Proud.",
        "scenario": "A mill.",
        "greeting": "Who calls, {{user}}?",
        "alternate_greetings": "You again.",
        "example_dialogue": "<START>\r\n{{user}}: Hello",
        "system_prompt": "{{original}} Be brief.",
        "post_history_instructions": "Stay proud.",
        "creator_notes": "For actors.",
        "creator": "A. Quijano",
        "character_version": "2",
        "visibility": "unlisted",
        "voice": "es-female",
        "model": "scripted-small",
        "language": "ES",
        "tags": "literature, La Mancha, literature",
        "hue": "321",
        "temperature": "0.5",
        "max_tokens": "300",
        "stop": "END\r\nSTOP",
        "lorebook": '{"entries": [{"keys": ["mill"], "content": "Giants."}]}',
    }
    answer = browser.press("/characters/new", **fields)
    assert answer.status_code == 303
    slug = answer.headers["Location"].rpartition("/")[2]
    made = alice.client.get(f"/api/characters/{slug}").json()
    expected = {name: text.replace("\r\n", "\n") for name, text in fields.items()} | {
        "alternate_greetings": ["You again."],
        "tags": ["literature", "La Mancha"],
        "hue": 321,
        "language": "es",
        "parameters": {"temperature": 0.5, "max_tokens": 300, "stop": ["END", "STOP"]},
        "lorebook": {"entries": [{"keys": ["mill"], "content": "Giants."}]},
    }
    for name in ("temperature", "max_tokens", "stop"):
        del expected[name]
    assert {name: made[name] for name in expected} == expected
    assert "Dulcinea is here." in browser.see(answer.headers["Location"])


def test_a_form_that_is_sent_as_it_is_shown_changes_nothing(browser: Browser, alice: Person) -> None:
    """Also not what the form has no field for."""
    values = {
        "greeting": "Line one.\n\nLine three.",
        "alternate_greetings": ["One.", "Two."],
        "tags": ["a", "b"],
        "hue": 12,
        "parameters": {"top_p": 0.25, "stop": ["x", "y"], "seed": 7},
        "lorebook": {"entries": [{"keys": ["ñ"], "content": "…", "extensions": {"z": 1}}], "name": "Book"},
        "extensions": {"elsewhere": {"kept": [1, 2]}},
    }
    made = a_character(alice, **values)
    shown = browser.see(f"/characters/{made['slug']}/edit")
    form = shown[shown.index("<form id=") :]
    fields: dict[str, Any] = {}
    for name, text in re.findall(r'<textarea [^>]*name="([\w-]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        fields.setdefault(name, []).append(_unescaped(text))
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = _attribute(tag, "name"), _attribute(tag, "value")
        is_sent = " checked" in tag or not re.search('type="(radio|checkbox)"', tag)
        if is_sent and 'type="file"' not in tag and name:
            fields[name] = _unescaped(value)
    answer = browser.http.post(f"/characters/{made['slug']}/edit", data=fields)
    assert answer.status_code == 303, re.findall(r'class="fault"[^<]*', answer.text)
    after = alice.client.get(f"/api/characters/{made['slug']}").json()
    assert after | {"updated_at": made["updated_at"]} == made


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', tag)
    return found[1] if found else ""


def _unescaped(text: str) -> str:
    for code, sign in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, sign)
    return text


FAULTS = [
    ({"name": ""}, "name"),
    ({"name": " \t"}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"summary": "s" * 301}, "summary"),
    ({"description": "d" * 30_001}, "description"),
    ({"greeting": "g" * 30_001}, "greeting"),
    ({"visibility": "everybody"}, "visibility"),
    ({"language": "not a language"}, "language"),
    ({"hue": "360"}, "hue"),
    ({"hue": "²"}, "hue"),
    ({"hue": "9" * 5_000}, "hue"),
    ({"hue": "-1"}, "hue"),
    ({"tags": ",".join(map(str, range(51)))}, "tags"),
    ({"tags": "t" * 51}, "tags"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": "2.1"}, "temperature"),
    ({"stop": "a\nb\nc\nd\ne"}, "stop"),
    ({"lorebook": "{"}, "lorebook"),
    ({"lorebook": "[]"}, "lorebook"),
    ({"lorebook": '{"entries": [{"keys": "no list"}]}'}, "lorebook"),
    ({"lorebook": '{"entries": ' + "[" * 4_000}, "lorebook"),
    ({"voice": "v" * 81}, "voice"),
    ({"model": "m" * 201}, "model"),
]


@pytest.mark.parametrize(("fields", "name"), FAULTS, ids=[f"{n}-{i}" for i, (_, n) in enumerate(FAULTS)])
def test_a_fault_stands_beside_its_field_and_what_was_typed_is_kept(
    browser: Browser, fields: dict[str, str], name: str
) -> None:
    answer = browser.press(
        "/characters/new", **({"name": "Good", "visibility": "private", "scenario": "Kept words."} | fields)
    )
    assert answer.status_code == 400
    assert f'<a href="#{name}">' in answer.text
    assert "Kept words." in answer.text
    assert 'class="fault"' in answer.text


def test_all_faults_are_told_at_once(browser: Browser) -> None:
    answer = browser.press("/characters/new", name="", temperature="9", lorebook="{")
    told = re.findall(r'<li><a href="#(\w+)">', answer.text)
    assert sorted(told) == ["lorebook", "name", "temperature"]


def test_entries_of_a_lorebook_are_rows_that_keep_what_they_do_not_show(
    browser: Browser, alice: Person
) -> None:
    entry = {"keys": ["mill", "sail"], "content": "Giants.", "priority": 7, "extensions": {"z": [1]}}
    gone = {"keys": ["inn"], "content": "A castle."}
    book = {"name": "La Mancha", "token_budget": 300, "entries": [entry, gone]}
    made = a_character(alice, lorebook=book)
    edit = f"/characters/{made['slug']}/edit"
    rows = {
        "lore-rows": "4",
        "lore-known": "2",
        "lore-0-keys": "mill, arm",
        "lore-0-content": "Windmills.",
        "lore-0-always": "yes",
    }
    last = {
        "lore-2-keys": "helmet,", "lore-2-content": "A basin.",
        "lore-3-keys": "ass", "lore-3-content": "Dapple.",
    }  # fmt: skip
    assert browser.press(edit, name="Sancho", **rows, **last).status_code == 303
    after = alice.client.get(f"/api/characters/{made['id']}").json()["lorebook"]
    changed = entry | {"keys": ["mill", "arm"], "content": "Windmills.", "constant": True}
    added = {
        "keys": ["helmet"], "content": "A basin.", "constant": False,
        "enabled": True, "insertion_order": 2, "extensions": {},
    }  # fmt: skip
    second = added | {"keys": ["ass"], "content": "Dapple.", "insertion_order": 3}
    assert after == book | {"entries": [changed, added, second]}
    stale = browser.press(edit, name="Sancho", **(rows | {"lore-known": "9"}))
    assert (stale.status_code, "has changed meanwhile" in stale.text) == (400, True)
    json_wins = {"lorebook": '{"entries": []}', "lorebook_as_json": "yes"}
    assert browser.press(edit, name="Sancho", **rows, **json_wins).status_code == 303
    assert alice.client.get(f"/api/characters/{made['id']}").json()["lorebook"] == {"entries": []}


def test_one_more_row_is_had_without_saving(browser: Browser, alice: Person) -> None:
    edit = f"/characters/{a_character(alice)['slug']}/edit"
    rows = {"lore-rows": "1", "lore-known": "0", "lore-0-keys": "mill", "lore-0-content": "Giants."}
    answer = browser.press(edit, name="Sancho", alternate_greetings="You again.", action="preview", **rows)
    shown = html.unescape(answer.text)
    assert "Giants." in shown
    assert ('name="lore-1-content"' in shown, 'name="lore-2-content"' in shown) == (True, False)
    assert 'name="lore-rows" value="2"' in shown
    assert shown.count('name="alternate_greetings"') == 2
    assert alice.client.get("/api/characters?mine=true").json()["results"][0]["greeting"] == ""


def test_a_long_lorebook_is_edited_as_json(browser: Browser, alice: Person) -> None:
    book = {"entries": [{"keys": [f"k{number}"], "content": "x"} for number in range(41)]}
    text = browser.see(f"/characters/{a_character(alice, lorebook=book)['slug']}/edit")
    assert ("lore-rows" in text, "too long for a form" in text) == (False, True)


def test_the_preview_resolves_macros_and_stores_nothing(browser: Browser, alice: Person) -> None:
    answer = browser.press(
        "/characters/new", name="Mira", greeting="I am {{char}}, dear {{user}}. <b>", action="preview"
    )
    assert answer.status_code == 200
    assert "I am Mira, dear Alice. &lt;b&gt;" in answer.text
    assert alice.client.get("/api/characters?mine=true").json()["results"] == []


def test_a_picture_is_encoded_anew_and_taken_away(browser: Browser, alice: Person) -> None:
    made = a_character(alice)
    edit = f"/characters/{made['slug']}/edit"
    file = io.BytesIO()
    Image.new("RGB", (40, 60), "navy").save(file, "PNG")
    answer = upload(browser, edit, "picture", file.getvalue(), name="Sancho")
    assert answer.status_code == 303
    address = alice.client.get(f"/api/characters/{made['id']}").json()["picture"]
    assert alice.client.get(address).content[8:12] == b"WEBP"
    assert address.replace("&", "&amp;") in browser.see("/characters")
    browser.press(edit, name="Sancho", without_picture="yes")
    assert alice.client.get(f"/api/characters/{made['id']}").json()["picture"] is None


def test_what_is_no_picture_is_refused_beside_its_field(browser: Browser) -> None:
    answer = upload(browser, "/characters/new", "picture", b"<svg/>", name="Sancho")
    assert answer.status_code == 400
    assert 'id="picture-error"' in answer.text


def test_a_picture_that_is_too_large_is_refused(browser: Browser) -> None:
    answer = upload(browser, "/characters/new", "picture", b"\0" * 10_000_001, name="Sancho")
    assert answer.status_code == 413
    assert "At most 10000000 bytes." in answer.text


def test_a_copy_belongs_to_whoever_made_it(browser: Browser, alice: Person) -> None:
    answer = browser.press("/characters/quote-librarian/duplicate", on="/characters/quote-librarian")
    assert answer.status_code == 303
    copy = alice.client.get("/api/characters?mine=true").json()["results"][0]
    assert answer.headers["Location"] == f"/characters/{copy['slug']}/edit"
    assert copy["visibility"] == "private"


def test_deleting_takes_ones_variations_along(browser: Browser, alice: Person) -> None:
    made = a_character(alice)
    kept = an_instance(alice, made, name="Mine")
    page = f"/characters/{made['slug']}"
    assert browser.press(f"{page}/delete", on=page).status_code == 303
    assert alice.client.get(f"/api/instances/{kept['id']}").status_code == 404
    browser.see(page, status=404)


# --- Cards ----------------------------------------------------------------------------------------------------------


def test_a_card_is_imported_and_a_bad_one_refused_with_a_reason(browser: Browser, alice: Person) -> None:
    card = {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Aldonza", "first_mes": "Yes?"}}
    answer = upload(browser, "/characters/import", "file", json_file(card))
    assert answer.status_code == 303, answer.text
    assert "Yes?" in browser.see(answer.headers["Location"])
    refused = upload(browser, "/characters/import", "file", PIXEL)
    assert refused.status_code == 400
    assert 'id="file-error"' in refused.text
    missing = browser.press("/characters/import")
    assert (missing.status_code, "Choose a file first." in missing.text) == (400, True)


# --- The gallery ----------------------------------------------------------------------------------------------------


def test_the_gallery_finds_by_words_tag_and_kind(browser: Browser, alice: Person, bob: Person) -> None:
    word = f"word{uuid.uuid4().hex[:10]}"
    a_character(alice, name=f"Mine {word}")
    a_character(bob, name=f"Shared {word}", visibility="public", tags=[f"T{word}"])
    a_character(bob, name=f"Hidden {word}")
    a_character(bob, name=f"Unlisted {word}", visibility="unlisted")

    def found(query: str) -> list[str]:
        return sorted(re.findall(rf"(\w+) {word}</a></h2>", browser.see(f"/characters?{query}")))

    assert found(f"q={word}") == ["Mine", "Shared"]
    assert found(f"q={word}&show=mine") == ["Mine"]
    assert found(f"q={word}&show=shared") == ["Shared"]
    assert found(f"q={word}&show=starters") == []
    assert found(f"tag=t{word}") == ["Shared"]
    assert "Mirim, the quote librarian" in browser.see("/characters?show=starters")
    assert "Nobody of that kind is here." in browser.see("/characters?q=zzzzzzzz")


@pytest.mark.parametrize("query", ["q=a%00b", f"q={'x' * 201}", "tag=%00"])
def test_a_bad_search_is_refused(browser: Browser, query: str) -> None:
    browser.see(f"/characters?{query}", status=400)


@pytest.mark.parametrize("page", ["0", "-1", "99999", "x"])
def test_a_page_that_is_not_there_is_the_nearest_one(browser: Browser, page: str) -> None:
    assert "<h1>Characters</h1>" in browser.see(f"/characters?page={page}")


def test_pages_keep_the_search(browser: Browser, alice: Person) -> None:
    word = f"many{uuid.uuid4().hex[:8]}"
    for number in range(25):
        a_character(alice, name=f"{word} {number}")
    text = browser.see(f"/characters?q={word}&show=mine")
    address = re.search(r'rel="next" href="([^"]+)"', text)
    assert address
    second = browser.see("/characters" + address[1].replace("&amp;", "&"))
    assert len(re.findall(rf"{word} \d+</a></h2>", second)) == 1


def test_starters_speak_the_readers_language(browser: Browser) -> None:
    browser.press("/language", on="/characters", language="ko", next="/characters")
    assert "명대사" in browser.see("/characters/quote-librarian") or "미림" in browser.see(
        "/characters/quote-librarian"
    )


@pytest.mark.parametrize("count", [1, 3])
def test_lists_ask_the_database_a_fixed_number_of_times(
    alice: Person, django_queries: list[str], count: int
) -> None:
    made = [a_character(alice, name=f"C{number}", tags=["x"]) for number in range(count)]
    partner = an_instance(alice, made[0], name="First")
    for number, each in enumerate(made[1:]):
        an_instance(alice, each, name=f"I{number}")
    for number in range(count):
        an_entry(alice, partner, f"Fact {number}.")
        alice.client.post("/api/conversations", json={"instance": partner["id"], "title": f"T{number}"})
    counts = []
    calls: list[Callable[[], HttpResponse]] = [
        lambda: characters.gallery(as_member(alice, "/characters", show="mine")),
        lambda: characters.gallery(as_member(alice, "/characters")),
        lambda: instances.instances(as_member(alice, "/instances")),
        lambda: characters.character(as_member(alice, "/characters/x"), reference=made[0]["slug"]),
        lambda: instances.instance(as_member(alice, "/instances/x"), instance_id=uuid.UUID(partner["id"])),
    ]
    for call in calls:
        django_queries.clear()
        answer = call()
        assert answer.status_code == 200
        counts.append(len(django_queries))
    # Two of each are for who asks, and one of the gallery's counts its pages.
    assert counts == [4, 5, 4, 4, 5]


# --- Whose what is --------------------------------------------------------------------------------------------------


def test_a_private_character_does_not_exist_for_others(
    browser: Browser, stranger: Browser, alice: Person
) -> None:
    made = a_character(alice)
    for page in (f"/characters/{made['slug']}", f"/characters/{made['id']}"):
        browser.see(page)
        stranger.see(page, status=404)
        stranger.see(f"{page}/edit", status=404)
        for deed in ("edit", "duplicate", "delete", "talk", "instances"):
            assert stranger.press(f"{page}/{deed}", on="/characters").status_code == 404


def test_a_shared_character_is_only_its_makers_to_change(
    browser: Browser, stranger: Browser, alice: Person
) -> None:
    page = f"/characters/{a_character(alice, visibility='public')['slug']}"
    text = stranger.see(page)
    assert ("/edit" in text, "/delete" in text) == (False, False)
    stranger.see(f"{page}/edit", status=403)
    assert stranger.press(f"{page}/edit", on="/characters", name="Stolen").status_code == 403
    assert stranger.press(f"{page}/delete", on="/characters").status_code == 403
    assert "Sancho" in browser.see(page)


def test_an_instance_does_not_exist_for_others(stranger: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice, visibility="public"), memory="A secret.")
    entry = an_entry(alice, mine, "Another secret.")
    page = f"/instances/{mine['id']}"
    for address in (page, f"{page}/prompt", f"/?instance={mine['id']}"):
        stranger.see(address, status=404)
    for deed in ("", "/delete", "/entries", f"/entries/{entry['id']}"):
        assert stranger.press(f"{page}{deed}", on="/characters", name="x", text="x").status_code == 404
    assert stranger.press("/send", on="/", content="hello", instance=mine["id"]).status_code == 404
    assert alice.client.get(f"/api/instances/{mine['id']}").json()["memory"] == "A secret."


@pytest.mark.parametrize(
    "path",
    [
        "/characters/nobody-at-all", f"/characters/{NOBODYS}", "/characters/a%00b", "/characters/%20",
        f"/instances/{NOBODYS}", f"/instances/{NOBODYS}/prompt", f"/m/{NOBODYS}", f"/?instance={NOBODYS}",
        "/?instance=x", "/?character=nobody-at-all",
    ],
)  # fmt: skip
def test_what_does_not_exist(browser: Browser, path: str) -> None:
    browser.see(path, status=404)


def test_visitors_are_led_to_the_sign_in_page(server: str) -> None:
    with Browser(server) as visitor:
        for path in (
            "/characters",
            "/characters/new",
            "/characters/import",
            "/instances",
            f"/instances/{NOBODYS}",
        ):
            answer = visitor.http.get(path)
            assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login?next={path}")


# --- Instances and their memory -------------------------------------------------------------------------------------


def test_talk_makes_one_variation_and_uses_it_again(browser: Browser, alice: Person) -> None:
    made = a_character(alice, visibility="public", greeting="Good day, {{user}}.")
    page = f"/characters/{made['slug']}"
    assert browser.http.get(f"/?character={made['slug']}").headers["Location"] == page
    ways = [browser.press(f"{page}/talk", on=page).headers["Location"] for _ in range(2)]
    assert ways[0] == ways[1]
    only = alice.client.get(f"/api/instances?character={made['id']}").json()["results"]
    assert [each["name"] for each in only] == ["Sancho"]
    assert browser.http.get(f"/?character={made['slug']}").headers["Location"] == ways[0]
    text = browser.see(ways[0])
    assert "Good day, Alice." in text
    assert "Message Sancho" in text


def test_talk_finds_a_name_that_is_free(browser: Browser, alice: Person) -> None:
    first, second = a_character(alice), a_character(alice)
    an_instance(alice, first)
    page = f"/characters/{second['slug']}"
    browser.press(f"{page}/talk", on=page)
    made = alice.client.get(f"/api/instances?character={second['id']}").json()["results"]
    assert [each["name"] for each in made] == ["Sancho 2"]


def test_a_variation_with_name_and_memory(browser: Browser, alice: Person) -> None:
    page = f"/characters/{a_character(alice)['slug']}"
    answer = browser.press(f"{page}/instances", on=page, name="Panza", memory="Knows\r\nthe river.")
    assert answer.status_code == 303
    identity = answer.headers["Location"].rpartition("/")[2]
    assert alice.client.get(f"/api/instances/{identity}").json()["memory"] == "Knows\nthe river."
    again = browser.press(f"{page}/instances", on=page, name="Panza", memory="Kept words.")
    assert again.status_code == 400
    assert "You have another instance of this name." in again.text
    assert "Kept words." in again.text


def test_name_memory_and_whether_it_learns_are_changed(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice), name="Old")
    page = f"/instances/{mine['id']}"
    assert browser.press(page, name="New", memory="Other.").status_code == 303
    after = alice.client.get(f"/api/instances/{mine['id']}").json()
    assert (after["name"], after["memory"], after["learns"]) == ("New", "Other.", False)
    refused = browser.press(page, name="", memory="Kept words.", learns="yes")
    assert (refused.status_code, "Kept words." in refused.text) == (400, True)
    assert '<h1 dir="auto">New</h1>' in refused.text


def test_notes_are_added_rewritten_pinned_and_forgotten(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice))
    page = f"/instances/{mine['id']}"

    def noted() -> list[tuple[str, bool]]:
        listed = alice.client.get(f"/api/instances/{mine['id']}/entries").json()["results"]
        return [(each["text"], each["pinned"]) for each in listed]

    browser.press(f"{page}/entries", on=page, text="Likes tea.")
    assert noted() == [("Likes tea.", False)]
    listed = alice.client.get(f"/api/instances/{mine['id']}/entries").json()["results"]
    address = f"{page}/entries/{listed[0]['id']}"
    browser.press(address, on=page, action="pin")
    browser.press(address, on=page, action="save", text="Likes coffee.")
    assert noted() == [("Likes coffee.", True)]
    for fields in (
        {"action": "save", "text": " "},
        {"action": "save", "text": "x" * 501},
        {"action": "burn"},
    ):
        assert browser.press(address, on=page, **fields).status_code == 400
    assert browser.press(f"{page}/entries", on=page, text="").status_code == 400
    browser.press(address, on=page, action="unpin")
    assert noted() == [("Likes coffee.", False)]
    browser.press(address, on=page, action="delete")
    assert noted() == []
    assert browser.press(address, on=page, action="delete").status_code == 404


def test_a_note_leads_to_where_it_was_said(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice))
    said = alice.client.post("/chat", json={"content": "I keep bees.", "instance": mine["id"]}).json()
    found = access.instance_for(User.objects.get(pk=alice.id), uuid.UUID(mine["id"]))
    remembering.add_entry(
        instance=found, values={"text": "Keeps bees."}, source_message_id=uuid.UUID(said["id"])
    )
    page = browser.see(f"/instances/{mine['id']}")
    assert f'href="/m/{said["id"]}"' in page
    assert browser.http.get(f"/m/{said['id']}").status_code == 303


def test_a_note_of_another_instance_is_out_of_reach(browser: Browser, alice: Person) -> None:
    character = a_character(alice)
    one, two = (an_instance(alice, character, name=name) for name in ("One", "Two"))
    entry = an_entry(alice, one, "Stays.")
    page = f"/instances/{two['id']}"
    assert browser.press(f"{page}/entries/{entry['id']}", on=page, action="delete").status_code == 404


def test_deleting_a_variation_leaves_its_conversations(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice))
    said = alice.client.post("/chat", json={"content": "A word to keep.", "instance": mine["id"]})
    assert said.status_code == 201
    page = f"/instances/{mine['id']}"
    assert "A word to keep." in browser.see(page)
    assert browser.press(f"{page}/delete", on=page).headers["Location"] == "/instances"
    talk = alice.client.get("/api/conversations").json()["results"][0]
    assert "A word to keep." in browser.see(f"/c/{talk['id']}")


def test_what_would_be_sent_is_what_the_api_says(browser: Browser, alice: Person) -> None:
    mine = an_instance(
        alice, a_character(alice, description="A squire <of> proverbs."), memory="Fears geese."
    )
    address = f"/instances/{mine['id']}/prompt?content=Hello"
    told = alice.client.get(f"/api{address}").json()
    shown = [
        _unescaped(text) for text in re.findall(r"<pre [^>]*>(.*?)</pre>", browser.see(address), re.DOTALL)
    ]
    assert shown == [each["content"] for each in told["messages"]]
    assert "Fears geese." in shown[0]


def test_a_message_is_found_by_its_id(browser: Browser, stranger: Browser, alice: Person) -> None:
    said = alice.client.post("/chat", json={"content": "Where was this?"}).json()
    place = browser.http.get(f"/m/{said['id']}").headers["Location"]
    assert re.fullmatch(rf"/c/[0-9a-f-]+\?leaf={said['id']}#m-{said['id']}", place)
    stranger.see(f"/m/{said['id']}", status=404)


def test_a_conversation_begun_without_a_program_keeps_its_instance(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice, hue=205), name="Kestrel mine")
    answer = browser.press("/send", on="/", content="Good evening.", instance=mine["id"])
    assert answer.status_code == 303
    talk = alice.client.get("/api/conversations").json()["results"][0]
    assert talk["instance"] == mine["id"]
    text = browser.see(answer.headers["Location"].partition("#")[0])
    assert (
        text.count('<span class="name">Kestrel mine</span>') == 2
    )  # the answer, and the template of the next
    assert f'data-id="{talk["id"]}" data-tint="20"' in text


def test_a_refused_beginning_keeps_who_was_spoken_to(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, a_character(alice), name="Patient one")
    answer = browser.press("/send", on="/", content="Kept words.", temperature="9", instance=mine["id"])
    assert answer.status_code == 400
    assert f'name="instance" value="{mine["id"]}"' in answer.text
    assert "Kept words." in answer.text


def test_json_of_the_lorebook_is_shown_as_it_was_typed(browser: Browser) -> None:
    book = json.dumps({"entries": [{"keys": ["</textarea>"], "content": 7}]})
    answer = browser.press("/characters/new", name="X", lorebook=book)
    assert answer.status_code == 400
    assert "&lt;/textarea&gt;" in answer.text
