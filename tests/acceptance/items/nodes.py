"""H4: two machines behind a balancer that sends every request anywhere. Played by the programme through `items`.

The nodes share the database and the key, nothing else: each has a data folder of its own, and no request goes where
the one before it went.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.clients import PASSWORD, Answer, Client
from tests.acceptance.figures import Outcome
from tests.acceptance.items import resume, revocation
from tests.acceptance.stage import Stage, World

# Requests of one browser and of one API client, each at another node than the one before.
TURNS = 40


async def two_nodes(stage: Stage) -> Outcome:
    """What A8 and F3 ask of two processes, asked of two nodes; and a session that belongs to neither."""
    outcome = Outcome()
    async with _nodes(stage) as world:
        await _without_stickiness(world, outcome)
        await resume.play(stage, world, outcome, resume.DROPS)
        await revocation.play_all(world, outcome)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


@asynccontextmanager
async def _nodes(stage: Stage) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="tertulia-node-") as other:
        async with stage.world(servers=1) as world:
            await world.start_server(TERTULIA_DATA=str(Path(other)))
            yield world


async def _without_stickiness(world: World, outcome: Outcome) -> None:
    """Signed in at one node, known at the other, in the page and by token; a form of one is taken by the other."""
    person = await world.join()
    balancer = Balancer(world)
    page = await balancer.get("/accounts/login")
    form = {"csrfmiddlewaretoken": _form_token(page), "email": person.email, "password": PASSWORD}
    outcome.exactly(
        "form of one node sent to the other", (await balancer.post("/accounts/login", form)).status, 303
    )
    pages = [await balancer.get("/settings") for _ in range(TURNS)]
    outcome.exactly("pages by cookie at nodes in turn", [page.status for page in pages].count(200), TURNS)
    answers = [await person.at(world.servers[n % 2].url).get("/api/usage") for n in range(TURNS)]
    outcome.exactly("answers by token at nodes in turn", [a.status for a in answers].count(200), TURNS)
    refreshed = await _refresh_in_turn(world, person.refresh)
    outcome.exactly("refreshed at nodes in turn", refreshed, 10)
    said = await person.at(world.servers[0].url).post("/chat", {"content": "A word."})
    seen = await person.at(world.servers[1].url).get(f"/chat/{said.json()['id']}")
    outcome.exactly(
        "said at one node, seen at the other", seen.json()["chat_reply"], said.json()["chat_reply"]
    )


async def _refresh_in_turn(world: World, token: str) -> int:
    """How often a fresh token is exchanged for the next, each time at the other node."""
    for turn in range(10):
        answer = await world.at(turn % 2).post("/accounts/refresh", {"refresh": token})
        if answer.status != 200:
            return turn
        token = answer.json()["refresh"]
    return 10


def _form_token(page: Answer) -> str:
    found = re.search(r'name="csrfmiddlewaretoken"[^>]*value="([^"]+)"', page.text)
    assert found is not None, page
    return found[1]


@dataclass(slots=True)
class Balancer:
    """One address for two nodes, as a browser sees it: one host, one jar of cookies."""

    world: World
    turn: int = 0
    cookies: str = ""

    async def get(self, path: str) -> Answer:
        return await self._request("GET", path, None)

    async def post(self, path: str, form: dict[str, str]) -> Answer:
        return await self._request("POST", path, form)

    async def _request(self, method: str, path: str, form: dict[str, str] | None) -> Answer:
        self.turn += 1
        client = Client(self.world.session, self.world.servers[self.turn % 2].url)
        headers = {"Accept": "text/html", "Host": "localhost", "Cookie": self.cookies}
        async with asyncio.timeout(30):
            answer = await client.request(method, path, data=form, headers=headers)
        jar = dict(pair.split("=", 1) for pair in self.cookies.split("; ") if pair)
        for line in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            name, _, value = line.partition(";")[0].partition("=")
            jar[name] = value
        self.cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
        return answer
