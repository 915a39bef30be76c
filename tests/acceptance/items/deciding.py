"""C4, what is about decisions: many who decide or edit the same thing at once. Played through `items`."""

import asyncio

from tests.acceptance.clients import Client, Conversation
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World

ROUNDS = 10
EDITS = 10


async def parallel_decisions(stage: Stage) -> Outcome:
    """Two of the staff apply a line in the same moment; one person edits a message in ten windows."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        await _two_of_the_staff(world, outcome)
        await _ten_windows(world, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _two_of_the_staff(world: World, outcome: Outcome) -> None:
    author, mona, nora = await world.join("author"), await world.join("mona"), await world.join("nora")
    code = (
        "from tertulia.accounts.models import User;"
        f"User.objects.filter(email__in={[mona.email, nora.email]!r}).update(is_staff=True)"
    )
    await asyncio.to_thread(world.command, "shell", "-v0", "-c", code)
    staff = [person.at(world.servers[n].url) for n, person in enumerate((mona, nora))]
    wrong: list[str] = []
    for number in range(ROUNDS):
        made = await author.at(world.servers[0].url).post("/quote", {"content": f"Line number {number}."})
        path = f"/quote/{made.json()['id']}"
        answers = await asyncio.gather(*(client.put(path, {"is_apply": True}) for client in staff * 3))
        moments = {(await client.get(path)).json()["applied_at"] for client in staff}
        late = await staff[1].put(path, {"is_apply": True})
        moments.add((await staff[0].get(path)).json()["applied_at"])
        statuses = {answer.status for answer in (*answers, late)}
        if not statuses <= {201, 409} or len(moments) != 1 or None in moments:
            wrong.append(f"{path}: {statuses}, applied at {moments}")
        edit = await author.at(world.servers[1].url).put(path, {"content": "Too late."})
        wrong += [] if edit.status == 409 else [f"{path}: edited after it was applied: {edit}"]
    outcome.none_of("lines without one moment of application", wrong)


async def _ten_windows(world: World, outcome: Outcome) -> None:
    """Nothing is overwritten: every edit is a sibling with an answer of its own."""
    person = await world.join("editor")
    client: Client = person.at(world.servers[0].url)
    conversation = await Conversation.begin(client)
    first = (await client.post(conversation.messages_path, {"content": "As it was."})).json()
    answers = await asyncio.gather(
        *(
            person.at(world.servers[n % 2].url).post(
                conversation.messages_path,
                {"content": f"Edit {n}.", "parent": first["user_message"]["parent"]},
            )
            for n in range(EDITS)
        )
    )
    outcome.exactly("edits accepted", [answer.status for answer in answers].count(201), EDITS)
    messages = await conversation.messages()
    said = [message["content"] for message in messages if message["role"] == "user"]
    kept = sorted(["As it was.", *(f"Edit {n}." for n in range(EDITS))])
    outcome.exactly("edits kept beside each other", sorted(said) == kept, True)
    replies = [message["parent"] for message in messages if message["role"] == "assistant"]
    outcome.exactly("answers, one to each", len(set(replies)), EDITS + 1)
