"""I4: too much is refused at once, and what is allowed stays quick however large. Played through `items`."""

import asyncio
import json
import statistics
import subprocess
import time
from urllib.parse import urlencode

from playwright.async_api import Browser, Page

from tests.acceptance.chromium import chromium, say, script, visitor, wait_for_answers
from tests.acceptance.clients import Client, Conversation, Person, sign_in_by_cookie
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT, clean_environment, python
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

TEN_MEGABYTES = 10_000_000
LONGEST_MESSAGE = 100_000
LONG_CHAT = 100_000
TRIES, LISTINGS = 7, 20
SECONDS = 2.5
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# What one piece of an answer is, and how many of them follow each other without a break.
ANSWERS = {
    "a word of a million characters": ("w" * 1000, 1000),
    "10,000 open brackets": ("[" * 50, 200),
    "10,000 asterisks": ("*" * 50, 200),
    "10,000 underscores": ("_" * 50, 200),
    "10,000 backticks": ("`" * 49 + " ", 200),
    "10,000 links that are not closed": ("[a](b" * 10, 200),
    "10,000 nested quotations": (">" * 50, 200),
    "10,000 dollars": ("$x" * 25, 200),
    "a table of 10,000 cells": ("|" * 50, 200),
}


async def extremes(stage: Stage) -> Outcome:
    """Refusals and lists on each database; what the page does with an answer does not depend on it."""
    outcome = Outcome()
    async with stage.world() as world:
        person = await world.join()
        await _over_limit(world, person, outcome)
        await _long_chat(world, outcome)
        if stage.db == "sqlite":
            async with Sink() as sink, chromium(sink) as browser:
                await _wild_answers(browser, world, person, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


# --- Too much -------------------------------------------------------------------------------------------------------


async def _over_limit(world: World, person: Person, outcome: Outcome) -> None:
    client = person.at(world.servers[0].url)
    browser = await sign_in_by_cookie(world.anyone, person.email)
    conversation = await Conversation.begin(client)
    targets = {
        "/chat": (client, "content"),
        "/api/messages/create": (client, "prompt_message"),
        conversation.messages_path: (client, "content"),
        "/send": (browser, "content"),
        "/v1/chat/completions": (client, "messages"),
    }
    slow, accepted = [], []
    for path, (sender, field) in targets.items():
        for size, expected in ((TEN_MEGABYTES, (413,)), (LONGEST_MESSAGE + 1, (400,))):
            seconds, status = await _refused(sender, path, field, size)
            if status not in expected:
                accepted.append(f"{path} with {size} characters: {status}")
            if seconds > 0.1:
                slow.append(f"{path} with {size} characters: {seconds * 1000:.0f} ms")
    outcome.none_of("over_limit_not_refused", accepted)
    outcome.none_of("over_limit_refused_late", slow)


async def _refused(client: Client, path: str, field: str, size: int) -> tuple[float, int]:
    """The median time of the refusal and its status."""
    text = "x" * size
    content: object = [{"role": "user", "content": text}] if field == "messages" else text
    body = {field: content, "model": "scripted-small"} if field == "messages" else {field: content}
    if path == "/send":
        form = {"csrfmiddlewaretoken": client.headers.get("X-CSRFToken", ""), field: text}
        data = urlencode(form).encode()
        kind = {"Accept": "text/html", "Referer": client.url} | _FORM
    else:
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    times, status = [], 0
    for _ in range(TRIES):
        begun = time.monotonic()
        answer = await client.request("POST", path, data=data, headers=kind)
        times.append(time.monotonic() - begun)
        status = answer.status
    return statistics.median(times), status


# --- A long chat ----------------------------------------------------------------------------------------------------


async def _long_chat(world: World, outcome: Outcome) -> None:
    """Lists of somebody whose one conversation is as long as a book."""
    seeded = await asyncio.to_thread(_seed, world)
    bearer = Client(world.session, world.servers[0].url, {"Authorization": f"Bearer {seeded['token']}"})
    page = Client(world.session, world.servers[0].url, {"Cookie": f"session={seeded['session']}"})
    lists = {
        "/api/conversations": bearer,
        f"/api/conversations/{seeded['conversation']}/messages": bearer,
        "/chat?per_page=100": bearer,
        "/api/messages": bearer,
        f"/c/{seeded['conversation']}": page,
        "/": page,
    }
    outcome.note("messages", LONG_CHAT)
    slowest = {path: await _p95(client, path) for path, client in lists.items()}
    outcome.at_most("list_p95_seconds", max(slowest.values()), 0.3)
    outcome.examples += [
        f"{path}: {seconds * 1000:.0f} ms" for path, seconds in slowest.items() if seconds > 0.3
    ]


def _seed(world: World) -> dict[str, str]:
    printed = subprocess.run(
        python("-m", "benchmarks.seed", "branch", str(LONG_CHAT)),
        cwd=ROOT,
        env=clean_environment() | dict(world.environment),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    [row] = json.loads(printed)
    return dict(row)


async def _p95(client: Client, path: str) -> float:
    times = []
    for _ in range(LISTINGS):
        begun = time.monotonic()
        answer = await client.get(path, headers={"Accept": "*/*"})
        times.append(time.monotonic() - begun)
        assert answer.status == 200, f"{path}: {answer}"
    return sorted(times)[int(LISTINGS * 0.95)]


# --- Wild answers ---------------------------------------------------------------------------------------------------


async def _wild_answers(browser: Browser, world: World, person: Person, outcome: Outcome) -> None:
    """The page draws at least 30 pictures a second while such an answer grows, and ends with all of it."""
    each = await visitor(browser, world, person)
    rates, lost = {}, []
    for name, (piece, count) in ANSWERS.items():
        page = await each.open("/")
        rates[name] = await _pictures(page, piece, count)
        ended = await page.locator("#thread > .answer").last.get_attribute("data-status")
        if ended != "complete":
            lost.append(f"{name}: {ended}")
        await page.close()
    outcome.note("pictures_a_second", {name: round(rate) for name, rate in rates.items()})
    outcome.at_least("least_pictures_a_second", min(rates.values()), 30)
    outcome.none_of("answers_that_did_not_end", lost)
    outcome.none_of("errors_in_the_page", each.watch.errors)


async def _pictures(page: Page, piece: str, count: int) -> float:
    """Pictures a second between the first text and the end of the answer."""
    await say(page, script(text=piece, tokens=count, sizes=[len(piece)], rate=count / SECONDS))
    await page.wait_for_selector("#thread > .answer[aria-busy] [data-prose] :not(:empty)", state="attached")
    await page.evaluate("acceptance.countFrames()")
    await wait_for_answers(page, 1, seconds=60)
    return float(await page.evaluate("acceptance.framesPerSecond()"))
