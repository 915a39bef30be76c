"""A10: no text and no setting of a user's makes the server ask another one. Played by the programme through `items`.

The sink is a real HTTP server on loopback; every way to spell its address goes into every field that takes text, into
messages, cards and tables. Providers that answer with a redirect are not followed either.
"""

import asyncio
import itertools
import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from tests.acceptance.clients import Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.sink import Sink
from tests.acceptance.stage import Stage, World

Schema = Mapping[str, Any]

# Fields of one body, and of these as many spellings as the merge set has time for; the next field goes on with the
# next ones.
MERGE_SPELLINGS = 6

# How a message makes somebody load something.
_CARRIERS = (
    "{}", "<{}>", "![picture]({})", "[link]({})", "![picture][ref]\n\n[ref]: {}", '<img src="{}">',
    '<link rel="stylesheet" href="{}">', '<svg><image href="{}"/></svg>', "Please open {} and tell what is there.",
    '{{"url": "{}"}}', "@{}", "file: {}",
)  # fmt: skip


async def forged_requests(stage: Stage) -> Outcome:
    """Every spelling into every field of every operation that takes a body or a query; then redirecting providers."""
    outcome = Outcome()
    async with Sink() as sink, stage.world() as world:
        spellings = list(_spellings(sink.port))
        outcome.at_least("spellings", len(spellings), 60)
        person = await world.join()
        each = stage.size(MERGE_SPELLINGS, len(spellings))
        faults = await _fields(world, person, spellings, each, outcome)
        faults += await _messages(person.at(world.servers[0].url), spellings)
        faults += await _files(person.at(world.servers[0].url), spellings)
        await asyncio.sleep(1)  # whatever was begun arrives
        outcome.none_of("hits", sink.taken())
        outcome.none_of("server_errors", faults)
        outcome.none_of("complaints_in_logs", world.complaints())
        await _watched(sink, outcome)
    await _redirects(stage, outcome)
    return outcome


async def _watched(sink: Sink, outcome: Outcome) -> None:
    """A sink that hears nothing would prove nothing."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{sink.port}/canary"):
        outcome.exactly("the sink hears", len(sink.taken()), 1)


# --- Addresses ------------------------------------------------------------------------------------------------------


def _spellings(port: int) -> Iterator[str]:
    """The sink by every name of loopback, by other schemes, behind other hosts; and what clouds keep for themselves."""
    hosts = (
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "127.1", "127.0.1", "127.0.0.2",
        "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "017700000001",
        "0177.0.0.01", "00000177.1", "127.000.000.001", "0", "0.0.0.0", "0000.0000.0000.0000", "[::1]", "[::]",  # noqa: S104  (asked for)
        "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1%25lo]", "[::1%25lo]",
        "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1%00.example.org", "127.0.0.1%2eexample.org", "user:word@127.0.0.1",
        "example.org@127.0.0.1", "127.0.0.1%0d%0aX-Injected:%201", "127.0.0.1\\@example.org",
    )  # fmt: skip
    for number, host in enumerate(hosts):
        yield f"http://{host}:{port}/spelling-{number}"
    for scheme in (
        "https",
        "HTTP",
        "ws",
        "ftp",
        "gopher",
        "dict",
        "ldap",
        "tftp",
        "sftp",
        "jar:http",
        "view-source:http",
    ):
        yield f"{scheme}://127.0.0.1:{port}/scheme"
    yield from (
        f"//127.0.0.1:{port}/relative", f"\\\\127.0.0.1@{port}\\share", f"http:/127.0.0.1:{port}/one",
        f"http:127.0.0.1:{port}", f"http://example.org#@127.0.0.1:{port}/", f"http://127.0.0.1:{port}#@example.org/",
        f"http://127.0.0.1:{port}/redirect?to=http://127.0.0.1:{port}/again", "file:///etc/passwd", "file://localhost/etc/passwd",
        "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://metadata.google.internal/",
        "http://100.100.100.200/latest/meta-data/", "http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/",
    )  # fmt: skip


# --- Fields ---------------------------------------------------------------------------------------------------------


async def _fields(
    world: World, person: Person, spellings: list[str], each: int, outcome: Outcome
) -> list[str]:
    """Into each text of each body and query of the OpenAPI document, beside what its neighbours need."""
    client = person.at(world.servers[0].url)
    document = (await client.get("/api/schema")).json()
    objects = await _objects(client)
    turn = itertools.cycle(spellings)
    requests = [
        (method, path.format_map(objects), place, name, _chosen(turn, each))
        for method, path, place, name in _text_fields(document)
    ]
    outcome.at_least("fields", len(requests), 100)
    faults: list[str] = []
    for method, path, place, name, chosen in requests:
        for spelling in chosen:
            faults += await _send(client, method, path, place, name, spelling)
    return faults


def _chosen(turn: Iterator[str], each: int) -> list[str]:
    return list(itertools.islice(turn, each))


async def _send(client: Client, method: str, path: str, place: Schema, name: str, spelling: str) -> list[str]:
    if place["in"] == "query":
        answer = await client.request(method, f"{path}?{urlencode({name: spelling})}")
    else:
        answer = await client.request(method, path, json={**place["rest"], name: spelling})
    return [f"{method} {path} {name}={spelling}: {answer}"] if answer.status >= 500 else []


async def _objects(client: Client) -> "_Names":
    conversation = await Conversation.begin(client)
    said = await _made(client, conversation.messages_path, {"content": "A word."})
    character = (await _made(client, "/api/characters", {"name": "Rosa"}))["id"]
    instance = (await _made(client, "/api/instances", {"character": character, "name": "Rosa"}))["id"]
    quote = (await _made(client, "/quote", {"content": "It rains again."}))["id"]
    return _Names(
        conversation_id=conversation.id,
        message_id=said["answer"]["id"],
        reference=character,
        instance_id=instance,
        quote_id=quote,
        provider="github",
    )


async def _made(client: Client, path: str, body: object) -> dict[str, Any]:
    answer = await client.post(path, body)
    if answer.status != 201:
        raise RuntimeError(f"POST {path}: {answer}")
    made: dict[str, Any] = answer.json()
    return made


class _Names(dict[str, str]):
    """Names in a path that nothing stands for are filled with an id that nobody has."""

    def __missing__(self, name: str) -> str:
        return "01939f00-0000-7000-8000-000000000000"


def _text_fields(document: Schema) -> Iterator[tuple[str, str, Schema, str]]:
    """Every operation with each of its fields, and what else the body needs."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path == "/accounts/logout":
                continue
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    yield method.upper(), path, {"in": "query"}, parameter["name"]
            content = operation.get("requestBody", {}).get("content", {})
            body = _resolved(document, content.get("application/json", {}).get("schema", {}))
            rest = {name: _example(document, body["properties"][name]) for name in body.get("required", ())}
            for name in body.get("properties", {}):
                yield method.upper(), path, {"in": "body", "rest": rest}, name


def _resolved(document: Schema, schema: Schema) -> Schema:
    if "$ref" in schema:
        found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _example(document: Schema, schema: Schema) -> object:
    kind = _resolved(document, schema).get("type")
    kinds: dict[str, object] = {"integer": 1, "number": 1, "boolean": True, "object": {}}
    if kind == "array":
        return [{"role": "user", "content": "A word."}]
    return kinds.get(str(kind), "A word")


# --- Messages and files ---------------------------------------------------------------------------------------------


async def _messages(client: Client, spellings: list[str]) -> list[str]:
    """Said, answered by an echo, and shown; also as parts of a message that name a picture or a file."""
    conversation = await Conversation.begin(client)
    faults: list[str] = []
    for start in range(0, len(spellings), 10):
        lines = [
            carrier.format(spelling) for spelling in spellings[start : start + 10] for carrier in _CARRIERS
        ]
        answer = await client.post(conversation.messages_path, {"content": "\n\n".join(lines)})
        faults += [f"message: {answer}"] if answer.status >= 500 else []
    page = await client.get(f"/c/{conversation.id}", headers={"Accept": "text/html"})
    faults += [f"page: {page}"] if page.status >= 500 else []
    for spelling in spellings[:12]:
        parts = [
            {"type": "image_url", "image_url": {"url": spelling}},
            {"type": "input_audio", "input_audio": {"data": spelling, "format": "wav"}},
            {"type": "file", "file": {"file_url": spelling}},
        ]
        messages = [{"role": "user", "content": [part]} for part in parts]
        body = {"model": "scripted-small", "messages": messages}
        answers = [
            await client.post("/v1/chat/completions", body),
            await client.post("/chat", {"content": "See this.", "attachments": [{"url": spelling}]}),
        ]
        faults += [f"part: {answer}" for answer in answers if answer.status >= 500]
    return faults


async def _files(client: Client, spellings: list[str]) -> list[str]:
    """Cards whose every field is an address, pictures that refer to others, tables of quotes."""
    files: dict[tuple[str, str], bytes] = {}
    for number, spelling in enumerate(spellings):
        files["/api/characters/import", f"card-{number}.json"] = _card(spelling)
        if number % 6 == 0:
            files["/api/characters/import", f"card-{number}.png"] = _png(_card(spelling))
            files["/quote/import", f"table-{number}.csv"] = (
                f"content,source\n{spelling},{spelling}\n".encode()
            )
            svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{spelling}"/></svg>'.encode()
            files["/api/characters/import", f"card-{number}.svg"] = svg
            files["/api/characters/import", spelling] = b"{}"
    faults: list[str] = []
    for (path, name), content in files.items():
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("file", content, filename=name)
        answer = await client.post(path, data=form)
        faults += [f"{path} {name}: {answer}"] if answer.status >= 500 else []
    return faults


def _card(spelling: str) -> bytes:
    """A card V3 that names an address wherever the specification has room for one."""
    asset = {"type": "icon", "uri": spelling, "name": "main", "ext": "png"}
    data = {
        "name": spelling[:60], "description": spelling, "first_mes": f"![]({spelling})", "creator": spelling,
        "avatar": spelling, "assets": [asset, {**asset, "type": "background"}], "source": [spelling],
        "extensions": {"world": spelling, "url": spelling}, "character_book": {"name": spelling, "entries": []},
    }  # fmt: skip
    return json.dumps(
        {"spec": "chara_card_v3", "spec_version": "3.0", "avatar": spelling, "data": data}
    ).encode()


def _png(card: bytes) -> bytes:
    """One pixel, and the card in a text chunk as other programs write it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"ccv3\0" + b64encode(card))
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


# --- Redirects ------------------------------------------------------------------------------------------------------


async def _redirects(stage: Stage, outcome: Outcome) -> None:
    """A provider of models and one of identities that answer every request with a redirect to the sink."""
    async with Sink() as sink, Redirecting(f"http://127.0.0.1:{sink.port}/elsewhere") as provider:
        hosts = ("GITHUB_URL", "GITHUB_API_URL", "KAKAO_AUTH_URL", "KAKAO_API_URL")
        own: dict[str, Any] = dict.fromkeys(hosts, provider.url)
        for name in ("GITHUB", "KAKAO"):
            own |= {f"{name}_CLIENT_ID": "the-client", f"{name}_CLIENT_SECRET": "the-secret"}
        async with stage.world(
            OPENAI_BASE_URL=f"{provider.url}/v1", TERTULIA_DEFAULT_MODEL="a-model", **own
        ) as world:
            client = (await world.join()).at(world.servers[0].url)
            answers = {
                "models": await client.get("/api/models"),
                "message": await client.post("/chat", {"content": "A word."}),
                "facade": await client.post(
                    "/v1/chat/completions",
                    {"model": "a-model", "messages": [{"role": "user", "content": "A word."}]},
                ),
            }
            for name in ("github", "kakao"):
                answers[name] = await _sign_in(world, name)
            outcome.at_least("redirects_answered", provider.asked, len(answers))
            outcome.none_of("redirects_followed", sink.taken())
            outcome.note("after_a_redirect", {name: answer.status for name, answer in answers.items()})
            taken = [
                f"{name}: {answer}" for name, answer in answers.items() if answer.status in (200, 201, 500)
            ]
            outcome.none_of(
                "redirects_taken_for_answers", [each for each in taken if not each.startswith("models: 200")]
            )


async def _sign_in(world: World, provider: str) -> Any:
    begun = (await world.anyone.get(f"/accounts/{provider}/login")).json()
    state = parse_qs(urlsplit(begun["authorization_url"]).query)["state"][0]
    return await world.anyone.post(f"/accounts/{provider}/token", {"code": "a-code", "state": state})


class Redirecting:
    """An HTTP server that sends everybody elsewhere, in turn by each status that does so."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.asked = 0
        self.url = ""

    async def __aenter__(self) -> "Redirecting":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))
        status = (
            "301 Moved Permanently",
            "302 Found",
            "303 See Other",
            "307 Temporary Redirect",
            "308 Permanent Redirect",
        )
        turn = status[self.asked % len(status)]
        self.asked += 1
        lines = [
            f"HTTP/1.1 {turn}",
            f"Location: {self.target}",
            "Content-Length: 0",
            "Connection: close",
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        writer.close()
