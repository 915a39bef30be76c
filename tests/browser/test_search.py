"""Finding one's own conversations, with and without a program in the browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, change
from tests.browser.steps import say, wait_for_end
from tests.browser.test_accessibility import LOOKS, check
from tests.people import Person

PLAIN = {"java_script_enabled": False}


def talk(person: Person, *messages: str, title: str = "") -> str:
    conversation = person.client.post("/api/conversations", json={"title": title}).json()["id"]
    for content in messages:
        person.client.post(f"/api/conversations/{conversation}/messages", json={"content": content})
    return str(conversation)


def test_from_the_list_to_the_place_where_it_was_said(visit: Open, alice: Person) -> None:
    change(alice, daily_quota=100)
    conversation = talk(alice, "Tell me of the windmill", *(f"and of thing {n}" for n in range(12)))
    page = visit(alice)
    page.get_by_label("Search your conversations").fill("WINDMILL tell")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=WINDMILL\+tell$"))
    question = page.locator(".hits > li").last
    expect(question.locator("mark")).to_have_text(["Tell", "windmill"])
    expect(question.locator(".hint")).to_contain_text("You ·")
    question.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/c/{conversation}"))
    expect(page.locator(".bubble", has_text="windmill")).to_be_in_viewport()
    say(page, "and what else?")
    wait_for_end(page)


def test_without_a_program(visit: Open, alice: Person) -> None:
    talk(alice, "어제 물레방아를 보았다", title="물레방아 이야기")
    page = visit(alice, **PLAIN)
    page.fill("#find", "물레방아")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Conversations", "What was said"])
    page.get_by_role("link", name="물레방아 이야기").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("물레방아 이야기")


def test_older_ones_are_a_link_away(visit: Open, alice: Person) -> None:
    change(alice, daily_quota=100)
    talk(alice, *(f"cherry {number}" for number in range(16)))
    page = visit(alice, "/search?q=cherry")
    expect(page.locator(".hits > li")).to_have_count(30)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".hits > li")).to_have_count(2)
    expect(page.locator(".hit").last).to_have_text("cherry 0")


def test_what_is_shown_is_text(visit: Open, alice: Person) -> None:
    talk(alice, "a <img src=x onerror=alert(1)> pomegranate <b>")
    page = visit(alice, "/search?q=%3Cimg")
    expect(page.locator(".hit").last).to_have_text("a <img src=x onerror=alert(1)> pomegranate <b>")
    expect(page.locator("main img, main b")).to_have_count(0)


def test_nothing_found_and_too_much_asked(visit: Open, alice: Person, watch: Any) -> None:
    watch.allowed.append("400")
    page = visit(alice, "/search?q=unheard-of")
    expect(page.get_by_text("Nothing was found.")).to_be_visible()
    page.goto("/search?before=nothing")
    expect(page.locator("#q")).to_be_focused()
    page.goto(f"/search?q={'x' * 201}")
    expect(page.get_by_role("alert")).to_contain_text("At most 200 characters")
    expect(page.locator("#q")).to_have_value("x" * 201)


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_axe_finds_nothing_and_nothing_is_too_wide(visit: Open, alice: Person, look: dict[str, Any]) -> None:
    talk(alice, "plums " + "x" * 300, "plums again", title="plums " + "w" * 150)
    page = visit(alice, **look)
    for path in ("/search?q=plums", "/search?q=absent", "/search"):
        page.goto(path)
        check(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
