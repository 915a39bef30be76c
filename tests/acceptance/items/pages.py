"""B3: every page has a strict policy and lives by it. Played by the programme through `items`."""

import asyncio
import re
from collections.abc import Sequence

from playwright.async_api import Browser, Page

from tests.acceptance import policy
from tests.acceptance.chromium import Visitor, chromium, say, script, visitor, wait_for_answers
from tests.acceptance.clients import Client, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.routes import live_routes
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

RICH = """### A heading

Words with *emphasis*, `code`, a [link](https://example.org/), an ![image](https://example.org/x.png) and $a^2$.

```python
def f(x):
    return x
```

| a | b |
|---|--:|
| 1 | 2 |

$$\\sum_{i=1}^n i$$
"""

# Addresses that differ by an id or a query are one page.
_ID = re.compile(r"/(?:[0-9a-f]{8}-[0-9a-f-]{27}|\d+)(?=/|$)")
_MOST_PAGES = 200


async def strict_pages(stage: Stage) -> Outcome:
    """Every page that a stranger, a member and an administrator can open, in Chromium, with answers on it."""
    outcome = Outcome()
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:
        member, admin = await world.join("member"), await world.join("admin")
        await _promote(world, admin)
        for person in (member, admin):
            await _furnish(person.at(world.servers[0].url))
        fixed = [route for route in await live_routes(world) if not re.search(r"[{(?]", route)]
        walks = [Walk(world, person) for person in (None, member, admin)]
        await asyncio.gather(*(walk.through(browser, fixed) for walk in walks))
        shown = sorted({page for walk in walks for page in walk.shown})
        outcome.note("pages", shown)
        outcome.at_least("different_pages", len(shown), 20)
        outcome.none_of("breaches", [fault for walk in walks for fault in walk.visitor.watch.breaches])
        outcome.none_of("errors", [fault for walk in walks for fault in walk.visitor.watch.errors])
        outcome.none_of("policy_faults", sorted({fault for walk in walks for fault in walk.faults}))
        nonces = [nonce for walk in walks for nonce in walk.nonces]
        outcome.exactly("nonces_used_again", len(nonces) - len(set(nonces)), 0)
        outcome.none_of("requests_elsewhere", sink.taken())
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


class Walk:
    """One visitor's way through every page that links and addresses without an id lead to."""

    visitor: Visitor

    def __init__(self, world: World, person: Person | None) -> None:
        self._world = world
        self._person = person
        self.shown: set[str] = set()
        self.faults: list[str] = []
        self.nonces: list[str] = []

    async def through(self, browser: Browser, fixed: Sequence[str]) -> None:
        self.visitor = await visitor(browser, self._world, self._person)
        page = await self.visitor.context.new_page()
        if self._person is not None:
            await self._chat(page)
        waiting, known = list(fixed), {_shape(path) for path in fixed}
        while waiting and len(self.shown) < _MOST_PAGES:
            for path in await self._show(page, waiting.pop(0)):
                if _shape(path) not in known:
                    known.add(_shape(path))
                    waiting.append(path)

    async def _chat(self, page: Page) -> None:
        """An answer with everything in it, live and reloaded, and what can be opened on the page."""
        await page.goto("/")
        await say(page, script(text=RICH, reasoning="Let me see.", rate=60))
        await wait_for_answers(page, 1)
        await page.reload()
        for summary in await page.locator("summary:visible").all():
            await summary.click()
            await page.keyboard.press("Escape")

    async def _show(self, page: Page, path: str) -> list[str]:
        """Open it if it is a page; the paths that it links to."""
        answer = await self._asked(path)
        if answer is None:
            return []
        # Django's admin writes markup by jQuery; the pages that are ours do not.
        found_faults = policy.faults(answer, typed=not path.startswith("/admin/"))
        self.faults += [f"{_shape(path)}: {fault}" for fault in found_faults]
        self.nonces += policy.nonces(answer)
        await page.goto(path, wait_until="load")
        self.shown.add(_shape(path))
        found: list[str] = await page.evaluate(
            """() => [...document.querySelectorAll("a[href]")]
              .filter(link => link.origin === location.origin && !link.download)
              .map(link => link.pathname)"""
        )
        return found

    async def _asked(self, path: str) -> str | None:
        """The policy that comes with a page; None for what is no page to this visitor."""
        response = await self.visitor.context.request.get(
            path, headers={"Accept": "text/html"}, max_redirects=0
        )
        is_page = response.status == 200 and response.headers["content-type"].startswith("text/html")
        return response.headers.get("content-security-policy", "") if is_page else None


def _shape(path: str) -> str:
    return _ID.sub("/…", path.rstrip("/")) or "/"


async def _promote(world: World, person: Person) -> None:
    promote = (
        "from tertulia.accounts.models import User;"
        f"User.objects.filter(email={person.email!r}).update(is_staff=True, is_superuser=True)"
    )
    await asyncio.to_thread(world.command, "shell", "-v0", "-c", promote)


async def _furnish(client: Client) -> None:
    """One of each thing that has a page."""
    made = await client.post("/api/characters", {"name": "Rosa", "greeting": "Good evening."})
    await client.post("/api/instances", {"character": made.json()["id"], "name": "Rosa at home"})
    await client.post("/quote", {"content": "A light is a promise to strangers.", "source": "The Keeper"})
    await client.post("/api/keys", {"name": "A key"})
