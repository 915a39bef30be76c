"""People who read hostile answers in a real browser, live and again from the server, and what happened to them.

B1 and B2 are the callers. Half of the readers have a page without a content security policy, so that it is the
rendering that holds; the other half with it, so that it must have nothing to stop.
"""

import asyncio
import random
from collections.abc import Sequence

from playwright.async_api import Browser, Page

from tests.acceptance.chromium import Watch, say, script, visitor, wait_for_answers
from tests.acceptance.clients import Person
from tests.acceptance.corpus import Case
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import World

READERS = 3
# A page shows 60 messages.
IN_CONVERSATION = 24
# Pieces a second; a page that renders 20 times a second sees an answer of 3,000 characters at some 25 cuts.
RATE = 400
_LONGEST_PIECE = 16
_SIZES = 50

_WATCHED = ("executions", "dialogs", "breaches", "popups", "errors")
_FOUND = ("globals", "elements", "missing", "links_that_hide_their_host")


class Reading:
    """One person's browser. `pages` are left open where the last conversation was read."""

    def __init__(self, world: World, browser: Browser, chance: random.Random, *, has_policy: bool) -> None:
        self._world = world
        self._browser = browser
        self._chance = chance
        self._has_policy = has_policy
        self._watches: dict[Page, Watch] = {}
        self._expected: list[str] = []
        self.pages: list[Page] = []
        self.shown = 0
        self.faults: dict[str, list[str]] = {name: [] for name in _FOUND}

    def told(self, name: str) -> list[str]:
        """What the watch over this person's pages wrote down under a name."""
        return [fault for watch in self._watches.values() for fault in getattr(watch, name)]

    def unexpected_navigations(self) -> list[str]:
        asked = self.told("navigations")
        for address in self._expected:
            asked.remove(address)
        return asked

    async def read(self, cases: Sequence[Case], in_answer: int) -> None:
        """Live first; then from the server, once without and once with a policy."""
        person = await self._world.join("reader")
        answers = [cases[start : start + in_answer] for start in range(0, len(cases), in_answer)]
        page = await self._page(person, has_policy=self._has_policy)
        other = await self._page(person, has_policy=not self._has_policy)
        for start in range(0, len(answers), IN_CONVERSATION):
            part = answers[start : start + IN_CONVERSATION]
            await self._goto(page, "/")
            await self._live(page, part)
            for each in (page, other):
                await self._goto(each, page.url.removeprefix(self._world.servers[0].url))
                await self._look(each, part, "from the server")
            self.shown += sum(len(answer) for answer in part)

    async def _page(self, person: Person, *, has_policy: bool) -> Page:
        each = await visitor(self._browser, self._world, person, bypass_csp=not has_policy)
        page = await each.context.new_page()
        self._watches[page] = each.watch
        self.pages.append(page)
        return page

    async def _goto(self, page: Page, path: str) -> None:
        address = self._world.servers[0].url + path
        self._expected.append(address)
        await page.goto(address)

    async def _live(self, page: Page, answers: Sequence[Sequence[Case]]) -> None:
        await page.evaluate("acceptance.settle()")
        for count, cases in enumerate(answers, 1):
            text = "\n\n".join(f"case {case.number}.\n\n{case.text}" for case in cases)
            sizes = [self._chance.randint(1, _LONGEST_PIECE) for _ in range(_SIZES)]
            await say(page, script(text=text, sizes=sizes, rate=RATE))
            await wait_for_answers(page, count)
        await self._look(page, answers, "live")
        self.faults["globals"] += await page.evaluate("acceptance.fresh()")

    async def _look(self, page: Page, answers: Sequence[Sequence[Case]], how: str) -> None:
        """What the thread consists of, and what happens when everything in it is touched."""
        await self._watches[page].quiet()
        text = "".join(await page.locator("#thread .prose").all_text_contents())
        missing = [case for cases in answers for case in cases if f"case {case.number}." not in text]
        self.faults["missing"] += [f"{how}: {case}" for case in missing]
        for name, find in (("elements", "inspect"), ("links_that_hide_their_host", "hiding")):
            self.faults[name] += [f"{how}: {fault}" for fault in await page.evaluate(f"acceptance.{find}()")]
        await page.evaluate("acceptance.provoke()")


async def read_by_all(
    world: World, browser: Browser, cases: Sequence[Case], chance: random.Random, *, in_answer: int
) -> list[Reading]:
    """The cases shared among the readers, who read at the same time."""
    readings = [Reading(world, browser, chance, has_policy=number % 2 == 0) for number in range(READERS)]
    shares = [cases[number::READERS] for number in range(READERS)]
    await asyncio.gather(*(each.read(share, in_answer) for each, share in zip(readings, shares, strict=True)))
    return readings


def report(readings: Sequence[Reading], outcome: Outcome) -> None:
    """The figures that hold for every hostile answer."""
    for name in _WATCHED:
        outcome.none_of(name, [fault for each in readings for fault in each.told(name)])
    outcome.none_of("navigations", [fault for each in readings for fault in each.unexpected_navigations()])
    for name in _FOUND:
        outcome.none_of(name, [fault for each in readings for fault in each.faults[name]])
