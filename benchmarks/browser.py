"""What a reader's browser has to do: a cold page, a long answer as it arrives, a long conversation. In Chromium."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from playwright.async_api import Browser, CDPSession, Locator, Page, async_playwright

from benchmarks.essay import LAST_WORDS
from benchmarks.instance import Instance, beside, instance
from benchmarks.report import Figures, Report
from tests import browsers
from tests.acceptance.waiting import until

# So long the answer takes; in 12,477 pieces as from a local model, or in 1,248 of some words each.
SECONDS = 7.0
LONG_CONVERSATION = 2_000
# What comes after the last piece (highlighting, the list's refresh) has ended by then.
SETTLE_SECONDS = 2.0
PROGRAM = Path(__file__).with_name("watch.js")


async def measure(report: Report, only: frozenset[str]) -> None:
    async with (
        beside("benchmarks.author") as (_, author),
        instance(report, OPENAI_BASE_URL=f"{author}/v1") as tested,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=browsers.chromium(), args=["--no-sandbox"])
        reader = Reader(browser, tested, author)
        for name, case in CASES.items():
            if not only or name in only:
                report.show(name, [await case(reader) for _ in range(report.repeat)])
        await browser.close()


class Reader:
    """A person with a fresh browser for each measurement."""

    def __init__(self, browser: Browser, tested: Instance, author: str) -> None:
        self._browser = browser
        self._tested = tested
        self._author = author

    async def cold_page(self) -> Figures:
        """The chat page with nothing in any cache, until its program runs and until nothing more comes."""
        [person] = self._tested.seeded("people", 1)
        async with self._page(person) as (page, devtools):
            wire = Wire(devtools)
            await page.goto("/", wait_until="networkidle")
            noted = await page.evaluate("noted")
            paint = await page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
            )
            return {
                "requests": wire.requests,
                "kb": wire.bytes / 1000,
                "first_paint_s": _seconds(paint),
                "usable_s": _seconds(noted["usable"]),
                "elements": await _elements(page),
            }

    async def long_answer(self, pieces: int) -> Figures:
        """Ask, and watch 50 KB arrive."""
        [person] = self._tested.seeded("people", 1)
        async with self._page(person) as (page, devtools):
            await page.goto("/", wait_until="networkidle")
            await page.evaluate("noteChanges()")
            before = await _metrics(devtools)
            await page.fill("#content", f"pieces {pieces} in {SECONDS} seconds")
            asked = time.time()
            await page.click("#send")
            finished = await self._finished(asked)
            await self._complete(page)
            after = await _metrics(devtools)
            noted = await page.evaluate("noted")
            return {
                "on_screen_s": noted["changed"] - finished,
                "main_thread_s": after["TaskDuration"] - before["TaskDuration"],
                "script_s": after["ScriptDuration"] - before["ScriptDuration"],
                "style_s": after["RecalcStyleDuration"] - before["RecalcStyleDuration"],
                "layout_s": after["LayoutDuration"] - before["LayoutDuration"],
                "tasks_over_50_ms": len(noted["longTasks"]),
                "tasks_over_100_ms": sum(duration > 100 for duration in noted["longTasks"]),
                "longest_ms": max(noted["longTasks"], default=0),
                "heap_mb": after["JSHeapUsedSize"] / 1e6,
                "elements": await _elements(page),
            }

    async def long_conversation(self) -> Figures:
        """Open it at its end, then go back to its beginning."""
        [person] = self._tested.seeded("branch", LONG_CONVERSATION)
        async with self._page(person) as (page, devtools):
            wire = Wire(devtools)
            await page.goto(f"/c/{person['conversation']}", wait_until="networkidle")
            noted = await page.evaluate("noted")
            opened = {
                "usable_s": _seconds(noted["usable"]),
                "kb": wire.bytes / 1000,
                "elements": await _elements(page),
            }
            begun = time.monotonic()
            presses = []
            while await page.locator("[data-earlier]").count():
                presses.append(await self._earlier(page, devtools))
            to_first = time.monotonic() - begun
            return {
                **opened,
                "to_first_s": to_first,
                "press_main_thread_ms": median(presses),
                "first_press_main_thread_ms": presses[0],
                "last_press_main_thread_ms": presses[-1],
                "elements_at_first": await _elements(page),
            }

    async def _earlier(self, page: Page, devtools: CDPSession) -> float:
        """One part further back, until its messages are in the page; milliseconds of the page's main thread."""
        turns = page.locator("#thread > li")
        before, working = await turns.count(), (await _metrics(devtools))["TaskDuration"]
        # Not Playwright's click, which would make the page work to find the place to click at.
        await page.evaluate("document.querySelector('[data-earlier]').click()")
        await until(lambda: _grown(turns, before), 60, pause=0.01)
        return ((await _metrics(devtools))["TaskDuration"] - working) * 1000

    @asynccontextmanager
    async def _page(self, person: dict[str, str]) -> AsyncIterator[tuple[Page, CDPSession]]:
        context = await self._browser.new_context(
            base_url=self._tested.url, viewport={"width": 1280, "height": 900}
        )
        await context.add_cookies([{"name": "session", "value": person["session"], "url": self._tested.url}])
        await context.add_init_script(path=PROGRAM)
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "timeTicks"})
        try:
            yield page, devtools
        finally:
            await context.close()

    async def _finished(self, asked: float) -> float:
        """When the author sent the last piece. Asked of it, because watching the page would be work of the page."""

        async def told() -> float:
            async with session.get("/finished") as response:
                at = float(await response.json())
            return at if at > asked else 0.0

        async with aiohttp.ClientSession(self._author) as session:
            return await until(told, 120, pause=0.2)

    async def _complete(self, page: Page) -> None:
        """Wait, looking seldom, until the whole answer is there and all that follows it is done."""
        answer = page.locator("#thread [data-role=assistant][data-status=complete] [data-prose]")
        await asyncio.sleep(SETTLE_SECONDS)
        await until(lambda: _ends_with(answer, LAST_WORDS), 120, pause=SETTLE_SECONDS)


CASES: dict[str, Callable[[Reader], Awaitable[Figures]]] = {
    "cold-page": Reader.cold_page,
    "12477-pieces": lambda reader: reader.long_answer(12_477),
    "1248-pieces": lambda reader: reader.long_answer(1_248),
    "2000-messages": Reader.long_conversation,
}


class Wire:
    """What a page loads, counted from now on: requests, and bytes as they travelled, heads included."""

    def __init__(self, devtools: CDPSession) -> None:
        self.requests = 0
        self.bytes = 0.0
        devtools.on("Network.requestWillBeSent", self._sent)
        devtools.on("Network.loadingFinished", self._finished)
        self._enabled = asyncio.ensure_future(devtools.send("Network.enable"))

    def _sent(self, event: dict[str, Any]) -> None:
        self.requests += not event["request"]["url"].startswith("data:")

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    """Seconds of the main thread by kind, and sizes, as Chromium counts them."""
    told = await devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in told["metrics"]}


async def _elements(page: Page) -> int:
    return int(await page.evaluate("document.querySelectorAll('*').length"))


async def _grown(turns: Locator, before: int) -> bool:
    return await turns.count() > before


async def _ends_with(answer: Locator, words: str) -> bool:
    return bool(await answer.count()) and (await answer.last.inner_text()).endswith(words)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
