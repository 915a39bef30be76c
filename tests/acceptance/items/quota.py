"""C1, C2: the daily limit is exact whatever competes for it. Played by the programme through `items`."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from tests.acceptance.clients import Answer, Client, Person, make_key, sign_in_by_cookie
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World

LIMIT = 5
REQUESTS = 200
PROCESSES = 4
ROUNDS = 20

_RATE_HEADERS = ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@dataclass(slots=True)
class Tally:
    """What became of the requests of all rounds."""

    accepted: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    provider_calls: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    without_headers: list[str] = field(default_factory=list)

    def count(self, answers: list[Answer]) -> None:
        statuses = Counter(answer.status for answer in answers)
        self.accepted.append(statuses[200] + statuses[201])
        self.refused.append(statuses[429])
        for answer in answers:
            if answer.status not in (200, 201, 429):
                self.other.append(str(answer))
            elif answer.status == 429 and not _explains_the_limit(answer):
                self.without_headers.append(f"{dict(answer.headers)}")


def _explains_the_limit(answer: Answer) -> bool:
    """Whole seconds to wait, the limit, and nothing left."""
    values = [answer.headers.get(name, "") for name in _RATE_HEADERS]
    return (
        all(value.isdigit() for value in values) and values[1:3] == [str(LIMIT), "0"] and int(values[0]) > 0
    )


async def parallel_requests(stage: Stage) -> Outcome:
    """200 requests at once against 5 a day, on 4 processes, round after round with a fresh user."""
    rounds = ROUNDS
    tally = Tally()
    async with stage.world(servers=PROCESSES, quota=LIMIT) as world:
        for number in range(rounds):
            person = await world.join(server=number % PROCESSES)
            senders = [_sender(person.at(world.servers[n % PROCESSES].url)) for n in range(REQUESTS)]
            await _play_round(world, person, senders, tally)
        return _outcome(world, tally, rounds, REQUESTS)


async def all_carriers(stage: Stage) -> Outcome:
    """Cookie, JWT, API key and the OpenAI facade of one user at once: one counter."""
    rounds, each = stage.size(3, 20), 15
    tally = Tally()
    async with stage.world(servers=2, quota=LIMIT) as world:
        for number in range(rounds):
            person = await world.join(server=number % 2)
            senders = await _senders_of_all_carriers(world, person, each)
            stage.random.shuffle(senders)
            await _play_round(world, person, senders, tally)
        return _outcome(world, tally, rounds, 4 * each)


async def _senders_of_all_carriers(world: World, person: Person, each: int) -> "list[Sender]":
    key = await make_key(person.at(world.servers[0].url))
    by_cookie = await sign_in_by_cookie(world.anyone, person.email)
    senders: list[Sender] = []
    for number in range(each):
        server = world.at(number % 2)
        by_key = server.with_headers(Authorization=f"Bearer {key}")
        senders += [
            Sender(Client(world.session, server.url, by_cookie.headers), "/chat", {"content": "By cookie."}),
            Sender(person.at(server.url), "/chat", {"content": "By JWT."}),
            Sender(by_key, "/api/messages/create/", {"prompt_message": "By API key."}),
            Sender(
                by_key,
                "/v1/chat/completions",
                {"model": "scripted-small", "messages": [{"role": "user", "content": "By the facade."}]},
            ),
        ]
    return senders


@dataclass(frozen=True, slots=True)
class Sender:
    """A request that costs a unit, ready to be sent."""

    client: Client
    path: str
    body: dict[str, object]

    async def send(self) -> Answer:
        try:
            return await self.client.post(self.path, self.body)
        except aiohttp.ClientError as error:
            return Answer(0, {}, repr(error).encode())


def _sender(client: Client) -> Sender:
    return Sender(client, "/chat", {"content": "One of many."})


async def _play_round(world: World, person: Person, senders: list[Sender], tally: Tally) -> None:
    await world.provider.reset(world.session)
    tally.count(await asyncio.gather(*(sender.send() for sender in senders)))
    tally.provider_calls.append(len(await world.provider_log()))
    [(used,)] = world.database.rows(
        "SELECT used FROM accounts_allowance a JOIN accounts_user u ON u.id = a.user_id WHERE u.email = %s",
        person.email,
    )
    tally.units.append(used)


def _outcome(world: World, tally: Tally, rounds: int, requests: int) -> Outcome:
    """Every round by itself must be exact; a sum could hide two that are wrong."""
    outcome = Outcome()
    outcome.exactly("rounds", len(tally.accepted), rounds)
    outcome.exactly("accepted_per_round", sorted(set(tally.accepted)), [LIMIT])
    outcome.exactly("refused_per_round", sorted(set(tally.refused)), [requests - LIMIT])
    outcome.exactly("provider_calls_per_round", sorted(set(tally.provider_calls)), [LIMIT])
    outcome.exactly("units_per_round", sorted(set(tally.units)), [LIMIT])
    outcome.none_of("other_answers", tally.other)
    outcome.none_of("refusals_without_headers", tally.without_headers)
    outcome.none_of("complaints_in_logs", world.complaints())
    return outcome
