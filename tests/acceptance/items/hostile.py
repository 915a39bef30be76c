"""I2, I5: bad input answers 4xx naming what is wrong, never 5xx, and leaves nothing behind. Played through `items`."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from yarl import URL

from tests.acceptance.clients import Answer, Client, Conversation
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World

logger = logging.getLogger(__name__)

_DEEP = 5000
_BODY_LIMIT = 2**20

# Strings that broke something somewhere: control characters, halves of pairs, lengths, other alphabets, code.
STRINGS: Mapping[str, str] = {
    "empty": "",
    "blank": " \t\n",
    "NUL": "a\0b",
    "only NUL": "\0",
    "lone high surrogate": "a\ud83d",
    "lone low surrogate": "\ude00b",
    "swapped surrogates": "\ude00\ud83d",
    "BOM": "\ufefftext",
    "noncharacter": "\uffff\ufffe",
    "right to left": "\u202egnp.exe",
    "zero width": "\u200b\u200d\u2060",
    "line separators": "a\u2028b\u2029c\x85d",
    "combining": "e" + "\u0301" * 500,
    "emoji": "👩\u200d👩\u200d👧" * 50,
    "control": "".join(map(chr, range(1, 32))),
    "escape": "\x1b[31mred\x1b[0m",
    "long": "x" * 200_000,
    "long word of four bytes": "𝒳" * 100_001,
    "SQL": "'; DROP TABLE accounts_user; --",
    "SQL wildcard": "%_\\%",
    "template": "{{ 7*7 }}{% load x %}${7*7}<%= 7 %>",
    "format": "%s%n{0}{__class__}",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "path": "../../../../etc/passwd",
    "URL": "http://169.254.169.254/latest/meta-data/",
    "header": "a\r\nSet-Cookie: b=c",
    "number": "1e309",
    "true": "true",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "korean": "한글 조합 ㅎㅏㄴ",
    "hebrew and arabic": "שלום مرحبا",
    "turkish": "İıIi",
}

# JSON values of the wrong kind for any text field.
VALUES: Mapping[str, Any] = {
    "null": None,
    "number": 7,
    "huge number": 10**400,
    "negative zero": -0.0,
    "true": True,
    "list": ["a"],
    "empty list": [],
    "object": {"a": "b"},
    "nested": {"a": {"b": [{"c": None}]}},
    "key with NUL": {"a\0b": 1},
    "key with a lone surrogate": {"\ud800": 1},
}

# Whole bodies, as bytes, with their content type.
BODIES: Mapping[str, tuple[bytes, str]] = {
    "empty": (b"", "application/json"),
    "cut": (b'{"content": "a', "application/json"),
    "NaN": (b'{"content": NaN}', "application/json"),
    "Infinity": (b'{"content": "a", "parameters": {"temperature": Infinity}}', "application/json"),
    "number": (b"7", "application/json"),
    "string": (b'"a"', "application/json"),
    "null": (b"null", "application/json"),
    "list": (b"[1, 2]", "application/json"),
    "deep list": (b"[" * _DEEP + b"]" * _DEEP, "application/json"),
    "deep object": (b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, "application/json"),
    "duplicate keys": (b'{"content": "a", "content": 7}', "application/json"),
    "not UTF-8": (b'{"content": "\xff\xfe"}', "application/json"),
    "UTF-16": ('{"content": "a"}'.encode("utf-16"), "application/json"),
    "BOM": (b"\xef\xbb\xbf{}", "application/json"),
    "other charset": (b"{}", "application/json; charset=utf-7"),
    "form": (b"content=a", "application/x-www-form-urlencoded"),
    "multipart without boundary": (b"content=a", "multipart/form-data"),
    "XML": (b"<a/>", "application/xml"),
    "no type": (b"{}", ""),
    "odd type": (b"{}", "a/b/c; d"),
    "long number": (b'{"seed": ' + b"9" * 5000 + b"}", "application/json"),
    "many keys": (json.dumps({f"k{n}": n for n in range(20_000)}).encode(), "application/json"),
}

# Text fields: where each is sent, and what else its request needs.
FIELDS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    ("POST", "/accounts/join", "email", {"nickname": "Nell", "password": "a long walk by the river"}),
    ("POST", "/accounts/join", "nickname", {"email": "no address", "password": "a long walk by the river"}),
    ("POST", "/accounts/join", "password", {"email": "no address", "nickname": "Nell"}),
    ("POST", "/accounts/login", "email", {"password": "a long walk by the river"}),
    ("POST", "/accounts/refresh", "refresh", {}),
    ("PUT", "/accounts/profile", "nickname", {}),
    ("PUT", "/accounts/profile", "email", {"current_password": "wrong"}),
    ("PUT", "/accounts/profile", "time_zone", {}),
    ("PUT", "/accounts/profile", "language", {}),
    ("POST", "/chat", "content", {}),
    ("POST", "/chat", "model", {"content": "A word."}),
    ("POST", "/chat", "conversation", {"content": "A word."}),
    ("POST", "/chat", "stop", {"content": "A word."}),
    ("POST", "/api/messages/create", "prompt_message", {}),
    ("POST", "/api/conversations", "title", {}),
    ("POST", "{messages}", "content", {}),
    ("POST", "{messages}", "parent", {"content": "A word."}),
    ("POST", "{messages}", "parameters", {"content": "A word."}),
    ("PATCH", "{answer}", "feedback", {}),
    ("POST", "/v1/chat/completions", "model", {"messages": [{"role": "user", "content": "A word."}]}),
    ("POST", "/v1/chat/completions", "messages", {"model": "scripted-small"}),
)

_QUERIES = (
    "/chat?page={}", "/chat?per_page={}", "/chat/{}", "/api/messages?page={}", "/api/messages/{}",
    "/api/conversations?cursor={}", "/api/conversations/{}", "{messages}?leaf={}", "{messages}?cursor={}",
    "/api/generations/{}/events", "/api/generations/{}/events?last_event_id={}", "/v1/models/{}", "/{}",
)  # fmt: skip
_HEADERS = ("Idempotency-Key", "Last-Event-ID", "Accept", "Accept-Language", "X-Forwarded-For", "Origin")


async def bad_input(stage: Stage) -> Outcome:
    """Every trap into every field, query and header; after each the process answers and every list can be read."""
    outcome = Outcome()
    async with stage.world() as world:
        person = await world.join()
        client = person.at(world.servers[0].url)
        conversation = await Conversation.begin(client)
        sent = await client.post(conversation.messages_path, {"content": "A word."})
        places = {
            "messages": conversation.messages_path,
            "answer": f"/api/messages/{sent.json()['answer']['id']}",
        }
        seen: dict[str, int] = {}
        faults: list[str] = []
        async for name, answer in _traps(client, places):
            seen[name] = answer.status
            if answer.status >= 500 or answer.status == 0:
                faults.append(f"{name}: {answer}")
            if len(seen) % 20 == 0:
                faults += await _aftermath(client, conversation, name)
        faults += await _aftermath(client, conversation, "the last one")
        outcome.at_least("cases", len(seen), 700)
        outcome.none_of("faults", faults)
        # Equal on both databases, unless one of them takes what the other refuses.
        digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:12]
        outcome.note("digest_of_statuses", digest)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _traps(client: Client, places: Mapping[str, str]) -> AsyncIterator[tuple[str, Answer]]:
    for method, path, field, rest in FIELDS:
        for name, value in (*STRINGS.items(), *VALUES.items()):
            body = json.dumps({**rest, field: value}).encode()
            yield (
                f"{method} {path} {field}: {name}",
                await _send(client, method, path.format(**places), body, "application/json"),
            )
    for path in ("/chat", "/api/messages/create", "{messages}", "/accounts/login", "/v1/chat/completions"):
        for name, (body, content_type) in BODIES.items():
            yield (
                f"{path} body: {name}",
                await _send(client, "POST", path.format(**places), body, content_type),
            )
    async for each in _addressed(client, places):
        yield each


async def _addressed(client: Client, places: Mapping[str, str]) -> AsyncIterator[tuple[str, Answer]]:
    """Traps in the address and in headers, as far as HTTP can carry them."""
    for pattern in _QUERIES:
        for name, text in STRINGS.items():
            if name.startswith(("long", "combining")):
                continue
            quoted = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
            path = pattern.replace("{messages}", places["messages"]).replace("{}", quoted)
            yield f"{pattern}: {name}", await _send(client, "GET", path, b"", "")
    for header in _HEADERS:
        for name in ("SQL", "path", "number", "format", "HTML", "URL"):
            yield f"{header}: {name}", await _send(client, "GET", "/chat", b"", "", {header: STRINGS[name]})


async def _send(
    client: Client,
    method: str,
    path: str,
    body: bytes,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    typed = {"Content-Type": content_type} if content_type else {}
    # Encoded by hand: the client must not mend what is sent on purpose.
    url = URL(client.url + path, encoded=True)
    try:
        async with client.session.request(
            method,
            url,
            data=body,
            headers={"Accept": "application/json", **client.headers, **typed, **(headers or {})},
            skip_auto_headers=["Content-Type"],
            allow_redirects=False,
        ) as response:
            return Answer(response.status, response.headers, await response.read())
    except aiohttp.ClientError as error:
        return Answer(0, {}, repr(error).encode())


async def _aftermath(client: Client, conversation: Conversation, name: str) -> list[str]:
    """A row that cannot be shown would spoil every list that holds it."""
    paths = (
        "/healthz",
        "/chat",
        "/api/messages",
        "/api/conversations",
        conversation.messages_path,
        "/accounts/profile",
    )
    answers = {path: await client.get(path) for path in paths}
    return [f"after {name}: {path}: {answer}" for path, answer in answers.items() if answer.status != 200]


# --- I5: bodies and headers without measure -------------------------------------------------------------------------


async def endless_requests(stage: Stage) -> Outcome:
    """Bodies without length, with a false one and without end, thousands of headers, headers that never end."""
    outcome = Outcome()
    async with stage.world() as world:
        person = await world.join()
        port = int(world.servers[0].url.rpartition(":")[2])
        before = world.servers[0].resident_bytes()
        outcome.exactly(
            "declared_10_GB", await _status(port, _head(person.access, "Content-Length: 10000000000")), 413
        )
        endless = await _megabytes_taken(port, _head(person.access, "Transfer-Encoding: chunked"))
        outcome.at_most("megabytes_taken_of_endless_chunks", endless, 16)
        lying = _head(person.access, "Content-Length: 10") + b'{"content": "' + b"a" * 100_000
        outcome.exactly("more_than_declared", await _status(port, lying) in (400, 413), True)
        many = _head(person.access, *(f"X-Header-{n}: {n}" for n in range(10_000)))
        outcome.exactly("10000_headers", await _status(port, many) in (400, 413, 431), True)
        same = _head(person.access, *("X-Same: 1" for _ in range(10_000)))
        outcome.exactly("10000_equal_headers", await _status(port, same) in (400, 413, 431), True)
        anonymous = b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
        outcome.exactly("anonymous_10_GB", await _status(port, anonymous), 413)
        outcome.exactly("slow_headers_served_beside", await _beside_slow_headers(world, port), 200)
        await asyncio.sleep(0.5)
        outcome.at_most("grown_megabytes", (world.servers[0].resident_bytes() - before) / 2**20, 32)
        outcome.exactly("alive", (await world.anyone.get("/readyz")).status, 200)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _head(access: str, *lines: str) -> bytes:
    head = [
        "POST /chat HTTP/1.1",
        "Host: localhost",
        "Accept: application/json",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*head, f"Authorization: Bearer {access}", *lines, "", ""]).encode()


async def _chunks() -> AsyncIterator[bytes]:
    """Ten gigabytes, if anybody takes them."""
    chunk = b"%x\r\n%s\r\n" % (2**16, b"a" * 2**16)
    for _ in range(10 * 2**30 // 2**16):
        yield chunk


async def _status(port: int, head: bytes) -> int:
    """The status of the answer to these bytes; 0 when there is none within ten seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            writer.write(head)
            line = (await reader.readline()).split()
            return int(line[1]) if len(line) > 1 else 0
    except (OSError, TimeoutError):
        return 0
    finally:
        writer.transport.abort()


async def _megabytes_taken(port: int, head: bytes) -> float:
    """How much of an endless body went out before the other side answered or closed; some of it fills buffers.

    The answer itself may be lost: who closes a connection on which more arrives sends a reset after it.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(reader.readline())
    taken = 0
    try:
        async with asyncio.timeout(20):
            writer.write(head)
            async for chunk in _chunks():
                writer.write(chunk)
                await writer.drain()
                taken += len(chunk)
                if answered.done():
                    break
    except OSError:
        logger.debug("closed after %d bytes", taken)
    finally:
        answered.cancel()
        writer.transport.abort()
    return taken / 2**20


async def _beside_slow_headers(world: World, port: int) -> int:
    """The status of an ordinary request while 200 connections send a header byte now and then."""
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    until = time.monotonic() + 3
    while time.monotonic() < until:
        for _, writer in slow:
            writer.write(b"G")
        await asyncio.sleep(1)
    status = (await world.anyone.get("/readyz")).status
    for _, writer in slow:
        writer.transport.abort()
    return status
