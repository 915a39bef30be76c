"""What people do on the chat page, for the browser tests."""

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.people import Person


def script(**told: Any) -> str:
    """A message that tells the scripted provider what to do."""
    return f"!script {json.dumps(told)}"


def say(page: Page, text: str) -> None:
    page.fill("#content", text)
    page.press("#content", "Enter")


def answer(page: Page, number: int = -1) -> Locator:
    return page.locator("#thread > .answer").nth(number)


def prose(page: Page, number: int = -1) -> Locator:
    return answer(page, number).locator("[data-prose]")


def wait_for_end(page: Page, status: str = "complete") -> None:
    expect(answer(page)).to_have_attribute("data-status", status, timeout=15_000)


def conversation_in(page: Page) -> str:
    """The id of the conversation that a page shows."""
    return page.url.split("/c/")[1][:36]


def stored(person: Person, page: Page) -> list[dict[str, Any]]:
    """The messages of the page's conversation as the API has them, oldest first."""
    listed = person.client.get(f"/api/conversations/{conversation_in(page)}/messages").json()
    return sorted(listed["results"], key=lambda message: message["id"])
