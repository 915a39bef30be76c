"""D1: the export holds everything of a person's, and an erasure leaves nothing of it. Played through `items`.

Every text that the person leaves anywhere holds a word of its own, so that each place is looked for by name: in the
export before, and after the erasure in every column of every table, in every file and in the logs.
"""

import asyncio
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance.clients import PASSWORD, Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World

# Words that no dictionary and no other row has, by the place that holds them.
WORDS = {
    place: f"zq{place.replace(' ', '')}xk"
    for place in (
        "nickname", "title", "message", "prompt", "character", "description", "greeting", "instance",
        "memory", "entry", "open quote", "key name",
    )
}  # fmt: skip
APPLIED = "zqappliedxk stays without a name"

_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd"
    "8db00000000049454e44ae426082"
)


async def exported_and_erased(stage: Stage) -> Outcome:
    """One person leaves a word everywhere, takes it away as a file, and goes; another stays and loses nothing."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        person, neighbour = await world.join("leaving"), await world.join("staying")
        client = person.at(world.servers[0].url)
        await client.put("/accounts/profile", {"nickname": WORDS["nickname"]})
        left = await _leave_words(client)
        await _apply(world, left["applied"])
        kept = await _leave_something(neighbour.at(world.servers[1].url))
        await _check_export(client, person, outcome)
        before = _mentions(world, list(WORDS.values()))
        outcome.at_least("columns that held a word before", len(before), 10)
        answer = await client.delete("/accounts/profile", {"current_password": PASSWORD})
        outcome.exactly("erased", answer.status, 204)
        await _check_erased(world, person, outcome)
        await _check_rest(world, neighbour, kept, left["applied"], outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _leave_words(client: Client) -> dict[str, str]:
    """A word in every place that takes one; the ids of what is looked for later."""
    words = WORDS
    conversation = await Conversation.begin(client)
    await client.request("PATCH", f"/api/conversations/{conversation.id}", json={"title": words["title"]})
    said = await _made(client, conversation.messages_path, {"content": words["message"]})
    await client.request("PATCH", f"/api/messages/{said['answer']['id']}", json={"feedback": "up"})
    await _made(client, "/api/messages/create", {"prompt_message": words["prompt"]})
    character = await _made(
        client,
        "/api/characters",
        {"name": words["character"], "description": words["description"], "greeting": words["greeting"]},
    )
    picture = aiohttp.FormData(default_to_multipart=True)
    picture.add_field("file", _PIXEL, filename="picture.png", content_type="image/png")
    put = await client.request("PUT", f"/api/characters/{character['id']}/picture", data=picture)
    assert put.status in (200, 201, 204), put
    instance = await _made(
        client,
        "/api/instances",
        {"character": character["id"], "name": words["instance"], "memory": words["memory"]},
    )
    await _made(client, f"/api/instances/{instance['id']}/entries", {"text": words["entry"]})
    greeted = await _made(client, "/api/conversations", {"instance": instance["id"]})
    if words["greeting"] not in greeted["greeting"]:
        raise RuntimeError(f"nobody greeted in {greeted}")
    await _made(client, "/quote", {"content": f"{words['open quote']} waits."})
    applied = await _made(client, "/quote", {"content": APPLIED})
    await _made(client, "/api/keys", {"name": words["key name"]})
    return {"applied": str(applied["id"]), "conversation": conversation.id}


async def _leave_something(client: Client) -> str:
    return str((await _made(client, "/chat", {"content": "This stays."}))["id"])


async def _made(client: Client, path: str, body: object) -> dict[str, Any]:
    answer = await client.post(path, body)
    if answer.status != 201:
        raise RuntimeError(f"POST {path}: {answer}")
    made: dict[str, Any] = answer.json()
    return made


async def _apply(world: World, quote: str) -> None:
    """By somebody on the staff."""
    mona = await world.join("mona")
    code = (
        "from tertulia.accounts.models import User;"
        f"User.objects.filter(email={mona.email!r}).update(is_staff=True)"
    )
    await asyncio.to_thread(world.command, "shell", "-v0", "-c", code)
    answer = await mona.at(world.servers[0].url).put(f"/quote/{quote}", {"is_apply": True})
    assert answer.status == 201, answer


# --- The export -----------------------------------------------------------------------------------------------------


async def _check_export(client: Client, person: Person, outcome: Outcome) -> None:
    answer = await client.get("/accounts/export")
    outcome.exactly("export", answer.status, 200)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        outcome.exactly("export is whole", archive.testzip(), None)
        names = archive.namelist()
        everything = b"\n".join(archive.read(name) for name in names)
    words = WORDS | {"applied quote": APPLIED}
    missing = [place for place, word in words.items() if word.encode() not in everything]
    outcome.none_of("places missing in the export", missing)
    outcome.exactly("address in the export", person.email.encode() in everything, True)
    outcome.at_least("pictures in the export", sum(not name.endswith(".json") for name in names), 1)
    secrets = [secret for secret in (person.access, person.refresh) if secret.encode() in everything]
    outcome.none_of("secrets in the export", secrets)
    outcome.none_of("unsafe names in the export", [name for name in names if ".." in name or name[0] == "/"])


# --- What is left ---------------------------------------------------------------------------------------------------


async def _check_erased(world: World, person: Person, outcome: Outcome) -> None:
    marks = [*WORDS.values(), person.email, person.id, person.id.replace("-", "")]
    outcome.none_of("columns that know the person", [str(each) for each in _mentions(world, marks)])
    outcome.none_of("files that know the person", _files(world, [*WORDS.values(), person.email]))
    outcome.none_of("files of the person's", _media(world))
    said = world.said()
    outcome.none_of("words in the logs", [word for word in WORDS.values() if word in said])
    for server in world.servers:
        status = (await person.at(server.url).get("/accounts/profile")).status
        outcome.exactly("their token", status, 401)
    audit = await asyncio.to_thread(world.command, "audit_user", person.id)
    outcome.exactly("audit_user says", audit, "Nothing is left.")


async def _check_rest(world: World, neighbour: Person, kept: str, applied: str, outcome: Outcome) -> None:
    """Others keep what is theirs; an applied quote stays, and names nobody."""
    client = neighbour.at(world.servers[1].url)
    outcome.exactly("the neighbour's chat", (await client.get(f"/chat/{kept}")).status, 200)
    quote = await client.get(f"/quote/{applied}")
    outcome.exactly("the applied quote", (quote.status, quote.json().get("content")), (200, APPLIED))
    outcome.exactly("its author", quote.json().get("user") or "", "")


@dataclass(frozen=True, slots=True)
class Mention:
    """A column in which a word stands, and what stands there."""

    table: str
    column: str
    value: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}: {self.value}"


def _mentions(world: World, words: list[str]) -> list[Mention]:
    """Where in the database the words stand: every column of every table, those of the search index among them."""
    found = []
    for table, column in _columns(world):
        looks = " OR ".join([_LOOK.format(column=column)] * len(words))
        patterns = [f"%{word.lower()}%" for word in words]
        if rows := world.database.rows(_SELECT.format(table=table, column=column, looks=looks), *patterns):
            found.append(Mention(table, column, str(rows[0][0])[:200]))
    return found


_SELECT = 'SELECT "{column}" FROM "{table}" WHERE {looks} LIMIT 1'
_LOOK = 'lower(CAST("{column}" AS text)) LIKE %s'


def _columns(world: World) -> list[tuple[str, str]]:
    if world.database.url:
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        return [(str(table), str(column)) for table, column in world.database.rows(query)]
    tables = [row[0] for row in world.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, str(row[1]))
        for table in tables
        for row in world.database.rows(f'PRAGMA table_info("{table}")')
    ]


def _files(world: World, words: list[str]) -> list[str]:
    """Files of the data folder, but for the database's own, whose free pages are written over when they are used."""
    files = (path for path in _folder(world).rglob("*") if path.is_file())
    own = ("tertulia.sqlite3", "server-", "provider")
    return [
        f"{path.name}: {word}"
        for path in files
        if not path.name.startswith(own)
        for word in words
        if word.encode() in path.read_bytes() or word in path.name
    ]


def _media(world: World) -> list[str]:
    """Pictures that nobody has any more; the neighbour has none."""
    media = _folder(world) / "media"
    return [path.name for path in media.rglob("*") if path.is_file()] if media.is_dir() else []


def _folder(world: World) -> Path:
    return Path(world.environment["TERTULIA_DATA"])
