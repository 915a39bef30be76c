"""A provider that writes one long answer in many pieces: `python -m benchmarks.author`; `browser` starts it.

The scripted provider is told what to say by the user's message, and 50 KB of it would be shown there too. Here the
message only says how: "pieces N in S seconds". `GET /finished` tells when the last piece was sent: Unix seconds, 0
before.
"""

import asyncio
import re
import time
from collections.abc import Sequence

import msgspec
import uvloop
from aiohttp import web

from benchmarks.essay import essay

MODEL = "author"
_TICK = 0.004
_ASKED = re.compile(r"pieces (\d+) in ([\d.]+) seconds")


class Author:
    def __init__(self) -> None:
        self._finished = 0.0

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def finished(self, request: web.Request) -> web.Response:
        return web.json_response(self._finished)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Evenly over the time asked for, each piece an event of its own, whatever is due in one write."""
        asked = _ASKED.search((await request.json())["messages"][-1]["content"])
        count, seconds = (int(asked[1]), float(asked[2])) if asked else (100, 1.0)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._write(response, _cut(essay(), count), seconds)
        await response.write(_event({}, "stop") + b"data: [DONE]\n\n")
        return response

    async def _write(self, response: web.StreamResponse, pieces: Sequence[str], seconds: float) -> None:
        self._finished = 0.0
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while sent < len(pieces):
            due = min(len(pieces), 1 + int((loop.time() - start) / seconds * len(pieces)))
            if due > sent:
                await response.write(b"".join(_event({"content": piece}) for piece in pieces[sent:due]))
                sent = due
            await asyncio.sleep(_TICK)
        self._finished = time.time()


def _cut(text: str, count: int) -> list[str]:
    """`count` pieces of nearly the same length; their join is the text."""
    return [text[len(text) * n // count : len(text) * (n + 1) // count] for n in range(count)]


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + msgspec.json.encode({"id": "essay", "model": MODEL, "choices": [choice]}) + b"\n\n"


async def serve() -> None:
    author = Author()
    application = web.Application()
    application.router.add_get("/v1/models", author.models)
    application.router.add_get("/finished", author.finished)
    application.router.add_post("/v1/chat/completions", author.complete)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"ready http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
