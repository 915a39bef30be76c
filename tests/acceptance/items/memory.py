"""M1 to M3: memories that do not mix, that follow the tree of messages, and answers that tell what they were made of.

Played by the programme through `items`.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.acceptance.clients import Client
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World
from tests.acceptance.waiting import until

PAUSE = "0.5"
NOTED_SECONDS = 30.0
_CANARY = re.compile(r"canary[0-9a-z]+")


def noting(words: str, *facts: str, **script: object) -> str:
    """A message with a plain answer, of which the scripted provider notes these facts."""
    return f'{words} !script {{"text": "I see."}} !memory {json.dumps({"facts": facts, **script})}'


@dataclass(slots=True)
class Instance:
    """An instance of one person, spoken to at several servers."""

    clients: list[Client]
    id: str
    turns: int = 0

    @classmethod
    async def make(cls, clients: list[Client], character: str, name: str, memory: str = "") -> "Instance":
        made = await clients[0].post(
            "/api/instances", {"character": character, "name": name, "memory": memory}
        )
        assert made.status == 201, made
        return cls(clients, made.json()["id"])

    @property
    def client(self) -> Client:
        """Another server each time."""
        self.turns += 1
        return self.clients[self.turns % len(self.clients)]

    async def converse(self) -> str:
        made = await self.client.post("/api/conversations", {"instance": self.id})
        return str(made.json()["id"])

    async def say(self, conversation: str, content: str, **body: object) -> dict[str, Any]:
        answer = await self.client.post(
            f"/api/conversations/{conversation}/messages", {"content": content, **body}
        )
        assert answer.status == 201, answer
        said: dict[str, Any] = answer.json()
        return said

    async def noted(self) -> list[str]:
        page = (await self.client.get(f"/api/instances/{self.id}/entries?limit=100")).json()
        return [entry["text"] for entry in page["results"]]

    async def until_noted(self, *facts: str) -> None:
        async def all_there() -> bool:
            return set(facts) <= set(await self.noted())

        await until(all_there, NOTED_SECONDS, pause=0.2)

    async def sent_next(self, world: World, words: str) -> str:
        """What the provider is sent with the first words of another conversation."""
        await self.say(await self.converse(), words)
        [record] = [each for each in await world.provider_log() if _last(each) == words]
        return json.dumps(record["body"]["messages"])


def _last(record: dict[str, Any]) -> str:
    return str(record["body"]["messages"][-1]["content"])


async def _character(client: Client, **values: object) -> str:
    made = await client.post("/api/characters", {"name": "Mira", "visibility": "public", **values})
    assert made.status == 201, made
    return str(made.json()["id"])


# --- M1 -------------------------------------------------------------------------------------------------------------


async def isolated_memories(stage: Stage) -> Outcome:
    """Instances of one character, of two people, talked to in turn on two processes: no request mixes their words."""
    outcome = Outcome()
    async with stage.world(servers=2, TERTULIA_MEMORY_PAUSE=PAUSE) as world:
        instances = await _cast(world, stage.size(3, 10))
        facts: dict[str, list[str]] = {instance.id: [] for instance in instances}
        talks = {instance.id: await instance.converse() for instance in instances}
        for number in range(stage.size(2, 10)):
            for instance in stage.random.sample(instances, len(instances)):
                fact = f"The word is {_canary(instance)}x{number}."
                facts[instance.id].append(fact)
                await instance.say(talks[instance.id], noting(f"Hear: {_canary(instance)}.", fact))
        await asyncio.gather(*(instance.until_noted(*facts[instance.id]) for instance in instances))
        for instance in instances:
            sent = await instance.sent_next(world, f"What do you know, {_canary(instance)}?")
            missing = [fact for fact in facts[instance.id] if fact not in sent]
            outcome.none_of("facts_forgotten", missing)
        records = await world.provider_log()
        outcome.none_of("mixed_requests", [fault for record in records if (fault := _mixed(record))])
        outcome.at_least("requests", len(records), 3 * len(instances))
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _cast(world: World, each: int) -> list[Instance]:
    """So many instances of the same character of Alice and of Bob, with memories and an entry of their own."""
    instances: list[Instance] = []
    character = ""
    for name in ("alice", "bob"):
        person = await world.join(name)
        clients = [person.at(server.url) for server in world.servers]
        character = character or await _character(clients[0])
        for number in range(each):
            instances.append(await Instance.make(clients, character, f"{name} {number}"))
            mine = instances[-1]
            await mine.client.request(
                "PATCH", f"/api/instances/{mine.id}", json={"memory": f"Knows {_canary(mine)}."}
            )
            await mine.client.post(f"/api/instances/{mine.id}/entries", {"text": f"Noted: {_canary(mine)}."})
    return instances


def _canary(instance: Instance) -> str:
    return f"canary{instance.id.replace('-', '')}"


def _mixed(record: dict[str, Any]) -> str:
    """Of whom a request speaks, when that is more than one."""
    owners = {word[: len("canary") + 32] for word in _CANARY.findall(json.dumps(record["body"]["messages"]))}
    return f"request {record['n']} knows {sorted(owners)}" if len(owners) != 1 else ""


# --- M2 -------------------------------------------------------------------------------------------------------------


async def memory_rolls_back(stage: Stage) -> Outcome:
    """What was noted goes with what was said: deleted, edited, answered anew; and a killed process notes it once."""
    outcome = Outcome()
    async with stage.world(servers=1, TERTULIA_MEMORY_PAUSE=PAUSE) as world:
        person = await world.join()
        clients = [person.at(world.servers[0].url)]
        character = await _character(clients[0])
        for name, act in (
            ("delete", _delete),
            ("edit", _edit),
            ("regenerate", _regenerate),
            ("conversation", _drop),
        ):
            instance = await Instance.make(clients, character, name)
            outcome.exactly(name, await _rolled_back(world, instance, act), [True, False, True])
        outcome.exactly("after_kill", *await _killed(world, person, character))
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _rolled_back(world: World, instance: Instance, act: Any) -> list[bool]:
    """Whether another conversation knew the fact before, and knows it and another fact after."""
    planted, other = f"{instance.id} was planted.", f"{instance.id} was said elsewhere."
    await instance.say(await instance.converse(), noting("Elsewhere.", other))
    conversation = await instance.converse()
    said = await instance.say(conversation, noting("Here.", planted))
    await instance.until_noted(planted, other)
    before = await instance.sent_next(world, f"Before, {instance.id}?")
    await act(instance, conversation, said)
    after = await instance.sent_next(world, f"After, {instance.id}?")
    return [planted in before, planted in after, other in after]


async def _delete(instance: Instance, conversation: str, said: dict[str, Any]) -> None:
    await instance.client.delete(f"/api/messages/{said['user_message']['id']}")


async def _edit(instance: Instance, conversation: str, said: dict[str, Any]) -> None:
    await instance.say(conversation, "Nothing to see.", parent=None)


async def _regenerate(instance: Instance, conversation: str, said: dict[str, Any]) -> None:
    await instance.client.post(f"/api/messages/{said['answer']['id']}/regenerate", {})


async def _drop(instance: Instance, conversation: str, said: dict[str, Any]) -> None:
    await instance.client.delete(f"/api/conversations/{conversation}")


async def _killed(world: World, person: Any, character: str) -> tuple[list[str], list[str]]:
    """What is noted when the process dies while it reads and another one takes over; and what should be."""
    instance = await Instance.make([person.at(world.servers[0].url)], character, "killed")
    fact = f"{instance.id} outlived it."
    await instance.say(await instance.converse(), noting("Remember.", fact, delay=3))

    async def is_reading() -> bool:
        return any(fact in _last(record) and record["closed_at"] is None for record in await _notes(world))

    await until(is_reading, NOTED_SECONDS)
    world.servers[0].kill()
    server = await world.start_server()
    instance.clients = [person.at(server.url)]
    await instance.until_noted(fact)
    await asyncio.sleep(4)
    return await instance.noted(), [fact]


async def _notes(world: World) -> list[dict[str, Any]]:
    return [each for each in await world.provider_log() if _last(each).startswith("Remembered already")]


# --- M3 -------------------------------------------------------------------------------------------------------------


TURNS = 10
LINES = """content,source,speaker
The lighthouse forgives nobody.,The Last Ferry,Ines
Sit down; the rain is playing for nothing.,The Last Ferry,Old Pell
Nobody writes to the baker in winter.,Bread,Marta
A door is a promise with hinges.,The Visitor,Sol
"""
BOOK = {
    "entries": [{"keys": ["bees"], "content": "Bees dance \U0001f41d.", "name": "Dance", "enabled": True}]
}


async def told_provenance(stage: Stage) -> Outcome:
    """The digest of every answer is that of the bytes its provider got: with greeting, lines, lore, notes, long
    histories."""
    outcome = Outcome()
    async with stage.world(servers=2, TERTULIA_MEMORY="false") as world:
        lines = world.folder / "lines.csv"
        lines.write_text(LINES)
        world.command("import_quotes", str(lines), "--apply")
        person = await world.join()
        clients = [person.at(server.url) for server in world.servers]
        character = await _character(
            clients[0], description="養蜂 «Mira»", greeting="“Come in”, {{user}} \U0001f41d", lorebook=BOOK
        )
        talks = [await _talked(clients, character, number) for number in range(stage.size(5, 20))]
        told = {content: provenance for talk in talks for content, provenance in talk}
        sent = {_question(each): each["messages_sha256"] for each in await world.provider_log()}
        _compare(outcome, told, sent)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _talked(clients: list[Client], character: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    """A conversation's messages, each with the provenance of its answer."""
    instance = await Instance.make(clients, character, f"Talk {number}", "Likes honey.")
    await instance.client.post(f"/api/instances/{instance.id}/entries", {"text": "The dog is Bruno."})
    conversation = await instance.converse()
    told = []
    for turn in range(TURNS):
        long = '"\\ \u2028 \U0001f41d the lighthouse forgives ' * (800 if turn % 3 == 0 else 1)
        content = f"{number}.{turn} Nobody, Ines: {long}. And bees?"
        said = await instance.say(conversation, content)
        run = await instance.client.get(f"/api/generations/{said['generation']}")
        told.append((content, run.json()["provenance"]))
    return told


def _question(record: dict[str, Any]) -> str:
    return str(
        next(each["content"] for each in reversed(record["body"]["messages"]) if each["role"] == "user")
    )


def _compare(outcome: Outcome, told: dict[str, dict[str, Any]], sent: dict[str, str]) -> None:
    differing = [
        content[:8] for content, each in told.items() if each["messages_sha256"] != sent.get(content)
    ]
    outcome.none_of("differing_digests", differing)
    outcome.at_least("answers", len(told), 50)
    outcome.exactly("with_lines", sum(bool(each["quotes"]) for each in told.values()), len(told))
    outcome.exactly("with_lore", sum(each["lore"] == ["Dance"] for each in told.values()), len(told))
    outcome.exactly("with_notes", sum(len(each["entries"]) == 1 for each in told.values()), len(told))
    outcome.at_least("with_greeting", sum(each["history"]["greeting"] for each in told.values()), 1)
    outcome.at_least("with_cut_history", sum("history" in each["left_out"] for each in told.values()), 1)
