"""B4: no frame holds a page, and what signs a browser in stays where only the browser reads it.

Played by the programme through `items`.
"""

import json
import re

from playwright.async_api import Browser, Page

from tests.acceptance.chromium import chromium, say, script, sign_in, visitor, wait_for_answers
from tests.acceptance.clients import PASSWORD, Person, cookies_of
from tests.acceptance.figures import Outcome
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

HTML = {"Accept": "text/html"}
HTTPS = {"X-Forwarded-Proto": "https", "Referer": "https://localhost/accounts/login", "Host": "localhost"}
FRAMED = ("/", "/accounts/login", "/settings", "/api/schema", "/healthz", "/admin/login/")

# A token of ours by its form: a signed one, an API key.
_TOKEN = re.compile(r"eyJ[\w-]{10,}\.|\btt_\w{20,}")


async def frames_and_cookies(stage: Stage) -> Outcome:
    """Framing by a foreign page, the flags of cookies by http and https, and what a page's program can read."""
    outcome = Outcome()
    async with stage.world(CSRF_TRUSTED_ORIGINS="https://localhost") as world:
        person = await world.join()
        outcome.none_of("cookie_faults_by_https", await _cookie_faults(world, person, is_secure=True))
    async with stage.world() as world, Sink() as sink, chromium(sink) as browser:
        person = await world.join()
        outcome.none_of("cookie_faults_by_http", await _cookie_faults(world, person, is_secure=False))
        await _frame(browser, world, sink, person, outcome)
        outcome.none_of("secrets_in_reach", await _secrets_in_reach(browser, world, person))
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _cookie_faults(world: World, person: Person, *, is_secure: bool) -> list[str]:
    """Every cookie that signing in and choosing a language and a theme set."""
    headers = HTML | (HTTPS if is_secure else {})
    answers = [await world.anyone.get("/accounts/login", headers=headers)]

    async def post(path: str, **fields: str) -> None:
        cookies = cookies_of(*answers)
        token = next(value for name, value in cookies.items() if "csrf" in name)
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        data = {"csrfmiddlewaretoken": token, **fields}
        answers.append(await world.anyone.post(path, data=data, headers=headers | {"Cookie": sent}))

    await post("/accounts/login", email=person.email, password=PASSWORD)
    await post("/language", language="ko")
    await post("/theme", theme="dark")
    refused = [f"{answer}" for answer in answers if answer.status >= 400]
    lines = [line for answer in answers for line in answer.headers.getall("Set-Cookie", [])]  # type: ignore[attr-defined]
    names = {line.partition("=")[0].removeprefix("__Host-") for line in lines}
    missing = [] if {"session", "csrf"} <= names else [f"only {sorted(names)} were set"]
    return refused + missing + [fault for line in lines for fault in _flag_faults(line, is_secure=is_secure)]


def _flag_faults(line: str, *, is_secure: bool) -> list[str]:
    pair, *rest = [part.strip() for part in line.split(";")]
    name = pair.partition("=")[0]
    flags = {part.partition("=")[0].lower(): part.partition("=")[2].lower() for part in rest}
    is_secret = name.removeprefix("__Host-") in ("session", "csrf")
    checks = {
        "SameSite": flags.get("samesite") in ("lax", "strict"),
        "Domain": "domain" not in flags,
        "Path": flags.get("path") == "/",
        "Secure": ("secure" in flags) == is_secure,
        "HttpOnly": "httponly" in flags or not is_secret,
        "__Host-": name.startswith("__Host-") == is_secure or not is_secret,
    }
    return [f"{name}: {check}: {line.replace(pair, name)}" for check, holds in checks.items() if not holds]


async def _frame(browser: Browser, world: World, sink: Sink, person: Person, outcome: Outcome) -> None:
    """A page of the same site, so that cookies come along, tries to show ours; a page of its own it can show."""
    attacker = f"127.0.0.1:{sink.port}"
    ours = world.servers[0].url
    tags = "".join(
        f"<iframe src='{ours}{path}'></iframe><object data='{ours}{path}'></object><embed src='{ours}{path}'>"
        for path in FRAMED
    )
    sink.pages[f"{attacker}/own"] = "<p>framed</p>"
    sink.pages[f"{attacker}/"] = f"<!doctype html>{tags}<iframe src=/own></iframe>"
    each = await visitor(browser, world, person)
    page = await each.context.new_page()
    await page.goto(f"http://{attacker}/")
    await page.wait_for_load_state("networkidle")
    shown = [frame.url for frame in page.frames[1:] if not frame.url.startswith("chrome-error:")]
    outcome.exactly("control_framed", shown.count(f"http://{attacker}/own"), 1)
    outcome.none_of("pages_framed", [url for url in shown if url.startswith(ours)])
    await each.context.close()


async def _secrets_in_reach(browser: Browser, world: World, person: Person) -> list[str]:
    """After signing in and chatting: what scripts can read, and what addresses have told."""
    each = await visitor(browser, world)
    addresses: list[str] = []
    each.context.on("request", lambda request: addresses.append(request.url))
    page = await each.open("/accounts/login?next=/")
    await sign_in(page, person)
    await page.wait_for_url("**/")
    await page.fill("#content", "a draft")
    await say(page, script(text="An answer.", rate=30))
    await wait_for_answers(page, 1)
    await page.goto("/settings")
    secrets = [cookie["value"] for cookie in await each.context.cookies() if cookie["httpOnly"]]
    stored = await _readable(page)
    places = {"what scripts read": stored, "addresses": " ".join(addresses)}
    found = [
        f"{place}: {secret[:12]}…"
        for place, text in places.items()
        for secret in [*secrets, *_TOKEN.findall(text)]
        if secret in text
    ]
    return found if len(secrets) >= 2 else [*found, f"only {len(secrets)} cookies are hidden from scripts"]


async def _readable(page: Page) -> str:
    return json.dumps(
        await page.evaluate(
            """async () => [
              {...localStorage}, {...sessionStorage}, document.cookie, window.name, location.href,
              await indexedDB.databases(), await (window.caches?.keys() ?? []),
            ]"""
        )
    )
