"""A9: guessing of passwords is bounded, forged addresses change nothing, and no answer tells who has an account.

Played by the programme through `items`.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Iterable

from tests.acceptance.clients import PASSWORD, Answer, Client, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World

# Wrong passwords that are answered for an account within the quarter of an hour.
TRIES = 10
# Wrong passwords that are answered for one address of the internet, whatever the accounts.
FAILURES_OF_AN_ADDRESS = 100
GUESSES = 25
FORGED = 1_000
MILLISECONDS = 20
# Below the number of tries that an account has.
ROUNDS = 4

# Addresses for documentation (RFC 5737) are not global; these belong to nobody who is asked here.
_ATTACKER, _HOME, _OFFICE = "8.8.4.4", "9.9.9.9", "1.1.1.1"


async def bounded_guessing(stage: Stage) -> Outcome:
    """On a server that is told of no proxy, then on one that is."""
    outcome = Outcome()
    async with stage.world(servers=2, shipped=True) as world:
        await _brute_force(world, outcome)
        await _forged_headers(world, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    async with stage.world(FORWARDED_ALLOW_IPS="127.0.0.1") as world:
        await _behind_a_proxy(world, outcome)
        outcome.none_of("complaints_in_logs_behind_a_proxy", world.complaints())
    return outcome


async def silent_doors(stage: Stage) -> Outcome:
    """The same answer in the same time for addresses that have an account and for those that have none."""
    outcome = Outcome()
    accounts = stage.size(8, 25)
    async with stage.world(shipped=True) as world:
        known = [(await world.join("known")).email for _ in range(accounts)]
        await _tell_apart(world, outcome, "login", known, {"password": "wrong " + PASSWORD})
        await _tell_apart(world, outcome, "reset", known, {})
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


# --- Tries ----------------------------------------------------------------------------------------------------------


async def _try(client: Client, email: str, password: str, **headers: str) -> Answer:
    return await client.with_headers(**headers).post(
        "/accounts/login", {"email": email, "password": password}
    )


def _statuses(answers: Iterable[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


async def _brute_force(world: World, outcome: Outcome) -> None:
    """Many guesses at once on two processes, for an account and for an address that has none."""
    person, neighbour = await world.join("owner"), await world.join("neighbour")
    for name, email in (("account", person.email), ("no account", "nobody@example.org")):
        answers = await asyncio.gather(*(_try(world.at(n % 2), email, f"guess {n}") for n in range(GUESSES)))
        found = _statuses(answers)
        outcome.at_most(f"guesses answered, {name}", found[401], TRIES)
        outcome.exactly(f"guesses refused, {name}", found[429], GUESSES - found[401])
        waits = [answer.headers.get("Retry-After", "") for answer in answers if answer.status == 429]
        outcome.exactly(f"refusals that say how long, {name}", all(0 < int(w) <= 901 for w in waits), True)
    right = await _try(world.at(0), person.email, PASSWORD)
    outcome.exactly("the right password after them", right.status, 429)
    # Both come from the same address here, as from behind one router.
    outcome.exactly("a neighbour meanwhile", (await _try(world.at(1), neighbour.email, PASSWORD)).status, 200)
    outcome.exactly(
        "the owner's open login", (await person.at(world.servers[1].url).get("/api/usage")).status, 200
    )


async def _forged_headers(world: World, outcome: Outcome) -> None:
    """1,000 guesses that each claim to come from somewhere else, the right password among them."""
    person = await world.join("forged")
    answers: list[Answer] = []
    for start in range(0, FORGED, 20):
        answers += await asyncio.gather(
            *(
                _try(
                    world.at(number % 2),
                    person.email,
                    PASSWORD if number > TRIES + 20 else f"guess {number}",
                    **_forgery(number),
                )
                for number in range(start, start + 20)
            )
        )
    found = _statuses(answers)
    outcome.exactly("forged tries", len(answers), FORGED)
    outcome.at_most("forged tries answered", found[401], TRIES)
    outcome.exactly("forged tries let in", found[200], 0)
    outcome.exactly("forged tries refused", found[429], FORGED - found[401])
    visitor = await world.join("visitor")
    await _try(world.at(0), visitor.email, PASSWORD, **_forgery(0))
    outcome.exactly("address that was noted", await _noted_address(world, visitor), "127.0.0.1")


def _forgery(number: int) -> dict[str, str]:
    """Every header by which proxies tell an address, each time with another one."""
    address = f"8.{number // 250 + 1}.{number % 250 + 1}.7"
    return {
        "X_Forwarded_For": address if number % 2 else f"{address}, 127.0.0.1",
        "X_Real_IP": address,
        "Forwarded": f"for={address}",
        "X_Client_IP": address,
        "CF_Connecting_IP": address,
        "True_Client_IP": address,
    }


async def _noted_address(world: World, person: Person) -> str:
    profile = (await person.at(world.servers[0].url).get("/accounts/profile")).json()
    return str(profile["ip_address"])


# --- Behind a proxy that the server was told of ---------------------------------------------------------------------


async def _behind_a_proxy(world: World, outcome: Outcome) -> None:
    """Addresses are those that the proxy added last; whatever a client wrote before them counts for nothing."""
    person, neighbour = await world.join("owner"), await world.join("neighbour")
    for each in (person, neighbour):
        answer = await _try(world.anyone, each.email, PASSWORD, X_Forwarded_For=_HOME)
        outcome.exactly(f"login behind the proxy, {each.email.partition('-')[0]}", answer.status, 200)
    outcome.exactly("address behind the proxy", await _noted_address(world, person), _HOME)
    guesses = [
        await _try(
            world.anyone, person.email, f"guess {n}", X_Forwarded_For=f"{_HOME}, 8.1.1.{n}, {_ATTACKER}"
        )
        for n in range(1, 31)
    ]
    outcome.at_most("guesses answered through the proxy", _statuses(guesses)[401], TRIES)
    owner = await _try(world.anyone, person.email, PASSWORD, X_Forwarded_For=_HOME)
    outcome.exactly("the owner at home meanwhile", owner.status, 200)
    for name, address in (("same", _HOME), ("another", _OFFICE)):
        answer = await _try(world.anyone, neighbour.email, PASSWORD, X_Forwarded_For=address)
        outcome.exactly(f"another user at {name} address meanwhile", answer.status, 200)
    if world.database.url == "":  # a hundred slow hashes; the counters are tried on both databases above
        await _many_accounts(world, outcome, neighbour)


async def _many_accounts(world: World, outcome: Outcome, neighbour: Person) -> None:
    """One address that tries a password at account after account is held back; other addresses are not."""
    limit = FAILURES_OF_AN_ADDRESS
    answers: list[Answer] = []
    while len(answers) < limit + 60:
        more = range(len(answers), len(answers) + 20)
        answers += await asyncio.gather(
            *(_try(world.anyone, f"user-{n}@example.org", PASSWORD, X_Forwarded_For="8.8.8.8") for n in more)
        )
    found = _statuses(answers)
    # Those of one batch that had been let in are answered.
    outcome.at_most("accounts tried from one address", found[401], limit + 20)
    outcome.exactly("refused after them", found[429], len(answers) - found[401])
    answer = await _try(world.anyone, neighbour.email, PASSWORD, X_Forwarded_For=_HOME)
    outcome.exactly("another address after them", answer.status, 200)


# --- Who has an account ---------------------------------------------------------------------------------------------


async def _tell_apart(
    world: World, outcome: Outcome, name: str, known: list[str], rest: dict[str, str]
) -> None:
    """Known and unknown in turn, so that whatever else the machine does falls on both alike."""
    differences: list[float] = []
    seen: tuple[set[str], set[str]] = (set(), set())
    for number, email in enumerate(known * ROUNDS):
        pair = [(0, email), (1, f"other-{number % len(known)}@example.org")]
        times = [0.0, 0.0]
        for which, address in pair if number % 2 else pair[::-1]:
            begun = time.perf_counter()
            answer = await world.anyone.post(f"/accounts/{name}", {"email": address, **rest})
            times[which] = (time.perf_counter() - begun) * 1000
            seen[which].add(f"{answer.status} {answer.text} {sorted(_told(answer).items())}")
        differences.append(times[0] - times[1])
    outcome.exactly(f"{name}: answers alike", seen[0] == seen[1] and len(seen[0]) == 1, True)
    outcome.at_most(f"{name}: median difference, ms", abs(statistics.median(differences)), MILLISECONDS)
    outcome.note(f"{name}: pairs", len(differences))


def _told(answer: Answer) -> dict[str, str]:
    """Headers without those that differ from answer to answer."""
    own = ("date", "x-request-id", "content-security-policy")
    return {header.lower(): value for header, value in answer.headers.items() if header.lower() not in own}
