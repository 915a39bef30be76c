"""The first words of a conversation on its page: offered, chosen by a plain form, and shown as they were said."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tertulia.chat.models import Conversation
from tests.accounts.browsing import Browser
from tests.chat.rows import a_chain
from tests.people import Person


@pytest.fixture
def browser(server: str, alice: Person) -> Iterator[Browser]:
    with Browser(server) as browser:
        browser.sign_in(alice)
        yield browser


def an_instance(person: Person, **character: Any) -> dict[str, Any]:
    made = person.client.post("/api/characters", json={"name": "Sancho", **character}).json()
    instance: dict[str, Any] = person.client.post("/api/instances", json={"character": made["id"]}).json()
    return instance


def greeting(page: str) -> str | None:
    """The words before the first message, None where nothing stands there."""
    found = re.search(r'id="greeting".*?<div class="prose"[^>]*>(.*?)</div>', page, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else None


def offered(page: str) -> list[str]:
    return re.findall(r'greeting=(\d+)" rel="(?:prev|next)"', page)


@pytest.mark.parametrize(
    ("query", "text", "neighbours"),
    [
        ("", "First.", ["3", "1"]),
        ("&greeting=1", "Second, Alice.", ["0", "3"]),
        ("&greeting=3", "Fourth of Sancho.", ["1", "0"]),
        # A blank one is no choice; what is none of them shows the first.
        ("&greeting=2", "First.", ["3", "1"]),
        ("&greeting=4", "First.", ["3", "1"]),
        ("&greeting=-1", "First.", ["3", "1"]),
        ("&greeting=%C2%B2", "First.", ["3", "1"]),
        ("&greeting=x%00", "First.", ["3", "1"]),
        ("&greeting=" + "9" * 5000, "First.", ["3", "1"]),
    ],
)
def test_a_new_conversation_offers_its_greetings(
    browser: Browser, alice: Person, query: str, text: str, neighbours: list[str]
) -> None:
    others = ["Second, {{user}}.", " \n", "Fourth of {{char}}."]
    mine = an_instance(alice, greeting="First.", alternate_greetings=others)
    page = browser.see(f"/?instance={mine['id']}{query}")
    assert greeting(page) == text
    assert offered(page) == neighbours


def test_one_greeting_is_no_choice(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, greeting="Only.", alternate_greetings=["", " "])
    page = browser.see(f"/?instance={mine['id']}")
    assert (greeting(page), offered(page)) == ("Only.", [])
    assert "Another greeting" not in page


def test_the_chosen_one_is_said(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, greeting="First.", alternate_greetings=["Second, {{user}}."])
    fields = {"content": "Good evening.", "instance": mine["id"], "greeting": "1"}
    place = browser.press("/send", on="/", **fields).headers["Location"].partition("#")[0]
    alice.client.patch(f"/api/characters/{mine['character']}", json={"alternate_greetings": ["Rewritten."]})
    page = browser.see(place)
    assert (greeting(page), offered(page)) == ("Second, Alice.", [])
    # Without a program the form of the conversation's page goes on from here; one that still holds the choice does too.
    answer = browser.press(f"{place}/send", on=place, **fields | {"content": "And on."})
    assert answer.status_code == 303
    assert greeting(browser.see(place)) == "Second, Alice."


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"greeting": "1", "temperature": "9"}, "Second."),
        ({"greeting": "7"}, "First."),
        ({"greeting": "x"}, "First."),
    ],
)
def test_a_refused_beginning_shows_what_was_chosen(
    browser: Browser, alice: Person, fields: dict[str, str], text: str
) -> None:
    mine = an_instance(alice, greeting="First.", alternate_greetings=["Second."])
    answer = browser.press("/send", on="/", content="Kept words.", instance=mine["id"], **fields)
    assert answer.status_code == 400
    assert greeting(answer.text) == text
    assert "Kept words." in answer.text
    assert alice.client.get("/api/conversations").json()["results"] == []


def test_a_silent_one_is_announced_until_something_is_said(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice)
    assert greeting(browser.see(f"/?instance={mine['id']}")) == "Sancho is here. Begin wherever you like."
    talk = alice.client.post("/api/conversations", json={"instance": mine["id"]}).json()["id"]
    assert greeting(browser.see(f"/c/{talk}")) == "Sancho is here. Begin wherever you like."
    alice.client.post(f"/api/conversations/{talk}/messages", json={"content": "Good evening."})
    assert greeting(browser.see(f"/c/{talk}")) is None


def test_it_stays_when_its_speaker_is_gone(browser: Browser, alice: Person) -> None:
    mine = an_instance(alice, greeting="First.")
    talk = alice.client.post("/api/conversations", json={"instance": mine["id"]}).json()["id"]
    alice.client.post(f"/api/conversations/{talk}/messages", json={"content": "Good evening."})
    alice.client.delete(f"/api/instances/{mine['id']}")
    assert greeting(browser.see(f"/c/{talk}")) == "First."


def test_it_stands_where_the_beginning_is_shown(browser: Browser, alice: Person, long_talk: str) -> None:
    end = browser.see(f"/c/{long_talk}")
    assert greeting(end) is None
    earlier = re.search(r'href="(/c/[^"]+before=[^"#]+)', end)
    assert earlier
    assert greeting(browser.see(html.unescape(earlier[1]))) == "First."


@pytest.fixture
def long_talk(alice: Person) -> str:
    """A conversation of more messages than a page shows."""
    mine = an_instance(alice, greeting="First.")
    talk: str = alice.client.post("/api/conversations", json={"instance": mine["id"]}).json()["id"]
    conversation = Conversation.objects.get(id=talk)
    conversation.leaf = a_chain(conversation, 70)[-1]
    conversation.save()
    return talk
