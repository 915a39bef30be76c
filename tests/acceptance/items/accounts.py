"""C3, C4, C5: many at once at the door, one token many times, and people who vanish in mid-answer.

Played by the programme through `items`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.acceptance.clients import PASSWORD, Answer, Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Refused, Trace
from tests.acceptance.waiting import seconds_until

JOINS = 50
REFRESHES = 20


async def parallel_joins(stage: Stage) -> Outcome:
    """The first to come are many, under one address and under many, some asking to be administrators."""
    outcome = Outcome()
    async with stage.world(servers=2, shipped=True) as world:
        answers = await asyncio.gather(
            *(_join(world.at(n % 2), "same@example.org") for n in range(JOINS)),
            *(_join(world.at(n % 2), f"first-{n}@example.org") for n in range(JOINS // 2)),
            *(
                _join(world.at(n % 2), f"greedy-{n}@example.org", is_superuser=True)
                for n in range(JOINS // 2)
            ),
        )
        same, first, greedy = answers[:JOINS], answers[JOINS : JOINS * 3 // 2], answers[JOINS * 3 // 2 :]
        outcome.exactly("same_address_joined", sum(answer.status == 201 for answer in same), 1)
        outcome.exactly("same_address_refused", sum(_names_email(answer) for answer in same), JOINS - 1)
        outcome.exactly("others_joined", sum(answer.status == 201 for answer in first), JOINS // 2)
        outcome.exactly("greedy_refused", sum(answer.status == 400 for answer in greedy), JOINS // 2)
        rows = "SELECT count(*) FROM accounts_user WHERE email LIKE %s"
        outcome.exactly("accounts_of_the_address", world.database.rows(rows, "same@%")[0][0], 1)
        # Not the owner, whom the first start of an instance makes and whom nobody can be over HTTP.
        rows = "SELECT count(*) FROM accounts_user WHERE email LIKE %s AND (is_staff OR is_superuser)"
        outcome.exactly("administrators_made_over_http", world.database.rows(rows, "%@example.org")[0][0], 0)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _join(anyone: Client, email: str, **more: object) -> Answer:
    return await anyone.post(
        "/accounts/join", {"email": email, "nickname": "Somebody", "password": PASSWORD, **more}
    )


def _names_email(answer: Answer) -> bool:
    return answer.status == 400 and list(answer.json()["errors"]) == ["email"]


async def repeated_refresh(stage: Stage) -> Outcome:
    """One refresh token, 20 times at once: one success, and the family ends because it was reused."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        person = await world.join()
        bystander = await world.join("bystander")
        answers = await asyncio.gather(*(_refresh(world.at(n % 2), person.refresh) for n in range(REFRESHES)))
        fresh = [answer.json() for answer in answers if answer.status == 200]
        outcome.exactly("refreshed", len(fresh), 1)
        outcome.exactly("refused", sum(answer.status == 401 for answer in answers), REFRESHES - 1)
        outcome.none_of(
            "other_answers", [str(answer) for answer in answers if answer.status not in (200, 401)]
        )
        after = [
            await _profile(world, token) for token in (person.access, *(pair["access"] for pair in fresh))
        ]
        outcome.exactly("statuses_of_the_family", after, [401] * len(after))
        reused = [(await _refresh(world.at(0), pair["refresh"])).status for pair in fresh]
        outcome.exactly("statuses_of_its_refresh_tokens", reused, [401] * len(fresh))
        outcome.exactly("status_of_another_login", await _profile(world, bystander.access), 200)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _refresh(anyone: Client, token: str) -> Answer:
    return await anyone.post("/accounts/refresh", {"refresh": token})


async def _profile(world: World, access: str) -> int:
    client = world.at(1).with_headers(Authorization=f"Bearer {access}")
    return (await client.get("/accounts/profile")).status


async def vanished_people(stage: Stage) -> Outcome:
    """Erased, suspended or with a deleted conversation in mid-answer, the stream open on each of two processes."""
    outcome = Outcome()
    async with stage.world(servers=2, quota=100) as world:
        for name, vanish, status in (("erased", _erase, 401), ("suspended", _suspend, 401)):
            await _vanish(world, outcome, name, vanish, status)
        await _vanish(world, outcome, "conversation_deleted", _delete_conversation, 200)
        # Readers are told by their own process; the run's owner looks once a second.
        outcome.at_most("runs_ended_seconds", await seconds_until(lambda: _nothing_runs(world), 20), 5)
        outcome.none_of("orphan_rows", _orphans(world))
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


Vanish = Callable[[World, Person, Conversation], Awaitable[object]]


async def _vanish(world: World, outcome: Outcome, name: str, vanish: Vanish, status: int) -> None:
    person = await world.join(name)
    client = person.at(world.servers[0].url)
    conversation = await Conversation.begin(client)
    content = scripted(f"While {name}.", tokens=1200, rate=40)
    traces = [Trace(), Trace()]
    first = asyncio.create_task(conversation.stream(content, traces[0]))
    ids = await traces[0].until_started()
    second = asyncio.create_task(_read(person.at(world.servers[1].url), ids["generation"], traces[1]))
    await asyncio.gather(*(trace.until_text() for trace in traces))
    await vanish(world, person, conversation)
    begun = time.monotonic()
    _, open_still = await asyncio.wait({first, second}, timeout=20)
    seconds = time.monotonic() - begun if not open_still else float("inf")
    for task in open_still:
        task.cancel()
    outcome.at_most(f"{name}_streams_ended_seconds", seconds, 5)
    outcome.exactly(f"{name}_next_request", (await client.get("/chat")).status, status)
    outcome.exactly(
        f"{name}_conversation",
        (await client.get(conversation.messages_path)).status,
        max(status, 401) if status == 401 else 404,
    )


async def _read(client: Client, generation: str, trace: Trace) -> None:
    try:
        async with client.open("GET", f"/api/generations/{generation}/events") as response:
            await trace.read(response)
    except Refused:
        trace.faults.append("refused")


async def _erase(world: World, person: Person, conversation: Conversation) -> None:
    answer = await person.at(world.servers[1].url).delete("/accounts/profile", {"current_password": PASSWORD})
    assert answer.status == 204, answer


async def _suspend(world: World, person: Person, conversation: Conversation) -> None:
    """As an operator does it on the command line."""
    code = (
        "from tertulia.accounts.models import User;"
        f"User.objects.filter(email={person.email!r}).update(is_active=False)"
    )
    await asyncio.to_thread(world.command, "shell", "-c", code)


async def _delete_conversation(world: World, person: Person, conversation: Conversation) -> None:
    answer = await person.at(world.servers[1].url).delete(f"/api/conversations/{conversation.id}")
    assert answer.status == 204, answer


async def _nothing_runs(world: World) -> bool:
    return not world.database.rows("SELECT id FROM chat_generation WHERE status = 'running'")


def _orphans(world: World) -> list[str]:
    """Rows that belong to nobody any more."""
    queries = {
        "messages": "SELECT count(*) FROM chat_message m LEFT JOIN chat_conversation c"
        " ON c.id = m.conversation_id WHERE c.id IS NULL",
        "generations": "SELECT count(*) FROM chat_generation g LEFT JOIN chat_message m"
        " ON m.id = g.answer_id WHERE m.id IS NULL",
        "events": "SELECT count(*) FROM chat_generationevent e LEFT JOIN chat_generation g"
        " ON g.id = e.generation_id WHERE g.id IS NULL",
        "ledger": "SELECT count(*) FROM accounts_ledgerentry l LEFT JOIN accounts_user u"
        " ON u.id = l.user_id WHERE u.id IS NULL",
    }
    counts = {name: world.database.rows(query)[0][0] for name, query in queries.items()}
    return [f"{count} {name}" for name, count in counts.items() if count]
