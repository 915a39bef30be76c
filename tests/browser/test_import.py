"""Bringing conversations in a real browser: with the program and without it, to the first message that came in."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import check
from tests.chat import exports
from tests.people import Person


def choose(page: Page, name: str, content: bytes) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "application/octet-stream", "buffer": content})


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["program", "plain"])
def test_a_file_comes_in(visit: Open, alice: Person, options: dict[str, Any]) -> None:
    page = visit(alice, "/accounts/data", **options)
    choose(page, "export.zip", exports.zipped({"conversations.json": [exports.chatgpt()], "user.json": {}}))
    with page.expect_navigation():
        page.get_by_role("button", name="Bring them in").click()
    expect(page.get_by_role("status").first).to_have_text("5 messages came in.")
    expect(page.get_by_role("row", name="user.json")).to_contain_text("not taken")
    page.get_by_role("link", name="Tertulias").click()
    expect(page.locator("#thread > .turn")).to_have_count(4)
    expect(page.locator("#thread > .answer").first).to_contain_text("A meeting of friends who talk.")


def test_the_form_says_that_it_works_and_is_sent_once(visit: Open, alice: Person) -> None:
    page = visit(alice, "/accounts/import")
    page.evaluate(
        "document.querySelector('form[data-import]').addEventListener('submit', (e) => e.preventDefault())"
    )
    choose(page, "chat.jsonl", exports.silly_tavern())
    page.get_by_role("button", name="Bring them in").click()
    expect(page.locator("[data-import-busy]")).to_contain_text("Reading the file.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_accessible(visit: Open, alice: Person, watch: Any, scheme: str) -> None:
    page = visit(alice, "/accounts/import", color_scheme=scheme, viewport={"width": 390, "height": 800})
    watch.allowed.append("400")
    choose(page, "diary.txt", b"Dear diary,")
    page.get_by_role("button", name="Bring them in").click()
    expect(page.locator("#file-error")).to_be_visible()
    check(page)
    choose(page, "c.json", json.dumps([exports.chatgpt(), {"mapping": {}}]).encode())
    page.get_by_role("button", name="Bring them in").click()
    expect(page.get_by_role("status").first).to_be_visible()
    check(page)
