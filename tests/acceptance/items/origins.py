"""B5: a foreign page that has the browser's cookies with it changes nothing. Played through `items`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from playwright.async_api import Browser

from tests.acceptance.chromium import chromium, visitor
from tests.acceptance.clients import PASSWORD, Answer, Client, sign_in_by_cookie
from tests.acceptance.figures import Outcome
from tests.acceptance.items.authorization import Cast, things_of
from tests.acceptance.matrix import API, PAGES, Row, Rule
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

EVIL = "https://evil.example"
# What a page of another origin can send without asking first (Fetch §2.2.2), and what it would have to ask for.
SIMPLE = ("form", "parts", "text")
ASKED = ("json",)


async def foreign_origins(stage: Stage) -> Outcome:
    """Every state-changing row of the matrix with Alice's cookie from a foreign page, as a program and in Chromium."""
    outcome = Outcome()
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:
        cast = await Cast.gather(world)
        rows = [row for row in (*API, *PAGES) if row.method not in ("GET", "HEAD")]
        paths = {id(row): row.path.format(**await things_of(cast, row)) for row in rows}
        victim = await sign_in_by_cookie(world.anyone, cast.alice.email)
        own = await victim.post("/api/conversations", {})
        outcome.exactly("control_own_page", own.status, 201)
        before = _everything(world)
        forged = [(row, paths[id(row)], request) for row in rows for request in _requests(row)]
        outcome.note("rows", len(rows))
        outcome.at_least("requests", len(forged), 4 * len(rows))
        outcome.none_of("accepted", await _accepted(victim, forged))
        outcome.none_of("foreign_origins_allowed", await _allowed(victim, [*paths.values()]))
        outcome.none_of("sockets_opened", await _sockets(victim, ("/", "/api/conversations", "/ws")))
        await _forge_in_browser(browser, sink, world, cast, [paths[id(row)] for row in rows], outcome)
        outcome.none_of("rows_changed", _differences(before, _everything(world)))
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _requests(row: Row) -> Iterator[dict[str, Any]]:
    """Bodies of every kind, without a token, with one of the attacker's own, and with a method in disguise."""
    body = row.body if isinstance(row.body, dict) else {}
    if row.path in ("/accounts/login", "/accounts/join"):
        body = {"email": "attacker@evil.example", "nickname": "attacker", "password": PASSWORD}
    token = {"csrfmiddlewaretoken": "A" * 64}
    headers = {"Origin": EVIL, "Referer": f"{EVIL}/page"}
    for kind in (*SIMPLE, *ASKED):
        for accept in ("text/html", "application/json"):
            yield {**_sent(kind, {**body, **token}), "more": {**headers, "Accept": accept}}
    yield {**_sent("form", body), "more": {**headers, "X-CSRFToken": "A" * 64}}
    yield {**_sent("form", body), "more": {"Origin": "null", "Accept": "text/html"}}
    yield {
        **_sent("form", {**body, "_method": row.method}),
        "more": {**headers, "X-HTTP-Method-Override": row.method},
    }


def _sent(kind: str, body: Mapping[str, object]) -> dict[str, Any]:
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    if kind == "json":
        return {"json": body}
    if kind == "text":
        return {"data": json.dumps(body).encode(), "type": "text/plain"}
    return {"data": aiohttp.FormData(fields, default_to_multipart=kind == "parts")}


async def _accepted(victim: Client, forged: list[tuple[Row, str, dict[str, Any]]]) -> list[str]:
    # The cookie alone is what a browser adds by itself; the token in its header is not.
    client = Client(victim.session, victim.url, {"Cookie": victim.headers["Cookie"]})
    accepted = []
    for row, path, request in forged:
        kind = {"Content-Type": request["type"]} if "type" in request else {}
        answer = await client.request(
            row.method,
            path,
            json=request.get("json"),
            data=request.get("data"),
            headers=request["more"] | kind,
        )
        if _is_accepted(row, answer):
            accepted.append(f"{row.method} {path} {request['more']}: {answer.status} {answer.text[:80]}")
    return accepted


def _is_accepted(row: Row, answer: Answer) -> bool:
    """What anybody may ask for without a cookie is no matter of the cookie, as long as it leaves none behind."""
    if "Set-Cookie" in answer.headers and "session=" in answer.headers["Set-Cookie"]:
        return True
    return answer.status < 400 and row.rule is not Rule.PUBLIC


async def _allowed(victim: Client, paths: list[str]) -> list[str]:
    """Addresses that tell a foreign page that it may ask or read."""
    found = []
    for path in sorted(set(paths)):
        asking = {
            "Origin": EVIL,
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "a",
        }
        answer = await victim.request("OPTIONS", path, headers=asking)
        if any(name.lower().startswith("access-control-allow") for name in answer.headers):
            found.append(f"{path}: {dict(answer.headers)}")
    return found


async def _sockets(victim: Client, paths: tuple[str, ...]) -> list[str]:
    opened = []
    for path in paths:
        try:
            async with victim.session.ws_connect(
                victim.url + path, headers={**victim.headers, "Origin": EVIL}
            ):
                opened.append(path)
        except aiohttp.WSServerHandshakeError:
            pass
    return opened


async def _forge_in_browser(
    browser: Browser, sink: Sink, world: World, cast: Cast, paths: list[str], outcome: Outcome
) -> None:
    """A page of the same site, whose requests Lax cookies go with, posts to every address in every simple way."""
    attacker = f"127.0.0.1:{sink.port}"
    sink.pages[f"{attacker}/"] = "<!doctype html><title>You have won</title>"
    each = await visitor(browser, world, cast.alice)
    page = await each.context.new_page()
    await page.goto(f"http://{attacker}/")
    before = _posts(world)
    await page.evaluate(
        """async ([url, paths]) => {
          const bodies = [
            () => new URLSearchParams({content: "x", confirm: "yes", title: "x"}),
            () => { const form = new FormData(); form.set("content", "x"); return form; },
            () => new Blob(['{"content": "x"}'], {type: "text/plain"}),
          ];
          for (const path of paths) for (const body of bodies) {
            const init = {method: "POST", mode: "no-cors", credentials: "include", body: body()};
            await fetch(url + path, init).catch(() => undefined); // that it may not be read is another matter
          }
        }""",
        [world.servers[0].url, sorted(set(paths))],
    )
    outcome.at_least("arrived_from_browser", _posts(world) - before, 3 * len(set(paths)))
    await each.context.close()


def _posts(world: World) -> int:
    return world.said().count('"method": "POST"')


# --- What the rows say ----------------------------------------------------------------------------------------------

# Written when somebody is merely seen: by the control's own sign-in and by the browser's.
_OF_VISITS = re.compile(r"session|login|attempt|auditevent", re.IGNORECASE)


def _everything(world: World) -> dict[str, int]:
    """How many rows each table has, except those about visits."""
    tables = world.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = [str(row[0]) for row in tables]
    counted = [name for name in names if not _OF_VISITS.search(name) and not name.startswith("sqlite_")]
    return {name: world.database.rows(f'SELECT count(*) FROM "{name}"')[0][0] for name in counted}  # noqa: S608


def _differences(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    return [
        f"{name}: {count} rows, {after.get(name)} afterwards"
        for name, count in before.items()
        if after.get(name) != count
    ]
