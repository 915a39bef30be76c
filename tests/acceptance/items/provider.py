"""F1: every fault of a provider, met by the native stream and by both forms of the OpenAI facade.

Played by the programme through `items`. The provider's time limits are waited for in full, all at the same time.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.clients import Answer, Client, Conversation
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import PROVIDER_KEY, Stage, World, scripted
from tests.acceptance.streams import Trace
from tests.provider import ScriptedProvider, server
from tests.provider.wire import BODY_CANARY

FACES = ("native stream", "facade stream", "facade plain")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and what is documented for it.

    `told` is the script; `base` names another provider address instead. `slug` is empty where the answer is complete
    with `finish_reason`. `calls` is the most that may reach the provider. `keeps_text`: some text came before it.
    """

    name: str
    slug: str
    status: int = 502
    told: dict[str, Any] | None = None
    base: str = ""
    calls: int = 1
    keeps_text: bool = False
    finish_reason: str = ""


def _midway(name: str, slug: str, status: int = 502) -> Fault:
    return Fault(name, slug, status, {"fault": name, "tokens": 20, "rate": 100, "at": 5}, keeps_text=True)


def _cut(name: str) -> Fault:
    told = {"fault": name, "tokens": 20, "rate": 100, "at": 5}
    return Fault(name, "", 200, told, keeps_text=True, finish_reason=name)


FAULTS = (
    Fault("401", "provider_auth", told={"fault": "401"}),
    Fault("403", "provider_forbidden", told={"fault": "403"}),
    Fault("429 with Retry-After", "provider_rate_limited", told={"fault": "429", "retry_after": 1}, calls=2),
    Fault("429", "provider_rate_limited", told={"fault": "429"}),
    Fault("500", "provider_error", told={"fault": "500"}, calls=2),
    Fault("502", "provider_error", told={"fault": "502"}, calls=2),
    Fault("503", "provider_overloaded", told={"fault": "503"}, calls=2),
    Fault("529", "provider_overloaded", told={"fault": "529"}, calls=2),
    Fault("refused", "provider_unreachable", base="refused", calls=0),
    Fault("DNS", "provider_dns", base="dns", calls=0),
    Fault("TLS", "provider_tls", base="tls", calls=0),
    Fault("no headers", "provider_timeout_first_token", 504, {"fault": "no_headers"}),
    Fault("no first token", "provider_timeout_first_token", 504, {"fault": "no_first_token"}),
    _midway("idle", "provider_timeout_idle", 504),
    _midway("reset", "provider_reset"),
    _midway("no_done", "provider_truncated"),
    _midway("broken_json", "provider_malformed"),
    Fault("a refusal nested without end", "provider_bad_request", told={"fault": "deep_refusal"}),
    Fault("HTML with 200", "provider_not_sse", told={"fault": "html_200"}),
    _midway("huge_event", "provider_too_large"),
    Fault("drip", "provider_timeout_first_token", 504, {"fault": "drip"}),
    Fault("empty", "provider_empty", told={"fault": "empty"}),
    _cut("length"),
    _cut("content_filter"),
)


@dataclass(slots=True)
class Cell:
    """One fault met by one face: what the client saw and what was left."""

    fault: Fault
    face: str
    content: str
    seen: str
    slug: str
    status: int
    finish_reason: str
    text: str
    said: list[str] = field(default_factory=list)
    stored: str = ""
    units: int = -1

    def faults(self, calls: int) -> list[str]:
        checks = {
            f"slug {self.slug!r}, required {self.fault.slug!r}": self.slug == self.fault.slug,
            f"status {self.status}": self.status in self._allowed_statuses(),
            f"finish reason {self.finish_reason!r}": self._finished_as_told(),
            f"the user's messages are {self.said}": self.said == [self.content],
            f"{self.units} units, text {self.stored!r}": self.units == (1 if self.stored else 0),
            f"{calls} provider calls": calls <= self.fault.calls,
            f"stored text {self.stored!r}": bool(self.stored) == self.fault.keeps_text,
            f"shown text {self.text!r} is not the stored {self.stored!r}": self._shown_is_stored(),
        }
        return [f"{self.fault.name}, {self.face}: {text}" for text, holds in checks.items() if not holds]

    def _allowed_statuses(self) -> set[int]:
        """A stream may have begun with 200 before the fault came."""
        return {self.fault.status} if self.face == "facade plain" else {self.fault.status, 200}

    def _finished_as_told(self) -> bool:
        return not self.fault.finish_reason or self.finish_reason == self.fault.finish_reason

    def _shown_is_stored(self) -> bool:
        """A plain refusal shows no text."""
        return self.text == self.stored or (self.face == "facade plain" and self.status != 200)


async def provider_faults(stage: Stage) -> Outcome:
    """A person for each cell, so that units and messages can be told apart."""
    async with AsyncExitStack() as stack:
        tls = stack.enter_context(ScriptedProvider())
        world = await stack.enter_async_context(stage.world(quota=10))
        others = {"refused": server.refused_url(), "dns": server.dns_url(), "tls": tls.tls_url}
        places = {"": world.servers[0].url}
        for name, base in others.items():
            places[name] = (await world.start_server(OPENAI_BASE_URL=base)).url
        cells = await _play_cells(world, places)
        outcome = await _outcome(world, cells)
        secrets = [PROVIDER_KEY, BODY_CANARY, world.provider.url.removeprefix("http://"), "/v1/chat"]
        shown = [f"{cell.face}, {cell.fault.name}" for cell in cells if any(s in cell.seen for s in secrets)]
        outcome.none_of("secrets_shown", shown)
        logged = [secret for secret in (PROVIDER_KEY, BODY_CANARY) if secret in world.said()]
        outcome.none_of("secrets_logged", logged)
        outcome.none_of("complaints_in_logs", world.complaints())
        return outcome


async def _play_cells(world: World, places: dict[str, str]) -> list[Cell]:
    """All at the same time: the slow ones decide how long it takes."""
    plays: dict[str, Callable[[Client, Fault, str], Any]] = dict(
        zip(FACES, (_native, _streamed, _plain), strict=True)
    )

    async def play(fault: Fault, face: str) -> Cell:
        person = await world.join("f1")
        content = scripted(f"{fault.name} by the {face}.", **(fault.told or {}))
        client = person.at(places[fault.base])
        cell: Cell = await plays[face](client, fault, content)
        cell.said, cell.stored = await _exchanges(client)
        cell.units = (await client.get("/api/usage")).json()["used"]
        return cell

    return list(await asyncio.gather(*(play(fault, face) for fault in FAULTS for face in FACES)))


async def _exchanges(client: Client) -> tuple[list[str], str]:
    """What the person has said, on whatever interface, and the text that was stored as an answer."""
    exchanges = (await client.get("/chat")).json()["results"]
    replies = [exchange["chat_reply"]["content"] for exchange in exchanges if exchange["chat_reply"]]
    return [exchange["content"] for exchange in exchanges], "".join(replies)


def _cell(fault: Fault, face: str, content: str, seen: str, status: int, **found: str) -> Cell:
    slug, finish_reason, text = (found.get(name, "") for name in ("slug", "finish_reason", "text"))
    return Cell(fault, face, content, seen, slug, status, finish_reason, text)


async def _native(client: Client, fault: Fault, content: str) -> Cell:
    conversation = await Conversation.begin(client)
    trace = Trace()
    await conversation.stream(content, trace)
    end = trace.end or {}
    found = {
        "slug": end.get("error") or "",
        "finish_reason": end.get("finish_reason") or "",
        "text": trace.text,
    }
    return _cell(fault, FACES[0], content, repr(trace.events), 200, **found)


def _question(content: str, *, stream: bool) -> dict[str, Any]:
    """Without a model: the default one, which needs no list of a provider that is out of reach."""
    return {
        "model": "scripted-small",
        "stream": stream,
        "messages": [{"role": "user", "content": content}],
    }


async def _plain(client: Client, fault: Fault, content: str) -> Cell:
    answer = await client.post("/v1/chat/completions", _question(content, stream=False))
    seen = f"{dict(answer.headers)} {answer.text}"
    if answer.status != 200:
        return _cell(fault, FACES[2], content, seen, answer.status, slug=_slug(answer.json()))
    choice = answer.json()["choices"][0]
    found = {"finish_reason": choice["finish_reason"], "text": choice["message"]["content"]}
    return _cell(fault, FACES[2], content, seen, 200, **found)


async def _streamed(client: Client, fault: Fault, content: str) -> Cell:
    async with client.open("POST", "/v1/chat/completions", json=_question(content, stream=True)) as response:
        body = await response.read()
        answer = Answer(response.status, response.headers, body)
    seen = f"{dict(answer.headers)} {answer.text}"
    if answer.status != 200:
        return _cell(fault, FACES[1], content, seen, answer.status, slug=_slug(answer.json()))
    return _cell(fault, FACES[1], content, seen, 200, **_folded(answer.text))


def _folded(body: str) -> dict[str, str]:
    """Text, finish reason and error of a stream of chunks."""
    found = {"text": "", "finish_reason": "", "slug": ""}
    for line in body.split("\n"):
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        chunk = json.loads(line.removeprefix("data: "))
        if "error" in chunk:
            found["slug"] = _slug(chunk)
        for choice in chunk.get("choices", ()):
            found["text"] += choice["delta"].get("content") or ""
            found["finish_reason"] = choice["finish_reason"] or found["finish_reason"]
    return found


def _slug(body: dict[str, Any]) -> str:
    error = body.get("error") or {}
    return str(error.get("code") or error.get("type") or "")


async def _outcome(world: World, cells: list[Cell]) -> Outcome:
    calls: dict[str, int] = {}
    for record in await world.provider_log():
        content = record["body"]["messages"][-1]["content"]
        calls[content] = calls.get(content, 0) + 1
    faults = {(cell.fault.name, cell.face): cell.faults(calls.get(cell.content, 0)) for cell in cells}
    outcome = Outcome()
    required = len(FAULTS) * len(FACES)
    outcome.exactly("cells_right", sum(not found for found in faults.values()), required)
    outcome.none_of("faults", [text for found in faults.values() for text in found])
    return outcome
