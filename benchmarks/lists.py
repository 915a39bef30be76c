"""Lists and searches of one user with 10,000 conversations of 20 messages: how long each request takes, one at a time.

The searches are of somebody with a tenth of them beside: for a frequent word, and for one that nobody said.
"""

import time
from collections.abc import Mapping

from benchmarks.instance import Instance, instance
from benchmarks.report import Figures, Report, quantile
from tests.acceptance.clients import Client

CONVERSATIONS, MESSAGES = 10_000, 20
FEWER_CONVERSATIONS = 1_000
REQUESTS = 50
# Pages of 50 that lie between the first and the deep one.
DEEP = 100


async def measure(report: Report, only: frozenset[str]) -> None:
    async with instance(report) as tested:
        [owner] = tested.seeded("library", CONVERSATIONS, MESSAGES)
        [other] = tested.seeded("library", FEWER_CONVERSATIONS, MESSAGES)
        client, other_client = (_client(tested, each) for each in (owner, other))
        paths = {
            "conversations": "/api/conversations",
            "page-100": await _page(client, "/api/conversations", DEEP),
            "messages": f"/api/conversations/{owner['conversation']}/messages",
            "chat": "/chat",
            "exchanges": "/api/messages/",
            "page": f"/c/{owner['conversation']}",
        }
        for case, path in paths.items():
            if not only or case in only:
                report.show(case, [await _asked(tested, client, path) for _ in range(report.repeat)])
        for case, word in {"found": "lighthouse", "absent": "Leuchtturm"}.items():
            for share, asker in {"all": client, "tenth": other_client}.items():
                if not only or "search" in only:
                    path = f"/api/search?q={word}"
                    runs = [await _asked(tested, asker, path) for _ in range(report.repeat)]
                    report.show(f"{case}-{share}", runs)


def _client(tested: Instance, owner: Mapping[str, str]) -> Client:
    return tested.world.anyone.with_headers(Authorization=f"Bearer {owner['token']}")


async def _page(client: Client, path: str, number: int) -> str:
    """The address of a page, found as a client finds it: by following `next`."""
    for _ in range(number - 1):
        path = (await client.get(path)).json()["next"]
    return path


async def _asked(tested: Instance, client: Client, path: str) -> Figures:
    before = tested.processes.cpu_seconds()
    times = [await _timed(client, path) for _ in range(REQUESTS)]
    cpu = (tested.processes.cpu_seconds() - before) * 1000 / REQUESTS
    answer = await client.get(path)
    return {
        "status": answer.status,
        "p50_ms": quantile(times, 0.5),
        "p95_ms": quantile(times, 0.95),
        "cpu_ms": cpu,
        "kb": len(answer.body) / 1000,
    }


async def _timed(client: Client, path: str) -> float:
    begun = time.perf_counter()
    await client.get(path)
    return (time.perf_counter() - begun) * 1000
