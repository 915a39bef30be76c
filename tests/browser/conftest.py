"""A real browser in front of the real server. Every page that a test opens is watched: an error on the console, an
exception, a request to another host or a breach of the content security policy fails the test.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import browsers
from tests.people import PASSWORD, Person

TIMEOUT_MS = 15_000
# As patient where a page is looked at as where it is acted on: a busy machine is no fault of the page.
expect.set_options(timeout=TIMEOUT_MS)

Open = Callable[..., Page]
T = TypeVar("T")

_REPORT_BREACHES = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`breach of ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def browser(server: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Watch:
    """What went wrong in the pages of one test. `allowed` are parts of messages that the test provokes."""

    def __init__(self, server: str) -> None:
        self.host = urlsplit(server).netloc
        self.faults: list[str] = []
        self.allowed: list[str] = []

    def follow(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: self._note(str(error.error)))
        context.on("request", lambda request: self._check(request.url))

    def _note(self, text: str) -> None:
        self.faults.append(text)

    def _check(self, url: str) -> None:
        if urlsplit(url).netloc not in ("", self.host):
            self.faults.append(f"request to another host: {url}")

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(part in fault for part in self.allowed)]


@pytest.fixture
def watch(server: str) -> Iterator[Watch]:
    watch = Watch(server)
    yield watch
    assert watch.unexpected == []


@pytest.fixture
def new_context(browser: Browser, server: str, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts, each with cookies of its own."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"base_url": server, "locale": "en-US", **options})
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(_REPORT_BREACHES)
        watch.follow(context)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Open:
    """Signs somebody in on a browser of their own and opens a page."""

    def open_page(person: Person, path: str = "/", **options: Any) -> Page:
        page = new_context(**options).new_page()
        sign_in(page, person, path)
        return page

    return open_page


def change(person: Person, **values: object) -> None:
    """Set columns of an account, as an operator would. In a thread: Playwright keeps an event loop in this one,
    where Django refuses to ask the database.
    """
    from tertulia.accounts.models import User  # after Django's set-up

    in_thread(User.objects.filter(id=person.id).update, **values)


def interrupt(person: Person) -> None:
    """Make the person's answers look like those of a process that died."""
    from tertulia.chat.models import Message  # after Django's set-up

    in_thread(Message.objects.filter(user_id=person.id, role="assistant").update, status="interrupted")


def in_thread(deed: Callable[..., T], **values: object) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(deed, **values).result()


def sign_in(page: Page, person: Person, path: str = "/") -> None:
    page.goto(f"/accounts/login?next={path}")
    page.fill("#email", person.email)
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    # Not by its end alone: the page of the form has it at the end of its own address.
    page.wait_for_url(lambda address: urlsplit(address)._replace(scheme="", netloc="").geturl() == path)
