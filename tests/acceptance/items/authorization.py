"""A1 to A6: nobody but the owner, by whatever address, id, field or credential. Played through `items`."""

import asyncio
import base64
import datetime as dt
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt

from tests.acceptance.clients import PASSWORD, Answer, Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.matrix import API, PAGES, Row, Rule
from tests.acceptance.stage import SECRET_KEY, Stage, World

_number = itertools.count(1)

_UNKNOWN = "01939f00-0000-7000-8000-000000000000"
_NAMES = re.compile(r"\{(\w+)\}")

_LIST_ROUTES = """
import json
from django.urls import get_resolver
def walk(patterns, prefix=""):
    for each in patterns:
        address = prefix + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from walk(each.url_patterns, address)
        else:
            yield address
print("ROUTES", json.dumps(list(walk(get_resolver().url_patterns))))
"""


# --- The cast -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cast:
    """A client for each role, and a way to make one more Alice."""

    world: World
    roles: dict[str, Client]
    alice: Person
    mona: Person

    @classmethod
    async def gather(cls, world: World) -> "Cast":
        alice, bob, mona, root, charlie, dora = [
            await world.join(name) for name in ("alice", "bob", "mona", "root", "charlie", "dora")
        ]
        await asyncio.to_thread(
            world.command,
            "shell",
            "-v0",
            "-c",
            "from tertulia.accounts.models import User;"
            f"User.objects.filter(email={mona.email!r}).update(is_staff=True);"
            f"User.objects.filter(email={root.email!r}).update(is_staff=True, is_superuser=True);"
            f"User.objects.filter(email={charlie.email!r}).update(is_active=False)",
        )
        url = world.servers[0].url
        erased = await dora.at(url).delete("/accounts/profile", {"current_password": PASSWORD})
        assert erased.status == 204, erased
        people = {"alice": alice, "bob": bob, "mona": mona, "root": root, "charlie": charlie, "dora": dora}
        roles = {name: person.at(url) for name, person in people.items()}
        roles["anonymous"] = world.anyone
        roles["expired"] = world.anyone.with_headers(
            Authorization=f"Bearer {resigned(alice.access, exp=-60)}"
        )
        return cls(world, roles, alice, mona)


def resigned(token: str, *, exp: int | None = None, key: str = SECRET_KEY, **changes: object) -> str:
    """The same token with other claims, signed as whoever knows `key` can."""
    claims = jwt.decode(token, options={"verify_signature": False})
    if exp is not None:
        claims["exp"] = int(dt.datetime.now(dt.UTC).timestamp()) + exp
    return jwt.encode(claims | changes, key, algorithm="HS256")


# --- A1: the matrix -------------------------------------------------------------------------------------------------


async def matrix(stage: Stage) -> Outcome:
    """Every declared cell is played; the table is compared with the server's own addresses and its OpenAPI."""
    outcome = Outcome()
    async with stage.world() as world:
        outcome.none_of("undeclared_routes", await _undeclared(world))
        outcome.none_of("undeclared_operations", await _undeclared_operations(world))
        cast = await Cast.gather(world)
        wrong: list[str] = []
        cells = 0
        for row in API:
            answers = await _play_row(cast, row)
            cells += len(answers)
            wrong += _wrong_cells(row, answers)
        outcome.note("cells", cells)
        outcome.none_of("wrong_cells", wrong)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _undeclared(world: World) -> list[str]:
    """Addresses of the server that are not in the table, and the other way round. The admin is Django's own."""
    printed = await asyncio.to_thread(world.command, "shell", "-v0", "-c", _LIST_ROUTES)
    routes = json.loads(re.search(r"ROUTES (.*)", printed)[1])  # type: ignore[index]
    live = {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) for route in routes}
    live = {route for route in live if not route.startswith(("/admin/", "/^admin/", "/static/"))}
    declared = {row.path for row in (*API, *PAGES)}
    return [f"not in the table: {route}" for route in sorted(live - declared)] + [
        f"not on the server: {route}" for route in sorted(declared - live)
    ]


async def _undeclared_operations(world: World) -> list[str]:
    """Operations of the OpenAPI document that are not in the table, and the other way round."""
    schema = (await world.anyone.get("/api/schema")).json()
    live = {
        (method.upper(), path)
        for path, operations in schema["paths"].items()
        for method in operations
        if method in ("get", "post", "put", "patch", "delete")
    }
    # Health and the document itself describe no operation of the API; unknown addresses have none.
    apart = ("/healthz", "/readyz", "/metrics", "/api/schema", "/api/docs", "/v1/{rest}")
    declared = {(row.method, row.path) for row in API if row.path not in apart}
    return [f"{method} {path}" for method, path in sorted(live ^ declared)]


async def _play_row(cast: Cast, row: Row) -> dict[str, Answer]:
    """All roles, the owner last because some cells end their object; and an id that nobody has."""
    things = await things_of(cast, row)
    path = row.path.format(**things)
    order = ["anonymous", "expired", "charlie", "dora", "bob", "mona", "root", "alice"]
    if path == "/accounts/logout":
        order = order[:4]  # ends the logins that the other rows need; A8 has its own
    answers = {role: await _send(cast.roles[role], row, path, things) for role in order}
    if row.rule is Rule.OWNER:
        unknown = row.path.format(**dict.fromkeys(things, _UNKNOWN))
        answers["unknown"] = await _send(cast.roles["bob"], row, unknown, things)
    return answers


async def _send(client: Client, row: Row, path: str, things: Mapping[str, str]) -> Answer:
    if row.form:
        form = aiohttp.FormData({"unknown": "field"}, default_to_multipart=True)
        return await client.request(row.method, path, data=form)
    return await client.request(row.method, path, json=_filled(row.body, things))


def _filled(body: object, things: Mapping[str, str]) -> object:
    if isinstance(body, dict):
        things = {**things, "number": str(next(_number))}
        return {
            name: value.format(**things) if isinstance(value, str) else value for name, value in body.items()
        }
    return body


def _wrong_cells(row: Row, answers: Mapping[str, Answer]) -> list[str]:
    expected = {role: _expected(row, role) for role in answers}
    wrong = [
        f"{row.method} {row.path} as {role}: {answer.status}, required {expected[role]}; {answer.text[:120]}"
        for role, answer in answers.items()
        if answer.status != expected[role]
    ]
    if row.rule is Rule.OWNER and answers["bob"].body != answers["unknown"].body:
        wrong.append(
            f"{row.method} {row.path}: foreign and unknown differ: {answers['bob']} {answers['unknown']}"
        )
    return wrong


def _expected(row: Row, role: str) -> int:
    if row.rule is Rule.PUBLIC:
        return row.status
    if role in ("expired", "charlie", "dora") or (role == "anonymous" and row.rule is not Rule.VISITOR):
        return 401
    if role == "unknown":
        return 404
    if row.rule is Rule.OWNER and role != "alice":
        return 404
    if (row.rule is Rule.AUTHOR and role != "alice") or (row.rule is Rule.STAFF and role in ("alice", "bob")):
        return 403
    return row.status


# --- Objects --------------------------------------------------------------------------------------------------------


async def things_of(cast: Cast, row: Row) -> dict[str, str]:
    """Fresh objects of Alice's for the names in a row's path and body."""
    alice = cast.roles["alice"]
    names = set(_NAMES.findall(row.path + json.dumps(row.body)))
    things = {"model_id": "scripted-small", "rest": "nothing", "part": "0", "token": "nothing"}
    things |= {"provider": "github", "login_id": _UNKNOWN}
    if "key_id" in names:
        things["key_id"] = (await _created(alice, "/api/keys", {"name": "A key"}))["id"]
    if names & {"conversation_id", "exchange_id", "message_id", "generation_id"}:
        things |= await _said(alice)
    if names & {"reference", "instance_id", "entry_id"}:
        things["reference"] = (await _created(alice, "/api/characters", {"name": "Rosa"}))["id"]
    if names & {"instance_id", "entry_id"}:
        body = {"character": things["reference"], "name": f"Rosa {things['reference']}"}
        things["instance_id"] = (await _created(alice, "/api/instances", body))["id"]
        entries = f"/api/instances/{things['instance_id']}/entries"
        things["entry_id"] = (await _created(alice, entries, {"text": "She likes tea."}))["id"]
    if "quote_id" in names:
        things["quote_id"] = (await _created(alice, "/quote", {"content": f"Line number {next(_number)}."}))[
            "id"
        ]
    return {name: thing for name, thing in things.items() if name in names}


async def _said(client: Client) -> dict[str, str]:
    conversation = await Conversation.begin(client)
    body = await _created(client, conversation.messages_path, {"content": "A word."})
    return {
        "conversation_id": conversation.id,
        "generation_id": body["generation"],
        "exchange_id": body["user_message"]["id"],
        "message_id": body["answer"]["id"],
    }


async def _created(client: Client, path: str, body: object) -> dict[str, Any]:
    answer = await client.post(path, body)
    if answer.status != 201:
        raise RuntimeError(f"POST {path}: {answer}")
    created: dict[str, Any] = answer.json()
    return created


# --- A2, A3: ids inside paths and bodies ----------------------------------------------------------------------------


async def foreign_references(stage: Stage) -> Outcome:
    """Every id that a body or a nested path names: another parent's, another person's, nobody's."""
    outcome = Outcome()
    async with stage.world() as world:
        alice, bob = [(await world.join(name)).at(world.servers[0].url) for name in ("alice", "bob")]
        mine, other, theirs = await _said(alice), await _said(alice), await _said(bob)
        messages = f"/api/conversations/{mine['conversation_id']}/messages"
        outcome.none_of(
            "accepted_or_told_apart",
            [
                *await _told_apart(
                    alice, "POST", messages, "parent", theirs["message_id"], other["message_id"]
                ),
                *await _told_apart(alice, "POST", "/chat", "conversation", theirs["conversation_id"]),
                *await _told_apart(alice, "POST", messages, "instance", theirs["message_id"]),
                *await _told_apart(
                    alice,
                    "PATCH",
                    messages.removesuffix("/messages"),
                    "leaf",
                    theirs["message_id"],
                    other["message_id"],
                ),
                *await _leaf_told_apart(alice, messages, theirs["message_id"], other["message_id"]),
            ],
        )
        before = await Conversation(bob, theirs["conversation_id"]).messages()
        outcome.exactly("messages_of_the_other", len(before), 2)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _told_apart(client: Client, method: str, path: str, field: str, *ids: str) -> list[str]:
    """Foreign ids must be refused in the very words of an unknown one."""
    base = {"content": "A word."} if method == "POST" else {}
    answers = {id: await client.request(method, path, json={**base, field: id}) for id in (_UNKNOWN, *ids)}
    unknown = answers.pop(_UNKNOWN)
    return [
        f"{method} {path} {field}: {answer} / unknown: {unknown}"
        for answer in answers.values()
        if answer.status not in (400, 404) or answer.body != unknown.body
    ]


async def _leaf_told_apart(client: Client, path: str, *ids: str) -> list[str]:
    unknown = await client.get(f"{path}?leaf={_UNKNOWN}")
    answers = [await client.get(f"{path}?leaf={id}") for id in ids]
    return [
        f"GET {path}?leaf=: {answer} / unknown: {unknown}"
        for answer in answers
        if answer.status not in (400, 404) or answer.body != unknown.body
    ]


# --- A4: credentials ------------------------------------------------------------------------------------------------


async def credentials(stage: Stage) -> Outcome:
    """Every carrier reaches the same; 30 forged credentials reach nothing; a suspended person's reach nothing."""
    outcome = Outcome()
    async with stage.world() as world:
        person, bob = await world.join(), await world.join("bob")
        key = await asyncio.to_thread(world.command, "apikey", person.email)
        good = {
            "jwt": {"Authorization": f"Bearer {person.access}"},
            "jwt, lower case": {"Authorization": f"bearer {person.access}"},
            "the origin's spelling": {"Authentication": f"bearer {person.access}"},
            "API key": {"Authorization": f"Bearer {key}"},
            "signed again": {"Authorization": f"Bearer {resigned(person.access)}"},
        }
        seen = {name: await world.anyone.get("/api/usage", headers=headers) for name, headers in good.items()}
        outcome.exactly("statuses_of_carriers", sorted({answer.status for answer in seen.values()}), [200])
        outcome.exactly("different_answers_of_carriers", len({answer.body for answer in seen.values()}), 1)
        forged = _forged(person, bob, key)
        outcome.at_least("forged", len(forged), 30)
        accepted = [
            f"{name}: {answer.status}"
            for name, headers in forged.items()
            if (answer := await world.anyone.get("/api/usage", headers=headers)).status != 401
        ]
        outcome.none_of("forged_not_refused", accepted)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _forged(person: Person, bob: Person, key: str) -> dict[str, dict[str, str]]:
    header, payload, signature = person.access.split(".")
    claims = jwt.decode(person.access, options={"verify_signature": False})
    other = jwt.decode(bob.access, options={"verify_signature": False})
    none = _encoded({"alg": "none", "typ": "JWT"})
    tokens = {
        "alg none": f"{none}.{payload}.",
        "alg None": f"{_encoded({'alg': 'None'})}.{payload}.",
        "alg none with signature": f"{none}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "no third part": f"{header}.{payload}",
        "cut signature": f"{header}.{payload}.{signature[:-4]}",
        "bob's signature": f"{header}.{payload}.{bob.access.split('.')[2]}",
        "another payload": f"{header}.{_encoded(claims | {'sub': other['sub']})}.{signature}",
        "another key": resigned(person.access, key="another key, of sufficient length: " + "0" * 40),
        "an empty key": jwt.encode(claims, "", algorithm="HS256") if _takes_empty_key() else "a.b.c",
        "expired": resigned(person.access, exp=-60),
        "without expiry": jwt.encode(
            {n: v for n, v in claims.items() if n != "exp"}, SECRET_KEY, algorithm="HS256"
        ),
        "the refresh token": person.refresh,
        "use refresh": resigned(person.access, token_use="refresh"),
        "use nothing": resigned(person.access, token_use=None),
        "another subject, own session": resigned(person.access, sub=other["sub"]),
        "unknown session": resigned(person.access, sid="A" * 64),
        "empty session": resigned(person.access, sid=""),
        "number as session": resigned(person.access, sid=1),
        "list as subject": resigned(person.access, sub=["x"]),
        "HS512": jwt.encode(claims, SECRET_KEY, algorithm="HS512"),
        "empty": "",
        "dots": "..",
        "words": "null undefined",
        "not ASCII in base64": "ÿÿÿ.ÿÿÿ.ÿÿÿ",
        "long": "A" * 6000,
        "SQL": "' OR 1=1 --",
        "key cut": key[:-1],
        "key lengthened": key + "A",
        "key in capitals": key.upper(),
        "key prefix": key[:12],
        "key of nobody": "tt_" + "A" * 43,
    }
    forged = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
    return forged | {
        "no scheme": {"Authorization": person.access},
        "Basic": {
            "Authorization": "Basic " + base64.b64encode(f"{person.email}:{PASSWORD}".encode()).decode()
        },
        "two that differ": {
            "Authorization": f"Bearer {person.access}",
            "Authentication": f"bearer {bob.access}",
        },
        "x-api-key": {"X-Api-Key": key},
        "key as cookie": {"Cookie": f"session={key}"},
        "session id as cookie": {"Cookie": f"session={claims['sid']}"},
    }


def _encoded(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _takes_empty_key() -> bool:
    try:
        jwt.encode({}, "", algorithm="HS256")
    except Exception:  # noqa: BLE001  (whatever the library's version raises for it)
        return False
    return True


# --- A5: fields that are not the client's to set --------------------------------------------------------------------

_EVIL: Mapping[str, object] = {
    "id": _UNKNOWN,
    "user": _UNKNOWN,
    "user_id": _UNKNOWN,
    "owner": _UNKNOWN,
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "daily_quota": 1000,
    "quota": {"limit": 1000},
    "used": 0,
    "status": "complete",
    "role": "system",
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "last_login": "2001-01-01T00:00:00Z",
    "ip_address": "192.0.2.1",
    "origin": "openai",
    "worker_id": _UNKNOWN,
    "applied_at": "2001-01-01T00:00:00Z",
    "base_url": "http://192.0.2.1/",
}


async def mass_assignment(stage: Stage) -> Outcome:
    """Every write with every field that a client must not set: refused by name, or without any effect."""
    outcome = Outcome()
    async with stage.world() as world:
        cast = await Cast.gather(world)
        client = cast.roles["alice"]
        rows = [row for row in API if row.method in ("POST", "PUT", "PATCH") and isinstance(row.body, dict)]
        rows = [row for row in rows if row.rule is not Rule.PUBLIC and row.path != "/accounts/logout"]
        accepted = []
        for row in rows:
            things = await things_of(cast, row)
            path, body = row.path.format(**things), row.body
            assert isinstance(body, dict)
            for name, value in _EVIL.items():
                answer = await client.request(row.method, path, json={**body, name: value})
                if not _is_refused(answer, name) and not (name == "user" and row.path.startswith("/v1/")):
                    accepted.append(f"{row.method} {row.path} {name}: {answer.status} {answer.text[:80]}")
        outcome.at_least("writes", len(rows) * len(_EVIL), 200)
        outcome.none_of("accepted", accepted)
        ranks = "SELECT count(*) FROM accounts_user WHERE email = %s AND (is_staff OR daily_quota > 0)"
        outcome.exactly("ranks_of_alice", world.database.rows(ranks, cast.alice.email)[0][0], 0)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


def _is_refused(answer: Answer, name: str) -> bool:
    """The field is named, in problem JSON or in OpenAI's shape."""
    if answer.status not in (400, 403):
        return False
    body = answer.json()
    return (
        name in body.get("errors", {}) or body.get("error", {}).get("param") == name or answer.status == 403
    )


# --- A6: lists ------------------------------------------------------------------------------------------------------


ROWS = 1000
# So many of them are said, which takes the longer way; the others are brought in by an import.
SAID = 60
# What tells whose a row of the list is.
_LISTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "/chat?per_page=50": lambda row: f"{row['user']} {row['content']}",
    "/api/messages": lambda row: str(row["prompt_message"]),
    "/api/conversations?limit=100": lambda row: str(row["title"]),
    "/api/conversations?limit=100&q=row": lambda row: str(row["title"]),
    "/api/search?limit=100&q=brought": lambda row: f"{row['title']} {row['excerpt']}",
}
_COUNTS = {"/api/search?limit=100&q=brought": ROWS - SAID}


async def lists(stage: Stage) -> Outcome:
    """Two people with many rows each: every list, page after page, has one's own rows and no other."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        names = ("alice", "bob")
        people = [await world.join(name) for name in names]
        clients = [person.at(world.servers[n].url) for n, person in enumerate(people)]
        await asyncio.gather(*(_fill(client, name) for client, name in zip(clients, names, strict=True)))
        foreign, uncached = [], []
        for client, name, other in zip(clients, names, reversed(names), strict=True):
            for path, read in _LISTS.items():
                found, answers = await _all_pages(client, path)
                told = [read(row) for row in found]
                own = sum(name in each and other not in each for each in told)
                if not own == len(found) == len(set(told)) == _COUNTS.get(path, ROWS):
                    foreign.append(
                        f"{path}: {len(found)} rows of {name}, {own} own, {len(set(told))} different"
                    )
                uncached += [
                    f"{path}: {a.headers.get('Cache-Control')}" for a in answers if not _is_private(a)
                ]
            export = await client.get("/accounts/export")
            foreign += [f"export: {fault}" for fault in _foreign_in_export(export.body, name, other)]
            uncached += [] if _is_private(export) else ["export"]
        outcome.none_of("wrong_lists", foreign)
        outcome.none_of("answers_that_may_be_cached", uncached)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _fill(client: Client, name: str) -> None:
    await asyncio.gather(*(_say(client, f"Row {number}, said by {name}.") for number in range(SAID)))
    titles = [f"Row {number}, brought by {name}." for number in range(SAID, ROWS)]
    file = json.dumps([_conversation_of_claude(title) for title in titles]).encode()
    form = aiohttp.FormData()
    form.add_field("file", file, filename="conversations.json", content_type="application/json")
    answer = await client.request("POST", "/api/import", data=form)
    if answer.status != 200 or answer.json()["imported"] != len(titles):
        raise RuntimeError(str(answer))


async def _say(client: Client, content: str) -> None:
    answer = await client.post("/chat", {"content": content})
    if answer.status != 201:
        raise RuntimeError(str(answer))


def _conversation_of_claude(title: str) -> dict[str, Any]:
    """In which one question stands."""
    times = {"created_at": "2025-03-01T10:00:00Z", "updated_at": "2025-03-01T10:00:00Z"}
    question = {"uuid": f"message {title}", "sender": "human", "text": title, **times}
    return {"uuid": title, "name": title, "chat_messages": [question], **times}


def _foreign_in_export(body: bytes, name: str, other: str) -> list[str]:
    """What is missing of one's own in the zip, and what is not one's own."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        texts = [archive.read(each).decode("utf-8", "replace") for each in archive.namelist()]
    questions = {
        found for text in texts for found in re.findall(rf"Row \d+, (?:said|brought) by {name}", text)
    }
    faults = [] if len(questions) == ROWS else [f"{len(questions)} questions of {name}"]
    return faults + [f"of {other}: {text[:200]}" for text in texts if other in text]


async def _all_pages(client: Client, path: str) -> tuple[list[dict[str, Any]], list[Answer]]:
    rows: list[dict[str, Any]] = []
    answers: list[Answer] = []
    following: str | None = path
    while following:
        answer = await client.get(following)
        answers.append(answer)
        body = answer.json()
        rows += body["results"]
        following = body.get("next") or _next_link(body.get("links", ()))
    return rows, answers


def _next_link(links: Any) -> str | None:
    return next((str(link["link"]) for link in links if link["rel"] == "next"), None)


def _is_private(answer: Answer) -> bool:
    said = answer.headers.get("Cache-Control", "")
    return "private" in said and "no-store" in said
