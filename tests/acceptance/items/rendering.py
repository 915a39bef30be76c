"""B1: what an answer holds is shown and never run, live and after a reload. Played by the programme through `items`."""

from playwright.async_api import Browser

from tests.acceptance.chromium import chromium, visitor
from tests.acceptance.corpus import Case, xss
from tests.acceptance.figures import Outcome
from tests.acceptance.reading import read_by_all, report
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

CASES = 1200
IN_ANSWER = 40

# On a page without our renderer and without a policy, each of these must be noticed.
CONTROL = (
    "<img src=x onerror='hit(1)'>",
    "<svg onload='hit(2)'></svg>",
    "<a href='javascript:hit(3)'>press</a>",
    "<b style='color: red' id=x onmouseover='hit(4)'>over</b>",
)


async def hostile_answers(stage: Stage) -> Outcome:
    """Every case through provider, server and page; in a random order, so that neighbours differ from run to run."""
    outcome = Outcome()
    cases = _chosen(stage)
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:
        await _prove_the_watch(browser, world, outcome)
        sink.taken()
        readings = await read_by_all(world, browser, cases, stage.random, in_answer=IN_ANSWER)
        outcome.exactly("cases", sum(each.shown for each in readings), len(cases))
        outcome.exactly("carriers", len({case.carrier for case in cases}), len(xss.CARRIERS))
        report(readings, outcome)
        outcome.none_of("hits_at_the_sink", sink.taken())
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _chosen(stage: Stage) -> list[Case]:
    cases = xss.cases()
    stage.random.shuffle(cases)
    return cases[: stage.size(CASES, len(cases))]


async def _prove_the_watch(browser: Browser, world: World, outcome: Outcome) -> None:
    each = await visitor(browser, world, bypass_csp=True)
    page = await each.open("/accounts/login")
    await page.evaluate("acceptance.settle()")
    markup = f"<ol id=thread><li class=prose>{''.join(CONTROL)}</li></ol>"
    await page.evaluate("markup => (document.body.innerHTML = markup)", markup)
    await page.evaluate("acceptance.provoke(), window.planted = 1")
    await page.wait_for_timeout(300)
    seen = {told.split(" at ")[0] for told in each.watch.executions}
    outcome.exactly("control_executions", sorted(seen), ["1", "2", "3", "4"])
    outcome.at_least("control_elements", len(await page.evaluate("acceptance.inspect()")), 6)
    outcome.exactly("control_globals", await page.evaluate("acceptance.fresh()"), ["planted"])
    await each.context.close()
