"""The browser of the programme: a real Chromium that reaches the servers under test and, beyond them, only the sink."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests import browsers
from tests.acceptance import clients
from tests.acceptance.clients import PASSWORD, Client, Person
from tests.acceptance.sink import Sink
from tests.acceptance.stage import World

# A process for each page of a hundred would cost a good part of the time.
ARGUMENTS = ("--no-sandbox", "--renderer-process-limit=3")
TIMEOUT_MS = 20_000
# Chromium's own services, which a profile without a network's past asks for now and then; no page of ours does.
_ITS_OWN = ("*.googleapis.com", "*.google.com", "*.gvt1.com")
# Runs in every page before its own scripts: it writes down what must not happen.
WATCH = Path(__file__).with_name("watch.js")


@asynccontextmanager
async def chromium(sink: Sink) -> AsyncIterator[Browser]:
    """A browser for which every host but 127.0.0.1 is the sink."""
    rules = [
        *(f"MAP {host} ~NOTFOUND" for host in _ITS_OWN),
        f"MAP * 127.0.0.1:{sink.port}",
        "EXCLUDE 127.0.0.1",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browsers.chromium(),
            args=[*ARGUMENTS, f"--host-resolver-rules={', '.join(rules)}"],
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass  # without slots: Playwright marks the objects whose methods it calls
class Watch:
    """What the pages of one context did that an answer must not make them do.

    `executions` are calls of the marker, `breaches` what the content security policy stopped, `globals` names that
    a page's window has gained, `navigations` documents that were asked for, `errors` exceptions of our own program.
    """

    executions: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    navigations: list[str] = field(default_factory=list)
    popups: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    # The last request, and when it was begun.
    asked: tuple[str, float] = ("", 0.0)

    async def quiet(self, seconds: float = 0.5) -> None:
        """Until no request has been begun for so long; raises TimeoutError naming the last one.

        Not Playwright's `networkidle`, which waits for the ends of all of them: beside other work one got lost.
        """
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while time.monotonic() - self.asked[1] < seconds:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the page goes on asking, for {self.asked[0]} last")
            await asyncio.sleep(0.05)

    async def follow(self, context: BrowserContext) -> None:
        await context.expose_binding("report", self._reported)
        await context.add_init_script(path=WATCH)
        context.on("dialog", lambda dialog: self.dialogs.append(f"{dialog.type}: {dialog.message}"))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", self._requested)
        context.on("page", self._opened)

    def _reported(self, source: Any, kind: str, told: str) -> None:
        {"execution": self.executions, "breach": self.breaches}[kind].append(told)

    def _requested(self, request: Any) -> None:
        self.asked = (request.url, time.monotonic())
        if request.is_navigation_request():
            self.navigations.append(request.url)

    def _opened(self, page: Page) -> None:
        if page.url not in ("", "about:blank"):
            self.popups.append(page.url)


@dataclass(slots=True)
class Visitor:
    """A browser context of its own, signed in or not, and the watch over it."""

    context: BrowserContext
    watch: Watch
    url: str

    async def open(self, path: str = "/") -> Page:
        page = await self.context.new_page()
        await page.goto(self.url + path)
        return page


async def visitor(
    browser: Browser, world: World, person: Person | None = None, *, server: int = 0, **options: Any
) -> Visitor:
    """A new browser context at one of the servers, with the person's session cookie if there is a person."""
    url = world.servers[server].url
    context = await browser.new_context(base_url=url, locale="en-US", **options)
    context.set_default_timeout(TIMEOUT_MS)
    watch = Watch()
    await watch.follow(context)
    if person is not None:
        await context.add_cookies(await session_cookies(world.at(server), person))
    return Visitor(context, watch, url)


async def session_cookies(client: Client, person: Person) -> list[Any]:
    """The cookies of a fresh sign-in, as Playwright takes them."""
    signed_in = await clients.sign_in_by_cookie(client, person.email)
    pairs = [pair.partition("=") for pair in signed_in.headers["Cookie"].split("; ")]
    return [{"name": name, "value": value, "url": client.url} for name, _, value in pairs]


async def sign_in(page: Page, person: Person) -> None:
    """Fill in the sign-in form that the page shows."""
    await page.fill("#email", person.email)
    await page.fill("#password", PASSWORD)
    await page.click("main button.primary")


# --- What people do on the chat page --------------------------------------------------------------------------------


def script(**told: object) -> str:
    """A message that tells the scripted provider what to do."""
    return f"!script {json.dumps(told)}"


async def say(page: Page, text: str) -> None:
    await page.fill("#content", text)
    await page.press("#content", "Enter")


async def wait_for_answers(page: Page, count: int, seconds: float = 30) -> None:
    """Until so many answers are shown and none of them grows any more."""
    await page.wait_for_function(
        """count => {
          const answers = [...document.querySelectorAll("#thread > .answer")];
          return answers.length >= count && answers.every(each => !each.hasAttribute("aria-busy"));
        }""",
        arg=count,
        timeout=seconds * 1000,
    )


async def wait_for_word(page: Page, word: str) -> None:
    """Until the last answer shows this word."""
    await page.wait_for_function(
        "word => [...document.querySelectorAll('#thread > .answer [data-prose]')].at(-1)?.textContent.includes(word)",
        arg=word,
    )
