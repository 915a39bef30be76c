"""F4: whoever leaves in mid-answer, however it happens, finds the whole answer and their draft on coming back.

Played by the programme through `items`.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page
from playwright.async_api import TimeoutError as PageTimeout

from tests.acceptance.chromium import (
    Visitor,
    chromium,
    say,
    script,
    sign_in,
    visitor,
    wait_for_answers,
    wait_for_word,
)
from tests.acceptance.clients import Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage

# So many people at a time; each has a browser context of their own.
PEOPLE = 4
WORDS, RATE = 60, 60
# The answer has this long to go when it is left.
LAST_MOMENT = 0.8


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who reads an answer that is being written, with half a message in the composer."""

    reader: Visitor
    person: Person
    page: Page
    draft: str


# What happens in mid-answer; returns the pages on which everything must then be found.
Deed = Callable[[Visit], Awaitable[list[Page]]]


async def interrupted_readers(stage: Stage) -> Outcome:
    """Each way of leaving so many times, at random moments."""
    outcome = Outcome()
    waiting = [(name, deed) for name, (deed, times) in DEEDS.items() for _ in range(times)]
    stage.random.shuffle(waiting)
    numbers = itertools.count(1)
    faults: list[str] = []
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:

        async def lane() -> None:
            person = await world.join("reader")
            # Who wants no motion: drawing it would be a tenth of the browser's work.
            reader = await visitor(browser, world, person, reduced_motion="reduce")
            while waiting:
                name, deed = waiting.pop()
                moment = stage.random.uniform(0, LAST_MOMENT)
                found = await _leave(reader, person, deed, moment, next(numbers))
                faults.extend(f"{name} after {moment:.2f} s: {fault}" for fault in found)
            faults.extend(f"error in a page: {error}" for error in reader.watch.errors)

        await asyncio.gather(*(lane() for _ in range(PEOPLE)))
        outcome.exactly("visits", next(numbers) - 1, sum(times for _, times in DEEDS.values()))
        outcome.none_of("faults", faults)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _leave(reader: Visitor, person: Person, deed: Deed, moment: float, number: int) -> list[str]:
    page = reader.context.pages[0] if reader.context.pages else await reader.context.new_page()
    await page.goto(reader.url + "/")
    text = " ".join(f"{word}-{number}-{place}" for place, word in zip(range(WORDS), _WORDS, strict=False))
    await say(page, script(text=text, rate=RATE))
    await wait_for_word(page, f"-{number}-1")
    await page.wait_for_url("**/c/*")
    draft = f"half a thought, number {number} …"
    await page.fill("#content", draft)
    await asyncio.sleep(moment)
    pages = await deed(Visit(reader, person, page, draft))
    conversation = Conversation(person.at(reader.url), pages[0].url.split("/c/")[1][:36])
    for each in pages:
        try:
            await wait_for_answers(each, 1)
        except PageTimeout:
            return [f"no end on the page: {await each.locator('#thread').inner_html()}"]
    stored = [_plain(message["content"]) for message in await conversation.messages()]
    faults = [fault for each in pages for fault in await _faults(each, stored, text, draft)]
    # The first one is gone on with: a browser takes longer for a new page than for a new address.
    for each in reader.context.pages[1:]:
        await each.close()
    return faults


async def _faults(page: Page, stored: list[str], text: str, draft: str) -> list[str]:
    shown = await page.locator("#thread > li :is(.bubble, [data-prose])").all_inner_texts()
    kept = await page.input_value("#content")
    checks = {
        f"stored {stored}": len(stored) == 2 and stored[-1] == text,
        f"shows {shown}": sorted(map(_plain, shown)) == sorted(stored),
        f"the draft is {kept!r}": kept == draft,
    }
    return [fault for fault, holds in checks.items() if not holds]


def _plain(text: str) -> str:
    return " ".join(text.split())


_WORDS = itertools.cycle(("river", "강물", "река", "río", "江", "🌊", "e\u0301t\u00e9"))


# --- Ways of leaving ------------------------------------------------------------------------------------------------


async def _reload(visit: Visit) -> list[Page]:
    await visit.page.reload()
    return [visit.page]


async def _go_back(visit: Visit) -> list[Page]:
    await visit.page.goto("/settings")
    await visit.page.go_back()
    return [visit.page]


async def _open_second_tab(visit: Visit) -> list[Page]:
    tab = await visit.reader.context.new_page()
    await tab.goto(visit.page.url)
    return [visit.page, tab]


async def _close_tab(visit: Visit) -> list[Page]:
    address = visit.page.url
    await visit.page.close()
    tab = await visit.reader.context.new_page()
    await tab.goto(address)
    return [tab]


async def _expire(visit: Visit) -> list[Page]:
    """The session ends; the page is loaded anew, which leads to signing in and back."""
    address = visit.page.url
    await visit.reader.context.clear_cookies(name="session")
    await visit.page.reload()
    await sign_in(visit.page, visit.person)
    await visit.page.wait_for_url(address)
    return [visit.page]


async def _expire_and_send(visit: Visit) -> list[Page]:
    """The session ends; the draft is sent, refused, and there again after signing in."""
    address = visit.page.url
    await visit.reader.context.clear_cookies(name="session")
    await wait_for_answers(visit.page, 1)
    await visit.page.press("#content", "Enter")
    await visit.page.click("#composer-notice a")
    await sign_in(visit.page, visit.person)
    await visit.page.wait_for_url(address)
    return [visit.page]


# Each with how often it is done. A session expires twenty times as well, in two ways; a tab that is closed is F5's.
DEEDS: dict[str, tuple[Deed, int]] = {
    "reload": (_reload, 20),
    "back button": (_go_back, 20),
    "second tab": (_open_second_tab, 20),
    "closed tab": (_close_tab, 4),
    "expired session, reload": (_expire, 10),
    "expired session, draft sent": (_expire_and_send, 10),
}
