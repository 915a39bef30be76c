"""The quote board in the browser: from a proposal to its citation, with and without a program; axe finds nothing."""

import itertools
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watch, change
from tests.browser.steps import answer, prose, say, script, wait_for_end
from tests.browser.test_accessibility import LOOKS, check
from tests.people import Person

PLAIN = {"java_script_enabled": False}

_number = itertools.count(1)


def a_word() -> str:
    """A word that no other test uses."""
    return f"w{os.getpid()}x{next(_number)}z"


@pytest.fixture
def mona(join: Callable[..., Person]) -> Person:
    """Staff; made so in a thread, because Playwright keeps an event loop in this one."""
    person = join("mona")
    change(person, is_staff=True)
    return person


def propose(page: Page, content: str, **words: str) -> None:
    page.goto("/quotes/new")
    for name, text in {"content": content, **words}.items():
        page.fill(f"#{name}", text)
    with page.expect_navigation():
        page.get_by_role("button", name="Propose", exact=True).click()


def applied(author: Person, mona: Person, content: str, **words: str) -> str:
    """The id of a line that staff have applied."""
    item = author.client.post("/quote", json={"content": content, **words}).json()
    assert mona.client.put(f"/quote/{item['id']}", json={"is_apply": True}).status_code == 201
    return str(item["id"])


@pytest.mark.parametrize("program", [True, False], ids=["program", "plain"])
def test_from_a_proposal_to_its_citation(
    visit: Open, alice: Person, bob: Person, mona: Person, program: bool
) -> None:
    word, options = a_word(), {"java_script_enabled": program}
    # Two lines that are nearly the same would be asked about.
    content = f"The {word} keeps what the tide forgets." if program else f"Ask the {word} for a colder lemon."
    author = visit(alice, "/quotes", **options)
    propose(author, content, speaker="Ines", source="The Last Ferry")
    expect(author.locator(".quotation.large")).to_contain_text(content)
    expect(author.locator(".line-facts")).to_contain_text("waits for a decision")
    number = author.url.rpartition("/")[2]

    staff = visit(mona, "/quotes/queue", **options)
    row = staff.locator(".line", has_text=content)
    row.get_by_role("checkbox").check()
    with staff.expect_navigation():
        staff.get_by_role("button", name="Apply the ticked ones").click()
    expect(staff.locator(".notice.good")).to_contain_text("1 line is applied.")

    author.goto("/")
    if program or author.locator(".places .count").is_visible():
        expect(author.locator(".places .count")).to_contain_text("1")
    author.goto("/quotes?mine=true")
    expect(author.locator(".news")).to_contain_text(f"{content} is applied.")
    with author.expect_navigation():
        author.get_by_role("button", name="Good to know").click()
    expect(author.locator(".news")).to_have_count(0)

    reader = visit(bob, **options)
    asked = f"{content} {script(text='[1]')}"
    if program:
        say(reader, asked)
        wait_for_end(reader)
    else:
        reader.fill("#content", asked)
        with reader.expect_navigation():
            reader.click("#send")
    _is_cited(reader, content)
    reader.reload()
    _is_cited(reader, content)
    with reader.expect_navigation():
        answer(reader).locator(".cited a").click()
    expect(reader).to_have_url(re.compile(f"/quotes/{number}$"))
    expect(reader.locator(".quotation.large")).to_contain_text(content)


def _is_cited(page: Page, content: str) -> None:
    """The answer's sources show the line as a set quotation, with speaker, work and the proposer's nickname."""
    cited = answer(page).locator(".cited")
    expect(cited.locator("blockquote")).to_have_text(content)
    expect(cited.locator("figcaption")).to_have_text("1 Ines — The Last Ferry · proposed by Alice")


def test_an_offline_answer_consists_of_its_citations(
    visit: Open, alice: Person, bob: Person, mona: Person
) -> None:
    word = a_word()
    content = f"The {word} sells umbrellas to the rain."
    applied(alice, mona, content, speaker="Odile")
    page = visit(bob)
    page.click("#options > summary")
    page.select_option("#model", "offline")
    page.keyboard.press("Escape")
    say(page, f"the {word}")
    wait_for_end(page)
    for _look in ("live", "reloaded"):
        expect(prose(page).locator("blockquote")).to_contain_text(content)
        expect(answer(page).locator(".cited blockquote")).to_be_hidden()
        expect(answer(page).locator(".cited figcaption")).to_have_text("1 Odile · proposed by Alice")
        page.reload()


def test_nearly_equal_lines_show_while_one_types(visit: Open, alice: Person, bob: Person) -> None:
    word = a_word()
    content = f"The {word} porter counts lamps and never sleeps"
    alice.client.post("/quote", json={"content": content})
    page = visit(bob, "/quotes/new")
    page.fill("#content", f"The {word} porter counts the lamps, never sleeps")
    expect(page.locator("#similar a")).to_have_text(content)
    with page.expect_navigation():
        page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.locator(".notice.good")).to_contain_text("Thank you.")


def test_nearly_equal_lines_are_asked_about_without_a_program(
    visit: Open, alice: Person, bob: Person
) -> None:
    word = a_word()
    content = f"The {word} baker owes seven buttons to the moon"
    alice.client.post("/quote", json={"content": content})
    page = visit(bob, "/quotes/new", **PLAIN)
    propose(page, f"The {word} baker owes the moon seven buttons")
    expect(page.locator("#similar a")).to_have_text(content)
    expect(page.locator("#content")).to_have_value(f"The {word} baker owes the moon seven buttons")
    with page.expect_navigation():
        page.get_by_role("button", name="Propose it all the same").click()
    expect(page.locator(".notice.good")).to_contain_text("Thank you.")


def test_a_returned_line_comes_back_with_its_reason(visit: Open, alice: Person, mona: Person) -> None:
    word = a_word()
    number = alice.client.post("/quote", json={"content": f"Nobody owns the {word}"}).json()["id"]
    staff = visit(mona, f"/quotes/{number}")
    staff.get_by_text("Return…").click()
    staff.get_by_label("Why, so that the author can do better").fill("Who says it?")
    with staff.expect_navigation():
        staff.get_by_role("button", name="Return it").click()
    page = visit(alice, "/quotes?mine=true")
    expect(page.locator(".line .note")).to_contain_text("Returned: Who says it?")
    page.get_by_role("link", name="Change the line").click()
    page.fill("#speaker", "The night porter")
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()
    expect(page.locator(".line-facts")).to_contain_text("waits for a decision")


def test_the_keyboard_alone_proposes_a_line(visit: Open, alice: Person) -> None:
    page, word = visit(alice, "/quotes/new"), a_word()
    page.focus("#content")
    page.keyboard.type(f"The {word} needs no mouse")
    page.keyboard.press("Tab")
    page.keyboard.type("Ana")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator(".quotation.large")).to_contain_text(f"The {word} needs no mouse")
    expect(page.locator("figcaption")).to_have_text("Ana")


def test_all_boxes_at_once(visit: Open, alice: Person, mona: Person) -> None:
    for _each in range(2):
        alice.client.post("/quote", json={"content": f"A line about {a_word()}"})
    page = visit(mona, "/quotes/queue")
    page.get_by_label("All on this page").check()
    boxes = page.locator("input[name=ids]")
    assert all(boxes.nth(number).is_checked() for number in range(boxes.count()))


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_axe_finds_nothing(
    visit: Open, alice: Person, bob: Person, mona: Person, watch: Watch, look: dict[str, Any]
) -> None:
    watch.allowed.append("400")
    word = a_word()
    number = applied(alice, mona, f"바다는 {word} 잊지 않는다", speaker="단장", source="시험", mood="calm")
    waiting = bob.client.post("/quote", json={"content": f"One that waits {word}"}).json()["id"]
    bob.client.post(f"/quote/{number}/report", json={"reason": "A reason."})
    mona.client.put(f"/quote/{waiting}", json={"returned_reason": "Why?"})
    staff = visit(mona, "/quotes", **look)
    for path in ("/quotes", f"/quotes/{number}", "/quotes/queue", "/quotes/reports", "/quotes/import"):
        staff.goto(path)
        check(staff)
        _fits(staff)
    page = visit(bob, "/quotes/new", **look)
    page.fill("#content", f"One that waits, {word}")
    expect(page.locator("#similar a")).to_be_visible()
    check(page)
    for path in ("/quotes?mine=true", "/quotes?language=tlh", f"/quotes?q={word}", f"/quotes/{waiting}"):
        page.goto(path)
        check(page)
        _fits(page)
    page.goto("/")
    say(page, f"바다는 {word} 잊지 않는다 {script(text='[1]')}")
    wait_for_end(page)
    expect(answer(page).locator(".cited figcaption")).to_contain_text("proposed by Alice")
    check(page)


def _fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert page.viewport_size
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
