"""Makes the README's pictures of the chat: `python tools/pictures.py`, in an environment with the tests' packages.

A fresh instance without a language model, so that what is seen is what everybody sees after the first start.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import browsers

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images"

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 820}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
LOOKS: dict[str, dict[str, Any]] = {
    "chat": {**WIDE, "color_scheme": "light"},
    "chat-dark": {**WIDE, "color_scheme": "dark"},
    "chat-phone": {**PHONE, "color_scheme": "light"},
}
# With whom, and what is said; the last one is shown.
EVENING = [
    ("", "Find me a line about rain."),
    ("paloma-language-partner", "사랑에 대한 대사 있어?"),
    ("", "Что говорят о доме?"),
    ("quote-librarian", "Who speaks of the sea, and of storms?"),
]


def main() -> None:
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=["--no-sandbox"])
        take_pictures(browser, url)


@contextmanager
def served() -> Iterator[str]:
    """The address of an instance of its own, while it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "TERTULIA_DATA": folder,
            "TERTULIA_DEFAULT_MODEL": "offline",
            "OPENAI_API_KEY": "",
            "OPENAI_BASE_URL": "",
        }
        command = [sys.executable, "-m", "tertulia", "serve", "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | told, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://\S+[^/\s]", line)))
        finally:
            server.terminate()
            server.wait(30)


def take_pictures(browser: Browser, url: str) -> None:
    context = browser.new_context(base_url=url, locale="en-US", **WIDE)
    page = context.new_page()
    join(page)
    for character, text in EVENING:
        say(page, character, text)
    for name, look in LOOKS.items():
        seen = browser.new_context(locale="en-US", storage_state=context.storage_state(), **look).new_page()
        seen.goto(page.url)
        expect(seen.locator("html[data-enhanced]")).to_be_attached()
        seen.locator("#content").blur()
        seen.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def join(page: Page) -> None:
    page.goto("/accounts/join")
    for field, value in {
        "email": "ana@example.org",
        "nickname": "Ana",
        "password": "an evening in good company",
    }.items():
        page.fill(f"#{field}", value)
    with page.expect_navigation():
        page.click("main button.primary")


def say(page: Page, character: str, text: str) -> None:
    page.goto(f"/characters/{character}" if character else "/")
    if character:
        with page.expect_navigation():
            page.get_by_role("button", name="Talk").first.click()
    page.fill("#content", text)
    page.press("#content", "Enter")
    expect(page.locator("#thread > .answer")).to_have_attribute("data-status", "complete", timeout=30_000)


if __name__ == "__main__":
    main()
