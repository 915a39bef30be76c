"""B2: showing an answer sends nothing anywhere; a link leaves only when it is pressed, and says where to.

Played by the programme through `items`.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from playwright.async_api import Browser, Locator, Page

from tests.acceptance.chromium import chromium, visitor
from tests.acceptance.corpus import leaks
from tests.acceptance.figures import Outcome
from tests.acceptance.reading import Reading, read_by_all, report
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

ATTEMPTS = 300
# So long what a browser fetches when it has time may take.
PATIENCE_MS = 500
HOVERED, PRESSED = 12, 4

# On a page without our renderer and without a policy, each of these must arrive at the sink.
CONTROL = {
    "an.example": "<img src='http://an.example/x'>",
    "another.example": "<img src='https://another.example/x'>",
    "192.0.2.7": "<video src='http://192.0.2.7/x'></video>",
    "style.example": "<b style='background: url(//style.example/x)'>x</b>",
    "frame.example": "<iframe src='//frame.example/'></iframe>",
}


async def silent_answers(stage: Stage) -> Outcome:
    """Read live, read again, pointed at; then some links are pressed. By night each attempt is an answer of its own."""
    outcome = Outcome()
    cases = leaks.cases(stage.size(ATTEMPTS, 10_000))
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:
        await _prove_the_sink(browser, world, sink, outcome)
        readings = await read_by_all(world, browser, cases, stage.random, in_answer=stage.size(3, 1))
        outcome.at_least("attempts", sum(each.shown for each in readings), ATTEMPTS)
        outcome.exactly("ways", len({case.carrier for case in cases}), len(leaks.WAYS))
        await _point_at_links(readings)
        outcome.none_of("hits_at_the_sink", sink.taken())
        report(readings, outcome)
        await _press_links([page for each in readings for page in each.pages], sink, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _prove_the_sink(browser: Browser, world: World, sink: Sink, outcome: Outcome) -> None:
    each = await visitor(browser, world, bypass_csp=True)
    page = await each.open("/accounts/login")
    before = sink.taken()
    await page.evaluate("markup => (document.body.innerHTML = markup)", "".join(CONTROL.values()))
    await page.wait_for_timeout(2 * PATIENCE_MS)
    outcome.none_of("hits_of_an_idle_browser", before)
    outcome.exactly("control_hosts", sorted({hit.host for hit in sink.hits}), sorted(CONTROL))
    await each.context.close()
    await sink.left_alone()
    sink.taken()


async def _point_at_links(readings: Sequence[Reading]) -> None:
    for page in (page for each in readings for page in each.pages):
        for link in (await _links(page))[:HOVERED]:
            await link.hover()
        await page.wait_for_timeout(PATIENCE_MS)


async def _press_links(pages: Sequence[Page], sink: Sink, outcome: Outcome) -> None:
    """A pressed link reaches the host that it showed, in a tab that knows nothing of this one."""
    faults, pressed = [], 0
    for page in pages:
        for link in (await _links(page))[:PRESSED]:
            faults += await _press(page, link, sink)
            pressed += 1
    outcome.at_least("links_pressed", pressed, len(pages))
    outcome.none_of("pressed_links_gone_astray", faults)


async def _press(page: Page, link: Locator, sink: Sink) -> list[str]:
    host = await link.evaluate("link => link.hostname")
    shown = await link.evaluate("link => link.textContent + ' ' + (link.dataset.host ?? '')")
    async with page.expect_popup() as popup:
        await link.click()
    tab = await popup.value
    await page.wait_for_timeout(PATIENCE_MS / 2)
    knows = (
        None if tab.url.startswith("chrome-error:") else await tab.evaluate("window.opener && 'its opener'")
    )
    await tab.close()
    # A browser opens a second connection beside the first, in case it will be of use; it says nothing.
    hits = [hit for hit in sink.hits if hit.protocol != "tcp"]
    sink.hits = []
    checks = {
        f"showed {shown!r}": host in shown,
        f"reached {[str(hit) for hit in hits]}": {hit.host.partition(":")[0] for hit in hits} == {host},
        "told where it came from": not any("127.0.0.1" in hit.referrer for hit in hits),
        "knows its opener": knows is None,
    }
    return [f"{host}: {fault}" for fault, holds in checks.items() if not holds]


async def _links(page: Page) -> list[Locator]:
    """The links of the answers, without those of mail."""
    found = await page.locator("#thread .prose a").all()
    return [link for link in found if urlsplit(await link.get_attribute("href") or "").hostname]
