"""The chat on a small touch screen: the list lies over the page; the screen's keys go when they are not needed."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.steps import say, script, wait_for_end
from tests.browser.test_accessibility import check
from tests.people import Person

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def page(visit: Open, alice: Person) -> Page:
    """A conversation that is longer than the screen, read somewhere in its middle."""
    page = visit(alice, **PHONE)
    say(page, script(text="\n\n".join(f"Paragraph {number}" for number in range(60))))
    wait_for_end(page)
    page.evaluate("scrollTo(0, 400)")
    return page


def open_list(page: Page) -> None:
    # Not by Playwright's click, which first scrolls the page.
    page.evaluate("document.querySelector('[data-sidebar-open]').click()")
    expect(page.locator(".sidebar")).to_be_visible()


def expect_closed(page: Page) -> None:
    expect(page.locator(".sidebar")).to_be_hidden()
    expect(page.locator("[data-sidebar-open]")).to_be_focused()
    assert page.evaluate("scrollY") == 400


def test_the_open_list_holds_the_keyboard(page: Page) -> None:
    open_list(page)
    expect(page.locator(".sidebar .wordmark")).to_be_focused()
    assert page.evaluate("document.querySelector('#main').inert")
    check(page)
    page.locator(".sidebar-close").click()
    expect_closed(page)
    assert not page.evaluate("document.querySelector('#main').inert")


def test_one_escape_closes_one_thing(page: Page) -> None:
    open_list(page)
    page.locator(".me > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".me")).not_to_have_attribute("open", "")
    expect(page.locator(".sidebar")).to_be_visible()
    page.keyboard.press("Escape")
    expect_closed(page)


def test_the_browsers_back_closes_the_list(page: Page) -> None:
    address = page.url
    open_list(page)
    page.evaluate("history.back()")
    expect_closed(page)
    assert page.url == address


def test_a_touch_beside_the_list_closes_it(page: Page) -> None:
    open_list(page)
    page.touchscreen.tap(380, 500)
    expect_closed(page)


def test_a_sent_message_takes_the_keys_of_the_screen_away(page: Page) -> None:
    say(page, "hello")
    expect(page.locator("#content")).not_to_be_focused()
    wait_for_end(page)
