"""A8: what ends a login ends all that rests on it, at once and on every process; links for a new password work once.

Played by the programme through `items`, and by `nodes` on processes that share nothing but a database and a key.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.acceptance.clients import (
    PASSWORD,
    Answer,
    Client,
    Conversation,
    Person,
    make_key,
    sign_in_by_cookie,
)
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World, scripted
from tests.acceptance.streams import Refused, Trace
from tests.acceptance.waiting import until

SECONDS = 5.0
NEW_PASSWORD = "another walk, through the wood 43"

_LINK = re.compile(r"/accounts/reset/([\w~-]+)")


@dataclass(frozen=True, slots=True)
class Login:
    """One way in of a person: the headers that carry it, and the refresh token where it has one."""

    headers: dict[str, str]
    refresh: str = ""


async def ended_logins(stage: Stage) -> Outcome:
    """Each way to end a login, with a stream open by it on each of two processes."""
    outcome = Outcome()
    async with stage.world(servers=2) as world:
        await play_all(world, outcome)
        await _links(world, outcome)
        await _log_out_by_link(world, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


# --- Logins that end ------------------------------------------------------------------------------------------------

Act = Callable[[World, Person, Login], Awaitable[None]]


async def play_all(world: World, outcome: Outcome) -> None:
    """All ways at the same time, each with a person of its own."""
    await asyncio.gather(*(_play(world, outcome, case) for case in _CASES))


async def _play(world: World, outcome: Outcome, case: "Case") -> None:
    name = case.name
    person = await world.join(re.sub(r"\W+", "-", name))
    login, other = await case.enter(world, person), await by_jwt(world, person)
    readers = [Client(world.session, server.url, login.headers) for server in world.servers[:2]]
    traces, tasks = await _open_streams(readers)
    await case.act(world, person, login)
    begun = time.monotonic()
    _, open_still = await asyncio.wait(tasks, timeout=4 * SECONDS)
    seconds = float("inf") if open_still else time.monotonic() - begun
    for task in open_still:
        task.cancel()
    outcome.at_most(f"{name}: streams ended after seconds", seconds, SECONDS)
    statuses = {(await reader.get("/api/usage")).status for reader in readers}
    outcome.exactly(f"{name}: next requests", sorted(statuses), [401])
    if login.refresh:
        refreshed = await world.at(1).post("/accounts/refresh", {"refresh": login.refresh})
        outcome.exactly(f"{name}: refresh", refreshed.status, 401)
    others = Client(world.session, world.servers[0].url, other.headers)
    status = (await others.get("/api/usage")).status
    outcome.exactly(f"{name}: another login", status, 401 if case.all_end else 200)
    if not case.all_end:
        await _goes_on(outcome, name, others, traces[0])


async def _open_streams(readers: list[Client]) -> tuple[list[Trace], list["asyncio.Task[None]"]]:
    """One long answer, read where it is made and on the other process; both have had some of it."""
    conversation = await Conversation.begin(readers[0])
    traces = [Trace(), Trace()]
    content = scripted("A long answer.", tokens=1500, rate=40)
    first = asyncio.create_task(conversation.stream(content, traces[0]))
    ids = await traces[0].until_started()
    second = asyncio.create_task(_read(readers[1], ids["generation"], traces[1]))
    await asyncio.gather(*(trace.until_text() for trace in traces))
    return traces, [first, second]


async def _read(reader: Client, generation: str, trace: Trace) -> None:
    try:
        async with reader.open("GET", f"/api/generations/{generation}/events") as response:
            await trace.read(response)
    except Refused as refusal:
        trace.faults.append(str(refusal))


async def _goes_on(outcome: Outcome, name: str, others: Client, trace: Trace) -> None:
    """The reader was put out, not the answer: another login of the same person finds it in the making."""
    assert trace.start is not None
    answer = (await others.get(f"/api/messages/{trace.start['answer']}")).json()
    outcome.exactly(f"{name}: the answer", answer["status"], "streaming")
    stopped = await others.post(f"/api/generations/{trace.start['generation']}/stop")
    assert stopped.status in (200, 202), stopped


# --- Ways in --------------------------------------------------------------------------------------------------------

Enter = Callable[[World, Person], Awaitable[Login]]


async def by_jwt(world: World, person: Person) -> Login:
    answer = await world.at(1).post("/accounts/login", {"email": person.email, "password": PASSWORD})
    assert answer.status == 200, answer
    body = answer.json()
    return Login({"Authorization": f"Bearer {body['access']}"}, body["refresh"])


async def by_cookie(world: World, person: Person) -> Login:
    client = await sign_in_by_cookie(world.at(0), person.email)
    return Login(dict(client.headers))


async def by_key(world: World, person: Person) -> Login:
    key = await make_key(person.at(world.servers[0].url))
    return Login({"Authorization": f"Bearer {key}"})


# --- Ways out -------------------------------------------------------------------------------------------------------


async def _log_out(world: World, person: Person, login: Login) -> None:
    """As an API client, or by the page's form."""
    by_page = "Cookie" in login.headers
    client = Client(world.session, world.servers[1].url, login.headers)
    accept = {"Accept": "text/html" if by_page else "application/json"}
    answer = await client.post("/accounts/logout", headers=accept)
    assert answer.status == (303 if by_page else 204), answer


async def _change_password(world: World, person: Person, login: Login) -> None:
    """By another login of the same person, which it leaves as it is."""
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    answer = await person.at(world.servers[1].url).put("/accounts/profile", body)
    assert answer.status == 200, answer


async def _reset_password(world: World, person: Person, login: Login) -> None:
    token = await _reset_token(world, person.email)
    answer = await world.at(1).post(f"/accounts/reset/{token}", {"password": NEW_PASSWORD})
    assert answer.status == 204, answer


async def _suspend(world: World, person: Person, login: Login) -> None:
    """As an operator does it."""
    code = (
        "from tertulia.accounts.models import User;"
        f"User.objects.filter(email={person.email!r}).update(is_active=False)"
    )
    await asyncio.to_thread(world.command, "shell", "-v0", "-c", code)


async def _erase(world: World, person: Person, login: Login) -> None:
    answer = await person.at(world.servers[1].url).delete("/accounts/profile", {"current_password": PASSWORD})
    assert answer.status == 204, answer


async def _end_all_others(world: World, person: Person, login: Login) -> None:
    answer = await person.at(world.servers[1].url).delete("/api/sessions")
    assert answer.status == 204, answer


async def _revoke_key(world: World, person: Person, login: Login) -> None:
    client = person.at(world.servers[1].url)
    (key,) = (await client.get("/api/keys")).json()["results"]
    answer = await client.delete(f"/api/keys/{key['id']}")
    assert answer.status == 204, answer


@dataclass(frozen=True, slots=True)
class Case:
    """A way in, and what ends it; `all_end`: every other login of the person as well."""

    name: str
    enter: Enter
    act: Act
    all_end: bool


_CASES = (
    Case("logged out, token", by_jwt, _log_out, all_end=False),
    Case("logged out, cookie", by_cookie, _log_out, all_end=False),
    Case("password changed, token", by_jwt, _change_password, all_end=True),
    Case("password changed, cookie", by_cookie, _change_password, all_end=True),
    Case("password reset", by_jwt, _reset_password, all_end=True),
    Case("suspended, token", by_jwt, _suspend, all_end=True),
    Case("suspended, cookie", by_cookie, _suspend, all_end=True),
    Case("suspended, key", by_key, _suspend, all_end=True),
    Case("erased", by_cookie, _erase, all_end=True),
    Case("other logins ended", by_cookie, _end_all_others, all_end=True),
    Case("key revoked", by_key, _revoke_key, all_end=False),
)


# --- Links for a new password ---------------------------------------------------------------------------------------


async def _reset_token(world: World, email: str) -> str:
    """The token of the link that is sent to an address; the mail is printed where the server logs, after the answer."""
    to = f"To: {email}"
    before = world.said().count(to)
    answer = await world.at(0).post("/accounts/reset", {"email": email})
    assert answer.status == 202, answer

    async def link() -> str:
        said = world.said()
        found = _LINK.search(said.rpartition(to)[2]) if said.count(to) > before else None
        return found[1] if found else ""

    return await until(link, seconds=10)


async def _links(world: World, outcome: Outcome) -> None:
    """What is no link, no longer one, or one for something else sets no password."""
    alice, bob = await world.join("alice"), await world.join("bob")
    used = await _reset_token(world, alice.email)
    first = await world.anyone.post(f"/accounts/reset/{used}", {"password": NEW_PASSWORD})
    outcome.exactly("reset by a good link", first.status, 204)
    older, newer = [await _reset_token(world, bob.email) for _ in range(2)]
    tokens = {
        "used": used, "null": "null", "None": "None", "blank": "%20", "zero": "0", "NUL": "%00",
        "unknown": secrets.token_urlsafe(32), "a piece": newer[:-1], "longer": newer + "A",
        "other case": newer.swapcase(), "a session": bob.access, "a refresh token": bob.refresh, "an id": bob.id,
    }  # fmt: skip
    answers = {
        name: await world.anyone.post(f"/accounts/reset/{token}", {"password": PASSWORD})
        for name, token in tokens.items()
    }
    answers["empty"] = await world.anyone.post("/accounts/reset/", {"password": PASSWORD, "token": newer})
    answers["absent"] = await world.anyone.post("/accounts/reset", {"password": PASSWORD})
    accepted = [f"{name}: {answer}" for name, answer in answers.items() if answer.status not in (400, 404)]
    outcome.exactly("bad links", len(answers), 15)
    outcome.none_of("bad links accepted", accepted)
    outcome.none_of("passwords changed by a bad link", await _changed(world, (bob, PASSWORD)))
    await _race(world, outcome, bob, newer)
    late = await world.anyone.post(f"/accounts/reset/{older}", {"password": PASSWORD})
    outcome.exactly("older link after the newer one", late.status, 404)


async def _changed(world: World, *people: tuple[Person, str]) -> list[str]:
    """Whom their password does not let in any more."""
    answers = {
        person.email: await world.anyone.post(
            "/accounts/login", {"email": person.email, "password": password}
        )
        for person, password in people
    }
    return [f"{email}: {answer}" for email, answer in answers.items() if answer.status != 200]


async def _race(world: World, outcome: Outcome, person: Person, token: str) -> None:
    """One link opened ten times at once sets one password."""
    passwords = [f"{NEW_PASSWORD} {number}" for number in range(10)]
    answers: list[Answer] = await asyncio.gather(
        *(
            world.at(number % 2).post(f"/accounts/reset/{token}", {"password": password})
            for number, password in enumerate(passwords)
        )
    )
    outcome.exactly("one link, ten times at once", sorted(a.status for a in answers), [204] + [404] * 9)
    set_by = passwords[[answer.status for answer in answers].index(204)]
    outcome.none_of("password that won does not work", await _changed(world, (person, set_by)))


# --- A link must not sign anyone out --------------------------------------------------------------------------------


async def _log_out_by_link(world: World, outcome: Outcome) -> None:
    """GET with a cookie asks or refuses; a foreign form is refused; both leave the login as it is."""
    person = await world.join("linked")
    client = await sign_in_by_cookie(world.at(0), person.email)
    without_token = Client(client.session, client.url, {"Cookie": client.headers["Cookie"]})
    answers = {
        "page": await client.get("/accounts/logout", headers={"Accept": "text/html"}),
        "JSON": await client.get("/accounts/logout"),
        "head": await client.request("HEAD", "/accounts/logout"),
        "form without its token": await without_token.post(
            "/accounts/logout", headers={"Accept": "text/html"}
        ),
    }
    outcome.exactly(
        "logging out by cookie otherwise than by its form",
        [a.status for a in answers.values()],
        [200, 405, 405, 403],
    )
    outcome.exactly("signed in still", (await client.get("/api/usage")).status, 200)
