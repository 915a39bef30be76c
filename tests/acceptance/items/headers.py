"""H2, H3, H5: what every answer carries, what no answer and no log tells. Played by the programme through `items`."""

import re
from collections.abc import Mapping

from tests.acceptance.clients import PASSWORD, Answer, Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import PROVIDER_KEY, SECRET_KEY, Stage, World, scripted
from tests.acceptance.streams import Trace

_SAFE: Mapping[str, str] = {
    "Content-Security-Policy": r"default-src 'none'",
    "X-Content-Type-Options": r"^nosniff$",
    "Referrer-Policy": r"same-origin|no-referrer",
    "Cross-Origin-Opener-Policy": r"^same-origin$",
    "Cross-Origin-Resource-Policy": r"^same-(origin|site)$",
    "Permissions-Policy": r"microphone=\(self\)",
}
_HTTPS = {"Strict-Transport-Security": r"max-age=(3153\d{4}|[4-9]\d{7}|\d{9,})"}
_NO_CROSS = r"^(server|x-powered-by)$"

# What would tell of the inside: traces, modules, files, SQL, versions.
_INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|django|uvicorn|aiohttp|sqlite|psycopg|postgres|SELECT |INSERT |"
    r"/tmp/|/home/|/root/|/usr/|Exception|Error\(|\b\d+\.\d+\.\d+\b(?!\.)",
    re.IGNORECASE,
)


async def _probes(world: World, person: Person) -> dict[str, Answer]:
    """Answers of every kind and status that a client can bring about."""
    anyone, client = world.anyone, person.at(world.servers[0].url)
    html = {"Accept": "text/html"}
    conversation = await Conversation.begin(client)
    big = {"content": "x" * 2_000_000}
    fails = {"content": scripted("A fault.", fault="500")}
    probes: dict[str, Answer] = {}
    for name, request in {
        "health": anyone.get("/healthz"),
        "ready": anyone.get("/readyz"),
        "page": anyone.get("/accounts/login", headers=html),
        "page to sign in": anyone.get("/", headers=html),
        "page 404": anyone.get("/nowhere", headers=html),
        "page 405": anyone.post("/settings", headers=html),
        "form without token": anyone.post("/accounts/login", headers=html),
        "static": anyone.get("/static/tertulia/icon.svg"),
        "static 404": anyone.get("/static/nothing.js"),
        "manifest": anyone.get("/manifest.webmanifest"),
        "redirect": anyone.get("/favicon.ico"),
        "docs": anyone.get("/api/docs", headers=html),
        "schema": anyone.get("/api/schema"),
        "401": anyone.get("/chat"),
        "401 facade": anyone.get("/v1/models"),
        "200 list": client.get("/chat"),
        "200 profile": client.get("/accounts/profile"),
        "200 facade": client.get("/v1/models"),
        "201": client.post("/api/conversations", {}),
        "201 answer": client.post("/chat", {"content": "A word."}),
        "204": client.delete("/chat"),
        "204 options": client.request("OPTIONS", "/chat"),
        "400": client.post("/chat", {}),
        "400 bad JSON": client.post("/chat", data=b"{", headers={"Content-Type": "application/json"}),
        "400 facade": client.post("/v1/chat/completions", {}),
        "400 host": anyone.get("/healthz", headers={"Host": "evil.example"}),
        "400 page host": anyone.get("/accounts/login", headers={"Host": "evil.example"} | html),
        "404": client.get("/chat/nothing"),
        "404 facade": client.get("/v1/nothing"),
        "404 elsewhere": client.get("/nowhere"),
        "404 NUL": client.get("/%00"),
        "405": client.put("/chat", {}),
        "405 facade": client.put("/v1/chat/completions", {}),
        "406": client.post(conversation.messages_path, {"content": "a"}, headers={"Accept": "image/png"}),
        "413": client.post("/chat", big),
        "413 facade": client.post("/v1/chat/completions", big),
        "415": client.post("/chat", data=b"<a/>", headers={"Content-Type": "application/xml"}),
        "429": client.post("/chat", {"content": "One too many."}),
        "429 facade": client.post(
            "/v1/chat/completions",
            {"model": "scripted-small", "messages": [{"role": "user", "content": "a"}]},
        ),
        "502": _failing(world, fails),
        "404 of the admin": anyone.get("/admin/nothing", headers=html),
        "admin": anyone.get("/admin/login/", headers=html),
    }.items():
        probes[name] = await request
    return probes


async def _failing(world: World, body: object) -> Answer:
    other = await world.join("other")
    return await other.at(world.servers[0].url).post("/chat", body)


async def security_headers(stage: Stage) -> Outcome:
    """Every kind of answer, by http and as behind https, carries every header."""
    outcome = Outcome()
    async with stage.world(quota=1, CSRF_TRUSTED_ORIGINS="https://localhost") as world:
        person = await world.join()
        probes = await _probes(world, person)
        secure = await world.anyone.get("/healthz", headers={"X-Forwarded-Proto": "https"})
        outcome.at_least("probes", len(probes), 40)
        wrong = [fault for name, answer in probes.items() for fault in _missing(name, answer, _SAFE)]
        outcome.none_of("missing_headers", wrong + _missing("by https", secure, {**_SAFE, **_HTTPS}))
        told = [
            f"{name}: {header}: {value}"
            for name, answer in probes.items()
            for header, value in answer.headers.items()
            if re.search(_NO_CROSS, header, re.IGNORECASE) or header.lower() == "access-control-allow-origin"
        ]
        outcome.none_of("headers_that_tell_or_allow_too_much", told)
        unstated = [
            f"{n}: {a.headers.get('Vary')}"
            for n, a in probes.items()
            if n == "page" and "Accept" not in a.headers.get("Vary", "")
        ]
        outcome.none_of("negotiated_without_vary", unstated)
    return outcome


def _missing(name: str, answer: Answer, required: Mapping[str, str]) -> list[str]:
    return [
        f"{name} ({answer.status}): {header}: {answer.headers.get(header)}"
        for header, pattern in required.items()
        if not re.search(pattern, answer.headers.get(header, ""))
    ]


async def quiet_errors(stage: Stage) -> Outcome:
    """Errors are problem JSON, OpenAI's shape or a page, and tell nothing of the inside."""
    outcome = Outcome()
    async with stage.world(quota=1) as world:
        person = await world.join()
        probes = await _probes(world, person)
        errors = {name: answer for name, answer in probes.items() if answer.status >= 400}
        outcome.at_least("errors", len(errors), 20)
        told = [
            f"{name}: {found[0]!r} in {answer.text[max(0, found.start() - 40) : found.end() + 40]!r}"
            for name, answer in errors.items()
            if (found := _INSIDE.search(answer.text))
        ]
        outcome.none_of("answers_that_tell_of_the_inside", told)
        outcome.none_of(
            "answers_of_another_shape",
            [f"{name}: {answer}" for name, answer in errors.items() if not _is_shaped(name, answer)],
        )
        failed = probes["502"]
        outcome.exactly("fault_found_in_log", failed.json().get("generation", "?") in world.said(), True)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _is_shaped(name: str, answer: Answer) -> bool:
    """The facade speaks as the original does, whatever went wrong."""
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("application/problem+json") and not name.endswith("facade"):
        body = answer.json()
        return {"type", "title", "status", "detail"} <= set(body) and body["status"] == answer.status
    if kind.startswith("application/json"):
        return set(answer.json()["error"]) == {"message", "type", "param", "code"}
    return kind.startswith("text/html")


async def silent_logs(stage: Stage) -> Outcome:
    """After ordinary use and every kind of error the log holds nothing of what people said or are called."""
    outcome = Outcome()
    async with stage.world(quota=40) as world:
        person = await world.join("whisper")
        client = person.at(world.servers[0].url)
        secret, failing = "The canary sings at dawn.", scripted("The canary falls silent.", fault="500")
        for content in (secret, failing):
            await client.post("/chat", {"content": content})
            await client.post("/chat", {"content": content, "unknown": content})
            trace = Trace()
            await (await Conversation.begin(client)).stream(content, trace)
        await _wrong_logins(world, person)
        await _probes(world, person)
        said = world.said()
        words = {
            "message": "canary sings",
            "failed message": "falls silent",
            "e-mail": person.email,
            "password": PASSWORD,
            "access token": person.access[-40:],
            "refresh token": person.refresh[-40:],
            "provider's key": PROVIDER_KEY,
            "secret key": SECRET_KEY,
            "provider's address": world.provider.url,
        }
        outcome.none_of("found_in_logs", [name for name, word in words.items() if word in said])
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _wrong_logins(world: World, person: Person) -> None:
    anyone: Client = world.anyone
    for password in ("wrong", PASSWORD):
        await anyone.post("/accounts/login", {"email": person.email, "password": password})
